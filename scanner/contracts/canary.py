"""Canaries: rows that no honest work touches, declared in the configuration. Asking for one gives the reader away."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.config import Canary


def canaries(acts: pa.Table, events: pa.Table, declared: Sequence[Canary]) -> pa.Array:
    """For each event, whether it asked for a declared canary.

    ``acts`` holds ``statement`` and ``parameter``, ``events`` (row for row the same) ``tables``, ``activity`` and ``fk_check``. A
    statement that failed counts: it was asked for all the same. Only statements over the canary's table are searched, with an
    automaton that never backtracks.
    """
    found = np.zeros(events.num_rows, np.bool_)
    if not declared or not events.num_rows:
        return pa.array(found)
    looks = pc.is_in(events["activity"], value_set=pa.array(["read", "write", "function", "misc", "error"]))
    looks = pc.and_(looks, pc.invert(pc.fill_null(events["fk_check"], False))).to_numpy()
    lists = events["tables"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    row_of = np.repeat(np.arange(events.num_rows), lengths)
    names = lists.flatten().dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False)
    for canary in declared:
        wanted = np.array([_is_table(name, canary.table) for name in names.dictionary.to_pylist()], np.bool_)
        if not wanted.any():
            continue
        over = np.zeros(events.num_rows, np.bool_)
        over[row_of[wanted[codes]]] = True
        over &= looks
        rows = np.flatnonzero(over)
        if canary.values and len(rows):
            rows = rows[_names_one(acts.take(pa.array(rows)), canary.values)]
        found[rows] = True
    return pa.array(found)


def _names_one(acts: pa.Table, values: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which statements name one of the values as a whole word, in their text or their bound parameters."""
    alternatives = "|".join(re.escape(value) for value in values)
    # whole: 9001 stands neither in 19001 nor in 010-9001-2000, but in "mbr_no=9001--"
    before, after = r"(?:^|[^\pL\pN_@.+-]|[^\pL\pN_][.+-])", r"(?:$|[^\pL\pN_@.+-]|[.+-](?:$|[^\pL\pN]))"
    pattern = f"{before}(?:{alternatives}){after}"
    named = [pc.fill_null(pc.match_substring_regex(acts[name], pattern), False) for name in ("statement", "parameter")]
    both: np.ndarray[tuple[int], np.dtype[np.bool_]] = pc.or_(*named).to_numpy()
    return both


def _is_table(name: str | None, wanted: str) -> bool:
    """Whether ``schema.table`` is the one named, with its schema or without."""
    return name is not None and (name == wanted or ("." not in wanted and name.rpartition(".")[2] == wanted))
