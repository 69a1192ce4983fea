"""Whose data: which people each event read, by the keys that its statement names, on whole columns.

Keys themselves are not kept: single keys as hashes that only this installation can make, ranges as their bounds. A list of more
than :data:`MOST_HASHES` keys keeps that many of its hashes, the smallest, and its length: the union of such lists is estimated
from the share of hashes that they hold (bottom-k sketches).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Ints
from scanner.exposure.facts import Facts
from scanner.exposure.keyplan import KeyPlan
from scanner.exposure.keytokens import Slot
from scanner.model import EVENT_SCHEMA
from scanner.siphash import hash_integers, hash_texts

MOST_HASHES = 4096

COLUMNS = ("person_table", "person_total", "key_domain", "key_low", "key_high", "key_hashes", "key_count")
_FARTHEST = 1 << 60  # bounds beyond are no keys of anything
_PARAMETER = r'^(?:(?:"(?:[^"]|"")*"|[^,"]*),){%d}("(?:[^"]|"")*"|[^,"]*)(?:,|$)'


@dataclass
class _Found:
    """What the groups of one shape have brought so far; ``rows`` are those of the acts."""

    rows: list[Ints] = field(default_factory=list)
    domains: list[pa.Array] = field(default_factory=list)
    low: list[Ints] = field(default_factory=list)
    high: list[Ints] = field(default_factory=list)
    pair_rows: list[Ints] = field(default_factory=list)
    pair_hashes: list[Ints] = field(default_factory=list)
    counted: list[Ints] = field(default_factory=list)  # rows whose keys are hashes


@dataclass(frozen=True)
class Plainly:
    """How a statement that is spelled oddly is respelled: ``odd`` is a pattern in every such text, ``plain`` respells it."""

    odd: str
    plain: Callable[[str], str]


def with_keys(
    acts: pa.Table, exposed: pa.Table, facts: Sequence[Facts], secret: bytes, plainly: Plainly | None = None
) -> pa.Table:
    """``exposed`` (EXPOSED_SCHEMA) with the columns of :data:`COLUMNS`, its numbers bounded by the keys where there is no count.

    ``facts`` are those that ``exposed.facts`` counts; ``acts`` has statement, parameter and shape. ``plainly`` respells
    statements in which a shape's pattern does not find its places.
    """
    size = acts.num_rows
    plans = [_plan(f.key_plan) for f in facts]
    row = exposed["facts"].fill_null(-1).to_numpy()
    planned = np.append(np.array([plan is not None for plan in plans], np.bool_), False)
    wanted = np.flatnonzero(planned[row] & (exposed["exposed_persons_high"].to_numpy() > 0))
    found = _Found()
    if len(wanted):
        shapes = pa.array([f.shape for f in facts], pa.string()).take(pa.array(row[wanted]))
        own = pc.fill_null(pc.equal(shapes, acts["shape"].take(pa.array(wanted)).combine_chunks()), False)
        mine = wanted[own.to_numpy(zero_copy_only=False)]  # a FETCH names nobody: its DECLARE did
        mine = mine[np.argsort(row[mine], kind="stable")]
        codes = row[mine]
        told = [_Values(plan, acts, part, plainly) for part in _parts(mine, codes) if (plan := plans[row[part[0]]]) is not None]
        exposed = _limited(exposed, told)
        for values in told:
            _gather(found, values, exposed, secret)
    place = np.full(size, -1, np.int64)
    place[wanted] = row[wanted]
    who = pa.array(place, mask=place < 0)
    tables = pa.array([plan.table if plan else None for plan in plans], pa.string())
    totals = pa.array([plan.total if plan else None for plan in plans], pa.int64())
    columns = {"person_table": tables.take(who), "person_total": totals.take(who), **_assembled(found, size)}
    for name in COLUMNS:
        exposed = exposed.append_column(EVENT_SCHEMA.field(name), columns[name])
    return _bounded(exposed, plans)


def _parts(rows: Ints, codes: Ints) -> list[Ints]:
    """``rows`` apart by their ``codes``, which are sorted."""
    return np.split(rows, np.flatnonzero(np.diff(codes)) + 1) if len(rows) else []


def _limited(exposed: pa.Table, told: Sequence[_Values]) -> pa.Table:
    """Where the log has no count: no more rows than the value bound to LIMIT."""
    limited = [(values, slot) for values in told if (slot := values.plan.most) is not None]
    if not limited:
        return exposed
    most = np.full(exposed.num_rows, _FARTHEST, np.int64)
    for values, slot in limited:
        bound = values.text(slot).str.extract(r"^\s*([0-9]{1,18})\s*$", 1).cast(pl.Int64, strict=False)
        most[values.rows] = bound.fill_null(_FARTHEST).to_numpy()
    counted = pc.equal(exposed["rows_source"], "reported").fill_null(False).to_numpy()
    most[counted] = _FARTHEST
    names = [name for name in exposed.column_names if name.startswith("exposed_")]
    return _with(exposed, {name: np.minimum(exposed[name].to_numpy(), most) for name in names})


def _with(exposed: pa.Table, columns: Mapping[str, npt.NDArray[Any]]) -> pa.Table:
    """The table with other numbers in these columns."""
    for name, values in columns.items():
        exposed = exposed.set_column(exposed.schema.get_field_index(name), name, pa.array(values))
    return exposed


@lru_cache(maxsize=65_536)
def _plan(text: str | None) -> KeyPlan | None:
    return KeyPlan.from_json(text) if text else None


# -- one shape ------------------------------------------------------------------------------------------------------


def _gather(found: _Found, values: _Values, exposed: pa.Table, secret: bytes) -> None:
    plan, rows = values.plan, values.rows
    if plan.kind == "unknown":
        return
    if plan.kind == "everybody":
        found.rows.append(rows)
        found.domains.append(pa.repeat(pa.scalar("*", pa.string()), len(rows)))
        found.low.append(np.full(len(rows), _FARTHEST))
        found.high.append(np.full(len(rows), -_FARTHEST))
        return
    domain = pl.repeat(plan.domain, len(rows), dtype=pl.String, eager=True)
    if plan.others:
        told = [values.text(slot) for slot in plan.others]
        joined = pl.select(pl.concat_str([pl.lit(series) for series in told], separator="\x1f")).to_series()
        marks = pl.Series(hash_texts(joined.to_arrow(), secret)).cast(pl.String)
        domain = pl.select(
            pl.when(pl.lit(joined).is_null()).then(None).otherwise(pl.concat_str(pl.lit(domain), pl.lit(" if "), pl.lit(marks)))
        ).to_series()
    if plan.kind in ("points", "start"):
        _gather_points(found, rows, plan, values, domain, secret)
    else:
        _gather_span(found, rows, plan, values, domain, exposed["exposed_rows"].to_numpy()[rows])


def _gather_points(found: _Found, rows: Ints, plan: KeyPlan, values: _Values, domain: pl.Series, secret: bytes) -> None:
    if plan.kind == "start":
        told = [values.text(slot) for slot in plan.slots]
        parts = [(np.arange(len(rows)), pl.select(pl.concat_str([pl.lit(s) for s in told], separator="\x1f")).to_series())]
    else:
        parts = [values.keys(slot) for slot in plan.slots]
    at = np.concatenate([part[0] for part in parts])
    keys = pl.concat([part[1] for part in parts])
    good = np.ones(len(rows), np.bool_)
    good[at[keys.is_null().to_numpy()]] = False
    good &= np.bincount(at, minlength=len(rows)) > 0
    good &= domain.is_not_null().to_numpy()
    kept = good[at] & keys.is_not_null().to_numpy()
    chosen = keys.filter(pl.Series(kept))
    hashes = hash_integers(chosen.to_numpy(), secret) if plan.value == "integer" else hash_texts(chosen.to_arrow(), secret)
    found.pair_rows.append(rows[at[kept]])
    found.pair_hashes.append(hashes)
    _keep(found, rows[good], domain.filter(pl.Series(good)))
    found.counted.append(rows[good])


def _gather_span(found: _Found, rows: Ints, plan: KeyPlan, values: _Values, domain: pl.Series, returned: Ints) -> None:
    numbers, suffix = zip(*(values.numbers(slot) for slot in plan.slots), strict=True) if plan.slots else ((), ())
    good = domain.is_not_null().to_numpy()
    for series in numbers:
        good = good & series.is_not_null().to_numpy()
    steps = [series.fill_null(0).to_numpy() for series in numbers]
    for step in steps:
        good = good & (np.abs(step) < _FARTHEST)
    if suffix and suffix[0] is not None:
        same = (
            suffix[0]
            if len(suffix) == 1 or suffix[1] is None
            else pl.select(pl.when(pl.lit(suffix[0]) == pl.lit(suffix[1])).then(pl.lit(suffix[0]))).to_series()
        )
        domain = pl.select(pl.concat_str(pl.lit(domain), pl.lit(same))).to_series()
        good = good & domain.is_not_null().to_numpy()
    low, high = _bounds(plan, steps, returned)
    if plan.kind == "residue":
        domain = pl.select(pl.concat_str(pl.lit(domain), pl.lit("%"), pl.lit(numbers[0]).cast(pl.String))).to_series()
        good = good & domain.is_not_null().to_numpy()
    good = good & (low <= high)
    _keep(found, rows[good], domain.filter(pl.Series(good)), low[good], high[good])


def _bounds(plan: KeyPlan, steps: Sequence[Ints], returned: Ints) -> tuple[Ints, Ints]:
    size = np.maximum(returned, 1)
    if plan.kind == "residue":
        return steps[1], steps[1]
    if plan.kind == "rows":
        start = steps[0] if steps else np.zeros(len(returned), np.int64)
        return start, start + size - 1
    if plan.kind == "page":  # as many keys as rows: where they end is not known here, and pages must not overlap
        first = steps[0] + plan.after[0]
        return (first - size + 1, first) if plan.down else (first, first + size - 1)
    return steps[0] + plan.after[0], steps[1] + plan.after[1]


def _keep(found: _Found, rows: Ints, domain: pl.Series, low: Ints | None = None, high: Ints | None = None) -> None:
    found.rows.append(rows)
    found.domains.append(domain.to_arrow().cast(pa.string()))
    found.low.append(np.full(len(rows), _FARTHEST) if low is None else low)
    found.high.append(np.full(len(rows), -_FARTHEST) if high is None else high)


class _Values:
    """The constants of the statements of one shape, by slot."""

    def __init__(self, plan: KeyPlan, acts: pa.Table, rows: Ints, plainly: Plainly | None) -> None:
        self.plan = plan
        self.rows = rows
        self.taken = pa.array(rows)
        self.acts, self.plainly = acts, plainly
        self._groups: dict[str, pl.Series] = {}
        self._parameters: pl.Series | None = None

    def raw(self, slot: Slot) -> pl.Series:
        """As written: literals with their quotes, parameters without."""
        if slot.param:
            if self._parameters is None:
                self._parameters = _strings(self.acts["parameter"].take(self.taken))
            return _parameter(self._parameters, slot.param)
        if not self._groups:
            self._groups = _matched(self.plan, _strings(self.acts["statement"].take(self.taken)), self.plainly)
        return self._groups[str(slot.group)]

    def text(self, slot: Slot) -> pl.Series:
        raw = self.raw(slot)
        return raw if slot.param else _unquoted(raw)

    def keys(self, slot: Slot) -> tuple[Ints, pl.Series]:
        """(row in the group, key) of every key; null where one cannot be read."""
        text = self.text(slot)
        listed = not slot.param and bool(self.raw(slot).str.contains(r"^(?:'(?:[^']|'')*'|[^,']*)\s*,").any())
        frame = pl.DataFrame({"at": pl.arange(0, len(text), eager=True), "key": text})
        if listed:
            literal = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[0-9][0-9.eE+]*"
            frame = frame.with_columns(self.raw(slot).str.extract_all(literal).alias("key")).explode("key")
            frame = frame.with_columns(_unquoted(frame["key"]).alias("key"))
        elif bool(text.str.starts_with("{").any()):  # an array
            inside = text.str.strip_prefix("{").str.strip_suffix("}").str.split(",")
            frame = frame.with_columns(inside.alias("key")).explode("key")
            frame = frame.with_columns(pl.col("key").str.strip_chars(' "'))
        keys = frame["key"]
        if self.plan.value == "integer":
            keys = keys.str.strip_chars(" ").cast(pl.Int64, strict=False)
            keys = -keys if slot.negative else keys
        return frame["at"].to_numpy().astype(np.int64), keys

    def numbers(self, slot: Slot) -> tuple[pl.Series, pl.Series | None]:
        """Whole numbers that order the keys as the engine does, and what stands before the number in every text."""
        text = self.text(slot)
        if self.plan.value == "date":
            return text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32).cast(pl.Int64), None
        if self.plan.value == "time":
            padded = text.str.replace("T", " ", literal=True)
            day = padded.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32).cast(pl.Int64)
            clock = padded.str.extract_groups(r"^.{10} ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?").struct.unnest()
            seconds = [clock[name].cast(pl.Int64, strict=False).fill_null(0) for name in clock.columns]
            return day * 86_400 + seconds[0] * 3600 + seconds[1] * 60 + seconds[2], None
        if self.plan.kind in ("rows", "residue") or self.plan.value == "integer":
            first = text.str.extract(r"^\s*([0-9]{1,18})\s*(?:,|$)", 1).cast(pl.Int64, strict=False)
            return (-first if slot.negative else first), None
        parts = text.str.extract_groups(r"^([^0-9]*)([0-9]{1,18})$").struct.unnest()
        prefix, digits = parts[parts.columns[0]], parts[parts.columns[1]]
        told = pl.select(pl.concat_str(pl.lit(" "), pl.lit(prefix), pl.lit(digits.str.len_chars()).cast(pl.String))).to_series()
        return digits.cast(pl.Int64, strict=False), told  # texts order as numbers do when they are equally long


def _strings(column: pa.ChunkedArray) -> pl.Series:
    series = pl.from_arrow(column.combine_chunks())
    assert isinstance(series, pl.Series)
    return series


_COMMENTED = r"/\*|--|#"
_MOST_RESPELLED = 20_000  # texts of one shape in one slice; what is beyond is not known to be anybody


def _matched(plan: KeyPlan, texts: pl.Series, plainly: Plainly | None) -> dict[str, pl.Series]:
    """The groups of the plan's pattern; null where a text does not match even when it is spelled plainly."""
    found = _found_in(plan, texts)
    if plainly is None or not found:
        return found
    lost = pl.Series(np.zeros(len(texts), np.bool_))
    for values in found.values():  # not found, or with a comment inside
        lost = lost | values.is_null() | values.str.contains(_COMMENTED).fill_null(False)
    if not bool(lost.any()):
        return found
    again = (lost & texts.str.contains(plainly.odd).fill_null(False)).arg_true()
    if not len(again):
        return found
    distinct = texts.gather(again).unique().head(_MOST_RESPELLED)
    plain = pl.Series([plainly.plain(text) for text in distinct.to_list()], dtype=pl.String)
    respelled = texts.replace_strict(distinct, plain, default=None, return_dtype=pl.String)
    respelled = respelled.zip_with(lost, pl.Series([None], dtype=pl.String).new_from_index(0, len(texts)))
    more = _found_in(plan, respelled)
    return {name: found[name].zip_with(respelled.is_null(), more[name]) for name in found}


def _found_in(plan: KeyPlan, texts: pl.Series) -> dict[str, pl.Series]:
    headed = texts.str.starts_with(plan.head)
    short, whole = texts.str.strip_prefix(plan.head), None
    found: dict[str, Any] = short.str.extract_groups(plan.tail).struct.unnest().to_dict()
    if not bool(headed.all()):
        whole = texts.str.extract_groups(plan.pattern).struct.unnest().to_dict()
        found = {name: found[name].zip_with(headed.fill_null(False), whole[name]) for name in found}
    return found


def _parameter(parameters: pl.Series, number: int) -> pl.Series:
    """The n-th bound value: PARAMETER is CSV."""
    if number == 1 and not bool(parameters.str.contains('[,"]').any()):
        return parameters
    value = parameters.str.extract(_PARAMETER % (number - 1), 1)
    if bool(value.str.starts_with('"').any()):
        inside = value.str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
        value = inside.zip_with(value.str.starts_with('"').fill_null(False), value)
    return value


def _unquoted(literals: pl.Series) -> pl.Series:
    for mark in ("'", '"'):
        quoted = literals.str.starts_with(mark)
        if bool(quoted.any()):
            inside = literals.str.strip_prefix(mark).str.strip_suffix(mark).str.replace_all(mark * 2, mark, literal=True)
            literals = inside.zip_with(quoted.fill_null(False), literals)
    return literals


# -- together -------------------------------------------------------------------------------------------------------


def _assembled(found: _Found, size: int) -> dict[str, pa.Array]:
    place = np.full(size, -1, np.int64)
    rows = np.concatenate(found.rows) if found.rows else np.empty(0, np.int64)
    place[rows] = np.arange(len(rows))
    who = pa.array(place, mask=place < 0)
    if not len(rows):
        nothing = pa.nulls(size, pa.int64())
        return {
            "key_domain": pa.nulls(size, pa.string()),
            "key_low": nothing,
            "key_high": nothing,
            "key_hashes": pa.nulls(size, pa.list_(pa.int64())),
            "key_count": nothing,
        }
    low, high = np.concatenate(found.low), np.concatenate(found.high)
    span = low <= high
    hashes, counts = _hash_lists(found, size)
    return {
        "key_domain": pa.concat_arrays(found.domains).take(who),
        "key_low": pa.array(low, mask=~span).take(who),
        "key_high": pa.array(high, mask=~span).take(who),
        "key_hashes": hashes,
        "key_count": counts,
    }


def _hash_lists(found: _Found, size: int) -> tuple[pa.Array, pa.Array]:
    """Distinct hashes of each row, at most the MOST_HASHES smallest, and how many there were."""
    rows = np.concatenate(found.pair_rows) if found.pair_rows else np.empty(0, np.int64)
    hashes = np.concatenate(found.pair_hashes) if found.pair_hashes else np.empty(0, np.int64)
    counted = np.zeros(size, np.bool_)
    for some in found.counted:
        counted[some] = True
    order = np.lexsort((hashes, rows))
    rows, hashes = rows[order], hashes[order]
    fresh = np.ones(len(rows), np.bool_)
    fresh[1:] = (rows[1:] != rows[:-1]) | (hashes[1:] != hashes[:-1])
    rows, hashes = rows[fresh], hashes[fresh]
    counts = np.bincount(rows, minlength=size)
    if len(rows) and counts.max() > MOST_HASHES:
        rank = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        hashes = hashes[rank < MOST_HASHES]
    offsets = np.append(0, np.cumsum(np.minimum(counts, MOST_HASHES))).astype(np.int32)
    valid = pa.array(counted)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(hashes, pa.int64()))
    nothing = pa.scalar(None, pa.list_(pa.int64()))
    return pc.if_else(valid, lists, nothing), pa.array(counts.astype(np.int64), mask=~counted)


def _bounded(exposed: pa.Table, plans: Sequence[KeyPlan | None]) -> pa.Table:
    """Where the log has no count: no more people than keys were named, and of an identifier hardly more than one each. Where it
    counts rows: ten orders of one customer are one person."""
    row = exposed["facts"].fill_null(-1).to_numpy()
    each, bounds, own, only, share_of = (
        np.append(np.array(values, np.int64), 0)[row]
        for values in (
            [p.people_each if p is not None else 0 for p in plans],
            [p.one_each if p is not None else 0 for p in plans],
            [p.of_people if p is not None else 0 for p in plans],
            [p.nobody_else if p is not None else 0 for p in plans],
            [p.total or 0 if p is not None else 0 for p in plans],
        )
    )
    guessed = pc.equal(exposed["rows_source"], "upper_bound").to_numpy()
    low, high = (exposed[name].fill_null(0).to_numpy() for name in ("key_low", "key_high"))
    spans = exposed["key_low"].is_valid().to_numpy()
    spans &= np.append(np.array([p is not None and p.kind == "span" for p in plans], np.bool_), False)[row]
    points = exposed["key_count"].is_valid().to_numpy()
    named = np.where(spans, high - low + 1, exposed["key_count"].fill_null(0).to_numpy())
    counted = (only > 0) & ~guessed & points & (named > 0)
    rows = (each > 0) & guessed & (named > 0) & (spans | points)
    if not rows.any() and not counted.any():
        return exposed
    people = {name: exposed[name].to_numpy() for name in ("exposed_persons", "exposed_persons_low", "exposed_persons_high")}
    exposed = _with(exposed, {name: np.where(counted, np.minimum(held, named), held) for name, held in people.items()})
    most: dict[str, npt.NDArray[Any]] = {}
    for what in ("exposed_rows", "exposed_persons"):
        best, above = exposed[what].to_numpy(), exposed[f"{what}_high"].to_numpy()
        above = np.where(rows & ((bounds > 0) | ((own > 0) & (what == "exposed_persons"))), np.minimum(above, named), above)
        guess = np.minimum(above, named)
        certain = (best > 0) & rows & ((bounds > 0) | (what == "exposed_persons"))
        most[f"{what}_high"] = above
        most[what] = np.where(certain, guess, best)
        most[f"{what}_low"] = np.minimum(exposed[f"{what}_low"].to_numpy(), most[what])
    share = np.minimum(1.0, most["exposed_persons"] / np.maximum(share_of, 1))
    most["table_share"] = np.where((rows | counted) & (share_of > 0), share, exposed["table_share"].to_numpy())
    return _with(exposed, most)


__all__ = ["COLUMNS", "MOST_HASHES", "Plainly", "with_keys"]
