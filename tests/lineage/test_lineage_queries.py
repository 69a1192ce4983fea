"""Queries: which base columns leave, and how."""

from __future__ import annotations

import pytest

from scanner.lineage import analyze
from scanner.model import Flow, Kind, Lineage, Schema, TableRef

ALL = "id name phone rrn email addr"
SHORT = {Flow.AS_IS: "", Flow.TRANSFORMED: "~", Flow.MASKED: "*", Flow.KEPT: "+", Flow.AGGREGATED: "0"}


def leaves(lineage: Lineage) -> set[str]:
    """Outputs as ``table.column``, ~ transformed, * masked, + kept by an aggregate, 0 aggregated away."""
    return {f"{SHORT[o.flow]}{o.table.name}.{o.column}" for o in lineage.outputs}


def customer(columns: str, mark: str = "") -> set[str]:
    return {f"{mark}customer.{c}" for c in columns.split()}


QUERIES = {
    # plain, stars, aliases
    "select * from shop.customer": customer(ALL),
    "table shop.customer": customer(ALL),
    "select c.* from shop.customer c join shop.orders o on o.customer_id = c.id": customer(ALL),
    "select y from shop.customer as a(x, y)": customer("name"),
    'select "id", NAME from SHOP.CUSTOMER': customer("id name"),
    'select name from shop."Odd Name"': {"Odd Name.name"},
    "select * from only shop.customer tablesample system(1)": customer(ALL),
    "select ctid, xmin from shop.customer": set(),
    "select 1 from shop.customer": set(),
    # joins
    "select rrn, amt from shop.customer join shop.orders using (id)": {"customer.rrn", "orders.amt"},
    "select id from shop.customer natural join shop.orders": {"customer.id", "orders.id"},
    "select j.rrn from (shop.customer c cross join shop.orders o) as j": customer("rrn"),
    "select l.* from shop.orders o cross join lateral (select c.rrn from shop.customer c where c.id = o.id) l": customer("rrn"),
    # subqueries
    "select q.b from (select name as a, phone as b from shop.customer) q": customer("phone"),
    "select name from shop.customer where id in (select customer_id from shop.orders)": customer("name"),
    "select exists (select rrn from shop.customer)": set(),
    "select (select phone from shop.customer where id = o.id) from shop.orders o": customer("phone"),
    "select array(select phone from shop.customer)": customer("phone", "+"),
    "values (1, (select phone from shop.customer limit 1))": customer("phone"),
    # common table expressions
    "with x as (select * from shop.customer) select name from x": customer("name"),
    "with x(a, b) as (select name, phone from shop.customer) select b from x": customer("phone"),
    "with customer as (select 1 as name) select name from customer": set(),
    "with recursive r as (select id, name from shop.customer union all"
    " select c.id, c.name from shop.customer c join r on r.id = c.id) select name from r": customer("name"),
    "with a as (select name from shop.customer), b as (select * from a) select * from b": customer("name"),
    "with gone as (delete from shop.customer returning *) select rrn from gone": customer("rrn"),
    # set operations
    "select name from shop.customer union all select text from note": {"customer.name", "note.text"},
    "select 1, name from shop.customer intersect select 2, 'x'": customer("name"),
    "select name from shop.customer except select name from hr.staff": customer("name"),
    # views
    "select * from shop.v_harmless": customer("id name phone"),
    "select code from shop.v_harmless": customer("phone"),
    "select who from shop.v_twice": customer("name"),
    "select x from shop.v_loop": {"v_loop.x"},
    "select * from shop.v_lost": {"v_lost.x"},
    "select name from shop.mv": {"mv.name"},
    # values changed on the way
    "select upper(name), phone || 'x', rrn::bytea from shop.customer": customer("name phone rrn", "~"),
    "select substr(phone, 1, 5), md5(rrn), encode(email::bytea, 'hex') from shop.customer": customer("phone rrn email", "~"),
    "select case when id > 5 then phone else name end from shop.customer": customer("id phone name", "~"),
    "select coalesce(phone, name), greatest(rrn, email) from shop.customer": customer("phone name rrn email", "~"),
    "select id + 1, -id from shop.customer": customer("id", "~"),
    "select array[phone, name], row(rrn) from shop.customer": customer("phone name rrn", "~"),
    # masked: little is left, and that of one end
    "select left(name, 1) || '**', right(phone, 4), left(email, 3) from shop.customer": customer("name phone email", "*"),
    'select "left"((name)::text, 1), substring(phone from 1 for 3), substr(phone, 1, 4) from shop.customer': customer(
        "name phone", "*"
    ),
    "select left(label, 1), right(code, 2) from shop.v_harmless": customer("name phone", "*"),
    "select string_agg(left(name, 1), ',') from shop.customer": customer("name", "*"),
    "select left(name, 1), name from shop.customer": customer("name", "*") | customer("name"),
    "select left(name, 2), left(phone, 6), substr(phone, 7), right(name, -1) from shop.customer": customer("name phone", "~"),
    "select substr(name, 2, 1), left(reverse(phone), 4), right(email, 4), right(rrn, 7) from shop.customer": customer(
        "name phone email rrn", "~"
    ),
    "select left(name || phone, 1), left(name, length(phone)) from shop.customer": customer("name phone", "~"),
    # yes-or-no questions
    "select phone = '1', rrn is null, name in ('a', 'b') from shop.customer": customer("phone rrn name", "0"),
    "select substr(phone, 3, 1) = '1', rrn like '9%', id > 5 from shop.customer": customer("phone rrn id", "~"),
    # whole rows
    "select c from shop.customer c": customer(ALL, "~"),
    "select c::text from shop.customer c": customer(ALL, "~"),
    "select row_to_json(c) from shop.customer c": customer(ALL, "~"),
    "select to_jsonb(q) from (select name from shop.customer) q": customer("name", "~"),
    "select (c).phone from shop.customer c": customer("phone"),
    "select (c).* from shop.customer c": customer(ALL),
    "select customer from shop.customer": customer(ALL, "~"),
    "select json_build_object('a', phone), xmlelement(name x, name) from shop.customer": customer("phone name", "~"),
    # aggregates
    "select count(*) from shop.customer": set(),
    "select count(phone), sum(id), avg(id), bool_and(id = 1) from shop.customer": customer("phone id", "0"),
    "select min(phone), max(phone) from shop.customer": customer("phone", "0"),
    "select addr, max(phone) from shop.customer group by addr": customer("addr") | customer("phone", "~"),
    "select sum(rrn::bigint) from shop.customer group by id": customer("rrn", "~"),
    "select addr, sum(id) from shop.customer group by 1": customer("addr") | customer("id", "0"),
    "select string_agg(rrn, ',') from shop.customer": customer("rrn", "+"),
    "select array_agg(c) from shop.customer c": customer(ALL, "+"),
    "select json_object_agg(id, phone) from shop.customer": customer("id phone", "+"),
    "select json_arrayagg(phone) from shop.customer": customer("phone", "+"),
    "select xmlagg(xmlelement(name x, phone)) from shop.customer": customer("phone", "+"),
    "select unknown_collector(distinct phone) from shop.customer": customer("phone", "+"),
    "select my_concat(phone) from shop.customer": customer("phone", "+"),
    "select count(*) from (select array_agg(rrn) from shop.customer) s": set(),
    "select percentile_disc(0.5) within group (order by phone) from shop.customer": customer("phone", "0"),
    "select lag(phone) over (order by id), row_number() over () from shop.customer": customer("phone", "~"),
    "select encode(convert_to(string_agg(rrn, '|'), 'UTF8'), 'base64') from shop.customer": customer("rrn", "+"),
    # functions of the catalogue
    "select * from shop.get_all()": customer(ALL),
    "select phone from shop.get_all() g": customer("phone"),
    "select (shop.get_all()).phone": customer("phone"),
    "select (shop.get_all()).*": customer(ALL),
    "select who from shop.names()": customer("name"),
    "select shop.one(5)": customer("phone"),
    "select shop.standard()": customer("rrn", "0"),
    "select * from shop.atomic()": customer("phone"),
    "select rrn from shop.f_inv()": customer("rrn"),
    "select shop.f_dyn()": customer("rrn", "+"),
    "select shop.f_count()": customer(ALL, "0"),
    "select * from shop.f_next() as t(x text)": customer("phone"),
    "select * from shop.f_self()": set(),
    "select * from shop.f_broken()": {"customer.*"},
    # SQL inside strings
    "select query_to_xml('select rrn from shop.customer', true, false, '')": customer("rrn", "+"),
    "select table_to_xml('shop.customer', true, false, '')": customer(ALL, "+"),
    "select * from ts_stat('select to_tsvector(name) from shop.customer')": customer("name", "+"),
    "select * from dblink('host=x', 'select rrn from shop.customer') as t(r text)": customer("rrn"),
    "select table_to_xmlschema('shop.customer', true, false, '')": set(),
    # system relations
    "select * from pg_catalog.pg_class, information_schema.tables": set(),
    "select * from pg_stat_activity": set(),
    # unknown relations
    "select * from strange": {"strange.*"},
    "select s.a, b from strange s": {"strange.a", "strange.b"},
    "select name, extra from strange join shop.customer on true": {"customer.name", "strange.extra"},
}


@pytest.mark.parametrize("sql", QUERIES)
def test_outputs(sql: str, schema: Schema) -> None:
    lineage = analyze(sql, schema)
    assert lineage.kind is Kind.SELECT
    assert leaves(lineage) == QUERIES[sql]


@pytest.mark.parametrize(
    "prefix", ["prepare p as ", "declare c cursor for ", "copy (", "create table x as ", "create view x as "]
)
def test_other_statements_carry_the_same_outputs(prefix: str, schema: Schema) -> None:
    for sql, expected in QUERIES.items():
        if "with gone" in sql and prefix in ("declare c cursor for ", "create table x as ", "create view x as "):
            continue  # not allowed there, and the grammar says so
        lineage = analyze(prefix + sql + (") to stdout" if prefix == "copy (" else ""), schema)
        found = {f"{SHORT[o.flow]}{o.table.name}.{o.column}" for o in lineage.outputs or lineage.written_columns}
        assert found == expected, sql


def test_union_of_many_branches_and_deep_nesting_never_lose_the_table(schema: Schema) -> None:
    for n in (50, 90, 200, 5000):
        lineage = analyze(" union all ".join(["select rrn from shop.customer"] * n), schema)
        assert TableRef("shop", "customer") in lineage.tables
        assert {o.column for o in lineage.outputs} & {"rrn", "*"}
    for n in (10, 100, 5000, 200_000):
        lineage = analyze("select " + "(" * n + "rrn" + ")" * n + " from shop.customer", schema)
        assert TableRef("shop", "customer") in lineage.tables
        assert lineage.outputs


BOUNDS = {
    "select * from shop.customer limit 10": {"limit": 10},
    "select * from shop.customer limit 10 offset 20": {"limit": 10, "has_offset": True},
    "select * from shop.customer offset 5 rows fetch next 7 rows only": {"limit": 7, "has_offset": True},
    "select * from shop.customer fetch first 7 rows with ties": {"limit": None},
    "select * from shop.customer limit all": {"limit": None},
    "select * from shop.customer limit $1": {"limit": None},
    "select * from (select * from shop.customer limit 10) s": {"limit": 10},
    "select * from (select * from shop.customer limit 10) s limit 3": {"limit": 3},
    "select * from (select * from shop.customer limit 10) s, shop.orders": {"limit": None},
    "(select 1 from shop.customer limit 2) union all (select 1 from shop.orders limit 3)": {"limit": 5},
    "select * from shop.customer where id > 10 order by id limit 5": {"keyset_order": True, "limit": 5, "filtered": True},
    "select id, name from shop.customer where id > $1 order by 1 limit $2": {"keyset_order": True},
    "select * from shop.customer where (id, name) > (5, 'a') order by id limit 5": {"keyset_order": True},
    "select * from shop.customer where id > 10 order by name limit 5": {"keyset_order": False},
    "select * from shop.customer where id > 10 order by id": {"keyset_order": False},
    "select count(*) from shop.customer": {"one_row": True, "keeps_values": False},
    "select string_agg(rrn, ',') from shop.customer": {"one_row": True, "keeps_values": True},
    "select string_agg(rrn, ',') from shop.customer group by addr": {"one_row": False, "grouped": True, "keeps_values": True},
    "select (select array_agg(rrn) from shop.customer where id < 5), 1": {"one_row": True, "keeps_values": True},
    "select * from (select string_agg(rrn, ',') from shop.customer) s": {"one_row": True, "keeps_values": True},
    "select unnest(array_agg(rrn)) from shop.customer": {"one_row": False, "keeps_values": True},
    "select distinct name from shop.customer": {"grouped": True, "one_row": False},
    "select count(*) over () from shop.customer": {"one_row": False},
    "select 1": {"one_row": True},
    "select 1 union all select 2": {"one_row": False},
    "select * from shop.get_all()": {"one_row": False},
    "select * from shop.customer": {"filtered": False, "one_row": False, "grouped": False, "unknown": False},
    "select * from shop.customer c join shop.orders o on o.id = c.id": {"filtered": True},
    "select * from shop.customer c left join shop.orders o on o.id = c.id": {"filtered": False},
    "select nope from shop.customer": {"unknown": True},
    "select * from shop.customer where": {"unknown": True, "kind": Kind.UNPARSED},
}


@pytest.mark.parametrize("sql", BOUNDS)
def test_bounds(sql: str, schema: Schema) -> None:
    lineage = analyze(sql, schema)
    assert {name: getattr(lineage, name) for name in BOUNDS[sql]} == BOUNDS[sql]


# column kind values low high
PREDICATES = {
    "id = 5": ["id eq 1"],
    "5 = id": ["id eq 1"],
    "id = $1 and name = 'x'": ["id eq 1", "name eq 1"],
    "id::bigint = 5": ["id eq 1"],
    "id in (1, 2, 3)": ["id in 3"],
    "id = 1 or id = 2 or id in (3, 4)": ["id in 4"],
    "id = 1 or name = 'x'": [],
    "not id = 1": [],
    "id <> 1": [],
    "id not in (1, 2)": [],
    "id = any('{1,2,3}')": ["id in 3"],
    "id = any('{1,2,3}'::int[])": ["id in 3"],
    "id = any(array[1,2])": ["id in 2"],
    "id = any($1)": ["id in None"],
    "id in (values (1), (2))": ["id in 2"],
    "id between 1 and 10": ["id range None 1 10"],
    "id >= 1 and id < 10": ["id range None 1 9"],
    "id > 5": ["id range None 6 None"],
    "100 > id": ["id range None None 99"],
    "id between $1 and $2": ["id range None None None"],
    "name like '김%'": ["name like"],
    "id = customer_id": [],
    "upper(name) = 'X'": [],
    "id = (select 5)": [],
    "id = -5": ["id eq 1"],
}


@pytest.mark.parametrize("condition", PREDICATES)
def test_predicates(condition: str, schema: Schema) -> None:
    expected = PREDICATES[condition]
    for sql in (
        f"select c.rrn from shop.customer c where {condition}",
        f"select rrn from (select * from shop.customer) s where {condition}",
        f"with x as (select * from shop.customer) select rrn from x where {condition}",
        f"select c.rrn from shop.customer c, pg_class where {condition}",
        f"delete from shop.customer where {condition} returning rrn",
    ):
        found = [p for p in analyze(sql, schema).predicates if p.table.name == "customer"]
        texts = [
            f"{p.column} {p.kind}"
            + (f" {p.values}" if p.kind != "like" else "")
            + (f" {p.low} {p.high}" if p.kind == "range" else "")
            for p in found
        ]
        assert texts == expected, sql


@pytest.mark.parametrize(
    "sql",
    [
        "select a.rrn, b.rrn from shop.customer a, shop.customer b where a.id = 5",
        "select rrn from shop.customer where id = 1 union all select rrn from shop.customer",
        "with x as (select * from shop.customer) select rrn from x where id = 1 union all select rrn from x",
        "select rrn from shop.customer c left join shop.orders o on c.id = 5",
        "select (select string_agg(rrn, ',') from shop.customer), rrn from shop.customer where id = 5",
        "select rrn from (select * from shop.customer limit 10) s where id = 5",
    ],
)
def test_a_predicate_that_narrows_only_part_is_not_reported(sql: str, schema: Schema) -> None:
    assert analyze(sql, schema).predicates == ()


def test_a_test_on_a_relation_does_not_hide_what_narrows_it(schema: Schema) -> None:
    sql = "select rrn from shop.customer where id = 5 and exists (select 1 from shop.customer)"
    assert [p.kind for p in analyze(sql, schema).predicates] == ["eq"]


def test_union_of_narrowed_reads_adds_up(schema: Schema) -> None:
    sql = "select rrn from shop.customer where id = 1 union all select rrn from shop.customer where id in (2, 3)"
    assert [(p.kind, p.values) for p in analyze(sql, schema).predicates] == [("in", 3)]
