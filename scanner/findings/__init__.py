"""Findings: hits grouped into what an analyst decides on, deduplicated, explained, and kept."""

from scanner.findings.build import PERSONS_SCHEMA
from scanner.findings.model import Finding, RuleHit
from scanner.findings.store import FindingStore, update_findings

__all__ = ["PERSONS_SCHEMA", "Finding", "FindingStore", "RuleHit", "update_findings"]
