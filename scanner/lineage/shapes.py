"""Statement shapes for many events at once.

Three sieves, each finer and dearer than the one before, so that the parser sees few texts:

1. equal texts are one (dictionary encoding);
2. texts of a *plain* lexical subset, where masking by regular expressions is provably right, are grouped by their masked text;
3. one text of each group, and every text outside that subset, goes through the parser (``lexical.shape_text``).

The subset: strings in single quotes only, no backslash, no dollar quotes, no nested comments, no letter before a quote (``E''``,
``U&''``, ``B''``), no number that runs into a letter, and no statement whose literals carry meaning. Everything else is exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scanner.lineage.dialects import GENERIC, MONGODB, MYSQL
from scanner.lineage.lexical import SENSITIVE_WORDS, UNPARSED, shape_text

MAX_MASKED_BYTES = 65_536
"""Longer texts are not masked but handed to the parser as they are."""

_MARKS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"  # control characters, some of which are used as marks below
_RAW_UNSAFE = "|".join((r"\\", _MARKS, "(?i:" + "|".join(SENSITIVE_WORDS) + ")"))
# Comments: each leaves \x05 where it stood; so does each string and quoted name behind itself, so that nothing becomes ambiguous.
_COMMENT_OPENS = r"--|/\*"
_COMMENTS = r"""("[^"]*"|'[^']*')|/\*[^*/]*\*/|--[^\n\r]*"""
# Masks, none of which needs to look at what it keeps. \b is ASCII here; digits beside other letters are sorted out by _UNSAFE.
_STRING, _INTEGER, _LONG = r"'[^']*'", r"(?-u:\b)[0-9]{1,9}(?-u:\b)", r"(?-u:\b)[1-9][0-9]{10,}(?-u:\b)"
# ORDER BY 2, GROUP BY 1, 2 and nothing else in the list: another number is another column, so the numbers are kept (_BY).
_BY_NUMBERS = (
    r"(?i-u:\bby\b)[\s\x05]*\x02(?:[\s\x05]*,[\s\x05]*\x02)*"
    r"(?P<end>[\s\x05]*(?:\)|;|$|(?i-u:\b(?:having|order|limit|offset|union|except|intersect|window)\b)))"
)
_BY = r"(?i-u:\bby\b)[\s\x05]*[0-9]{1,9}(?:[\s\x05]*,[\s\x05]*[0-9]{1,9})*"
_HIGH = r"\x{80}-\x{10FFFF}"
_GAP = r"[\s\x05(]*"
# What must not be left in a masked text for the masking to be right.
_UNSAFE = "|".join(
    (
        r"'[^\x01]|'$",  # a quote that opened no plain string
        rf"[A-Za-z0-9_$&{_HIGH}]'|&\"",  # E'…', U&'…', b'…', U&"…"
        r"/\*|\*/|--",  # a comment that is nested or never closed
        rf"\$(?:[^\x02]|$)|[A-Za-z0-9_{_HIGH}\"]\$",  # dollar quotes, names with a dollar
        rf"[{_HIGH}][\x02\x030-9]|[\x02\x030-9][{_HIGH}]",  # digits in a name of other letters
        r";[\s\x05]*[^\s\x05;]",  # more than one statement
        rf"(?i-u:\bby\b)(?:{_GAP}|(?s:.)*[,(][\s\x05]*)[\x02\x03]",  # ORDER BY 2: another number is another order
        r"[\x02\x03][\s\x05()]*(?:=|<>|!=|<|>)[\s\x05()+-]*[\x02\x03]",  # 1 = 0 and 1 = 1 are not alike
        r"\[[\s\x05]*\x02[\s\x05]*\]",  # int[3]: the bound is part of the type
        r"(?i-u:\bfloat\b)",  # its number decides whether it parses
        r"(?i-u:\b(?:left|right|substr|substring)\b)\"?[\s\x05]*\(",  # how much of a value is cut decides whether it is masked
        rf"(?i-u:\b(?:any|some|all)\b){_GAP}'",  # = ANY('{{1,2,3}}'): the list's length matters
    )
)
_QUOTES_KEPT = r'^[^"]*(?:"[^"\x01\x02\x03]*"[^"]*)*$'  # nothing was masked inside a quoted name
_FIRST = (
    r"(?i-u)^[\s(\x05]*(?:select|insert|update|delete|merge|with|values|table|declare|fetch|close|begin|start|commit|rollback|"
    r"end|savepoint|release|execute)\b"
)
_COUNTS = r"(?i-u:\b(?:limit|fetch|first|next|forward|backward|absolute|relative|move)\b)[\s\x05(+-]*[0-9.]+"
_COUNTED = r"(?i-u:\b(?:limit|fetch|declare)\b)"
_RANGED = r"(?i-u:\bbetween\b)|<(?s:.)*>|>(?s:.)*<"
_AFTER = r"(?:(?i-u:\b(?:between|and)\b)|[<>]=?)[\s\x05(+-]*[0-9]+"
_BEFORE = r"-?[\s\x05(]*[0-9]+[\s\x05)]*(?:[<>]|(?i-u:\b(?:and|between)\b))"


@dataclass(frozen=True)
class Shapes:
    """Shapes of a batch of events.

    ``keys``: one per event, 16 hex digits. ``table``: one row per distinct shape with ``shape`` (string), ``row`` (int64, index
    of one event that has it), ``statement``, ``logged``, ``command`` (string; of that event).
    """

    keys: pa.Array
    table: pa.Table


@dataclass
class ShapeMemory:
    """Shapes of texts met before, so that the next slice of a log need not look at them again. Bounded: forgets when full.

    Keys are hashes of masked texts (which stand for many statements) or of single texts; values are shape digests.
    """

    known: dict[bytes, bytes] = field(default_factory=dict)
    limit: int = 400_000

    def shape(self, key: bytes, text: str) -> bytes | None:
        """Digest of the shape of ``text``, kept under ``key``; None for a text that does not parse."""
        found = self.known.get(key)
        if found is None:
            shape = shape_text(text)
            if shape.startswith(UNPARSED):
                return None
            if len(self.known) >= self.limit:
                self.known.clear()
            found = self.known[key] = _digest(shape)
        return found


def assign_shapes(
    statements: pa.Array,
    logged: pa.Array,
    commands: pa.Array,
    memory: ShapeMemory | None = None,
    *,
    dialect: str = "postgresql",
    databases: pa.Array | None = None,
) -> Shapes:
    """The shape of each event.

    ``statements``: SQL texts, null where the log has none. ``logged``: the relations that the log named, sorted and joined by
    ``\\x1f`` ("" when none). ``commands``: the log's command words. All three have one entry an event. ``memory`` spares texts
    met in earlier calls; the result does not depend on it. ``databases``: each event's default database, for engines where the
    same text means another table in another one (MariaDB, MySQL).
    """
    text_codes, texts = _encoded(statements)
    here = dialect in (*MYSQL, *GENERIC) and databases is not None
    where = pc.binary_join_element_wise(pc.fill_null(logged, ""), pc.fill_null(databases, ""), "\x1d") if here else logged
    relation_codes, relations = _encoded(where)
    command_codes, words = _encoded(commands)
    digests, shape_codes = _coded(dialect)(texts, memory or ShapeMemory())
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


def _coded(dialect: str) -> Callable[[pa.Array, ShapeMemory], tuple[list[bytes], np.ndarray]]:
    if dialect in GENERIC:
        from scanner.lineage import generic

        return partial(generic.shape_codes, dialect=dialect)
    if dialect == MONGODB:
        from scanner.lineage import mongodb

        return mongodb.shape_codes
    if dialect not in MYSQL:
        return _shape_codes
    from scanner.lineage.mysql.shapes import shape_codes

    return shape_codes


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
            "statement": _plain(statements).cast(pa.string()).take(index),
            "logged": _plain(logged).cast(pa.string()).take(index),
            "command": _plain(commands).cast(pa.string()).take(index),
        }
    )


def _plain(array: pa.Array) -> pa.Array:
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _encoded(array: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Codes and distinct values; null has a code of its own."""
    encoded = _plain(array).cast(pa.string()).dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary


def _shape_codes(texts: pa.Array, memory: ShapeMemory) -> tuple[list[bytes], np.ndarray]:
    """Digests of the distinct shape texts, and for each text the position of its own."""
    if len(texts) == 0:
        return [], np.empty(0, np.int64)
    groups, masks = masked_groups(texts)
    numbers, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    positions: dict[bytes, int] = {}
    of_group = np.zeros(len(first), np.int64)
    unparsed: list[int] = []
    for at, (group, text) in enumerate(zip(numbers.tolist(), texts.take(pa.array(first)).to_pylist(), strict=True)):
        if text is None:
            found: bytes | None = _digest(b"null")
        elif group >= 0:
            found = memory.shape(_digest(b"mask " + masks[group].encode()), text)
        else:
            found = memory.shape(_digest(b"text " + text.encode("utf-8", "surrogatepass")), text)
        if found is None:
            unparsed.append(at)
        else:
            of_group[at] = positions.setdefault(found, len(positions))
    codes = of_group[inverse]
    if unparsed:  # what does not parse stands for itself, text by text
        alone = np.flatnonzero(np.isin(inverse, unparsed))
        for at, text in zip(alone.tolist(), texts.take(pa.array(alone)).to_pylist(), strict=True):
            codes[at] = positions.setdefault(_digest(shape_text(text)), len(positions))
    return list(positions), codes


def _digest(shape: bytes) -> bytes:
    return hashlib.blake2b(shape, digest_size=16).digest()


def masked_groups(texts: pa.Array) -> tuple[np.ndarray, list[str]]:
    """A group number for each text, and what the texts of a group have in common: they surely have the same shape, in this call
    and in any other. Texts that cannot be masked are alone: each has a negative number of its own."""
    frame = pl.DataFrame({"text": pl.from_arrow(texts)}).with_row_index("at")
    text, masked = pl.col("text"), pl.col("masked")
    plain = frame.filter(text.str.len_bytes() <= MAX_MASKED_BYTES).filter(~text.str.contains(_RAW_UNSAFE))
    commented = text.str.contains(_COMMENT_OPENS)
    plain = pl.concat(
        [plain.filter(~commented), plain.filter(commented).with_columns(text.str.replace_all(_COMMENTS, "${1}\x05"))]
    )
    marks = text.str.replace_all(_STRING, "'\x01").str.replace_all(_INTEGER, "\x02").str.replace_all(_LONG, "\x03")
    plain = plain.with_columns(marks.str.replace_all(_BY_NUMBERS, "\x06${end}").alias("masked"))
    # masks are far fewer than texts: what they say is asked once a mask
    codes, masks = _encoded(plain["masked"].to_arrow())
    told = pl.DataFrame({"masked": pl.from_arrow(masks)}).select(
        (masked.str.contains(_FIRST) & ~masked.str.contains(_UNSAFE) & masked.str.contains(_QUOTES_KEPT)).alias("sound"),
        masked.str.contains(_COUNTED).alias("counted"),
        masked.str.contains("\x06", literal=True).alias("by"),
        masked.str.replace_all("<>", "!=", literal=True).str.contains(_RANGED).alias("ranged"),
    )
    sound, telling = told["sound"].to_numpy(), told.select(pl.any_horizontal("counted", "by", "ranged")).to_series().to_numpy()
    at = plain["at"].to_numpy()
    groups = -1 - np.arange(len(frame), dtype=np.int64)  # alone
    alike = sound & ~telling
    groups[at[alike[codes]]] = codes[alike[codes]]
    rest = np.flatnonzero((sound & telling)[codes])
    more, kept = _encoded(_with_constants(plain[rest], told[codes[rest]]).to_arrow())
    groups[at[rest]] = len(masks) + more
    return groups, [*masks.to_pylist(), *kept.to_pylist()]


def _with_constants(plain: pl.DataFrame, told: pl.DataFrame) -> pl.Series:
    """Masks with the constants beside them that stay part of the group: counts, ORDER BY numbers, ranges."""
    text, nothing = pl.col("text"), pl.lit("")
    plain = _with_ranges(pl.concat([plain, told], how="horizontal"), pl.col("ranged"))
    kept = pl.concat_str(
        pl.col("masked"),
        pl.when("counted").then(_found(text, _COUNTS)).otherwise(nothing),
        pl.when("by").then(_found(text, _BY)).otherwise(nothing),
        pl.when("ranged").then(pl.col("range")).otherwise(nothing),
        separator="\x04",
    )
    return plain.select(kept.alias("kept"))["kept"]


def _with_ranges(plain: pl.DataFrame, ranged: pl.Expr) -> pl.DataFrame:
    """``plain`` with the column ``range``: of a single range of two plain integers its width to the power of two, which is all
    that the shape's text says of it; of anything else that looks like a range, every constant beside a comparison."""
    text, after, before = pl.col("text"), pl.col("after"), pl.col("before")
    found = plain.filter(ranged).select(
        "at", text.str.extract_all(_AFTER).alias("after"), text.str.extract_all(_BEFORE).alias("before")
    )
    exact = pl.concat_str(after.list.join("\x03"), before.list.join("\x03"), separator="\x04")
    numbers = after.list.eval(pl.element().str.extract(r"^(?i-u:between|and|[<>]=?)\s*([0-9]{1,15})$", 1).cast(pl.Int64))
    single = (after.list.len() == 2) & (before.list.len() == 1) & before.list.first().str.contains(r"^\s*[0-9]+\s*(?i-u:and)$")
    found = found.with_columns(
        exact.alias("exact"), pl.when(single).then(numbers.list.get(1, null_on_oob=True) - numbers.list.first()).alias("width")
    )
    width = found["width"].fill_null(0).to_numpy()
    bits = np.sign(width) * np.frexp(np.abs(width).astype(np.float64))[1]  # exact below 2**53
    found = found.with_columns(pl.Series("bits", bits))
    told = pl.when(pl.col("width").is_null()).then(pl.col("exact")).otherwise(pl.concat_str(pl.lit("w"), pl.col("bits")))
    return plain.join(found.select("at", told.alias("range")), on="at", how="left")


def _found(text: pl.Expr, pattern: str) -> pl.Expr:
    """All that a pattern finds, as one text: constants that stay part of the group."""
    return text.str.extract_all(pattern).list.join("\x03")
