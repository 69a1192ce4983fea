"""A workspace filled by the real stores, and a real server over it on a free port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from scanner.catalog import to_json
from scanner.config import Config
from scanner.engine import open_event_engine
from scanner.events import ACT_SCHEMA, LAST_SCHEMA
from scanner.findings import PERSONS_SCHEMA, update_findings
from scanner.front import Piece
from scanner.model import EVENT_SCHEMA, HITS_SCHEMA, Column, FileId, Schema, Skip, Table, TableRef
from scanner.pipeline import Workspace
from scanner.ruleset import load_rules
from scanner.store import tables as t
from scanner.store.ledger import BatchChanges
from scanner.store.state import now, upsert
from scanner.store.tokens import TokenStore

BEGIN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
DAYS, A_DAY = 5, 60
ACCOUNTS = {f"dlv_{n}": "delivery" for n in range(4)} | {f"crm_{n}": "crm" for n in range(4)} | {"batch": None}
LEVELS = ("informational", "low", "medium", "high", "critical", "high", "medium", "low", "critical")


def config(folder: Path) -> Config:
    contract = {
        "from": "2026-01-01",
        "until": "2026-12-31",
        "purpose": "deliver parcels",
        "tables": ["public.customer"],
        "hours": {"days": ["mon", "tue"], "from": "09:00", "to": "18:30"},
        "max_persons_per_day": 500,
        "exports": [{"columns": ["public.customer.email"], "max_rows_per_day": 40}],
    }
    return Config.model_validate(
        {
            "data_dir": str(folder),
            "databases": {
                "shop": {
                    "url": "postgresql+psycopg://reader:s3cret@db.example/shop",
                    "audit": [{"type": "postgres_csvlog", "path": "/var/log/postgresql/*.csv"}],
                },
                "new": {"url": "sqlite:///new.db"},
            },
            "vendors": {
                "delivery": {"name": "Delivery Co.", "accounts": ["dlv_*"], "addresses": ["10.2.0.0/16"], "contract": contract},
                "crm": {"accounts": ["crm_*"], "time_zone": "Asia/Seoul"},
            },
        }
    )


def event(number: int, moment: datetime) -> dict[str, Any]:
    """An event; every fifth shares its time with the one before."""
    account = list(ACCOUNTS)[number % len(ACCOUNTS)]
    read = number % 4 != 0
    return {
        "event_id": f"shop/s{number % 7}/{number:05d}",
        "time": moment,
        "day": moment.date(),
        "database": "shop",
        "dbname": "shop",
        "account": account,
        "vendor": ACCOUNTS[account],
        "client_ip": f"10.2.0.{number % 5}",
        "app_name": "psql",
        "session": f"s{number % 7}",
        "session_line": number,
        "statement_id": number,
        "substatement_id": 1,
        "activity": "read" if read else "connect",
        "command": "SELECT" if read else None,
        "status": "success",
        "error_code": "00000",
        "shape": "0123456789abcdef" if read else None,
        "tables": ["public.customer"] if read else [],
        "pii_classes": ["PERSON", "PHONE_NUMBER"] if read else [],
        "pii_columns": ["public.customer.name", "public.customer.phone"] if read else [],
        "returned_rows": 40 if read else None,
        **{f"exposed_{what}{end}": 40 if read else 0 for what in ("rows", "persons") for end in ("", "_low", "_high")},
        "rows_source": "reported",
        "technique": "paging" if number % 10 == 1 else "",
        "techniques": ["paging"] if number % 10 == 1 else [],
        "fk_check": False,
        "contract_breach": [],
        "baseline_z": float("inf") if number == 4 else float("nan") if number == 8 else None,
        "source_id": "shop/0",
        "source_file": "f1",
        "source_offset": 100 * number,
        "source_length": 100,
    }


@dataclass(frozen=True)
class Filled:
    """The workspace, and what went into it."""

    config: Config
    workspace: Workspace
    events: list[dict[str, Any]]  # in (time, event_id) order


def fill(folder: Path) -> Filled:
    """Two batches a day through the event store and the ledger; a finding an account; a PII map."""
    settings = config(folder)
    workspace = Workspace.open(settings)
    ledger = workspace.ledger
    run = ledger.start_run('["shop"]')
    made: list[dict[str, Any]] = []
    for half in range(2 * DAYS):
        numbers = range(half * A_DAY // 2, (half + 1) * A_DAY // 2)
        start = BEGIN + timedelta(hours=12 * half)
        found = [event(n, start + timedelta(minutes=20 * ((n if n % 5 else n - 1) - numbers[0] + 1))) for n in numbers]
        batch = ledger.next_batch()
        table = pa.Table.from_pylist([{**row, "batch": batch} for row in found], schema=EVENT_SCHEMA)
        skips = (Skip(half, 3, "no record begins here"),) if half < 3 else ()
        piece = Piece(
            file=FileId("f1", "/var/log/postgresql/a.csv", 64),
            start=half * 1000,
            end=half * 1000 + 1000,
            sha256="0" * 64,
            skips=skips,
            records=len(found),
            acts=ACT_SCHEMA.empty_table(),
            shapes=ACT_SCHEMA.empty_table(),
            last=LAST_SCHEMA.empty_table(),
        )
        staged = workspace.events.stage(table, batch=batch, app_id="shop/0/f1", app_version=piece.end)
        ledger.record(run, "shop", "shop/0", piece, staged, table, BatchChanges(sessions=()))
        made += found
    ledger.finish_run(
        run, "incomplete", records=300, events=300, skips=3, notices_json='[{"path": "p", "reason": "r", "hint": "h"}]'
    )
    made.sort(key=lambda row: (row["time"], row["event_id"]))
    _findings(workspace, made)
    _catalog(workspace)
    return Filled(settings, workspace, made)


def _findings(workspace: Workspace, made: list[dict[str, Any]]) -> None:
    rules = load_rules().by_id
    hits = []
    for index, account in enumerate(ACCOUNTS):
        mine = [row for row in made if row["account"] == account and row["activity"] == "read"]
        hits += [
            {
                "rule_id": next(iter(rules)),
                "level": LEVELS[index],
                "group_key": account,
                "event_id": row["event_id"],
                "time": row["time"],
            }
            for row in mine
        ]
    table = pa.Table.from_pylist([{**hit, "observed": 80.0, "threshold": 50.0} for hit in hits], schema=HITS_SCHEMA)
    persons = pa.Table.from_pylist([{"database": "shop", "table": "public.customer", "persons": 1000}], schema=PERSONS_SCHEMA)
    engine = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        batches, _ = workspace.ledger.unevaluated()
        update_findings(
            workspace.state, engine, table, batches=batches, rules=rules, config=workspace.config, table_persons=persons
        )
    finally:
        engine.close()


def _catalog(workspace: Workspace) -> None:
    columns = (Column("id", "bigint"), Column("name", "text", "PERSON", confidence=0.9, evidence="98 of 100 are names"))
    tables = {
        ref: Table(ref, columns, rows=1200, persons=1000)
        for ref in (TableRef("public", "customer"), TableRef("public", "archive"))
    }
    row = {
        "database": "shop",
        "version": "v1",
        "scanned_at": now(),
        "document": to_json(Schema("shop", "v1", tables)),
        "gaps": '[{"table": "public.secret", "reason": "no privilege", "hint": "grant select"}]',
    }
    with workspace.state.begin() as connection:
        upsert(connection, t.catalog, [row])


class Server:
    """An application served over HTTP on a free port."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        settings = uvicorn.Config(
            app, host="127.0.0.1", port=0, log_config=None, access_log=False, server_header=False, ws="none"
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        until = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    made = fill(tmp_path_factory.mktemp("api"))
    yield made
    made.workspace.state.dispose()


@pytest.fixture(scope="session")
def address(filled: Filled) -> Iterator[str]:
    with Server(create_app(filled.config)) as url:
        yield url


@pytest.fixture(scope="session")
def token(filled: Filled) -> str:
    """May read everything."""
    return TokenStore(filled.workspace.state).create("tests", ["auditor"]).secret


@pytest.fixture(scope="session")
def anyone(address: str) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def client(address: str, token: str) -> Iterator[httpx.Client]:
    """A client that may read everything."""
    with httpx.Client(base_url=address, timeout=60, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client
