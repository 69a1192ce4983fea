"""csvlog to stored, enriched events: records a second, beside pgBadger and a bare DuckDB read of the same file, in one run.

The log is made first and kept in .bench: a recorded session (record.py) multiplied to the wanted length (multiply.py).
Then each of these runs in a process of its own on the same file:

    scan      vendorwatch scan into a fresh data directory, catalogue done before; once more with nothing new. The vendors keep
              to their contracts, as nearly all do nearly always
    pgbadger  pgbadger -j 2 -f csv, the whole report
    duckdb    one DuckDB query with 2 threads that reads every column of every record and counts

    python bench/csvlog.py [--records N] [--only scan,pgbadger,duckdb] [--keep]

The table goes to the terminal, everything measured to .bench/csvlog.json. Exit 1 when a part failed.
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

from bench.measure import Run, measure

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / ".bench"
PARTS = ("duckdb", "pgbadger", "scan")
MIB = 1024 * 1024

CONFIG = """\
data_dir: {data}
time_zone: Asia/Seoul
databases:
  shop:
    url: sqlite:///{sqlite}
    audit:
      - {{type: postgres_csvlog, path: "{log}"}}
vendors:
  delivery_co:
    name: Delivery Co.
    accounts: ["dlv_*"]
    contact: security@delivery.example
    contract:
      from: 2026-01-01
      until: 2027-12-31
      purpose: deliver parcels
      tables: ["public.deliveries", "public.members"]
      hours: any
      max_persons_per_day: 1000000
  call_centre:
    name: Call Centre
    accounts: ["cs_*"]
    contact: security@cs.example
    contract:
      from: 2026-01-01
      until: 2027-12-31
      purpose: answer customers
      tables: ["public.members", "public.orders", "public.deliveries"]
      hours: any
      max_persons_per_day: 1000000
"""

BARE_READ = """
import sys, duckdb
columns = {{f"c{{i:02d}}": "VARCHAR" for i in range(26)}}
connection = duckdb.connect(config={{"threads": 2}})
source = "read_csv(?, columns=?, header=false, auto_detect=false, delim=',', quote='\\"', escape='\\"'{more})"
counts = ", ".join(f"count({{name}})" for name in columns)
print(connection.execute(f"select count(*), {{counts}} from {{source}}", [sys.argv[1], columns]).fetchone()[0])
"""


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def made_log(records: int) -> tuple[Path, dict[str, int], Path]:
    """The log of that many records, made when it is not there yet; what is in it; and the SQLite copy of the database."""
    makers = [ROOT / "bench" / "record.py", ROOT / "bench" / "multiply.py"]
    version = hashlib.sha256(b"".join(path.read_bytes() for path in makers)).hexdigest()[:12]
    folder = HERE / f"log-{version}"
    seed, sqlite = folder / "seed.csv", folder / "shop.sqlite"
    if not sqlite.exists():
        for old in HERE.glob("log-*"):
            shutil.rmtree(old)
        say("recording a session on a real PostgreSQL (about half a minute)")
        subprocess.run([sys.executable, str(makers[0]), str(folder)], check=True)
    log, facts = folder / f"{records}.csv", folder / f"{records}.json"
    if not facts.exists():
        say(f"multiplying it to {records:,} records")
        done = subprocess.run(
            [sys.executable, str(makers[1]), str(seed), str(records), str(log)], check=True, capture_output=True, text=True
        )
        facts.write_text(done.stdout)
    return log, json.loads(facts.read_text()), sqlite


def failed(run: Run) -> str:
    return f"exit {run.exit_code}: {(run.stderr or run.stdout).strip()[-600:]}"


def result(run: Run, records: int, **more: Any) -> dict[str, Any]:
    return {
        "seconds": round(run.seconds, 3),
        "records_per_second": round(records / run.seconds),
        "cpu_seconds": round(run.cpu_seconds, 2),
        "peak_mib": round(run.peak_bytes / MIB),
        **more,
    }


def bench_duckdb(log: Path, records: int) -> dict[str, Any]:
    """The parallel read where it is right; else, as with many multi-line statements, the sequential one."""
    for more, how in (("", "parallel"), (", parallel=false", "sequential")):
        run = measure([sys.executable, "-c", BARE_READ.format(more=more), str(log)])
        if run.exit_code == 0 and int(run.stdout) == records:
            return result(run, records, how=how)
    return {"error": failed(run) if run.exit_code else f"read {run.stdout.strip()} of {records} records"}


def bench_pgbadger(log: Path, records: int, work: Path) -> dict[str, Any]:
    report = work / "pgbadger.html"
    run = measure(["pgbadger", "-q", "-j", "2", "-f", "csv", "-o", str(report), str(log)])
    if run.exit_code or not report.exists():
        return {"error": failed(run)}
    version = subprocess.run(["pgbadger", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    return result(run, records, version=version)


def bench_scan(log: Path, records: int, work: Path, sqlite: Path) -> dict[str, Any]:
    config = work / "vendorwatch.yml"
    config.write_text(CONFIG.format(data=work / "data", sqlite=sqlite, log=log), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "vendorwatch"), "--config", str(config)]
    catalogue = measure([*command, "catalog", "scan"])
    if catalogue.exit_code:
        return {"error": f"catalog scan: {failed(catalogue)}"}
    run = measure([*command, "scan"])
    if run.exit_code not in (0, 1):
        return {"error": failed(run)}
    again = measure([*command, "scan"])
    exported = measure([*command, "events", "export", "-o", str(work / "events.parquet")])
    events = None
    if exported.exit_code == 0:
        code = "import pyarrow.parquet as p, sys; print(p.ParquetFile(sys.argv[1]).metadata.num_rows)"
        events = int(
            subprocess.run([sys.executable, "-c", code, str(work / "events.parquet")], capture_output=True, check=True).stdout
        )
    stored = sum(path.stat().st_size for path in (work / "data").rglob("*") if path.is_file())
    return result(
        run,
        records,
        events=events,
        nothing_new_seconds=round(again.seconds, 3),
        nothing_new_cpu_seconds=round(again.cpu_seconds, 2),
        catalogue_seconds=round(catalogue.seconds, 3),
        export_seconds=round(exported.seconds, 3) if events is not None else failed(exported),
        stored_mib=round(stored / MIB, 1),
    )


def table(results: dict[str, dict[str, Any]], facts: dict[str, int]) -> str:
    """The results for a terminal, with ratios to the scan."""
    lines = [
        f"{facts['records']:,} csvlog records, {facts['bytes'] / MIB:,.0f} MiB, {facts['statements']:,} audited statements",
        "",
        f"{'':10}{'records/s':>12}{'seconds':>10}{'CPU s':>8}{'peak MiB':>10}   scan is",
    ]
    scan = results.get("scan", {}).get("records_per_second")
    for name, row in results.items():
        if "error" in row:
            lines.append(f"{name:10}  failed: {row['error']}")
            continue
        ratio = f"{scan / row['records_per_second']:.2f} ×" if scan and name != "scan" else ""
        speed, cost = (
            f"{row['records_per_second']:>12,}{row['seconds']:>10.1f}",
            f"{row['cpu_seconds']:>8.1f}{row['peak_mib']:>10,}",
        )
        lines.append(f"{name:10}{speed}{cost}   {ratio}".rstrip())
    row = results.get("scan", {})
    if row.get("events") is not None:
        lines += [
            "",
            f"events stored {row['events']:,}; scan with nothing new {row['nothing_new_seconds']:.2f} s"
            f" ({row['nothing_new_cpu_seconds']:.2f} s CPU)",
        ]
        lines.append(f"catalogue {row['catalogue_seconds']:.1f} s; data directory {row['stored_mib']} MiB")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="csvlog to stored events, beside pgBadger and a bare DuckDB read")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--only", default=",".join(PARTS), help="which parts to run, of " + ", ".join(PARTS))
    parser.add_argument("--keep", action="store_true", help="keep the scan's data directory in .bench/work")
    arguments = parser.parse_args()
    parts = [part for part in PARTS if part in arguments.only.split(",")]
    HERE.mkdir(exist_ok=True)
    log, facts, sqlite = made_log(arguments.records)
    busy = os.getloadavg()[0]
    if busy > 0.7:
        say(f"this machine is busy (load {busy:.1f}): compare ratios, not figures")
    work = HERE / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with log.open("rb") as file:  # into the page cache, for all alike
        while file.read(16 * MIB):
            pass
    results: dict[str, dict[str, Any]] = {}
    for part in parts:
        say(part)
        if part == "duckdb":
            results[part] = bench_duckdb(log, facts["records"])
        elif part == "pgbadger":
            results[part] = bench_pgbadger(log, facts["records"], work)
        else:
            results[part] = bench_scan(log, facts["records"], work, sqlite)
    if not arguments.keep:
        shutil.rmtree(work)
    print(table(results, facts))
    machine = {"cores": os.cpu_count(), "load": busy, "python": platform.python_version(), "system": platform.platform()}
    report = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "log": facts, "results": results}
    (HERE / "csvlog.json").write_text(json.dumps(report, indent=2) + "\n")
    return 1 if any("error" in row for row in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
