"""What audit sources that are read by SQL have in common.

A scan asks for the rows that are not older than the cursor less an overlap, leaves out those that were read already, and adds
the rest to a spool on disk (:mod:`scanner.sources.spool`); the spool is then read as any log file is. The database gives times
only: rows with equal times, rows that come late and a scan that ends in the middle all come to the same in the overlap.
"""

from __future__ import annotations

import io
import re
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import sqlalchemy as sa

from scanner.errors import SourceError
from scanner.model import RECORD_SCHEMA, Position, Skip, Slice, SourceNotice
from scanner.remote import hint, reading, reason, safe_url
from scanner.sources.base import SLICE_BYTES, FileSource, Parsed
from scanner.sources.cutting import find_bytes
from scanner.sources.spool import MARK, Spool, micros

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

FETCH_ROWS = 2_000
FETCH_SECONDS = 900
"""How long one question may take: the first reads all there is."""

KEEP_DAYS = 90
"""How long the rows that were read are kept beside their events."""


@dataclass(frozen=True)
class Question:
    """A relation to read: ``select`` has its time as ``audit_time``, and the columns to keep, under the names in ``columns``."""

    relation: str  # lower-case letters
    select: sa.Select[Any]
    cursor: sa.ColumnElement[datetime]  # its time; rows later in time come later, but for the overlap
    order: tuple[sa.ColumnElement[Any], ...] = ()  # what settles the order of equal times
    key: tuple[str, ...] = ()  # columns that identify a row, where others of it may change; else all do
    zoned: bool = False  # whether the database's times carry a zone; without one they are UTC


class SqlSource(FileSource):
    """An audit source that asks a database. ``path`` are the spool's files; ``url`` is the database, with a reading account."""

    overlap_seconds: ClassVar[int] = 600
    columns: ClassVar[Mapping[str, str]]  # of all relations: name to "text" or "int", as they stand in the spool

    def __init__(
        self, path: str, time_zone: str = "UTC", url: str = "", overlap: int | str = "", keep_days: int | str = ""
    ) -> None:
        super().__init__(path, time_zone)
        self.url = url
        self.spool = Spool(Path(re.sub(r"\[([*?[])\]", r"\1", path)).parent)  # the path is escaped for globbing
        self.overlap = int(overlap or self.overlap_seconds) * 1_000_000
        self.keep_days = int(keep_days or KEEP_DAYS)

    @abstractmethod
    def questions(self, connection: sa.Connection) -> list[Question]:
        """What to ask this server, in the SQL of its engine. Raises :class:`SourceError` when it lacks what is needed."""

    @abstractmethod
    def records(self, rows: pl.DataFrame) -> pl.DataFrame:
        """RECORD_SCHEMA columns from spooled rows.

        ``rows`` has ``n``, ``of``, ``at`` (microseconds since 1970 UTC), ``offset`` and ``length``, and all of ``columns``.
        """

    def read(self, known: Sequence[Position], *, slice_bytes: int = SLICE_BYTES) -> Iterator[Slice | SourceNotice]:
        """See :meth:`scanner.sources.base.Source.read`. What cannot be asked now does not hold up what was asked before."""
        try:
            yield from self._fetch()
        except SourceError as error:
            yield SourceNotice(safe_url(self.url), error.message, error.hint)
        if self.spool.files():
            yield from super().read(known, slice_bytes=slice_bytes)
            if self.keep_days:
                self.spool.forget(time.time() - self.keep_days * 86_400)

    def probe(self, known: Sequence[Position] = ()) -> SourceNotice | None:  # noqa: ARG002
        """Whether the database answers: None when it does. Nothing is kept of it."""
        try:
            with reading(self.url) as connection:
                for question in self.questions(connection):
                    connection.execute(question.select.limit(1)).first()
        except SourceError as error:
            return SourceNotice(safe_url(self.url), error.message, error.hint)
        return None

    def parse(
        self,
        data: bytes,
        base: int,
        *,
        at_end: bool,
        final: bool,  # noqa: ARG002 - the spool ends with whole lines
        longer_than: int,  # noqa: ARG002
    ) -> Parsed:
        ends = find_bytes(np.frombuffer(data, np.uint8), 10).astype(np.int64) + 1
        if not len(ends):
            return Parsed(RECORD_SCHEMA.empty_table(), (), 0)
        starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        rows, skips = self._rows(data, starts, ends, base)
        consumed = int(ends[-1])
        if not at_end and rows.height:  # rows of one moment may be of one act, and stay together
            last = rows.row(-1, named=True)
            other = ((rows["at"] != last["at"]) | (rows["of"] != last["of"])).arg_true()
            rows = rows.head(int(other[-1]) + 1 if len(other) else 0)
            consumed = int(rows["offset"][-1] + rows["length"][-1]) - base if rows.height else 0
            skips = tuple(skip for skip in skips if skip.offset < base + consumed)
        return Parsed(_as_records(self.records(rows)), skips, consumed)

    # -- steps ----------------------------------------------------------------------------------------------------

    def _fetch(self) -> Iterator[SourceNotice]:
        recent = self.spool.recent(self.overlap)
        latest, added = recent.mark, 0
        with reading(self.url, statement_seconds=FETCH_SECONDS) as connection:
            for question in self.questions(connection):
                asked = question.select
                if recent.mark is not None:
                    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=recent.mark - self.overlap)
                    asked = asked.where(question.cursor >= (since if question.zoned else since.replace(tzinfo=None)))
                asked = asked.order_by(question.cursor, *question.order)
                result = connection.execution_options(stream_results=True, yield_per=FETCH_ROWS).execute(asked)
                for part in result.mappings().partitions():
                    rows = [
                        (micros(row["audit_time"]), self._fitting(dict(row))) for row in part if row["audit_time"] is not None
                    ]
                    if len(rows) < len(part):
                        yield SourceNotice(safe_url(self.url), f"{len(part) - len(rows)} rows have no time and were left out")
                    added += self.spool.append(question.relation, rows, recent.rows[question.relation], question.key)
                    latest = max([at for at, _ in rows] + ([latest] if latest is not None else []), default=None)
        if added and latest is not None:
            self.spool.mark(latest)

    def _fitting(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row's columns as the spool has them, whatever type the driver gave them."""
        return {name: _number(row[name]) if self.columns[name] == "int" else row[name] for name in row if name != "audit_time"}

    def _rows(self, data: bytes, starts: np.ndarray, ends: np.ndarray, base: int) -> tuple[pl.DataFrame, tuple[Skip, ...]]:
        import polars as pl

        kinds = {"n": pl.Int64, "of": pl.String, "at": pl.Int64}
        kinds |= {name: pl.Int64 if kind == "int" else pl.String for name, kind in self.columns.items()}
        skips: list[Skip] = []
        try:
            found = pl.read_ndjson(io.BytesIO(data[: int(ends[-1])]), schema=kinds)
            if found.height != len(starts):
                raise ValueError("an empty line")
        except (pl.exceptions.PolarsError, ValueError):
            good = np.array([_is_row(data[a:b]) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)], np.bool_)
            skips = [
                Skip(base + int(a), int(b - a), "the spool is damaged here: this is no row that was read")
                for a, b in zip(starts[~good], ends[~good], strict=True)
            ]
            kept = b"".join(data[a:b] for a, b in zip(starts[good].tolist(), ends[good].tolist(), strict=True))
            starts, ends = starts[good], ends[good]
            found = pl.read_ndjson(io.BytesIO(kept), schema=kinds) if kept else pl.DataFrame(schema=kinds)
        found = found.with_columns(pl.Series("offset", starts + base), pl.Series("length", ends - starts))
        return found.filter(pl.col("of") != MARK), tuple(skips)


def _number(value: Any) -> int | None:
    try:
        return int(value) if value is not None else None
    except (TypeError, ValueError):
        return None


def _is_row(line: bytes) -> bool:
    import json

    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and isinstance(found.get("n"), int) and isinstance(found.get("at"), int)


def _as_records(rows: pl.DataFrame) -> pa.Table:
    import polars as pl

    missing = [pl.lit(None).alias(f.name) for f in RECORD_SCHEMA if f.name not in rows.columns]
    table = rows.with_columns(missing).select(RECORD_SCHEMA.names).to_arrow()
    return table.cast(RECORD_SCHEMA).combine_chunks()


def available(connection: sa.Connection, source: sa.FromClause | sa.TableValuedAlias, needed: Sequence[str]) -> set[str]:
    """Columns that a relation has, lower case: they differ by version. Raises :class:`SourceError` when one of ``needed`` is not
    among them."""
    try:
        found = connection.execute(sa.select(sa.text("*")).select_from(source).where(sa.text("1 = 0")))
    except sa.exc.SQLAlchemyError as error:
        raise SourceError(f"cannot be read: {reason(error)}", hint(error)) from None
    names = {name.lower() for name in found.keys()}  # noqa: SIM118 - of a result, not of a mapping
    if missing := [name for name in needed if name not in names]:
        raise SourceError(f"lacks the columns {', '.join(missing)}", "see the guide's page of this source for what it reads")
    return names


def relation(name: str, columns: Mapping[str, Any]) -> sa.TableClause:
    """A table or view by its dotted name. What is no plain word is quoted as the engine has it."""
    schema, _, last = name.rpartition(".")
    # of several parts, as database.schema: dialects differ in what they make of the dots, and plain words need no quotes
    plain = sa.quoted_name(schema, quote=False) if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", schema) else schema
    return sa.table(last, *(sa.column(c, t) for c, t in columns.items()), schema=plain or None)


__all__ = ["Question", "SqlSource", "available", "relation"]
