"""Fields of JSON log records by path, and what all sources of such logs have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.engine import Engine, open_engine
from scanner.model import RECORD_SCHEMA, Skip
from scanner.sources.base import FileSource, Parsed
from scanner.sources.cutting import Bools, Cut, Ints
from scanner.sources.json_cutting import BETWEEN, DAMAGED, cut, loads
from scanner.sources.postgres_rows import merged_skips
from scanner.sources.text import decode, mended


@dataclass(frozen=True)
class Fields:
    """Values of records by name, as text (null where a record has none), and where each record lies in the data."""

    values: Mapping[str, pa.Array]
    starts: Ints
    ends: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, name: str) -> pa.Array:
        return self.values[name]


# -- fields ---------------------------------------------------------------------------------------------------------


@cache
def _engine() -> Engine:
    return open_engine(memory="1GB", threads=2)


_SURROGATE = re.compile("[\ud800-\udfff]")


def read(
    data: bytes, found: Cut, paths: Mapping[str, str], is_record: Callable[[Mapping[str, pa.Array]], pa.Array]
) -> tuple[Fields, list[Skip], int]:
    """The values at JSON paths of all records of a cut; what is none of this format; and in how many bytes were replaced.

    ``is_record``: which objects are records of the format, by their values.
    """
    starts, ends = found.starts, found.ends
    if not len(starts):
        return Fields({name: pa.array([], pa.string()) for name in paths}, starts, ends), [], 0
    texts, replaced = _texts(data, starts, ends)
    values, valid = _values(texts, paths)
    again = np.flatnonzero(~valid)
    if len(again):  # what only a lenient reader takes: control characters, half surrogates
        better = [_lenient(text) for text in texts.take(pa.array(again)).to_pylist()]
        known = [n for n, text in enumerate(better) if text is not None]
        if known:
            more, sound = _values(pa.array([better[n] for n in known], pa.large_string()), paths)
            rows = again[known]
            place = np.arange(len(starts))
            place[rows] = len(starts) + np.arange(len(rows))
            values = {name: pa.concat_arrays([values[name], more[name]]).take(pa.array(place)) for name in paths}
            valid[rows] = sound
    proper = valid & pc.fill_null(is_record(values), False).to_numpy(zero_copy_only=False)
    skips = [
        Skip(int(starts[row]), int(ends[row] - starts[row]), "is JSON, but no record of this format" if valid[row] else DAMAGED)
        for row in np.flatnonzero(~proper).tolist()
    ]
    if skips:
        mask = pa.array(proper)
        values = {name: value.filter(mask) for name, value in values.items()}
        starts, ends = starts[proper], ends[proper]
    return Fields(values, starts, ends), skips, replaced


def _texts(data: bytes, starts: Ints, ends: Ints) -> tuple[pa.Array, int]:
    """Each record as text, and in how many bytes had to be replaced."""
    offsets = np.stack([starts, ends], axis=1).reshape(-1)
    low, high = int(offsets[0]), int(offsets[-1])
    body = data[low:high]
    if mended(body) is not body:
        pieces = [decode(data[a:b]) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        return pa.array([text for text, _ in pieces], pa.large_string()), sum(changed for _, changed in pieces)
    whole = pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [None, pa.py_buffer((offsets - low).astype(np.int64)), pa.py_buffer(body)]
    )
    return whole.take(pa.array(np.arange(0, len(offsets), 2))), 0


_EXTRACT = """
select json_valid(record) as valid, case when json_valid(record) then json_extract_string(record, $paths) end as found
from records order by n
"""


_HUGE = 4 * 1024 * 1024  # bytes of a record from which on DuckDB's copies of it would cost more memory than there is
_STEP = re.compile(r'\.(?:"([^"]+)"|(\w+))|\[(\d+)\]')


def _values(texts: pa.Array, paths: Mapping[str, str]) -> tuple[dict[str, pa.Array], Bools]:
    """The values at ``paths`` of each record, as text, and whether the record is JSON."""
    huge = pc.greater(pc.binary_length(texts), _HUGE).to_numpy(zero_copy_only=False)
    if not huge.any():
        return _extracted(texts, paths)
    few, many = np.flatnonzero(huge), np.flatnonzero(~huge)
    rows = [_looked_up(texts[row].as_py(), paths) for row in few.tolist()]
    values, valid = _extracted(texts.take(pa.array(many)), paths) if len(many) else ({}, np.zeros(0, np.bool_))
    place = pa.array(np.argsort(np.concatenate([many, few]), kind="stable"))
    found = {}
    for name in paths:
        own = pa.array([row[name] if row else None for row in rows], pa.string())
        found[name] = (pa.concat_arrays([values[name], own]) if len(many) else own).take(place)
    sound = np.concatenate([valid, np.array([row is not None for row in rows], np.bool_)])
    return found, sound[place.to_numpy()]


def _looked_up(text: str, paths: Mapping[str, str]) -> dict[str, str | None] | None:
    """The same of one record without DuckDB; None when it is no JSON."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found: dict[str, str | None] = {}
    for name, path in paths.items():
        value: object = record
        for quoted, plain, index in _STEP.findall(path):
            if index:
                value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
            else:
                value = value.get(quoted or plain) if isinstance(value, dict) else None
        if value is None or isinstance(value, str):
            found[name] = value
        else:
            found[name] = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return found


def _extracted(texts: pa.Array, paths: Mapping[str, str]) -> tuple[dict[str, pa.Array], Bools]:
    engine = _engine().cursor()
    try:
        engine.register("records", pa.table({"n": np.arange(len(texts)), "record": texts}))
        told: pa.Table = engine.sql(_EXTRACT, params={"paths": list(paths.values())}).to_arrow_table()
    finally:
        engine.close()
    found = told["found"].combine_chunks()
    flat = pc.list_flatten(pc.fill_null(found, pa.scalar([None] * len(paths), found.type)))
    step = np.arange(len(texts)) * len(paths)
    values = {name: flat.take(pa.array(step + n)).cast(pa.string()) for n, name in enumerate(paths)}
    return values, told["valid"].combine_chunks().to_numpy(zero_copy_only=False).copy()


def _lenient(text: str) -> str | None:
    """The record in strict JSON, if it is one but for control characters and half surrogates."""
    found = loads(text.encode(errors="replace"))
    if not isinstance(found, dict):
        return None
    try:
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", json.dumps(found, ensure_ascii=False))
    except (ValueError, RecursionError):
        return None


# -- values ---------------------------------------------------------------------------------------------------------

_TIME = (
    r"\A\s*(?P<day>\d{4}-\d\d-\d\d)[T ](?P<clock>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,12}))?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?\s*\z"
)


def utc(text: pa.Array) -> pa.Array:
    """ISO times in any of the spellings that logs use, as UTC; without a zone they are UTC. Null where there is none."""
    found = pc.extract_regex(text, _TIME)
    day, clock, part, zone = (pc.struct_field(found, name) for name in ("day", "clock", "part", "zone"))
    seconds = pc.strptime(pc.binary_join_element_wise(day, clock, " "), "%Y-%m-%d %H:%M:%S", "s", error_is_null=True)
    micros = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.fill_null(part, ""), 6, "0"), 0, 6).cast(pa.int64())
    coded = pc.fill_null(zone, "").dictionary_encode()
    shift = pa.array([_offset(name) for name in coded.dictionary.to_pylist()], pa.int64()).take(coded.indices)
    total = pc.subtract(pc.add(pc.multiply(seconds.cast(pa.int64()), 1_000_000), pc.fill_null(micros, 0)), shift)
    return total.cast(pa.timestamp("us", tz="UTC"))


def _offset(zone: str) -> int:
    if not zone or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return seconds * (1_000_000 if zone[0] == "+" else -1_000_000)


def whole_number(text: pa.Array) -> pa.Array:
    """Numbers as int64; null for anything that is not a whole number of up to 18 digits."""
    good = pc.fill_null(pc.match_substring_regex(text, r"\A-?\d{1,18}\z"), False)
    return pc.if_else(good, text, None).cast(pa.int64())


def filled(text: pa.Array) -> pa.Array:
    """Text, null where it is empty."""
    return pc.if_else(pc.equal(text, ""), None, text)


def table(columns: Mapping[str, pa.Array | pa.Scalar], fields: Fields, base: int) -> pa.Table:
    """Records from columns; those left out are null. Strings lose NULs, which no later stage expects."""
    count = len(fields)
    made = []
    for name, kind in zip(RECORD_SCHEMA.names, RECORD_SCHEMA.types, strict=True):
        if name == "offset":
            made.append(pa.array(fields.starts + base))
        elif name == "length":
            made.append(pa.array(fields.ends - fields.starts))
        elif name in columns:
            column = columns[name]
            column = pa.repeat(column, count) if isinstance(column, pa.Scalar) else column
            made.append(column.cast(kind))
        else:
            made.append(pa.nulls(count, kind))
    return pa.table(made, schema=RECORD_SCHEMA)


class JsonSource(FileSource):
    """An audit source of JSON records; a format adds :meth:`records`, :data:`paths` and what marks its records."""

    record_ends = BETWEEN + b"}"  # two objects may touch
    paths: Mapping[str, str]
    mark: bytes  # bytes that every record holds
    inside: bytes = b""  # see :func:`scanner.sources.json_cutting.cut`
    own: tuple[bytes, ...] = ()  # see there

    def is_record(self, values: Mapping[str, pa.Array]) -> pa.Array:
        """Which objects are records of the format, by their values."""
        raise NotImplementedError

    def records(self, fields: Fields, base: int, before: Callable[[], Fields]) -> pa.Table:
        """Records (RECORD_SCHEMA) of the fields. ``before`` reads those that lie right before, as far as :data:`context_bytes`
        reach; their places are negative."""
        raise NotImplementedError

    def parse(self, data: bytes, base: int, *, at_end: bool, final: bool, longer_than: int) -> Parsed:
        return self.parse_after(b"", data, base, at_end=at_end, final=final, longer_than=longer_than)

    def parse_after(
        self,
        before: bytes,
        data: bytes,
        base: int,
        *,
        at_end: bool,  # noqa: ARG002 - a brace closes a record, more to come or not
        final: bool,
        longer_than: int,  # noqa: ARG002 - braces are found at once
    ) -> Parsed:
        found = cut(data, final=final, marker=self.mark, inside=self.inside, own=self.own)
        if not found.consumed:
            return Parsed(RECORD_SCHEMA.empty_table(), (), 0)
        fields, wrong, replaced = read(data, found, self.paths, self.is_record)

        def earlier() -> Fields:
            found = cut(before, final=False, marker=self.mark, inside=self.inside, own=self.own)
            known = read(before, found, self.paths, self.is_record)[0]
            return Fields(known.values, known.starts - len(before), known.ends - len(before))

        made = self.records(fields, base, earlier)
        skips = tuple(merged_skips([Skip(s.offset + base, s.length, s.reason) for s in [*found.skips, *wrong]]))
        return Parsed(made, skips, found.consumed, replaced, seams=_seams(found, skips, base))


def _seams(found: Cut, skips: Sequence[Skip], base: int) -> Ints | None:
    """Offsets where reading may go on: none of them inside a skip."""
    if found.seams is None:
        return None
    seams = found.seams + base
    begins = np.array([skip.offset for skip in skips], np.int64)
    ends = np.array([skip.offset + skip.length for skip in skips], np.int64)
    outside: Ints = seams[np.searchsorted(begins, seams) <= np.searchsorted(ends, seams, "right")]
    return outside
