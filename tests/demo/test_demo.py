"""The shipped recording: it unpacks, and what it says about itself is true."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import scanner.demo
from scanner.config import load_config
from scanner.demo import prepare
from scanner.errors import ScannerError, StoreError

pytestmark = pytest.mark.xdist_group("demo-data")  # unpacked and read once

DATA = files("scanner.demo") / "data"
SEOUL = "KST"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("demo") / "here").parent


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((DATA / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def records(demo: Path) -> dict[str, list[list[str]]]:
    """Every record of every log file, by file name."""
    logs = {}
    for path in sorted((demo / "log").iterdir()):
        with path.open(encoding="utf-8", newline="") as file:
            logs[path.name] = list(csv.reader(file, strict=True))
    return logs


@pytest.fixture(scope="module")
def customers(demo: Path) -> Any:
    with closing(sqlite3.connect(demo / "customers.sqlite")) as database:
        yield database


def audit(record: list[str]) -> list[str]:
    """The fields of pgAudit's own CSV inside a record's message."""
    return next(csv.reader([record[13].removeprefix("AUDIT: ")], strict=True))


def local(record: list[str]) -> datetime:
    return datetime.fromisoformat(record[0].removesuffix(f" {SEOUL}"))


# --- unpacking ---------------------------------------------------------------------------------------------------


def test_configuration_is_valid_and_names_what_was_unpacked(demo: Path) -> None:
    config = load_config(demo / "vendorwatch.yml")
    shop = config.databases["shop"]
    assert shop.engine == "postgresql"
    assert Path(shop.url.get_secret_value().removeprefix("sqlite:///")).is_file()
    assert shop.audit[0].path == str(demo / "log" / "*.csv")
    assert len(config.vendors) >= 6


def test_preparing_again_changes_nothing(tmp_path: Path) -> None:
    prepare(tmp_path / "demo")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo").rglob("*")}
    (tmp_path / "demo" / "data").mkdir()
    (tmp_path / "demo" / "data" / "state").write_text("kept")
    assert prepare(tmp_path / "demo") == tmp_path / "demo" / "vendorwatch.yml"
    assert {path: path.stat().st_mtime_ns for path in before if path != tmp_path / "demo"} == {
        path: time for path, time in before.items() if path != tmp_path / "demo"
    }
    assert (tmp_path / "demo" / "data" / "state").read_text() == "kept"


def test_an_interrupted_unpacking_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = scanner.demo._unpack, []

    def cut_short(source: Any, target: Path) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(scanner.demo, "_unpack", cut_short)
    with pytest.raises(StoreError, match="No space left on device"):
        prepare(tmp_path / "demo")
    monkeypatch.undo()
    assert prepare(tmp_path / "demo").is_file()
    assert not list((tmp_path / "demo").rglob("*.part"))


def test_another_recording_is_replaced_with_everything_scanned_from_it(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    prepare(folder)
    (folder / ".demo").write_text("0" * 64 + "\n")
    (folder / "data").mkdir()
    (folder / "log" / "audit-2025-10-01.csv").write_text("old")
    (folder / "notes.txt").write_text("mine")
    prepare(folder)
    assert not (folder / "data").exists()
    assert not (folder / "log" / "audit-2025-10-01.csv").exists()
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter one")
    with pytest.raises(ScannerError, match="not empty"):
        prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be unpacked"):
        prepare(tmp_path / "file" / "demo")


# --- the log -----------------------------------------------------------------------------------------------------


def test_every_record_has_26_columns_and_lies_in_october(records: dict[str, list[list[str]]], truth: dict[str, Any]) -> None:
    assert {name: len(rows) for name, rows in records.items()} == truth["log_records"]
    for rows in records.values():
        assert {len(row) for row in rows} == {26}
        assert {row[0][:7] for row in rows} == {"2026-10"}
        assert {row[0][-3:] for row in rows} == {SEOUL}


def test_sessions_are_whole(records: dict[str, list[list[str]]]) -> None:
    """No recording may look like a cut log: each session counts 1, 2, 3 … and begins with its connection."""
    lines: dict[str, list[int]] = {}
    authorized = set()
    for rows in records.values():
        for row in rows:
            lines.setdefault(row[5], []).append(int(row[6]))
            if row[13].startswith("connection authorized"):
                authorized.add(row[5])
    assert len(lines) > 500
    clients = {session for session, numbers in lines.items() if len(numbers) > 1}
    assert clients <= authorized
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in lines.values())


def test_the_log_names_no_place_of_the_recording_machine(records: dict[str, list[list[str]]]) -> None:
    messages = {row[13] for rows in records.values() for row in rows if not row[1]}
    assert all(re.match(r"connection received: host=127\.0\.\d+\.\d+ port=\d+$", message) for message in messages)


def test_each_vendor_works_from_its_own_addresses(records: dict[str, list[list[str]]], demo: Path) -> None:
    vendors = load_config(demo / "vendorwatch.yml").vendors
    addresses: dict[str, set[str]] = {}
    for rows in records.values():
        for row in rows:
            if row[1]:
                addresses.setdefault(row[1].partition("_")[0] + "_*", set()).add(row[4].rpartition(".")[0])
    for vendor in vendors.values():
        assert vendor.addresses is not None
        assert addresses[vendor.accounts[0]] == {vendor.addresses[0].rpartition(".")[0]}


# --- the copy of the database ------------------------------------------------------------------------------------


def test_rows_agree_with_the_truth(customers: sqlite3.Connection, truth: dict[str, Any]) -> None:
    for table, rows in truth["tables"].items():
        assert customers.execute(f'select count(*) from "{table}"').fetchone() == (rows,)
    assert truth["tables"]["mbr"] == truth["people"]
    assert customers.execute("select count(distinct mbr_no), count(distinct hp_no) from mbr").fetchone() == (truth["people"],) * 2


def test_views_and_functions_came_along(customers: sqlite3.Connection) -> None:
    views = {name for (name,) in customers.execute("select name from sqlite_master where type = 'view'")}
    assert views == {"v_dlv_today", "v_mkt_target", "v_prd_sales"}
    for view in views:
        customers.execute(f"select * from {view} limit 1")
    functions = customers.execute("select name, language, body, security_definer, returns from vendorwatch_functions").fetchall()
    assert {row[0]: bool(row[3]) for row in functions} == {"fn_mbr_sync": True, "fn_dlv_cnt": True}
    assert all(row[1] == "sql" and "select" in row[2] and row[4] for row in functions)


def test_nobody_in_it_can_exist(customers: sqlite3.Connection) -> None:
    for table, column in (("mbr", "hp_no"), ("dlv", "rcv_tel")):
        assert customers.execute(f"select count(*) from {table} where {column} not like '010-0___-____'").fetchone() == (0,)
    domains = {eml.rpartition("@")[2] for (eml,) in customers.execute("select eml from mbr")}
    assert all(re.fullmatch(r"(.+\.)?example\.(com|net|org)", domain) for domain in domains)
    assert customers.execute("select count(*) from pay where card_no_mask not like '____-****-****-____'").fetchone() == (0,)
    notes = " ".join(text for (text,) in customers.execute("select cs_txt from cs_log"))
    assert set(re.findall(r"01\d-?\d{3,4}-?\d{4}", notes)) <= {tel for (tel,) in customers.execute("select hp_no from mbr")}


# --- the leaks ---------------------------------------------------------------------------------------------------


def leak_records(records: dict[str, list[list[str]]], leak: dict[str, Any], statement: str) -> list[list[str]]:
    first = datetime.fromisoformat(leak["first"]).replace(tzinfo=None)
    last = datetime.fromisoformat(leak["last"]).replace(tzinfo=None) + timedelta(seconds=5)
    return [
        row
        for rows in records.values()
        for row in rows
        if row[1] in leak["accounts"]
        and first <= local(row) <= last
        and row[13].startswith("AUDIT: ")
        and re.search(statement, row[13])
    ]


def test_leaks_are_of_three_vendors(truth: dict[str, Any], demo: Path) -> None:
    vendors = load_config(demo / "vendorwatch.yml").vendors
    assert {leak["id"] for leak in truth["leaks"]} == {"drip", "night_dump", "definer_function"}
    assert len({leak["vendor"] for leak in truth["leaks"]}) == 3
    assert {leak["vendor"] for leak in truth["leaks"]} | set(truth["honest_vendors"]) == set(vendors)


def test_the_dump_says_zero_rows(
    records: dict[str, list[list[str]]], customers: sqlite3.Connection, truth: dict[str, Any]
) -> None:
    leak = next(leak for leak in truth["leaks"] if leak["id"] == "night_dump")
    copies = [audit(row) for row in leak_records(records, leak, "COPY public.mbr ")]
    assert copies
    assert {fields[9] for fields in copies} == {"0"}
    then = customers.execute("select count(*) from mbr where join_dt <= ?", (leak["first"][:19].replace("T", " "),)).fetchone()
    assert then == (leak["people"],) == (leak["rows"],)


def test_the_drip_walks_disjoint_slices_under_its_budget(
    records: dict[str, list[list[str]]], customers: sqlite3.Connection, truth: dict[str, Any], demo: Path
) -> None:
    leak = next(leak for leak in truth["leaks"] if leak["id"] == "drip")
    budget = load_config(demo / "vendorwatch.yml").vendors["call_center"].contract.max_persons_per_day  # type: ignore[union-attr]
    seen: set[int] = set()
    total = 0
    for row in leak_records(records, leak, "mbr_no BETWEEN"):
        fields = audit(row)
        low, high = map(int, re.findall(r"BETWEEN (\d+) AND (\d+)", fields[7])[0])
        people = {n for (n,) in customers.execute("select mbr_no from mbr where mbr_no between ? and ?", (low, high))}
        assert len(people) == int(fields[9])
        total += len(people)
        seen |= people
    assert total == len(seen) == leak["people"] == leak["rows"]
    days: dict[str, int] = {}
    for rows in records.values():
        for row in rows:
            if row[1].startswith("cs_") and row[13].startswith("AUDIT: "):
                fields = audit(row)
                if fields[6] in ("public.mbr", "public.dlv", "public.cs_log") and fields[4] == "SELECT":
                    days[row[0][:10]] = days.get(row[0][:10], 0) + int(fields[9])
    # counted without taking repeated people together, and still under it
    assert max(days.values()) < budget


def test_the_function_returned_everybody_and_named_no_table(records: dict[str, list[list[str]]], truth: dict[str, Any]) -> None:
    leak = next(leak for leak in truth["leaks"] if leak["id"] == "definer_function")
    calls = [audit(row) for row in leak_records(records, leak, "fn_mbr_sync")]
    assert str(leak["people"]) in {fields[9] for fields in calls}
    assert not [fields for fields in calls if fields[6] == "public.mbr"]
    refused = [
        row
        for rows in records.values()
        for row in rows
        if row[1] == leak["accounts"][0] and row[11] == "ERROR" and row[12] == "42501"
    ]
    assert len(refused) == 1
