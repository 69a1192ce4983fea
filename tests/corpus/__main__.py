"""``make corpus``: run the corpus and print its score."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.corpus.postgres import VARIANTS
from tests.corpus.run_postgres import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make corpus", description="Ways out and look-alikes on live servers, scored.")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another company: names, sizes, people")
    parser.add_argument("--variant", action="append", choices=list(VARIANTS), help="what the log says (default: all)")
    parser.add_argument("--only", action="append", default=[], help="an act by its name; several times for several")
    parser.add_argument("--details", action="store_true", help="the events behind every problem")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        score = run(given.seed, Path(folder), given.variant or tuple(VARIANTS), given.only)
    print(score.table(details=given.details))
    return 0


if __name__ == "__main__":
    sys.exit(main())
