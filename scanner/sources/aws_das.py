"""AWS Database Activity Streams, decrypted: one JSON object a line, as a consumer of the Kinesis stream writes them.

Documented at https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/DBActivityStreams.AuditLog.html (Aurora) and
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/DBActivityStreams.AuditLog.html (RDS for Oracle and for SQL Server).
An object is an event, or it holds events in ``databaseActivityEventList``. What differs by ``serverType``:

* PostgreSQL: pgAudit's words. ``rowCount`` is the true count; of COPY it is 0, whatever left;
* MySQL: every statement is told by a MAIN event with its text and ``rowCount``, and by AUX events, one a table. They share their
  ``statementId`` and become one act, of which MAIN tells all but the tables;
* Oracle: no row counts (``rowCount`` is null);
* SQL Server: ``rowCount`` of a SELECT is 0 and says nothing; ``exitCode`` 1 is success, and only of the permission check; texts
  are cut at 4,000 characters; session ids are used again.

``heartbeat`` events are kept as records: they show that the stream lives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import CUT_MARK, RecordKind
from scanner.sources.connections import addresses, session_lines
from scanner.sources.json_records import Fields, JsonSource, filled, table, utc, whole_number
from scanner.sources.mysql_errors import codes_of
from scanner.sources.sql_words import commands

_NAMES = [
    "type",
    "class",
    "clientApplication",
    "command",
    "commandText",
    "databaseName",
    "dbUserName",
    "errorMessage",
    "exitCode",
    "logTime",
    "startTime",
    "objectName",
    "objectType",
    "remoteHost",
    "rowCount",
    "serverHost",
    "serverType",
    "sessionId",
    "statementId",
    "substatementId",
]
_PATHS = {name: f"$.{name}" for name in _NAMES} | {
    "schema": "$.engineNativeAuditFields.schema_name",  # SQL Server
    "owner": "$.engineNativeAuditFields.OBJECT_SCHEMA",  # Oracle
    "parameters": "$.paramList",
}
_SQL_SERVER_TEXT = 4000  # characters that an audit record of SQL Server has room for
_BEGINS = ("CONNECT", "CHANGEUSER", "CHANGE_USER", "LOGON", "LOGIN", "LOGIN SUCCEEDED")
_REFUSED = ("FAILED_CONNECT", "FAILED CONNECT", "LOGIN FAILED")
_LEAVES = ("DISCONNECT", "LOGOFF", "LOGOFF BY CLEANUP", "LOGOUT")
_CLASSES = ("READ", "WRITE", "FUNCTION", "ROLE", "DDL", "MISC")
# https://docs.oracle.com/en/error-help/db/ by what means the same in PostgreSQL
_ORACLE = {"1017": "28000", "28000": "28000", "1031": "42501", "942": "42P01", "904": "42703", "900": "42601", "1013": "57014"}
# Aurora PostgreSQL tells errors by their messages alone
_POSTGRES = (
    (r"(?i)^permission denied|^must be (owner|superuser|member)", "42501"),
    (r"(?i)^(password|peer|ident|ldap|pam|radius|gss|certificate)\S* authentication failed|^no pg_hba\.conf entry", "28000"),
    (r"(?i)^canceling statement due to|^terminating connection due to administrator", "57014"),
    (r"(?i)^relation .* does not exist$", "42P01"),
    (r"(?i)^column .* does not exist$", "42703"),
    (r"(?i)^syntax error", "42601"),
)


class AwsDas(JsonSource):
    """Audit source ``aws_das``: ``path`` is a file or a glob over decrypted records of Database Activity Streams."""

    type = "aws_das"
    paths = _PATHS
    mark = b'"type"'
    inside = b"databaseActivityEventList"
    own = (b'"commandText"', b'"logTime"', b'"sessionId"')

    def is_record(self, values: Mapping[str, pa.Array]) -> pa.Array:
        return pc.is_in(values["type"], pa.array(["record", "heartbeat"]))

    def records(self, fields: Fields, base: int, before: Callable[[], Fields]) -> pa.Table:  # noqa: ARG002 - each record stands alone
        time = utc(pc.coalesce(filled(fields["logTime"]), filled(fields["startTime"])))
        line = session_lines(time, fields.starts + base)
        server = pc.utf8_lower(pc.fill_null(fields["serverType"], ""))
        postgres, mysql, oracle = (pc.starts_with(server, word) for word in ("postgres", "mysql", "oracle"))
        microsoft = pc.starts_with(server, "sqlserver")
        beats = pc.equal(fields["type"], "heartbeat")
        word = pc.utf8_upper(pc.fill_null(fields["command"], ""))
        aux = pc.and_(mysql, pc.equal(pc.fill_null(fields["class"], ""), "AUX"))
        text = self._texts(fields, microsoft, aux)
        failed = self._failed(fields, microsoft)
        begins, leaves, refused = (pc.is_in(word, pa.array(words)) for words in (_BEGINS, _LEAVES, _REFUSED))
        refused = pc.or_(refused, pc.and_(begins, failed))
        kind = pc.case_when(
            pc.make_struct(beats, refused, begins, leaves, pc.and_(failed, pc.invert(aux))),
            *(
                pa.scalar(str(k))
                for k in (
                    RecordKind.OTHER,
                    RecordKind.ERROR,
                    RecordKind.CONNECT,
                    RecordKind.DISCONNECT,
                    RecordKind.ERROR,
                )
            ),
            pa.scalar(str(RecordKind.AUDIT)),
        )
        audited = pc.equal(kind, str(RecordKind.AUDIT))
        is_error = pc.equal(kind, str(RecordKind.ERROR))
        told = pc.or_(audited, pc.and_(is_error, pc.invert(refused)))
        said, said_class = commands(text)
        generic = pc.or_(mysql, pc.is_in(word, pa.array(["", "EXECUTE", "BATCH COMPLETED", "RPC COMPLETED"])))
        _, own_class = commands(filled(word))
        command = pc.if_else(postgres, filled(word), pc.if_else(generic, pc.coalesce(said, filled(word)), word))
        given = filled(pc.utf8_upper(pc.fill_null(fields["class"], "")))
        audit_class = pc.if_else(
            pc.and_(pc.or_(postgres, aux), pc.is_in(given, pa.array(_CLASSES))), given, pc.coalesce(said_class, own_class, "MISC")
        )
        statement_id = pc.coalesce(whole_number(fields["statementId"]), line)
        rows = whole_number(fields["rowCount"])
        tells = pc.or_(pc.greater(rows, 0), pc.invert(pc.or_(microsoft, oracle)))
        tells = pc.and_(tells, pc.invert(aux))
        reused = pc.binary_join_element_wise(pc.fill_null(fields["serverHost"], ""), fields["sessionId"], "#")
        return table(
            {
                "kind": kind,
                "time": time,
                "account": filled(fields["dbUserName"]),
                "dbname": filled(fields["databaseName"]),
                "client_addr": addresses(filled(fields["remoteHost"])),
                "app_name": filled(fields["clientApplication"]),
                "session": pc.if_else(pc.or_(mysql, microsoft), reused, filled(fields["sessionId"])),
                "session_line": line,
                "severity": pc.if_else(is_error, "ERROR", "LOG"),
                "error_code": pc.if_else(is_error, self._codes(fields, mysql, oracle, microsoft, refused), "00000"),
                "message": pc.if_else(
                    audited, None, pc.if_else(beats, "heartbeat", pc.coalesce(filled(fields["errorMessage"]), word))
                ),
                "audit_class": pc.if_else(audited, audit_class, None),
                "command": pc.if_else(told, pc.if_else(aux, "???", command), None),
                "object_type": filled(fields["objectType"]),
                "object_name": self._objects(fields, mysql),
                "statement_id": pc.if_else(told, statement_id, None),
                "substatement_id": pc.if_else(
                    told, pc.if_else(postgres, pc.coalesce(whole_number(fields["substatementId"]), 1), 1), None
                ),
                "statement": pc.if_else(told, text, None),
                "parameter": pc.if_else(pc.equal(fields["parameters"], "[]"), None, fields["parameters"]),
                "rows": pc.if_else(pc.and_(audited, pc.fill_null(tells, False)), rows, None),
            },
            fields,
            base,
        )

    @staticmethod
    def _texts(fields: Fields, microsoft: pa.Array, aux: pa.Array) -> pa.Array:
        """SQL texts; AUX events hold a table's name there. What fills all the room that SQL Server has was cut."""
        text = pc.if_else(aux, None, filled(fields["commandText"]))
        full = pc.and_(microsoft, pc.greater_equal(pc.fill_null(pc.utf8_length(text), 0), _SQL_SERVER_TEXT))
        return pc.if_else(full, pc.binary_join_element_wise(text, CUT_MARK, ""), text)

    @staticmethod
    def _failed(fields: Fields, microsoft: pa.Array) -> pa.Array:
        code = pc.fill_null(fields["exitCode"], "")
        bad_code = pc.if_else(microsoft, pc.equal(code, "0"), pc.invert(pc.is_in(code, pa.array(["", "0"]))))
        return pc.or_(bad_code, filled(fields["errorMessage"]).is_valid())

    @staticmethod
    def _codes(fields: Fields, mysql: pa.Array, oracle: pa.Array, microsoft: pa.Array, refused: pa.Array) -> pa.Array:
        number = whole_number(fields["exitCode"]).cast(pa.string())
        coded = number.dictionary_encode()
        words = [_ORACLE.get(code, f"ORA{code}") for code in coded.dictionary.to_pylist()]
        ora = pa.array(words, pa.string()).take(coded.indices)
        said = filled(fields["errorMessage"]).dictionary_encode()
        texts = said.dictionary.to_pylist()
        meant = [next((code for pattern, code in _POSTGRES if re.search(pattern, text)), None) for text in texts]
        known = pc.if_else(mysql, codes_of(number), pc.if_else(oracle, ora, pa.array(meant, pa.string()).take(said.indices)))
        return pc.coalesce(known, pc.if_else(refused, "28000", None), pc.if_else(microsoft, "42501", None))

    @staticmethod
    def _objects(fields: Fields, mysql: pa.Array) -> pa.Array:
        """The relation that the event names, under its schema where it tells one."""
        name = filled(fields["objectName"])
        schema = pc.coalesce(
            filled(fields["schema"]), filled(fields["owner"]), pc.if_else(mysql, filled(fields["databaseName"]), None)
        )
        is_table = pc.is_in(
            pc.utf8_upper(pc.fill_null(fields["objectType"], "")),
            pa.array(["TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "INDEX", "SEQUENCE", "FUNCTION", ""]),
        )
        bare = pc.invert(pc.fill_null(pc.match_substring(name, "."), True))
        full = pc.if_else(pc.and_(bare, schema.is_valid()), pc.binary_join_element_wise(schema, name, "."), name)
        return pc.if_else(is_table, full, None)


__all__ = ["AwsDas"]
