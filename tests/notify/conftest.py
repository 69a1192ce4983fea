"""A state database with findings, and a configuration around the receivers of a test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from scanner.config import Config
from scanner.store import tables as t
from scanner.store.state import iso, open_state

NIGHT = datetime(2026, 11, 3, 17, 5, tzinfo=UTC)  # 02:05 in Seoul
DAY = datetime(2026, 11, 4, 5, 0, tzinfo=UTC)  # 14:00 in Seoul


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = open_state(f"sqlite:///{tmp_path}/state.sqlite")
    yield engine
    engine.dispose()


def config(folder: Path, notify: dict[str, Any]) -> Config:
    return Config.model_validate(
        {
            "data_dir": str(folder),
            "time_zone": "Asia/Seoul",
            "databases": {"shop": {"url": "sqlite:///shop.db"}},
            "notify": notify,
        }
    )


def found(state: Engine, finding_id: str, at: datetime, **other: Any) -> None:
    """What a scan leaves behind that found something at ``at``."""
    document = {
        "id": finding_id, "rules": ["dump_tool"], "level": "high", "status": "new", "verdict": None, "vendor": "core_it",
        "vendor_name": "코어아이티 (Core IT)", "accounts": ["ops_park"], "database": "shop", "first_event": iso(at),
        "last_event": iso(at), "why": "ops_park dumped public.mbr of Kim Minsu", "techniques": ["dump_tool"],
        "tables": ["public.mbr"], "pii_classes": ["PERSON", "KR_RRN"], "client_ips": ["10.9.8.7"],
        "statements": [{"shape": "1", "statement": "select secret_text from mbr", "events": 1, "exposed_persons": 1}],
        "exposed_persons": {"low": 20000, "best": 20421, "high": 20421}, "exposed_rows": {"low": 1, "best": 1, "high": 1},
        "rows_source": "estimated", "event_count": 3, "created_at": iso(at), "updated_at": iso(at),
        "matched": [{"id": "dump_tool", "title": "A dump tool took customer data", "level": "high"}],
    } | other  # fmt: skip
    with state.begin() as connection:
        connection.execute(
            t.finding.insert().values(
                id=finding_id, dedup_key=finding_id, database="shop", vendor=document["vendor"], level=document["level"],
                status=document["status"], first_event=iso(at), last_event=iso(at), created_at=iso(at), updated_at=iso(at),
                document=json.dumps(document),
            )
        )  # fmt: skip
    history(state, finding_id, "created", at, {"level": document["level"]})


def history(state: Engine, finding_id: str, what: str, at: datetime, detail: dict[str, Any] | None = None) -> None:
    with state.begin() as connection:
        connection.execute(
            t.finding_history.insert().values(
                finding_id=finding_id, at=iso(at), actor="scanner", what=what, detail=json.dumps(detail or {})
            )
        )
