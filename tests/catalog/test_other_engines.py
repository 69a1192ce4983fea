"""Engines that nobody wrote a reader for: any SQLAlchemy dialect, from the configuration to the map."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from scanner.catalog import scan_catalog
from scanner.catalog.generic import GenericReader
from scanner.catalog.opening import open_reader
from scanner.catalog.reading import CatalogSettings
from scanner.config import load_config
from scanner.errors import CatalogError, ConfigError
from scanner.model import TableRef


class LakeDialect(SQLiteDialect_pysqlite):
    """A dialect that some package brings, here with SQLite's files beneath."""

    name = "lakedb"
    supports_statement_cache = True


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    registry.register("lakedb", __name__, "LakeDialect")
    path = tmp_path / "lake.db"
    database = sqlite3.connect(path)
    database.executescript("create table kunden (nr integer, name text, mobil text); create table leer (a text)")
    database.executemany(
        "insert into kunden values (?, ?, ?)",
        [(i, f"{['Anna', 'Lena', 'Paul', 'Jonas', 'Marie'][i % 5]} Müller", f"0151 {23000000 + i * 977}") for i in range(5_000)],
    )
    database.commit()
    database.close()
    return path


def test_a_dialect_of_a_package_is_read_like_any(lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "vendorwatch.yml"
    file.write_text(f"databases: {{lake: {{url: 'lakedb:///{lake}'}}}}\n")
    config = load_config(file)
    database = config.databases["lake"]
    assert database.engine == "lakedb"
    reader, _ = open_reader("lake", database.url.get_secret_value(), CatalogSettings())
    reader.close()
    assert isinstance(reader, GenericReader)
    scan = scan_catalog("lake", database.url.get_secret_value())
    assert scan.gaps == ()
    table = scan.schema.tables[TableRef("main", "kunden")]
    assert {c.name: c.pii_class for c in table.columns} == {"nr": None, "name": "PERSON", "mobil": "PHONE_NUMBER"}
    assert table.rows == 5_000
    assert table.rows_read == 2_000  # without a key: at twenty places of it


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("oracle+oracledb://a:topsecret@h/d", "vendorwatch[oracle]"),
        ("duckdb:///lake.duckdb", "duckdb-engine"),
        ("trino://a:topsecret@h/d", "trino"),
    ],
)
def test_a_missing_driver_is_named(url: str, package: str, tmp_path: Path) -> None:
    file = tmp_path / "vendorwatch.yml"
    file.write_text(f"databases: {{lake: {{url: '{url}'}}}}\n")
    database = load_config(file).databases["lake"]
    with pytest.raises(CatalogError) as caught:
        scan_catalog("lake", database.url.get_secret_value())
    assert caught.value.hint == f"pip install '{package}'"
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgress://h/d", "nobodysdb://h/d"])
def test_a_dialect_that_nobody_brings_is_refused(url: str, tmp_path: Path) -> None:
    file = tmp_path / "vendorwatch.yml"
    file.write_text(f"databases: {{lake: {{url: '{url}'}}}}\n")
    with pytest.raises(ConfigError, match="begins with an unknown engine"):
        load_config(file)
