"""Runs of one parser over damaged logs: in memory, and now and then as a scan of a file."""

from __future__ import annotations

import gzip
import lzma
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import zstandard

from scanner.sources import SOURCES
from scanner.sources.base import FileSource, Parsed
from tests.conformance.formats import Format, Scans
from tests.fuzz import check
from tests.fuzz.mutate import GUARDS, Buffer, buffers, corpus

SECONDS = 20
"""A buffer that takes longer hangs: of the processor's time, for the machine may have other things to do."""
FILES = 0.02  # of the buffers are scanned as files
TRIES = 40  # smaller buffers tried to show a failure
PACKERS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("", bytes),
    (".gz", gzip.compress),
    (".xz", lzma.compress),
    (".zst", zstandard.ZstdCompressor().compress),
)


class Hang(Exception):  # noqa: N818 - it says what happened
    """A parser did not come back."""


@dataclass(frozen=True)
class Failure:
    """Input that a parser did not survive, or got wrong."""

    what: str
    data: bytes


@dataclass
class Outcome:
    """What came of a run."""

    inputs: int = 0
    buffers: int = 0
    files: int = 0  # of the buffers
    sound: int = 0  # records between the damaged ones
    lost: int = 0  # of them, to the damage beside them
    slowest: float = 0.0  # seconds of a buffer
    failures: list[Failure] = field(default_factory=list)


@contextmanager
def watched() -> Iterator[None]:
    """Raises Hang in code that runs for too long."""

    def ring(_: int, __: FrameType | None) -> None:
        raise Hang

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, SECONDS), (signal.ITIMER_REAL, signal.SIGALRM, 30 * SECONDS))
    before = [signal.signal(number, ring) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


@dataclass(frozen=True)
class Subject:
    """One parser under test."""

    form: Format
    source: FileSource
    known: list[check.Guard]

    @staticmethod
    def of(form: Format) -> Subject:
        source = SOURCES[form.type]("fuzz", form.zone, **form.options)
        return Subject(form, source, check.guards(form, source, GUARDS))

    def problem(self, buffer: Buffer, chance: random.Random) -> tuple[str, int]:
        """What is wrong with what the parser makes of a buffer, and how many sound records it lost."""
        try:
            with watched():
                reading, _ = check.feed(self.source, buffer.data, chance)
                wrong = check.untiled(reading, buffer.data, self.form.between)
                harm, lost = check.harmed(reading, buffer.parts, buffer.guard, self.known)
                return wrong or harm, lost
        except Exception as error:  # noqa: BLE001 - any at all is a failure to report
            return f"{type(error).__name__}: {error}", 0

    def file_problem(self, buffer: Buffer, chance: random.Random) -> str:
        """The same for scans of a file, growing, packed or packed and damaged."""
        suffix, pack = chance.choice(PACKERS)
        data = buffer.data
        packed = pack(data)
        torn = bool(suffix) and chance.random() < 0.4
        if torn:
            at = chance.randrange(len(packed))
            packed = packed[:at] + chance.choice((b"", b"\0" * 9, chance.randbytes(3) + packed[at + 3 :]))
        try:
            with watched(), tempfile.TemporaryDirectory() as folder:
                log = Path(folder) / f"a.log{suffix}"
                scans = Scans(self.form, log, chance.choice((len(data) // 3 + 1, 1 << 20)))
                if not suffix:
                    log.write_bytes(packed[: chance.randint(1, len(packed))])
                    scans.scan(quiet=False)
                log.write_bytes(packed)
                scans.scan()
                size = scans.ledger.slices[-1].end if scans.ledger.slices else 0
                if [piece for piece in scans.scan() if piece.end > piece.start]:
                    return "a second scan found more"
                return self._slices_are_wrong(scans, data, torn=torn, whole=bool(suffix) and not torn, size=size)
        except Exception as error:  # noqa: BLE001 - any at all is a failure to report
            return f"{type(error).__name__}: {error} (file {suffix})"

    def _slices_are_wrong(self, scans: Scans, data: bytes, *, torn: bool, whole: bool, size: int) -> str:
        if size > len(data) and not torn:
            return f"{size} bytes of {len(data)}"
        if not size and any("log_line_prefix" in notice for notice in scans.notices):
            return ""  # no line of it fits: it is not read at all, and that is said
        if whole and size != len(data):
            return f"{size} bytes of {len(data)} in a packed log"
        reading = check.Reading()
        for piece in scans.ledger.slices:
            parsed = Parsed(piece.records, piece.skips, piece.end - piece.start)
            problem = check.answer_is_wrong(parsed, piece.end - piece.start, final=True)
            if problem:
                return problem
            reading.add(parsed, 0)
        return "" if torn else check.untiled(reading, data, self.form.between)

    def smaller(self, buffer: Buffer, seed: str) -> tuple[Buffer, str]:
        """A part of a buffer that still fails, if there is any, and how."""
        best, what = buffer, self.problem(buffer, random.Random(seed))[0]
        step = len(best.parts) // 2
        for _ in range(TRIES):
            if not step:
                break
            for at in range(0, len(best.parts), step):
                rest = Buffer([*best.parts[:at], *best.parts[at + step :]], [*best.guard[:at], *best.guard[at + step :]])
                problem = self.problem(rest, random.Random(seed))[0] if rest.parts else ""
                if problem:
                    best, what = rest, problem
                    break
            else:
                step //= 2
            step = min(step, len(best.parts) // 2)
        return best, what


def run(form: Format, count: int, seed: int) -> tuple[Outcome, float]:
    """``count`` inputs for one parser: what came of them, and the seconds it took."""
    begun = time.monotonic()
    subject = Subject.of(form)
    chance = random.Random(f"{form} {seed}")
    outcome = Outcome()
    for number, buffer in enumerate(buffers(chance, corpus(form), [guard.data for guard in subject.known], count)):
        key = f"{form} {seed} {number}"
        started = time.monotonic()
        as_file = chance.random() < FILES
        if as_file:
            problem, lost = subject.file_problem(buffer, random.Random(key)), 0
        else:
            problem, lost = subject.problem(buffer, random.Random(key))
        outcome.slowest = max(outcome.slowest, time.monotonic() - started)
        outcome.inputs += buffer.inputs
        outcome.buffers += 1
        outcome.files += as_file
        if not as_file:
            outcome.sound += sum(len(subject.known[n].rows) for n in buffer.guard if n >= 0)
            outcome.lost += lost
        if problem:
            small, what = (buffer, problem) if as_file else subject.smaller(buffer, key)
            outcome.failures.append(Failure(what or problem, small.data))
    return outcome, time.monotonic() - begun
