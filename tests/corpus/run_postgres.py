"""The corpus on PostgreSQL: one server, a database for each variant of what the log says."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from scanner.config import load_config
from scanner.pipeline import Workspace, catalog_scan, scan
from tests.corpus import postgres_acts, postgres_more, postgres_quiet
from tests.corpus.act import Act
from tests.corpus.postgres import ROLES, VARIANTS, Site, build
from tests.corpus.score import Result, Score, judge
from tests.corpus.world import World
from tests.pipeline.company import stored_events, write_config
from tests.support.postgres import Postgres

OUT: tuple[Act, ...] = tuple(
    act
    for module, names in (
        (postgres_acts, ("SELECT", "PACKED", "COPIES", "CURSORS")),
        (postgres_more, ("COPIED", "CODE", "ELSEWHERE", "SPELLED", "BROKEN", "HABITS")),
    )
    for name in names
    for act in getattr(module, name)
)
QUIET: tuple[Act, ...] = tuple(
    act for name in ("COUNTS", "PLANS", "EMPTY", "WORDS", "BULK", "CARE", "DENIED") for act in getattr(postgres_quiet, name)
)


def run(
    seed: int, folder: Path, variants: Sequence[str] = tuple(VARIANTS), only: Sequence[str] = (), scale: float = 1.0
) -> Score:
    """Do the acts in every variant, scan each variant's log with a catalogue scanned from the live database, and judge."""
    started = time.monotonic()
    world = World.make(seed, scale=scale)
    score = Score(seed)
    acts = [act for act in (*OUT, *QUIET) if not only or act.name in only]
    with Postgres(conf={"max_connections": 100, "max_replication_slots": 10}) as server:
        server.psql(ROLES)
        for variant in variants:
            score.results += _variant(server, world, variant, acts, folder / variant)
    score.seconds = time.monotonic() - started
    return score


def _variant(server: Postgres, world: World, variant: str, acts: Sequence[Act], folder: Path) -> list[Result]:
    dbname = f"w_{variant}"
    server.psql(f"create database {dbname}")
    build(server, world, dbname)
    server.psql("".join(f"alter database {dbname} set {name} = {value};" for name, value in VARIANTS[variant].items()))
    outside = server.directory / f"out_{variant}"
    outside.mkdir()
    shutil.chown(outside, *(server.data.owner(), server.data.group()))
    outside.chmod(0o777)
    document = {
        "data_dir": str(folder / "data"),
        "time_zone": "UTC",
        "databases": {
            "w": {
                "url": server.url("vw_reader", dbname),
                "audit": [{"type": "postgres_csvlog", "path": str(folder / "log.csv"), "time_zone": "UTC"}],
            }
        },
        "vendors": {"v": {"accounts": ["v_*"], "contract": {"from": "2020-01-01", "until": "2099-12-31", "hours": "any"}}},
    }
    config = load_config(write_config(folder, document))
    catalog_scan(Workspace.open(config), "w")
    server.rotate()
    truths = {}
    for number, act in enumerate(acts):
        site = Site(server, dbname, world, f"a{number}_{act.name}", outside)
        try:
            truths[act.name] = act.people(world, act.do(site))
        except (RuntimeError, psycopg.Error) as error:
            print(f"{act.name} failed: {error}", file=sys.stderr)
            truths[act.name] = -1
    server.settle()
    shutil.copy(server.log_file(), folder / "log.csv")
    report = scan(config)
    assert report.complete, report.notices
    by_app: dict[str, list[dict[str, object]]] = {}
    for event in stored_events(Workspace.open(config)):
        by_app.setdefault(event["app_name"], []).append(event)
    rows_logged = VARIANTS[variant]["pgaudit.log_rows"] == "on"
    return [
        judge(act, world, variant, rows_logged, truths[act.name], by_app.get(f"a{number}_{act.name}", []))
        for number, act in enumerate(acts)
    ]
