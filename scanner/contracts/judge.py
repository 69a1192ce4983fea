"""Fills the contract and clock columns of events; what they mean stands in the package's docstring."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.arrays import Bools, Ints, codes_of
from scanner.config import Config, Contract
from scanner.contracts.clock import DatesWindow, Window, local_time
from scanner.contracts.exports import agreed_exports, export_names
from scanner.contracts.facts import (
    ADDRESS,
    BREACHES,
    COLUMN,
    EXPIRED,
    FAR_FUTURE,
    FAR_PAST,
    HOURS,
    NOT_YET,
    STATES,
    TABLE,
    Facts,
    Term,
    array_of,
    day_number,
    facts_of,
    lengths_of,
    terms_of,
)
from scanner.contracts.match import AddressMatcher, ColumnMatcher, parse_address
from scanner.model import EVENT_SCHEMA

COLUMNS = (  # what judge() fills
    "vendor",
    "main_vendor",
    "contract",
    "contract_state",
    "in_contract",
    "contract_breach",
    "contract_share",
    "agreed_export",
    "export",
    "in_maintenance",
    "hour_local",
    "weekday_local",
    "day_local",
    "in_business_hours",
)


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
    terms = terms_of(config, names)
    facts = facts_of(events, config, names, terms)
    contracts = [term.contract for term in terms]

    state = _states(facts, contracts)
    breach = np.zeros(len(facts.party), dtype=np.uint8)
    breach[facts.touches & (state == STATES.index("expired"))] |= EXPIRED
    breach[facts.touches & (state == STATES.index("not_yet"))] |= NOT_YET
    _break_addresses(breach, facts, events, config)
    outside = _columns_outside(facts, events, contracts, _default_schemas(config, database))
    breach |= (outside & (TABLE | COLUMN)).astype(np.uint8)
    maintenance = _maintenance(facts, config, terms)
    _break_hours(breach, facts, config, maintenance)
    agreed, which, export_rows = agreed_exports(breach, outside, state, facts, events, config, prior_export_rows)

    limit = np.array([np.inf if c is None or not c.max_persons_per_day else c.max_persons_per_day for c in contracts])
    share = np.where(agreed, 0.0, facts.persons / limit[facts.term])
    in_contract = (state == STATES.index("active")) & (breach == 0)
    clock = facts.clock
    filled = {
        "vendor": _words([None, *names], facts.party),
        "main_vendor": _words([None, *(config.vendors[name].part_of or name for name in names)], facts.party),
        "contract": _words([c.version if c else None for c in contracts], facts.term),
        "contract_state": _words(list(STATES), state),
        "in_contract": pa.array(in_contract, mask=facts.party == 0),
        "contract_breach": _breach_lists(breach),
        "contract_share": pa.array(share),
        "agreed_export": pa.array(agreed),
        "export": export_names(contracts, facts.term, which),
        "in_maintenance": pa.array(maintenance),
        "hour_local": pa.array((clock.minute // 60).astype(np.int8), mask=clock.unknown),
        "weekday_local": pa.array(clock.weekday, mask=clock.unknown),
        "day_local": pa.array(clock.day, mask=clock.unknown).cast(pa.date32()),
        "in_business_hours": pa.array(_business_hours(facts, config, names), mask=clock.unknown),
    }
    return Judged(_with_columns(events, filled), export_rows)


# ---------------------------------------------------------------------------------------------------------------
# What is known about each event.
# ---------------------------------------------------------------------------------------------------------------


def _states(facts: Facts, contracts: list[Contract | None]) -> npt.NDArray[np.int8]:
    begin = np.array([day_number(c.from_ if c else None, FAR_PAST) for c in contracts])[facts.term]
    end = np.array([day_number(c.until if c else None, FAR_FUTURE) for c in contracts])[facts.term]
    state = np.full(len(facts.party), STATES.index("active"), dtype=np.int8)
    state[facts.clock.day > end] = STATES.index("expired")
    state[facts.clock.day < begin] = STATES.index("not_yet")
    state[np.array([c is None for c in contracts])[facts.term]] = STATES.index("none")
    return state


def _business_hours(facts: Facts, config: Config, names: list[str]) -> Bools:
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


def _break_addresses(breach: npt.NDArray[np.uint8], facts: Facts, events: pa.Table, config: Config) -> None:
    if all(vendor.addresses is None for vendor in config.vendors.values()):
        return
    addresses = array_of(events, "client_ip").dictionary_encode()
    known = [parse_address(text) for text in [*addresses.dictionary.to_pylist(), None]]
    codes = codes_of(addresses)
    for name, rows in facts.groups:
        own = config.vendors[name].addresses
        if own is None:
            continue
        matcher = AddressMatcher(own)
        wrong = np.zeros(len(known), dtype=np.bool_)
        wrong[codes[rows]] = True
        seen = np.flatnonzero(wrong)
        wrong[seen] = [not matcher.allows(known[code]) for code in seen]
        breach[rows[wrong[codes[rows]]]] |= ADDRESS


def _columns_outside(facts: Facts, events: pa.Table, contracts: list[Contract | None], default_schemas: tuple[str, ...]) -> Ints:
    """Per event, bits of :class:`Verdict`: columns outside the tables, outside the columns, outside each export."""
    lists = array_of(events, "pii_columns")
    lengths = lengths_of(lists)
    judged = facts.touches & (lengths > 0) & np.array([c is not None for c in contracts])[facts.term]
    outside = np.zeros(len(facts.party), dtype=np.int64)
    if not judged.any():
        return outside
    columns = lists.flatten().dictionary_encode()
    names = [*columns.dictionary.to_pylist(), None]
    codes = codes_of(columns)[np.repeat(judged, lengths)]
    parties = np.repeat(facts.term[judged], lengths[judged]).astype(np.int64)
    # each pair of contract and column is looked at once
    pairs = pa.array(parties * len(names) + codes).dictionary_encode()
    matchers = [ColumnMatcher(c, default_schemas) if c else None for c in contracts]
    verdicts = []
    for pair in pairs.dictionary.to_pylist():
        party, code = divmod(pair, len(names))
        matcher = matchers[party]
        verdicts.append(matcher.verdict(names[code] or "") if matcher else 0)
    bits = np.array(verdicts, dtype=np.int64)[codes_of(pairs)]
    starts = np.concatenate([[0], np.cumsum(lengths[judged])[:-1]])
    outside[judged] = np.bitwise_or.reduceat(bits, starts)
    return outside


def _maintenance(facts: Facts, config: Config, terms: list[Term]) -> Bools:
    """Events inside an announced window: of the databases, in the company's time zone, or of the contract."""
    inside = np.zeros(len(facts.party), dtype=np.bool_)
    for window in config.maintenance:
        company = local_time(facts.times, np.zeros(len(facts.party), dtype=np.int16), [config.zone().key])
        inside |= DatesWindow(window).contains(company.day, company.minute) & ~company.unknown
    for number, term in enumerate(terms):
        if term.contract is None or not term.contract.maintenance:
            continue
        rows = np.flatnonzero(facts.term == number)
        for window in term.contract.maintenance:
            inside[rows] |= DatesWindow(window).contains(facts.clock.day[rows], facts.clock.minute[rows])
    return inside


def _break_hours(breach: npt.NDArray[np.uint8], facts: Facts, config: Config, maintenance: Bools) -> None:
    for term, rows in facts.by_term:
        if term.contract is None or term.contract.hours == "any":
            continue
        window = Window(config.hours(term.vendor) if term.contract.hours == "business" else term.contract.hours)
        late = ~window.contains(facts.clock.day[rows], facts.clock.minute[rows])
        breach[rows[late & ~maintenance[rows]]] |= HOURS


# ---------------------------------------------------------------------------------------------------------------
# Arrow to numpy and back.
# ---------------------------------------------------------------------------------------------------------------


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
