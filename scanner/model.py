"""The words every stage shares: records, events, statement lineage, the PII catalogue, and their Arrow schemas.

This module knows nobody. Rows travel as Arrow tables with the schemas below; dataclasses are for things that are few
(one a statement shape, one a table, one a finding). All are frozen and pickle, so that a stage can run in another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from scanner.model_catalog import Column as Column
from scanner.model_catalog import ForeignServer as ForeignServer
from scanner.model_catalog import Function as Function
from scanner.model_catalog import Publication as Publication
from scanner.model_catalog import Schema as Schema
from scanner.model_catalog import Table as Table
from scanner.model_catalog import TableRef as TableRef
from scanner.model_catalog import Trigger as Trigger

# ---------------------------------------------------------------------------------------------------------------
# Records: what a source hands on. One row a log record, whatever the format.
# ---------------------------------------------------------------------------------------------------------------


class RecordKind(StrEnum):
    """What a log record is about. Anything that is none of the others is ``other`` (kept out of events, but counted)."""

    AUDIT = "audit"  # a statement line of the audit extension
    ERROR = "error"  # ERROR, FATAL or PANIC: the statement failed, its rows may have left all the same
    CONNECT = "connect"  # "connection authorized"
    DISCONNECT = "disconnect"
    REPLICATION = "replication"  # replication connection or command, logical decoding started
    CONFIG = "config"  # reload, parameter changed, server start or stop
    UNREADABLE = "unreadable"  # a sound log record whose audit text could not be split: kept, never dropped
    OTHER = "other"


RECORD_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),  # RecordKind
        ("time", pa.timestamp("us", tz="UTC")),
        ("account", pa.string()),  # database account; null for the server's own records
        ("dbname", pa.string()),  # database inside the server
        ("client_addr", pa.string()),  # address without port; "[local]" for a Unix socket
        ("app_name", pa.string()),  # set by the client: habit, never identity
        ("session", pa.string()),  # unique for one connection of one server
        ("session_line", pa.int64()),  # 1, 2, 3 … within the session
        ("transaction_id", pa.string()),  # the virtual transaction, e.g. "3/295"; null when not in one
        ("severity", pa.string()),  # LOG, ERROR, FATAL, PANIC, WARNING …
        ("error_code", pa.string()),  # SQLSTATE; "00000" is success
        ("message", pa.string()),  # for kinds other than audit; null for audit (it is split below)
        ("audit_class", pa.string()),  # READ, WRITE, FUNCTION, ROLE, DDL, MISC
        ("command", pa.string()),  # SELECT, COPY, DECLARE CURSOR, FETCH, … (the log's own word)
        ("object_type", pa.string()),
        ("object_name", pa.string()),  # schema-qualified, as logged; null when the log names none
        ("statement_id", pa.int64()),
        ("substatement_id", pa.int64()),
        ("statement", pa.string()),  # SQL text: of the audit line, or of an error record's query column
        ("parameter", pa.string()),  # bound values as logged; "<none>" and "<not logged>" become null
        ("rows", pa.int64()),  # null when the log does not say; 0 is what the log said
        ("offset", pa.int64()),  # first byte of the record in the (decompressed) log
        ("length", pa.int64()),  # bytes of the record, its line end included
    ]
)


CUT_MARK = " \N{HORIZONTAL ELLIPSIS}[cut by the log]"
"""Stands behind a statement of which the log kept only the beginning. No SQL ends so: it parses as nothing, never as harmless."""


@dataclass(frozen=True)
class Skip:
    """Bytes of a log that could not be read as a record. Counted, explained and kept for evidence."""

    offset: int  # in the decompressed log
    length: int
    reason: str  # a plain sentence: what is wrong there


@dataclass(frozen=True)
class FileId:
    """Identity of a log file: its content, not its name, so that it survives rotation, renaming and compression."""

    id: str  # short hash over the file's head
    path: str  # where it was last seen
    head_length: int  # bytes the hash covers, of the decompressed content
    device: int = 0
    inode: int = 0


@dataclass(frozen=True)
class Position:
    """How far a log has been read. ``offset`` counts decompressed bytes and lies between two records."""

    file: FileId
    offset: int


@dataclass(frozen=True)
class Slice:
    """New, complete records of one log file: bytes ``[start, end)``, cut between two records."""

    file: FileId
    start: int
    end: int
    sha256: str  # of exactly those bytes
    records: pa.Table  # RECORD_SCHEMA, in log order
    skips: tuple[Skip, ...] = ()
    last_lines: pa.Array | None = None  # where a record takes several session lines: the last of each (may have more rows)


@dataclass(frozen=True)
class SourceNotice:
    """Something about a source that is not a record: missing, unreadable, shrunk. ``fatal`` makes the scan incomplete."""

    path: str
    reason: str
    hint: str = ""
    fatal: bool = True
    kind: str = ""  # emptied, rewritten: what happened to the log behind our position; else "" (fatal: it cannot be read)
    file: FileId | None = None  # the log in question, as it was known
    offset: int = 0  # up to where it had been read


# ---------------------------------------------------------------------------------------------------------------
# Lineage: what one statement shape does with which columns.
# ---------------------------------------------------------------------------------------------------------------


class Kind(StrEnum):
    """What a statement is, by its parse (not by its first word)."""

    SELECT = "select"
    COPY_OUT = "copy_out"  # COPY t TO, COPY (query) TO
    COPY_IN = "copy_in"
    DECLARE = "declare"  # cursor; the rows leave with FETCH
    FETCH = "fetch"
    CLOSE = "close"
    PREPARE = "prepare"
    EXECUTE = "execute"
    DEALLOCATE = "deallocate"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    CREATE_AS = "create_as"  # CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW
    REFRESH = "refresh"  # REFRESH MATERIALIZED VIEW
    CREATE_VIEW = "create_view"
    EXPLAIN = "explain"
    EXPLAIN_ANALYZE = "explain_analyze"  # runs, but returns a plan
    CALL = "call"
    DO = "do"
    SET = "set"
    TRANSACTION = "transaction"
    DDL = "ddl"
    RENAME = "rename"  # ALTER … RENAME TO / SET SCHEMA: the data travel under a new name
    ROLE = "role"  # GRANT, REVOKE, CREATE/ALTER ROLE
    LOCK = "lock"
    UTILITY = "utility"  # anything else that parses
    REPLICATION = "replication"  # walsender commands (BASE_BACKUP, START_REPLICATION …)
    UNPARSED = "unparsed"  # did not parse: never ignored, treated as able to read all it names


class Flow(StrEnum):
    """How a column's values leave in the result."""

    AS_IS = "as_is"
    TRANSFORMED = "transformed"  # changed, yet recoverable or still personal: upper(x), encode(x), x || y, substr(x)
    MASKED = "masked"  # so little of each value is left that it names nobody: left(name, 1), the last four digits of a number
    KEPT = "kept"  # an aggregate that keeps its input's values: string_agg, array_agg, json_agg, whole rows to json
    AGGREGATED = "aggregated"  # aggregated away: count, sum, avg, exists — exposes nobody


class Destination(StrEnum):
    """Where the result goes."""

    CLIENT = "client"
    TABLE = "table"  # into another relation (CTAS, INSERT … SELECT)
    SERVER_FILE = "server_file"  # COPY TO '/file', lo_export
    PROGRAM = "program"  # COPY TO PROGRAM
    NETWORK = "network"  # dblink, notify, foreign tables
    NOWHERE = "nowhere"  # EXPLAIN, PREPARE, DECLARE: nothing leaves with this statement


@dataclass(frozen=True)
class Output:
    """One column of a base relation whose values leave with the statement. ``column`` "*" means every column."""

    table: TableRef
    column: str
    flow: Flow
    name: str = ""  # under which name it appears in the result (a copy's column name)


@dataclass(frozen=True)
class KeyPredicate:
    """``column = constant`` or ``column IN (…)`` or a range, on a base relation, that narrows what is read."""

    table: TableRef
    column: str
    kind: str  # eq | in | range | like
    values: int | None = None  # number of constants in an IN list; None when it cannot be told from the text
    low: int | None = None  # numeric range bounds when both are literals: low <= column <= high
    high: int | None = None


@dataclass(frozen=True)
class Lineage:
    """What one statement shape does. Base relations only: views and known functions are resolved to what they read."""

    kind: Kind
    tables: tuple[TableRef, ...] = ()  # every base relation read, joins and subqueries included
    outputs: tuple[Output, ...] = ()  # what leaves, by base column
    destination: Destination = Destination.CLIENT
    written: TableRef | None = None  # relation written to
    written_columns: tuple[Output, ...] = ()  # for copies: base column -> column name in ``written`` (Output.name)
    one_row: bool = False  # the result is one row whatever the input (aggregate without GROUP BY, scalar subqueries)
    grouped: bool = False  # GROUP BY or DISTINCT: fewer rows than the input
    keeps_values: bool = False  # an aggregate that keeps values: the input's rows leave, not the output's
    limit: int | None = None  # LIMIT / FETCH FIRST constant that bounds the result
    has_offset: bool = False
    keyset_order: bool = False  # ORDER BY on a column that a range predicate narrows, with LIMIT: keyset paging
    predicates: tuple[KeyPredicate, ...] = ()
    filtered: bool = False  # any WHERE or JOIN condition that may narrow the rows
    branches: tuple[tuple[TableRef, ...], ...] = ()  # of a UNION: the relations that each side's values come from
    multiplied: bool = False  # a set-returning function makes several rows of one
    cursor: str | None = None  # DECLARE / FETCH / CLOSE: cursor name, case-folded
    fetch_count: int | None = None  # FETCH n; None for ALL
    backward: bool = False  # FETCH BACKWARD, ABSOLUTE, FIRST, LAST …: it may return rows that were fetched before
    prepared: str | None = None  # PREPARE / EXECUTE / DEALLOCATE name
    functions: tuple[str, ...] = ()  # functions called, qualified as written, lower case
    definer_functions: tuple[str, ...] = ()  # of those, known SECURITY DEFINER ones that read base relations
    settings: tuple[tuple[str, str], ...] = ()  # SET name = value (value empty when it may be secret)
    renamed_from: TableRef | None = None  # RENAME: old relation; ``written`` is the new one
    unknown: bool = False  # parse failed, or text was cut, or columns could not be resolved: count all of them
    contradicts: bool = False  # the log names relations for it of which its text says nothing
    literal_sensitive: bool = False  # the same fingerprint with other constants may read other data: key by full text
    techniques: tuple[str, ...] = ()  # act words told by the text alone: copy, cursor, concat_aggregate, server_file …


# ---------------------------------------------------------------------------------------------------------------
# Events: one per (session, statement, substatement). The columns of the Delta table and of `events export`.
# Names follow OCSF Datastore Activity (6005) where it has them; row counts follow OpenTelemetry's
# db.response.returned_rows.
# ---------------------------------------------------------------------------------------------------------------

EVENT_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),  # "<database>/<session>/<session_line of its first record>"; stable for ever
        ("time", pa.timestamp("us", tz="UTC")),
        ("day", pa.date32()),  # UTC day of ``time``; the Delta table is partitioned by it
        ("database", pa.string()),  # name in the configuration
        ("dbname", pa.string()),  # database inside the server
        ("account", pa.string()),
        ("vendor", pa.string()),  # key in the configuration; null: the company's own account
        ("main_vendor", pa.string()),  # the vendor it works for, when it is part of one; else itself
        ("client_ip", pa.string()),
        ("app_name", pa.string()),
        ("session", pa.string()),
        ("session_line", pa.int64()),
        ("statement_id", pa.int64()),
        ("substatement_id", pa.int64()),
        (
            "activity",
            pa.string(),
        ),  # read write ddl role function misc connect disconnect replication config error unreadable
        ("command", pa.string()),  # SELECT, COPY, FETCH … as logged
        ("status", pa.string()),  # success | failure
        ("error_code", pa.string()),
        ("shape", pa.string()),  # 16 hex digits; key into the shapes of the state database
        ("tables", pa.list_(pa.string())),  # base relations, "schema.table"
        ("destination", pa.string()),  # Destination
        ("pii_classes", pa.list_(pa.string())),  # classes that left
        ("pii_columns", pa.list_(pa.string())),  # "schema.table.column" that left and are personal
        (
            "sensitivity",
            pa.int8(),
        ),  # 0 none, 1 quasi or masked, 2 contact data, 3 financial or location, 4 unique identifiers
        ("returned_rows", pa.int64()),  # as the log says; null when it does not
        ("exposed_rows", pa.int64()),  # best estimate of personal records that left
        ("exposed_rows_low", pa.int64()),
        ("exposed_rows_high", pa.int64()),
        ("exposed_persons", pa.int64()),  # best estimate of people
        ("exposed_persons_low", pa.int64()),
        ("exposed_persons_high", pa.int64()),
        ("rows_source", pa.string()),  # reported | reported_elsewhere | estimated | upper_bound | unknown
        ("table_share", pa.float64()),  # exposed_persons over the people of the largest personal table read, 0..1
        ("technique", pa.string()),  # the most telling act word; "" when ordinary
        ("techniques", pa.list_(pa.string())),  # all of them
        ("fk_check", pa.bool_()),  # the engine's own foreign-key check, nobody read anything
        ("contract", pa.string()),  # id of the contract version that judged it; null without one
        ("contract_state", pa.string()),  # active | expired | not_yet | none
        ("in_contract", pa.bool_()),  # null for the company's own accounts
        ("contract_breach", pa.list_(pa.string())),  # table column hours address expired not_yet export
        (
            "contract_share",
            pa.float64(),
        ),  # exposed_persons over max_persons_per_day; 0 without a limit or for an agreed export
        ("agreed_export", pa.bool_()),  # covered by an export agreed beforehand
        ("export", pa.string()),  # name of that export (its number from 1 when it has none)
        ("in_maintenance", pa.bool_()),  # an announced window, of the vendor's contract or of the databases
        ("canary", pa.bool_()),  # asked for rows that no honest work touches
        ("hour_local", pa.int8()),
        ("weekday_local", pa.int8()),  # 0 Monday … 6 Sunday
        ("day_local", pa.date32()),
        ("in_business_hours", pa.bool_()),
        # the account's people today so far against its usual day; null while there is nothing to compare with
        ("baseline_z", pa.float64()),  # in robust standard deviations
        (
            "habit_source",
            pa.string(),
        ),  # whose habit: own | young (own, before its first month end) | peers (of its vendor) | none
        ("habit_times", pa.float64()),  # as a multiple of the usual day
        (
            "statement_times",
            pa.float64(),
        ),  # the statement's people as a multiple of the largest before; null while learning
        ("in_season", pa.bool_()),  # near a month end, or in the weeks around a long holiday: busy for honest reasons
        ("days_above_habit", pa.int64()),  # days of the last fortnight with twice what was usual before it; 0 unless today is one
        ("excess_persons", pa.int64()),  # people beyond the usual on those days
        ("vendor_z", pa.float64()),  # the same for all accounts of the vendor together
        ("vendor_times", pa.float64()),
        ("vendor_days_above_habit", pa.int64()),
        ("vendor_excess_persons", pa.int64()),
        ("first_seen_shape", pa.bool_()),  # for this account; false while the account has no history yet
        ("first_seen_ip", pa.bool_()),
        ("first_seen_app", pa.bool_()),
        ("first_seen_table", pa.bool_()),
        ("novelty", pa.list_(pa.string())),  # what the account began to do less than a week ago: shape ip app table hour
        ("dormant_days", pa.float64()),  # days since the account's last event before this one; null for its first
        ("source_id", pa.string()),  # "<database>/<index of the audit source>"
        ("source_file", pa.string()),  # FileId.id
        ("source_offset", pa.int64()),
        ("source_length", pa.int64()),
        ("batch", pa.int64()),  # ledger entry of the batch that brought it
        # Which people, so that a window counts each of them once (scanner.exposure.people). New columns go to the end:
        # files of older versions lack them.
        ("person_table", pa.string()),  # whose people: the table that describes those who were read
        ("person_total", pa.int64()),  # people in it; null when not known
        ("key_domain", pa.string()),  # what tells them apart, e.g. "crm.mbr.mbr_no"; "*" everybody; null when it is not known
        ("key_low", pa.int64()),  # they are those with keys from key_low …
        ("key_high", pa.int64()),  # … to key_high, both included
        ("key_hashes", pa.list_(pa.int64())),  # or those whose keys, hashed with the installation's secret, are these
        ("key_count", pa.int64()),  # keys named; more than there are hashes when only the smallest were kept
        # Why the statement could not be read in full, so that it counts as reading all that the log or its text names; null when
        # it was: unparsed | cut (by the log) | contradicts (the log names other relations) | partly (SQL made at run time …)
        ("unread", pa.string()),
    ]
)

# What exports and the API show of an event: hashes of keys are for counting only.
SHOWN_SCHEMA = pa.schema([column for column in EVENT_SCHEMA if column.name != "key_hashes"])


# ---------------------------------------------------------------------------------------------------------------
# Findings.
# ---------------------------------------------------------------------------------------------------------------


class Level(StrEnum):
    """Sigma's levels, in rising order."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True)
class Estimate:
    """A number that may not be known exactly: ``low <= best <= high``."""

    low: int = 0
    best: int = 0
    high: int = 0


# What the rules hand to the findings: one row per (rule, group, contributing event).
HITS_SCHEMA = pa.schema(
    [
        ("rule_id", pa.string()),
        ("level", pa.string()),  # Level
        ("group_key", pa.string()),  # the correlation's group values, joined; "" for a rule about single events
        ("event_id", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
        ("observed", pa.float64()),  # largest aggregate of the windows the event belongs to; null for single events
        ("threshold", pa.float64()),
    ]
)
