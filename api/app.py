"""The application: routes under ``/api/v1``, guarded, described, and wrapped."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import docs, errors, logs
from api.deps import Context
from api.middleware import Envelope
from api.routes import ROUTERS
from scanner import __version__
from scanner.config import Config, load_config

PREFIX = "/api/v1"
HOSTS_VARIABLE = "VENDORWATCH_ALLOWED_HOSTS"

_ABOUT = """\
What outside vendors read of the customer databases, and what about it needs a decision.

Every operation but health needs a token in the header `Authorization: Bearer vw_…`; make one with `vendorwatch token create`.

Lists come in pages: follow `next` (also a Link header) until it is null. Times are ISO 8601 in UTC. Errors are problem \
details (RFC 9457). Parameters that an operation does not know are refused.\
"""


def create_app(config: Config, *, allowed_hosts: Sequence[str] = ()) -> FastAPI:
    """The API over the data that ``config`` names.

    ``allowed_hosts``: host names to answer under (without port); empty for any. There are no cookies, so a page of another
    site can do nothing with a browser's help; the list is for those who want it all the same. Raises
    :class:`~scanner.errors.StoreError`.
    """
    context = Context.open(config)

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        context.workspace.state.dispose()

    app = _Application(
        title="vendorwatch",
        version=__version__,
        description=_ABOUT,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # FastAPI's own pages load from a CDN
        redoc_url=None,
        redirect_slashes=False,  # its redirects repeat the Host header
        generate_unique_id_function=_operation_id,
        lifespan=life,
    )
    app.state.context = context
    app.state.pages = {}
    app.add_middleware(Envelope, allowed_hosts=allowed_hosts)
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(docs.router)
    return app


def from_environment() -> FastAPI:
    """The application for a server that is given its name only.

    The configuration comes from VENDORWATCH_CONFIG (else ``vendorwatch.yml``), host names from VENDORWATCH_ALLOWED_HOSTS,
    separated by commas. Logs go to standard error.
    """
    logs.to_stderr()
    hosts = [host.strip() for host in os.environ.get(HOSTS_VARIABLE, "").split(",") if host.strip()]
    return create_app(load_config(None), allowed_hosts=hosts)


class _Application(FastAPI):
    """FastAPI with the errors described as what they are."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = errors.describe(super().openapi())
        return self.openapi_schema


def _operation_id(route: APIRoute) -> str:
    """The function's name: what generated clients call their methods."""
    return route.name
