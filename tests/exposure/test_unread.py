"""Statements that cannot be read are never harmless: they carry what the relations hold that the log or their text names."""

from __future__ import annotations

import pytest

from scanner import lineage
from scanner.exposure import Facts, facts
from scanner.model import CUT_MARK, Column, Schema, Table, TableRef

MBR, PRD = TableRef("crm", "mbr"), TableRef("crm", "prd")
SCHEMA = Schema(
    "shop",
    "1",
    {
        MBR: Table(MBR, (Column("no", "int"), Column("nm", "text", "PERSON")), rows=3000, persons=3000, unique_keys=(("no",),)),
        PRD: Table(PRD, (Column("no", "int"),), rows=400),
    },
    default_schema="crm",
)


def read(text: str | None, *logged: str, dialect: str = "postgresql") -> Facts:
    found = lineage.analyze(text, SCHEMA, logged=logged, search_path=("crm",), dialect=dialect)
    return facts("x", found, SCHEMA, logged=logged, statement=text or "", dialect=dialect)


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb"])
@pytest.mark.parametrize(
    ("text", "logged", "why"),
    [
        ("select nm frum crm.mbr wher", (), "unparsed"),
        ("select , from where", ("crm.mbr",), "unparsed"),
        ("select 1", ("crm.mbr",), "contradicts"),
        ("select nm from crm.mbr where no in (1, 2, " + CUT_MARK, (), "cut"),
        ("select 1, 2 from crm.prd, " + CUT_MARK, ("crm.mbr", "crm.prd"), "cut"),
        (None, ("crm.mbr",), "cut"),
        ("select unheard_of()", ("crm.mbr",), "contradicts"),
    ],
)
def test_it_may_be_everybody(dialect: str, text: str | None, logged: tuple[str, ...], why: str) -> None:
    made = read(text, *logged, dialect=dialect)
    assert (made.unread, made.pii_columns) == (why, ("crm.mbr.nm",))
    assert (made.low_rows, made.best_rows, made.high_rows, made.source) == (0, 3000, 3000, "upper_bound")


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb"])
@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("select nm from crm.mbr where no = 5", ("crm.mbr",)),
        ("select no from crm.prd", ("crm.prd",)),
        ("select count(*) from crm.mbr", ("crm.mbr",)),
        ("insert into crm.mbr values (1, 'x')", ("crm.mbr",)),
        ("update crm.mbr set nm = 'x' where no = 1", ("crm.mbr",)),
        ("select 1", ()),
        ("commit", ()),
    ],
)
def test_what_is_read_in_full_says_nothing(dialect: str, text: str, logged: tuple[str, ...]) -> None:
    assert read(text, *logged, dialect=dialect).unread is None


def test_dynamic_sql_is_read_in_part() -> None:
    assert read("select query_to_xml(q, true, false, '') from crm.prd, lateral (select 'a' || no as q) x").unread == "partly"
