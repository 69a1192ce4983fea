"""A whole scan of real SQLite files."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.catalog import CatalogSettings, Override, from_json, rows, scan_catalog, to_json
from scanner.errors import CatalogError
from scanner.model import Function, Schema, TableRef
from tests.catalog.shop import TableSpec, shop

FIELDS = {
    "database",
    "schema",
    "table",
    "column",
    "pii_class",
    "form",
    "confidence",
    "evidence",
    "table_rows",
    "rows_read",
    "blocks_read",
}


def fill(path: Path, tables: dict[str, TableSpec]) -> None:
    database = sqlite3.connect(path)
    for name, spec in tables.items():
        database.execute(spec.ddl)
        if spec.rows:
            database.executemany(f"insert into {name} values ({','.join('?' * len(spec.rows[0]))})", spec.rows)
    database.execute("create view v_mbr as select mbr_no, mbr_nm, upper(eml) as contact from mbr")
    database.execute("create table vendorwatch_functions (schema, name, language, body, security_definer, returns)")
    database.execute(
        "insert into vendorwatch_functions values ('public', 'fn_export', 'sql', 'select * from mbr', 1, 'SETOF mbr')"
    )
    database.commit()
    database.close()


@pytest.fixture(scope="module")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "shop.db"
    fill(path, shop())
    return path


@pytest.fixture(scope="module")
def schema(shop_file: Path) -> Schema:
    scan = scan_catalog("shop", f"sqlite:///{shop_file}")
    assert scan.gaps == ()
    assert scan.tables_read == 6
    return scan.schema


def table(name: str) -> TableRef:
    return TableRef("public", name)


@pytest.mark.parametrize("name", list(shop()))
def test_every_column_is_judged_right(name: str, schema: Schema) -> None:
    truth = shop()[name].truth
    found = {c.name: (c.pii_class, c.form) for c in schema.tables[table(name)].columns if c.pii_class}
    assert found == truth


def test_rows_have_the_fixed_fields(schema: Schema) -> None:
    listed = rows(schema)
    assert all(set(row) == FIELDS for row in listed)
    assert {row["schema"] for row in listed} == {"public"}
    assert next(row for row in listed if row["table"] == "mbr")["table_rows"] == 300


def test_people(schema: Schema) -> None:
    members, orders = schema.tables[table("mbr")], schema.tables[table("ord")]
    assert (members.rows, members.persons, members.person_column) == (300, 300, "mbr_no")
    assert orders.rows == 899
    assert (orders.persons, orders.person_column) == (150, "mbr_no")
    assert orders.unique_keys == (("ord_id",), ("ord_no",))
    assert schema.tables[table("prd")].persons is None


def test_views_and_companion_functions(schema: Schema) -> None:
    view = schema.tables[table("v_mbr")]
    assert view.kind == "view"
    assert view.definition == "select mbr_no, mbr_nm, upper(eml) as contact from mbr"
    assert [c.pii_class for c in view.columns] == [None, "PERSON", "EMAIL_ADDRESS"]
    assert schema.functions == {
        table("fn_export"): (Function(table("fn_export"), "sql", "select * from mbr", True, "SETOF mbr"),)
    }
    assert table("vendorwatch_functions") not in schema.tables


def test_json_round_trip_is_stable(schema: Schema) -> None:
    assert from_json(to_json(schema)) == schema
    assert to_json(from_json(to_json(schema))) == to_json(schema)
    with pytest.raises(ValueError, match="catalogue"):
        from_json("{}")


def test_nothing_changed_nothing_read(shop_file: Path, schema: Schema) -> None:
    again = scan_catalog("shop", f"sqlite:///{shop_file}", previous=schema)
    assert again.tables_read == 0
    assert again.schema == schema


def test_same_answer_each_run(shop_file: Path, schema: Schema) -> None:
    assert scan_catalog("shop", f"sqlite:///{shop_file}").schema == schema


def test_an_officers_decision_survives(shop_file: Path, schema: Schema) -> None:
    decided = CatalogSettings(overrides=(Override(table("prd"), "prd_nm", "PERSON", "named after their makers"),))
    for previous in (None, schema):
        found = (
            scan_catalog("shop", f"sqlite:///{shop_file}", previous=previous, settings=decided)
            .schema.tables[table("prd")]
            .column("prd_nm")
        )
        assert found is not None
        assert found.pii_class == "PERSON"
        assert "named after their makers" in found.evidence


def test_a_late_column_of_a_large_table_is_found(tmp_path: Path) -> None:
    path = tmp_path / "late.db"
    database = sqlite3.connect(path)
    database.execute("create table big (id integer primary key, filler text, late text)")
    database.executemany(
        "insert into big values (?, ?, ?)",
        ((i, "x" * 30, f"010-{2000 + i * 7 % 8000}-{i * 7919 % 10000:04d}" if i > 90_000 else None) for i in range(1, 100_001)),
    )
    database.commit()
    database.close()
    scan = scan_catalog("big", f"sqlite:///{path}", settings=CatalogSettings(exact_bytes=100_000))
    big = scan.schema.tables[table("big")]
    assert {c.name: c.pii_class for c in big.columns} == {"id": None, "filler": None, "late": "PHONE_NUMBER"}
    assert scan.values_read < 1000
    assert big.rows == pytest.approx(100_000, rel=0.01)


def test_odd_content(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    database = sqlite3.connect(path)
    database.execute('create table "고객 ""정보"" %s :x" ("이름" text, "e-mail", bad text)')
    database.executemany(
        'insert into "고객 ""정보"" %s :x" values (?, ?, cast(? as text))',
        [("김민수", "a@b.kr", b"\xff\xfe\x00"), ("이서연", b"\x00\x01", b"ok"), ("박지훈", 5, None)],
    )
    database.commit()
    database.close()
    scan = scan_catalog("odd", f"sqlite:///{path}")
    assert scan.gaps == ()
    (found,) = scan.schema.tables.values()
    assert found.ref.name == '고객 "정보" %s :x'
    assert found.columns[0].pii_class == "PERSON"


def test_the_file_is_never_written(shop_file: Path) -> None:
    before = shop_file.read_bytes()
    scan_catalog("shop", f"sqlite:///{shop_file}")
    assert shop_file.read_bytes() == before


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/shop.db", "not a url", "oracle://a:topsecret@h/d", "postgresql://a:topsecret@127.0.0.1:1/d"]
)
def test_unreachable(url: str) -> None:
    with pytest.raises(CatalogError) as caught:
        scan_catalog("shop", url)
    assert "shop" in str(caught.value)
    assert caught.value.hint
    assert "topsecret" not in str(caught.value)


_WITHOUT_NETWORK = """
import socket, sys
def fail(*a, **k):
    raise OSError("no name is resolved here")
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection", "getfqdn"):
    setattr(socket, name, fail)
socket.socket.connect = fail
socket.socket.connect_ex = fail
from scanner.catalog import scan_catalog, CatalogSettings
from scanner.catalog.freetext import FreeText
from scanner.catalog.recognizers import RECOGNIZERS
scan = scan_catalog("shop", "sqlite:///" + sys.argv[1])
print(sum(c.pii_class is not None for t in scan.schema.tables.values() for c in t.columns))
found = FreeText(RECOGNIZERS).confirm(["mail me at kim@example.co.kr or 010-2345-6789"], {"EMAIL_ADDRESS": 1, "PHONE_NUMBER": 1})
print(sorted(found))
"""


def test_air_gapped(shop_file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _WITHOUT_NETWORK, str(shop_file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["19", "['EMAIL_ADDRESS', 'PHONE_NUMBER']"]
