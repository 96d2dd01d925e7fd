"""Scans, pending updates, advisories, decisions, update runs."""

from maintenance.models.advisory import Advisory, AdvisoryFeed, CveSignal, UpdateAdvisory
from maintenance.models.changelog import UpdateChangelog
from maintenance.models.check import VerificationCheck
from maintenance.models.policy import WindowPolicy
from maintenance.models.promise import AcceptedRisk, Breach
from maintenance.models.rollout import PlannedChange, Rollout, RolloutApproval, RolloutTarget, StagingAlternative
from maintenance.models.run import RunCommand, RunEvidence, RunLogChunk, RunPackage, UpdateRun, VerdictOverrule
from maintenance.models.scan import InstalledPackage, Scan
from maintenance.models.snapshot import SnapshotPolicy
from maintenance.models.triage import PriorityRules, SavedView, TriageLine, TriageRule, TriageStale
from maintenance.models.update import Decision, PendingUpdate
from maintenance.models.upgrade import UpgradeDocument, UpgradePlan
from maintenance.models.window import MaintenanceWindow

__all__ = [
    "AcceptedRisk",
    "Advisory",
    "AdvisoryFeed",
    "Breach",
    "CveSignal",
    "Decision",
    "InstalledPackage",
    "MaintenanceWindow",
    "PendingUpdate",
    "PlannedChange",
    "PriorityRules",
    "Rollout",
    "RolloutApproval",
    "RolloutTarget",
    "RunCommand",
    "RunEvidence",
    "RunLogChunk",
    "RunPackage",
    "SavedView",
    "Scan",
    "SnapshotPolicy",
    "StagingAlternative",
    "TriageLine",
    "TriageRule",
    "TriageStale",
    "UpdateAdvisory",
    "UpdateChangelog",
    "UpdateRun",
    "UpgradeDocument",
    "UpgradePlan",
    "VerdictOverrule",
    "VerificationCheck",
    "WindowPolicy",
]
