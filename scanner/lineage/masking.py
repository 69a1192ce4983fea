"""A statement that can be shown: every literal replaced, comments and secrets gone."""

from __future__ import annotations

import re

import postgast
from postgast import pg_query_pb2 as pb

from scanner.lineage.tree import encodable

MAX_SHOWN = 4_000
"""Characters that are shown of a statement at most."""

MAX_READ = 200_000
"""Characters of a statement that are looked at for showing it."""

_LITERALS = frozenset({pb.ICONST, pb.FCONST, pb.SCONST, pb.USCONST, pb.BCONST, pb.XCONST})
_COMMENTS = frozenset({pb.SQL_COMMENT, pb.C_COMMENT})
_SAFE_WORD = re.compile(r"[A-Za-z_]+\Z")
_SPACE = re.compile(r"\s+")


def masked(statement: str) -> str:
    """The statement with ``?`` for every literal, without comments, on one line, cut to ``MAX_SHOWN`` characters.

    Tokens are the parser's own. Where the parser's lexer fails (a text cut inside a string), nothing from the first quote, dollar
    sign, backslash or comment on is shown, for where literals end can then no longer be told.
    """
    text = statement[:MAX_READ]
    cut = len(statement) > MAX_READ
    shown = None if cut else _by_tokens(text)
    if shown is None:
        shown = _by_caution(text)
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"


def _by_tokens(text: str) -> str | None:
    encoded = encodable(text)
    if encoded is None:
        return None
    try:
        tokens = postgast.scan(text).tokens
    except (postgast.PgQueryError, ValueError, MemoryError):
        return None
    out: list[str] = []
    end = 0
    spaced = False
    for token in tokens:
        gap = token.start > end
        end = token.end
        if token.token in _COMMENTS:
            spaced = True
            continue
        if (gap or spaced) and out:
            out.append(" ")
        spaced = False
        out.append(
            "?" if token.token in _LITERALS else _SPACE.sub(" ", encoded[token.start : token.end].decode("utf-8", "replace"))
        )
    return "".join(out)


def _by_caution(text: str) -> str:
    """Words without digits up to the first thing that may open a literal; everything after it stays hidden."""
    head = re.split(r"['\"$\\]|--|/\*", text, maxsplit=1)[0]
    words = [w if _SAFE_WORD.match(w) else re.sub(r"\w*\d\w*", "?", w) for w in head.split()]
    rest = " …" if len(head) < len(text) else ""
    return " ".join(words) + rest
