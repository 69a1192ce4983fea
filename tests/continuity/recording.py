"""What a server wrote, kept to be changed and read again."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from scanner.model import Slice
from scanner.sources import SOURCES

PREFIX = "%m [%p] %q%u@%d app=%a client=%h session=%c line=%l vx=%v sql=%e "
KINDS = {"postgres_csvlog": "csv", "postgres_jsonlog": "json", "postgres_stderr": "stderr"}


@dataclass(frozen=True)
class Recording:
    """Log files of one format, oldest first, as they were written."""

    type: str
    files: tuple[Path, ...]
    options: dict[str, str] = field(default_factory=dict)

    def laid_out(self, folder: Path) -> str:
        """A copy in ``folder``, and the pattern that names it. Nobody has written to it for a long time."""
        for number, file in enumerate(self.files):
            target = folder / file.name
            shutil.copyfile(file, target)
            os.utime(target, (1000 + number, 1000 + number))
        return str(folder / f"*{self.files[0].suffix}")

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Every record: session, line, kind, file number, offset, length."""
        found: list[dict[str, Any]] = []
        for number, file in enumerate(self.files):
            for piece in SOURCES[self.type](str(file), "UTC", **self.options).read(()):
                if isinstance(piece, Slice):
                    wanted = ["kind", "session", "session_line", "statement_id", "offset", "length", "account"]
                    found += [{**row, "file": number} for row in piece.records.select(wanted).to_pylist()]
        return found
