"""All rules over a day's new events, with 30 days of stored events behind them.

The events are made here: accounts of vendors and of the company at their daily work, one batch a slice as a scan stores them.

    python bench/rules.py EVENTS FOLDER        prints JSON
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scanner.model import EVENT_SCHEMA
from scanner.ruleset import load_rules, run_rules
from scanner.store.events import EventStore

DAYS = 30
BATCH = 50_000
FIRST = datetime(2026, 3, 2, tzinfo=UTC)

ACCOUNTS = 60
SHAPES = 400
TABLES = [
    ["public.members"],
    ["public.orders"],
    ["public.deliveries"],
    ["public.members", "public.orders"],
    ["public.products"],
    [],
]
CLASSES = [["PERSON", "PHONE_NUMBER"], ["ADDRESS"], ["PERSON", "ADDRESS", "PHONE_NUMBER"], ["EMAIL_ADDRESS"], []]


def words(
    random: np.random.Generator, texts: list[Any], kind: pa.DataType, size: int, odds: list[float] | None = None
) -> pa.Array:
    return pa.array(texts, kind).take(pa.array(random.choice(len(texts), size, p=odds)))


def batch(random: np.random.Generator, day: int, number: int, begin: int, end: int, total: int) -> pa.Table:
    """Events ``begin`` to ``end`` of the ``total`` of a day, in time order: most of one person, few of many. On the last day one
    account pages through the members."""
    size = end - begin
    text, texts = pa.string(), pa.list_(pa.string())
    seconds = 86_400 * (begin + np.arange(size)) / total
    midnight = int((FIRST + timedelta(days=day)).timestamp() * 1e6)
    at = pa.array((midnight + seconds * 1e6).astype(np.int64)).cast(pa.timestamp("us", tz="UTC"))
    account = random.integers(0, ACCOUNTS, size)
    personal = random.random(size) < 0.6
    many = np.exp(random.normal(1.0, 1.2, size)).astype(np.int64)
    persons = np.where(personal, np.where(random.random(size) < 0.8, 1, np.minimum(many, 500)), 0)
    if day == DAYS:
        persons[account == 3] = 500
    local_hour = ((seconds // 3600 + 9) % 24).astype(np.int8)
    weekday = np.full(size, (day + (FIRST.weekday())) % 7, np.int8)
    name = pa.array([f"dlv_{n:02d}" if n < 20 else f"svc_{n:02d}" for n in range(ACCOUNTS)], text).take(pa.array(account))
    vendor = pa.array(["delivery_co" if n < 10 else "call_centre" if n < 20 else None for n in range(ACCOUNTS)], text)
    rare = {what: pa.array(random.random(size) < 0.0002) for what in ("shape", "ip", "app", "table")}
    filled: dict[str, Any] = {
        "event_id": pa.array([f"shop/{day:02d}.{n:07d}/1" for n in range(begin, end)], text),
        "time": at,
        "day": at.cast(pa.date32()),
        "database": pa.repeat(pa.scalar("shop"), size),
        "dbname": pa.repeat(pa.scalar("shop"), size),
        "account": name,
        "vendor": vendor.take(pa.array(account)),
        "client_ip": pa.array([f"10.20.0.{n}" for n in range(ACCOUNTS)], text).take(pa.array(account)),
        "app_name": words(random, ["crm-web", "dlv-scanner", "psql", "DBeaver"], text, size, [0.6, 0.37, 0.02, 0.01]),
        "session": pa.array([f"{day:02x}.{n:x}" for n in range(2000)], text).take(pa.array(random.integers(0, 2000, size))),
        "session_line": pa.array(np.arange(size)),
        "statement_id": pa.array(np.arange(size)),
        "substatement_id": pa.array(np.ones(size, np.int64)),
        "activity": words(random, ["read", "write", "misc", "connect"], text, size, [0.75, 0.15, 0.08, 0.02]),
        "command": words(random, ["SELECT", "UPDATE", "BEGIN", "COPY"], text, size, [0.8, 0.12, 0.0799, 0.0001]),
        "status": words(random, ["success", "failure"], text, size, [0.998, 0.002]),
        "error_code": pa.repeat(pa.scalar("00000"), size),
        "shape": words(random, [f"{n:016x}" for n in range(SHAPES)], text, size),
        "tables": words(random, TABLES, texts, size),
        "destination": pa.repeat(pa.scalar("client"), size),
        "pii_classes": words(random, CLASSES, texts, size),
        "pii_columns": words(random, [[f"public.members.c{n}"] for n in range(4)], texts, size),
        "sensitivity": pa.array(np.where(personal, 2, 0).astype(np.int8)),
        **{n: pa.array(persons) for n in EVENT_SCHEMA.names if n.startswith("exposed_") or n == "returned_rows"},
        "rows_source": pa.repeat(pa.scalar("reported"), size),
        "table_share": pa.array(persons / 20_000),
        "technique": words(random, ["", "paging", "copy"], text, size, [0.9989, 0.001, 0.0001]),
        "techniques": words(random, [[], ["paging"], ["copy"]], texts, size, [0.9989, 0.001, 0.0001]),
        "fk_check": pa.array(np.zeros(size, np.bool_)),
        "contract": pa.array(["v1", None], text).take(pa.array(np.where(account < 20, 0, 1))),
        "contract_state": pa.array(["active", "none"], text).take(pa.array(np.where(account < 20, 0, 1))),
        "in_contract": pa.array(np.ones(size, np.bool_), mask=account >= 20),
        "contract_breach": words(random, [[], ["hours"]], texts, size, [0.9999, 0.0001]),
        "contract_share": pa.array(persons / 1_000_000),
        "agreed_export": pa.array(np.zeros(size, np.bool_)),
        "hour_local": pa.array(local_hour),
        "weekday_local": pa.array(weekday),
        "day_local": at.cast(pa.date32()),
        "in_business_hours": pa.array((local_hour >= 9) & (local_hour < 18) & (weekday < 5)),
        "baseline_z": pa.array(random.normal(0, 1, size)),
        **{f"first_seen_{what}": flags for what, flags in rare.items()},
        "dormant_days": pa.array(random.random(size) / 100),
        "source_id": pa.repeat(pa.scalar("shop/0"), size),
        "source_file": pa.repeat(pa.scalar("0" * 16), size),
        "source_offset": pa.array(np.arange(size)),
        "source_length": pa.array(np.full(size, 300)),
        "batch": pa.repeat(pa.scalar(number, pa.int64()), size),
    }
    # a column that later versions add is null here
    columns = [filled[f.name].cast(f.type) if f.name in filled else pa.nulls(size, f.type) for f in EVENT_SCHEMA]
    return pa.table(columns, schema=EVENT_SCHEMA)


def main(events: int, folder: Path) -> None:
    random = np.random.default_rng(7)
    store = EventStore(folder)
    a_day = -(-events // (DAYS + 1))
    number = 0
    for day in range(DAYS + 1):
        for begin in range(0, a_day, BATCH):
            number += 1
            made = batch(random, day, number, begin, min(begin + BATCH, a_day), a_day)
            store.commit(store.stage(made, batch=number, app_id="bench", app_version=number))
    since = FIRST + timedelta(days=DAYS)
    ruleset = load_rules()
    begin_at, before = time.monotonic(), os.times()
    hits = run_rules(ruleset, store.files(since - timedelta(days=DAYS)), since=since)
    after = os.times()
    found = {
        "rules": len(ruleset.rules),
        "days": DAYS,
        "events": a_day * DAYS,
        "new_events": a_day,
        "hits": hits.num_rows,
        "seconds": round(time.monotonic() - begin_at, 2),
        "cpu_seconds": round(after.user + after.system - before.user - before.system, 2),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
