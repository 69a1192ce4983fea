"""Audit sources: one file a format. To add one, write its class and name it in :data:`SOURCES`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from scanner.sources.base import FileSource, Source


class _Sources(Mapping[str, type[FileSource]]):
    """Classes by type; each type is the name of its module, loaded when it is asked for: some bring much with them."""

    def __init__(self, **classes: str) -> None:
        self._classes = classes

    def __getitem__(self, kind: str) -> type[FileSource]:
        name = self._classes[kind]  # first: what is not listed is not looked for
        found: type[FileSource] = getattr(import_module(f"{__name__}.{kind}"), name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


SOURCES = _Sources(
    postgres_csvlog="PostgresCsvlog",
    mariadb_server_audit="MariadbServerAudit",
    postgres_jsonlog="PostgresJsonlog",
    postgres_stderr="PostgresStderr",
    mysql_audit_json="MysqlAuditJson",
    aws_das="AwsDas",
    bigquery_audit="BigqueryAudit",
    mongodb_audit="MongodbAudit",
    sqlserver_audit="SqlserverAudit",
    oracle_unified="OracleUnified",
    snowflake="Snowflake",
)
"""``type:`` of the configuration to its class; each is called with ``(path, time_zone, **options)``, the options of its own."""

__all__ = ["SOURCES", "Source"]
