"""Real acts on a real PostgreSQL with pgAudit: what is said about each must be what happened."""

from __future__ import annotations

import pytest

from scanner.doctor import examine
from tests.pipeline.acts import ACTS, Act
from tests.pipeline.company import MEMBERS, Watched
from tests.pipeline.conftest import Dumped


def test_a_dump_of_the_customers_is_one_critical_finding_and_one_of_the_products_is_none(dumped: Dumped) -> None:
    assert dumped.dump.count("@mail") == MEMBERS
    (finding,) = [f for f in dumped.findings if f["level"] in ("medium", "high", "critical")]
    assert finding["level"] == "critical"
    assert finding["vendor"] == "delivery_co"
    assert finding["accounts"] == ["dlv_app"]
    assert "crm.mbr" in finding["tables"]
    assert "shop.prd" not in finding["tables"]
    assert finding["exposed_persons"]["low"] <= MEMBERS <= finding["exposed_persons"]["high"]
    assert abs(finding["exposed_persons"]["best"] - MEMBERS) <= MEMBERS / 10
    assert finding["rows_source"] == "estimated"
    assert finding["techniques"][0] == "dump_tool"
    assert {"PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "KR_RRN", "ADDRESS"} <= set(finding["pii_classes"])
    products, members = dumped.copies
    assert (products["tables"], products["returned_rows"], products["exposed_persons_high"]) == (["shop.prd"], 0, 0)
    assert (members["tables"], members["returned_rows"], members["exposed_persons"]) == (["crm.mbr"], 0, MEMBERS)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_an_act_is_counted_as_it_was(acted: Watched, act: Act) -> None:
    events = acted.events(f"app_name = 'act_{act.name}'")
    assert events, "nothing was stored of this act"
    low, best, high = (sum(e[f"exposed_persons{part}"] for e in events) for part in ("_low", "", "_high"))
    shown = [
        (e["command"], e["shape"], e["returned_rows"], e["exposed_persons"], e["rows_source"], e["techniques"]) for e in events
    ]
    if act.persons == 0:
        assert (low, best, high) == (0, 0, 0), shown
    else:
        assert low <= act.persons <= high, shown
        assert abs(best - act.persons) <= act.within * act.persons, shown
        if act.certain:
            assert low == act.persons, shown
        assert {e["rows_source"] for e in events if e["exposed_persons_high"]} <= set(act.sources), shown
    if act.technique:
        assert any(act.technique in e["techniques"] for e in events), shown


def test_an_attempt_to_switch_auditing_off_is_a_finding(acted: Watched) -> None:
    (event,) = acted.events("app_name = 'act_tamper' and activity = 'error'")
    assert "audit_tampering" in event["techniques"]
    found = [f for f in acted.findings() if f["vendor"] == "ads_co" and "audit_tampering" in f["techniques"]]
    assert [f["level"] for f in found] in (["high"], ["critical"])
    assert found[0]["accounts"] == ["ads_app"]


def test_the_doctor_finds_nothing_wrong_with_this_server(acted: Watched) -> None:
    checks = examine(acted.config_path)
    assert [c for c in checks if c.state == "problem"] == []
    assert any(c.detail.startswith("reachable, PostgreSQL") for c in checks)
