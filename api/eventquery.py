"""Questions to the event store, asked in a sandboxed engine over only those files that can hold the answer.

Every value is bound. What stands in SQL text is written here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from api.deps import Context
from api.errors import Problem
from api.schemas import moment
from scanner.engine import Engine, open_event_engine
from scanner.model import SHOWN_SCHEMA

LONGEST = 20.0
"""Seconds a query may take."""
WAIT = 5.0
"""Seconds a query waits for its turn."""
_MEMORY = "256MB"
_TICK = timedelta(microseconds=1)
_COLUMNS = ", ".join(f'"{name}"' for name in SHOWN_SCHEMA.names)

CONDITIONS: dict[str, str] = {
    "database": "database = ?",
    "account": "account = ?",
    "client_ip": "client_ip = ?",
    "session": "session = ?",
    "activity": "activity = ?",
    "status": "status = ?",
    "technique": "list_contains(techniques, ?)",
    "table": "list_contains(tables, ?)",
    "pii_class": "list_contains(pii_classes, ?)",
    "min_exposed_persons": "exposed_persons >= ?",
}
"""Filter → condition with one bound value."""


@contextlib.contextmanager
def querying(context: Context, files: Sequence[Path]) -> Iterator[Engine]:
    """An engine over ``files``; 503 when too many queries run already or this one takes too long."""
    if not context.engines.acquire(timeout=WAIT):
        raise Problem(503, "too many queries at once; try again", {"Retry-After": "5"})
    try:
        engine = open_event_engine(context.workspace.events.folder, files, memory=_MEMORY, threads=2)
        timer = threading.Timer(LONGEST, engine.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield engine
        except duckdb.InterruptException:
            raise Problem(503, "the query took too long; narrow its time range", {"Retry-After": "5"}) from None
        finally:
            timer.cancel()
            engine.close()
    finally:
        context.engines.release()


def page(
    context: Context,
    *,
    since: datetime | None,
    until: datetime | None,
    filters: Mapping[str, Any],
    vendor: str | None,
    newest: bool,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Up to ``limit`` events with ``since <= time < until`` in (time, event_id) order, as :class:`~api.schemas.Event` rows.

    ``filters`` are keys of CONDITIONS; ``vendor`` "*" means everybody, None the company's own accounts. ``after`` is time and
    id of the last event of the page before. Days are opened one after the other, then in growing groups, until the page is
    full: the newest page of a large store reads one day.
    """
    wanted, values = _conditions(since, until, filters, vendor, newest, after)
    if after is not None:
        since, until = (since, after[0] + _TICK) if newest else (after[0], until)
    order = "time desc, event_id desc" if newest else "time, event_id"
    sql = f"select {_COLUMNS} from events where {wanted} order by {order} limit ?"  # noqa: S608  # text of this module only
    found: list[dict[str, Any]] = []
    for files in _groups(context.workspace.events.files(since, until), newest):
        with querying(context, files) as engine:
            found += rows(engine, sql, [*values, limit - len(found)])
        if len(found) >= limit:
            break
    return found


def by_id(context: Context, keys: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Events by (time, event_id), in that order."""
    if not keys:
        return []
    since, until = (datetime.fromisoformat(edge) for edge in (keys[0][0], keys[-1][0]))
    wanted = pa.table({"event_id": [event_id for _, event_id in keys]})
    sql = f"select {_COLUMNS} from events semi join wanted using (event_id) where time between ? and ? order by time, event_id"  # noqa: S608
    with querying(context, context.workspace.events.files(since, until + _TICK)) as engine:
        engine.register("wanted", wanted)
        return rows(engine, sql, [since, until])


def rows(engine: Engine, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries, times as the answers carry them."""
    relation = engine.sql(sql, params=list(values))
    table: pa.Table = relation.to_arrow_table()
    return [
        {name: moment(value.astimezone(UTC)) if isinstance(value, datetime) else value for name, value in row.items()}
        for row in table.to_pylist()
    ]


def _conditions(
    since: datetime | None,
    until: datetime | None,
    filters: Mapping[str, Any],
    vendor: str | None,
    newest: bool,
    after: tuple[datetime, str] | None,
) -> tuple[str, list[Any]]:
    parts: list[str] = ["true"]
    values: list[Any] = []
    for part, value in (("time >= ?", since), ("time < ?", until), *((CONDITIONS[name], v) for name, v in filters.items())):
        if value is not None:
            parts.append(part)
            values.append(value)
    if vendor is None:
        parts.append("vendor is null")
    elif vendor != "*":
        parts.append("vendor = ?")
        values.append(vendor)
    if after is not None:
        # the first half lets whole row groups be left out, the second settles the last moment
        parts.append("time <= ? and (time < ? or event_id < ?)" if newest else "time >= ? and (time > ? or event_id > ?)")
        values += [after[0], after[0], after[1]]
    return " and ".join(f"({part})" for part in parts), values


def _groups(files: Sequence[Path], newest: bool) -> Iterator[list[Path]]:
    """Files of one day, of the next two days, the next four … from the newest or the oldest on. A file holds one UTC day."""
    days = [list(group) for _, group in groupby(sorted(files, key=_day), key=_day)]
    if newest:
        days.reverse()
    size = 1
    while days:
        yield [file for day in days[:size] for file in day]
        days, size = days[size:], size * 2


def _day(file: Path) -> str:
    return file.parent.name
