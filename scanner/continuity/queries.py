"""Logs whose statements are numbered over all connections: MariaDB's server_audit.

Observed with server_audit 1.4 on MariaDB 10.11: query ids count 1, 2, 3 … over all connections from the server's start. An id is
spent without a line by the end of a connection (QUIT), by a change of the default database, by COM_FIELD_LIST, by closing or
resetting a prepared statement, by every step inside a stored routine or trigger; a ping spends none. A statement's line is
written when it ends, those of its tables when it starts, so ids come out of order and one may be still to come for each open
connection.

So a hole in the ids is weighed: what ends of connections, changes of database, routines and running statements explain is taken
off; what is left must be rare in this very log to mean anything. Two things are certain, whatever the log is like: a statement
whose tables were logged and which itself was not although its connection has ended, and a connection that speaks without having
been made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Bools, Ints, ints
from scanner.continuity.observation import Observation, Sign
from scanner.continuity.twice import twice
from scanner.model import FileId, RecordKind

_NEVER = np.int64(1 << 62)
_RARE, _SHARE = 3, 0.002  # holes of a size are rare when there are no more than three, or two in a thousand ids
_MOST_GAPS, _MOST_CONNECTIONS = 2_000, 20_000
_NAMED = re.compile(r"#(\d+)@")
_CALL = re.compile(r"(?is)\A\W*(call|do|execute|begin|if|while|loop|repeat|for|declare)\b|\bexecute\s+immediate\b")
_FUNCTION = re.compile(r"(?i)([a-z_$][\w$]*)`?\s*\(")
_LISTING = re.compile(r"(?is)\A\W*(show\s+(full\s+)?(tables|databases)|use\b|select\s+database\(\))|select @@collation_database")
_FUNCTIONS = """
    abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan avg bin bit_and bit_or bit_xor cast ceil ceiling char
    char_length character_length coalesce concat concat_ws conv convert convert_tz cos count crc32 curdate current_date
    current_time current_timestamp curtime database date date_add date_format date_sub datediff day dayname dayofmonth
    dayofweek dayofyear decode des_decrypt elt encode encrypt exists exp export_set extract field find_in_set floor format
    found_rows from_base64 from_unixtime get_lock greatest group_concat hex hour if ifnull in inet6_aton inet6_ntoa
    inet_aton inet_ntoa insert instr interval isnull json_array json_arrayagg json_extract json_object json_objectagg
    json_unquote json_value key last_day last_insert_id lcase least left length like ln load_file locate log log10 log2
    lower lpad ltrim makedate maketime max md5 mid min minute mod month monthname not now nullif oct octet_length ord over
    partition password position pow power primary quarter quote rand range regexp_replace regexp_substr release_lock repeat
    replace reverse right round row row_count rpad rtrim schema sec_to_time second sha sha1 sha2 sign sin sleep soundex sqrt
    std stddev strcmp str_to_date subdate substr substring substring_index subtime sum sysdate tan time time_format
    time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_days trim truncate ucase unhex unique
    unix_timestamp upper user utc_date utc_timestamp uuid values varchar varbinary decimal int bigint char variance version
    week weekday weight_string where and or on using as table into from select set year yearweek lag lead rank row_number
    dense_rank first_value last_value ntile benchmark connection_id current_user session_user system_user charset collation
"""
_BUILTIN = frozenset(_FUNCTIONS.split())
"""What stands before a parenthesis and runs no stored function."""

HOLE_SCHEMA = pa.schema(
    [
        ("part", pa.int64()),  # 0, 1 …: lives of the server within the slice
        ("low", pa.int64()),  # a stretch of ids that are all there
        ("high", pa.int64()),
        ("spent", pa.int64()),  # before it: ids that ends of connections and changes of database may have spent
        ("pending", pa.int64()),  # behind the last one: ids that may have been spent after everything in the slice
        ("routine", pa.bool_()),  # before it: a stored routine may have run
        ("account", pa.string()),
        ("session", pa.string()),
        ("time", pa.int64()),
        ("offset", pa.int64()),  # of the first record with the id ``low``
        ("length", pa.int64()),
    ]
)
CONNECTION_SCHEMA = pa.schema(
    [
        ("part", pa.int64()),
        ("number", pa.int64()),
        ("session", pa.string()),
        ("account", pa.string()),
        ("made", pa.bool_()),  # its CONNECT was read in this slice
        ("over", pa.bool_()),  # its DISCONNECT was
        ("statements", pa.int64()),
        ("client", pa.bool_()),  # some of them came from a client's address: events and replication have none
        ("last", pa.int64()),  # its highest id
        ("twice", pa.list_(pa.int64())),  # statements that were logged before
        ("orphans", pa.list_(pa.int64())),  # statements of which only the tables were logged, once it is over
        ("time", pa.int64()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)


def condense(records: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Stretches of ids (HOLE_SCHEMA) and connections (CONNECTION_SCHEMA) of one slice, whose sessions have their full names."""
    coded = records["session"].combine_chunks().dictionary_encode()
    numbers = [int(m[1]) if name and (m := _NAMED.search(name)) else -1 for name in coded.dictionary.to_pylist()]
    code = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    number = np.append(np.array(numbers, np.int64), -1)[code]
    kind = pc.fill_null(records["kind"], "").combine_chunks()
    begins = _is(kind, RecordKind.CONNECT)
    lives = _lives(number, begins)
    columns = {
        "session": code,
        "number": number,
        "id": ints(records["statement_id"]),
        "said": _is(kind, RecordKind.AUDIT) | (_is(kind, RecordKind.ERROR) & records["statement_id"].is_valid().to_numpy()),
        "begins": begins,
        "ends": _is(kind, RecordKind.DISCONNECT),
        "database": pc.fill_null(records["dbname"], "")
        .combine_chunks()
        .dictionary_encode()
        .indices.to_numpy(zero_copy_only=False),
        "remote": records["client_addr"].is_valid().to_numpy(),
        "row": np.arange(records.num_rows),
    }
    holes, connections = [], []
    for part in range(int(lives[-1]) + 1 if len(lives) else 0):
        chosen = lives == part
        mine = {name: column[chosen] for name, column in columns.items()}
        holes.append(_stretches(records, mine, part))
        connections.append(_connections(records, coded.dictionary, mine, part))
    empty = HOLE_SCHEMA.empty_table(), CONNECTION_SCHEMA.empty_table()
    return pa.concat_tables([empty[0], *holes]), pa.concat_tables([empty[1], *connections])


def _lives(number: Ints, begins: Bools) -> Ints:
    """The life of the server each record belongs to: a connection number that is made a second time begins another."""
    life = np.zeros(len(number), np.int64)
    rows = np.flatnonzero(begins & (number >= 0))
    while len(rows):
        _, first = np.unique(number[rows], return_index=True)
        again = np.ones(len(rows), np.bool_)
        again[first] = False
        if not again.any():
            break
        at = int(np.flatnonzero(again)[0])
        # the numbers after a restart are low: it began with the lowest of those right before the repeated one
        while at and number[rows[at - 1]] < number[rows[at]]:
            at -= 1
        if not at:
            at = int(np.flatnonzero(again)[0])
        life[rows[at] :] += 1
        rows = rows[at:]
    return life


def _stretches(records: pa.Table, mine: dict[str, Any], part: int) -> pa.Table:
    ids = mine["id"]
    having = np.flatnonzero(ids > 0)
    if not len(having):
        return HOLE_SCHEMA.empty_table()
    known, first = np.unique(ids[having], return_index=True)
    first = having[first]  # the first record of each id
    starts = np.flatnonzero(np.append(True, np.diff(known) > 1))
    stops = np.append(starts[1:], len(known)) - 1
    after, until = _spent(mine, first)
    inner = _inner(mine)
    low = known[starts]
    before = np.append(-1, known[stops[:-1]])
    # an id spent without a line lies between its bounds: those whose bounds reach into this hole
    counted = np.searchsorted(after, low - 1) - np.searchsorted(until, before + 1, side="right")
    open_ = np.flatnonzero((before < 0) | (low - before - 1 > counted))  # of the others nothing more need be known
    routine = np.zeros(len(low), np.bool_)
    routine[open_] = _routine(records, mine, inner, before[open_], low[open_])
    rows = mine["row"][first[starts]]
    taken = records.select(["account", "session", "time", "offset", "length"]).take(pa.array(rows))
    pending = np.zeros(len(rows), np.int64)
    pending[-1] = int((until == _NEVER).sum())
    columns: list[Any] = [np.full(len(rows), part), low, known[stops], counted, pending, routine]
    columns += [taken["account"], taken["session"], taken["time"].cast(pa.int64()), taken["offset"], taken["length"]]
    return pa.table(columns, names=HOLE_SCHEMA.names).cast(HOLE_SCHEMA)


def _spent(mine: dict[str, Any], first: Ints) -> tuple[Ints, Ints]:
    """Ids that the end of a connection or a change of its database has spent: each lies above one bound and below another.

    Above every id that was logged before it, since these were given earlier; below every id that was given to a connection which
    had something logged after it. Each list is sorted for itself.
    """
    ids, number = mine["id"], mine["number"]
    order = np.argsort(number, kind="stable")
    same = np.append(False, number[order][1:] == number[order][:-1])
    before = np.full(len(ids), -1, np.int64)  # the record before, of the same connection
    before[order[1:]] = np.where(same[1:], order[:-1], -1)
    changed = (before >= 0) & (mine["database"] != mine["database"][np.maximum(before, 0)])
    rows = np.flatnonzero(mine["ends"] | changed)
    at = np.where(mine["ends"], np.arange(len(ids)), before)[rows]  # right after this record
    reached = np.maximum.accumulate(np.where(ids > 0, ids, 0))
    # ids in the order in which their connections were free to ask for them
    free = before[first]
    sorted_free = np.argsort(free, kind="stable")
    least = np.append(np.minimum.accumulate(ids[first][sorted_free][::-1])[::-1], _NEVER)
    until = least[np.searchsorted(free[sorted_free], at, side="right")]
    own = np.where(changed[rows] & ~mine["ends"][rows] & (ids[rows] > 0), ids[rows], _NEVER)
    return np.sort(reached[at]), np.sort(np.minimum(until, own))


def _inner(mine: dict[str, Any]) -> Bools:
    """Statements inside routines: their lines stand before that of the statement which called them, and its id is lower."""
    rows = np.flatnonzero(mine["said"])
    order = rows[np.argsort(mine["number"][rows], kind="stable")]
    _, group = np.unique(mine["number"][order], return_inverse=True)
    ids = mine["id"][order] + group.reshape(-1) * np.int64(1 << 44)
    later = np.minimum.accumulate(ids[::-1])[::-1]
    inner = np.zeros(len(mine["id"]), np.bool_)
    inner[order[:-1]] = later[1:] < ids[:-1]
    return inner


def _routine(records: pa.Table, mine: dict[str, Any], inner: Bools, before: Ints, low: Ints) -> Bools:
    """Whether a stored routine, a trigger's owner or a listing of tables stands at a hole, between ``before`` and ``low``."""
    said = np.flatnonzero(mine["said"])
    said = said[np.argsort(mine["id"][said], kind="stable")]
    numbers = mine["id"][said]
    found = np.zeros(len(low), np.bool_)
    if not len(said):
        return found
    for ids, is_before in ((before, True), (low, False)):
        at = np.minimum(np.searchsorted(numbers, ids), len(numbers) - 1)
        rows = said[at]
        there = numbers[at] == ids
        found |= there & inner[rows]
        texts = records["statement"].take(pa.array(mine["row"][rows])).combine_chunks().dictionary_encode()
        runs = np.array([_runs_more(text or "", before=is_before) for text in texts.dictionary.to_pylist()] + [False])
        found |= there & runs[texts.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return found


def _runs_more(text: str, *, before: bool) -> bool:
    """Whether ids beside a statement are spent by what it calls, or by a client that lists tables or changes the database."""
    if _LISTING.search(text):
        return True
    if not before:
        return False
    return _CALL.search(text) is not None or any(name.lower() not in _BUILTIN for name in _FUNCTION.findall(text[:4000]))


def _connections(records: pa.Table, names: pa.Array, mine: dict[str, Any], part: int) -> pa.Table:
    code = mine["session"]
    order = np.argsort(code, kind="stable")
    order = order[np.searchsorted(code[order], 0) :]
    if not len(order):
        return CONNECTION_SCHEMA.empty_table()
    starts = np.flatnonzero(np.append(True, np.diff(code[order]) > 0))
    stops = np.append(starts[1:], len(order))
    said = mine["said"][order]
    statements = np.add.reduceat(said.astype(np.int64), starts)
    over = np.logical_or.reduceat(mine["ends"][order], starts)
    begun = np.logical_or.reduceat(mine["begins"][order], starts)
    touched = (mine["id"][order] > 0) & ~said
    # (connection, id) pairs that have tables and no statement
    key = code[order] * np.int64(1 << 44) + mine["id"][order]
    orphan = np.setdiff1d(key[touched], key[said])
    owner = orphan >> 44
    first = order[starts]
    lost = [
        (orphan[owner == c] & ((1 << 44) - 1)).tolist() if o and len(orphan) else []
        for c, o in zip(code[first], over, strict=True)
    ]
    named = records["account"].is_valid().to_numpy()[mine["row"]][order]
    at = np.maximum.accumulate(np.where(named, np.arange(len(order)), -1))[stops - 1]
    account_rows = np.where(at >= starts, mine["row"][order[np.maximum(at, 0)]], -1)
    place = records.select(["time", "offset", "length"]).take(pa.array(mine["row"][first]))
    columns: list[Any] = [np.full(len(starts), part), mine["number"][first], names.take(pa.array(code[first]))]
    columns += [records["account"].take(pa.array(account_rows, mask=account_rows < 0)), begun, over, statements]
    columns += [np.logical_or.reduceat((mine["said"] & mine["remote"])[order], starts)]
    doubled, numbers = twice(records, mine)
    added = [numbers[doubled == c].tolist() if len(doubled) else [] for c in code[first]]
    columns += [np.maximum.reduceat(mine["id"][order], starts), pa.array(added, pa.list_(pa.int64()))]
    columns += [pa.array(lost, pa.list_(pa.int64()))]
    columns += [place["time"].cast(pa.int64()), place["offset"], place["length"]]
    table = pa.table(columns, names=CONNECTION_SCHEMA.names).cast(CONNECTION_SCHEMA)
    return table.take(pa.array(np.argsort(mine["row"][first], kind="stable")))


def _is(kind: pa.Array, word: RecordKind) -> Bools:
    found: Bools = pc.equal(kind, str(word)).to_numpy(zero_copy_only=False)
    return found


# -- what is carried from slice to slice ------------------------------------------------------------------------------------


@dataclass
class Queries:
    """One server's query ids so far."""

    high: int = 0  # the highest id read; 0: none yet
    lowest: int = -1  # the lowest connection number that was made in this life of the server
    ids: int = 0  # how many were read, over all lives
    pending: int = 0  # ids that may have been spent at the end of the last slice
    sizes: list[int] = field(default_factory=lambda: [0, 0])  # unexplained holes so far: of any size, of three and more
    open: dict[int, list[Any]] = field(default_factory=dict)  # connection -> [last id, account, session, statements so far]
    made: dict[int, None] = field(default_factory=dict)  # connection numbers of this life, the latest ones
    gaps: list[list[Any]] = field(
        default_factory=list
    )  # [first, last, spent, routine, account, session, time, file, path, offset, length]
    ended: list[tuple[str | None, bool, int, str]] = field(default_factory=list)

    def follow(self, file: FileId, holes: pa.Table, connections: pa.Table) -> list[Observation]:
        """Take in one slice."""
        found: list[Observation] = []
        for part in sorted(set(pc.unique(connections["part"]).to_pylist())):
            mine = connections.filter(pc.equal(connections["part"], part)).to_pylist()
            if part or any(row["made"] and row["number"] in self.made for row in mine):
                self._restarted()
            for row in mine:
                found += self._connection(row, file)
            for row in holes.filter(pc.equal(holes["part"], part)).to_pylist():
                self._stretch(row, file)
        return found

    def _restarted(self) -> None:
        self.high, self.lowest, self.pending = 0, -1, 0
        self.open.clear()
        self.made.clear()

    def _connection(self, row: dict[str, Any], file: FileId) -> list[Observation]:
        number = row["number"]
        known = self.open.get(number)
        if row["made"]:
            self.made[number] = None
            if len(self.made) > _MOST_CONNECTIONS:
                del self.made[next(iter(self.made))]
            self.lowest = number if self.lowest < 0 else min(self.lowest, number)
            known = None
        found = []
        unmade = known is None and not row["made"]
        if unmade and 0 <= self.lowest < number and row["client"] and row["account"]:
            what = f"connection {number} of {row['account']} speaks, but that it was made is not in the log"
            found.append(_observed(Sign.HOLE, what, row, file, ("connect", row["session"]), 1))
        if row["twice"]:
            ids = ", ".join(map(str, row["twice"][:5])) + (" …" if len(row["twice"]) > 5 else "")
            what = f"the server gives a number once, yet statement {ids} of connection {number} was logged before in {file.path}"
            found.append(
                _observed(Sign.REPEATED, what, row, file, ("twice", row["session"], *row["twice"][:5]), len(row["twice"]))
            )
        for orphan in row["orphans"][:20]:
            what = (
                f"of statement {orphan} on connection {number} of {row['account']} the tables are in the log, but the statement "
                "itself is not"
            )
            found.append(_observed(Sign.HOLE, what, row, file, ("orphan", row["session"], orphan), 1))
        statements = row["statements"] + (known[3] if known else 0)
        if row["over"]:
            self.open.pop(number, None)
            if row["made"] or known is not None:
                self.ended.append((row["account"], statements > 0, row["time"], row["session"]))
        elif row["made"] or known is not None:
            self.open[number] = [max(row["last"], known[0] if known else 0), row["account"], row["session"], statements]
            if len(self.open) > _MOST_CONNECTIONS:
                del self.open[next(iter(self.open))]
        return found

    def _stretch(self, row: dict[str, Any], file: FileId) -> None:
        low, high = row["low"], row["high"]
        self.ids += high - low + 1
        if self.high and low > self.high + 1:
            place = [row["account"], row["session"], row["time"], file.id, file.path, row["offset"], row["length"]]
            self.gaps.append([self.high + 1, low - 1, row["spent"] + self.pending, row["routine"], *place])
            del self.gaps[:-_MOST_GAPS]
            self.pending = 0
        elif low <= self.high:
            self._filled(low, high)
            for gap in self.gaps:
                if gap[5] == row["session"] and low < gap[0]:
                    gap[3] = True  # the statement that called what ran in between has only ended now
        self.high = max(self.high, high)
        self.pending += row["pending"]

    def _filled(self, low: int, high: int) -> None:
        kept: list[list[Any]] = []
        for gap in self.gaps:
            if high < gap[0] or low > gap[1]:
                kept.append(gap)
                continue
            kept += [[a, b, *gap[2:]] for a, b in ((gap[0], low - 1), (high + 1, gap[1])) if a <= b]
        self.gaps = kept

    def conclude(self, unfinished: frozenset[str]) -> list[Observation]:
        """Holes that nothing explains, now that every file was read."""
        del unfinished
        waiting, judged = [], []
        for gap in self.gaps:
            left = gap[1] - gap[0] + 1 - gap[2]
            running = sum(last < gap[0] for last, *_ in self.open.values())
            if gap[3] or left <= 0:
                continue
            if running and left <= running:
                waiting.append(gap)  # their statements may still be running
            else:
                judged.append((gap, left))
        self.gaps = waiting
        self.sizes[0] += len(judged)
        self.sizes[1] += sum(left >= 3 for _, left in judged)
        rare = max(_RARE, self.ids * _SHARE)
        return [_hole(gap, left) for gap, left in judged if self.sizes[int(left >= 3)] <= rare]

    def to_json(self) -> list[Any]:
        return [self.high, self.lowest, self.ids, self.pending, self.sizes, list(self.open.items()), list(self.made), self.gaps]

    @classmethod
    def from_json(cls, data: list[Any]) -> Queries:
        high, lowest, ids, pending, sizes, opened, made, gaps = data
        return cls(high, lowest, ids, pending, sizes, {int(number): state for number, state in opened}, dict.fromkeys(made), gaps)


def _observed(
    sign: Sign, what: str, row: dict[str, Any], file: FileId, subject: tuple[str | int, ...], count: int
) -> Observation:
    return Observation(
        sign, what, row["time"] if row["time"] is not None else -1, subject, count, row["account"], row["session"],
        file.path, file.id, row["offset"], row["length"],
    )  # fmt: skip


def _hole(gap: list[Any], left: int) -> Observation:
    first, last, spent, _, account, session, time, file_id, path, offset, length = gap
    which = f"query id {first} is" if first == last else f"query ids {first} to {last} are"
    what = f"{which} missing before byte {offset} of {path}; {left} of them nothing explains"
    sign = Sign.QUERY_HOLE if left >= 3 else Sign.QUERY_GAP
    facts = {"first": first, "last": last, "explained": spent}
    return Observation(
        sign,
        what,
        time if time is not None else -1,
        ("ids", file_id, first, last),
        left,
        account,
        session,
        path,
        file_id,
        offset,
        length,
        facts,
    )
