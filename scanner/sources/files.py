"""Log files as content: which files a glob means, what each holds once unpacked, and where reading goes on.

A log is known by the hash of its head, not by its name, so a rename, a copy or a compression does not make it new.
Offsets always count *unpacked* bytes; a compressed log goes on where its plain predecessor stopped.
"""

from __future__ import annotations

import glob
import hashlib
import lzma
import os
import stat
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from scanner.model import FileId, Position, SourceNotice
from scanner.sources import storage

HEAD_BYTES = 4096
"""Length of the head that identifies a log, in unpacked bytes."""

_PACKED_READ = 16 * 1024  # packed bytes fed at a time: bounds what one step can unpack to
_SUFFIXES = (".gz", ".xz", ".zst")


class _Unpacker(Protocol):
    """What zlib, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _zstd() -> _Unpacker:
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


_UNPACKERS: dict[bytes, Callable[[], _Unpacker]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
    b"\x28\xb5\x2f\xfd": _zstd,
}
"""First bytes of a packed file (no text log begins so) and what unpacks it. The name is not asked."""


class Stream:
    """The unpacked bytes of one file, read forward.

    A plain file is read up to the size it had when opened, so that a fast writer cannot keep a scan for ever.
    ``finished`` is true once a packed file has been read to its proper end: nothing can follow.
    ``trouble`` says why a packed file could not be read further; what was read before it is good.
    """

    def __init__(self, path: str) -> None:
        self._file, size, self.modified = _opened(path)
        self._left = size or 0
        try:
            if size is None:
                found = os.fstat(self._file.fileno())
                self._left, self.modified = found.st_size, found.st_mtime
            start = self._file.read(6)
            self._file.seek(0)
        except OSError:
            self._file.close()
            raise
        self._new = next((new for magic, new in _UNPACKERS.items() if start.startswith(magic)), None)
        self._unpacker = self._new() if self._new else None
        self._ready = bytearray()
        self._at = 0
        self.finished = False
        self.trouble = ""

    @property
    def packed(self) -> bool:
        return self._new is not None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """The next ``size`` unpacked bytes; fewer only at the end. Raises OSError."""
        if self._unpacker is None:
            data = self._file.read(min(size, self._left))
            self._left -= len(data)
            return data
        while len(self._ready) < size and not self.finished and not self.trouble:
            self._unpack()
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def _unpack(self) -> None:
        assert self._unpacker is not None
        assert self._new is not None
        if self._unpacker.eof:  # one member ended; another may follow (concatenated .gz, multi-frame .zst)
            rest = self._unpacker.unused_data or self._file.read(_PACKED_READ)
            rest = rest.lstrip(b"\0")  # padding that .gz and .xz allow after a member
            if not rest:
                self.finished = not (more := self._file.read(_PACKED_READ))
                rest = more
            if self.finished:
                return
            self._unpacker = self._new()
        else:
            rest = self._file.read(_PACKED_READ)
            if not rest:
                self.trouble = "the packed file ends in the middle"
                return
        try:
            self._ready += self._unpacker.decompress(rest)
        except (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError, MemoryError) as error:
            self.trouble = f"the packed file is damaged ({error})"

    def skip_to(self, offset: int) -> bytes:
        """Move forward to ``offset`` and return the byte before it; empty when the content ends earlier."""
        if offset == 0:
            return b""
        if self._unpacker is None:
            if self._left < offset:
                return b""
            self._file.seek(offset - 1)
            self._left -= offset - 1
            return self.read(1)
        left = offset - 1
        while left:
            part = self.read(min(left, 1 << 20))
            if not part:
                return b""
            left -= len(part)
        return self.read(1)


def _opened(path: str) -> tuple[BinaryIO, int | None, float]:
    """The file; of one in a storage also its size and when it was changed (seconds)."""
    if storage.is_address(path):
        file, there = storage.open_file(path)
        return file, there.size, there.modified / 1e9
    return Path(path).open("rb"), None, 0.0


@dataclass(frozen=True)
class LogFile:
    """One file that the pattern matched, and its head."""

    path: str
    device: int
    inode: int
    size: int  # on disk, packed or not
    modified: int  # nanoseconds
    packed: bool
    head: bytes  # first HEAD_BYTES unpacked bytes


def find(pattern: str) -> tuple[list[LogFile], list[SourceNotice]]:
    """The log files that ``pattern`` (a path or a glob, ``**`` included) means, oldest first, and what is wrong with the others.

    Empty files are left out without a word: a log that was just rotated is empty.
    """
    if storage.is_address(pattern):
        return _stored(pattern)
    notices: list[SourceNotice] = []
    logs: list[LogFile] = []
    is_glob = glob.has_magic(pattern) and not os.path.lexists(pattern)
    paths = sorted(glob.glob(pattern, recursive=True)) if is_glob else [pattern]  # noqa: PTH207 - the pattern may be absolute
    if not paths:
        notices.append(
            SourceNotice(pattern, "no file matches", "check the path of this audit source and who may list its folder")
        )
    for path in paths:
        try:
            found = os.stat(path)  # noqa: PTH116 - follows links; Path adds nothing
            if stat.S_ISDIR(found.st_mode):
                if not is_glob:
                    notices.append(
                        SourceNotice(path, "is a folder", f"name the files in it, for example {path.rstrip('/')}/*.csv*")
                    )
                continue
            if not stat.S_ISREG(found.st_mode):
                notices.append(SourceNotice(path, "is not a regular file", "leave pipes, sockets and devices out of the path"))
                continue
            _look(path, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns), logs, notices)
        except FileNotFoundError:
            if not is_glob:  # inside a glob it was rotated away between listing and opening
                notices.append(SourceNotice(path, "does not exist", "check the path of this audit source"))
        except OSError as error:
            hint = "let the user that runs this program read it (group of the log files)"
            notices.append(SourceNotice(path, f"cannot be read: {error.strerror or error}", hint))
    logs.sort(key=lambda log: (log.modified, log.path))
    return logs, notices


def _look(path: str, told: tuple[int, int, int, int], logs: list[LogFile], notices: list[SourceNotice]) -> None:
    """Add one file to the logs by its head. ``told``: device, inode, size, time of change. Raises OSError."""
    with Stream(path) as stream:
        head = stream.read(HEAD_BYTES)
        if head:
            logs.append(LogFile(path, *told, stream.packed, head))
        elif stream.trouble:
            notices.append(SourceNotice(path, stream.trouble, "restore it, or take it out of the path"))


def _stored(pattern: str) -> tuple[list[LogFile], list[SourceNotice]]:
    """:func:`find` in object storage."""
    notices: list[SourceNotice] = []
    logs: list[LogFile] = []
    try:
        found = storage.find(pattern)
    except FileNotFoundError:
        return [], [SourceNotice(storage.shown(pattern), "does not exist", "check the path of this audit source")]
    except OSError as error:
        hint = getattr(error, "hint", "") or "let the account of this program list and read it"
        return [], [SourceNotice(storage.shown(pattern), f"cannot be read: {error.strerror or error}", hint)]
    for one in found:
        if one.folder:
            if len(found) == 1:
                notices.append(
                    SourceNotice(one.path, "is a folder", f"name the files in it, for example {one.path.rstrip('/')}/*")
                )
            continue
        try:
            _look(one.path, (storage.DEVICE, one.inode, one.size, one.modified), logs, notices)
        except FileNotFoundError:
            continue  # taken away since it was listed
        except OSError as error:
            hint = getattr(error, "hint", "") or "let the account of this program read it"
            notices.append(SourceNotice(one.path, f"cannot be read: {error.strerror or error}", hint))
    if not found:
        notices.append(SourceNotice(storage.shown(pattern), "no file matches", "check the path of this audit source"))
    logs.sort(key=lambda log: (log.modified, log.path))
    return logs, notices


def head_hash(head: bytes) -> str:
    """The identity of content that begins with ``head``: 16 hex digits."""
    return hashlib.sha256(head).hexdigest()[:16]


def generation(file_id: str) -> int:
    """1 for content first seen under its head; 2, 3 … when the same log was later cut or rewritten behind our position."""
    _, _, suffix = file_id.partition("-")
    return int(suffix) if suffix.isdigit() else 1


@dataclass(frozen=True)
class Content:
    """One log's content, wherever it lies: the files that hold it and how far it was read before."""

    file: FileId
    offset: int
    copies: tuple[LogFile, ...]  # plain before packed, longest first
    known: FileId | None = None


def contents(logs: Sequence[LogFile], known: Sequence[Position]) -> list[Content]:
    """Group files by content and look each up among the known positions.

    Copies of one log (a rotation under way, a copy that is shorter) share their head, or one's whole head begins the other's.
    """
    groups: dict[str, list[LogFile]] = {}
    positions: dict[str, Position] = {}
    unknown: list[LogFile] = []
    for log in logs:
        position = _lookup(log, known)
        if position is None:
            unknown.append(log)
        else:
            groups.setdefault(position.file.id, []).append(log)
            positions[position.file.id] = position
    # shortest head first: it identifies all longer copies of the same log as well
    for log in sorted(unknown, key=lambda log: len(log.head)):
        home = next((key for key, members in groups.items() if any(_same(log.head, other.head) for other in members)), None)
        if home is None:
            home = head_hash(log.head)
            file = FileId(home, log.path, len(log.head), log.device, log.inode)
            positions[home] = Position(file, 0)
        groups.setdefault(home, []).append(log)
    order = {log.path: n for n, log in enumerate(logs)}
    result = []
    for key, members in groups.items():
        position = positions[key]
        copies = tuple(sorted(members, key=lambda log: (log.packed, -log.size, order[log.path])))
        was_known = any(p.file.id == key for p in known)
        result.append(Content(position.file, position.offset, copies, position.file if was_known else None))
    result.sort(key=lambda content: min(order[log.path] for log in content.copies))
    return result


def _same(one: bytes, other: bytes) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return longer.startswith(shorter)


def _lookup(log: LogFile, known: Sequence[Position]) -> Position | None:
    hashes: dict[int, str] = {}
    best: Position | None = None
    for position in known:
        file = position.file
        if not 0 < file.head_length <= len(log.head):
            continue
        digest = hashes.setdefault(file.head_length, head_hash(log.head[: file.head_length]))
        if file.id.partition("-")[0] == digest and (best is None or _rank(position) > _rank(best)):
            best = position
    return best


def _rank(position: Position) -> tuple[int, int]:
    return generation(position.file.id), position.file.head_length


def located(file: FileId, log: LogFile, *, complete: bool) -> FileId:
    """``file`` as seen at ``log``.

    For a packed file device and inode are filled in only once it has been read to its end: packed files do not grow, so
    a packed file with a known inode holds nothing new and need not be unpacked again.
    """
    hint = complete or not log.packed
    return replace(file, path=log.path, device=log.device if hint else 0, inode=log.inode if hint else 0)


def is_done(content: Content, log: LogFile) -> bool:
    """True when ``log`` certainly holds nothing that was not read before."""
    known = content.known
    if not log.packed:
        return known is not None and log.size == content.offset
    same_inode = known is not None and (known.device, known.inode) == (log.device, log.inode)
    return known is not None and same_inode and (known.path == log.path or known.path.endswith(_SUFFIXES))


def emptied(content: Content, known: Sequence[Position], present: Sequence[Content]) -> Position | None:
    """The position of an earlier log that lay in the same file (same path and inode) and is nowhere to be found now.

    That is truncation in place. Said once: as soon as the new content has a position it is no longer new.
    """
    if content.known is not None:
        return None
    here = {(log.path, log.device, log.inode) for log in content.copies}
    alive = {other.file.id for other in present}
    for position in known:
        file = position.file
        if position.offset and file.id not in alive and (file.path, file.device, file.inode) in here:
            return position
    return None


def next_generation(file: FileId) -> FileId:
    """A new identity for a log whose head is still the same but whose content behind our position is not."""
    base = file.id.partition("-")[0]
    return replace(file, id=f"{base}-{generation(file.id) + 1}")
