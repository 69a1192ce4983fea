"""MariaDB's and MySQL's text as tokens: what runs, what stands for its shape, and what can be shown.

The rules are those of the manuals ("Lexical structure", "Comment syntax"): strings in single or double quotes, doubled quotes and
backslashes within; names in backticks; ``-- ``, ``#`` and ``/* */`` comments; ``/*! … */``, ``/*!50000 … */`` and
``/*M!100100 … */`` run on servers of at least that version. Which sql mode was in force nobody logs: where another mode would
read a text otherwise, the shape keeps what would be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from scanner.lineage.mysql.words import words as word_set
from scanner.model import CUT_MARK

MAX_SHOWN = 4_000
"""Characters that are shown of a statement at most."""

LONG_LIST = 64
"""Lists of constants up to this length share a shape; longer ones keep their length."""


def _pattern(escape: str) -> re.Pattern[str]:
    """The tokens. ``escape``: what a backslash does within quotes."""
    return re.compile(
        rf"""(?P<space>[\s\x00]+)
    |(?P<comment>--(?=[\s\x00-\x1f]|\Z)[^\n]*|\#[^\n]*|/\*(?!M?!).*?\*/)
    |(?P<opens>/\*M?!(?:[0-9]{{5,6}})?)
    |(?P<closes>\*/)
    |(?P<string>'(?:{escape}|[^'\\]|'')*')
    |(?P<double>"(?:{escape}|[^"\\]|"")*")
    |(?P<name>`(?:[^`]|``)*`)
    |(?P<variable>@@?(?:[\w$.]+|`(?:[^`]|``)*`|'(?:{escape}|[^'\\]|'')*'|"(?:{escape}|[^"\\]|"")*"))
    |(?P<coded>[xXbBnN]'(?:{escape}|[^'\\]|'')*')
    |(?P<number>(?:0[xX][0-9a-fA-F]+|0[bB][01]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w$]))
    |(?P<word>[\w$]+)
    |(?P<broken>['"`]|/\*)
    |(?P<mark><=>|<=|>=|<>|!=|:=|\|\||&&|<<|>>|->>|->|.)""",
        re.VERBOSE | re.DOTALL,
    )


_TOKEN, _TOKEN_NO_ESCAPES = _pattern(r"\\."), _pattern(r"\\")
# versions below which every server that is still run executes a comment; above, and MySQL's own 5.7 to 5.99 which MariaDB does
# not, it may or may not
_SURELY, _SURELY_MARIADB = 50_600, 100_100

_CLAUSES = word_set("SELECT WHERE ON HAVING VALUES SET BY FROM USING RETURNING LIMIT OFFSET")
_COMPARES = frozenset({"<", "<=", ">", ">="})
_FOLDED = word_set(
    """select from where and or not in is null like between exists union all distinct distinctrow join inner left right outer
    cross straight_join natural on using group order by having limit offset asc desc insert into values value replace
    update delete set create table temporary as if view rename to alter drop truncate load data infile outfile dumpfile
    fields lines terminated enclosed escaped starting ignore case when then else end interval with recursive for share
    lock mode high_priority low_priority delayed sql_no_cache sql_cache sql_calc_found_rows handler open read first next
    prev last close call do use show describe explain start transaction commit rollback savepoint begin prepare execute
    immediate deallocate count sum min max avg group_concat separator concat concat_ws"""
)
_KEEP_LITERALS = word_set("PREPARE EXECUTE CREATE ALTER LOAD GRANT REVOKE HANDLER CHANGE INSTALL UNINSTALL RENAME DROP")
_COUNTERS = word_set("timestamp insert_id last_insert_id rand_seed1 rand_seed2 pseudo_thread_id")
_ESCAPED_QUOTE = re.compile(r"\\['\"]")
_BEGINS = word_set("WHERE AND OR ON NOT HAVING (")
_COMPARED = word_set("= < > <= >= <> != <=> LIKE IN BETWEEN IS NOT REGEXP RLIKE")
_HEX = re.compile(r"[0-9a-fA-F]*\Z")
_INTRODUCER = re.compile(r"_[a-z][a-z0-9]+\Z")  # _utf8mb4'text'
_NAME_LIKE = re.compile(r"[^\W\d][\w$]*\Z")


class Is(Enum):
    """What a token is."""

    WORD = "word"
    NAME = "name"  # in backticks; ``text`` is without them
    STRING = "string"
    DOUBLE = "double"  # in double quotes: a string, or a name under ANSI_QUOTES
    NUMBER = "number"
    VARIABLE = "variable"
    MARK = "mark"


@dataclass(frozen=True)
class Token:
    """One token. ``text`` is as written, but for names, which are without their backticks."""

    kind: Is
    text: str

    @property
    def upper(self) -> str:
        return self.text.upper() if self.kind is Is.WORD else self.text if self.kind is Is.MARK else ""

    @property
    def sql(self) -> str:
        """As it may stand in a statement."""
        return f"`{self.text.replace('`', '``')}`" if self.kind is Is.NAME else self.text

    @property
    def introduces(self) -> bool:
        """Whether it may be what says the character set of the string behind it."""
        return self.kind is Is.WORD and _INTRODUCER.match(self.text.lower()) is not None

    @property
    def content(self) -> str:
        """Of a string: what stands between its quotes, escapes as they are."""
        return self.text[1:-1] if self.kind in (Is.STRING, Is.DOUBLE) else self.text


@dataclass(frozen=True)
class Tokens:
    """A statement taken apart."""

    tokens: tuple[Token, ...]
    whole: bool = True  # every quote and comment is closed, and the log did not cut the text
    may_run: bool = False  # it holds comments that run on some servers and not on others

    @property
    def first(self) -> str:
        """The first word, upper case; brackets before it are looked over."""
        return next((t.upper for t in self.tokens if t.kind is Is.WORD), "") if self.tokens else ""


def tokens(text: str, *, run: bool = True, escapes: bool = True) -> Tokens:
    """The tokens that a server executes.

    ``run``: whether comments that only some versions run do run here. ``escapes``: whether a backslash escapes what follows it,
    as it does unless NO_BACKSLASH_ESCAPES is in force.
    """
    cut = text.endswith(CUT_MARK)
    text = text.removesuffix(CUT_MARK)
    found: list[Token] = []
    whole, may_run = not cut, False
    depth = 0  # executable comments that are open
    skipping = -1
    pattern = _TOKEN if escapes else _TOKEN_NO_ESCAPES
    at = 0
    while (match := pattern.match(text, at)) is not None:
        at = match.end()
        kind = match.lastgroup or ""
        source = match.group()
        if kind in ("space", "comment"):
            continue
        if kind == "opens":
            sure = _surely_runs(source)
            may_run |= not sure
            depth += 1
            if not sure and not run and skipping < 0:
                skipping = depth
        elif kind == "closes" and depth:
            if skipping == depth:
                skipping = -1
            depth -= 1
        elif kind == "closes":  # no comment is open: count(*/*! ) from t */
            found.append(Token(Is.MARK, "*"))
            at = match.start() + 1
        elif kind == "broken":
            return Tokens(tuple(found), False, may_run)
        elif skipping < 0:
            if not escapes and kind in ("string", "double", "coded"):
                source = source.replace("\\", "\\\\")  # as it is written where a backslash escapes
            found.append(_token(kind, source))
    if cut and found:
        found.pop()  # it may be half a word
    return Tokens(tuple(_with_values(found)), whole and not depth, may_run)


def _with_values(found: list[Token]) -> list[Token]:
    """``NAME_CONST('a', 5)`` as ``5``. So the server logs a routine's variables, with the value they had."""
    if not any(t.upper == "NAME_CONST" for t in found):
        return found
    out: list[Token] = []
    at = 0
    while at < len(found):
        end = _value_end(found, at)
        if end is None:
            out.append(found[at])
            at += 1
            continue
        value = found[at + 4 : end]
        if len(value) > 1 and value[-2].upper == "COLLATE":
            value = value[:-2]
        if len(value) > 1 and value[0].kind is Is.WORD and value[0].text.startswith("_"):
            value = value[1:]  # the character set of a string
        out += value
        at = end + 1
    return out


def _value_end(found: Sequence[Token], at: int) -> int | None:
    """Where the bracket of a NAME_CONST with one plain value closes."""
    begins = [t.text for t in found[at + 1 : at + 4 : 2]] == ["(", ","] and found[at + 2].kind in (Is.STRING, Is.DOUBLE)
    if found[at].upper != "NAME_CONST" or not begins:
        return None
    for end in range(at + 5, min(at + 12, len(found))):
        if found[end].text == ")" and found[end].kind is Is.MARK:
            return end
        if found[end].text in ("(", ","):
            return None
    return None


def otherwise(text: str, first: str) -> Tokens | None:
    """A statement as NO_BACKSLASH_ESCAPES would have it read, if that makes sense and reads a table.

    ``select '\\', rrn from customer -- '`` is one string to most servers, and a column to some.
    """
    if first in ("INSERT", "REPLACE", "UPDATE") or not _ESCAPED_QUOTE.search(text):
        return None
    other = tokens(text, escapes=False)
    return other if other.whole and any(t.upper in ("FROM", "TABLE") for t in other.tokens) else None


def _token(kind: str, source: str) -> Token:
    if kind == "name":
        return Token(Is.NAME, source[1:-1].replace("``", "`"))
    if kind == "coded":
        return _coded(source)
    return Token(Is(kind), source)


def _coded(source: str) -> Token:
    """``x'2d'``, ``b'101'``, ``n'text'``."""
    letter, body = source[0].lower(), source[2:-1]
    if letter == "b" and body and set(body) <= {"0", "1"}:
        return Token(Is.NUMBER, f"0b{body}")
    if letter == "x" and len(body) % 2 == 0 and _HEX.match(body):
        body = bytes.fromhex(body).decode("utf-8", "replace").replace("\\", "\\\\").replace("'", "''")
    return Token(Is.STRING, f"'{body}'")


def _surely_runs(opening: str) -> bool:
    digits = opening.lstrip("/*M!")
    if not digits:
        return True
    return int(digits) <= (_SURELY_MARIADB if "M" in opening else _SURELY)


# -- shapes ---------------------------------------------------------------------------------------------------------


def shape_text(text: str) -> bytes:
    """What all statements of a shape have in common: tokens without comments, literals by their kind, lists by their length.

    Kept as they are: literals that decide what is read or done, counts, positions in ORDER BY, ranges, and strings in double
    quotes that may be names. A text whose quotes do not close is its own shape.
    """
    found = tokens(text)
    if not found.whole and not text.endswith(CUT_MARK):
        return b"raw " + text.encode("utf-8", "surrogatepass")
    keep = found.first in _KEEP_LITERALS or (found.first == "SET" and not _sets_user_variable(found.tokens))
    parts = list(_parts(found.tokens, keep))
    shape = "\x02".join(_collapsed(parts)) + ("" if found.whole else "\x02cut")
    if found.may_run:
        other = "\x02".join(_collapsed(list(_parts(tokens(text, run=False).tokens, keep))))
        shape += "\x03" + other
    if named := text.lower().count("name_const"):
        shape += f"\x05{named}"  # the same query, but its constants stand elsewhere in the text
    unescaped = otherwise(text, found.first)
    if unescaped is not None:
        shape += "\x04" + "\x02".join(_collapsed(list(_parts(unescaped.tokens, keep))))
    return b"sql " + shape.encode("utf-8", "surrogatepass")


def _sets_user_variable(found: Sequence[Token]) -> bool:
    names = [t for t in found[1:3] if t.kind is not Is.MARK]
    if not names:
        return False
    first = names[0].text
    return (names[0].kind is Is.VARIABLE and not first.startswith("@@")) or first.lower() in _COUNTERS


def _parts(found: Sequence[Token], keep: bool) -> Iterator[str]:
    words = {t.text.lower() for t in found if t.kind in (Is.WORD, Is.NAME)}
    ranged = _is_ranged(found)
    clause, before = "", ""
    between: list[str] = []
    for at, token in enumerate(found):
        upper = token.upper
        if upper in _CLAUSES:
            clause = upper
        if token.kind is Is.NUMBER and not keep:
            counts = clause in ("LIMIT", "OFFSET") or (clause == "BY" and before in ("BY", ","))
            yield f"\x01{token.text}" if counts or (ranged and before in _COMPARES) else _width(found, at, between)
        elif token.kind is Is.STRING and not keep:
            yield "\x01s"
        elif token.kind is Is.DOUBLE and not keep:
            content = token.content.lower()
            beside = (found[at - 1].upper if at else "", found[at + 1].upper if at + 1 < len(found) else "")
            may_be_name = stands_for_name(*beside) or (
                bool(_NAME_LIKE.match(content)) and (clause in ("SELECT", "BY", "FROM", "USING") or content in words)
            )
            yield token.text if may_be_name else "\x01s"
        elif token.kind is Is.WORD:
            yield token.text.lower() if token.text.lower() in _FOLDED else token.text
        else:
            yield token.sql
        before = upper


def stands_for_name(before: str, behind: str) -> bool:
    """Whether what stands in double quotes between two tokens (upper case) is a name, as ANSI_QUOTES has it, not a string."""
    return "." in (before, behind) or before in ("BY", "AS") or (before in _BEGINS and behind in _COMPARED)


def _width(found: Sequence[Token], at: int, between: list[str]) -> str:
    """A number's place in a shape; of BETWEEN two numbers the second stands for how far they are apart."""
    if at and found[at - 1].upper == "BETWEEN":
        between[:] = [found[at].text]
        return "\x01n"
    if at > 1 and found[at - 1].upper == "AND" and between and found[at - 2].text == between[0]:
        low, high = between.pop(), found[at].text
        if low.isdigit() and high.isdigit() and len(low) < 19 and len(high) < 19:
            return f"\x01w{int(high) - int(low)}"
    return "\x01n"


def _is_ranged(found: Sequence[Token]) -> bool:
    marks = {t.text for t in found if t.kind is Is.MARK}
    return bool(marks & {"<", "<="}) and bool(marks & {">", ">="})


def _collapsed(parts: Sequence[str]) -> Iterator[str]:
    """Lists of literals by their length class, rows of VALUES once."""
    at, size = 0, len(parts)
    last_row = ""
    while at < size:
        part = parts[at]
        if part == "(" and at + 1 < size and parts[at + 1].startswith("\x01"):
            end = at + 1
            count = 0
            while end < size and (parts[end].startswith("\x01") or parts[end] in (",", "-", "+")):
                count += parts[end].startswith("\x01")
                end += 1
            if end < size and parts[end] == ")":
                row = "(" + ("".join(sorted(set(parts[at + 1 : end]))) if count > 1 else parts[at + 1])
                row += f"#{count}" if count > LONG_LIST else "#" if count > 1 else ""
                if row == last_row and at and parts[at - 1] == ",":
                    at = end + 1
                    continue
                last_row = row
                yield row + ")"
                at = end + 1
                continue
        if part != ",":
            last_row = ""
        at += 1
        if part == "," and last_row and at < size and parts[at] == "(":
            continue  # between two rows of the same make
        yield part


# -- showing --------------------------------------------------------------------------------------------------------


def masked(statement: str) -> str:
    """The statement with ``?`` for every literal, without comments, on one line, cut to ``MAX_SHOWN`` characters.

    Nothing is shown from a quote on that does not close. Where the log hides a password with stars, stars are shown.
    """
    found = tokens(statement[: 50 * MAX_SHOWN])
    out: list[str] = []
    before: Token | None = None
    for token in found.tokens:
        literal = token.kind in (Is.STRING, Is.DOUBLE, Is.NUMBER)
        shown = "?" if literal else token.sql
        if out and not (token.text in (",", ")", ";", ".") or (before is not None and before.text in ("(", "."))):
            out.append(" ")
        out.append(" ".join(shown.split()))
        before = token
    text = "".join(out) + ("" if found.whole and len(statement) <= 50 * MAX_SHOWN else " …")
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
