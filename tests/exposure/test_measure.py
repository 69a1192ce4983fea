"""How much left with each act: every way of counting, act by act, wherever the log is cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import lineage
from scanner.events import LAST_SCHEMA, to_acts
from scanner.exposure import SessionCarry, facts_table, measure, sensitivity
from scanner.exposure.cases import _persons_best, _persons_high, _persons_low
from scanner.model import RECORD_SCHEMA, Column, Function, Schema, Table, TableRef
from scanner.shapebook import ShapeBook

MBR = TableRef("crm", "mbr")
ORD = TableRef("crm", "ord")
EVERYONE = TableRef("crm", "everyone")


def personal(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "text", "PERSON") for name in names)


SCHEMA = Schema(
    "shop",
    "1",
    {
        MBR: Table(MBR, (Column("no", "int"), *personal("nm", "tel")), rows=3000, persons=3000, unique_keys=(("no",),)),
        ORD: Table(ORD, (Column("no", "int"), Column("mbr_no", "int"), *personal("rcv")), rows=6000, persons=2000),
        TableRef("shop", "prd"): Table(TableRef("shop", "prd"), (Column("no", "int"), Column("nm", "text")), rows=400),
        TableRef("dlv", "stage"): Table(TableRef("dlv", "stage"), (Column("a", "text"),), rows=0),
    },
    {EVERYONE: (Function(EVERYONE, "sql", "select * from crm.mbr", True, "SETOF crm.mbr"),)},
)


def line(
    statement: str | None,
    rows: int | None = 0,
    command: str = "SELECT",
    cls: str = "READ",
    *,
    number: int = 0,
    sub: int = 1,
    session: str = "a",
    app: str = "psql",
    name: str | None = None,
) -> dict[str, Any]:
    """One audit line; ``number`` 0 is the next statement."""
    return {
        "kind": "audit",
        "statement": statement,
        "rows": rows,
        "command": command,
        "audit_class": cls,
        "statement_id": number,
        "substatement_id": sub,
        "session": session,
        "app_name": app,
        "object_name": name,
        "severity": "LOG",
        "error_code": "00000",
    }


def error(statement: str, code: str) -> dict[str, Any]:
    return {"kind": "error", "statement": statement, "error_code": code, "severity": "ERROR", "session": "a"}


def records(lines: Sequence[dict[str, Any]]) -> pa.Table:
    numbers: dict[str, int] = {}
    rows = []
    for n, given_line in enumerate(lines):
        row = dict(given_line)
        if row["kind"] == "audit":
            numbers[row["session"]] = row["statement_id"] = row["statement_id"] or numbers.get(row["session"], 0) + 1
        rows.append({**row, "session_line": n + 1, "offset": n * 100, "length": 100, "time": n * 1_000_000, "account": "dlv"})
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)


def exposed(lines: Sequence[dict[str, Any]], cuts: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Exposure of every act; a new slice begins at each of ``cuts``."""
    every = records(lines)
    book = ShapeBook.open("shop", SCHEMA, [], [])
    carry, last = SessionCarry.empty(), LAST_SCHEMA.empty_table()
    found: list[dict[str, Any]] = []
    ends = sorted({min(cut, len(lines)) for cut in cuts} | {len(lines)})
    for start, end in zip([0, *ends], ends, strict=False):
        acts, last = to_acts(every.slice(start, end - start), last)
        shapes = lineage.assign_shapes(acts["statement"], acts["logged"], acts["command"])
        acts = acts.append_column("shape", shapes.keys)
        for row in shapes.table.to_pylist():
            if row["shape"] not in book.known:
                logged = tuple(row["logged"].split("\x1f")) if row["logged"] else ()
                book.add(row["shape"], row["statement"], logged=logged, command=row["command"] or "", rows=None, seen="")
        measured = measure(acts, facts_table(book.known.values()), carry)
        carry = measured.carry
        found += [
            {**event, "command": act["command"]}
            for event, act in zip(measured.exposed.to_pylist(), acts.to_pylist(), strict=True)
        ]
    for event in found:
        event.pop("facts", None)
    return found


def persons(lines: Sequence[dict[str, Any]]) -> list[tuple[int, int, int]]:
    return [(e["exposed_persons_low"], e["exposed_persons"], e["exposed_persons_high"]) for e in exposed(lines)]


ALL = (3000, 3000, 3000)
NONE = (0, 0, 0)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        pytest.param([line("select nm from crm.mbr", 120)], [(120, 120, 120)], id="reported"),
        pytest.param([line("select nm from crm.mbr", 0)], [NONE], id="reported nothing"),
        pytest.param([line("select nm from crm.mbr", None)], [ALL], id="no row counts in this log"),
        pytest.param([line("copy crm.mbr to stdout", 0, "COPY")], [ALL], id="copy of a table says 0"),
        pytest.param([line("copy shop.prd to stdout", 0, "COPY")], [NONE], id="copy without people"),
        pytest.param(
            [
                line("copy (select nm from crm.mbr) to stdout", 77, number=1),
                line("copy (select nm from crm.mbr) to stdout", 0, "COPY", number=1, sub=2),
            ],
            [(77, 77, 77), NONE],
            id="copy of a query is counted at its select",
        ),
        pytest.param([line("select count(*) from crm.mbr", 1)], [NONE], id="counting"),
        pytest.param([line("select string_agg(nm, ',') from crm.mbr", 1)], [ALL], id="an aggregate that keeps values"),
        pytest.param(
            [line("select pg_notify('c', (select string_agg(nm, ',') from (select nm from crm.mbr limit 200) x))", 1)],
            [(200, 200, 200)],
            id="an aggregate inside a value, over a few",
        ),
        pytest.param(
            [line("select array(select nm from crm.mbr where tel > '5')", 1)], [(1, 1500, 3000)], id="an array of some people"
        ),
        pytest.param([line("select (select string_agg(nm, ',') from crm.mbr), 5", 1)], [ALL], id="an aggregate inside a value"),
        pytest.param(
            [line("select (select json_agg(nm) from crm.mbr), (select json_agg(tel) from crm.mbr limit 1)", 1)],
            [ALL],
            id="two values, of which one holds everyone",
        ),
        pytest.param([line("select string_agg(nm, ',') from crm.mbr", 0)], [NONE], id="an aggregate that returned nothing"),
        pytest.param(
            [line('SELECT 1 FROM ONLY "crm"."mbr" x WHERE "no" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x', 1, sub=2)],
            [NONE],
            id="the engine's own foreign-key check",
        ),
        pytest.param(
            [
                line("begin", 0, "BEGIN", "MISC"),
                line("declare c cursor for select * from crm.mbr", 0, "DECLARE CURSOR"),
                line("fetch 100 from c", 0, "FETCH", "MISC"),
                line("fetch 50 from c", 0, "FETCH", "MISC"),
            ],
            [NONE, NONE, (100, 100, 100), (50, 50, 50)],
            id="cursor",
        ),
        pytest.param(
            [
                line("begin", 0, "BEGIN", "MISC"),
                line("declare c cursor for select * from crm.mbr", 0, "DECLARE CURSOR"),
                *[line("fetch 2000 from c", 0, "FETCH", "MISC")] * 3,
            ],
            [NONE, NONE, (2000, 2000, 2000), (1000, 1000, 1000), NONE],
            id="a cursor cannot give more than there is",
        ),
        pytest.param(
            [line("select no from crm.mbr", 3), line("declare c cursor for select * from crm.mbr", 0, "DECLARE CURSOR")],
            [NONE, (0, 3000, 3000)],
            id="a cursor, where no FETCH is logged",
        ),
        pytest.param(
            [
                line("declare c cursor for select * from crm.mbr", None, "DECLARE CURSOR", number=1),
                line("declare c cursor for select * from crm.mbr", None, "SELECT", number=1, sub=2),
            ],
            [(0, 3000, 3000), NONE],
            id="a cursor of two lines, where no FETCH is logged",
        ),
        pytest.param(
            [line("declare c cursor for select nm from crm.mbr limit 40", None)], [(0, 40, 40)], id="a cursor of an audited table"
        ),
        pytest.param([line("fetch 100 from unknown", 0, "FETCH")], [NONE], id="a cursor nobody declared"),
        pytest.param([error("select nm from crm.mbr", "57014")], [(0, 3000, 3000)], id="cancelled while running"),
        pytest.param([error("select nm from crm.mbr where no = 1", "42501")], [NONE], id="refused before running"),
        pytest.param([error("select nm fro crm.mbr", "42601")], [NONE], id="syntax error"),
        pytest.param(
            [line("explain select nm from crm.mbr", 0), line("explain select nm from crm.mbr", 0, "EXPLAIN", "MISC")],
            [NONE, NONE],
            id="explain",
        ),
        pytest.param(
            [
                line("select crm.everyone()", 0, "EXECUTE", "FUNCTION", number=1, name="crm.everyone"),
                line("select * from crm.mbr", 3000, number=1, sub=2),
                line("select crm.everyone()", 3000, number=1, sub=3),
            ],
            [NONE, NONE, ALL],
            id="what a function read is counted where it is handed over",
        ),
        pytest.param(
            [
                line("do $$ begin perform nm from crm.mbr; end $$", 0, "DO", "FUNCTION", number=1),
                line("select nm from crm.mbr", 40, number=1, sub=2),
            ],
            [NONE, (40, 40, 40)],
            id="do block",
        ),
        pytest.param(
            [line("insert into dlv.stage select nm from crm.mbr", 900, "INSERT", "WRITE")], [NONE], id="into another table"
        ),
        pytest.param([line("update crm.mbr set tel = tel returning nm", 12, "UPDATE", "WRITE")], [(12, 12, 12)], id="returning"),
        pytest.param([line("select left(nm, 1) || '**' from crm.mbr", 3000)], [NONE], id="masked"),
        pytest.param([line("select left(nm, 2) from crm.mbr", 3000)], [ALL], id="cut, but not masked"),
        pytest.param(
            [
                line("select nm, tel from crm.mbr where no = new.mbr_no", 1, number=1),
                line("insert into shop.prd values (1, 'x')", 1, "INSERT", "WRITE", number=1, sub=2),
            ],
            [NONE, NONE],
            id="what a trigger looks up for the row being written",
        ),
        pytest.param(
            [line("select nm from crm.mbr where no <> new.mbr_no", 2999)],
            [(2999, 2999, 2999)],
            id="a trigger that reads everyone",
        ),
        pytest.param(
            [
                line("create temp table x as select nm as a, left(tel, 1) as b from crm.mbr", 40, "CREATE TABLE AS", "DDL"),
                line("select b from x", 40),
                line("select a, b from x", 40),
            ],
            [NONE, NONE, (40, 40, 40)],
            id="a copy of what is masked is masked",
        ),
        pytest.param([line("select rcv from crm.ord", 6000)], [(2000, 2000, 2000)], id="all orders are all their people"),
        pytest.param(
            [line("select rcv from crm.ord where no < 300", 300)],
            [(100, round(2000 * (1 - (1 - 300 / 6000) ** 3)), 300)],
            id="some orders",
        ),
        pytest.param([line("select nm from crm.mbr where no = 5", None)], [(0, 1, 1)], id="one key, no count"),
        pytest.param([line("select nm from crm.mbr where no in (1, 2, 3)", None)], [(0, 3, 4)], id="a list of keys, no count"),
        pytest.param(
            [line("select nm from crm.mbr where no between 1 and 100", None)], [(0, 100, 128)], id="a range of keys, no count"
        ),
        pytest.param(
            [line("select nm from crm.mbr where nm between '1' and '2'", None)], [(0, 1500, 3000)], id="a range of names"
        ),
        pytest.param([line("select nm from crm.mbr where no = new.no", None)], [NONE], id="a trigger's look-up, no count"),
        pytest.param([line("select nm from crm.mbr where new.no > 1", None)], [(0, 3000, 3000)], id="a trigger's read, no count"),
        pytest.param([line("select distinct nm from crm.mbr", None)], [(1, 3000, 3000)], id="groups, no count"),
        pytest.param(
            [
                line("create view dlv.v as select nm as a from crm.mbr", 0, "CREATE VIEW", "DDL"),
                line("select a from dlv.v", None),
                line("select string_agg(a, ',') from dlv.v", 1),
            ],
            [NONE, ALL, ALL],
            id="a view made by a statement",
        ),
        pytest.param(
            [line("select * from pg_logical_slot_get_changes('s', null, null)", None)],
            [(0, 3000, 3000)],
            id="changes from a slot",
        ),
        pytest.param(
            [line("select nm from crm.mbr union select tel from crm.mbr", 5900)], [(1, 3000, 3000)], id="the same people twice"
        ),
        pytest.param([line("select nm from crm.mbr limit 20", None)], [(20, 20, 20)], id="limit, no count"),
    ],
)
def test_ways_of_counting(lines: list[dict[str, Any]], wanted: list[tuple[int, int, int]]) -> None:
    assert persons(lines) == wanted


def test_a_dump_session_is_told_from_its_set_up_on() -> None:
    lines = [
        line("copy crm.mbr to stdout", 0, "COPY", app="x"),
        line("set synchronize_seqscans to off", 0, "SET", "MISC", app="x"),
        line("copy crm.mbr to stdout", 0, "COPY", app="x"),
        line("copy crm.mbr to stdout", 0, "COPY", session="b", app="pg_dump"),
        line("copy crm.mbr to stdout", 0, "COPY", session="c"),
    ]
    assert ["dump_tool" in e["techniques"] for e in exposed(lines)] == [False, False, True, True, False]


TELLING = [
    line("begin", 0, "BEGIN", "MISC"),
    line("copy crm.mbr to stdout", 0, "COPY"),
    line("set synchronize_seqscans to off", 0, "SET", "MISC"),
    line("declare c cursor for select * from crm.mbr", 0, "DECLARE CURSOR"),
    line("declare c cursor for select rcv from crm.ord", 0, "DECLARE CURSOR"),
    line("fetch 700 from c", 0, "FETCH"),
    line("fetch all from c", 0, "FETCH"),
    line("close c", 0, "CLOSE CURSOR", "MISC"),
    line("prepare p as select nm from crm.mbr", 0, "PREPARE", "MISC"),
    line("execute p", 0, "EXECUTE", "MISC"),
    line("select nm from crm.mbr", 9),
    line("select count(*) from crm.mbr", 1),
]
NESTED = [
    [
        line("select crm.everyone()", 0, "EXECUTE", "FUNCTION"),
        line("select * from crm.mbr", 30),
        line("select crm.everyone()", 30),
    ],
    [line("copy (select nm from crm.mbr) to stdout", 8), line("copy (select nm from crm.mbr) to stdout", 0, "COPY")],
    [line("execute p", 21), line("execute p", 0, "EXECUTE", "MISC")],
    [line("do $$ begin perform nm from crm.mbr; end $$", 0, "DO", "FUNCTION"), line("select nm from crm.mbr", 4)],
]
statements = st.one_of(st.sampled_from(TELLING).map(lambda one: [one]), st.sampled_from(NESTED))


@given(st.lists(st.tuples(st.sampled_from("ab"), statements), max_size=12), st.lists(st.integers(0, 40), max_size=5))
@settings(max_examples=25)
def test_where_the_log_is_cut_does_not_show(acts: list[tuple[str, list[dict[str, Any]]]], cuts: list[int]) -> None:
    numbers = {"a": 0, "b": 0}
    lines = []
    for session, statement in acts:
        numbers[session] += 1
        for sub, one in enumerate(statement, 1):
            lines.append({**one, "session": session, "statement_id": numbers[session], "substatement_id": sub})
    assert exposed(lines, cuts) == exposed(lines)


# --- people behind rows -----------------------------------------------------------------------------------------------


@given(n=st.integers(0, 10**7), r=st.integers(1, 10**7), p=st.integers(1, 10**7), one=st.booleans())
def test_people_are_never_more_than_rows_or_people(n: int, r: int, p: int, one: bool) -> None:
    low, best, high = formulas([(n, r, p, one)])[0]
    assert 0 <= low <= best <= high <= n
    if p < r:
        assert high <= p
    if n:
        assert low >= 1
    if n >= r and one and p <= r:
        assert low == best == high == p or n > r


def formulas(cases: list[tuple[int, int, int, bool]]) -> list[tuple[int, int, int]]:
    frame = pl.DataFrame(cases, schema=["n", "total_rows", "total_persons", "single"], orient="row").with_columns(
        best="n", low="n", high="n", sets=False
    )
    return frame.select(low=_persons_low(), best=_persons_best(), high=_persons_high()).cast(pl.Int64).rows()


def test_expected_people_among_random_rows() -> None:
    """A thousand rows of ten thousand about a thousand people, ten rows each: by the occupancy formula 651."""
    ((low, best, high),) = formulas([(1000, 10_000, 1000, True)])
    assert (low, high) == (100, 1000)
    assert math.isclose(best, 1000 * (1 - 0.9**10), abs_tol=1)


@pytest.mark.parametrize(
    ("name", "form", "level"),
    [
        ("PERSON", "typed", 2),
        ("PERSON", "masked", 1),
        ("POSTCODE", "quasi", 1),
        ("CREDIT_CARD", "typed", 3),
        ("KR_RRN", "embedded", 4),
    ],
)
def test_sensitivity(name: str, form: str, level: int) -> None:
    assert sensitivity(name, form) == level


def test_a_session_s_own_table_counts_as_the_columns_it_came_from() -> None:
    book = ShapeBook.open("shop", SCHEMA, [], [])

    def columns(shape: str, statement: str) -> tuple[str, ...]:
        return book.add(shape, statement, logged=(), command="", rows=40, seen="").pii_columns

    columns("1", "create temp table today as select nm as a from crm.mbr")
    assert columns("2", "select a from today") == ("crm.mbr.nm",)
    columns("3", "create table dlv.kept as select a as b from today")
    assert columns("4", "select b from dlv.kept") == ("dlv.kept.b",)  # others can read this one, and contracts name it


def test_a_part_that_only_the_log_names_is_its_parent() -> None:
    part = TableRef("crm", "ord_1")
    tables = {**SCHEMA.tables, part: Table(part, personal("rcv"), kind="partition", rows=10, parent=ORD)}
    book = ShapeBook.open("shop", Schema("shop", "2", tables), [], [])
    found = book.add("1", "select rcv from crm.ord", logged=("crm.ord", "crm.ord_1"), command="SELECT", rows=5, seen="")
    assert (found.tables, found.single) == (("crm.ord",), True)
    alone = book.add("2", "select rcv from crm.ord_1", logged=("crm.ord_1",), command="SELECT", rows=5, seen="")
    assert alone.tables == ("crm.ord_1",)


def test_a_backup_holds_each_table_once() -> None:
    view, part, temporary = TableRef("crm", "v"), TableRef("crm", "ord_1"), TableRef("pg_temp", "x")
    tables = {
        **SCHEMA.tables,
        view: Table(view, personal("nm"), kind="view", rows=3000, persons=3000),
        part: Table(part, personal("rcv"), kind="partition", rows=6000, persons=2000, parent=ORD),
        temporary: Table(temporary, personal("nm"), rows=3000, persons=3000),
    }
    book = ShapeBook.open("shop", Schema("shop", "2", tables), [], [])
    found = book.add("1", "BASE_BACKUP ( LABEL 'x' )", logged=(), command="", rows=None, seen="")
    assert (found.low_rows, found.best_rows, found.high_rows) == (3000, 3000, 5000)
    assert found.tables == ("crm.mbr", "crm.ord")
