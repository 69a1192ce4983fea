"""The corpus on MariaDB: one server; its log is read with and without the slow log's row counts beside it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymysql

from scanner.config import load_config
from scanner.pipeline import Workspace, catalog_scan, scan
from tests.corpus import mariadb_acts, mariadb_quiet
from tests.corpus.act import Act
from tests.corpus.mariadb import Place, build
from tests.corpus.score import Score, judge
from tests.corpus.world import World
from tests.pipeline.company import stored_events, write_config
from tests.support.mariadb import Mariadb

VARIANTS = ("mariadb rows", "mariadb bare")  # with the slow log's counts, and without
OUT: tuple[Act, ...] = tuple(
    act
    for name in ("SELECT", "PACKED", "FILES", "CODE", "COPIED", "SPELLED", "BROKEN", "HABITS")
    for act in getattr(mariadb_acts, name)
)
QUIET: tuple[Act, ...] = tuple(mariadb_quiet.QUIET)


def run(seed: int, folder: Path, variants: Sequence[str] = VARIANTS, only: Sequence[str] = (), scale: float = 1.0) -> Score:
    """Do the acts once, scan their log in every variant with a catalogue scanned from the live database, and judge."""
    started = time.monotonic()
    world = World.make(seed, quote="`", scale=scale)
    score = Score(seed)
    acts = [act for act in (*OUT, *QUIET) if not only or act.name in only]
    accounts = [f"a{n}_{act.name}" for n, act in enumerate(acts)]
    with Mariadb() as server:
        build(server, world, accounts)
        configs = {variant: load_config(_config(server, world, folder / variant.split()[-1], variant)) for variant in variants}
        for config in configs.values():
            catalog_scan(Workspace.open(config), "w")
        outside = server.root / "data" / "out"
        outside.mkdir()
        outside.chmod(0o777)
        truths = {}
        for account, act in zip(accounts, acts, strict=True):
            try:
                truths[act.name] = act.people(world, act.do(Place(server, world, account, outside)))
            except (RuntimeError, OSError, pymysql.Error) as error:
                print(f"{act.name} failed: {error}", file=sys.stderr)
                truths[act.name] = -1
        server.settle()
        for variant, config in configs.items():
            scan(config)
            by_account: dict[str, list[dict[str, Any]]] = {}
            for event in stored_events(Workspace.open(config)):
                by_account.setdefault(event["account"] or "", []).append(event)
            score.results += [
                judge(act, world, variant, "rows" in variant, truths[act.name],
                      by_account.get("w_denied" if act.name == "denied" else account, []))
                for account, act in zip(accounts, acts, strict=True)
            ]  # fmt: skip
    score.seconds = time.monotonic() - started
    return score


def _config(server: Mariadb, world: World, folder: Path, variant: str) -> Path:
    audit = {"type": "mariadb_server_audit", "path": f"{server.audit_log}*"}
    if "rows" in variant:
        audit["slow_log"] = str(server.slow_log)
    url = f"mysql+pymysql://reader@127.0.0.1:{server.port}/{world.names['schema']}"
    document = {
        "data_dir": str(folder / "data"),
        "time_zone": "UTC",
        "databases": {"w": {"url": url, "engine": "mariadb", "audit": [audit]}},
        "vendors": {"v": {"accounts": ["a*"], "contract": {"from": "2020-01-01", "until": "2099-12-31", "hours": "any"}}},
    }
    return write_config(folder, document)
