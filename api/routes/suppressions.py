"""Suppressions: agreed exceptions from rules, proposed by one, approved by another."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Shared, requires
from api.errors import RESPONSES, Problem
from api.etags import etag, preconditions, require_match
from api.paging import once
from api.schemas_suppressions import Suppression, SuppressionChange, SuppressionDetail, SuppressionProposal
from scanner.errors import FindingError
from scanner.findings import ConflictError, suppression
from scanner.findings.suppression import OWN_ACCOUNTS, Proposal, Scope
from scanner.store.tokens import Token

router = APIRouter(tags=["suppressions"], dependencies=[Depends(requires("read:findings")), Depends(once())], responses=RESPONSES)

SuppressionId = Annotated[str, Path(description="The suppression's id.", pattern=r"^[0-9a-f]{16}$")]
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {**RESPONSES[401], "description": "No such suppression"}}


class SuppressionFilters(BaseModel):
    """Which suppressions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ended: Annotated[bool, Field(description="Also those that have ended.")] = False


@router.get("/suppressions", response_model=list[Suppression])
def suppressions(shared: Shared, filters: Annotated[SuppressionFilters, Query()]) -> Any:
    """Suppressions and proposals, the next to end first."""
    return suppression.listed(shared.workspace.state, ended=filters.ended)


@router.get("/suppressions/{suppression_id}", response_model=SuppressionDetail, responses=_NOT_FOUND, name="suppression")
def one_suppression(response: Response, shared: Shared, suppression_id: SuppressionId) -> Any:
    """One suppression with its history. Its ETag changes with anything it says."""
    found = _get(shared, suppression_id)
    response.headers["ETag"] = etag(found)
    return found


@router.post("/suppressions", response_model=SuppressionDetail)
def propose_suppression(
    response: Response,
    shared: Shared,
    asked: SuppressionProposal,
    token: Annotated[Token, Depends(requires("write:suppressions"))],
) -> Any:
    """Propose a suppression. It hides nothing until somebody else approves it."""
    scope = asked.scope
    if scope.vendor not in (None, OWN_ACCOUNTS, *shared.config.vendors):
        raise Problem(422, "there is no vendor of this name")
    if scope.database not in (None, *shared.config.databases):
        raise Problem(422, "there is no database of this name")
    wanted = Scope(tuple(scope.rules), scope.vendor, scope.database, tuple(scope.accounts), tuple(scope.tables))
    levels = {rule.id: rule.level for rule in shared.rules.rules().rules}
    proposal = Proposal(wanted, asked.reason, asked.until, asked.max_persons)
    try:
        made = suppression.propose(shared.workspace.state, proposal, levels=levels, actor=token.name)
    except FindingError as error:
        raise Problem(422, str(error)) from None
    response.headers["ETag"] = etag(made)
    return made


@router.patch(
    "/suppressions/{suppression_id}",
    response_model=SuppressionDetail,
    responses={**_NOT_FOUND, **preconditions("suppression")},
    name="change_suppression",
)
def change_suppression(
    response: Response,
    shared: Shared,
    suppression_id: SuppressionId,
    change: SuppressionChange,
    token: Annotated[Token, Depends(requires("write:suppressions"))],
    if_match: Annotated[str | None, Header(description="The ETag of the suppression that the decision was made upon.")] = None,
) -> Any:
    """Approve a proposal that somebody else made (needs approve:suppressions), or end a suppression. Needs If-Match."""
    found = _get(shared, suppression_id)
    require_match(found, if_match, "suppression")
    state, seen = shared.workspace.state, found["updated_at"]
    try:
        if change.decision == "end":
            after = suppression.end(state, suppression_id, reason=change.reason or "", actor=token.name, seen=seen)
        elif "approve:suppressions" not in token.scopes:
            raise Problem(403, "approving needs a token with the scope approve:suppressions")
        else:
            after = suppression.approve(state, suppression_id, actor=token.name, seen=seen)
    except ConflictError as error:
        raise Problem(412, error.message) from None
    except FindingError as error:
        raise Problem(422, str(error)) from None
    response.headers["ETag"] = etag(after)
    return after


def _get(shared: Shared, suppression_id: str) -> dict[str, Any]:
    try:
        return suppression.get(shared.workspace.state, suppression_id)
    except FindingError:
        raise Problem(404, "there is no suppression with this id") from None
