"""Our rule engine beside Zircolite: the same Sigma rules over the same events in JSON lines (part of ``make bench``).

    python -m bench.zircolite [--events 1000000] [--zircolite FOLDER]

Twenty rules about single events, shipped ones (also as parts of correlations) that name no list and plain ones: Zircolite has no
windows. It takes underscores out of fields' names and compares fractions as text: its rules name the fields so, and the events'
fractions are whole numbers. Each side is a program of its own that reads rules and events and ends by saying how many events each
rule matched; the counts must agree. Zircolite is in no registry: it is taken from FOLDER (a checkout), else from
``.bench/zircolite``, else cloned there. Where that cannot be, pySigma's SQLite backend, from which it takes its queries, stands
in for it, and the output says so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from scanner.ruleset import RuleSet

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PLACE = ROOT / ".bench"
SOURCE = "https://github.com/wagga40/Zircolite"
STAND_IN = ("pysigma", "pysigma-backend-sqlite", "orjson", "pyyaml")
SHIPPED = {
    "company_unusual_bulk": "An unusual bulk read by the company's own account",
    "contract_not_in_force": "A read without a contract in force",
    "dormant_account": "A vendor account is back after two months",
    "first_seen": "A new address, table or program reads personal data",
    "grant_then_bulk": "A bulk read in a way that is new for the vendor's account",
    "habit_spike": "A read far above habit",
    "habit_spike_no_limit": "A read far above habit without a limit",
    "unique_identifiers": "Resident registration, passport or licence numbers in bulk",
    "vendor_without_contract": "A read by a vendor without a contract",
    "whole_table": "A table of people taken as a whole",
}
PLAIN: dict[str, dict[str, Any]] = {
    "a copy at night": {"a": {"command": "copy", "hour_local|lt": 6}, "condition": "a"},
    "a desktop tool": {"a": {"app_name|contains": ["dbeaver", "psql", "datagrip"]}, "condition": "a"},
    "paging many": {"a": {"technique": "paging"}, "b": {"exposed_persons|gt": 3}, "condition": "a and b"},
    "a failed connection": {"a": {"status": "failure", "activity": "connect"}, "condition": "a"},
    "far above habit by a vendor": {"a": {"baseline_z|gte": 3, "vendor|endswith": "_co"}, "condition": "a"},
    "an address": {"a": {"client_ip|startswith": "10.20.0.59"}, "condition": "a"},
    "neither web nor scanner": {
        "a": {"app_name": ["crm-web", "dlv-scanner"]},
        "b": {"activity": "read"},
        "condition": "b and not a",
    },
    "a service reads many": {
        "s_a": {"account|startswith": "svc_"},
        "s_b": {"exposed_persons|gte": 60},
        "condition": "all of s_*",
    },
    "any of two": {"s_a": {"technique": "copy"}, "s_b": {"exposed_persons|gte": 90}, "condition": "1 of s_*"},
    "accounts by pattern": {"a": {"account": "dlv_1*"}, "b": {"hour_local|gte": 20}, "condition": "a and b"},
}
FLAGS = ("agreed_export", "in_contract", "in_season", *(f"first_seen_{what}" for what in ("shape", "ip", "app", "table")))
COLUMNS = (
    *("event_id", "database", "account", "vendor", "client_ip", "app_name", "session", "activity", "command", "status"),
    *("error_code", "shape", "destination", "returned_rows", "exposed_persons", "exposed_rows", "rows_source", "sensitivity"),
    *("table_share", "technique", "contract_state", "contract_share", "in_business_hours", "hour_local", "weekday_local"),
    *("baseline_z", "habit_times", "dormant_days", *FLAGS),
)


def write_rules(folder: Path) -> list[str]:
    """The rules as Sigma files, for us and for Zircolite; their titles."""
    import yaml

    from scanner.ruleset import shipped_folder

    detections = dict(PLAIN)
    for stem, title in SHIPPED.items():
        documents = yaml.safe_load_all((shipped_folder() / f"{stem}.yml").read_text(encoding="utf-8"))
        detections[title] = next(d["detection"] for d in documents if d["title"] == title)
    for place in (folder, renamed_rules(folder)):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    for number, (title, detection) in enumerate(detections.items()):
        rule = {
            "title": title,
            "id": f"00000000-0000-4000-8000-{number:012d}",
            "status": "test",
            "logsource": {"product": "vendorwatch", "category": "database"},
            "level": "medium",
        }
        for place, selections in ((folder, detection), (renamed_rules(folder), renamed(detection))):
            text = yaml.safe_dump({**rule, "detection": selections}, sort_keys=False)
            (place / f"{number:02d}.yml").write_text(text, encoding="utf-8")
    return list(detections)


def renamed_rules(folder: Path) -> Path:
    """Where the rules stand as Zircolite has to be told them."""
    return folder.with_name(f"{folder.name}-zircolite")


def renamed(node: Any) -> Any:
    """The selections with their fields named as Zircolite names columns."""
    if isinstance(node, dict):
        return {k.replace("_", "") if k.split("|")[0] in COLUMNS else k: renamed(v) for k, v in node.items()}
    return [renamed(item) for item in node] if isinstance(node, list) else node


def write_events(path: Path, count: int) -> None:
    """A day of events as JSON lines, and beside them as the product stores them (all columns, Parquet)."""
    import duckdb
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bench.rules import DAYS, batch
    from scanner.model import EVENT_SCHEMA

    random = np.random.default_rng(11)
    made = batch(random, DAYS, 1, 0, count, count)
    whole = [f.name for f in made.schema if pa.types.is_floating(f.type)]
    changes = [f"coalesce({name}, false) AS {name}" for name in FLAGS]
    changes += [f"ceil({name})::BIGINT AS {name}" for name in whole if name not in ("habit_times", "dormant_days")]
    more = pa.table(
        {
            "times": np.exp(random.normal(0, 0.6, count)).round().astype(int),
            "days": np.where(random.random(count) < 0.0005, 90, 0),
        }
    )
    connection = duckdb.connect()
    connection.register("made", made)
    connection.register("more", more)
    plain = connection.sql(
        f"SELECT * EXCLUDE (habit_times, dormant_days, times, days) REPLACE ({', '.join(changes)}), times AS habit_times, "
        "days AS dormant_days FROM made POSITIONAL JOIN more"
    )
    connection.sql(f"COPY (SELECT {', '.join(COLUMNS)} FROM plain) TO '{path}' (FORMAT json)")
    stored = plain.to_arrow_table().select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)
    pq.write_table(stored.drop_columns(["day"]), path.with_suffix(".parquet"), compression="zstd")


def _from_json(path: Path, ruleset: RuleSet) -> pa.Table:
    """The events with the columns that the rules name; the others stay empty."""
    import duckdb
    import pyarrow as pa

    from scanner.model import EVENT_SCHEMA

    conditions = " ".join(rule.match.sql for rule in ruleset.rules if rule.match is not None)
    needed = [name for name in COLUMNS if name == "event_id" or f'"{name}"' in conditions]
    kinds = {name: SQL_TYPES[str(EVENT_SCHEMA.field(name).type)] for name in needed}
    read = duckdb.sql(
        "SELECT * FROM read_json(?, format = 'newline_delimited', columns = ?)", params=[str(path), kinds]
    ).to_arrow_table()
    moment = pa.repeat(pa.scalar(0, pa.timestamp("us", tz="UTC")), read.num_rows)
    columns = [
        moment if f.name == "time" else read[f.name].cast(f.type) if f.name in needed else pa.nulls(read.num_rows, f.type)
        for f in EVENT_SCHEMA
    ]
    return pa.table(columns, schema=EVENT_SCHEMA)


SQL_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "int8": "TINYINT", "double": "DOUBLE", "bool": "BOOLEAN"}


def ours(path: Path, rules: Path) -> dict[str, int]:
    """Matches by rule, through the loader and the engine of the product. ``path``: JSON lines, or Parquet as it stores events."""
    from scanner.ruleset.engine import run_rules
    from scanner.ruleset.load import load_folders

    ruleset = load_folders([], [rules])
    hits = run_rules(ruleset, [path] if path.suffix == ".parquet" else _from_json(path, ruleset))
    counts = {row["values"]: row["counts"] for row in hits["rule_id"].value_counts().to_pylist()}
    return {rule.title: counts.get(rule.id, 0) for rule in ruleset.rules}


STANDING_IN = """
import glob, json, sqlite3, sys, orjson
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
path, rules, *names = sys.argv[1:]
memory = sqlite3.connect(":memory:")
memory.execute("create table logs (" + ", ".join(f"{name} collate nocase" for name in names) + ")")
insert = "insert into logs values (" + ", ".join("?" * len(names)) + ")"
with open(path, "rb") as file:
    memory.executemany(insert, ([event.get(name) for name in names] for event in map(orjson.loads, file)))
backend, counts = sqliteBackend(), {}
for rule in sorted(glob.glob(rules + "/*.yml")):
    collection = SigmaCollection.from_yaml(open(rule).read())
    query = backend.convert(collection)[0].replace("<TABLE_NAME>", "logs")
    counts[collection.rules[0].title] = len(memory.execute(query).fetchall())
print(json.dumps(counts))
"""


def environment(name: str, *wanted: str) -> Path:
    """The Python of a virtual environment below ``.bench``, made when it is not there; never the product's own."""
    python = PLACE / name / "bin" / "python"
    if not (PLACE / name / "made").exists():
        venv.create(PLACE / name, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
        (PLACE / name / "made").touch()
    return python


def checkout(given: Path | None) -> Path | None:
    """Zircolite's source; None when it cannot be had here."""
    place = given or PLACE / "zircolite"
    if given is None and not (place / "zircolite.py").exists():
        command = ["git", "-c", "credential.helper=", "clone", "-q", "--depth", "1", SOURCE, str(place)]
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=120, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError):
            return None
    return place if (place / "zircolite.py").exists() else None


def theirs(path: Path, rules: Path, source: Path) -> tuple[list[str], Path]:
    """Zircolite's command, and where its counts will be."""
    out = PLACE / "zircolite.json"
    out.unlink(missing_ok=True)
    python = environment("zircolite-env", "-r", str(source / "requirements.txt"))
    command = [str(python), str(source / "zircolite.py"), "--events", str(path), "--jsonl", "--ruleset", str(rules)]
    command += ["--config", str(source / "config" / "config.yaml"), "--no-event-filter", "--quiet"]
    return [*command, "--outfile", str(out), "--logfile", str(PLACE / "zircolite.log")], out


def main() -> int:
    """Print the table; 1 when a side fails or the counts differ."""
    if sys.argv[1:2] == ["ours"]:
        print(json.dumps(ours(Path(sys.argv[2]), Path(sys.argv[3]))))
        return 0
    from bench.measure import measure

    parser = argparse.ArgumentParser(description="our rule engine beside Zircolite, on the same rules and events")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--zircolite", type=Path, help="a checkout of Zircolite")
    given = parser.parse_args()
    PLACE.mkdir(exist_ok=True)
    path, rules = PLACE / "events.jsonl", PLACE / "sigma"
    titles = write_rules(rules)
    write_events(path, given.events)
    runs = {}
    for how, file in (("as it stores events", path.with_suffix(".parquet")), ("from the JSON lines", path)):
        own = measure([sys.executable, "-m", "bench.zircolite", "ours", str(file), str(rules)])
        if own.exit_code:
            print(f"ours failed: {own.stderr[-800:]}")
            return 1
        runs[f"vendorwatch, {how}"] = own, json.loads(own.stdout)
    counts: dict[str, int] = json.loads(own.stdout)
    source = checkout(given.zircolite)
    if source is not None:
        name = "Zircolite"
        command, out = theirs(path, renamed_rules(rules), source)
        other = measure(command)
        if not out.exists():
            print(f"Zircolite failed: {(other.stderr or other.stdout)[-800:]}")
            return 1
        found = {row["title"]: row["count"] for row in json.loads(out.read_text(encoding="utf-8"))}
    else:
        name = "pySigma's SQLite backend (Zircolite cannot be had)"
        python = environment("pysigma-env", *STAND_IN)
        other = measure([str(python), "-c", STANDING_IN, str(path), str(rules), *COLUMNS])
        if other.exit_code:
            print(f"pySigma's SQLite backend failed: {other.stderr[-800:]}")
            return 1
        found = json.loads(other.stdout)
    print(f"\n{len(titles)} Sigma rules over {given.events:,} events in JSON lines ({path.stat().st_size >> 20:,} MiB)")
    print(f"{'':<52}{'seconds':>9}{'CPU s':>8}{'peak MiB':>10}{'matches':>11}")
    runs[name] = other, found
    for who, (run, sums) in runs.items():
        figures = f"{run.seconds:>9.1f}{run.cpu_seconds:>8.1f}{run.peak_bytes >> 20:>10,}{sum(sums.values()):>11,}"
        print(f"{who:<52}{figures}")
    for who, (run, _) in list(runs.items())[:-1]:
        clock, work = other.seconds / run.seconds, other.cpu_seconds / run.cpu_seconds
        print(f"{who}: {clock:.1f} times as fast by the clock, {work:.1f} by processor time")
    different = {(title, who) for who, (_, sums) in runs.items() for title in titles if counts[title] != sums.get(title, 0)}
    for title, who in sorted(different):
        print(f"  different: {title}: {counts[title]:,}, and {runs[who][1].get(title, 0):,} by {who}")
    path.with_suffix(".parquet").unlink()
    path.unlink()
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
