"""csvlog lines as PostgreSQL writes them, for tests."""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Sequence
from pathlib import Path

from scanner.model import Position, Slice, SourceNotice
from scanner.sources import SOURCES

TIME = "2026-11-22 16:45:05.795 KST"
DATA = Path(__file__).parent / "data"


def sample() -> bytes:
    """The lab recording."""
    return lzma.decompress((DATA / "pg15-pgaudit1.7.0.csv.xz").read_bytes())


def quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


def inner(text: str) -> str:
    """A field as pgAudit writes it."""
    return quoted(text) if any(c in text for c in ',"\r\n') else text


def audit(
    statement: str,
    *,
    number: int = 1,
    sub: int = 1,
    kind: str = "SESSION",
    cls: str = "READ",
    command: str = "SELECT",
    object_type: str = "",
    object_name: str = "",
    parameter: str = "<none>",
    rows: int | None = 1,
) -> str:
    fields = [kind, str(number), str(sub), cls, command, object_type, object_name, statement, parameter]
    return "AUDIT: " + ",".join(inner(f) for f in fields) + ("" if rows is None else f",{rows}")


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
    width: int = 26,
) -> bytes:
    fields = [
        time, quoted(user), quoted(db), "31330", quoted(host), session, str(line), quoted(tag), "2026-11-22 16:45:05 KST", "5/71",
        "0", severity, code, quoted(message), "", "", "", "", quoted(context), quoted(query), "", "", quoted(app),
        quoted(backend), "", "0",
    ]  # fmt: skip
    return (",".join(fields[:width]) + "\n").encode()


def read(
    path: Path | str,
    known: Sequence[Position] = (),
    *,
    zone: str = "Asia/Seoul",
    slice_bytes: int = 1 << 25,
    type: str = "postgres_csvlog",  # noqa: A002 - the configuration's word
    **options: str,
) -> tuple[list[Slice], list[SourceNotice]]:
    """One scan: slices and notices."""
    given = list(SOURCES[type](str(path), zone, **options).read(known, slice_bytes=slice_bytes))
    return [g for g in given if isinstance(g, Slice)], [g for g in given if isinstance(g, SourceNotice)]


class Ledger:
    """Scans a path again and again, remembering positions as the state database does."""

    def __init__(self, path: Path | str, slice_bytes: int = 1 << 25, **options: str) -> None:
        self.path = path
        self.slice_bytes = slice_bytes
        self.options = options
        self.positions: dict[str, Position] = {}
        self.slices: list[Slice] = []
        self.notices: list[SourceNotice] = []

    def scan(self) -> list[Slice]:
        slices, self.notices = read(self.path, list(self.positions.values()), slice_bytes=self.slice_bytes, **self.options)
        for piece in slices:
            known = self.positions.get(piece.file.id)
            assert piece.start == (known.offset if known else 0)
            self.positions[piece.file.id] = Position(piece.file, piece.end)
        self.slices += slices
        return slices

    def statements(self) -> list[str | None]:
        return statements(self.slices)


def statements(slices: Iterable[Slice]) -> list[str | None]:
    return [s for piece in slices for s in piece.records["statement"].to_pylist()]
