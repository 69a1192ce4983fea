"""MariaDB's and MySQL's statements in plain spelling: what runs, with ordinary strings, and nothing else."""

from __future__ import annotations

import re

from scanner.lineage.mysql.lexical import Is, Token, stands_for_name, tokens

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "b": "\b", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_IN_SINGLE, _IN_DOUBLE = re.compile(r"\\(.)|''", re.DOTALL), re.compile(r'\\(.)|""', re.DOTALL)


def respelled(text: str) -> str:
    """``text`` without comments, executable ones opened, each string in single quotes; as it is where it is not whole."""
    found = tokens(text)
    if not found.whole:
        return text
    out: list[str] = []
    before: Token | None = None
    for at, token in enumerate(found.tokens):
        behind = found.tokens[at + 1] if at + 1 < len(found.tokens) else None
        if token.introduces and behind is not None and behind.kind in (Is.STRING, Is.DOUBLE, Is.NUMBER):
            continue
        quoted = token.kind is Is.DOUBLE
        if quoted and stands_for_name(before.upper if before is not None else "", behind.upper if behind is not None else ""):
            out.append(Token(Is.NAME, token.content).sql)
        elif token.kind not in (Is.STRING, Is.DOUBLE):
            out.append(token.sql)
        elif before is not None and before.kind in (Is.STRING, Is.DOUBLE) and out:
            out[-1] = out[-1][:-1] + _string(token)[1:]
        else:
            out.append(_string(token))
        before = token
    return " ".join(out)


def _string(token: Token) -> str:
    pattern, quote = (_IN_SINGLE, "'") if token.kind is Is.STRING else (_IN_DOUBLE, '"')
    value = pattern.sub(lambda m: quote if m[1] is None else _ESCAPES.get(m[1], m[1]), token.content)
    return "'" + value.replace("'", "''") + "'"
