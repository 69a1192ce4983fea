"""The PII catalogue of one customer database: tables with their columns' verdicts, and the code that carries their data.

Part of :mod:`scanner.model`; import it from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class TableRef:
    """A relation by schema and name, as the engine spells it after case folding."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Column:
    """One column and the verdict about it. ``pii_class`` None means: looked at, no personal data found."""

    name: str
    type: str = ""
    pii_class: str | None = None  # Presidio entity name where it has one
    form: str = "typed"  # typed | embedded | masked | quasi
    confidence: float = 0.0
    evidence: str = ""  # plain words with counts; never a sampled value
    origin: str = ""  # of a column of a copy that a statement made: the column that it came from, "schema.table.column"


@dataclass(frozen=True)
class Table:
    """A table, view, materialised view or foreign table of a customer database."""

    ref: TableRef
    columns: tuple[Column, ...]
    kind: str = "table"  # table | view | materialized_view | foreign_table | partition
    rows: int | None = None  # best known row count; None when nobody could say
    persons: int | None = None  # distinct people, when a column identifies a person; else None
    person_column: str | None = None  # the column that identifies a person (mbr_no, customer_id …)
    unique_keys: tuple[tuple[str, ...], ...] = ()  # primary key and unique constraints
    definition: str | None = None  # SELECT text of a view or materialised view
    parent: TableRef | None = None  # partition or inheritance parent
    stamp: str = ""  # the engine's change counters when it was last sampled; tells a re-scan what may be kept
    bytes: int | None = None  # size of the rows in storage, indexes apart; None when nobody could say
    server: str = ""  # of a foreign table: the foreign server that holds its rows
    rows_read: int | None = None  # rows that the last look at its values read; None: never looked at
    blocks_read: int | None = None  # storage blocks (PostgreSQL) or places of a key that took

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    @property
    def has_pii(self) -> bool:
        return any(c.pii_class is not None for c in self.columns)


@dataclass(frozen=True)
class Function:
    """A function or procedure kept in the database, so that ``select f()`` is known to return what its body reads."""

    ref: TableRef
    language: str  # sql | plpgsql | mysql (a routine or event of MariaDB or MySQL) | other
    body: str
    security_definer: bool = False
    returns: str = ""  # "SETOF customers", "TABLE(...)", "text", "void" …; "" for a procedure of MariaDB or MySQL
    argument_names: tuple[str, ...] = ()
    kind: str = "function"  # function | procedure | event (a statement that MariaDB or MySQL runs by the clock)


@dataclass(frozen=True)
class Trigger:
    """What a table does by itself when its rows change: code that can carry them elsewhere."""

    table: TableRef
    name: str
    timing: str  # BEFORE | AFTER | INSTEAD OF
    events: tuple[str, ...]  # INSERT, UPDATE, DELETE, TRUNCATE
    function: TableRef | None = None  # of PostgreSQL; its body is among the schema's functions
    body: str = ""  # of MariaDB, MySQL and SQLite


@dataclass(frozen=True)
class Publication:
    """Tables of PostgreSQL whose changes (and, at first, whole contents) a logical subscriber receives."""

    name: str
    tables: tuple[TableRef, ...] = ()
    columns: Mapping[TableRef, tuple[str, ...]] = field(default_factory=dict)  # of tables published in part only
    all_tables: bool = False


@dataclass(frozen=True)
class ForeignServer:
    """Another server that this one reads from or writes to: where a foreign table's rows are."""

    name: str
    wrapper: str  # postgres_fdw, file_fdw, federated …
    options: tuple[tuple[str, str], ...] = ()  # host, dbname, port …; never user mappings, which hold passwords


@dataclass(frozen=True)
class Schema:
    """What lineage and exposure know about one customer database: the catalogue at one version."""

    database: str  # name in the configuration
    version: str  # changes when anything below does
    tables: Mapping[TableRef, Table] = field(default_factory=dict)
    functions: Mapping[TableRef, tuple[Function, ...]] = field(default_factory=dict)
    default_schema: str = "public"
    triggers: Mapping[TableRef, tuple[Trigger, ...]] = field(default_factory=dict)  # by table
    publications: tuple[Publication, ...] = ()
    servers: tuple[ForeignServer, ...] = ()
    search_paths: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # PostgreSQL: by role, as set for it; "" is everybody
