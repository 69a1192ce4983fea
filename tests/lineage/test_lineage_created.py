"""Functions that statements of the log create."""

from __future__ import annotations

import pytest

from scanner.lineage import analyze
from scanner.lineage.created import created_functions
from scanner.model import Function, Schema, TableRef
from scanner.shapebook import ShapeBook

MAKE = "create function shop.g() returns setof text language sql security definer as $$ select rrn from shop.customer $$"
QUIET = "create function shop.g() returns setof text language sql as $$ select rrn from shop.customer $$"

CASES = [
    (MAKE, [Function(TableRef("shop", "g"), "sql", " select rrn from shop.customer ", True, "SETOF text")]),
    (
        "create or replace function G(a int, out b text, c text) security definer language plpgsql as 'begin end'",
        [Function(TableRef("public", "g"), "plpgsql", "begin end", True, "record", ("a", "c"))],
    ),
    (
        "create function g() returns table(nm text, em varchar(3)) language sql begin atomic select 1; end;",
        [Function(TableRef("public", "g"), "sql", "begin atomic select 1; end", False, 'TABLE("nm" text, "em" varchar)')],
    ),
    ("alter function shop.one(int) security definer", [("shop", "one", True)]),
    ("alter function shop.one(int) security invoker", []),
    ("alter function shop.nobody_knows(int) security definer", []),
    ("create function broken(", []),
    ("select 'create function x() ...'", []),
    ("create table function_log (a int)", []),
]


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_created_functions(text: str, wanted: list[object], schema: Schema) -> None:
    found = created_functions(text, schema)
    told = [
        f if isinstance(w, Function) else (f.ref.schema, f.ref.name, f.security_definer)
        for f, w in zip(found, wanted, strict=True)
    ]
    assert told == wanted


def add(book: ShapeBook, shape: str, statement: str) -> tuple[str, ...]:
    return book.add(shape, statement, logged=(), command="", rows=None, seen="").pii_columns


def test_a_new_function_with_its_owner_s_rights_is_known_from_its_creation_on(schema: Schema) -> None:
    book = ShapeBook.open("db", schema, [], [])
    assert add(book, "1", "select * from shop.g()") == ()
    add(book, "2", MAKE)
    assert book.missing(["1", "2"]) == ["1"]  # judged without knowing it
    assert add(book, "1", "select * from shop.g()") == ("shop.customer.rrn",)
    shapes, derived = book.changes()
    assert [row["name"] for row in derived] == ["g()"]
    assert book.changes() == ([], [])

    again = ShapeBook.open("db", schema, shapes, derived)
    assert add(again, "3", "select g from shop.g()") == ("shop.customer.rrn",)
    assert "definer_function" in analyze("select shop.g()", again.schema).techniques
    add(again, "4", MAKE)
    assert again.changes()[1] == []  # nothing new


def test_what_others_read_the_log_shows_until_they_get_their_owner_s_rights(schema: Schema) -> None:
    book = ShapeBook.open("db", schema, [], [])
    add(book, "1", QUIET)
    assert TableRef("shop", "g") not in book.schema.functions
    book = ShapeBook.open("db", schema, *book.changes())
    add(book, "2", "alter function shop.g() security definer")
    assert add(book, "3", "select * from shop.g()") == ("shop.customer.rrn",)
