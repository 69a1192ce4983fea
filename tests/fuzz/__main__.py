"""Feeds every parser of log files malformed input and prints how much it survived.

python -m tests.fuzz [--count N] [--seed N] [--only TYPE,…]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.conformance.formats import FORMATS
from tests.fuzz.mutate import run

KEPT = Path(".fuzz")


def main() -> int:
    """Exit 1 when any input crashed a parser, hung it, or was not accounted for byte by byte."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="inputs a parser (100000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other inputs (1)")
    parser.add_argument("--only", default="", help="source types, with commas between")
    given = parser.parse_args()
    chosen = [form for form in FORMATS if not given.only or form.type in given.only.split(",")]
    worst = 0
    for form in chosen:
        failures, seconds = run(form, given.count, given.seed)
        rate = given.count / seconds
        print(
            f"{form.type:24} {given.count:>9,} inputs {len(failures):>6,} failures {seconds:>8.1f} s {rate:>8,.0f}/s", flush=True
        )
        for number, failure in enumerate(failures[:20]):
            KEPT.mkdir(exist_ok=True)
            path = KEPT / f"{form.type}-{given.seed}-{number}"
            path.write_bytes(failure.data)
            print(f"  {path}: {failure.what[:200]}")
        worst = max(worst, len(failures))
    return 1 if worst or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
