"""Cron expressions as APScheduler's triggers."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def trigger(cron: str, zone: ZoneInfo) -> CronTrigger:
    """The trigger of five crontab fields."""
    return CronTrigger.from_crontab(_named_weekdays(cron), timezone=zone)


def _named_weekdays(cron: str) -> str:
    """``cron`` with its weekdays as a list of names.

    crontab counts 0 = Sunday (and 7 too) and knows ranges over Sunday and steps; APScheduler's ``from_crontab`` counts
    0 = Monday and knows neither.
    """
    *fields, weekday = cron.split()
    if weekday == "*":
        return cron
    chosen: set[int] = set()
    for part in weekday.lower().split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        first = 0 if low == "*" else _weekday(low)
        last = 6 if low == "*" or (step and not high) else _weekday(high or low)
        if last < first or (high and last == first == 0):
            last += 7  # fri-mon; and 0-7 or sun-sun is every day
        chosen.update(day % 7 for day in range(first, last + 1, int(step or 1)))
    return " ".join((*fields, ",".join(_WEEKDAYS[day] for day in sorted(chosen))))


def _weekday(word: str) -> int:
    return int(word) % 7 if word.isdigit() else _WEEKDAYS.index(word[:3])
