"""The grammar of one csvlog record: where it certainly begins, what its fields are, whether it is whole.

Exact and slow; the fast path uses it only where something is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from scanner.sources import times
from scanner.sources.cutting import Grammar
from scanner.sources.postgres_rows import ZONE

WIDTHS: Mapping[int, str] = {23: "PostgreSQL 12 and older", 24: "PostgreSQL 13", 26: "PostgreSQL 14 and later"}


def _quoted(most: int) -> bytes:
    return b'("(?:[^"]|""){0,%d}+")?+,' % most


_TIME = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
HEAD = re.compile(
    _TIME + rb"\.\d{3} " + ZONE + b","
    # the longest names PostgreSQL can be built with, a host name with its port, a process title
    + _quoted(256) + _quoted(256) + rb"\d{0,10}+," + _quoted(1100)
    + rb"[0-9a-f]{1,16}+\.[0-9a-f]{1,8}+,\d{1,18}+," + _quoted(600)
    + _TIME + b" " + ZONE + rb",(?:-?\d+/\d+)?+,\d*+,"
    # translated with lc_messages, so any word
    + rb'[^",\r\n]{1,60}+,[0-9A-Z]{5},'
)  # fmt: skip
_FIELD = re.compile(rb'("[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+)(,|\r?\n\Z|\Z)')


def _opens(data: bytes, quote: int) -> bool:
    """Is the quote at this place, right after a comma, the opening of a field beyond doubt?

    Inside a field quotes come in pairs, so a run of odd length is the field's opening or its end; after its end stands a
    comma or the line's end. No text inside a field can therefore imitate an odd run that is followed by something else.
    """
    end = quote
    while end < len(data) and data[end] == 34:
        end += 1
    return bool((end - quote) & 1) and end < len(data) and data[end] not in b",\r\n"


def is_head(data: bytes, position: int) -> bool:
    """Does a record certainly begin at ``position``? Text inside a field cannot make this true."""
    match = HEAD.match(data, position)
    if match is None:
        return False
    return any(match[g] and _opens(data, match.start(g)) for g in range(1, 5)) or _opens(data, match.end())


def next_head(data: bytes, start: int, end: int) -> int:
    """First certain beginning of a record in ``[start, end)``, or -1."""
    for match in HEAD.finditer(data, start, end):
        if is_head(data, match.start()):
            return match.start()
    return -1


def split(data: bytes, start: int, end: int) -> list[bytes | None]:
    """The fields of one record, exactly; None for an empty bare field. An empty list when the bytes are no CSV record."""
    fields: list[bytes | None] = []
    while start < end:
        match = _FIELD.match(data, start, end)
        if match is None:
            return []
        value = match[1]
        fields.append(value[1:-1].replace(b'""', b'"') if value[:1] == b'"' else value or None)
        start = match.end()
        if match[2] != b",":
            return fields if start == end else []
    return [*fields, None]


def is_sound(data: bytes, start: int, end: int) -> bool:
    """Are these bytes one whole record?"""
    return (
        HEAD.match(data, start, end) is not None
        and data.find(b"\0", start, end) < 0
        and len(split(data, start, end)) in WIDTHS
        and bool(times.wall_clock(np.frombuffer(data, np.uint8), np.array([start]))[1][0])
    )


GRAMMAR = Grammar(times.looks_like_stamp, is_head, next_head, is_sound)


def why(data: bytes, start: int, end: int) -> str:
    """What keeps these bytes from being a record, in plain words."""
    if data.find(b"\0", start, end) >= 0:
        return "holds NUL bytes"
    if not HEAD.match(data, start, end):
        return "does not begin like a csvlog record"
    columns = len(split(data, start, end))
    return f"has {columns} columns; a csvlog record has 23, 24 or 26" if columns else "its quotes do not match"
