"""Whether log files still hold what was read of them, and whether one is gone that ought to be there.

Every batch of the ledger has the SHA-256 of the bytes it came from. A file that has not changed since it was last looked at
(size, modification and change time) is left alone, so a scan with nothing new reads nothing. Of a file that has changed, the
batch read last is hashed again at once and the others in turn, within a budget a scan: a log that grows all day is gone
through again and again. :func:`verify` goes through all of them.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from scanner.continuity.observation import Observation, Sign
from scanner.model import Position

BUDGET_BYTES = 64 * 1024 * 1024
"""What is hashed again in a scan, beside the last batch of each changed file: a tenth of a second or two."""

_STEP = 1 << 20
_SIBLINGS = 500
_MOST_MARKS = 5_000


@dataclass(frozen=True)
class Batch:
    """Bytes ``[start, end)`` of a log as they were when they were read."""

    id: int
    start: int
    end: int
    sha256: str
    read_at: str


class Logs(Protocol):
    """What is known of the logs of a source, and how their unpacked bytes are read."""

    def positions(self) -> Sequence[Position]:
        """Every log ever read, and how far."""
        ...

    def batches(self, file_id: str) -> Sequence[Batch]:
        """What was read of a log, in order."""
        ...

    def first_batches(self) -> dict[str, tuple[int, int]]:
        """Of each log, the ids of the first and the last batch read of it."""
        ...

    def holds(self, path: str, position: Position) -> bool:
        """Whether that log lies at ``path``. Raises OSError."""
        ...

    def chunks(self, path: str, start: int, end: int) -> Iterator[bytes]:
        """Its unpacked bytes, in order; fewer when it ends earlier. Raises OSError."""
        ...


@dataclass
class Mark:
    """How a file looked when it was last found in order."""

    path: str
    stamp: list[int]  # device, inode, size, modified, changed
    cursor: int = 0  # the batches that begin before this were hashed again since the stamp changed
    clean: bool = False  # all of them were, and the stamp is still the same


@dataclass
class Files:
    """All log files of a source."""

    marks: dict[str, Mark] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)  # logs known to be gone, told or not
    newest: str = ""  # the log that was read last, when this was last looked at

    def check(self, logs: Logs, now: int, *, left: int = BUDGET_BYTES) -> list[Observation]:
        """Look at every log that was read. ``left``: bytes that may be hashed again, beside the last batch of each log."""
        found: list[Observation] = []
        missing: list[Position] = []
        present: dict[str, str] = {}
        gone = set(self.gone)
        for position in logs.positions():
            file = position.file
            if not position.offset or file.id in gone:
                continue
            try:
                mark = self._mark(logs, position)
                if mark is None:
                    missing.append(position)
                    continue
                present[file.id] = mark.path
                if not mark.clean:
                    changed, left = _rehash(logs, position, mark, left)
                    found += changed
            except OSError:
                continue  # cannot be read: the reading itself says so
        if missing:
            found += self._missing(logs, missing, present, now)
        if not self.newest or self.newest not in present or len(present) > 1:
            spans = logs.first_batches()
            self.newest = max(present, key=lambda file_id: spans.get(file_id, (0, 0))[1], default=self.newest)
        for old in list(self.marks)[: max(0, len(self.marks) - _MOST_MARKS)]:
            del self.marks[old]
        return found

    def _mark(self, logs: Logs, position: Position) -> Mark | None:
        """Where that log lies and how it looks now; None when it is nowhere. Raises OSError when it cannot be read."""
        mark = self.marks.get(position.file.id)
        for path in dict.fromkeys([position.file.path, *([mark.path] if mark else [])]):
            try:
                stamp = _stamp(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if mark is not None and mark.path == path and mark.stamp == stamp:
                return mark
            if logs.holds(path, position):
                return self._remember(position, path, stamp)
        path = moved(logs, position) or ""
        return self._remember(position, path, _stamp(path)) if path else None

    def _remember(self, position: Position, path: str, stamp: list[int]) -> Mark:
        known = self.marks.get(position.file.id)
        self.marks[position.file.id] = mark = Mark(path, stamp, known.cursor if known else 0)
        return mark

    def _missing(self, logs: Logs, missing: Sequence[Position], present: dict[str, str], now: int) -> list[Observation]:
        spans = logs.first_batches()
        living = {position.file.id.partition("-")[0] for position in logs.positions() if position.file.id in present}
        found = []
        for position in missing:
            file = position.file
            first = spans.get(file.id, (0, 0))[0]
            older = [path for other, path in present.items() if spans.get(other, (first, 0))[0] < first]
            family = [path for path in older if _family(path) == _family(file.path)]
            self.marks.pop(file.id, None)
            if file.id.partition("-")[0] in living:
                continue  # there is a later generation of the same log
            self.gone.append(file.id)
            if file.id == self.newest:
                what = f"{file.path}, read up to byte {position.offset}, is gone and no copy of it is there"
            elif family and not Path(file.path).exists():
                what = f"{file.path} is gone, while {family[0]}, which is older, is still there"
            else:
                continue  # the oldest one: that is how rotation ends
            facts = {"read_up_to": position.offset, "older": family[:1]}
            found.append(Observation(Sign.VANISHED, what, now, (file.id,), path=file.path, file_id=file.id, facts=facts))
        del self.gone[:-_MOST_MARKS]
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "marks": {name: [*vars(mark).values()] for name, mark in self.marks.items()},
            "gone": self.gone,
            "newest": self.newest,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Files:
        return cls({name: Mark(*values) for name, values in data["marks"].items()}, data["gone"], data["newest"])


def verify(logs: Logs) -> Iterator[tuple[Position, int, list[Observation]]]:
    """Hash everything again that was read of the logs still there, packed ones too.

    Gives (log, bytes hashed, what is not as it was).
    """
    for position in logs.positions():
        try:
            if not position.offset or not logs.holds(position.file.path, position):
                continue
            batches = logs.batches(position.file.id)
            path = position.file.path
            changed = [one for batch in batches if (one := _changed(logs, path, position.file.id, batch)) is not None]
            yield position, sum(batch.end - batch.start for batch in batches), changed
        except OSError:
            continue


def moved(logs: Logs, position: Position) -> str | None:
    """Where else that log lies: in its folder or one below, under any name, packed or not."""
    folder = Path(position.file.path).parent
    begins = _stem(position.file.path)
    seen = 0
    for path in _beside(folder):
        if not path.name.startswith(begins):
            continue
        seen += 1
        if seen > _SIBLINGS:
            break
        try:
            if logs.holds(str(path), position):
                return str(path)
        except OSError:
            continue
    return None


def _beside(folder: Path) -> Iterable[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            mode = entry.stat().st_mode
            if stat.S_ISREG(mode):
                yield entry
            elif stat.S_ISDIR(mode):
                yield from (inner for inner in sorted(entry.iterdir()) if inner.is_file())
        except OSError:
            continue


def _rehash(logs: Logs, position: Position, mark: Mark, left: int) -> tuple[list[Observation], int]:
    """The last batch, and as many others as may be: what is not as it was, and what is left of the budget."""
    if mark.path.endswith((".gz", ".xz", ".zst")):
        mark.clean = True  # nobody edits these in place, and unpacking them each time is dear: doctor does
        return [], left
    batches = logs.batches(position.file.id)
    if not batches:
        mark.clean = True
        return [], left
    found = []
    last = batches[-1]
    one = _changed(logs, mark.path, position.file.id, last)
    found += [one] if one else []
    for batch in batches[:-1]:
        if batch.start < mark.cursor:
            continue
        if left <= 0:
            return found, left
        left -= batch.end - batch.start
        one = _changed(logs, mark.path, position.file.id, batch)
        found += [one] if one else []
        mark.cursor = batch.end
    # gone through to the end; a file that changes again is begun anew
    mark.cursor = 0
    mark.clean = _stamp(mark.path) == mark.stamp
    return found, left


def _changed(logs: Logs, path: str, file_id: str, batch: Batch) -> Observation | None:
    digest = hashlib.sha256()
    size = 0
    for data in logs.chunks(path, batch.start, batch.end):
        digest.update(data)
        size += len(data)
    if digest.hexdigest() == batch.sha256:
        return None
    if size < batch.end - batch.start:
        what = f"{path} ends at byte {batch.start + size}; bytes up to {batch.end} were read at {batch.read_at[:19]}Z"
    else:
        what = f"bytes {batch.start} to {batch.end} of {path} are not what they were when they were read at {batch.read_at[:19]}Z"
    facts = {"start": batch.start, "end": batch.end, "was": batch.sha256, "is": digest.hexdigest()}
    return Observation(Sign.REWRITTEN, what, -1, (file_id, "edited", batch.start), path=path, file_id=file_id, facts=facts)


def _stamp(path: str) -> list[int]:
    found = os.stat(path)  # noqa: PTH116 - follows links; Path adds nothing
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _family(path: str) -> str:
    """The path with its numbers taken out: files that one rotation names."""
    return re.sub(r"\d+", "#", re.sub(r"\.(gz|xz|zst)\Z", "", path))


def _stem(path: str) -> str:
    """What the names of all copies of a log begin with."""
    name = Path(path).name
    return re.split(r"[.\d]", name, maxsplit=1)[0]
