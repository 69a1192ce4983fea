"""The first half of the way: log → records → acts → shapes. It needs nothing but the log and what was read before.

For a large log it runs in a process of its own beside the second half (lineage, exposure, contracts, habits, store), so that two
cores work at once; for a small one in the same process. Both ways give the same: the process only carries :class:`Task` in
and :class:`Piece` out, one piece ahead.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.continuity import Trail, follow
from scanner.engine import keep_memory, without_pandas
from scanner.errors import ScannerError, SourceError
from scanner.events import LAST_SCHEMA, to_acts
from scanner.model import FileId, Position, Skip, Slice, SourceNotice
from scanner.sources import SOURCES, files
from scanner.sources.connections import name_sessions
from scanner.sources.raw import read_ranges

if TYPE_CHECKING:
    from scanner.lineage import ShapeMemory, Shapes

OWN_PROCESS_BYTES = 64 * 1024 * 1024
"""New log of at least this size is worth starting a second process for (about a second of its time)."""


@dataclass(frozen=True)
class Task:
    """What to read. Pickles."""

    type: str  # audit source type
    path: str
    time_zone: str
    known: tuple[Position, ...]
    slice_bytes: int
    last: pa.Table  # LAST_SCHEMA: last audit lines of open sessions before this
    until: datetime | None = None
    dialect: str = "postgresql"  # the engine whose SQL it is
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # beside path and time zone; a secret may be in it


@dataclass(frozen=True)
class Piece:
    """One slice, read: its place in the log, its acts and their shapes, and the sessions' last audit lines."""

    file: FileId
    start: int
    end: int
    sha256: str
    skips: tuple[Skip, ...]
    records: int
    acts: pa.Table  # ACT_SCHEMA and ``shape``
    shapes: pa.Table  # a row for each: see scanner.lineage.Shapes
    last: pa.Table  # LAST_SCHEMA, after this piece
    trail: Trail | None = None  # what the slice says about the completeness of the log


def pieces(task: Task, *, own_process: bool | None = None) -> Iterator[Piece | SourceNotice]:
    """Pieces of everything new, in order. ``own_process`` (default: when there is much) begins at once, beside the caller."""
    return _from_process(task) if (is_much(task) if own_process is None else own_process) else read(task)


def is_much(task: Task) -> bool:
    """Whether there is enough new log for a process of its own."""
    return _new_bytes(task) >= OWN_PROCESS_BYTES


def read(task: Task) -> Iterator[Piece | SourceNotice]:
    """Pieces of everything new, made here."""
    source = SOURCES[task.type](task.path, task.time_zone, **dict(task.options))
    last = {row["session"]: (row["statement_id"], row["substatement_id"]) for row in task.last.to_pylist()}
    memory: ShapeMemory | None = None
    for found in source.read(task.known, slice_bytes=task.slice_bytes):
        if isinstance(found, SourceNotice):
            yield found
            continue
        piece, reached = _until(found, task.until)
        records, opened = name_sessions(piece.records.combine_chunks(), last)
        acts, seen = to_acts(records, _last_table(last))
        last.update({row["session"]: (row["statement_id"], row["substatement_id"]) for row in seen.to_pylist()})
        _replace_sessions(last, opened)
        for session in pc.unique(acts["session"].filter(pc.equal(acts["kind"], "disconnect"))).to_pylist():
            last.pop(session, None)
        shapes, memory = _shapes(acts, task.dialect, memory)
        yield Piece(
            piece.file,
            piece.start,
            piece.end,
            piece.sha256,
            piece.skips,
            piece.records.num_rows,
            acts.append_column("shape", shapes.keys),
            shapes.table,
            _last_table(last),
            follow(replace(piece, records=records), getattr(source, "numbering", "")),
        )
        if reached:
            return


def _shapes(acts: pa.Table, dialect: str, memory: ShapeMemory | None) -> tuple[Shapes, ShapeMemory]:
    """Shapes of the acts' statements; with ``memory`` texts met in an earlier slice are not looked at again."""
    from scanner import lineage  # its parsers take a moment to load: only when there is something to parse

    memory = memory or lineage.ShapeMemory()
    columns = (acts["statement"], acts["logged"], acts["command"])
    return lineage.assign_shapes(*columns, memory, dialect=dialect, databases=acts["dbname"]), memory


def _replace_sessions(last: dict[str, tuple[int, int]], opened: dict[str, str]) -> None:
    """Connection ids that were taken into use anew: their earlier sessions are over."""
    if opened:
        current = set(opened.values())
        for session in [s for s in last if s not in current and s.partition("@")[0] in opened]:
            del last[session]
        for session in current:
            last.setdefault(session, (-1, -1))


def _last_table(last: dict[str, tuple[int, int]]) -> pa.Table:
    columns = [list(last), [s for s, _ in last.values()], [s for _, s in last.values()]]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, LAST_SCHEMA, strict=True)], schema=LAST_SCHEMA)


def _until(piece: Slice, until: datetime | None) -> tuple[Slice, bool]:
    """The part of a slice before ``until``, and whether that time was reached."""
    if until is None or piece.records.num_rows == 0:
        return piece, False
    late = pc.index(pc.greater_equal(piece.records["time"], pa.scalar(until.astimezone(UTC))), True).as_py()
    if late < 0:
        return piece, False
    end = piece.records["offset"][late].as_py()
    skips = tuple(skip for skip in piece.skips if skip.offset < end)
    digest = _sha256(piece.file.path, piece.start, end) if end > piece.start else ""
    return Slice(piece.file, piece.start, end, digest, piece.records.slice(0, late), skips, piece.last_lines), True


def _sha256(path: str, start: int, end: int) -> str:
    import hashlib

    return "".join(hashlib.sha256(data).hexdigest() for _, data in read_ranges(path, [(start, end - start)]))


# -- another process ------------------------------------------------------------------------------------------------


def _new_bytes(task: Task) -> int:
    """Roughly how much there is to read: sizes of the files, less what is known of them. Packed logs count tenfold."""
    done = {(p.file.device, p.file.inode): p.offset for p in task.known}
    total = 0
    for log in files.find(task.path)[0]:
        total += max(0, log.size * (10 if log.packed else 1) - done.get((log.device, log.inode), 0))
    return total


def _from_process(task: Task) -> Iterator[Piece | SourceNotice]:
    keep_memory()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "scanner.front"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert process.stdin is not None
    _send(process.stdin, task)
    return _relayed(process, task)


def _relayed(process: subprocess.Popen[bytes], task: Task) -> Iterator[Piece | SourceNotice]:
    assert process.stdin is not None
    assert process.stdout is not None
    ended = False
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="front") as ahead:
            waiting = ahead.submit(_receive, process.stdout)
            while (message := waiting.result()) is not None:
                waiting = ahead.submit(_receive, process.stdout)
                if isinstance(message, ScannerError):
                    raise message
                yield message
        ended = True
        if process.wait() != 0:
            raise SourceError(
                f"the process that read {task.path} ended with code {process.returncode}",
                "what was read before is stored; run the scan again",
            )
    finally:
        if not ended:
            process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def _send(pipe: IO[bytes], message: object) -> None:
    """A pickle, and after it the columns' buffers as they are: nothing is copied that need not be."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(data), *(buffer.raw() for buffer in buffers)]
    pipe.write(len(parts).to_bytes(8, "little"))
    for part in parts:
        pipe.write(part.nbytes.to_bytes(8, "little"))
    for part in parts:
        pipe.write(part)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    """The next message; None at the end, or when the other process ended in the middle of one.

    Both ends of the pipe are this program, started by itself.
    """
    try:
        count = int.from_bytes(_filled(pipe, 8), "little")
        sizes = np.frombuffer(_filled(pipe, 8 * count), np.uint64).tolist()
        data, *buffers = (_filled(pipe, size) for size in sizes)
    except EOFError:
        return None
    return pickle.loads(data, buffers=buffers)  # noqa: S301 - written by ourselves


def _filled(pipe: IO[bytes], size: int) -> pa.Buffer:
    buffer = pa.allocate_buffer(size)
    left = memoryview(buffer)
    while len(left):
        count = pipe.readinto(left)  # type: ignore[attr-defined]  # what is buffered has it
        if not count:
            raise EOFError
        left = left[count:]
    return buffer


def main() -> None:
    """The child: a task on stdin, pieces on stdout, until done or until nobody reads them any more."""
    without_pandas()
    keep_memory()
    task: Task = _receive(sys.stdin.buffer)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else may write into the stream
    try:
        for message in read(task):
            _send(out, message)
        out.close()
    except ScannerError as error:
        _send(out, error)
    except BrokenPipeError:
        os._exit(0)  # the parent was killed: what it committed stands, the next scan goes on from there


if __name__ == "__main__":
    # so that what is pickled here has the name by which the parent knows it
    from scanner import front

    front.main()
