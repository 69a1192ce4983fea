"""``make corpus``: run the corpus and print its score."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.corpus import load, run_mariadb, run_postgres, spelled
from tests.corpus.postgres import VARIANTS
from tests.corpus.score import Score


def main() -> int:
    parser = argparse.ArgumentParser(prog="make corpus", description="Ways out and look-alikes on live servers, scored.")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another company: names, sizes, people")
    parser.add_argument(
        "--variant", action="append", choices=[*VARIANTS, *run_mariadb.VARIANTS], help="what the log says (default: all)"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="times as many people")
    parser.add_argument("--only", action="append", default=[], help="an act by its name; several times for several")
    parser.add_argument("--details", action="store_true", help="the events behind every problem")
    parser.add_argument(
        "--load", type=int, metavar="N", help="instead: N generated statements an engine, beside what the log names"
    )
    parser.add_argument(
        "--spelled", type=int, metavar="N", help="instead: whether N other spellings mean the same on live servers"
    )
    given = parser.parse_args()
    if given.spelled:
        meanings = [spelled.on_postgresql(given.seed, given.spelled), spelled.on_mariadb(given.seed, given.spelled)]
        for found in meanings:
            print(found.line())
            for texts in found.differing:
                print("  " + "\n      ".join(map(repr, texts)))
        return 1 if any(found.differing for found in meanings) else 0
    if given.load:
        agreed = []
        for engine in (load.on_postgresql, load.on_mariadb):
            with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
                agreed.append(engine(given.seed, given.load, Path(folder)))
            print(agreed[-1].line(), flush=True)
            for statement, ours, theirs in agreed[-1].differing if given.details else ():
                print(f"  {statement}\n      ours {sorted(ours)}\n      log  {sorted(theirs)}")
        return 0 if all(a.agreeing >= 0.99 and not a.unexplained for a in agreed) else 1
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        wanted = given.variant or [*VARIANTS, *run_mariadb.VARIANTS]
        score = Score(given.seed)
        for engine, known in ((run_postgres, tuple(VARIANTS)), (run_mariadb, run_mariadb.VARIANTS)):
            chosen = [v for v in known if v in wanted]
            if chosen:
                done = engine.run(given.seed, Path(folder), chosen, given.only, given.scale)
                score.results += done.results
                score.seconds += done.seconds
    print(score.table(details=given.details))
    return 0 if score.good() else 1


if __name__ == "__main__":
    sys.exit(main())
