"""Make a log of any length from a recorded one: PostgreSQL's csvlog or jsonlog, or MariaDB's server_audit.

The seed is repeated; each copy is one hour: its times are stretched to an hour and moved on by an hour a copy, its sessions get
new ids, and every number of four or more digits in its statements becomes another of the same length. So sessions are complete
and counted from 1, times rise, shapes stay what they were, and most statement texts differ. Only the seed is held in memory.

    python bench/multiply.py SEED RECORDS TARGET      formats by the seed's name: .csv .json .audit
                                                      prints records, statements, bytes as JSON
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import ClassVar

HOUR = 3_600_000  # ms
FIRST = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1000  # where the made log begins, ms since 1970

NUMBER = re.compile(r"(?<![\w.$])\d{4,9}(?![\w.])")


class Seconds(dict[int, str]):
    """Written seconds, filled as needed: formatting a time costs more than everything else."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form

    def __missing__(self, second: int) -> str:
        self[second] = text = datetime.fromtimestamp(second, UTC).strftime(self.form)
        return text


def milliseconds(text: str) -> int:
    """``2026-11-22 16:45:05.795 UTC`` (or without the fraction) in ms since 1970."""
    moment, zone = text.rsplit(" ", 1)
    if zone != "UTC":
        raise ValueError(f"the seed has to be recorded with log_timezone = UTC, not {zone}")
    return round(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)


class Template:
    """One record of a seed, taken apart where copies differ; a format says how its head is read and written.

    ``time``, ``start`` (of the session) in ms since 1970; ``statement`` names the audited statement, None for other records.
    """

    HEAD: ClassVar[re.Pattern[str]]
    STAMP: ClassVar = "%Y-%m-%d %H:%M:%S"
    time: int
    start: int
    statement: tuple[int | str, ...] | None

    def __init__(self, record: str) -> None:
        head = self.HEAD.match(record)
        if head is None:
            raise ValueError(f"no record of this format: {record[:200]!r}")
        rest = record[head.end() :]
        begin, end = self.read(head, rest)
        self.pieces: list[str] = []
        self.numbers: list[tuple[int, int]] = []  # value, 10 ** digits
        at = 0
        for number in NUMBER.finditer(rest, begin, end):
            self.pieces.append(rest[at : number.start()])
            self.numbers.append((int(number[0]), 10 ** len(number[0])))
            at = number.end()
        self.pieces.append(rest[at:])

    def read(self, head: re.Match[str], rest: str) -> tuple[int, int]:
        """Keep what the head says. Returns where in ``rest`` the statement's numbers may stand."""
        raise NotImplementedError

    def head(self, time: int, start: int, copy: int, written: Seconds) -> str:
        """The head in that copy."""
        raise NotImplementedError

    def copy(self, begin: int, first: int, stretch: float, number: int, written: Seconds) -> str:
        """The record in copy ``number``, which begins at ``begin``; ``first`` is the seed's beginning."""
        time, start = begin + int((self.time - first) * stretch), begin + int((self.start - first) * stretch)
        step = number * 7919
        rest = self.pieces[0]
        for (value, size), piece in zip(self.numbers, self.pieces[1:], strict=True):
            rest += f"{(value + step) % size:0{len(str(size)) - 1}d}{piece}"
        return self.head(time, start, number, written) + rest

    @classmethod
    def records(cls, path: Path) -> Iterator[str]:
        """The records of a seed, line end included."""
        with path.open(encoding="utf-8", newline="") as file:
            yield from file


class CsvTemplate(Template):
    """PostgreSQL's csvlog, time zone UTC."""

    # the fields up to the start of the session
    HEAD = re.compile(
        r'(?P<time>[^,]+),(?P<who>(?:"(?:[^"]|"")*")?,(?:"(?:[^"]|"")*")?),(?P<pid>\d*),(?P<host>(?:"[^"]*")?),'
        r"(?P<session>[0-9a-f.]*),(?P<line>\d*),(?P<ps>\"[^\"]*\"|),(?P<start>[^,]*),"
    )
    AUDIT: ClassVar = re.compile(r'"AUDIT: SESSION,(\d+),(\d+),')

    def read(self, head: re.Match[str], rest: str) -> tuple[int, int]:
        self.time = milliseconds(head["time"])
        self.start = milliseconds(head["start"]) if head["start"] else self.time
        self.pid = int(head["pid"] or 0)
        self.who, self.host, self.line, self.ps = head["who"] or "", head["host"] or "", head["line"], head["ps"] or ""
        audit = self.AUDIT.search(rest)
        self.statement = (self.start, self.pid, audit[1], audit[2]) if audit else None
        return (audit.end() if audit else len(rest)), len(rest)

    def head(self, time: int, start: int, copy: int, written: Seconds) -> str:
        pid = (self.pid + copy * 17) % 4_000_000
        return (
            f"{written[time // 1000]}.{time % 1000:03d} UTC,{self.who},{pid},{self.host},{start // 1000:x}.{pid:x},"
            f"{self.line},{self.ps},{written[start // 1000]} UTC,"
        )

    @classmethod
    def records(cls, path: Path) -> Iterator[str]:
        """A record ends where its quotes are even."""
        held = ""
        for line in super().records(path):
            held += line
            if held.count('"') % 2 == 0:
                yield held
                held = ""


class JsonTemplate(CsvTemplate):
    """PostgreSQL's jsonlog, time zone UTC."""

    HEAD = re.compile(
        r'\{"timestamp":"(?P<time>[^"]+)",(?P<who>(?:"user":"(?:[^"\\]|\\.)*",)?(?:"dbname":"(?:[^"\\]|\\.)*",)?)"pid":(?P<pid>\d+),'
        r'(?P<host>(?:"remote_host":"[^"]*",)?(?:"remote_port":\d+,)?)"session_id":"[0-9a-f.]*","line_num":(?P<line>\d+),'
        r'(?P<ps>(?:"ps":"(?:[^"\\]|\\.)*",)?)"session_start":"(?P<start>[^"]*)",'
    )
    AUDIT = re.compile(r'"message":"AUDIT: SESSION,(\d+),(\d+),')

    def head(self, time: int, start: int, copy: int, written: Seconds) -> str:
        pid = (self.pid + copy * 17) % 4_000_000
        return (
            f'{{"timestamp":"{written[time // 1000]}.{time % 1000:03d} UTC",{self.who}"pid":{pid},{self.host}'
            f'"session_id":"{start // 1000:x}.{pid:x}","line_num":{self.line},{self.ps}'
            f'"session_start":"{written[start // 1000]} UTC",'
        )

    @classmethod
    def records(cls, path: Path) -> Iterator[str]:
        """A record a line."""
        return Template.records(path)


class AuditTemplate(Template):
    """MariaDB's server_audit log of a server in UTC. Connections and queries are numbered on from copy to copy."""

    HEAD = re.compile(r"(?P<time>\d{8} \d\d:\d\d:\d\d),(?P<who>[^,]*,[^,]*,[^,]*),(?P<connection>\d+),(?P<query>\d+),")
    STAMP = "%Y%m%d %H:%M:%S"

    def read(self, head: re.Match[str], rest: str) -> tuple[int, int]:
        self.time = round(datetime.strptime(head["time"], self.STAMP).replace(tzinfo=UTC).timestamp() * 1000)
        self.start = self.time
        self.who, self.connection, self.query = head["who"], int(head["connection"]), int(head["query"])
        text = rest.find("'") if rest.startswith("QUERY,") else -1
        self.statement = (self.query,) if text >= 0 else None
        return (text, rest.rfind("'")) if text >= 0 else (len(rest), len(rest))

    def head(self, time: int, start: int, copy: int, written: Seconds) -> str:  # noqa: ARG002 - sessions have no start here
        query = self.query + copy * 10_000_000 if self.query else 0
        return f"{written[time // 1000]},{self.who},{self.connection + copy * 100_000},{query},"


FORMATS: dict[str, type[Template]] = {".csv": CsvTemplate, ".json": JsonTemplate, ".audit": AuditTemplate}


def copies(templates: list[Template]) -> Iterator[str]:
    """Records without end, copy after copy."""
    first = min(template.start for template in templates)
    stretch = (HOUR - 1000) / max(1, max(template.time for template in templates) - first)
    written = Seconds(templates[0].STAMP)
    for number in count():
        begin = FIRST + number * HOUR
        for item in templates:
            yield item.copy(begin, first, stretch, number, written)


def main(seed: Path, wanted: int, target: Path) -> None:
    """Write ``wanted`` records to ``target``."""
    form = FORMATS[seed.suffix]
    templates = [form(record) for record in form.records(seed)]
    statements = len({template.statement for template in templates if template.statement})
    whole, part = divmod(wanted, len(templates))
    statements = whole * statements + len({template.statement for template in templates[:part] if template.statement})
    with target.open("w", encoding="utf-8", newline="") as file:
        file.writelines(islice(copies(templates), wanted))
    json.dump({"records": wanted, "statements": statements, "bytes": target.stat().st_size}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
