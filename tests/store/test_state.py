"""The state database: created, upgraded, refused when newer; rows replaced or kept as told; on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text

from scanner.errors import StoreError
from scanner.store import tables as t
from scanner.store.ledger import pack, unpack
from scanner.store.state import insert_new, open_state, reading, rows, table_names, upsert
from tests.support.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "sqlite":
        return open_state(f"sqlite:///{tmp_path / 'state.sqlite'}")
    server: Postgres = request.getfixturevalue("postgres")
    server.psql("drop database if exists st_state; create database st_state")
    return open_state(server.url(dbname="st_state"))


def test_every_table_is_made_and_opening_again_changes_nothing(state: Engine) -> None:
    wanted = set(t.metadata.tables) | {"alembic_version"}
    assert set(table_names(state)) == wanted
    again = open_state(state.url.render_as_string(hide_password=False))
    assert set(table_names(again)) == wanted
    again.dispose()
    state.dispose()


def test_the_migrations_make_what_the_program_expects(state: Engine) -> None:
    with state.connect() as connection:
        for table in t.metadata.sorted_tables:
            connection.execute(select(table).limit(1))
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
    state.dispose()


def test_upsert_replaces_and_keeps(state: Engine) -> None:
    row = {"database": "shop", "shape": "s", "schema_version": "1", "kind": "select", "statement": "x", "facts": "{}"}
    with state.begin() as connection:
        upsert(connection, t.shape, [{**row, "first_seen": "1"}], keep=("first_seen",))
        upsert(connection, t.shape, [{**row, "facts": "{1}", "first_seen": "2"}], keep=("first_seen",))
        seen = {"database": "shop", "account": "a", "what": "ip", "value": "10.0.0.1"}
        insert_new(connection, t.habit_seen, [{**seen, "first_seen": "1"}])
        insert_new(connection, t.habit_seen, [{**seen, "first_seen": "2"}])
    with reading(state) as connection:
        (found,) = rows(connection, t.shape, database="shop")
        assert (found["facts"], found["first_seen"]) == ("{1}", "1")
        assert [r["first_seen"] for r in rows(connection, t.habit_seen)] == ["1"]
    state.dispose()


def test_a_newer_database_is_refused(state: Engine) -> None:
    with state.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(StoreError, match="newer vendorwatch"):
        open_state(state.url.render_as_string(hide_password=False))
    state.dispose()


def test_an_unreachable_database_does_not_tell_its_password() -> None:
    with pytest.raises(StoreError) as caught:
        open_state("postgresql+psycopg://me:geheim@127.0.0.1:1/none")
    assert "geheim" not in str(caught.value)
    assert caught.value.hint


def test_carried_tables_survive_packing() -> None:
    import pyarrow as pa

    tables = [pa.table({"a": [1, 2]}), pa.table({"b": pa.array([], pa.string())}), pa.table({"c": [None, "x"]})]
    assert [table.to_pydict() for table in unpack(pack(tables))] == [table.to_pydict() for table in tables]
