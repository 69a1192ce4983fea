"""Statement shapes for many events at once.

Three sieves, each finer and dearer than the one before, so that the parser sees few texts:

1. equal texts are one (dictionary encoding);
2. texts of a *plain* lexical subset, in which masking by regular expressions is provably right, are grouped by their masked text;
3. one text of each group, and every text outside that subset, goes through the parser (:func:`scanner.lineage.lexical.shape_text`).

The subset: strings in single quotes only, no backslash, no dollar quotes, no nested comments, no letter before a quote (``E''``,
``U&''``, ``B''``), no number that runs into a letter, and no statement whose literals carry meaning. Everything else is exact.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scanner.lineage.lexical import SENSITIVE_WORDS, shape_text

MAX_MASKED_BYTES = 65_536
"""Longer texts are not masked but handed to the parser as they are."""

_HIGH = r"\x{80}-\x{10FFFF}"
_KEPT = rf'"[^"]*"|[A-Za-z_{_HIGH}][A-Za-z0-9_${_HIGH}]*|\$[0-9]+'
_STRING = r"'[^']*'"
_BLOCK, _LINE = r"\*[^*/]*\*/", r"[^\n\r]*"
# Every token that is kept or masked leaves a \x01 behind: a string its opening quote, a comment its opening, a number nothing else.
_MASK = rf"({_KEPT}|[0-9]{{10,}})|(')[^']*'|(/\*)[^*/]*\*/|(--){_LINE}|[0-9]{{1,9}}"
_LONG_NUMBER = rf"({_KEPT}|{_STRING}|/{_BLOCK}|--{_LINE})|[1-9][0-9]{{10,}}"
# What must not be left in a masked text for the masking to be right.
_UNSAFE = "|".join(
    (
        r"'[^\x01]",  # a quote that opened no plain string
        r"'$",
        r'(?:^|[^"])"[\x01\x02]*"[^\x01\x02"]',
        rf"[A-Za-z0-9_$&{_HIGH}][\x01\x02]*'\x01",  # E'…', U&'…', b'…', 'a'b…
        r"&[\x01\x02]*\"",  # U&"…"
        r"/\*[^\x01]|/\*$|\*/",  # a comment that is nested or never closed
        r"\$(?:[^0-9]|$)",  # dollar quotes, and names with a dollar
        rf"(?:^|[^A-Za-z0-9_$\"'{_HIGH}\x01\x02-])[\x01\x02]+[A-Za-z_{_HIGH}]",  # 12abc, 0x1F, 1e9
        r";[\s\x01\x02]*[^\s;\x01\x02]",  # more than one statement
        r"(?i)\bby\x01(?:[\s(]*|(?s:.)*[,(]\s*)[\x01\x02]",  # ORDER BY 2
        r"(?i)\bfloat\x01",  # its number decides whether it parses
    )
)
_RAW_UNSAFE = "|".join(
    (
        r"\\",
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
        rf"(?i){SENSITIVE_WORDS}",
        r"(?i)\b(?:any|some|all)\b[\s(]*'",  # = ANY('{1,2,3}'): the list's length matters
    )
)
_FIRST = (
    r"(?i)^[\s(\x01]*(?:/\*\x01[\s(]*)?(?:select|insert|update|delete|merge|with|values|table|declare|fetch|close|begin|start|"
    r"commit|rollback|end|savepoint|release|execute)\x01"
)
_OUTER_COMMENTS = r"^\s*/\*\x01|/\*\x01[\s;]*$"
_INNER_COMMENT = r"/\*\x01|--\x01"
_COUNTS = r"(?i)\b(?:limit|fetch|first|next|forward|backward|absolute|relative|move)\b[\s(+-]*[0-9]+"
_RANGE = r"(?i)\bbetween\b"
_AFTER = r"(?i)(?:\bbetween\b|\band\b|[<>]=?)[\s(+-]*[0-9]+"
_BEFORE = r"-?[\s(]*[0-9]+[\s)]*(?:[<>]|\b(?i:and|between)\b)"


@dataclass(frozen=True)
class Shapes:
    """Shapes of a batch of events.

    ``keys``: one per event, 16 hex digits. ``table``: one row per distinct shape with ``shape`` (string), ``row`` (int64, index of
    one event that has it), ``statement``, ``logged``, ``command`` (string; of that event).
    """

    keys: pa.Array
    table: pa.Table


def assign_shapes(statements: pa.Array, logged: pa.Array, commands: pa.Array) -> Shapes:
    """The shape of each event.

    ``statements``: SQL texts, null where the log has none. ``logged``: the relations that the log named, sorted and joined by
    ``\\x1f`` ("" when none). ``commands``: the log's command words. All three have one entry an event.
    """
    text_codes, texts = _encoded(statements)
    relation_codes, relations = _encoded(logged)
    command_codes, words = _encoded(commands)
    digests, shape_codes = _shape_codes(texts)
    codes = shape_codes[text_codes]
    relations = pc.replace_substring_regex(relations, r"\bpg_temp_[0-9]+\.", "pg_temp.")  # a session's own number
    combined = (codes * len(relations) + relation_codes) * len(words) + command_codes
    distinct, rows, inverse = np.unique(combined, return_index=True, return_inverse=True)
    relation_texts, word_texts = relations.to_pylist(), words.to_pylist()
    keys: list[str] = []
    for code in distinct.tolist():
        rest, word = divmod(code, len(words))
        shape, relation = divmod(rest, len(relations))
        parts = (digests[shape], (relation_texts[relation] or "").encode(), (word_texts[word] or "").encode())
        keys.append(hashlib.blake2b(b"\x00".join(parts), digest_size=8).hexdigest())
    per_event = pa.array(keys, pa.string()).take(pa.array(inverse)) if keys else pa.array([], pa.string())
    return Shapes(per_event, _distinct(keys, rows, statements, logged, commands))


def _distinct(keys: list[str], rows: np.ndarray, statements: pa.Array, logged: pa.Array, commands: pa.Array) -> pa.Table:
    """One row a shape; relations that differ only in a session's number give one shape."""
    first: dict[str, int] = {}
    for key, row in sorted(zip(keys, rows.tolist(), strict=True), key=lambda pair: pair[1]):
        first.setdefault(key, row)
    index = pa.array(list(first.values()), pa.int64())
    return pa.table(
        {
            "shape": pa.array(list(first), pa.string()),
            "row": index,
            "statement": _plain(statements).take(index).cast(pa.string()),
            "logged": _plain(logged).take(index).cast(pa.string()),
            "command": _plain(commands).take(index).cast(pa.string()),
        }
    )


def _plain(array: pa.Array) -> pa.Array:
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _encoded(array: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Codes and distinct values; null has a code of its own."""
    encoded = _plain(array).dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary


def _shape_codes(texts: pa.Array) -> tuple[list[bytes], np.ndarray]:
    """Digests of the distinct shape texts, and for each text the position of its own."""
    if len(texts) == 0:
        return [], np.empty(0, np.int64)
    groups = masked_groups(texts)
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    positions: dict[bytes, int] = {}
    of_group = np.empty(len(first), np.int64)
    for group, text in enumerate(texts.take(pa.array(first)).to_pylist()):
        found = b"null" if text is None else shape_text(text)
        digest = hashlib.blake2b(found, digest_size=16).digest()
        of_group[group] = positions.setdefault(digest, len(positions))
    return list(positions), of_group[inverse]


def masked_groups(texts: pa.Array) -> np.ndarray:
    """A group number for each text: texts of one group surely have the same shape. Texts that cannot be masked are alone."""
    frame = pl.DataFrame({"text": pl.from_arrow(texts)}).with_row_index("at")
    text = pl.col("text")
    plain = frame.filter(text.str.len_bytes() <= MAX_MASKED_BYTES, ~text.str.contains(_RAW_UNSAFE))
    long = text.str.contains(r"[1-9][0-9]{10}")
    marked = pl.when(long).then(text.str.replace_all(_LONG_NUMBER, "${1}\x02")).otherwise(text)
    plain = plain.with_columns(marked.str.replace_all(_MASK, "${1}${2}${3}${4}\x01").alias("masked"))
    masked = pl.col("masked")
    plain = plain.filter(masked.str.contains(_FIRST), ~masked.str.contains(_UNSAFE))
    bare = masked.str.replace_all(_OUTER_COMMENTS, "")
    plain = plain.filter(~bare.str.contains(_INNER_COMMENT))
    ranged = text.str.contains(_RANGE) | (text.str.contains("<", literal=True) & text.str.contains(">", literal=True))
    kept = pl.concat_str(
        masked,
        pl.when(text.str.contains(r"(?i)\b(?:limit|fetch|declare)\b")).then(text.str.extract_all(_COUNTS).list.join("\x03")).otherwise(pl.lit("")),
        pl.when(ranged).then(text.str.extract_all(_AFTER).list.join("\x03")).otherwise(pl.lit("")),
        pl.when(ranged).then(text.str.extract_all(_BEFORE).list.join("\x03")).otherwise(pl.lit("")),
        separator="\x04",
    )
    plain = plain.select("at", kept.rank("dense").cast(pl.Int64).alias("group"))
    groups = -1 - np.arange(len(frame), dtype=np.int64)  # alone
    groups[plain["at"].to_numpy()] = plain["group"].to_numpy()
    return groups
