"""ETags of answers, and If-Match: a decision is made upon what somebody saw, or not at all (RFC 9110, sections 8.8.3 and 13)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from api.errors import RESPONSES, Problem


def etag(body: Mapping[str, Any]) -> str:
    """The ETag of an answer, quoted."""
    return f'"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'


def preconditions(what: str) -> dict[int | str, dict[str, Any]]:
    """What :func:`require_match` may answer, for the description of the API."""
    return {
        412: {**RESPONSES[401], "description": f"The {what} was changed in the meantime"},
        428: {**RESPONSES[401], "description": "If-Match is missing"},
    }


def require_match(body: Mapping[str, Any], if_match: str | None, what: str) -> None:
    """A problem unless If-Match names what ``body`` is now."""
    if if_match is None:
        raise Problem(428, f"a change needs If-Match with the ETag of the {what} it was decided upon")
    if etag(body) not in {part.strip() for part in if_match.split(",")}:
        raise Problem(412, f"the {what} was changed in the meantime: look at it again, then decide")


def unless_known(request: Request, response: Response, body: dict[str, Any]) -> Any:
    """``body`` with its ETag, or 304 when the caller has it already."""
    tag = etag(body)
    response.headers["ETag"] = tag
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=dict(response.headers))
    return body
