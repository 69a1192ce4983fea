"""Findings: what an analyst decides on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import Field

from api import eventquery
from api.deps import Shared, note_read, requires
from api.errors import RESPONSES, Problem, invalid
from api.etags import etag, preconditions, require_match, unless_known
from api.paging import Filters, Text, cut, once
from api.schemas import Event, Page
from api.schemas_findings import Finding, FindingChange, FindingDetail
from scanner.errors import FindingError
from scanner.findings import CLOCKS, ConflictError, Decision, decide
from scanner.model import Level
from scanner.store.tokens import Token

router = APIRouter(
    tags=["findings"], dependencies=[Depends(requires("read:findings")), Depends(once("status"))], responses=RESPONSES
)

FindingId = Annotated[str, Path(description="The finding's id.", pattern=r"^[0-9a-f]{16}$")]
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged since the ETag in If-None-Match"}}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {**RESPONSES[401], "description": "No such finding"}}


class FindingFilters(Filters):
    """Which findings."""

    level: Annotated[Level | None, Field(description="At or above this level.")] = None
    status: Annotated[
        list[Literal["new", "in_progress", "suppressed", "resolved"]], Field(max_length=4, description="May be repeated.")
    ] = []  # noqa: RUF012  # pydantic copies defaults
    vendor: Annotated[Text | None, Field(description="Key in the configuration; `-` for the company's own accounts.")] = None
    database: Annotated[Text | None, Field(description="Name in the configuration.")] = None


class FindingEventFilters(Filters):
    """Which of a finding's events: all, page by page."""


@router.get("/findings", response_model=Page[Finding], responses=_NOT_MODIFIED)
def findings(request: Request, response: Response, shared: Shared, filters: Annotated[FindingFilters, Query()]) -> Any:
    """Findings, the worst first, among equals the newest."""
    after = filters.after(str, str, str)
    if after is not None and after[0] not in set(Level):
        raise invalid("cursor", "is none of ours")
    found, total = shared.findings.page(
        limit=filters.limit + 1,
        after=after,
        level=filters.level,
        statuses=filters.status,
        vendor={None: "*", "-": None}.get(filters.vendor, filters.vendor),
        database=filters.database,
    )
    items, last = cut(found, filters.limit)
    key = (last["level"], last["last_event"], last["id"]) if last else None
    page = {"items": items, "total": total, "next": filters.link(request, response, key)}
    note_read(request, "findings", len(items))
    return unless_known(request, response, page)


@router.get("/findings/{finding_id}", response_model=FindingDetail, responses={**_NOT_MODIFIED, **_NOT_FOUND})
def finding(request: Request, response: Response, shared: Shared, finding_id: FindingId) -> Any:
    """One finding with its history. Its ETag changes with anything it says."""
    found = _get(shared, finding_id)
    note_read(request, "finding", 1, finding=found["id"])
    return unless_known(request, response, found)


@router.get("/findings/{finding_id}/events", response_model=Page[Event], responses=_NOT_FOUND)
def finding_events(
    request: Request,
    response: Response,
    shared: Shared,
    finding_id: FindingId,
    filters: Annotated[FindingEventFilters, Query()],
) -> Any:
    """The events a finding rests on, the oldest first."""
    found = _get(shared, finding_id)
    keys, total = shared.findings.events_page(
        found["id"],
        limit=filters.limit + 1,
        after=filters.after(str, str),
    )
    page, last = cut(keys, filters.limit)
    items = eventquery.by_id(shared, page)
    note_read(request, "finding_events", len(items), finding=found["id"])
    return {"items": items, "total": total, "next": filters.link(request, response, last)}


@router.patch(
    "/findings/{finding_id}",
    response_model=FindingDetail,
    responses={**_NOT_FOUND, **preconditions("finding")},
    name="change_finding",
)
def change_finding(
    response: Response,
    shared: Shared,
    finding_id: FindingId,
    change: FindingChange,
    token: Annotated[Token, Depends(requires("write:findings"))],
    if_match: Annotated[str | None, Header(description="The ETag of the finding that the decision was made upon.")] = None,
) -> Any:
    """Decide: acknowledge, assign, note, close with a verdict, reopen, set a clock. Needs If-Match."""
    found = _get(shared, finding_id)
    require_match(found, if_match, "finding")
    clocks = {name: when for name in CLOCKS if (when := getattr(change, name)) is not None}
    if clocks and "write:breach" not in token.scopes:
        raise Problem(403, "setting a clock needs a token with the scope write:breach")
    decision = Decision(change.status, change.verdict, change.assignee, change.note, clocks)
    try:
        decide(shared.workspace.state, finding_id, decision, actor=token.name, seen=found["updated_at"])
    except ConflictError as error:
        raise Problem(412, error.message) from None
    except FindingError as error:
        raise Problem(422, str(error)) from None
    after = _get(shared, finding_id)
    response.headers["ETag"] = etag(after)
    return after


def _get(shared: Shared, finding_id: str) -> dict[str, Any]:
    found = shared.findings.get(finding_id)
    if found is None or found["id"] != finding_id:
        raise Problem(404, "there is no finding with this id")
    return found
