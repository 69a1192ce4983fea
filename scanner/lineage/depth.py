"""What may be handed to the parser without danger to the process: told before the parser sees it.

libpg_query walks its trees by recursion in C without looking at the stack: some 30,000 ``+1`` in a row end the process. Nesting
to the right is bounded by the parser's own stack (10,000 entries), chains to the left are not. So the length of such chains is
bounded here from the tokens, which are read without recursion. Its lexer in turn takes time with the square of a run of operator
characters (``/*/*/*…``), so the length of such runs is bounded as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import postgast
from postgast import pg_query_pb2 as pb

MAX_DEPTH = 4_000
"""Statements that may nest deeper are not parsed. A level takes up to 400 bytes of stack; a thread may have as little as 2 MB."""

MAX_SCANNED_BYTES = 4_000_000
"""Longer statements are neither scanned nor parsed: their tokens and tree would take gigabytes."""

COMMENTS = frozenset({pb.SQL_COMMENT, pb.C_COMMENT})
"""Tokens that are comments."""

_NEUTRAL = frozenset(
    {
        pb.ICONST,
        pb.FCONST,
        pb.SCONST,
        pb.USCONST,
        pb.BCONST,
        pb.XCONST,
        pb.PARAM,
        pb.IDENT,
        pb.UIDENT,
        pb.SQL_COMMENT,
        pb.C_COMMENT,
    }
    | {ord(".")}
)
_OPEN = frozenset({ord("("), ord("["), pb.CASE})
_CLOSE = frozenset({ord(")"), ord("]"), pb.END_P})
_APART = frozenset({ord(","), pb.AND, pb.OR})  # lists, and conditions that the grammar flattens
_LASTING = frozenset({pb.UNION, pb.EXCEPT, pb.INTERSECT, pb.JOIN})  # chains that go on across commas
_SEMICOLON = ord(";")


_OPERATOR_RUN = re.compile(r"[-+*/<>=~!@#%^&|`?]{256}")


def scannable(text: str) -> bytes | None:
    """UTF-8 of a text that may be handed to the lexer.

    None for one that is too long, holds NUL or half a surrogate pair, or would keep the lexer busy for minutes.
    """
    if "\0" in text or len(text) > MAX_SCANNED_BYTES or _OPERATOR_RUN.search(text):
        return None
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return encoded if len(encoded) <= MAX_SCANNED_BYTES else None


def scanned(text: str) -> tuple[bytes, list[Any]] | None:
    """UTF-8 and tokens of a text, comments (:data:`COMMENTS`) among them; None when it may not be scanned or cannot be."""
    encoded = scannable(text)
    if encoded is None:
        return None
    try:
        return encoded, list(postgast.scan(text).tokens)
    except (postgast.PgQueryError, ValueError, MemoryError):
        return None


@dataclass
class _Level:
    """One pair of parentheses: steps of the chain so far, the deepest thing in it, and the deepest chain before it."""

    steps: int = 0
    inside: int = 0
    deepest: int = 0
    lasting: int = 0

    def height(self) -> int:
        return max(self.deepest, self.steps + self.inside) + self.lasting

    def separate(self) -> None:
        self.deepest = max(self.deepest, self.steps + self.inside)
        self.steps = self.inside = 0


def parseable(text: str, size: int) -> bool:
    """Whether a scannable text of ``size`` bytes may be handed to the parser as well."""
    if size <= 2 * MAX_DEPTH:  # the shortest step, "+1", takes two bytes
        return True
    try:
        return depth_bound([t.token for t in postgast.scan(text).tokens]) <= MAX_DEPTH
    except (postgast.PgQueryError, ValueError, MemoryError):
        return False


def depth_bound(tokens: list[int]) -> int:
    """An upper bound for the height of what chains to the left in a statement of these tokens."""
    levels = [_Level()]
    for token in tokens:
        level = levels[-1]
        if token in _NEUTRAL:
            continue
        if token in _OPEN:
            levels.append(_Level())
            level.steps += 1  # a subscript or call on what stands before
        elif token in _CLOSE:
            if len(levels) > 1:
                levels.pop()
                levels[-1].inside = max(levels[-1].inside, level.height())
        elif token in _APART:
            level.separate()
        elif token == _SEMICOLON:
            level.separate()
            level.deepest, level.lasting = level.height(), 0
        elif token in _LASTING:
            level.lasting += 1
        else:
            level.steps += 1
    height = 0
    for level in reversed(levels):
        level.inside = max(level.inside, height)
        height = level.height()
    return height
