"""What routes are given: the workspace, and a caller that has shown a token with the right scope."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api import logs
from api.errors import Problem
from api.limits import Failures
from api.rulebook import RuleBook
from scanner.config import Config
from scanner.errors import TokenError
from scanner.findings import FindingStore
from scanner.pipeline import Workspace
from scanner.store.tokens import SCOPES, Token, TokenStore

ENGINES_AT_ONCE = 3
"""Queries over the event files that run at the same time; each may take 256 MB."""


@dataclass(frozen=True)
class Context:
    """What one application shares between its requests. Holds no state of its own but counters and locks."""

    config: Config
    workspace: Workspace
    tokens: TokenStore
    findings: FindingStore
    rules: RuleBook
    failures: Failures = field(default_factory=Failures)
    engines: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(ENGINES_AT_ONCE))

    @staticmethod
    def open(config: Config) -> Context:
        """Open the workspace. Raises :class:`~scanner.errors.StoreError`."""
        workspace = Workspace.open(config)
        return Context(config, workspace, TokenStore(workspace.state), FindingStore(workspace.state), RuleBook(config.rules))


def context(request: Request) -> Context:
    """The application's context."""
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


Shared = Annotated[Context, Depends(context)]

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="vw_…",
    description="An API token, made with `vendorwatch token create`.",
)


def requires(scope: str) -> Callable[..., Token]:
    """A dependency: the caller's token, which must hold ``scope``. Answers 401, 403 or 429 otherwise."""
    assert scope in SCOPES

    def caller(
        request: Request,
        shared: Shared,
        credentials: HTTPAuthorizationCredentials | None = Security(_bearer, scopes=[scope]),  # noqa: B008  # FastAPI's way
    ) -> Token:
        if credentials is None:
            raise Problem(401, "this needs a token: Authorization: Bearer vw_…", {"WWW-Authenticate": _challenge()})
        try:
            token = shared.tokens.verify(credentials.credentials)
        except TokenError as error:
            raise _refused(request, shared, error.message) from None
        request.state.actor = token.name
        if scope not in token.scopes:
            challenge = _challenge(error="insufficient_scope", scope=scope)
            raise Problem(403, f"this needs a token with the scope {scope}", {"WWW-Authenticate": challenge})
        return token

    return caller


def _refused(request: Request, shared: Context, reason: str) -> Problem:
    wait = shared.failures.add(request.client.host if request.client else "")
    if wait:
        return Problem(429, "too many failed attempts from this address", {"Retry-After": str(wait)})
    challenge = _challenge(error="invalid_token", error_description=reason)
    return Problem(401, reason, {"WWW-Authenticate": challenge})


def _challenge(**words: str) -> str:
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in {"realm": "vendorwatch", **words}.items())


def note_read(request: Request, what: str, count: int, **fields: str) -> None:
    """Log that the caller read ``count`` findings or events. ``fields`` must come from us, not from the request.

    Of the filters only the names are kept: their values may be personal.
    """
    filters = sorted({name for name in request.query_params if name.isidentifier() and len(name) < 32} - {"cursor"})
    logs.write(
        logs.READS,
        "read",
        request_id=request.state.request_id,
        actor=request.state.actor,
        what=what,
        count=count,
        filters=filters,
        **fields,  # type: ignore[arg-type]  # never "level"
    )
