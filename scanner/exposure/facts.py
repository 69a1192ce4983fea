"""Exposure: which personal data of how many people left with an act.

Two halves. :func:`facts` says, once per statement shape, what *can* leave: lineage against the PII catalogue. Set-based
SQL (:mod:`scanner.exposure.measure`) then says, per act, how much *did* leave: the facts against the row count of the log,
cursors against their DECLARE, nested statements against the outer one.

How people are counted, for ``n`` rows of a table with ``R`` rows about ``P`` people:

* ``P >= R`` (a row is a person): ``n`` people;
* else, ``n`` rows drawn without a pattern hit ``P · (1 − (1 − n/R)^(R/P))`` different people (expected occupancy of
  P equal cells), at least ``⌈n·P/R⌉`` and at most ``min(n, P)``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import prod
from typing import Any

import pyarrow as pa

from scanner.exposure.keyplan import key_plan
from scanner.exposure.unread import READS_NOTHING, why_unread
from scanner.model import Column, Destination, Flow, KeyPredicate, Kind, Lineage, Output, Schema, Table, TableRef

_UNIQUE_IDENTIFIERS = frozenset(
    [
        "KR_RRN",
        "KR_FRN",
        "KR_PASSPORT",
        "KR_DRIVER_LICENSE",
        "KR_CI",
        "US_SSN",
        "US_PASSPORT",
        "US_ITIN",
        "US_DRIVER_LICENSE",
        "UK_NINO",
        "UK_NHS",
        "UK_PASSPORT",
        "ES_NIF",
        "ES_NIE",
        "IT_FISCAL_CODE",
        "IT_IDENTITY_CARD",
        "IT_PASSPORT",
        "PL_PESEL",
        "FI_PERSONAL_IDENTITY_CODE",
        "DE_ID_CARD",
        "DE_PASSPORT",
        "DE_TAX_ID",
        "DE_SOCIAL_SECURITY",
        "SE_PERSONNUMMER",
        "FR_NIR",
        "NL_BSN",
        "MEDICAL_LICENSE",
    ]
)
_FINANCIAL_OR_LOCATION = frozenset(["CREDIT_CARD", "BANK_ACCOUNT", "IBAN_CODE", "US_BANK_NUMBER", "CRYPTO", "GEO"])


PACKED = "packed"
"""Kind of a copy whose rows hold many people each: an aggregate had packed them before they were copied."""


def sensitivity(pii_class: str, form: str) -> int:
    """0 none, 1 quasi-identifier or masked, 2 contact data, 3 financial or location, 4 unique identifiers (PIPA Art. 24)."""
    if form in ("quasi", "masked"):
        return 1
    if pii_class in _UNIQUE_IDENTIFIERS:
        return 4
    return 3 if pii_class in _FINANCIAL_OR_LOCATION else 2


@dataclass(frozen=True)
class Facts:
    """What one statement shape can let out. Row figures are of the personal table that holds most people."""

    shape: str
    kind: str
    destination: str
    mode: str  # none | rows (a returned row is a record) | input (values are kept by an aggregate: the input's rows leave)
    tables: tuple[str, ...] = ()
    pii_columns: tuple[str, ...] = ()
    pii_classes: tuple[str, ...] = ()
    sensitivity: int = 0
    total_rows: int | None = None  # R
    total_persons: int | None = None  # P
    single: bool = True  # one personal table: a row is not repeated by a join
    distinct: bool = False  # DISTINCT, GROUP BY: no two rows are alike
    calls: bool = False  # it calls functions, whose statements are logged behind its own
    low_rows: int = 0  # rows that leave when the log does not say how many
    best_rows: int = 0
    high_rows: int = 0
    source: str = "unknown"  # rows_source of those three
    cursor: str | None = None
    fetch_count: int | None = None
    backward: bool = False  # a FETCH that does not go on where the last one ended
    speaks: bool = False  # a body that it runs sends what it reads as notices
    prepared: str | None = None
    dump_setup: bool = False  # a dump tool's session set-up: marks the session
    explains: bool = False  # what its nested statements read is accounted for here: they let out nothing by themselves
    techniques: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()  # names of the functions called, without their schemas
    copies_into: str | None = None  # table that gets personal data by it
    unread: str | None = None  # why the statement could not be read in full: unparsed | cut | contradicts | partly
    key_plan: str | None = None  # how to tell from a statement which people it names (scanner.exposure.keyplan)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Facts:
        raw: dict[str, Any] = json.loads(text)
        known = {f.name for f in fields(Facts)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items() if k in known}
        return Facts(**values)


FACTS_SCHEMA = pa.schema(
    [
        ("shape", pa.string()),
        ("kind", pa.string()),
        ("destination", pa.string()),
        ("mode", pa.string()),
        ("tables", pa.list_(pa.string())),
        ("pii_columns", pa.list_(pa.string())),
        ("pii_classes", pa.list_(pa.string())),
        ("sensitivity", pa.int8()),
        ("total_rows", pa.int64()),
        ("total_persons", pa.int64()),
        ("single", pa.bool_()),
        ("distinct", pa.bool_()),
        ("calls", pa.bool_()),
        ("low_rows", pa.int64()),
        ("best_rows", pa.int64()),
        ("high_rows", pa.int64()),
        ("source", pa.string()),
        ("cursor", pa.string()),
        ("fetch_count", pa.int64()),
        ("backward", pa.bool_()),
        ("speaks", pa.bool_()),
        ("prepared", pa.string()),
        ("dump_setup", pa.bool_()),
        ("explains", pa.bool_()),
        ("techniques", pa.list_(pa.string())),
        ("unread", pa.string()),
    ]
)


def facts_table(all_facts: Iterable[Facts]) -> pa.Table:
    """Facts as an Arrow table (FACTS_SCHEMA)."""
    every = list(all_facts)
    columns = [pa.array([getattr(f, column.name) for f in every], column.type) for column in FACTS_SCHEMA]
    return pa.table(columns, schema=FACTS_SCHEMA)


def facts(
    shape: str,
    lineage: Lineage,
    schema: Schema,
    *,
    logged: Sequence[str] = (),
    statement: str = "",
    dialect: str = "postgresql",
) -> Facts:
    """What ``lineage`` can let out of ``schema``. ``logged`` are the relations the log itself names."""
    outputs = list(lineage.outputs)
    tables = [ref for ref in lineage.tables if not _system(ref)]
    named = [ref for ref in (_ref(name, schema) for name in logged) if not _system(ref)]
    resolved = set(tables)
    views = {ref for ref in named if (found := schema.tables.get(ref)) and found.kind == "view"}
    parts = {ref for ref in named if (found := schema.tables.get(ref)) and found.parent in resolved}
    own = {lineage.written} if lineage.kind in (Kind.INSERT, Kind.UPDATE) else set()  # named for being written to
    missed = [ref for ref in named if ref not in resolved and ref not in views and ref not in parts]
    if lineage.kind is Kind.UNPARSED or lineage.unknown or not tables:
        # the log saw relations that the parse did not: unknown columns of a personal table count as all of them
        outputs += [Output(ref, "*", Flow.AS_IS) for ref in missed if lineage.kind not in READS_NOTHING and ref not in own]
    tables += missed
    if lineage.kind is Kind.REPLICATION and _streams_data(statement):
        outputs = [Output(ref, "*", Flow.AS_IS) for ref, table in schema.tables.items() if table.has_pii and _stands_alone(table)]
        tables = [output.table for output in outputs]

    personal_tables = {table.ref for table in (schema.tables.get(ref) for ref in missed) if table is not None and table.has_pii}
    personal, direct, mode = _personal(outputs, schema, lineage)
    techniques = lineage.techniques
    if mode == "none" and lineage.kind is Kind.SELECT and (probed := _probed(lineage, schema)):
        personal, direct, mode = _personal(probed, schema, lineage)
        techniques = (*techniques, "probe")
    lead = _lead([schema.tables[ref] for ref in direct if ref in schema.tables])
    if lead is not None and lead.kind == PACKED:
        lead = replace(lead, rows=lead.persons)  # who were packed into its rows
    sides = _sides(lineage, direct)
    repeated = len(lineage.branches) > 1 and not sides  # select nm from mbr union select tel from mbr: everyone is there twice
    if sides:  # UNION of different people's tables: the rows of one and of the other
        lead = _together([schema.tables[ref] for ref in sides], lead)
    low, best, high, source = _rows_without_a_count(lineage, lead)
    if lineage.kind is Kind.SELECT and "replication" in lineage.techniques:  # a slot hands over changes, be they few or none
        low, source = 0, "upper_bound"
    unread = why_unread(statement, lineage, bool([ref for ref in missed if ref in personal_tables and ref not in own]))
    if unread in ("unparsed", "cut", "contradicts"):  # up to all that the relations hold, perhaps nobody
        low, source = 0, "upper_bound" if source == "estimated" else source
        mode = "input" if unread == "unparsed" and mode == "rows" else mode  # one row may hold them all
    total_rows, total_persons = (lead.rows if lead else None), _persons(lead)
    if lineage.kind is Kind.REPLICATION and lead is not None:
        # whole tables in one stream: at least the people of the largest, at most all of them together
        held = [_persons(schema.tables[ref]) or 0 for ref in direct if ref in schema.tables]
        best, high = max(held), sum(held)
        low = best if _is_backup(statement) else 0
        total_rows = total_persons = high
        source = "estimated" if low else "upper_bound"
    plan = key_plan(statement, lineage, lead, schema, dialect) if mode != "none" else None
    columns = sorted(personal)
    return Facts(
        shape=shape,
        kind=lineage.kind.value,
        destination=lineage.destination.value,
        mode=mode,
        tables=tuple(sorted({str(ref) for ref in tables})),
        pii_columns=tuple(columns),
        pii_classes=tuple(sorted({personal[name].pii_class or "" for name in columns})),
        sensitivity=max((sensitivity(c.pii_class or "", c.form) for c in personal.values()), default=0),
        total_rows=total_rows,
        total_persons=total_persons,
        single=lineage.kind is Kind.REPLICATION
        or (
            not lineage.multiplied
            and (len(direct) <= 1 or bool(sides))
            and len(set(tables)) <= max(1, len(sides))
            and not repeated
        ),
        distinct=lineage.grouped and not lineage.keeps_values,
        calls=bool(lineage.functions),
        low_rows=low,
        best_rows=best,
        high_rows=high,
        source=source,
        cursor=lineage.cursor,
        fetch_count=lineage.fetch_count,
        backward=lineage.backward,
        speaks="notification" in lineage.techniques,
        prepared=lineage.prepared,
        dump_setup=_dump_setup(lineage),
        explains=_explains(lineage, schema),
        techniques=techniques,
        functions=tuple(dict.fromkeys(name.rpartition(".")[2] for name in lineage.functions)),
        unread=unread,
        key_plan=plan.to_json() if plan is not None else None,
    )


def _probed(lineage: Lineage, schema: Schema) -> list[Output]:
    """What is asked of one person without being read: ``count(*) … where id = 5 and rrn < '7'``. A few of these and it is
    known. Whether somebody is of age is asked for good reasons."""
    found = []
    for p in lineage.predicates:
        table = schema.tables.get(p.table)
        column = table.column(p.column) if table is not None else None
        if table is None or column is None or column.pii_class == "DATE_OF_BIRTH" or p.kind not in ("range", "like"):
            continue
        if any(_pins_one_row(lineage, table, key) for key in table.unique_keys):
            found.append(Output(p.table, p.column, Flow.TRANSFORMED))
    return found


def _personal(outputs: Iterable[Output], schema: Schema, lineage: Lineage) -> tuple[dict[str, Column], list[TableRef], str]:
    """Personal columns that leave, the tables with *identifying* ones among them, and how their rows are to be counted."""
    personal: dict[str, Column] = {}
    direct: dict[TableRef, None] = {}
    kept = False
    for output in outputs:
        if output.flow is Flow.AGGREGATED:
            continue
        table = schema.tables.get(output.table)
        if table is None:
            continue
        columns = table.columns if output.column == "*" else [c for c in table.columns if c.name == output.column]
        if not columns and lineage.unknown:
            columns = table.columns
        for column in columns:
            if column.pii_class is None:
                continue
            key = column.origin or f"{table.ref}.{column.name}"
            if output.flow is not Flow.MASKED:
                personal[key] = column
            elif key not in personal:
                personal[key] = replace(column, form="masked")
            if column.form in ("typed", "embedded") and output.flow is not Flow.MASKED:
                direct[table.ref] = None
                kept = kept or output.flow is Flow.KEPT or table.kind == PACKED
    if not direct or (lineage.destination in (Destination.TABLE, Destination.NOWHERE) and lineage.kind not in _DELAYED):
        return personal, list(direct), "none"
    return personal, list(direct), "input" if kept or lineage.keeps_values else "rows"


# nothing leaves with these themselves, but what they say is what a later FETCH or EXECUTE lets out
_DELAYED = frozenset({Kind.DECLARE, Kind.PREPARE})


def _rows_without_a_count(lineage: Lineage, lead: Table | None) -> tuple[int, int, int, str]:
    """Rows (low, best, high) that leave when the log gives no count, and the rows_source that says how it was made."""
    if lead is None:
        return 0, 0, 0, "unknown"
    bound = lead.rows
    if any(_pins_one_row(lineage, table, key) for table in [lead] for key in table.unique_keys):
        return 0, 1, 1, "upper_bound"
    if lineage.limit is not None:
        bound = lineage.limit if bound is None else min(bound, lineage.limit)
    if bound is None:
        return 0, 0, 0, "unknown"
    keyed = [_most_of_list(p, lead) for p in lineage.predicates if p.table == lead.ref and (p.column,) in lead.unique_keys]
    if listed := [(n, most) for n, most in keyed if n]:  # where id in (1, 2, 3): at most as many rows as keys
        named, most = min(listed)
        return 0, min(named, bound), min(most, bound), "upper_bound"
    if lineage.grouped and not lineage.keeps_values:
        return min(1, bound), bound, bound, "upper_bound"  # how many groups there are is not known
    if not lineage.filtered and not lineage.predicates:
        return bound, bound, bound, "estimated"
    # a filter of unknown strength: a join alone rarely narrows, a predicate on a column does, each kind in its measure
    share = prod({(p.table, p.column): _narrows(p, lead) for p in lineage.predicates}.values()) if lineage.limit is None else 1.0
    return 0, max(min(1, bound), round(bound * share)), bound, "upper_bound"


# What a predicate of unknown selectivity is taken to leave of a table. Guesses, for the best estimate only: the upper
# bound never uses them.
_NARROWS = {"eq": 0.01, "in": 0.05, "like": 0.2, "range": 0.5}
_NAMESAKES = 0.001  # of all people, those with one certain full name; the most frequent ones reach a little more


def _narrows(predicate: KeyPredicate, lead: Table) -> float:
    column = lead.column(predicate.column) if predicate.table == lead.ref else None
    if predicate.kind == "eq" and column is not None and column.pii_class == "PERSON":
        return _NAMESAKES
    return _NARROWS.get(predicate.kind, 1.0)


_WHOLE_NUMBERS = frozenset({"int", "integer", "smallint", "bigint", "int2", "int4", "int8", "INTEGER", "SMALLINT", "BIGINT"})


def _most_of_list(predicate: KeyPredicate, table: Table) -> tuple[int, int]:
    """How many rows a list of keys or a range of whole numbers names, and how many at most another statement of its shape does:
    lists up to the next power of two share a shape, and so do such widths."""
    count = predicate.values if predicate.kind == "in" else None
    column = table.column(predicate.column)
    whole = column is not None and column.type in _WHOLE_NUMBERS
    if predicate.kind == "range" and whole and predicate.low is not None and predicate.high is not None:
        count = predicate.high - predicate.low + 1
    if count is None or count <= 0:
        return 0, 0
    return count, 1 << count.bit_length()


def _pins_one_row(lineage: Lineage, table: Table, key: tuple[str, ...]) -> bool:
    pinned = {p.column for p in lineage.predicates if p.kind == "eq" and p.table == table.ref}
    return bool(key) and set(key) <= pinned


def _lead(tables: Sequence[Table]) -> Table | None:
    return max(tables, key=lambda t: (_persons(t) or 0, t.rows or 0), default=None)


def _sides(lineage: Lineage, direct: Sequence[TableRef]) -> tuple[TableRef, ...]:
    """The personal tables of a UNION whose every side has one of its own; none for anything else."""
    personal = [[ref for ref in side if ref in direct] for side in lineage.branches]
    own = [refs[0] for refs in personal if refs]
    alone = all(len(refs) <= 1 for refs in personal) and len(set(own)) == len(own)
    return tuple(own) if alone and len(own) > 1 and set(own) == set(direct) else ()


def _together(tables: Sequence[Table], lead: Table | None) -> Table | None:
    """Several tables about different people as if they were one."""
    if lead is None or any(t.rows is None for t in tables):
        return lead
    persons = [_persons(t) or 0 for t in tables]
    return replace(lead, rows=sum(t.rows or 0 for t in tables), persons=sum(persons), unique_keys=())


def _persons(table: Table | None) -> int | None:
    if table is None:
        return None
    if table.persons is None or not table.rows or table.kind == PACKED:
        return table.persons if table.persons is not None else table.rows
    return min(table.persons, table.rows)


def _ref(name: str, schema: Schema) -> TableRef:
    head, _, tail = name.rpartition(".")
    head = head.strip('"')
    # every session has a temporary schema of its own (pg_temp_3 …); statements call it pg_temp
    return TableRef("pg_temp" if head.startswith("pg_temp_") else head or schema.default_schema, tail.strip('"'))


def _stands_alone(table: Table) -> bool:
    """Whether a table's rows are its own: views and temporary tables are in no stream, and parts are in their parent's count."""
    return table.kind in ("table", "materialized_view") and table.parent is None and table.ref.schema != "pg_temp"


def _system(ref: TableRef) -> bool:
    return ref.schema in ("pg_catalog", "information_schema", "pg_toast") or ref.schema.startswith("pg_temp_none")


def _streams_data(command: str) -> bool:
    return command.lstrip().upper().startswith(("BASE_BACKUP", "START_REPLICATION"))


def _is_backup(command: str) -> bool:
    return command.lstrip().upper().startswith("BASE_BACKUP")


_DUMP_SETTINGS = frozenset({"synchronize_seqscans", "sql_quote_show_create"})  # pg_dump's; mysqldump's and mariadb-dump's


def _dump_setup(lineage: Lineage) -> bool:
    """pg_dump and its kin switch synchronised scans off or name their cursor so; no ordinary client does either."""
    return lineage.cursor == "_pg_dump_cursor" or any(name in _DUMP_SETTINGS for name, _ in lineage.settings)


def _explains(lineage: Lineage, schema: Schema) -> bool:
    """Whether the outer statement says all that leaves: its functions are known, so their inner statements add nothing."""
    if lineage.kind not in (Kind.SELECT, Kind.CALL) or lineage.unknown:
        return False
    if lineage.kind is Kind.CALL and "notification" in lineage.techniques:
        return False
    known = {ref.name for ref in schema.functions}
    return any(name.rpartition(".")[2] in known for name in lineage.functions)


# the most telling act word first: what ``technique`` shows when several apply
TELLING = (
    "audit_tampering", "dump_tool", "replication", "program", "server_file", "large_object", "dblink", "notification",
    "definer_function", "query_to_xml", "concat_aggregate", "row_to_json", "copy_to_new_table", "rename", "aborted",
    "copy", "cursor", "paging", "key_range", "encoding", "returning", "in_list", "privilege_grant", "function", "trigger",
    "explain",
)  # fmt: skip


def technique_words(words: Iterable[str], *, dump: bool = False, aborted: bool = False, fetch: bool = False) -> tuple[str, ...]:
    """Act words of one act, the most telling first."""
    found = set(words)
    if dump:
        found.add("dump_tool")
    if aborted:
        found.add("aborted")
    if fetch:
        found.add("cursor")
    order: Mapping[str, int] = {word: i for i, word in enumerate(TELLING)}
    return tuple(sorted(found, key=lambda w: (order.get(w, len(order)), w)))
