"""Other spellings of a statement with the same meaning: what somebody writes who hopes that the watchman reads words, not SQL.

Every change is one that the engine's manual allows (PostgreSQL: "Lexical Structure"; MariaDB: "Comment Syntax", "String Literals",
"SQL_MODE"). ``make corpus ARGS="--spelled 2000"`` runs statements and their other spellings on live servers and compares the rows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import postgast
from postgast import pg_query_pb2 as pb

_GAPS = (" ", "\n", "\t", "  \r\n", "\f", " \t ")
_LETTERS = re.compile(r"[A-Za-z0-9_$\x80-\U0010ffff]")
_OPERATOR = frozenset("+-*/<>=~!@#%^&|`?:")


@dataclass(frozen=True)
class Spelled:
    """A statement, and the settings of the session that make it mean what it is meant to."""

    text: str
    settings: tuple[str, ...] = ()


@dataclass
class _Writer:
    rng: random.Random
    misleading: Sequence[str] = ()  # words for comments to mention

    def cased(self, word: str) -> str:
        style = self.rng.randrange(4)
        if style == 0:
            return word
        if style == 1:
            return _upper(word)
        return "".join(_upper(c) if self.rng.random() < 0.5 else c for c in word)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def words(self) -> str:
        return self.rng.choice(
            ["", "x", "'", '"', "$$", "$a$", "'' '", "select 1;", ";", "\\", "E'", 'U&"', "*", "/ *", "count(", *self.misleading]
        )


def _upper(word: str) -> str:
    return "".join(c.upper() if "a" <= c <= "z" else c for c in word)


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def postgres(text: str, rng: random.Random, misleading: Sequence[str] = ()) -> Spelled:
    """Another spelling of one statement of PostgreSQL, which must not have settings of its own."""
    return _Postgres(rng, misleading).spelled(text)


@dataclass
class _Postgres(_Writer):
    escapes: bool = False  # whether backslashes escape in ordinary strings: standard_conforming_strings = off

    def spelled(self, text: str) -> Spelled:
        self.escapes = self.chance(0.15)
        encoded = text.encode()
        tokens = [(t, encoded[t.start : t.end].decode()) for t in postgast.scan(text).tokens]
        parts: list[str] = []
        for at, (token, source) in enumerate(tokens):
            before = tokens[at - 1][1] if at else ""
            parts.append(self._word(token, source, before))
        out = ""
        for at, part in enumerate(parts):
            out += self._gap(out, part, first=not at) + part
        out += self.rng.choice(["", "", ";", " ;", " -- " + self.words(), " /* " + self.words().replace("*", "") + " */"])
        return Spelled(out, ("set standard_conforming_strings = off",) if self.escapes else ())

    def _word(self, token: pb.ScanToken, source: str, before: str) -> str:
        if token.token == pb.SCONST:
            return self._string(_value(source))
        name = token.token == pb.IDENT or (before == "." and _LETTERS.match(source) is not None)
        if source.startswith('"') and token.token == pb.IDENT:
            return self._quoted(source[1:-1].replace('""', '"'))
        if name and source.isascii():
            return self._quoted(source.lower()) if self.chance(0.5) else self.cased(source)
        if source.isascii() and _LETTERS.match(source) and not source[0].isdigit():
            return self.cased(source)
        return source

    def _quoted(self, name: str) -> str:
        style = 0 if self.escapes else self.rng.randrange(4)
        if style < 2:
            return '"' + name.replace('"', '""') + '"'
        mark = self.rng.choice("!@^%") if style == 3 else "\\"
        body = ""
        for c in name:
            if self.chance(0.4) or c == mark:
                body += mark + (f"{ord(c):04x}" if ord(c) < 0x10000 and self.chance(0.7) else f"+{ord(c):06X}")
            else:
                body += '""' if c == '"' else c
        return f'{self.rng.choice("uU")}&"{body}"' + (f" uescape '{mark}'" if mark != "\\" else "")

    def _string(self, value: str) -> str:
        if self.escapes:
            return self._with_escapes(value, self.rng.choice(["", "", "E", "e"]))
        style = self.rng.randrange(6)
        if style == 1:
            return self._with_escapes(value, self.rng.choice("eE"))
        if style == 2:
            body = ""
            for c in value:
                if self.chance(0.3):
                    body += f"\\{ord(c):04X}" if ord(c) < 0x10000 and self.chance(0.6) else f"\\+{ord(c):06x}"
                else:
                    body += {"'": "''", "\\": "\\\\"}.get(c, c)
            return f"{self.rng.choice('uU')}&'{body}'"
        if style == 3:
            tag = self.rng.choice(["", "a", "q1", "select", "SQL", "_", "ä"])
            if f"${tag}$" not in value + "$" and not value.endswith("$"):
                return f"${tag}${value}${tag}$"
        plain = value.replace("'", "''")
        if style == 4 and len(value) > 1 and "'" not in value:
            at = self.rng.randrange(1, len(value))
            return f"'{value[:at]}'{self.rng.choice(['', ' '])}\n{self.rng.choice(['', chr(9), '-- x' + chr(10)])}'{value[at:]}'"
        return f"'{plain}'"

    def _with_escapes(self, value: str, prefix: str) -> str:
        body = ""
        for c in value:
            style = self.rng.randrange(8)
            if c in "'\\":
                body += "''" if c == "'" and style < 4 else "\\" + c
            elif style == 0 and c.isascii():
                body += f"\\x{ord(c):02x}"
            elif style == 1 and c.isascii():
                body += f"\\{ord(c):03o}"
            elif style == 2:
                body += f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"
            elif style == 3 and c.isascii() and c not in "bfnrtxuUEe01234567\n":
                body += "\\" + c
            else:
                body += c
        return f"{prefix}'{body}'"

    def _gap(self, before: str, part: str, *, first: bool) -> str:
        if first:
            return self.rng.choice(["", "", "\n", self._comment(), self._comment() + "\n"])
        needed = bool(_LETTERS.match(before[-1:]) or before[-1:] in "'\"") and bool(_LETTERS.match(part) or part[0] in "'\"$")
        touching = before[-1:] in _OPERATOR or part[0] in _OPERATOR
        needed = needed or (before[-1:] in _OPERATOR and part[0] in _OPERATOR and before[-1:] != "." and part != ".")
        if not needed and self.chance(0.4):
            return "" if not (part == "." and before[-1:].isdigit()) else " "
        style = self.rng.randrange(5)
        if style < 3:
            return self.rng.choice(_GAPS)
        comment = self._comment()
        return f" {comment} " if touching or before[-1:] in "'\"" else comment

    def _comment(self) -> str:
        words = self.words()
        if self.chance(0.3):
            return f"--{words}\n"
        closed = words.replace("*", "+")
        inner = f"/*{closed}*/" if self.chance(0.3) else closed
        return f"/*{inner}{self.rng.choice(['', '*', ' -- ', '+'])}*/"


def _value(source: str) -> str:
    if source.startswith("$"):
        tag = source[: source.index("$", 1) + 1]
        return source[len(tag) : -len(tag)]
    if source[0] in "eE":
        raise ValueError("an escape string is already another spelling")
    return source[1:-1].replace("''", "'")


# -- MariaDB -----------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>'(?:[^'\\]|''|\\.)*')|(?P<name>`[^`]*`)|(?P<variable>@@?[\w$.]+)|(?P<number>[0-9]+(?:\.[0-9]+)?(?![\w$]))
    |(?P<word>[\w$]+)|(?P<mark><=>|<=|>=|<>|!=|:=|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
_KEYWORDS = frozenset(
    [
        "select",
        "from",
        "where",
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "like",
        "between",
        "exists",
        "union",
        "all",
        "distinct",
        "join",
        "inner",
        "left",
        "right",
        "cross",
        "straight_join",
        "on",
        "using",
        "group",
        "by",
        "order",
        "having",
        "limit",
        "offset",
        "asc",
        "desc",
        "insert",
        "into",
        "values",
        "replace",
        "update",
        "delete",
        "set",
        "create",
        "table",
        "temporary",
        "as",
        "case",
        "when",
        "then",
        "else",
        "end",
        "interval",
        "with",
        "recursive",
        "for",
        "lock",
        "share",
        "mode",
        "outfile",
        "dumpfile",
        "fields",
        "terminated",
        "begin",
        "true",
        "false",
        "over",
        "partition",
        "separator",
        "explain",
        "call",
        "returning",
        "if",
        "char",
        "int",
        "varchar",
        "text",
        "date",
        "handler",
        "open",
        "read",
        "next",
        "first",
        "close",
        "analyze",
        "execute",
        "immediate",
        "prepare",
    ]
)


def mariadb(text: str, rng: random.Random, columns: Collection[str] = (), misleading: Sequence[str] = ()) -> Spelled:
    """Another spelling of one statement of MariaDB. ``columns`` are names of columns, whose case does not matter."""
    return _Mariadb(rng, misleading, frozenset(c.lower() for c in columns)).spelled(text)


@dataclass
class _Mariadb(_Writer):
    columns: frozenset[str] = frozenset()
    modes: set[str] = field(default_factory=set)

    def spelled(self, text: str) -> Spelled:
        self.modes = {m for m in ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "IGNORE_SPACE") if self.chance(0.15)}
        tokens = [(m.lastgroup or "", m.group()) for m in _TOKEN.finditer(text)]
        spaced = [bool(at and tokens[at - 1][0] == "space") for at in range(len(tokens))]
        found = [(kind, source, spaced[at]) for at, (kind, source) in enumerate(tokens) if kind != "space"]
        if "PIPES_AS_CONCAT" in self.modes:
            found = _piped(found)
        parts: list[str] = []
        for at, (kind, source, _) in enumerate(found):
            before = found[at - 1][1] if at else ""
            after = found[at + 1][1] if at + 1 < len(found) else ""
            parts.append(self._word(kind, source, before, after))
        glued = [
            at for at, (_, source, space) in enumerate(found) if source == "(" and at and not space and found[at - 1][0] == "word"
        ]
        tight = frozenset(glued)
        dotted = {at for at, (_, source, _) in enumerate(found) if source == "." or (at and found[at - 1][1] == ".")}
        opens, closes = self._executed(found, tight | dotted)
        out = ""
        for at, part in enumerate(parts):
            if at not in tight and at not in dotted:
                plain = opens is not None and closes is not None and opens <= at <= closes
                out += self._gap(out, part, first=not at, plain=plain)
            elif at in tight and "IGNORE_SPACE" in self.modes:
                out += self.rng.choice(("", *_GAPS))
            out += self.rng.choice(["/*! ", "/*!50000 ", "/*M! ", "/*M!100100 ", "/*!40001 ", "/*!"]) if at == opens else ""
            out += part + (" */" if at == closes else "")
        out += self.rng.choice(["", "", ";", " ;", " # " + self.words(), " -- " + self.words(), " /* x */"])
        return Spelled(out, (f"set sql_mode = '{','.join(sorted(self.modes))}'",) if self.modes else ())

    def _executed(self, found: Sequence[tuple[str, str, bool]], tight: Collection[int]) -> tuple[int | None, int | None]:
        """Where an executable comment begins and ends."""
        if not self.chance(0.35) or len(found) < 2:
            return None, None
        free = [at for at in range(len(found)) if at not in tight]
        begin = self.rng.choice(free)
        end = self.rng.randrange(begin, min(len(found), begin + self.rng.choice([2, 5, 1000])))
        while end + 1 < len(found) and end + 1 in tight:
            end += 1
        return begin, end

    def _word(self, kind: str, source: str, before: str, after: str) -> str:
        if kind == "string":
            return self._string(
                source[1:-1].replace("''", "'"),
                literal=before.lower() in ("outfile", "dumpfile", "separator", "by", "from", "immediate"),
            )
        if kind == "name":
            return self._named(source[1:-1])
        if kind != "word":
            return source
        if source.lower() in self.columns and after != "(":
            name = self.cased(source)
            return self._named(name) if self.chance(0.5) else name
        if source.lower() in _KEYWORDS:
            return self.cased(source)
        return source

    def _named(self, name: str) -> str:
        quote = '"' if "ANSI_QUOTES" in self.modes and self.chance(0.6) else "`"
        return f"{quote}{name}{quote}"

    def _string(self, value: str, *, literal: bool) -> str:
        style = 0 if literal else self.rng.randrange(7)
        escaping = "NO_BACKSLASH_ESCAPES" not in self.modes
        plain = value if "\\" in value else value.replace("'", "''")
        if "\\" in value and not escaping:
            self.modes.discard("NO_BACKSLASH_ESCAPES")
        if "\\" in value or not value:
            return f"'{plain}'"
        if style == 1 and value.isascii():
            return f"_utf8mb4 0x{value.encode().hex()}"
        if style == 2 and value.isascii():
            return f"_utf8mb4 {self.rng.choice('xX')}'{value.encode().hex()}'"
        if style == 3:
            return f"_utf8mb4'{plain}'"
        if style == 4 and "ANSI_QUOTES" not in self.modes and '"' not in value:
            return f'"{value}"'
        if style == 5 and escaping and "'" not in value:
            return "'" + "".join("\\" + c if c not in "0bnrtZ%_" and self.chance(0.4) else c for c in value) + "'"
        if style == 6 and len(value) > 1 and "'" not in value:
            at = self.rng.randrange(1, len(value))
            return f"'{value[:at]}' '{value[at:]}'"
        return f"'{plain}'"

    def _gap(self, before: str, part: str, *, first: bool, plain: bool) -> str:
        if first:
            return "" if plain else self.rng.choice(["", "", "\n", self._comment()])
        word = "'\"`@_"
        needed = bool(_LETTERS.match(before[-1:]) or before[-1:] in word) and bool(_LETTERS.match(part) or part[0] in word)
        needed = needed or (before[-1:] in _OPERATOR and part[0] in _OPERATOR)
        if not needed and self.chance(0.4):
            return ""
        if self.chance(0.6) or plain:
            return self.rng.choice((*_GAPS, "\v"))
        return (
            f" {self._comment()} "
            if before[-1:] in _OPERATOR or part[0] in _OPERATOR or (needed and self.chance(0.5))
            else self._comment()
        )

    def _comment(self) -> str:
        words = self.words().replace("*", "+").replace("!", "")
        style = self.rng.randrange(4)
        if style == 0:
            return f"-- {words}\n"
        if style == 1:
            return f"#{words}\n"
        return f"/*{words}{self.rng.choice(['', ' ', '*', '#'])}*/"


def _piped(found: Sequence[tuple[str, str, bool]]) -> list[tuple[str, str, bool]]:
    """``concat(a, b)`` as ``(a || b)``."""
    out = list(found)
    for at in range(len(out) - 1):
        if out[at][1].lower() != "concat" or out[at + 1][1] != "(":
            continue
        depth, end = 0, at + 1
        commas = []
        while end < len(out):
            depth += {"(": 1, ")": -1}.get(out[end][1], 0)
            if depth == 0:
                break
            if depth == 1 and out[end][1] == ",":
                commas.append(end)
            end += 1
        if commas:
            for comma in commas:
                out[comma] = ("mark", "||", True)
            out[at] = ("mark", "(", True)
            out[at + 1] = ("mark", "(", False)
            out.insert(end, ("mark", ")", False))
            return _piped(out)
    return out
