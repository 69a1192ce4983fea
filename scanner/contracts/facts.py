"""What is known about each event before it is judged: whose it is, its local time, which contract holds for it."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Bools, Ints, codes_of
from scanner.config import Config, Contract
from scanner.contracts.clock import LocalTime, local_time
from scanner.contracts.match import AccountMatcher
from scanner.model import EVENT_SCHEMA

BREACHES = ("table", "column", "hours", "address", "expired", "not_yet", "export")
STATES = ("none", "active", "expired", "not_yet")
TABLE, COLUMN, HOURS, ADDRESS, EXPIRED, NOT_YET, EXPORT = (1 << bit for bit in range(len(BREACHES)))

FAR_PAST, FAR_FUTURE = np.iinfo(np.int32).min, np.iinfo(np.int32).max

Rows = npt.NDArray[np.intp]


class Facts(NamedTuple):
    """What the judge needs to know of every event, worked out once; arrays are in the order of the events."""

    party: npt.NDArray[np.int16]  # 0 the company, i + 1 the i-th vendor by name
    clock: LocalTime
    times: pa.Array
    term: npt.NDArray[np.int16]  # index into the terms: 0 no contract
    touches: Bools  # a vendor's event that touches data, so that breaches are judged
    groups: list[tuple[str, Rows]]  # each vendor with the rows that it touches, in order
    by_term: list[tuple[Term, Rows]]  # each contract with the rows of ``touches`` that it judges, in order
    persons: Ints


class Term(NamedTuple):
    """A contract of a vendor, as the judge goes through them; the first stands for no contract."""

    vendor: str
    contract: Contract | None


def terms_of(config: Config, names: list[str]) -> list[Term]:
    """The contracts of the vendors ``names``, the first standing for none; parts of a vendor without their own have its."""
    found = [Term("", None)]
    for name in names:
        own = config.vendors[name]
        parent = config.vendors[own.part_of] if own.part_of else own
        found += [Term(name, contract) for contract in own.agreed or parent.agreed]
    return found


def _term_of(party: npt.NDArray[np.int16], clock: LocalTime, names: list[str], terms: list[Term]) -> npt.NDArray[np.int16]:
    """The contract that judges each event: of several the one that has begun last, before the first the first."""
    places: dict[str, list[int]] = {}
    for number, term in enumerate(terms[1:], 1):
        places.setdefault(term.vendor, []).append(number)
    only = np.zeros(len(names) + 1, dtype=np.int16)
    for name, numbers in places.items():
        only[names.index(name) + 1] = numbers[0]
    found = only[party]
    for name, numbers in places.items():
        if len(numbers) > 1:
            rows = np.flatnonzero(party == names.index(name) + 1)
            begins = np.array(
                [day_number(contract.from_ if (contract := terms[n].contract) else None, FAR_PAST) for n in numbers]
            )
            latest = np.searchsorted(begins, clock.day[rows], side="right") - 1
            found[rows] = np.array(numbers, dtype=np.int16)[latest.clip(min=0)]
    return found


def day_number(value: date | None, default: int) -> int:
    """Days since 1970, or ``default`` for no date."""
    return (value - date(1970, 1, 1)).days if value else default


def facts_of(events: pa.Table, config: Config, names: list[str], terms: list[Term]) -> Facts:
    """Whose each event is, when it was for them, which contract judges it, and whether it touches data."""
    matcher = AccountMatcher({name: config.vendors[name].accounts for name in names})
    accounts = array_of(events, "account").dictionary_encode()
    party_of = [
        names.index(vendor) + 1 if (vendor := matcher.vendor(account)) else 0 for account in accounts.dictionary.to_pylist()
    ]
    party = np.array([*party_of, 0], dtype=np.int16)[codes_of(accounts)]

    zones = [config.zone().key, *(config.zone(name).key for name in names)]
    times = array_of(events, "time")
    clock = local_time(times, party, zones)

    persons = numbers_of(events, "exposed_persons")
    read_or_write = pc.is_in(array_of(events, "activity"), value_set=pa.array(["read", "write"]))
    on_tables = bools_of(read_or_write) & (lengths_of(array_of(events, "tables")) > 0)
    exposes = (persons > 0) | (lengths_of(array_of(events, "pii_columns")) > 0)
    fk_check = bools_of(pc.fill_null(array_of(events, "fk_check"), False))
    touches = (party > 0) & (on_tables | exposes) & ~fk_check
    term = _term_of(party, clock, names, terms)
    by_term = [(terms[number], rows) for number, rows in _by_number(term, touches)]
    groups = [(names[number - 1], rows) for number, rows in _by_number(party, touches)]
    return Facts(party, clock, times, term, touches, groups, by_term, persons)


def _by_number(numbers: npt.NDArray[np.int16], wanted: Bools) -> list[tuple[int, Rows]]:
    """Each number above 0 among the wanted events, with their row numbers in order."""
    rows = np.flatnonzero(wanted & (numbers > 0))
    if len(rows) == 0:
        return []
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(numbers[rows], prepend=-1))
    return [(int(numbers[part[0]]), part) for part in np.split(rows, starts[1:])]


def array_of(events: pa.Table, name: str) -> pa.Array:
    """A column as one array of the schema's type; nulls when the table lacks it."""
    kind = EVENT_SCHEMA.field(name).type
    if name not in events.column_names:
        return pa.nulls(events.num_rows, kind)
    column = events[name].cast(kind).combine_chunks()
    return column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)


def bools_of(array: pa.Array) -> Bools:
    """An array without nulls as numpy booleans."""
    result: Bools = array.to_numpy(zero_copy_only=False).astype(np.bool_)
    return result


def numbers_of(events: pa.Table, name: str) -> Ints:
    """A column of whole numbers; null is 0."""
    numbers: Ints = array_of(events, name).fill_null(0).to_numpy(zero_copy_only=False)
    return numbers


def lengths_of(lists: pa.Array) -> Ints:
    """How many elements each list has; null has none."""
    lengths: Ints = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths
