"""Silence: a dead log is told of within the stated time, a quiet night never."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scanner.continuity.speech import HOUR, Account, Speech

SEOUL = ZoneInfo("Asia/Seoul")
MONDAY = datetime(2026, 3, 2, tzinfo=SEOUL)


def micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def never(_: date) -> bool:
    return False


def office(weeks: int, minutes: int = 3) -> Speech:
    """A source that speaks every few minutes from nine to six on working days, scanned all the while."""
    speech = Speech()
    for day in range(weeks * 7):
        moment = MONDAY + timedelta(days=day)
        if moment.weekday() > 4:
            continue
        for hour in range(9, 18):
            at = moment + timedelta(hours=hour)
            last = micros(at + timedelta(minutes=59 - 59 % minutes))
            speech.heard(last, [micros(at) // HOUR], minutes * 60_000_000, SEOUL)
        speech.alive += 1
    return speech


@pytest.mark.parametrize(
    ("day", "hour", "minute", "silent"),
    [
        (0, 9, 10, False),  # Monday morning, ten minutes late
        (0, 9, 20, True),
        (0, 11, 0, True),
        (4, 17, 59, True),
    ],
)
def test_since_friday_evening(day: int, hour: int, minute: int, silent: bool) -> None:
    speech = office(4)
    now = micros(MONDAY + timedelta(days=28 + day, hours=hour, minutes=minute))
    assert (speech.silence(now, SEOUL, never) is not None) == silent


def test_a_quiet_night_and_a_weekend_are_no_silence() -> None:
    speech = office(4)
    for hours in range(0, 62):
        now = speech.latest + hours * HOUR
        assert speech.silence(now, SEOUL, never) is None


def test_a_holiday_is_no_silence() -> None:
    speech = office(4)
    now = micros(MONDAY + timedelta(days=28, hours=17))
    assert speech.silence(now, SEOUL, lambda day: day == date(2026, 3, 30)) is None


def test_a_recording_that_was_never_alive_is_not_silent() -> None:
    speech = office(4)
    speech.alive = 0
    assert speech.silence(speech.latest + 900 * HOUR, SEOUL, never) is None


def test_before_there_is_anything_to_learn_from() -> None:
    speech = Speech()
    start = micros(datetime(2026, 3, 2, 9, tzinfo=UTC))
    for hour in range(30):
        speech.heard(start + hour * HOUR, [(start + hour * HOUR) // HOUR], HOUR // 60, SEOUL)
    speech.alive = 3
    assert speech.silence(speech.latest + 70 * HOUR, SEOUL, never) is None
    assert speech.silence(speech.latest + 73 * HOUR, SEOUL, never) is not None


@pytest.mark.parametrize(
    ("before", "silent", "told"),
    [
        ([True] * 20, 2, False),
        ([True] * 20, 4, True),
        ([True, False] * 20, 9, False),  # every second session is a health check
        ([True, False] * 20, 16, True),
        ([], 40, False),  # never audited: nothing has changed
        ([True] * 3, 20, False),  # too little was seen of it
    ],
)
def test_an_account_whose_statements_are_not_logged_any_more(before: list[bool], silent: int, told: bool) -> None:
    account = Account()
    assert not any(account.ended(audited, n) for n, audited in enumerate(before))
    assert any(account.ended(False, 1000 + n) for n in range(silent)) == told


def test_it_is_told_once_a_time() -> None:
    account = Account()
    for n in range(30):
        account.ended(True, n)
    assert sum(account.ended(False, 100 + n) for n in range(30)) == 1
    account.ended(True, 200)
    assert sum(account.ended(False, 300 + n) for n in range(30)) == 1
