"""Logs damaged at random, and what must hold of whatever a parser makes of them.

The beginning is real: recorded logs and records with hostile texts. Each input is a few of their lines with some mutations:
bytes changed, taken out, put in or doubled, pieces of other formats, marks of the grammar at the wrong place.
"""

from __future__ import annotations

import lzma
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from scanner.model import RECORD_SCHEMA
from scanner.sources import SOURCES
from scanner.sources.base import Parsed
from tests.conformance.formats import FORMATS, Format
from tests.conformance.test_texts import TEXTS
from tests.sources.csvlog import DATA

MARKS = [
    b'"', b'""', b"'", b"\\", b"\n", b"\r\n", b"\n\t", b"\t", b",", b'","', b"\0", b"\0" * 40, b"{", b"}", b'"}\n',
    b'{"timestamp":"',
    b"[" * 200, b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\xc3", "한".encode(), b"9" * 30, b"-1", b"LOG:  ",
    b"STATEMENT:  ", b"AUDIT: SESSION,1,1,READ,SELECT,,,", b"<none>", b"2026-11-22 16:45:05.795 KST",
    b"2026-02-30 25:61:61.999 X",
    b"20261122 07:45:06,", b",QUERY,", b"',0\n", b"null", b"1e999", b"A" * 5000,
]  # fmt: skip
SECONDS = 20
"""One input that takes longer hangs."""


class Hang(Exception):  # noqa: N818 - it says what happened
    """A parser did not come back."""


@dataclass(frozen=True)
class Failure:
    """An input that a parser did not survive, or got wrong."""

    what: str
    data: bytes


def corpus(form: Format) -> list[bytes]:
    """Whole lines and records to begin with."""
    found = [form.render(text, n) for n, text in enumerate(["select 1", *TEXTS.values()], 1)]
    suffix = {"postgres_csvlog": "csv", "postgres_jsonlog": "jsonlog", "postgres_stderr": "stderr.log"}.get(form.type)
    if suffix:
        recorded = lzma.decompress((DATA / f"pg15-pgaudit1.7.0.{suffix}.xz").read_bytes())
        found += recorded.splitlines(keepends=True)[::7]
    return found


def mutated(random: random.Random, lines: list[bytes], strange: list[bytes]) -> bytes:
    """One input."""
    data = bytearray(b"".join(random.choices(lines, k=random.randint(1, 8))))
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 8))):
        at = random.randint(0, len(data))
        length = random.choice((1, 1, 2, 8, 64, 1000))
        match random.randrange(8):
            case 0:
                data[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = random.choice(MARKS)
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                data[at : at + length] = random.choice(MARKS)
            case 5:
                data[at:at] = random.choice(strange)
            case 6:
                data[at:at] = random.randbytes(length)
            case 7:
                del data[at:]
    return bytes(data)


def wrong(parsed: Parsed, data: bytes, *, final: bool, between: bytes = b"") -> str:
    """What is not as it must be; empty when all is well. Records and skips tile what was consumed, without an overlap or a gap
    but for bytes that may stand ``between`` records."""
    if not parsed.records.schema.equals(RECORD_SCHEMA):
        return "other columns"
    parsed.records.validate(full=True)
    if parsed.consumed > len(data) or (final and parsed.consumed != len(data)):
        return f"consumed {parsed.consumed} of {len(data)}"
    spans = list(zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True))
    at = 0
    for offset, length in sorted(spans + [(skip.offset, skip.length) for skip in parsed.skips]):
        if offset < at or length <= 0 or (offset > at and (not between or data[at:offset].strip(between))):
            return f"a gap or an overlap at {at}"
        at = offset + length
    if at > parsed.consumed or (at < parsed.consumed and (not between or data[at : parsed.consumed].strip(between))):
        return f"ends at {at}, consumed {parsed.consumed}"
    if any(kind is None for kind in parsed.records["kind"].to_pylist()):
        return "a record without a kind"
    return ""


@contextmanager
def watched() -> Iterator[None]:
    """Raises Hang in code that runs for too long."""

    def ring(_: int, __: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attempts(form: Format, count: int, seed: int) -> Iterator[Failure | None]:
    """``count`` inputs for one parser; a failure for each that went wrong, else None."""
    chance = random.Random(f"{form} {seed}")
    lines = corpus(form)
    strange = [other.render("select 'strange'", 1) for other in FORMATS]
    source = SOURCES[form.type]("fuzz", form.zone, **form.options)
    for _ in range(count):
        data = mutated(chance, lines, strange)
        final = chance.random() < 0.5
        try:
            with watched():
                parsed = source.parse(data, 0, at_end=final or chance.random() < 0.7, final=final, longer_than=0)
            problem = wrong(parsed, data, final=final, between=form.between + b"}" if form.between else b"")
        except Exception as error:  # noqa: BLE001 - any at all is a failure to report
            problem = f"{type(error).__name__}: {error}"
        yield Failure(problem, data) if problem else None


def run(form: Format, count: int, seed: int) -> tuple[list[Failure], float]:
    """All failures, and the seconds it took."""
    begun = time.monotonic()
    failures = [failure for failure in attempts(form, count, seed) if failure]
    return failures, time.monotonic() - begun
