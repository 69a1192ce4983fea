"""What is shipped: the logs, a SQLite copy of the customer database, and the truth; all in ``scanner/demo/data``."""

from __future__ import annotations

import csv
import json
import lzma
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import sql

from scripts.demo.company import FIRST_DAY, HERE, LAST_DAY, Company
from scripts.demo.leaks import Leak
from scripts.demo.world import World

TABLES = ("mbr", "prd", "prd_img", "stk", "ord", "pay", "dlv", "cs_log", "mkt_agree", "cpn", "sales_day")
COLUMNS = 26  # of a csvlog record since PostgreSQL 14

COLUMNS_OF = """
select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull from pg_attribute a
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum"""
KEYS_OF = """
select c.contype, array(select a.attname::text from unnest(c.conkey) with ordinality k(n, i)
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.n order by k.i), c.confrelid::regclass::text
from pg_constraint c where c.conrelid = %s::regclass and c.contype in ('p', 'u', 'f') order by c.contype desc, c.conname"""
FUNCTIONS = """
select n.nspname, p.proname, l.lanname, p.prosrc, p.prosecdef, pg_get_function_result(p.oid)
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
where n.nspname = 'public' and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 2"""


def write_logs(paths: Sequence[Path], data: Path) -> dict[str, int]:
    """Check and compress the logs; records by file name."""
    for old in data.glob("audit-*.csv.xz"):
        old.unlink()
    records: dict[str, int] = {}
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, strict=True))
        wrong = [row for row in rows if len(row) != COLUMNS or not f"{FIRST_DAY}" <= row[0][:10] <= f"{LAST_DAY}"]
        if wrong:
            raise RuntimeError(f"{path.name}: {len(wrong)} records lack columns or lie outside the month: {wrong[0]}")
        records[path.name] = len(rows)
        compress(path.read_bytes(), data / f"{path.name}.xz")
    return records


def write_copy(world: World, data: Path, scratch: Path) -> dict[str, int]:
    """The customer database as SQLite, and ``vendorwatch_functions`` for what SQLite cannot hold; rows by table."""
    path = scratch / "customers.sqlite"
    counts: dict[str, int] = {}
    with world.admin() as admin, closing(sqlite3.connect(path)) as lite, lite:
        for table in TABLES:
            columns = admin.execute(COLUMNS_OF, (table,)).fetchall()
            lines = [f"{name} {kind}{' not null' if needed else ''}" for name, kind, needed in columns]
            for kind, names, other in admin.execute(KEYS_OF, (table,)).fetchall():
                inner = ", ".join(names)
                words = {"p": "primary key ({})", "u": "unique ({})", "f": f"foreign key ({{}}) references {other}"}
                lines.append(words[kind].format(inner))
            lite.execute(f"create table {table} (\n    {', '.join(lines)}\n)".replace(" bigint not null", " integer not null"))
            rows = admin.execute(sql.SQL("select * from {} order by 1, 2").format(sql.Identifier(table))).fetchall()
            marks = ", ".join("?" * len(columns))
            lite.executemany(f"insert into {table} values ({marks})", [[_plain(value) for value in row] for row in rows])  # noqa: S608
            counts[table] = len(rows)
        for view in re.findall(r"create view .*?;", (HERE / "schema.sql").read_text(encoding="utf-8"), re.DOTALL):
            lite.execute(view)
        lite.execute(
            "create table vendorwatch_functions "
            "(schema text, name text, language text, body text, security_definer integer, returns text)"
        )
        lite.executemany("insert into vendorwatch_functions values (?, ?, ?, ?, ?, ?)", admin.execute(FUNCTIONS).fetchall())
    with closing(sqlite3.connect(path)) as lite:
        lite.execute("vacuum")
    compress(path.read_bytes(), data / "customers.sqlite.xz")
    return counts


def write_truth(
    data: Path, *, seed: int, records: dict[str, int], counts: dict[str, int], company: Company, leaks: Sequence[Leak]
) -> None:
    """What really happened, for the tests alone."""
    truth = {
        "seed": seed,
        "time_zone": "Asia/Seoul",
        "first_day": str(FIRST_DAY),
        "last_day": str(LAST_DAY),
        "log_records": records,
        "tables": counts,
        "people": len(company.members),
        "leaks": [leak.facts() for leak in leaks],
        "honest_vendors": ["delivery", "marketing", "settlement", "analytics"],
        "leaking_vendors": sorted({leak.vendor for leak in leaks}),
    }
    (data / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def compress(content: bytes, target: Path) -> None:
    """Write ``content`` as .xz, whole or not at all."""
    part = target.with_suffix(".part")
    part.write_bytes(lzma.compress(content, preset=9))
    part.replace(target)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return int(value) if isinstance(value, Decimal) else value
