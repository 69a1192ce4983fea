"""Logs damaged at random.

The beginning is real: recorded logs and records with hostile texts. An input is one of their records with some mutations: bytes
changed, taken out, put in or doubled, pieces of other formats, marks of the grammar at the wrong place. Inputs lie together in
buffers of one to some hundred, with sound records between them, as damage lies in a log.
"""

from __future__ import annotations

import lzma
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.conformance.formats import FORMATS, Format
from tests.conformance.test_texts import TEXTS
from tests.sources.csvlog import DATA

MARKS = [
    b'"', b'""', b"'", b"\\", b"\n", b"\r\n", b"\n\t", b"\t", b",", b'","', b"\0", b"\0" * 40, b"{", b"}", b'"}\n',
    b'{"timestamp":"',
    b"[" * 200, b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\xc3", "한".encode(), b"9" * 30, b"-1", b"LOG:  ",
    b"STATEMENT:  ", b"AUDIT: SESSION,1,1,READ,SELECT,,,", b"<none>", b"2026-11-22 16:45:05.795 KST",
    b"2026-02-30 25:61:61.999 X",
    b"20261122 07:45:06,", b",QUERY,", b"',0\n", b"null", b"1e999", b"A" * 5000, b"[[[", b"]},", b'"databaseActivityEventList":[',
    b"\n# User@Host: ", b"\nSET timestamp=",
]  # fmt: skip
GUARDS = 60  # sound records that stand between damaged ones


def corpus(form: Format) -> list[bytes]:
    """Whole lines and records to begin with."""
    found = [form.render(text, n) for n, text in enumerate(["select 1", *TEXTS.values()], 1)]
    suffix = {"postgres_csvlog": "csv", "postgres_jsonlog": "jsonlog", "postgres_stderr": "stderr.log"}.get(str(form))
    if suffix:
        recorded = lzma.decompress((DATA / f"pg15-pgaudit1.7.0.{suffix}.xz").read_bytes())
        found += recorded.splitlines(keepends=True)[::7]
    if form.type == "mariadb_server_audit":
        found += lzma.decompress((DATA / "mariadb-10.11.19-server_audit.log.xz").read_bytes()).splitlines(keepends=True)[::3]
    return found


def strange() -> list[bytes]:
    """Records of every format, to be put where they do not belong."""
    return [other.render("select 'strange'", 1) for other in FORMATS]


def mutated(chance: random.Random, lines: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """One input: a record, damaged in one place or several; often it keeps its line end."""
    data = bytearray(chance.choice(lines))
    for _ in range(chance.choice((1, 1, 1, 1, 2, 3, 8))):
        at = chance.randint(0, len(data))
        length = chance.choice((1, 1, 2, 8, 64, 1000))
        match chance.randrange(9):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = chance.choice(MARKS)
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                data[at : at + length] = chance.choice(MARKS)
            case 5:
                data[at:at] = chance.choice(others)
            case 6:
                data[at:at] = chance.randbytes(length)
            case 7:
                del data[at:]
            case 8:
                del data[:at]
    if chance.random() < 0.5 and data[-1:] != b"\n":
        data += b"\n"
    return bytes(data)


@dataclass(frozen=True)
class Buffer:
    """Damaged and sound records, one after the other."""

    parts: Sequence[bytes]
    guard: Sequence[int]  # which sound record each part is; -1: a damaged one

    @property
    def data(self) -> bytes:
        return b"".join(self.parts)

    @property
    def inputs(self) -> int:
        return sum(number < 0 for number in self.guard)


def buffers(chance: random.Random, lines: Sequence[bytes], guards: Sequence[bytes], count: int) -> Iterator[Buffer]:
    """Buffers with ``count`` inputs together."""
    others = strange()
    while count > 0:
        size = min(count, chance.choice((1, 2, 5, 200, 250, 300, 350)))
        parts: list[bytes] = []
        numbers: list[int] = []
        for _ in range(size):
            parts.append(mutated(chance, lines, others))
            numbers.append(-1)
            for _ in range(chance.choice((0, 0, 1, 2))):
                number = chance.randrange(len(guards))
                parts.append(guards[number])
                numbers.append(number)
        if chance.random() < 0.5:  # a log begins with something sound more often than not
            parts.insert(0, guards[0])
            numbers.insert(0, 0)
        count -= size
        yield Buffer(parts, numbers)
