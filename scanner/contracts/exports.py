"""Agreed exports: which events they cover, and the rows of a local day that are used up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.arrays import Bools, Ints
from scanner.config import Config, Contract
from scanner.contracts.clock import Window
from scanner.contracts.facts import (
    ADDRESS,
    COLUMN,
    EXPORT,
    FAR_FUTURE,
    FAR_PAST,
    HOURS,
    STATES,
    TABLE,
    Facts,
    array_of,
    day_number,
    lengths_of,
    numbers_of,
)
from scanner.contracts.match import Verdict

# Rows of agreed exports so far, by local day of the vendor. Rows past the limit are in it too.
EXPORT_ROWS_SCHEMA = pa.schema(
    [
        ("vendor", pa.string()),
        ("export", pa.int16()),  # index into the contract's exports
        ("day_local", pa.date32()),
        ("rows", pa.int64()),
    ]
)


def agreed_exports(
    breach: npt.NDArray[np.uint8],
    outside: Ints,
    state: npt.NDArray[np.int8],
    facts: Facts,
    events: pa.Table,
    config: Config,
    prior: pa.Table | None,
) -> tuple[Bools, npt.NDArray[np.int16], pa.Table]:
    """Agreed exports and which of the contract's each is (-1: none); lifts their breaches and adds ``export`` where the
    agreement was left."""
    totals = _totals(prior)
    agreed = np.zeros(len(facts.party), dtype=np.bool_)
    which = np.full(len(facts.party), -1, dtype=np.int16)
    has_pii = lengths_of(array_of(events, "pii_columns")) > 0
    candidates = facts.touches & has_pii & (state == STATES.index("active")) & (breach & ADDRESS == 0)
    exported = numbers_of(events, "exposed_rows").clip(min=0)
    microseconds = array_of(events, "time").cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    for (name, contract), touched in facts.by_term:
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
            fits &= facts.clock.day[rows] >= day_number(export.from_, FAR_PAST)
            fits &= facts.clock.day[rows] <= day_number(export.until, FAR_FUTURE)
            which[rows[fits]] = number
            counted |= fits
            running = _running_totals(facts.clock.day[rows[fits]], exported[rows[fits]], totals, (name, number))
            within[fits] = running <= export.max_rows_per_day
        agreed[rows[within]] = True
        breach[rows[within]] &= np.uint8(~(TABLE | COLUMN | HOURS) & 0xFF)
        left = named & ~within
        not_covered = (outside[rows] & (TABLE | COLUMN)) != 0
        if contract.max_persons_per_day is None:
            not_covered |= counted
        breach[rows[left & not_covered]] |= EXPORT
    which[~agreed] = -1
    return agreed, which, _totals_table(totals)


def export_names(contracts: list[Contract | None], term: npt.NDArray[np.int16], which: npt.NDArray[np.int16]) -> pa.Array:
    """Names of agreed exports; the number, from 1, of one without a name; null for other events."""
    most = max((len(c.exports) for c in contracts if c), default=0)
    if not most or not (which >= 0).any():
        return pa.nulls(len(term), pa.string())
    names: list[str | None] = []
    for contract in contracts:
        own = [export.name or str(n) for n, export in enumerate(contract.exports, 1)] if contract else []
        names += [*own, *[None] * (most - len(own))]
    return pa.array(names, pa.string()).take(pa.array(term.astype(np.int64) * most + which, mask=which < 0))


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
