"""Shapes of statements in any dialect that ``sqlglot`` reads: masked set-based where that is safe, token by token elsewhere."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import sqlglot
from sqlglot import Token, TokenType
from sqlglot.errors import SqlglotError

from scanner.lineage.generic.analysis import CARRIES_SQL, DIALECTS
from scanner.lineage.mysql import shapes as mysql_shapes

MAX_SHOWN = 4000
_CARRIES = CARRIES_SQL.pattern
_NUMBERS = (
    r"(?i)\b(?:limit|offset|top|fetch|first|next|rownum|between|by|left|right|substr|substring|sample|tablesample)\b|[<>\[]"
)
_STARTS = re.compile(r"(?i)\A[\s(]*(?:select|with|insert|update|delete|merge)\b")
# quotes of other kinds, comments, strings with something before or behind them that makes them another kind of string
_UNSAFE = r"""[\\"#$\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|--|/\*|\*/|''|[A-Za-z0-9_]'|\[[^\]]*'"""
_TEXTS = frozenset(kind for kind in TokenType if "STRING" in kind.name)


def shape_codes(texts: pa.Array, memory: mysql_shapes.Memory, *, dialect: str) -> tuple[list[bytes], npt.NDArray[np.int64]]:
    """See :func:`scanner.lineage.mysql.shapes.shape_codes`."""
    return mysql_shapes.shape_codes(texts, memory, mask=_masks(), said=partial(shape_text, dialect=dialect), family=dialect)


def _masks() -> pl.Expr:
    text = pl.col("text")
    strings = text.str.replace_all(r"'[^']*'", "'\x01")
    numbers = strings.str.replace_all(r"\b[0-9]{1,18}\b", "\x02")
    mask = pl.when(text.str.contains(_NUMBERS)).then(strings).otherwise(numbers)
    sound = ~text.str.contains(_UNSAFE) & ~text.str.contains(_CARRIES) & (text.str.len_bytes() <= mysql_shapes.MAX_MASKED_BYTES)
    sound &= text.str.contains(_STARTS.pattern.replace(r"\A", "^")) & ~text.str.contains(r";\s*\S")
    sound &= ~mask.str.contains(r"'[^\x01]|'$") & mask.str.contains(r"^[^`]*(?:`[^`\x01\x02]*`[^`]*)*$")
    return pl.when(sound).then(pl.concat_str(pl.lit("m "), mask)).otherwise(pl.concat_str(pl.lit("t "), text))


def shape_text(text: str, *, dialect: str) -> bytes:
    """What statements of one shape have in common. Literals that may carry meaning stay."""
    found = _tokens(text, dialect)
    if found is None or CARRIES_SQL.search(text) or not _STARTS.match(text):
        return b"text " + text.encode("utf-8", "surrogatepass")
    keep = re.search(_NUMBERS, text) is not None
    out: list[str] = []
    listed = 0
    for token in found:
        literal = token.token_type in _TEXTS or (token.token_type is TokenType.NUMBER and not keep)
        if literal and len(out) > 1 and out[-1] == "," and out[-2].startswith("\x01"):
            listed += 1  # of a list only how long it is, roughly
            out[-2:] = [f"\x01{listed.bit_length()}"]
            continue
        listed = 0 if not literal and token.text != "," else listed
        out.append("\x01" if literal else token.text)
    return b"\x1f".join(part.encode("utf-8", "surrogatepass") for part in out)


def _tokens(text: str, dialect: str) -> list[Token] | None:
    try:
        return sqlglot.tokenize(text, read=DIALECTS[dialect])
    except (SqlglotError, ValueError, IndexError, KeyError, RecursionError):
        return None


def masked(statement: str, dialect: str) -> str:
    """The statement with ``?`` for every literal, without comments, on one line. Nothing is shown of what cannot be read."""
    found = _tokens(statement[: 50 * MAX_SHOWN], dialect)
    if found is None:
        word = re.match(r"\s*([A-Za-z]+)", statement)
        return f"{word[1]} …" if word else "…"
    literals = (*_TEXTS, TokenType.NUMBER)
    shown = " ".join(" ".join("?" if t.token_type in literals else _spelled(t) for t in found).split())
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"


def _spelled(token: Token) -> str:
    if token.token_type is TokenType.IDENTIFIER:
        return '"' + token.text.replace('"', '""') + '"'
    return token.text


__all__ = ["masked", "shape_codes"]
