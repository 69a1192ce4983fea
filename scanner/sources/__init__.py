"""Audit sources: one file a format. To add one, write its class and name it in :data:`SOURCES`."""

from __future__ import annotations

from scanner.sources.aws_das import AwsDas
from scanner.sources.base import FileSource, Source
from scanner.sources.bigquery_audit import BigqueryAudit
from scanner.sources.mariadb_server_audit import MariadbServerAudit
from scanner.sources.mongodb_audit import MongodbAudit
from scanner.sources.mysql_audit_json import MysqlAuditJson
from scanner.sources.oracle_unified import OracleUnified
from scanner.sources.postgres_csvlog import PostgresCsvlog
from scanner.sources.postgres_jsonlog import PostgresJsonlog
from scanner.sources.postgres_stderr import PostgresStderr
from scanner.sources.snowflake import Snowflake
from scanner.sources.sqlserver_audit import SqlserverAudit

SOURCES: dict[str, type[FileSource]] = {
    PostgresCsvlog.type: PostgresCsvlog,
    MariadbServerAudit.type: MariadbServerAudit,
    PostgresJsonlog.type: PostgresJsonlog,
    PostgresStderr.type: PostgresStderr,
    MysqlAuditJson.type: MysqlAuditJson,
    AwsDas.type: AwsDas,
    BigqueryAudit.type: BigqueryAudit,
    MongodbAudit.type: MongodbAudit,
    SqlserverAudit.type: SqlserverAudit,
    OracleUnified.type: OracleUnified,
    Snowflake.type: Snowflake,
}
"""``type:`` of the configuration to its class; each is called with ``(path, time_zone, **options)``, the options of its own."""

__all__ = ["SOURCES", "Source"]
