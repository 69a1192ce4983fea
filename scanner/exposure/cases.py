"""How much left with an act: the cases, as DuckDB SQL over acts and the facts of their shapes.

The cases, in the order in which they are decided (observed behaviour of pgAudit, see the guide):

* foreign-key checks, function-entry lines, statements from which nothing personal leaves: nobody;
* the COPY line of ``COPY (query)`` and the EXECUTE line repeat a SELECT line of the same statement: counted there;
* a statement nested in a function whose outer statement is known to return it: counted at the outer one;
* FETCH: at most its count, and together with the cursor's other FETCHes at most what the DECLARE can return;
* DECLARE where the log keeps quiet about FETCH (``pgaudit.log`` without ``misc``; only single tables audited), so that no line
  tells how far the cursor was read: anything up to what it can return. A cursor needs a transaction, so where such lines are
  logged its session has one (``BEGIN``) before;
* a failed statement: what it had sent when it failed, where that is known; else anything up to what it could return may have
  left, unless it failed before running;
* COPY of a table, and everything logged without a count: estimated from the catalogue;
* a trigger's look-up for the row being written: nobody, when it returns few rows;
* aggregates that keep values: the input's rows leave, whatever the output's count;
* else the reported rows.
"""

from __future__ import annotations

# SQLSTATE classes raised before a statement runs or by what it writes: no row can have left.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
BEFORE_RUNNING = ("08P", "0A", "0L", "0P", "23", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "42", "44")

DUMP_PROGRAMS = "^(pg_dump|pg_dumpall|mysqldump|mariadb-dump|mydumper|expdp)"

# A trigger's query that names NEW or OLD fills the trigger's variables for the row being written: nobody leaves with it. One
# that returns more rows than such a look-up needs is counted, for a trigger may hand them out some other way.
TRIGGER_ROWS = 10

SETUP = f"""
create temp table act as
select a.n, a.kind as record_kind, a.session, a.session_line, a.statement_id, a.substatement_id, a.audit_class, a.command,
    a.error_code, a.statement, a.returned_rows, a.fk_check, a.app_name, a.shape,
    f.kind, f.destination, f.mode, f.cursor, f.fetch_count, f.backward, f.prepared, f.speaks,
    coalesce(f.calls, false) as calls, coalesce(list_contains(f.techniques, 'query_to_xml'), false) as to_xml,
    coalesce(f.dump_setup, false) as dump_setup,
    coalesce(f.explains, false) as explains,
    coalesce(list_contains(f.techniques, 'trigger') and coalesce(a.returned_rows, f.high_rows) <= {TRIGGER_ROWS}, false)
        as in_trigger
from acts a left join facts f on f.shape = a.shape;

-- Statements with several acts: which are nested in which, which repeat another. Every act is judged by those logged before
-- it, never by later ones, so that it does not matter where a log is cut; ``*_n`` say from where on something is known.
create temp table several as
select session, statement_id, coalesce(first(o.top_text), brief(first(statement order by substatement_id))) as top_text,
    case when bool_or(o.selects) then -1 else min(n) filter (command in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE')) end
        as select_n,
    case when count(o.top_text) > 0 then -1 else min(n) end as first_n
from act left join open_statements o using (session, statement_id)
where record_kind = 'audit' group by session, statement_id having count(*) > 1 or count(o.top_text) > 0;

create temp table covered as
select session, statement_id, min(n) as n from (
    -- the line of a function's start holds the outer statement, before the function reads anything
    select session, statement_id, n from act join several using (session, statement_id)
    where brief(statement) is not distinct from top_text
        and (explains or (calls and kind <> 'call' and mode <> 'none' and destination not in ('nowhere', 'table')))
        and case when audit_class = 'FUNCTION' then command = 'EXECUTE' else command not in ('COPY', 'EXECUTE', 'FETCH') end
    union all select session, statement_id, -1 from open_statements where covers
) group by all;

-- cursors: every FETCH joined to the latest DECLARE of that name in its session
create temp table opened as
select session, cursor, n, shape, 0::bigint as consumed from act where kind = 'declare' and cursor is not null
    and (coalesce(command, '') <> 'SELECT' or (cursor = '*' and record_kind = 'audit'))
union all select session, cursor, -1, shape, consumed from open_cursors;

create temp table fetching as
select f.*, coalesce(o.cursor, '*') as opened_as from (select * from act where kind = 'fetch' and cursor is not null) f
asof left join opened o on f.session = o.session and f.cursor = o.cursor and f.n >= o.n;
create temp table fetched as
select f.n, f.session, f.opened_as as cursor, o.n as opened_n, o.shape as eff_shape, o.consumed,
    coalesce(f.fetch_count, 9000000000000000) as asked,
    case when f.command = 'SELECT' then 0 else f.returned_rows end as returned_rows,
    bool_or(coalesce(f.backward, false)) over (
        partition by f.session, f.opened_as, o.n order by f.n rows unbounded preceding) as again
from fetching f
asof join opened o on f.session = o.session and f.opened_as = o.cursor and f.n >= o.n;

create temp table fetch_share as
select n, eff_shape, returned_rows,
    least(consumed + sum(asked) over w, d.high_rows) - least(consumed + sum(asked) over w - asked, d.high_rows) as high_rows,
    least(consumed + sum(asked) over w, d.best_rows) - least(consumed + sum(asked) over w - asked, d.best_rows) as best_rows,
    case when again then 0
         else least(consumed + sum(asked) over w, d.low_rows) - least(consumed + sum(asked) over w - asked, d.low_rows) end
        as low_rows,
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

-- where rows are not counted a statement is logged when it begins: if it fails afterwards, its error tells of it once more
create temp table retold as
select n from (
    select n, record_kind, statement, lag(record_kind) over before as kind_before, lag(statement) over before as text_before,
        lag(returned_rows) over before as rows_before
    from act window before as (partition by session order by n)
) where record_kind = 'error' and kind_before = 'audit' and rows_before is null and text_before = statement;

create temp table dumping as
select session, min(n) as n from (
    select session, n from act where dump_setup union all select session, -1 from dump_sessions
) group by session;
"""

EXPOSED = f"""
with basis as (
    select a.n, a.session, a.shape, coalesce(f.eff_shape, x.eff_shape, a.shape) as eff_shape,
        a.record_kind, a.kind, a.command, a.returned_rows, a.app_name,
        f.high_rows as fetch_high, f.best_rows as fetch_best, f.low_rows as fetch_low, f.asked, f.returned_rows as fetch_rows,
        case
            when a.fk_check then 'nobody'
            when a.record_kind = 'replication' then 'estimate'
            when f.n is not null then 'fetch'
            when x.n is not null then 'estimate'
            when a.record_kind = 'error' then
                case when a.kind is null or substring(a.error_code, 1, 2) in {BEFORE_RUNNING} or starts_with(a.error_code, '08P')
                          or a.kind in ('declare', 'prepare')
                     then 'nobody' when again.n is not null then 'told' else 'failed' end
            when a.record_kind <> 'audit' or a.mode is null or a.mode = 'none' then 'nobody'
            when a.kind = 'declare' and a.n = coalesce(s.first_n, a.n) and not coalesce(t.n < a.n, false) then 'opened'
            when a.kind = 'declare' or (a.kind = 'prepare' and a.command <> 'SELECT') then 'nobody'
            when a.command = 'CALL' then
                case when a.mode <> 'none' and a.kind = 'call' and not a.speaks then 'estimate' else 'nobody' end
            when a.audit_class = 'FUNCTION' or a.command in ('EXECUTE', 'FETCH', 'DO', 'EXPLAIN') then 'nobody'
            when a.in_trigger and a.mode = 'rows' then 'nobody'
            when a.command = 'COPY' and s.select_n < a.n then 'nobody'
            when a.to_xml and s.select_n < a.n then 'nobody'
            when c.n < a.n and brief(a.statement) is distinct from s.top_text then 'nobody'
            when a.returned_rows is null or (a.command = 'COPY' and a.returned_rows = 0) then 'estimate'
            else 'reported' end as way
    from act a
    left join fetch_share f on f.n = a.n
    left join executed x on x.n = a.n
    left join retold again on again.n = a.n
    left join several s on s.session = a.session and s.statement_id = a.statement_id and a.record_kind = 'audit'
    left join covered c on c.session = a.session and c.statement_id = a.statement_id and a.record_kind = 'audit'
    left join tells t on t.session = a.session
), counted as (
    select b.*, d.mode, d.total_rows, d.total_persons, d.single,
        coalesce(d."distinct", false) as sets, d.destination, coalesce(dumping.n <= b.n, false) as dump,
        case when d.mode is null or d.mode = 'none' then 0 else case way
            when 'reported' then case when d.mode = 'input' and returned_rows > 0 then greatest(d.best_rows, returned_rows)
                                      else returned_rows end
            when 'fetch' then case when fetch_rows > 0 then fetch_rows when d.source = 'unknown' then least(asked, 1000000)
                                   else fetch_best end
            when 'estimate' then d.best_rows
            when 'opened' then d.best_rows
            when 'failed' then case when returned_rows is null or (d.mode = 'input' and returned_rows > 0) then d.best_rows
                                    else returned_rows end
            else 0 end end as best,
        case when d.mode is null or d.mode = 'none' then 0 else case way
            when 'reported' then case when d.mode = 'input' and returned_rows > 0 then greatest(d.low_rows, returned_rows)
                                      else returned_rows end
            when 'fetch' then case when fetch_rows > 0 then fetch_rows else fetch_low end
            when 'estimate' then d.low_rows
            else 0 end end as low,
        case when d.mode is null or d.mode = 'none' then 0 else case way
            when 'reported' then case when d.mode = 'input' and returned_rows > 0 then greatest(d.high_rows, returned_rows)
                                      else returned_rows end
            when 'fetch' then case when fetch_rows > 0 then fetch_rows when d.source = 'unknown' then least(asked, 1000000)
                                   else fetch_high end
            when 'estimate' then d.high_rows
            when 'opened' then d.high_rows
            when 'failed' then case when returned_rows is null or (d.mode = 'input' and returned_rows > 0) then d.high_rows
                                    else returned_rows end
            else 0 end end as high,
        case when way in ('nobody', 'told', 'reported') and not (way = 'reported' and d.mode = 'input' and returned_rows > 0)
             then 'reported'
             when way = 'fetch' and fetch_rows > 0 then 'reported'
             when way = 'failed' and returned_rows is not null and d.mode <> 'input' then 'reported'
             when way in ('failed', 'opened') and d.mode <> 'none' then 'upper_bound'
             when d.mode = 'none' then 'reported'
             else coalesce(d.source, 'unknown') end as rows_source
    from basis b left join facts d on d.shape = b.eff_shape left join dumping on dumping.session = b.session
)
select n, eff_shape, best::bigint as exposed_rows, low::bigint as exposed_rows_low, high::bigint as exposed_rows_high,
    persons_best(best, total_rows, total_persons, single, sets)::bigint as exposed_persons,
    persons_low(low, total_rows, total_persons, single)::bigint as exposed_persons_low,
    persons_high(high, total_rows, total_persons, single)::bigint as exposed_persons_high,
    case when way = 'nobody' and returned_rows is null then 'unknown' else rows_source end as rows_source,
    case when coalesce(total_persons, 0) > 0
         then least(1.0, persons_best(best, total_rows, total_persons, single, sets) / total_persons) else 0.0 end as table_share,
    dump or coalesce(regexp_matches(app_name, '{DUMP_PROGRAMS}'), false) as dump,
    way = 'told' or (way = 'failed' and high > 0) as aborted, way in ('fetch', 'opened') as is_fetch
from counted
"""

# n rows of a table with r rows about p people; see scanner.exposure.facts for the formula
MACROS = """
create or replace temp macro brief(t) as case when length(t) > 64 then md5(t) else t end;
create or replace temp macro persons_best(n, r, p, one, sets) as case
    when n <= 0 then 0 when coalesce(p, 0) <= 0 or coalesce(r, 0) <= 0 then n
    when sets then least(n, p)
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

WORK_TABLES = ("act", "several", "covered", "opened", "fetching", "fetched", "fetch_share", "executed", "retold", "dumping")

CARRY_CURSORS = """
with closed as (select session, cursor, max(n) as n from act where kind = 'close' group by all),
latest as (select session, cursor, max(n) as n from opened group by all),
asked as (select session, cursor, opened_n as n, sum(asked) as asked from fetched group by all)
select o.session, o.cursor, o.shape, o.consumed + coalesce(a.asked, 0)::bigint as consumed
from opened o join latest using (session, cursor, n) left join asked a using (session, cursor, n)
left join closed c on c.session = o.session and (c.cursor = o.cursor or c.cursor is null) and c.n > o.n
where c.n is null and o.session not in (from gone_sessions)
"""
CARRY_PREPARED = """
with every as (
    select session, prepared, n, shape from act where kind = 'prepare' and prepared is not null and session is not null
    union all select session, prepared, -1, shape from open_prepared
)
select session, prepared, last(shape order by n) as shape from every where session not in (from gone_sessions) group by all
"""
CARRY_STATEMENTS = """
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
        and (explains or (calls and kind <> 'call' and mode <> 'none' and destination not in ('nowhere', 'table')))
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
CARRY_DUMPING = "select session from dumping where session not in (from gone_sessions)"
