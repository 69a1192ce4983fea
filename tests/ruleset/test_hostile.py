"""Rule files that mean harm: none reads a file, runs a statement, or takes the process down or long."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from scanner.errors import RuleError
from scanner.ruleset import load_folders, run_rules
from tests.ruleset.helpers import block, correlation, detection, events, matching, rules

PERSONS = {"exposed_persons|gte": 1}
LONG = 20  # seconds; each takes a fraction of one on an idle machine


@pytest.fixture(autouse=True)
def soon() -> Any:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONG


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x", "(" * 400 + "a" + ")" * 400, "x" * 50_000, "(x+x+)+y"],
    ids=lambda p: p[:20],
)
def test_a_costly_regex_costs_no_more_than_its_text(pattern: str) -> None:
    matching({"account|re": pattern}, [{"account": "a" * 30_000 + "!"}, {"account": "x" * 30_000}])


@pytest.mark.parametrize("pattern", ["(a{1000}){1000}", "a{100000}", r"(a)\1", "(?=a)b", "a**", "[", "(?P<x>a)(?P=x)", r"\uD800"])
def test_a_regex_that_cannot_run_is_refused_when_it_is_read(pattern: str) -> None:
    with pytest.raises(RuleError, match=r"rule\.yml:\d+: detection: is not valid Sigma: Regular expression"):
        rules(detection({"account|re": pattern}))


@pytest.mark.parametrize(
    "condition",
    ["(" * 60 + "s" + ")" * 60, " and ".join(["s"] * 500), "not " * 5000 + "s", "(" * 5000 + "s" + ")" * 5000, "s" * 5000,
     "1 of " + "*" * 2000, "1 of s*s*s*s*s*s*s*s*s*s*x or s", "s; drop table events", "s) or (1=1"],
    ids=lambda c: c[:20],
)  # fmt: skip
def test_a_costly_condition_ends(condition: str) -> None:
    try:
        assert run_rules(rules(detection(PERSONS, condition)), events({"exposed_persons": 1})).num_rows == 1
    except RuleError as error:
        assert "condition" in str(error)  # noqa: PT017 - either is right: a result, or a located error


def test_many_values_and_wildcards() -> None:
    assert matching({"account": [f"v{n}" for n in range(3000)]}, [{"account": "V7"}, {"account": "w"}]) == [0]
    assert matching({"account": [f"*v{n}*" for n in range(500)]}, [{"account": "xv7x"}, {"account": "w"}]) == [0]
    assert matching({"account": "*a" * 100 + "*b"}, [{"account": "a" * 20_000}]) == []


GROUPS = ["account\" || (SELECT content FROM read_text('/etc/hostname')) || \"", "account; COPY events TO 'x.csv'", "1", "*"]


@pytest.mark.parametrize("name", GROUPS)
def test_names_in_correlations_are_looked_up(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec: dict[str, Any] = {"type": "value_sum", "rules": ["part"], "timespan": "1h", "group-by": ["account"],
                            "condition": {"gte": 1, "field": "exposed_persons"}}  # fmt: skip
    part = block("part", PERSONS)
    for changed in (
        spec | {"group-by": [name]},
        spec | {"condition": {"gte": 1, "field": name}},
        spec | {"condition": {name: 1, "field": "exposed_persons"}},
        spec | {"aliases": {"who": {"part": name}}, "group-by": ["who"]},
        spec | {"rules": [name]},
        spec | {"timespan": name},
        spec | {"type": name},
    ):
        with pytest.raises(RuleError):
            rules(correlation(changed), part)
    assert list(tmp_path.iterdir()) == []


def test_aliases_are_names_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alias is the author's own word: it must not travel into SQL either."""
    monkeypatch.chdir(tmp_path)
    name = "x\" FROM events; COPY (SELECT 1) TO 'stolen.csv'; --"
    spec: dict[str, Any] = {"type": "event_count", "rules": ["part"], "timespan": "1h", "group-by": [name],
                            "aliases": {name: {"part": "account"}}, "condition": {"gte": 1}}  # fmt: skip
    hits = run_rules(rules(correlation(spec), block("part", PERSONS)), events({"exposed_persons": 1}))
    assert hits.num_rows == 1
    assert list(tmp_path.iterdir()) == []


def test_the_engine_is_shut_off_while_rules_run(tmp_path: Path) -> None:
    """Were a statement to get through all the same, it could read nothing but the events and write nowhere."""
    import duckdb

    from scanner.ruleset.engine import _BEGINNING, _Run

    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    table: pa.Table = events({"exposed_persons": 1})
    with _Run(table, _BEGINNING, "64MB", 1) as run:
        for statement in (
            f"SELECT * FROM read_text('{tmp_path}/secret.txt')",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            f"ATTACH '{tmp_path}/new.db'",
            "INSTALL httpfs",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
        ):
            with pytest.raises(duckdb.Error):
                run.con.execute(statement)
    assert [p.name for p in tmp_path.iterdir()] == ["secret.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfetitle: x", "cannot be read"),
        ("title: x".encode("utf-16"), "cannot be read"),
        ("title: é".encode("latin-1"), "cannot be read"),
        (b"title: \x00\x01", "not YAML"),
        (b"title: x\n" * 200_000, "larger than 1 MiB"),
        (b"a: &a {b: *a}\n", "too deeply nested"),
        (b"<<: {title: x}\n", "merge keys"),
        (b"? {a: b}\n: c\n", "plain words"),
        (b"title: !!python/name:os.system\n", "exactly one of"),
        (b"title: 2026-99-99\n", "cannot be read|exactly one of"),
        (b"---\n" * 50_000, "holds no rule|exactly one of|must be a mapping"),
    ],
    ids=["bom", "utf16", "latin1", "controls", "huge", "self", "merge", "key", "tag", "date", "documents"],
)
def test_files_that_are_no_rules(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.yml").write_bytes(content)
    with pytest.raises(RuleError, match=message):
        load_folders([tmp_path])


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    (tmp_path / "zero.yml").symlink_to("/dev/zero")
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.yml").mkdir()
    with pytest.raises(RuleError) as caught:
        load_folders([tmp_path])
    said = str(caught.value)
    assert all(f"{name}.yml:1:" in said for name in ("pipe", "zero", "gone"))
