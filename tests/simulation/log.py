"""Sessions as PostgreSQL 15 with pgAudit 1.7 writes them: csvlog lines, complete from ``connection received`` on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a session. ``rows`` is what ``pgaudit.log_rows`` reports (0 for COPY and cursors, as the server does)."""

    text: str
    rows: int = 1
    command: str = "SELECT"
    cls: str = "READ"
    substatements: tuple[tuple[str, str, str, int], ...] = ()  # (class, command, text, rows) in place of the one line
    error: str = ""  # SQLSTATE and message of a statement that failed, "57014 canceling statement …"; no audit line then
    message: str = ""  # a record of the server's own instead of an audit line
    gap: float = 1.0  # seconds since the one before


@dataclass(frozen=True, slots=True)
class Session:
    """One connection. ``theft``: which theft it belongs to, "" for honest work."""

    account: str
    address: str
    app: str
    begin: datetime
    statements: tuple[Statement, ...]
    theft: str = ""
    dbname: str = "shop"
    walsender: bool = False


_MICRO = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write(path: Path, sessions: Iterable[Session]) -> dict[str, set[str]]:
    """Write the sessions' records in order of time; returns the ids of the sessions of each theft."""
    thefts: dict[str, set[str]] = {}
    lines: list[tuple[int, int, str]] = []
    for number, session in enumerate(sorted(sessions, key=lambda s: s.begin), 1):
        name = _records(lines, number, session)
        if session.theft:
            thefts.setdefault(session.theft, set()).add(name)
    lines.sort(key=lambda line: line[0])  # stable: records of one moment stay in their session's order
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(line[2] for line in lines)
    return thefts


def _records(lines: list[tuple[int, int, str]], number: int, session: Session) -> str:
    """Append the session's records; returns its id."""
    pid = 10_000 + number
    begin = (session.begin - _EPOCH) // _MICRO
    name = f"{begin // 1_000_000:x}.{pid:x}"
    host = f"{session.address}:{20_000 + number % 40_000}"
    started = _stamp(begin, fraction=False)
    backend = "walsender" if session.walsender else "client backend"
    count = 0

    def add(at: int, tag: str, message: str | None, *, who: bool = True, severity: str = "LOG", code: str = "00000",
            query: str = "", app: str = session.app) -> None:  # fmt: skip
        nonlocal count
        count += 1
        user = f'"{session.account}","{session.dbname}"' if who else ","
        lines.append((at, number,
            f'{_stamp(at)},{user},{pid},"{host}",{name},{count},"{tag}",{started},9/{number % 997},0,{severity},{code},'
            f'{_quoted(message)},,,,,,{_quoted(query) if query else ""},,,"{app}","{backend}",,0\n'))  # fmt: skip

    address, _, port = host.partition(":")
    add(begin, "", f"connection received: host={address} port={port}", who=False, app="")
    kind = "replication connection" if session.walsender else "connection"
    told = f"{kind} authorized: user={session.account} database={session.dbname} application_name={session.app}"
    add(begin + 2_000, "authentication", told, app="")
    at, statement_id = begin + 3_000, 0
    for statement in session.statements:
        at += int(statement.gap * 1_000_000)
        if statement.message:
            add(at, "idle", statement.message, query=statement.text)
            continue
        if statement.error:
            code, _, reason = statement.error.partition(" ")
            add(at, statement.command, reason, severity="ERROR", code=code, query=statement.text)
            continue
        statement_id += 1
        parts = statement.substatements or ((statement.cls, statement.command, statement.text, statement.rows),)
        for sub, (cls, command, text, rows) in enumerate(parts, 1):
            inner = _quoted(text) if any(c in text for c in ',"\n') else text
            add(at, statement.command, f"AUDIT: SESSION,{statement_id},{sub},{cls},{command},,,{inner},<none>,{rows}")
    seconds = (at - begin) / 1e6
    add(at + 500_000, "idle", f"disconnection: session time: 0:00:{seconds % 60:06.3f} user={session.account} host={address}")
    return name


def _stamp(micros: int, *, fraction: bool = True) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03d} UTC" if fraction else f"{text} UTC"


def _quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'
