"""A whole scan of a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from scanner.catalog import CatalogSettings, from_json, scan_catalog, to_json
from scanner.model import Schema, TableRef
from tests.catalog.shop import shop
from tests.support.postgres import Postgres

DATABASE = "catalog_shop"

MORE = r"""
create schema crm;
create view v_mbr as select mbr_no, mbr_nm, upper(eml) as contact from mbr;
create materialized view mv_mbr as select mbr_nm, hp_no from mbr;
create table crm."Odd ""Täble% :x" ("고객 명" text, "e'mail" text, "bad:col%s" inet, arr text[], "말" text);
comment on column crm."Odd ""Täble% :x"."말" is '휴대폰번호';
insert into crm."Odd ""Täble% :x" select '김민수', 'a' || i || '@b.kr', ('10.0.0.' || i % 250)::inet,
    array['010-2345-' || lpad(i::text, 4, '0')], '555' || (1000 + i) from generate_series(1, 300) i;
create view crm."v%(x)s ""q" as select "e'mail" as "c%d" from crm."Odd ""Täble% :x";
create table ev (id bigint, d date, tel text) partition by range (d);
create table ev1 partition of ev for values from ('2025-01-01') to ('2026-01-01');
create table ev2 partition of ev for values from ('2026-01-01') to ('2027-01-01');
insert into ev select i, date '2025-06-01' + (i % 400),
    '010-' || (2000 + i * 7 % 8000) || '-' || lpad((i * 7919 % 10000)::text, 4, '0')
    from generate_series(1, 3000) i;
create type pair as (tel text, n int);
create table unholdable (d date, t timestamp, n numeric,
    iv interval, r int4range, b bytea, p pair, x xml, ts tsvector);
insert into unholdable values (
    'infinity', '-infinity', 'NaN', '178000000 years', '[1,5)', '\xff00', row('010-1234-5678', 1), '<a/>', 'a b');
create function fn_export() returns setof mbr language sql security definer as 'select * from mbr';
create function fn_one(a int, out b text) language plpgsql as $$ begin b := (select mbr_nm from mbr where mbr_no = a); end $$;
create table parent_t (id int, hp_no text);
create table child_t (extra text) inherits (parent_t);
insert into child_t select i, '010-7777-' || lpad(i::text, 4, '0') from generate_series(1, 80) i;
create function tr_copy() returns trigger language plpgsql
    as $$ begin insert into parent_t values (new.id, new.tel); return new; end $$;
create trigger copies after insert or update on ev1 for each row execute function tr_copy();
create publication pub_part for table mbr (mbr_no, mbr_nm), prd;
create procedure sp_move() language sql as 'insert into parent_t select mbr_no, hp_no from mbr';
create role catalog_part login;
create role catalog_none login;
grant select on mbr, prd to catalog_part;
grant select (mbr_no, amt) on ord to catalog_part;
"""

LARGE = """
create table big (id bigint, filler text, late text) with (autovacuum_enabled = false);
insert into big
    select i, repeat('x', 60),
           case when i > 270000 then '010-' || (2000 + i * 7 % 8000) || '-' || lpad((i * 7919::bigint % 10000)::text, 4, '0') end
    from generate_series(1, 300000) i;
"""


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[Postgres]:
    postgres.psql(f"create database {DATABASE}")
    with psycopg.connect(postgres.dsn(dbname=DATABASE), autocommit=True) as connection:
        for name, spec in shop().items():
            connection.execute(spec.ddl)
            if spec.rows:
                marks = ",".join(["%s"] * len(spec.rows[0]))
                connection.cursor().executemany(f"insert into {name} values ({marks})", spec.rows)
        connection.execute("create materialized view if not exists nothing as select 1 as one")
        connection.execute(MORE)
    yield postgres
    postgres.psql(f"drop database {DATABASE} with (force)")
    postgres.psql("drop role catalog_part; drop role catalog_none")


@pytest.fixture(scope="module")
def schema(server: Postgres) -> Schema:
    scan = scan_catalog("shop", server.url(dbname=DATABASE))
    assert scan.gaps == ()
    return scan.schema


def ref(name: str, schema: str = "public") -> TableRef:
    return TableRef(schema, name)


@pytest.mark.parametrize("name", list(shop()))
def test_every_column_is_judged_right(name: str, schema: Schema) -> None:
    found = {c.name: (c.pii_class, c.form) for c in schema.tables[ref(name)].columns if c.pii_class}
    assert found == shop()[name].truth


def test_odd_names_arrays_and_comments(schema: Schema) -> None:
    odd = schema.tables[ref('Odd "Täble% :x', "crm")]
    assert [(c.pii_class, c.form) for c in odd.columns] == [
        ("PERSON", "typed"),
        ("EMAIL_ADDRESS", "typed"),
        ("IP_ADDRESS", "typed"),
        ("PHONE_NUMBER", "embedded"),
        ("PHONE_NUMBER", "typed"),
    ]


def test_a_view_whose_name_looks_like_a_parameter(schema: Schema) -> None:
    assert [c.pii_class for c in schema.tables[ref('v%(x)s "q', "crm")].columns] == ["EMAIL_ADDRESS"]


def test_partitions_follow_their_parent(schema: Schema) -> None:
    whole, first, second = (schema.tables[ref(n)] for n in ("ev", "ev1", "ev2"))
    assert (whole.kind, first.kind, first.parent, second.parent) == ("table", "partition", ref("ev"), ref("ev"))
    assert whole.rows == 3000
    assert (first.rows or 0) + (second.rows or 0) == pytest.approx(3000, rel=0.1)
    assert [t.columns[2].pii_class for t in (whole, first, second)] == ["PHONE_NUMBER"] * 3


def test_people(schema: Schema) -> None:
    members, orders = schema.tables[ref("mbr")], schema.tables[ref("ord")]
    assert (members.rows, members.persons, members.person_column) == (300, 300, "mbr_no")
    assert (orders.rows, orders.persons, orders.person_column) == (899, 150, "mbr_no")
    assert orders.unique_keys == (("ord_id",), ("ord_no",))


def test_views_and_functions(schema: Schema) -> None:
    view, materialised = schema.tables[ref("v_mbr")], schema.tables[ref("mv_mbr")]
    assert "upper(" in (view.definition or "")
    assert (view.kind, materialised.kind) == ("view", "materialized_view")
    assert [c.pii_class for c in view.columns] == [None, "PERSON", "EMAIL_ADDRESS"]
    assert [c.pii_class for c in materialised.columns] == ["PERSON", "PHONE_NUMBER"]
    (export,), (one,) = schema.functions[ref("fn_export")], schema.functions[ref("fn_one")]
    assert (export.language, export.body, export.security_definer, export.returns) == (
        "sql",
        "select * from mbr",
        True,
        "SETOF mbr",
    )
    assert (one.language, one.security_definer, one.returns, one.argument_names) == ("plpgsql", False, "text", ("a",))


def test_what_else_carries_rows_away(schema: Schema) -> None:
    (trigger,) = schema.triggers[ref("ev1")]
    assert (trigger.name, trigger.timing, trigger.events) == ("copies", "AFTER", ("INSERT", "UPDATE"))
    assert trigger.function == ref("tr_copy")
    (publication,) = schema.publications
    assert (publication.name, publication.tables, publication.all_tables) == ("pub_part", (ref("mbr"), ref("prd")), False)
    assert publication.columns == {ref("mbr"): ("mbr_no", "mbr_nm")}
    assert schema.functions[ref("sp_move")][0].kind == "procedure"


def test_inheritance(schema: Schema) -> None:
    whole, child = schema.tables[ref("parent_t")], schema.tables[ref("child_t")]
    assert (whole.rows, child.rows, child.parent, child.kind) == (80, 80, ref("parent_t"), "table")
    assert [t.columns[1].pii_class for t in (whole, child)] == ["PHONE_NUMBER"] * 2


def test_search_paths(server: Postgres) -> None:
    server.psql(
        f"""create role path_1; create role path_2; create role path_3;
        alter role all set search_path = 'everywhere'; alter database {DATABASE} set search_path = "Odd, Name", public;
        alter role path_1 set search_path = crm, public; alter role path_2 set search_path = crm;
        alter role path_2 in database {DATABASE} set search_path = "$user", stage;
        alter role path_3 set work_mem = '8MB'""",
        dbname=DATABASE,
    )
    try:
        schema = scan_catalog("shop", server.url(dbname=DATABASE)).schema
        paths = {role: path for role, path in schema.search_paths.items() if role in ("", "path_1", "path_2", "path_3")}
        assert paths == {"": ("Odd, Name", "public"), "path_1": ("crm", "public"), "path_2": ("$user", "stage")}
        assert from_json(to_json(schema)) == schema
    finally:
        server.psql(f"alter role all reset search_path; alter database {DATABASE} reset search_path", dbname=DATABASE)


def test_foreign_tables_and_servers(server: Postgres) -> None:
    if not server.psql("select 1 from pg_available_extensions where name = 'postgres_fdw'", dbname=DATABASE).strip():
        pytest.skip("this PostgreSQL comes without postgres_fdw")
    server.psql(
        f"""create extension postgres_fdw;
        create server elsewhere foreign data wrapper postgres_fdw
            options (host '127.0.0.1', port '{server.port}', dbname '{DATABASE}');
        create user mapping for postgres server elsewhere options (user 'postgres', password 'very-secret');
        create foreign table far (mbr_no int, hp_no text) server elsewhere options (schema_name 'public', table_name 'mbr')""",
        dbname=DATABASE,
    )
    schema = scan_catalog("shop", server.url(dbname=DATABASE)).schema
    far = schema.tables[ref("far")]
    assert (far.kind, far.server, far.columns[1].pii_class) == ("foreign_table", "elsewhere", "PHONE_NUMBER")
    assert schema.servers[0].wrapper == "postgres_fdw"
    assert ("dbname", DATABASE) in schema.servers[0].options
    assert "very-secret" not in to_json(schema)
    assert from_json(to_json(schema)) == schema
    server.psql("drop extension postgres_fdw cascade", dbname=DATABASE)


def test_no_type_is_too_odd(schema: Schema) -> None:
    odd = schema.tables[ref("unholdable")]
    assert odd.rows == 1
    assert len(odd.columns) == 9


def test_nothing_changed_nothing_read_a_changed_table_is(server: Postgres) -> None:
    url = server.url(dbname=DATABASE)
    server.psql("analyze", dbname=DATABASE)
    first = scan_catalog("shop", url).schema
    again = scan_catalog("shop", url, previous=first)
    assert again.schema == first
    assert again.tables_read == 0
    server.psql(
        "alter table prd add maker_hp text; update prd set maker_hp = '010-2345-' || lpad(prd_no::text, 4, '0')", dbname=DATABASE
    )
    changed = scan_catalog("shop", url, previous=first).schema
    found = changed.tables[ref("prd")].column("maker_hp")
    assert found is not None
    assert found.pii_class == "PHONE_NUMBER"
    assert changed.version != first.version
    server.psql("alter table prd drop maker_hp", dbname=DATABASE)


def test_missing_privileges_are_gaps(server: Postgres) -> None:
    part = scan_catalog("shop", server.url("catalog_part", DATABASE))
    named = {gap.table for gap in part.gaps}
    assert "public.cs_call" in named
    assert "public.mbr" not in named
    columns = {c.name: c.pii_class for c in part.schema.tables[ref("ord")].columns}
    assert columns["rcv_tel"] == "PHONE_NUMBER"  # by its name alone
    assert part.schema.tables[ref("mbr")].persons == 300
    none = scan_catalog("shop", server.url("catalog_none", DATABASE))
    assert none.tables_read == 0
    assert {g.table for g in none.gaps} >= {"public.mbr", "public.ord"}
    assert none.schema.tables[ref("mbr")].columns[4].pii_class == "KR_RRN"


def test_a_table_dropped_midway_is_a_gap(server: Postgres) -> None:
    server.psql("create table zz_doomed (hp_no text)", dbname=DATABASE)
    dropped: list[str] = []

    def drop(_what: str, _done: int, _total: int) -> None:
        if not dropped:
            dropped.append("now")
            server.psql("drop table zz_doomed", dbname=DATABASE)

    scan = scan_catalog("shop", server.url(dbname=DATABASE), progress=drop)
    assert [g.table for g in scan.gaps] == ["public.zz_doomed"]
    assert "does not exist" in scan.gaps[0].reason
    assert scan.schema.tables[ref("mbr")].persons == 300


def test_a_locked_table_is_a_gap_not_a_wait(server: Postgres) -> None:
    with psycopg.connect(server.dsn(dbname=DATABASE)) as holder:
        holder.execute("lock table prd in access exclusive mode")
        scan = scan_catalog("shop", server.url(dbname=DATABASE), settings=CatalogSettings(lock_seconds=0.2))
    assert "public.prd" in {g.table for g in scan.gaps}
    assert scan.seconds < 20


def test_a_large_table_costs_a_few_blocks(server: Postgres) -> None:
    server.psql(LARGE, dbname=DATABASE)
    settings = CatalogSettings(exact_bytes=100_000, sample_blocks=50, sample_rows=500)

    def blocks() -> int:
        server.psql("select pg_stat_force_next_flush()", dbname=DATABASE)
        return int(
            server.psql("select heap_blks_read + heap_blks_hit from pg_statio_user_tables where relname = 'big'", dbname=DATABASE)
        )

    before = blocks()
    unanalysed = scan_catalog("shop", server.url(dbname=DATABASE), settings=settings).schema.tables[ref("big")]
    cost = blocks() - before
    assert {c.name: c.pii_class for c in unanalysed.columns} == {"id": None, "filler": None, "late": "PHONE_NUMBER"}
    assert unanalysed.rows == pytest.approx(300_000, rel=0.2)
    assert 0 < cost < 50 * 15  # of some 3,900
    assert unanalysed.blocks_read is not None
    assert 0 < unanalysed.blocks_read <= cost  # as it is told to people
    assert unanalysed.rows_read is not None
    assert 0 < unanalysed.rows_read <= 1_500
    server.psql("analyze big", dbname=DATABASE)
    analysed = scan_catalog("shop", server.url(dbname=DATABASE), settings=settings).schema.tables[ref("big")]
    assert analysed.rows == pytest.approx(300_000, rel=0.05)
    assert (analysed.person_column, analysed.persons) == ("late", pytest.approx(30_000, rel=0.5))
    server.psql("drop table big", dbname=DATABASE)
