"""References to people that only their values tell."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from scanner.catalog import CatalogSettings, scan_catalog
from scanner.catalog.links import Candidate, candidates, value_links
from scanner.catalog.reading import KeyHits, RawColumn, Relation
from scanner.catalog.recognizers import TypeKind
from scanner.model import TableRef
from tests.support.postgres import Postgres

NAMES = ["김민수", "이서연", "박지훈", "최은지", "정현우", "강수빈", "조예린", "윤도현", "장하은", "임태호"]
TABLES = """
create table mbr (mbr_no {key} primary key, nm varchar(20), hp varchar(20));
create table t_04 (a bigint primary key, b {key}, c integer);
create table t_05 (a bigint primary key, b integer, c varchar(10));
create table prd (prd_no bigint primary key, nm varchar(40))
"""


def rows(code: bool, people: int) -> dict[str, list[tuple[object, ...]]]:
    """People with codes or scattered numbers, orders that refer to a third of them, and things that do not."""
    chance = random.Random(4)
    keys = [f"M{n:09d}" if code else n for n in chance.sample(range(10_000_000), people)]
    active = keys[: people // 3]
    return {
        "mbr": [(k, chance.choice(NAMES), f"010-{chance.randrange(2000, 9999)}-{chance.randrange(10_000):04d}") for k in keys],
        "t_04": [(n, chance.choice(active), n % 90) for n in range(1, 4 * people)],
        "t_05": [(n, chance.randrange(10_000_000), f"C{n % 40:03d}") for n in range(1, 2 * people)],
        "prd": [(n, f"상자 {n}") for n in range(1, people)],
    }


@pytest.mark.parametrize("code", [True, False])
def test_orders_are_counted_as_people_by_values_alone(tmp_path: Path, code: bool) -> None:
    path = tmp_path / "shop.db"
    database = sqlite3.connect(path)
    database.executescript(TABLES.format(key="varchar(12)" if code else "bigint"))
    content = rows(code, 3_000)
    for name, found in content.items():
        database.executemany(f"insert into {name} values ({','.join('?' * len(found[0]))})", found)
    database.commit()
    database.close()
    scan = scan_catalog("shop", f"sqlite:///{path}")
    tables = {ref.name: table for ref, table in scan.schema.tables.items()}
    assert (tables["mbr"].person_column, tables["mbr"].persons) == ("mbr_no", 3_000)
    assert (tables["t_04"].person_column, tables["t_04"].persons) == ("b", len({r[1] for r in content["t_04"]}))
    assert tables["t_05"].person_column is None
    assert tables["prd"].person_column is None
    again = scan_catalog("shop", f"sqlite:///{path}", previous=scan.schema)
    assert again.tables_read == 0
    assert again.schema.version == scan.schema.version


def test_links_on_postgresql_cost_index_look_ups() -> None:
    with Postgres() as server:
        server.psql(TABLES.format(key="bigint"))
        server.psql(
            "insert into mbr select i * 7 + i % 5, '김민수', '010-' || lpad((i * 37 % 9000 + 1000)::text, 4, '0') || '-'"
            " || lpad((i * 91 % 10000)::text, 4, '0') from generate_series(1, 300000) i;"
            "insert into t_04 select i, (i * 7919 % 100000 + 1) * 21 + (i * 7919 % 100000 + 1) * 3 % 5, i % 90"
            " from generate_series(1, 200000) i; insert into prd select i, 'box' from generate_series(1, 5000) i; analyze"
        )
        settings = CatalogSettings(exact_bytes=1_000_000)
        scan = scan_catalog("shop", f"postgresql+psycopg://postgres@127.0.0.1:{server.port}/postgres", settings=settings)
    tables = {ref.name: table for ref, table in scan.schema.tables.items()}
    assert tables["t_04"].person_column == "b"
    assert tables["t_04"].persons is not None
    assert 80_000 <= tables["t_04"].persons <= 120_000
    assert tables["prd"].person_column is None


def relation(name: str, *columns: str, key: str, rows: int) -> Relation:
    raw = tuple(RawColumn(c, "bigint", TypeKind.INTEGER) for c in columns)
    return Relation(TableRef("", name), "table", raw, rows=rows, primary_key=(key,))


@pytest.mark.parametrize(
    ("values", "others", "linked"),
    [
        (range(3, 1000, 33), 0, True),  # running numbers of a thousand people, met all over
        (range(1, 31), 0, False),  # the first thirty: an age, a count, a code
        (range(0, 1000, 33), 1_100, False),  # a table of things has running numbers as far
        (range(10, 1000, 37), 50_000, True),  # one that reaches much further has not
        (range(100, 1000, 100), 0, False),  # nine values say too little
        (range(0, 1000, 50), 0, False),  # round amounts
    ],
)
def test_running_numbers_are_doubted(values: range, others: int, linked: bool) -> None:
    people, orders = relation("mbr", "id", key="id", rows=1_000), relation("t1", "a", "b", key="a", rows=9_000)
    things = relation("prd", "id", key="id", rows=others)
    relations = {r.ref: r for r in (people, orders, *([things] if others else []))}

    def ask(_relation: Relation, _column: str, asked: object) -> KeyHits:
        assert isinstance(asked, tuple)
        return KeyHits(len(asked), 0, 999)

    found = value_links(
        relations,
        {},
        {people.ref: "id"},
        {orders.ref: candidates(orders, {"b": [str(v) for v in values]})},
        {r.ref: int(r.rows or 0) for r in relations.values()},
        ask,
    )
    assert found == ({orders.ref: "b"} if linked else {})


def test_a_candidate_shows_no_value() -> None:
    assert "M00017" not in repr(Candidate("b", TypeKind.TEXT, ("M00017",)))
