# ruff: noqa: E501 - the table of cases keeps one case a line
"""Whatever is wrong with a rule file is told with file, line and field, and all of it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scanner.errors import RuleError
from scanner.ruleset import RuleProblems, load_folders, load_rules, load_text
from tests.ruleset.helpers import FIRING, QUIET, block, correlation, detection, metadata, rules, text

SUM: dict[str, Any] = {
    "type": "value_sum",
    "rules": ["part"],
    "group-by": ["account"],
    "timespan": "1h",
    "condition": {"gte": 10, "field": "exposed_persons"},
}
PART = block("part", {"exposed_persons|gte": 1})
PERSONS = {"exposed_persons|gte": 1}

Case = tuple[str, list[dict[str, Any]], str, str]
CASES: list[Case] = [
    ("unknown field", [detection({"exposed_personz|gte": 1})], "detection.s.exposed_personz|gte", "did you mean 'exposed_persons'"),
    ("unknown modifier", [detection({"account|beginswith": "a"})], "detection", "Unknown modifier"),
    ("text for a number", [detection({"exposed_persons": "many"})], "detection.s.exposed_persons", "a number"),
    ("number for a text", [detection({"error_code": 57014})], "detection.s.error_code", "quotes"),
    ("number for a truth", [detection({"agreed_export": 1})], "detection.s.agreed_export", "true or false"),
    ("comparing text", [detection({"account|gte": 5})], "detection.s.account|gte", "text"),
    ("comparing a list", [detection({"tables|lt": 5})], "detection.s.tables|lt", "list of text"),
    ("number too large", [detection({"exposed_persons": 10**30})], "detection.s.exposed_persons", "does not fit"),
    ("a time", [detection({"time": "2026"})], "detection.s.time", "hour_local"),
    ("part of a time", [detection({"time|hour": 3})], "detection.s.time|hour", "hour_local"),
    ("a keyword", [detection(["pg_dump"])], "detection.condition", "name a field"),
    ("cidr on text", [detection({"account|cidr": "10.0.0.0/8"})], "detection.s.account|cidr", "client_ip"),
    ("bad cidr", [detection({"client_ip|cidr": "10.0.0.0/99"})], "detection", "CIDR"),
    ("bad regex", [detection({"account|re": "("})], "detection", "Regular expression"),
    ("regex of unbounded cost", [detection({"account|re": r"(a)\1"})], "detection", "Regular expression"),
    ("fieldref to nowhere", [detection({"account|fieldref": "vender"})], "detection.s.account|fieldref", "'vendor'"),
    ("fieldref across types", [detection({"account|fieldref": "exposed_rows"})], "detection.s.account|fieldref", "cannot be equal"),
    ("placeholder never filled", [detection({"account|expand": "%admins%"})], "detection.s.account|expand", "%admins%"),
    ("an empty list", [detection({"account": []})], "detection.s.account", "empty list"),
    ("selection not defined", [detection(PERSONS, "s and t")], "detection.condition", "'t' not defined"),
    ("selection not used", [detection(PERSONS) | {"detection": {"s": PERSONS, "t": PERSONS, "condition": "s"}}], "detection.t", "not used"),
    ("two conditions", [detection(PERSONS) | {"detection": {"s": PERSONS, "condition": ["s", "not s"]}}], "detection.condition", "one condition"),
    ("broken condition", [detection(PERSONS, "s and and s")], "detection.condition", "cannot be read"),
    ("another log", [detection(PERSONS) | {"logsource": {"product": "windows"}}], "logsource", "vendorwatch"),
    ("unknown key", [detection(PERSONS, falsepositive=["x"])], "falsepositive", "did you mean 'falsepositives'"),
    ("no kind of rule", [metadata()], "", "exactly one of"),
    ("no description", [detection(PERSONS, description=None)], "description", "missing"),
    ("no level", [detection(PERSONS, level=None)], "level", "must be one of"),
    ("level unknown", [detection(PERSONS, level="urgent")], "detection", "level"),
    ("no author", [detection(PERSONS, author=None)], "author", "missing"),
    ("no modified", [detection(PERSONS, modified=None)], "modified", "missing"),
    ("modified before date", [detection(PERSONS, date="2026-03-02", modified="2026-03-01")], "modified", "before"),
    ("no id", [detection(PERSONS, id=None)], "", "id is missing"),
    ("id no UUID", [detection(PERSONS, id="bulk")], "detection", "UUID"),
    ("no triage", [detection(PERSONS, triage=None)], "triage", "missing"),
    ("no false positives", [detection(PERSONS, falsepositives=[])], "falsepositives", "missing"),
    ("no technique", [detection(PERSONS, tags=["attack.exfiltration"])], "tags", "ATT&CK technique"),
    ("tag misspelt", [detection(PERSONS, tags=["attack.t1030", "attack.T9"])], "tags.1", "not written as"),
    ("unknown placeholder", [detection(PERSONS, why="{vender} did it")], "why", "did you mean 'vendor'"),
    ("placeholder that reaches", [detection(PERSONS, why="{account.__class__}")], "why", "plain name"),
    ("placeholder unclosed", [detection(PERSONS, why="{account")], "why", "template"),
    ("observed of a single event", [detection(PERSONS, why="{observed} people")], "why", "correlations only"),
    ("no tests", [detection(PERSONS, tests=None)], "tests", "missing"),
    ("only quiet tests", [detection(PERSONS, tests=[QUIET])], "tests", "must fire"),
    ("only firing tests", [detection(PERSONS, tests=[FIRING])], "tests", "benign"),
    ("test of an unknown kind", [detection(PERSONS, tests=[{**FIRING, "kind": "good"}])], "tests.0.kind", "must be one of"),
    ("test column unknown", [detection(PERSONS, tests=[{**FIRING, "events": [{"person": 1}]}])], "tests.0.events.0.person", "unknown"),
    ("test value mistyped", [detection(PERSONS, tests=[{**FIRING, "events": [{"account": 1}]}])], "tests.0.events.0.account", "not text"),
    ("test truth mistyped", [detection(PERSONS, tests=[{**FIRING, "events": [{"exposed_persons": True}]}])], "tests.0.events.0.exposed_persons", "not a number"),
    ("test span", [detection(PERSONS, tests=[{**FIRING, "events": [{"at": "soon"}]}])], "tests.0.events.0.at", "span"),
    ("test without step", [detection(PERSONS, tests=[{**FIRING, "events": [{"times": 9}]}])], "tests.0.events.0.every", "missing"),
    ("too many events", [detection(PERSONS, tests=[{**FIRING, "events": [{"times": 10**9, "every": 1}]}])], "tests.0.events.0.times", "whole number"),
    ("same id twice", [detection(PERSONS), detection(PERSONS)], "id", "already taken"),
    ("unknown reference", [correlation(SUM | {"rules": ["parts"]}), PART], "correlation.rules.0", "no rule here"),
    ("unknown correlation key", [correlation(SUM | {"groupby": ["account"]}), PART], "correlation.groupby", "did you mean 'group-by'"),
    ("unknown correlation type", [correlation(SUM | {"type": "value_total"}), PART], "correlation", "value_total"),
    ("no timespan", [correlation({k: v for k, v in SUM.items() if k != "timespan"}), PART], "correlation", "timespan"),
    ("timespan of nothing", [correlation(SUM | {"timespan": "0h"}), PART], "correlation", "greater than zero"),
    ("timespan of a decade", [correlation(SUM | {"timespan": "10y"}), PART], "correlation.timespan", "longer than a year"),
    ("group by nothing known", [correlation(SUM | {"group-by": ["acount"]}), PART], "correlation.group-by.0", "did you mean 'account'"),
    ("group by a list", [correlation(SUM | {"group-by": ["tables"]}), PART], "correlation.group-by.0", "a list"),
    ("alias unused", [correlation(SUM | {"aliases": {"who": {"part": "vendor"}}}), PART], "correlation.aliases.who", "not used"),
    ("condition key unknown", [correlation(SUM | {"condition": {"gte": 1, "field": "exposed_rows", "count": 2}}), PART], "correlation.condition.count", "unknown key"),
    ("sum of text", [correlation(SUM | {"condition": {"gte": 1, "field": "account"}}), PART], "correlation.condition.field", "no sum"),
    ("sum of nothing known", [correlation(SUM | {"condition": {"gte": 1, "field": "rows"}}), PART], "correlation.condition.field", "unknown field"),
    ("count with a field", [correlation(SUM | {"type": "event_count"}), PART], "correlation.condition.field", "unknown key"),
    ("threshold in words", [correlation(SUM | {"condition": {"gte": "10", "field": "exposed_rows"}}), PART], "correlation.condition.gte", "must be a number"),
    ("percentile missing", [correlation(SUM | {"type": "value_percentile"}), PART], "correlation.condition.percentile", "missing"),
    ("order of one", [correlation({"type": "temporal_ordered", "rules": ["part"], "timespan": "1h"}), PART], "correlation.rules", "at least two"),
    ("windowed, not straddled", [correlation(SUM, tests=[FIRING, QUIET]), PART], "tests", "straddled"),
    ("words in a part", [correlation(SUM), PART | {"triage": ["Look."]}], "triage", "no effect"),
    ("filter of nothing", [detection(PERSONS), {"title": "f", "id": "6f0a3c52-8d0e-4a54-9b6e-0f5a1c1d7aff", "logsource": {"product": "vendorwatch", "category": "database"}, "filter": {"rules": ["bulk"], "s": {"account": "x"}, "condition": "not s"}}], "filter.rules.0", "no rule here"),
]  # fmt: skip


@pytest.mark.parametrize(("documents", "field", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_problems(documents: list[dict[str, Any]], field: str, message: str) -> None:
    with pytest.raises(RuleProblems) as caught:
        load_text(text(*documents), "rules/x.yml")
    found = [p for p in caught.value.problems if p.field == field and message in p.message]
    assert found, str(caught.value)
    assert all(p.path == "rules/x.yml" for p in found)


def test_all_problems_at_once_with_their_lines() -> None:
    with pytest.raises(RuleError) as caught:
        load_text(
            "title: A rule\nlevel: high\nlevel: low\nlogsource: {product: vendorwatch, category: database}\n"
            "detection:\n  s:\n    acount: x\n    exposed_persons: many\n  condition: s\n",
            "r.yml",
        )
    said = str(caught.value)
    for line in (
        "r.yml:3: level: key 'level' stands here twice",
        "r.yml:7: detection.s.acount: unknown field 'acount', did you mean 'account'?",
        "r.yml:8: detection.s.exposed_persons: exposed_persons is a number, but 'many' is text",
        "r.yml:1: tests: is missing",
    ):
        assert line in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not YAML"),
        ("- a\n- b\n", "must be a mapping"),
        ("", "holds no rule"),
        ("a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
         "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n", "too large"),
        ("a: &a [*a]\n", "too deeply nested"),
        ("title: !!python/object/apply:os.system [true]\n", "exactly one of"),
        ("a: " + "[" * 5000, "nested too deeply"),
    ],
)  # fmt: skip
def test_hostile_yaml(content: str, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        load_text(content)


def test_a_folder_of_the_company(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "own.yml").write_text(text(detection(PERSONS, title="Our own")), encoding="utf-8")
    titles = {rule.title for rule in load_rules([tmp_path]).rules}
    assert {"Our own", "A dump tool on personal data"} <= titles
    (tmp_path / "wrong.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match=r"wrong\.yml:1: cannot be read"):
        load_folders([tmp_path])


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="cannot be read"):
        load_folders([tmp_path / "nowhere"])


def test_parts_of_a_correlation_make_no_findings_but_rules_of_other_files_do(tmp_path: Path) -> None:
    own = detection(PERSONS, title="Whole", tests=[FIRING, QUIET])
    (tmp_path / "a.yml").write_text(text(own | {"name": "whole"}), encoding="utf-8")
    (tmp_path / "b.yml").write_text(text(correlation(SUM | {"rules": ["whole"]}, title="Sum")), encoding="utf-8")
    (tmp_path / "c.yml").write_text(text(correlation(SUM, title="Other sum"), PART), encoding="utf-8")
    assert [rule.title for rule in load_folders([tmp_path]).rules] == ["Whole", "Sum", "Other sum"]


def test_version_follows_what_matches_not_the_words() -> None:
    (one,) = rules(detection(PERSONS)).rules
    (reworded,) = rules(detection(PERSONS, description="Other words.")).rules
    (changed,) = rules(detection({"exposed_persons|gte": 2})).rules
    assert one.version == reworded.version != changed.version
    assert one.version.startswith("2026-03-02+")
