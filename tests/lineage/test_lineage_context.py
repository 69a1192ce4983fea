"""What a session has made of names: search_path, temporary tables that borrow a name, and what undoes them again."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest

from scanner import lineage

NAMES = {"customer", "product"}
READ = "select phone from customer"


def contexts(
    *statements: tuple[str, str] | str, dialect: str = "postgresql", cut: int | None = None, logged: str = ""
) -> list[lineage.Context]:
    """The context of each statement. A text alone is an audit record of session ``s``; a pair names the record's kind."""
    pairs = [("audit", s) if isinstance(s, str) else s for s in statements]
    carried = lineage.CONTEXT_SCHEMA.empty_table()
    found: list[lineage.Context] = []
    bounds = [0, len(pairs)] if cut is None else [0, cut, len(pairs)]
    for begin, end in pairwise(bounds):
        part = pairs[begin:end]
        acts = pa.table(
            {
                "n": pa.array(range(len(part)), pa.int64()),
                "session": pa.array(["s"] * len(part), pa.string()),
                "kind": pa.array([kind for kind, _ in part], pa.string()),
                "logged": pa.array([logged] * len(part), pa.string()),
            }
        )
        texts = pa.array([text for _, text in part], pa.string())
        words = pa.array([text.split()[0].upper() for _, text in part], pa.string())
        shapes = lineage.assign_shapes(texts, acts["logged"].combine_chunks(), words, dialect=dialect)
        apart = lineage.in_context(acts, shapes.keys, shapes.table, carried, NAMES, dialect)
        carried = apart.carry
        assert set(apart.keys.to_pylist()) == set(apart.table["shape"].to_pylist())
        found += [apart.contexts.get(key, lineage.Context()) for key in apart.keys.to_pylist()]
    return found


PATH, TEMP, NOTHING = lineage.Context(("crm",)), lineage.Context((), frozenset({"customer"})), lineage.Context()


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (["set search_path = crm"], PATH),
        (["SET search_path TO 'crm'"], PATH),
        (["select set_config('search_path', 'crm', false)"], PATH),
        (["set search_path = stage, crm", "set search_path = crm"], PATH),
        (["set search_path = crm", "reset all"], NOTHING),
        (["set search_path = crm", "discard all"], NOTHING),
        (["begin", "set search_path = crm", "rollback"], NOTHING),
        (["begin", "set local search_path = crm"], PATH),
        (["begin", "set local search_path = crm", "commit"], NOTHING),
        (["create temp table customer (phone text)"], TEMP),
        (["create temporary table customer as select 1 as phone"], TEMP),
        (["create temp view customer as select 1 as phone"], TEMP),
        (["select 1 as phone into temp customer"], TEMP),
        (["create table pg_temp.customer (phone text)"], TEMP),
        (["create temp table other (phone text)"], NOTHING),
        (["create table customer (phone text)"], NOTHING),
        (["create temp table customer (phone text) on commit drop"], NOTHING),
        (["create temp table customer (phone text)", "drop table customer"], NOTHING),
        (["create temp table customer (phone text)", "drop table customer", "create temp table customer (phone text)"], TEMP),
        (["begin", "create temp table customer (phone text)", "rollback"], NOTHING),
        (["begin", "savepoint a", "create temp table customer (phone text)", "rollback to a"], NOTHING),
        (["create temp table customer (phone text)", ("error", "select 1/0")], NOTHING),
        ([("error", "create temp table customer (phone text)")], NOTHING),
        ([], NOTHING),
    ],
)
def test_postgresql(before: list[str | tuple[str, str]], wanted: lineage.Context) -> None:
    assert contexts(*before, READ)[-1] == wanted
    for cut in range(1, len(before) + 1):
        assert contexts(*before, READ, cut=cut)[-1] == wanted


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (["create temporary table customer (phone text)"], TEMP),
        (["create temporary table if not exists `customer` like product"], TEMP),
        (["create temporary table customer (phone text)", "drop temporary table customer"], NOTHING),
        (["create temporary table customer (phone text)", ("error", "select nothing")], TEMP),
        ([("error", "create temporary table customer (phone text)")], NOTHING),
        (["create table customer (phone text)"], NOTHING),
    ],
)
def test_mariadb(before: list[str | tuple[str, str]], wanted: lineage.Context) -> None:
    assert contexts(*before, READ, dialect="mariadb")[-1] == wanted


def test_where_the_log_names_the_relations_it_knows_best() -> None:
    assert contexts("create temp table customer (phone text)", READ, logged="crm.customer")[-1] == NOTHING
