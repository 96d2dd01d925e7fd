"""Scans, pending updates, advisories, decisions, update runs."""

from maintenance.models.advisory import Advisory, AdvisoryFeed, CveSignal, UpdateAdvisory
from maintenance.models.policy import WindowPolicy
from maintenance.models.run import RunCommand, RunEvidence, RunLogChunk, RunPackage, UpdateRun
from maintenance.models.scan import InstalledPackage, Scan
from maintenance.models.update import Decision, PendingUpdate

__all__ = [
    "Advisory",
    "AdvisoryFeed",
    "CveSignal",
    "Decision",
    "InstalledPackage",
    "PendingUpdate",
    "RunCommand",
    "RunEvidence",
    "RunLogChunk",
    "RunPackage",
    "Scan",
    "UpdateAdvisory",
    "UpdateRun",
    "WindowPolicy",
]
