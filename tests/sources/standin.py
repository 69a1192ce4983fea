"""A database with tables of the documented shape, in the place of SQL Server, Oracle and Snowflake, which are not at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from scanner.model import Position, Slice, SourceNotice
from scanner.sources import SOURCES
from scanner.sources.sql_source import SqlSource

START = datetime(2026, 11, 22, 7, 45, 6)  # noqa: DTZ001 - as audit tables have it: UTC without saying so


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


TABLES = sa.MetaData()
sa.Table(
    "audit_events",  # what sys.fn_get_audit_file returns
    TABLES,
    *(sa.Column(name, sa.DateTime) for name in ("event_time",)),
    *(sa.Column(name, sa.Boolean) for name in ("succeeded", "is_column_permission")),
    *(
        sa.Column(name, sa.BigInteger)
        for name in (
            "sequence_number", "session_id", "server_principal_id", "database_principal_id", "object_id", "audit_file_offset",
            "transaction_id", "duration_milliseconds", "response_rows", "affected_rows",
        )
    ),
    *(
        sa.Column(name, sa.Unicode(4000))
        for name in (
            "action_id", "class_type", "session_server_principal_name", "server_principal_name", "database_principal_name",
            "server_instance_name", "database_name", "schema_name", "object_name", "statement", "additional_information",
            "file_name", "client_ip", "application_name", "connection_id", "host_name",
        )
    ),
)  # fmt: skip
sa.Table(
    "unified_audit_trail",
    TABLES,
    sa.Column("event_timestamp_utc", sa.DateTime),
    *(
        sa.Column(name, sa.BigInteger)
        for name in ("sessionid", "instance_id", "dbid", "return_code", "entry_id", "statement_id", "scn")
    ),
    *(
        sa.Column(name, sa.Text)
        for name in (
            "audit_type", "os_username", "userhost", "terminal", "authentication_type", "dbusername", "client_program_name",
            "action_name", "transaction_id", "object_schema", "object_name", "sql_text", "sql_binds", "system_privilege_used",
            "unified_audit_policies", "current_user", "dp_text_parameters1",
        )
    ),
)  # fmt: skip
sa.Table(
    "query_history",
    TABLES,
    sa.Column("start_time", sa.DateTime),
    sa.Column("end_time", sa.DateTime),
    *(sa.Column(name, sa.BigInteger) for name in ("session_id", "rows_produced", "rows_unloaded", "bytes_scanned")),
    *(
        sa.Column(name, sa.Text)
        for name in (
            "query_id", "query_text", "database_name", "schema_name", "query_type", "user_name", "role_name", "execution_status",
            "error_code", "error_message", "warehouse_name",
        )
    ),
)  # fmt: skip
sa.Table(
    "access_history",
    TABLES,
    sa.Column("query_start_time", sa.DateTime),
    *(sa.Column(name, sa.Text) for name in ("query_id", "user_name", "direct_objects_accessed", "base_objects_accessed")),
)
sa.Table(
    "sessions",
    TABLES,
    sa.Column("created_on", sa.DateTime),
    *(sa.Column(name, sa.BigInteger) for name in ("session_id", "login_event_id")),
    *(sa.Column(name, sa.Text) for name in ("user_name", "client_application_id")),
)
sa.Table(
    "login_history",
    TABLES,
    sa.Column("event_timestamp", sa.DateTime),
    sa.Column("event_id", sa.BigInteger),
    *(
        sa.Column(name, sa.Text)
        for name in ("event_type", "user_name", "client_ip", "reported_client_type", "is_success", "error_code", "error_message")
    ),
)


class Standin:
    """A SQLite file with those tables, and a source that reads one of them."""

    def __init__(self, folder: Path, type_: str, **options: Any) -> None:
        self.url = f"sqlite:///{folder / 'audit.sqlite'}"
        self.engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        TABLES.create_all(self.engine)
        self.spool = folder / "spool"
        self.type = type_
        self.options = options
        self.positions: dict[str, Position] = {}

    def add(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        with self.engine.begin() as connection:
            for row in rows:
                connection.execute(TABLES.tables[table].insert().values(**row))

    def purge(self, table: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(TABLES.tables[table].delete())

    @property
    def source(self) -> SqlSource:
        made = SOURCES[self.type](str(self.spool / "*.jsonl"), "UTC", url=self.url, **self.options)
        assert isinstance(made, SqlSource)
        return made

    def scan(self, slice_bytes: int = 1 << 20) -> list[dict[str, Any]]:
        """Records that are new, as rows; any notice is a failure."""
        found: list[dict[str, Any]] = []
        for part in self.source.read(list(self.positions.values()), slice_bytes=slice_bytes):
            assert not isinstance(part, SourceNotice), part
            assert isinstance(part, Slice)
            assert part.skips == ()
            found += part.records.to_pylist()
            self.positions[part.file.id] = Position(part.file, part.end)
        return found
