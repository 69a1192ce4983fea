"""How each audit source tells the same acts, as its documentation or its real logs have them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from scanner.events import LAST_SCHEMA, to_acts
from scanner.sources import SOURCES
from tests.sources import csvlog, json_logs, jsonlog, server_audit, stderr
from tests.sources.standin import Standin

MOMENT = datetime(2026, 11, 22, 7, 45, 6)  # noqa: DTZ001 - UTC; formats write it in ways of their own
ACCOUNT, ADDRESS = "vendor_a", "10.0.0.7"


@dataclass(frozen=True)
class Act:
    """Something an account did."""

    kind: str  # in, refused, out, statement
    text: str = ""
    command: str = ""
    activity: str = ""
    tables: tuple[str, ...] = ()
    rows: int = 0  # returned, or affected by a write
    error: str = ""  # SQLSTATE


ACTS = (
    Act("refused", error="28"),
    Act("in"),
    Act("statement", "select name from crm.people where id > 7", "SELECT", "read", ("crm.people",), 31),
    Act("statement", "select p.name, o.item from crm.people p, crm.orders o", "SELECT", "read", ("crm.orders", "crm.people"), 7),
    Act("statement", "update crm.people set name = 'x' where id = 7", "UPDATE", "write", ("crm.people",), 3),
    Act("statement", "delete from crm.orders where id = 9", "DELETE", "write", ("crm.orders",), 1),
    Act("statement", "select rrn from crm.salary", "SELECT", "read", ("crm.salary",), error="42501"),
    Act("statement", "select nothing from crm.people where 한글 = '\"'", "SELECT", "read", ("crm.people",), 0),
    Act("out"),
)


@dataclass(frozen=True)
class Teller:
    """One source: how it writes acts down, and what its format has no room for."""

    type: str
    write: Callable[[int, Act], Sequence[Any]]  # records of an act, the how-manyeth it is
    silent: frozenset[str] = frozenset()  # columns of acts that stay null, or kinds of acts that are not told
    join: Callable[[Sequence[Any]], bytes] = b"".join
    zone: str = "UTC"
    options: Mapping[str, str] = field(default_factory=dict)
    standin: Mapping[str, str] | None = None  # for SQL sources: its options
    fold: Callable[[str], str] = str  # how it writes names of accounts

    def acts(self, folder: Path) -> list[dict[str, Any]]:
        """What becomes of :data:`ACTS` in this source."""
        records = [record for n, act in enumerate(ACTS) if act.kind not in self.silent for record in self.write(n, act)]
        if self.standin is not None:
            standin = Standin(folder, self.type, **self.standin)
            for table, row in records:
                standin.add(table, [row])
            made = pa.Table.from_pylist(standin.scan(), _schema())
        else:
            source = SOURCES[self.type]("x", self.zone, **self.options)
            parsed = source.parse(self.join(records), 0, at_end=True, final=True, longer_than=0)
            assert parsed.skips == ()
            made = parsed.records
        return to_acts(made, LAST_SCHEMA.empty_table())[0].to_pylist()


def _schema() -> pa.Schema:
    from scanner.model import RECORD_SCHEMA

    return RECORD_SCHEMA


def moment(n: int) -> datetime:
    return MOMENT + timedelta(seconds=n)


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


def _postgres(record: Callable[..., bytes]) -> Callable[[int, Act], Sequence[bytes]]:
    def write(n: int, act: Act) -> Sequence[bytes]:
        common: dict[str, Any] = {
            "user": ACCOUNT, "host": f"{ADDRESS}:5000", "line": n + 1, "time": f"{moment(n):%Y-%m-%d %H:%M:%S}.000 UTC",
        }  # fmt: skip
        match act.kind:
            case "in":
                message = f"connection authorized: user={ACCOUNT} database=shop application_name=psql"
                return [record(message, tag="authentication", **common)]
            case "out":
                message = f"disconnection: session time: 0:00:01.000 user={ACCOUNT} database=shop host={ADDRESS}"
                return [record(message, tag="idle", **common)]
            case "refused":
                message = f'password authentication failed for user "{ACCOUNT}"'
                other = common | {"session": "6b029d80.7a61"}
                return [record(message, severity="FATAL", code="28P01", tag="authentication", **other)]
        if act.error:
            return [record("permission denied for table salary", severity="ERROR", code=act.error, query=act.text, **common)]
        return [
            record(
                csvlog.audit(
                    act.text, number=n, cls=act.activity.upper(), command=act.command, object_type="TABLE", object_name=table,
                    rows=act.rows,
                ),
                tag=act.command, **common | {"line": 10 * n + k},
            )
            for k, table in enumerate(act.tables)
        ]  # fmt: skip

    return write


# -- MySQL and MariaDB ------------------------------------------------------------------------------------------------

_MYSQL_ERRORS = {"": 0, "28": 1045, "42501": 1142}


def _server_audit(n: int, act: Act) -> Sequence[bytes]:
    stamp = f"{moment(n):%Y%m%d %H:%M:%S}"
    code = _MYSQL_ERRORS[act.error]
    match act.kind:
        case "in":
            return [server_audit.meet("CONNECT", stamp=stamp)]
        case "out":
            return [server_audit.meet("DISCONNECT", stamp=stamp)]
        case "refused":
            return [server_audit.meet("FAILED_CONNECT", connection=6, code=code, stamp=stamp)]
    op = {"read": "READ", "write": "WRITE"}[act.activity]
    named = [] if code else [server_audit.table(op, t.split(".")[1], number=20 + n, stamp=stamp) for t in act.tables]
    return [*named, server_audit.query(act.text, number=20 + n, code=code, stamp=stamp)]


def _mysql(n: int, act: Act) -> Sequence[dict[str, Any]]:
    how: dict[str, Any] = {"timestamp": f"{moment(n):%Y-%m-%d %H:%M:%S}", "number": n}
    code = _MYSQL_ERRORS[act.error]
    match act.kind:
        case "in" | "refused":
            data = {"connection_type": "ssl", "status": code, "db": "crm", "connection_attributes": {"program_name": "mysql"}}
            return [json_logs.mysql(None, kind="connection", event="connect", connection_data=data, **how)]
        case "out":
            return [json_logs.mysql(None, kind="connection", event="disconnect", connection_data={"db": "crm"}, **how)]
    if code:
        return [json_logs.mysql(act.text, status=code, **how)]
    name = {"SELECT": "read", "UPDATE": "update", "DELETE": "delete"}[act.command]
    tables = [json_logs.table_access(act.text, *t.split("."), event=name, timestamp=how["timestamp"]) for t in act.tables]
    return [*tables, json_logs.mysql(act.text, rows=act.rows, examined=act.rows, **how)]


def _percona(n: int, act: Act) -> Sequence[dict[str, Any]]:
    stamp = f"{moment(n):%Y-%m-%dT%H:%M:%S} UTC"
    if act.kind != "statement":
        name = "Quit" if act.kind == "out" else "Connect"
        return [json_logs.percona(None, n, name=name, status=_MYSQL_ERRORS[act.error], timestamp=stamp, user=ACCOUNT)]
    return [json_logs.percona(act.text, n, status=_MYSQL_ERRORS[act.error], timestamp=stamp)]


# -- AWS --------------------------------------------------------------------------------------------------------------


_AWS_MESSAGES = {
    "": None, "28": 'password authentication failed for user "vendor_a"', "42501": "permission denied for table salary",
}  # fmt: skip


def _aws(server: str) -> Callable[[int, Act], Sequence[dict[str, Any]]]:
    mysql, oracle, microsoft = (server == name for name in ("MySQL", "Oracle", "SQLSERVER"))
    codes: dict[str, Any] = dict.fromkeys(_AWS_MESSAGES)  # PostgreSQL: of sessions alone
    if mysql:
        codes = {key: str(code) for key, code in _MYSQL_ERRORS.items()}
    elif oracle:
        codes = {"": "0", "28": "1017", "42501": "1031"}
    elif microsoft:
        codes = {"": 1, "28": 0, "42501": 0}

    def write(n: int, act: Act) -> Sequence[dict[str, Any]]:
        stamp = f"{moment(n):%Y-%m-%d %H:%M:%S}.000000+00"
        common: dict[str, Any] = {
            "server": server, "startTime": stamp, "logTime": stamp, "exitCode": codes[act.error], "statementId": n,
            "rowCount": None, "errorMessage": _AWS_MESSAGES[act.error],
        }  # fmt: skip
        if act.kind != "statement":
            words = {"in": "CONNECT", "out": "DISCONNECT", "refused": "FAILED_CONNECT" if mysql else "CONNECT"}
            if oracle or microsoft:
                words = {"in": "LOGON", "out": "LOGOFF", "refused": "LOGON"}
            if microsoft:
                words = {"in": "LOGIN SUCCEEDED", "out": "LOGOUT", "refused": "LOGIN FAILED"}
            return [json_logs.das(None, command=words[act.kind], objectName=None, objectType=None, **common | {"class": "MISC"})]
        rows = None if oracle or act.error else 0 if microsoft and act.command == "SELECT" else act.rows
        common |= {"rowCount": rows, "command": act.command, "class": act.activity.upper()}
        if mysql:
            main = json_logs.das(act.text, **common | {"command": "QUERY", "class": "MAIN", "objectName": None})
            aux = {"rowCount": 0, "command": act.activity.upper(), "class": "AUX", "databaseName": "crm"}
            names = [table.split(".")[1] for table in act.tables]
            return [main] if act.error else [*(json_logs.das(t, objectName=t, **common | aux) for t in names), main]
        made = []
        for table in [""] if act.error else act.tables:
            owner, _, name = table.partition(".")
            native = {"schema_name": owner} if microsoft else {"OBJECT_SCHEMA": owner} if oracle else {}
            object_name = name if native else table
            made.append(json_logs.das(act.text, objectName=object_name, engineNativeAuditFields=native, **common))
        return made

    return write


# -- BigQuery and MongoDB ---------------------------------------------------------------------------------------------


def _bigquery(
    job: Callable[..., dict[str, Any]], failure: Callable[[dict[str, Any]], None]
) -> Callable[[int, Act], Sequence[Any]]:
    def write(n: int, act: Act) -> Sequence[dict[str, Any]]:
        made = job(act.text, n, rows=str(act.rows), tables=act.tables) | {"timestamp": f"{moment(n):%Y-%m-%dT%H:%M:%S}Z"}
        if act.error:
            failure(made["protoPayload"])
        return [made]

    return write


def _refuse_new(payload: dict[str, Any]) -> None:
    payload["metadata"]["jobChange"]["job"]["jobStatus"]["errorResult"] = {"code": 7, "message": "Access Denied"}
    del payload["metadata"]["jobChange"]["job"]["jobStats"]


def _refuse_old(payload: dict[str, Any]) -> None:
    job = payload["serviceData"]["jobCompletedEvent"]["job"]
    job["jobStatus"]["error"] = {"code": 7, "message": "Access Denied"}
    del job["jobStatistics"]


def _mongodb(n: int, act: Act) -> Sequence[dict[str, Any]]:
    stamp = {"ts": {"$date": f"{moment(n):%Y-%m-%dT%H:%M:%S}.000+00:00"}}
    if act.kind == "out":
        return [json_logs.mongodb({"reason": "Client has disconnected"}, atype="logout", **stamp)]
    if act.kind != "statement":
        given = {"user": ACCOUNT, "db": "admin", "mechanism": "SCRAM-SHA-256"}
        user = ACCOUNT if act.kind == "in" else None
        return [json_logs.mongodb(given, atype="authenticate", result=18 if act.error else 0, user=user, **stamp)]
    word = {"SELECT": "find", "UPDATE": "update", "DELETE": "delete"}[act.command]
    args = {word: act.tables[0].split(".")[1], "comment": act.text}
    return [json_logs.mongodb({"command": word, "ns": act.tables[0], "args": args}, result=13 if act.error else 0, **stamp)]


# -- sources that are asked -------------------------------------------------------------------------------------------


def _sqlserver(n: int, act: Act) -> Sequence[tuple[str, dict[str, Any]]]:
    common: dict[str, Any] = {
        "event_time": moment(n), "sequence_number": 1, "succeeded": not act.error, "session_id": 55, "transaction_id": n,
        "class_type": "LX", "object_id": 0, "server_principal_name": ACCOUNT, "server_instance_name": "DB1",
        "database_name": "shop", "client_ip": ADDRESS, "application_name": "sqlcmd", "response_rows": 0, "affected_rows": 0,
    }  # fmt: skip
    if act.kind != "statement":
        return [("audit_events", common | {"action_id": {"in": "LGIS", "out": "LGO", "refused": "LGIF"}[act.kind]})]
    common |= {
        "action_id": {"SELECT": "SL", "UPDATE": "UP", "DELETE": "DL"}[act.command],
        "class_type": "U",
        "statement": act.text,
    }
    return [
        ("audit_events", common | dict(zip(("schema_name", "object_name"), table.split("."), strict=True)) | {"object_id": k})
        for k, table in enumerate(act.tables)
    ]


def _oracle(n: int, act: Act) -> Sequence[tuple[str, dict[str, Any]]]:
    common: dict[str, Any] = {
        "event_timestamp_utc": moment(n), "sessionid": 3 if act.kind == "refused" else 4, "instance_id": 1, "dbid": 77,
        "entry_id": 10 * n, "statement_id": n, "dbusername": ACCOUNT.upper(), "client_program_name": "sqlplus@web1",
        "authentication_type": f"(TYPE=(DATABASE));(CLIENT ADDRESS=((ADDRESS=(PROTOCOL=tcp)(HOST={ADDRESS})(PORT=52365))));",
        "return_code": {"": 0, "28": 1017, "42501": 1031}[act.error],
    }  # fmt: skip
    if act.kind != "statement":
        return [("unified_audit_trail", common | {"action_name": "LOGOFF" if act.kind == "out" else "LOGON"})]
    common |= {"action_name": act.command, "sql_text": act.text}
    return [
        (
            "unified_audit_trail",
            common | dict(zip(("object_schema", "object_name"), t.upper().split("."), strict=True)) | {"entry_id": 10 * n + k},
        )
        for k, t in enumerate(act.tables)
    ]


def _snowflake(n: int, act: Act) -> Sequence[tuple[str, dict[str, Any]]]:
    if act.kind != "statement":
        login = {
            "event_timestamp": moment(n), "event_id": n, "event_type": "LOGIN", "user_name": ACCOUNT.upper(),
            "client_ip": ADDRESS, "reported_client_type": "SNOWSQL", "is_success": "NO" if act.error else "YES",
            "error_message": "INCORRECT_USERNAME_PASSWORD" if act.error else None,
        }  # fmt: skip
        if act.error:
            return [("login_history", login)]
        session = {"session_id": 88, "login_event_id": n, "user_name": ACCOUNT.upper(), "client_application_id": "SnowSQL 1.2"}
        return [("login_history", login), ("sessions", session)]
    query = {
        "start_time": moment(n), "query_id": f"q{n}", "query_text": act.text, "database_name": "SHOP", "query_type": act.command,
        "session_id": 88, "user_name": ACCOUNT.upper(), "execution_status": "FAIL" if act.error else "SUCCESS",
        "error_code": "003001" if act.error else None, "rows_produced": None if act.error else act.rows,
    }  # fmt: skip
    objects = [{"objectName": f"SHOP.{table.upper()}", "objectDomain": "Table"} for table in act.tables]
    access = {
        "query_start_time": moment(n),
        "query_id": f"q{n}",
        "base_objects_accessed": json.dumps([] if act.error else objects),
    }
    return [("query_history", query), ("access_history", access)]


# -- all of them ------------------------------------------------------------------------------------------------------


def _lines(records: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(map(json_logs.line, records))


def _says_not(*columns: str) -> frozenset[str]:
    return frozenset(columns)


def _mail(account: str) -> str:
    return f"{account}@partner.example"


_JOBS = _says_not("in", "out", "refused")  # nobody logs in
_PREFIX = {"log_line_prefix": stderr.PREFIX}
TELLERS: dict[str, Teller] = {
    "postgres_csvlog": Teller("postgres_csvlog", _postgres(csvlog.record)),
    "postgres_jsonlog": Teller("postgres_jsonlog", _postgres(jsonlog.record)),
    "postgres_stderr": Teller("postgres_stderr", _postgres(stderr.record), options=_PREFIX),
    "mariadb_server_audit": Teller("mariadb_server_audit", _server_audit, _says_not("returned_rows", "app_name")),
    "mysql_audit_json": Teller("mysql_audit_json", _mysql, join=_lines),
    "mysql_audit_json (audit_log)": Teller("mysql_audit_json", _percona, _says_not("returned_rows", "logged"), _lines),
    "aws_das (PostgreSQL)": Teller("aws_das", _aws("PostgreSQL"), join=_lines),
    "aws_das (MySQL)": Teller("aws_das", _aws("MySQL"), join=_lines),
    "aws_das (Oracle)": Teller("aws_das", _aws("Oracle"), _says_not("returned_rows"), _lines),
    "aws_das (SQL Server)": Teller("aws_das", _aws("SQLSERVER"), _says_not("rows of reads"), _lines),
    "bigquery_audit": Teller("bigquery_audit", _bigquery(json_logs.bigquery, _refuse_new), _JOBS, _lines, fold=_mail),
    "bigquery_audit (AuditData)": Teller(
        "bigquery_audit", _bigquery(json_logs.bigquery_old, _refuse_old), _JOBS, _lines, fold=_mail
    ),
    "mongodb_audit": Teller("mongodb_audit", _mongodb, _says_not("returned_rows", "statement", "second table"), _lines),
    "sqlserver_audit": Teller(
        "sqlserver_audit", _sqlserver, _says_not("returned_rows"), standin={"table": "audit_events"}
    ),
    "oracle_unified": Teller("oracle_unified", _oracle, _says_not("returned_rows"), standin={}, fold=str.upper),
    "snowflake": Teller("snowflake", _snowflake, _says_not("out"), standin={"views": "main"}, fold=str.upper),
}  # fmt: skip
