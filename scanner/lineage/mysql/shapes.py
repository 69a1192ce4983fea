"""Shapes of many MariaDB and MySQL statements at once: masked set-based where that is safe, token by token elsewhere.

Safe are texts without backslashes, double quotes, comments and control characters, where a single quote always opens or closes a
string. Of those, strings become one mark and whole numbers another, and what a shape's text says of numbers is kept beside it:
all from the first LIMIT, OFFSET or BY on, how far the ends of a BETWEEN are apart, and every number where something is bounded
from both sides. Texts with one mask have one shape; one of each goes through the lexer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from scanner.lineage.mysql.lexical import shape_text

MAX_MASKED_BYTES = 65_536
_UNSAFE = r'[\\"#\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|--|/\*|\*/'
_LEFT_OVER = r"'[^\x01]|'$"
_KEEPS_STRINGS = (
    r"(?i)^[\s(]*(?:prepare|execute|create|alter|load|grant|revoke|handler|change|install|uninstall|rename|drop|set)\b"
)
_COUNTED = r"(?is)\b(?:limit|offset|by|fetch)\b.*"
_BETWEEN, _ENDS = r"(?i)\bbetween\b", r"(?i)\bbetween\s+([0-9]{1,18})\s+and\s+([0-9]{1,18})\b"
_TWO_NUMBERS = r"(?i)[0-9]\s+and\s+[0-9]"
_NAMES_WHOLE = r"^[^`]*(?:`[^`\x01\x02]*`[^`]*)*$"  # nothing was masked inside a name


class Memory(Protocol):
    """Digests met before, by key; see :class:`scanner.lineage.shapes.ShapeMemory`."""

    known: dict[bytes, bytes]
    limit: int


def shape_codes(
    texts: pa.Array,
    memory: Memory,
    *,
    mask: pl.Expr | None = None,
    said: Callable[[str], bytes] = shape_text,
    family: str = "mysql",
) -> tuple[list[bytes], npt.NDArray[np.int64]]:
    """Digests of the distinct shapes of ``texts`` (null where there is none), and for each text the place of its own.

    For other languages: ``mask`` gives of the column ``text`` what texts of one shape surely have in common, ``said`` the shape
    of one text, ``family`` a name that keeps their digests apart.
    """
    if len(texts) == 0:
        return [], np.empty(0, np.int64)
    frame = pl.DataFrame({"text": pl.from_arrow(texts)}).with_columns((_masks() if mask is None else mask).alias("mask"))
    coded = frame["mask"].fill_null("").to_arrow().dictionary_encode()
    first = np.unique(coded.indices.to_numpy(zero_copy_only=False), return_index=True, return_inverse=True)
    _, rows, inverse = first
    positions: dict[bytes, int] = {}
    of_group = np.zeros(len(rows), np.int64)
    chosen = texts.take(pa.array(rows)).to_pylist()
    masks = coded.take(pa.array(rows)).to_pylist()
    for at, (own, text) in enumerate(zip(masks, chosen, strict=True)):
        key = _digest(f"{family} {own}".encode("utf-8", "surrogatepass"))
        found = memory.known.get(key)
        if found is None:
            found = _digest(said(text)) if text is not None else _digest(b"null")
            if len(memory.known) >= memory.limit:
                memory.known.clear()
            memory.known[key] = found
        of_group[at] = positions.setdefault(found, len(positions))
    return list(positions), of_group[inverse]


def _masks() -> pl.Expr:
    """What texts of one shape surely have in common; a text that cannot be masked is its own mask."""
    text = pl.col("text")
    strings = text.str.replace_all(r"'[^']*'", "'\x01")
    numbers = strings.str.replace_all(r"\b[0-9]{1,18}\b", "\x02")
    counted = strings.str.extract(f"({_COUNTED})").fill_null("")
    bare = strings.str.replace_all("<>", "!=", literal=True)
    ends = strings.str.count_matches(_BETWEEN)
    pairs = strings.str.count_matches(_TWO_NUMBERS)
    low, high = (strings.str.extract(_ENDS, group).cast(pl.Int64) for group in (1, 2))
    known = low.is_not_null()  # the ends of the one BETWEEN are numbers, and no others look like its ends
    exact = (bare.str.contains("<", literal=True) & bare.str.contains(">", literal=True)) | (ends > 1)
    exact |= (ends == 1) & (pairs != known.cast(pl.UInt32))
    exact |= (ends > 0) & text.str.contains("(?i)name_const")  # the ends are a routine's variables
    width = pl.when(known).then((high - low).cast(pl.String)).otherwise(pl.lit(""))
    mask = pl.when(exact).then(strings).otherwise(pl.concat_str(numbers, counted, width, separator="\x04"))
    sound = ~text.str.contains(_UNSAFE) & ~text.str.contains(_KEEPS_STRINGS) & (text.str.len_bytes() <= MAX_MASKED_BYTES)
    sound &= ~mask.str.contains(_LEFT_OVER) & mask.str.contains(_NAMES_WHOLE)
    return pl.when(sound).then(pl.concat_str(pl.lit("m "), mask)).otherwise(pl.concat_str(pl.lit("t "), text))


def _digest(shape: bytes) -> bytes:
    return hashlib.blake2b(shape, digest_size=16).digest()
