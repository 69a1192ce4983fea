"""The same acts give the same events, whichever source tells of them; what a source cannot tell is null, never something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.tellers import ACCOUNT, ACTS, ADDRESS, TELLERS, Act, Teller, moment

KINDS = {"in": ("connect", "connect"), "out": ("disconnect", "disconnect"), "refused": ("error", "connect")}


def expected(teller: Teller, n: int, act: Act) -> dict[str, Any]:
    """What the act is, as far as the source can tell."""
    kind, activity = KINDS.get(act.kind, ("error" if act.error else "audit", "error" if act.error else act.activity))
    found: dict[str, Any] = {
        "kind": kind,
        "activity": activity,
        "time": moment(n).isoformat(),
        "account": teller.fold(ACCOUNT),
        "client_ip": ADDRESS,
        "status": "failure" if act.error else "success",
        "error_code": act.error[:2] or "00",
    }
    if act.kind == "statement":
        known = "returned_rows" not in teller.silent and not ("rows of reads" in teller.silent and act.activity == "read")
        found |= {
            "statement": act.text,
            "returned_rows": act.rows if known and not act.error else None,
        }
        if not act.error:
            tables = act.tables[:1] if "second table" in teller.silent else act.tables
            found |= {"command": act.command, "logged": "" if "logged" in teller.silent else "\x1f".join(tables)}
    return found


def told(act: dict[str, Any]) -> dict[str, Any]:
    return act | {"time": act["time"].replace(tzinfo=None).isoformat(), "error_code": (act["error_code"] or "")[:2]}


@pytest.mark.parametrize("name", TELLERS)
def test_the_same_acts_give_the_same_events(name: str, tmp_path: Path) -> None:
    teller = TELLERS[name]
    wanted = [expected(teller, n, act) for n, act in enumerate(ACTS) if act.kind not in teller.silent]
    found = [told(act) for act in sorted(teller.acts(tmp_path), key=lambda act: act["time"])]
    if teller.type == "mongodb_audit":  # its commands are no SQL
        for want in wanted:
            want.pop("statement", None)
            if "command" in want:
                want["command"] = {"SELECT": "find", "UPDATE": "update", "DELETE": "delete"}[want["command"]]
    assert [{key: act[key] for key in want} for act, want in zip(found, wanted, strict=False)] == wanted
    assert len(found) == len(wanted)
    statements = [act for act in found if act["kind"] == "audit"]
    assert len({(act["session"], act["statement_id"]) for act in statements}) == len(statements)
    sessions = {act["session"] for act in found if act["kind"] in ("audit", "disconnect") and act["account"]}
    if teller.type not in ("bigquery_audit",):  # each job is a session of its own
        assert len(sessions) == 1
