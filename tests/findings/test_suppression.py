"""Suppressions: who may make one, what one hides, what none hides, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from scanner.errors import FindingError
from scanner.findings import ConflictError, Decision, FindingStore, decide, suppression, sweep
from scanner.findings.suppression import Proposal, Scope
from scanner.model import Level
from scanner.store.state import open_state
from tests.findings.test_grouping import LEVELS, Desk, new_desk

DAY = timedelta(days=1)
RULES = {name: Level(level) for name, level in LEVELS.items()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


@pytest.fixture
def state(desk: Desk) -> Iterator[Engine]:
    engine = open_state(desk.config.state_url.get_secret_value())
    yield engine
    engine.dispose()


def agreed(state: Engine, scope: Scope, days: float = 30, persons: int = 500, at: datetime | None = None) -> str:
    """A suppression in force."""
    at = at or datetime.now(UTC)
    made = suppression.propose(state, Proposal(scope, "agreed", at + days * DAY, persons), levels=RULES, actor="cli:kim", at=at)
    suppression.approve(state, made["id"], actor="lee", at=at)
    return str(made["id"])


def told(desk: Desk, **event: Any) -> str:
    """The status of a finding of the rule "budget" (medium) about one event."""
    desk.event("a", 0, **event)
    desk.scan(("budget", "a"))
    return str(desk.found()[0]["status"])


def history(state: Engine) -> list[str]:
    (finding,) = FindingStore(state).all()
    found = FindingStore(state).get(finding["id"])
    assert found is not None
    return [h["what"] for h in found["history"]]


VENDOR = Scope(("budget",), "delivery_co")


@pytest.mark.parametrize(
    ("scope", "event", "status"),
    [
        (VENDOR, {}, "suppressed"),
        (Scope(("budget",), "delivery_co", "shop", ("dlv_*",), ("crm.*",)), {}, "suppressed"),
        (Scope(("budget",), database="shop"), {}, "suppressed"),
        (Scope(("budget", "bulk"), tables=("crm.mbr",)), {}, "suppressed"),
        (Scope(("budget",), "-"), {"vendor": None}, "suppressed"),
        (Scope(("budget",), "-"), {}, "new"),
        (Scope(("bulk",), "delivery_co"), {}, "new"),
        (Scope(("budget",), "call_co"), {}, "new"),
        (Scope(("budget",), database="other"), {}, "new"),
        (Scope(("budget",), accounts=("dlv_batch",)), {}, "new"),
        (Scope(("budget",), accounts=("DLV_*",)), {}, "new"),
        (Scope(("budget",), tables=("crm.mbr",)), {"tables": ["crm.mbr", "crm.ord"]}, "new"),
        (VENDOR, {"persons": 501}, "new"),
        (VENDOR, {"persons": 500}, "suppressed"),
        (VENDOR, {"exposed_persons_high": 900}, "new"),
    ],
)
def test_what_is_hidden(desk: Desk, state: Engine, scope: Scope, event: dict[str, Any], status: str) -> None:
    agreed(state, scope)
    assert told(desk, **event) == status


def test_it_works_on_what_is_there_already_but_not_on_what_somebody_works_on(desk: Desk, state: Engine) -> None:
    assert told(desk) == "new"
    desk.event("b", 0, "dlv_other")
    desk.scan(("budget", "b"))
    taken = next(f["id"] for f in desk.found() if f["accounts"] == ["dlv_other"])
    decide(state, taken, Decision(status="in_progress"), actor="park")
    agreed(state, VENDOR)
    assert {f["accounts"][0]: f["status"] for f in desk.found()} == {"dlv_app": "suppressed", "dlv_other": "in_progress"}


def test_weak_rules_beside_it_do_not_tell_but_alone_need_their_own(desk: Desk, state: Engine) -> None:
    agreed(state, VENDOR)
    desk.event("a", 0)
    desk.scan(("budget", "a"), ("odd", "a"))
    assert desk.found()[0]["status"] == "suppressed"
    desk.event("b", 100)
    desk.scan(("odd", "b"))
    assert {f["level"]: f["status"] for f in desk.found()} == {"medium": "suppressed", "low": "new"}


@pytest.mark.parametrize(
    ("hit", "persons", "because"),
    [("dump", 10, "A rule"), ("bulk", 10, "A rule"), ("budget", 600, "people")],
)
def test_a_rise_is_never_hidden(desk: Desk, state: Engine, hit: str, persons: int, because: str) -> None:
    agreed(state, VENDOR)
    assert told(desk) == "suppressed"
    desk.event("b", 1, persons=persons)
    desk.scan((hit, "b"))
    (finding,) = desk.found()
    assert finding["status"] == "new"
    shown = FindingStore(state).get(finding["id"])
    assert shown is not None
    last = shown["history"][-1]
    assert last["what"] == "unsuppressed"
    assert because in last["detail"]["because"]


def test_a_level_above_that_of_its_rules_then_is_not_hidden(desk: Desk, state: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that was made more severe afterwards."""
    agreed(state, VENDOR)
    monkeypatch.setitem(LEVELS, "budget", "high")
    assert told(desk) == "new"


def test_two_together_cover_two_rules(desk: Desk, state: Engine) -> None:
    both = {agreed(state, VENDOR), agreed(state, Scope(("bulk",), "delivery_co"))}
    desk.event("a", 0)
    desk.scan(("budget", "a"), ("bulk", "a"))
    assert desk.found()[0]["status"] == "suppressed"
    assert {row["id"] for row in suppression.listed(state) if row["hides"]} == both
    suppression.end(state, min(both), reason="one of them", actor="park")
    assert desk.found()[0]["status"] == "new"


def test_close_to_its_end_it_warns_once_and_after_it_it_is_gone(desk: Desk, state: Engine) -> None:
    begin = datetime.now(UTC)
    name = agreed(state, VENDOR, days=40, at=begin)
    assert told(desk) == "suppressed"
    for days, what, shown in (
        (32.9, ["created", "suppressed"], "in_force"),
        (33.1, ["created", "suppressed", "suppression_ending"], "ending"),
        (34, ["created", "suppressed", "suppression_ending"], "ending"),
        (40, ["created", "suppressed", "suppression_ending", "unsuppressed"], "expired"),
        (41, ["created", "suppressed", "suppression_ending", "unsuppressed"], "expired"),
    ):
        sweep(state, begin + days * DAY)
        assert history(state) == what, days
        assert suppression.get(state, name, at=begin + days * DAY)["state"] == shown, days
    assert desk.found()[0]["status"] == "new"
    assert [h["what"] for h in suppression.get(state, name)["history"]] == ["proposed", "approved", "ending", "expired"]
    desk.event("b", 1)
    desk.scan(("budget", "b"))
    assert desk.found()[0]["status"] == "new"


def test_an_end_that_no_scan_has_carried_out_hides_nothing_new(desk: Desk, state: Engine) -> None:
    agreed(state, VENDOR, days=1, at=datetime.now(UTC) - 2 * DAY)
    assert suppression.listed(state)[0]["state"] == "expired"
    assert told(desk) == "new"


def test_a_short_one_warns_in_its_last_quarter(desk: Desk, state: Engine) -> None:
    begin = datetime.now(UTC)
    name = agreed(state, VENDOR, days=4, at=begin)
    assert suppression.get(state, name, at=begin + 2.9 * DAY)["state"] == "in_force"
    assert suppression.get(state, name, at=begin + 3.1 * DAY)["state"] == "ending"


def test_a_renewal_in_time_leaves_the_finding_hidden(desk: Desk, state: Engine) -> None:
    begin = datetime.now(UTC)
    agreed(state, VENDOR, days=10, at=begin)
    assert told(desk) == "suppressed"
    agreed(state, VENDOR, days=30, at=begin + 9 * DAY)
    sweep(state, begin + 10 * DAY)
    assert desk.found()[0]["status"] == "suppressed"
    assert "unsuppressed" not in history(state)


def test_what_is_revoked_brings_back_what_it_hid(desk: Desk, state: Engine) -> None:
    name = agreed(state, VENDOR)
    assert told(desk) == "suppressed"
    with pytest.raises(FindingError, match="needs a reason"):
        suppression.end(state, name, reason=" ", actor="kim")
    after = suppression.end(state, name[:6], reason="the vendor changed", actor="park")
    assert (after["state"], after["hides"]) == ("revoked", [])
    assert desk.found()[0]["status"] == "new"
    with pytest.raises(FindingError, match="ended already"):
        suppression.end(state, name, reason="again", actor="park")
    assert suppression.listed(state) == []
    assert [row["id"] for row in suppression.listed(state, ended=True)] == [name]


def test_a_hidden_finding_can_be_decided_about(desk: Desk, state: Engine) -> None:
    agreed(state, VENDOR)
    assert told(desk) == "suppressed"
    (finding,) = desk.found()
    decide(state, finding["id"], Decision(verdict="benign_positive"), actor="kim")
    sweep(state, datetime.now(UTC) + 31 * DAY)
    assert desk.found()[0]["status"] == "resolved"


def test_it_takes_two_people(desk: Desk, state: Engine) -> None:
    proposal = Proposal(VENDOR, "agreed with the vendor", datetime.now(UTC) + DAY, 500)
    made = suppression.propose(state, proposal, levels=RULES, actor="cli:kim")
    assert (made["state"], made["approver"], made["level"]) == ("proposed", None, "medium")
    assert told(desk) == "new", "a proposal hides nothing"
    for same in ("cli:kim", "kim", "Kim "):
        with pytest.raises(FindingError, match="cannot approve"):
            suppression.approve(state, made["id"], actor=same)
    with pytest.raises(ConflictError):
        suppression.approve(state, made["id"], actor="lee", seen="2026-01-01")
    assert suppression.approve(state, made["id"], actor="lee", seen=made["updated_at"])["approver"] == "lee"
    with pytest.raises(FindingError, match="nothing to approve"):
        suppression.approve(state, made["id"], actor="park")
    assert desk.found()[0]["status"] == "suppressed"


def test_a_proposal_is_withdrawn(desk: Desk, state: Engine) -> None:
    made = suppression.propose(state, Proposal(VENDOR, "why", datetime.now(UTC) + DAY, 0), levels=RULES, actor="kim")
    assert suppression.end(state, made["id"], reason="a mistake", actor="kim")["state"] == "withdrawn"
    with pytest.raises(FindingError, match="is withdrawn"):
        suppression.approve(state, made["id"], actor="lee")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"scope": Scope((), "delivery_co")}, "at least one rule"),
        ({"scope": Scope(("none",), "delivery_co")}, "no rule"),
        ({"scope": Scope(("budget",))}, "switch the rule off"),
        ({"scope": Scope(("budget",), accounts=("*",))}, "narrows nothing"),
        ({"scope": Scope(("budget",), tables=("**?",))}, "narrows nothing"),
        ({"reason": "  "}, "needs a reason"),
        ({"reason": "x" * 4001}, "needs a reason"),
        ({"until": datetime(2027, 1, 1)}, "no offset"),  # noqa: DTZ001  # what is refused
        ({"until": datetime.now(UTC) - DAY}, "ends within a year"),
        ({"until": datetime.now(UTC) + 367 * DAY}, "ends within a year"),
        ({"max_persons": -1}, "negative"),
    ],
)
def test_what_cannot_be_proposed(state: Engine, change: dict[str, Any], what: str) -> None:
    plain: dict[str, Any] = {"scope": VENDOR, "reason": "why", "until": datetime.now(UTC) + DAY, "max_persons": 5}
    with pytest.raises(FindingError, match=what):
        suppression.propose(state, Proposal(**(plain | change)), levels=RULES, actor="kim")
    assert suppression.listed(state, ended=True) == []
