"""Findings: hits grouped into what an analyst decides on, deduplicated, explained, and kept."""

from scanner.findings.build import PERSONS_SCHEMA
from scanner.findings.decide import CLOCKS, VERDICTS, ConflictError, Decision, decide
from scanner.findings.group import log_principal
from scanner.findings.model import Finding, RuleHit
from scanner.findings.store import FindingStore, remember_end, update_findings
from scanner.findings.suppression import sweep

__all__ = [
    "CLOCKS",
    "PERSONS_SCHEMA",
    "VERDICTS",
    "ConflictError",
    "Decision",
    "Finding",
    "FindingStore",
    "RuleHit",
    "decide",
    "log_principal",
    "remember_end",
    "sweep",
    "update_findings",
]
