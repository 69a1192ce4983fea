"""Acts on a real MariaDB, read from its server_audit log: who carried how many people away, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
import yaml

from scanner.catalog import to_json
from scanner.config import load_config
from scanner.doctor import examine
from scanner.findings import FindingStore
from scanner.model import Column, Schema, Table, TableRef
from scanner.pipeline import Report, Workspace, scan
from scanner.store import tables as t
from scanner.store.state import now, upsert
from tests.pipeline.company import stored_events, write_config
from tests.support.mariadb import Mariadb, MariadbMissingError

CUSTOMERS, PRODUCTS = 3000, 400
FORGED = "20261122 07:45:06,vm,victim,localhost,1,2,QUERY,crm,'select * from customer',0"

HISTORY = {
    "performance-schema": 1,
    "performance-schema-consumer-events-statements-current": "ON",
    "performance-schema-consumer-events-statements-history-long": "ON",
    "performance-schema-events-statements-history-long-size": 20_000,
}

SETUP = f"""
create database crm character set utf8mb4; use crm;
create table customer(id int primary key, name varchar(40), phone varchar(20), rrn varchar(20), email varchar(60));
insert into customer select seq, concat('name', seq), concat('010-0000-', seq), concat('900101-', 1000000 + seq),
    concat('u', seq, '@example.com') from seq_1_to_{CUSTOMERS};
create table product(id int primary key, name varchar(40), price int);
insert into product select seq, concat('product', seq), seq from seq_1_to_{PRODUCTS};
create view v_contact as select id, phone as code from customer;
create procedure p_all() sql security definer select * from customer;
create function f_all() returns longtext sql security definer reads sql data
    return (select group_concat(rrn) from customer);
"""
PII = {"name": "PERSON", "phone": "PHONE_NUMBER", "rrn": "KR_RRN", "email": "EMAIL_ADDRESS"}


def catalogue() -> Schema:
    """What a look at the database would find."""
    customer = Table(
        TableRef("crm", "customer"),
        (Column("id", "int"), *(Column(name, "varchar", kind, "typed", 0.99) for name, kind in PII.items())),
        rows=CUSTOMERS,
        persons=CUSTOMERS,
        person_column="id",
        unique_keys=(("id",),),
    )
    product = Table(TableRef("crm", "product"), (Column("id"), Column("name"), Column("price")), rows=PRODUCTS)
    view = Table(
        TableRef("crm", "v_contact"),
        (Column("id"), Column("code", "varchar", "PHONE_NUMBER", "typed", 0.99)),
        kind="view",
        rows=CUSTOMERS,
        definition="select `crm`.`customer`.`id` AS `id`,`crm`.`customer`.`phone` AS `code` from `crm`.`customer`",
    )
    return Schema("crm", "1", {table.ref: table for table in (customer, product, view)}, default_schema="crm")


@dataclass
class Crm:
    """The server, the configuration that watches it, and what came of it."""

    server: Mariadb
    config_path: Path

    @staticmethod
    def build(server: Mariadb, folder: Path) -> Crm:
        server.sql(SETUP)
        document = {
            "data_dir": str(folder / "data"),
            "time_zone": "UTC",
            "databases": {
                "crm": {
                    "url": f"mysql+pymysql://reader@127.0.0.1:{server.port}/crm",
                    "engine": "mariadb",
                    "audit": [{"type": "mariadb_server_audit", "path": f"{server.audit_log}*"}],
                }
            },
            "vendors": {
                "delivery_co": {
                    "accounts": ["dlv_*"],
                    "contract": {"from": "2020-01-01", "until": "2099-12-31", "hours": "any", "max_persons_per_day": 500},
                }
            },
        }
        crm = Crm(server, write_config(folder, document))
        crm.keep_catalogue()
        return crm

    def keep_catalogue(self) -> None:
        row = {"database": "crm", "version": "1", "scanned_at": now(), "document": to_json(catalogue()), "gaps": "[]"}
        with self.workspace().state.begin() as connection:
            upsert(connection, t.catalog, [row])

    def workspace(self) -> Workspace:
        return Workspace.open(load_config(self.config_path))

    def scan(self) -> Report:
        self.server.settle()
        return scan(load_config(self.config_path))

    def events(self, account: str) -> list[dict[str, Any]]:
        return stored_events(self.workspace(), f"account = '{account}'")

    def findings(self, account: str) -> list[dict[str, Any]]:
        return [f for f in FindingStore(self.workspace().state).all() if account in f["accounts"]]

    def user(self, name: str) -> str:
        self.server.sql(f"create user if not exists {name}@localhost; grant all on *.* to {name}@localhost")
        return name

    def sql(self, name: str, text: str, *, check: bool = True) -> str:
        return self.server.sql(text, user=name, db="crm", check=check)


@dataclass(frozen=True)
class Act:
    """Something somebody does from an account of its own, and what is true about it."""

    name: str
    do: str | Callable[[Crm, str], Any]
    persons: int  # best estimate of the act that exposes most
    technique: str | None = None
    high: int = CUSTOMERS
    check: bool = True


def _dump(*tables: str) -> Callable[[Crm, str], Any]:
    return lambda crm, user: crm.server.run(["mariadb-dump", "crm", *tables], user=user)


def _killed(crm: Crm, user: str) -> None:
    """A statement that its time limit ends after rows have left."""
    connection = pymysql.connect(unix_socket=str(crm.server.socket), user=user, database="crm")
    try:
        with connection.cursor() as cursor, pytest.raises(pymysql.err.OperationalError, match="1969"):
            cursor.execute("set statement max_statement_time=0.3 for select a.rrn, sleep(0.01) from customer a, customer b")
    finally:
        connection.close()


def _forge(crm: Crm, user: str) -> None:
    """A log-in under a name that is a log line; then something of one's own."""
    failed = crm.server.run(["mariadb"], user=f"x\n{FORGED}\ny", check=False)
    assert "Access denied" in failed.stderr
    crm.sql(user, "select 1")


ACTS = [
    Act("bulk", "select * from customer", CUSTOMERS),
    Act("few", "select name from customer where id = 7", 1, high=1),
    Act("count", "select count(*) from customer", 0, high=0),
    Act("view", "select * from v_contact", CUSTOMERS),
    Act(
        "outfile",
        "select * from customer into outfile '{out}' fields terminated by ','",
        CUSTOMERS,
        "server_file",
    ),
    Act(
        "handler",
        "handler customer open; handler customer read next limit 2000",
        2000,
        "cursor",
        2000,
    ),
    Act("temp", "create temporary table t1 as select * from customer; select * from t1", CUSTOMERS, "copy_to_new_table"),
    Act(
        "copy",
        "create table kopie as select rrn r from customer; rename table kopie to x; select r from x",
        CUSTOMERS,
    ),
    Act("concat", "set group_concat_max_len=100000000; select group_concat(rrn) from customer", CUSTOMERS, "concat_aggregate"),
    Act("encode", "select to_base64(rrn) from customer", CUSTOMERS, "encoding"),
    Act("prepare", "prepare p from 'select * from customer where id > ?'; set @a = 0; execute p using @a", 1500),
    Act("immediate", "execute immediate 'select rrn from customer'", CUSTOMERS),
    Act("procedure", "call p_all()", CUSTOMERS),
    Act("function", "select f_all()", CUSTOMERS),
    Act("comment", "/*!50000 select rrn from customer */", CUSTOMERS),
    Act("long", "select /* " + "x" * 1100 + " */ rrn from customer", CUSTOMERS),
    Act("ansi", 'set sql_mode=ansi_quotes; select "rrn" from customer', CUSTOMERS),
    Act("escape", "set sql_mode=no_backslash_escapes; select '\\', rrn from customer -- '", CUSTOMERS),
    Act("set", "set @x = (select group_concat(rrn) from customer); select @x", CUSTOMERS),
    Act("dump_all", _dump("customer"), CUSTOMERS, "dump_tool"),
    Act("dump_products", _dump("product"), 0, high=0),
    Act("killed", _killed, CUSTOMERS, "aborted"),
    Act("denied", "select nothing from customer", 0, high=0, check=False),
    Act("forge", _forge, 0, high=0),
    Act(
        "tamper",
        "set global server_audit_excl_users='nobody'; set global server_audit_excl_users=''",
        0,
        "audit_tampering",
        0,
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Mariadb]:
    try:
        made = Mariadb(HISTORY)
    except MariadbMissingError as missing:
        pytest.fail(str(missing), pytrace=False)
    with made:
        yield made


@pytest.fixture(scope="module")
def crm(server: Mariadb, tmp_path_factory: pytest.TempPathFactory) -> Crm:
    """All acts done, and scanned in two scans."""
    crm = Crm.build(server, tmp_path_factory.mktemp("crm"))
    for number, act in enumerate(ACTS):
        user = crm.user(f"dlv_{act.name}")
        if isinstance(act.do, str):
            crm.sql(user, act.do.replace("{out}", str(server.root / "data" / "out.txt")), check=act.check)
        else:
            act.do(crm, user)
        if number in (0, len(ACTS) - 1):
            report = crm.scan()
            assert report.skips == 0
            assert [n for n in report.notices if n.fatal] == []
    return crm


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_act(crm: Crm, act: Act) -> None:
    events = crm.events(f"dlv_{act.name}")
    assert events
    top = max(events, key=lambda e: e["exposed_persons"])
    assert top["exposed_persons"] == act.persons
    assert top["exposed_persons_high"] == act.high or act.high == CUSTOMERS <= top["exposed_persons_high"]
    assert top["exposed_persons_low"] <= act.persons
    words = {word for event in events for word in event["techniques"]}
    assert act.technique is None or act.technique in words
    assert {e["client_ip"] for e in events} == {"[local]"}
    assert all(e["vendor"] == "delivery_co" for e in events)


def test_a_dump_of_the_customers_is_critical_and_one_of_the_products_is_nothing(crm: Crm) -> None:
    assert "critical" in {f["level"] for f in crm.findings("dlv_dump_all")}
    assert [f for f in crm.findings("dlv_dump_products") if f["level"] != "informational"] == []


def test_forged_lines_accuse_nobody(crm: Crm) -> None:
    assert "FAILED_CONNECT" in crm.server.audit_log.read_text(encoding="utf-8", errors="replace")
    assert FORGED in crm.server.audit_log.read_text(encoding="utf-8", errors="replace")
    assert crm.events("victim") == []
    odd = stored_events(crm.workspace(), "activity = 'unreadable'")
    assert len(odd) >= 1


def test_every_statement_is_an_event_of_its_session(crm: Crm) -> None:
    every = stored_events(crm.workspace())
    assert len({e["event_id"] for e in every}) == len(every)
    sessions = {e["session"] for e in every if e["session"] is not None}
    assert all("@" in name and not name.endswith("@?") for name in sessions)
    assert crm.scan().events == 0


def test_row_counts_from_the_slow_log(crm: Crm, tmp_path: Path) -> None:
    """The same log, read once more with the slow log beside it: counts instead of estimates."""
    document = yaml.safe_load(crm.config_path.read_text(encoding="utf-8"))
    document["data_dir"] = str(tmp_path / "data")
    document["databases"]["crm"]["audit"][0]["slow_log"] = str(crm.server.slow_log)
    counted = Crm(crm.server, write_config(tmp_path, document))
    counted.keep_catalogue()
    counted.scan()

    def top(name: str) -> dict[str, Any]:
        return max(counted.events(f"dlv_{name}"), key=lambda e: e["exposed_persons"])

    for name in ("bulk", "outfile", "prepare", "temp", "comment", "dump_all"):
        event = top(name)
        found = (event["exposed_persons"], event["exposed_persons_low"], event["rows_source"])
        assert found == (CUSTOMERS, CUSTOMERS, "reported_elsewhere"), name
    assert top("few")["exposed_persons_low"] == 1
    assert top("concat")["exposed_persons"] == CUSTOMERS  # one row holds them all
    assert top("long")["rows_source"] == "upper_bound"  # cut: which entry is its own cannot be told
    assert top("dump_products")["exposed_persons"] == 0


def test_row_counts_from_the_statement_history(crm: Crm, tmp_path: Path) -> None:
    """The same log once more, with the server's own memory beside it: of connections long ended, and of killed statements."""
    crm.server.sql(
        "create user reader@127.0.0.1; grant select on performance_schema.* to reader@127.0.0.1; "
        "grant select on crm.* to reader@127.0.0.1"
    )
    document = yaml.safe_load(crm.config_path.read_text(encoding="utf-8"))
    document["data_dir"] = str(tmp_path / "data")
    document["databases"]["crm"]["audit"][0]["row_counts"] = "performance_schema"
    counted = Crm(crm.server, write_config(tmp_path, document))
    counted.keep_catalogue()
    report = counted.scan()
    assert [n.reason for n in report.notices] == []

    def top(name: str) -> dict[str, Any]:
        return max(counted.events(f"dlv_{name}"), key=lambda e: e["exposed_persons"])

    for name in ("bulk", "outfile", "prepare", "temp", "comment", "dump_all", "long", "immediate"):
        event = top(name)
        found = (event["exposed_persons"], event["exposed_persons_low"], event["rows_source"])
        assert found == (CUSTOMERS, CUSTOMERS, "reported_elsewhere"), name
    killed = top("killed")
    assert killed["rows_source"] == "reported_elsewhere"
    assert 0 < killed["returned_rows"] == killed["exposed_persons_high"] < 100
    assert killed["exposed_persons_low"] == 0
    assert "aborted" in killed["techniques"]
    assert top("few")["exposed_persons_low"] == 1
    assert top("concat")["exposed_persons"] == CUSTOMERS  # one row holds them all
    assert top("dump_products")["exposed_persons"] == 0


def test_without_the_statement_history_there_are_estimates(crm: Crm, tmp_path: Path) -> None:
    document = yaml.safe_load(crm.config_path.read_text(encoding="utf-8"))
    document["data_dir"] = str(tmp_path / "data")
    document["databases"]["crm"]["audit"][0].update(
        row_counts="performance_schema", url="mysql+pymysql://nobody:geheim@127.0.0.1:1/crm"
    )
    counted = Crm(crm.server, write_config(tmp_path, document))
    counted.keep_catalogue()
    report = counted.scan()
    assert report.complete
    (notice,) = report.notices
    assert "row counts are estimated" in notice.reason
    assert "geheim" not in f"{notice}{document['databases']['crm']['audit'][0]['type']}"
    assert counted.events("dlv_bulk")[-1]["rows_source"] != "reported_elsewhere"


def test_the_doctor_tells_what_the_settings_hide(crm: Crm) -> None:
    crm.server.sql("create user if not exists reader@127.0.0.1; grant select on crm.* to reader@127.0.0.1")
    sound = [c for c in examine(crm.config_path) if c.what == "audit of crm"]
    assert [c.state for c in sound] == ["note"] * 3
    assert {c.detail.split(" ")[0] for c in sound} == {"the", "without", "server_audit_query_log_limit"}
    crm.server.sql("set global server_audit_excl_users = 'dlv_bulk'; set global server_audit_events = 'CONNECT,QUERY_DDL'")
    try:
        found = [c for c in examine(crm.config_path) if c.what == "audit of crm" and c.state == "problem"]
    finally:
        crm.server.sql("set global server_audit_excl_users = ''; set global server_audit_events = ''")
    assert [c.next_step.split(",")[0] for c in found] == [
        "SET GLOBAL server_audit_events = 'CONNECT",
        "SET GLOBAL server_audit_excl_users = ''",
    ]
    assert "vendor delivery_co is among them" in found[1].detail
