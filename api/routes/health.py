"""Liveness, for load balancers. Says nothing else; how the scans are doing is told by `sources`."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import text

from api.deps import Shared
from api.errors import RESPONSES
from api.schemas import Health
from scanner.store.state import reading

router = APIRouter(tags=["health"])


@router.get("/health", responses={503: RESPONSES[503]})
def health(shared: Shared) -> Health:
    """Whether the server can read its state database. Needs no token."""
    with reading(shared.workspace.state) as connection:
        connection.execute(text("select 1"))
    return Health(status="ok")
