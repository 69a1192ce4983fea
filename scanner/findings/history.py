"""Histories of findings: who did what, and when. Entries are only ever added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from scanner.store import tables as t


def remember(
    connection: Connection, finding_id: str, what: str, detail: Mapping[str, Any], *, at: str, actor: str = "scanner"
) -> None:
    """Enter into a finding's history. ``at`` is a moment as the state database writes it."""
    text = json.dumps(detail, sort_keys=True, ensure_ascii=False)
    connection.execute(t.finding_history.insert().values(finding_id=finding_id, at=at, actor=actor, what=what, detail=text))


__all__ = ["remember"]
