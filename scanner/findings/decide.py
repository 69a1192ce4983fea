"""What people do with a finding: take it up, note, assign, close with a verdict, reopen, set the clocks of a breach.

Every change is one transaction that writes the finding and an entry of its history; it fails with :class:`ConflictError` when
somebody else changed the finding after the caller looked at it.

The clocks run separately. ``detected`` is set by the scan, ``acknowledged`` by whoever takes the finding up; ``possible_breach``,
``aware`` and ``notified`` by an officer. From ``aware`` on 72 hours remain to tell the people concerned and the regulator
(Korea's PIPA Art. 34 with its enforcement decree Art. 39 and 40; GDPR Art. 33).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select, update

from scanner.errors import FindingError
from scanner.findings.history import remember
from scanner.store import tables as t
from scanner.store.state import iso, now

VERDICTS = ("true_positive", "benign_positive", "false_positive", "duplicate")
CLOCKS = ("possible_breach", "aware", "notified")
NOTICE_WITHIN = timedelta(hours=72)
LONGEST_NOTE = 4000

# Told to the regulator whatever the number: unique identifiers under PIPA Art. 24 (enforcement decree Art. 19)
UNIQUE_IDENTIFIERS = frozenset({"KR_RRN", "KR_FRN", "KR_PASSPORT", "KR_DRIVER_LICENSE"})
REGULATOR_PERSONS = 1000

# status -> statuses that a person may move it to; resolving needs a verdict, reopening clears it
_MOVES: Mapping[str, frozenset[str]] = {
    "new": frozenset({"in_progress", "resolved"}),
    "in_progress": frozenset({"new", "resolved"}),
    "suppressed": frozenset({"in_progress", "resolved"}),
    "resolved": frozenset({"new", "in_progress"}),
}


class ConflictError(FindingError):
    """Somebody else changed the finding in between."""


@dataclass(frozen=True)
class Decision:
    """What to change; None leaves it. ``assignee`` "" takes the assignment away. Clocks are moments with an offset."""

    status: str | None = None
    verdict: str | None = None
    assignee: str | None = None
    note: str | None = None
    clocks: Mapping[str, datetime] = field(default_factory=dict)


def decide(state: Engine, finding_id: str, decision: Decision, *, actor: str, seen: str | None = None) -> None:
    """Carry ``decision`` out. ``seen`` is the finding's ``updated_at`` that the caller decided upon.

    Raises :class:`FindingError` for what cannot be, :class:`ConflictError` when the finding has changed since.
    """
    _check(decision)
    with state.begin() as connection:
        columns = t.finding.c
        row = connection.execute(select(t.finding).where(columns.id == finding_id)).one_or_none()
        if row is None:
            raise FindingError(f"there is no finding {finding_id}", "list them with `vendorwatch findings`")
        if seen is not None and row.updated_at != seen:
            raise ConflictError(f"finding {finding_id} was changed in the meantime", "look at it again, then decide")
        moment = now()
        values, entries = _changes(dict(row._mapping), decision, moment)
        if not entries:
            return
        done = connection.execute(
            update(t.finding)
            .where(columns.id == finding_id, columns.updated_at == row.updated_at, columns.status == row.status)
            .values(**values, updated_at=moment)
        )
        if done.rowcount != 1:
            raise ConflictError(f"finding {finding_id} was changed in the meantime", "look at it again, then decide")
        for what, detail in entries:
            remember(connection, finding_id, what, detail, at=moment, actor=actor)


def _check(decision: Decision) -> None:
    if decision.verdict is not None and decision.verdict not in VERDICTS:
        raise FindingError(f"{decision.verdict!r} is no verdict", "write " + ", ".join(VERDICTS))
    if decision.status is not None and decision.status not in _MOVES:
        raise FindingError(f"{decision.status!r} is no status", "write " + ", ".join(_MOVES))
    if decision.status == "suppressed":
        raise FindingError(
            "a finding is suppressed by a suppression with a scope and an end", "propose one with `vendorwatch findings suppress`"
        )
    for name, moment in decision.clocks.items():
        if name not in CLOCKS:
            raise FindingError(f"{name!r} is no clock that people set", "write " + ", ".join(CLOCKS))
        if moment.tzinfo is None:
            raise FindingError(f"the time of {name} has no offset", "write it as 2026-10-31T18:00+09:00")
        if moment > datetime.now(UTC) + timedelta(minutes=5):
            raise FindingError(f"the time of {name} lies ahead", "write when it was")
    if decision.note is not None and not 0 < len(decision.note.strip()) <= LONGEST_NOTE:
        raise FindingError("a note has 1 to 4,000 characters", "shorten it")
    if decision.assignee is not None and len(decision.assignee) > 255:
        raise FindingError("an assignee has at most 255 characters", "shorten it")


def _changes(row: Mapping[str, Any], decision: Decision, moment: str) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """Columns to write, and the entries of the history."""
    values: dict[str, Any] = {}
    entries: list[tuple[str, dict[str, Any]]] = []
    status = decision.status if decision.status is not None else ("resolved" if decision.verdict else row["status"])
    if decision.verdict is not None and status != "resolved":
        raise FindingError("a verdict closes a finding; this one stays open", "leave the verdict out, or resolve it")
    if status != row["status"]:
        if status not in _MOVES[row["status"]]:
            raise FindingError(f"a finding that is {row['status']} cannot become {status}", "see the guide on findings")
        values["status"] = status
        if status == "resolved":
            if decision.verdict is None:
                raise FindingError("closing a finding needs a verdict", "write " + ", ".join(VERDICTS))
            values["verdict"] = decision.verdict
            entries.append(("resolved", {"verdict": decision.verdict}))
        elif row["status"] == "resolved":
            values["verdict"] = None
            entries.append(("reopened", {"level": row["level"], "verdict": row["verdict"]}))
        else:
            entries.append(("acknowledged" if status == "in_progress" else "put_back", {}))
    elif decision.verdict is not None and decision.verdict != row["verdict"]:
        values["verdict"] = decision.verdict
        entries.append(("verdict_changed", {"from": row["verdict"], "to": decision.verdict}))
    if "status" in values and status in ("in_progress", "resolved") and row["acknowledged_at"] is None:
        values["acknowledged_at"] = moment
    if decision.assignee is not None and (decision.assignee or None) != row["assignee"]:
        values["assignee"] = decision.assignee or None
        entries.append(("assigned", {"to": decision.assignee or None}))
    if decision.note is not None:
        entries.append(("note", {"text": decision.note.strip()}))
    for name, when in decision.clocks.items():
        values[f"{name}_at"] = iso(when)
        entries.append(("clock_set", {"clock": name, "at": iso(when), "before": row[f"{name}_at"]}))
    return values, entries


def clocks(row: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The clocks of a finding as served. ``row`` has the columns of the table, ``document`` the finding's own words."""
    aware = row["aware_at"]
    return {
        "detected": row["created_at"],
        "acknowledged": row["acknowledged_at"],
        **{name: row[f"{name}_at"] for name in CLOCKS},
        "notify_by": iso(datetime.fromisoformat(aware) + NOTICE_WITHIN) if aware else None,
        "regulator": _regulator(document),
    }


def _regulator(document: Mapping[str, Any]) -> list[str]:
    """Why the regulator would have to be told too, were this a breach (Korea's PIPA); empty: no reason seen."""
    reasons = []
    persons = document.get("exposed_persons") or {}
    if persons.get("best", 0) >= REGULATOR_PERSONS:
        reasons.append("1,000 people or more")
    elif persons.get("high", 0) >= REGULATOR_PERSONS:
        reasons.append("possibly 1,000 people or more")
    if UNIQUE_IDENTIFIERS & set(document.get("pii_classes") or ()):
        reasons.append("unique identifiers")
    return reasons
