"""More ways out of PostgreSQL: copies, stored code, other servers, statements that end badly; driver habits."""

from __future__ import annotations

from tests.corpus.act import ALWAYS, NEVER, Act
from tests.corpus.postgres import REPLICA, SUPER, Site, extended, psql, simple, streamed, written
from tests.corpus.postgres_acts import (
    LINK,
    _all,
    _everyone,
    _executemany,
    _keyset,
    _large_object,
    _large_object_client,
    _listened,
    _lookups,
    _noticed,
    _offsets,
    _pipeline,
    _slot,
    _told,
)


def _basebackup(site: Site) -> str:
    return site.run(["sh", "-c", "pg_basebackup -D - -Ft -c fast -X none | wc -c"], REPLICA)


COPIED = [
    Act(
        "ctas",
        psql("create table {side}.c1 as select {name} as a, {phone} as b from {people}; select a, b from {side}.c1"),
        leaves=("side.c1",),
        technique="copy_to_new_table",
        counted=ALWAYS,
    ),
    Act(
        "select_into",
        psql("select {email} as z into {side}.c2 from {people}; select z from {side}.c2 limit 200"),
        leaves=("side.c2",),
        technique="copy_to_new_table",
        counted=ALWAYS,
    ),
    Act(
        "insert_select",
        psql(
            "create table {side}.c3 (x text, y text); insert into {side}.c3 select {name}, {phone} from {people}; select * from {side}.c3"
        ),
        leaves=("side.c3",),
        technique="copy_to_new_table",
        counted=ALWAYS,
    ),
    Act(
        "copy_of_copy",
        psql("create table {side}.c4 as table {side}.c1; copy {side}.c4 to stdout"),
        leaves=("side.c4",),
        technique="copy",
        counted=ALWAYS,
    ),
    Act(
        "renamed",
        psql("alter table {side}.c4 rename to harmless; select * from {side}.harmless"),
        leaves=("side.harmless",),
        technique="rename",
        counted=ALWAYS,
    ),
    Act(
        "renamed_column",
        psql("alter table {side}.harmless rename column b to qty; select qty from {side}.harmless"),
        leaves=("side.harmless",),
        counted=ALWAYS,
    ),
    Act(
        "moved_schema",
        psql("alter table {side}.harmless set schema public; select * from public.harmless"),
        leaves=("public.harmless",),
        counted=ALWAYS,
    ),
    Act(
        "like_insert",
        psql("create table {side}.c5 (like {people}); insert into {side}.c5 table {people}; select {rrn} from {side}.c5"),
        leaves=("side.c5",),
        counted=ALWAYS,
    ),
    Act(
        "temp_table",
        psql("create temp table t as select * from {people}; select * from t"),
        leaves=(),
        truth=None,
        counted=ALWAYS,
        technique="copy_to_new_table",
    ),
    Act(
        "temp_table_like",
        psql(
            "create temp table t2 (like {people}); insert into t2 select * from {people} where {key} <= {half}; select {phone} from t2"
        ),
        leaves=(),
        counted="rows",
    ),
    Act(
        "added_column",
        psql(
            "create table {side}.c6 (id int); insert into {side}.c6 select {key} from {people}; alter table {side}.c6 add column v text; update {side}.c6 c set v = {phone} from {people} p where p.{key} = c.id; select v from {side}.c6"
        ),
        leaves=("side.c6",),
        counted=ALWAYS,
    ),
    Act(
        "copied_with_cte",
        psql(
            "create table {side}.c7 as with x as (select {phone} p from {people}) select p as num from x; select num from {side}.c7"
        ),
        leaves=("side.c7",),
        counted=ALWAYS,
    ),
    Act(
        "insert_returning",
        psql("create table {side}.c8 (x text); insert into {side}.c8 select {phone} from {people} returning x"),
        leaves=("people",),
        counted=ALWAYS,
        technique="returning",
        most=True,
    ),
    Act("matview", psql("select a, b from {schema}.mv_people"), leaves=("schema.mv_people",), counted=ALWAYS),
    Act(
        "new_matview",
        psql("create materialized view {side}.mv2 as select {phone} as n from {people}; select n from {side}.mv2"),
        leaves=("side.mv2",),
        counted=ALWAYS,
    ),
    Act("new_view", psql("create view {side}.v2 as select {phone} as n from {people}; select n from {side}.v2"), counted=ALWAYS),
    Act("view", psql("select nm, tel from {schema}.v_people"), counted=ALWAYS),
    Act("view_part", psql("select tel from {schema}.v_people where {key} between {first} and {half}")),
    Act("view_join", psql("select * from {schema}.v_orders where ord_id <= 150")),
    Act("temp_view", psql("create temp view tv as select {phone} from {people}; select * from tv"), counted=ALWAYS),
    Act("partition_child", psql("select {phone} from {side}.logs_new"), leaves=("side.logs_new",), counted="rows"),
    Act(
        "packed_copy",
        psql("create table {side}.c9 as select json_agg(m) j from {people} m; select j from {side}.c9"),
        leaves=("side.c9",),
        counted=ALWAYS,
    ),
    Act(
        "staged_read_by_other",
        psql("create table {side}.c10 as select {phone} q from {people}; grant select on {side}.c10 to v_other"),
        leaves=(),
        truth=0,
        counted=NEVER,
    ),
    Act("read_by_other", psql("select q from {side}.c10", "v_other"), leaves=("side.c10",), counted=ALWAYS),
    Act(
        "merge_into",
        psql(
            "create table {side}.c11 (k int primary key, v text); merge into {side}.c11 t using {people} p on p.{key} = t.k when not matched then insert values (p.{key}, p.{phone}); select v from {side}.c11"
        ),
        leaves=("side.c11",),
        counted=ALWAYS,
    ),
    Act(
        "copy_file_back",
        psql(
            "copy {people} to '{out}'; create table {side}.c12 (like {people}); copy {side}.c12 from '{out}'; select {phone} from {side}.c12"
        ),
        counted=NEVER,
        most=True,
    ),
]
CODE = [
    Act("definer_setof", psql("select * from {schema}.f_all()"), technique="definer_function", counted=ALWAYS),
    Act("definer_row", psql("select {schema}.f_all()"), technique="definer_function", counted=ALWAYS),
    Act("definer_column", psql("select {phone} from {schema}.f_all() where {key} <= {half}"), technique="definer_function"),
    Act("definer_plpgsql", psql("select nm, tel from {schema}.f_some(200)"), technique="definer_function"),
    Act("definer_text", psql("select {schema}.f_text()"), technique="definer_function", counted=ALWAYS),
    Act(
        "definer_per_row", psql("select {schema}.f_one({first} + g) from generate_series(0, 99) g"), technique="definer_function"
    ),
    Act("invoker_loop", psql("select {schema}.f_loop()"), counted="rows"),
    Act("dynamic_function", psql("select {schema}.f_run('select {phone}::text from {people}')"), counted="rows"),
    Act(
        "dynamic_function_part",
        psql("select * from {schema}.f_run($q$select {phone}::text from {people} limit 77$q$)"),
        counted="rows",
    ),
    Act(
        "new_function",
        psql(
            "create function {side}.g() returns setof text language sql security definer as $$select {phone} from {people}$$; select {side}.g()"
        ),
        counted=ALWAYS,
    ),
    Act(
        "do_insert",
        psql(
            "do $$ begin execute 'insert into {side}.spool(t) select {phone} from {people}'; end $$; select t from {side}.spool"
        ),
        leaves=("side.spool",),
        counted="rows",
    ),
    Act("do_notice", _noticed, counted="rows"),
    Act("procedure_notice", _told, counted=NEVER),
    Act(
        "do_dynamic_pieces",
        psql(
            "do $$ declare t text := '{people}'; begin execute 'create table {side}.dyn as select * from ' || t; end $$; select {phone} from {side}.dyn"
        ),
        leaves=("side.dyn",),
        counted="rows",
    ),
    Act(
        "query_to_xml",
        psql("select query_to_xml('select {name}, {phone} from {people}', true, false, '')"),
        technique="query_to_xml",
        counted=ALWAYS,
    ),
    Act(
        "query_to_xml_built",
        psql("select query_to_xml('sel' || 'ect {phone} from {people}', true, false, '')"),
        technique="query_to_xml",
        counted="rows",
    ),
    Act("table_to_xml", psql("select table_to_xml('{people}', true, false, '')"), technique="query_to_xml", counted=ALWAYS),
    Act(
        "cursor_to_xml",
        psql(
            "begin; declare cx cursor for select {phone} from {people}; select cursor_to_xml('cx', 120, false, false, ''); commit"
        ),
        counted=NEVER,
    ),
    Act(
        "database_to_xml",
        psql("select schema_to_xml('{schema_raw}', true, false, '')"),
        leaves=("people",),
        truth=_all,
        counted=NEVER,
        technique="query_to_xml",
        most=True,
    ),
    Act("prepared", psql("prepare p as select {phone} from {people} where {key} <= $1; execute p({half})")),
    Act("prepared_all", psql("prepare p2 as select * from {people}; execute p2"), counted=ALWAYS),
    Act(
        "prepared_ctas",
        psql("prepare p3 as select {phone} n from {people}; create table {side}.c13 as execute p3; select n from {side}.c13"),
        leaves=("side.c13",),
        counted="rows",
        most=True,
    ),
    Act(
        "returning",
        psql("begin; update {people} set grade = grade where {key} <= {half} returning {name}, {phone}; rollback"),
        technique="returning",
    ),
    Act(
        "returning_all",
        psql("begin; update {leads} set source = source returning *; rollback"),
        leaves=("leads",),
        technique="returning",
        counted=ALWAYS,
    ),
    Act(
        "delete_returning",
        psql("begin; delete from {leads} where lead_id <= 90 returning *; rollback"),
        leaves=("leads",),
        technique="returning",
    ),
    Act(
        "update_cte_returning",
        psql("begin; with u as (update {people} set grade = grade returning {phone}) select * from u; rollback"),
        counted="rows",
    ),
    Act(
        "savepoint_returning",
        psql(
            "begin; savepoint s; update {people} set grade = 'Z' where {key} < {third} returning {email}; rollback to s; commit"
        ),
        technique="returning",
    ),
    Act(
        "merge_read",
        psql("begin; with d as (delete from {leads} returning *) select {name}, {phone} from d; rollback"),
        leaves=("leads",),
        counted="rows",
    ),
]
ELSEWHERE = [
    Act(
        "dblink",
        psql(f"select * from dblink({LINK}, 'select {{name}}, {{phone}} from {{people}}') as t(a text, b text)", SUPER),
        technique="dblink",
        counted="rows",
        most=True,
    ),
    Act(
        "dblink_built",
        psql(f"select * from dblink({LINK}, 'select {{phone}} from ' || '{{people}}') as t(a text)", SUPER),
        technique="dblink",
        counted=NEVER,
        most=True,
    ),
    Act(
        "fdw",
        psql(
            "create server me foreign data wrapper postgres_fdw options (host '127.0.0.1', port '{port}', dbname '{db}'); create user mapping for v_dba server me options (user 'v_app', password_required 'false'); create foreign table {side}.ft ({key} int, {phone} text) server me options (schema_name '{schema_raw}', table_name '{people_raw}'); select {phone} from {side}.ft",
            SUPER,
        ),
        leaves=(),
        counted=NEVER,
        technique="dblink",
        most=True,
    ),
    Act("notify", _listened, technique="notification", counted=NEVER),
    Act("lo_export", _large_object, technique="large_object", counted=ALWAYS),
    Act("lo_get", _large_object_client, technique="large_object", counted=NEVER, most=True),
    Act("logical_slot", _slot, leaves=("people",), technique="replication", counted=NEVER),
    Act("base_backup", _basebackup, leaves=("people", "leads"), technique="replication", truth=_everyone, counted=NEVER),
]
SPELLED = [
    Act(
        "comment_first",
        psql("/* select 1 from {products} */ select {phone} /* from */ from {people} -- {products}"),
        counted=ALWAYS,
    ),
    Act("nested_comment", psql("select /* a /* b */ from {products} */ {phone} from {people}"), counted=ALWAYS),
    Act("dollar_noise", psql("select $x$ from {products} $x$, {phone} from {people}"), counted=ALWAYS),
    Act("escape_string", psql("select E'\\' from {products} --', {phone} from {people}"), counted=ALWAYS),
    Act("unicode_name", psql("select {phone} from {schema}.{unicode_people}"), counted=ALWAYS),
    Act("unicode_value", psql("select U&'\\0061', {phone} from {people}"), counted=ALWAYS),
    Act(
        "old_strings",
        psql(
            "set standard_conforming_strings = off; set escape_string_warning = off; select 'a\\' from x --', {phone} from {people}"
        ),
        counted=ALWAYS,
    ),
    Act("form_feed", psql("select\x0c{phone}\tfrom\r\n{people}"), counted=ALWAYS),
    Act("two_statements", simple("select 1; select {phone} from {people}"), counted="rows"),
    Act("spread_names", psql("select {phone} from {schema} . {people_}"), counted=ALWAYS),
]
BROKEN = [
    Act(
        "late_failure",
        streamed("select {name}, {phone}, 1 / ({key} - {last}) from {people} order by {key}"),
        technique="aborted",
        counted=NEVER,
    ),
    Act(
        "late_timeout",
        streamed("select {phone}, {name}, pg_sleep(0.0007), repeat('-', 300) from {people}", "set statement_timeout = 250"),
        technique="aborted",
        counted=NEVER,
    ),
    Act(
        "late_cursor",
        psql("begin; declare c cursor for select {phone} from {people}; fetch 90 from c; select 1/0; rollback", check=False),
        technique="cursor",
        counted=ALWAYS,
    ),
    Act(
        "copy_broken",
        psql("copy (select {phone}, 1 / ({key} - {last}) from {people} order by {key}) to stdout", check=False),
        technique="aborted",
        counted=NEVER,
    ),
]
HABITS = [
    Act("keyset", _keyset, technique="paging", counted=ALWAYS),
    Act("offsets", _offsets, technique="paging", counted=ALWAYS),
    Act("lookups", _lookups, counted=ALWAYS),
    Act(
        "prepared_driver",
        extended("select {name} from {people} where {key} = %s", *[("{first}",)], prepare=True),
        counted=ALWAYS,
    ),
    Act("pipeline", _pipeline, counted=ALWAYS),
    Act("executemany", _executemany),
    Act(
        "server_file_read",
        written(psql("copy {people} to '{out}'; select length(pg_read_file('{out}'))", SUPER)),
        technique="server_file",
        counted=NEVER,
        most=True,
    ),
]
