"""Statements that stand twice in a log whose statements are numbered over all connections. The server gives a number once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from scanner.arrays import Ints

_MOST = 10_000
_NEAR, _FAR, _BESIDE = 1_000, 1_000, 10


def twice(records: pa.Table, mine: dict[str, Any]) -> tuple[Ints, Ints]:
    """Codes of connections and ids of statements that were put in: (connections, ids), in the order of the log.

    ``EXECUTE IMMEDIATE`` is logged twice under one number with two texts, so of one connection the texts must be the same. Of two
    connections the records must stand near each other, or the number must be an old one among new ones: after a restart that was
    not noticed numbers are met again as well, but then all of them, and far apart.
    """
    rows = np.flatnonzero(mine["said"] & (mine["id"] > 0))
    ids, code = mine["id"][rows], mine["session"][rows]
    order = np.argsort(ids, kind="stable")
    again = np.flatnonzero(np.diff(ids[order]) == 0)[:_MOST] + 1
    if not len(again):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first, second = order[again - 1], order[again]
    reached = np.maximum.accumulate(ids)
    found = []
    texts = records.select(["statement", "error_code", "dbname"])
    for one, two in sorted(zip(first.tolist(), second.tolist(), strict=True), key=lambda pair: pair[1]):
        if code[one] == code[two]:
            same = [texts.slice(int(mine["row"][rows[at]]), 1).to_pylist() for at in (one, two)]
            if same[0] == same[1]:
                found.append(two)
            continue
        around = float(np.median(ids[max(0, two - _BESIDE) : two + _BESIDE + 1]))
        old = ids[two] < around - _FAR and around >= reached[two] - _NEAR
        if two - one <= _NEAR or old:
            found.append(two)
    at = np.array(found, np.int64)
    return code[at], ids[at]


__all__ = ["twice"]
