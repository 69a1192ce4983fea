"""stderr log lines as PostgreSQL writes them, for tests."""

from __future__ import annotations

import re

from tests.sources.csvlog import TIME

PREFIX = "%m [%p] %q%u@%d app=%a client=%h session=%c line=%l vx=%v sql=%e "
START = "2026-11-22 16:45:05 KST"


def tabbed(text: str) -> str:
    """Every line of a text but its first begins with a tab."""
    return text.replace("\n", "\n\t")


def prefixed(prefix: str, values: dict[str, str], *, is_session: bool = True) -> str:
    """A prefix filled in by the server's own rules, padding included."""

    def fill(match: re.Match[str]) -> str:
        if match[2] == "%":
            return "%"
        width = int(match[1] or 0)
        value = values.get(match[2], "")
        return value.ljust(-width) if width < 0 else value.rjust(width)

    before, _, after = prefix.partition("%q")
    return re.sub(r"%(-?\d+)?([a-zA-Z%])", fill, before + after if is_session else before)


def record(
    message: str,
    *,
    prefix: str = PREFIX,
    time: str = TIME,
    user: str | None = "svc",
    db: str | None = "shop",
    host: str | None = "10.0.0.1:5000",
    session: str = "6b029d81.7a62",
    line: int = 1,
    tag: str = "SELECT",
    severity: str = "LOG",
    code: str = "00000",
    context: str | None = None,
    query: str | None = None,
    detail: str | None = None,
    app: str = "psql",
    backend: str = "client backend",
    labels: tuple[str, str, str] = ("DETAIL:  ", "CONTEXT:  ", "STATEMENT:  "),
) -> bytes:
    address, _, port = (host or "").rpartition(":")
    moment, zone = time.rsplit(" ", 1)
    values = {
        "m": time, "t": f"{moment.split('.')[0]} {zone}", "n": "1795333505.795", "p": str(int(session.split(".")[1], 16)),
        "u": user or "[unknown]", "d": db or "[unknown]", "a": app or "[unknown]", "h": address or host or "",
        "r": f"{address}({port})" if address else host or "", "c": session, "v": "5/71", "x": "0", "e": code, "s": START,
        "i": tag, "b": backend, "Q": "0",
    }  # fmt: skip
    lines = [f"{severity}:  {tabbed(message)}"]
    for label, text in zip(labels, (detail, context, query), strict=True):
        if text is not None:
            lines.append(label + tabbed(text))
    is_session = user is not None
    texts = []
    for number, text in enumerate(lines):
        texts.append(prefixed(prefix, values | {"l": str(line + number)}, is_session=is_session) + text)
    return ("\n".join(texts) + "\n").encode()
