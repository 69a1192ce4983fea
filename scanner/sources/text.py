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


def mended(data: bytes) -> bytes:
    """``data`` as valid UTF-8. Every ASCII byte stays what and in the order it was, so the structure of a log does, too."""
    return data if data.isascii() or is_utf8(pa.py_buffer(data)) else data.decode(errors="replace").encode()
