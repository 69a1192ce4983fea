"""What the benchmark runs: our scan of each format, and the yardsticks beside it. Each part runs in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.measure import Run, measure

ROOT = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024

CONFIG = """\
data_dir: {data}
time_zone: Asia/Seoul
databases:
  shop:
    url: sqlite:///{sqlite}
    engine: {engine}
    audit:
      - {{type: {type}, path: "{log}", time_zone: UTC}}
vendors:
  delivery_co:
    name: Delivery Co.
    accounts: ["dlv_*"]
    contact: security@delivery.example
    contract:
      from: 2026-01-01
      until: 2027-12-31
      purpose: deliver parcels
      tables: ["{schema}.deliveries", "{schema}.members"]
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
      tables: ["{schema}.members", "{schema}.orders", "{schema}.deliveries"]
      hours: any
      max_persons_per_day: 1000000
"""

SOURCES = {  # suffix of the log: type of the source, engine, schema of the tables
    ".csv": ("postgres_csvlog", "postgresql", "public"),
    ".json": ("postgres_jsonlog", "postgresql", "public"),
    ".audit": ("mariadb_server_audit", "mariadb", "shop"),
}

BARE_READ = """
import sys, duckdb
columns = {{f"c{{i:02d}}": "VARCHAR" for i in range(26)}}
connection = duckdb.connect(config={{"threads": 2}})
source = "read_csv(?, columns=?, header=false, auto_detect=false, delim=',', quote='\\"', escape='\\"'{more})"
counts = ", ".join(f"count({{name}})" for name in columns)
print(connection.execute(f"select count(*), {{counts}} from {{source}}", [sys.argv[1], columns]).fetchone()[0])
"""


def failed(run: Run) -> str:
    return f"exit {run.exit_code}: {(run.stderr or run.stdout).strip()[-600:]}"


def result(run: Run, records: int, **more: Any) -> dict[str, Any]:
    return {
        "records": records,
        "seconds": round(run.seconds, 3),
        "records_per_second": round(records / run.seconds),
        "cpu_seconds": round(run.cpu_seconds, 2),
        "peak_mib": round(run.peak_bytes / MIB),
        **more,
    }


def bare_duckdb(log: Path, records: int) -> dict[str, Any]:
    """The parallel read where it is right; else, as with many multi-line statements, the sequential one."""
    for more, how in (("", "parallel"), (", parallel=false", "sequential")):
        run = measure([sys.executable, "-c", BARE_READ.format(more=more), str(log)])
        if run.exit_code == 0 and int(run.stdout) == records:
            return result(run, records, how=how)
    return {"error": failed(run) if run.exit_code else f"read {run.stdout.strip()} of {records} records"}


def pgbadger(log: Path, records: int, work: Path) -> dict[str, Any]:
    report = work / "pgbadger.html"
    run = measure(["pgbadger", "-q", "-j", "2", "-f", "csv", "-o", str(report), str(log)])
    if run.exit_code or not report.exists():
        return {"error": failed(run)}
    version = subprocess.run(["pgbadger", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    return result(run, records, version=version)


class Scan:
    """``vendorwatch scan`` of one log into a fresh data directory, its catalogue made before."""

    def __init__(self, work: Path, log: Path, sqlite: Path) -> None:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        kind, engine, schema = SOURCES[log.suffix]
        self.data = work / "data"
        self.config = work / "vendorwatch.yml"
        text = CONFIG.format(data=self.data, sqlite=sqlite, log=log, type=kind, engine=engine, schema=schema)
        self.config.write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> Run:
        return measure([str(Path(sys.executable).parent / "vendorwatch"), "--config", str(self.config), *arguments])

    def measured(self, records: int) -> dict[str, Any]:
        catalogue = self.command("catalog", "scan")
        if catalogue.exit_code:
            return {"error": f"catalog scan: {failed(catalogue)}"}
        run = self.command("--json", "scan")
        if run.exit_code not in (0, 1):
            return {"error": failed(run)}
        said = json.loads(run.stdout)
        if said["records"] != records:
            return {"error": f"read {said['records']} of {records} records"}
        stored = sum(path.stat().st_size for path in self.data.rglob("*") if path.is_file())
        return result(run, records, events=said["events"], stored_mib=round(stored / MIB, 1))

    def nothing_new(self) -> dict[str, Any]:
        """Once more: the quickest of three, as a scheduler meets it with everything in the page cache."""
        runs = [self.command("scan") for _ in range(3)]
        if any(run.exit_code for run in runs):
            return {"error": failed(max(runs, key=lambda run: run.exit_code))}
        best = min(runs, key=lambda run: run.seconds)
        return {"seconds": round(best.seconds, 3), "cpu_seconds": round(best.cpu_seconds, 2)}


def child(script: str, *arguments: str) -> dict[str, Any]:
    """A script of this folder that prints a JSON object."""
    run = measure([sys.executable, str(ROOT / "bench" / script), *arguments])
    if run.exit_code:
        return {"error": failed(run)}
    found: dict[str, Any] = json.loads(run.stdout)
    return {**found, "peak_mib": round(run.peak_bytes / MIB)}
