"""How much left with each act: the facts of its shape against what the log reports, set-based in DuckDB.

The cases, in the order in which they are decided (observed behaviour of pgAudit, see the guide):

* foreign-key checks, function-entry lines, statements from which nothing personal leaves: nobody;
* the COPY line of ``COPY (query)`` and the EXECUTE line repeat a SELECT line of the same statement: counted there;
* a statement nested in a function whose outer statement is known to return it: counted at the outer one;
* FETCH: at most its count, and together with the cursor's other FETCHes at most what the DECLARE can return;
* a failed statement: anything up to what it could return may have left, unless it failed before running;
* COPY of a table, and everything logged without a count: estimated from the catalogue;
* aggregates that keep values: the input's rows leave, whatever the output's count;
* else the reported rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.engine import Engine, arrow
from scanner.exposure.facts import FACTS_SCHEMA, technique_words

Ints = npt.NDArray[np.int64]

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
_NUMBERS = tuple(field.name for field in EXPOSED_SCHEMA if field.name.startswith("exposed_")) + ("table_share",)


@dataclass(frozen=True)
class SessionCarry:
    """What sessions that are still open leave behind for the next slice."""

    cursors: pa.Table  # OPEN_CURSOR_SCHEMA
    prepared: pa.Table  # PREPARED_SCHEMA
    dumping: pa.Table  # SESSION_SCHEMA: sessions that set themselves up as a dump tool does
    statements: pa.Table  # STATEMENT_SCHEMA: the last statement of each session, of which more acts may come

    @staticmethod
    def empty() -> SessionCarry:
        schemas = (OPEN_CURSOR_SCHEMA, PREPARED_SCHEMA, SESSION_SCHEMA, STATEMENT_SCHEMA)
        return SessionCarry(*(schema.empty_table() for schema in schemas))


@dataclass(frozen=True)
class Measured:
    """Exposure of every act (EXPOSED_SCHEMA, in the order of the acts), and what to carry to the next slice."""

    exposed: pa.Table
    carry: SessionCarry


# SQLSTATE classes raised before a statement runs or by what it writes: no row can have left.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BEFORE_RUNNING = ("08P", "0A", "0L", "0P", "23", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "42", "44")

_DUMP_PROGRAMS = "^(pg_dump|pg_dumpall|mysqldump|mariadb-dump|mydumper|expdp)"

_SETUP = """
create temp table act as
select a.n, a.kind as record_kind, a.session, a.session_line, a.statement_id, a.substatement_id, a.audit_class, a.command,
    a.error_code, a.statement, a.returned_rows, a.fk_check, a.app_name, a.shape,
    f.kind, f.destination, f.mode, f.cursor, f.fetch_count, f.prepared, coalesce(f.dump_setup, false) as dump_setup,
    coalesce(f.explains, false) as explains
from acts a left join facts f on f.shape = a.shape;

-- Statements with several acts: which are nested in which, which repeat another. Every act is judged by those logged before
-- it, never by later ones, so that it does not matter where a log is cut; ``*_n`` say from where on something is known.
create temp table several as
select session, statement_id, coalesce(first(o.top_text), brief(first(statement order by substatement_id))) as top_text,
    case when bool_or(o.selects) then -1 else min(n) filter (command = 'SELECT') end as select_n
from act left join open_statements o using (session, statement_id)
where record_kind = 'audit' group by session, statement_id having count(*) > 1 or count(o.top_text) > 0;

create temp table covered as
select session, statement_id, min(n) as n from (
    -- the line of a function's start holds the outer statement, before the function reads anything
    select session, statement_id, n from act join several using (session, statement_id)
    where brief(statement) is not distinct from top_text
        and (explains or (mode <> 'none' and destination not in ('nowhere', 'table')))
        and case when audit_class = 'FUNCTION' then command = 'EXECUTE' else command not in ('COPY', 'EXECUTE', 'FETCH') end
    union all select session, statement_id, -1 from open_statements where covers
) group by all;

-- cursors: every FETCH joined to the latest DECLARE of that name in its session
create temp table opened as
select session, cursor, n, shape, 0::bigint as consumed from act where kind = 'declare' and cursor is not null
    and coalesce(command, '') <> 'SELECT'
union all select session, cursor, -1, shape, consumed from open_cursors;

create temp table fetched as
select f.n, f.session, f.cursor, o.n as opened_n, o.shape as eff_shape, o.consumed,
    coalesce(f.fetch_count, 9000000000000000) as asked, f.returned_rows
from (select * from act where kind = 'fetch' and cursor is not null) f
asof join opened o on f.session = o.session and f.cursor = o.cursor and f.n >= o.n;

create temp table fetch_share as
select n, eff_shape, returned_rows,
    least(consumed + sum(asked) over w, d.high_rows) - least(consumed + sum(asked) over w - asked, d.high_rows) as high_rows,
    least(consumed + sum(asked) over w, d.best_rows) - least(consumed + sum(asked) over w - asked, d.best_rows) as best_rows,
    least(consumed + sum(asked) over w, d.low_rows) - least(consumed + sum(asked) over w - asked, d.low_rows) as low_rows,
    asked, d.source
from fetched join facts d on d.shape = eff_shape
window w as (partition by fetched.session, fetched.cursor, opened_n order by n rows unbounded preceding);

create temp table executed as
select e.n, p.shape as eff_shape
from (select * from act where kind = 'execute' and prepared is not null) e
asof join (
    select session, prepared, n, shape from act where kind = 'prepare' and prepared is not null
    union all select session, prepared, -1, shape from open_prepared
) p on e.session = p.session and e.prepared = p.prepared and e.n >= p.n
anti join several s on e.session = s.session and e.statement_id = s.statement_id and s.select_n < e.n;

create temp table dumping as
select session, min(n) as n from (
    select session, n from act where dump_setup union all select session, -1 from dump_sessions
) group by session;
"""

_EXPOSED = f"""
with basis as (
    select a.n, a.session, a.shape, coalesce(f.eff_shape, x.eff_shape, a.shape) as eff_shape,
        a.record_kind, a.kind, a.command, a.returned_rows, a.app_name,
        f.high_rows as fetch_high, f.best_rows as fetch_best, f.low_rows as fetch_low, f.source as fetch_source, f.asked,
        x.n is not null as runs_prepared,
        case
            when a.fk_check then 'nobody'
            when a.record_kind = 'replication' then 'estimate'
            when f.n is not null then 'fetch'
            when x.n is not null then 'estimate'
            when a.record_kind = 'error' then
                case when a.kind is null or substring(a.error_code, 1, 2) in {_BEFORE_RUNNING} or starts_with(a.error_code, '08P')
                          or a.kind in ('declare', 'prepare')
                     then 'nobody' else 'failed' end
            when a.record_kind <> 'audit' or a.mode is null or a.mode = 'none' then 'nobody'
            when a.kind = 'declare' or (a.kind = 'prepare' and a.command <> 'SELECT') then 'nobody'
            when a.audit_class = 'FUNCTION' or a.command in ('EXECUTE', 'FETCH', 'DO', 'EXPLAIN') then 'nobody'
            when a.command = 'COPY' and s.select_n < a.n then 'nobody'
            when c.n < a.n and brief(a.statement) is distinct from s.top_text then 'nobody'
            when a.returned_rows is null or (a.command = 'COPY' and a.returned_rows = 0) then 'estimate'
            else 'reported' end as way
    from act a
    left join fetch_share f on f.n = a.n
    left join executed x on x.n = a.n
    left join several s on s.session = a.session and s.statement_id = a.statement_id and a.record_kind = 'audit'
    left join covered c on c.session = a.session and c.statement_id = a.statement_id and a.record_kind = 'audit'
), counted as (
    select b.*, d.mode, d.total_rows, d.total_persons, d.single, d.destination, coalesce(dumping.n <= b.n, false) as dump,
        case when d.mode is null or d.mode = 'none' then 0 else case way
            when 'reported' then case when d.mode = 'input' and returned_rows > 0 then greatest(d.best_rows, returned_rows)
                                      else returned_rows end
            when 'fetch' then case when returned_rows > 0 then returned_rows when d.source = 'unknown' then least(asked, 1000000)
                                   else fetch_best end
            when 'estimate' then d.best_rows
            when 'failed' then d.best_rows
            else 0 end end as best,
        case when d.mode is null or d.mode = 'none' then 0 else case way
            when 'reported' then case when d.mode = 'input' and returned_rows > 0 then greatest(d.low_rows, returned_rows)
                                      else returned_rows end
            when 'fetch' then case when returned_rows > 0 then returned_rows else fetch_low end
            when 'estimate' then d.low_rows
            else 0 end end as low,
        case when d.mode is null or d.mode = 'none' then 0 else case way
            when 'reported' then case when d.mode = 'input' and returned_rows > 0 then greatest(d.high_rows, returned_rows)
                                      else returned_rows end
            when 'fetch' then case when returned_rows > 0 then returned_rows when d.source = 'unknown' then least(asked, 1000000)
                                   else fetch_high end
            when 'estimate' then d.high_rows
            when 'failed' then d.high_rows
            else 0 end end as high,
        case when way in ('nobody', 'reported') and not (way = 'reported' and d.mode = 'input' and returned_rows > 0)
             then 'reported'
             when way = 'fetch' and returned_rows > 0 then 'reported'
             when way = 'failed' and d.mode <> 'none' then 'upper_bound'
             when d.mode = 'none' then 'reported'
             else coalesce(d.source, 'unknown') end as rows_source
    from basis b left join facts d on d.shape = b.eff_shape left join dumping on dumping.session = b.session
)
select n, eff_shape, best::bigint as exposed_rows, low::bigint as exposed_rows_low, high::bigint as exposed_rows_high,
    persons_best(best, total_rows, total_persons, single)::bigint as exposed_persons,
    persons_low(low, total_rows, total_persons, single)::bigint as exposed_persons_low,
    persons_high(high, total_rows, total_persons, single)::bigint as exposed_persons_high,
    case when way = 'nobody' and returned_rows is null then 'unknown' else rows_source end as rows_source,
    case when coalesce(total_persons, 0) > 0
         then least(1.0, persons_best(best, total_rows, total_persons, single) / total_persons) else 0.0 end as table_share,
    dump or coalesce(regexp_matches(app_name, '{_DUMP_PROGRAMS}'), false) as dump,
    way = 'failed' and high > 0 as aborted, way = 'fetch' as is_fetch
from counted
"""

# n rows of a table with r rows about p people; see scanner.exposure.facts for the formula
_MACROS = """
create or replace temp macro brief(t) as case when length(t) > 64 then md5(t) else t end;
create or replace temp macro persons_best(n, r, p, one) as case
    when n <= 0 then 0 when coalesce(p, 0) <= 0 or coalesce(r, 0) <= 0 then n
    when p >= r then case when one then n else least(n, p) end
    when n >= r then p else greatest(1, round(p * (1 - power(1 - n / r, r / p)))) end;
create or replace temp macro persons_low(n, r, p, one) as case
    when n <= 0 then 0 when coalesce(p, 0) <= 0 or coalesce(r, 0) <= 0 then n
    when p >= r then case when one then n else 1 end
    when n >= r and one then p else least(p, ceil(n * p / greatest(r, n))) end;
create or replace temp macro persons_high(n, r, p, one) as case
    when n <= 0 then 0 when coalesce(p, 0) <= 0 or coalesce(r, 0) <= 0 then n
    when p >= r and one then n else least(n, p) end;
"""

_WORK_TABLES = ("act", "several", "covered", "opened", "fetched", "fetch_share", "executed", "dumping")

_CARRY_CURSORS = """
with closed as (select session, cursor, max(n) as n from act where kind = 'close' group by all),
latest as (select session, cursor, max(n) as n from opened group by all),
asked as (select session, cursor, opened_n as n, sum(asked) as asked from fetched group by all)
select o.session, o.cursor, o.shape, o.consumed + coalesce(a.asked, 0)::bigint as consumed
from opened o join latest using (session, cursor, n) left join asked a using (session, cursor, n)
left join closed c on c.session = o.session and (c.cursor = o.cursor or c.cursor is null) and c.n > o.n
where c.n is null and o.session not in (from gone_sessions)
"""
_CARRY_PREPARED = """
with every as (
    select session, prepared, n, shape from act where kind = 'prepare' and prepared is not null and session is not null
    union all select session, prepared, -1, shape from open_prepared
)
select session, prepared, last(shape order by n) as shape from every where session not in (from gone_sessions) group by all
"""
_CARRY_STATEMENTS = """
with latest as (
    select session, last(statement_id order by n) as statement_id from act where record_kind = 'audit' and session is not null
    group by session
), latest_acts as (
    select session, statement_id, coalesce(first(o.top_text), brief(first(statement order by substatement_id))) as top_text,
        bool_or(command = 'SELECT' or coalesce(o.selects, false)) as selects, bool_or(coalesce(o.covers, false)) as covered
    from act semi join latest using (session, statement_id) left join open_statements o using (session, statement_id)
    where record_kind = 'audit' group by session, statement_id
), covering as (
    select session, statement_id from act join latest_acts using (session, statement_id)
    where brief(statement) is not distinct from top_text
        and (explains or (mode <> 'none' and destination not in ('nowhere', 'table')))
        and case when audit_class = 'FUNCTION' then command = 'EXECUTE' else command not in ('COPY', 'EXECUTE', 'FETCH') end
    group by all
), every as (
    select l.session, l.statement_id, l.top_text, coalesce(l.selects, false) as selects,
        c.session is not null or l.covered as covers
    from latest_acts l left join covering c using (session, statement_id)
    union all select * from open_statements anti join latest using (session)
)
select * from every where session not in (from gone_sessions)
"""
_CARRY_DUMPING = "select session from dumping where session not in (from gone_sessions)"


def measure(engine: Engine, acts: pa.Table, facts: pa.Table, carry: SessionCarry) -> Measured:
    """Exposure of every act.

    ``acts`` is ACT_SCHEMA plus ``shape``; ``facts`` holds FACTS_SCHEMA rows for every shape of ``acts`` *and* of the
    carried cursors and prepared statements. Most acts of most logs touch nothing personal: only the others, and the acts
    that share a statement with them, go through the cases above.
    """
    code = _codes(acts["shape"], facts["shape"])
    plain, relevant = _sorted_out(acts, facts, code, carry)
    small, left = _measured(engine, acts.take(pa.array(relevant)), acts, facts, carry)

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
        mask = np.zeros(acts.num_rows, np.bool_)
        mask[relevant] = True
        reported = pc.replace_with_mask(reported, pa.array(mask), small["rows_source"].combine_chunks())
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
    relevant = np.append(_mask(telling), False)[code]  # -1, no shape, is the last
    audit = _mask(pc.equal(acts["kind"], "audit"))
    encoded = acts["session"].combine_chunks().dictionary_encode()
    session = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    key = session * (1 << 40) + pc.fill_null(acts["statement_id"], 0).to_numpy()
    _, statement, sizes = np.unique(key[audit], return_inverse=True, return_counts=True)

    countable = pc.and_(pc.equal(facts["kind"], "select"), pc.equal(facts["mode"], "rows"))
    countable = pc.and_(countable, pc.invert(pc.or_(facts["explains"], facts["dump_setup"])))
    plain = np.append(_mask(countable), False)[code] & audit
    plain &= _mask(pc.and_(pc.is_valid(acts["returned_rows"]), pc.equal(acts["command"], "SELECT")))
    plain &= ~_mask(pc.match_substring_regex(acts["app_name"], _DUMP_PROGRAMS)) & ~_mask(acts["fk_check"])
    plain[audit] &= sizes[statement] == 1
    setting_up = acts["session"].filter(pa.array(np.append(_mask(facts["dump_setup"]), False)[code]))
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
    """Exposure of acts whose every returned row is a record; the formulas are those of the SQL macros."""
    n = pc.fill_null(acts["returned_rows"], 0).to_numpy()[plain]
    rows, persons = (
        np.append(pc.fill_null(facts[name], 0).to_numpy(), 0)[code[plain]].astype(np.float64)
        for name in ("total_rows", "total_persons")
    )
    single = np.append(_mask(facts["single"]), False)[code[plain]]
    known = (persons > 0) & (rows > 0)
    safe_rows, safe_persons = np.where(known, rows, 1.0), np.where(known, persons, 1.0)
    whole = persons >= rows  # a row is a person
    drawn = np.clip(n / safe_rows, 0.0, 1.0)
    occupied = np.maximum(1, np.round(safe_persons * (1 - np.power(1 - drawn, safe_rows / safe_persons))))
    best = np.where(whole, np.where(single, n, np.minimum(n, persons)), np.where(n >= rows, persons, occupied))
    at_least = np.minimum(persons, np.ceil(n * safe_persons / np.maximum(safe_rows, np.maximum(n, 1))))
    low = np.where(whole, np.where(single, n, 1), np.where((n >= rows) & single, persons, at_least))
    high = np.where(whole & single, n, np.minimum(n, persons))
    values = {"exposed_persons": best, "exposed_persons_low": low, "exposed_persons_high": high}
    counts = {name: np.where(n <= 0, 0, np.where(known, value, n)).astype(np.int64) for name, value in values.items()}
    share = np.where(persons > 0, np.minimum(1.0, counts["exposed_persons"] / safe_persons), 0.0)
    return {"exposed_rows": n, "exposed_rows_low": n, "exposed_rows_high": n, **counts, "table_share": share}


_STEERING = ("declare", "fetch", "close", "prepare", "execute", "deallocate", "replication")


def _measured(
    engine: Engine, relevant: pa.Table, acts: pa.Table, facts: pa.Table, carry: SessionCarry
) -> tuple[pa.Table, SessionCarry]:
    """The cases, for the relevant acts; and the sessions' carry."""
    gone = acts["session"].filter(pc.and_(pc.equal(acts["kind"], "disconnect"), pc.is_valid(acts["session"])))
    given = {
        "acts": relevant,
        "facts": facts.cast(FACTS_SCHEMA),
        "open_cursors": carry.cursors,
        "open_prepared": carry.prepared,
        "dump_sessions": carry.dumping,
        "open_statements": carry.statements,
        "gone_sessions": pa.table({"session": gone}, schema=SESSION_SCHEMA),
    }
    for name, table in given.items():
        engine.register(name, table)
    try:
        engine.execute(_MACROS)
        for statement in _SETUP.split(";\n"):
            if statement.strip():
                engine.execute(statement)
        exposed = arrow(engine, f"{_EXPOSED} order by n")
        left = SessionCarry(
            cursors=arrow(engine, _CARRY_CURSORS, OPEN_CURSOR_SCHEMA),
            prepared=arrow(engine, _CARRY_PREPARED, PREPARED_SCHEMA),
            dumping=arrow(engine, _CARRY_DUMPING, SESSION_SCHEMA),
            statements=arrow(engine, _CARRY_STATEMENTS, STATEMENT_SCHEMA),
        )
    finally:
        for name in given:
            engine.unregister(name)
        for name in _WORK_TABLES:
            engine.execute(f"drop table if exists {name}")
    return exposed, left


def _circumstances(small: pa.Table, facts: pa.Table, code: Ints, words: list[tuple[str, ...]]) -> Ints:
    """Row of ``words`` for each relevant act; combinations of shape and circumstance not met before are appended."""
    dump, aborted, fetch = (_mask(small[name]) for name in ("dump", "aborted", "is_fetch"))
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


def _mask(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(values, False).to_numpy()
    return found
