"""The parser's tree: reading it safely.

All parsing goes through here, so that no text whatsoever can raise or overflow a stack: what may nest too deeply is not handed to
the parser, the decoder refuses more than a hundred levels, and both refusals mean "does not parse". Nodes are protobuf
messages whose classes are generated; they are handled as ``Any`` because a node's kind is only known at run time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import postgast
from google.protobuf.message import DecodeError, Message

from scanner.lineage.depth import parseable, scannable
from scanner.lineage.plain import without_comments

Node = Any
"""A protobuf message of the parse tree, already taken out of its ``Node`` wrapper where it had one."""


_REDACTED = "<REDACTED>"


@dataclass(frozen=True)
class Statement:
    """One statement of a text: its kind by parse (``select_stmt``, ``copy_stmt`` …), its node and its own text."""

    name: str
    node: Node
    text: str


def parse(text: str) -> tuple[Statement, ...] | None:
    """The statements of ``text``, or None when it cannot be parsed. Never raises for any text."""
    encoded = scannable(text)
    if encoded is None or not parseable(text, len(encoded)):
        return None
    if _REDACTED in text:  # pgAudit leaves this in place of a password and all after it
        text = text.replace(_REDACTED, "'" + _REDACTED + "'")
        encoded = text.encode("utf-8")
    tree = _tree(text)
    if tree is None and "--" in text and (bare := without_comments(text)) is not None:
        # servers take 'a' -- x\n'b' for one string, this parser's grammar does not
        tree, encoded = _tree(bare), bare.encode("utf-8")
    if tree is None:
        return None
    found = []
    for raw in tree.stmts:
        name, node = unwrap(raw.stmt)
        start = raw.stmt_location
        end = start + raw.stmt_len if raw.stmt_len else len(encoded)
        found.append(Statement(name, node, encoded[start:end].decode("utf-8", "replace").strip()))
    return tuple(found)


def _tree(text: str) -> Node | None:
    try:
        return postgast.parse(text)
    except (postgast.PgQueryError, DecodeError, ValueError, RecursionError, MemoryError):
        return None


def parse_plpgsql(function: str) -> list[dict[str, Any]] | None:
    """Parsed bodies of a ``CREATE FUNCTION … LANGUAGE plpgsql`` or ``DO``; None when they cannot be parsed."""
    if scannable(function) is None:
        return None
    try:
        return postgast.parse_plpgsql(function)
    except (postgast.PgQueryError, ValueError, RecursionError, MemoryError):
        return None


def unwrap(node: Node) -> tuple[str, Node]:
    """Kind and content of a ``Node`` wrapper; ``("", None)`` when it is empty."""
    name = node.WhichOneof("node")
    return (name, getattr(node, name)) if name else ("", None)


def child(node: Node, field: str) -> tuple[str, Node]:
    """Kind and content of an optional ``Node`` field; ``("", None)`` when unset."""
    return unwrap(getattr(node, field)) if node.HasField(field) else ("", None)


def children(node: Node) -> Iterator[tuple[str, Node]]:
    """Every message directly below a node, wrappers removed, with its kind."""
    for _, value in node.ListFields():
        if isinstance(value, Message):
            yield _kind(value)
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            for item in value:
                if isinstance(item, Message):
                    yield _kind(item)


def _kind(message: Node) -> tuple[str, Node]:
    descriptor = message.DESCRIPTOR
    if descriptor.name == "Node":
        return unwrap(message)
    return _snake(descriptor.name), message


def _snake(name: str) -> str:
    parts: list[str] = []
    for i, char in enumerate(name):
        if char.isupper() and i and not name[i - 1].isupper() and name[i - 1] != "_":
            parts.append("_")
        parts.append(char.lower())
    return "".join(parts)


def walk(name: str, node: Node) -> Iterator[tuple[str, Node]]:
    """A node and everything below it, top down."""
    stack = [(name, node)]
    while stack:
        kind, item = stack.pop()
        if item is None:
            continue
        yield kind, item
        stack.extend(reversed(list(children(item))))


def strings(nodes: Sequence[Node]) -> list[str]:
    """The texts of a list of ``String`` nodes (a qualified name, column aliases …); others are left out."""
    return [item.sval for kind, item in map(unwrap, nodes) if kind == "string"]


def text_constant(kind: str, node: Node) -> str | None:
    """The text of a string constant, casts aside (``'select 1'::text``); None for anything else."""
    while kind in ("type_cast", "named_arg_expr", "collate_clause"):
        kind, node = child(node, "arg")
    if kind == "a_const" and node.WhichOneof("val") == "sval":
        return str(node.sval.sval)
    if kind == "a_expr" and node.HasField("lexpr") and strings(node.name) == ["||"]:  # 'sel' || 'ect'
        left, right = (text_constant(*child(node, side)) for side in ("lexpr", "rexpr"))
        return None if left is None or right is None else left + right
    if kind == "func_call" and (strings(node.funcname) or [""])[-1] == "concat":
        pieces = [text_constant(*unwrap(item)) for item in node.args]
        return None if None in pieces else "".join(piece for piece in pieces if piece is not None)
    return None


def integer_constant(kind: str, node: Node) -> int | None:
    """The value of an integer constant, signed; None for anything else."""
    if kind == "a_const" and node.WhichOneof("val") == "ival":
        return int(node.ival.ival)
    if kind == "a_const" and node.WhichOneof("val") == "fval" and node.fval.fval.isdigit() and len(node.fval.fval) < 20:
        return int(node.fval.fval)
    if kind == "a_expr" and not node.HasField("lexpr") and strings(node.name) == ["-"]:
        value = integer_constant(*child(node, "rexpr"))
        return None if value is None else -value
    return None


def is_never(kind: str, node: Node) -> bool:
    """Whether a condition holds for no row by its own words: ``false``, ``1 = 0``, ``x and false``."""
    if node is None:
        return False
    if kind == "a_const":
        return bool(node.WhichOneof("val") == "boolval" and not node.boolval.boolval)
    if kind == "bool_expr":
        parts = [is_never(*unwrap(item)) for item in node.args]
        return any(parts) if node.boolop == 1 else all(parts) if node.boolop == 2 else False
    if kind == "a_expr" and node.HasField("lexpr") and node.HasField("rexpr"):
        left, right = (integer_constant(*child(node, side)) for side in ("lexpr", "rexpr"))
        if left is not None and right is not None:
            return {"=": left != right, "<>": left == right, "<": left >= right, ">": left <= right}.get(
                (strings(node.name) or [""])[-1], False
            )
    return False


def is_constant(kind: str, node: Node) -> bool:
    """Whether an expression reads no relation: constants, parameters, ``now()``, and what is built of them."""
    return all(k not in ("column_ref", "sub_link") for k, _ in walk(kind, node))
