"""The statements that read PostgreSQL's catalogue. Constants all: no name or value of anybody's is ever put into them."""

from __future__ import annotations

import sqlalchemy as sa

_NOT_SYSTEM = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'"

RELATIONS = f"""
select c.oid::bigint as oid, n.nspname, c.relname, c.relkind::text as relkind, c.relispartition,
       c.reltuples::float8 as reltuples, c.relpages,
       case when c.relkind in ('r', 'm') then {{size}} end as bytes,
       pg_catalog.current_setting('block_size')::int as block_size,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           and (pg_catalog.has_table_privilege(c.oid, 'SELECT')
                or pg_catalog.has_any_column_privilege(c.oid, 'SELECT')) as readable,
       case when c.relkind in ('v', 'm') then {{definition}} end as definition,
       i.inhparent::bigint as parent, pg_catalog.obj_description(c.oid, 'pg_class') as comment,
       s.n_tup_ins, s.n_tup_upd, s.n_tup_del, c.relfilenode::bigint as relfilenode, am.amname, fs.srvname as server
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_am am on am.oid = c.relam
left join pg_catalog.pg_foreign_table ft on ft.ftrelid = c.oid
left join pg_catalog.pg_foreign_server fs on fs.oid = ft.ftserver
left join (select inhrelid, min(inhparent) as inhparent from pg_catalog.pg_inherits group by inhrelid) i on i.inhrelid = c.oid
left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f') and {_NOT_SYSTEM}
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by n.nspname, c.relname
"""  # noqa: S608 — constants only

COLUMNS = sa.text(f"""
select a.attrelid::bigint as oid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
       coalesce(bt.typname, t.typname) as base, coalesce(bt.typcategory, t.typcategory)::text as category,
       pg_catalog.col_description(a.attrelid, a.attnum) as comment,
       pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') as readable
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_type bt on t.typtype = 'd' and bt.oid = t.typbasetype
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and {_NOT_SYSTEM}
order by a.attrelid, a.attnum
""")  # noqa: S608

STATS = sa.text(f"""
select c.oid::bigint as oid, s.attname, s.n_distinct::float8 as n_distinct, s.null_frac::float8 as null_frac
from pg_catalog.pg_stats s
join pg_catalog.pg_namespace n on n.nspname = s.schemaname
join pg_catalog.pg_class c on c.relname = s.tablename and c.relnamespace = n.oid
where {_NOT_SYSTEM}
order by s.inherited
""")  # noqa: S608

KEYS = sa.text(f"""
select k.conrelid::bigint as oid, k.contype::text as contype, k.confrelid::bigint as target,
       (select array_agg(a.attname::text order by x.ord) from unnest(k.conkey) with ordinality x(num, ord)
          join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.num) as columns,
       (select array_agg(a.attname::text order by x.ord) from unnest(k.confkey) with ordinality x(num, ord)
          join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = x.num) as target_columns
from pg_catalog.pg_constraint k join pg_catalog.pg_namespace n on n.oid = k.connamespace
where k.contype in ('p', 'u', 'f') and k.conrelid <> 0 and {_NOT_SYSTEM}
union all
select i.indrelid::bigint, 'u', 0,
       (select array_agg(a.attname::text order by x.ord) from unnest(i.indkey::int2[]) with ordinality x(num, ord)
          join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = x.num), null
from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where i.indisunique and i.indpred is null and i.indexprs is null and {_NOT_SYSTEM}
  and not exists (select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid)
order by 1, 2, 4
""")  # noqa: S608

VIEW_READS = sa.text(f"""
select distinct r.ev_class::bigint as oid, d.refobjid::bigint as source, a.attname
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
     and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> r.ev_class and d.refobjsubid > 0
join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where c.relkind in ('v', 'm') and {_NOT_SYSTEM}
""")  # noqa: S608

TRIGGERS = sa.text(f"""
select t.tgrelid::bigint as oid, t.tgname, t.tgtype::int as bits, fn.nspname as fn_schema, p.proname as fn_name
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_proc p on p.oid = t.tgfoid join pg_catalog.pg_namespace fn on fn.oid = p.pronamespace
where not t.tgisinternal and t.tgenabled <> 'D' and {_NOT_SYSTEM}
order by n.nspname, c.relname, t.tgname
""")  # noqa: S608

# attnames is there from PostgreSQL 15 on; it lists all columns where none were chosen
PUBLICATIONS = sa.text("""
select p.pubname, p.puballtables, t.schemaname, t.tablename, pg_catalog.to_jsonb(t) -> 'attnames' as attnames
from pg_catalog.pg_publication p left join pg_catalog.pg_publication_tables t on t.pubname = p.pubname
order by p.pubname, t.schemaname, t.tablename
""")

# options of a server say where it is; those of user mappings hold passwords and are not read
SERVERS = sa.text("""
select s.srvname, w.fdwname, s.srvoptions from pg_catalog.pg_foreign_server s
join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw order by s.srvname
""")

SETTINGS = sa.text("""
select coalesce(r.rolname, '') as role, c.setting
from pg_catalog.pg_db_role_setting s left join pg_catalog.pg_roles r on r.oid = s.setrole
left join pg_catalog.pg_database d on d.oid = s.setdatabase cross join lateral unnest(s.setconfig) c(setting)
where (s.setdatabase = 0 or d.datname = pg_catalog.current_database()) and (s.setrole = 0 or r.rolname is not null)
    and c.setting like 'search_path=%'
order by (r.rolname is not null), s.setdatabase <> 0
""")

FUNCTIONS = (
    """
select n.nspname, p.proname, l.lanname, {body} as body, p.prosecdef,
       p.prokind::text as prokind,
       pg_catalog.pg_get_function_result(p.oid) as returns, p.proargnames::text[] as names, p.proargmodes::text[] as modes
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where """
    + _NOT_SYSTEM
    + """
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by n.nspname, p.proname, p.oid
"""
)
