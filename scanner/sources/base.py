"""What every audit source is, and how those that read files go about it."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.model import RECORD_SCHEMA, FileId, Position, Skip, Slice, SourceNotice
from scanner.sources import files, times

SLICE_BYTES = 20 * 1024 * 1024
MAX_RECORD_BYTES = 1 << 30
"""Larger records are skipped; PostgreSQL's longest text is 1 GB."""


class Source(Protocol):
    """An audit source: gives what is new since the known positions, in slices of complete records."""

    type: ClassVar[str]

    def read(self, known: Sequence[Position], *, slice_bytes: int = SLICE_BYTES) -> Iterator[Slice | SourceNotice]:
        """New slices, log by log, each in order; notices about what could not be read.

        ``known`` is every position ever committed for this source. A slice may be empty (``start == end``): it only says
        that its file was found to hold nothing more. Memory is a few times ``slice_bytes``, more only for a longer record.
        """
        ...


@dataclass(frozen=True)
class Parsed:
    """What a format made of some bytes. ``consumed`` bytes are dealt with; the rest is the beginning of a record."""

    records: pa.Table  # RECORD_SCHEMA
    skips: tuple[Skip, ...]
    consumed: int
    mended: int = 0  # records in which bytes that are not UTF-8 were replaced
    foreign_zones: frozenset[str] = frozenset()  # zone abbreviations that the configured zone does not use
    last_lines: pa.Array | None = None  # see Slice.last_lines
    seams: npt.NDArray[np.int64] | None = None  # offsets where reading may go on, if not before every record


class FileSource(ABC):
    """A source that reads log files; a format adds :meth:`parse`. Raises ConfigError for an unknown ``time_zone``."""

    type: ClassVar[str]
    settle_seconds: ClassVar[float] = 0.0  # without end marks: a last record is whole once nothing was written for so long
    record_ends: ClassVar[bytes] = b"\n"  # bytes of which one stands before every place where reading may go on
    numbering: ClassVar[str] = ""
    """What makes a removed record visible: "lines" (each session counts 1, 2, 3 …), "queries" (statements are numbered over all
    connections), "" (nothing)."""
    context_bytes: ClassVar[int] = 0  # whole records before the data that :meth:`parse_after` wants to see, roughly in bytes

    def __init__(self, path: str, time_zone: str = "UTC") -> None:
        times.zone(time_zone)
        self.path = path
        self.time_zone = time_zone

    def probe(self, known: Sequence[Position] = ()) -> SourceNotice | None:
        """Whether it can be read: what stands against it, or None."""
        first = next(iter(self.read(known, slice_bytes=64 * 1024)), None)
        return first if isinstance(first, SourceNotice) and first.fatal else None

    def limits(self) -> tuple[SourceNotice, ...]:
        """What this source, as it is configured, cannot tell."""
        return ()

    @abstractmethod
    def parse(self, data: bytes, base: int, *, at_end: bool, final: bool, longer_than: int) -> Parsed:
        """Cut and read ``data`` at offset ``base``. A pure function of its arguments and the constructor's.

        ``at_end``: no more bytes are there now; ``final``: and none will come. ``longer_than``: the first record is known to
        have more bytes than this.
        """

    def parse_after(
        self,
        before: bytes,  # noqa: ARG002 - for formats that ask for it with ``context_bytes``
        data: bytes,
        base: int,
        *,
        at_end: bool,
        final: bool,
        longer_than: int,
    ) -> Parsed:
        """:meth:`parse` for formats whose records explain later ones: ``before`` are whole lines right before ``data``."""
        return self.parse(data, base, at_end=at_end, final=final, longer_than=longer_than)

    def read(self, known: Sequence[Position], *, slice_bytes: int = SLICE_BYTES) -> Iterator[Slice | SourceNotice]:
        """See :meth:`Source.read`."""
        logs, notices = files.find(self.path)
        yield from notices
        present = files.contents(logs, known)
        for content in present:
            if before := files.emptied(content, known, present):
                yield SourceNotice(
                    content.copies[0].path,
                    "was emptied and written anew; what came after the last scan and before that is not in any file here",
                    "let the path of this audit source match the rotated copies too, and scan before rotation",
                    fatal=False,
                    kind="emptied",
                    file=before.file,
                    offset=before.offset,
                )
            yield from _Reading(self, content, slice_bytes).slices()


class _Reading:
    """Reading one log's content through whichever of its files reach furthest."""

    def __init__(self, source: FileSource, content: files.Content, slice_bytes: int) -> None:
        self.source = source
        self.content = content
        self.slice_bytes = max(slice_bytes, 1)
        self.offset = content.offset
        self.mended = 0
        self.zones: set[str] = set()

    def slices(self) -> Iterator[Slice | SourceNotice]:
        shorter: list[files.LogFile] = []
        reached = False
        for log in self.content.copies:
            if files.is_done(self.content, log):
                reached = True
                continue
            try:
                with files.Stream(log.path) as stream:
                    before = stream.skip_to(self.offset)
                    if self.offset and (not before or before not in self.source.record_ends):
                        shorter.append(log)
                        if stream.trouble:
                            yield self._trouble(log, stream)
                        continue
                    reached = True
                    yield from self._stream(self.content.file, log, stream)
                    if stream.trouble:
                        yield self._trouble(log, stream)
            except OSError as error:
                yield SourceNotice(log.path, f"cannot be read: {error.strerror or error}", "run the scan again once it can be")
        if not reached:
            yield from self._rewritten(shorter)
        yield from self._remarks()

    def _rewritten(self, logs: Sequence[files.LogFile]) -> Iterator[Slice | SourceNotice]:
        """A log that is now shorter than what was read of it, or no record ends any more where one did."""
        file = self.content.file
        for log in logs:
            if self.content.known is None or (log.path != file.path and (log.device, log.inode) != (file.device, file.inode)):
                continue  # merely an older copy of a log that is not here any more
            try:
                with files.Stream(log.path) as stream:
                    yield SourceNotice(
                        log.path,
                        f"was cut or rewritten behind byte {self.content.offset}, up to which it had been read",
                        "find out who did that; the file is read again from its beginning under a new identity",
                        kind="rewritten",
                        file=file,
                        offset=self.content.offset,
                    )
                    self.offset = 0
                    yield from self._stream(files.next_generation(file), log, stream)
            except OSError as error:
                yield SourceNotice(log.path, f"cannot be read: {error.strerror or error}", "run the scan again once it can be")
            return

    def _stream(self, file: FileId, log: files.LogFile, stream: files.Stream) -> Iterator[Slice | SourceNotice]:
        rest = b""
        want = self.slice_bytes
        begun = self.offset
        before = self._before(log)
        tried = 0
        while True:
            chunk = stream.read(max(want - len(rest), 1))
            at_end = len(rest) + len(chunk) < want
            data = rest + chunk if rest else chunk
            final = at_end and stream.finished
            if not data:
                break
            settled = at_end and (final or self._settled(stream))
            parsed = self.source.parse_after(before, data, self.offset, at_end=settled, final=final, longer_than=tried)
            if not parsed.consumed:
                if at_end:
                    break
                if len(data) >= MAX_RECORD_BYTES:
                    skip = Skip(self.offset, len(data), f"a record of more than {MAX_RECORD_BYTES} bytes")
                    parsed = Parsed(RECORD_SCHEMA.empty_table(), (skip,), len(data))
                else:
                    rest, tried, want = data, len(data), 2 * len(data)
                    continue
            if at_end and not final and not self.offset and not parsed.records.num_rows and file.head_length < files.HEAD_BYTES:
                # Too little, and no record in it: that identifies no log. Wait until there is more.
                yield SourceNotice(
                    log.path, f"holds no {self.source.type} record so far", "check the type of this source", fatal=False
                )
                return
            if not at_end:
                parsed = _between_statements(parsed, self.offset)
            self.mended += parsed.mended
            self.zones |= parsed.foreign_zones
            yield self._slice(files.located(file, log, complete=final), memoryview(data)[: parsed.consumed], parsed)
            before = self._whole_lines(before, data[: parsed.consumed])
            rest, tried = data[parsed.consumed :], 0
            want = max(self.slice_bytes, len(rest) + self.slice_bytes // 4)
            if at_end:
                break
        if stream.packed and stream.finished and (self.offset == begun or not final):
            nothing = Parsed(RECORD_SCHEMA.empty_table(), (), 0)
            yield self._slice(files.located(file, log, complete=True), memoryview(b""), nothing)

    def _settled(self, stream: files.Stream) -> bool:
        """Has nobody written to the file for as long as the format asks for? A clock that runs backwards holds up nothing."""
        wait = self.source.settle_seconds
        return not wait or abs(time.time() - stream.modified) >= wait

    def _before(self, log: files.LogFile) -> bytes:
        """Whole lines before the offset, for a source that wants to see them."""
        if not self.source.context_bytes or not self.offset:
            return b""
        start = max(0, self.offset - self.source.context_bytes)
        with files.Stream(log.path) as stream:
            known = stream.skip_to(start)
            data = stream.read(self.offset - start)
        return data if known in (b"", b"\n") else data[data.find(b"\n") + 1 :]

    def _whole_lines(self, before: bytes, data: bytes) -> bytes:
        """``before`` moved on by ``data``."""
        size = self.source.context_bytes
        if not size:
            return b""
        known = before + data if len(data) < size else data[-size - 1 :]
        if len(known) <= size:
            return known
        start = len(known) - size
        return known[start:] if known[start - 1 : start] == b"\n" else known[known.find(b"\n", start) + 1 :]

    def _slice(self, file: FileId, data: memoryview, parsed: Parsed) -> Slice:
        start, self.offset = self.offset, self.offset + len(data)
        return Slice(file, start, self.offset, hashlib.sha256(data).hexdigest(), parsed.records, parsed.skips, parsed.last_lines)

    def _trouble(self, log: files.LogFile, stream: files.Stream) -> SourceNotice:
        alone = len(self.content.copies) == 1
        hint = "if it is still being packed, the next scan reads the rest; otherwise restore it"
        return SourceNotice(log.path, stream.trouble, hint, fatal=alone)

    def _remarks(self) -> Iterator[SourceNotice]:
        path = self.content.copies[0].path
        if self.mended:
            what = "1 record holds" if self.mended == 1 else f"{self.mended} records hold"
            yield SourceNotice(path, f"{what} bytes that are not UTF-8; they are shown as \N{REPLACEMENT CHARACTER}", fatal=False)
        if self.zones:
            names = ", ".join(sorted(self.zones))
            home = self.source.time_zone
            yield SourceNotice(
                path,
                f"its times are in {names}, which {home} does not use; they were read as {home}",
                "set time_zone of this audit source to the server's log_timezone",
                fatal=False,
            )


_TAIL = 64


def _between_statements(parsed: Parsed, base: int) -> Parsed:
    """``parsed`` without its last records, so that no statement's audit lines fall into two slices.

    Lines of one statement stand close together, if not always one after the other: the cut is the last place among the last
    records over which no statement reaches, as far as the ``_TAIL`` records behind it can tell. What is left out is read
    again with the next slice.
    """
    size = parsed.records.num_rows
    behind = min(_TAIL, size // 4)
    first = max(1, size - 4 * behind)
    tail = parsed.records.slice(first).select(["session", "statement_id"]).to_pylist()
    last_of = {(row["session"], row["statement_id"]): n for n, row in enumerate(tail) if row["statement_id"] is not None}
    reach, place = 0, 0
    for n, row in enumerate(tail[: len(tail) - behind + 1]):
        if n > reach:
            place = n
        reach = max(reach, last_of.get((row["session"], row["statement_id"]), 0))
    if not place:
        return parsed
    kept = first + place
    offsets = parsed.records["offset"].to_numpy()
    end = int(offsets[kept])
    if parsed.seams is not None:
        seams = parsed.seams[: np.searchsorted(parsed.seams, end, "right")]
        if not len(seams) or seams[-1] <= base:
            return parsed
        end = int(seams[-1])
        kept = int(np.searchsorted(offsets, end))
    skips = tuple(skip for skip in parsed.skips if skip.offset < end)
    return replace(parsed, records=parsed.records.slice(0, kept), skips=skips, consumed=end - base)
