"""What servers' settings hide, and the line that mends it: real PostgreSQL, and tables of MariaDB's settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from scanner.doctor_audit import Check, PostgresServer, logged_classes, mariadb_checks, postgres_checks
from tests.support.postgres import Postgres

ACCOUNTS = {"delivery_co": ["dlv_*"], "ads_co": ["ads_app"]}


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        ("all", ""),
        ("all, -misc", "misc"),
        ("read, write", "ddl function misc role"),
        ("READ", "ddl function misc role write"),
        ("none", "ddl function misc read role write"),
        ("-all", "ddl function misc read role write"),
        ("all,-read,-misc,read", "misc"),
    ],
)
def test_classes_of_pgaudit_log(value: str, missing: str) -> None:
    everything = {"read", "write", "function", "role", "ddl", "misc"}
    assert sorted(everything - logged_classes(value)) == missing.split()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres(audit="all, -misc", log_catalog=True) as made:
        made.psql(
            "create role dlv_app login; create role dlv_root login superuser; create role ads_app login; "
            'create role "O\'Brien" login'
        )
        yield made


def looked_at(server: Postgres, *changes: str) -> list[Check]:
    """What the checks say when ``changes`` have been made; none of them lasts."""
    engine = sa.create_engine(server.url(), isolation_level="READ COMMITTED")
    try:
        with engine.connect() as connection:
            for change in changes:
                connection.exec_driver_sql(change)
            found = list(postgres_checks("shop", PostgresServer.ask(connection), ACCOUNTS))
            connection.rollback()
            return found
    finally:
        engine.dispose()


def test_what_the_whole_server_hides(server: Postgres) -> None:
    found = looked_at(server)
    (classes,) = [c for c in found if c.detail.startswith("pgaudit.log = ")]
    assert classes.state == "note"
    assert "FETCH from cursors" in classes.detail
    assert "SELECT, COPY" not in classes.detail
    assert classes.next_step == "set pgaudit.log = 'all'"
    (superuser,) = [c for c in found if "superuser" in c.detail]
    assert (superuser.state, superuser.next_step) == ("problem", "ALTER ROLE dlv_root NOSUPERUSER")


def test_auditing_single_tables_hides_more_than_other_tables(server: Postgres) -> None:
    audited = "set pgaudit.role = 'auditor'"
    with_rows = looked_at(server, audited, "set pgaudit.log = 'none'")
    (check,) = [c for c in with_rows if "granted to auditor" in c.detail]
    assert check.state == "problem"
    assert "every pg_dump, cursors" in check.detail
    without = looked_at(server, audited, "set pgaudit.log = 'none'", "set pgaudit.log_rows = off")
    (check,) = [c for c in without if "granted to auditor" in c.detail]
    assert "pg_dump" not in check.detail
    assert not [c for c in looked_at(server, audited) if "granted to auditor" in c.detail]


@pytest.mark.parametrize(
    ("change", "state", "shown", "line"),
    [
        (
            "alter role dlv_app set pgaudit.log = 'none'",
            "problem",
            "for account dlv_app (vendor delivery_co): no trace of read (SELECT, COPY, pg_dump",
            "ALTER ROLE dlv_app SET pgaudit.log = 'all'",
        ),
        (
            "alter role ads_app in database postgres set pgaudit.log = 'ddl'",
            "problem",
            "account ads_app in database postgres (vendor ads_co)",
            "ALTER ROLE ads_app IN DATABASE postgres SET pgaudit.log = 'all'",
        ),
        (
            "alter database postgres set pgaudit.log_rows = off",
            "problem",
            "database postgres: without row counts",
            "ALTER DATABASE postgres SET pgaudit.log_rows = on",
        ),
        (
            "alter role \"O'Brien\" set pgaudit.log = 'write'",
            "note",
            "account O'Brien: no trace of read",
            "ALTER ROLE \"O'Brien\" SET pgaudit.log = 'all'",
        ),
        (
            "alter role dlv_app set log_min_error_statement = 'panic'",
            "problem",
            "aborted late",
            "ALTER ROLE dlv_app SET log_min_error_statement = error",
        ),
        (
            "alter role dlv_app set log_min_messages = 'fatal'",
            "problem",
            "not written at all",
            "ALTER ROLE dlv_app SET log_min_messages = warning",
        ),
        (
            "grant set on parameter pgaudit.log to ads_app",
            "problem",
            "account ads_app may set pgaudit.log",
            "REVOKE SET ON PARAMETER pgaudit.log FROM ads_app",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_one_account_or_database_hides(server: Postgres, change: str, state: str, shown: str, line: str) -> None:
    before = looked_at(server)
    (check,) = [c for c in looked_at(server, change) if c not in before]
    assert check.state == state
    assert shown in check.detail
    assert check.next_step == line


def test_an_account_of_its_own_that_hides_nothing(server: Postgres) -> None:
    assert looked_at(
        server, "alter role dlv_app set pgaudit.log = 'all'", "alter role dlv_app set work_mem = '8MB'"
    ) == looked_at(server)


SOUND = {
    "server_audit_logging": "ON",
    "server_audit_events": "CONNECT,QUERY,TABLE",
    "server_audit_excl_users": "",
    "server_audit_incl_users": "",
    "server_audit_output_type": "file",
    "server_audit_query_log_limit": "65536",
    "server_audit_file_rotate_size": "100000000",
    "server_audit_file_rotations": "50",
    "slow_query_log": "ON",
    "long_query_time": "0.000000",
    "min_examined_row_limit": "0",
    "log_slow_rate_limit": "1",
    "log_output": "FILE",
    "load_option": "FORCE_PLUS_PERMANENT",
}
SLOW = [{"query_log_limit": "65536", "slow_log": "slow.log"}]


def test_sound_settings_of_mariadb_are_passed_over() -> None:
    assert list(mariadb_checks("crm", SOUND, ACCOUNTS, SLOW)) == []
    assert list(mariadb_checks("crm", {**SOUND, "server_audit_events": ""}, ACCOUNTS, SLOW)) == []
    (without,) = mariadb_checks("crm", {"version": "10.11"}, ACCOUNTS, SLOW)
    assert "not loaded" in without.detail


@pytest.mark.parametrize(
    ("setting", "value", "state", "shown", "line"),
    [
        ("logging", "OFF", "problem", "nothing leaves a trace", "server_audit_logging = ON"),
        ("events", "CONNECT,QUERY", "problem", "no trace of TABLE (the tables behind views", "'CONNECT,QUERY,TABLE'"),
        ("events", "CONNECT,TABLE,QUERY_DML_NO_SELECT", "problem", "and no SELECT is", "'CONNECT,QUERY,TABLE'"),
        ("events", "CONNECT,TABLE,QUERY_DML", "problem", "SET, CALL, HANDLER and DO are in none", "'CONNECT,QUERY,TABLE'"),
        ("excl_users", "backup", "note", "whatever it reads", "server_audit_excl_users = ''"),
        ("excl_users", "backup, dlv_app", "problem", "vendor delivery_co is among them", "server_audit_excl_users = ''"),
        ("incl_users", "dlv_app", "problem", "vendor ads_co is not among them", "server_audit_incl_users = ''"),
        ("incl_users", "dlv_app,ads_app", "note", "nobody else leaves a trace", "server_audit_incl_users = ''"),
        ("output_type", "syslog", "problem", "syslog cuts lines", "server_audit_output_type = 'file'"),
        ("query_log_limit", "2048", "problem", "this source is told 65536", "set query_log_limit: 2048 at the audit source"),
        ("file_rotate_size", "1000000", "note", "the log keeps 50 MB", "server_audit_file_rotate_size = 100000000"),
    ],
)  # fmt: skip
def test_what_settings_of_mariadb_hide(setting: str, value: str, state: str, shown: str, line: str) -> None:
    (check,) = mariadb_checks("crm", {**SOUND, f"server_audit_{setting}": value}, ACCOUNTS, SLOW)
    assert check.state == state
    assert shown in check.detail
    assert line in check.next_step


def test_row_counts_of_mariadb() -> None:
    (none,) = mariadb_checks("crm", SOUND, ACCOUNTS, [{"query_log_limit": "65536"}])
    assert "without row counts" in none.detail
    (slow,) = mariadb_checks("crm", {**SOUND, "long_query_time": "10.000000"}, ACCOUNTS, SLOW)
    assert slow.next_step.startswith("SET GLOBAL long_query_time = 0")
    history = [{"query_log_limit": "65536", "row_counts": "performance_schema"}]
    assert list(mariadb_checks("crm", {**SOUND, "slow_query_log": "OFF"}, ACCOUNTS, history)) == []
