"""Suppressions: agreed exceptions from rules. Proposed by one person, approved by another, limited in scope, people and time.

A finding is hidden (status ``suppressed``) while *every* rule that would tell of it is covered by a suppression in force, for all
of the finding's accounts and tables, at no higher a level than the rule had then, and the finding has exposed at most the people
that were agreed. As soon as one of these does not hold any more (another rule joins, a level rises, more people, the end has
come, the approval is taken back) the finding is ``new`` again and told. Below medium every rule counts; at or above it only those
that are at or above it: what explains a finding does not make one.

Nothing is thrown away: hidden findings grow and are listed as others do, and a person may decide about them at any time. Each
transition is an entry of the suppression's history, and of the finding's.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from scanner.errors import FindingError
from scanner.findings.decide import ConflictError
from scanner.findings.history import remember
from scanner.model import Level
from scanner.store import tables as t
from scanner.store.state import iso, reading

LONGEST = timedelta(days=366)
WARN_BEFORE = timedelta(days=7)  # or a quarter of its time, when that is less
LONGEST_REASON = 4000
OWN_ACCOUNTS = "-"  # as a vendor: the company's own accounts
ENDED = ("withdrawn", "revoked", "expired")


@dataclass(frozen=True)
class Scope:
    """Which findings: of these rules, and of this vendor, database, accounts and tables. Absent parts do not matter.

    ``accounts`` and ``tables`` are globs; each account and each table of a finding must match one of them.
    """

    rules: tuple[str, ...]
    vendor: str | None = None
    database: str | None = None
    accounts: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def covers(self, finding: Mapping[str, Any], rule: str) -> bool:
        """Whether the suppression speaks of ``rule`` in ``finding`` (as served)."""
        return (
            rule in self.rules
            and self.vendor in (None, finding["vendor"] or OWN_ACCOUNTS)
            and self.database in (None, finding["database"])
            and _within(finding["accounts"], self.accounts)
            and _within(finding["tables"], self.tables)
        )


def _within(names: Iterable[str], globs: Sequence[str]) -> bool:
    return not globs or all(any(fnmatchcase(name, glob) for glob in globs) for name in names)


@dataclass(frozen=True)
class Proposal:
    """What is asked for. ``until`` has an offset; ``max_persons`` bounds what a finding that is hidden may have exposed."""

    scope: Scope
    reason: str
    until: datetime
    max_persons: int


# -- what people do ------------------------------------------------------------------------------------------------


def propose(
    state: Engine, proposal: Proposal, *, levels: Mapping[str, Level], actor: str, at: datetime | None = None
) -> dict[str, Any]:
    """Enter a proposal, which hides nothing until somebody else approves it. ``levels`` are the levels of all rules by id.

    Returns it as served. Raises :class:`FindingError`.
    """
    at = at or datetime.now(UTC)
    _check(proposal, levels, at)
    level = max((levels[rule] for rule in proposal.scope.rules), key=lambda item: item.rank)
    made, scope = secrets.token_hex(8), asdict(proposal.scope)
    row: dict[str, Any] = {
        "id": made,
        "status": "proposed",
        "scope": json.dumps(scope, ensure_ascii=False, sort_keys=True),
        "level": level.value,
        "max_persons": proposal.max_persons,
        "reason": proposal.reason.strip(),
        "author": actor,
        "created_at": iso(at),
        "expires_at": iso(proposal.until),
        "updated_at": iso(at),
    }
    with state.begin() as connection:
        connection.execute(t.suppression.insert().values(**row))
        detail = {name: row[name] for name in ("level", "max_persons", "reason")}
        _remember(connection, made, at, actor, "proposed", {"scope": scope, "until": row["expires_at"], **detail})
    return get(state, made)


def approve(
    state: Engine, suppression_id: str, *, actor: str, seen: str | None = None, at: datetime | None = None
) -> dict[str, Any]:
    """Put a proposal into force. Raises :class:`FindingError`, also when ``actor`` is its author.

    ``seen`` is the ``updated_at`` that the decision was made upon; :class:`ConflictError` when it has changed since.
    """
    at = at or datetime.now(UTC)
    with state.begin() as connection:
        row = _one(connection, suppression_id)
        if row["status"] != "proposed":
            raise FindingError(f"suppression {row['id']} is {row['status']}: there is nothing to approve", "propose a new one")
        if _person(actor) == _person(row["author"]):
            raise FindingError(
                f"suppression {row['id']} is by {row['author']}, who cannot approve it too",
                "another person approves it: another account of this machine, or a token with approve:suppressions",
            )
        if datetime.fromisoformat(row["expires_at"]) <= at:
            raise FindingError(f"suppression {row['id']} has ended before it began", "propose one with a later end")
        _change(connection, row, seen, at, {"status": "in_force", "approver": actor, "approved_at": iso(at)})
        _remember(connection, row["id"], at, actor, "approved", {"until": row["expires_at"]})
        review(connection, at)
    return get(state, suppression_id)


def end(
    state: Engine, suppression_id: str, *, reason: str, actor: str, seen: str | None = None, at: datetime | None = None
) -> dict[str, Any]:
    """Withdraw a proposal, or revoke a suppression: what it alone hid comes back. As :func:`approve` otherwise."""
    at = at or datetime.now(UTC)
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise FindingError("ending a suppression needs a reason of 1 to 4,000 characters", "say why")
    with state.begin() as connection:
        row = _one(connection, suppression_id)
        if row["status"] in ENDED:
            raise FindingError(f"suppression {row['id']} has ended already: {row['status']}", "nothing is left to do")
        status = "withdrawn" if row["status"] == "proposed" else "revoked"
        _change(connection, row, seen, at, {"status": status})
        _remember(connection, row["id"], at, actor, status, {"reason": reason.strip()})
        review(connection, at)
    return get(state, suppression_id)


def _check(proposal: Proposal, levels: Mapping[str, Level], at: datetime) -> None:
    scope = proposal.scope
    if not scope.rules:
        raise FindingError("a suppression names at least one rule", "list them with `vendorwatch rules check --json`")
    for rule in scope.rules:
        if rule not in levels:
            raise FindingError(f"there is no rule {rule!r}", "list them with `vendorwatch rules check --json`")
    if not (scope.vendor or scope.database or scope.accounts or scope.tables):
        raise FindingError(
            "a suppression for everybody would switch the rule off",
            "name a vendor, database, account or table; a rule that is wrong everywhere is narrowed by a Sigma filter",
        )
    if any(not glob.strip("*?") for glob in (*scope.accounts, *scope.tables)):
        raise FindingError("an account or table that matches everything narrows nothing", "write more of the name")
    if not 0 < len(proposal.reason.strip()) <= LONGEST_REASON:
        raise FindingError("a suppression needs a reason of 1 to 4,000 characters", "say why it is right to hide this")
    if proposal.max_persons < 0:
        raise FindingError("max_persons cannot be negative", "write the most people that a hidden finding may expose")
    if proposal.until.tzinfo is None:
        raise FindingError("the end of a suppression has no offset", "write it as 2026-10-31T18:00+09:00")
    if not timedelta(0) < proposal.until - at <= LONGEST:
        raise FindingError("a suppression ends within a year, and not before it began", "choose another end; it can be renewed")


def _person(actor: str) -> str:
    """Who it is, on the command line or with a token of the same name."""
    return actor.removeprefix("cli:").strip().casefold()


def _one(connection: Connection, key: str) -> dict[str, Any]:
    c = t.suppression.c
    found = connection.execute(select(t.suppression).where(c.id.startswith(key, autoescape=True)).limit(2)).all()
    if len(found) != 1:
        raise FindingError(
            f"no suppression (or more than one) begins with {key!r}", "list them with `vendorwatch rules suppressions`"
        )
    return dict(found[0]._mapping)


def _change(connection: Connection, row: Mapping[str, Any], seen: str | None, at: datetime, values: Mapping[str, Any]) -> None:
    c = t.suppression.c
    done = connection.execute(
        update(t.suppression)
        .where(c.id == row["id"], c.updated_at == (seen or row["updated_at"]), c.status == row["status"])
        .values(**values, updated_at=iso(at))
    )
    if done.rowcount != 1:
        raise ConflictError(f"suppression {row['id']} was changed in the meantime", "look at it again, then decide")


def _remember(
    connection: Connection, suppression_id: str, at: datetime, actor: str, what: str, detail: Mapping[str, Any]
) -> None:
    text = json.dumps(detail, sort_keys=True, ensure_ascii=False)
    connection.execute(
        t.suppression_history.insert().values(suppression_id=suppression_id, at=iso(at), actor=actor, what=what, detail=text)
    )


# -- what follows from it --------------------------------------------------------------------------------------------


def sweep(state: Engine, at: datetime | None = None) -> None:
    """End what has come to its end, warn of what is close to it, and review every finding that is hidden or new."""
    at = at or datetime.now(UTC)
    with state.begin() as connection:
        in_force = _in_force(connection)
        if not in_force:
            return
        for row in in_force:
            if datetime.fromisoformat(row["expires_at"]) > at:
                continue
            c = t.suppression.c
            ended = update(t.suppression).where(c.id == row["id"], c.status == "in_force")
            if connection.execute(ended.values(status="expired", updated_at=iso(at))).rowcount == 1:
                _remember(connection, row["id"], at, "scanner", "expired", {})
        review(connection, at)
        _warn(connection, at)


def review(connection: Connection, at: datetime, ids: Sequence[str] | None = None) -> None:
    """Hide what is covered and bring back what is not any more, of the findings ``ids`` (None: all) that nobody has taken up."""
    f = t.finding.c
    in_force = [row for row in _in_force(connection) if datetime.fromisoformat(row["expires_at"]) > at]
    statuses = ("new", "suppressed") if in_force else ("suppressed",)
    for part in [None] if ids is None else [ids[n : n + 500] for n in range(0, len(ids), 500)]:
        wanted = select(f.id, f.status, f.document).where(f.status.in_(statuses))
        for row in connection.execute(wanted if part is None else wanted.where(f.id.in_(part))).all():
            hidden_by, because = _cover(json.loads(row.document), in_force)
            status = "suppressed" if hidden_by else "new"
            if status == row.status:
                continue
            # a decision about a finding names its updated_at: whoever decides must see that its status has changed
            connection.execute(update(t.finding).where(f.id == row.id).values(status=status, updated_at=iso(at)))
            what, detail = ("suppressed", {"by": hidden_by}) if hidden_by else ("unsuppressed", {"because": because})
            remember(connection, row.id, what, detail, at=iso(at))


def _cover(finding: Mapping[str, Any], in_force: Sequence[Mapping[str, Any]]) -> tuple[list[str], str]:
    """Suppressions that hide the finding together (empty: it is not hidden), and why not."""
    matches = finding.get("matched") or []
    telling = [m for m in matches if Level(m["level"]).rank >= Level.MEDIUM.rank] or matches
    used: dict[str, None] = {}
    for matched in telling:
        speak = [row for row in in_force if row["agreed"].covers(finding, matched["id"])]
        if not speak:
            return [], f"no suppression in force speaks of the rule {matched['title']!r} here"
        high_enough = [row for row in speak if Level(row["level"]).rank >= Level(matched["level"]).rank]
        if not high_enough:
            return [], f"the rule {matched['title']!r} has become {matched['level']} since"
        enough = [row for row in high_enough if row["max_persons"] >= finding["exposed_persons"]["high"]]
        if not enough:
            return [], f"it may have exposed {finding['exposed_persons']['high']:,} people, more than was agreed"
        used[enough[0]["id"]] = None
    return list(used), ""


def _scope(text: str) -> Scope:
    parts: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in json.loads(text).items()}
    return Scope(**parts)


def _in_force(connection: Connection) -> list[dict[str, Any]]:
    """Suppressions in force, each with its scope as ``agreed``."""
    c = t.suppression.c
    found = connection.execute(select(t.suppression).where(c.status == "in_force").order_by(c.approved_at, c.id))
    return [{**row._mapping, "agreed": _scope(row.scope)} for row in found]


def _warn(connection: Connection, at: datetime) -> None:
    """Once, when a suppression is close to its end: in its history, and in that of the newest finding it hides."""
    close = [row for row in _in_force(connection) if row["warned_at"] is None and at >= warn_at(row)]
    hidden = _hidden(connection) if close else {}
    for row in close:
        connection.execute(update(t.suppression).where(t.suppression.c.id == row["id"]).values(warned_at=iso(at)))
        findings = hidden.get(row["id"], [])
        detail = {"until": row["expires_at"], "hides": len(findings)}
        _remember(connection, row["id"], at, "scanner", "ending", detail)
        if findings:
            remember(connection, findings[-1], "suppression_ending", {"suppression": row["id"], **detail}, at=iso(at))


def warn_at(row: Mapping[str, Any]) -> datetime:
    """From when on a suppression is close to its end."""
    ends, began = (datetime.fromisoformat(row[name]) for name in ("expires_at", "approved_at"))
    return ends - min(WARN_BEFORE, (ends - began) / 4)


def _hidden(connection: Connection) -> dict[str, list[str]]:
    """Findings that each suppression hides now, in the order of their last events."""
    in_force, f = _in_force(connection), t.finding.c
    found: dict[str, list[str]] = {}
    for row in connection.execute(select(f.id, f.document).where(f.status == "suppressed").order_by(f.last_event, f.id)):
        for suppression_id in _cover(json.loads(row.document), in_force)[0]:
            found.setdefault(suppression_id, []).append(row.id)
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


def get(state: Engine, suppression_id: str, *, at: datetime | None = None) -> dict[str, Any]:
    """One suppression with its history, by its id or the beginning of it. Raises :class:`FindingError`."""
    with reading(state) as connection:
        row = _one(connection, suppression_id)
        served = _served(row, _hidden(connection), at or datetime.now(UTC))
        c = t.suppression_history.c
        history = connection.execute(select(t.suppression_history).where(c.suppression_id == row["id"]).order_by(c.id))
        served["history"] = [{"at": h.at, "actor": h.actor, "what": h.what, "detail": json.loads(h.detail)} for h in history]
    return served


def listed(state: Engine, *, ended: bool = False, at: datetime | None = None) -> list[dict[str, Any]]:
    """Suppressions and proposals, the next to end first; with ``ended`` also those that have ended."""
    c = t.suppression.c
    wanted = select(t.suppression).order_by(c.expires_at, c.id)
    with reading(state) as connection:
        hidden = _hidden(connection)
        found = connection.execute(wanted if ended else wanted.where(c.status.not_in(ENDED))).all()
        return [_served(dict(row._mapping), hidden, at or datetime.now(UTC)) for row in found]


def _served(row: Mapping[str, Any], hidden: Mapping[str, Sequence[str]], at: datetime) -> dict[str, Any]:
    """As printed and answered. ``state`` tells ``ending`` from ``in_force``, and an end that no scan has carried out yet."""
    status = row["status"]
    if status == "in_force":
        status = "expired" if datetime.fromisoformat(row["expires_at"]) <= at else "ending" if at >= warn_at(row) else status
    names = ("id", "level", "max_persons", "reason", "author", "approver", "created_at", "approved_at", "expires_at")
    findings = list(hidden.get(row["id"], ())) if row["status"] == "in_force" else []
    return {
        **{name: row[name] for name in names},
        "state": status,
        "scope": json.loads(row["scope"]),
        "hides": findings,
        "updated_at": row["updated_at"],
    }
