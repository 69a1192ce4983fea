"""What happens around every request, below any route: id, host and size checks, headers, the access log, the last resort."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import logs
from api.errors import Problem, internal

MOST_BODY = 64 * 1024
"""Bytes; this is what is read of a body before the client is turned away."""
MOST_TARGET = 8 * 1024
"""Bytes of path and query."""

CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Envelope:
    """Outermost of our layers: nothing leaves without its headers, and no exception leaves at all."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Sequence[str] = ()) -> None:
        self.app = app
        self.allowed_hosts = tuple(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        try:
            problem = _refusal(scope, self.allowed_hosts)
            if problem is not None:
                await problem.response(exchange.id)(scope, receive, exchange.send)
            else:
                await self.app(exchange.scope, _bounded(receive), exchange.send)
        except _TooLargeError:
            await self._last_resort(exchange, receive, Problem(413, f"a request holds at most {MOST_BODY} bytes"))
        except Exception as error:  # noqa: BLE001  # the last resort: logged, and answered without a word about it
            logs.fault("defect", error, request_id=exchange.id, operation=exchange.operation)
            await self._last_resort(exchange, receive, internal())
        finally:
            exchange.log()

    async def _last_resort(self, exchange: _Exchange, receive: Receive, problem: Problem) -> None:
        if exchange.status == 0:
            await problem.response(exchange.id)(exchange.scope, receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.id = str(uuid.uuid4())
        self.started = time.monotonic()
        self.method = str(scope["method"])
        self.status = 0
        self.sent = 0
        self._send = send
        state = scope.setdefault("state", {})
        state["request_id"] = self.id
        # HEAD is GET without the body; routes need not know
        self.scope: Scope = {**scope, "method": "GET"} if self.method == "HEAD" else scope

    @property
    def operation(self) -> str:
        """The operation's id, never the path itself: anything may stand in a path."""
        return str(getattr(self.scope.get("route"), "name", "unmatched"))

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers["x-request-id"] = self.id
            if self.scope.get("scheme") == "https":
                headers["strict-transport-security"] = "max-age=31536000"
        elif message["type"] == "http.response.body":
            if self.method == "HEAD":
                message = {**message, "body": b""}
            self.sent += len(message.get("body", b""))
        await self._send(message)

    def log(self) -> None:
        client = self.scope.get("client")
        logs.write(
            logs.ACCESS,
            "request",
            request_id=self.id,
            client=client[0] if client else None,
            actor=self.scope["state"].get("actor"),
            method=self.method if self.method.isalpha() and len(self.method) < 16 else "other",
            operation=self.operation,
            status=self.status,
            bytes=self.sent,
            ms=round(1000 * (time.monotonic() - self.started), 1),
        )


def _refusal(scope: Scope, allowed_hosts: Sequence[str]) -> Problem | None:
    headers = Headers(scope=scope)
    if allowed_hosts and _host(headers.get("host", "")) not in allowed_hosts:
        return Problem(421, "this server does not answer under that host name")
    if len(scope.get("raw_path") or b"") + len(scope.get("query_string", b"")) > MOST_TARGET:
        return Problem(414, f"an address holds at most {MOST_TARGET} bytes")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        return Problem(400, "the request's length cannot be read")
    if len(length) > 12 or int(length) > MOST_BODY:
        return Problem(413, f"a request holds at most {MOST_BODY} bytes")
    return None


def _host(value: str) -> str:
    """Host name of a Host header, without the port; an IPv6 address keeps its brackets."""
    name = value.strip().lower()
    return name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0]


class _TooLargeError(Exception):
    """More body came than is taken."""


def _bounded(receive: Receive) -> Receive:
    """``receive`` that gives up when a body without a length grows too large."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY:
            raise _TooLargeError
        return message

    return bounded
