"""The rules in force: those shipped and those of the configured folders."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from api.deps import Shared, requires
from api.errors import RESPONSES, Problem
from api.paging import Filters, cut, once
from api.schemas import Page, Rule
from scanner.model import Level
from scanner.ruleset import Rule as CompiledRule

router = APIRouter(tags=["rules"], dependencies=[Depends(requires("read:rules")), Depends(once())], responses=RESPONSES)


class RuleFilters(Filters):
    """Which rules."""

    level: Annotated[Level | None, Field(description="At or above this level.")] = None


@router.get("/rules", response_model=Page[Rule])
def rules(request: Request, response: Response, shared: Shared, filters: Annotated[RuleFilters, Query()]) -> Any:
    """Rules, the most severe first, then by title."""
    after = filters.after(int, str, str)
    found = [
        (-rule.level.rank, rule.title, rule.id, rule)
        for rule in shared.rules.rules().rules
        if filters.level is None or rule.level.rank >= filters.level.rank
    ]
    found.sort(key=lambda entry: entry[:3])
    rest = [entry for entry in found if after is None or entry[:3] > after]
    items, last = cut(rest, filters.limit)
    return {
        "items": [_row(entry[3]) for entry in items],
        "total": len(found),
        "next": filters.link(request, response, last[:3] if last else None),
    }


@router.get("/rules/{rule_id}", response_model=Rule, responses={404: {**RESPONSES[401], "description": "No such rule"}})
def rule(shared: Shared, rule_id: Annotated[str, Path(max_length=64, description="The rule's id.")]) -> Any:
    """One rule, with what to do when it speaks."""
    found = shared.rules.rules().by_id.get(rule_id)
    if found is None:
        raise Problem(404, "there is no rule with this id")
    return _row(found)


def _row(rule: CompiledRule) -> dict[str, Any]:
    names = ("id", "title", "level", "description", "why", "triage", "falsepositives", "tags", "references", "author")
    return {
        **{name: getattr(rule, name) for name in (*names, "date", "modified", "version")},
        "timespan_seconds": rule.correlation.timespan.total_seconds() if rule.correlation else None,
    }
