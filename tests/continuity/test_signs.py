"""Clocks, restarts and accounts, in small logs of the very form that servers write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.continuity import Sign
from tests.continuity.watched import Watcher
from tests.sources.csvlog import audit, record

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def stamp(minutes: float) -> str:
    return f"{START + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}.000 UTC"


def session(number: int, minutes: float, *, user: str = "svc", audited: bool = True, ends: bool = True) -> list[bytes]:
    """A whole session: made, one statement, over."""
    begun = int((START + timedelta(minutes=minutes)).timestamp())
    messages = [
        "connection received: host=10.0.0.1 port=5000",
        "connection authorized: user=svc database=shop application_name=psql",
    ]
    messages += [audit("select 1")] if audited else []
    messages += ["disconnection: session time: 0:00:01.000 user=svc database=shop host=10.0.0.1 port=5000"] if ends else []
    return [
        record(text, time=stamp(minutes), user=user, session=f"{begun:x}.{number:x}", line=line)
        for line, text in enumerate(messages, 1)
    ]


def server(text: str, minutes: float, line: int = 1) -> bytes:
    begun = int((START + timedelta(minutes=minutes)).timestamp())
    return record(
        text,
        time=stamp(minutes),
        user=None,
        db=None,
        host=None,
        session=f"{begun:x}.1",
        line=line,
        tag=None,
        app="",
        backend="startup",
    )


def observed(path: Path, *parts: Iterable[bytes]) -> list[tuple[Sign, str]]:
    path.write_bytes(b"".join(line for part in parts for line in part))
    return [(one.sign, one.what) for one in Watcher(str(path)).scan()]


def test_times_that_go_back(tmp_path: Path) -> None:
    found = observed(tmp_path / "a.csv", session(10, 0), session(11, 90), session(12, 30), session(13, 95))
    assert [sign for sign, _ in found] == [Sign.CLOCK]
    assert "times go back by 60 minutes" in found[0][1]


def test_writers_that_overtake_each_other(tmp_path: Path) -> None:
    assert observed(tmp_path / "a.csv", session(10, 0), session(11, 1), session(12, 0.5), session(13, 2)) == []


def test_the_end_of_summer_time_is_no_jump(tmp_path: Path) -> None:
    """server_audit logs local time without a zone: the hour is there twice."""
    path = tmp_path / "audit.log"
    lines = [
        f"20261025 {hour}:{minute:02}:00,vm,svc,localhost,4,{number},QUERY,crm,'select {number}',0\n"
        for number, (hour, minute) in enumerate([("02", 10), ("02", 50), ("02", 5), ("02", 55), ("03", 5)], 1)
    ]
    path.write_text("".join(lines), encoding="utf-8")
    assert [o.sign for o in Watcher(str(path), "mariadb_server_audit", zone="Europe/Berlin").scan()] == []
    assert [o.sign for o in Watcher(str(path), "mariadb_server_audit", zone="Asia/Seoul").scan()] == [Sign.CLOCK]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("database system was shut down at 2026-11-22 09:31:00 UTC", False),  # after everything that was done
        ("database system was shut down at 2026-11-22 09:12:00 UTC", True),  # clients worked until half past
        ("database system was shut down at 2026-11-22 18:31:00 KST", False),  # no zone of this source: nobody knows when
        ("database system was interrupted; last known up at 2026-11-22 09:12:00 UTC", False),  # a crash
        ("starting point-in-time recovery to 2026-11-22 09:12:00+00", True),
        ("starting backup recovery with redo LSN 0/2000028, checkpoint LSN 0/2000060, on timeline ID 1", True),
    ],
)
def test_a_server_that_was_set_back(tmp_path: Path, text: str, told: bool) -> None:
    found = observed(tmp_path / "a.csv", session(10, 0), session(11, 30), [server(text, 60)], session(12, 61))
    assert [sign for sign, _ in found] == ([Sign.ROLLED_BACK] if told else [])


def test_an_account_without_audit_lines(tmp_path: Path) -> None:
    """As with `alter role svc set pgaudit.log = 'none'`."""
    path = tmp_path / "a.csv"
    before = [line for n in range(20) for line in session(n + 10, n)]
    others = [line for n in range(20) for line in session(n + 100, 40 + n, user="other")]
    silent = [line for n in range(6) for line in session(n + 200, 70 + n, audited=False)]
    found = observed(path, before, others, silent)
    assert [sign for sign, _ in found] == [Sign.ACCOUNT_SILENT]
    assert "sessions of svc in a row" in found[0][1]


def test_a_forged_audit_line_is_counted(tmp_path: Path) -> None:
    forged = record("AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>,1", time=stamp(1), line=5, context="PL/pgSQL function x()")
    lines = session(10, 0, ends=False)
    begun = int(START.timestamp())
    forged = forged.replace(b"6b029d81.7a62", f"{begun:x}.a".encode()).replace(b",5,", b",4,", 1)
    found = observed(tmp_path / "a.csv", lines, [forged])
    assert [sign for sign, _ in found] == [Sign.SKIPPED]


def test_statement_ids_tell_where_lines_are_not_written(tmp_path: Path) -> None:
    """Lines go on without a hole, statements do not: somebody raised log_min_messages for a while."""
    begun = int(START.timestamp())
    lines = session(10, 0, ends=False)
    late = record(audit("select 5", number=5), time=stamp(1), session=f"{begun:x}.a", line=4)
    found = observed(tmp_path / "a.csv", lines, [late])
    assert [sign for sign, _ in found] == [Sign.HOLE]
    assert "audited statements 2 to 4 are missing" in found[0][1]


def test_a_server_crash_is_none_of_it(tmp_path: Path) -> None:
    """Sessions that never end, a server that starts again."""
    crash = [server("database system was interrupted; last known up at 2026-11-22 09:00:01 UTC", 10)]
    ready = [server("database system is ready to accept connections", 10, line=2)]
    assert (
        observed(tmp_path / "a.csv", session(10, 0, ends=False), session(11, 1, ends=False), crash, ready, session(10, 12)) == []
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('parameter "pgaudit.log" changed to "none"', True),
        ('parameter "pgaudit.log" changed to "read, write"', True),
        ('parameter "pgaudit.log" changed to "all"', False),
        ('parameter "pgaudit.log" removed from configuration file, reset to default', True),
        ('parameter "log_connections" removed from configuration file, reset to default', True),
        ('parameter "log_connections" changed to "on"', False),
        ('parameter "log_min_duration_statement" changed to "0"', False),
        ('parameter "log_min_messages" changed to "panic"', True),
        ('parameter "log_directory" changed to "/elsewhere"', True),
        ("received SIGHUP, reloading configuration files", False),
    ],
)
def test_a_configuration_that_was_read_anew(tmp_path: Path, text: str, told: bool) -> None:
    found = observed(tmp_path / "a.csv", session(10, 0), [server(text, 1)], session(12, 2))
    assert [sign for sign, _ in found] == ([Sign.SETTINGS] if told else [])


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("20261026 09:00:04,vm,svc,localhost,4,3,QUERY,crm,'select 3',0\n", True),  # a line that is there already
        ("20261026 09:00:04,vm,dlv,10.0.0.9,2,2,QUERY,crm,'select tel',0\n", True),  # a number that another connection has
        ("20261026 09:00:04,vm,svc,localhost,4,3,QUERY,crm,'execute immediate @a',0\n", False),
        ("20261026 09:00:04,vm,svc,localhost,4,3,READ,crm,customer,\n", False),
    ],
)
def test_a_statement_number_is_given_once(tmp_path: Path, added: str, told: bool) -> None:
    lines = [f"20261026 09:00:{number:02},vm,svc,localhost,4,{number},QUERY,crm,'select {number}',0\n" for number in range(1, 9)]
    path = tmp_path / "audit.log"
    path.write_text("".join([*lines[:4], added, *lines[4:]]), encoding="utf-8")
    assert [o.sign for o in Watcher(str(path), "mariadb_server_audit").scan()] == [Sign.REPEATED] * told
