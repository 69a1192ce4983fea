"""Pieces cut from a value that are too small to name anybody, as masked reports show them: ``left(name, 1) || '**'``.

How much of a value may be left depends on what it is: of a name its first letter, of a card its first six and last four digits
(PCI DSS 4.0, requirement 3.4.1). Only pieces at an end of the value count, so that no number of such reports, laid side by side,
gives the whole value; whatever starts in its middle is a piece of a value being carried away.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from scanner.lineage.scope import Gathered, Origins
from scanner.lineage.tree import Node, child, integer_constant, strings, text_constant, unwrap
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

_PARTS = frozenset({"extract", "date_part", "date_trunc"})
_YEARS = frozenset({"year", "isoyear", "decade", "century", "millennium"})  # as coarse as four characters of a date
_SPLITS = frozenset({"split_part", "substring_index"})


def column_of(node: Node) -> tuple[str, Node]:
    """The column that a cutting call cuts, casts aside; ``("", None)`` when it cuts anything else, or is no such call."""
    name = (strings(node.funcname) or [""])[-1]
    if not (name in CUTTING and len(node.args) in (2, 3)) and not _is_year(name, node) and not _is_domain(name, node):
        return "", None
    kind, value = unwrap(node.args[1 if name in _PARTS else 0])
    while kind in ("type_cast", "collate_clause"):
        kind, value = child(value, "arg")
    return (kind, value) if kind == "column_ref" else ("", None)


def _is_year(name: str, node: Node) -> bool:
    return name in _PARTS and len(node.args) == 2 and (text_constant(*unwrap(node.args[0])) or "").lower() in _YEARS


def _is_domain(name: str, node: Node) -> bool:
    """``split_part(email, '@', 2)``: what many people's addresses have in common."""
    if name not in _SPLITS or len(node.args) != 3 or text_constant(*unwrap(node.args[1])) != "@":
        return False
    return integer_constant(*unwrap(node.args[2])) == (2 if name == "split_part" else -1)


def _classes(cut: Origins, gathered: Gathered) -> set[str | None]:
    tables = [(gathered.names.table(origin.table), origin) for origin in cut]
    columns = [(table.column(origin.column) if table is not None else None, origin) for table, origin in tables]
    return {
        column.pii_class if column is not None and origin.flow in (Flow.AS_IS, Flow.MASKED) else "" for column, origin in columns
    }


def hides(node: Node, cut: Origins, gathered: Gathered) -> bool:
    """Whether a cutting call leaves too little of every value of the columns ``cut`` to tell whose it is."""
    name = strings(node.funcname)[-1]
    if name in _PARTS:
        return bool(cut) and _classes(cut, gathered) <= {"DATE_OF_BIRTH", None}
    if name in _SPLITS:
        return bool(cut) and _classes(cut, gathered) <= {"EMAIL_ADDRESS", None}
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
