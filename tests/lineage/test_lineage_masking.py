"""What is shown of a statement never holds a value, and no text whatsoever makes the analysis fail."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.lineage import analyze, masked
from scanner.lineage.masking import MAX_SHOWN
from scanner.model import Kind, Schema

SHOWN = {
    "select * from c where name = '홍길동' and id = 55": "select * from c where name = ? and id = ?",
    "select E'a\\'b', $$secret$$, $x$a$$b$x$, U&'s', b'101', x'ff', 1.5e3, .5": "select ?, ?, ?, ?, ?, ?, ?, ?",
    "select 1 /* 010-1234-5678 */ -- rrn\n from c": "select ? from c",
    "alter role v password 'hunter2'": "alter role v password ?",
    "create role v login password <REDACTED>": "create role v login password <REDACTED>",
    "do $$ begin perform 'secret'; end $$": "do ?",
    "select * from c where id = $1": "select * from c where id = $1",
    'select "이름" from "분석"."고객" where "번호" = 5': 'select "이름" from "분석"."고객" where "번호" = ?',
    'select * from c where name = "홍길동"': 'select * from c where name = "?"',
    'select * from c where name in ("홍길동", "김철수")': 'select * from c where name in ("?", "?")',
    'select * from a join b on a."id" = b."id"': 'select * from a join b on a."id" = b."id"',
    'insert into c values ("홍길동")': 'insert into c values ("?")',
    "selec * from c where name = 홍길동": "selec * from c where name = ?",
    "select * from c where name = '홍길": "select * from c where name = …",
    "select * from c2024 where id = 900101 and name = '홍": "select * from ? where id = ? and name = …",
    "select * from c where name in ('O'Brien Kim', 'O'Hara')": "select * from c where name in (? …",
    "": "",
}


@pytest.mark.parametrize("sql", SHOWN)
def test_shown(sql: str) -> None:
    assert masked(sql) == SHOWN[sql]


def test_long_statements_are_cut() -> None:
    for sql in ("select " + "a, " * 10_000 + "b", "select " + "a, " * 1_000_000 + "'secret'", "select '" + "s" * 60_000_000):
        shown = masked(sql)
        assert len(shown) <= MAX_SHOWN
        assert "secret" not in shown


SECRET = "Zq7유출Xw"
QUOTED = [
    "'{}'",
    "E'a\\'{}'",
    "e'{}'",
    "$${}$$",
    "$t${}$t$",
    "U&'{}'",
    "'{}''{}'",
    "'a'\n'{}'",
    "/* {} */",
    "/* /* {} */ */",
    "-- {}\n",
    "'{}",
    "$${}",
    "/* {}",
    "N'{}'",
]
CONTEXT = [
    "select {}",
    "select * from c where a = {}",
    "insert into c values (1, {})",
    "selec {}",
    "set a = {}",
    "do {}",
    "copy c to {}",
    "alter role v password {}",
    "{}",
    "select * from c where ' and b = {}",
    "select {} from c limit 5",
    "x {} y {} z",
]


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from(CONTEXT), st.sampled_from(QUOTED)), min_size=1, max_size=4),
    st.sampled_from([" ", ";", "\n"]),
)
def test_no_literal_is_ever_shown(pieces: list[tuple[str, str]], separator: str) -> None:
    text = separator.join(context.replace("{}", quoted.replace("{}", SECRET)) for context, quoted in pieces)
    assert "유출" not in masked(text)


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_numbers_and_quoted_texts_are_never_shown(inside: str) -> None:
    literal = "'" + inside.replace("'", "''").replace("\0", "") + "48151623'"
    shown = masked(f"select a, b from c where a = {literal} and b = 48151623")
    assert "48151623" not in shown


@settings(max_examples=400)
@given(st.text(max_size=300))
def test_nothing_raises_for_any_text(text: str) -> None:
    schema = Schema("x", "1")
    assert isinstance(masked(text), str)
    assert analyze(text, schema, logged=(text,), command=text, search_path=(text,)).kind in Kind


SQL = """select * from shop.customer customer c where id = 5 'x' ( ) , insert into update set delete returning with as
    recursive x union all values join on using lateral limit order by group having exists in any array[ ] case when
    then end :: text cast copy to stdout declare cursor for fetch prepare execute do $$ begin end create table view
    function returns explain analyze merge row_to_json string_agg ( shop.get_all() shop.f_any() . ; - -- /* */ E' $1
    over partition coalesce distinct null json_agg xmlagg not and or query_to_xml('select dblink('x','select grant
    alter role rename schema call refresh materialized lock
"""
WORDS = st.sampled_from(SQL.split())


@settings(max_examples=1500)
@given(st.lists(WORDS, max_size=14))
def test_nothing_raises_for_anything_like_sql(schema: Schema, words: list[str]) -> None:
    text = " ".join(words)
    lineage = analyze(text, schema, logged=("shop.customer",), command="SELECT")
    assert isinstance(masked(text), str)
    if lineage.kind is Kind.UNPARSED:
        assert lineage.unknown
        assert lineage.tables


@pytest.mark.parametrize(
    "text",
    [
        "select " + "(" * 1_000_000,
        "select " + "not " * 300_000 + "true",
        "select 1" + "+1" * 300_000,
        "select " + "case when 1=1 then " * 20_000 + "1",
        "select " + "[" * 100_000,
        "select " + "array[" * 5_000 + "1" + "]" * 5_000,
        "with " * 100_000,
        "select * from " + "(select * from " * 3_000 + "t" + ") x" * 3_000,
        "explain " * 10_000 + "select 1",
        "/*" * 500_000,
        "\0select 1",
        "select '\ud800'",
        "$" * 100_000,
    ],
    ids=lambda text: text[:24].encode("ascii", "replace").decode(),
)
def test_depth_and_rubbish_do_no_harm(text: str, schema: Schema) -> None:
    assert analyze(text, schema).kind in Kind
    assert len(masked(text)) <= MAX_SHOWN


def test_views_and_functions_that_nest_deeply_end(schema: Schema) -> None:
    from dataclasses import replace

    from scanner.model import Column, Function, Table, TableRef

    tables = dict(schema.tables)
    functions = dict(schema.functions)
    for i in range(60):
        view = TableRef("shop", f"v{i}")
        below = f"shop.v{i + 1}" if i < 59 else "shop.customer"
        tables[view] = Table(view, (Column("rrn"),), kind="view", definition=f"select a.rrn from {below} a, {below} b")
        name = TableRef("shop", f"g{i}")
        functions[name] = (Function(name, "sql", f"select shop.g{i + 1}(), shop.g{i + 2}()", returns="text"),)
    deep = replace(schema, tables=tables, functions=functions)
    assert analyze("select * from shop.v0", deep).outputs
    assert analyze("select shop.g0()", deep).kind is Kind.SELECT


def test_every_statement_of_the_repository_sample_is_analysed(schema: Schema) -> None:
    """Statements as a real server logged them (see the file's own heading)."""
    path = Path(__file__).parent / "statements.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 100
    for row in rows:
        lineage = analyze(row["statement"], schema, logged=[r for r in row["logged"].split("\x1f") if r], command=row["command"])
        assert lineage.kind is not Kind.UNPARSED, row
        if re.search(r"(?i)^\s*(select|copy|declare).*customer", row["statement"]) and lineage.kind is not Kind.COPY_IN:
            assert any(t.name == "customer" for t in lineage.tables) or "pg_stat_statements" in row["statement"], row
