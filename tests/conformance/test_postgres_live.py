"""One PostgreSQL that writes its log in all three formats at once: the same acts give the same records."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.sources.csvlog import read
from tests.support.postgres import Postgres

PREFIX = "%m [%p] %c %l %v %e <%b> %q%u@%d app=%a client=%h tag=%i "
OPTIONS: dict[str, dict[str, str]] = {
    "postgres_csvlog": {},
    "postgres_jsonlog": {},
    "postgres_stderr": {"log_line_prefix": PREFIX},
}
KINDS = {"postgres_csvlog": "csv", "postgres_jsonlog": "json", "postgres_stderr": "stderr"}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    conf = {"log_line_prefix": PREFIX, "log_timezone": "America/New_York"}
    with Postgres(logs=("csv", "json", "stderr"), conf=conf) as running:
        yield running


def act(server: Postgres) -> None:
    """Reads, copies, cursors, failures, forgeries, odd names, replication, settings."""
    server.psql(
        'create role live_vendor login; create role "odd \'name" login; create role "한글@x" login;'
        "create table live_people (id int primary key, name text);"
        "insert into live_people select n, 'name ' || n from generate_series(1, 300) n;"
        'grant select on live_people to live_vendor, "odd \'name", "한글@x"'
    )
    forged = (
        "\n2026-11-22 16:45:05.795 UTC [1] svc@shop LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,x,<none>,5"
        '\n{"timestamp":"2026-11-22 16:45:05.795 UTC","user":"victim"}\n2026-11-22 16:45:05.795 UTC,"victim","victim",1,\n'
    )
    with psycopg.connect(server.dsn("live_vendor", app="live")) as session:
        cursor = session.cursor()
        cursor.execute("select * from live_people where name like %s", ["name 1%"])
        cursor.execute(f"select '{forged}' /* \r\n\t\"\" \\ ' unbalanced */".replace("unbalanced", '"'))
        cursor.execute("select 1 from live_people -- 한글\n\n\n\twhere id = 1\n")
        with cursor.copy("copy live_people to stdout") as copy:
            for _ in copy:
                pass
        cursor.execute("set application_name = 'x LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,\"y'")
        cursor.execute("select count(*) from live_people")
        cursor.execute("set application_name = 'client=1.2.3.4 session=6b029d81.7a62 line=2'")
        cursor.execute("select 2")
        cursor.execute("set application_name = 'live'")
        session.commit()
        for failing in ("select 1/0\nfrom live_people", "select * from\n\tnowhere", "set pgaudit.log = 'none'"):
            with pytest.raises(psycopg.Error):
                cursor.execute(failing)
            session.rollback()
        cursor.execute("do $$ begin raise log E'AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>,1\\n\\tx'; end $$")
        cursor.execute("do $$ begin raise warning 'w' using detail = E'a\\nb', hint = 'h'; end $$")
    for user in ("odd 'name", "한글@x"):
        with psycopg.connect(server.dsn().replace("user=postgres", ""), user=user, application_name="ann é\x01") as session:
            session.execute("select name from live_people limit 3")
    for stranger in ("nobody", "no\n2026-11-22 16:45:05.795 UTC [2] live_vendor"):
        with pytest.raises(psycopg.Error):
            psycopg.connect(server.dsn().replace("user=postgres", ""), user=stranger)
    server.psql("select pg_reload_conf()")
    server.run(["pg_basebackup", "-D", str(server.directory / "copy" / "x"), "-X", "none", "--no-sync"], check=False)
    server.settle()


@pytest.fixture(scope="module")
def found(server: Postgres) -> dict[str, list[dict[str, Any]]]:
    act(server)
    server.halt()
    result = {}
    for source, kind in KINDS.items():
        os.utime(server.log_file(kind), (0, 0))  # long ago: nothing more will be added to its last record
        path = server.log_glob(kind)
        slices, notices = read(path, zone="America/New_York", type=source, slice_bytes=1 << 16, **OPTIONS[source])
        assert [n.reason for n in notices if "holds no" not in n.reason] == []
        result[source] = [row for piece in slices for row in piece.records.to_pylist()]
        skipped = [skip for piece in slices for skip in piece.skips]
        # a log-in under a name with a line end breaks the prefix of a plain log, and nothing else does
        assert bool(skipped) == (source == "postgres_stderr")
        raw = server.log_file(kind).read_bytes()
        lost = b"".join(raw[skip.offset : skip.offset + skip.length] for skip in skipped).splitlines()
        assert all(line.endswith(b" no") or b"[2] live_vendor" in line for line in lost), lost
    return result


def by_session(rows: list[dict[str, Any]], *drop: str) -> dict[str, list[dict[str, Any]]]:
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r["session_line"] or 0):
        sessions[row["session"]].append({k: v for k, v in row.items() if k not in ("offset", "length", *drop)})
    return dict(sessions)


def test_jsonlog_gives_what_csvlog_gives(found: dict[str, list[dict[str, Any]]]) -> None:
    assert len(found["postgres_csvlog"]) > 60
    assert by_session(found["postgres_jsonlog"]) == by_session(found["postgres_csvlog"])


def test_the_plain_log_gives_the_same_but_for_its_own_line_numbers(found: dict[str, list[dict[str, Any]]]) -> None:
    """Doubted lines are the ones with a forged label in application_name, and the failed log-in with a line end in its name."""
    csv, plain = (by_session(found[source], "session_line") for source in ("postgres_csvlog", "postgres_stderr"))
    doubted = []
    for session, rows in csv.items():
        others = plain[session]
        if any("\n" in (row["account"] or "") for row in rows):
            doubted += [row for row in others if row["kind"] == "unreadable"]
            continue
        assert len(others) == len(rows)
        for row, other in zip(rows, others, strict=True):
            if other["kind"] == "unreadable" and row["kind"] == "audit":
                doubted.append(other)
                continue
            own = row | {"context": None} | ({"app_name": other["app_name"]} if not row["account"] else {})
            assert other | {"context": None} == own
    assert all("LOG:  AUDIT" in row["message"] or "AUDIT: " in row["message"] for row in doubted)
    assert len(doubted) <= 3


def test_nobody_was_framed(found: dict[str, list[dict[str, Any]]]) -> None:
    for rows in found.values():
        audits = [row for row in rows if row["kind"] == "audit"]
        assert {row["account"] for row in audits} <= {"postgres", "live_vendor", "odd 'name", "한글@x", "한글"}
        assert not [row for row in audits if row["statement"] in ("x", "select 1") or row["account"] == "victim"]
        assert sum(row["command"] == "COPY" for row in audits) >= 1
