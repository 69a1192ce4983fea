"""What MariaDB and MySQL statements read, return and write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.lineage import analyze
from scanner.model import CUT_MARK, Column, Destination, Flow, Kind, Lineage, Schema, Table, TableRef

CUSTOMER, ORDERS = TableRef("crm", "customer"), TableRef("crm", "orders")
SCHEMA = Schema(
    "crm",
    "1",
    {
        CUSTOMER: Table(
            CUSTOMER,
            tuple(
                Column(n, pii_class=p)
                for n, p in {"id": None, "name": "PERSON", "phone": "PHONE_NUMBER", "Rrn": "KR_RRN"}.items()
            ),
            rows=5000,
        ),
        ORDERS: Table(ORDERS, (Column("id"), Column("customer_id")), rows=10),
        TableRef("crm", "v"): Table(
            TableRef("crm", "v"),
            (Column("id"), Column("code")),
            kind="view",
            definition="select `crm`.`customer`.`id` AS `id`,`crm`.`customer`.`phone` AS `code` from `crm`.`customer`",
        ),
    },
    default_schema="crm",
)
READ = ("crm.customer",)


def lineage(text: str | None, logged: tuple[str, ...] = (), dialect: str = "mariadb") -> Lineage:
    return analyze(text, SCHEMA, logged=logged, search_path=("crm",), dialect=dialect)


def leaves(made: Lineage) -> set[tuple[str, str]]:
    """What leaves, with its flow, but for what is aggregated away."""
    return {(f"{o.table.name}.{o.column}", o.flow.value) for o in made.outputs if o.flow is not Flow.AGGREGATED}


AS_IS, CHANGED, KEPT = "as_is", "transformed", "kept"
ALL = {(f"customer.{name}", AS_IS) for name in ("id", "name", "phone", "Rrn")}
STAR = {("customer.*", AS_IS)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select * from customer", ALL),
        ("SELECT * FROM Customer", ALL),
        ("select c.* from crm.customer c, orders", ALL),
        ("table customer", ALL),
        ("select RRN from customer", {("customer.Rrn", AS_IS)}),
        ("select `rrn` x from `crm`.`customer`", {("customer.Rrn", AS_IS)}),
        ("select rrn from customer # comment\n where id = 1", {("customer.Rrn", AS_IS)}),
        ("select rrn -- comment\n from customer", {("customer.Rrn", AS_IS)}),
        ("/*!50000 select rrn from customer */", {("customer.Rrn", AS_IS)}),
        ("/*! select */ rrn /*M! from customer */", {("customer.Rrn", AS_IS)}),
        ("select 1 /*!99999 , rrn from customer */", {("customer.Rrn", AS_IS)}),
        ("select 1 /* , rrn from customer */", set()),
        ("SELECT /*!40001 SQL_NO_CACHE */ `id`, `name` FROM `customer`", {("customer.id", AS_IS), ("customer.name", AS_IS)}),
        ("select sql_calc_found_rows high_priority rrn from customer use index (i) for update", {("customer.Rrn", AS_IS)}),
        ("select group_concat(distinct rrn order by id separator ';') from customer", {("customer.Rrn", KEPT)}),
        ("select json_arrayagg(rrn) from customer", {("customer.Rrn", KEPT)}),
        ("select json_objectagg(id, rrn) from customer", {("customer.id", KEPT), ("customer.Rrn", KEPT)}),
        ("select hex(rrn), to_base64(phone) from customer", {("customer.Rrn", CHANGED), ("customer.phone", CHANGED)}),
        ("select concat(name, 'x'), if(id > 1, rrn, 0) from customer", {("customer.name", CHANGED), ("customer.Rrn", CHANGED),
                                                                        ("customer.id", CHANGED)}),
        ("select name || rrn from customer", {("customer.name", CHANGED), ("customer.Rrn", CHANGED)}),
        ('select "rrn" from customer', {("customer.Rrn", CHANGED)}),
        ("select 'rrn' from customer", set()),
        ("select '\\', rrn from customer -- '", {("customer.Rrn", AS_IS)}),  # under NO_BACKSLASH_ESCAPES
        ("select id from orders where name = 'O\\'Brien'", {("orders.id", AS_IS)}),
        ("select count(*), max(id) from customer", set()),
        ("select exists(select 1 from customer where rrn like '9%')", set()),
        ("select (select group_concat(rrn) from customer) x", {("customer.Rrn", KEPT)}),
        ("with a as (select rrn r from customer) select r from a", {("customer.Rrn", AS_IS)}),
        ("select x from (select phone x from customer) d", {("customer.phone", AS_IS)}),
        ("select id from orders union select rrn from customer", {("orders.id", AS_IS), ("customer.Rrn", AS_IS)}),
        ("select code from v", {("customer.phone", AS_IS)}),
        ("select @x := rrn from customer", {("customer.Rrn", AS_IS)}),
        ("select rrn into @x from customer limit 1", {("customer.Rrn", AS_IS)}),
        ("set @x = (select rrn from customer limit 1)", {("customer.Rrn", AS_IS)}),
        ("set statement max_statement_time=1 for select rrn from customer", {("customer.Rrn", AS_IS)}),
        ("execute immediate 'select rrn from customer'", {("customer.Rrn", AS_IS)}),
        ("select 1; select rrn from customer", {("customer.Rrn", AS_IS)}),
        ("handler customer read next", STAR),
        ("delete from customer where id = 1 returning rrn", {("customer.Rrn", AS_IS)}),
        ("insert into customer(id) values (1) on duplicate key update id=id returning *", STAR),
        ("insert into customer(id) values (1)", set()),
        ("update customer set name = 'x'", set()),
        ("explain select * from customer", set()),
        ("select user(), rrn from customer", {("customer.Rrn", AS_IS)}),
        ("select binary rrn, convert(name using utf8), cast(phone as char) from customer",
         {("customer.Rrn", CHANGED), ("customer.name", CHANGED), ("customer.phone", CHANGED)}),
        ("select rrn from customer procedure analyse()", STAR),
        ("select 1 from orders where extractvalue(1, concat(0x7e, (select rrn from customer limit 3, 1)))",
         {("customer.Rrn", CHANGED)}),
        ("select id from orders where id = updatexml(1, (select phone from customer limit 1), 1)",
         {("orders.id", AS_IS), ("customer.phone", AS_IS)}),
        ("select 1 from orders where extractvalue('<a/>', '/a') = ''", set()),
        ("select rrn from customer where name = 'abc", STAR),
        ("frobnicate customer", STAR),
    ],
)  # fmt: skip
def test_what_leaves(text: str, expected: set[tuple[str, str]]) -> None:
    assert leaves(lineage(text)) == expected
    assert leaves(lineage(text, dialect="mysql")) == expected


@pytest.mark.parametrize(
    ("text", "kind", "destination", "written", "columns"),
    [
        ("create table x as select * from customer", Kind.CREATE_AS, Destination.TABLE, "crm.x", {"id", "name", "phone", "Rrn"}),
        (
            "create temporary table x (a int) engine=innodb select rrn r from customer",
            Kind.CREATE_AS,
            Destination.TABLE,
            "crm.x",
            {"r"},
        ),
        ("create or replace view x (a) as select rrn from customer", Kind.CREATE_VIEW, Destination.NOWHERE, "crm.x", {"a"}),
        ("insert into o.x (a, b) select rrn, id from customer", Kind.INSERT, Destination.TABLE, "o.x", {"a", "b"}),
        ("replace delayed into x select rrn from customer", Kind.INSERT, Destination.TABLE, "crm.x", None),
        ("insert ignore x set a = (select rrn from customer limit 1)", Kind.INSERT, Destination.TABLE, "crm.x", {"a"}),
        ("create table x like customer", Kind.DDL, Destination.NOWHERE, "crm.x", set()),
        ("load data local infile 'f' into table x", Kind.COPY_IN, Destination.NOWHERE, "crm.x", set()),
        ("update orders o join customer c on c.id = o.id set o.x = c.rrn", Kind.UPDATE, Destination.TABLE, "crm.orders", {"x"}),
    ],
)
def test_what_is_written(text: str, kind: Kind, destination: Destination, written: str, columns: set[str] | None) -> None:
    made = lineage(text)
    assert (made.kind, made.destination, str(made.written)) == (kind, destination, written)
    assert columns is None or {o.name for o in made.written_columns} == columns


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("rename table customer to log_cache", "crm.customer", "crm.log_cache"),
        ("rename table orders to o, customer to a, a to other.b", "crm.customer", "other.b"),
        ("alter table customer rename to zz", "crm.customer", "crm.zz"),
        ("alter table customer rename zz", "crm.customer", "crm.zz"),
        ("alter table p exchange partition p0 with table customer", "crm.customer", "crm.p"),
    ],
)
def test_renames(text: str, source: str, target: str) -> None:
    made = lineage(text)
    assert (made.kind, str(made.renamed_from), str(made.written)) == (Kind.RENAME, source, target)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select * from customer into outfile '/x' fields terminated by ',' lines terminated by '\\n'", {"server_file"}),
        ("select rrn into dumpfile '/x' from customer", {"server_file"}),
        ("select load_file('/etc/passwd')", {"server_file"}),
        ("select group_concat(rrn) from customer", {"concat_aggregate"}),
        ("select hex(rrn) from customer", {"encoding"}),
        ("select hex(1)", set()),
        ("select * from customer limit 100 offset 200", {"paging"}),
        ("select * from customer limit 200, 100", {"paging"}),
        ("handler customer read first", {"cursor"}),
        ("grant select on crm.* to x", {"privilege_grant"}),
        ("create user x identified by *****", {"privilege_grant"}),
        ("set global server_audit_logging = off", {"audit_tampering"}),
        ("set global server_audit_logging = on", set()),
        ("set global server_audit_events = 'CONNECT'", {"audit_tampering"}),
        ("set global general_log = 'ON'", set()),
        ("set @@global.server_audit_excl_users = 'a', @@session.sql_log_bin = 0", {"audit_tampering"}),
        ("set sql_log_bin = 0", {"audit_tampering"}),
        ("set names utf8mb4", set()),
        ("uninstall soname 'server_audit'", {"audit_tampering"}),
        ("truncate mysql.general_log", {"audit_tampering"}),
        ("set @master_binlog_checksum = 'NONE'", {"replication"}),
        ("set @mariadb_slave_capability = 4", {"replication"}),
        ("backup stage start", {"replication"}),
        ("flush tables customer for export", {"server_file"}),
        ("rename table customer to x", {"rename"}),
        ("create table x as select * from customer", {"copy_to_new_table"}),
        ("execute immediate 'select 1'", {"dynamic_sql"}),
        ("prepare p from @sql", {"dynamic_sql"}),
        ("explain select * from customer", {"explain"}),
        ("SELECT /*!40001 SQL_NO_CACHE */ * FROM `customer`", {"dump_tool"}),
        ("create server s foreign data wrapper mysql options (host 'x')", {"dblink"}),
    ],
)
def test_act_words(text: str, words: set[str]) -> None:
    assert set(lineage(text).techniques) == words


def test_what_is_too_coarse_to_tell_whose_it_is() -> None:
    columns = (Column("id"), Column("mail", pii_class="EMAIL_ADDRESS"), Column("born", pii_class="DATE_OF_BIRTH"))
    schema = Schema("crm", "1", {CUSTOMER: Table(CUSTOMER, columns, rows=5000)}, default_schema="crm")
    for value, flow in [
        ("year(born)", Flow.MASKED),
        ("extract(year from born)", Flow.MASKED),
        ("timestampdiff(year, born, now())", Flow.MASKED),
        ("substring_index(mail, '@', -1)", Flow.MASKED),
        ("concat('***@', substring_index(mail, '@', -1))", Flow.MASKED),
        ("month(born)", Flow.TRANSFORMED),
        ("substring_index(mail, '@', 1)", Flow.TRANSFORMED),
        ("substring_index(mail, '.', -1)", Flow.TRANSFORMED),
        ("year(mail)", Flow.TRANSFORMED),
    ]:
        for text in (f"select {value} from customer", f"select {value} v, count(*) from customer group by v having count(*) > 2"):
            made = analyze(text, schema, search_path=("crm",), dialect="mariadb")
            assert {o.flow for o in made.outputs if o.flow is not Flow.AGGREGATED} == {flow}, text


def test_a_handful_at_random_is_a_page() -> None:
    assert "paging" in lineage("select rrn from customer order by rand() limit 150").techniques
    assert "paging" not in lineage("select rrn from customer order by id limit 150").techniques


def test_conditions_and_limits() -> None:
    found = lineage("select * from customer where id = 5 and name like 'x%' limit 10")
    assert {(p.column, p.kind) for p in found.predicates} == {("id", "eq"), ("name", "like")}
    assert found.limit == 10
    assert lineage('select * from customer where id = "5"').predicates[0].kind == "eq"
    assert lineage('select * from customer where id = "id"').predicates == ()  # id = id under ANSI_QUOTES
    assert lineage("select * from customer /*!99999 where id = 1 */").predicates == ()  # may not run
    assert lineage("handler customer read next limit 3000").limit == 3000
    assert lineage("select * from customer where id in (1, 2, 3)").predicates[0].values == 3


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("(select customer_id from orders where id = 7)", True),
        ("(select max(o.customer_id) from orders o)", True),
        ("(select o.customer_id from orders o where o.id = customer.id)", False),
        ("(select o.customer_id from orders o where o.id = name)", False),
        ("(select next_one() from orders)", False),
        ("(select @n := @n + 1 from orders limit 1)", False),
        ("any (select customer_id from orders)", False),
    ],
)
def test_a_subquery_that_is_one_value(value: str, is_one: bool) -> None:
    found = lineage(f"select rrn from customer where id = {value}")
    assert any(p.table == CUSTOMER and p.kind == "eq" for p in found.predicates) == is_one


@pytest.mark.parametrize("text", ["select 1", "select * from unknown_view", "select f()"])
def test_what_the_log_names_leaves_though_the_text_does_not_say_so(text: str) -> None:
    made = lineage(text, READ)
    assert ("customer.*", AS_IS) in leaves(made)
    assert not made.one_row


def test_cut_texts_are_never_harmless() -> None:
    for text in ("select id, /* x", "select id from customer where id = 1", "/* pad", "select 1", "with a as (select"):
        made = lineage(text + CUT_MARK, READ)
        assert (made.kind, leaves(made), made.unknown) == (Kind.UNPARSED, STAR, True)
    made = lineage("insert into customer values (1, 'aaa" + CUT_MARK, READ)
    assert (made.kind, made.outputs, made.unknown) == (Kind.INSERT, (), True)
    copied = lineage("insert into x select 'aaa" + CUT_MARK, READ)
    assert (copied.destination, {o.table for o in copied.written_columns}) == (Destination.TABLE, {CUSTOMER})


def test_replication_carries_everything() -> None:
    made = lineage("SET @master_binlog_checksum='NONE'")
    assert made.kind is Kind.REPLICATION
    assert set(made.tables) == {CUSTOMER, ORDERS}


def test_the_default_database_decides() -> None:
    other = analyze("select * from customer", SCHEMA, search_path=("archive",), dialect="mariadb")
    assert other.tables == (TableRef("archive", "customer"),)


SPICE = """select * from customer where id = 1 ( ) , ' " ` /*! */ -- # ; insert into values union set @x := create table as view
rename to handler read execute immediate prepare group_concat returning with recursive /*!99999 limit 0x41 \\"""
WORDS = st.sampled_from([*SPICE.split(), "\n"])


@settings(max_examples=250)
@given(st.lists(WORDS | st.text(max_size=5), max_size=25).map(" ".join))
def test_any_text_has_a_lineage(text: str) -> None:
    made = lineage(text, READ)
    assert isinstance(made, Lineage)
    if made.kind is Kind.SELECT:
        assert CUSTOMER in made.tables


def test_deep_and_long_texts_do_not_overflow() -> None:
    for text in (
        "select " + "(" * 5000 + "1" + ")" * 5000,
        "select 1" + " union select 1" * 3000,
        "select " + "a+" * 30000 + "rrn from customer",
    ):
        assert lineage(text, READ).tables == (CUSTOMER,)
