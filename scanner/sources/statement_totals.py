"""True row counts of COPY and FETCH from ``pg_stat_statements``, for which PostgreSQL's audit log says 0.

The extension keeps totals a user, database and text: calls and rows, those of COPY and FETCH too (observed with PostgreSQL
15). Two looks, one a scan, give what was added between them. Where the log of that time holds as many statements of that user,
database and text as were counted, the rows are theirs: of one COPY all of them, of several the share of each, of FETCHes their
count until the rows are used up. Wherever the numbers differ (a statement was still running, failed, or was forgotten by the
extension), where the new log is more than one slice, or where a cursor's name was declared more than once, nothing is said and
the estimates stand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.errors import SourceError
from scanner.model import Position, RecordKind, Slice, SourceNotice
from scanner.sources.base import SLICE_BYTES, FileSource

_COUNTED = ("COPY", "FETCH")
_FETCH = re.compile(r"(?is)\A\s*fetch\s+(?:forward\s+)?(?P<count>\d+|all|next)?\s*(?:from\s+|in\s+)?(?P<cursor>\S+?)\s*;?\s*\Z")
_DECLARE = re.compile(r'(?is)\A\s*declare\s+(?P<cursor>"[^"]+"|\S+)')

Totals = dict[str, tuple[int, int]]  # user, database and text (joined by NUL) to calls and rows


class CountedSource(FileSource):
    """A source of PostgreSQL's log. ``row_counts`` says where true counts come from, ``url`` where to ask, ``totals`` in which
    file the last look is kept; without them it reads the log alone."""

    def __init__(self, path: str, time_zone: str = "UTC", row_counts: str = "", url: str = "", totals: str = "") -> None:
        super().__init__(path, time_zone)
        self.asked = url if row_counts else ""
        self.url = self.asked if totals else ""
        self.totals = Path(totals)

    def limits(self) -> tuple[SourceNotice, ...]:
        """Why true counts of COPY and FETCH cannot be had, where they were asked for."""
        if self.asked:
            try:
                _look(self.asked)
            except SourceError as error:
                return (self._without(error),)
        return ()

    def read(self, known: Sequence[Position], *, slice_bytes: int = SLICE_BYTES) -> Iterator[Slice | SourceNotice]:
        """See :meth:`scanner.sources.base.Source.read`."""
        if not self.url:
            yield from super().read(known, slice_bytes=slice_bytes)
            return
        held: Slice | None = None
        several = False
        now: dict[str, Any] | None = None
        for found in super().read(known, slice_bytes=slice_bytes):
            if not isinstance(found, Slice) or not found.records.num_rows:
                yield found
                continue
            if now is None and held is None and not several:
                try:
                    now = _look(self.url)
                except SourceError as error:
                    yield self._without(error)
            if held is not None:
                several = True  # which of two slices a count belongs to, nobody knows
                yield held
            held = found
        if held is not None:
            added = _added(self._last(), now) if now is not None and not several else {}
            yield replace(held, records=counted(held.records, added)) if added else held
        if now is not None:
            self._keep(now)

    def _without(self, error: SourceError) -> SourceNotice:
        from scanner.remote import safe_url

        return SourceNotice(
            safe_url(self.asked), f"{error.message}; rows of COPY and FETCH are estimated", error.hint, fatal=False
        )

    def _last(self) -> dict[str, Any]:
        try:
            found = json.loads(self.totals.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _keep(self, now: Mapping[str, Any]) -> None:
        """After the slices were stored: a scan that is killed before leaves the older look, and then the numbers differ."""
        try:
            self.totals.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = self.totals.with_suffix(".partial")
            partial.write_text(json.dumps(now), encoding="utf-8")
            partial.chmod(0o600)
            partial.replace(self.totals)
        except OSError:
            return  # the next scan has nothing to compare with, and estimates


def key_of(user: str | None, dbname: str | None, text: str | None) -> str:
    """What counts of a statement are kept under."""
    return "\0".join([user or "", dbname or "", (text or "").strip().rstrip(";").strip()])


def _look(url: str) -> dict[str, Any]:
    from scanner.sources.statement_look import look  # with what talks to databases, which a log alone does not need

    return look(url)


def _added(before: Mapping[str, Any], now: Mapping[str, Any]) -> Totals:
    """Calls and rows that were added. Nothing after a reset, or when the extension has thrown entries out meanwhile."""
    if not before or before.get("since") != now["since"]:
        return {}
    old = before.get("totals", {})
    added = {}
    for key, (calls, rows) in now["totals"].items():
        earlier = old.get(key, (0, 0))
        if calls > earlier[0]:
            added[key] = (calls - earlier[0], rows - earlier[1])
    return added


def counted(records: pa.Table, added: Totals) -> pa.Table:
    """Records (RECORD_SCHEMA) with ``rows`` where the log says 0 or nothing, and the totals leave no doubt."""
    audit = pc.and_(pc.equal(records["kind"], str(RecordKind.AUDIT)), pc.is_in(records["command"], pa.array(_COUNTED)))
    wanted = np.flatnonzero(pc.fill_null(audit, False).to_numpy(zero_copy_only=False))
    names = ["account", "dbname", "session", "statement_id", "substatement_id", "statement", "command", "rows"]
    groups: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    seen = set()
    for place, row in zip(wanted.tolist(), records.select(names).take(pa.array(wanted)).to_pylist(), strict=True):
        act = (row["session"], row["statement_id"], row["substatement_id"])
        if act not in seen:  # a line a relation: the first stands for all
            seen.add(act)
            groups.setdefault(key_of(row["account"], row["dbname"], row["statement"]), []).append((place, row))
    declared = _declared(records)
    values: dict[int, int] = {}
    for key, acts in groups.items():
        calls, rows = added.get(key, (0, 0))
        if calls == len(acts) and rows > 0 and not any(row["rows"] for _, row in acts):
            values.update(_shared(acts, rows, declared))
    if not values:
        return records
    column = records["rows"].combine_chunks()
    mask = np.zeros(records.num_rows, np.bool_)
    mask[list(values)] = True
    new = pc.replace_with_mask(column, pa.array(mask), pa.array([values[n] for n in sorted(values)], pa.int64()))
    return records.set_column(records.schema.get_field_index("rows"), "rows", new)


def _declared(records: pa.Table) -> dict[tuple[str, str], int]:
    """How often each session declared each cursor."""
    found: dict[tuple[str, str], int] = {}
    is_declare = pc.fill_null(pc.equal(records["command"], "DECLARE CURSOR"), False)
    names = records.select(["session", "statement_id", "statement"]).filter(is_declare)
    for row in {(r["session"], r["statement_id"], r["statement"]) for r in names.to_pylist()}:
        match = _DECLARE.match(row[2] or "")
        if match:
            key = (row[0], match["cursor"].strip('"'))
            found[key] = found.get(key, 0) + 1
    return found


def _shared(acts: list[tuple[int, dict[str, Any]]], rows: int, declared: Mapping[tuple[str, str], int]) -> dict[int, int]:
    """Rows of acts with one text, ``rows`` together."""
    if acts[0][1]["command"] == "COPY":
        size = len(acts)
        return {place: rows // size + (n < rows % size) for n, (place, _) in enumerate(acts)}
    match = _FETCH.match(acts[0][1]["statement"] or "")
    sessions = {row["session"] for _, row in acts}
    if match is None or len(sessions) > 1 or declared.get((acts[0][1]["session"], match["cursor"].strip('"')), 0) > 1:
        return {}
    count = match["count"] or "1"
    limit = rows if count.lower() == "all" else 1 if count.lower() == "next" else int(count)
    found = {}
    for place, _ in acts:
        found[place] = min(limit, rows)
        rows -= found[place]
    return found if rows == 0 else {}


__all__ = ["CountedSource", "counted"]
