"""Feeds every parser of log files malformed input and prints how much it survived.

python -m tests.fuzz [--count N] [--seed N] [--only TYPE,…]
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from tests.conformance.formats import FORMATS, VARIANTS, Format
from tests.fuzz import parts
from tests.fuzz.run import run

KEPT = Path(".fuzz")


def main() -> int:
    """Exit 1 when any input crashed a parser, hung it, or was not accounted for byte by byte."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="inputs a parser (100000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other inputs (1)")
    parser.add_argument("--only", default="", help="source types or variants, with commas between")
    given = parser.parse_args()
    wanted = set(filter(None, given.only.split(",")))
    chosen: list[Format | str] = [form for form in [*FORMATS, *VARIANTS] if not wanted or wanted & {form.type, str(form)}]
    chosen += [name for name in parts.PARTS if not wanted or name in wanted]
    worst = 0
    for form in chosen:
        do = partial(parts.run, form) if isinstance(form, str) else partial(run, form)
        outcome, seconds = do(given.count, given.seed)
        failures = outcome.failures
        print(
            f"{form!s:26} {outcome.inputs:>9,} inputs {len(failures):>4,} failures {seconds:>7.1f} s "
            f"{outcome.inputs / seconds:>6,.0f}/s  {outcome.buffers:,} buffers, {outcome.files} as files, slowest "
            f"{outcome.slowest:.1f} s; of {outcome.sound:,} sound records between {outcome.lost:,} were lost",
            flush=True,
        )
        for number, failure in enumerate(failures[:20]):
            KEPT.mkdir(exist_ok=True)
            path = KEPT / f"{form}-{given.seed}-{number}"
            path.write_bytes(failure.data)
            print(f"  {path}: {failure.what[:300]}")
        worst = max(worst, len(failures))
    return 1 if worst or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
