"""MySQL's audit logs in JSON: MySQL Enterprise Audit and Percona's ``audit_log_filter``, and Percona's older ``audit_log``.

Documented at https://dev.mysql.com/doc/refman/8.4/en/audit-log-file-formats.html ("JSON Audit Log File Format"),
https://docs.percona.com/percona-server/8.4/audit-log-filter-json.html and
https://docs.percona.com/percona-server/8.0/audit-log-plugin.html. What they say and this module goes by:

* the file is one JSON array of events with commas between them, closed only when the file is; Percona's plug-in writes one
  ``{"audit_record": …}`` a line. Times are UTC;
* only statements that clients send are logged, none inside stored routines;
* one statement may be told several times: ``general`` events when it begins and ends, ``query`` events around it, one
  ``table_access`` event a table. They have no number in common, but follow each other within their connection with the same
  text, in that order. Such events get one statement id, so that they become one act;
* rows are counted only where ``query_statistics`` are logged (``rows_sent``, MySQL 8.0.30 and later). A count of zero is believed
  only of a statement that examined nothing: HANDLER and INTO OUTFILE count none;
* connection ids begin again when the server starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import RecordKind
from scanner.sources.connections import addresses, session_lines
from scanner.sources.cutting import Bools, Ints
from scanner.sources.json_records import Fields, JsonSource, filled, table, utc, whole_number
from scanner.sources.mysql_errors import codes_of
from scanner.sources.sql_words import commands

REACH = 256 * 1024
"""Bytes before an event in which earlier events of the same statement are looked for."""

_PATHS = {
    # MySQL Enterprise, audit_log_filter
    "timestamp": "$.timestamp",
    "class": "$.class",
    "event": "$.event",
    "connection": "$.connection_id",
    "account": "$.account.user",
    "login": "$.login.user",
    "ip": "$.login.ip",
    "host": "$.account.host",
    "db": "$.connection_data.db",
    "connected": "$.connection_data.status",
    "program": "$.connection_data.connection_attributes.program_name",
    "word": "$.general_data.command",
    "query": "$.general_data.query",
    "status": "$.general_data.status",
    "table_db": "$.table_access_data.db",
    "table": "$.table_access_data.table",
    "table_query": "$.table_access_data.query",
    "query_query": "$.query_data.query",
    "query_status": "$.query_data.status",
    "sent": "$.query_statistics.rows_sent",
    "examined": "$.query_statistics.rows_examined",
    "sent_too": "$.general_data.query_statistics.rows_sent",
    "examined_too": "$.general_data.query_statistics.rows_examined",
    # audit_log
    "old_time": "$.audit_record.timestamp",
    "old_name": "$.audit_record.name",
    "old_connection": "$.audit_record.connection_id",
    "old_status": "$.audit_record.status",
    "old_text": "$.audit_record.sqltext",
    "old_user": "$.audit_record.user",
    "old_host": "$.audit_record.host",
    "old_ip": "$.audit_record.ip",
    "old_db": "$.audit_record.db",
}
_USER = r"\A(?P<user>[^\[]*)\[(?s:.)*\z"  # root[root] @ localhost []
_DUMPS = ("Binlog Dump", "Binlog Dump GTID", "Table Dump", "Register Slave")
# events of one statement come in this order
_STAGES = {
    ("general", "log"): 0,
    ("general", "error"): 0,
    ("query", "query_start"): 1,
    ("query", "query_nested_start"): 1,
    ("query", "query_status_end"): 3,
    ("query", "query_nested_status_end"): 3,
    ("general", "result"): 4,
    ("general", "status"): 5,
}
_TABLE = 2


class MysqlAuditJson(JsonSource):
    """Audit source ``mysql_audit_json``: ``path`` is a file or a glob over MySQL's or Percona's audit logs in JSON."""

    type = "mysql_audit_json"
    context_bytes = REACH
    paths = _PATHS
    mark = b'"timestamp"'

    def is_record(self, values: Mapping[str, pa.Array]) -> pa.Array:
        return pc.or_(
            pc.and_(values["timestamp"].is_valid(), values["class"].is_valid()),
            pc.and_(values["old_time"].is_valid(), values["old_name"].is_valid()),
        )

    def records(self, fields: Fields, base: int, before: Callable[[], Fields]) -> pa.Table:
        time = utc(pc.coalesce(fields["timestamp"], fields["old_time"]))
        line = session_lines(time, fields.starts + base)
        kind_class, event, name = (pc.fill_null(fields[key], "") for key in ("class", "event", "old_name"))
        old = fields["old_name"].is_valid()
        text = filled(
            pc.coalesce(fields["query"], fields["query_query"], fields["table_query"], pc.if_else(old, fields["old_text"], None))
        )
        status = pc.coalesce(fields["status"], fields["query_status"], fields["connected"], fields["old_status"])
        failed = pc.not_equal(pc.fill_null(whole_number(status), 0), 0)
        word = pc.fill_null(pc.coalesce(fields["word"], name), "")
        met = pc.or_(
            pc.and_(pc.equal(kind_class, "connection"), pc.is_in(event, pa.array(["connect", "change_user"]))),
            pc.is_in(name, pa.array(["Connect", "Change user"])),
        )
        left = pc.or_(pc.and_(pc.equal(kind_class, "connection"), pc.equal(event, "disconnect")), pc.equal(name, "Quit"))
        switched = pc.or_(pc.equal(kind_class, "audit"), pc.is_in(name, pa.array(["Audit", "NoAudit"])))
        dumps = pc.is_in(word, pa.array(_DUMPS))
        said = pc.and_(
            pc.and_(text.is_valid(), pc.not_equal(word, "Prepare")),  # its Execute tells the text again
            pc.or_(old, pc.is_in(kind_class, pa.array(["general", "query", "table_access"]))),
        )
        number, superseded = self._statements(fields, base, line, text, said, failed, before)
        said = pc.and_(said, pc.invert(pa.array(superseded)))
        kind = pc.case_when(
            pc.make_struct(switched, left, pc.and_(met, pc.invert(failed)), dumps, pc.and_(pc.or_(said, met), failed), said),
            *(
                pa.scalar(str(k))
                for k in (
                    RecordKind.CONFIG,
                    RecordKind.DISCONNECT,
                    RecordKind.CONNECT,
                    RecordKind.REPLICATION,
                    RecordKind.ERROR,
                    RecordKind.AUDIT,
                )
            ),
            pa.scalar(str(RecordKind.OTHER)),
        )
        told = pc.or_(pc.equal(kind, str(RecordKind.AUDIT)), said)
        is_table = pc.fill_null(pc.equal(kind_class, "table_access"), False)
        command, audit_class = commands(pc.if_else(told, text, None))
        sent = whole_number(pc.coalesce(fields["sent"], fields["sent_too"]))
        examined = whole_number(pc.coalesce(fields["examined"], fields["examined_too"]))
        believed = pc.and_(pc.or_(pc.greater(sent, 0), pc.equal(examined, 0)), pc.not_equal(pc.fill_null(command, ""), "HANDLER"))
        user = pc.coalesce(filled(fields["account"]), filled(fields["login"]), filled(fields["old_user"]))
        is_error = pc.equal(kind, str(RecordKind.ERROR))
        return table(
            {
                "kind": kind,
                "time": time,
                "account": filled(pc.coalesce(pc.struct_field(pc.extract_regex(user, _USER), "user"), user)),
                "dbname": filled(pc.coalesce(fields["db"], fields["old_db"], fields["table_db"])),
                "client_addr": addresses(
                    pc.coalesce(filled(fields["ip"]), filled(fields["old_ip"]), fields["host"], fields["old_host"])
                ),
                "app_name": filled(fields["program"]),
                "session": pc.binary_join_element_wise("mysql", pc.coalesce(fields["connection"], fields["old_connection"]), "#"),
                "session_line": line,
                "severity": pc.if_else(is_error, "ERROR", "LOG"),
                "error_code": codes_of(whole_number(pc.fill_null(status, "0")).cast(pa.string())),
                "message": pc.if_else(
                    told, None, pc.binary_join_element_wise(pc.if_else(old, name, kind_class), event, word, " ")
                ),
                "audit_class": pc.if_else(pc.equal(kind, str(RecordKind.AUDIT)), audit_class, None),
                "command": pc.if_else(pc.and_(told, is_table), "???", command),  # what the statement's own event says is better
                "object_type": pc.if_else(is_table, "TABLE", None),
                "object_name": pc.if_else(is_table, pc.binary_join_element_wise(fields["table_db"], fields["table"], "."), None),
                "statement_id": pc.if_else(told, number, None),
                "substatement_id": pc.if_else(told, 1, None),
                "statement": pc.if_else(told, text, None),
                "rows": pc.if_else(pc.and_(told, pc.fill_null(believed, False)), sent, None),
            },
            fields,
            base,
        )

    @staticmethod
    def _statements(
        fields: Fields,
        base: int,
        line: pa.Array,
        text: pa.Array,
        said: pa.Array,
        failed: pa.Array,
        before: Callable[[], Fields],
    ) -> tuple[pa.Array, Bools]:
        """A number for each statement, the same for all events that tell it; and which of them a failure makes void."""
        count = len(fields)
        told = said.to_numpy(zero_copy_only=False)
        superseded = np.zeros(count, np.bool_)
        if not pc.any(fields["class"].is_valid()).as_py():
            return line, superseded
        early = before()
        early_text = filled(pc.coalesce(early["query"], early["query_query"], early["table_query"]))
        shift = len(early)
        every = {
            name: pa.concat_arrays([early[name], fields[name]]) for name in ("class", "event", "connection", "table_db", "table")
        }
        early_time = utc(early["timestamp"])
        lines = pa.concat_arrays([session_lines(early_time, early.starts + base), line]).to_numpy()
        stamps = pa.concat_arrays([early["timestamp"], fields["timestamp"]]).dictionary_encode().indices
        stamp = stamps.fill_null(-1).to_numpy(zero_copy_only=False)
        texts = pa.concat_arrays([early_text, text]).dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
        connection = every["connection"].dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
        names = pc.binary_join_element_wise(every["table_db"], every["table"], ".").dictionary_encode().indices
        name = names.fill_null(-1).to_numpy(zero_copy_only=False)
        stage = _stages(every["class"], every["event"])
        rows = np.flatnonzero((texts >= 0) & (stage >= 0))
        order = rows[np.lexsort([rows, connection[rows]])]
        starts = np.ones(len(order), np.bool_)
        this, last = order[1:], order[:-1]
        again = (stage[this] == _TABLE) & (stage[last] == _TABLE) & ((name[this] != name[last]) | (stamp[this] == stamp[last]))
        same = (connection[this] == connection[last]) & (texts[this] == texts[last]) & ((stage[this] > stage[last]) | again)
        starts[1:] = ~same
        head = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
        number = lines.copy()
        number[order] = lines[order[head]]
        bad = np.zeros(len(lines), np.bool_)
        bad[shift:] = failed.to_numpy(zero_copy_only=False) & told
        wrong = np.zeros(len(order) + 1, np.bool_)
        wrong[head[bad[order]]] = True
        void = np.zeros(len(lines), np.bool_)
        void[order] = wrong[head] & ~bad[order]
        superseded = void[shift:]
        return pa.array(number[shift:]), superseded


def _stages(kind_class: pa.Array, event: pa.Array) -> Ints:
    both = pc.binary_join_element_wise(kind_class, pc.fill_null(event, ""), "\x1f").dictionary_encode()
    known = []
    for text in both.dictionary.to_pylist():
        one, _, other = text.partition("\x1f")
        known.append(_TABLE if one == "table_access" else _STAGES.get((one, other), -1))
    stages: Ints = pa.array(known, pa.int64()).take(both.indices).fill_null(-1).to_numpy(zero_copy_only=False)
    return stages


__all__ = ["MysqlAuditJson"]
