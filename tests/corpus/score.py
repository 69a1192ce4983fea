"""Doing the acts on live servers, reading what the scanner made of them, and the score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.corpus.act import ALWAYS, ROWS, Act
from tests.corpus.world import World

TOLERANCE = 0.10


@dataclass(frozen=True)
class Result:
    """What came of one act in one variant of the log."""

    act: Act
    variant: str
    truth: int
    low: int
    best: int
    high: int
    problems: tuple[str, ...]  # missed | tables | classes | technique | people | bounds | exposed | nothing received
    shown: tuple[Any, ...] = ()  # its events, for who has to find out why

    @property
    def leaves(self) -> bool:
        return self.act.truth != 0


def judge(act: Act, world: World, variant: str, rows_logged: bool, truth: int, events: Sequence[dict[str, Any]]) -> Result:
    """The truth about an act against what its events say."""
    pick = max if act.most else sum
    low, best, high = (pick([e[f"exposed_persons{part}"] for e in events] or [0]) for part in ("_low", "", "_high"))
    counted = act.counted == ALWAYS or (act.counted == ROWS and rows_logged)
    exposing = [e for e in events if e["exposed_persons_high"] > 0]
    problems = []
    if not events:
        problems.append("no event")
    if act.truth == 0:
        if best > 0 and (counted or low > 0):
            problems.append("exposed")
    else:
        tables = {name for e in exposing for name in e["tables"]}
        classes = {name for e in exposing for name in e["pii_classes"]}
        words = {word for e in events for word in e["techniques"]}
        wanted = {world.relation(role) for role in act.leaves}
        if truth == 0:
            problems.append("nothing received")
        if best == 0:
            problems.append("missed")
        elif not wanted <= tables:
            problems.append("tables")
        if best and (not classes or not set(act.classes) <= classes):
            problems.append("classes")
        if act.technique and act.technique not in words:
            problems.append("technique")
        if counted and abs(best - truth) > max(TOLERANCE * truth, 0.5):
            problems.append("people")
        if not low * 0.99 <= truth <= high * 1.01:
            problems.append("bounds")
    shown = tuple(
        (e["command"], e["returned_rows"], e["tables"], (e["exposed_persons_low"], e["exposed_persons"], e["exposed_persons_high"]),
         e["rows_source"], e["techniques"])
        for e in events
    )  # fmt: skip
    return Result(act, variant, truth, low, best, high, tuple(problems), shown)


@dataclass
class Score:
    """All results, and the figures that matter."""

    seed: int
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0

    def part(self, out: bool, variant: str | None = None) -> list[Result]:
        return [r for r in self.results if r.leaves == out and variant in (None, r.variant)]

    def found(self, variant: str | None = None) -> float:
        """Share of the ways out that were seen with their tables, classes and technique."""
        return _share(
            not set(r.problems) & {"missed", "tables", "classes", "technique", "no event"} for r in self.part(True, variant)
        )

    def counted(self, variant: str | None = None) -> float:
        """Share of the ways out whose people can be counted that were told within 10 %."""
        every = [
            r for r in self.part(True, variant) if r.act.counted == ALWAYS or (r.act.counted == ROWS and "rows" in r.variant)
        ]
        return _share("people" not in r.problems for r in every)

    def bounded(self, variant: str | None = None) -> float:
        """Share of the ways out whose people lie between low and high."""
        return _share("bounds" not in r.problems for r in self.part(True, variant))

    def quiet(self, variant: str | None = None) -> float:
        """Share of the look-alikes that exposed nobody."""
        return _share("exposed" not in r.problems for r in self.part(False, variant))

    def good(self) -> bool:
        """Whether the score is what the product promises, over all variants."""
        return self.found() >= 0.98 and self.counted() >= 0.95 and self.bounded() >= 0.95 and self.quiet() >= 0.99

    def table(self, *, details: bool = False) -> str:
        """The score as text."""
        head = f"{'variant':<26}{'ways out':>9}{'found':>8}{'±10 %':>8}{'bounds':>8}{'look-alikes':>13}{'quiet':>8}"
        out = [head, "-" * len(head)]
        variants = list(dict.fromkeys(r.variant for r in self.results))
        for variant in [*variants, None]:
            figures = (self.found(variant), self.counted(variant), self.bounded(variant))
            out.append(
                f"{variant or 'all':<26}{len(self.part(True, variant)):>9}"
                + "".join(f"{100 * f:>7.1f}%" for f in figures)
                + f"{len(self.part(False, variant)):>13}{100 * self.quiet(variant):>7.1f}%"
            )
        wrong = [r for r in self.results if r.problems]
        counts = Counter(p for r in wrong for p in r.problems)
        out.append(
            f"seed {self.seed}, {self.seconds:.0f} s; " + (", ".join(f"{n} {p}" for p, n in counts.most_common()) or "no problem")
        )
        for r in wrong:
            out.append(f"  {r.act.name} [{r.variant}]: {', '.join(r.problems)}; truth {r.truth}, told {r.low}/{r.best}/{r.high}")
            if details:
                out += [f"      {event}" for event in r.shown]
        return "\n".join(out)


def _share(values: Iterable[bool]) -> float:
    every = list(values)
    return sum(every) / len(every) if every else 1.0
