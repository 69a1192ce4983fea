"""Fills the contract and clock columns of events; what they mean stands in the package's docstring."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.config import Config, Contract
from scanner.contracts.clock import LocalTime, Window, local_time
from scanner.contracts.match import AccountMatcher, AddressMatcher, ColumnMatcher, Verdict, parse_address
from scanner.model import EVENT_SCHEMA

# Rows of agreed exports so far, by local day of the vendor. Rows past the limit are in it too.
EXPORT_ROWS_SCHEMA = pa.schema(
    [
        ("vendor", pa.string()),
        ("export", pa.int16()),  # index into the contract's exports
        ("day_local", pa.date32()),
        ("rows", pa.int64()),
    ]
)

COLUMNS = (  # what judge() fills
    "vendor",
    "contract",
    "contract_state",
    "in_contract",
    "contract_breach",
    "contract_share",
    "agreed_export",
    "hour_local",
    "weekday_local",
    "day_local",
    "in_business_hours",
)
BREACHES = ("table", "column", "hours", "address", "expired", "not_yet", "export")
STATES = ("none", "active", "expired", "not_yet")

_TABLE, _COLUMN, _HOURS, _ADDRESS, _EXPIRED, _NOT_YET, _EXPORT = (1 << bit for bit in range(len(BREACHES)))
_FAR_PAST, _FAR_FUTURE = np.iinfo(np.int32).min, np.iinfo(np.int32).max

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]


class Judged(NamedTuple):
    """Events with :data:`COLUMNS` filled, in the order given, and the day's export rows with these events added."""

    events: pa.Table
    export_rows: pa.Table  # EXPORT_ROWS_SCHEMA


def judge(events: pa.Table, config: Config, database: str, prior_export_rows: pa.Table | None = None) -> Judged:
    """Fill the contract and clock columns of ``events`` (EVENT_SCHEMA; those of :data:`COLUMNS` may be absent).

    ``database`` is the configured name, for unqualified table names of contracts. ``prior_export_rows`` (see
    :data:`EXPORT_ROWS_SCHEMA`) is what earlier calls returned; days nobody asks about any more may be dropped from it.
    To rebuild it, judge the earlier events of those local days and keep only ``export_rows``.
    """
    names = sorted(config.vendors)
    facts = _facts(events, config, names)
    contracts: list[Contract | None] = [None, *(config.vendors[name].contract for name in names)]

    state = _states(facts, contracts)
    breach = np.zeros(len(facts.party), dtype=np.uint8)
    breach[facts.touches & (state == STATES.index("expired"))] |= _EXPIRED
    breach[facts.touches & (state == STATES.index("not_yet"))] |= _NOT_YET
    _break_addresses(breach, facts, events, config)
    outside = _columns_outside(facts, events, contracts, _default_schemas(config, database))
    breach |= (outside & (_TABLE | _COLUMN)).astype(np.uint8)
    _break_hours(breach, facts, config)
    agreed, export_rows = _exports(breach, outside, state, facts, events, config, prior_export_rows)

    limit = np.array([np.inf if c is None or not c.max_persons_per_day else c.max_persons_per_day for c in contracts])
    share = np.where(agreed, 0.0, facts.persons / limit[facts.party])
    in_contract = (state == STATES.index("active")) & (breach == 0)
    clock = facts.clock
    filled = {
        "vendor": _words([None, *names], facts.party),
        "contract": _words([c.version if c else None for c in contracts], facts.party),
        "contract_state": _words(list(STATES), state),
        "in_contract": pa.array(in_contract, mask=facts.party == 0),
        "contract_breach": _breach_lists(breach),
        "contract_share": pa.array(share),
        "agreed_export": pa.array(agreed),
        "hour_local": pa.array((clock.minute // 60).astype(np.int8), mask=clock.unknown),
        "weekday_local": pa.array(clock.weekday, mask=clock.unknown),
        "day_local": pa.array(clock.day, mask=clock.unknown).cast(pa.date32()),
        "in_business_hours": pa.array(_business_hours(facts, config, names), mask=clock.unknown),
    }
    return Judged(_with_columns(events, filled), export_rows)


# ---------------------------------------------------------------------------------------------------------------
# What is known about each event.
# ---------------------------------------------------------------------------------------------------------------


class _Facts(NamedTuple):
    party: npt.NDArray[np.int16]  # 0 the company, i + 1 the i-th vendor by name
    clock: LocalTime
    touches: Bools  # a vendor's event that touches data, so that breaches are judged
    groups: list[tuple[str, Rows]]  # each vendor with the rows that it touches, in order
    persons: Ints


def _facts(events: pa.Table, config: Config, names: list[str]) -> _Facts:
    matcher = AccountMatcher({name: config.vendors[name].accounts for name in names})
    accounts = _array(events, "account").dictionary_encode()
    party_of = [
        names.index(vendor) + 1 if (vendor := matcher.vendor(account)) else 0 for account in accounts.dictionary.to_pylist()
    ]
    party = np.array([*party_of, 0], dtype=np.int16)[_codes(accounts)]

    zones = [config.zone().key, *(config.zone(name).key for name in names)]
    times = _array(events, "time")
    clock = local_time(times, party, zones)

    persons = _numbers(events, "exposed_persons")
    read_or_write = pc.is_in(_array(events, "activity"), value_set=pa.array(["read", "write"]))
    on_tables = _bools(read_or_write) & (_lengths(_array(events, "tables")) > 0)
    exposes = (persons > 0) | (_lengths(_array(events, "pii_columns")) > 0)
    fk_check = _bools(pc.fill_null(_array(events, "fk_check"), False))
    touches = (party > 0) & (on_tables | exposes) & ~fk_check
    return _Facts(party, clock, touches, _by_vendor(party, touches, names), persons)


def _states(facts: _Facts, contracts: list[Contract | None]) -> npt.NDArray[np.int8]:
    epoch = date(1970, 1, 1)

    def days(value: date | None, default: int) -> int:
        return (value - epoch).days if value else default

    begin = np.array([days(c.from_ if c else None, _FAR_PAST) for c in contracts])[facts.party]
    end = np.array([days(c.until if c else None, _FAR_FUTURE) for c in contracts])[facts.party]
    state = np.full(len(facts.party), STATES.index("active"), dtype=np.int8)
    state[facts.clock.day > end] = STATES.index("expired")
    state[facts.clock.day < begin] = STATES.index("not_yet")
    state[np.array([c is None for c in contracts])[facts.party]] = STATES.index("none")
    return state


def _business_hours(facts: _Facts, config: Config, names: list[str]) -> Bools:
    hours = [config.hours(), *(config.hours(name) for name in names)]
    distinct = list(dict.fromkeys(hours))
    which = np.array([distinct.index(own) for own in hours])[facts.party]
    inside = np.zeros(len(facts.party), dtype=np.bool_)
    for number, own in enumerate(distinct):
        rows = which == number
        if rows.all():
            return Window(own).contains(facts.clock.day, facts.clock.minute)
        inside[rows] = Window(own).contains(facts.clock.day[rows], facts.clock.minute[rows])
    return inside


def _default_schemas(config: Config, database: str) -> tuple[str, ...]:
    known = config.databases.get(database)
    return known.default_schemas if known else ("",)


# ---------------------------------------------------------------------------------------------------------------
# What each event breaks.
# ---------------------------------------------------------------------------------------------------------------


def _break_addresses(breach: npt.NDArray[np.uint8], facts: _Facts, events: pa.Table, config: Config) -> None:
    if all(vendor.addresses is None for vendor in config.vendors.values()):
        return
    addresses = _array(events, "client_ip").dictionary_encode()
    known = [parse_address(text) for text in [*addresses.dictionary.to_pylist(), None]]
    codes = _codes(addresses)
    for name, rows in facts.groups:
        own = config.vendors[name].addresses
        if own is None:
            continue
        matcher = AddressMatcher(own)
        wrong = np.zeros(len(known), dtype=np.bool_)
        wrong[codes[rows]] = True
        seen = np.flatnonzero(wrong)
        wrong[seen] = [not matcher.allows(known[code]) for code in seen]
        breach[rows[wrong[codes[rows]]]] |= _ADDRESS


def _columns_outside(facts: _Facts, events: pa.Table, contracts: list[Contract | None], default_schemas: tuple[str, ...]) -> Ints:
    """Per event, bits of :class:`Verdict`: columns outside the tables, outside the columns, outside each export."""
    lists = _array(events, "pii_columns")
    lengths = _lengths(lists)
    judged = facts.touches & (lengths > 0) & np.array([c is not None for c in contracts])[facts.party]
    outside = np.zeros(len(facts.party), dtype=np.int64)
    if not judged.any():
        return outside
    columns = lists.flatten().dictionary_encode()
    names = [*columns.dictionary.to_pylist(), None]
    codes = _codes(columns)[np.repeat(judged, lengths)]
    parties = np.repeat(facts.party[judged], lengths[judged]).astype(np.int64)
    # each pair of vendor and column is looked at once
    pairs = pa.array(parties * len(names) + codes).dictionary_encode()
    matchers = [ColumnMatcher(c, default_schemas) if c else None for c in contracts]
    verdicts = []
    for pair in pairs.dictionary.to_pylist():
        party, code = divmod(pair, len(names))
        matcher = matchers[party]
        verdicts.append(matcher.verdict(names[code] or "") if matcher else 0)
    bits = np.array(verdicts, dtype=np.int64)[_codes(pairs)]
    starts = np.concatenate([[0], np.cumsum(lengths[judged])[:-1]])
    outside[judged] = np.bitwise_or.reduceat(bits, starts)
    return outside


def _break_hours(breach: npt.NDArray[np.uint8], facts: _Facts, config: Config) -> None:
    for name, rows in facts.groups:
        contract = config.vendors[name].contract
        if contract is None or contract.hours == "any":
            continue
        window = Window(config.hours(name) if contract.hours == "business" else contract.hours)
        breach[rows[~window.contains(facts.clock.day[rows], facts.clock.minute[rows])]] |= _HOURS


def _exports(
    breach: npt.NDArray[np.uint8],
    outside: Ints,
    state: npt.NDArray[np.int8],
    facts: _Facts,
    events: pa.Table,
    config: Config,
    prior: pa.Table | None,
) -> tuple[Bools, pa.Table]:
    """Agreed exports; lifts their breaches and adds ``export`` where the agreement was left."""
    totals = _totals(prior)
    agreed = np.zeros(len(facts.party), dtype=np.bool_)
    has_pii = _lengths(_array(events, "pii_columns")) > 0
    candidates = facts.touches & has_pii & (state == STATES.index("active")) & (breach & _ADDRESS == 0)
    exported = _numbers(events, "exposed_rows").clip(min=0)
    microseconds = _array(events, "time").cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    for name, touched in facts.groups:
        contract = config.vendors[name].contract
        if contract is None or not contract.exports:
            continue
        rows = touched[candidates[touched]]
        if np.any(np.diff(microseconds[rows]) < 0):
            rows = rows[np.argsort(microseconds[rows], kind="stable")]
        named = np.zeros(len(rows), dtype=np.bool_)  # some export names all columns that left
        counted = np.zeros(len(rows), dtype=np.bool_)  # … and it was the hour of one
        within = np.zeros(len(rows), dtype=np.bool_)  # … and the day was not used up
        for number, export in enumerate(contract.exports):
            fits = outside[rows] & Verdict.outside_export(number) == 0
            named |= fits
            fits &= ~counted
            if export.hours != "any":
                window = Window(config.hours(name) if export.hours == "business" else export.hours)
                fits &= window.contains(facts.clock.day[rows], facts.clock.minute[rows])
            counted |= fits
            running = _running_totals(facts.clock.day[rows[fits]], exported[rows[fits]], totals, (name, number))
            within[fits] = running <= export.max_rows_per_day
        agreed[rows[within]] = True
        breach[rows[within]] &= np.uint8(~(_TABLE | _COLUMN | _HOURS) & 0xFF)
        left = named & ~within
        not_covered = (outside[rows] & (_TABLE | _COLUMN)) != 0
        if contract.max_persons_per_day is None:
            not_covered |= counted
        breach[rows[left & not_covered]] |= _EXPORT
    return agreed, _totals_table(totals)


def _running_totals(
    days: npt.NDArray[np.int32], rows: Ints, totals: dict[tuple[str, int, int], int], key: tuple[str, int]
) -> Ints:
    """Rows of the local day up to and including each event, in order of time; adds the new rows to ``totals``."""
    if len(days) == 0:
        return rows
    order = np.argsort(days, kind="stable")  # time order within a day is kept
    sorted_days, sorted_rows = days[order], rows[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_days[1:] != sorted_days[:-1]]))
    lengths = np.diff(np.append(starts, len(days)))
    sums = np.cumsum(sorted_rows)
    before = sums[starts] - sorted_rows[starts]
    earlier = np.array([totals.get((*key, int(day)), 0) for day in sorted_days[starts]], dtype=np.int64)
    running = np.empty(len(days), dtype=np.int64)
    running[order] = sums + np.repeat(earlier - before, lengths)
    for day, total in zip(sorted_days[starts], np.add.reduceat(sorted_rows, starts) + earlier, strict=True):
        totals[(*key, int(day))] = int(total)
    return running


def _totals(prior: pa.Table | None) -> dict[tuple[str, int, int], int]:
    totals: dict[tuple[str, int, int], int] = {}
    if prior is None:
        return totals
    days = prior["day_local"].cast(pa.int32()).to_pylist()
    for vendor, export, day, rows in zip(
        prior["vendor"].to_pylist(), prior["export"].to_pylist(), days, prior["rows"].to_pylist(), strict=True
    ):
        totals[(vendor, export, day)] = totals.get((vendor, export, day), 0) + rows
    return totals


def _totals_table(totals: dict[tuple[str, int, int], int]) -> pa.Table:
    keys = sorted(totals)
    return pa.table(
        {
            "vendor": pa.array([vendor for vendor, _, _ in keys], pa.string()),
            "export": pa.array([export for _, export, _ in keys], pa.int16()),
            "day_local": pa.array([day for _, _, day in keys], pa.int32()).cast(pa.date32()),
            "rows": pa.array([totals[key] for key in keys], pa.int64()),
        },
        schema=EXPORT_ROWS_SCHEMA,
    )


# ---------------------------------------------------------------------------------------------------------------
# Arrow to numpy and back.
# ---------------------------------------------------------------------------------------------------------------


def _by_vendor(party: npt.NDArray[np.int16], wanted: Bools, names: list[str]) -> list[tuple[str, Rows]]:
    """Each vendor among the wanted events, with their row numbers in order."""
    rows = np.flatnonzero(wanted & (party > 0))
    if len(rows) == 0:
        return []
    rows = rows[np.argsort(party[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(party[rows], prepend=-1))
    return [(names[party[part[0]] - 1], part) for part in np.split(rows, starts[1:])]


def _array(events: pa.Table, name: str) -> pa.Array:
    """A column as one array of the schema's type; nulls when the table lacks it."""
    kind = EVENT_SCHEMA.field(name).type
    if name not in events.column_names:
        return pa.nulls(events.num_rows, kind)
    column = events[name].cast(kind).combine_chunks()
    return column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)


def _codes(encoded: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    """Codes of a dictionary array; null is −1, the last element of a list with None appended."""
    codes: npt.NDArray[np.int64] = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _bools(array: pa.Array) -> Bools:
    result: Bools = array.to_numpy(zero_copy_only=False).astype(np.bool_)
    return result


def _numbers(events: pa.Table, name: str) -> Ints:
    numbers: Ints = _array(events, name).fill_null(0).to_numpy(zero_copy_only=False)
    return numbers


def _lengths(lists: pa.Array) -> Ints:
    lengths: Ints = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _words(words: list[str | None] | list[str], codes: npt.NDArray[Any]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(codes))


def _breach_lists(breach: npt.NDArray[np.uint8]) -> pa.Array:
    lists = [[word for bit, word in enumerate(BREACHES) if bits >> bit & 1] for bits in range(1 << len(BREACHES))]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(breach))


def _with_columns(events: pa.Table, filled: dict[str, pa.Array]) -> pa.Table:
    for name, values in filled.items():
        field = EVENT_SCHEMA.field(name)
        place = events.schema.get_field_index(name)
        values = values.cast(field.type)
        events = events.append_column(field, values) if place < 0 else events.set_column(place, field, values)
    return events
