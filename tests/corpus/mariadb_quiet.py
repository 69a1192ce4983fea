"""Look-alikes on MariaDB: nobody's data leave, however much it looks like it."""

from __future__ import annotations

from tests.corpus.act import ALWAYS, NEVER, ROWS, Act
from tests.corpus.mariadb import Do, Place, client, connect, driver, program


def quiet(name: str, do: Do, counted: str = ALWAYS) -> Act:
    """``counted`` says whether it can be told without row counts."""
    return Act(name, do, leaves=(), truth=0, counted=counted)


def _import(place: Place) -> str:
    with place.connect() as connection, connection.cursor() as cursor:
        cursor.execute(place.fill("create table {side}.incoming like {people}"))
        rows = [(p.key, *p.values, "A", "2024-01-01") for p in place.world.people[:300]]
        cursor.executemany(place.fill("insert into {side}.incoming values (%s,%s,%s,%s,%s,%s,%s,%s)"), rows)
    return ""


def _health(place: Place) -> str:
    with place.connect() as connection, connection.cursor() as cursor:
        for _ in range(25):
            connection.ping()
            cursor.execute("select 1")
            cursor.execute(place.fill("select 1 from {people} limit 1"))
    return ""


def _denied(place: Place) -> str:
    """Another account without any right: the refused statement is the act's, by its comment."""
    with connect(place.server, "w_denied") as connection, connection.cursor() as cursor:
        try:
            cursor.execute(place.fill("select * from {people}"))
        except Exception:  # noqa: BLE001 - whatever the refusal is called
            return ""
    return "not refused"


QUIET = [
    quiet("count", client("select count(*) from {people}")),
    quiet("count_distinct", client("select count(distinct {name}), avg({key}) from {people}")),
    quiet("count_groups", client("select grade, count(*) from {people} group by grade")),
    quiet("count_rollup", client("select grade, count(*) from {people} group by grade with rollup")),
    quiet("count_where", client("select count(*) from {people} where {phone} like '010-1%'")),
    quiet("exists", client("select exists (select 1 from {people} where {name} = '김민우')")),
    quiet("select_one", client("select 1 from {people} where {key} = {first}")),
    quiet("sum_join", client("select sum(amount) from {orders} o join {people} m using ({key}) where m.grade = 'A'")),
    quiet("amounts", client("select o.ord_id, o.amount from {orders} o join {people} m using ({key})")),
    quiet("grades", client("select grade from {people}")),
    quiet("max_date", client("select max(reg_dt), min(reg_dt) from {people}")),
    quiet("lengths", client("select avg(char_length({addr})) from {people}")),
    quiet("window_count", client("select count(*) over (partition by grade) from {people}")),
    quiet("view_stats", client("select * from {schema}.v_stats")),
    quiet("function_count", client("select {schema}.f_count()")),
    quiet(
        "semi_join", client("select prd_no from {products} where prd_no in (select {key} from {people} where {phone} like '%1')")
    ),
    quiet("variable_count", client("select count(*) into @n from {people}; select @n")),
    quiet("explain", client("explain select * from {people}")),
    quiet("explain_json", client("explain format=json select {phone} from {people} where {key} = 5")),
    quiet("analyze_select", client("analyze select * from {people}")),
    quiet("describe", client("describe {people}; show create table {people}; show full columns from {people}")),
    quiet("prepare_only", client("prepare never from 'select * from {people}'; deallocate prepare never"), ROWS),
    quiet("create_view_only", client("create view {side}.v_unused as select * from {people}; drop view {side}.v_unused")),
    quiet("create_procedure_only", client("create procedure {side}.unused() select * from {people}")),
    quiet("where_false", client("select * from {people} where false")),
    quiet("where_numbers", client("select * from {people} where 1 = 0")),
    quiet("limit_zero", client("select * from {people} limit 0")),
    quiet("nobody_found", client("select * from {people} where {key} = -1"), ROWS),
    # no rows sent may mean that a cursor's rows came later: low is 0, and no more can be said
    quiet("nobody_likes", client("select {phone} from {people} where {name} like 'zzz%'"), NEVER),
    quiet("empty_table", client("select * from {side}.empty_people"), ROWS),
    quiet("literal", client("select 'select * from {people_raw}'")),
    quiet("comment", client("select 1 /* select {phone} from {people} */ # {people}")),
    quiet("alias", client("select p.prd_nm as {phone}, p.price as {rrn} from {products} p")),
    quiet(
        "cte_name",
        client(
            "with {people_} as (select prd_no as {key}, prd_nm as {name}, note as {phone} from {products}) select * from {people_}"
        ),
    ),
    quiet("subquery_alias", client("select {people_}.{phone} from (select note as {phone} from {products}) {people_}")),
    quiet(
        "temp_borrows",
        client(
            "create temporary table {people_} (k int, {phone} varchar(60)); insert into {people_} select prd_no, note from {products}; select {phone} from {people_}"
        ),
    ),
    quiet(
        "other_database",
        client(
            "create table {side}.{people_} (k int, {phone} varchar(60)); insert into {side}.{people_} select prd_no, 'x' from {products}; select {phone} from {side}.{people_}"
        ),
    ),
    quiet("products", client("select * from {products}")),
    quiet("products_outfile", client("select * from {products} into outfile '{out}'")),
    quiet("products_dump", program("mariadb-dump", "{schema_raw}", "{products_raw}")),
    quiet("products_concat", client("select group_concat(prd_nm) from {products}")),
    quiet("products_copy", client("create table {side}.pr as select * from {products}; select * from {side}.pr")),
    quiet(
        "products_handler", client("handler {products} open; handler {products_} read next limit 500; handler {products_} close")
    ),
    quiet("schema_dump", program("mariadb-dump", "--no-data", "--databases", "{schema_raw}")),
    quiet("import", _import),
    quiet("update_all", client("update {people} set grade = 'B'")),
    quiet("update_amounts", client("update {orders} o join {people} m using ({key}) set o.amount = o.amount + 1")),
    quiet("delete_some", client("begin; delete from {logs} where at < '2023-01-01'; rollback")),
    quiet("foreign_keys", driver("insert into {orders} values (1000001, {first}, 'x', '-', 0, '2024-01-01')")),
    quiet("masked_view", client("select nm, tel from {schema}.v_masked")),
    quiet("masked_here", client("select left({name}, 1), right({phone}, 4) from {people}")),
    quiet("batch_load", driver(*[f"insert into {{side}}.spool (t) values ('note {i}')" for i in range(30)])),
    quiet("analyze", client("analyze table {people}; check table {people}; optimize table {people}")),
    quiet("create_index", client("create index i1 on {people} ({email}); drop index i1 on {people}")),
    quiet("alter", client("alter table {people} add column extra int; alter table {people} drop column extra")),
    quiet("truncate", client("truncate table {side}.empty_people")),
    quiet("lock", client("lock tables {people} read; unlock tables")),
    quiet("grant", client("grant select on {people} to w_denied@localhost; revoke select on {people} from w_denied@localhost")),
    quiet("tidy_procedure", client("call {schema}.p_tidy()")),
    quiet(
        "introspection",
        client(
            "select table_schema, table_name, column_name, data_type from information_schema.columns where table_name = '{people_raw}'"
        ),
    ),
    quiet("show", client("show tables; show status like 'Threads%'; show variables like 'version%'; show index from {people}")),
    quiet("health", _health),
    quiet("transaction", client("begin; commit; begin; rollback; set autocommit = 1")),
    quiet("denied", _denied),
    quiet("no_column", client("select {phone}, nothing from {people}", check=False)),
    quiet("no_table", client("select * from {side}.gone", check=False)),
    quiet("syntax", client("selec * from {people}", check=False)),
    quiet("duplicate", client("insert into {people} select * from {people}", check=False)),
    quiet(
        "long_insert",
        driver("insert into {side}.spool (t) values " + ", ".join(f"('filler {i} of a long statement')" for i in range(60))),
    ),
    quiet(
        "replace_returning",
        client("begin; replace into {leads} (lead_id, {name}) values (1, 'x'), (2, 'x') returning {name}, lead_id; rollback"),
    ),
    quiet("checksum", client("checksum table {people}")),
]
