"""What is usual for an account or vendor on a day, told by the days before it.

* People a day: the median of the active days of the last ``LOOK_BACK_DAYS``; never below the median of the same weekday's
  (weekly work), nor below what earlier month ends brought when the day is near one (monthly work). The spread is
  ``1.4826 · MAD``, at least 5 % of the usual and at least one person. Needs ``LEARN_DAYS`` active days; an account with fewer is
  compared with the busiest of its vendor's other accounts.
  Near a month end of which the account has seen none, its habit is *young*: what is usual then is not known yet.
* A rise that lasts: days of the last ``FORTNIGHT`` with at least twice the *reference*, the median of the days before that
  fortnight (of ``REFERENCE_LEAST`` active ones at least; not below the median of those from Monday to Friday). In the weeks
  before a long holiday and the days after it, which are busy for honest reasons, a day must reach five times the reference.
* An account not known for so long is held to its first ``LEARN_DAYS`` days with people: the reference is the busiest of
  them or twice their median, whichever is more, so only a rise to several times as many counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date, timedelta
from statistics import median

from scanner.habits.state import EPOCH, Day, Usual

LEARN_DAYS = 5
LARGEST_DAYS = 3  # days with people before the largest statement of an account says anything
LOOK_BACK_DAYS = 35
FORTNIGHT = 14
REFERENCE_DAYS, REFERENCE_LEAST = 100, 10
LEAST = 5.0  # people a day: below, everything is small

TIMES, TIMES_IN_SEASON = 2.0, 5.0


def usual(day: int, days: Mapping[int, Day], peers: Sequence[tuple[float, float]], seasons: Set[int]) -> Usual:
    """What was usual on ``day``, by the days before it; ``peers``: (middle, spread) of the vendor's other accounts."""
    recent = {d: found for d, found in days.items() if day - LOOK_BACK_DAYS <= d < day}
    reference, since = _reference(day, days), day - FORTNIGHT
    if reference is None:
        reference, since = _first_days(day, days)
    above, excess = 0, 0
    if reference is not None:
        for d in range(max(day - FORTNIGHT, since) + 1, day):
            if d in days and counts_as_above(d, days[d].persons, reference, seasons):
                above += 1
                excess += round(days[d].persons - reference)
    largest = max((found.largest for found in recent.values()), default=0)
    if sum(found.persons > 0 for found in recent.values()) < LARGEST_DAYS:
        largest = 0
    own = middle_and_spread(day, days)
    if own is not None:
        source = "young" if near_month_end(day) and not _month_ends(day, days) else "own"
        return Usual(*own, source, reference, above, excess, largest)
    if peers:
        return Usual(*max(peers), "peers", reference, above, excess, largest)
    return Usual(reference=reference, above=above, excess=excess, largest=largest)


def standing(days: Mapping[int, Day]) -> Usual:
    """What is known of a party by now: what would be usual on the day after its last. ``source`` none: still learning."""
    return usual(max(days) + 1, days, (), frozenset()) if days else Usual()


def middle_and_spread(day: int, days: Mapping[int, Day]) -> tuple[float, float] | None:
    """People of an ordinary day and its spread; None with fewer than LEARN_DAYS active days."""
    recent = {d: found.persons for d, found in days.items() if day - LOOK_BACK_DAYS <= d < day}
    if len(recent) < LEARN_DAYS:
        return None
    values = list(recent.values())
    centre = median(values)
    spread = median(abs(value - centre) for value in values)
    middle = float(centre)
    weekly = [persons for d, persons in recent.items() if (day - d) % 7 == 0]
    if len(weekly) >= 3:
        middle = max(middle, median(weekly))
    if near_month_end(day) and (ends := _month_ends(day, days)):
        middle = max(middle, float(median(ends)))
    return middle, 1.4826 * max(float(spread), 0.05 * middle, 1.0)


def counts_as_above(day: int, persons: float, reference: float, seasons: Set[int]) -> bool:
    """Whether a day's people are so many more than the reference that the day counts towards a lasting rise."""
    return persons >= (TIMES_IN_SEASON if day in seasons else TIMES) * max(reference, LEAST)


def near_month_end(day: int) -> bool:
    """The last five and the first three days of a month."""
    when = EPOCH + timedelta(days=day)
    return when.day <= 3 or (when + timedelta(days=5)).month != when.month


def _month_ends(day: int, days: Mapping[int, Day]) -> list[int]:
    """People of the busiest day of each earlier month end that is known."""
    busiest: dict[int, int] = {}
    first = min(days, default=day)
    for d, found in days.items():
        if day - REFERENCE_DAYS <= d < day - 10 and near_month_end(d):
            opened = _opening(d)
            if first < opened:  # else only a part of that month end was seen
                busiest[opened] = max(busiest.get(opened, 0), found.persons)
    return list(busiest.values())


def _opening(day: int) -> int:
    """The first of the last five days of the month to whose end ``day`` belongs: its own, or the one before."""
    when = EPOCH + timedelta(days=day - 4)
    following = date(when.year + when.month // 12, when.month % 12 + 1, 1)
    return (following - EPOCH).days - 5


def _reference(day: int, days: Mapping[int, Day]) -> float | None:
    """The median of the days before the last fortnight, not below that of the days from Monday to Friday among them."""
    before = {d: found.persons for d, found in days.items() if day - REFERENCE_DAYS <= d <= day - FORTNIGHT}
    if len(before) < REFERENCE_LEAST:
        return None
    working = [persons for d, persons in before.items() if (d + 3) % 7 < 5]
    found = float(median(before.values()))
    return max(found, float(median(working))) if len(working) >= LEARN_DAYS else found


def _first_days(day: int, days: Mapping[int, Day]) -> tuple[float | None, int]:
    """The reference that the first days with people give, and the last of them; no reference before there are LEARN_DAYS."""
    first = sorted(d for d, found in days.items() if d < day and found.persons > 0)[:LEARN_DAYS]
    if len(first) < LEARN_DAYS:
        return None, day
    persons = [days[d].persons for d in first]
    return max(float(max(persons)), 2 * float(median(persons))), first[-1]


def seasons(holidays: Set[date]) -> frozenset[int]:
    """Days (since 1970) around long holidays: three weeks before and one after four closed days or more in a row."""
    closed = {(when - EPOCH).days for when in holidays}
    found: set[int] = set()
    for first in closed:
        begin = first
        while _is_closed(begin - 1, closed):
            begin -= 1
        end = first
        while _is_closed(end + 1, closed):
            end += 1
        if end - begin >= 3:
            found.update(range(begin - 21, end + 8))
    return frozenset(found)


def _is_closed(day: int, closed: Set[int]) -> bool:
    return day in closed or (day + 3) % 7 >= 5
