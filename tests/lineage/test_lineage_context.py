"""What a session has made of names: search_path, temporary tables that borrow a name, and what undoes them again."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest

from scanner import lineage

NAMES = {"customer", "product"}
READ = "select phone from customer"


def contexts(
    *statements: tuple[str, str] | str,
    dialect: str = "postgresql",
    cut: int | None = None,
    logged: str = "",
    account: str = "app",
    usual: lineage.Usual | None = None,
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
                "account": pa.array([account] * len(part), pa.string()),
                "kind": pa.array([kind for kind, _ in part], pa.string()),
                "logged": pa.array([logged] * len(part), pa.string()),
            }
        )
        texts = pa.array([text for _, text in part], pa.string())
        words = pa.array([text.split()[0].upper() for _, text in part], pa.string())
        shapes = lineage.assign_shapes(texts, acts["logged"].combine_chunks(), words, dialect=dialect)
        apart = lineage.in_context(acts, shapes.keys, shapes.table, carried, NAMES, dialect, usual)
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
        # transactions give back what they have taken, and nothing else
        (["set search_path = crm", "begin", "set search_path = stage", "rollback"], PATH),
        (["set search_path = crm", "begin", "set local search_path = stage", "commit"], PATH),
        (["begin", "set search_path = crm", "savepoint a", "set search_path = stage", "rollback to a", "commit"], PATH),
        (["begin", "set search_path = crm", "savepoint a", "select 1", "release a", "rollback"], NOTHING),
        (
            ["begin", "savepoint a", "savepoint b", "set search_path = crm", "release savepoint b", "rollback to savepoint a"],
            NOTHING,
        ),
        (["create temp table customer (phone text)", "begin", "drop table customer", "rollback"], TEMP),
        (["create temp table customer (phone text)", "begin", "commit", "begin", ("error", "select 1/0"), "rollback"], TEMP),
        (["begin", "commit", "set search_path = crm", "select 1", "begin", ("error", "x"), "rollback"], PATH),
        (["begin", "commit", "create temp table customer (x int)", ("error", "create temp table customer (x int)")], NOTHING),
        (["set search_path = crm", "set search_path to default"], NOTHING),
        (["create temp table customer (phone text)", "reset all"], TEMP),
        (["create temp table customer (phone text)", "discard temp"], NOTHING),
        (["create temp table customer (phone text)", "discard plans"], TEMP),
        (["set search_path = crm", "set role clerk", "reset role"], PATH),
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


@pytest.mark.parametrize(
    ("account", "before", "wanted"),
    [
        ("plain", [], ()),
        ("dlv_1", [], ("crm", "public")),
        ("dlv_1", ["set search_path = stage"], ("stage",)),
        ("dlv_1", ["begin", "set search_path = stage", "rollback"], ("crm", "public")),
        ("crm", [], ("crm", "public")),
        ("plain", ["set role crm"], ("crm", "public")),
        ("plain", ["set session authorization 'crm'"], ("crm", "public")),
        ("plain", ["begin", "set local role crm", "rollback"], ()),
        ("plain", ["set role crm", "set role none"], ()),
        ("plain", ["set role crm", "discard all"], ()),
        ("crm", ['set search_path = "$user", stage'], ("crm", "stage")),
        ("plain", ['set search_path = "$user", stage'], ("stage",)),
    ],
)
def test_where_a_session_begins(account: str, before: list[str], wanted: tuple[str, ...]) -> None:
    usual = lineage.Usual({"dlv_1": ("crm", "public")}, frozenset({"crm", "stage", "public"}), "public")
    for cut in (None, *range(1, len(before) + 1)):
        assert contexts(*before, READ, cut=cut, account=account, usual=usual)[-1].path == wanted
