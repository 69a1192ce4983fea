"""What is remembered of each account and vendor, and its rows in the state database.

Grows with accounts, distinct values and days, never with events, and each of these is bounded: days older than
``KEEP_DAYS`` are dropped, and of one account no more than ``MOST_VALUES`` shapes, addresses, programs or tables are noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from scanner.habits_people import READ_SCHEMA

KEEP_DAYS = 120  # three month ends and the days before them
MOST_VALUES = 4000

VENDOR = "\x1fvendor\x1f"  # before a vendor's key where else an account's name stands; no engine allows it in a name
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Usual:
    """What was usual when a local day of an account or vendor began. Fixed at the day's first event, so that late ones
    of earlier days do not change how the day is judged.

    ``middle`` and ``spread`` in people a day, None while there is nothing to compare with; ``source``: own | young (own, but
    no month end like this one has been seen yet) | peers | none.
    ``reference``: people a day before the last fortnight, None without enough days. ``above``: days of the last fortnight
    on which at least twice the reference was read, ``excess``: people beyond the reference on those days. ``largest``: people
    of the largest statement of the days before.
    """

    middle: float | None = None
    spread: float | None = None
    source: str = "none"
    reference: float | None = None
    above: int = 0
    excess: int = 0
    largest: int = 0


@dataclass
class Day:
    """What an account or vendor did on one local day. ``persons`` counts whom an account reads again once; it and ``largest``
    leave agreed exports out."""

    persons: int = 0
    rows: int = 0
    events: int = 0
    largest: int = 0
    usual: Usual | None = None


@dataclass
class Habits:
    """What is known of the accounts of one database.

    ``spans``: first and last event of an account, microseconds since 1970 UTC. ``seen``: (account, what, value) → when first,
    ``what`` being shape, ip, app, table or hour. ``days``: by account (or :data:`VENDOR` + vendor) and local day
    (days since 1970). ``vendors``: whose account it last was.
    """

    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    seen: dict[tuple[str, str, str], int] = field(default_factory=dict)
    days: dict[str, dict[int, Day]] = field(default_factory=dict)
    vendors: dict[str, str] = field(default_factory=dict)
    read: pa.Table = field(default_factory=READ_SCHEMA.empty_table)  # whom accounts have read on their latest day
    counts: dict[tuple[str, str], int] = field(default_factory=dict)  # entries of ``seen`` by account and what


def from_rows(
    accounts: Iterable[Mapping[str, Any]], seen: Iterable[Mapping[str, Any]], days: Iterable[Mapping[str, Any]]
) -> Habits:
    """Habits from rows of ``habit_account``, ``habit_seen`` and ``habit_day``."""
    habits = Habits()
    for row in accounts:
        habits.spans[row["account"]] = (_micros(row["first_event"]), _micros(row["last_event"]))
        if row["vendor"]:
            habits.vendors[row["account"]] = row["vendor"]
    for row in seen:
        habits.seen[row["account"], row["what"], row["value"]] = _micros(row["first_seen"])
        key = (row["account"], row["what"])
        habits.counts[key] = habits.counts.get(key, 0) + 1
    for row in days:
        when = (date.fromisoformat(row["day"]) - EPOCH).days
        usual = None
        if row["usual_source"] is not None:
            usual = Usual(row["usual"], row["spread"], row["usual_source"], row["reference"], row["above"], row["excess"],
                          row["largest_before"])  # fmt: skip
        habits.days.setdefault(row["account"], {})[when] = Day(
            int(row["persons"]), int(row["rows"]), int(row["events"]), int(row["largest"]), usual
        )
    return habits


def changed_rows(
    database: str,
    habits: Habits,
    accounts: Iterable[str],
    seen: Iterable[tuple[str, str, str, int]],
    days: Iterable[tuple[str, int]],
) -> tuple[list[dict[str, object]], ...]:
    """Rows of ``habit_account``, ``habit_seen`` and ``habit_day`` that a slice changed or added."""
    account_rows: list[dict[str, object]] = [
        {
            "database": database,
            "account": name,
            "vendor": habits.vendors.get(name),
            "first_event": iso(habits.spans[name][0]),
            "last_event": iso(habits.spans[name][1]),
        }
        for name in accounts
    ]
    seen_rows: list[dict[str, object]] = [
        {"database": database, "account": name, "what": what, "value": value, "first_seen": iso(when)}
        for name, what, value, when in seen
    ]
    day_rows = [
        _day_row(database, name, when, habits.days[name][when]) for name, when in days if when in habits.days.get(name, {})
    ]
    return account_rows, seen_rows, day_rows


def _day_row(database: str, name: str, when: int, day: Day) -> dict[str, object]:
    usual = day.usual
    return {
        "database": database,
        "account": name,
        "day": (EPOCH + timedelta(days=when)).isoformat(),
        "persons": day.persons,
        "rows": day.rows,
        "events": day.events,
        "largest": day.largest,
        "usual": usual.middle if usual else None,
        "spread": usual.spread if usual else None,
        "usual_source": usual.source if usual else None,
        "reference": usual.reference if usual else None,
        "above": usual.above if usual else 0,
        "excess": usual.excess if usual else 0,
        "largest_before": usual.largest if usual else 0,
    }


def oldest_kept(habits: Habits) -> str | None:
    """The local day (ISO) before which nothing is remembered; forgets what is older. None without any day."""
    newest = max((max(days) for days in habits.days.values() if days), default=None)
    if newest is None:
        return None
    oldest = newest - KEEP_DAYS
    for days in habits.days.values():
        for when in [when for when in days if when < oldest]:
            del days[when]
    return (EPOCH + timedelta(days=oldest)).isoformat()


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def iso(micros: int) -> str:
    """Microseconds since 1970 UTC as the state database writes times."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat(timespec="microseconds")
