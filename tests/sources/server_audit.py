"""server_audit lines as MariaDB writes them, for tests."""

from __future__ import annotations

import lzma
from collections.abc import Sequence
from pathlib import Path

from scanner.model import Position, Slice, SourceNotice
from scanner.sources.mariadb_server_audit import QUERY_LOG_LIMIT, MariadbServerAudit

DATA = Path(__file__).parent / "data"
STAMP = "20261122 07:45:06"
_ESCAPES = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": " "}


def sample() -> bytes:
    """The lab recording."""
    return lzma.decompress((DATA / "mariadb-10.11.19-server_audit.log.xz").read_bytes())


def escaped(text: str, limit: int = QUERY_LOG_LIMIT) -> bytes:
    """A statement as the plug-in writes it: escaped, and cut at ``limit`` bytes without splitting an escape."""
    whole = text.translate(str.maketrans(_ESCAPES)).encode()
    if not limit or len(whole) <= limit:
        return whole
    out = bytearray()
    for byte in text.encode()[:limit]:
        part = _ESCAPES.get(chr(byte), "").encode() or bytes([byte])
        if len(out) + len(part) > limit:
            break
        out += part
    return bytes(out)


def query(
    text: str,
    *,
    user: str = "vendor_a",
    host: str = "10.0.0.7",
    connection: int = 7,
    number: int = 20,
    db: str = "crm",
    code: int = 0,
    stamp: str = STAMP,
    op: str = "QUERY",
    limit: int = QUERY_LOG_LIMIT,
) -> bytes:
    head = f"{stamp},vm,{user},{host},{connection},{number},{op},{db},'".encode()
    return head + escaped(text, limit) + f"',{code}\n".encode()


def table(
    op: str, name: str, *, user: str = "vendor_a", connection: int = 7, number: int = 20, db: str = "crm", stamp: str = STAMP
) -> bytes:
    return f"{stamp},vm,{user},10.0.0.7,{connection},{number},{op},{db},{name},\n".encode()


def meet(
    op: str = "CONNECT", *, user: str = "vendor_a", host: str = "10.0.0.7", connection: int = 7, db: str = "crm", code: int = 0,
    stamp: str = STAMP,
) -> bytes:  # fmt: skip
    return f"{stamp},vm,{user},{host},{connection},0,{op},{db},,{code}\n".encode()


class Ledger:
    """Scans a path again and again, remembering positions as the state database does."""

    def __init__(self, path: Path | str, slice_bytes: int = 1 << 25) -> None:
        self.source = MariadbServerAudit(str(path), "UTC")
        self.slice_bytes = slice_bytes
        self.positions: dict[str, Position] = {}
        self.slices: list[Slice] = []
        self.notices: list[SourceNotice] = []

    def scan(self) -> list[Slice]:
        found = list(self.source.read(list(self.positions.values()), slice_bytes=self.slice_bytes))
        slices = [piece for piece in found if isinstance(piece, Slice)]
        self.notices += [notice for notice in found if isinstance(notice, SourceNotice)]
        for piece in slices:
            known = self.positions.get(piece.file.id)
            assert piece.start == (known.offset if known else 0)
            self.positions[piece.file.id] = Position(piece.file, piece.end)
        self.slices += slices
        return slices

    def rows(self) -> list[dict[str, object]]:
        return [row for piece in self.slices for row in piece.records.to_pylist()]


def statements(rows: Sequence[dict[str, object]]) -> list[object]:
    return [row["statement"] for row in rows if row["statement"] is not None]
