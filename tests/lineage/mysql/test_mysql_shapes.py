"""Statements of one shape do the same; statements that do otherwise never share one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.lineage import assign_shapes, masked
from scanner.lineage.mysql.lexical import shape_text
from scanner.lineage.shapes import ShapeMemory
from scanner.model import CUT_MARK


def shapes(texts: list[str], databases: list[str] | None = None, memory: ShapeMemory | None = None) -> list[str]:
    count = len(texts)
    found = assign_shapes(
        pa.array(texts, pa.string()),
        pa.array([""] * count),
        pa.array(["X"] * count),
        memory,
        dialect="mariadb",
        databases=pa.array(databases or ["crm"] * count),
    )
    return found.keys.to_pylist()


@pytest.mark.parametrize(
    "texts",
    [
        ["select * from t where id = 1", "SELECT *  FROM t WHERE id=99", "select * from t where id = 7 -- x"],
        ["select 1 from t where a = 'x'", "select 1 from t where a = 'it''s'", 'select 1 from t where a = "z z"'],
        ["select 1 from t where a = 'x'", "select 1 from t where a = 'q\\'q'"],
        ["select * from t where a in (1,2)", "select * from t where a in (1, 2, 3, 4)"],
        ["insert into t values (1,'a')", "insert into t values (2,'b'),(3,'c')", "insert into t values (9,'x'),(9,'y'),(8,'z')"],
        ["select * from t /* a */ limit 5", "select * from t limit 5 # b"],
        ["select * from t where a between 5 and 9", "select * from t where a between 105 and 109"],
        ["set @a = 1", "set @a = 2"],
        ["set timestamp = 1", "set timestamp = 2"],
        ["update t set a = 'x' where id = 1", "update t set a = 'y' where id = 2"],
        ["call p(1, 'x')", "call p(2, 'y')"],
    ],
)  # fmt: skip
def test_one_shape(texts: list[str]) -> None:
    assert len(set(shapes(texts))) == 1
    assert len({shape_text(text) for text in texts}) == 1


@pytest.mark.parametrize(
    "texts",
    [
        ["select a from t", "select b from t", "select A from T"],
        ["select 1", "select 1 /*! , a from b */", "select 1 /*!99999 , a from b */", "select 1 /* , a from b */ + 1"],
        ["select * from t limit 1", "select * from t limit 1000000", "select * from t limit 1 offset 5"],
        ["select * from t order by 1", "select * from t order by 2"],
        ['select "rrn" from t', 'select "name" from t', "select 'x' from t"],
        ['select * from t where id = "id"', 'select * from t where id = "x"'],
        ["select * from t where a between 5 and 9", "select * from t where a between 5 and 900"],
        ["select * from t where a > 5 and a < 9", "select * from t where a > 5 and a < 900"],
        ["prepare p from 'select 1'", "prepare p from 'select rrn from customer'"],
        ["execute immediate 'select 1'", "execute immediate 'select rrn from customer'"],
        ["set global server_audit_logging = on", "set global server_audit_logging = off"],
        ["select '\\', rrn from customer -- '", "select 'x' -- '"],
        ["select `a 1` from t", "select `a 2` from t"],
        ["select 'a' 'b", "select 'a' 'c"],
        ["select * from t" + CUT_MARK, "select * from t"],
        ["select * from t where a in (" + ",".join("1" * 100) + ")", "select * from t where a in (1,2)"],
    ],
)  # fmt: skip
def test_different_shapes(texts: list[str]) -> None:
    assert len(set(shapes(texts))) == len(texts)


def test_the_same_text_in_another_database_is_another_shape() -> None:
    one, two = shapes(["select * from t"] * 2, ["a", "b"])
    assert one != two


def test_cut_inserts_share_a_shape() -> None:
    texts = [f"insert into t (a, b) values ({n}, 'x'), ({n}, 'yy" + "y" * n + CUT_MARK for n in range(5)]
    assert len(set(shapes(texts))) == 1


PIECES = st.sampled_from(
    ["select", "'a'", "'a''b'", "'a\\'b'", '"c"', "`d 1`", "17", "1.5", "0x1f", "from", "t", "where", "id", "=", "limit", "5",
     ",", "(", ")", "in", "--", "#", "/*", "*/", "/*!", "\n", "@v", "between", "and", "by", "<", ">", "x1", "고객1", "'", "set",
     "insert", "values"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.lists(PIECES, min_size=1, max_size=12).map(" ".join), min_size=2, max_size=6))
def test_the_sieves_agree_with_the_lexer(texts: list[str]) -> None:
    """What masking by regular expressions puts together, the lexer alone puts together as well; and the other way round."""
    keys, exact = shapes(texts), [shape_text(text) for text in texts]
    for a in range(len(texts)):
        for b in range(a):
            assert (keys[a] == keys[b]) == (exact[a] == exact[b]), (texts[a], texts[b])
    memory = ShapeMemory()
    assert [shapes([text], memory=memory)[0] for text in texts] == keys


CLAUSES = st.sampled_from(
    ["where id = {}", "where id between {} and {}", "where id between {} and {} + {}", "where id BETWEEN {} and n and {} and {}",
     "where id > {}", "where id > {} and id < {}", "where id <> {} and id >= {}", "where id in ({}, {})", "limit {}",
     "limit {}, {}", "limit {} offset {}", "order by {}", "order by nm, {} desc", "group by {}, id", "fetch first {} rows only",
     "where id not between {} and {} and n between {} and {}", "where a and {} and {} and id between x and {}"]
)  # fmt: skip
NUMBERS = st.sampled_from(["1", "2", "3", "10", "11", "007", "1.5", "0x1f", "999999999999999999"])


@settings(max_examples=300)
@given(
    st.lists(CLAUSES, min_size=1, max_size=3).map(" ".join),
    st.lists(st.lists(NUMBERS, min_size=12, max_size=12), min_size=2, max_size=5),
)
def test_the_sieves_agree_with_the_lexer_on_numbers(clauses: str, numbers: list[list[str]]) -> None:
    texts = ["select nm from t " + clauses.format(*some) for some in numbers]
    keys, exact = shapes(texts), [shape_text(text) for text in texts]
    for a in range(len(texts)):
        for b in range(a):
            assert (keys[a] == keys[b]) == (exact[a] == exact[b]), (texts[a], texts[b])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("select a from t where b = 'secret' and c = 12", "select a from t where b = ? and c = ?"),
        ("select * from t -- 010-1234", "select * from t"),
        ("select 1 /*! , 'x' from t */", "select ?, ? from t"),
        ("insert into `a b` values ('x', \"y\")", "insert into `a b` values (?, ?)"),
        ("select 'abc", "select …"),
        ("select * from t where n = 'kim" + CUT_MARK, "select * from t where n = …"),
    ],
)
def test_masked(text: str, shown: str) -> None:
    assert masked(text, "mariadb") == shown
