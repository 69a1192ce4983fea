"""Records of the JSON audit logs, as their documentation shows them, for tests."""

from __future__ import annotations

import json
from typing import Any

MICROS = "2026-11-22 07:45:06.123456+00"


def line(record: dict[str, Any], **how: Any) -> bytes:
    return (json.dumps(record, ensure_ascii=False, **how) + "\n").encode()


def mysql(
    query: str | None,
    number: int = 1,
    *,
    kind: str = "general",
    event: str = "status",
    connection: int = 8,
    user: str = "vendor_a",
    ip: str = "10.0.0.7",
    status: int = 0,
    word: str = "Query",
    rows: int | None = None,
    examined: int | None = None,
    timestamp: str = "2026-11-22 07:45:06",
    **more: Any,
) -> dict[str, Any]:
    """One event of MySQL Enterprise Audit."""
    record: dict[str, Any] = {
        "timestamp": timestamp, "id": number, "class": kind, "event": event, "connection_id": connection,
        "account": {"user": user, "host": "%"}, "login": {"user": user, "os": "", "ip": ip, "proxy": ""},
    }  # fmt: skip
    if kind == "general":
        record["general_data"] = {"command": word, "sql_command": "select", "query": query, "status": status}
    if rows is not None:
        record["query_statistics"] = {"query_time": 0.11, "bytes_sent": 99, "rows_sent": rows, "rows_examined": examined}
    return record | more


def table_access(query: str, db: str, table: str, number: int = 1, event: str = "read", **more: Any) -> dict[str, Any]:
    data = {"db": db, "table": table, "query": query, "sql_command": "select"}
    return mysql(None, number, kind="table_access", event=event, table_access_data=data, **more)


def mysql_events(
    text: str, number: int = 1, *, tables: tuple[str, ...] = ("people", "orders"), **more: Any
) -> list[dict[str, Any]]:
    """All events by which MySQL tells one statement, in the order of Percona's documentation."""
    data = {"query_data": {"query": text, "status": 0}}
    return [
        mysql(text, number, event="log", **more),
        mysql(None, number + 1, kind="query", event="query_start", **data, **more),
        *(table_access(text, "crm", name, number + 2 + n, **more) for n, name in enumerate(tables)),
        mysql(None, number + 8, kind="query", event="query_status_end", **data, **more),
        mysql(text, number + 9, rows=7, examined=9, **more),
    ]


def percona(text: str | None, number: int = 1, *, name: str = "Query", status: int = 0, **more: Any) -> dict[str, Any]:
    """One record of Percona's audit_log plug-in."""
    record = {
        "name": name, "record": f"{number}_2026-11-22T07:00:00", "timestamp": "2026-11-22T07:45:06 UTC",
        "command_class": "select", "connection_id": "8", "status": status, "sqltext": text,
        "user": "vendor_a[vendor_a] @ app [10.0.0.7]", "host": "app",
        "os_user": "", "ip": "10.0.0.7", "db": "crm",
    }  # fmt: skip
    return {"audit_record": record | more}


def das(text: str | None, number: int = 1, *, server: str = "PostgreSQL", **more: Any) -> dict[str, Any]:
    """One event of an AWS database activity stream."""
    record = {
        "startTime": MICROS, "logTime": MICROS, "statementId": number, "substatementId": 1, "objectType": "TABLE",
        "command": "SELECT", "objectName": "crm.people", "databaseName": "shop", "dbUserName": "vendor_a",
        "remoteHost": "10.0.0.7", "remotePort": "49804", "sessionId": "5ce5f7f0.474b", "rowCount": 10, "commandText": text,
        "paramList": [], "pid": 18251,
        "clientApplication": "psql", "exitCode": None, "class": "READ", "serverVersion": "2.3.1",
        "serverType": server,
        "serviceName": "Amazon Aurora", "serverHost": "172.31.3.192", "netProtocol": "TCP", "dbProtocol": "Postgres 3.0",
        "type": "record", "errorMessage": None,
    }  # fmt: skip
    return record | more


def das_pair(text: str, number: int = 1, *, tables: tuple[str, ...] = ("people", "orders")) -> list[dict[str, Any]]:
    """MAIN and AUX events by which Aurora MySQL tells one statement: AUX ones hold a table's name instead of its text."""
    common: dict[str, Any] = {
        "server": "MySQL", "sessionId": "726571", "databaseName": "crm", "exitCode": "0", "clientApplication": None,
    }  # fmt: skip
    main = {"substatementId": len(tables) + 1, "command": "QUERY", "rowCount": 2, "objectName": tables[0], "class": "MAIN"}
    aux = [
        das(name, number, **{"substatementId": n, "command": "READ", "rowCount": 0, "objectName": name, "class": "AUX"}, **common)
        for n, name in enumerate(tables, 1)
    ]
    return [*aux, das(text, number, **main, **common)]


def wrapped(*events: dict[str, Any], outer: bool = False) -> dict[str, Any]:
    """Events as one stream record holds them, decrypted."""
    inner = {
        "type": "DatabaseActivityMonitoringRecord", "clusterId": "cluster-1", "instanceId": "db-1",
        "databaseActivityEventList": list(events),
    }  # fmt: skip
    if not outer:
        return inner
    return {"type": "DatabaseActivityMonitoringRecords", "version": "1.1", "databaseActivityEvents": inner, "key": "x"}


def log_entry(number: int, **payload: Any) -> dict[str, Any]:
    """A LogEntry of Cloud Audit Logs around a payload."""
    return {
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog", "status": {},
            "authenticationInfo": {"principalEmail": "vendor_a@partner.example"},
            "requestMetadata": {"callerIp": "10.0.0.7", "callerSuppliedUserAgent": "python"},
            "serviceName": "bigquery.googleapis.com", "methodName": "google.cloud.bigquery.v2.JobService.InsertJob",
            "resourceName": f"projects/p/jobs/j{number}",
        } | payload,
        "insertId": f"i{number}", "resource": {"type": "bigquery_project", "labels": {"project_id": "p"}},
        "timestamp": "2026-11-22T07:45:06.123456789Z", "severity": "INFO",
        "logName": "projects/p/logs/cloudaudit.googleapis.com%2Fdata_access",
    }  # fmt: skip


def bigquery(
    query: str | None,
    number: int = 1,
    *,
    rows: str | None = "10",
    tables: tuple[str, ...] = (),
    state: str = "DONE",
    **config: Any,
) -> dict[str, Any]:
    """A query job's end, in the present form."""
    stats = {
        "totalProcessedBytes": "99",
        "referencedTables": [f"projects/p/datasets/{t.replace('.', '/tables/')}" for t in tables],
    }
    if rows is not None:
        stats["outputRowCount"] = rows
    job = {
        "jobName": f"projects/p/jobs/j{number}", "jobConfig": {"type": "QUERY", "queryConfig": {"query": query} | config},
        "jobStatus": {"jobState": state}, "jobStats": {"queryStats": stats},
    }  # fmt: skip
    meta = {"@type": "type.googleapis.com/google.cloud.audit.BigQueryAuditMetadata", "jobChange": {"job": job, "after": state}}
    return log_entry(number, metadata=meta)


def bigquery_old(query: str, number: int = 1, *, rows: str = "10", tables: tuple[str, ...] = ()) -> dict[str, Any]:
    """The same in the form that came before."""
    named = [{"projectId": "p", "datasetId": t.split(".")[0], "tableId": t.split(".")[1]} for t in tables]
    job = {
        "jobName": {"projectId": "p", "jobId": f"j{number}", "location": "US"}, "jobConfiguration": {"query": {"query": query}},
        "jobStatus": {"state": "DONE", "error": {}}, "jobStatistics": {"queryOutputRowCount": rows, "referencedTables": named},
    }  # fmt: skip
    data = {
        "@type": "type.googleapis.com/google.cloud.bigquery.logging.v1.AuditData",
        "jobCompletedEvent": {"eventName": "query_job_completed", "job": job},
    }
    return log_entry(number, methodName="jobservice.jobcompleted", serviceData=data)


def mongodb(
    param: dict[str, Any], *, atype: str = "authCheck", result: int = 0, user: str | None = "vendor_a", **more: Any
) -> dict[str, Any]:
    """One event of MongoDB's audit log."""
    return {
        "atype": atype, "ts": {"$date": "2026-11-22T07:45:06.123+00:00"},
        "uuid": {"$binary": "BX4mpOyrT6a4o2lS3WSyZw==", "$type": "04"}, "local": {"ip": "127.0.0.1", "port": 27017},
        "remote": {"ip": "10.0.0.7", "port": 57456}, "users": [{"user": user, "db": "admin"}] if user else [], "roles": [],
        "param": param, "result": result,
    } | more  # fmt: skip


def find(comment: str, ns: str = "crm.people") -> dict[str, Any]:
    """A find whose arguments hold some text."""
    args = {"find": ns.partition(".")[2], "filter": {}, "comment": comment, "$db": ns.partition(".")[0]}
    return mongodb({"command": "find", "ns": ns, "args": args})
