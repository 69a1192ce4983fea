"""The rules in force, compiled again only when a file of them has changed: compiling takes the better part of a second."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api import logs
from api.errors import Problem
from scanner.errors import RuleError
from scanner.ruleset import RuleSet, load_rules, shipped_folder

_Stamp = list[tuple[str, int, int]]


@dataclass
class RuleBook:
    """The shipped rules and those of ``folders``."""

    folders: Sequence[Path]
    _known: tuple[_Stamp, RuleSet] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rules(self) -> RuleSet:
        """The rules as their files are now; 503 while they cannot be used."""
        with self._lock:
            stamp = self._stamp()
            if self._known is None or self._known[0] != stamp:
                try:
                    self._known = stamp, load_rules(self.folders)
                except (RuleError, OSError) as error:
                    logs.fault("rules_unusable", error)
                    raise Problem(503, "the rules cannot be used; `vendorwatch rules check` says why") from None
            return self._known[1]

    def _stamp(self) -> _Stamp:
        """Names, sizes and times of all files below the folders."""
        files = [file for folder in (shipped_folder(), *self.folders) for file in (folder, *folder.rglob("*")) if file.is_file()]
        stats = [(str(file), file.stat()) for file in files]
        return sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
