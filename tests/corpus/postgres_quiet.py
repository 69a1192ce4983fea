"""Look-alikes on PostgreSQL: nobody's data leave, however much it looks like it."""

from __future__ import annotations

from tests.corpus.act import ALWAYS, ROWS, Act
from tests.corpus.postgres import SUPER, Do, Site, copy, extended, named, program, psql, simple


def quiet(name: str, do: Do, counted: str = ALWAYS) -> Act:
    """``counted`` says whether it can be told without the log's row counts."""
    return Act(name, do, leaves=(), truth=0, counted=counted)


def _import(site: Site) -> str:
    with site.connect() as connection, connection.cursor() as cursor:
        cursor.execute(site.fill("create table {side}.incoming (like {people})"))  # type: ignore[arg-type]
        with cursor.copy(site.fill("copy {side}.incoming from stdin")) as into:  # type: ignore[arg-type]
            for p in site.world.people[:300]:
                into.write_row((p.key, p.name, p.phone, p.email, p.rrn, p.address, "A", "2024-01-01"))
    return ""


def _fixtures(site: Site) -> str:
    with site.connect() as connection, connection.cursor() as cursor:
        cursor.execute(site.fill("create table {side}.fixture (id int, name text, phone text)"))  # type: ignore[arg-type]
        cursor.executemany(
            site.fill("insert into {side}.fixture values (%s, %s, %s)"),  # type: ignore[arg-type]
            [(i, f"Test {i}", f"000-{i}") for i in range(60)],
        )
    return ""


def _health(site: Site) -> str:
    with site.connect() as connection:
        for _ in range(25):
            connection.execute("select 1")
            connection.execute(site.fill("select 1 from {people} limit 1"))  # type: ignore[call-overload]
    return ""


COUNTS = [
    quiet("count", psql("select count(*) from {people}")),
    quiet("count_distinct", psql("select count(distinct {name}), avg({key}) from {people}")),
    quiet("count_groups", psql("select grade, count(*) from {people} group by grade")),
    quiet("count_where", psql("select count(*) from {people} where {phone} like '010-1%'")),
    quiet("count_filter", psql("select count(*) filter (where {email} like '%a%') from {people}")),
    quiet("exists", psql("select exists (select 1 from {people} where {name} = '김민우')")),
    quiet("select_one", psql("select 1 from {people} where {key} = {first}")),
    quiet("keys_sum", psql("select sum(amount) from {orders} o join {people} m using ({key}) where m.grade = 'A'")),
    quiet("amounts", psql("select o.ord_id, o.amount from {orders} o join {people} m using ({key})")),
    quiet("grades", psql("select grade from {people}")),
    quiet("max_date", psql("select max(reg_dt), min(reg_dt) from {people}")),
    quiet("lengths", psql("select avg(length({addr})) from {people}")),
    quiet("nulls", psql("select count(*) from {people} where {phone} is null")),
    quiet("window_count", psql("select count(*) over (partition by grade) from {people}")),
    quiet("view_stats", psql("select * from {schema}.v_stats")),
    quiet("definer_count", psql("select {schema}.f_count()")),
    quiet("definer_known", psql("select {schema}.f_known('010-0000-0000')")),
    quiet(
        "semi_join", psql("select prd_no from {products} where prd_no in (select {key} from {people} where {phone} like '%1')")
    ),
]
PLANS = [
    quiet("explain", psql("explain select * from {people}")),
    quiet("explain_verbose", psql("explain (verbose, costs off) select {phone} from {people} where {key} = 5")),
    quiet("explain_analyze", psql("explain (analyze, buffers) select * from {people}")),
    quiet("prepare_only", psql("prepare never as select * from {people}; deallocate never")),
    quiet("declare_only", psql("begin; declare c cursor for select * from {people}; close c; commit")),
    quiet("move_only", psql("begin; declare c cursor for select * from {people}; move all in c; commit")),
    quiet("create_view_only", psql("create view {side}.v_unused as select * from {people}; drop view {side}.v_unused")),
    quiet("ctas_no_data", psql("create table {side}.shell as select * from {people} with no data; select * from {side}.shell")),
    quiet(
        "create_function_only",
        psql("create function {side}.unused() returns setof {people} language sql as 'select * from {people}'"),
    ),
]
EMPTY = [
    quiet("where_false", psql("select * from {people} where false")),
    quiet("where_false_numbers", psql("select * from {people} where 1 = 0")),
    quiet("limit_zero", psql("select * from {people} limit 0")),
    quiet("nobody_found", psql("select * from {people} where {key} = -1"), ROWS),
    quiet("nobody_likes", psql("select {phone} from {people} where {name} like 'zzz%'"), ROWS),
    quiet("empty_table", psql("select * from {side}.empty_people"), ROWS),
    quiet("empty_cursor", named("select * from {people} where false")),
    quiet("extended_nobody", extended("select {phone} from {people} where {key} = %s", (-5,)), ROWS),
    quiet("update_nobody", psql("update {people} set grade = 'A' where {key} = -1 returning {phone}"), ROWS),
    quiet("copy_nobody", copy("copy (select * from {people} where false) to stdout")),
]
WORDS = [
    quiet("literal", psql("select 'select * from {people}'")),
    quiet("comment", psql("select 1 /* select {phone} from {people} */ -- {people}")),
    quiet("dollar", psql("select $$ copy {people} to stdout $$")),
    quiet("alias", psql("select p.prd_nm as {phone}, p.price as {rrn} from {products} p")),
    quiet(
        "cte_name",
        psql(
            "with {people_} as (select prd_no as {key}, prd_nm as {name}, note as {phone} from {products}) select * from {people_}"
        ),
    ),
    quiet("subquery_alias", psql("select {people_}.{phone} from (select note as {phone} from {products}) {people_}")),
    quiet(
        "temp_borrows",
        psql(
            "create temp table {people_} (k int, {phone} text); insert into {people_} select prd_no, note from {products}; select {phone} from {people_}"
        ),
    ),
    quiet(
        "temp_borrows_path",
        psql(
            "set search_path = {schema}; create temp table {people_} as select prd_no as {key}, note as {phone} from {products}; select * from {people_}"
        ),
    ),
    quiet(
        "other_schema",
        psql(
            "create table {side}.{people_} (k int, {phone} text); insert into {side}.{people_} select prd_no, 'x' from {products}; select {phone} from {side}.{people_}"
        ),
    ),
    quiet("notice_words", psql("do $$ begin raise notice 'select * from {people}'; end $$")),
    quiet("comment_on", psql("comment on table {products} is 'not {people}'", SUPER)),
]
BULK = [
    quiet("products", psql("select * from {products}")),
    quiet("products_copy", copy("copy {products} to stdout")),
    quiet("products_dump", program("pg_dump", "-t", "{products}")),
    quiet("products_cursor", named("select * from {products}")),
    quiet("products_agg", psql("select json_agg(p) from {products} p")),
    quiet("products_ctas", psql("create table {side}.pr as select * from {products}; select * from {side}.pr")),
    quiet("schema_dump", program("pg_dump", "--schema-only")),
    quiet("import", _import),
    quiet("fixtures", _fixtures),
    quiet("update_all", psql("update {people} set grade = 'B'")),
    quiet("update_join", psql("update {orders} o set amount = amount + 1 from {people} m where m.{key} = o.{key}")),
    quiet("delete_some", psql("begin; delete from {logs} where at < '2023-01-01'; rollback")),
    quiet(
        "foreign_keys",
        psql(
            "insert into {orders} select 1000000 + i, {first} + i % 50, 'x', '-', 0, '2024-01-01' from generate_series(1, 200) i",
            SUPER,
        ),
    ),
    quiet(
        "upsert",
        psql("insert into {leads} select lead_id, {name}, {phone}, {email}, {addr}, 'x' from {leads} on conflict do nothing"),
    ),
    quiet("masked_view", psql("select nm, tel from {schema}.v_masked")),
    quiet("masked_here", psql("select left({name}, 1), right({phone}, 4) from {people}")),
    quiet("batch_load", extended("insert into {side}.spool(t) values (%s)", *[(f"note {i}",) for i in range(40)])),
]
CARE = [
    quiet("vacuum", simple("vacuum {people}", "analyze {people}", user=SUPER)),
    quiet("reindex", simple("reindex table {people}", user=SUPER)),
    quiet("create_index", psql("create index on {people} ({phone}); create index on {people} (lower({email}))", SUPER)),
    quiet("alter", psql("alter table {people} add column extra int; alter table {people} drop column extra", SUPER)),
    quiet("cluster", simple("cluster {people} using {people_pkey}", user=SUPER)),
    quiet("refresh", psql("refresh materialized view {schema}.mv_people", SUPER)),
    quiet("truncate", psql("begin; truncate {logs}; rollback", SUPER)),
    quiet("lock", psql("begin; lock table {people}; rollback")),
    quiet("grant", psql("grant select on {people} to v_other; revoke select on {people} from v_other", SUPER)),
    quiet("tidy_procedure", psql("call {schema}.p_tidy()")),
    quiet("trigger_lookup", psql("insert into {orders} values (2000001, {first}, 'x', '-', 0, '2024-01-01')")),
    quiet("sizes", psql("select pg_total_relation_size('{people}'), pg_relation_size('{people}')")),
    quiet("row_estimate", psql("select reltuples from pg_class where oid = '{people}'::regclass")),
    quiet(
        "introspection",
        psql(
            "select table_schema, table_name, column_name, data_type from information_schema.columns where table_name = '{people_raw}'"
        ),
    ),
    quiet(
        "orm_introspection",
        psql(
            "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a where a.attrelid = '{people}'::regclass and a.attnum > 0 order by a.attnum"
        ),
    ),
    quiet("describe", psql("\\d {people}\n")),
    quiet("health", _health),
    quiet("health_limit", psql("select 1; select now(); select version(); show server_version")),
    quiet("transaction", psql("begin; commit; begin; rollback")),
]
DENIED = [
    quiet("denied", psql("select * from {people}", "v_other", check=False)),
    quiet("denied_copy", psql("copy {people} to stdout", "v_other", check=False)),
    quiet("no_column", psql("select {phone}, nothing from {people}", check=False)),
    quiet("no_table", psql("select * from {people}_gone", check=False)),
    quiet("syntax", psql("selec * from {people}", check=False)),
    quiet("duplicate", psql("insert into {people} select * from {people}", check=False)),
    quiet("division", psql("select 1 / 0", check=False)),
    quiet("bad_cast", psql("select 'x'::int from {products}", check=False)),
]
