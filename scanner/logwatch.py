"""The log as evidence, put together: what the slices of a source tell about its log, whether its files still hold what was read
of them, and what was found as events for the rules.

One :class:`LogWatch` accompanies the scan of one audit source. What it remembers is committed with each batch; what it found is
committed at the end as a batch of its own, whose events carry the technique that says what they are (``log_hole`` …).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import func, select

from scanner.config import Config
from scanner.continuity import ACTIVITY, Observation, Sign, SourceState
from scanner.continuity.files import Batch, Files, moved
from scanner.front import Piece
from scanner.model import EVENT_SCHEMA, Position, SourceNotice
from scanner.sources.files import Stream
from scanner.sources.raw import holds
from scanner.sources.storage import is_address
from scanner.store import tables as t
from scanner.store.state import iso, now, reading

if TYPE_CHECKING:
    from scanner.store.events import EventStore
    from scanner.store.ledger import Ledger

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = 1 << 20

PLACED, UNPLACED = "~log", "~source"
"""Second part of the id of an observation's event: with a record of the log to secure, and without one."""


class KnownLogs:
    """What the ledger knows of a source's logs (:class:`scanner.continuity.files.Logs`)."""

    def __init__(self, ledger: Ledger, source_id: str) -> None:
        self._ledger = ledger
        self._source_id = source_id

    def positions(self) -> Sequence[Position]:
        """Every log on disk ever read, and how far. What lies in a storage is its owner's: it is read, not looked after."""
        return [one for one in self._ledger.positions(self._source_id) if not is_address(one.file.path)]

    def batches(self, file_id: str) -> Sequence[Batch]:
        """What was read of a log, in order."""
        b = t.batch.c
        wanted = select(b.id, b.start, b.end, b.raw_sha256, b.created_at).where(
            b.source_id == self._source_id, b.file_id == file_id, b.end > b.start
        )
        with reading(self._ledger.state) as connection:
            return [Batch(*row) for row in connection.execute(wanted.order_by(b.start, b.id))]

    def first_batches(self) -> dict[str, tuple[int, int]]:
        """Of each log, the ids of the first and the last batch read of it."""
        b = t.batch.c
        wanted = select(b.file_id, func.min(b.id), func.max(b.id)).where(b.source_id == self._source_id, b.end > b.start)
        with reading(self._ledger.state) as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(wanted.group_by(b.file_id))}

    def holds(self, path: str, position: Position) -> bool:
        """Whether that log lies at ``path``. Raises OSError."""
        return holds(path, position.file.id, position.file.head_length)

    def chunks(self, path: str, start: int, end: int) -> Iterator[bytes]:
        """Its unpacked bytes, in order; fewer when it ends earlier. Raises OSError."""
        with Stream(path) as stream:
            stream.skip_to(start)
            left = end - start
            while left > 0 and (data := stream.read(min(left, _STEP))):
                left -= len(data)
                yield data


class LogWatch:
    """The scan of one audit source, watched."""

    def __init__(self, ledger: Ledger, config: Config, source_id: str) -> None:
        database, _, index = source_id.rpartition("/")
        audit = config.databases[database].audit[int(index)]
        self.database = database
        self.source_id = source_id
        self.path = audit.shown
        self.zone = ZoneInfo(audit.time_zone or config.time_zone)
        self._ledger = ledger
        self._config = config
        self._logs = KnownLogs(ledger, source_id)
        self._notices: list[SourceNotice] = []
        with reading(ledger.state) as connection:
            row = connection.execute(select(t.continuity).where(t.continuity.c.source_id == source_id)).first()
        self._state = SourceState.unpack(bytes(row.document)) if row else SourceState()
        self._files = Files.from_json(_loads(bytes(row.files))) if row and row.files else Files()
        self._known = (bytes(row.document), bytes(row.files) if row.files else b"") if row else (b"", b"")

    def follow(self, piece: Piece) -> bytes | None:
        """Take in a piece that is about to be stored; what is to be committed with it."""
        if piece.trail is None:
            return None
        self._state.follow(piece.trail, self.zone)
        return self._state.pack()

    def notice(self, notice: SourceNotice) -> None:
        """Something the reading met."""
        self._notices.append(notice)

    def conclude(self, run_id: int, events: EventStore, *, complete: bool, at: datetime | None = None) -> int:
        """At the end of the scan: say what was found, and store it. Returns the number of observations that are new.

        ``complete``: all that is there was to be read (no ``until``). ``at``: the present.
        """
        moment = _micros(at or datetime.now(UTC))
        told = [n for n in self._notices if n.kind != "emptied" or n.file is None or not self._is_elsewhere(n)]
        back = self._state.met(told, moment)
        unfinished = self._unfinished(complete)
        found = self._state.conclude(moment, self.zone, self._quiet_day, unfinished=unfinished, complete=complete)
        explained = {n.file.id for n in told if n.kind and n.file is not None}
        found += [
            one for one in self._files.check(self._logs, moment) if one.file_id not in explained or one.sign is not Sign.VANISHED
        ]
        for path in back:
            from scanner.findings import log_principal, remember_end  # seldom

            principal = log_principal(self.database, Sign.UNREADABLE, self.source_id)
            remember_end(self._ledger.state, principal, "readable_again", {"path": path})
        fresh = self._fresh(found)
        document, files = self._state.pack(), _dumps(self._files.to_json())
        if not fresh and (document, files) == self._known:
            return 0
        batch = self._ledger.next_batch() if fresh else 0
        table = self._events(fresh, batch, moment) if fresh else None
        staged = (
            events.stage(table, batch=batch, app_id=f"{self.source_id}/{PLACED}", app_version=batch)
            if table is not None
            else None
        )
        self._ledger.observe(
            run_id,
            self.database,
            self.source_id,
            self.path,
            staged,
            table,
            [self._row(one, moment) for one in fresh],
            document,
            files,
        )
        return len(fresh)

    # -- what is looked up -------------------------------------------------------------------------------------------

    def _is_elsewhere(self, notice: SourceNotice) -> bool:
        """A log that was emptied after it had been copied to where the pattern does not look."""
        assert notice.file is not None
        return moved(self._logs, Position(notice.file, notice.offset)) is not None

    def _unfinished(self, complete: bool) -> frozenset[str]:
        """Logs that hold more than was read of them."""
        found = set()
        for position in self._logs.positions():
            try:
                size = Path(position.file.path).stat().st_size
            except OSError:
                continue
            packed = position.file.path.endswith((".gz", ".xz", ".zst"))
            if not complete or (not packed and size > position.offset):
                found.add(position.file.id)
        return frozenset(found)

    def _quiet_day(self, day: date) -> bool:
        return day in _holidays(self._config.business_hours.holidays, day.year)

    def _fresh(self, found: Sequence[Observation]) -> list[Observation]:
        """Those that were not stored before."""
        ids = {self._event_id(one): one for one in found}
        with reading(self._ledger.state) as connection:
            wanted = select(t.observation.c.event_id).where(t.observation.c.event_id.in_(list(ids)))
            known = {row.event_id for row in connection.execute(wanted)} if ids else set()
        return [one for event_id, one in ids.items() if event_id not in known]

    # -- what is stored ----------------------------------------------------------------------------------------------

    def _event_id(self, one: Observation) -> str:
        return f"{self.database}/{PLACED if one.offset is not None else UNPLACED}/{self.source_id.rpartition('/')[2]}-{one.key}"

    def _row(self, one: Observation, moment: int) -> dict[str, Any]:
        return {
            "event_id": self._event_id(one),
            "database": self.database,
            "source_id": self.source_id,
            "sign": str(one.sign),
            "at": iso(_time(one, moment)),
            "what": one.what,
            "count": one.count,
            "path": one.path or self.path,
            "facts": json.dumps(dict(one.facts), ensure_ascii=False, sort_keys=True),
            "created_at": now(),
        }

    def _events(self, found: Sequence[Observation], batch: int, moment: int) -> pa.Table:
        """Observations as events (EVENT_SCHEMA). No contract judges them, and they are nobody's habit."""
        from scanner.contracts.match import AccountMatcher  # only when something was found

        vendors = AccountMatcher({name: vendor.accounts for name, vendor in self._config.vendors.items()})
        rows = []
        for one in found:
            time = _time(one, moment)
            vendor = vendors.vendor(one.account)
            zone = (self._config.vendors[vendor].time_zone if vendor else None) or self._config.time_zone
            local = time.astimezone(ZoneInfo(zone))
            rows.append(
                {
                    **_NOTHING,
                    "event_id": self._event_id(one),
                    "time": time,
                    "day": time.date(),
                    "database": self.database,
                    "account": one.account,
                    "vendor": vendor,
                    "session": one.session,
                    "activity": ACTIVITY,
                    "technique": str(one.sign),
                    "techniques": [str(one.sign)],
                    "hour_local": local.hour,
                    "weekday_local": local.weekday(),
                    "day_local": local.date(),
                    "source_id": self.source_id,
                    "source_file": one.file_id,
                    "source_offset": one.offset,
                    "source_length": one.length,
                    "batch": batch,
                }
            )
        return pa.Table.from_pylist(rows, schema=EVENT_SCHEMA)


_NOTHING: dict[str, Any] = {
    "tables": [],
    "pii_classes": [],
    "pii_columns": [],
    "contract_breach": [],
    "sensitivity": 0,
    "rows_source": "reported",
    "fk_check": False,
    "agreed_export": False,
    **{f"exposed_{what}{end}": 0 for what in ("rows", "persons") for end in ("", "_low", "_high")},
    **{f"first_seen_{what}": False for what in ("shape", "ip", "app", "table")},
}


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _time(one: Observation, moment: int) -> datetime:
    """When it happened, as far as that can be told; else when it was found."""
    return _EPOCH + timedelta(microseconds=one.time if one.time > 0 else moment)


def _dumps(data: Any) -> bytes:
    return zlib.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _loads(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))


@cache
def _holidays(words: tuple[str, ...], year: int) -> frozenset[date]:
    found: set[date] = set()
    for word in words:
        if word[:1].isdigit():
            found.add(date.fromisoformat(word))
        else:
            import holidays  # takes a moment to load

            country, _, region = word.partition("-")
            found.update(holidays.country_holidays(country, subdiv=region or None, years=year))
    return frozenset(found)


__all__ = ["PLACED", "UNPLACED", "KnownLogs", "LogWatch"]
