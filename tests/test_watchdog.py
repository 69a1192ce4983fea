"""Scans that do not end are told of, once, by whoever still runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from scanner.config import Config
from scanner.findings import FindingStore
from scanner.notify import tell
from scanner.store import tables as t
from scanner.store.state import iso, open_state
from scanner.watchdog import watch
from tests.notify.receivers import mail_server

START = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = open_state(f"sqlite:///{tmp_path}/state.sqlite")
    yield engine
    engine.dispose()


def config(folder: Path, cron: str = "*/5 * * * *", **notify: Any) -> Config:
    database = {"url": "sqlite:///x.db", "audit": [{"type": "postgres_csvlog", "path": "/x"}], "schedule": {"scan": cron}}
    return Config.model_validate(
        {"data_dir": str(folder), "time_zone": "Asia/Seoul", "databases": {"shop": database}, "notify": notify}
    )


def run(state: Engine, at: datetime, status: str = "complete") -> None:
    with state.begin() as connection:
        connection.execute(
            t.run.insert().values(started_at=iso(at), finished_at=iso(at), status=status, databases=json.dumps(["shop"]))
        )


@pytest.mark.parametrize(
    ("cron", "later", "behind"),
    [
        ("*/5 * * * *", timedelta(minutes=14), False),
        ("*/5 * * * *", timedelta(minutes=16), True),
        ("* * * * *", timedelta(minutes=14), False),
        ("* * * * *", timedelta(minutes=15), True),
        ("0 3 * * *", timedelta(days=2), False),
        ("0 3 * * *", timedelta(days=3, hours=1), True),
        ("0 9 * * mon-fri", timedelta(days=4), True),
        ("off", timedelta(days=400), False),
    ],
)
def test_three_missed_scans_are_behind(state: Engine, tmp_path: Path, cron: str, later: timedelta, behind: bool) -> None:
    run(state, START)
    assert bool(watch(state, config(tmp_path, cron), START + later)) is behind


def test_failed_scans_are_no_scans_and_incomplete_ones_have_ended(state: Engine, tmp_path: Path) -> None:
    run(state, START)
    for minute in range(5, 60, 5):
        run(state, START + timedelta(minutes=minute), "failed")
    (finding_id,) = watch(state, config(tmp_path), START + timedelta(hours=1))
    assert watch(state, config(tmp_path), START + timedelta(hours=2)) == []  # it stays the same one
    found = FindingStore(state).get(finding_id)
    assert found is not None
    assert found["why"] == "Nobody is watching shop: its scans have not come to an end since 09:00 on 2026-11-02."
    assert (found["level"], found["techniques"], found["accounts"]) == ("high", ["scan_behind"], [])
    run(state, START + timedelta(hours=3), "incomplete")
    assert watch(state, config(tmp_path), START + timedelta(hours=3, minutes=10)) == []
    assert watch(state, config(tmp_path), START + timedelta(hours=4)) != []  # another outage, another finding


def test_somebody_is_told(state: Engine, tmp_path: Path) -> None:
    run(state, START)
    with mail_server() as box:
        mail = {"type": "email", "host": "127.0.0.1", "port": box.port, "tls": "off", "from": "a@b.c", "to": "soc@shop.example"}
        given = config(tmp_path, channels={"soc": mail}, routes=[{"channels": ["soc"], "level": "medium"}])
        watch(state, given, START + timedelta(hours=1))
        tell(state, given, START + timedelta(hours=1))
        assert "Scans do not come to their end" in box.mails[0]["Subject"]


def test_what_was_never_scanned_is_left_to_doctor(state: Engine, tmp_path: Path) -> None:
    assert watch(state, config(tmp_path), START) == []
