"""Errors as problem details (RFC 9457). Every error of every route leaves through here.

``type`` is a URN that names the kind for programs; ``instance`` is the request's id, which stands in the log too.
No message repeats what was sent, and a defect says nothing but that it is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import duckdb
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from api import logs
from api.schemas import ProblemDetails
from scanner.errors import ScannerError

MEDIA_TYPE = "application/problem+json"
_KINDS = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    412: "changed-in-between",
    413: "too-large",
    414: "address-too-long",
    421: "misdirected",
    422: "invalid-request",
    428: "if-match-needed",
    429: "too-many-failures",
    500: "internal",
    503: "unavailable",
}


@dataclass
class Problem(Exception):  # noqa: N818  # it is what the RFC calls it
    """Raise it anywhere below a route to answer with problem details."""

    status: int
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Mapping[str, str]] = ()  # {where, message}, one for each wrong value

    def response(self, request_id: str) -> Response:
        body: dict[str, Any] = {
            "type": f"urn:vendorwatch:problem:{_KINDS.get(self.status, 'error')}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:uuid:{request_id}",
        }
        if self.errors:
            body["errors"] = [dict(error) for error in self.errors]
        return JSONResponse(body, self.status, dict(self.headers), MEDIA_TYPE)


def invalid(where: str, message: str) -> Problem:
    """A single wrong value of the request; ``where`` is the parameter's name."""
    return Problem(422, "a value of the request cannot be used", errors=[{"where": where, "message": message}])


def internal() -> Problem:
    """A defect of ours."""
    return Problem(500, "an internal error; the log has it under this instance")


def unavailable() -> Problem:
    """The event store or the state database cannot be used just now."""
    return Problem(503, "the stored data cannot be read just now; `vendorwatch doctor` says why", {"Retry-After": "30"})


def install(app: FastAPI) -> None:
    """Turn everything that can go wrong below the routes into problem details."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for kind in (ScannerError, SQLAlchemyError, duckdb.Error):
        app.add_exception_handler(kind, _store)


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "model": ProblemDetails, "content": {MEDIA_TYPE: {}}}
    for status, text in {
        401: "No token, or one that is unknown, expired or revoked",
        403: "The token's scopes do not allow this",
        413: "The request holds more than is taken",
        414: "The address is too long",
        421: "The server does not answer under this host name",
        422: "A parameter is unknown or cannot be used",
        429: "Too many failed attempts from this address",
        503: "The stored data cannot be read just now",
    }.items()
}
"""What every guarded operation may answer beside its result."""


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with its errors under their own media type, where FastAPI knows JSON only."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                if MEDIA_TYPE in answer.get("content", {}):
                    answer["content"] = {MEDIA_TYPE: answer["content"].pop("application/json")}
    return document


def _id(request: Request) -> str:
    return str(request.state.request_id)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(_id(request))


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [_entry(detail["type"], detail["loc"], detail["msg"]) for detail in error.errors()]
    return Problem(422, "a value of the request cannot be used", errors=found[:20]).response(_id(request))


def _entry(kind: str, place: Sequence[Any], message: str) -> dict[str, str]:
    """What is wrong where. ``place`` is ("query", parameter, …); the name of an unknown parameter is not repeated."""
    if kind == "extra_forbidden" or len(place) < 2:
        return {"where": str(place[0]), "message": "holds a parameter that this operation does not know"}
    return {"where": str(place[1]), "message": message}


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {
        404: "there is nothing at this address; /api/docs describes what there is",
        405: "this address does not know this method",
    }
    status = error.status_code if error.status_code in _KINDS else 400
    return Problem(status, details.get(status, "the request cannot be used"), error.headers or {}).response(_id(request))


async def _store(request: Request, error: Exception) -> Response:
    logs.fault("store_unavailable", error, request_id=_id(request))
    return unavailable().response(_id(request))
