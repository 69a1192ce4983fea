"""What was read by SQL, kept as it was read: one JSON object a line, in files that are only ever added to.

An audit table is purged by its owner, a row may come late, and a database has no bytes to hash. So the rows that a scan reads go
to disk before anything is made of them. From there on they are a log file like any other: positions, hashes, exactly-once
storing and the raw records of evidence need nothing of their own. The spool is also the memory of what was read already: the
cursor is its last mark, and a row of the overlap before it that is in the spool is not taken again.

A line is ``{"n":17,"of":"query","at":1795333506000000,"key":"…",…}``: a running number, which relation it is of, its time in
microseconds since 1970 UTC, a hash of what identifies the row, then its columns in their order, those that are null left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from scanner.errors import SourceError

FILE_BYTES = 64 * 1024 * 1024
"""A file of at least this size gets no further lines."""

_HEAD = re.compile(rb'\{"n":(\d+),"of":"([a-z]+)","at":(-?\d+),"key":"([0-9a-f]{32})"')


MARK = "mark"
"""Lines of this relation are no rows: everything read before one has at most its time, and was read whole up to it."""


@dataclass
class Recent:
    """Where to go on. ``mark``: the time up to which all was read, None at first. ``rows``: by relation, how often each row was
    read that is not older than the mark less the overlap."""

    mark: int | None = None  # microseconds since 1970 UTC
    rows: dict[str, Counter[bytes]] = field(default_factory=lambda: defaultdict(Counter))


class Spool:
    """The files of one source, under ``folder``. One writer at a time: the caller holds the scan lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> list[Path]:
        """All of them, oldest first."""
        return sorted(self.folder.glob("*.jsonl"))

    def recent(self, overlap: int) -> Recent:
        """What was read of the ``overlap`` microseconds before the last mark, and since."""
        found = Recent()
        for file in reversed(self.files()):
            heads = [match for match in map(_HEAD.match, _lines(file)) if match]
            marks = [int(match[3]) for match in heads if match[2] == MARK.encode()]
            if found.mark is None and marks:
                found.mark = marks[-1]
            low = None if found.mark is None else found.mark - overlap
            for match in heads:
                if match[2] != MARK.encode() and (low is None or int(match[3]) >= low):
                    found.rows[match[2].decode()][match[4]] += 1
            if low is not None and any(mark < low for mark in marks):
                break  # nothing before that mark is later than it
        return found

    def mark(self, at: int) -> None:
        """Say that everything up to a time was read."""
        self.append(MARK, [(at, {})], Counter())

    def append(
        self, relation: str, rows: Iterable[tuple[int, Mapping[str, Any]]], seen: Counter[bytes], key: Sequence[str] = ()
    ) -> int:
        """Add rows (time, columns) that are not in ``seen``, which is used up by that. Returns how many were new.

        ``key``: the columns that tell a row from all others; all of them when left out.
        """
        number, target = self._end()
        lines = []
        for at, row in rows:
            content = canonical(row)
            digest = _digest(canonical({name: row.get(name) for name in key}) if key else content)
            if seen[digest] > 0:
                seen[digest] -= 1
                continue
            number += 1
            head = b'{"n":%d,"of":"%s","at":%d,"key":"%s"' % (number, relation.encode(), at, digest)
            lines.append(head + (b"," + content if content else b"") + b"}\n")
        if not lines:
            return 0
        if target is None or (relation != MARK and target.stat().st_size >= FILE_BYTES):
            target = self.folder / f"{number - len(lines) + 1:015d}.jsonl"
        try:
            with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:  # noqa: PTH123 - its mode
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SourceError(f"cannot write to {target}: {error.strerror}", "make room; nothing was lost") from error
        return len(lines)

    def forget(self, before: float) -> None:
        """Take away files last written before a time (seconds since 1970); never the newest, which knows where to go on."""
        for file in self.files()[:-1]:
            if file.stat().st_mtime < before:
                file.unlink()

    def _end(self) -> tuple[int, Path | None]:
        """The last running number, and the file that holds it. Half a line, left by a crash, is cut off: it was not read yet."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for file in reversed(self.files()):
                with file.open("r+b") as handle:
                    size = handle.seek(0, os.SEEK_END)
                    whole, last = _last_line(handle, size)
                    if whole < size:
                        handle.truncate(whole)
                match = _HEAD.match(last)
                if match:
                    return int(match[1]), file
        except OSError as error:
            raise SourceError(f"cannot use {self.folder}: {error.strerror}", "check its permissions") from error
        return 0, None


def canonical(row: Mapping[str, Any]) -> bytes:
    """The columns of a row as the inside of a JSON object: in their order, without null, times in UTC."""
    found = {name: _plain(value) for name, value in row.items() if value is not None}
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return text[1:-1].encode("utf-8", "replace")


def micros(moment: datetime) -> int:
    """A time as microseconds since 1970 UTC; without a zone it is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round((aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)


def _plain(value: Any) -> Any:
    if isinstance(value, int | str):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value) if not isinstance(value, list | dict) else json.dumps(value, ensure_ascii=False, default=str)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as handle:
        yield from handle


def _last_line(handle: Any, size: int) -> tuple[int, bytes]:
    """Where the last whole line ends, and that line."""
    step, data = 1 << 16, b""
    at = size
    while at > 0:
        begin = max(0, at - step)
        handle.seek(begin)
        data = handle.read(at - begin) + data
        at = begin
        end = data.rfind(b"\n")
        start = data.rfind(b"\n", 0, end) if end > 0 else -1
        if end >= 0 and (start >= 0 or at == 0):
            return at + end + 1, data[start + 1 : end + 1]
    return 0, b""


__all__ = ["FILE_BYTES", "MARK", "Recent", "Spool", "canonical", "micros"]
