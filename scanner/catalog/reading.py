"""What a reader of one kind of database has to tell, and how it samples. One reader a file; the registry is in ``scan``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scanner.catalog.recognizers import TypeKind
from scanner.model import ForeignServer, Function, Publication, TableRef, Trigger

DECIDED = "decided by an officer:"
"""Begins the evidence of a verdict that somebody decided."""


@dataclass(frozen=True)
class CatalogSettings:
    """Limits of a scan, and what an officer has decided."""

    typed_values: int = 200  # distinct values judged in a column of short values
    text_values: int = 2000  # of a column of long text
    sample_rows: int = 2000  # rows asked of a table at most
    sample_blocks: int = 200  # storage blocks they may be spread over
    value_chars: int = 2000  # characters of one value that are read
    exact_bytes: int = 16_000_000  # a table up to this size is counted, a larger one estimated
    statement_seconds: float = 15.0  # one statement may take
    lock_seconds: float = 2.0  # waiting for a lock
    total_seconds: float = 1800.0  # the whole scan; what is left is judged by its names and told as a gap
    pause_seconds: float = 0.0  # between tables, for a busy server
    connect_seconds: int = 10
    views: bool = True
    presidio: bool = True
    leave_out: tuple[str, ...] = ()  # globs on schema.table or table: not looked at
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True)
class Override:
    """An officer's decision about one column; it outlives every re-scan."""

    table: TableRef
    column: str
    pii_class: str | None
    reason: str
    form: str = "typed"


@dataclass(frozen=True)
class Gap:
    """Something that could not be read; the rest was. ``table`` is empty when it concerns the whole database."""

    table: str
    reason: str
    hint: str = ""


@dataclass(frozen=True)
class RawColumn:
    """A column as the engine's catalogue has it."""

    name: str
    type: str
    kind: TypeKind
    comment: str = ""
    distinct: float | None = None  # the engine's statistics: > 0 a count, < 0 minus a share of the rows
    null_share: float | None = None
    readable: bool = True


@dataclass(frozen=True)
class ForeignKey:
    """Columns that refer to another relation's."""

    columns: tuple[str, ...]
    target: TableRef
    target_columns: tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    """A relation as the engine's catalogue has it."""

    ref: TableRef
    kind: str  # as in model.Table
    columns: tuple[RawColumn, ...]
    rows: float | None = None  # estimate; None unknown
    bytes: int | None = None
    stamp: str = ""
    readable: bool = True
    definition: str | None = None
    parent: TableRef | None = None
    partitioned: bool = False
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    comment: str = ""
    reads: frozenset[tuple[TableRef, str]] = frozenset()  # base columns that a view reads
    indexed: tuple[str, ...] = ()  # columns that some index begins with, the most selective first
    server: str = ""  # of a foreign table


@dataclass(frozen=True)
class Snapshot:
    """One database's catalogue."""

    relations: Mapping[TableRef, Relation]
    functions: Mapping[TableRef, tuple[Function, ...]] = field(default_factory=dict)
    default_schema: str = "public"
    gaps: tuple[Gap, ...] = ()
    triggers: Mapping[TableRef, tuple[Trigger, ...]] = field(default_factory=dict)
    publications: tuple[Publication, ...] = ()
    servers: tuple[ForeignServer, ...] = ()
    search_paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sampled:
    """Rows read of one relation, by column: the value as text, or None for null."""

    columns: Mapping[str, Sequence[str | None]] = field(repr=False)
    rows: int = 0
    table_rows: int | None = None  # counted when the table is small, else the best estimate
    whole: bool = False  # every row was read
    reads: int = 0  # storage blocks or index probes it took; 0 when the table was read whole
    gap: Gap | None = None


@dataclass(frozen=True)
class KeyHits:
    """How many of some values a unique column holds; of numbers, its range too."""

    found: int
    low: int | None = None
    high: int | None = None


class Reader(Protocol):
    """Reads one database. Never writes, never locks more than a plain SELECT does."""

    def snapshot(self) -> Snapshot:
        """The catalogue, in a handful of statements."""
        ...

    def sample(self, relation: Relation) -> Sampled:
        """Rows spread over the whole relation. Raises sqlalchemy.exc.DBAPIError when the engine refuses."""
        ...

    def count_distinct(self, relation: Relation, column: str) -> int | None:
        """Exact number of different values of a column in a small table; None when the table is not small."""
        ...

    def key_hits(self, relation: Relation, column: RawColumn, values: Sequence[str]) -> KeyHits:
        """How many of the values a unique column holds, by its index. Raises sqlalchemy.exc.DBAPIError."""
        ...

    def close(self) -> None: ...
