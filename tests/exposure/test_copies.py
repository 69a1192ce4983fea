"""Copies made by statements are as personal as what they were made from, from the moment they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scanner.config import load_config
from scanner.engine import arrow, open_event_engine
from scanner.pipeline import scan
from tests.cli.shop import MEMBERS, Log, Shop, copy_of, template
from tests.sources.csvlog import audit, record


@pytest.fixture(scope="module")
def shop_template(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return template(tmp_path_factory.mktemp("copies") / "template")


def persons(shop: Shop, *statements: tuple[str, int | None], slice_bytes: int) -> list[tuple[str, int]]:
    """People exposed by each of the statements of one session, most of which are the log's only trace of a table."""
    log = Log()
    lines = []
    for number, (text, rows) in enumerate(statements, 1):
        word = text.split()[0].upper()
        cls, command = {"INSERT": ("WRITE", "INSERT"), "CREATE": ("DDL", "CREATE TABLE AS"), "ALTER": ("DDL", "ALTER TABLE")}.get(
            word, ("READ", word)
        )
        time = f"2026-03-02 02:00:{number:02d}.000 UTC"
        message = audit(text, number=number, cls=cls, command=command, rows=rows)
        lines.append(record(message, time=time, user="dlv_app", session="69a4e000.1", line=number + 1))
    shop.append(log.session("dlv_app", *lines))
    assert scan(load_config(shop.config), slice_bytes=slice_bytes).complete
    workspace = shop.workspace()
    engine = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        found: list[dict[str, Any]] = arrow(
            engine, "select command, exposed_persons as n from events where session = '69a4e000.1' order by session_line"
        ).to_pylist()
    finally:
        engine.close()
    return [(event["command"], event["n"]) for event in found]


@pytest.mark.parametrize("slice_bytes", [1, 700, 1 << 20], ids=["a record at a time", "small", "whole"])
def test_a_table_becomes_personal_when_people_are_copied_into_it(shop_template: Shop, tmp_path: Path, slice_bytes: int) -> None:
    found = persons(
        copy_of(shop_template, tmp_path / "x"),
        ("select * from stage", 5),
        ("insert into stage select mbr_nm from mbr", MEMBERS),
        ("select * from stage", MEMBERS),
        ("copy stage to stdout", 0),
        ("create table other as select * from stage", MEMBERS),
        ("alter table other rename to innocent", 0),
        ("copy innocent to stdout", 0),
        ("select * from stage", 7),
        slice_bytes=slice_bytes,
    )
    assert [n for _, n in found] == [0, 0, MEMBERS, MEMBERS, 0, 0, MEMBERS, 7]


@pytest.mark.parametrize("slice_bytes", [1, 3000, 1 << 20], ids=["a record at a time", "some", "whole"])
def test_many_small_copies_into_one_table_add_up(shop_template: Shop, tmp_path: Path, slice_bytes: int) -> None:
    found = persons(
        copy_of(shop_template, tmp_path / "x"),
        *((f"insert into bit select mbr_nm, hp_no from mbr where mbr_no = {n}", 1) for n in range(1, 31)),
        ("copy bit to stdout", 0),
        ("insert into bit select mbr_nm, hp_no from mbr where mbr_no between 100 and 119", 20),
        ("copy bit to stdout", 0),
        ("truncate bit", 0),
        ("insert into bit select mbr_nm, hp_no from mbr where mbr_no between 100 and 119", 20),
        ("copy bit to stdout", 0),
        slice_bytes=slice_bytes,
    )
    counted = [n for command, n in found if command == "COPY"]
    assert counted[0] == pytest.approx(30, rel=0.1)
    assert counted[1] == pytest.approx(50, rel=0.1)
    assert counted[2] == counted[1], "what it held before may still be there; it has not grown"


@pytest.mark.parametrize("slice_bytes", [1, 1 << 20], ids=["a record at a time", "whole"])
def test_a_copy_made_anew_with_more_people_counts_as_the_larger(shop_template: Shop, tmp_path: Path, slice_bytes: int) -> None:
    found = persons(
        copy_of(shop_template, tmp_path / "x"),
        ("create table t9 as select mbr_nm, hp_no from mbr where mbr_no <= 10", 10),
        ("copy t9 to stdout", 0),
        ("create table t9 as select mbr_nm, hp_no from mbr where mbr_no <= 1500", 1500),
        ("copy t9 to stdout", 0),
        slice_bytes=slice_bytes,
    )
    assert [n for _, n in found] == [0, 10, 0, 1500]


@pytest.mark.parametrize("slice_bytes", [1, 1 << 20], ids=["a record at a time", "whole"])
def test_small_copies_add_up_where_the_log_counts_no_rows(shop_template: Shop, tmp_path: Path, slice_bytes: int) -> None:
    found = persons(
        copy_of(shop_template, tmp_path / "x"),
        *((f"insert into bit select mbr_nm from mbr where mbr_no between {n} and {n + 19}", None) for n in range(1, 401, 20)),
        ("select * from bit", None),
        slice_bytes=slice_bytes,
    )
    assert found[-1][1] == pytest.approx(400, rel=0.1)
