"""What must hold of whatever a parser makes of a damaged log."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scanner.model import RECORD_SCHEMA, Skip
from scanner.sources.base import FileSource, Parsed
from tests.conformance.formats import Format

_TEXT = rb'"(?:[^"\\]|\\.)*+"\s*+'
_PAIR = _TEXT + rb":\s*+(?:" + _TEXT + rb"|[-+.\w]++)\s*+"
_HEAD = rb"(?:[\s\[]*+\{\s*+(?:" + _PAIR + rb",\s*+)*+" + _TEXT + rb":\s*+)++\[\s*+"
_TAIL = rb"[\s,\[]*+\](?:\s*+,\s*+" + _PAIR + rb"|\s*+\})*+"
ENVELOPES = re.compile(rb"(?s)(?:" + _TAIL + rb")*+[\s,\[\]]*+(?:" + _HEAD + _TAIL + rb"[\s,\[\]]*+)*(?:" + _HEAD + rb")?+")
"""What may stand between two events of AWS: the end of an envelope, whole ones without events, the beginning of another."""
SAME = ("kind", "account", "statement", "command")  # what a sound record says, whatever stands beside it
CONTEXT = 64 * 1024
GUARD = "select 'guard {}' from t"


@dataclass(frozen=True)
class Guard:
    """A sound record, and what a parser makes of it when it stands alone."""

    data: bytes
    rows: Sequence[dict[str, Any]]  # one for each event in it


def guards(form: Format, source: FileSource, count: int) -> list[Guard]:
    """Sound records that no damaged record was made of."""
    found = []
    for number in range(count):
        data = form.render(GUARD.format(number), number + 1)
        parsed = source.parse(data, 0, at_end=True, final=True, longer_than=0)
        assert parsed.records.num_rows, f"{form} does not read its own record"
        assert not parsed.skips
        found.append(Guard(data, parsed.records.select([*SAME, "offset", "length"]).to_pylist()))
    return found


@dataclass
class Reading:
    """What the parser said of one buffer, put together from all its answers."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    rows: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    consumed: int = 0

    def add(self, parsed: Parsed, base: int) -> None:
        """``base``: what the parser was told the first byte's offset is."""
        told = parsed.records.select([*SAME, "offset", "length"]).to_pylist()
        for row in told:
            span = (row["offset"] - base, row["length"])
            self.spans.append(span)
            self.rows[span] = row
        self.skips += [Skip(skip.offset - base, skip.length, skip.reason) for skip in parsed.skips]
        self.consumed += parsed.consumed


def feed(source: FileSource, data: bytes, chance: random.Random) -> tuple[Reading, bool]:
    """Parse a buffer as a scan does, in pieces of any size; and whether its end was told to be the log's."""
    reading = Reading()
    base = chance.choice((0, 0, 1, 1 << 40))
    cuts = sorted(chance.randint(0, len(data)) for _ in range(chance.choice((0, 0, 1, 3))))
    final = chance.random() < 0.5
    at, tried = 0, 0
    ends = [*cuts, len(data)]
    for number, end in enumerate(ends):
        last = number == len(ends) - 1
        piece = data[at:end]
        if not piece:
            continue
        before = data[max(0, at - CONTEXT) : at] if source.context_bytes else b""
        if at > CONTEXT:
            before = before[before.find(b"\n") + 1 :]
        at_end = final or chance.random() < 0.7 if last else chance.random() < 0.3
        parsed = source.parse_after(before, piece, base + at, at_end=at_end, final=final and last, longer_than=tried)
        problem = answer_is_wrong(parsed, len(piece), final=final and last)
        if problem:
            raise AssertionError(problem)
        reading.add(parsed, base)
        tried = 0 if parsed.consumed else len(piece)
        at += parsed.consumed
    return reading, final


def answer_is_wrong(parsed: Parsed, size: int, *, final: bool) -> str:
    """What is not as it must be in one answer of a parser, whatever it was asked; empty when all is well."""
    if not parsed.records.schema.equals(RECORD_SCHEMA):
        return "other columns"
    parsed.records.validate(full=True)
    if not 0 <= parsed.consumed <= size or (final and parsed.consumed != size):
        return f"consumed {parsed.consumed} of {size}, final: {final}"
    if parsed.records["kind"].null_count:
        return "a record without a kind"
    offsets = parsed.records["offset"].to_numpy()
    if (np.diff(offsets) <= 0).any():
        return "records are not in order"
    return ""


def untiled(reading: Reading, data: bytes, between: bytes) -> str:
    """Records and skips tile what was consumed, without an overlap or a gap but for what may stand between records; what of
    that is not so."""
    at = 0
    pieces = sorted(reading.spans + [(skip.offset, skip.length) for skip in reading.skips])
    for offset, length in [*pieces, (reading.consumed, 0)]:
        if offset < at or (length <= 0 and offset != reading.consumed):
            return f"an overlap at {at}"
        if offset > at and not _may_be_left_out(data[at:offset], between):
            return f"a gap from {at} to {offset}: {data[at:offset][:80]!r}"
        at = offset + length
    return ""


def _may_be_left_out(gap: bytes, between: bytes) -> bool:
    """Blanks and commas between JSON objects; what an envelope holds beside its events."""
    if not between:
        return False
    return ENVELOPES.fullmatch(gap) is not None


def harmed(reading: Reading, parts: Sequence[bytes], numbers: Sequence[int], known: Sequence[Guard]) -> tuple[str, int]:
    """What is wrong with the sound records of a buffer; and how many were lost to the damage beside them.

    A sound record is there as it was written. If it is not, its bytes are skips, or lie in a record that damaged bytes are part
    of: one that lost its end, or that swallowed what followed.
    """
    sizes = np.array([len(part) for part in parts], np.int64)
    starts = np.cumsum(sizes) - sizes
    damaged = np.array([number < 0 for number in numbers], np.bool_)
    hurt = np.concatenate([[0], np.cumsum(np.where(damaged, sizes, 0))])
    edges = np.append(starts, starts[-1] + sizes[-1])

    def damage_before(place: int) -> int:
        part = int(np.searchsorted(edges, place, "right")) - 1
        within = place - int(edges[part]) if part < len(parts) and damaged[part] else 0
        return int(hurt[part]) + within

    spans = sorted(reading.spans)
    firsts = np.array([offset for offset, _ in spans], np.int64)
    lost = 0
    for start, number in zip(starts.tolist(), numbers, strict=True):
        if number < 0:
            continue
        for row in known[number].rows:
            begin, length = start + row["offset"], row["length"]
            found = reading.rows.get((begin, length))
            if found is not None:
                other = {name: (found[name], row[name]) for name in SAME if found[name] != row[name]}
                if other and found["kind"] != "unreadable":  # of a line that damage made doubtful nothing is believed
                    return f"the sound record at {begin} became another: {other}", lost
                continue
            if begin >= reading.consumed:
                continue
            lost += 1
            low = max(int(np.searchsorted(firsts, begin, "right")) - 1, 0)
            for offset, size in spans[low:]:
                if offset >= begin + length:
                    break
                if offset + size > begin and damage_before(offset) == damage_before(offset + size):
                    return f"the sound record at {begin} was read as another at {offset}", lost
    return "", lost
