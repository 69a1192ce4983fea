"""Print how well the shipped rules tell thieves from honest vendors over made-up quarters."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.simulation import judge, thefts
from tests.simulation.honest import KINDS

STRENGTHS = ((300, 2.0), (1000, 3.0), (5000, 5.0))  # people at once; times the ordinary day for drips


def main() -> int:
    """Run the quarters and print the tables."""
    parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many quarters of each kind")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--only", choices=("honest", "thefts"), help="one half")
    parser.add_argument("--strength", type=int, choices=range(len(STRENGTHS)), help="one strength")
    parser.add_argument("--verbose", action="store_true", help="every false finding and missed theft")
    parser.add_argument("--keep", type=Path, help="a folder to keep the quarters in")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    with tempfile.TemporaryDirectory(prefix="vwquarter-") as scratch:
        folder = arguments.keep or Path(scratch)
        good = True
        if arguments.only != "thefts":
            good &= honest(folder, seeds, arguments.verbose)
        if arguments.only != "honest":
            levels = range(len(STRENGTHS)) if arguments.strength is None else [arguments.strength]
            good &= stolen(folder, seeds, list(levels), arguments.verbose)
    return 0 if good else 1


def honest(folder: Path, seeds: range, verbose: bool) -> bool:
    """False findings of honest vendors."""
    false: dict[str, list[int]] = defaultdict(list)
    for seed in seeds:
        began = time.monotonic()
        works = judge.honest_works(seed)
        quarter = judge.run(folder / f"honest-{seed}", works)
        _say(f"honest quarter {seed}: {quarter.report.events:,} events, {time.monotonic() - began:.0f} s")
        for work in works:
            wrong = quarter.false(work.key)
            false[work.kind].append(len(wrong))
            if verbose:
                for f in wrong:
                    _say(f"  FALSE {work.kind}: {f.level.value} {f.first}–{f.last} {f.persons} people: {'; '.join(f.rules)}")
    print("\nhonest vendors: findings at medium or above, a vendor and quarter (aim: at most 1)")
    print(f"  {'kind':<16}{'mean':>6}{'most':>6}")
    for kind in KINDS:
        print(f"  {kind:<16}{sum(false[kind]) / len(false[kind]):>6.1f}{max(false[kind]):>6}")
    return max(max(counts) for counts in false.values()) <= 1


def stolen(folder: Path, seeds: range, strengths: list[int], verbose: bool) -> bool:
    """Thefts found, by kind and strength."""
    caught: dict[tuple[str, int], list[str]] = defaultdict(list)
    found_on: dict[tuple[str, int], list[int | None]] = defaultdict(list)
    right = wrong = 0
    for seed in seeds:
        for index in strengths:
            people, times = STRENGTHS[index]
            began = time.monotonic()
            works, kind_of = judge.theft_works(seed, people, times)
            quarter = judge.run(folder / f"thefts-{seed}-{index}", works)
            _say(f"thefts {seed}, {people} people, drips of {times} × habit: {quarter.report.events:,} events, "
                 f"{time.monotonic() - began:.0f} s")  # fmt: skip
            for work in works:
                name = kind_of[work.key]
                level = quarter.caught(work.key)
                caught[name, index].append(level.value if level else "-")
                false = quarter.false(work.key)
                right += len(quarter.of(work.key)) - len(false)
                wrong += len(false)
                if name in thefts.DRIPS:
                    found_on[name, index].append(quarter.working_days_until_found(work.key))
                if verbose:
                    for f in false:
                        _say(f"  FALSE {name}/{work.kind}: {f.level.value} {f.first}–{f.last} {f.persons}: {'; '.join(f.rules)}")
                    if level is None:
                        _say(f"  MISSED {name} by {work.kind}")
                    else:
                        f = max(
                            (f for f in quarter.of(work.key) if f.sessions & quarter.thefts[work.key]), key=lambda f: f.level.rank
                        )
                        _say(f"  {level.value} {name} by {work.kind}: {f.persons}: {'; '.join(f.rules)}")
    print("\nthefts: recall at medium or above (share at high or critical); drips also the working day on which they were found")
    heads = [f"{STRENGTHS[i][0]} people" for i in strengths]
    print(f"  {'kind':<22}" + "".join(f"{head:>16}" for head in heads))
    everything = True
    for name in [*thefts.ONE_TIME, *thefts.DRIPS]:
        cells = []
        for index in strengths:
            levels = caught[name, index]
            recall = sum(level != "-" for level in levels) / len(levels)
            high = sum(level in ("high", "critical") for level in levels) / len(levels)
            days = "/".join(str(day or "–") for day in found_on[name, index])
            cells.append(f"{recall:.2f} ({high:.2f})" + (f" d{days}" if days else ""))
            everything &= index == 0 or recall == 1.0
            everything &= index == 0 or all(day is not None and day <= 10 for day in found_on[name, index])
        print(f"  {name:<22}" + "".join(f"{cell:>16}" for cell in cells))
    share = right / max(1, right + wrong)
    print(f"  precision of findings at medium or above: {share:.3f} ({wrong} of {right + wrong} rest on honest work)")
    print(f"  drips: {', '.join(f'{STRENGTHS[i][1]:g}' for i in strengths)} × the ordinary day")
    return everything


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
