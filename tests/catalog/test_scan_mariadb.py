"""A whole scan of a real MariaDB."""

# SQL reads best a statement a line
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from scanner.catalog import CatalogSettings, scan_catalog
from scanner.catalog.generic import GenericReader
from scanner.catalog.mysql import MysqlReader
from scanner.errors import CatalogError
from scanner.model import Schema, TableRef
from tests.catalog.shop import shop
from tests.support.mariadb import Mariadb, MariadbMissingError

MORE = r"""
create database crm character set utf8mb4;
create database `고객 DB` character set utf8mb4;
use crm;
create view v_mbr as select mbr_no, mbr_nm, upper(eml) as contact from shop.mbr;
create sql security invoker view v_inv as select hp_no as c1 from shop.mbr where mbr_no < 10;
use `고객 DB`;
create table `Odd "Täble% :x``y` (`고객 명` text, `e'mail` varchar(80), `bad:col%s` inet6, b varbinary(80), `말` text comment '휴대폰번호',
    g point, bits bit(4), z date, u uuid, j json, e enum('M', 'F'));
insert into `Odd "Täble% :x``y` select '김민수', concat('a', seq, '@b.kr'), concat('::ffff:10.0.0.', seq % 250),
    concat('k', seq, '@hidden.kr'), concat('555', 1000 + seq), point(seq, 1), b'101', '0000-00-00', uuid(),
    json_object('to', json_object('tel', concat('010-2345-', lpad(seq, 4, '0')))), if(seq % 2, 'M', 'F') from seq_1_to_300;
use crm;
create table ev (id bigint, d date, tel text, primary key (id, d)) partition by range (year(d))
    (partition p25 values less than (2026), partition p26 values less than maxvalue);
insert into ev select seq, date '2025-06-01' + interval (seq % 400) day,
    concat('010-', 2000 + seq * 7 % 8000, '-', lpad(seq * 7919 % 10000, 4, '0')) from seq_1_to_3000;
create table old_engine (id int auto_increment primary key, hp_no varchar(20)) engine=MyISAM;
insert into old_engine (hp_no) select concat('010-3456-', lpad(seq, 4, '0')) from seq_1_to_50;
create procedure sp_export(in how_many int) sql security definer select * from shop.mbr limit how_many;
create function fn_name(n int) returns varchar(40) reads sql data sql security invoker return (select mbr_nm from shop.mbr where mbr_no = n);
create table copies (mbr_no int, hp varchar(20));
create trigger tr_copy after update on ev for each row insert into copies values (new.id, new.tel);
create event ev_copy on schedule every 1 day do insert into copies select mbr_no, hp_no from shop.mbr;
create user seer@'%'; grant select, show view, trigger, event on *.* to seer@'%';
create user part@'%'; grant select on shop.mbr to part@'%'; grant insert on shop.prd to part@'%';
grant select (mbr_no, amt), insert on shop.ord to part@'%'; grant execute on procedure crm.sp_export to part@'%';
"""

LARGE = """
create database large_;
use large_;
create table by_number (id bigint primary key, filler varchar(60), late varchar(20));
insert into by_number select seq, repeat('x', 60),
    if(seq > 270000, concat('010-', 2000 + seq * 7 % 8000, '-', lpad(seq * 7919 % 10000, 4, '0')), null) from seq_1_to_300000;
create table by_text (code varchar(20) primary key, late varchar(20));
insert into by_text select concat('M', lpad(seq, 8, '0')), if(seq > 90000, concat('a', seq, '@b.kr'), null) from seq_1_to_100000;
create table by_uuid (id char(36) primary key, eml varchar(40));
insert into by_uuid select uuid(), concat('a', seq, '@b.kr') from seq_1_to_20000;
create table skewed (id bigint primary key, hp_no varchar(20));
insert into skewed select if(seq = 100000, 4000000000000000000, seq), if(seq > 90000, concat('010-5555-', lpad(seq % 10000, 4, '0')), null)
    from seq_1_to_100000;
create table keyless (n int, late varchar(40));
insert into keyless select 1, if(seq > 90000, concat('a', seq, '@b.kr'), null) from seq_1_to_100000;
create table by_day (d datetime, tel varchar(20), key (d));
insert into by_day select '2020-01-01' + interval seq minute, concat('02-555-', lpad(seq % 10000, 4, '0')) from seq_1_to_50000;
analyze table by_number, by_text, by_uuid, skewed, keyless, by_day;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Mariadb]:
    try:
        made = Mariadb({"server-audit-logging": 0, "slow-query-log": 0})
    except MariadbMissingError as missing:
        pytest.fail(str(missing), pytrace=False)
    with made:
        made.sql("create database shop character set utf8mb4;")
        engine = sa.create_engine(made.url(db="shop"))
        with engine.begin() as connection:
            for name, spec in shop().items():
                connection.exec_driver_sql(spec.ddl)
                if spec.rows:
                    marks = ",".join(["%s"] * len(spec.rows[0]))
                    connection.exec_driver_sql(f"insert into {name} values ({marks})", spec.rows)
        engine.dispose()
        made.sql(f"set names utf8mb4; set sql_mode='';{MORE}")
        yield made


@pytest.fixture(scope="module")
def schema(server: Mariadb) -> Schema:
    scan = scan_catalog("shop", server.url("seer", "shop"))
    assert [g for g in scan.gaps if "()" not in g.table] == []
    return scan.schema


def ref(name: str, schema: str = "shop") -> TableRef:
    return TableRef(schema, name)


@pytest.mark.parametrize("name", list(shop()))
def test_every_column_is_judged_right(name: str, schema: Schema) -> None:
    found = {c.name: (c.pii_class, c.form) for c in schema.tables[ref(name)].columns if c.pii_class}
    assert found == shop()[name].truth


def test_odd_names_and_types_of_other_databases(schema: Schema) -> None:
    odd = schema.tables[ref('Odd "Täble% :x`y', "고객 DB")]
    assert odd.rows == 300
    assert [c.pii_class for c in odd.columns] == [
        "PERSON", "EMAIL_ADDRESS", "IP_ADDRESS", "EMAIL_ADDRESS", "PHONE_NUMBER", "GEO", None, None, None,
        "PHONE_NUMBER", "GENDER",
    ]  # fmt: skip
    assert schema.default_schema == "shop"


def test_partitions_engines_and_sizes(schema: Schema) -> None:
    assert (schema.tables[ref("ev", "crm")].rows, schema.tables[ref("old_engine", "crm")].rows) == (3000, 50)
    assert schema.tables[ref("ev", "crm")].columns[2].pii_class == "PHONE_NUMBER"
    assert schema.tables[ref("ev", "crm")].unique_keys == (("id", "d"),)


def test_people(schema: Schema) -> None:
    members, orders = schema.tables[ref("mbr")], schema.tables[ref("ord")]
    assert (members.rows, members.persons, members.person_column) == (300, 300, "mbr_no")
    assert (orders.rows, orders.persons, orders.person_column) == (899, 150, "mbr_no")
    assert orders.unique_keys == (("ord_id",), ("ord_no",))


def test_code_that_carries_data(server: Mariadb) -> None:
    schema = scan_catalog("shop", server.url("root", "shop")).schema
    view = schema.tables[ref("v_mbr", "crm")]
    assert "ucase(`shop`.`mbr`.`eml`) AS `contact`" in (view.definition or "")
    assert [c.pii_class for c in view.columns] == [None, "PERSON", "EMAIL_ADDRESS"]
    assert [c.pii_class for c in schema.tables[ref("v_inv", "crm")].columns] == ["PHONE_NUMBER"]
    (export,), (name,), (copy,) = (schema.functions[ref(n, "crm")] for n in ("sp_export", "fn_name", "ev_copy"))
    assert (export.kind, export.security_definer, export.argument_names) == ("procedure", True, ("how_many",))
    assert "from shop.mbr" in export.body
    assert (name.kind, name.language, name.returns, name.security_definer) == ("function", "mysql", "varchar(40)", False)
    assert (copy.kind, "from shop.mbr" in copy.body) == ("event", True)
    (trigger,) = schema.triggers[ref("ev", "crm")]
    assert (trigger.name, trigger.timing, trigger.events) == ("tr_copy", "AFTER", ("UPDATE",))
    assert "insert into copies" in trigger.body


def test_what_the_account_may_not_see_is_a_gap(server: Mariadb) -> None:
    seer = {g.table for g in scan_catalog("shop", server.url("seer")).gaps}
    assert seer >= {"crm.sp_export()"} or not seer
    part = scan_catalog("shop", server.url("part", "shop"))
    named = {g.table: g.reason for g in part.gaps}
    assert "the account may not read it" in named["shop.prd"]
    assert "does not tell of other databases" in named[""]
    assert "crm.sp_export()" in named
    columns = {c.name: c.pii_class for c in part.schema.tables[ref("ord")].columns}
    assert columns["rcv_tel"] == "PHONE_NUMBER" if "rcv_tel" in columns else True
    assert part.schema.tables[ref("mbr")].persons == 300


def test_nothing_changed_nothing_read(server: Mariadb) -> None:
    server.sql("select sleep(2.1)")  # changes of the present second cannot be told from later ones
    url = server.url("seer", "shop")
    first = scan_catalog("shop", url).schema
    again = scan_catalog("shop", url, previous=first)
    assert again.schema == first
    assert again.tables_read == 0
    server.sql("update shop.prd set price = price + 1 where prd_no = 3")
    changed = scan_catalog("shop", url, previous=first)
    assert changed.tables_read == 1


def test_a_table_dropped_midway_is_a_gap(server: Mariadb) -> None:
    server.sql("create table shop.zz_doomed (hp_no text)")
    dropped: list[str] = []

    def drop(_what: str, _done: int, _total: int) -> None:
        if not dropped:
            dropped.append("now")
            server.sql("drop table shop.zz_doomed")

    scan = scan_catalog("shop", server.url("seer", "shop"), progress=drop)
    (gap,) = [g for g in scan.gaps if "()" not in g.table]
    assert gap.table == "shop.zz_doomed"
    assert "doesn't exist" in gap.reason
    assert scan.schema.tables[ref("mbr")].persons == 300


def test_the_session_can_neither_write_nor_wait(server: Mariadb) -> None:
    engine = sa.create_engine(server.url("root", "shop"))
    reader = MysqlReader(engine, CatalogSettings(statement_seconds=0.2, lock_seconds=1))
    with reader._transaction() as connection, pytest.raises(sa.exc.OperationalError, match="READ ONLY"):
        connection.exec_driver_sql("delete from prd")
    with reader._transaction() as connection, pytest.raises(sa.exc.OperationalError, match="max_statement_time"):
        connection.exec_driver_sql(
            "select count(*) from seq_1_to_1000000 a, seq_1_to_1000000 b where mod(a.seq, 7) = mod(b.seq, 5)"
        )
    reader.close()


def test_large_tables_cost_a_few_rows(server: Mariadb) -> None:
    server.sql(LARGE)

    def rows_read() -> int:
        shown = server.sql("show global status like 'Handler_read%'")
        return sum(int(line.split("\t")[1]) for line in shown.splitlines() if "deleted" not in line)

    settings = CatalogSettings(exact_bytes=400_000, sample_rows=640)
    before = rows_read()
    scan = scan_catalog("large", server.url("seer", "large_"), settings=settings)
    tables = {r.name: t for r, t in scan.schema.tables.items() if r.schema == "large_"}
    found = {name: table.columns[-1].pii_class for name, table in tables.items()}
    cost = rows_read() - before
    assert found == {
        "by_number": "PHONE_NUMBER", "by_text": "EMAIL_ADDRESS", "by_uuid": "EMAIL_ADDRESS", "skewed": "PHONE_NUMBER",
        "keyless": "EMAIL_ADDRESS", "by_day": "PHONE_NUMBER",
    }  # fmt: skip
    assert cost < 110_000 + 60_000  # the table without any index is read through, the others (570,000 rows) are not
    assert tables["by_number"].rows == pytest.approx(300_000, rel=0.5)
    server.sql("drop database large_")


def test_the_generic_reader_sees_the_same(server: Mariadb) -> None:
    engine = sa.create_engine(server.url("seer", "shop"))
    reader = GenericReader(engine, CatalogSettings())
    own = MysqlReader(sa.create_engine(server.url("seer", "shop")), CatalogSettings())
    generic, special = reader.snapshot(), own.snapshot()
    assert set(generic.relations) == set(special.relations)
    for name in ("mbr", "ord", "prd"):
        one, other = generic.relations[ref(name)], special.relations[ref(name)]
        assert [(c.name, c.kind) for c in one.columns] == [(c.name, c.kind) for c in other.columns]
        assert (one.primary_key, one.foreign_keys) == (other.primary_key, other.foreign_keys)
        assert reader.sample(one).table_rows == own.sample(other).table_rows
    reader.close()
    own.close()


def test_a_broken_inspector_leaves_the_standard_catalogue(server: Mariadb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dialects of others fail on versions they do not know yet; SQL's own INFORMATION_SCHEMA has names and types."""
    reader = GenericReader(sa.create_engine(server.url("seer", "shop")), CatalogSettings())
    whole = {ref: [c.name for c in r.columns] for ref, r in reader.snapshot().relations.items()}

    def fail(*_arguments: object) -> None:
        raise sa.exc.ProgrammingError("select", {}, Exception("no such catalogue"))

    monkeypatch.setattr(GenericReader, "_schema", fail)
    snapshot = reader.snapshot()
    reader.close()
    assert snapshot.gaps == ()
    assert {ref: [c.name for c in r.columns] for ref, r in snapshot.relations.items()} == whole


def test_an_unreachable_server_is_said_so() -> None:
    with pytest.raises(CatalogError, match="cannot be looked at"):
        scan_catalog("x", "mysql://nobody:secret@127.0.0.1:1/x")
