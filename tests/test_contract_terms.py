"""Contracts over time, parts of vendors, maintenance windows, named exports, canaries."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from scanner.config import Canary, Config
from scanner.contracts import canaries, judge
from tests.test_contracts import at, event, table


def company(**sections: Any) -> Config:
    """A configuration with these sections."""
    return Config.model_validate({"time_zone": "Asia/Seoul", "databases": {"shop": {"url": "postgresql://r@h/d"}}, **sections})


def test_each_contract_judges_its_own_days() -> None:
    first = {"until": "2026-03-31", "tables": ["crm.mbr"], "max_persons_per_day": 10}
    second = {"from": "2026-04-01", "until": "2026-04-30", "tables": ["ship.dlv"], "max_persons_per_day": 20}
    third = {"from": "2026-06-01", "tables": ["crm.*"]}
    settings = company(vendors={"delivery": {"accounts": "dlv_*", "contracts": [third, first, second]}})
    when = {
        "2026-03-31T12:00": "active",
        "2026-04-01T12:00": "active",
        "2026-05-05T12:00": "expired",
        "2026-06-01T12:00": "active",
    }
    rows = [event(at(moment), pii_columns=["crm.mbr.eml"], exposed_persons=5) for moment in when]
    found = judge(table(rows), settings, "shop").events.to_pylist()
    versions = [contract.version for contract in settings.vendors["delivery"].agreed]
    assert [row["contract_state"] for row in found] == list(when.values())
    assert [row["contract"] for row in found] == [versions[0], versions[1], versions[1], versions[2]]
    assert [row["contract_breach"] for row in found] == [[], ["table"], ["table", "expired"], []]
    assert [row["contract_share"] for row in found] == [0.5, 0.25, 0.25, 0]


def test_contracts_may_not_overlap() -> None:
    both = [{"from": "2026-01-01", "until": "2026-06-30"}, {"from": "2026-06-30"}]
    with pytest.raises(ValueError, match="two contracts in force on 2026-06-30"):
        company(vendors={"a": {"accounts": "a", "contracts": both}})
    with pytest.raises(ValueError, match="beside `contract`"):
        company(vendors={"a": {"accounts": "a", "contract": {}, "contracts": [{}]}})


def test_a_part_of_a_vendor_is_judged_by_its_contract() -> None:
    settings = company(vendors={
        "main": {"accounts": "m_*", "contract": {"tables": ["crm.mbr"], "max_persons_per_day": 10}},
        "sub": {"accounts": "s_*", "part_of": "main"},
    })  # fmt: skip
    found = judge(
        table([event(account="s_1", pii_columns=["crm.mbr.eml"], exposed_persons=5)]), settings, "shop"
    ).events.to_pylist()[0]
    assert (found["vendor"], found["main_vendor"], found["contract_share"], found["in_contract"]) == ("sub", "main", 0.5, True)


def test_in_an_announced_window_the_hours_are_free() -> None:
    night = {"days": ["mon"], "from": "22:00", "to": "02:00", "ticket": "CHG-7"}
    once = {"on": ["2026-03-04"], "from": "03:00", "to": "04:00"}
    contract = {"hours": {"from": "09:00", "to": "18:00"}, "maintenance": [night, once]}
    settings = company(vendors={"delivery": {"accounts": "dlv_*", "contract": contract}})
    moments = {"2026-03-02T23:00": True, "2026-03-03T01:59": True, "2026-03-03T23:00": False, "2026-03-04T03:30": True,
               "2026-03-05T03:30": False}  # fmt: skip
    rows = [event(at(moment), pii_columns=["crm.mbr.eml"], exposed_persons=5) for moment in moments]
    found = judge(table(rows), settings, "shop").events.to_pylist()
    assert [row["in_maintenance"] for row in found] == list(moments.values())
    assert [row["contract_breach"] == [] for row in found] == list(moments.values())
    everywhere = company(maintenance=[night], vendors={"delivery": {"accounts": "dlv_*", "contract": {}}})
    assert [row["in_maintenance"] for row in judge(table(rows), everywhere, "shop").events.to_pylist()] == [
        True, True, False, False, False]  # fmt: skip


def test_an_export_has_a_name_and_its_own_dates() -> None:
    letter = {"name": "newsletter", "columns": ["crm.mbr.eml"], "max_rows_per_day": 100}
    letter |= {"from": "2026-03-02", "until": "2026-03-03", "approved_by": "K. Lee", "ticket": "MKT-12"}
    settings = company(vendors={"delivery": {"accounts": "dlv_*", "contract": {"tables": [], "exports": [letter]}}})
    rows = [
        event(at(f"2026-03-0{day}T12:00"), pii_columns=["crm.mbr.eml"], exposed_rows=50, exposed_persons=50)
        for day in (1, 2, 3, 4)
    ]
    found = judge(table(rows), settings, "shop").events.to_pylist()
    assert [row["agreed_export"] for row in found] == [False, True, True, False]
    assert [row["export"] for row in found] == [None, "newsletter", "newsletter", None]


@pytest.mark.parametrize(
    ("statement", "parameter", "tables", "found"),
    [
        ("select * from crm.mbr where mbr_no = 9001", None, ["crm.mbr"], True),
        ("select * from crm.mbr where mbr_no in (1, 9001)", None, ["crm.mbr"], True),
        ("select * from crm.mbr where mbr_no = $1", "9001", ["crm.mbr"], True),
        ("select * from crm.mbr where hp_no = '010-9001-9001'", None, ["crm.mbr"], False),
        ("select * from crm.mbr where mbr_no = 90011", None, ["crm.mbr"], False),
        ("select * from crm.mbr where mbr_no = 19001", "19001", ["crm.mbr"], False),
        ("select * from crm.ord where mbr_no = 9001", None, ["crm.ord"], False),
        ("select * from crm.bait", None, ["crm.bait"], True),
        ("select * from bait", None, ["bait"], False),
        ("select * from crm.mbr where mbr_no=9001--", None, ["crm.mbr"], True),
        ("fetch 10 from c", None, ["crm.mbr"], False),
    ],
)
def test_canaries(statement: str, parameter: str | None, tables: list[str], found: bool) -> None:
    declared = [Canary(table="crm.mbr", values=("9001",)), Canary(table="crm.bait")]
    acts = pa.table({"statement": pa.array([statement]), "parameter": pa.array([parameter], pa.string())})
    assert canaries(acts, table([event(tables=tables)]), declared).to_pylist() == [found]
