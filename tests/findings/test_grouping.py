"""Which hits make one finding, what it is called, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from sqlalchemy import update

from scanner.config import Config, load_config
from scanner.engine import open_engine
from scanner.findings import PERSONS_SCHEMA, FindingStore, update_findings
from scanner.model import EVENT_SCHEMA, HITS_SCHEMA
from scanner.store import tables as t
from scanner.store.state import open_state

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Rule:
    id: str
    lookback: timedelta = timedelta(hours=1)
    title: str = "A rule"
    why: str = "{account} of {vendor} took {exposed_persons} people from {tables} at {hour} within {timespan}."
    version: str = "1"


RULES = {rule.id: rule for rule in (Rule("dump"), Rule("bulk"), Rule("odd"), Rule("drip", timedelta(days=14)), Rule("budget"))}
LEVELS = {"dump": "critical", "bulk": "high", "odd": "low", "drip": "high", "budget": "medium"}


@dataclass
class Desk:
    """Events so far, and scans over them."""

    config: Config
    folder: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def event(self, name: str, hours: float, account: str = "dlv_app", persons: int = 100, **named: Any) -> None:
        plain: dict[str, Any] = {field.name: [] if pa.types.is_list(field.type) else None for field in EVENT_SCHEMA}
        plain |= {
            "event_id": name, "time": START + timedelta(hours=hours), "database": "shop", "account": account,
            "vendor": "delivery_co",
            "tables": ["crm.mbr"], "pii_columns": ["crm.mbr.nm"], "pii_classes": ["PERSON"], "rows_source": "reported",
            "technique": "", "techniques": [], "exposed_rows": persons, "exposed_rows_low": persons, "exposed_rows_high": persons,
            "exposed_persons": persons, "exposed_persons_low": persons, "exposed_persons_high": persons,
        }  # fmt: skip
        self.events.append(plain | named)

    def scan(self, *hits: tuple[str, str] | tuple[str, str, str]) -> tuple[int, int]:
        """One evaluation: (rule, event[, group]) each."""
        times = {event["event_id"]: event["time"] for event in self.events}
        rows = [
            {"rule_id": rule, "level": LEVELS[rule], "group_key": "".join(group), "event_id": event, "time": times[event]}
            | {"observed": 7.0, "threshold": 5.0}
            for rule, event, *group in hits
        ]
        engine = open_engine(threads=1)
        engine.register("events", pa.Table.from_pylist(self.events, schema=EVENT_SCHEMA))
        persons = pa.table({"database": ["shop"], "table": ["crm.mbr"], "persons": [1000]}, schema=PERSONS_SCHEMA)
        state = open_state(self.config.state_url.get_secret_value())
        try:
            return update_findings(
                state,
                engine,
                pa.Table.from_pylist(rows, schema=HITS_SCHEMA),
                batches=[],
                rules=RULES,
                config=self.config,
                table_persons=persons,
            )
        finally:
            engine.close()
            state.dispose()

    def found(self) -> list[dict[str, Any]]:
        store = FindingStore(open_state(self.config.state_url.get_secret_value()))
        return [{**f, "event_ids": store.event_ids(f["id"])} for f in store.all()]

    def close(self, finding_id: str) -> None:
        state = open_state(self.config.state_url.get_secret_value())
        with state.begin() as connection:
            connection.execute(update(t.finding).where(t.finding.c.id == finding_id).values(status="resolved"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


def new_desk(folder: Path) -> Desk:
    folder.mkdir(exist_ok=True)
    document = {
        "data_dir": str(folder / "data"),
        "time_zone": "Asia/Seoul",
        "databases": {"shop": {"url": "sqlite:///none", "audit": [{"type": "postgres_csvlog", "path": "/none"}]}},
        "vendors": {"delivery_co": {"name": "Delivery Co.", "accounts": ["dlv_*"]}},
    }
    (folder / "vendorwatch.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return Desk(load_config(folder / "vendorwatch.yml"), folder)


def ids(found: Sequence[dict[str, Any]]) -> list[list[str]]:
    return sorted(f["event_ids"] for f in found)


def test_one_act_that_hits_many_rules_is_one_finding(desk: Desk) -> None:
    desk.event("a", 0, persons=900, technique="dump_tool", techniques=["dump_tool", "copy"], rows_source="estimated")
    assert desk.scan(("dump", "a"), ("bulk", "a"), ("odd", "a"), ("budget", "a", "g")) == (1, 0)
    (finding,) = desk.found()
    assert finding["level"] == "critical"
    assert finding["rules"] == ["dump", "bulk", "budget", "odd"]
    assert (finding["event_count"], finding["exposed_persons"]) == (1, {"low": 900, "best": 900, "high": 900})
    assert finding["techniques"] == ["dump_tool", "copy"]
    assert finding["rows_source"] == "estimated"
    assert finding["why"] == "dlv_app of Delivery Co. took 900 people from crm.mbr at 10:00 within an hour."
    assert desk.scan(("dump", "a"), ("bulk", "a")) == (0, 1), "the same hits again change nothing"
    assert ids(desk.found()) == [["a"]]


def test_people_add_up_but_not_beyond_those_of_the_table(desk: Desk) -> None:
    for n in range(15):
        desk.event(f"e{n}", n / 60, persons=100)
    desk.scan(*[("bulk", f"e{n}") for n in range(15)])
    (finding,) = desk.found()
    assert finding["exposed_persons"] == {"low": 100, "best": 1000, "high": 1000}
    assert finding["exposed_rows"]["best"] == 1500


def test_weak_hits_stay_by_themselves_unless_their_event_is_strong(desk: Desk) -> None:
    desk.event("weak", 0)
    desk.event("both", 1)
    desk.event("strong", 2)
    desk.scan(("odd", "weak"), ("odd", "both"), ("bulk", "both"), ("bulk", "strong"))
    strong, weak = desk.found()
    assert (strong["event_ids"], strong["level"]) == (["both", "strong"], "high")
    assert (weak["event_ids"], weak["level"]) == (["weak"], "low")


@pytest.mark.parametrize(
    ("rule", "hours", "findings"),
    [("bulk", 35.9, 1), ("bulk", 36.1, 2), ("drip", 36.1, 1), ("drip", 14 * 24 - 1, 1), ("drip", 14 * 24 + 1, 2)],
)
def test_an_episode_ends_after_a_day_or_the_rules_own_span(desk: Desk, rule: str, hours: float, findings: int) -> None:
    desk.event("a", 0)
    desk.event("b", hours)
    desk.scan((rule, "a"), (rule, "b"))
    assert len(desk.found()) == findings


@pytest.mark.parametrize(("first", "second", "findings"), [(98, 170, 1), (98, 200, 2), (26, 98, 2)])
def test_a_weekend_does_not_end_an_episode(desk: Desk, first: float, second: float, findings: int) -> None:
    desk.event("e1", first)  # START is a Monday: after 98 hours it is Friday, after 170 Monday again
    desk.event("e2", second)
    desk.scan(("bulk", "e1"), ("bulk", "e2"))
    assert len(desk.found()) == findings


def test_chains_are_the_same_in_one_scan_or_several(tmp_path: Path) -> None:
    once, often = new_desk(tmp_path / "once"), new_desk(tmp_path / "often")
    hours = [0, 20, 40, 90, 95, 200]
    for desk in (once, often):
        for n, hour in enumerate(hours):
            desk.event(f"e{n}", hour)
    once.scan(*[("bulk", f"e{n}") for n in range(6)])
    for n in range(6):
        often.scan(("bulk", f"e{n}"))
    volatile = {"created_at", "updated_at", "clocks"}
    assert ids(once.found()) == [["e0", "e1", "e2"], ["e3", "e4"], ["e5"]]
    assert [{k: v for k, v in f.items() if k not in volatile} for f in once.found()] == [
        {k: v for k, v in f.items() if k not in volatile} for f in often.found()
    ]


def test_what_comes_after_a_closed_finding_is_a_new_one_that_follows_it(desk: Desk) -> None:
    desk.event("a", 0)
    desk.scan(("bulk", "a"))
    (first,) = desk.found()
    desk.close(first["id"])
    desk.scan(("bulk", "a"))
    assert [(f["id"], f["status"]) for f in desk.found()] == [(first["id"], "resolved")]
    desk.event("b", 2)
    assert desk.scan(("bulk", "a"), ("bulk", "b")) == (1, 0)
    after, before = desk.found()
    assert (before["id"], before["status"], before["event_ids"]) == (first["id"], "resolved", ["a"])
    assert (after["follows"], after["status"], after["event_ids"]) == (first["id"], "new", ["b"])


def test_accounts_are_told_apart_and_a_vendor_acting_together_is_one(desk: Desk) -> None:
    desk.event("a", 0, "dlv_a")
    desk.event("b", 1, "dlv_b")
    desk.scan(("bulk", "a"), ("bulk", "b"))
    assert ids(desk.found()) == [["a"], ["b"]]
    desk.event("c", 100, "dlv_a", 50)
    desk.event("d", 101, "dlv_b", 50)
    desk.scan(("budget", "c", "delivery_co"), ("budget", "d", "delivery_co"))
    together = [f for f in desk.found() if f["event_ids"] == ["c", "d"]]
    assert [f["accounts"] for f in together] == [["dlv_a", "dlv_b"]]


def test_a_vendors_day_that_one_account_made_is_that_accounts(desk: Desk) -> None:
    desk.event("a", 0, "dlv_a", 950)
    desk.event("b", 1, "dlv_b", 50)
    desk.scan(("budget", "a", "delivery_co"), ("budget", "b", "delivery_co"), ("dump", "a"))
    (finding,) = desk.found()
    assert (finding["accounts"], finding["event_ids"]) == (["dlv_a"], ["a"])


def test_the_level_can_rise_and_history_says_so(desk: Desk) -> None:
    desk.event("a", 0)
    desk.scan(("budget", "a"))
    desk.event("b", 1)
    assert desk.scan(("dump", "b")) == (0, 1)
    (finding,) = desk.found()
    store = FindingStore(open_state(desk.config.state_url.get_secret_value()))
    shown = store.get(finding["id"][:6])
    assert shown is not None
    assert [(h["what"], h["detail"]) for h in shown["history"]] == [
        ("created", {"level": "medium"}),
        ("level_raised", {"from": "medium", "to": "critical"}),
    ]


def test_the_company_s_own_account(desk: Desk) -> None:
    desk.event("a", 0, "batch", vendor=None)
    desk.scan(("bulk", "a"))
    (finding,) = desk.found()
    assert (finding["vendor"], finding["accounts"]) == (None, ["batch"])
    assert "the company's own account" in finding["why"]
