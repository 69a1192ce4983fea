"""Any records of the JSON logs, many events in one or many records for one statement, are read once wherever they are cut."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model import RECORD_SCHEMA
from scanner.sources import SOURCES
from tests.sources import json_logs
from tests.sources.csvlog import Ledger
from tests.sources.test_properties import SPICE as QUOTES

Records = list[dict[str, Any]]
"""Records of a log, one after the other."""

SPICE = QUOTES | st.sampled_from(
    [
        "\\",
        '\\"',
        '"}\n{"',
        "}]}",
        '"databaseActivityEventList":[{"type":"record"}]',
        "\0",
        "\u2028",
        '{"timestamp":"x","class":"y"}',
    ]
)
TEXT = st.lists(st.text(st.characters(codec="utf-8"), max_size=10) | SPICE, max_size=5).map("".join)
NAMES = st.lists(st.sampled_from(["people", "orders", "dlv"]), unique=True, max_size=3).map(tuple)


@st.composite
def mysql(draw: st.DrawFn) -> Records:
    """All events of some statements, log-ins and settings of several connections, in the order of each."""
    waiting: list[Records] = []
    for connection in (1, 2, 3):
        own: Records = []
        for _ in range(draw(st.integers(0, 2))):
            how = {"connection": connection, "timestamp": f"2026-11-22 07:45:0{draw(st.integers(0, 3))}"}
            match draw(st.integers(0, 3)):
                case 0:
                    own.append(json_logs.mysql(draw(TEXT), **how))
                case 1:
                    own += json_logs.mysql_events(draw(TEXT), tables=draw(NAMES), **how)
                case 2:
                    own.append(
                        json_logs.mysql(None, kind="connection", event=draw(st.sampled_from(["connect", "disconnect"])), **how)
                    )
                case 3:
                    own.append(json_logs.percona(draw(TEXT), connection_id=str(connection)))
        waiting.append(own)
    found: Records = []
    while waiting := [own for own in waiting if own]:
        found.append(draw(st.sampled_from(waiting)).pop(0))
    return found


@st.composite
def das(draw: st.DrawFn) -> Records:
    """Events of all servers, bare or in envelopes: any number in one, one in another, with members behind them."""
    found: Records = []
    for number in range(draw(st.integers(1, 4))):
        events: Records = []
        for _ in range(draw(st.integers(0, 3))):
            match draw(st.integers(0, 3)):
                case 0:
                    events.append(json_logs.das(draw(TEXT), number))
                case 1:
                    events += json_logs.das_pair(draw(TEXT), number, tables=draw(NAMES) or ("people",))
                case 2:
                    events.append({"type": "heartbeat", "logTime": json_logs.MICROS, "instanceId": "db-1"})
                case 3:
                    server = draw(st.sampled_from(["Oracle", "SQLSERVER"]))
                    events.append(json_logs.das(draw(TEXT), number, server=server, paramList=[{"a": draw(TEXT)}]))
        match draw(st.integers(0, 4)):
            case 0:
                found += events
            case 1:
                found.append(json_logs.wrapped(*events))
            case 2:
                found.append(json_logs.wrapped(*events, outer=True))
            case 3:
                found.append(json_logs.wrapped(*events) | {"key": draw(TEXT), "partition": {"shard": 1}, "tags": [1, 2]})
            case 4 if events:
                found.append({"records": [json_logs.wrapped(event, outer=True) for event in events], "more": draw(TEXT)})
    return found


BIGQUERY = st.lists(
    st.builds(json_logs.bigquery, TEXT, st.integers(1, 9), tables=NAMES.map(lambda names: tuple(f"crm.{n}" for n in names)))
    | st.builds(
        json_logs.bigquery_old, TEXT, st.integers(1, 9), tables=NAMES.map(lambda names: tuple(f"crm.{n}" for n in names))
    ),
    max_size=6,
)
MONGODB = st.lists(
    st.builds(json_logs.find, TEXT)
    | st.builds(
        json_logs.mongodb,
        st.fixed_dictionaries({"user": TEXT, "db": st.just("admin"), "mechanism": st.just("SCRAM-SHA-256")}),
        atype=st.just("authenticate"),
        result=st.sampled_from([0, 18]),
    ),
    max_size=8,
)
FORMATS: dict[str, st.SearchStrategy[Records]] = {
    "mysql_audit_json": mysql(),
    "aws_das": das(),
    "bigquery_audit": BIGQUERY,
    "mongodb_audit": MONGODB,
}


@st.composite
def written(draw: st.DrawFn, records: Records) -> bytes:
    """The records as any writer lays them out."""
    indent = draw(st.sampled_from([None, None, 1, 4]))
    before, between, behind = draw(
        st.sampled_from(
            [("", "\n", "\n"), ("", "\r\n", ""), ("[\n", ",\n", ""), ("[", ",", "]\n"), ("", "", "\n"), ("[ ", "\n,\n\n", "\n]")]
        )
    )
    ascii_only = draw(st.booleans())
    return (before + between.join(json.dumps(r, indent=indent, ensure_ascii=ascii_only) for r in records) + behind).encode()


def events_in(record: Any) -> int:
    """How many events a record of AWS holds."""
    if isinstance(record, list):
        return sum(map(events_in, record))
    if not isinstance(record, dict) or record.get("type") in ("record", "heartbeat"):
        return int(isinstance(record, dict))
    return sum(
        map(events_in, (record.get("databaseActivityEvents"), record.get("databaseActivityEventList"), record.get("records")))
    )


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=30)
@given(data=st.data())
def test_cut_anywhere_into_any_number_of_scans(form: str, data: st.DataObject) -> None:
    records = data.draw(FORMATS[form])
    whole = data.draw(written(records))
    expected = SOURCES[form]("x").parse(whole, 0, at_end=True, final=True, longer_than=0)
    assert expected.skips == ()
    assert expected.records.num_rows == (events_in(records) if form == "aws_das" else len(records))
    assert expected.records.schema.equals(RECORD_SCHEMA)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "a.log"
        log.touch()
        ledger = Ledger(log, data.draw(st.integers(1, 4000)), type=form, zone="UTC")
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            with log.open("ab") as file:
                file.write(whole[start:end])
            ledger.scan()
    got = [row for piece in ledger.slices for row in piece.records.to_pylist()]
    assert got == expected.records.to_pylist()
    assert all(piece.skips == () for piece in ledger.slices)
