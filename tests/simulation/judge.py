"""One quarter through the production way (configuration, csvlog, ``scan``), and what its findings are worth.

A theft counts as found when a finding at ``medium`` or above rests on at least one of its events. A false finding is one at
``medium`` or above that rests on no event of a theft. A drip is found on the first day after which the rules, run over what was
known at the end of that day, hit one of its events.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from scanner.catalog import to_json
from scanner.config import load_config
from scanner.engine import open_event_engine
from scanner.findings import FindingStore
from scanner.model import EVENT_SCHEMA, Level
from scanner.pipeline import Report, Workspace, scan
from scanner.ruleset import RuleSet, load_rules, run_rules
from scanner.store import tables as t
from scanner.store.state import now, upsert
from tests.simulation import thefts
from tests.simulation.honest import KINDS, LAST_DAY, STEADY
from tests.simulation.log import Session, write
from tests.simulation.world import CANARY, FIRST_DAY, Work, at, is_open, schema

WEIGHTY = Level.MEDIUM.rank


@dataclass(frozen=True)
class Found:
    """A finding, and which thefts' sessions it rests on."""

    vendor: str
    level: Level
    rules: tuple[str, ...]
    first: str
    last: str
    persons: int
    sessions: frozenset[str]


@dataclass
class Quarter:
    """One scanned quarter."""

    works: Mapping[str, Work]
    thefts: Mapping[str, set[str]]  # vendor -> ids of the sessions of its thief
    workspace: Workspace
    report: Report
    rules: RuleSet
    found: list[Found] = field(default_factory=list)

    def of(self, vendor: str) -> list[Found]:
        return [f for f in self.found if f.vendor == vendor and f.level.rank >= WEIGHTY]

    def false(self, vendor: str) -> list[Found]:
        return [f for f in self.of(vendor) if not f.sessions & self.thefts.get(vendor, set())]

    def caught(self, vendor: str) -> Level | None:
        """The highest level of a finding that rests on the theft; None when there is none."""
        levels = [f.level for f in self.of(vendor) if f.sessions & self.thefts[vendor]]
        return max(levels, key=lambda level: level.rank, default=None)

    def events(self, vendor: str) -> pa.Table:
        engine = open_event_engine(self.workspace.events.folder, self.workspace.events.files())
        try:
            found = engine.sql("select * from events where vendor = ? order by time, event_id", params=[vendor]).to_arrow_table()
            return found.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)
        finally:
            engine.close()

    def working_days_until_found(self, vendor: str) -> int | None:
        """Of a drip: the number of the working day (from 1) at whose end the rules find it; None when they never do."""
        events = self.events(vendor)
        sessions = pa.array(sorted(self.thefts[vendor]))
        mine = events.filter(pc.is_in(events["session"], value_set=sessions))
        if not mine.num_rows:
            return None
        begin: date = mine["day_local"][0].as_py()
        days = [d for d in (begin + timedelta(days=n) for n in range((LAST_DAY - begin).days + 1)) if is_open(d)]
        low, high = 0, len(days)
        while low < high:
            middle = (low + high) // 2
            if self._found_by(events, mine, days[middle]):
                high = middle
            else:
                low = middle + 1
        return low + 1 if low < len(days) else None

    def _found_by(self, events: pa.Table, mine: pa.Table, day: date) -> bool:
        known = events.filter(pc.less(events["time"], pa.scalar(at(day + timedelta(days=1), 0), events["time"].type)))
        hits = run_rules(self.rules, known)
        weighty = [level.value for level in Level if level.rank >= WEIGHTY]
        hits = hits.filter(pc.is_in(hits["level"], value_set=pa.array(weighty)))
        return bool(pc.any(pc.is_in(hits["event_id"], value_set=mine["event_id"].combine_chunks())).as_py())


def honest_works(seed: int, kinds: Sequence[str] = tuple(KINDS)) -> list[Work]:
    return [KINDS[kind](f"h{seed}{kind[:3]}{n}", random.Random(f"{seed}/{kind}")) for n, kind in enumerate(kinds)]


def theft_works(seed: int, people: int, times: float, names: Sequence[str] = ()) -> tuple[list[Work], dict[str, str]]:
    """Steady vendors, a thief in each; and which theft each vendor suffers. The vendor's kind changes with the seed."""
    works, kind_of = [], {}
    for number, name in enumerate(names or [*thefts.ONE_TIME, *thefts.DRIPS]):
        rng = random.Random(f"{seed}/{name}")
        kinds = STEADY if name in thefts.ONE_TIME else STEADY[:4]
        kind = kinds[(number + seed) % len(kinds)]
        work = KINDS[kind](f"t{number:02d}", rng)
        day = FIRST_DAY + timedelta(days=rng.randrange(50, 68))
        while not is_open(day):
            day += timedelta(days=1)
        if name in thefts.ONE_TIME:
            thefts.ONE_TIME[name](work, rng, people, day)
        else:
            thefts.DRIPS[name](work, rng, times, day)
        works.append(work)
        kind_of[work.key] = name
    return works, kind_of


def run(folder: Path, works: Sequence[Work]) -> Quarter:
    """Write the quarter's configuration and log into ``folder``, scan it, and read the findings."""
    folder.mkdir(parents=True, exist_ok=True)
    by_key = {work.key: work for work in works}
    document = {
        "data_dir": str(folder / "data"),
        "time_zone": "Asia/Seoul",
        "business_hours": {"from": "09:00", "to": "18:00", "holidays": "KR"},
        "databases": {
            "shop": {
                "url": "postgresql+psycopg://reader@127.0.0.1:1/shop",  # never connected to: the PII map is given
                "audit": [{"type": "postgres_csvlog", "path": str(folder / "quarter.csv"), "time_zone": "UTC"}],
                "canaries": [{"table": table, "values": [CANARY]} for table in ("crm.mbr", "crm.ord", "ship.dlv", "bill.stl")],
            }
        },
        "vendors": {work.key: work.document() for work in works},
    }
    (folder / "vendorwatch.yml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    marked = write(folder / "quarter.csv", (session for work in works for session in _named(work)))
    config = load_config(folder / "vendorwatch.yml")
    workspace = Workspace.open(config)
    known = schema()
    with workspace.state.begin() as connection:
        row = {"database": "shop", "version": known.version, "scanned_at": now(), "document": to_json(known), "gaps": "[]"}
        upsert(connection, t.catalog, [row])
    report = scan(config)
    if not report.complete:
        raise RuntimeError(f"the quarter was not read whole: {report.skips} skips, {report.notices}")
    store = FindingStore(workspace.state)
    found = []
    for finding in store.all():
        sessions = frozenset(event.split("/")[1] for event in store.event_ids(finding["id"]))
        found.append(Found(finding["vendor"] or _vendor_of(sessions, marked) or "", Level(finding["level"]),
                           tuple(sorted(_title(rule) for rule in finding["rules"])), str(finding["first_event"])[:16],
                           str(finding["last_event"])[:16], finding["exposed_persons"]["best"], sessions))  # fmt: skip
    return Quarter(by_key, marked, workspace, report, load_rules(config.rules), found)


def _title(rule: object) -> str:
    return str(rule.get("title") or rule.get("id")) if isinstance(rule, dict) else json.dumps(rule)


def _named(work: Work) -> list[Session]:
    return [replace(s, theft=work.key) if s.theft else s for s in work.sessions]


def _vendor_of(sessions: frozenset[str], marked: Mapping[str, set[str]]) -> str | None:
    return next((key for key, mine in marked.items() if mine & sessions), None)
