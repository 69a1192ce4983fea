"""Lines of MariaDB's server_audit log: which of them are records, and their fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import Skip
from scanner.sources.cutting import Ints, find_bytes
from scanner.sources.text import mended

NAME_REACH = 1024  # a user name has at most 128 characters; with it no record head is longer

_HEADS = 64  # beginnings of records that are tried in a damaged line

_STAMP = rb"[0-9]{8} [0-9]{2}:[0-9]{2}:[0-9]{2}"
_HEAD = (
    r"(?P<stamp>[0-9]{8} [0-9]{2}:[0-9]{2}:[0-9]{2}),(?P<server>[^,]*),(?P<user>.*?),(?P<host>[^,]*),(?P<connection>[0-9]{1,18}),"
)
_LINE = (
    r"\A" + _HEAD + r"(?P<query>[0-9]{1,18}),(?:"
    r"(?P<said>[A-Z_]+),(?P<said_db>.*?),'(?P<text>(?:[^'\\]|\\.)*)',(?P<said_code>[0-9]{1,9})"
    r"|(?P<touched>READ|WRITE|CREATE|ALTER|DROP|RENAME),(?P<table_db>[^,]*),(?P<table>.*),"
    r"|(?P<met>[A-Z_]+),(?P<met_db>[^,']*),(?P<detail>[A-Za-z0-9._ -]*),(?P<met_code>[0-9]{1,9}))\r?\z"
)
FIELDS = (
    "stamp", "server", "user", "host", "connection", "query", "said", "said_db", "text", "said_code", "touched", "table_db",
    "table", "met", "met_db", "detail", "met_code",
)  # fmt: skip
_BRANCHES = {
    "said": ("said_db", "text", "said_code"),
    "touched": ("table_db", "table"),
    "met": ("met_db", "detail", "met_code"),
}
_BEGINS = re.compile(_STAMP + rb",")
_CONNECTIONS = re.compile(rb",(?:FAILED_)?CONNECT,|,DISCONNECT,|,CHANGE_?USER,")


@dataclass(frozen=True)
class Lines:
    """Sound lines, in log order, by field (strings, null where the operation has no such field)."""

    fields: dict[str, pa.Array]
    starts: Ints
    ends: Ints

    def __len__(self) -> int:
        return len(self.starts)


def cut(data: bytes, *, final: bool) -> tuple[Lines, list[tuple[int, int]], list[Skip], int, int]:
    """Sound lines; spans that are records with line ends in their names; skips; bytes consumed; records mended."""
    buffer = np.frombuffer(data, np.uint8)
    ends = find_bytes(buffer, 10).astype(np.int64) + 1
    if final and (not len(ends) or ends[-1] < len(data)):
        ends = np.append(ends, len(data))
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(ends) else ends
    consumed = int(ends[-1]) if len(ends) else 0
    body = mended(data[:consumed]) if consumed else b""
    replaced = 0
    fields, sound = match(body)
    if body is not data and body != data[:consumed]:
        replaced = _mended_lines(data, starts, ends)
    oddities: list[tuple[int, int]] = []
    skips: list[Skip] = []
    if not sound.all():
        starts, ends, fields, oddities, skips, consumed = _sort_out(data, starts, ends, fields, sound, consumed, final=final)
    return Lines(fields, starts, ends), oddities, skips, consumed, replaced


def match(body: bytes) -> tuple[dict[str, pa.Array], npt.NDArray[np.bool_]]:
    """The fields of every line of valid UTF-8, and which lines are sound."""
    buffer = np.frombuffer(body, np.uint8)
    ends = find_bytes(buffer, 10).astype(np.int64)
    if len(body) and (not len(ends) or ends[-1] + 1 < len(body)):
        ends = np.append(ends, len(body))
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64) if len(ends) else ends
    # Arrow needs one offset a line: the line end is part of the line before it, and is no part of what the pattern sees
    small = len(body) < 1 << 31
    offsets = np.append(starts, len(body)).astype(np.int32 if small else np.int64)
    kind = pa.string() if small else pa.large_string()
    text = pa.Array.from_buffers(kind, len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(body)])
    text = pc.utf8_rtrim(text, "\n") if len(text) else text
    found = pc.extract_regex(text, "(?s)" + _LINE)
    sound: npt.NDArray[np.bool_] = found.is_valid().to_numpy(zero_copy_only=False)
    fields = {name: pc.struct_field(found, name).cast(pa.string()) for name in FIELDS}
    # a user name that holds the beginning of a record: this line is half a record and the one written behind it
    users = fields["user"].dictionary_encode()
    forged = pc.match_substring_regex(users.dictionary, _STAMP.decode() + ",").take(users.indices)
    sound &= ~pc.fill_null(forged, False).to_numpy(zero_copy_only=False)
    for own, names in _BRANCHES.items():  # of a branch not taken all is empty: make it null
        taken = pc.fill_null(pc.not_equal(fields[own], ""), False)
        fields |= {name: pc.if_else(taken, fields[name], None) for name in (own, *names)}
    return fields, sound


def _mended_lines(data: bytes, starts: Ints, ends: Ints) -> int:
    """Lines that are not UTF-8. A text cut within a character is no cause for a remark."""
    count = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        line = data[start:end]
        if not line.isascii():
            try:
                line.decode()
            except UnicodeDecodeError as error:
                count += line[error.end : error.end + 2] != b"'," and error.reason != "unexpected end of data"
    return count


def _sort_out(
    data: bytes,
    starts: Ints,
    ends: Ints,
    fields: dict[str, pa.Array],
    sound: npt.NDArray[np.bool_],
    consumed: int,
    *,
    final: bool,
) -> tuple[Ints, Ints, dict[str, pa.Array], list[tuple[int, int]], list[Skip], int]:
    """What lines that are not sound may be: records with a line end in a name, sound records behind torn ones, or damage."""
    keep = sound.copy()
    oddities: list[tuple[int, int]] = []
    skips: list[Skip] = []
    rescued: list[tuple[int, int]] = []
    done = 0
    for number in np.flatnonzero(~sound).tolist():
        start, end = int(starts[number]), int(ends[number])
        if start < done:
            continue
        line = data[start:end]
        if _BEGINS.match(line) and data[end - 1 : end] == b"\n":
            if not final and start + NAME_REACH > len(data):
                keep[number:] = False  # the rest of this record may be still to come
                consumed = start
                break
            last = _joined(data, starts, ends, sound, number)
            if last is not None:
                oddities.append((start, int(ends[last])))
                keep[number : last + 1] = False
                done = int(ends[last])
                continue
        behind, told = _behind(line)
        if behind is not None and not told:
            oddities.append((start, end))  # or a user name that looks like the beginning of a record: nobody can tell
        elif behind is not None:
            skips.append(Skip(start, behind, "a record that breaks off; the next one follows in the same line"))
            rescued.append((start + behind, end))
        else:
            reason = "the log ends in half a record" if not line.endswith(b"\n") else "no server_audit record"
            skips.append(Skip(start, len(line), reason))
    places = [starts[keep], np.array([a for a, _ in rescued], np.int64)]
    stops = [ends[keep], np.array([b for _, b in rescued], np.int64)]
    kept = {name: column.filter(pa.array(keep)) for name, column in fields.items()}
    if rescued:
        more, _ = match(mended(b"".join(data[a:b].rstrip(b"\n") + b"\n" for a, b in rescued)))
        order = np.argsort(np.concatenate(places), kind="stable")
        kept = {name: pa.concat_arrays([kept[name], more[name]]).take(pa.array(order)) for name in FIELDS}
        return np.concatenate(places)[order], np.concatenate(stops)[order], kept, oddities, _merged(skips), consumed
    return places[0], stops[0], kept, oddities, _merged(skips), consumed


def _whole(record: bytes) -> dict[str, str] | None:
    """The fields of one record, line ends in it or not; None when it is none. Linear in its length, whatever it holds."""
    text = record.rstrip(b"\n").decode(errors="replace")
    fields: dict[str, str] | None = pc.extract_regex(pa.array([text]), "(?s)" + _LINE)[0].as_py()
    return fields


def _joined(data: bytes, starts: Ints, ends: Ints, sound: npt.NDArray[np.bool_], number: int) -> int | None:
    """The last line of a record that begins with line ``number`` and has line ends in its user, database or table name.

    A client may send any user name, also one that holds whole log lines: ``x\\n20261122 07:45:07,vm,victim,…,0\\ny``. The plug-in
    writes it as it is, so that the lines in the middle look sound. What gives it away is the line before, which breaks off
    although a line end follows. All lines up to the one that ends the record are that record: they accuse nobody.
    """
    start = int(starts[number])
    stop = int(np.searchsorted(starts, start + NAME_REACH))
    for orphan in (True, False):
        for last in range(stop - 1, number, -1):
            line = data[int(starts[last]) : int(ends[last])]
            if orphan != (not sound[last] and not _BEGINS.match(line)) or (not orphan and not _CONNECTIONS.search(line)):
                continue
            if _whole(data[start : int(ends[last])]):
                return last
    return None


def _behind(line: bytes) -> tuple[int | None, bool]:
    """Where in a damaged line a sound record begins, and whether no user name can have forged it.

    A server that died left half a line, and the next wrote on. What the plug-in writes behind a name that a client chose freely
    is a connection record's end, never a statement's or a table's.
    """
    for found in islice(_BEGINS.finditer(line, 1), _HEADS):
        whole = _whole(line[found.start() :])
        if whole and not _BEGINS.search(whole["user"].encode()):
            return found.start(), not whole["met"]
    return None, False


def _merged(skips: list[Skip]) -> list[Skip]:
    """Adjacent skips of the same reason as one."""
    merged: list[Skip] = []
    for skip in skips:
        if merged and merged[-1].offset + merged[-1].length == skip.offset and merged[-1].reason == skip.reason:
            last = merged.pop()
            skip = Skip(last.offset, last.length + skip.length, skip.reason)
        merged.append(skip)
    return merged
