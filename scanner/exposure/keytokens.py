"""A statement as tokens, so that its constants can be found again in every statement of the same shape.

Simpler than the engine's own scanner, on purpose: a text in which a literal may be something else than it looks like (``E'…'``,
dollar quotes, backslashes) is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_GAP = r"(?:\s|--[^\n]*\n|/\*(?:[^*]|\*[^/])*\*/)"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_STRING = {"postgresql": r"'(?:[^']|'')*'", "mysql": r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\""}
_QUOTED = {"postgresql": r'"(?:[^"]|"")*"', "mysql": r"`[^`]*`"}
_PARAMETER = {"postgresql": r"\$[0-9]+", "mysql": r"\?"}
LITERALS = frozenset({"string", "number", "param"})


@dataclass(frozen=True)
class Slot:
    """One constant, or one list of them: a group of the pattern, or a bound parameter."""

    group: int = 0  # 1, 2 …; 0: a parameter
    param: int = 0  # $1, $2 …
    negative: bool = False


@dataclass(frozen=True)
class Token:
    """One token of a statement, and where it stands."""

    kind: str  # word | quoted | string | number | param | op
    text: str
    start: int
    end: int

    @property
    def name(self) -> str:
        return self.text[1:-1] if self.kind == "quoted" else self.text.lower()


def _scanner(style: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<gap>{_GAP}+)|(?P<string>{_STRING[style]})|(?P<param>{_PARAMETER[style]})|(?P<quoted>{_QUOTED[style]})"
        rf"|(?P<number>{_NUMBER})|(?P<word>[^\W\d]\w*)|(?P<op><=|>=|<>|!=|::|\|\||[^\s])",
        re.DOTALL,
    )


_SCANNERS = {style: _scanner(style) for style in _STRING}


def tokenize(text: str, style: str) -> list[Token] | None:
    """None for a text in which a literal may be something else than it looks like."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _SCANNERS[style].match(text, at)
        if match is None:
            return None
        at = match.end()
        kind = match.lastgroup or ""
        if kind == "gap":
            continue
        beside = found[-1] if found and found[-1].end == match.start() else None
        charset = style == "mysql" and beside is not None and beside.text.startswith("_")  # _utf8mb4'…'
        if kind == "string" and beside is not None and not charset and (beside.kind == "word" or beside.text in ("&", "'")):
            return None  # E'…', U&'…', N'…'
        if kind in ("number", "param") and beside is not None and beside.kind in ("word", "number"):
            return None
        if kind == "op" and match.group() in ("$", "'", "\\", "`", "#" if style == "mysql" else "$"):
            return None
        found.append(Token(kind, match.group(), match.start(), match.end()))
    return found


class Finder:
    """The tokens of one statement, and the pattern made of them."""

    def __init__(self, tokens: list[Token], style: str) -> None:
        self.tokens = tokens
        self.style = style
        self.words = [t.name if t.kind in ("word", "quoted") else t.text for t in tokens]
        if style == "mysql":  # columns are the same in any case
            self.words = [word.lower() for word in self.words]
        self.runs = self._runs()

    def _runs(self) -> list[tuple[int, int]]:
        """Literals, and lists of them: (first token, token behind the last)."""
        found = []
        at = 0
        while at < len(self.tokens):
            if self.tokens[at].kind in LITERALS:
                end = at + 1
                named = self.word(at - 2) == "name_const"  # its name, not its value
                while (
                    not named and self.word(end) == "," and end + 1 < len(self.tokens) and self.tokens[end + 1].kind in LITERALS
                ):
                    end += 2
                found.append((at, end))
                at = end
            else:
                at += 1
        return found

    def word(self, at: int) -> str:
        return self.words[at] if 0 <= at < len(self.words) else ""

    def literal(self, at: int) -> tuple[tuple[Slot, ...], int] | None:
        """The constant (or list) that begins at a token, as slots, and the token behind it. Groups are numbers of runs yet."""
        if self.style == "mysql" and self.word(at) == "name_const":
            return self._named(at)
        negative = self.word(at) == "-"
        at += negative
        run = next((i for i, (start, _) in enumerate(self.runs) if start == at), None)
        if run is None:
            return None
        start, end = self.runs[run]
        kinds = {t.kind for t in self.tokens[start:end:2]}
        if kinds == {"param"} and self.style == "postgresql":
            return tuple(Slot(param=int(t.text[1:])) for t in self.tokens[start:end:2]), end
        if "param" in kinds:
            return None
        return (Slot(group=run + 1, negative=negative),), end

    def _named(self, at: int) -> tuple[tuple[Slot, ...], int] | None:
        """The value of ``NAME_CONST('a',_utf8mb4'…' COLLATE '…')``, as MariaDB logs a routine's variables."""
        found = self.literal(at + 4 + self.word(at + 4).startswith("_"))
        if found is None:
            return None
        end = found[1] + 2 * (self.word(found[1]) == "collate")
        return (found[0], end + 1) if self.word(end) == ")" else None

    def conditions(self) -> int:
        """Where what is selected ends: constants before that decide what is shown, not of whom."""
        depth = 0
        for at, word in enumerate(self.words):
            depth += (word == "(") - (word == ")")
            if word == "from" and depth == 0:
                return at
        return 0

    def names(self, column: str) -> list[int]:
        """Where a column is named."""
        wanted = column if self.style == "postgresql" else column.lower()
        return [
            i
            for i, t in enumerate(self.tokens)
            if t.kind in ("word", "quoted") and (t.name if self.style == "postgresql" else t.name.lower()) == wanted
        ]

    def pattern(self, wanted: Sequence[int]) -> tuple[str, str, int]:
        """A pattern with a group for each of the runs ``wanted``, in their order; its part behind the text before the first
        literal; and where that literal begins."""
        literal = rf"(?:{_STRING[self.style]}|{_NUMBER}|{_PARAMETER[self.style]})"
        listed = rf"{literal}(?:{_GAP}*,{_GAP}*{literal})*"
        last = self.runs[max(wanted) - 1][1]
        pieces: list[str] = []
        head = at = 0
        starts = {start: number for number, (start, _) in enumerate(self.runs, 1)}
        while at < last:
            number = starts.get(at, 0)
            if at:
                pieces.append(_GAP + ("+" if _both_words(self.tokens[at - 1], self.tokens[at]) else "*"))
            if number:
                head = head or len(pieces)
                start, end = self.runs[number - 1]
                several = end - start > 1 or (self.word(at - 1) == "(" and self.word(at - 2) in ("in", "[", "array"))
                piece = listed if several else literal
                pieces.append(f"({piece})" if number in wanted else piece)
                at = end
            else:
                pieces.append(self._source(at))
                at += 1
        # what comes next, so that a list does not end at something in its middle that is no literal
        pieces.append(f"{_GAP}*" + (self._source(last) if last < len(self.tokens) else ";?" + f"{_GAP}*$"))
        return f"^{_GAP}*" + "".join(pieces), "^" + "".join(pieces[head:]), self.tokens[self.runs[0][0]].start

    def _source(self, at: int) -> str:
        """The pattern of one token."""
        plain = re.escape(self.tokens[at].text)
        return f"(?i:{plain})" if self.tokens[at].kind == "word" else plain


def _both_words(one: Token, other: Token) -> bool:
    wordy = ("word", "number", "param")
    return one.kind in wordy and other.kind in wordy
