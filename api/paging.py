"""Pages: a cursor names the last item of the page before, so that new rows shift nothing and no page costs more than the first.

A cursor is bound to the filters it was made with. It is no secret and not trusted: what it holds is checked and then only
ever compared with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from api.errors import invalid

Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
"""A filter's text. PostgreSQL takes no NUL, so nobody gets one."""


def whole(value: Any) -> Any:
    """Checks the text of a whole number; pydantic alone would also take "1_0", " 5" and "5.0"."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 19):
        raise ValueError("must be a whole number")
    return value


class Filters(BaseModel):
    """Base of all filters: unknown parameters are refused, because a mistyped filter must not mean "everything"."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    limit: Annotated[int, Field(ge=1, le=1000, description="Most items of the page."), BeforeValidator(whole)] = 100
    cursor: Annotated[str | None, Field(max_length=2000, description="From the `next` address of the page before.")] = None

    def digest(self) -> str:
        """Names the filters themselves, whatever the page."""
        text = self.model_dump_json(exclude={"limit", "cursor"})
        return hashlib.sha256(f"{type(self).__name__}{text}".encode()).hexdigest()[:12]

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """The key the cursor holds, its parts being of ``kinds``; None on the first page. Raises a 422 problem."""
        if self.cursor is None:
            return None
        try:
            padded = self.cursor + "=" * (-len(self.cursor) % 4)
            digest, *key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError, TypeError, RecursionError):
            raise invalid("cursor", "is none of ours") from None
        if digest != self.digest():
            raise invalid("cursor", "belongs to other filters; follow `next` without changing it")
        if len(key) != len(kinds) or any(type(part) is not kind for part, kind in zip(key, kinds, strict=True)):
            raise invalid("cursor", "is none of ours")
        if any("\x00" in part if isinstance(part, str) else abs(part) >= 1 << 63 for part in key):
            raise invalid("cursor", "is none of ours")
        return tuple(key)

    def link(self, request: Request, response: Response, key: Sequence[str | int] | None) -> str | None:
        """Address of the page after ``key``, relative to this server; also set as a Link header."""
        if key is None:
            return None
        data = json.dumps([self.digest(), *key], ensure_ascii=True, separators=(",", ":")).encode()
        cursor = base64.urlsafe_b64encode(data).decode().rstrip("=")
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        address = f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"
        response.headers["Link"] = f'<{address}>; rel="next"'
        return address


def once(*repeatable: str) -> Callable[[Request], None]:
    """A dependency: no parameter but ``repeatable`` ones may be given twice, since only one of its values would count."""

    def check(request: Request) -> None:
        names = [name for name, _ in request.query_params.multi_items() if name not in repeatable]
        if len(set(names)) < len(names):
            raise invalid("query", "holds a parameter more than once")

    return check


def cut(rows: Sequence[Any], limit: int) -> tuple[list[Any], Any | None]:
    """The page out of up to ``limit`` + 1 rows, and its last row when more follow."""
    page = list(rows[:limit])
    return page, page[-1] if len(rows) > limit else None
