"""A Sigma condition tree as SQL over the event columns.

An unknown value is *no match*, and its negation is true, as Sigma means it: below a ``not`` every comparison is made
two-valued. Elsewhere SQL's null does as well as false, and the bare comparison lets Parquet row groups be skipped.
Strings compare without regard to case unless ``cased``; a list column matches when any element does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from scanner.ruleset.fields import FIELDS, Field, Kind, nearest
from scanner.ruleset.rule import Fragment, InNetwork, join

Report = Callable[[str, str], None]  # (field name, what is wrong)

NOTHING = Fragment("false")
_OPERATORS = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
    CompareOperators.NEQ: "<>",
}
_ADDRESSES = "client_ip"  # the one field that holds network addresses


class _BadError(Exception):
    """This comparison cannot be made; the message says why."""


def compile_condition(node: Any, report: Report, negated: bool = False) -> Fragment:
    """The tree pySigma made of a rule's condition, as a SQL condition.

    ``negated``: the condition stands somewhere below a ``not``. What cannot be compiled is told to ``report`` and
    becomes *false*; the caller must not run a rule that reported anything.
    """
    if node is None:
        report("", "the condition is empty")
        return NOTHING
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return _leaf(node.field, node.value, report, negated)
    if isinstance(node, ConditionValueExpression):
        report("", f"a keyword without a field ({_short(node.value)}) is not supported: events have no full text, name a field")
        return NOTHING
    if isinstance(node, ConditionNOT):
        return Fragment("NOT (") + compile_condition(node.args[0], report, True) + ")"
    if isinstance(node, ConditionAND):
        return Fragment("(") + join(" AND ", [compile_condition(a, report, negated) for a in node.args]) + ")"
    if isinstance(node, ConditionOR):
        return _any_of(node, report, negated)
    report("", f"{type(node).__name__} is not supported")
    return NOTHING


def _any_of(node: ConditionItem, report: Report, negated: bool) -> Fragment:
    """OR, with the plain strings a field is compared with gathered into one IN list."""
    words: dict[str, list[str]] = {}
    parts: list[Fragment] = []
    for arg in node.args:
        plain = _plain_word(arg)
        if plain is None:
            parts.append(compile_condition(arg, report, negated))
        else:
            words.setdefault(plain[0], []).append(plain[1])
    for name, values in words.items():
        marks = ", ".join("lower(?)" for _ in values)
        bound = tuple(values)

        def one_of(x: str, marks: str = marks, bound: tuple[str, ...] = bound) -> Fragment:
            return Fragment(f"lower({x}) IN ({marks})", bound)

        parts.append(_on_elements(FIELDS[name], one_of, negated))
    return Fragment("(") + join(" OR ", parts) + ")"


def _plain_word(node: Any) -> tuple[str, str] | None:
    """(field, word) when the node compares a text field with a word that holds no wildcard."""
    if not isinstance(node, ConditionFieldEqualsValueExpression) or type(node.value) is not SigmaString:
        return None
    field = FIELDS.get(node.field)
    if field is None or field.kind is not Kind.STRING or not all(isinstance(part, str) for part in node.value.s):
        return None
    return node.field, "".join(str(part) for part in node.value.s)


def _leaf(name: str, value: SigmaType, report: Report, negated: bool) -> Fragment:
    field = FIELDS.get(name)
    if field is None:
        report(name, f"unknown field {name!r}{nearest(name, FIELDS)}")
        return NOTHING
    try:
        if isinstance(value, SigmaNull):
            return _absent(field)
        if isinstance(value, SigmaExists):
            return _absent(field) if not value.exists else Fragment("NOT ") + _absent(field)
        if isinstance(value, SigmaExpansion):
            return Fragment("(") + join(" OR ", [_leaf(name, v, report, negated) for v in value.values]) + ")"
        return _on_elements(field, lambda x: _compare(x, field, value), negated)
    except _BadError as error:
        report(name, str(error))
        return NOTHING


def _absent(field: Field) -> Fragment:
    return Fragment(f"({field.sql} IS NULL OR len({field.sql}) = 0)" if field.many else f"({field.sql} IS NULL)")


def _on_elements(field: Field, compare: Callable[[str], Fragment], negated: bool) -> Fragment:
    if field.many:
        condition = Fragment(f"len(list_filter({field.sql}, lambda x: ") + compare("x") + ")) > 0"
    else:
        condition = compare(field.sql)
    return Fragment("coalesce(") + condition + ", false)" if negated else condition


def _compare(x: str, field: Field, value: SigmaType) -> Fragment:
    """``value`` against the SQL expression ``x``, an element of the field."""
    if isinstance(value, SigmaCompareExpression):
        _need(field, Kind.NUMBER, value)
        return Fragment(f"{x} {_OPERATORS[value.op]} ?", (_number(value.number),))
    if isinstance(value, SigmaTimestampPart):
        raise _BadError("parts of a time are not compared; use hour_local, weekday_local or day_local")
    if isinstance(value, SigmaNumber):
        _need(field, Kind.NUMBER, value)
        return Fragment(f"{x} = ?", (_number(value),))
    if isinstance(value, SigmaBool):
        _need(field, Kind.BOOLEAN, value)
        return Fragment(f"{x} = ?", (value.boolean,))
    if isinstance(value, SigmaString):
        _need(field, Kind.STRING, value)
        return _text(x, value)
    if isinstance(value, SigmaRegularExpression):
        _need(field, Kind.STRING, value)
        return Fragment(f"regexp_matches({x}, ?)", (value.escape(escape_escape_char=False),))
    if isinstance(value, SigmaCIDRExpression):
        if field.name != _ADDRESSES:
            raise _BadError(f"only {_ADDRESSES} holds addresses, so cidr applies to it alone")
        return Fragment(f"list_contains(?::VARCHAR[], {x})", (InNetwork(field.name, value.network),))
    if isinstance(value, SigmaFieldReference):
        return _other_field(x, field, value)
    raise _BadError(f"{type(value).__name__} is not supported")


def _text(x: str, value: SigmaString) -> Fragment:
    cased = isinstance(value, SigmaCasedString)
    wild = any(isinstance(part, SpecialChars) for part in value.s)
    pattern = ""
    for part in value.s:
        if isinstance(part, str):
            pattern += escape_like(part) if wild else part
        elif isinstance(part, SpecialChars):
            pattern += "%" if part is SpecialChars.WILDCARD_MULTI else "_"
        else:
            raise _BadError(f"placeholder %{part.name}% is never filled in")
    operator = r"LIKE {} ESCAPE '\'" if wild else "= {}"
    return Fragment(f"{x} {operator.format('?')}" if cased else f"lower({x}) {operator.format('lower(?)')}", (pattern,))


def escape_like(text: str) -> str:
    r"""The text as a LIKE pattern that matches itself alone, with ``\`` as the escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _other_field(x: str, field: Field, value: SigmaFieldReference) -> Fragment:
    other = FIELDS.get(value.field)
    if other is None:
        raise _BadError(f"unknown field {value.field!r}{nearest(value.field, FIELDS)}")
    if other.many:
        raise _BadError(f"{other.name} is a list; put it on the left and the single value on the right")
    if other.kind is not field.kind:
        raise _BadError(f"{field.name} is {field.described}, {other.name} is {other.described}: they cannot be equal")
    if field.kind is not Kind.STRING:
        if value.starts_with or value.ends_with:
            raise _BadError("only text can be compared in part")
        return Fragment(f"{x} = {other.sql}")
    left, right = f"lower({x})", f"lower({other.sql})"
    function = {
        (False, False): "{} = {}",
        (True, False): "starts_with({}, {})",
        (False, True): "ends_with({}, {})",
        (True, True): "contains({}, {})",
    }[(value.starts_with, value.ends_with)]
    return Fragment(function.format(left, right))


def _need(field: Field, kind: Kind, value: SigmaType) -> None:
    if field.kind is kind:
        return
    hint = "; put the value in quotes" if field.kind is Kind.STRING and kind is Kind.NUMBER else ""
    if field.kind in (Kind.DATE, Kind.TIME):
        hint = "; rules do not compare dates and times, use hour_local, weekday_local or in_business_hours"
    raise _BadError(f"{field.name} is {field.described}, but {_short(value)} is {kind.value}{hint}")


def _number(value: SigmaNumber) -> int | float:
    if abs(value.number) >= 2**63:
        raise _BadError(f"{value.number} does not fit any number of an event")
    return value.number


def _short(value: SigmaType) -> str:
    text = value.to_plain() if isinstance(value, SigmaString) else str(getattr(value, "number", value))
    return repr(text if len(text) <= 60 else text[:57] + "…")
