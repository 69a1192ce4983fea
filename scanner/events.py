"""From log records to acts: one row per (session, statement, substatement), before anything is known about the SQL.

An *act* still carries its SQL text; the event that is stored does not (it carries the shape instead). Everything is
one DuckDB query over the Arrow table of a slice; rows never pass through Python.

What pgAudit needs (observed, PostgreSQL 15 with pgAudit 1.7):

* with ``log_relation=on`` a statement over several relations writes one line a relation, each repeating ROWS: the lines
  become one act, its rows the largest, its relations all of them;
* a foreign-key check of the engine is a READ substatement ``SELECT 1 FROM ONLY … FOR KEY SHARE OF x`` for every row
  written: it is marked, nobody read anything;
* a statement that fails has no AUDIT line when rows are logged, only an ERROR or FATAL record with its SQL.
"""

from __future__ import annotations

import pyarrow as pa

from scanner.engine import Engine, arrow
from scanner.model import RecordKind

ACT_SCHEMA = pa.schema(
    [
        ("n", pa.int64()),  # 0, 1, 2 … in log order within the slice
        ("kind", pa.string()),  # RecordKind
        ("time", pa.timestamp("us", tz="UTC")),
        ("account", pa.string()),
        ("dbname", pa.string()),
        ("client_ip", pa.string()),
        ("app_name", pa.string()),
        ("session", pa.string()),
        ("session_line", pa.int64()),
        ("statement_id", pa.int64()),
        ("substatement_id", pa.int64()),
        ("activity", pa.string()),
        ("audit_class", pa.string()),
        ("command", pa.string()),
        ("status", pa.string()),
        ("error_code", pa.string()),
        ("statement", pa.string()),
        ("logged", pa.string()),  # relations the log names, sorted, joined by U+001F
        ("returned_rows", pa.int64()),
        ("fk_check", pa.bool_()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)

# Last audit line of each session, so that lines of one substatement which fall into two slices stay one act.
LAST_SCHEMA = pa.schema([("session", pa.string()), ("statement_id", pa.int64()), ("substatement_id", pa.int64())])

_EVENT_KINDS = tuple(k.value for k in RecordKind if k is not RecordKind.OTHER)

_FK_CHECK = r"^SELECT 1 FROM ONLY .* WHERE .* FOR KEY SHARE OF x$"

_ACTS = rf"""
with line as (
    select *, row_number() over () - 1 as n from records
    where kind in ({", ".join(f"'{kind}'" for kind in _EVENT_KINDS)})
), audit as (
    select line.* from line
    anti join last_line using (session, statement_id, substatement_id)
    where kind = 'audit'
), several as (
    select session, statement_id, substatement_id from audit
    group by all having count(*) > 1
), single as (
    select n, kind, time, account, dbname, client_addr, app_name, session, session_line, statement_id, substatement_id,
        audit_class, command, error_code, statement, coalesce(object_name, '') as logged, rows, "offset", length
    from audit anti join several using (session, statement_id, substatement_id)
), merged as (
    select min(n) as n, 'audit' as kind, min(time) as time, first(account order by n) as account,
        first(dbname order by n) as dbname, first(client_addr order by n) as client_addr, first(app_name order by n) as app_name,
        session, min(session_line) as session_line, statement_id, substatement_id,
        -- pgAudit writes MISC,??? for relations it cannot classify: the other lines know better
        coalesce(first(audit_class order by n) filter (command <> '???'), first(audit_class order by n)) as audit_class,
        coalesce(first(command order by n) filter (command <> '???'), first(command order by n)) as command,
        first(error_code order by n) as error_code,
        first(statement order by n) as statement,
        array_to_string(list_sort(list_distinct(list(object_name) filter (object_name is not null))), chr(31)) as logged,
        max(rows) as rows, min("offset") as "offset", first(length order by n) as length
    from audit semi join several using (session, statement_id, substatement_id)
    group by session, statement_id, substatement_id
), other as (
    select n, kind, time, account, dbname, client_addr, app_name, session, session_line,
        null::bigint as statement_id, null::bigint as substatement_id, null::varchar as audit_class,
        case when kind = 'error' then severity else null end as command, error_code,
        case when kind = 'replication' then coalesce(nullif(regexp_extract(message, 'replication command: (.*)$', 1), ''),
             statement) else statement end as statement,
        '' as logged, null::bigint as rows, "offset", length
    from line where kind <> 'audit'
)
select (row_number() over (order by a.n) - 1)::bigint as n, kind, time, account, dbname, client_addr as client_ip, app_name,
    session, session_line, statement_id, substatement_id,
    case kind
        when 'audit' then lower(coalesce(audit_class, 'misc'))
        when 'error' then case when starts_with(error_code, '28') then 'connect' else 'error' end
        else kind end as activity,
    audit_class, command,
    case when kind = 'error' then 'failure' when kind = 'unreadable' then null else 'success' end as status,
    error_code, statement, logged, rows as returned_rows,
    coalesce(kind = 'audit' and substatement_id > 1 and audit_class = 'READ' and starts_with(statement, 'SELECT 1 FROM ONLY ')
        and regexp_matches(statement, '{_FK_CHECK}', 's'), false) as fk_check,
    "offset", length
from (select * from single union all by name select * from merged union all by name select * from other) a
order by n
"""

_LAST = """
select session, last(statement_id order by session_line) as statement_id,
    last(substatement_id order by session_line) as substatement_id
from records where kind = 'audit' and session is not null group by session
"""


def to_acts(engine: Engine, records: pa.Table, last: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Acts of one slice (ACT_SCHEMA, in log order), and the last audit line of every session seen (LAST_SCHEMA).

    ``last`` holds the last audit lines of sessions in earlier slices; a line that continues one of them (a further
    relation of the same substatement) is not a new act.
    """
    engine.register("records", records)
    engine.register("last_line", last)
    try:
        acts = arrow(engine, _ACTS, ACT_SCHEMA)
        seen = arrow(engine, _LAST, LAST_SCHEMA)
    finally:
        engine.unregister("records")
        engine.unregister("last_line")
    return acts, seen
