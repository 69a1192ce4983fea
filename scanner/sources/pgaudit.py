"""The text of a pgAudit line.

``AUDIT: TYPE,STATEMENT_ID,SUBSTATEMENT_ID,CLASS,COMMAND,OBJECT_TYPE,OBJECT_NAME,STATEMENT,PARAMETER[,ROWS]``. It
is CSV itself: a field is quoted when it holds a comma, a quote or a line end (pgAudit README, "Format"). ``ROWS`` is there
with ``pgaudit.log_rows`` only. Several parameters are CSV once more inside the one field PARAMETER.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from scanner.sources.cutting import find_bytes

_NAMES = (
    "type",
    "statement_id",
    "substatement_id",
    "audit_class",
    "command",
    "object_type",
    "object_name",
    "statement",
    "parameter",
    "rows",
)
_SCHEMA = pa.schema(
    [(name, pa.int64() if name in ("statement_id", "substatement_id", "rows") else pa.string()) for name in _NAMES[1:]]
)
_END = "\0"  # cannot occur in PostgreSQL text, so it marks where a message ends whatever the message says
_NULLS = ["", "<none>", "<not logged>", "<previously logged>", "<long param suppressed>"]
_FIELD = re.compile(r'("[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+)(,|\Z)')
_NUMBER = re.compile(r"\A\d{1,18}\Z", re.ASCII)
_TYPES = ("AUDIT: SESSION", "AUDIT: OBJECT")


@dataclass(frozen=True)
class Split:
    """Audit lines in columns (``table``: one row a sound line, in order), and which lines they are."""

    table: pa.Table  # statement_id … rows
    sound: npt.NDArray[np.int64]  # indexes into the messages given
    repeated: npt.NDArray[np.bool_]  # per row of ``table``: the text is said to have been logged before


def split(messages: pa.Array) -> Split:
    """Split messages that begin with ``AUDIT: ``. Those that are not as described above are left out of ``sound``.

    The reader sees all messages at once, each ended by a mark that no message can hold. It is believed only when there are as
    many rows as messages and each, the rejected ones too, ends in one mark and holds no other: then rows and messages
    correspond one to one, and a bad message cannot shift another. Otherwise each message is split by itself.
    """
    count = len(messages)
    if not count:
        return Split(_SCHEMA.empty_table(), np.empty(0, np.int64), np.empty(0, np.bool_))
    everything = np.arange(count)
    width = next((w for n in range(min(8, count)) if (w := len(_fields(messages[n].as_py()))) in (9, 10)), 9)
    parts: list[tuple[pa.Table, npt.NDArray[np.int64]]] = []
    left = everything
    for columns in (width, 19 - width):
        if not len(left):
            break
        chosen = messages if len(left) == count else messages.take(pa.array(left))
        found = _bulk(chosen, columns)
        if found is None:
            return _each(messages)
        table, rejected = found
        kept = np.ones(len(left), np.bool_)
        kept[rejected] = False
        parts.append((table, left[kept]))
        left = left[rejected]
    table = pa.concat_tables([part for part, _ in parts])
    sound = np.concatenate([rows for _, rows in parts])
    if len(parts) > 1:
        order = np.argsort(sound, kind="stable")
        table, sound = table.take(pa.array(order)), sound[order]
    return Split(table, sound, _repeated(table, messages, sound))


def empty_line(like: str) -> str:
    """A sound line with as many fields as ``like``, and nothing in those that are texts."""
    return f"{_TYPES[0]},0,0,,,,,," + (",0" if len(_fields(like)) == len(_NAMES) else "")


def _repeated(table: pa.Table, messages: pa.Array, sound: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    missing: npt.NDArray[np.bool_] = pc.is_null(table.column("statement")).to_numpy()
    if missing.any():
        rows = np.flatnonzero(missing)
        said = pc.match_substring(messages.take(pa.array(sound[rows])), ",<previously logged>,")
        missing[rows] = said.to_numpy(zero_copy_only=False)
    return missing


def _bulk(messages: pa.Array, width: int) -> tuple[pa.Table, npt.NDArray[np.int64]] | None:
    """All messages at once. Returns the rows of this width and the numbers of the other messages; None: do not believe it."""
    body = _joined(messages)
    if body is None or _loose(body):
        return None
    names = [*_NAMES[:width], "end"]
    rejected: list[int] = []

    def reject(row: pacsv.InvalidRow) -> str:
        rejected.append(row.number - 1)
        return "skip" if row.text.find(_END) == len(row.text) - 1 else "error"

    try:
        table = pacsv.read_csv(
            body,
            pacsv.ReadOptions(column_names=names, block_size=body.size + 1, use_threads=False),
            pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=reject),
            pacsv.ConvertOptions(
                column_types={name: _SCHEMA.field(name).type if name in _SCHEMA.names else pa.string() for name in names},
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=_NULLS,
                check_utf8=False,  # the messages are valid strings
            ),
        )
    except pa.ArrowInvalid:
        return None
    ends = table.column("end")
    if (
        table.num_rows + len(rejected) != len(messages)
        or not pc.all(pc.equal(ends, _END), min_count=0).as_py()
        or ends.null_count
    ):
        return None
    if not _sound(table, width):
        return None
    table = table.drop_columns(["type", "end"])
    if width == 9:
        table = table.append_column("rows", pa.nulls(len(table), pa.int64()))
    return table.cast(_SCHEMA), np.array(rejected, np.int64)


def _joined(messages: pa.Array) -> pa.Buffer | None:
    """The messages one after the other, each with its end mark as a field of its own; None when too much for one piece."""
    if messages.nbytes + 4 * len(messages) >= 1 << 31:
        return None
    marked = pc.binary_join_element_wise(messages, pa.scalar(_END + "\n"), ",")
    offsets = np.frombuffer(marked.buffers()[1], np.int32)[marked.offset : marked.offset + len(marked) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    return marked.buffers()[2].slice(first, last - first)


def _loose(body: pa.Buffer) -> bool:
    """Does a quote stand where none may, before a field's text or behind it? The reader would take it for a part of the text."""
    buffer = np.frombuffer(body, np.uint8)
    quotes = find_bytes(buffer, 34)
    if len(quotes) % 2:
        return True
    if not len(quotes):
        return False
    before, behind = buffer[np.maximum(quotes[::2] - 1, 0)], buffer[quotes[1::2] + 1]  # the last byte is a line end
    return not (((before == 44) | (before == 34)).all() and ((behind == 44) | (behind == 34)).all())


def _sound(table: pa.Table, width: int) -> bool:
    if not len(table):
        return True
    numbers = ["statement_id", "substatement_id"] + (["rows"] if width == 10 else [])
    return bool(pc.all(pc.is_in(table.column("type"), pa.array(_TYPES))).as_py()) and not any(
        table.column(n).null_count for n in numbers
    )


def _fields(message: str) -> list[str | None]:
    """One message's fields, exactly; None for the special values. Empty when it is no CSV."""
    fields: list[str | None] = []
    at = 0
    while True:
        match = _FIELD.match(message, at)
        if match is None:
            return []
        value = match[1]
        fields.append(value[1:-1].replace('""', '"') if value[:1] == '"' else None if value in _NULLS else value)
        at = match.end()
        if match[2] != ",":
            return fields


def _each(messages: pa.Array) -> Split:
    """Message by message: what :func:`_bulk` does not vouch for."""
    rows: list[dict[str, str | int | None]] = []
    sound: list[int] = []
    for number, message in enumerate(messages.to_pylist()):
        fields = _fields(message)
        if len(fields) not in (9, 10) or fields[0] not in ("AUDIT: SESSION", "AUDIT: OBJECT"):
            continue
        numbers = [fields[1], fields[2], *fields[9:]]
        if not all(n is not None and _NUMBER.match(n) for n in numbers):
            continue
        row: dict[str, str | int | None] = dict(zip(_NAMES[1:], [*fields[1:], None][: len(_NAMES) - 1], strict=True))
        for name in ("statement_id", "substatement_id", "rows"):
            value = row[name]
            row[name] = None if value is None else int(value)
        rows.append(row)
        sound.append(number)
    table = pa.Table.from_pylist(rows, schema=_SCHEMA)
    places = np.array(sound, np.int64)
    return Split(table, places, _repeated(table, messages, places))
