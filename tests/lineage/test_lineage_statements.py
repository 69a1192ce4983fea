"""Every other kind of statement: where data go, what is written, which session state a statement needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scanner.lineage import SENTENCES, Technique, analyze
from scanner.model import Column, Destination, Flow, Kind, Schema, Table, TableRef

CUSTOMER = TableRef("shop", "customer")
ALL = ("id", "name", "phone", "rrn", "email", "addr")
STATEMENTS = {
    "copy shop.customer to stdout": {"kind": Kind.COPY_OUT, "n": 6, "tech": {"copy"}, "destination": Destination.CLIENT},
    "copy shop.customer (id, rrn) to stdout": {"kind": Kind.COPY_OUT, "n": 2},
    "copy shop.customer (id, brand_new) to stdout": {"kind": Kind.COPY_OUT, "unknown": True},
    "copy (select rrn from shop.customer) to stdout": {"kind": Kind.COPY_OUT, "n": 1},
    "copy shop.customer to '/var/out/x'": {
        "destination": Destination.SERVER_FILE,
        "tech": {"copy", "server_file"},
        "literal_sensitive": True,
    },
    "copy shop.customer to program 'cat'": {
        "destination": Destination.PROGRAM,
        "tech": {"copy", "program"},
        "literal_sensitive": True,
    },
    "copy shop.customer from stdin": {"kind": Kind.COPY_IN, "n": 0, "written": CUSTOMER, "destination": Destination.NOWHERE},
    "declare c cursor with hold for select rrn from shop.customer": {
        "kind": Kind.DECLARE,
        "n": 1,
        "cursor": "c",
        "destination": Destination.NOWHERE,
        "tech": {"cursor"},
    },
    'declare "My C" cursor for select 1': {"cursor": "My C"},
    "declare MyC cursor for select 1": {"cursor": "myc"},
    "fetch 100 from c": {"kind": Kind.FETCH, "cursor": "c", "fetch_count": 100},
    "fetch all from c": {"kind": Kind.FETCH, "fetch_count": None},
    "fetch forward all in c": {"fetch_count": None},
    "fetch backward 5 from c": {"fetch_count": 5},
    "fetch next from c": {"fetch_count": 1},
    "fetch c": {"fetch_count": 1},
    "fetch absolute 9 from c": {"fetch_count": 1},
    "move 5 in c": {"kind": Kind.UTILITY},
    "close c": {"kind": Kind.CLOSE, "cursor": "c"},
    "close all": {"kind": Kind.CLOSE, "cursor": None},
    "prepare p(int) as select rrn from shop.customer where id = $1": {
        "kind": Kind.PREPARE,
        "prepared": "p",
        "n": 1,
        "destination": Destination.NOWHERE,
    },
    "execute p(5)": {"kind": Kind.EXECUTE, "prepared": "p"},
    "deallocate p": {"kind": Kind.DEALLOCATE, "prepared": "p"},
    "deallocate all": {"kind": Kind.DEALLOCATE, "prepared": None},
    "create table x as select name, phone as p from shop.customer": {
        "kind": Kind.CREATE_AS,
        "written": TableRef("public", "x"),
        "copies": {"name>name", "phone>p"},
        "destination": Destination.TABLE,
        "tech": {"copy_to_new_table"},
    },
    "create table x(a, b) as select name, phone from shop.customer": {"copies": {"name>a", "phone>b"}},
    "create temp table x as table shop.customer": {"written": TableRef("pg_temp", "x")},
    "create materialized view x as select name from shop.customer with no data": {"n": 0, "copies": {"name>name"}},
    "create table x as execute p(1)": {"kind": Kind.CREATE_AS, "prepared": "p"},
    "select name into x from shop.customer": {"kind": Kind.CREATE_AS, "copies": {"name>name"}},
    "select name into temp x from shop.customer": {"written": TableRef("pg_temp", "x")},
    "refresh materialized view shop.mv": {
        "kind": Kind.REFRESH,
        "written": TableRef("shop", "mv"),
        "copies": {"id>id", "name>name"},
    },
    "create view x as select phone as innocent from shop.customer": {
        "kind": Kind.CREATE_VIEW,
        "n": 0,
        "copies": {"phone>innocent"},
        "destination": Destination.NOWHERE,
    },
    "insert into shop.orders(id, amt) select id, phone from shop.customer": {
        "kind": Kind.INSERT,
        "written": TableRef("shop", "orders"),
        "copies": {"id>id", "phone>amt"},
        "destination": Destination.TABLE,
        "tech": {"copy_to_new_table"},
    },
    "insert into shop.orders select id, name from shop.customer": {"copies": {"id>id", "name>customer_id"}},
    "insert into strange table shop.customer": {"copies": {f"{c}>{c}" for c in ALL}},
    "insert into shop.customer values (1, 'x')": {
        "kind": Kind.INSERT,
        "n": 0,
        "tables": set(),
        "destination": Destination.NOWHERE,
    },
    "insert into shop.customer(name) values ('x') returning id": {"n": 0, "tech": set()},
    "insert into shop.customer values (1) on conflict (id) do update set name = excluded.name returning *": {
        "n": 6,
        "tech": {"returning"},
    },
    "insert into shop.customer values (1) on conflict do nothing returning *": {"n": 0},
    "update shop.customer set addr = addr returning *": {"kind": Kind.UPDATE, "n": 6, "tech": {"returning"}},
    "update shop.customer set name = 'x' where id = 5": {"kind": Kind.UPDATE, "n": 0, "destination": Destination.NOWHERE},
    "update shop.customer set name = 'x' returning old.name": {"n": 1},
    "update shop.orders o set amt = c.rrn from shop.customer c where c.id = o.customer_id": {"copies": {"rrn>amt"}},
    "update shop.orders set (amt, id) = (select rrn, id from shop.customer limit 1)": {"tech": {"copy_to_new_table"}},
    "delete from shop.customer where id = 5 returning rrn": {"kind": Kind.DELETE, "n": 1},
    "delete from shop.orders using shop.customer c where c.id = orders.id returning c.phone": {"n": 1},
    "merge into shop.orders o using shop.customer c on c.id = o.id when matched then update set amt = c.rrn"
    " when not matched then insert (id, amt) values (c.id, c.phone) returning c.name": {
        "kind": Kind.MERGE,
        "n": 1,
        "copies": {"rrn>amt", "id>id", "phone>amt"},
    },
    "with moved as (delete from shop.customer returning *) insert into note select id, rrn from moved": {
        "kind": Kind.INSERT,
        "copies": {"id>id", "rrn>text"},
    },
    "with w as (insert into note select id, rrn from shop.customer returning 1) select 1": {
        "kind": Kind.SELECT,
        "copies": {"id>id", "rrn>text"},
    },
    "explain select * from shop.customer": {
        "kind": Kind.EXPLAIN,
        "n": 0,
        "tech": {"explain"},
        "destination": Destination.NOWHERE,
    },
    "explain (analyze off) select * from shop.customer": {"kind": Kind.EXPLAIN},
    "explain analyze select * from shop.customer": {"kind": Kind.EXPLAIN_ANALYZE, "n": 0},
    "explain (analyze, buffers) create table x as select * from shop.customer": {
        "kind": Kind.EXPLAIN_ANALYZE,
        "written": TableRef("public", "x"),
    },
    "do $$ begin perform 1; end $$": {"kind": Kind.DO, "n": 0, "literal_sensitive": True},
    "do $$ declare r record; begin for r in select rrn from shop.customer loop raise notice '%', r.rrn; end loop; end $$": {
        "kind": Kind.DO,
        "columns": {"rrn"},
        "tech": {"notification"},
        "destination": Destination.CLIENT,
    },
    "do $$ begin insert into note select id, rrn from shop.customer; end $$": {"copies": {"id>id", "rrn>text"}, "n": 0},
    "do $$ begin execute 'copy shop.customer to ''/x'''; end $$": {"tables": {"shop.customer"}},
    "do $$ begin execute what; end $$": {"unknown": True, "tech": {"dynamic_sql"}},
    "do language plpython3u 'plpy.execute(\"select * from shop.customer\")'": {"unknown": True, "tables": {"shop.customer"}},
    "call shop.f_copy()": {"kind": Kind.CALL, "tables": {"shop.customer"}, "tech": {"function"}},
    "select * from shop.get_all()": {"tech": {"function", "definer_function"}, "definer": {"shop.get_all"}},
    "select * from shop.f_inv()": {"tech": {"function"}, "definer": set()},
    "select * from shop.f_any('x') as t(a text)": {"unknown": True, "tech": {"dynamic_sql", "definer_function", "function"}},
    "set search_path = shop, public": {"kind": Kind.SET, "settings": {"search_path": "shop, public"}},
    "set local app.password = 'hunter2'": {"settings": {"app.password": ""}},
    "reset search_path": {"kind": Kind.SET, "settings": {"search_path": "default"}},
    "set role auditor": {"settings": {"role": "auditor"}},
    "set pgaudit.log = 'none'": {"tech": {"audit_tampering"}},
    "set log_statement = 'none'": {"tech": {"audit_tampering"}},
    "select set_config('pgaudit.log', 'none', false)": {"tech": {"audit_tampering"}, "settings": {"pgaudit.log": "none"}},
    "alter role v set pgaudit.log = 'none'": {"kind": Kind.ROLE, "tech": {"audit_tampering"}},
    "set pgaudit.log = 'all'": {"tech": set()},
    "set pgaudit.log = 'all, -read'": {"tech": {"audit_tampering"}},
    "alter system set log_connections = on": {"kind": Kind.DDL, "tech": set()},
    "alter system set log_connections = off": {"kind": Kind.DDL, "tech": {"audit_tampering"}},
    "set session_replication_role = replica": {"tech": set()},
    "set log_min_duration_statement = 0": {"tech": set()},
    "set log_min_messages = warning": {"tech": set()},
    "alter system set log_directory = '/elsewhere'": {"kind": Kind.DDL, "tech": {"audit_tampering"}},
    "alter role v reset all": {"kind": Kind.ROLE, "tech": {"audit_tampering"}},
    "alter system set log_min_messages = panic": {"kind": Kind.DDL, "tech": {"audit_tampering"}},
    "alter database crm set pgaudit.log to none": {"tech": {"audit_tampering"}},
    "drop extension pgaudit": {"tech": {"audit_tampering"}},
    "set statement_timeout = 0": {"tech": set()},
    "grant select on shop.customer to v": {"kind": Kind.ROLE, "tech": {"privilege_grant"}},
    "revoke select on shop.customer from v": {"kind": Kind.ROLE, "tech": set()},
    "grant admin to v": {"tech": {"privilege_grant"}},
    "create role v login password 'hunter2'": {"kind": Kind.ROLE, "tech": {"privilege_grant"}},
    "create role v login password <REDACTED>": {"kind": Kind.ROLE},
    "alter role v superuser": {"tech": {"privilege_grant"}},
    "alter role v password 'hunter2'": {"tech": set()},
    "alter default privileges grant select on tables to v": {"tech": {"privilege_grant"}},
    "alter table shop.customer owner to v": {"kind": Kind.DDL},
    "alter table shop.customer rename to log_cache": {
        "kind": Kind.RENAME,
        "renamed_from": CUSTOMER,
        "written": TableRef("shop", "log_cache"),
        "tech": {"rename"},
    },
    "alter table shop.customer set schema public": {"kind": Kind.RENAME, "written": TableRef("public", "customer")},
    "alter table shop.customer rename column rrn to code": {"kind": Kind.RENAME, "copies": {"rrn>code"}},
    "alter function shop.one(int) rename to two": {"kind": Kind.DDL},
    "create table x(id int)": {"kind": Kind.DDL, "written": TableRef("public", "x")},
    "create function f() returns int language sql as 'select 1'": {"kind": Kind.DDL, "literal_sensitive": True},
    "begin": {"kind": Kind.TRANSACTION},
    "rollback to savepoint a": {"kind": Kind.TRANSACTION},
    "lock table shop.customer in access share mode": {"kind": Kind.LOCK, "tables": {"shop.customer"}, "n": 0},
    "notify ch, 'x'": {"kind": Kind.UTILITY, "tech": {"notification"}, "destination": Destination.NETWORK},
    "vacuum shop.customer": {"kind": Kind.UTILITY},
    "load 'auto_explain'": {"kind": Kind.UTILITY},
    "create server s foreign data wrapper postgres_fdw": {"tech": {"dblink"}},
    "create publication p for all tables": {"tech": {"replication"}},
    "create subscription s connection 'host=x password=y' publication p": {"tech": {"replication"}},
    "select pg_notify('c', (select string_agg(rrn, ',') from shop.customer))": {"tech": {"notification", "concat_aggregate"}},
    "select count(pg_notify('c', name || rrn)) from shop.customer": {
        "tech": {"notification"},
        "columns": {"name", "rrn"},
        "keeps_values": True,
    },
    "select 1 from shop.customer where lo_put(7, 0, phone::bytea) is null limit 20": {
        "tech": {"large_object"},
        "columns": {"phone"},
        "limit": 20,
    },
    "select count(dblink_exec('c', format('insert into t values (%L)', name))) from shop.customer": {"columns": {"name"}},
    "select pg_notify('c', count(name)::text) from shop.customer": {"keeps_values": False, "tech": {"notification"}},
    "select lo_export(1, '/x')": {"tech": {"large_object", "server_file"}},
    "select lo_from_bytea(0, convert_to((select string_agg(rrn, ',') from shop.customer), 'UTF8'))": {
        "tech": {"large_object", "concat_aggregate", "encoding"}
    },
    "select pg_read_file('/etc/passwd')": {"tech": {"server_file"}, "literal_sensitive": True},
    "select * from pg_logical_slot_get_changes('s', null, null)": {"tech": {"replication"}, "unknown": True},
    "select database_to_xml(true, false, '')": {"tech": {"query_to_xml"}, "keeps_values": True},
    "select cursor_to_xml('c', 10, true, false, '')": {"tech": {"query_to_xml", "cursor"}},
    "select query_to_xml('select ' || $1, true, false, '')": {"unknown": True, "literal_sensitive": True},
    "select * from shop.customer where id = any('{" + ",".join(map(str, range(100))) + "}')": {"tech": {"in_list"}},
    "select * from shop.customer where id in (1, 2, 3)": {"tech": set()},
    "select * from shop.customer limit 10 offset 10": {"tech": {"paging"}},
    "BASE_BACKUP ( LABEL 'x',  PROGRESS )": {"kind": Kind.REPLICATION, "tables": "personal", "destination": Destination.NETWORK},
    'START_REPLICATION SLOT "s2" LOGICAL 0/0': {"kind": Kind.REPLICATION, "tables": "personal"},
    "received replication command: IDENTIFY_SYSTEM": {"kind": Kind.REPLICATION, "n": 0},
    'CREATE_REPLICATION_SLOT "s" LOGICAL "test_decoding" (SNAPSHOT \'nothing\')': {"kind": Kind.REPLICATION, "n": 0},
    "-- nothing": {"kind": Kind.UTILITY},
}


@pytest.mark.parametrize("sql", STATEMENTS, ids=lambda sql: sql[:60])
def test_statements(sql: str, schema: Schema) -> None:
    lineage = analyze(sql, schema)
    personal = {str(t.ref) for t in schema.tables.values() if t.has_pii and t.kind != "view"}
    for name, expected in STATEMENTS[sql].items():
        found = {
            "n": lambda: len(lineage.outputs),
            "tech": lambda: set(lineage.techniques),
            "copies": lambda: {f"{o.column}>{o.name}" for o in lineage.written_columns},
            "tables": lambda: {str(t) for t in lineage.tables},
            "columns": lambda: {o.column for o in lineage.outputs},
            "definer": lambda: set(lineage.definer_functions),
            "settings": lambda: dict(lineage.settings),
        }.get(name, lambda name=name: getattr(lineage, name))()
        assert found == (personal if expected == "personal" else expected), name
    assert set(lineage.techniques) <= set(Technique)


def test_what_is_written_into_a_foreign_table_leaves(schema: Schema) -> None:
    far = TableRef("ext", "far")
    tables = {**schema.tables, far: Table(far, (Column("a", "text"), Column("b", "text")), kind="foreign_table", server="s")}
    wider = replace(schema, tables=tables)
    sent = analyze("insert into ext.far (a, b) select name, phone from shop.customer", wider)
    assert sent.destination is Destination.NETWORK
    assert {o.column for o in sent.outputs} == {"name", "phone"}
    assert "dblink" in sent.techniques
    assert not analyze("insert into ext.far values ('x', 'y')", wider).outputs
    near = analyze("insert into ext.near (a, b) select name, phone from shop.customer", wider)
    assert near.destination is Destination.TABLE


def test_every_technique_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Technique)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())


def test_no_secret_stays_in_a_lineage(schema: Schema) -> None:
    for sql in (
        "alter role v password 'hunter2'",
        "set my.secret_token = 'hunter2'",
        "select set_config('app.api_key', 'hunter2', true)",
        "create user mapping for v server s options (password 'hunter2')",
        "create subscription s connection 'password=hunter2' publication p",
    ):
        assert "hunter2" not in repr(analyze(sql, schema))


def test_names_resolve_as_the_engine_does(schema: Schema) -> None:
    def tables(sql: str, **more: object) -> list[str]:
        return [str(t) for t in analyze(sql, schema, **more).tables]  # type: ignore[arg-type]

    assert tables("select * from staff") == ["hr.staff"]  # the only one of that name
    assert tables("select * from customer", search_path=("shop",)) == ["shop.customer"]
    assert tables("select * from customer", logged=("old.customer",)) == ["old.customer"]
    assert tables("select * from t1", logged=("pg_temp_3.t1",)) == ["pg_temp.t1"]
    assert tables("select * from pg_temp_12.t1") == ["pg_temp.t1"]
    assert tables("select * from nobody") == ["public.nobody"]
    assert tables("select * from Shop.CUSTOMER") == ["shop.customer"]
    assert tables('select * from "Shop".customer') == ["Shop.customer"]
    assert tables('select * from "Odd Name"', logged=('shop."Odd Name"',)) == ["shop.Odd Name"]
    assert tables('select * from U&"shop"."c\\0075stomer"'.replace('"c\\0075stomer"', 'U&"c\\0075stomer"')) == ["shop.customer"]


def test_of_several_statements_the_one_the_log_means_is_taken(schema: Schema) -> None:
    text = "select 1 from shop.orders limit 1; select rrn from shop.customer; set search_path = shop"
    assert [str(t) for t in analyze(text, schema, command="SELECT", logged=("shop.customer",)).tables] == ["shop.customer"]
    assert [str(t) for t in analyze(text, schema, command="SELECT", logged=("shop.orders",)).tables] == ["shop.orders"]
    both = analyze(text, schema, command="SELECT")
    assert {str(t) for t in both.tables} == {"shop.customer", "shop.orders"}
    assert both.limit is None
    assert analyze(text, schema, command="SET").kind is Kind.SET
    assert analyze("begin; delete from shop.customer; commit", schema, command="COMMIT").kind is Kind.TRANSACTION


def test_relations_that_only_the_log_names_are_read_too(schema: Schema) -> None:
    hidden = analyze("select * from unknown_function()", schema, logged=("shop.customer",))
    assert CUSTOMER in hidden.tables
    assert [(o.column, o.flow) for o in hidden.outputs] == [("*", Flow.AS_IS)]
    policy = analyze("select id from shop.orders", schema, logged=("shop.customer", "shop.orders"))
    assert CUSTOMER in policy.tables
    assert {o.table.name for o in policy.outputs} == {"orders"}
    view = analyze("select * from shop.v_harmless", schema, logged=("shop.customer", "shop.v_harmless"))
    assert [str(t) for t in view.tables] == ["shop.customer"]


def test_what_names_the_row_being_written_stands_in_a_trigger(schema: Schema) -> None:
    inside = analyze("select name, phone from shop.customer where id = new.customer_id", schema)
    assert "trigger" in inside.techniques
    assert {o.column for o in inside.outputs} == {"name", "phone"}
    assert not inside.unknown
    outside = analyze("select new.name from shop.customer new where new.id = 5", schema)
    assert "trigger" not in outside.techniques


def test_without_a_text_or_a_parse_all_that_is_named_counts(schema: Schema) -> None:
    nothing = analyze(None, schema, logged=("shop.customer",))
    assert nothing.kind is Kind.UNPARSED
    assert nothing.unknown
    assert nothing.tables == (CUSTOMER,)
    cut = analyze("select name, phone from customer where name = 'abc", schema)
    assert cut.kind is Kind.UNPARSED
    assert cut.unknown
    assert cut.tables == (CUSTOMER,)
    assert [(o.table, o.column) for o in cut.outputs] == [(CUSTOMER, "*")]


def test_a_huge_insert_is_no_read(schema: Schema) -> None:
    rows = ",".join(["(1,'x')"] * 800_000)
    lineage = analyze(f"insert into shop.customer(id, name) values {rows}", schema)
    assert lineage.kind is Kind.INSERT
    assert lineage.written == CUSTOMER
    assert not lineage.outputs
    reading = analyze(f"insert into shop.customer(id, name) values {rows} returning *", schema)
    assert reading.unknown
    assert reading.tables == (CUSTOMER,)
