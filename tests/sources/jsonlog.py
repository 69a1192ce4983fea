"""jsonlog lines as PostgreSQL writes them, for tests."""

from __future__ import annotations

from tests.sources.csvlog import TIME

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escaped(text: str) -> str:
    """A JSON string by the server's own rules: other control characters as ``\\u00xx``, everything else as it is."""
    return '"' + "".join(_SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


def record(
    message: str | None,
    *,
    time: str = TIME,
    user: str | None = "svc",
    db: str | None = "shop",
    host: str | None = "10.0.0.1:5000",
    session: str = "6b029d81.7a62",
    line: int = 1,
    tag: str | None = "SELECT",
    severity: str = "LOG",
    code: str = "00000",
    context: str | None = None,
    query: str | None = None,
    app: str = "psql",
    backend: str = "client backend",
) -> bytes:
    name, _, port = (host or "").rpartition(":")
    if not port.isdigit():
        name, port = host or "", ""
    fields = [
        ("timestamp", escaped(time)), ("user", user and escaped(user)), ("dbname", db and escaped(db)), ("pid", "31330"),
        ("remote_host", name and escaped(name)), ("remote_port", port), ("session_id", escaped(session)), ("line_num", str(line)),
        ("ps", None if tag is None else escaped(tag)), ("session_start", escaped("2026-11-22 16:45:05 KST")),
        ("vxid", escaped("5/71")), ("txid", "0"), ("error_severity", escaped(severity)),
        ("state_code", escaped(code) if code != "00000" else None), ("message", None if message is None else escaped(message)),
        ("context", context and escaped(context)), ("statement", query and escaped(query)),
        ("application_name", app and escaped(app)), ("backend_type", escaped(backend)), ("query_id", "0"),
    ]  # fmt: skip
    return ("{" + ",".join(f'"{key}":{value}' for key, value in fields if value) + "}\n").encode()
