"""Pieces cut from a value that are too small to name anybody, as masked reports show them: ``left(name, 1) || '**'``.

How much of a value may be left depends on what it is: of a name its first letter, of a card its first six and last four digits
(PCI DSS 4.0, requirement 3.4.1). Only pieces at an end of the value count, so that no number of such reports, laid side by side,
gives the whole value; whatever starts in its middle is a piece of a value being carried away.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from scanner.lineage.scope import Gathered, Origins
from scanner.lineage.tree import Node, child, integer_constant, strings, unwrap
from scanner.model import Flow

CUTTING = frozenset({"left", "right", "substr", "substring"})

# characters that may stay at the beginning and at the end of a value
_LEFT: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "PHONE_NUMBER": (4, 4),
        "CREDIT_CARD": (6, 4),
        "BANK_ACCOUNT": (3, 4),
        "EMAIL_ADDRESS": (3, 0),
        "ADDRESS": (6, 0),
        "POSTCODE": (3, 0),
        "DATE_OF_BIRTH": (4, 0),
    }
)
_OTHERS = (1, 1)


def column_of(node: Node) -> tuple[str, Node]:
    """The column that a cutting call cuts, casts aside; ``("", None)`` when it cuts anything else, or is no such call."""
    name = (strings(node.funcname) or [""])[-1]
    if name not in CUTTING or len(node.args) not in (2, 3):
        return "", None
    kind, value = unwrap(node.args[0])
    while kind in ("type_cast", "collate_clause"):
        kind, value = child(value, "arg")
    return (kind, value) if kind == "column_ref" else ("", None)


def hides(node: Node, cut: Origins, gathered: Gathered) -> bool:
    """Whether a cutting call leaves too little of every value of the columns ``cut`` to tell whose it is."""
    end = _end(node)
    if end is None or not cut:
        return False
    at_start, length = end
    for origin in cut:
        table = gathered.names.table(origin.table)
        column = table.column(origin.column) if table is not None else None
        if column is None or origin.flow not in (Flow.AS_IS, Flow.MASKED):
            return False
        allowed = _LEFT.get(column.pii_class or "", _OTHERS)[0 if at_start else 1]
        if column.pii_class is not None and length > allowed:
            return False
    return True


def _end(node: Node) -> tuple[bool, int] | None:
    """At which end of the value (true: at its beginning) how many characters are left; None when that cannot be told."""
    name = strings(node.funcname)[-1]
    numbers = [integer_constant(kind, value) for kind, value in map(unwrap, list(node.args)[1:])]
    if name in ("left", "right"):
        length = numbers[0]
        return (name == "left", length) if length is not None and length >= 0 and len(numbers) == 1 else None
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    start, length = numbers[0], numbers[1]
    return (True, start + length - 1) if start <= 1 and length >= 0 else None
