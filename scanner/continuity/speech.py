"""Who always speaks and falls silent: an audit source, and one account's audit lines while its connections go on.

**A source.** For every hour of the week (local time) it is remembered in which of the last eight weeks a record was written.
Hours in which it spoke in at least two weeks and practically always are hours in which it *always speaks*; only time in such
hours counts as silence. A quiet night, a weekend, a lunch break that is usual therefore never add up to anything, and a log
that died on Friday evening is told of on Monday morning. The alarm comes after three times the longest pause it usually makes
in these hours, at least 15 minutes and at most two hours. Before there are two weeks to learn from, three days of silence (a
day, once a week is known) are too long. Only a source that was seen alive counts: one whose newest record was less than an
hour old in three scans.

**An account.** A session that ends without a single audit line may be a health check. How likely that is, is learnt from
the account's earlier sessions (rule of succession); when a row of such sessions is less likely than one in ten thousand,
its statements are not logged any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

HOUR = 3_600_000_000  # microseconds
_WEEKS = 8
_ALIVE = 3
_AT_LEAST, _AT_MOST = HOUR // 4, 2 * HOUR
_MOST_ACCOUNTS = 5_000
_UNLIKELY = 1e-4
_STREAK = 3
_AUDITED = 5  # an account must have been heard that often before its silence means anything

QuietDay = Callable[[date], bool]


@dataclass
class Speech:
    """When a source speaks. Times in microseconds since 1970, UTC."""

    latest: int = -1
    last_hour: int = -1  # the last hour since 1970 that was counted
    hours_seen: int = 0
    weeks: list[int] = field(default_factory=lambda: [0] * 168)  # per hour of the week: a bit a week, the latest lowest
    known: list[int] = field(default_factory=lambda: [0] * 168)  # how many weeks, at most eight
    pause: int = 0  # the longest usual pause within work
    rest: int = 0  # the longest pause of all
    alive: int = 0  # scans that found a fresh record

    def heard(self, latest: int, hours: Iterable[int], pause: int, zone: ZoneInfo) -> None:
        """Records were written in these hours since 1970; ``pause`` is the longest one among them below two hours."""
        self.latest = max(self.latest, latest)
        self.pause = max(self.pause, pause)
        for hour in hours:
            if self.last_hour < 0:
                self.last_hour = hour  # the first hour is a part of one: it is not counted
                continue
            gap = hour - self.last_hour
            self.rest = max(self.rest, (gap - 1) * HOUR)
            for passed in range(max(self.last_hour + 1, hour - _WEEKS * 168), hour + 1):
                self._count(passed, passed == hour, zone)
            self.last_hour = max(self.last_hour, hour)

    def _count(self, hour: int, spoke: bool, zone: ZoneInfo) -> None:
        place = _place(hour, zone)
        self.weeks[place] = (self.weeks[place] << 1 | int(spoke)) & ((1 << _WEEKS) - 1)
        self.known[place] = min(_WEEKS, self.known[place] + 1)
        self.hours_seen += 1

    def always(self, hour: int, zone: ZoneInfo) -> bool:
        """Whether it always speaks in that hour of the week."""
        place = _place(hour, zone)
        known = self.known[place]
        return known >= 2 and known - self.weeks[place].bit_count() <= known // _WEEKS

    def silence(self, now: int, zone: ZoneInfo, quiet: QuietDay) -> tuple[int, int] | None:
        """(length, what was allowed) in microseconds, when the source has been silent for too long; else None."""
        if self.latest < 0 or self.alive < _ALIVE or now <= self.latest:
            return None
        allowed = min(_AT_MOST, max(_AT_LEAST, 3 * self.pause))
        counted = 0
        first, last = self.latest // HOUR, now // HOUR
        for hour in range(max(first, last - _WEEKS * 168), last + 1):
            if self.always(hour, zone) and not quiet(_local(hour, zone).date()):
                counted += min(now, (hour + 1) * HOUR) - max(self.latest, hour * HOUR)
        if counted > allowed:
            return now - self.latest, allowed
        if self.hours_seen < 2 * 168:
            allowed = max(2 * self.rest, 24 * HOUR if self.hours_seen >= 168 else 72 * HOUR)
            if now - self.latest > allowed:
                return now - self.latest, allowed
        return None

    def to_json(self) -> list[Any]:
        return [*vars(self).values()]


@dataclass
class Account:
    """How an account's sessions end."""

    sessions: int = 0  # before the present row of silent ones
    audited: int = 0
    streak: int = 0  # sessions without an audit line, one after the other
    since: int = -1  # end of the first of them
    told: bool = False

    def ended(self, audited: bool, time: int) -> bool:
        """A session of it ended; whether its silence has just become too unlikely."""
        if audited:
            self.sessions += self.streak + 1
            self.audited += 1
            self.streak, self.since, self.told = 0, -1, False
            return False
        self.streak += 1
        if self.streak == 1:
            self.since = time
        chance = (self.sessions - self.audited + 1) / (self.sessions + 2)
        if self.told or self.audited < _AUDITED or self.streak < _STREAK or chance**self.streak >= _UNLIKELY:
            return False
        self.told = True
        return True


def trim(accounts: dict[str, Account]) -> None:
    """Forget the accounts with the fewest sessions when there are too many."""
    for name in sorted(accounts, key=lambda n: accounts[n].sessions)[: max(0, len(accounts) - _MOST_ACCOUNTS)]:
        del accounts[name]


def _local(hour: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)).astimezone(zone)


def _place(hour: int, zone: ZoneInfo) -> int:
    local = _local(hour, zone)
    return local.weekday() * 24 + local.hour
