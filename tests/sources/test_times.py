"""Timestamps to UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import ConfigError
from scanner.sources import times


def utc(*texts: str, home: str = "UTC") -> list[str | None]:
    """Each text read as a log would hold it."""
    data = "".join(f"{text},\n" for text in texts).encode()
    buffer = np.frombuffer(data, np.uint8)
    starts = np.cumsum([0] + [len(text) + 2 for text in texts[:-1]])
    micros, exists = times.wall_clock(buffer, starts)
    result, known, _ = times.to_utc(micros, *times.zones(buffer, starts + times.STAMP), ZoneInfo(home))
    return [
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=m)).isoformat(timespec="milliseconds")[:23] if ok else None
        for m, ok in zip(result.tolist(), (known & exists).tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "home", "expected"),
    [
        ("2026-11-22 16:45:05.795 KST", "Asia/Seoul", "2026-11-22T07:45:05.795"),
        ("2026-11-22 16:45:05.795 UTC", "Asia/Seoul", "2026-11-22T16:45:05.795"),
        ("2026-11-22 16:45:05.795 GMT", "Asia/Seoul", "2026-11-22T16:45:05.795"),
        ("2026-11-22 16:45:05.795 +09", "UTC", "2026-11-22T07:45:05.795"),
        ("2026-11-22 16:45:05.795 -0330", "UTC", "2026-11-22T20:15:05.795"),
        ("2026-11-22 16:45:05.795 +05:45", "UTC", "2026-11-22T11:00:05.795"),
        ("2024-02-29 00:00:00.000 KST", "Asia/Seoul", "2024-02-28T15:00:00.000"),
        # the hour that comes twice: the abbreviation tells
        ("2026-10-25 02:30:00.000 CEST", "Europe/Berlin", "2026-10-25T00:30:00.000"),
        ("2026-10-25 02:30:00.000 CET", "Europe/Berlin", "2026-10-25T01:30:00.000"),
        ("2026-07-01 12:00:00.000 CEST", "Europe/Berlin", "2026-07-01T10:00:00.000"),
        ("2026-11-01 01:59:59.999 EDT", "America/New_York", "2026-11-01T05:59:59.999"),
        ("2026-11-01 01:59:59.999 EST", "America/New_York", "2026-11-01T06:59:59.999"),
        # the same letters mean another zone to another company
        ("2026-07-01 12:00:00.000 IST", "Asia/Kolkata", "2026-07-01T06:30:00.000"),
        ("2026-07-01 12:00:00.000 IST", "Europe/Dublin", "2026-07-01T11:00:00.000"),
        ("2025-02-29 00:00:00.000 UTC", "UTC", None),
        ("2025-13-01 00:00:00.000 UTC", "UTC", None),
        ("2025-12-01 24:00:00.000 UTC", "UTC", None),
        ("2025-12-01 00:00:00.000 ??", "UTC", None),
    ],
)
def test_zones(text: str, home: str, expected: str | None) -> None:
    assert utc(text, home=home) == [expected]


def test_many_zones_in_one_piece() -> None:
    texts = ["2026-11-22 16:45:05.795 KST", "2026-11-22 16:45:05.795 UTC", "2026-11-22 16:45:05.795 +09"] * 3
    expected = ["2026-11-22T07:45:05.795", "2026-11-22T16:45:05.795", "2026-11-22T07:45:05.795"] * 3
    assert utc(*texts, home="Asia/Seoul") == expected


@given(st.lists(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30)), min_size=1, max_size=20))  # noqa: DTZ001
def test_agrees_with_the_standard_library(moments: list[datetime]) -> None:
    moments = [m.replace(microsecond=m.microsecond // 1000 * 1000) for m in moments]
    found = utc(*(m.strftime("%Y-%m-%d %H:%M:%S.") + f"{m.microsecond // 1000:03d} UTC" for m in moments))
    assert found == [m.isoformat(timespec="milliseconds") for m in moments]


@given(st.binary(min_size=24, max_size=60), st.integers(0, 36))
def test_shape_test_agrees_with_a_pattern(noise: bytes, at: int) -> None:
    import re

    data = noise + b"2026-11-22 16:45:05.795 KST,"
    buffer = np.frombuffer(data, np.uint8)
    pattern = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} ")
    places = np.arange(len(data) - 24 + 1)
    assert times.looks_like_stamp(buffer, places).tolist() == [bool(pattern.match(data, p)) for p in places.tolist()]


def test_unknown_zone() -> None:
    with pytest.raises(ConfigError, match="Korea/Seoul"):
        times.zone("Korea/Seoul")
