"""Exposure: lineage × PII catalogue × session state × reported rows → which personal data of how many people left."""

from scanner.exposure.facts import FACTS_SCHEMA, PACKED, Facts, facts, facts_table, sensitivity
from scanner.exposure.measure import OPEN_CURSOR_SCHEMA, Measured, SessionCarry, measure

__all__ = [
    "FACTS_SCHEMA",
    "OPEN_CURSOR_SCHEMA",
    "PACKED",
    "Facts",
    "Measured",
    "SessionCarry",
    "facts",
    "facts_table",
    "measure",
    "sensitivity",
]
