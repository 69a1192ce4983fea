"""Bytes to text without losing a record over a byte that is not UTF-8.

Databases in EUC-KR or SQL_ASCII log what clients sent. Such bytes are shown as U+FFFD; the record counts as read. The raw
bytes stay in the log at the record's offset and length.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def decode(value: bytes | None) -> tuple[str | None, bool]:
    """Text, and whether bytes had to be replaced."""
    if value is None:
        return None, False
    try:
        return value.decode(), False
    except UnicodeDecodeError:
        return value.decode(errors="replace"), True


def is_utf8(buffer: pa.Buffer) -> bool:
    """Is the whole buffer valid UTF-8? No copy is made."""
    if buffer.size >= 1 << 31:
        return False
    offsets = pa.py_buffer(np.array([0, buffer.size], np.int32))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, offsets, buffer]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def mend(columns: dict[str, pa.Array], whole: pa.Buffer) -> tuple[dict[str, pa.Array], int]:
    """String columns that may hold anything, made valid UTF-8, and how many rows that changed.

    ``whole`` is the buffer they all came from: when it is valid, as it nearly always is, nothing else is looked at.
    """
    if is_utf8(whole):
        return columns, 0
    changed: set[int] = set()
    result = {}
    for name, column in columns.items():
        try:
            column.validate(full=True)
            result[name] = column  # numbers always are
        except pa.ArrowInvalid:
            texts = []
            for row, value in enumerate(column.cast(pa.binary()).to_pylist()):
                text, bad = decode(value)
                texts.append(text)
                if bad:
                    changed.add(row)
            result[name] = pa.array(texts, pa.string())
    return result, len(changed)
