"""A statement without its disguise: the same tokens, spelled the plainest way.

Keys are found in statements by their tokens (:mod:`scanner.exposure.keys`), with patterns that know ordinary literals, names and
comments. What somebody writes otherwise, PostgreSQL's ``E'\\x35'``, ``U&"\\0069d"``, ``$a$5$a$`` and nested comments, MariaDB's
``/*! … */`` and ``_utf8mb4 x'35'``, is respelled for them. PostgreSQL: "Lexical Structure" (4.1.2) in its manual.
"""

from __future__ import annotations

import re

from postgast import pg_query_pb2 as pb

from scanner.lineage.depth import COMMENTS, scanned
from scanner.lineage.dialects import GENERIC, MONGODB, MYSQL
from scanner.model import CUT_MARK

LONGEST = 400_000
"""Longer statements are left as they are."""

_ODD = re.compile(r"""/\*|--|\\|\$[^0-9]|&['"]|'\s*\n\s*'""")
_ODD_MYSQL = re.compile(r"""/\*|--|#|\\|['"]\s+['"]|\b[xXbBnN]'|_\w+\s*(?:['"]|0x)|"|\b0[xX]""")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|''", re.DOTALL)
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PARTS = re.compile(r"'[ \t\r\f\v]*\n\s*'")


def plain(text: str, dialect: str = "postgresql") -> str:
    """``text`` in plain spelling; as it is where it is plain already or cannot be read."""
    if len(text) > LONGEST or text.endswith(CUT_MARK) or dialect in GENERIC or dialect == MONGODB:
        return text
    if dialect in MYSQL:
        if not _ODD_MYSQL.search(text):
            return text
        from scanner.lineage.mysql.plain import respelled

        return respelled(text)
    return _postgres(text) if _ODD.search(text) else text


def odd(dialect: str = "postgresql") -> str:
    """A pattern that is in every text that :func:`plain` may change."""
    return _ODD_MYSQL.pattern if dialect in MYSQL else _ODD.pattern


def without_comments(text: str) -> str | None:
    """The text with each comment of PostgreSQL's as a space or a line end; None when it has none or cannot be read."""
    found = scanned(text)
    if found is None or not (comments := [t for t in found[1] if t.token in COMMENTS]):
        return None
    encoded = found[0]
    out, at = bytearray(), 0
    for comment in comments:  # a string goes on behind a comment only on another line
        out += encoded[at : comment.start] + (b"\n" if comment.token == pb.SQL_COMMENT else b" ")
        at = comment.end
    return bytes(out + encoded[at:]).decode()


def _postgres(text: str) -> str:
    found = scanned(text)
    if found is None:
        return text
    encoded = found[0]
    tokens = [t for t in found[1] if t.token not in COMMENTS]
    out: list[str] = []
    skip = -1
    before = pb.NUL
    for at, token in enumerate(tokens):
        if at <= skip:
            continue
        source = encoded[token.start : token.end].decode()
        if token.token in (pb.USCONST, pb.UIDENT):
            mark = "\\"
            if at + 2 < len(tokens) and tokens[at + 1].token == pb.UESCAPE and tokens[at + 2].token == pb.SCONST:
                mark = encoded[tokens[at + 2].start : tokens[at + 2].end].decode()[1:-1] or mark
                skip = at + 2
            quote = source[2]
            out.append(quote + _from_unicode(source[3:-1], mark) + quote)
        elif token.token == pb.SCONST:
            value = _string(source)
            if before == pb.SCONST and out:  # 'a' -- and so on \n 'b'
                out[-1] = out[-1][:-1] + value[1:]
            else:
                out.append(value)
        else:
            out.append(source)
        before = token.token
    return " ".join(out)


def _string(source: str) -> str:
    if source.startswith("$"):
        tag = source[: source.index("$", 1) + 1]
        return "'" + source[len(tag) : -len(tag)].replace("'", "''") + "'"
    joined = _PARTS.sub("", source)
    if joined[0] in "eE":
        return "'" + _ESCAPE.sub(_escaped, joined[2:-1]) + "'"
    return joined


def _escaped(match: re.Match[str]) -> str:
    what = match[1]
    if what is None:
        return "''"
    if what[0] in "xuU" and len(what) > 1:
        code = int(what[1:], 16)
    elif what[0] in "01234567":
        code = int(what, 8) & 0xFF
    else:
        character = _LETTERS.get(what, what)
        return "''" if character == "'" else character
    return _character(code)


def _from_unicode(body: str, mark: str) -> str:
    escape = re.escape(mark)
    pattern = rf"{escape}(?:([0-9a-fA-F]{{4}})|\+([0-9a-fA-F]{{6}})|({escape}))"
    return re.sub(pattern, lambda m: mark if m[3] else _character(int(m[1] or m[2], 16)), body)


def _character(code: int) -> str:
    if not 0 < code <= 0x10FFFF or 0xD800 <= code < 0xE000:
        return "\N{REPLACEMENT CHARACTER}"
    return {39: "''", 34: '""'}.get(code, chr(code))
