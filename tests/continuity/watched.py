"""Logs read and watched as a scan does it, without the stages that make nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from scanner.continuity import Observation, SourceState, follow
from scanner.model import Position, Slice, SourceNotice
from scanner.sources import SOURCES
from scanner.sources.connections import name_sessions

UTC = ZoneInfo("UTC")


def no_holidays(_: date) -> bool:
    return False


@dataclass
class Watcher:
    """Scans of one source, one after the other; its state is packed and unpacked as the state database would."""

    path: str
    type: str = "postgres_csvlog"
    options: Mapping[str, str] = field(default_factory=dict)
    zone: str = "UTC"
    slice_bytes: int = 1 << 25
    state: SourceState = field(default_factory=SourceState)
    positions: dict[str, Position] = field(default_factory=dict)
    sessions: dict[str, None] = field(default_factory=dict)
    records: int = 0

    def scan(self, now: int = 0, *, complete: bool = True) -> list[Observation]:
        source = SOURCES[self.type](self.path, self.zone, **self.options)
        notices = []
        for found in source.read(list(self.positions.values()), slice_bytes=self.slice_bytes):
            if isinstance(found, SourceNotice):
                notices.append(found)
                continue
            self._take(found, source.numbering)
        self.state.met(notices, now)
        unfinished = frozenset(
            file_id
            for file_id, position in self.positions.items()
            if Path(position.file.path).exists() and Path(position.file.path).stat().st_size > position.offset
        )
        return self.state.conclude(now, ZoneInfo(self.zone), no_holidays, unfinished=unfinished, complete=complete)

    def _take(self, found: Slice, numbering: str) -> None:
        records, opened = name_sessions(found.records, self.sessions)
        for name in [s for s in self.sessions if s.partition("@")[0] in opened]:
            del self.sessions[name]
        self.sessions.update(dict.fromkeys(opened.values()))
        self.state.follow(follow(replace(found, records=records), numbering), ZoneInfo(self.zone))
        self.state = SourceState.unpack(self.state.pack())
        self.positions[found.file.id] = Position(found.file, found.end)
        self.records += records.num_rows


def observe(path: Path, type: str, options: Mapping[str, str] | None = None, slice_bytes: int = 1 << 25) -> list[Observation]:  # noqa: A002
    """What one scan of a log finds wrong with it."""
    return Watcher(str(path), type, options or {}, slice_bytes=slice_bytes).scan()
