"""The file formats under test. A new source joins with one line in :data:`FORMATS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scanner.model import Slice
from tests.sources import csvlog, jsonlog, stderr
from tests.sources.csvlog import Ledger, audit


@dataclass(frozen=True)
class Format:
    """How one source's log says that statement number ``n`` had this text."""

    type: str  # of the configuration
    render: Callable[[str, int], bytes]  # one whole record
    options: Mapping[str, str] = field(default_factory=dict)
    said: Callable[[str], str] = str  # what is left of a text when it was logged
    zone: str = "Asia/Seoul"

    def __str__(self) -> str:
        return self.type


FORMATS = [
    Format("postgres_csvlog", lambda text, n: csvlog.record(audit(text, number=n), line=n)),
    Format("postgres_jsonlog", lambda text, n: jsonlog.record(audit(text, number=n), line=n)),
    Format("postgres_stderr", lambda text, n: stderr.record(audit(text, number=n), line=n), {"log_line_prefix": stderr.PREFIX}),
]

BY_TYPE = {form.type: form for form in FORMATS}


class Scans:
    """Scans of a path, one after the other, as the scheduler makes them."""

    def __init__(self, form: Format, path: Path | str, slice_bytes: int = 2000) -> None:
        self.form = form
        self.folder = Path(path).parent
        self.ledger = Ledger(path, slice_bytes, type=form.type, zone=form.zone, **form.options)

    def scan(self, *, quiet: bool = True) -> list[Slice]:
        """One scan. ``quiet``: nobody has written for a while, so that what is there is whole."""
        if quiet:
            for path in self.folder.iterdir():
                past = path.stat().st_mtime_ns - 3600 * 10**9
                os.utime(path, ns=(past, past))
        return self.ledger.scan()

    @property
    def notices(self) -> list[str]:
        return [notice.reason for notice in self.ledger.notices]

    @property
    def texts(self) -> list[str | None]:
        """Statements of audit records, in the order they were read."""
        return [
            row["statement"]
            for piece in self.ledger.slices
            for row in piece.records.select(["kind", "statement"]).to_pylist()
            if row["kind"] == "audit"
        ]

    @property
    def skipped(self) -> int:
        return sum(skip.length for piece in self.ledger.slices for skip in piece.skips)
