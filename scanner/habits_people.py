"""People whom an account had not read yet on the same local day: reading somebody again is no more than usual.

What an account has read is kept as keys (hashes, intervals, everybody), not more than :data:`MOST_KEYS` of an account and day,
the first in the order of the log; people behind further keys count each time. So it does not matter where a log is cut.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Ints
from scanner.siphash import hash_texts

MOST_KEYS = 20_000

READ_SCHEMA = pa.schema([("account", pa.string()), ("day", pa.int32()), ("key", pa.int64())])  # in log order

_PLAIN = bytes(16)  # names of domains are no secret
_MIX = np.int64(-7046029254386353131)  # an odd number whose multiples are spread well (2**64 over the golden ratio)


def newly_read(events: pa.Table, read: pa.Table) -> tuple[Ints, pa.Table]:
    """Per event, how many of its people its account had not read yet that day; and what has been read with these events.

    ``events``: account, day_local, exposed_persons and the key columns of EVENT_SCHEMA, in log order; ``read``: READ_SCHEMA, as
    returned by the call for the slice before.
    """
    persons = pc.fill_null(events["exposed_persons"], 0).to_numpy().astype(np.int64)
    if "key_domain" not in events.column_names:
        return persons, read
    rows, keys, weights = _atoms(events, persons)
    if not len(rows):
        return persons, read
    days = events["day_local"].cast(pa.int32()).combine_chunks().take(pa.array(rows))
    accounts = events["account"].combine_chunks().take(pa.array(rows))
    before = read.num_rows
    account = pa.concat_arrays([*read["account"].chunks, accounts]).dictionary_encode()
    code = account.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    day = np.concatenate([read["day"].to_numpy(), days.fill_null(-1).to_numpy(zero_copy_only=False)]).astype(np.int64)
    key = np.concatenate([read["key"].to_numpy(), keys])
    whose = code * (1 << 24) + day
    order = np.lexsort((key, whose))  # stable: the first in the log comes first
    starts = np.ones(len(order), np.bool_)
    starts[1:] = (whose[order][1:] != whose[order][:-1]) | (key[order][1:] != key[order][:-1])
    first = np.zeros(len(order), np.bool_)
    first[order[starts]] = True
    kept = _kept(first, whose)
    forgotten = np.empty(len(order), np.bool_)
    forgotten[order] = ~kept[order[starts]][np.cumsum(starts) - 1]
    fresh = first | forgotten
    fresh[:before] = False
    counted = fresh[before:]
    known = np.zeros(len(persons), np.bool_)
    known[rows] = True
    new = np.bincount(rows, weights * counted, len(persons))
    return np.where(known, np.rint(new).astype(np.int64), persons), _remembered(account, code, day, key, kept)


def _atoms(events: pa.Table, persons: Ints) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
    """(event, key, people behind it) of every key that an event names, in order."""
    domain = events["key_domain"].combine_chunks().dictionary_encode()
    table = pc.fill_null(events["person_table"], "").combine_chunks().dictionary_encode()
    named = domain.is_valid().to_numpy(zero_copy_only=False) & (persons > 0)
    marks = np.append(hash_texts(domain.dictionary, _PLAIN), 0)[domain.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    tables = hash_texts(table.dictionary, _PLAIN)[table.indices.to_numpy(zero_copy_only=False)]
    lists = events["key_hashes"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    lengths[~named] = 0
    listed = np.flatnonzero(lengths > 0)
    hashes = lists.take(pa.array(listed)).flatten().to_numpy()
    others = np.flatnonzero(named & (lengths == 0))
    low, high = (pc.fill_null(events[name], 0).to_numpy()[others] for name in ("key_low", "key_high"))
    with np.errstate(over="ignore"):
        single = marks[np.repeat(listed, lengths[listed])] * _MIX + hashes
        several = (marks[others] * _MIX + low) * _MIX + (high ^ tables[others])
    rows = np.concatenate([np.repeat(listed, lengths[listed]), others])
    order = np.argsort(rows, kind="stable")
    weights = persons[rows] / np.maximum(lengths[rows], 1)
    return rows[order], np.concatenate([single, several])[order], weights[order]


def _kept(first: npt.NDArray[np.bool_], whose: Ints) -> npt.NDArray[np.bool_]:
    """Of the first appearances those that are remembered: the first MOST_KEYS of each account and day."""
    places = np.flatnonzero(first)
    by = places[np.argsort(whose[places], kind="stable")]
    begins = np.flatnonzero(np.append(True, whose[by][1:] != whose[by][:-1])) if len(by) else by
    rank = np.arange(len(by)) - np.repeat(begins, np.diff(np.append(begins, len(by))))
    kept = np.zeros(len(first), np.bool_)
    kept[by[rank < MOST_KEYS]] = True
    return kept


def _remembered(account: pa.DictionaryArray, code: Ints, day: Ints, key: Ints, kept: npt.NDArray[np.bool_]) -> pa.Table:
    """What is kept for the next slice: of each account its latest local day and the one before."""
    latest = np.full(len(account.dictionary) + 1, -1, np.int64)
    np.maximum.at(latest, code, day)
    rows = np.flatnonzero(kept & (code >= 0) & (day >= latest[code] - 1) & (day >= 0))
    names = account.dictionary.take(pa.array(code[rows]))
    return pa.table([names, pa.array(day[rows].astype(np.int32)), pa.array(key[rows])], schema=READ_SCHEMA)


__all__ = ["MOST_KEYS", "READ_SCHEMA", "newly_read"]
