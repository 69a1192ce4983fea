"""Logs to stored, enriched events: records a second, processor time and memory, beside pgBadger and a bare DuckDB read.

The logs are made first and kept in .bench: recorded sessions (record.py) multiplied to the wanted length (multiply.py). Then:

    duckdb    one DuckDB query with 2 threads that reads every column of every record of the csvlog and counts
    pgbadger  pgbadger -j 2 -f csv, the whole report
    csvlog, jsonlog, mariadb
              vendorwatch scan of that log into a fresh data directory, catalogue done before. The vendors keep to their
              contracts, as nearly all do nearly always
    long      the same for a csvlog of --long records: memory, and processor time an event against the shorter one
    idle      scan once more, with nothing new
    stages    processor time an event of each stage, in one process
    rules     all rules over a day's new events, with 30 days of --events events behind them

    python bench/run.py [--records N] [--long N] [--events N] [--only PART,PART] [--keep]

csvlog and pgBadger take turns (--turns); each counts by its best. The table goes to the terminal, everything measured to
.bench/results.json. Exit 1 when a part failed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.parts import MIB, ROOT, Scan, bare_duckdb, child, pgbadger

HERE = ROOT / ".bench"
PARTS = ("duckdb", "pgbadger", "csvlog", "jsonlog", "mariadb", "long", "idle", "stages", "rules")
SUFFIXES = {"csvlog": ".csv", "jsonlog": ".json", "mariadb": ".audit", "long": ".csv"}

Result = dict[str, Any]


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Logs:
    """Recorded seeds and the logs made of them, under .bench; made anew when the makers change."""

    def __init__(self) -> None:
        makers = [ROOT / "bench" / "record.py", ROOT / "bench" / "multiply.py"]
        version = hashlib.sha256(b"".join(path.read_bytes() for path in makers)).hexdigest()[:12]
        self.folder = HERE / f"log-{version}"
        self.sqlite = self.folder / "shop.sqlite"
        if not (self.folder / "seed.audit").exists():
            for old in HERE.glob("log-*"):
                shutil.rmtree(old)
            say("recording sessions on a real PostgreSQL and a real MariaDB (about a minute)")
            subprocess.run([sys.executable, str(makers[0]), str(self.folder)], check=True)

    def made(self, suffix: str, records: int) -> tuple[Path, Result]:
        """The log of that format and many records, in the page cache as far as it fits; and what is in it."""
        log, facts = self.folder / f"{records}{suffix}", self.folder / f"{records}{suffix}.facts"
        if not facts.exists():
            say(f"multiplying the {suffix} seed to {records:,} records")
            command = [
                sys.executable,
                str(ROOT / "bench" / "multiply.py"),
                str(self.folder / f"seed{suffix}"),
                str(records),
                str(log),
            ]
            facts.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        with log.open("rb") as file:
            while file.read(16 * MIB):
                pass
        found: Result = json.loads(facts.read_text())
        return log, found


def better(one: Result | None, other: Result) -> Result:
    """Of two runs of the same the quicker; a failed one tells."""
    if one is None or "error" in other:
        return other
    return one if "error" in one or one["seconds"] <= other["seconds"] else other


def run_parts(parts: list[str], logs: Logs, work: Path, arguments: argparse.Namespace) -> dict[str, Result]:
    results: dict[str, Result] = {}
    records = arguments.records
    for turn in range(arguments.turns):
        for part in [p for p in ("pgbadger", "csvlog") if p in parts]:
            say(f"{part}, turn {turn + 1} of {arguments.turns}")
            log, _ = logs.made(".csv", records)
            found = pgbadger(log, records, work) if part == "pgbadger" else Scan(work / part, log, logs.sqlite).measured(records)
            results[part] = better(results.get(part), found)
    for part in parts:
        if part in results:
            continue
        say(part)
        if part == "duckdb":
            results[part] = bare_duckdb(logs.made(".csv", records)[0], records)
        elif part == "idle":
            again = Scan(work / part, logs.made(".csv", records)[0], logs.sqlite)
            first = again.measured(records)
            results[part] = first if "error" in first else again.nothing_new()
        elif part in SUFFIXES:
            wanted = arguments.long if part == "long" else records
            log, _ = logs.made(SUFFIXES[part], wanted)
            results[part] = Scan(work / part, log, logs.sqlite).measured(wanted)
            shutil.rmtree(work / part)
        elif part == "stages":
            scan = Scan(work / part, logs.made(".csv", records)[0], logs.sqlite)
            scan.command("catalog", "scan")
            results[part] = child("stages.py", str(scan.config))
        elif part == "rules":
            results[part] = child("rules.py", str(arguments.events), str(work / part))
    return {part: results[part] for part in parts if part in results}


def table(results: dict[str, Result]) -> str:
    """The results for a terminal."""
    lines = [f"{'':10}{'records':>12}{'records/s':>12}{'seconds':>9}{'CPU s':>8}{'peak MiB':>10}{'× pgBadger':>12}"]
    yardstick = results.get("pgbadger", {}).get("records_per_second")
    for name, row in results.items():
        if "error" in row:
            lines.append(f"{name:10}  failed: {row['error']}")
        elif "records_per_second" in row:
            ratio = f"{row['records_per_second'] / yardstick:.2f}" if yardstick else ""
            lines.append(
                f"{name:10}{row['records']:>12,}{row['records_per_second']:>12,}{row['seconds']:>9.1f}{row['cpu_seconds']:>8.1f}"
                f"{row['peak_mib']:>10,}{ratio:>12}".rstrip()
            )
    return "\n".join([*lines, "", *remarks(results)])


def remarks(results: dict[str, Result]) -> list[str]:
    """What is no row of the table."""
    sound = {name: row for name, row in results.items() if "error" not in row}
    lines = []
    if {"csvlog", "duckdb"} <= sound.keys():
        share = sound["csvlog"]["records_per_second"] / sound["duckdb"]["records_per_second"]
        lines.append(f"csvlog scan against the bare DuckDB read: {share:.2f}")
    if {"csvlog", "long"} <= sound.keys():
        short, long = (1e6 * sound[part]["cpu_seconds"] / sound[part]["events"] for part in ("csvlog", "long"))
        lines.append(
            f"processor time an event: {short:.1f} µs of the short log, {long:.1f} µs of the long one ({long / short:.2f})"
        )
    if "idle" in sound:
        lines.append(f"scan with nothing new: {sound['idle']['seconds']:.2f} s ({sound['idle']['cpu_seconds']:.2f} s CPU)")
    if "stages" in sound:
        each = ", ".join(f"{name} {micros:.2f}" for name, micros in sound["stages"]["micros_an_event"].items())
        lines.append(f"µs of processor time an event, by stage: {each}")
    if "rules" in sound:
        row = sound["rules"]
        lines.append(
            f"{row['rules']} rules over {row['new_events']:,} new events with {row['events']:,} of {row['days']} days: "
            f"{row['seconds']:.1f} s ({row['cpu_seconds']:.1f} s CPU), {row['hits']:,} hits"
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="logs to stored events, beside pgBadger and a bare DuckDB read")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--long", type=int, default=5_000_000, help="records of the long log; 0 leaves it out")
    parser.add_argument("--events", type=int, default=5_000_000, help="stored events behind the rules; 0 leaves them out")
    parser.add_argument("--turns", type=int, default=2, help="how often csvlog and pgBadger take turns")
    parser.add_argument("--only", default=",".join(PARTS), help="which parts to run, of " + ", ".join(PARTS))
    parser.add_argument("--keep", action="store_true", help="keep the data directories in .bench/work")
    arguments = parser.parse_args()
    parts = [part for part in PARTS if part in arguments.only.split(",")]
    parts = [part for part in parts if (part != "long" or arguments.long) and (part != "rules" or arguments.events)]
    HERE.mkdir(exist_ok=True)
    busy = os.getloadavg()[0]
    if busy > 0.7:
        say(f"this machine is busy (load {busy:.1f}): compare ratios, not figures")
    work = HERE / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    results = run_parts(parts, Logs(), work, arguments)
    if not arguments.keep:
        shutil.rmtree(work)
    print(table(results))
    machine = {"cores": os.cpu_count(), "load": busy, "python": platform.python_version(), "system": platform.platform()}
    report = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "results": results}
    (HERE / "results.json").write_text(json.dumps(report, indent=2) + "\n")
    return 1 if any("error" in row for row in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
