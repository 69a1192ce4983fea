"""A home-shopping company on a real server: its schema, its people, its vendors, and the configuration that watches them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scanner.cli import main
from scanner.config import load_config
from scanner.engine import arrow, open_event_engine
from scanner.findings import FindingStore
from scanner.pipeline import Report, Workspace, scan
from tests.support.postgres import Postgres

MEMBERS = 3000  # crm.mbr, Korean
CUSTOMERS = 1200  # sales.customers, English
ORDERS = 6000  # crm.ord: two for each of the members
PRODUCTS = 400

SCHEMA = f"""
create role crm_owner nologin;
create role desk login; create role dlv_app login; create role dlv_batch login; create role ads_app login;
create role vw_reader login; grant pg_read_all_data to vw_reader;
create schema crm authorization crm_owner; create schema sales authorization crm_owner;
create schema shop authorization crm_owner;
create schema dlv authorization dlv_app;
grant usage on schema crm, sales, shop to public;
alter default privileges grant select, insert, update, delete on tables to public;
create table crm.mbr (mbr_no int primary key, mbr_nm varchar(40), hp_no varchar(20), eml varchar(80), jumin_no varchar(14),
    addr varchar(200), reg_dt date);
insert into crm.mbr select i, (array['김','이','박','최','정','강','조','윤','장','임'])[1 + i % 10]
        || (array['민','서','지','현','수','영','준'])[1 + i % 7]
        || (array['우','연','경','진','은','하','호','희','정'])[1 + i % 9],
    '010-' || lpad((2000 + i)::text, 4, '0') || '-' || lpad((i * 7919 % 10000)::text, 4, '0'),
    'user' || i || '@mail' || i % 7 || '.co.kr',
    lpad((i % 60 + 40)::text, 2, '0') || lpad((i % 12 + 1)::text, 2, '0')
        || lpad((i % 28 + 1)::text, 2, '0') || '-' || (1 + i % 2)
        || lpad((i * 37 % 1000000)::text, 6, '0'),
    '서울특별시 강남구 테헤란로 ' || i % 400 + 1 || ', ' || 101 + i % 20 || '동', date '2024-01-01' + i % 600
    from generate_series(1, {MEMBERS}) i;
create table sales.customers (customer_id int primary key, first_name text, last_name text, email text unique,
    phone text, city text);
insert into sales.customers select i, (array['James','Mary','Robert','Linda','Michael','Susan','David','Karen'])[1 + i % 8],
    (array['Smith','Johnson','Brown','Taylor','Wilson','Evans','Walker'])[1 + i % 7], 'j.doe' || i || '@example.com',
    '+44 20 7946 ' || lpad((i % 10000)::text, 4, '0'), (array['London','Leeds','Bath'])[1 + i % 3]
    from generate_series(1, {CUSTOMERS}) i;
create table crm.ord (ord_id int primary key, mbr_no int not null, rcv_nm varchar(40), rcv_tel varchar(20),
    rcv_addr varchar(200), amt int);
insert into crm.ord select i, 1 + i % {MEMBERS}, m.mbr_nm, m.hp_no, m.addr, 1000 * (i % 90) from generate_series(1, {ORDERS}) i
    join crm.mbr m on m.mbr_no = 1 + i % {MEMBERS};
alter table crm.ord add foreign key (mbr_no) references crm.mbr;
create table shop.prd (prd_no int primary key, prd_nm text, price int, stock int);
insert into shop.prd select i,
    (array['한우 안심','된장','고등어','현미','홍삼정','감자'])[1 + i % 6] || ' ' || i, 1000 * (i % 50), i % 300
    from generate_series(1, {PRODUCTS}) i;
create view crm.v_mbr as select mbr_no, mbr_nm as nm, hp_no as tel from crm.mbr;
create function crm.everyone() returns setof crm.mbr language sql security definer as 'select * from crm.mbr';
create table dlv.parcel (parcel_id int primary key, mbr_no int references crm.mbr, state text);
alter table dlv.parcel owner to dlv_app;
grant references, select on crm.mbr to dlv_app;
grant all on all tables in schema crm, sales, shop to public;
analyze;
"""


def configuration(server: Postgres, dbname: str, data_dir: Path) -> dict[str, Any]:
    """What a company would write down; hours are any because tests run at any hour."""
    contract = {"from": "2020-01-01", "until": "2099-12-31", "hours": "any"}
    return {
        "data_dir": str(data_dir),
        "time_zone": "Asia/Seoul",
        "databases": {
            "shop": {
                "url": server.url("vw_reader", dbname),
                "audit": [{"type": "postgres_csvlog", "path": server.log_glob(), "time_zone": "UTC"}],
            }
        },
        "vendors": {
            "delivery_co": {
                "name": "Delivery Co.",
                "accounts": ["dlv_*"],
                "contract": {**contract, "purpose": "deliver parcels", "max_persons_per_day": 500},
            },
            "ads_co": {"name": "Ads Co.", "accounts": ["ads_*"], "contract": {**contract, "purpose": "product pages"}},
        },
    }


@dataclass
class Watched:
    """A server, the configuration that watches it, and what came of it."""

    server: Postgres
    dbname: str
    config_path: Path

    @staticmethod
    def build(server: Postgres, folder: Path, dbname: str = "shop") -> Watched:
        server.psql(f"create database {dbname}")
        server.psql(SCHEMA, dbname=dbname)
        return Watched(server, dbname, write_config(folder, configuration(server, dbname, folder / "data")))

    def psql(self, sql: str, *, user: str = "dlv_app", app: str = "psql", check: bool = True) -> str:
        return self.server.psql(sql, user=user, dbname=self.dbname, app=app, check=check)

    def scan(self) -> Report:
        self.server.settle()
        return scan(load_config(self.config_path))

    def workspace(self) -> Workspace:
        return Workspace.open(load_config(self.config_path))

    def events(self, where: str = "true") -> list[dict[str, Any]]:
        return stored_events(self.workspace(), where)

    def findings(self) -> list[dict[str, Any]]:
        return FindingStore(self.workspace().state).all()


def stored_events(workspace: Workspace, where: str = "true") -> list[dict[str, Any]]:
    engine = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        found: list[dict[str, Any]] = arrow(
            engine, f"select * from events where {where} order by source_file, source_offset"
        ).to_pylist()
        return found
    finally:
        engine.close()


def write_config(folder: Path, document: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "vendorwatch.yml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def scan_command(config: str, slice_bytes: int, started: Any) -> None:
    """The command `vendorwatch scan` as the work of a process that can be killed."""
    if started is not None:
        started.set()
    main(["--config", config, "scan", "--slice-bytes", str(slice_bytes)])
