"""Times of a server in its own zone: ``time_zone`` of the source decides, also in the hour that a clock is set back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from scanner.errors import ConfigError
from scanner.sources import SOURCES
from tests.conformance.formats import BY_NAME
from tests.sources import csvlog, jsonlog, stderr
from tests.sources.csvlog import read

RECORDS: dict[str, Callable[..., bytes]] = {
    "postgres_csvlog": csvlog.record,
    "postgres_jsonlog": jsonlog.record,
    "postgres_stderr": stderr.record,
}
TIMES = [
    ("Asia/Seoul", "2026-11-22 16:45:05.795 KST", datetime(2026, 11, 22, 7, 45, 5, 795000, UTC)),
    ("UTC", "2026-11-22 16:45:05.795 UTC", datetime(2026, 11, 22, 16, 45, 5, 795000, UTC)),
    ("Asia/Seoul", "2026-11-22 16:45:05.795 UTC", datetime(2026, 11, 22, 16, 45, 5, 795000, UTC)),  # said plainly: believed
    ("Asia/Seoul", "2026-11-22 16:45:05.795 +05:30", datetime(2026, 11, 22, 11, 15, 5, 795000, UTC)),
    ("Asia/Kathmandu", "2026-11-22 16:45:05.795 +0545", datetime(2026, 11, 22, 11, 0, 5, 795000, UTC)),
    ("America/New_York", "2026-07-01 12:00:00.000 EDT", datetime(2026, 7, 1, 16, 0, tzinfo=UTC)),
    ("America/New_York", "2026-12-01 12:00:00.000 EST", datetime(2026, 12, 1, 17, 0, tzinfo=UTC)),
    # 1 November 2026, 02:00 EDT: the hour from one to two happens twice
    ("America/New_York", "2026-11-01 01:30:00.000 EDT", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ("America/New_York", "2026-11-01 01:30:00.000 EST", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
    ("Europe/Berlin", "2026-10-25 02:59:59.999 CEST", datetime(2026, 10, 25, 0, 59, 59, 999000, UTC)),
    ("Europe/Berlin", "2026-10-25 02:00:00.000 CET", datetime(2026, 10, 25, 1, 0, tzinfo=UTC)),
    ("Europe/Berlin", "2026-03-29 03:00:00.000 CEST", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
    ("Australia/Lord_Howe", "2026-04-05 01:45:00.000 +11", datetime(2026, 4, 4, 14, 45, tzinfo=UTC)),
    ("Australia/Lord_Howe", "2026-04-05 01:45:00.000 +1030", datetime(2026, 4, 4, 15, 15, tzinfo=UTC)),
    ("Asia/Seoul", "2024-02-29 23:59:59.999 KST", datetime(2024, 2, 29, 14, 59, 59, 999000, UTC)),
]


def times(source: str, path: Path, zone: str, *stamps: str) -> tuple[list[datetime], list[str]]:
    record = RECORDS[source]
    path.write_bytes(b"".join(record(f"message {n}", time=stamp, line=n) for n, stamp in enumerate(stamps)) + record("last"))
    slices, notices = read(path, type=source, zone=zone, **BY_NAME[source].options)
    found = [time for piece in slices for time in piece.records["time"].to_pylist()]
    return found[: len(stamps)], [notice.reason for notice in notices]


@pytest.mark.parametrize("source", RECORDS)
@pytest.mark.parametrize(("zone", "stamp", "expected"), TIMES)
def test_event_time_is_utc(source: str, zone: str, stamp: str, expected: datetime, tmp_path: Path) -> None:
    assert times(source, tmp_path / "a.log", zone, stamp)[0] == [expected]


@pytest.mark.parametrize("source", RECORDS)
def test_the_hour_that_happens_twice_stays_in_order(source: str, tmp_path: Path) -> None:
    stamps = [f"2026-11-01 01:{m:02}:00.000 {zone}" for zone in ("EDT", "EST") for m in range(0, 60, 5)]
    found, notices = times(source, tmp_path / "a.log", "America/New_York", *stamps)
    assert found == sorted(found)
    assert {(b - a).total_seconds() for a, b in pairwise(found)} == {300.0}
    assert all("KST" in notice for notice in notices)  # the last record, which is of another zone


@pytest.mark.parametrize("source", RECORDS)
def test_an_abbreviation_that_the_zone_does_not_know_is_said(source: str, tmp_path: Path) -> None:
    found, notices = times(source, tmp_path / "a.log", "Asia/Seoul", "2026-11-22 16:45:05.795 IST")
    assert found == [datetime(2026, 11, 22, 7, 45, 5, 795000, UTC)]
    assert ["IST" in notice for notice in notices] == [True]


@pytest.mark.parametrize("source", RECORDS)
def test_a_zone_that_does_not_exist(source: str) -> None:
    with pytest.raises(ConfigError, match="Asia/Soul"):
        SOURCES[source]("x", "Asia/Soul")


@pytest.mark.parametrize("escape", ["t", "n"])
def test_other_times_of_a_prefix(escape: str, tmp_path: Path) -> None:
    prefix = f"%{escape} %c %u "
    log = tmp_path / "a.log"
    log.write_bytes(stderr.record("x", prefix=prefix) * 2)
    slices, _ = read(log, type="postgres_stderr", zone="Asia/Seoul", log_line_prefix=prefix)
    millis = 795000 if escape == "n" else 0
    assert slices[0].records["time"].to_pylist() == [datetime(2026, 11, 22, 7, 45, 5, millis, UTC)]
