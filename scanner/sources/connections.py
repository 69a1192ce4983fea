"""Connection ids that are used again: telling one life of a connection id from the next.

MariaDB and MySQL number connections from 1 (or so) each time the server starts. Their sources give a record the session
``server#7``; here it becomes ``server#7@20261122T074506Z``, after the moment that connection was made. A session whose
beginning was not logged (or lies before all that was read) is ``server#7@?`` until its id is connected anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import RecordKind

MARK = "#"
"""Stands between server and connection id; sessions without it are left alone."""

_SINCE = "@"
_SECONDS_FROM = 1_577_836_800  # 2020-01-01: keeps session_line below 2**53, which JSON readers in browsers need
_BEGINS = (str(RecordKind.CONNECT), str(RecordKind.ERROR))  # an error without a statement is a failed log-in


def name_sessions(records: pa.Table, known: Iterable[str]) -> tuple[pa.Table, dict[str, str]]:
    """Records (RECORD_SCHEMA, of consecutive slices) with sessions that are unique for ever, and the sessions that began.

    ``known``: the names of sessions still open before this slice, as given by earlier calls. Returned beside the records: the
    last name of every connection seen here, by connection; all other names of that connection are over.
    """
    coded = pa.concat_arrays(records["session"].chunks).dictionary_encode() if records.num_rows else None
    if coded is None:
        return records, {}
    connections = coded.dictionary.to_pylist()
    if not any(MARK in name for name in connections):
        return records, {}
    carried = {name.partition(_SINCE)[0]: name for name in known if MARK in name and _SINCE in name}
    code = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    kind = pc.is_in(records["kind"], pa.array(_BEGINS)).to_numpy()
    begins = kind & records["statement_id"].is_null().to_numpy() & (code >= 0)
    order = np.argsort(code, kind="stable")
    sorted_code = code[order]
    latest = np.maximum.accumulate(np.where(begins[order], np.arange(len(order)), -1))
    group = np.searchsorted(sorted_code, sorted_code)
    own = latest >= group  # the connection was made within these records
    start = np.empty(len(order), np.int64)
    start[order] = np.where(own, order[np.maximum(latest, 0)], -1)
    # distinct (connection, start) pairs: few beside the records, and in order already
    pair_start = start[order]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (sorted_code[1:] != sorted_code[:-1]) | (pair_start[1:] != pair_start[:-1])
    back = np.empty(len(order), np.int64)
    back[order] = np.cumsum(fresh) - 1
    times = records["time"]
    names: list[str | None] = []
    last: dict[str, tuple[int, str]] = {}
    for connection, row in zip(sorted_code[fresh].tolist(), pair_start[fresh].tolist(), strict=True):
        if connection < 0:
            names.append(None)
            continue
        bare = connections[connection]
        if row >= 0:
            when = times[row].as_py()
            name = f"{bare}{_SINCE}{when:%Y%m%dT%H%M%SZ}" if when is not None else f"{bare}{_SINCE}?"
        else:
            name = carried.get(bare, f"{bare}{_SINCE}?")
        names.append(name)
        if bare not in last or row > last[bare][0]:
            last[bare] = (row, name)
    sessions = pa.array(names, pa.string()).take(pa.array(back))
    place = records.schema.get_field_index("session")
    return records.set_column(place, "session", sessions), {bare: name for bare, (_, name) in last.items()}


def session_lines(time: pa.Array, offsets: npt.NDArray[np.int64]) -> pa.Array:
    """A number that rises along a session, through all files it is logged in: its second, then the place in the file."""
    seconds = pc.fill_null(time.cast(pa.int64()), 0).to_numpy() // 1_000_000 - _SECONDS_FROM
    return pa.array(np.maximum(seconds, 0) * (1 << 20) + offsets % (1 << 20))


_PORT = re.compile(r":[0-9]+\Z")


def addresses(host: pa.Array) -> pa.Array:
    """The client without its port (MariaDB 12 logs one), once a distinct value. ``localhost`` is what the socket is called."""
    coded = host.dictionary_encode()
    return pa.array([_address(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _address(text: str | None) -> str | None:
    bare = (text or "").strip()
    if bare.startswith("[") and "]" in bare:
        bare = bare[1 : bare.index("]")]
    elif bare.count(":") == 1 or re.search(r":[0-9]{5}\Z", bare):  # five digits are no part of an IPv6 address
        bare = _PORT.sub("", bare)
    return "[local]" if bare == "localhost" else bare or None
