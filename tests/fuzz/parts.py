"""Parsers that are part of others, over damaged input: pgAudit's inner CSV, and the slow log that is joined to the audit log."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from scanner.sources import pgaudit
from scanner.sources.mariadb_server_audit import parse
from scanner.sources.mariadb_slow_log import SlowLog
from tests.conformance.formats import BY_NAME
from tests.conformance.test_texts import TEXTS
from tests.fuzz.mutate import Buffer, buffers, corpus
from tests.fuzz.run import PACKERS, Failure, Outcome, watched
from tests.sources import server_audit
from tests.sources.csvlog import audit
from tests.sources.test_mariadb_slow_log import entry

GUARDS = 40
Problem = Callable[[Buffer, random.Random], tuple[str, int]]
"""What is wrong with what a parser makes of a buffer, and how many of its sound records were lost."""


def _guard(number: int) -> str:
    return f"select 'guard {number}' from customer"


# -- pgAudit's inner CSV ----------------------------------------------------------------------------------------------

_MESSAGES = [
    audit(text, number=n, parameter=parameter, rows=rows).encode()
    for n, text in enumerate(TEXTS.values(), 1)
    for parameter, rows in (("<none>", 1), ('1,"a\n,\'"', None), ("<long param suppressed>", 2**40))
]
_GUARD_MESSAGES = [audit(_guard(n), number=n, rows=n).encode() for n in range(GUARDS)]


def _pgaudit(buffer: Buffer, _: random.Random) -> tuple[str, int]:
    """All messages at once are read as each is by itself, and sound ones as what they are."""
    messages = pa.array(["AUDIT: " + part.decode(errors="replace").removeprefix("AUDIT: ") for part in buffer.parts])
    found, single = pgaudit.split(messages), pgaudit._each(messages)
    if not (found.table.equals(single.table) and np.array_equal(found.sound, single.sound)):
        return "read together they are something else than each by itself", 0
    if not np.array_equal(found.repeated, single.repeated):
        return "other texts are said to have been logged before", 0
    place = dict(zip(found.sound.tolist(), found.table.select(["statement", "rows"]).to_pylist(), strict=True))
    for number, guard in enumerate(buffer.guard):
        if guard >= 0 and place.get(number) != {"statement": _guard(guard), "rows": guard}:
            return f"message {number} is {place.get(number)}", 0
    return "", 0


# -- the slow log -----------------------------------------------------------------------------------------------------

_AUDITED = parse(b"".join(server_audit.query(_guard(n), number=n + 1) for n in range(GUARDS)), 0, "UTC").records
_ENTRIES = [entry(text, 3, connection=8).encode() for text in TEXTS.values()] + [
    b"# Time: 261122  7:45:06\n" + entry("select 1", 0).encode(),
    entry("insert into t select * from u", 2**64 - 1).encode(),
    b"mariadbd, Version: 10.11 started with:\nTcp port: 3306\nTime\t\t    Id Command\tArgument\n",
]
_GUARD_ENTRIES = [entry(_guard(n), 100 + n).encode() for n in range(GUARDS)]


def _slow_log(buffer: Buffer, chance: random.Random) -> tuple[str, int]:
    """A sound entry gives its statement its count or, when damage reached it, none: never another."""
    suffix, pack = chance.choice(PACKERS)
    packed = pack(buffer.data)
    if suffix and chance.random() < 0.3:
        packed = packed[: chance.randrange(len(packed))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"slow.log{suffix}"
        path.write_bytes(packed)
        rows = SlowLog(str(path)).joined(_AUDITED)["rows"].to_pylist()
    there = {guard for guard in buffer.guard if guard >= 0}
    for number, count in enumerate(rows):
        if count is not None and (number not in there or count != 100 + number):
            return f"the count of statement {number} is {count}", 0
    return "", sum(rows[number] is None for number in there)


# -- runs -------------------------------------------------------------------------------------------------------------

PARTS: dict[str, tuple[Sequence[bytes], Sequence[bytes], Problem]] = {
    "pgaudit": (_MESSAGES, _GUARD_MESSAGES, _pgaudit),
    "mariadb_slow_log": (_ENTRIES + corpus(BY_NAME["mariadb_server_audit"])[:20], _GUARD_ENTRIES, _slow_log),
}


def run(name: str, count: int, seed: int) -> tuple[Outcome, float]:
    """``count`` inputs for one part: what came of them, and the seconds it took."""
    begun = time.monotonic()
    lines, guards, problem = PARTS[name]
    chance = random.Random(f"{name} {seed}")
    outcome = Outcome()
    for number, buffer in enumerate(buffers(chance, lines, guards, count)):
        started = time.monotonic()
        what, lost = _tried(problem, buffer, f"{name} {seed} {number}")
        outcome.slowest = max(outcome.slowest, time.monotonic() - started)
        outcome.inputs += buffer.inputs
        outcome.buffers += 1
        outcome.sound += sum(guard >= 0 for guard in buffer.guard)
        outcome.lost += lost
        if what:
            small = next((b for b in _smaller(buffer) if _tried(problem, b, f"{name} {seed} {number}")[0]), buffer)
            outcome.failures.append(Failure(what, small.data))
    return outcome, time.monotonic() - begun


def _tried(problem: Problem, buffer: Buffer, key: str) -> tuple[str, int]:
    try:
        with watched():
            return problem(buffer, random.Random(key))
    except Exception as error:  # noqa: BLE001 - any at all is a failure to report
        return f"{type(error).__name__}: {error}", 0


def _smaller(buffer: Buffer) -> Iterator[Buffer]:
    """Single parts of a buffer, and neighbours."""
    for width in (1, 2, 3):
        for at in range(len(buffer.parts) - width + 1):
            yield Buffer(buffer.parts[at : at + width], buffer.guard[at : at + width])
