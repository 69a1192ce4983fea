"""What a rule would have raised on stored history, by vendor and local day, before anybody is paged for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa

from scanner.engine import open_event_engine
from scanner.errors import RuleError
from scanner.ruleset.engine import run_rules
from scanner.ruleset.rule import Rule, RuleSet

# Hits inside the asked time only: windows look back further, and what they find there was before.
_BY_DAY = """
select e.vendor, e.day_local as day, h.rule_id, count(distinct h.event_id) as events, max(h.observed) as observed,
    list_sort(list(distinct e.account)) as accounts, coalesce(sum(e.exposed_persons), 0)::bigint as persons
from (select rule_id, event_id, max(observed) as observed from hits where time >= ? group by all) h
join events e using (event_id)
where ? is null or e.vendor = ? or e.main_vendor = ?
group by all order by e.vendor nulls first, day, h.rule_id
"""


@dataclass(frozen=True)
class Raised:
    """What a rule would have raised on one local day about one vendor (None: the company's own accounts)."""

    rule: str
    level: str
    vendor: str | None
    day: date
    events: int
    accounts: tuple[str, ...]
    persons: int  # people exposed by these events, added up
    observed: float | None  # the largest aggregate of a window


def backtest(rules: RuleSet, folder: Path, files: Sequence[Path], *, since: datetime, vendor: str | None = None) -> list[Raised]:
    """Run ``rules`` over the event store's ``files`` (under ``folder``) as if they had been there ``since`` then.

    Nothing is stored and nobody is told. ``files`` should reach back by the rules' look-back. Raises StoreError as
    :func:`~scanner.ruleset.engine.run_rules`.
    """
    hits = run_rules(rules, list(files), since=since)
    if not hits.num_rows:
        return []
    engine = open_event_engine(folder, files)
    try:
        engine.register("hits", hits)
        found: pa.Table = engine.sql(_BY_DAY, params=[since, vendor, vendor, vendor]).to_arrow_table()
    finally:
        engine.close()
    return [
        Raised(row["rule_id"], rules.by_id[row["rule_id"]].level.value, row["vendor"], row["day"], row["events"],
               tuple(row["accounts"]), row["persons"], row["observed"])
        for row in found.to_pylist()
    ]  # fmt: skip


def choose(rules: RuleSet, wanted: str) -> Rule:
    """The rule that ``wanted`` names: its id or the beginning of it, its title, or its file. Raises RuleError."""
    found = [rule for rule in rules.rules if wanted in (rule.id, rule.title) or _is_file(rule, wanted)]
    found = found or [rule for rule in rules.rules if len(wanted) >= 4 and rule.id.startswith(wanted)]
    if len(found) != 1:
        what = "no rule" if not found else f"{len(found)} rules"
        raise RuleError(
            f"{what} found for {wanted!r}", "name it by id, title or file; `vendorwatch rules check --json` lists all"
        )
    return found[0]


def _is_file(rule: Rule, wanted: str) -> bool:
    path = Path(rule.path)
    return path.stem == wanted or (path.name == Path(wanted).name and path.suffix in (".yml", ".yaml"))


def chart(raised: Sequence[Raised], first: date, last: date, width: int = 60) -> list[tuple[str, str]]:
    """(vendor, one block a day or more) of how many events each vendor's days would have raised."""
    blocks = " ▁▂▃▄▅▆▇█"
    days = max((last - first).days + 1, 1)
    step = -(-days // width)
    lines: dict[str, list[int]] = {}
    for one in raised:
        counts = lines.setdefault(one.vendor or "(own accounts)", [0] * -(-days // step))
        place = (one.day - first).days // step
        if 0 <= place < len(counts):
            counts[place] += one.events
    most = max((max(counts) for counts in lines.values()), default=1) or 1
    return [(vendor, "".join(blocks[-(-count * 8 // most)] for count in counts)) for vendor, counts in sorted(lines.items())]
