"""The three leaks, each by another vendor, and the truth about them.

Every act here runs for real: what leaves is counted by the client that received it, and thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

import psycopg

from scripts.demo.company import Act, Company, at, some_times
from scripts.demo.vendors import DRIP_ACCOUNT, DRIP_ADDRESS
from scripts.demo.world import World

DUMP_DAY = date(2026, 10, 21)
DRIP_DAYS = tuple(date(2026, 10, day) for day in range(12, 26))
DEFINER_DAY = date(2026, 10, 22)
SLICES, SLICE = 12, 50  # a day, and people in one


@dataclass
class Leak:
    """What really happened. ``people`` are distinct members, ``rows`` what the client received."""

    id: str
    title: str
    vendor: str
    accounts: list[str]
    address: str
    tables: list[str]
    technique: str
    people: int = 0
    rows: int = 0
    statements: int = 0
    first: str = ""
    last: str = ""
    members: set[int] = field(default_factory=set)

    def saw(self, moment: datetime, members: list[int], rows: int) -> None:
        """One act of the leak."""
        self.first = self.first or moment.isoformat(timespec="seconds")
        self.last = moment.isoformat(timespec="seconds")
        self.members.update(members)
        self.rows += rows
        self.statements += 1
        self.people = len(self.members)

    def facts(self) -> dict[str, Any]:
        """As the truth file says it; who the members are stays out."""
        facts = asdict(self)
        del facts["members"]
        return facts


class Leaks:
    """Plans the leaks' acts and keeps their truth."""

    def __init__(self) -> None:
        self.dump = Leak(
            "night_dump", "pg_dump of the members at night", "it_ops", ["ops_park"], "127.0.30.13", ["public.mbr"], "dump_tool"
        )
        self.drip = Leak(
            "drip", "a slice of the members every hour for two weeks, under the daily budget", "call_center", [DRIP_ACCOUNT],
            DRIP_ADDRESS, ["public.mbr"], "paging",
        )  # fmt: skip
        self.definer = Leak(
            "definer_function", "a SECURITY DEFINER function that returns every member", "photo_studio", ["snap_edit"],
            "127.0.70.51", ["public.mbr"], "definer_function",
        )  # fmt: skip

    def all(self) -> list[Leak]:
        """In the order of their beginnings."""
        return [self.drip, self.dump, self.definer]

    def day(self, world: World, company: Company, day: date) -> Iterator[Act]:
        """The leaks' acts of a day, if any."""
        if day == DUMP_DAY:
            yield at(day, 2, 3, 11.4), lambda: self._dump(world, company)
        if day in DRIP_DAYS:
            rng = company.rng("drip", day)
            for index, moment in enumerate(some_times(rng, day, 9, 17, SLICES)):
                yield moment, partial(self._slice, world, company, DRIP_DAYS.index(day) * SLICES + index)
        if day == DEFINER_DAY:
            yield at(day, 11, 2, 40.0), lambda: self._refused(world)
            yield at(day, 11, 38, 5.0), lambda: self._definer(world, company)

    def _dump(self, world: World, company: Company) -> None:
        moment = world.clock.now
        rows = world.program(["pg_dump", "-t", "mbr"], account="ops_park", address=self.dump.address, lines=rb"^\d+\t\S+\t")
        self.dump.saw(moment, [m.no for m in company.members], rows)

    def _slice(self, world: World, company: Company, number: int) -> None:
        people = [m.no for m in company.members[3000 + number * SLICE : 3000 + (number + 1) * SLICE]]
        session = world.session(DRIP_ACCOUNT, DRIP_ADDRESS, "CRM-Agent 5.2")
        moment = world.clock.now
        got = session.execute(
            "SELECT mbr_no, mbr_nm, hp_no, eml, birth_dt, addr1, addr2 FROM mbr "  # noqa: S608 — two whole numbers of ours
            f"WHERE mbr_no BETWEEN {people[0]} AND {people[-1]} ORDER BY mbr_no"
        ).fetchall()
        self.drip.saw(moment, [row[0] for row in got], len(got))

    def _refused(self, world: World) -> None:
        session = world.session("snap_edit", self.definer.address, "SnapDesk")
        try:
            session.execute("SELECT * FROM mbr LIMIT 1")
        except psycopg.errors.InsufficientPrivilege:
            return
        raise RuntimeError("the studio's account can read the members directly: the third leak would prove nothing")

    def _definer(self, world: World, company: Company) -> None:
        session = world.session("snap_edit", self.definer.address, "SnapDesk")
        moment = world.clock.now
        got = session.execute("SELECT * FROM fn_mbr_sync()").fetchall()
        self.definer.saw(moment, [row[0] for row in got], len(got))
        if len(got) != len(company.members):
            raise RuntimeError(f"the function returned {len(got)} of {len(company.members)} members")
