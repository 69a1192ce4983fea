"""A small shop without a server: its customers in SQLite, its audit log written line by line."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.cli import main
from scanner.config import load_config
from scanner.pipeline import Workspace, catalog_scan
from tests.sources.csvlog import audit, record

MEMBERS = 2000
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday, ten o'clock in Seoul


def customer_database(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table mbr (mbr_no integer primary key, mbr_nm text, hp_no text, eml text)")
        names = [a + b + c for a in "김이박최정강조윤" for b in "민서지현수" for c in "우연경진은"]
        database.executemany(
            "insert into mbr values (?, ?, ?, ?)",
            [(i, names[i % 200], f"010-{2000 + i}-{i * 7919 % 10000:04d}", f"user{i}@mail.co.kr") for i in range(1, MEMBERS + 1)],
        )
        database.execute("create table prd (prd_no integer primary key, prd_nm text, price integer)")
        database.executemany("insert into prd values (?, ?, ?)", [(i, f"된장 {i}", 100 * i) for i in range(1, 50)])
    return path


class Log:
    """A csvlog: whole sessions of statements, a second apart."""

    def __init__(self) -> None:
        self.data = b""
        self.sessions = 0
        self.seconds = 0

    def session(self, user: str, *statements: tuple[str, int] | bytes, app: str = "psql") -> Log:
        """A login, statements with their row counts (or ready records), a logout."""
        self.sessions += 1
        session = f"69a4d000.{self.sessions:x}"
        line = 1
        common: dict[str, Any] = {"user": user, "session": session, "app": app}
        self._add("connection authorized: user=x database=shop", line=line, tag="authentication", **common)
        for number, statement in enumerate(statements, 1):
            line += 1
            if isinstance(statement, bytes):
                self.data += statement
                continue
            text, rows = statement
            command = "COPY" if text.lower().startswith("copy") else "SELECT"
            self._add(audit(text, number=number, command=command, rows=rows), line=line, **common)
        self._add("disconnection: session time: 0:00:00.1", line=line + 1, tag="idle", **common)
        return self

    def _add(self, message: str, **named: Any) -> None:
        self.seconds += 1
        moment = START + timedelta(seconds=self.seconds)
        self.data += record(message, time=moment.strftime("%Y-%m-%d %H:%M:%S.000 UTC"), **named)


def ordinary() -> Log:
    log = Log()
    for n in range(5):
        log.session("dlv_app", (f"select mbr_nm, hp_no from mbr where mbr_no = {n}", 1), ("select * from prd", 49))
    return log


def leaking() -> Log:
    return ordinary().session("dlv_app", ("copy mbr to stdout", 0))


@dataclass
class Shop:
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "vendorwatch.yml"

    @property
    def log(self) -> Path:
        return self.folder / "log" / "shop.csv"

    def document(self) -> dict[str, Any]:
        contract = {"from": "2020-01-01", "until": "2099-12-31", "hours": "any"}
        return {
            "data_dir": str(self.folder / "data"),
            "time_zone": "Asia/Seoul",
            "databases": {
                "shop": {
                    "url": f"sqlite:///{self.folder / 'customers.sqlite'}",
                    "audit": [{"type": "postgres_csvlog", "path": str(self.folder / "log" / "*.csv*"), "time_zone": "UTC"}],
                }
            },
            "vendors": {"delivery_co": {"name": "Delivery Co.", "accounts": ["dlv_*"], "contract": contract}},
        }

    def write(self, document: dict[str, Any] | None = None) -> None:
        self.config.write_text(yaml.safe_dump(document or self.document(), allow_unicode=True, sort_keys=False), encoding="utf-8")

    def append(self, data: bytes | Log) -> None:
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("ab") as handle:
            handle.write(data.data if isinstance(data, Log) else data)

    def run(self, *words: str) -> int:
        """The command in this process; returns its exit code."""
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(self.config), *words])
        return int(ended.value.code or 0)

    def workspace(self) -> Workspace:
        return Workspace.open(load_config(self.config))


def template(folder: Path) -> Shop:
    """A shop whose customer database has been looked at, to be copied."""
    folder.mkdir(parents=True, exist_ok=True)
    customer_database(folder / "customers.sqlite")
    shop = Shop(folder)
    shop.write()
    workspace = shop.workspace()
    catalog_scan(workspace, "shop")
    workspace.state.dispose()
    return shop


def copy_of(shop: Shop, folder: Path) -> Shop:
    shutil.copytree(shop.folder, folder, dirs_exist_ok=True)
    made = Shop(folder)
    made.write()
    return made
