"""Shapes: equal only when lineage is, however a text is dressed up; the fast sieve never merges what the parser tells apart."""

from __future__ import annotations

import re
import time
from collections import defaultdict

import postgast
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.lineage import assign_shapes
from scanner.lineage.lexical import literals_matter, shape_text
from scanner.lineage.shapes import masked_groups


def keys(*texts: str | None, logged: str = "", command: str = "SELECT") -> list[str]:
    n = len(texts)
    found = assign_shapes(pa.array(texts, pa.string()), pa.array([logged] * n), pa.array([command] * n))
    return found.keys.to_pylist()


SAME = [
    ("select * from c where id = 1", "select * from c where id = 22"),
    ("select * from c where id = 1", "SELECT  *\n FROM C -- now\n WHERE /* x */ id=9"),
    ("select 'a' from c", "select 'it''s' from c"),
    ("select * from c where id in (1, 2, 3)", "select * from c where id in (7, 8, 9)"),
    ("insert into c values (1, 'a')", "insert into c values (2, 'b''c')"),
    ("select $1", "select $2"),
    ("select * from c /*trace='a-1'*/", "select * from c /*trace='b-2'*/"),
    ("select * from c where p = '010' -- x", "select * from c where p = '--' -- y"),
    ("select 12345678901", "select 99999999999"),
    ("select * from c limit 10 offset 20", "select * from c limit 10 offset 40"),
    ("select E'a\\'b'", "select E'c'"),
    ('select "a b" from c where x = 5', 'select "a b" from c where x = 6'),
    ("select 이름 from 고객 where 번호 = 5", "select 이름 from 고객 where 번호 = 6"),
    ("select * from c where id between 10 and 20", "select * from c where id between 30 and 40"),
    ("select * from c where id in (" + "1," * 40 + "1)", "select * from c where id in (" + "1," * 50 + "1)"),
]
DIFFERENT = [
    ("select a.x from customer a, orders b", "select a.x from customer b, orders a"),  # one fingerprint
    ("create table q as select rrn as a from c", "create table q as select rrn as b from c"),
    ("insert into q(a, b) select x, y from c", "insert into q(a, b) select y, x from c"),
    ("select * from c limit 10", "select * from c limit 100000"),
    ("select * from c limit ((10))", "select * from c limit ((100000))"),
    ("select * from c limit 10", "select * from c limit all"),
    ("fetch 10 from c", "fetch 10000 from c"),
    ("fetch 10 from c", "fetch 10 from d"),
    ("select left(name, 1) from c", "select left(name, 20) from c"),
    ("select 'x' || left (name, 1) from c", "select 'x' || left (name, 20) from c"),
    ('select "left"((name)::text, 1) from c', 'select "left"((name)::text, 20) from c'),
    ("select substring(name from 1 for 1) from c", "select substring(name from 1 for 20) from c"),
    ("select substr(coalesce(name, ''), 1, 1) from c", "select substr(coalesce(name, ''), 1, 20) from c"),
    ("select * from c order by 1", "select * from c order by 2"),
    ("select * from c order by a, 1", "select * from c order by a, 2"),
    ("select * from c where id between 1 and 9", "select * from c where id between 1 and 900000"),
    ("select * from c where id >= 1 and id < 9", "select * from c where id >= 1 and id < 900000"),
    ("select * from c where 1 <= id and 9 > id", "select * from c where 1 <= id and 900000 > id"),
    ("select * from c where id in (1, 2)", "select * from c where id in (1, 2, 3)"),
    ("select * from c where id = any('{1,2}')", "select * from c where id = any('{1,2,3,4}')"),
    ("select query_to_xml('select 1')", "select query_to_xml('select 2')"),
    ("select dblink('select 1')", "select dblink('select 2')"),
    ("set a = 1", "set a = 2"),
    ("/* x */ set a = 1", "/* x */ set a = 2"),
    ("do 'begin end'", "do 'begin null; end'"),
    ("copy c to '/a'", "copy c to '/b'"),
    ("copy c to program 'a'", "copy c to program 'b'"),
    ("select set_config('a', 'b', true)", "select set_config('a', 'c', true)"),
    ("prepare a as select 1", "prepare b as select 1"),
    ('select "col 1" from c', 'select "col 2" from c'),
    ("select col1 from c", "select col2 from c"),
    ("select 고객1 from c", "select 고객2 from c"),
    ("select a$1 from c", "select a$2 from c"),
    ("select * from c where selec 1", "select * from c where selec 2"),  # neither parses
    ("select date '2020-01-01'", "select date 5"),
    ("select 0x1F", "select 1x1F"),
    # a theft dressed up as something harmless
    ("select 1 -- ' from customers", "select 1 -- ' \n from customers"),
    ("select 1 /* /* */ from customers */", "select 1 /* */ from customers"),
    ("select $$ ' $$, rrn from customers -- '", "select $$ ' $$, 1 -- , rrn from customers '"),
    ("select $a$ $$ ' $a$ from customers --'", "select $a$ $$ ' $a$, 1 --' from customers"),
    ("select E'\\' from customers --'", "select '\\' from customers --'"),
    ("select E'\\'', rrn from customers --'", "select E'\\', rrn from customers --'"),
    ('select U&"d\\0061t" from c', 'select U&"d\\0062t" from c'),
    ("select '1' as \"it's\", rrn from c where x = 'y'", "select '1' as \"it's\", name from c where x = 'y'"),
    ('select 1 as " -- ", rrn from c', 'select 1 as " -- ", name from c'),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_same_shape(a: str, b: str) -> None:
    first, second = keys(a, b)
    assert first == second
    assert keys(a) == [first]  # whatever else is in the batch
    assert keys(b, a)[1] == first


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_shapes(a: str, b: str) -> None:
    first, second = keys(a, b)
    assert first != second
    assert keys(a) == [first]
    assert keys(b) == [second]


def test_what_the_log_says_is_part_of_the_key() -> None:
    text = pa.array(["select * from t1"] * 5)
    logged = pa.array(["", "a.t1", "pg_temp_3.t1", "pg_temp_9.t1", ""])
    found = assign_shapes(text, logged, pa.array(["SELECT"] * 4 + ["???"]))
    a, b, c, d, e = found.keys.to_pylist()
    assert len({a, b, c, e}) == 4
    assert c == d
    assert found.table.column("shape").to_pylist() == [a, b, c, e]
    assert found.table.column("row").to_pylist() == [0, 1, 2, 4]
    assert found.table.column("logged").to_pylist() == ["", "a.t1", "pg_temp_3.t1", ""]


def test_empty_null_and_chunked() -> None:
    assert keys() == []
    null, empty, other = keys(None, "", "select 1")
    assert len({null, empty, other}) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", k) for k in (null, empty, other))
    chunked = pa.chunked_array([["select 1"], ["select 2", None]])
    found = assign_shapes(chunked, pa.chunked_array([["", ""], [""]]), pa.chunked_array([["S", "S", "S"]]))
    assert found.keys.to_pylist()[0] == found.keys.to_pylist()[1]
    assert found.table.num_rows == 2


def test_long_statements_have_a_shape() -> None:
    long = "select '" + "x" * 5_000_000 + "'"
    a, b, c = keys(long, long + " ", "select 1" + " + 1" * 20_000)
    assert len({a, b, c}) == 3


PIECES = r"""select from t where a = 5 7 12345678901 98765432101 1234567890 'x' 'y' '' 'it''s' ' E'\'' e'a' U&'d' u&"d" b'1' x'1F'
    N'a' $$ $a$ $1 $2 a$1 a$2 /* */ -- "q" "it's" limit fetch offset by between > < >= <= - + ( ) , in any any('{1}') any('{1,2}')
    1.5 2.5 1e5 1e6 0x1F 12abc .5 5. 고객1 고객2 고객 ★1 a1 a2 "고객1" "q1" ; ? @ || ::int f(1) f('a') and or id values union date
    interval float(5) float(99) query_to_xml('a') e E & $ \ 007 008 [1] [2] { } order group first 3 /*c*/ /*d'e'*/ /*5*/ --c
    'a''b' int[3]"""
SPACED = [
    "\n",
    "\t",
    '"q 1"',
    '"q 2"',
    "-- c\n",
    "-- 'd'\n",
    "order by 1",
    "order by a, 2",
    "between 1 and 9",
    "/* x",
    "\x01",
    "\x05",
]
FRAGMENTS = st.sampled_from([*PIECES.split(), *SPACED])
LITERALS = ["5", "77", "'x'", "'--'", "'/*'", "'limit 5'", "'\"'", "''''", "'고객 1'", "-3", "0", "12345678901"]


@st.composite
def families(draw: st.DrawFn) -> list[str]:
    """Texts that differ in little: the same pieces with other literals, another separator, or one piece exchanged."""
    parts = draw(st.lists(FRAGMENTS, min_size=1, max_size=8))
    start = draw(st.sampled_from(["select a from t where a = ", "select ", "", "with x as (select 1) select "]))
    texts = []
    for _ in range(draw(st.integers(2, 6))):
        changed = list(parts)
        if draw(st.booleans()):
            changed[draw(st.integers(0, len(parts) - 1))] = draw(FRAGMENTS)
        text = start + draw(st.sampled_from([" ", "", "\n"])).join(changed)
        if draw(st.booleans()):
            other = draw(st.sampled_from(LITERALS))
            text = re.sub(r"'[^']*'", lambda _match, other=other: other if other.startswith("'") else "'q'", text)
        if draw(st.booleans()):
            digit = draw(st.sampled_from("0123456789"))
            text = re.sub(r"\d", digit, text)
        texts.append(text)
    return texts


@settings(max_examples=600)
@given(families())
def test_masking_never_merges_what_the_parser_tells_apart(texts: list[str]) -> None:
    distinct = sorted(set(texts))
    groups: dict[int, list[str]] = defaultdict(list)
    for text, group in zip(distinct, masked_groups(pa.array(distinct))[0].tolist(), strict=True):
        groups[group].append(text)
    for members in groups.values():
        assert len({shape_text(m) for m in members if not shape_text(m).startswith(b"raw ")}) <= 1, members
        marks = set()
        for member in members:
            try:
                marks.add(postgast.fingerprint(member).hex)
            except postgast.PgQueryError:
                marks.add("does not parse")
        assert len(marks) == 1, members
    assert keys(*texts) == [keys(t)[0] for t in texts]  # no text's key depends on its company


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=6))
def test_any_text_has_a_key_of_its_own_batch_or_not(texts: list[str]) -> None:
    assert keys(*texts) == [keys(t)[0] for t in texts]


def test_literals_that_matter() -> None:
    for text in ("set a = 1", "do 'x'", "select 1; set a = 2", "copy t to '/x'", "copy t from program 'x'", "select dblink('a')"):
        assert literals_matter(text), text
    for text in ("select 1", "update t set a = 1", "copy t to stdout", "copy (select 'a') to stdout", "execute p(1)"):
        assert not literals_matter(text), text


def test_a_hundred_thousand_events_take_little_parsing() -> None:
    statements = [f"UPDATE accounts SET balance = balance + {i % 997} WHERE aid = {i};" for i in range(50_000)] * 2
    start = time.process_time()
    found = assign_shapes(pa.array(statements), pa.array(["public.accounts"] * 100_000), pa.array(["UPDATE"] * 100_000))
    assert found.table.num_rows == 1
    assert time.process_time() - start < 3  # some 0.3 s on an idle machine
