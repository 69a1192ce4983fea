"""From rule files to a :class:`~scanner.ruleset.rule.RuleSet`: read, check everything, compile, and tell all problems at once."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigma.collection import SigmaCollection
from sigma.conditions import ConditionIdentifier, ConditionSelector
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaDetections, SigmaRule

from scanner.model import Level
from scanner.ruleset import lint
from scanner.ruleset.conditions import compile_condition
from scanner.ruleset.correlations import compile_correlation, for_pysigma, references
from scanner.ruleset.rule import Correlation, Fragment, Rule, RuleSet, TestCase
from scanner.ruleset.testcases import read_tests
from scanner.ruleset.yamlfile import Document, Key, Problem, RuleProblems, parse_documents, read_documents


def shipped_folder() -> Path:
    """Where the rules of this distribution are: inside the package when installed, ``rules/`` in a checkout."""
    packaged = Path(__file__).parent / "shipped"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "rules"


def load_rules(extra: Sequence[Path] = ()) -> RuleSet:
    """The shipped rules and those of the folders (or files) in ``extra``, checked and compiled.

    Rules in ``extra`` may be plain Sigma, as SigmaHQ publishes them; what analysts are shown of ours is optional there. Raises
    :class:`RuleProblems`, a :class:`~scanner.errors.RuleError`, naming everything wrong in every file.
    """
    return load_folders([shipped_folder()], extra)


def load_folders(folders: Sequence[Path], guests: Sequence[Path] = ()) -> RuleSet:
    """The rules of these folders (searched for ``*.yml`` and ``*.yaml``, in name order) or files, and no others.

    Those in ``folders`` must hold all that ours do, those in ``guests`` what Sigma demands.
    """
    problems: list[Problem] = []
    documents: list[Document] = []
    for place, folder in enumerate([*folders, *guests]):
        files = sorted(p for s in ("*.yml", "*.yaml") for p in folder.rglob(s)) if folder.is_dir() else [folder]
        for file in files:
            shown = f"{folder.name}/{file.relative_to(folder).as_posix()}" if folder.is_dir() else str(file)
            documents += read_documents(file, shown, problems, guest=place >= len(folders))
    return compile_documents(documents, problems)


def load_text(text: str, shown: str = "rule.yml", *, guest: bool = False) -> RuleSet:
    """The rules of one text, as if it were a file; for editors and tests."""
    problems: list[Problem] = []
    return compile_documents(parse_documents(text, shown, problems, guest=guest), problems)


@dataclass
class _Parsed:
    """A document with what pySigma made of it."""

    document: Document
    sigma: SigmaRule | SigmaCorrelationRule | SigmaFilter
    block: bool = False  # only a part of a correlation in its own file: makes no findings itself
    tests: list[TestCase] = field(default_factory=list)


def compile_documents(documents: list[Document], problems: list[Problem]) -> RuleSet:
    """Check and compile; raises :class:`RuleProblems` when ``problems`` holds anything afterwards."""
    parsed = [p for d in documents if (p := _parse(d, problems)) is not None]
    rules = _names(parsed, problems)
    _mark_blocks(parsed, rules)
    for item in parsed:
        _check(item, problems)
        if isinstance(item.sigma, SigmaFilter):
            _check_filter(item, rules, problems)
    # pySigma applies the filters to the rules here. References are resolved by ``rules``: an unknown one is our error,
    # and a rule another file refers to must not fall silent because of it.
    SigmaCollection([item.sigma for item in parsed], resolve_references=False)
    matches = {id(p): _match(p.document, p.sigma, problems) for p in parsed if isinstance(p.sigma, SigmaRule)}
    compiled: list[Rule] = []
    for item in parsed:
        if isinstance(item.sigma, SigmaFilter) or item.block:
            continue
        correlation = _correlation(item, rules, matches, problems) if isinstance(item.sigma, SigmaCorrelationRule) else None
        if not problems:
            compiled.append(_rule(item, matches.get(id(item)), correlation))
    if problems:
        raise RuleProblems(problems)
    return RuleSet(tuple(compiled))


def _parse(document: Document, problems: list[Problem]) -> _Parsed | None:
    data = document.data
    kinds = [kind for kind in ("detection", "correlation", "filter") if kind in data]
    if len(kinds) != 1:
        problems.append(document.problem((), "a rule has exactly one of detection, correlation and filter"))
        return None
    allowed = {"detection": lint.DETECTION_KEYS, "correlation": lint.CORRELATION_KEYS, "filter": lint.FILTER_KEYS}
    problems += lint.top_keys(document, allowed[kinds[0]])
    problems += _empty_lists(document)
    types: dict[str, type[SigmaRule] | type[SigmaCorrelationRule] | type[SigmaFilter]] = {
        "detection": SigmaRule,
        "correlation": SigmaCorrelationRule,
        "filter": SigmaFilter,
    }
    try:
        sigma = types[kinds[0]].from_dict(for_pysigma(data), collect_errors=True)
    except (SigmaError, TypeError, ValueError, KeyError, AttributeError) as error:
        # pySigma raises plain Python errors for values of an unexpected type, even when told to collect
        problems.append(document.problem((kinds[0],), f"is not valid Sigma: {error}"))
        return None
    problems += [document.problem((kinds[0],), f"is not valid Sigma: {error}") for error in sigma.errors]
    return None if sigma.errors else _Parsed(document, sigma)


def _empty_lists(document: Document) -> list[Problem]:
    """``field: []`` would match *no value at all*, which nobody means."""
    problems = []
    for key in document.lines:
        value: Any = document.data
        for part in key:
            value = value[part]
        if value == [] and key[0] in ("detection", "filter"):
            problems.append(document.problem(key, "is an empty list; name a value, or null for a missing one"))
    return problems


def _names(parsed: list[_Parsed], problems: list[Problem]) -> dict[str, _Parsed]:
    """Rules by id and by name."""
    rules: dict[str, _Parsed] = {}
    for item in parsed:
        for key in ("id", "name"):
            name = item.document.data.get(key)
            if not isinstance(name, str):
                continue
            name = name.lower() if key == "id" else name
            if name in rules:
                other = rules[name].document
                problems.append(item.document.problem((key,), f"{name!r} is already taken by {other.path}:{other.line}"))
            elif not isinstance(item.sigma, SigmaFilter):
                rules[name] = item
    return rules


def _mark_blocks(parsed: list[_Parsed], rules: dict[str, _Parsed]) -> None:
    """Rules a correlation *in the same file* refers to are its parts, unless it says ``generate: true``.

    A reference from another file never silences a rule.
    """
    for item in parsed:
        if not isinstance(item.sigma, SigmaCorrelationRule) or item.sigma.generate:
            continue
        for name in references(item.document.data["correlation"]):
            other = rules.get(name) or rules.get(name.lower())
            if other is not None and other.document.path == item.document.path:
                other.block = True


def _check(item: _Parsed, problems: list[Problem]) -> None:
    document, correlation = item.document, isinstance(item.sigma, SigmaCorrelationRule)
    if not correlation:
        problems += lint.logsource(document)
    if isinstance(item.sigma, SigmaFilter):
        problems += lint.identity(document)
        return
    if item.block:
        unused = [key for key in lint.OURS if key in document.data]
        problems += [document.problem((key,), "has no effect in a rule that is only a part of a correlation") for key in unused]
        return
    problems += lint.metadata(document, correlation=correlation)
    if document.guest and "tests" not in document.data:
        return
    item.tests, wrong = read_tests(document)
    problems += wrong
    if not wrong and not document.guest:
        problems += lint.enough_tests(document, item.tests)


def _check_filter(item: _Parsed, rules: dict[str, _Parsed], problems: list[Problem]) -> None:
    document = item.document
    assert isinstance(item.sigma, SigmaFilter)
    named = document.data["filter"].get("rules")
    for index, name in enumerate(named if isinstance(named, list) else [named]):
        if name != "any" and not (name in rules or str(name).lower() in rules):
            key: Key = ("filter", "rules", index) if isinstance(named, list) else ("filter", "rules")
            problems.append(document.problem(key, f"refers to {name!r}, which is no rule here"))
    _compile(document, item.sigma.filter, "filter", problems)


def _match(document: Document, rule: SigmaRule, problems: list[Problem]) -> Fragment:
    return _compile(document, rule.detection, "detection", problems)


def _compile(document: Document, detections: SigmaDetections, section: str, problems: list[Problem]) -> Fragment:
    def report(field_name: str, message: str) -> None:
        key = document.find((section,), field_name) if field_name else (section, "condition")
        problems.append(document.problem(key, message))

    if len(detections.parsed_condition) != 1:
        report("", "must be one condition; join several with or")
        return Fragment("false")
    try:
        used = _identifiers(detections.parsed_condition[0].parse(postprocess=False), detections)
        tree = detections.parsed_condition[0].parsed
    except (SigmaError, RecursionError) as error:
        report("", f"cannot be read: {error}")
        return Fragment("false")
    problems += [
        document.problem((section, name), "is not used in the condition")
        for name in detections.detections
        if name not in used and not name.startswith("_filt_")
    ]
    return compile_condition(tree, report)


def _identifiers(node: Any, detections: SigmaDetections) -> set[str]:
    if isinstance(node, ConditionIdentifier):
        return {node.identifier}
    if isinstance(node, ConditionSelector):
        return {i.identifier for i in node.resolve_referenced_detections(detections)}
    return set().union(*(_identifiers(arg, detections) for arg in getattr(node, "args", [])))


def _correlation(
    item: _Parsed, rules: dict[str, _Parsed], matches: dict[int, Fragment], problems: list[Problem]
) -> Correlation | None:
    document = item.document
    named: dict[str, Fragment] = {}
    for index, name in enumerate(references(document.data["correlation"])):
        other = rules.get(name) or rules.get(name.lower())
        if other is None:
            problems.append(document.problem(("correlation", "rules", index), f"refers to {name!r}, which is no rule here"))
        elif isinstance(other.sigma, SigmaCorrelationRule):
            problems.append(document.problem(("correlation", "rules", index), "a correlation of correlations is not supported"))
        else:
            named[name] = matches[id(other)]
    names = references(document.data["correlation"])
    if len(named) != len(set(names)):
        named |= {name: Fragment("false") for name in names if name not in named}  # go on, to find what else is wrong
    return compile_correlation(
        document.data["correlation"], named, lambda key, message: problems.append(document.problem(key, message))
    )


def _rule(item: _Parsed, match: Fragment | None, correlation: Correlation | None) -> Rule:
    data = item.document.data
    rests_on = repr((data["level"], match, correlation)).encode()
    dated = item.sigma.date or dt.date(1970, 1, 1)
    modified = item.sigma.modified or dated
    title = _line(data["title"])
    escaped = title.rstrip(".").replace("{", "{{").replace("}", "}}")
    return Rule(
        id=str(item.sigma.id),
        title=title,
        level=Level(data["level"]),
        description=_line(data.get("description") or title),
        why=_line(data.get("why") or f"{{account}} of {{vendor}} on {{day}}: {escaped}."),
        triage=tuple(_line(step) for step in data.get("triage") or ()),
        falsepositives=tuple(_line(str(case)) for case in data.get("falsepositives") or ()),
        tags=tuple(str(tag) for tag in data.get("tags") or ()),
        references=tuple(str(r) for r in data.get("references") or ()),
        author=str(data.get("author") or ""),
        date=dated,
        modified=modified,
        version=f"{modified}+{hashlib.sha256(rests_on).hexdigest()[:8]}",
        path=item.document.path,
        line=item.document.line,
        match=match,
        correlation=correlation,
        tests=tuple(item.tests),
    )


def _line(text: str) -> str:
    """Text without the line breaks of its YAML."""
    return " ".join(text.split())
