"""Audit sources: how far each has been read, what the last run could not do, what could not be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection, func, select

from api.deps import Shared, requires
from api.errors import RESPONSES
from api.paging import Filters, Text, cut, once
from api.schemas import Page, Run, Skip, Source, Sources
from scanner.store import tables as t
from scanner.store.state import reading

router = APIRouter(tags=["sources"], dependencies=[Depends(requires("read:sources")), Depends(once())], responses=RESPONSES)


class RunFilters(Filters):
    """Which runs: all, page by page."""


class SkipFilters(Filters):
    """Which skips."""

    source_id: Annotated[Text | None, Field(description="`database/index` of the audit source.")] = None


@router.get("/sources", response_model=Sources)
def sources(shared: Shared) -> Any:
    """Every configured audit source with its lag, and the last runs."""
    b, f = t.batch.c, t.source_file.c
    sums = select(
        b.source_id,
        func.sum(b.records).label("records"),
        func.sum(b.events).label("events"),
        func.sum(b.skips).label("skips"),
        func.sum(b.end - b.start).label("bytes_read"),
        func.max(b.last_event).label("last_event"),
    ).group_by(b.source_id)
    files = select(f.source_id, func.count().label("files"), func.max(f.updated_at).label("last_read")).group_by(f.source_id)
    with reading(shared.workspace.state) as connection:
        summed = {row.source_id: dict(row._mapping) for row in connection.execute(sums)}
        counted = {row.source_id: dict(row._mapping) for row in connection.execute(files)}
        last, complete = _last_run(connection), _last_run(connection, "complete")
    at = datetime.now(UTC)
    found = [
        _source(f"{name}/{index}", name, audit.type, audit.shown, summed, counted, at)
        for name, database in shared.config.databases.items()
        for index, audit in enumerate(database.audit)
    ]
    return {"last_run": last, "last_complete_run": complete, "sources": found}


@router.get("/runs", response_model=Page[Run])
def runs(request: Request, response: Response, shared: Shared, filters: Annotated[RunFilters, Query()]) -> Any:
    """Scans, the newest first, with what they could not do."""
    after = filters.after(int)
    statement = select(t.run).order_by(t.run.c.id.desc()).limit(filters.limit + 1)
    if after is not None:
        statement = statement.where(t.run.c.id < after[0])
    with reading(shared.workspace.state) as connection:
        total = connection.execute(select(func.count()).select_from(t.run)).scalar_one()
        found = [_run(dict(row._mapping)) for row in connection.execute(statement)]
    items, last = cut(found, filters.limit)
    return {"items": items, "total": total, "next": filters.link(request, response, (last["id"],) if last else None)}


@router.get("/skips", response_model=Page[Skip])
def skips(request: Request, response: Response, shared: Shared, filters: Annotated[SkipFilters, Query()]) -> Any:
    """Bytes of logs that could not be read as records, the newest first."""
    after = filters.after(int)
    wanted = [t.skip.c.source_id == filters.source_id] if filters.source_id is not None else []
    statement = select(t.skip).where(*wanted).order_by(t.skip.c.id.desc()).limit(filters.limit + 1)
    if after is not None:
        statement = statement.where(t.skip.c.id < after[0])
    with reading(shared.workspace.state) as connection:
        total = connection.execute(select(func.count()).select_from(t.skip).where(*wanted)).scalar_one()
        found = [dict(row._mapping) for row in connection.execute(statement)]
    items, last = cut(found, filters.limit)
    return {"items": items, "total": total, "next": filters.link(request, response, (last["id"],) if last else None)}


def _last_run(connection: Connection, status: str | None = None) -> dict[str, Any] | None:
    statement = select(t.run).order_by(t.run.c.id.desc()).limit(1)
    if status is not None:
        statement = statement.where(t.run.c.status == status)
    row = connection.execute(statement).first()
    return _run(dict(row._mapping)) if row else None


def _run(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "databases": json.loads(row["databases"]), "notices": json.loads(row["notices"])}


def _source(
    source_id: str, database: str, kind: str, path: str, summed: dict[str, Any], counted: dict[str, Any], at: datetime
) -> Source:
    sums, files = summed.get(source_id, {}), counted.get(source_id, {})
    last = sums.get("last_event")
    return Source(
        source_id=source_id,
        database=database,
        type=kind,
        path=path,
        files=files.get("files", 0),
        records=int(sums.get("records") or 0),
        events=int(sums.get("events") or 0),
        skips=int(sums.get("skips") or 0),
        bytes_read=int(sums.get("bytes_read") or 0),
        last_event=last,
        lag_seconds=(at - datetime.fromisoformat(last)).total_seconds() if last else None,
        last_read=files.get("last_read"),
    )
