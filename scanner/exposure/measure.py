"""How much left with each act: the facts of its shape against what the log reports, set-based.

The cases stand in :mod:`scanner.exposure.cases`; here is which acts need them, and what an ordinary one lets out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.arrays import Ints, mask
from scanner.exposure.cases import DUMP_PROGRAMS, Carried, Cases, frame_of
from scanner.exposure.facts import technique_words

OPEN_CURSOR_SCHEMA = pa.schema(
    [
        ("session", pa.string()),
        ("cursor", pa.string()),
        ("shape", pa.string()),
        ("consumed", pa.int64()),  # rows asked of it so far
    ]
)
PREPARED_SCHEMA = pa.schema([("session", pa.string()), ("prepared", pa.string()), ("shape", pa.string())])
SESSION_SCHEMA = pa.schema([("session", pa.string())])
STATEMENT_SCHEMA = pa.schema(
    [
        ("session", pa.string()),
        ("statement_id", pa.int64()),
        ("top_text", pa.string()),  # of its first act; a digest when long
        ("selects", pa.bool_()),  # an act of it was a SELECT
        ("covers", pa.bool_()),  # its outer statement is known to hand over what nested ones read
    ]
)

EXPOSED_SCHEMA = pa.schema(
    [
        ("facts", pa.int64()),  # row of the facts whose columns leave: the DECLARE's for a FETCH, the PREPARE's for an EXECUTE
        ("exposed_rows", pa.int64()),
        ("exposed_rows_low", pa.int64()),
        ("exposed_rows_high", pa.int64()),
        ("exposed_persons", pa.int64()),
        ("exposed_persons_low", pa.int64()),
        ("exposed_persons_high", pa.int64()),
        ("rows_source", pa.string()),
        ("table_share", pa.float64()),
        ("technique", pa.string()),
        ("techniques", pa.list_(pa.string())),
    ]
)
_NUMBERS = (*(field.name for field in EXPOSED_SCHEMA if field.name.startswith("exposed_")), "table_share")


@dataclass(frozen=True)
class SessionCarry:
    """What sessions that are still open leave behind for the next slice."""

    cursors: pa.Table  # OPEN_CURSOR_SCHEMA
    prepared: pa.Table  # PREPARED_SCHEMA
    dumping: pa.Table  # SESSION_SCHEMA: sessions that set themselves up as a dump tool does
    statements: pa.Table  # STATEMENT_SCHEMA: the last statement of each session, of which more acts may come
    telling: pa.Table = field(default_factory=SESSION_SCHEMA.empty_table)  # sessions whose FETCH, BEGIN … are logged

    @staticmethod
    def empty() -> SessionCarry:
        schemas = (OPEN_CURSOR_SCHEMA, PREPARED_SCHEMA, SESSION_SCHEMA, STATEMENT_SCHEMA)
        return SessionCarry(*(schema.empty_table() for schema in schemas))


@dataclass(frozen=True)
class Measured:
    """Exposure of every act (EXPOSED_SCHEMA, in the order of the acts), and what to carry to the next slice."""

    exposed: pa.Table
    carry: SessionCarry


def measure(acts: pa.Table, facts: pa.Table, carry: SessionCarry) -> Measured:
    """Exposure of every act.

    ``acts`` is ACT_SCHEMA plus ``shape``; ``facts`` holds FACTS_SCHEMA rows for every shape of ``acts`` *and* of the
    carried cursors and prepared statements. Most acts of most logs touch nothing personal: only the others, and the acts
    that share a statement with them, go through the cases above.
    """
    code = _codes(acts["shape"], facts["shape"])
    plain, relevant = _sorted_out(acts, facts, code, carry)
    small, left = _measured(acts.take(pa.array(relevant)), acts, facts, carry)

    own = facts["techniques"].to_pylist()
    words = [technique_words(found or ()) for found in own] + [()]
    place = code.copy()  # row of ``words``; -1 is the last: no shape, no words
    facts_row = code.copy()
    numbers = {name: np.zeros(acts.num_rows, np.float64 if name == "table_share" else np.int64) for name in _NUMBERS}
    reported = pc.if_else(pc.is_valid(acts["returned_rows"]), "reported", "unknown").combine_chunks()
    for name, values in _plain_numbers(acts, facts, code, plain).items():
        numbers[name][plain] = values
    if small.num_rows:
        for name in _NUMBERS:
            numbers[name][relevant] = small[name].to_numpy()
        facts_row[relevant] = _codes(small["eff_shape"], facts["shape"])
        place[relevant] = _circumstances(small, facts, facts_row[relevant], words)
        here = np.zeros(acts.num_rows, np.bool_)
        here[relevant] = True
        reported = pc.replace_with_mask(reported, pa.array(here), small["rows_source"].combine_chunks())
    chosen = pa.array(np.where(place < 0, len(own), place))
    columns = {
        "facts": pa.array(facts_row, mask=facts_row < 0),
        **{name: pa.array(values) for name, values in numbers.items()},
        "rows_source": reported,
        "technique": pa.array([w[0] if w else "" for w in words]).take(chosen),
        "techniques": pa.array(words, pa.list_(pa.string())).take(chosen),
    }
    return Measured(pa.table([columns[name] for name in EXPOSED_SCHEMA.names], schema=EXPOSED_SCHEMA), left)


def _sorted_out(acts: pa.Table, facts: pa.Table, code: Ints, carry: SessionCarry) -> tuple[Ints, Ints]:
    """Acts that are a statement of their own with a reported count, and those that need the cases above.

    The latter: acts from which something personal may leave, that steer a session, that share a statement with such an act,
    and the last statement of each session, of which more acts may come in the next slice.
    """
    steers = pc.is_in(facts["kind"], value_set=pa.array(_STEERING))
    telling = pc.or_(pc.or_(pc.not_equal(facts["mode"], "none"), steers), pc.or_(facts["dump_setup"], facts["explains"]))
    relevant = np.append(mask(telling), False)[code]  # -1, no shape, is the last
    audit = mask(pc.equal(acts["kind"], "audit"))
    encoded = acts["session"].combine_chunks().dictionary_encode()
    session = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    key = session * (1 << 40) + pc.fill_null(acts["statement_id"], 0).to_numpy()
    _, statement, sizes = np.unique(key[audit], return_inverse=True, return_counts=True)

    countable = pc.and_(pc.equal(facts["kind"], "select"), pc.equal(facts["mode"], "rows"))
    countable = pc.and_(countable, pc.invert(pc.or_(facts["explains"], facts["dump_setup"])))
    in_trigger = pa.array(["trigger" in (words or ()) for words in facts["techniques"].to_pylist()], pa.bool_())
    countable = pc.and_(countable, pc.invert(in_trigger))
    plain = np.append(mask(countable), False)[code] & audit
    plain &= mask(pc.and_(pc.is_valid(acts["returned_rows"]), pc.equal(acts["command"], "SELECT")))
    plain &= ~mask(pc.match_substring_regex(acts["app_name"], DUMP_PROGRAMS)) & ~mask(acts["fk_check"])
    plain[audit] &= sizes[statement] == 1
    setting_up = acts["session"].filter(pa.array(np.append(mask(facts["dump_setup"]), False)[code]))
    busy = pa.chunked_array(
        [*setting_up.chunks, *carry.dumping["session"].chunks, *carry.statements["session"].chunks], pa.string()
    )
    is_busy = pc.fill_null(pc.is_in(encoded.dictionary, value_set=busy.combine_chunks()), False).to_numpy(zero_copy_only=False)
    plain &= ~np.append(is_busy, True)[session]

    open_end = np.zeros(len(sizes), np.bool_)
    _, from_behind = np.unique(session[audit][::-1], return_index=True)
    open_end[statement[::-1][from_behind]] = True
    special = np.bincount(statement, (relevant & ~plain)[audit], len(sizes)) > 0
    needed = relevant & ~plain
    needed[audit] |= (special | open_end)[statement]
    return np.flatnonzero(plain & ~needed), np.flatnonzero(needed)


def _plain_numbers(acts: pa.Table, facts: pa.Table, code: Ints, plain: Ints) -> dict[str, npt.NDArray[Any]]:
    """Exposure of acts whose every returned row is a record; the formulas are those of the cases."""
    n = pc.fill_null(acts["returned_rows"], 0).to_numpy()[plain]
    rows, persons = (
        np.append(pc.fill_null(facts[name], 0).to_numpy(), 0)[code[plain]].astype(np.float64)
        for name in ("total_rows", "total_persons")
    )
    single, sets = (np.append(mask(facts[name]), False)[code[plain]] for name in ("single", "distinct"))
    known = (persons > 0) & (rows > 0)
    safe_rows, safe_persons = np.where(known, rows, 1.0), np.where(known, persons, 1.0)
    whole = persons >= rows  # a row is a person
    drawn = np.clip(n / safe_rows, 0.0, 1.0)
    occupied = np.maximum(1, np.round(safe_persons * (1 - np.power(1 - drawn, safe_rows / safe_persons))))
    best = np.where(whole, np.where(single, n, np.minimum(n, persons)), np.where(n >= rows, persons, occupied))
    best = np.where(sets, np.minimum(n, persons), best)
    at_least = np.minimum(persons, np.ceil(n * safe_persons / np.maximum(safe_rows, np.maximum(n, 1))))
    low = np.where(whole, np.where(single, n, 1), np.where((n >= rows) & single, persons, at_least))
    high = np.where(whole & single, n, np.minimum(n, persons))
    values = {"exposed_persons": best, "exposed_persons_low": low, "exposed_persons_high": high}
    counts = {name: np.where(n <= 0, 0, np.where(known, value, n)).astype(np.int64) for name, value in values.items()}
    share = np.where(persons > 0, np.minimum(1.0, counts["exposed_persons"] / safe_persons), 0.0)
    return {"exposed_rows": n, "exposed_rows_low": n, "exposed_rows_high": n, **counts, "table_share": share}


_STEERING = ("declare", "fetch", "close", "prepare", "execute", "deallocate", "replication")


def _measured(relevant: pa.Table, acts: pa.Table, facts: pa.Table, carry: SessionCarry) -> tuple[pa.Table, SessionCarry]:
    """The cases, for the relevant acts; and the sessions' carry."""
    gone = acts["session"].filter(pc.and_(pc.equal(acts["kind"], "disconnect"), pc.is_valid(acts["session"])))
    cursors, prepared, dumping, statements = map(frame_of, (carry.cursors, carry.prepared, carry.dumping, carry.statements))
    ended = frame_of(pa.table({"session": gone}, schema=SESSION_SCHEMA))["session"]
    telling = _telling(acts, carry.telling)
    found = Cases(relevant, facts, Carried(cursors, prepared, dumping, statements, frame_of(telling), ended))
    left = SessionCarry(
        cursors=found.cursors_left().to_arrow().cast(OPEN_CURSOR_SCHEMA),
        prepared=found.prepared_left().to_arrow().cast(PREPARED_SCHEMA),
        dumping=found.dumping_left().to_arrow().cast(SESSION_SCHEMA),
        statements=found.statements_left().to_arrow().cast(STATEMENT_SCHEMA),
        telling=telling.select(["session"]).filter(pc.invert(pc.is_in(telling["session"], value_set=pc.unique(gone)))),
    )
    exposed = found.exposed().to_arrow()
    place = exposed.schema.get_field_index("rows_source")
    return exposed.set_column(place, "rows_source", exposed["rows_source"].cast(pa.string())), left


def _telling(acts: pa.Table, before: pa.Table) -> pa.Table:
    """Sessions of which the log has statements of pgAudit's class MISC (FETCH is one), and the act from which on."""
    said = acts.select(["session", "n"]).filter(pc.equal(acts["audit_class"], "MISC"))
    carried = before.append_column("n", pa.array(np.full(before.num_rows, -1, np.int64)))
    every = pa.concat_tables([carried, said.cast(carried.schema)])
    return (
        every.filter(every["session"].is_valid()).group_by("session").aggregate([("n", "min")]).rename_columns(["session", "n"])
    )


def _circumstances(small: pa.Table, facts: pa.Table, code: Ints, words: list[tuple[str, ...]]) -> Ints:
    """Row of ``words`` for each relevant act; combinations of shape and circumstance not met before are appended."""
    dump, aborted, fetch = (mask(small[name]) for name in ("dump", "aborted", "is_fetch"))
    combined = ((code + 1) * 8 + dump * 4 + aborted * 2 + fetch).astype(np.int64)
    distinct, back = np.unique(combined, return_inverse=True)
    own, modes, kinds = (facts[name].to_pylist() for name in ("techniques", "mode", "kind"))
    rows = np.empty(len(distinct), np.int64)
    for i, value in enumerate(distinct.tolist()):
        row = value // 8 - 1
        reads = row >= 0 and modes[row] != "none" and kinds[row] in ("copy_out", "select", "declare", "fetch")
        rows[i] = len(words)
        words.append(
            technique_words(
                own[row] or () if row >= 0 else (),
                dump=bool(value & 4) and reads,
                aborted=bool(value & 2),
                fetch=bool(value & 1),
            )
        )
    return rows[back]


def _codes(shapes: pa.ChunkedArray, known: pa.ChunkedArray) -> Ints:
    """Row of each shape in the facts; -1 for none."""
    found = pc.index_in(shapes, value_set=known.combine_chunks())
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    codes: Ints = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes
