"""Every command: its help, its words, its formats, its exit code."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.main import get_command

from scanner import __version__
from scanner.cli import main
from scanner.cli.app import app
from scanner.model import SHOWN_SCHEMA
from tests.cli.shop import Shop, copy_of, leaking, template

FIXED_FINDING = {
    "id", "rules", "level", "status", "vendor", "accounts", "database", "first_event", "last_event", "why", "techniques",
    "tables",     "pii_classes", "exposed_persons", "exposed_rows", "rows_source", "event_count",
}  # fmt: skip
FIXED_EVENT = {
    "time", "database", "account", "vendor", "client_ip", "app_name", "session", "statement_id", "substatement_id", "activity",
    "status", "shape", "tables", "pii_classes", "returned_rows", "exposed_rows", "exposed_persons", "rows_source", "technique",
    "source_file", "source_offset",
}  # fmt: skip


@pytest.fixture(scope="module")
def scanned(shop_template: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose leak has been found; tests only read it."""
    shop = copy_of(shop_template, tmp_path_factory.mktemp("scanned") / "shop")
    log = leaking().session("dlv_app", ("select mbr_nm from mbr where mbr_nm = '=cmd()'", 1), app="=1+1")
    shop.append(log)
    assert shop.run("scan") == 0
    return shop


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


EVERY = list(commands(get_command(app)))


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) or "top" for path, _ in EVERY])
def test_every_command_explains_itself(path: tuple[str, ...], command: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*path, "--help"])
    assert ended.value.code == 0
    shown = capfd.readouterr().out
    assert "Usage: vendorwatch" in shown or "Usage:" in shown
    assert command.help, path
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.hidden:
            assert parameter.help, (path, parameter.name)
            assert max(parameter.opts, key=len) in shown


def test_version_and_unknown_words(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capfd.readouterr().out == f"vendorwatch {__version__}\n"
    level = ["findings", "--level", "terrible"]
    for words in (["scna"], ["scan", "--nonsense"], ["findings", "show"], level, ["events", "export"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2, words


def test_json_may_stand_before_or_after_the_command(scanned: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shown = []
    for words in (("--json", "findings"), ("findings", "--json"), ("findings", "--level", "high", "--json")):
        with pytest.raises(SystemExit):
            main([*words, "--config", str(scanned.config)])
        shown.append(json.loads(capfd.readouterr().out))
    assert shown[0] == shown[1]
    assert {f["level"] for f in shown[2]} <= {"high", "critical"}
    assert set(shown[0][0]) >= FIXED_FINDING
    for name in ("exposed_persons", "exposed_rows"):
        assert set(shown[0][0][name]) == {"low", "best", "high"}


@pytest.mark.parametrize(
    "words",
    [
        ("findings",), ("vendors",), ("catalog", "show"), ("scan",), ("doctor",), ("rules", "check"), ("rules", "test"),
        ("token", "list"),        ("token", "create", "me"), ("catalog", "scan"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_json_of_every_command_is_json_and_alone_on_stdout(
    scanned: Shop, tmp_path: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    shop = copy_of(scanned, tmp_path / "x") if words[0] in ("scan", "catalog", "token", "doctor") else scanned
    assert shop.run("--json", *words) in (0, 2)
    assert json.loads(capfd.readouterr().out) is not None
    assert shop.run(*words) in (0, 2)
    assert capfd.readouterr().out.strip() or words[0] in ("scan", "catalog", "rules", "token")


def test_exit_codes_follow_the_level(scanned: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    assert scanned.run("findings") == 0
    assert scanned.run("findings", "--fail-on", "critical") == 1
    assert scanned.run("findings", "--vendor", "nobody", "--fail-on", "low") == 0
    assert scanned.run("scan", "--fail-on", "critical") == 1, "also when nothing is new"
    assert scanned.run("scan") == 0


def test_findings_show(scanned: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    assert scanned.run("--json", "findings") == 0
    finding = json.loads(capfd.readouterr().out)[0]
    assert scanned.run("findings", "show", finding["id"][:8]) == 0
    shown = capfd.readouterr().out
    assert finding["why"] in shown
    assert "copy mbr to stdout" in shown.lower()
    assert scanned.run("--json", "findings", "show", finding["id"]) == 0
    assert json.loads(capfd.readouterr().out)["history"][0]["what"] == "created"
    assert scanned.run("findings", "show", "zzz") == 2


def test_export_in_three_formats(scanned: Shop, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("e.parquet", "e.csv", "e.ndjson"):
        assert scanned.run("events", "export", "-o", str(tmp_path / name)) == 0
    table = pq.read_table(tmp_path / "e.parquet")
    assert table.schema.names == SHOWN_SCHEMA.names
    assert set(table.schema.names) >= FIXED_EVENT
    assert all("T" in json.loads(line)["time"] for line in (tmp_path / "e.ndjson").read_text(encoding="utf-8").splitlines())
    lines = [json.loads(line) for line in (tmp_path / "e.ndjson").read_text(encoding="utf-8").splitlines()]
    with (tmp_path / "e.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    ids = table["event_id"].to_pylist()
    assert len(ids) == 26
    assert [line["event_id"] for line in lines] == ids
    assert [row["event_id"] for row in rows] == ids
    assert {row["app_name"] for row in rows} == {"psql", "'=1+1"}, "no cell is a formula"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.csv", "e.ndjson", "e.parquet"], "nothing half is left"


def test_export_of_a_span(scanned: Shop, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def count(*words: str) -> int:
        assert scanned.run("--json", "events", "export", "-o", str(tmp_path / "e.parquet"), *words) == 0
        return int(json.loads(capfd.readouterr().out)["events"])

    assert count() == 26
    assert count("--from", "2026-03-02T10:00:05", "--to", "2026-03-02T10:00:09") == 4, "in the configuration's time zone"
    assert count("--from", "2026-03-02T01:00:05Z", "--to", "2026-03-02T01:00:09+00:00") == 4
    assert count("--from", "2027-01-01") == 0
    assert scanned.run("events", "export", "-o", str(tmp_path / "e.parquet"), "--from", "soon") == 2
    assert scanned.run("events", "export", "-o", str(tmp_path / "e.docx")) == 2
    assert "name it .parquet, .csv or .ndjson" in capfd.readouterr().err
    assert scanned.run("events", "export", "-o", "/proc/nothing/e.csv") == 2


def test_catalogue_and_vendors(scanned: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    assert scanned.run("--json", "catalog", "show") == 0
    columns = {(c["table"], c["column"]): c for c in json.loads(capfd.readouterr().out)}
    assert {"database", "schema", "table", "column", "pii_class", "form", "confidence", "evidence", "table_rows"} <= set(
        columns["mbr", "eml"]
    )
    assert columns["mbr", "eml"]["pii_class"] == "EMAIL_ADDRESS"
    assert columns["prd", "prd_nm"]["pii_class"] is None
    assert scanned.run("--json", "vendors") == 0
    (vendor,) = json.loads(capfd.readouterr().out)
    assert (vendor["vendor"], vendor["worst"]) == ("delivery_co", "critical")


def test_init_writes_what_loads_and_never_overwrites(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shop = Shop(tmp_path)
    assert shop.run("init") == 0
    written = shop.config.read_text(encoding="utf-8")
    assert shop.run("init") == 2
    assert "is already there" in capfd.readouterr().err
    assert shop.config.read_text(encoding="utf-8") == written
    assert shop.run("init", "/proc/nothing/x.yml") == 2


def test_nothing_to_show_yet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shop = template(tmp_path / "x")
    assert shop.run("--json", "findings") == 0
    assert json.loads(capfd.readouterr().out) == []
    assert shop.run("findings") == 0
    assert "No findings" in capfd.readouterr().out
    assert shop.run("events", "export", "-o", str(tmp_path / "e.parquet")) == 0
    assert pq.read_table(tmp_path / "e.parquet").num_rows == 0


def test_vendors_what_they_have_seen_and_what_is_known_of_them(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    assert shop.run("vendors", "--seen") == 0
    shop.append(leaking())
    assert shop.run("scan") == 0
    capfd.readouterr()
    assert shop.run("--json", "vendors", "--seen") == 0
    seen = json.loads(capfd.readouterr().out)
    assert {row["days"] for row in seen} == {7, 30, 90}
    assert all(row["people"]["best"] > 0 and 0 < row["share"] <= 1 for row in seen), seen
    assert shop.run("--json", "vendors", "--habits") == 0
    habits = json.loads(capfd.readouterr().out)
    assert {row["state"] for row in habits} == {"learning"}
    assert shop.run("vendors", "--habits") == 0
    assert "learning, " in capfd.readouterr().out
