"""Record the demo's month again: ``python scripts/record_demo.py [--seed N] [--days N]``.

Starts a throwaway PostgreSQL with pgAudit under libfaketime, fills it with a home-shopping company of made-up people, and lets
the company, seven vendors and three leaks work through October 2026: each act moves the server's clock to its moment and is then
really carried out by psycopg, psql or pg_dump from the vendor's own client address. What the server logged, a SQLite copy of its
tables and the truth about the leaks go to ``scanner/demo/data``; whatever the leaks carried out is thrown away.

Needs Linux, PostgreSQL with pgAudit and libfaketime (Debian: postgresql, postgresql-NN-pgaudit, faketime); takes three minutes.
The same seed gives the same people, acts and statements; process numbers, ports and milliseconds differ from time to time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.demo.company import FIRST_DAY, LAST_DAY, Company, at  # noqa: E402 — the path is set up first
from scripts.demo.copyout import write_copy, write_logs, write_truth  # noqa: E402
from scripts.demo.leaks import Leaks  # noqa: E402
from scripts.demo.vendors import VENDORS  # noqa: E402
from scripts.demo.world import World  # noqa: E402

DATA = ROOT / "scanner" / "demo" / "data"


def main() -> int:
    """Record, check and write."""
    parser = argparse.ArgumentParser(description="Record the demo's month again.")
    parser.add_argument("--seed", type=int, default=20261001, help="another seed makes another company")
    parser.add_argument("--days", type=int, default=31, help="fewer for trying out; the shipped recording has all 31")
    parser.add_argument("--first", type=int, default=1, help="day of October to begin with, for trying out")
    parser.add_argument("--output", type=Path, default=DATA, help="where the recording goes")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr, flush=True)

    company, leaks = Company(arguments.seed), Leaks()
    with tempfile.TemporaryDirectory(prefix="vwdemo-") as scratch, World(Path(scratch)) as world:
        say("filling the customer database")
        company.fill(world)
        world.begin(at(FIRST_DAY, 0, 0, 5.0))
        for number in range(arguments.first - 1, min(arguments.first - 1 + arguments.days, 31)):
            day = FIRST_DAY + timedelta(days=number)
            acts = [*company.day(world, day), *leaks.day(world, company, day)]
            for vendor in VENDORS:
                acts += vendor(world, company, day)
            acts.sort(key=lambda act: act[0])
            for moment, act in acts:
                world.clock.set(moment)
                act()
            say(f"{day} {day:%a}: {len(acts)} acts, {sum(p.stat().st_size for p in world.pg.log_files()) / 1e6:.1f} MB of log")
        for account in ("shop_app", "svc_batch"):
            world.leave(account)
        say("checking and compressing the logs")
        records = write_logs(world.logs(), arguments.output)
        say("copying the customer database")
        counts = write_copy(world, arguments.output, Path(scratch))
    write_truth(arguments.output, seed=arguments.seed, records=records, counts=counts, company=company, leaks=leaks.all())
    size = sum(path.stat().st_size for path in arguments.output.glob("*.xz"))
    say(f"{sum(records.values())} records in {len(records)} files, {size / 1e6:.1f} MB compressed, last day {LAST_DAY}")
    for leak in leaks.all():
        say(f"{leak.id}: {leak.people} people, {leak.rows} rows, {leak.first} to {leak.last}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
