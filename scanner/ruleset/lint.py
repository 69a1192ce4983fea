"""What a rule file must hold besides valid Sigma: the words an analyst needs, and tests of both kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from scanner.model import Level
from scanner.ruleset.correlations import OPERATORS
from scanner.ruleset.fields import CORRELATION_PLACEHOLDERS, PLACEHOLDERS, nearest, placeholders
from scanner.ruleset.rule import TestCase
from scanner.ruleset.yamlfile import Document, Problem

OURS = ("tests", "triage", "why")
COMMON = (
    *("title", "id", "name", "taxonomy", "related", "status", "description", "license", "references", "author", "date"),
    *("modified", "tags", "fields", "falsepositives", "level", "scope"),
)
DETECTION_KEYS = (*COMMON, "logsource", "detection", *OURS)
CORRELATION_KEYS = (*COMMON, "correlation", *OURS)
FILTER_KEYS = (*COMMON, "logsource", "filter")
SHOWN = ("description", "author", "why", "falsepositives", "triage", "date", "modified", "tags")  # what analysts are shown
LOGSOURCE = {"product": "vendorwatch", "category": "database"}

_TECHNIQUE = re.compile(r"attack\.t\d{4}(\.\d{3})?")
_TACTIC = re.compile(r"attack\.[a-z]+(-[a-z]+)*")


def top_keys(document: Document, allowed: tuple[str, ...]) -> list[Problem]:
    """A key nobody reads is a key somebody misspelt. Sigma allows keys of one's own, so a guest's must look like one of ours."""
    found = {key: nearest(key, dict.fromkeys(allowed)) for key in document.data if key not in allowed}
    return [
        document.problem((key,), f"unknown key {key!r}{meant}") for key, meant in found.items() if meant or not document.guest
    ]


def logsource(document: Document) -> list[Problem]:
    """A rule written for another log would name other fields and never fire: refuse it."""
    given = document.data.get("logsource")
    if document.guest and isinstance(given, Mapping):
        # SigmaHQ's category for all databases does, and words about it ("definition") say nothing about the log
        given = {"product": LOGSOURCE["product"]} | {key: value for key, value in given.items() if key != "definition"}
    if given == LOGSOURCE or not isinstance(given, Mapping):
        return [] if given == LOGSOURCE else [document.problem(("logsource",), f"must be {_spelled(LOGSOURCE)}")]
    return [document.problem(("logsource",), f"is {_spelled(given)}; rules over access events have {_spelled(LOGSOURCE)}")]


def _spelled(mapping: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{k}: {v}" for k, v in mapping.items()) + "}"


def metadata(document: Document, *, correlation: bool) -> list[Problem]:
    """Everything an analyst is shown must be there and usable; of a guest, what is there must be usable."""
    data, problems = document.data, []
    needed = ("title", "level") if document.guest else ("title", "level", *SHOWN)

    def wrong(key: str, message: str) -> None:
        problems.append(document.problem((key,), message))

    for key in (key for key in ("title", "description", "author", "why") if key in needed or key in data):
        if not isinstance(data.get(key), str) or not data[key].strip():
            wrong(key, "is missing, or not text")
    if data.get("level") not in list(Level):
        wrong("level", f"must be one of {', '.join(Level)}")
    for key in (key for key in ("falsepositives", "triage") if key in needed or key in data):
        value = data.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.strip() for v in value):
            wrong(key, "is missing: a list of at least one sentence")
    for key in (key for key in ("date", "modified") if key in needed):
        if not isinstance(data.get(key), date):
            wrong(key, "is missing, or not a date such as 2026-03-02")
    if isinstance(data.get("date"), date) and isinstance(data.get("modified"), date) and data["modified"] < data["date"]:
        wrong("modified", "lies before date")
    tags = data.get("tags")
    tags = tags if isinstance(tags, list) else []
    if not document.guest and not any(isinstance(t, str) and _TECHNIQUE.fullmatch(t) for t in tags):
        wrong("tags", "names no ATT&CK technique such as attack.t1213.006")
    problems += [
        document.problem(("tags", i), f"{t!r} is not written as ATT&CK tags are: attack.t1030, attack.exfiltration")
        for i, t in enumerate(tags)
        if not document.guest
        and isinstance(t, str)
        and t.startswith("attack.")
        and not (_TECHNIQUE.fullmatch(t) or _TACTIC.fullmatch(t))
    ]
    return problems + identity(document) + why(document, correlation=correlation)


def identity(document: Document) -> list[Problem]:
    """Findings and suppressions name a rule by its id for ever."""
    try:
        UUID(document.data["id"])
    except KeyError:
        return [document.problem((), "id is missing: a UUID")]
    except (ValueError, AttributeError, TypeError):
        return [document.problem(("id",), "must be a UUID")]
    return []


def why(document: Document, *, correlation: bool) -> list[Problem]:
    """The sentence a finding is told with must be one the findings can fill in."""
    template = document.data.get("why")
    if not isinstance(template, str):
        return []
    try:
        names = placeholders(template)
    except ValueError as error:
        return [document.problem(("why",), f"is not a usable template: {error}")]
    problems = [
        document.problem(("why",), f"unknown placeholder {{{name}}}{nearest(name, PLACEHOLDERS)}")
        for name in names
        if name not in PLACEHOLDERS
    ]
    if not correlation:
        problems += [
            document.problem(("why",), f"{{{name}}} is there for correlations only; this rule looks at single events")
            for name in names
            if name in CORRELATION_PLACEHOLDERS
        ]
    return problems


def enough_tests(document: Document, tests: list[TestCase]) -> list[Problem]:
    """Both kinds; a windowed sum or count also straddled and just below."""
    problems = []
    if not any(t.fires for t in tests):
        problems.append(document.problem(("tests",), "holds no test that must fire"))
    if not any(t.kind == "benign" for t in tests):
        problems.append(document.problem(("tests",), "holds no benign look-alike that must stay quiet (kind: benign)"))
    condition = document.data.get("correlation", {}).get("condition") if "correlation" in document.data else None
    if isinstance(condition, dict) and any(op in condition for op in OPERATORS):
        if not any(t.kind == "straddled" for t in tests):
            problems.append(document.problem(("tests",), "holds no window across a boundary of clock time (kind: straddled)"))
        if not any(t.kind == "below" for t in tests):
            problems.append(document.problem(("tests",), "holds no case just below the threshold (kind: below)"))
    return problems
