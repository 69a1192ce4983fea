"""Access events: every statement the audit logs told of."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from api import eventquery
from api.deps import Shared, note_read, requires
from api.errors import RESPONSES, invalid
from api.paging import Filters, Text, cut, once, whole
from api.schemas import EventPage

router = APIRouter(tags=["events"], dependencies=[Depends(requires("read:events")), Depends(once())], responses=RESPONSES)


def _written(value: Any) -> Any:
    """Times as text only, and with the ``+`` of their offset that an unescaped query string turns into a space."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[T ]", value):
        raise ValueError("must be a time with its zone, as in 2026-03-02T09:00:00+09:00")
    return re.sub(r" (\d\d:?\d\d)$", r"+\1", value)


def _plausible(value: datetime) -> datetime:
    if not 1971 <= value.year <= 2199:
        raise ValueError("must lie between 1971 and 2199")
    return value.astimezone(UTC)


Time = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_plausible)]


class EventFilters(Filters):
    """Which events."""

    from_: Annotated[Time | None, Field(alias="from", description="At or after this time.")] = None
    to: Annotated[Time | None, Field(description="Before this time.")] = None
    database: Annotated[Text | None, Field(description="Name in the configuration.")] = None
    vendor: Annotated[Text | None, Field(description="Key in the configuration; `-` for the company's own accounts.")] = None
    account: Annotated[Text | None, Field(description="Database account, upper and lower case told apart.")] = None
    client_ip: Annotated[Text | None, Field(description="Client address as logged.")] = None
    session: Annotated[Text | None, Field(description="One connection of one server.")] = None
    activity: Annotated[Text | None, Field(description="read, write, ddl, role, connect, …")] = None
    status: Annotated[Literal["success", "failure"] | None, Field(description="Whether the statement came to its end.")] = None
    technique: Annotated[Text | None, Field(description="One of the event's techniques: copy, dump_tool, paging, …")] = None
    table: Annotated[Text | None, Field(description="schema.table that the event read.")] = None
    pii_class: Annotated[Text | None, Field(description="A class of personal data that left.")] = None
    min_exposed_persons: Annotated[
        Annotated[int, Field(ge=0, lt=1 << 63)] | None, Field(description="At least so many people."), BeforeValidator(whole)
    ] = None
    order: Annotated[Literal["newest", "oldest"], Field(description="Which come first.")] = "newest"


@router.get("/events", response_model=EventPage)
def events(request: Request, response: Response, shared: Shared, filters: Annotated[EventFilters, Query()]) -> Any:
    """Events in the order of time. Give a time range when you can: only the days it touches are read."""
    after = filters.after(str, str)
    found = eventquery.page(
        shared,
        since=filters.from_,
        until=filters.to,
        filters={name: getattr(filters, name) for name in eventquery.CONDITIONS},
        vendor={None: "*", "-": None}.get(filters.vendor, filters.vendor),
        newest=filters.order == "newest",
        after=(_cursor_time(after[0]), after[1]) if after else None,
        limit=filters.limit + 1,
    )
    items, last = cut(found, filters.limit)
    note_read(request, "events", len(items))
    return {"items": items, "next": filters.link(request, response, (last["time"], last["event_id"]) if last else None)}


def _cursor_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return _plausible(found) if found.tzinfo else _plausible(found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise invalid("cursor", "is none of ours") from None
