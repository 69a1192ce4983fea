"""Findings in the state database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, update
from sqlalchemy import Engine as StateEngine

from scanner.config import Config
from scanner.engine import Engine
from scanner.findings import hits
from scanner.findings.build import build
from scanner.findings.decide import clocks
from scanner.findings.group import assign, hits_with_principals
from scanner.findings.history import remember
from scanner.findings.model import Finding, RuleText
from scanner.findings.suppression import review
from scanner.model import Level
from scanner.store import tables as t
from scanner.store.state import iso, now, reading, upsert


def update_findings(
    state: StateEngine,
    engine: Engine,
    found: pa.Table,
    *,
    batches: Sequence[int],
    rules: Mapping[str, RuleText],
    config: Config,
    table_persons: pa.Table,
) -> tuple[int, int]:
    """Turn hits (``found``, HITS_SCHEMA) into findings and mark ``batches`` as evaluated, in one transaction.

    Returns (new, updated).

    ``engine`` has the view ``events`` over every event that an open finding may rest on. ``table_persons`` is
    PERSONS_SCHEMA: how many people each personal table holds.
    """
    named = hits_with_principals(engine, found) if found.num_rows else found
    with state.begin() as connection:
        assigned = assign(connection, named, {rule.id: rule.lookback for rule in rules.values()})
        findings = (
            build(
                connection,
                engine,
                assigned.touched,
                assigned.members,
                new=assigned.new,
                rules_by_id=rules,
                config=config,
                table_persons=table_persons,
            )
            if assigned.touched
            else []
        )
        levels = {row.id: row.level for row in connection.execute(select(t.finding.c.id, t.finding.c.level))} if findings else {}
        for finding in findings:
            _write(connection, finding, levels.get(finding.id))
        if findings:
            review(connection, datetime.now(UTC), [finding.id for finding in findings])
        connection.execute(update(t.batch).where(t.batch.c.id.in_(list(batches))).values(evaluated=True))
    return len(assigned.new), len(findings) - len(assigned.new)


def _write(connection: Any, finding: Finding, old_level: str | None) -> None:
    document = finding.to_dict()
    upsert(
        connection,
        t.finding,
        [
            {
                "id": finding.id,
                "dedup_key": finding.dedup_key or f"{finding.database}/{finding.vendor or ''}/{','.join(finding.accounts)}"[:512],
                "database": finding.database,
                "vendor": finding.vendor,
                "level": finding.level,
                "status": finding.status,
                "verdict": finding.verdict,
                "first_event": finding.first_event,
                "last_event": finding.last_event,
                "created_at": finding.created_at,
                "updated_at": finding.updated_at,
                "follows": finding.follows,
                "document": json.dumps(document, ensure_ascii=False, sort_keys=True),
            }
        ],
        keep=("status", "verdict", "created_at"),
    )
    if old_level is None:
        remember(connection, finding.id, "created", {"level": finding.level}, at=now())
    elif Level(finding.level).rank > Level(old_level).rank:
        remember(connection, finding.id, "level_raised", {"from": old_level, "to": finding.level}, at=now())


def remember_end(state: StateEngine, principal: str, what: str, detail: dict[str, Any]) -> None:
    """Enter into the history of the open findings of a principal that what they told of is over. People close them."""
    with state.begin() as connection:
        ids = select(t.hit_part.c.finding_id).where(t.hit_part.c.principal == principal).distinct()
        wanted = select(t.finding.c.id).where(t.finding.c.id.in_(ids), t.finding.c.status != "resolved")
        for (finding_id,) in connection.execute(wanted).all():
            remember(connection, finding_id, what, detail, at=now())


class FindingStore:
    """Reading findings."""

    def __init__(self, state: StateEngine) -> None:
        self.state = state

    def all(
        self,
        *,
        level: Level | None = None,
        status: str | None = None,
        vendor: str | None = None,
        database: str | None = None,
    ) -> list[dict[str, Any]]:
        """Findings at or above ``level``, the worst and newest first, as plain dictionaries."""
        statement = select(t.finding)
        if level is not None:
            statement = statement.where(t.finding.c.level.in_([x.value for x in Level if x.rank >= level.rank]))
        for column, value in (("status", status), ("vendor", vendor), ("database", database)):
            if value is not None:
                statement = statement.where(t.finding.c[column] == value)
        with reading(self.state) as connection:
            found = [_document(dict(row._mapping)) for row in connection.execute(statement)]
        return sorted(found, key=lambda f: (-Level(f["level"]).rank, _descending(f["last_event"]), f["id"]))

    def page(
        self,
        *,
        limit: int,
        after: tuple[str, str, str] | None = None,
        level: Level | None = None,
        statuses: Sequence[str] = (),
        vendor: str | None = "*",
        database: str | None = None,
    ) -> tuple[list[dict[str, Any]], int]:
        """Up to ``limit`` findings in the order of :meth:`all`, and how many there are without the limit.

        ``after`` is (level, last_event, id) of the last finding of the page before. ``vendor`` None means the company's own
        accounts, "*" everybody.
        """
        f = t.finding.c
        wanted: list[ColumnElement[bool]] = []
        if level is not None:
            wanted.append(f.level.in_([x.value for x in Level if x.rank >= level.rank]))
        if statuses:
            wanted.append(f.status.in_(list(statuses)))
        if vendor != "*":
            wanted.append(f.vendor.is_(None) if vendor is None else f.vendor == vendor)
        if database is not None:
            wanted.append(f.database == database)
        rank = case({x.value: x.rank for x in Level}, value=f.level, else_=0)
        statement = select(t.finding).where(*wanted).order_by(rank.desc(), f.last_event.desc(), f.id).limit(limit)
        if after is not None:
            after_rank, moment, last = Level(after[0]).rank, after[1], after[2]
            same_rank = or_(f.last_event < moment, and_(f.last_event == moment, f.id > last))
            statement = statement.where(or_(rank < after_rank, and_(rank == after_rank, same_rank)))
        with reading(self.state) as connection:
            total = connection.execute(select(func.count()).select_from(t.finding).where(*wanted)).scalar_one()
            return [_document(dict(row._mapping)) for row in connection.execute(statement)], int(total)

    def get(self, finding_id: str) -> dict[str, Any] | None:
        """One finding with its history and similar ones, by id or an unambiguous beginning of it."""
        with reading(self.state) as connection:
            found = connection.execute(
                select(t.finding).where(t.finding.c.id.startswith(finding_id, autoescape=True)).limit(2)
            ).all()
            if len(found) != 1:
                return None
            document = _document(dict(found[0]._mapping))
            history = connection.execute(
                select(t.finding_history).where(t.finding_history.c.finding_id == document["id"]).order_by(t.finding_history.c.id)
            )
            document["history"] = [
                {"at": h.at, "actor": h.actor, "what": h.what, "detail": json.loads(h.detail)} for h in history
            ]
            document["similar"] = _similar(connection, document)
        return document

    def many(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Findings by their whole ids; those that are not there are left out."""
        found: dict[str, dict[str, Any]] = {}
        with reading(self.state) as connection:
            for start in range(0, len(ids), 500):
                part = select(t.finding).where(t.finding.c.id.in_(ids[start : start + 500]))
                found |= {row.id: _document(dict(row._mapping)) for row in connection.execute(part)}
        return found

    def event_ids(self, finding_id: str) -> list[str]:
        """Events a finding rests on."""
        with reading(self.state) as connection:
            found: list[str] = pc.unique(hits.of_finding(connection, finding_id)["event_id"]).to_pylist()
        return sorted(found)

    def events_page(
        self, finding_id: str, *, limit: int, after: tuple[str, str] | None = None
    ) -> tuple[list[tuple[str, str]], int]:
        """(time, event_id) of up to ``limit`` events a finding rests on, the oldest first, and how many there are in all."""
        with reading(self.state) as connection:
            found = hits.of_finding(connection, finding_id)
        events = found.group_by(["time", "event_id"]).aggregate([]).sort_by([("time", "ascending"), ("event_id", "ascending")])
        rest = events
        if after is not None:
            moment = pa.scalar(datetime.fromisoformat(after[0]), pa.timestamp("us", tz="UTC"))
            same = pc.and_(pc.equal(events["time"], moment), pc.greater(events["event_id"], after[1]))
            rest = events.filter(pc.or_(pc.greater(events["time"], moment), same))
        return [(iso(row["time"]), row["event_id"]) for row in rest.slice(0, limit).to_pylist()], events.num_rows


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as served: its own words, and what people decided about it."""
    document: dict[str, Any] = json.loads(row["document"])
    document.pop("dedup_key", None)
    decided = {name: row[name] for name in ("status", "verdict", "assignee", "updated_at")}
    return {**document, **decided, "clocks": clocks(row, document)}


_MOST_SIMILAR = 10


def _similar(connection: Connection, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Other findings of the same principal or of the same rules, the most alike first: how they were judged helps to judge."""
    f = t.finding.c
    same_vendor = f.vendor.is_(None) if document["vendor"] is None else f.vendor == document["vendor"]
    wanted = select(t.finding).where(f.id != document["id"], f.database == document["database"], same_vendor)
    mine = {name: set(document[name]) for name in ("rules", "accounts", "techniques", "tables")}
    weighed = []
    for row in connection.execute(wanted.order_by(f.last_event.desc()).limit(200)):
        other = json.loads(row.document)
        alike = sum(len(mine[name] & set(other[name])) / len(mine[name] | set(other[name]) or {""}) for name in mine)
        if alike >= 1:
            weighed.append((-alike, {"id": row.id, "level": row.level, "status": row.status, "verdict": row.verdict,
                                     "last_event": row.last_event, "why": other["why"]}))  # fmt: skip
    return [found for _, found in sorted(weighed, key=lambda pair: pair[0])[:_MOST_SIMILAR]]


def _descending(moment: str) -> tuple[int, ...]:
    return tuple(-ord(c) for c in moment)


__all__ = ["FindingStore", "remember_end", "update_findings"]
