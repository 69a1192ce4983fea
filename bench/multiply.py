"""Make a csvlog of any length from a recorded one.

The seed is repeated; each copy is one hour: its times are stretched to an hour and moved on by an hour a copy, its sessions get
new ids (start time and process id), and every number of four or more digits in its statements becomes another of the same
length. So sessions are complete and counted from 1, times rise, shapes stay what they were, and most statement texts differ.

    python bench/multiply.py SEED.csv RECORDS TARGET.csv      prints records, statements, bytes as JSON
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

HOUR = 3_600_000  # ms
FIRST = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1000  # where the made log begins, ms since 1970

# The fields of PostgreSQL's csvlog up to the message; time zone UTC, as the recorder sets it.
HEAD = re.compile(
    r'(?P<time>[^,]+),(?P<who>(?:"(?:[^"]|"")*")?,(?:"(?:[^"]|"")*")?),(?P<pid>\d*),(?P<host>(?:"[^"]*")?),(?P<session>[0-9a-f.]*),'
    r"(?P<line>\d*),(?P<ps>\"[^\"]*\"|),(?P<start>[^,]*),"
)
AUDIT = re.compile(r'"AUDIT: SESSION,(\d+),(\d+),')
NUMBER = re.compile(r"(?<![\w.$])\d{4,9}(?![\w.])")


def records(path: Path) -> Iterator[str]:
    """The records of a csvlog, line end included: a record ends where its quotes are even."""
    held = ""
    with path.open(encoding="utf-8", newline="") as file:
        for line in file:
            held += line
            if held.count('"') % 2 == 0:
                yield held
                held = ""


def milliseconds(text: str) -> int:
    """``2026-11-22 16:45:05.795 UTC`` (or without the fraction) in ms since 1970."""
    moment, zone = text.rsplit(" ", 1)
    if zone != "UTC":
        raise ValueError(f"the seed has to be recorded with log_timezone = UTC, not {zone}")
    return round(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)


class Template:
    """One record of the seed, taken apart where copies differ."""

    __slots__ = ("audit", "host", "line", "numbers", "pid", "pieces", "ps", "start", "time", "who")

    def __init__(self, record: str) -> None:
        head = HEAD.match(record)
        if head is None:
            raise ValueError(f"no csvlog record: {record[:200]!r}")
        self.time = milliseconds(head["time"])
        self.start = milliseconds(head["start"]) if head["start"] else self.time
        self.pid = int(head["pid"] or 0)
        self.who, self.host, self.line, self.ps = head["who"], head["host"], head["line"], head["ps"]
        rest = record[head.end() :]
        audit = AUDIT.search(rest)
        self.audit = (self.start, self.pid, audit[1], audit[2]) if audit else None
        self.pieces: list[str] = []
        self.numbers: list[tuple[int, int]] = []  # value, 10 ** digits
        at, begin = 0, audit.end() if audit else len(rest)
        for number in NUMBER.finditer(rest, begin):
            self.pieces.append(rest[at : number.start()])
            self.numbers.append((int(number[0]), 10 ** len(number[0])))
            at = number.end()
        self.pieces.append(rest[at:])


def clock() -> dict[int, str]:
    """A table of written seconds, filled as needed: formatting a time costs more than everything else."""

    class Seconds(dict[int, str]):
        def __missing__(self, second: int) -> str:
            self[second] = text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
            return text

    return Seconds()


def copies(templates: list[Template]) -> Iterator[str]:
    """Records without end, copy after copy."""
    first = min(template.start for template in templates)
    stretch = (HOUR - 1000) / max(1, max(template.time for template in templates) - first)
    written = clock()
    for copy in count():
        begin, step = FIRST + copy * HOUR, copy * 7919
        for item in templates:
            time, start = (begin + int((moment - first) * stretch) for moment in (item.time, item.start))
            pid = (item.pid + copy * 17) % 4_000_000
            values = [f"{(value + step) % size:0{len(str(size)) - 1}d}" for value, size in item.numbers]
            rest = item.pieces[0]
            for value, piece in zip(values, item.pieces[1:], strict=True):
                rest += value + piece
            yield (
                f"{written[time // 1000]}.{time % 1000:03d} UTC,{item.who},{pid},{item.host},{start // 1000:x}.{pid:x},"
                f"{item.line},{item.ps},{written[start // 1000]} UTC,{rest}"
            )


def main(seed: Path, wanted: int, target: Path) -> None:
    """Write ``wanted`` records to ``target``."""
    templates = [Template(record) for record in records(seed)]
    statements = len({template.audit for template in templates if template.audit})
    whole, part = divmod(wanted, len(templates))
    statements = whole * statements + len({template.audit for template in templates[:part] if template.audit})
    with target.open("w", encoding="utf-8", newline="") as file:
        file.writelines(record for _, record in zip(range(wanted), copies(templates), strict=False))
    json.dump({"records": wanted, "statements": statements, "bytes": target.stat().st_size}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
