"""What is kept for the day on which a client goes on alone."""

from handover.models.credential import CredentialProof, ReceivingKey
from handover.models.document import MonthDifference, Papers, Prose, SystemDocument
from handover.models.letting import LettingGo, LettingStep
from handover.models.package import Download, Package, SigningKey, Transfer
from handover.models.plan import Attendance, ChecklistItem, Handover, Question, TeachingSession
from handover.models.readiness import ReadinessDay
from handover.models.runbook import Rehearsal, Runbook
from handover.models.terminal import LiveTerminal, TerminalPiece
from handover.models.walkthrough import Walkthrough

__all__ = [
    "Attendance", "ChecklistItem", "CredentialProof", "Download", "Handover", "LettingGo", "LettingStep", "LiveTerminal",
    "MonthDifference", "Package", "Papers", "Prose", "Question", "ReadinessDay", "ReceivingKey", "Rehearsal", "Runbook", "SigningKey",
    "SystemDocument", "TeachingSession", "TerminalPiece", "Transfer",
    "Walkthrough",
]  # fmt: skip
