"""What an officer decides outlives every scan; sizes are kept over time; the configuration adds classes and words."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.catalog import CatalogSettings, scan_catalog
from scanner.catalog.custom import recognizers
from scanner.catalog.scan import rule_set
from scanner.cli.app import app
from scanner.config import load_config
from scanner.config_catalog import Catalog, PiiClass
from scanner.errors import ConfigError, ScannerError
from scanner.model import TableRef
from scanner.pipeline import Workspace, catalog_scan, load_schema
from scanner.pipeline_catalog import decide, decisions, sizes

CONFIG = """
data_dir: {place}/data
databases:
  shop:
    url: sqlite:///{place}/shop.db
    audit: [{{type: postgres_csvlog, path: {place}/log.csv}}]
catalog:
  leave_out: [tmp_*]
  words: {{PHONE_NUMBER: [zentralnr]}}
  classes:
    - {{name: MEMBER_CARD, title: membership card, patterns: ['VW[0-9]{{8}}'], words: [mbrship], checksum: luhn}}
"""


def luhn(body: str) -> str:
    total = sum(int(c) if i % 2 else (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(c)] for i, c in enumerate(reversed(body)))
    return body + str(-total % 10)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    database = sqlite3.connect(tmp_path / "shop.db")
    database.execute("create table mbr (mbr_no integer primary key, hp_no text, prd_nm text, c1 text, zentralnr text)")
    database.execute("create table tmp_copy (hp_no text)")
    database.executemany(
        "insert into mbr values (?, ?, ?, ?, ?)",
        (
            (
                i,
                f"010-{2000 + i * 7}-{i * 79 % 10000:04d}",
                f"item {i}",
                f"VW{luhn(f'{i * 7919 % 10_000_000:07d}')}",
                f"5550{i:03d}",
            )
            for i in range(1, 101)
        ),
    )
    database.commit()
    database.close()
    (tmp_path / "vw.yml").write_text(CONFIG.format(place=tmp_path))
    return Workspace.open(load_config(tmp_path / "vw.yml"))


def verdict(workspace: Workspace, column: str) -> tuple[str | None, str]:
    schema = load_schema(workspace, "shop")
    assert schema is not None
    found = schema.tables[TableRef("public", "mbr")].column(column)
    assert found is not None
    return found.pii_class, found.evidence


def test_decisions_outlive_scans_and_can_be_withdrawn(workspace: Workspace) -> None:
    first = catalog_scan(workspace, "shop").schema
    assert verdict(workspace, "prd_nm")[0] is None
    known = recognizers(workspace.config.catalog)
    state = workspace.state
    for column, what, chosen in (("prd_nm", "override", "PERSON"), ("public.mbr.hp_no", "override", None)):
        place = column if "." in column else f"mbr.{column}"
        decide(state, "shop", place, what=what, pii_class=chosen, reason=f"because of {column}", actor="kim", known=known)
    decide(state, "shop", "mbr.c1", what="confirm", reason="seen", actor="kim", known=known)
    assert load_schema(workspace, "shop") != first
    for _ in range(2):
        assert verdict(workspace, "prd_nm") == ("PERSON", "decided by an officer: because of prd_nm")
        assert verdict(workspace, "hp_no")[0] is None
        assert verdict(workspace, "c1") == ("MEMBER_CARD", "decided by an officer: seen")
        catalog_scan(workspace, "shop")
    decide(state, "shop", "mbr.hp_no", what="withdraw", reason="a mistake", actor="lee", known=known)
    catalog_scan(workspace, "shop")
    assert verdict(workspace, "hp_no")[0] == "PHONE_NUMBER"
    assert [d["column"] for d in decisions(state)] == ["prd_nm", "c1"]
    assert [d["what"] for d in decisions(state, history=True)] == ["override", "override", "confirm", "withdraw"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"place": "mbr.nothing"}, "there is no column"),
        ({"reason": " "}, "needs a reason"),
        ({"pii_class": "PHONE"}, "not a class"),
        ({"form": "round"}, "not a form"),
        ({"what": "withdraw"}, "nobody decided"),
    ],
)
def test_bad_decisions_are_refused(workspace: Workspace, change: dict[str, str], says: str) -> None:
    catalog_scan(workspace, "shop")
    place = change.pop("place", "mbr.hp_no")
    asked = {"what": "override", "reason": "why", "pii_class": None, "form": "typed", **change}
    with pytest.raises(ScannerError, match=says):
        decide(workspace.state, "shop", place, actor="kim", known=["PERSON"], **asked)  # type: ignore[arg-type]
    assert decisions(workspace.state) == []


def test_the_configuration_adds_classes_and_words_and_leaves_tables_out(workspace: Workspace) -> None:
    schema = catalog_scan(workspace, "shop").schema
    assert set(schema.tables) == {TableRef("public", "mbr")}
    found = {c.name: c.pii_class for c in schema.tables[TableRef("public", "mbr")].columns}
    assert (found["c1"], found["zentralnr"]) == ("MEMBER_CARD", "PHONE_NUMBER")
    assert rule_set(recognizers(workspace.config.catalog)) != rule_set()


@pytest.mark.parametrize(
    ("catalog", "says"),
    [
        (Catalog(classes=(PiiClass(name="PERSON", words=("x",)),)), "shipped one"),
        (Catalog(words={"PHONES": ("x",)}), "is no class"),
    ],
)
def test_what_cannot_be_added_is_said(catalog: Catalog, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        recognizers(catalog)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("catalog: {classes: [{name: A_B, patterns: ['(']}]}", r"vw.yml:\d+: .*not a regular expression"),
        ("catalog: {classes: [{name: A_B, patterns: ['(?=x)y']}]}", "looks around"),
        ("catalog: {classes: [{name: lower, words: [x]}]}", "not a class name"),
        ("catalog: {classes: [{name: A_B}]}", "neither patterns nor words"),
        ("catalog: {sample_row: 5}", "sample_rows"),
    ],
)
def test_mistakes_have_a_line(tmp_path: Path, lines: str, says: str) -> None:
    text = CONFIG.format(place=tmp_path).split("catalog:")[0] + lines
    (tmp_path / "vw.yml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_config(tmp_path / "vw.yml")


def test_sizes_over_time(workspace: Workspace, tmp_path: Path) -> None:
    catalog_scan(workspace, "shop")
    before = sizes(workspace.state, "shop")
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("delete from mbr where mbr_no > 40")
    catalog_scan(workspace, "shop")
    catalog_scan(workspace, "shop")
    ref = TableRef("public", "mbr")
    assert (before[ref], sizes(workspace.state, "shop")[ref]) == ((100, 100), (40, 40))
    assert sizes(workspace.state, "shop", "2000-01-01T00:00:00")[ref] == (100, 100)


def test_on_the_command_line(workspace: Workspace, tmp_path: Path) -> None:
    catalog_scan(workspace, "shop")

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["--config", str(tmp_path / "vw.yml"), "--json", "catalog", *arguments])
        return done.exit_code, done.stdout

    assert run("override", "shop", "mbr.prd_nm", "--class", "PERSON", "--reason", "named after their makers")[0] == 0
    code, text = run("decisions")
    assert (code, json.loads(text)[0]["pii_class"]) == (0, "PERSON")
    assert run("confirm", "shop", "mbr.hp_no", "--reason", "yes")[0] == 0
    assert run("override", "shop", "mbr.prd_nm", "--withdraw", "--reason", "no")[0] == 0
    assert len(json.loads(run("decisions", "shop", "--history")[1])) == 3
    assert run("confirm", "nowhere", "mbr.hp_no", "--reason", "yes")[0] != 0


def test_a_left_out_table_is_not_read(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "a.db")
    database.execute("create table secret_notes (hp_no text)")
    database.close()
    scan = scan_catalog("a", f"sqlite:///{tmp_path}/a.db", settings=CatalogSettings(leave_out=("*.secret_*",)))
    assert scan.schema.tables == {}
