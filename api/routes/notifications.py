"""Notifications: who was told of which finding, and what did not arrive."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field
from sqlalchemy import ColumnElement, and_, func, or_, select

from api.deps import Shared, requires
from api.errors import RESPONSES
from api.paging import Filters, Text, cut, once
from api.schemas import Notification, Page
from scanner.store import tables as t
from scanner.store.state import reading

router = APIRouter(
    tags=["notifications"], dependencies=[Depends(requires("read:notifications")), Depends(once("state"))], responses=RESPONSES
)


class NotificationFilters(Filters):
    """Which messages."""

    state: Annotated[
        list[Literal["waiting", "sent", "dead", "dropped"]], Field(max_length=4, description="May be repeated.")
    ] = []  # noqa: RUF012  # pydantic copies defaults
    channel: Annotated[Text | None, Field(description="Name in the configuration.")] = None
    finding: Annotated[Text | None, Field(description="A finding's id.")] = None


@router.get("/notifications", response_model=Page[Notification])
def notifications(request: Request, response: Response, shared: Shared, filters: Annotated[NotificationFilters, Query()]) -> Any:
    """Messages and what became of them, the newest first."""
    c = t.notification.c
    wanted: list[ColumnElement[bool]] = []
    if filters.state:
        wanted.append(c.state.in_(filters.state))
    if filters.channel is not None:
        wanted.append(c.channel == filters.channel)
    if filters.finding is not None:
        wanted.append(c.finding_id == filters.finding)
    statement = select(t.notification).where(*wanted).order_by(c.planned_at.desc(), c.id).limit(filters.limit + 1)
    after = filters.after(str, str)
    if after is not None:
        statement = statement.where(or_(c.planned_at < after[0], and_(c.planned_at == after[0], c.id > after[1])))
    with reading(shared.workspace.state) as connection:
        total = connection.execute(select(func.count()).select_from(t.notification).where(*wanted)).scalar_one()
        found = [dict(row._mapping) for row in connection.execute(statement)]
    items, last = cut(found, filters.limit)
    key = (last["planned_at"], last["id"]) if last else None
    return {"items": items, "total": total, "next": filters.link(request, response, key)}
