"""Finding one's way in the tokens of a statement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from scanner.lineage.mysql.lexical import Is, Token
from scanner.lineage.mysql.words import words as word_set

_ROUTINES = frozenset({"PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"})
_FILE_OPTIONS = word_set("CHARACTER CHARSET SET FIELDS COLUMNS TERMINATED BY OPTIONALLY ENCLOSED ESCAPED LINES STARTING")
_ESCAPED = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "b": "\b", "Z": "\x1a"}
_NO_FUNCTIONS = word_set(
    """in and or not exists select from where values value on using as if when then else between over join interval any all
    some union as by set key index primary unique constraint references check partition into table with"""
)


def split_statements(found: Sequence[Token]) -> list[Sequence[Token]]:
    """The statements of a text. A routine's body stays with its CREATE."""
    if any(t.upper in _ROUTINES for t in found[:12]) and found[0].upper in ("CREATE", "ALTER"):
        return [found]
    parts: list[Sequence[Token]] = []
    begin = 0
    for at, token in enumerate(found):
        if token.kind is Is.MARK and token.text == ";":
            parts.append(found[begin:at])
            begin = at + 1
    parts.append(found[begin:])
    return [part for part in parts if part] or [found]


def unquoted(found: Sequence[Token]) -> Sequence[Token]:
    """Without brackets that open at the beginning."""
    at = 0
    while at < len(found) and found[at].text == "(" and found[at].kind is Is.MARK:
        at += 1
    return found[at:]


def after(found: Sequence[Token], at: int, *words: str) -> int:
    """The first place from ``at`` on that is none of the words."""
    while at < len(found) and found[at].upper in words:
        at += 1
    return at


def name_at(found: Sequence[Token], at: int) -> tuple[tuple[str, str], int]:
    """The (database, name) that stands at a place, and the place behind it. Empty when there is no name."""
    parts: list[str] = []
    while at < len(found) and found[at].kind in (Is.WORD, Is.NAME, Is.DOUBLE, Is.STRING):
        parts.append(found[at].content)
        at += 1
        if at + 1 < len(found) and found[at].text == "." and found[at].kind is Is.MARK:
            at += 1
        else:
            break
    return (parts[-2] if len(parts) > 1 else "", parts[-1] if parts else ""), at


def find_query(found: Sequence[Token], start: int) -> int | None:
    """Where a query begins outside of brackets, or inside of those that hold nothing else."""
    depth = 0
    for at in range(start, len(found)):
        token = found[at]
        if token.kind is Is.MARK and token.text == "(":
            inner = unquoted(found[at:])
            if not depth and inner and inner[0].upper in ("SELECT", "WITH", "TABLE", "VALUES"):
                return at
            depth += 1
        elif token.kind is Is.MARK and token.text == ")":
            depth -= 1
        elif not depth and _begins_query(found, at):
            return at
    return None


def _begins_query(found: Sequence[Token], at: int) -> bool:
    word = found[at].upper
    if word == "TABLE":
        return at > 0 and found[at - 1].upper in ("AS", "EXPLAIN")
    return word in ("SELECT", "VALUES") or (word == "WITH" and _is_cte(found, at))


def _is_cte(found: Sequence[Token], at: int) -> bool:
    """``WITH a AS (``, not WITH CHECK OPTION and the like."""
    return any(t.upper == "AS" for t in found[at + 2 : at + 4]) or any(t.text == "(" for t in found[at + 2 : at + 3])


def without_into(found: Sequence[Token]) -> tuple[list[Token], bool]:
    """A query without INTO …, and whether that wrote a file. INTO @a leaves the query as it is: the value is for the asking."""
    out: list[Token] = []
    file = False
    at = 0
    while at < len(found):
        token = found[at]
        if token.upper != "INTO" or at + 1 >= len(found):
            out.append(token)
            at += 1
            continue
        at += 1
        if found[at].upper in ("OUTFILE", "DUMPFILE"):
            file = True
            at += 2
            while at < len(found):
                charset = found[at - 1].upper in ("SET", "CHARSET")
                if found[at].kind in (Is.STRING, Is.DOUBLE) or found[at].upper in _FILE_OPTIONS or charset:
                    at += 1
                else:
                    break
            continue
        while at < len(found) and found[at].kind in (Is.VARIABLE, Is.WORD, Is.NAME):
            at += 1
            if at < len(found) and found[at].text == ",":
                at += 1
            else:
                break
    return out, file


def column_list(found: Sequence[Token]) -> str:
    """The column names of ``CREATE VIEW v (a, b) AS``."""
    names = [t.text for t in found if t.kind in (Is.WORD, Is.NAME) and t.upper != "AS"]
    return "(" + ", ".join('"' + n.replace('"', '""') + '"' for n in names) + ")" if names else ""


def without_check_option(found: Sequence[Token]) -> Sequence[Token]:
    """A view's query without WITH … CHECK OPTION."""
    for at in range(len(found) - 2, 0, -1):
        if found[at].upper == "WITH" and any(t.upper == "CHECK" for t in found[at : at + 3]):
            return found[:at]
    return found


def string_value(token: Token) -> str | None:
    """What a string literal says."""
    if token.kind not in (Is.STRING, Is.DOUBLE):
        return None
    return _ESCAPED.sub(lambda m: _ESCAPES.get(m[1], m[1]) if m[1] else m[0][0], token.content)


def functions_called(found: Sequence[Token]) -> set[str]:
    """Names that stand before a bracket, lower case: functions, and some words that are none."""
    return {
        a.text.lower()
        for a, b in pairwise(found)
        if a.kind in (Is.WORD, Is.NAME) and b.text == "(" and b.kind is Is.MARK and a.text.lower() not in _NO_FUNCTIONS
    }
