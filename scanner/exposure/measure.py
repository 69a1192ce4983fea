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

import pyarrow as pa

from scanner.engine import Engine, arrow
from scanner.exposure.facts import FACTS_SCHEMA, technique_words

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

EXPOSED_SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("eff_shape", pa.string()),  # shape whose columns leave: the DECLARE's for a FETCH, the PREPARE's for an EXECUTE
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


@dataclass(frozen=True)
class SessionCarry:
    """What sessions that are still open leave behind for the next slice."""

    cursors: pa.Table  # OPEN_CURSOR_SCHEMA
    prepared: pa.Table  # PREPARED_SCHEMA
    dumping: pa.Table  # SESSION_SCHEMA: sessions that set themselves up as a dump tool does

    @staticmethod
    def empty() -> SessionCarry:
        return SessionCarry(OPEN_CURSOR_SCHEMA.empty_table(), PREPARED_SCHEMA.empty_table(), SESSION_SCHEMA.empty_table())


@dataclass(frozen=True)
class Measured:
    """Exposure of every act (EXPOSED_SCHEMA, one row per ``n``), and what to carry to the next slice."""

    exposed: pa.Table
    carry: SessionCarry


# SQLSTATE classes raised before a statement runs or by what it writes: no row can have left.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BEFORE_RUNNING = ("08P", "0A", "0L", "0P", "23", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "42", "44")

_SETUP = """
create temp table act as
select a.n, a.kind as record_kind, a.session, a.session_line, a.statement_id, a.substatement_id, a.audit_class, a.command,
    a.error_code, a.statement, a.returned_rows, a.fk_check, a.app_name, a.shape,
    f.kind, f.destination, f.mode, f.cursor, f.fetch_count, f.prepared, coalesce(f.dump_setup, false) as dump_setup
from acts a left join facts f on f.shape = a.shape;

-- statements with several acts: which are nested in which, which repeat another
create temp table several as
select session, statement_id, first(statement order by substatement_id) as top_text,
    bool_or(command = 'SELECT' and mode <> 'none') as selects, bool_or(command = 'SELECT') as has_select
from act where record_kind = 'audit' group by session, statement_id having count(*) > 1;

create temp table covered as
select session, statement_id from act join several using (session, statement_id)
where statement is not distinct from top_text and mode <> 'none' and destination not in ('nowhere', 'table')
    and coalesce(audit_class, '') <> 'FUNCTION' and command not in ('COPY', 'EXECUTE', 'FETCH')
group by all;

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
anti join (select session, statement_id from several where has_select) s
    on e.session = s.session and e.statement_id = s.statement_id;

create temp table dumping as
select session from act where dump_setup group by session union select session from dump_sessions;
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
            when a.command = 'COPY' and s.has_select then 'nobody'
            when c.session is not null and a.statement is distinct from s.top_text then 'nobody'
            when a.returned_rows is null or (a.command = 'COPY' and a.returned_rows = 0) then 'estimate'
            else 'reported' end as way
    from act a
    left join fetch_share f on f.n = a.n
    left join executed x on x.n = a.n
    left join several s on s.session = a.session and s.statement_id = a.statement_id and a.record_kind = 'audit'
    left join covered c on c.session = a.session and c.statement_id = a.statement_id and a.record_kind = 'audit'
), counted as (
    select b.*, d.mode, d.total_rows, d.total_persons, d.single, d.destination, b.session in (from dumping) as dump,
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
    from basis b left join facts d on d.shape = b.eff_shape
)
select n, eff_shape, best::bigint as exposed_rows, low::bigint as exposed_rows_low, high::bigint as exposed_rows_high,
    persons_best(best, total_rows, total_persons, single)::bigint as exposed_persons,
    persons_low(low, total_rows, total_persons, single)::bigint as exposed_persons_low,
    persons_high(high, total_rows, total_persons, single)::bigint as exposed_persons_high,
    case when way = 'nobody' and returned_rows is null then 'unknown' else rows_source end as rows_source,
    case when coalesce(total_persons, 0) > 0
         then least(1.0, persons_best(best, total_rows, total_persons, single) / total_persons) else 0.0 end as table_share,
    dump or coalesce(regexp_matches(app_name, '^(pg_dump|pg_dumpall|mysqldump|mariadb-dump|mydumper|expdp)'), false) as dump,
    way = 'failed' and high > 0 as aborted, way = 'fetch' as is_fetch
from counted
"""

# n rows of a table with r rows about p people; see scanner.exposure.facts for the formula
_MACROS = """
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

_WORK_TABLES = ("act", "several", "covered", "opened", "fetched", "fetch_share", "executed", "dumping", "measured")

_CARRY_CURSORS = """
with gone as (select session from acts where kind = 'disconnect'),
closed as (select session, cursor, max(n) as n from act where kind = 'close' group by all),
latest as (select session, cursor, max(n) as n from opened group by all),
asked as (select session, cursor, opened_n as n, sum(asked) as asked from fetched group by all)
select o.session, o.cursor, o.shape, o.consumed + coalesce(a.asked, 0)::bigint as consumed
from opened o join latest using (session, cursor, n) left join asked a using (session, cursor, n)
left join closed c on c.session = o.session and (c.cursor = o.cursor or c.cursor is null) and c.n > o.n
where c.n is null and o.session not in (from gone)
"""
_CARRY_PREPARED = """
with gone as (select session from acts where kind = 'disconnect'),
every as (
    select session, prepared, n, shape from act where kind = 'prepare' and prepared is not null and session is not null
    union all select session, prepared, -1, shape from open_prepared
)
select session, prepared, last(shape order by n) as shape from every where session not in (from gone) group by all
"""
_CARRY_DUMPING = "select session from dumping where session not in (select session from acts where kind = 'disconnect')"


def measure(engine: Engine, acts: pa.Table, facts: pa.Table, carry: SessionCarry) -> Measured:
    """Exposure of every act.

    ``acts`` is ACT_SCHEMA plus ``shape``; ``facts`` holds FACTS_SCHEMA rows for every shape of ``acts`` *and* of the
    carried cursors and prepared statements.
    """
    given = {
        "acts": acts,
        "facts": facts.cast(FACTS_SCHEMA),
        "open_cursors": carry.cursors,
        "open_prepared": carry.prepared,
        "dump_sessions": carry.dumping,
    }
    for name, table in given.items():
        engine.register(name, table)
    try:
        engine.execute(_MACROS)
        for statement in _SETUP.split(";\n"):
            if statement.strip():
                engine.execute(statement)
        engine.execute(f"create temp table measured as {_EXPOSED}")
        words = _technique_table(engine)
        engine.register("words", words)
        exposed = arrow(
            engine,
            f"select {', '.join(EXPOSED_SCHEMA.names)} from measured left join words "
            "using (eff_shape, dump, aborted, is_fetch) order by n",
            EXPOSED_SCHEMA,
        )
        left = SessionCarry(
            cursors=arrow(engine, _CARRY_CURSORS, OPEN_CURSOR_SCHEMA),
            prepared=arrow(engine, _CARRY_PREPARED, PREPARED_SCHEMA),
            dumping=arrow(engine, _CARRY_DUMPING, SESSION_SCHEMA),
        )
    finally:
        for name in (*given, "words"):
            engine.unregister(name)
        for name in _WORK_TABLES:
            engine.execute(f"drop table if exists {name}")
    return Measured(exposed, left)


def _technique_table(engine: Engine) -> pa.Table:
    """Act words for the few distinct combinations of shape and circumstances: lists are made in Python, once each."""
    combinations = engine.sql("""
        select distinct m.eff_shape, m.dump, m.aborted, m.is_fetch, f.techniques, coalesce(f.mode, 'none') <> 'none' as personal,
            f.kind in ('copy_out', 'select', 'declare', 'fetch') as reads
        from measured m left join facts f on f.shape = m.eff_shape where m.eff_shape is not null
    """).fetchall()
    rows = []
    for shape, dump, aborted, fetch, words, personal, reads in combinations:
        found = technique_words(words or (), dump=bool(dump and personal and reads), aborted=bool(aborted), fetch=bool(fetch))
        rows.append((shape, dump, aborted, fetch, found[0] if found else "", list(found)))
    names = ("eff_shape", "dump", "aborted", "is_fetch", "technique", "techniques")
    schema = pa.schema(
        [
            ("eff_shape", pa.string()),
            ("dump", pa.bool_()),
            ("aborted", pa.bool_()),
            ("is_fetch", pa.bool_()),
            ("technique", pa.string()),
            ("techniques", pa.list_(pa.string())),
        ]
    )
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)
