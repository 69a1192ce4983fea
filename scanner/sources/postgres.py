"""What PostgreSQL's log records mean, in whatever format they were written: their kind, and the inner CSV of pgAudit.

Set-based throughout. The prefix ``AUDIT: ``, SQLSTATEs, process titles and backend types are the same in every language; where
only the message tells, PostgreSQL's English texts are looked for as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Bools, Ints, mask
from scanner.model import RECORD_SCHEMA, RecordKind
from scanner.sources import pgaudit

_KINDS = list(RecordKind)
_CODE = {kind: number for number, kind in enumerate(_KINDS)}

_ENGLISH_SEVERITIES = ["DEBUG", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5", "LOG", "INFO", "NOTICE", "WARNING"]
_FAILURES = ["ERROR", "FATAL", "PANIC"]

_CONNECT = r"\A(replication )?connection authorized: "
_DISCONNECT = r"\Adisconnection: session time: "
_REPLICATION = (
    r"\A(received replication command: |replication connection authorized: |starting logical decoding for slot "
    r"|logical decoding found |acquired logical replication slot |acquired physical replication slot )"
)
_CONFIG = (
    r"\A(received SIGHUP, reloading configuration files|parameter .* (changed to|removed from configuration|cannot be changed)"
    r"|configuration file .* contains errors|starting PostgreSQL |database system (is|was) "
    r"|received (fast|smart|immediate) shutdown|shutting down\z|invalid value for parameter )"
)
# the session time and three "word=value" pairs, in any language
_DISCONNECT_ANY = r"[0-9]+:[0-9][0-9]:[0-9][0-9]\.[0-9]{3} [^=]+=[^=]*=[^=]*="
_APP = r" application_name=(?P<app>.*?)(?: SSL enabled \(.*\)| GSS \(.*\))?\z"


@dataclass(frozen=True)
class Raw:
    """Log records before they are understood: one array a column, all of one length; string columns null where empty."""

    time: pa.Array
    account: pa.Array
    dbname: pa.Array
    connection_from: pa.Array  # "host:port", "host", "[local]"
    app_name: pa.Array
    session: pa.Array
    session_line: pa.Array  # int64
    transaction_id: pa.Array
    severity: pa.Array
    error_code: pa.Array
    message: pa.Array
    context: pa.Array
    query: pa.Array
    command_tag: pa.Array  # what the process was doing, by its title
    backend_type: pa.Array  # null before PostgreSQL 13
    offset: pa.Array  # int64
    length: pa.Array  # int64


def records(raw: Raw) -> tuple[pa.Table, Bools]:
    """Records of RECORD_SCHEMA, in the order given, every row kept; and which of them say ``<previously logged>``."""
    count = len(raw.message)
    claims = mask(pc.starts_with(raw.message, "AUDIT: "))
    # pgAudit hides statement and context of its own lines. A line with a context was raised by somebody's function to look
    # like an audit line: it stays in sight as unreadable, and never becomes evidence of something that was not done.
    genuine = claims & ~mask(pc.is_valid(raw.context)) & ~mask(pc.is_valid(raw.query))
    audit, lines = _audit(raw.message, genuine)

    codes = np.full(count, _CODE[RecordKind.UNREADABLE], np.int8)
    codes[lines] = _CODE[RecordKind.AUDIT]
    others = np.flatnonzero(~claims)
    app_name = raw.app_name
    if len(others):
        rest = _Others(raw, pa.array(others))
        codes[others] = rest.kinds()
        app_name = rest.filled_app_name(app_name)

    is_audit = codes == _CODE[RecordKind.AUDIT]
    place = np.full(count, -1, np.int64)
    place[lines] = np.arange(len(lines))
    spread = pa.array(place, mask=place < 0)

    def audited(name: str) -> pa.Array:
        column = audit.table.column(name).combine_chunks()
        return column if len(column) == count else column.take(spread)

    repeated = np.zeros(count, np.bool_)
    repeated[lines] = audit.repeated
    columns = {
        "kind": pa.DictionaryArray.from_arrays(pa.array(codes), pa.array([str(k) for k in _KINDS])).cast(pa.string()),
        "time": raw.time,
        "account": _blank_to_null(raw.account),
        "dbname": _blank_to_null(raw.dbname),
        "client_addr": _addresses(raw.connection_from),
        "app_name": app_name,
        "session": raw.session,
        "session_line": raw.session_line,
        "transaction_id": _blank_to_null(raw.transaction_id),
        "severity": raw.severity,
        "error_code": raw.error_code,
        "message": raw.message.take(pa.array(np.arange(count), mask=is_audit)),
        "audit_class": audited("audit_class"),
        "command": audited("command"),
        "object_type": audited("object_type"),
        "object_name": audited("object_name"),
        "statement_id": audited("statement_id"),
        "substatement_id": audited("substatement_id"),
        "statement": _statements(audited("statement"), raw.query, codes == _CODE[RecordKind.ERROR]),
        "parameter": audited("parameter"),
        "rows": audited("rows"),
        "offset": raw.offset,
        "length": raw.length,
    }
    return pa.table([columns[name] for name in RECORD_SCHEMA.names], schema=RECORD_SCHEMA), repeated


def recall(table: pa.Table, repeated: Bools) -> pa.Table:
    """``<previously logged>`` filled from the last text of the same substatement, else of the same statement, in ``table``."""
    if not repeated.any():
        return table
    rows = np.flatnonzero(mask(pc.equal(table["kind"], str(RecordKind.AUDIT))))
    statement = table["statement"].combine_chunks()
    has_text = mask(pc.is_valid(statement))[rows]
    keys = [
        table["session"].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)[rows],
        table["statement_id"].fill_null(-1).to_numpy()[rows],
        table["substatement_id"].fill_null(-1).to_numpy()[rows],
    ]
    source = _last_before(keys, has_text)
    source = np.where(source < 0, _last_before(keys[:2], has_text), source)
    place = np.arange(len(statement), dtype=np.int64)
    chosen = repeated[rows] & (source >= 0)
    place[rows[chosen]] = rows[source[chosen]]
    return table.set_column(table.schema.get_field_index("statement"), "statement", statement.take(pa.array(place)))


class _Others:
    """The records that are no audit lines, and what each is about."""

    def __init__(self, raw: Raw, rows: pa.Array) -> None:
        self.rows = rows
        self.message = pc.fill_null(raw.message.take(rows), "")
        self.severity = raw.severity.take(rows)
        self.error_code = raw.error_code.take(rows)
        self.account = raw.account.take(rows)
        self.title = pc.fill_null(raw.command_tag.take(rows), "")
        self.backend = pc.fill_null(raw.backend_type.take(rows), "")
        self.app_name = raw.app_name.take(rows)

    def _says(self, pattern: str) -> Bools:
        return mask(pc.match_substring_regex(self.message, pattern))

    def kinds(self) -> npt.NDArray[np.int8]:
        """A code per record; the first that applies, in the order below."""
        success = mask(pc.equal(self.error_code, "00000"))
        named = mask(pc.is_in(self.severity, pa.array([*_ENGLISH_SEVERITIES, *_FAILURES])))
        failed_class = ~mask(pc.is_in(pc.utf8_slice_codeunits(self.error_code, 0, 2), pa.array(["00", "01", "02"])))
        failed = np.where(named, mask(pc.is_in(self.severity, pa.array(_FAILURES))), failed_class)
        walsender = mask(pc.equal(self.backend, "walsender"))
        connect = self._says(_CONNECT) & ~self._says(r"\Areplication ")
        # in other languages: said while the process title is "authentication", and without the quotes of "authenticated"
        connect |= (
            success
            & mask(pc.equal(self.title, "authentication"))
            & mask(pc.is_valid(self.account))
            & self._says("=")
            & ~self._says('"')
            & ~self._says(r"\A(connection authenticated|replication )")
        )
        disconnect = self._says(_DISCONNECT) | (success & self._says(_DISCONNECT_ANY) & mask(pc.is_valid(self.account)))
        replication = success & (self._says(_REPLICATION) | (walsender & ~self._says(r"\Aconnection ")))
        config = self._says(_CONFIG) | (success & mask(pc.equal(self.backend, "postmaster")))
        codes = np.full(len(self.rows), _CODE[RecordKind.OTHER], np.int8)
        for kind, chosen in (
            (RecordKind.CONFIG, config),
            (RecordKind.CONNECT, connect),
            (RecordKind.REPLICATION, replication),
            (RecordKind.DISCONNECT, disconnect),
            (RecordKind.ERROR, failed),
        ):
            codes[chosen] = _CODE[kind]
        return codes

    def filled_app_name(self, whole: pa.Array) -> pa.Array:
        """``application_name`` where a connection's first record has it in its message only."""
        missing = mask(pc.equal(pc.fill_null(self.app_name, ""), "")) & self._says(r"\A(replication )?connection authorized: ")
        missing &= self._says(" application_name=")
        chosen = np.flatnonzero(missing)
        if not len(chosen):
            return whole
        found = pc.extract_regex(self.message.take(pa.array(chosen)), _APP)
        names = pc.struct_field(found, "app")
        place = np.arange(len(whole), dtype=np.int64)
        place[self.rows.to_numpy()[chosen]] = len(whole) + np.arange(len(chosen))
        return pa.concat_arrays([whole, names]).take(pa.array(place))


def _audit(messages: pa.Array, genuine: Bools) -> tuple[pgaudit.Split, Ints]:
    """The genuine audit lines split, and which records they are.

    The table has a row a line; or one a record, empty where there is no line: where nearly all are lines, it is cheaper to let
    an empty one stand for each of the others than to move the many.
    """
    rows = np.flatnonzero(genuine)
    if len(rows) == len(messages) or 2 * len(rows) < len(messages):
        audit = pgaudit.split(messages if len(rows) == len(messages) else messages.take(pa.array(rows)))
        return audit, rows[audit.sound]
    nothing = pgaudit.empty_line(messages[int(rows[0])].as_py())
    audit = pgaudit.split(pc.if_else(pa.array(genuine), messages, nothing))
    lines = np.flatnonzero(genuine[audit.sound])
    repeated = audit.repeated[lines]
    if len(audit.sound) < len(messages):
        return pgaudit.Split(audit.table.take(pa.array(lines)), audit.sound[lines], repeated), audit.sound[lines]
    table, none = audit.table, pa.scalar(None, pa.int64())
    for place, name in enumerate(table.column_names):
        if table.schema.field(name).type == pa.int64():
            table = table.set_column(place, name, pc.if_else(pa.array(genuine), table.column(name), none))
    return pgaudit.Split(table, audit.sound, repeated), rows


def _statements(own: pa.Array, quoted: pa.Array, failed: Bools) -> pa.Array:
    """SQL text: the audit line's own, or the query that an error record quotes."""
    rows = np.flatnonzero(failed)
    return pc.replace_with_mask(own, pa.array(failed), quoted.take(pa.array(rows))) if len(rows) else own


def _last_before(keys: list[npt.NDArray[np.int64]], has: Bools) -> npt.NDArray[np.int64]:
    """For each row the latest row up to it with the same keys for which ``has`` is true; -1 where there is none."""
    order = np.lexsort([np.arange(len(has)), *keys])
    changes = np.zeros(len(has), np.bool_)
    for key in keys:
        changes[1:] |= np.diff(key[order]) != 0
    group_start = np.maximum.accumulate(np.where(changes, np.arange(len(has)), 0))
    latest = np.maximum.accumulate(np.where(has[order], np.arange(len(has)), -1))
    result = np.empty(len(has), np.int64)
    result[order] = np.where(latest >= group_start, order[latest], -1)
    return result


def _addresses(connection_from: pa.Array) -> pa.Array:
    """The address without its port; looked at once a distinct value."""
    coded = connection_from.dictionary_encode()
    bare = pc.replace_substring_regex(coded.dictionary, r":[0-9]+\z", "")
    bare = pc.if_else(pc.equal(bare, ""), None, bare)
    return bare.take(coded.indices)


def _blank_to_null(column: pa.Array) -> pa.Array:
    blank = pc.equal(pc.binary_length(column), 0)
    return pc.if_else(blank, None, column) if pc.any(blank).as_py() else column
