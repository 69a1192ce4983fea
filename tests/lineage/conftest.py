"""A small shop with personal data, views and functions, as the catalogue would describe it."""

from __future__ import annotations

import pytest

from scanner.model import Column, Function, Schema, Table, TableRef

PERSONAL = {"name": "PERSON", "phone": "PHONE_NUMBER", "rrn": "KR_RRN", "email": "EMAIL_ADDRESS", "addr": "ADDRESS"}


def table(schema: str, name: str, columns: str, **more: object) -> Table:
    return Table(TableRef(schema, name), tuple(Column(c, "text", PERSONAL.get(c)) for c in columns.split()), **more)  # type: ignore[arg-type]


def function(
    schema: str, name: str, language: str, body: str, returns: str, definer: bool = False, arguments: str = ""
) -> Function:
    return Function(TableRef(schema, name), language, body, definer, returns, tuple(arguments.split()))


TABLES = (
    table("shop", "customer", "id name phone rrn email addr", rows=5000, unique_keys=(("id",),)),
    table("shop", "orders", "id customer_id amt"),
    table("shop", "Odd Name", "id name"),
    table("hr", "staff", "id name"),
    table("public", "note", "id text"),
    table(
        "shop",
        "v_harmless",
        "id label code",
        kind="view",
        definition="select id, name as label, phone as code from shop.customer",
    ),
    table("shop", "v_twice", "who", kind="view", definition=" SELECT v.label FROM shop.v_harmless v WHERE v.id < 100;"),
    table("shop", "v_loop", "x", kind="view", definition="select x from shop.v_loop"),
    table("shop", "v_lost", "x", kind="view"),
    table("shop", "mv", "id name", kind="materialized_view", definition="select id, name from shop.customer"),
)
FUNCTIONS = (
    function("shop", "get_all", "sql", "select * from shop.customer", "SETOF shop.customer", True),
    function("shop", "names", "sql", "select name, phone from customer", "TABLE(who text, amount numeric(10,2))"),
    function("shop", "one", "sql", "select phone from shop.customer where id = $1", "text"),
    function("shop", "standard", "sql", "RETURN (SELECT max(rrn) FROM shop.customer)", "text", True),
    function("shop", "atomic", "sql", "BEGIN ATOMIC SELECT phone FROM shop.customer; END", "SETOF text"),
    function("shop", "f_inv", "plpgsql", "begin return query select * from shop.customer; end", "SETOF shop.customer"),
    function(
        "shop",
        "f_dyn",
        "plpgsql",
        "declare t text; begin execute 'select string_agg(rrn,$1) from shop.customer' into t using ','; return t; end",
        "text",
        True,
    ),
    function(
        "shop", "f_any", "plpgsql", "begin return query execute 'select * from ' || what; end", "SETOF record", True, "what"
    ),
    function(
        "shop",
        "f_count",
        "plpgsql",
        "declare n int := 0; r shop.customer%rowtype; begin for r in select * from shop.customer loop n := n + 1; end loop;"
        " return n; end",
        "integer",
        True,
    ),
    function(
        "shop",
        "f_next",
        "plpgsql",
        "declare r record; begin for r in select phone from shop.customer loop return next r; end loop; end",
        "SETOF record",
    ),
    function("shop", "f_self", "sql", "select * from shop.f_self()", "SETOF text"),
    function("shop", "f_broken", "plpgsql", "begin this is not plpgsql at all; select from customer", "SETOF text"),
    function("shop", "f_copy", "plpgsql", "begin insert into shop.orders select id from shop.customer; end", "void"),
)


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema(
        "shop",
        "1",
        {t.ref: t for t in TABLES},
        {f.ref: (f,) for f in FUNCTIONS},
    )
