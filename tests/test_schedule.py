"""Jobs run when crontab would run them, make up for missed runs once, and fail without harm."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from scanner.config import Config, load_config
from scanner.errors import StoreError
from scanner.pipeline import Workspace
from scanner.schedule import make_scheduler, run_catalog, run_scan
from scanner.store import tables as t
from scanner.store.state import iso, now

SEOUL = ZoneInfo("Asia/Seoul")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def config(folder: Path, scan: str = "*/5 * * * *", catalog: str = "0 3 * * *", path: str = "/nowhere/*.csv") -> Config:
    database = {
        "url": f"sqlite:///{folder / 'none.sqlite'}",
        "audit": [{"type": "postgres_csvlog", "path": path}],
        "schedule": {"scan": scan, "catalog": catalog},
    }
    file = folder / "vendorwatch.yml"
    document = {"data_dir": str(folder / "data"), "time_zone": "Asia/Seoul", "databases": {"shop": database}}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_config(file)


def runs(folder: Path, cron: str, days: int = 14) -> list[datetime]:
    job = make_scheduler(config(folder, cron)).get_jobs()[0]
    moment, end, found = datetime(2026, 3, 2, tzinfo=SEOUL), datetime(2026, 3, 2, tzinfo=SEOUL) + timedelta(days=days), []
    while (following := job.trigger.get_next_fire_time(None, moment)) and following < end:
        found.append(following)
        moment = following + timedelta(seconds=1)
    return found


@pytest.mark.parametrize(
    ("weekday", "wanted"),
    [
        ("*", set(DAYS)),
        ("0", {"sun"}),
        ("7", {"sun"}),
        ("1", {"mon"}),
        ("1-5", {"mon", "tue", "wed", "thu", "fri"}),
        ("0-5", {"sun", "mon", "tue", "wed", "thu", "fri"}),
        ("0-6", set(DAYS)),
        ("0-7", set(DAYS)),
        ("5-7", {"fri", "sat", "sun"}),
        ("6,0", {"sat", "sun"}),
        ("mon-fri", {"mon", "tue", "wed", "thu", "fri"}),
        ("FRI,SAT", {"fri", "sat"}),
        ("sun", {"sun"}),
        ("1-5/2", {"mon", "wed", "fri"}),
        ("*/2", {"sun", "tue", "thu", "sat"}),
        ("1,3-4", {"mon", "wed", "thu"}),
    ],
)
def test_weekdays_are_those_of_crontab(tmp_path: Path, weekday: str, wanted: set[str]) -> None:
    found = runs(tmp_path, f"30 4 * * {weekday}")
    assert {DAYS[moment.weekday()] for moment in found} == wanted
    assert len(found) == 2 * len(wanted)
    assert {(moment.hour, moment.minute, moment.utcoffset()) for moment in found} == {(4, 30, timedelta(hours=9))}


def test_jobs_of_a_database(tmp_path: Path) -> None:
    assert [job.id for job in make_scheduler(config(tmp_path)).get_jobs()] == ["run_scan:shop", "run_catalog:shop"]
    assert [job.id for job in make_scheduler(config(tmp_path, catalog="off")).get_jobs()] == ["run_scan:shop"]


def test_missed_runs_are_made_up_once_and_no_job_overlaps_itself(tmp_path: Path) -> None:
    scheduler = make_scheduler(config(tmp_path))
    scheduler.start(paused=True)  # gives jobs their defaults
    try:
        for job in scheduler.get_jobs():
            assert job.coalesce is True
            assert job.max_instances == 1
    finally:
        scheduler.shutdown()


def test_what_was_missed_while_nobody_scheduled_is_made_up_at_the_start(tmp_path: Path) -> None:
    """A scan an hour ago and a catalogue scan just now: the scan is due, the catalogue is not."""
    given = config(tmp_path, catalog="0 3 1 1 *")
    workspace = Workspace.open(given)

    def due() -> dict[str, bool]:
        soon = datetime.now(UTC) + timedelta(seconds=30)
        scheduler = make_scheduler(given)
        scheduler.start(paused=True)
        try:
            return {job.id: job.next_run_time <= soon for job in scheduler.get_jobs()}
        finally:
            scheduler.shutdown()

    assert due() == {"run_scan:shop": True, "run_catalog:shop": True}
    document = {"database": "shop", "version": "1", "scanned_at": now(), "document": "{}", "gaps": "[]"}
    with workspace.state.begin() as connection:
        connection.execute(t.catalog.insert().values(document))
        hour = iso(datetime.now(UTC) - timedelta(hours=1))
        connection.execute(t.run.insert().values(started_at=hour, status="complete", databases='["shop"]'))
    assert due() == {"run_scan:shop": True, "run_catalog:shop": False}
    given = config(tmp_path, scan="0 3 1 1 *", catalog="0 3 1 1 *")
    assert due() == {"run_scan:shop": False, "run_catalog:shop": False}
    workspace.state.dispose()


def test_a_failing_job_is_logged_with_its_next_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = config(tmp_path)
    with caplog.at_level(logging.INFO):
        run_scan(given, "shop")
    assert "no file matches" in caplog.text
    caplog.clear()
    run_catalog(given, "shop")
    assert "catalogue scan of shop failed" in caplog.text

    def broken(*_: object) -> None:
        raise StoreError("the disk is full", "make room")

    monkeypatch.setattr("scanner.schedule.scan", broken)
    caplog.clear()
    run_scan(given, "shop")
    assert "scan of shop failed: the disk is full — make room" in caplog.text
