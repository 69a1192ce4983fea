"""A Sigma correlation rule, checked key by key and compiled to :class:`~scanner.ruleset.rule.Correlation`.

pySigma reads the correlation too (so that what we accept is Sigma), but accepts unknown keys and one operator a condition only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaCorrelationTimespan,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaError

from scanner.ruleset.fields import FIELDS, Kind, nearest
from scanner.ruleset.rule import Bound, Correlation, Fragment, join
from scanner.ruleset.yamlfile import Key

Report = Callable[[Key, str], None]

TYPES = {
    "event_count": "events",
    "value_count": "distinct values",
    "value_sum": "sum",
    "value_avg": "average",
    "value_percentile": "percentile",
    "value_median": "median",
    "temporal": "rules",
    "temporal_ordered": "rules",
}
OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
KEYS = ("type", "rules", "group-by", "timespan", "aliases", "condition", "generate")
_NUMERIC = ("value_sum", "value_avg", "value_percentile", "value_median")
_TOP: Key = ("correlation",)


def for_pysigma(data: dict[str, Any]) -> dict[str, Any]:
    """The rule with a range condition cut to its first operator: pySigma takes one only. Ours is compiled from the whole."""
    correlation = data.get("correlation")
    condition = correlation.get("condition") if isinstance(correlation, dict) else None
    if not isinstance(correlation, dict) or not isinstance(condition, dict):
        return data
    operators = [key for key in condition if key in OPERATORS]
    first = {
        key: value for key, value in condition.items() if key not in operators[1:] and key in (*OPERATORS, "field", "percentile")
    }
    return {**data, "correlation": {**correlation, "condition": first}}


def references(correlation: Mapping[str, Any]) -> list[str]:
    """Names or ids of the rules a correlation refers to, in its order; for a condition in words, those it names."""
    rules = correlation.get("rules")
    if isinstance(rules, str):
        return [rules]
    if isinstance(rules, list):
        return [str(rule) for rule in rules]
    if isinstance(correlation.get("condition"), str):
        try:
            return list(SigmaExtendedCorrelationCondition(correlation["condition"]).get_referenced_rules())
        except SigmaError:
            return []
    return []


def compile_correlation(correlation: Mapping[str, Any], matches: Mapping[str, Fragment], report: Report) -> Correlation | None:
    """``matches`` holds the compiled condition of each rule referred to, by the name the correlation uses.

    None when anything was reported.
    """
    problems = 0

    def wrong(key: Key, message: str) -> None:
        nonlocal problems
        problems += 1
        report((*_TOP, *key), message)

    for key in correlation:
        if key not in KEYS:
            wrong((key,), f"unknown correlation key {key!r}{nearest(key, dict.fromkeys(KEYS))}")
    kind = correlation.get("type")
    if kind not in TYPES:
        wrong(("type",), f"must be one of {', '.join(TYPES)}")
        return None
    names = references(correlation)
    if len(set(names)) != len(names):
        wrong(("rules",), "names the same rule twice")
    timespan = _timespan(correlation, wrong)
    aliases = _aliases(correlation, names, wrong)
    groups, group_names = _groups(correlation, aliases, matches, wrong)
    bounds, values, percentile, expression = _condition(correlation, str(kind), names, wrong)
    if kind == "temporal_ordered" and len(names) < 2:
        wrong(("rules",), "an order needs at least two rules")
    if problems or timespan is None:
        return None
    return Correlation(
        type=str(kind),
        timespan=timespan,
        matches=tuple(matches[name] for name in names),
        groups=groups,
        group_names=group_names,
        bounds=bounds,
        values=values,
        percentile=percentile,
        expression=expression,
    )


def _timespan(correlation: Mapping[str, Any], wrong: Report) -> timedelta | None:
    try:
        span = SigmaCorrelationTimespan(correlation.get("timespan", ""))
        if span.seconds > 366 * 86_400:
            wrong(("timespan",), "is longer than a year")
            return None
        return timedelta(seconds=span.seconds)
    except (SigmaError, OverflowError):
        wrong(("timespan",), "must be a positive whole number and a unit: 30s, 15m, 1h, 14d, 2w, 1M, 1y")
        return None


def _aliases(correlation: Mapping[str, Any], names: list[str], wrong: Report) -> dict[str, dict[str, str]]:
    aliases = correlation.get("aliases") or {}
    if not isinstance(aliases, dict):
        wrong(("aliases",), "must map each alias to a field for each rule")
        return {}
    good: dict[str, dict[str, str]] = {}
    group_by = correlation.get("group-by") or []
    for alias, mapping in aliases.items():
        if alias in FIELDS:
            wrong(("aliases", alias), "is the name of a field; choose another")
        elif not isinstance(mapping, dict) or set(mapping) != set(names):
            wrong(("aliases", alias), f"must name a field for each of the rules {', '.join(names)}")
        elif alias not in group_by:
            wrong(("aliases", alias), "is not used in group-by")
        else:
            for rule, name in mapping.items():
                if name not in FIELDS or FIELDS[name].many:
                    wrong(("aliases", alias, rule), f"unknown field {name!r}, or one that holds a list")
                    break
            else:
                good[alias] = {str(rule): str(name) for rule, name in mapping.items()}
    return good


def _groups(
    correlation: Mapping[str, Any],
    aliases: Mapping[str, Mapping[str, str]],
    matches: Mapping[str, Fragment],
    wrong: Report,
) -> tuple[tuple[Fragment, ...], tuple[str, ...]]:
    """Group keys as text, exactly as the event holds them: never case-folded."""
    group_by = correlation.get("group-by") or []
    group_by = [group_by] if isinstance(group_by, str) else group_by
    if not isinstance(group_by, list):
        wrong(("group-by",), "must be a field or a list of fields")
        return (), ()
    groups: list[Fragment] = []
    for index, name in enumerate(group_by):
        if name in aliases:
            cases = [
                Fragment("WHEN ") + matches[rule] + f" THEN {FIELDS[field].sql}::VARCHAR" for rule, field in aliases[name].items()
            ]
            groups.append(Fragment("CASE ") + join(" ", cases) + " END")
        elif name not in FIELDS:
            wrong(("group-by", index), f"unknown field {name!r}{nearest(str(name), FIELDS)}")
        elif FIELDS[name].many:
            wrong(("group-by", index), f"{name} holds a list, and a list is no group")
        else:
            groups.append(Fragment(f"{FIELDS[name].sql}::VARCHAR"))
    return tuple(groups), tuple(str(name) for name in group_by)


def _condition(
    correlation: Mapping[str, Any], kind: str, names: list[str], wrong: Report
) -> tuple[tuple[Bound, ...], tuple[str, ...], float, Any]:
    """(bounds, columns, percentile, boolean expression) of the condition."""
    condition = correlation.get("condition")
    temporal = kind.startswith("temporal")
    everything = (Bound("gte", float(len(names))),)
    nothing: tuple[tuple[Bound, ...], tuple[str, ...], float, Any] = ((), (), 0.5, None)
    if condition is None:
        if not temporal:
            wrong(("condition",), "is missing: say when the rule fires, for example {gte: 100}")
        return everything, (), 0.5, None
    if kind == "temporal_ordered":
        wrong(("condition",), "temporal_ordered fires when all its rules match in their order; it takes no condition")
        return nothing
    if isinstance(condition, str):
        return everything, (), 0.5, _expression(condition, names, temporal, wrong)
    if not isinstance(condition, dict):
        wrong(("condition",), "must be a mapping such as {gte: 100}")
        return nothing
    known = (
        *OPERATORS,
        *(() if temporal or kind == "event_count" else ("field",)),
        *(("percentile",) if kind == "value_percentile" else ()),
    )
    for key in condition:
        if key not in known:
            wrong(("condition", key), f"unknown key {key!r} in the condition of a {kind}{nearest(key, dict.fromkeys(known))}")
    bounds = []
    for operator in (key for key in condition if key in OPERATORS):
        number = condition[operator]
        if isinstance(number, bool) or not isinstance(number, int | float) or number != number or abs(number) >= 2**63:
            wrong(("condition", operator), "must be a number")
        else:
            bounds.append(Bound(operator, float(number)))
    if not any(key in OPERATORS for key in condition):
        wrong(("condition",), f"needs one of {', '.join(OPERATORS)}, or two of them for a range")
    percentile = condition.get("percentile", 50)
    if isinstance(percentile, bool) or not isinstance(percentile, int | float) or not 0 <= percentile <= 100:
        wrong(("condition", "percentile"), "must be a number from 0 to 100")
        percentile = 50
    if kind == "value_percentile" and "percentile" not in condition:
        wrong(("condition", "percentile"), "is missing: a number from 0 to 100")
    return tuple(bounds), _values(condition, kind, wrong), percentile / 100, None


def _values(condition: Mapping[str, Any], kind: str, wrong: Report) -> tuple[str, ...]:
    if kind == "event_count" or kind.startswith("temporal"):
        return ()
    named = condition.get("field")
    names = named if isinstance(named, list) else [named]
    if named is None or not names or (len(names) > 1 and kind != "value_count"):
        wrong(("condition", "field"), f"{kind} needs the field it is about")
        return ()
    columns = []
    for name in names:
        field = FIELDS.get(str(name))
        if field is None:
            wrong(("condition", "field"), f"unknown field {name!r}{nearest(str(name), FIELDS)}")
        elif field.many:
            wrong(("condition", "field"), f"{name} holds a list, which has no {TYPES[kind]}")
        elif kind in _NUMERIC and field.kind is not Kind.NUMBER:
            wrong(("condition", "field"), f"{name} is {field.described}, which has no {TYPES[kind]}")
        else:
            columns.append(field.sql)
    return tuple(columns)


def _expression(text: str, names: list[str], temporal: bool, wrong: Report) -> Any:
    if not temporal:
        wrong(("condition",), "must be a mapping such as {gte: 100}; words are for temporal correlations")
        return None
    try:
        tree = SigmaExtendedCorrelationCondition(text).parsed
        unused = set(names) - set(SigmaExtendedCorrelationCondition(text).get_referenced_rules())
    except SigmaError as error:
        wrong(("condition",), f"cannot be read: {error}")
        return None
    if unused:
        wrong(("condition",), f"does not use {', '.join(sorted(unused))}")

    def walk(node: CorrelationConditionItem | SigmaRuleReference) -> Any:
        if isinstance(node, SigmaRuleReference):
            if node.reference not in names:
                wrong(("condition",), f"names {node.reference!r}, which is not among the rules")
                return 0
            return names.index(node.reference)
        if isinstance(node, CorrelationConditionNOT):
            return ("not", walk(node.args[0]))
        word = "and" if isinstance(node, CorrelationConditionAND) else "or"
        return (word, *(walk(arg) for arg in node.args))

    return walk(tree)
