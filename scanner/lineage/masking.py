"""A statement that can be shown: every literal replaced, comments and secrets gone."""

from __future__ import annotations

import re
from collections.abc import Sequence

import postgast
from postgast import pg_query_pb2 as pb

from scanner.lineage.depth import COMMENTS, parseable, scanned

MAX_SHOWN = 4_000
"""Characters that are shown of a statement at most."""

MAX_READ = 1_000_000
"""A longer statement is shown only up to where its first literal may begin."""

_LITERALS = frozenset({pb.ICONST, pb.FCONST, pb.SCONST, pb.USCONST, pb.BCONST, pb.XCONST})
_NAMES = frozenset({pb.IDENT, pb.UIDENT})
_COMPARE = frozenset(
    {
        pb.Op,
        pb.LIKE,
        pb.ILIKE,
        pb.SIMILAR,
        pb.BETWEEN,
        pb.NOT_EQUALS,
        pb.LESS_EQUALS,
        pb.GREATER_EQUALS,
        ord("="),
        ord("<"),
        ord(">"),
    }
)
_DOT, _OPEN, _CLOSE, _COMMA = (ord(c) for c in ".(),")
_PUNCTUATION = frozenset(
    {pb.Op, pb.TYPECAST, pb.NOT_EQUALS, pb.LESS_EQUALS, pb.GREATER_EQUALS, pb.COLON_EQUALS, pb.EQUALS_GREATER}
) | {ord(c) for c in "%()*+,-./:;<=>[]^?"}
_SAFE_WORD = re.compile(r"[A-Za-z_]+\Z")
_SPACE = re.compile(r"\s+")


def masked(statement: str) -> str:
    """The statement with ``?`` for every literal, without comments, on one line, cut to ``MAX_SHOWN`` characters.

    Tokens are the parser's own. Names in double quotes where a value is expected are masked as well: people used to other engines
    write values so. Where the statement does not parse, all names in double quotes and all words in other letters than English
    are masked, since they may be values that lost their quotes. Where not even tokens can be told (a text cut inside a string),
    nothing is shown from the first quote, dollar sign, backslash or comment on.
    """
    shown = _by_tokens(statement) if len(statement) <= MAX_READ else None
    if shown is None:
        shown = _by_caution(statement[:MAX_READ])
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"


def _by_tokens(text: str) -> str | None:
    found = scanned(text)
    if found is None:
        return None
    encoded = found[0]
    tokens = [t for t in found[1] if t.token not in COMMENTS]
    trusted = parseable(text, len(encoded)) and _parses(text)
    kinds = [t.token for t in tokens]
    out: list[str] = []
    end = 0
    for i, token in enumerate(tokens):
        if out and token.start > end:
            out.append(" ")
        elif i and kinds[i - 1] in _LITERALS and token.token not in _PUNCTUATION:
            return "".join(out) + " …"  # 'O'Brien …': quotes are out of step, what follows may be anything
        end = token.end
        source = encoded[token.start : token.end].decode("utf-8", "replace")
        if token.token in _LITERALS:
            out.append("?")
        elif token.token in _NAMES and _may_be_value(i, kinds, source, trusted):
            out.append('"?"' if '"' in source else "?")
        else:
            out.append(_SPACE.sub(" ", source))
    return "".join(out)


def _parses(text: str) -> bool:
    try:
        postgast.fingerprint(text)
    except (postgast.PgQueryError, ValueError, MemoryError):
        return False
    return True


def _may_be_value(i: int, kinds: Sequence[int], source: str, trusted: bool) -> bool:
    """Whether a name stands where a value may be meant."""
    if not trusted:
        return '"' in source or not source.isascii() or any(c.isdigit() for c in source)
    if '"' not in source or kinds[i + 1 : i + 2] == [_DOT] or kinds[i - 1 : i] == [_DOT]:
        return False
    before = i - 1
    while before >= 0 and kinds[before] in (_OPEN, _COMMA, pb.IDENT, *_LITERALS):  # back through a list of values
        before -= 1
    return before >= 0 and (kinds[before] in _COMPARE or kinds[before] in (pb.IN_P, pb.VALUES, pb.AND))


def _by_caution(text: str) -> str:
    """Words without digits up to the first thing that may open a literal; everything after it stays hidden."""
    head = re.split(r"['\"$\\]|--|/\*", text, maxsplit=1)[0]
    words = [w if _SAFE_WORD.match(w) else re.sub(r"\w*[^\W_a-zA-Z]\w*", "?", w) for w in head[: 2 * MAX_SHOWN].split()]
    return " ".join(words) + (" …" if len(head) < len(text) else "")
