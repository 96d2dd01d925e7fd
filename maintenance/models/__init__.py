"""Scans, pending updates, decisions, update runs."""

from maintenance.models.run import RunCommand, RunEvidence, RunLogChunk, RunPackage, UpdateRun
from maintenance.models.scan import InstalledPackage, Scan
from maintenance.models.update import Decision, PendingUpdate

__all__ = [
    "Decision",
    "InstalledPackage",
    "PendingUpdate",
    "RunCommand",
    "RunEvidence",
    "RunLogChunk",
    "RunPackage",
    "Scan",
    "UpdateRun",
]
