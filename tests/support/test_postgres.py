"""The throwaway server keeps its promises; everything else about real logs rests on them."""

from __future__ import annotations

import csv
import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres as support
from tests.support.postgres import Postgres, PostgresMissingError, Server


def test_statements_of_a_role_reach_the_csvlog(postgres: Postgres) -> None:
    postgres.psql("create role sup_reader login; create table sup_t (id int); grant select on sup_t to sup_reader")
    postgres.psql("select * from sup_t", user="sup_reader", app="sup_app")
    rows = list(csv.reader(postgres.log_text().splitlines(keepends=True)))
    audit = [row for row in rows if row[1] == "sup_reader" and row[13].startswith("AUDIT: ")]
    assert [row[13].split(",")[5:7] for row in audit] == [["TABLE", "public.sup_t"]]
    assert {row[22] for row in audit} == {"sup_app"}
    assert all(os.access(path, os.R_OK) for path in postgres.log_files())


def test_psql_raises_with_the_servers_words(postgres: Postgres) -> None:
    with pytest.raises(RuntimeError, match="division by zero"):
        postgres.psql("select 1/0")
    assert postgres.psql("select 1/0; select 2", check=False) == "2\n"


def test_client_programs_and_drivers_find_the_server(postgres: Postgres, tmp_path: Path) -> None:
    postgres.psql("create database sup_db")
    postgres.run(["pg_dump", "--schema-only", "-f", str(tmp_path / "dump.sql")], dbname="sup_db")
    assert "PostgreSQL database dump" in (tmp_path / "dump.sql").read_text()
    with psycopg.connect(postgres.dsn(dbname="sup_db")) as connection:
        row = connection.execute("select current_database(), extname from pg_extension where extname = 'pgaudit'").fetchone()
    assert row == ("sup_db", "pgaudit")


def test_all_formats_rotation_and_restart() -> None:
    with Postgres(logs=("csv", "json", "stderr"), log_rows=False) as server:
        directory = server.directory
        server.psql("select 'before'")
        assert len(server.rotate()) == 3
        server.psql("select 'after'")
        server.settle()
        for kind in ("csv", "json", "stderr"):
            first, second = (path.read_text() for path in server.log_files(kind))
            assert "before" in first
            assert "after" not in first
            assert "after" in second
        server.halt()
        server.resume()
        assert server.psql("show pgaudit.log_rows") == "off\n"
    assert not directory.exists()


@pytest.mark.parametrize(
    ("found", "needle"),
    [
        ([], "apt-get install postgresql, then sudo apt-get install postgresql-NN-pgaudit"),
        ([Server(17, Path("/opt/pg/bin"), False)], "apt-get install postgresql-17-pgaudit"),
    ],
)
def test_a_missing_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch, found: list[Server], needle: str) -> None:
    monkeypatch.setattr(support, "installed_servers", lambda: found)
    with pytest.raises(PostgresMissingError, match=needle):
        support.find_server()


def test_environment_of_clients_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> None:
    monkeypatch.setenv("PGSERVICE", "production")
    monkeypatch.setenv("PGHOST", "db.example")
    environment = postgres.client_environment()
    assert environment["PGHOST"] == "127.0.0.1"
    assert "PGSERVICE" not in environment
    done = subprocess.run(["env"], env=environment, capture_output=True, text=True, check=True)
    assert "production" not in done.stdout
