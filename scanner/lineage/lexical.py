"""A statement as tokens: which of its literals carry meaning, and the text that stands for its shape.

The parser's own fingerprint is not fine enough for a shape: it gives ``select a.x from customer a, orders b`` and
``… from customer b, orders a`` the same number, and ignores result names and their order, LIMIT, cursor names and settings. So a
shape's text is made of the parser's own tokens: names, keywords and operators as they are (case folded), literals by their type,
lists of literals by their length. Comments and white space are gone. Literals that decide what is read stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import postgast
from postgast import pg_query_pb2 as pb

from scanner.lineage.depth import COMMENTS, parseable, scannable, scanned
from scanner.lineage.slices import CUTTING

UNPARSED = b"raw "
"""How the shape text of a statement begins that the parser refuses."""

SENSITIVE_WORDS = (
    "query_to_xml",
    "table_to_xml",
    "schema_to_xml",
    "cursor_to_xml",
    "database_to_xml",
    "ts_stat",
    "ts_rewrite",
    "crosstab",
    "dblink",
    "set_config",
    "pg_read_",
    "pg_ls_",
    "pg_file_",
    "lo_export",
    "lo_import",
    "pg_logical_slot",
    "replication_slot",
    "pg_notify",
    "xpath_table",
    "connectby",
)
"""Parts of function names (lower case) whose text arguments decide what is read or where it goes."""

_SENSITIVE_FIRST = frozenset({pb.SET, pb.RESET, pb.DO, pb.CREATE, pb.ALTER, pb.LOAD})
_LITERALS = {
    pb.ICONST: b"\x01i",
    pb.FCONST: b"\x01f",
    pb.SCONST: b"\x01s",
    pb.USCONST: b"\x01u",
    pb.BCONST: b"\x01b",
    pb.XCONST: b"\x01x",
    pb.PARAM: b"\x01$",
}
_COUNTS = frozenset({pb.LIMIT, pb.FETCH, pb.FIRST_P, pb.NEXT, pb.FORWARD, pb.BACKWARD, pb.ABSOLUTE_P, pb.RELATIVE_P, pb.MOVE})
_OPEN, _CLOSE, _COMMA, _SEMICOLON, _MINUS, _PLUS, _LESS, _GREATER = (ord(c) for c in "(),;-+<>")
_BELOW = frozenset({_LESS, pb.LESS_EQUALS})
_ABOVE = frozenset({_GREATER, pb.GREATER_EQUALS})
_COMPARED = _BELOW | _ABOVE | {pb.BETWEEN, pb.AND}
_EQUALS = frozenset({ord("="), pb.NOT_EQUALS, _LESS, _GREATER})
_NUMBERS = frozenset({pb.ICONST, pb.FCONST})
_ARRAYS = frozenset({pb.ANY, pb.ALL, pb.SOME})
_TELLING = _COUNTS | _ARRAYS | _BELOW | _ABOVE | {pb.BETWEEN, pb.BY}
_AROUND = frozenset({_OPEN, _CLOSE, _PLUS, _MINUS})
_CUTTING = frozenset(word for name in CUTTING for word in (name.encode(), b'"%s"' % name.encode()))
_LIST = re.compile(rb"\x01[ifsubx$](?: , \x01[ifsubx$])+")
_DOLLAR_QUOTED = re.compile(rb"(?P<tag>\$[^$]*\$)(?P<body>.*)(?P=tag)", re.DOTALL)
_TUPLES = re.compile(rb"(\( [\x01\x02][^ ]* \))((?: , \1)+)")


def literals_matter(text: str) -> bool:
    """Whether other constants in the same place could read other data, or send it elsewhere: the shape is then the full text."""
    if _holds_sensitive_word(text):
        return True
    found = scanned(text)
    return found is None or _decided_by_literals([t.token for t in found[1] if t.token not in COMMENTS])


def _holds_sensitive_word(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in SENSITIVE_WORDS)


def _decided_by_literals(tokens: list[int]) -> bool:
    previous, first = _SEMICOLON, 0
    for token in tokens:
        if previous == _SEMICOLON:
            first = token
            if token in _SENSITIVE_FIRST:
                return True
        if first == pb.COPY and (token == pb.PROGRAM or (previous in (pb.TO, pb.FROM) and token in (pb.SCONST, pb.USCONST))):
            return True
        previous = token
    return False


def bucket(count: int) -> int:
    """List lengths that count as the same shape: exact up to 16, then to the next power of two."""
    return count if count <= 16 else 1 << (count - 1).bit_length()


def shape_text(text: str) -> bytes:
    """The text that stands for a statement's shape: equal for two statements only when their lineage is the same.

    A statement that the parser refuses, or whose literals decide what it reads, stands for itself.
    """
    encoded = scannable(text)
    if encoded is None:
        return UNPARSED + text.encode("utf-8", "surrogatepass")
    if not parseable(text, len(encoded)) or with_escapes(text) is not None:
        return UNPARSED + encoded
    try:
        mark = postgast.fingerprint(text).hex.encode()
        tokens = postgast.scan(text).tokens
    except (postgast.PgQueryError, ValueError, MemoryError):
        return UNPARSED + encoded
    folded = encoded.lower()  # ASCII only, as the engine folds names
    quoted = b'"' in encoded
    literal_of = _LITERALS.get
    kinds: list[int] = []
    words: list[bytes] = []
    for token in tokens:
        kind = token.token
        if kind in COMMENTS:
            continue
        word = literal_of(kind)
        if word is None:
            word = folded[token.start : token.end]
            if quoted and word[:1] == b'"':
                word = encoded[token.start : token.end]
        kinds.append(kind)
        words.append(word)
    if _holds_sensitive_word(text) or _decided_by_literals(kinds):
        return _do_text(encoded, kinds, tokens) or b"text " + mark + b" " + encoded
    if not _TELLING.isdisjoint(kinds) or not _CUTTING.isdisjoint(words) or _compares_constants(kinds):
        sources = [encoded[t.start : t.end] for t in tokens if t.token not in COMMENTS]
        _restore(kinds, words, sources)
        words.append(b"|" + _range_width(kinds, sources))
    return mark + b" " + _TUPLES.sub(_counted_tuples, _LIST.sub(_counted, b" ".join(words)))


_STRING_OR_NAME = re.compile(
    r"""--[^\n]*|(?P<comment>/\*)|\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$|[eE]'(?:[^'\\]|\\.|'')*'|[uU]&(?:'[^']*'|"[^"]*")|"[^"]*"|[\w$]+"""
    r"""|(?P<string>'(?:[^'\\]|\\.|'')*')""",
    re.DOTALL,
)
_NESTED = re.compile(r"/\*|\*/")


_RUNS_TEXT = re.compile(r"(?i)\b(?:do|create|alter|execute|copy)\b")  # what backslashes hide in a string may be run


def with_escapes(text: str) -> str | None:
    """The text as it would be spelled if a backslash escaped what follows it in an ordinary string (which it does under
    ``standard_conforming_strings = off``), where that makes a difference: ``select 'a\\' from x --', phone from customer``.
    """
    if "\\'" not in text and not ("\\" in text and (_holds_sensitive_word(text) or _RUNS_TEXT.search(text))):
        return None
    out: list[str] = []
    at = copied = 0
    while (match := _STRING_OR_NAME.search(text, at)) is not None:
        at = _comment_end(text, match.end()) if match["comment"] else match.end()
        if match["string"] and "\\" in match["string"]:
            out += [text[copied : match.start()], "E"]
            copied = match.start()
    return "".join([*out, text[copied:]]) if out else None


def _comment_end(text: str, at: int) -> int:
    """Behind the comment that has been opened before ``at``; comments nest."""
    depth = 1
    for mark in _NESTED.finditer(text, at):
        depth += 1 if mark.group() == "/*" else -1
        if not depth:
            return mark.end()
    return len(text)


def _do_text(encoded: bytes, kinds: list[int], tokens: Sequence[pb.ScanToken]) -> bytes | None:
    """Shape text of a DO block: its body's own tokens with the numbers masked. Strings stay, since EXECUTE may run them.

    None for anything else, and for a body that cannot be told apart so: the full text stands for it.
    """
    if kinds[:1] != [pb.DO] or _holds_sensitive_word(encoded.decode()):
        return None
    bodies = [encoded[t.start : t.end] for t in tokens if t.token == pb.SCONST]
    if kinds not in ([pb.DO, pb.SCONST], [pb.DO, pb.SCONST, _SEMICOLON]) or not (found := _DOLLAR_QUOTED.fullmatch(bodies[0])):
        return None
    body = found["body"]
    try:
        text = body.decode()
        inner = postgast.scan(text).tokens if scannable(text) is not None else None
    except (UnicodeDecodeError, postgast.PgQueryError, ValueError, MemoryError):
        return None
    if inner is None:
        return None
    told = [t for t in inner if t.token not in COMMENTS]
    sources = [body[t.start : t.end] for t in told]
    inner_kinds = [t.token for t in told]
    words = [b"\x01n" if kind in (pb.ICONST, pb.FCONST) else source for kind, source in zip(inner_kinds, sources, strict=True)]
    _restore(inner_kinds, words, sources)
    words.append(b"|" + _range_width(inner_kinds, sources))
    return b"do " + b" ".join(words)


def _restore(kinds: list[int], words: list[bytes], sources: list[bytes]) -> None:
    """Put back the literals that decide how much is read: LIMIT and FETCH counts, ORDER BY positions, lengths of arrays and of
    what is cut from a value."""
    previous = depth = 0
    cutting: set[int] = set()  # depths of parentheses that hold what a cutting function is given
    counting = seen_by = in_array = False
    for i, kind in enumerate(kinds):
        if kind == _OPEN:
            depth += 1
            if i and words[i - 1] in _CUTTING:
                cutting.add(depth)
        elif kind == _CLOSE:
            cutting.discard(depth)
            depth -= 1
        if kind in _NUMBERS:
            if depth in cutting or counting or _is_compared(i, kinds) or (seen_by and previous in (pb.BY, _COMMA, _OPEN)):
                words[i] = sources[i]
        elif in_array and kind == pb.SCONST and sources[i][:2] == b"'{":
            words[i] += b"%d" % bucket(sources[i].count(b",") + 1)
        counting = kind in _COUNTS or (counting and kind in (_OPEN, _PLUS, _MINUS))
        in_array = kind in _ARRAYS or (in_array and kind == _OPEN)
        seen_by = seen_by or kind == pb.BY
        previous = kind


def _compares_constants(kinds: list[int]) -> bool:
    """Whether one number is compared with another: ``where 1 = 0`` reads nothing, ``where 1 = 1`` everything."""
    return not _EQUALS.isdisjoint(kinds) and any(k in _NUMBERS and _is_compared(i, kinds) for i, k in enumerate(kinds))


def _is_compared(at: int, kinds: list[int]) -> bool:
    """Whether the number at a place stands on one side of a comparison whose other side is a number too."""
    for step in (1, -1):
        i = at + step
        while 0 <= i < len(kinds) and kinds[i] in _AROUND:
            i += step
        if not 0 <= i < len(kinds) or kinds[i] not in _EQUALS:
            continue
        i += step
        while 0 <= i < len(kinds) and kinds[i] in _AROUND:
            i += step
        if 0 <= i < len(kinds) and kinds[i] in _NUMBERS:
            return True
    return False


def _counted(match: re.Match[bytes]) -> bytes:
    items = match.group().split(b" , ")
    return b"\x02%s%d" % (b"".join(sorted({i[1:] for i in items})), bucket(len(items)))


def _counted_tuples(match: re.Match[bytes]) -> bytes:
    one, rest = match.groups()
    return b"%s*%d" % (one, bucket(len(rest) // (len(one) + 3) + 1))


def _range_width(kinds: list[int], sources: list[bytes]) -> bytes:
    """How wide a range of integers is, to the power of two: ``between 1 and 9`` and ``between 1 and 900000`` are not alike."""
    present = set(kinds)
    if pb.BETWEEN not in present and not (present & _BELOW and present & _ABOVE):
        return b""
    bounds: list[int] = []
    before, negative = 0, False  # the last token that is neither a parenthesis nor a sign
    for i, kind in enumerate(kinds):
        if kind in (pb.ICONST, pb.FCONST):
            after = next((k for k in kinds[i + 1 : i + 6] if k != _CLOSE), 0)
            if sources[i].isdigit() and len(sources[i]) < 20 and (before in _COMPARED or after in _COMPARED):
                bounds.append(-int(sources[i]) if negative else int(sources[i]))
        if kind == _OPEN:
            continue
        if kind in (_PLUS, _MINUS):
            negative = kind == _MINUS
        else:
            before, negative = kind, False
    if len(bounds) == 2:
        width = bounds[1] - bounds[0]
        return b"%d" % (width.bit_length() if width >= 0 else -width.bit_length())
    return b",".join(b"%d" % b for b in bounds)
