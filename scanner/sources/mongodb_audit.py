"""MongoDB's audit log in JSON (MongoDB Enterprise and Atlas, schema ``mongo``): one event a line.

Documented at https://www.mongodb.com/docs/manual/reference/audit-message/. What it says and this module goes by:

* ``authCheck`` events name a command, its namespace and its arguments. Unless ``auditAuthorizationSuccess`` is on, only refused
  ones are logged. Rows are never counted;
* ``uuid`` tells a client's connection (MongoDB 5.0 and later); before, its address and port do;
* times are UTC, ``{"$date": …}`` as text or as milliseconds.

MongoDB's commands are no SQL. A record's statement is the event's ``param`` as JSON, with the command's name in front where
``param`` does not name it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import RecordKind
from scanner.sources.connections import session_lines
from scanner.sources.json_records import Fields, JsonSource, filled, table, utc, whole_number

_PATHS = {
    "atype": "$.atype",
    "date": '$.ts."$date"',
    "millis": '$.ts."$date"."$numberLong"',
    "uuid": '$.uuid."$binary"',
    "uuid64": '$.uuid."$binary".base64',
    "ip": "$.remote.ip",
    "port": "$.remote.port",
    "unix": "$.remote.unix",
    "system": "$.remote.isSystemUser",
    "user": "$.users[0].user",
    "given": "$.param.user",
    "param": "$.param",
    "command": "$.param.command",
    "ns": "$.param.ns",
    "db": "$.param.db",
    "result": "$.result",
    "app": "$.param.clientMetadata.application.name",
}
_CODES = {"0": "00000", "13": "42501", "18": "28000", "8000": "42501", "26": "42P01", "48": "42P07"}
_READS = (
    "find",
    "aggregate",
    "getMore",
    "count",
    "distinct",
    "mapReduce",
    "mapreduce",
    "geoSearch",
    "parallelCollectionScan",
    "explain",
)
_WRITES = ("insert", "update", "delete", "findAndModify", "findandmodify", "bulkWrite")
_ROLES = ("User", "Role", "Roles", "Privileges")
_DEFINES = (
    "create",
    "drop",
    "rename",
    "collMod",
    "shardCollection",
    "importCollection",
    "enableSharding",
    "addShard",
    "removeShard",
)
_SETTINGS = ("shutdown", "startup", "applicationMessage", "rotateLog", "replSetReconfig")
_SESSIONS = ("clientMetadata", "directAuthMutation")


class MongodbAudit(JsonSource):
    """Audit source ``mongodb_audit``: ``path`` is a file or a glob over MongoDB's audit log in JSON."""

    type = "mongodb_audit"
    paths = _PATHS
    mark = b'"atype"'

    def is_record(self, values: Mapping[str, pa.Array]) -> pa.Array:
        return pc.and_(values["atype"].is_valid(), values["date"].is_valid())

    def records(self, fields: Fields, base: int, before: Callable[[], Fields]) -> pa.Table:  # noqa: ARG002 - each record stands alone
        millis = pc.coalesce(whole_number(fields["millis"]), whole_number(fields["date"]))
        time = pc.coalesce(utc(fields["date"]), pc.multiply(millis, 1000).cast(pa.timestamp("us", tz="UTC")))
        line = session_lines(time, fields.starts + base)
        atype = fields["atype"]
        check = pc.equal(atype, "authCheck")
        coded = pc.if_else(check, fields["command"], atype).dictionary_encode()
        words = coded.dictionary.to_pylist()
        audit_class = pa.array([_class(word) for word in words], pa.string()).take(coded.indices)
        quoted = pa.array(['{"command":' + json.dumps(word) + ',"param":' for word in words], pa.string()).take(coded.indices)
        param = pc.fill_null(fields["param"], "{}")
        text = pc.if_else(
            pc.and_(check, fields["command"].is_valid()), param, pc.binary_join_element_wise(quoted, param, "}", "")
        )
        result = pc.fill_null(fields["result"], "0")
        failed = pc.not_equal(result, "0")
        login = pc.is_in(atype, pa.array(["authenticate"]))
        kind = pc.case_when(
            pc.make_struct(
                failed,
                login,
                pc.equal(atype, "logout"),
                pc.is_in(atype, pa.array(_SETTINGS)),
                pc.is_in(atype, pa.array(_SESSIONS)),
            ),
            *(
                pa.scalar(str(k))
                for k in (
                    RecordKind.ERROR,
                    RecordKind.CONNECT,
                    RecordKind.DISCONNECT,
                    RecordKind.CONFIG,
                    RecordKind.OTHER,
                )
            ),
            pa.scalar(str(RecordKind.AUDIT)),
        )
        audited, is_error = pc.equal(kind, str(RecordKind.AUDIT)), pc.equal(kind, str(RecordKind.ERROR))
        told = pc.or_(audited, pc.and_(is_error, pc.invert(login)))
        codes = result.dictionary_encode()
        code = pa.array([_CODES.get(c, f"MG{c}") for c in codes.dictionary.to_pylist()], pa.string()).take(codes.indices)
        place = pc.binary_join_element_wise(fields["ip"], fields["port"], ":")
        ns = filled(fields["ns"])
        return table(
            {
                "kind": kind,
                "time": time,
                "account": pc.coalesce(filled(fields["user"]), pc.if_else(login, filled(fields["given"]), None)),
                "dbname": pc.coalesce(pc.struct_field(pc.extract_regex(ns, r"\A(?P<db>[^.]+)"), "db"), filled(fields["db"])),
                "client_addr": pc.coalesce(filled(fields["ip"]), pc.if_else(fields["unix"].is_valid(), "[local]", None)),
                "app_name": filled(fields["app"]),
                "session": pc.coalesce(fields["uuid64"], fields["uuid"], place, fields["unix"]),
                "session_line": line,
                "severity": pc.if_else(is_error, "ERROR", "LOG"),
                "error_code": code,
                "message": pc.if_else(told, None, atype),
                "audit_class": pc.if_else(audited, audit_class, None),
                "command": pc.if_else(told, pc.if_else(check, fields["command"], atype), None),
                "object_type": pc.if_else(pc.and_(told, ns.is_valid()), "COLLECTION", None),
                "object_name": pc.if_else(told, ns, None),
                "statement_id": pc.if_else(told, line, None),
                "substatement_id": pc.if_else(told, 1, None),
                "statement": pc.if_else(told, text, None),
            },
            fields,
            base,
        )


def _class(word: str | None) -> str:
    """pgAudit's class of what a command does."""
    name = word or ""
    if name in _READS:
        return "READ"
    if name in _WRITES:
        return "WRITE"
    if name.endswith(_ROLES):
        return "ROLE"
    return "DDL" if name.startswith(_DEFINES) else "MISC"


__all__ = ["MongodbAudit"]
