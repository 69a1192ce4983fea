"""Record the seeds of the benchmark: about 50,000 real log records of a small shop at work, by PostgreSQL and by MariaDB.

A throwaway PostgreSQL with pgAudit (everything logged: rows, relations, parameters) is worked on by pgbench with the scripts
below and by real client programs: single-row lookups in three protocols, multi-line joins, inserts of Korean text, TPC-B,
paging, cursors, dollar quotes, COPY, pg_dump, errors. Written beside it: the same tables as SQLite, for the catalogue.
All people are made up. PostgreSQL writes csvlog and jsonlog of the same at once. MariaDB holds the same tables and writes
server_audit; its clients send the statements as texts.

    python bench/record.py FOLDER        writes seed.csv, seed.json, seed.audit and shop.sqlite
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.mariadb import Mariadb
from tests.support.postgres import Postgres

TABLES = {
    "members": "mbr_no integer primary key, nm text, tel text, eml text, birth date, addr text, reg_dt timestamp",
    "orders": "ord_no integer primary key, mbr_no integer, prod_no integer, qty integer, amt integer, ord_dt timestamp, "
    "memo text",
    "deliveries": "dlv_no integer primary key, ord_no integer, rcv_nm text, rcv_tel text, rcv_addr text, stat text",
    "products": "prod_no integer primary key, prod_nm text, price integer",
}

DATA = """
insert into members select g,
  (array['김','이','박','최','정'])[1 + g % 5] || (array['민준','서연','도윤','하은','지호','수아'])[1 + g % 6],
  '010-' || lpad(((g * 7919) % 10000)::text, 4, '0') || '-' || lpad(((g * 104729) % 10000)::text, 4, '0'),
  'user' || g || '@mail.example', date '1960-01-01' + (g * 37) % 15000,
  '서울특별시 강남구 테헤란로 ' || (1 + g % 400),
  timestamp '2024-01-01' + g * interval '13 minutes' from generate_series(1, 20000) g;
insert into products select g, '상품 ' || g, 1000 + (g * 613) % 90000 from generate_series(1, 2000) g;
insert into orders select g, 1 + (g * 7) % 20000, 1 + (g * 11) % 2000, 1 + g % 4, 1000 + (g * 331) % 200000,
  timestamp '2026-01-01' + g * interval '3 minutes', null from generate_series(1, 60000) g;
insert into deliveries select ord_no, ord_no, m.nm, m.tel, m.addr, '배송중'
  from orders join members m using (mbr_no) where ord_no <= 20000;
"""

ROLES = """
create role svc_batch login; create role svc_crm login; create role dlv_app login; create role cs_desk login;
grant all on all tables in schema public to svc_batch, svc_crm;
grant select on members, orders, deliveries to dlv_app, cs_desk;
grant update on deliveries to dlv_app;
"""

# name: (account, application, pgbench protocol, transactions of each of 2 clients, script)
TRAFFIC = {
    "lookup": ("svc_crm", "crm-web", "prepared", 3000, "select mbr_no, nm, tel, eml from members where mbr_no = :m;"),
    "lookup_text": ("cs_desk", "DBeaver 24.1.0 - Main", "simple", 2500, "select * from members where mbr_no = :m;"),
    "join": (
        "svc_crm",
        "crm-web",
        "simple",
        1500,
        "select o.ord_no, o.ord_dt, p.prod_nm, o.amt\n  from orders o\n  join products p using (prod_no)\n"
        "  join members m on m.mbr_no = o.mbr_no\n where m.mbr_no = :m\n"
        "   and m.nm <> 'a \"quoted\", name'\n order by o.ord_dt desc limit 20;",
    ),
    "parcel": (
        "dlv_app",
        "dlv-scanner",
        "extended",
        1800,
        "select dlv_no, rcv_nm, rcv_tel, rcv_addr from deliveries where dlv_no = :m;\n"
        "update deliveries set stat = '완료' where dlv_no = :m;",
    ),
    "page": (
        "cs_desk",
        "cs-portal",
        "simple",
        300,
        "select mbr_no, nm, tel from members where mbr_no > :m order by mbr_no limit 50;",
    ),
    "write": (
        "svc_crm",
        "crm-web",
        "simple",
        700,
        "begin;\ninsert into orders (ord_no, mbr_no, prod_no, qty, amt, ord_dt, memo) values (:n, :m, :p, 1, :n, now(), "
        "'문 앞에 놓아 주세요,\n\"경비실\" 가능')\n  on conflict (ord_no) do update set qty = excluded.qty;\n"
        "select count(*) from orders where mbr_no = :m;\ncommit;",
    ),
    "report": (
        "svc_batch",
        "crm-batch",
        "simple",
        60,
        "with daily as (\n  select ord_dt::date as d, sum(amt) as s from orders\n"
        "   where ord_no between :m and :m + 500 group by 1\n)\n"
        "select d, s from daily order by d;",
    ),
    "cursor": (
        "svc_batch",
        "crm-batch",
        "simple",
        60,
        "begin;\ndeclare c cursor for select mbr_no, eml from members where mbr_no > :m;\n"
        "fetch 100 from c;\nfetch 100 from c;\nclose c;\nend;",
    ),
    "block": (
        "svc_batch",
        "crm-batch",
        "simple",
        60,
        "do $body$ begin perform nm from members where mbr_no = 1 + :m; end $body$;",
    ),
}

VARIABLES = "\\set m random(1, 20000)\n\\set n random(100000, 900000)\n\\set p random(1, 2000)\n"


def work(server: Postgres, scratch: Path) -> None:
    """Let every account do its part, one after the other, 2 clients each."""
    for name, (account, app, protocol, count, script) in TRAFFIC.items():
        path = scratch / f"{name}.sql"
        # pgbench ends a command at its semicolon, so statements of several lines stay as they are
        path.write_text(VARIABLES + script + "\n", encoding="utf-8")
        command = ["pgbench", "-n", "-c", "2", "-j", "1", "-M", protocol, "-t", str(count), "-f", str(path)]
        server.run(command, user=account, app=app, timeout=300)
    server.run(["pgbench", "-n", "-c", "2", "-t", "700"], user="svc_batch", app="pgbench-tpcb", timeout=300)
    server.psql("\\copy (select ord_no, amt from orders limit 1000) to stdout", user="svc_batch", app="crm-batch")
    server.run(["pg_dump", "-t", "products"], user="svc_batch")
    for number in range(50):
        server.psql(f"select nm from members where mbr_no = {number} and no_such_column = 1", user="cs_desk", check=False)
        server.psql(f"select nm from members where mbr_no = {number}", user="dlv_app", app="psql")


def copy_to_sqlite(server: Postgres, path: Path) -> None:
    """The shop's tables as SQLite, so that the catalogue needs no server."""
    path.unlink(missing_ok=True)
    target = sqlite3.connect(path)
    for table, columns in TABLES.items():
        target.execute(f"create table {table} ({columns})")
        text = server.psql(f"copy {table} to stdout (delimiter E'\\x1f', null '')")
        rows = [line.split("\x1f") for line in text.splitlines()]
        target.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)
    target.commit()
    target.close()


# account: what one of its sessions sends, {m} {n} {p} being numbers that rise from statement to statement
SESSIONS = {
    "svc_crm": [
        "select mbr_no, nm, tel, eml from members where mbr_no = {m}",
        "select o.ord_no, o.ord_dt, p.prod_nm, o.amt\n  from orders o\n  join products p on p.prod_no = o.prod_no\n"
        "  join members m on m.mbr_no = o.mbr_no\n where m.mbr_no = {m}\n order by o.ord_dt desc limit 20",
        "insert into orders (ord_no, mbr_no, prod_no, qty, amt, memo) "
        "values ({n}, {m}, {p}, 1, {n}, '문 앞에 놓아 주세요, \\'경비실\\' 가능')"
        " on duplicate key update qty = 2",
        "select count(*) from orders where mbr_no = {m}",
    ],
    "cs_desk": [
        "select * from members where mbr_no = {m}",
        "select mbr_no, nm, tel from members where mbr_no > {m} order by mbr_no limit 50",
    ],
    "dlv_app": [
        "select dlv_no, rcv_nm, rcv_tel, rcv_addr from deliveries where dlv_no = {m}",
        "update deliveries set stat = '완료' where dlv_no = {m}",
    ],
    "svc_batch": ["select date(ord_dt), sum(amt) from orders where ord_no between {m} and {m} + 500 group by 1 order by 1"],
}
ROUNDS, STATEMENTS = 30, 200  # sessions of each account, statements of each session


def record_mariadb(path: Path, rows: Path) -> None:
    """The same shop on MariaDB; ``rows`` is the SQLite copy of its tables."""
    source = sqlite3.connect(rows)
    with Mariadb({"slow-query-log": 0}) as server:
        server.sql("set global server_audit_logging = off; create database shop")
        for table, columns in TABLES.items():
            every = source.execute(f"select * from {table}").fetchall()
            values = ",".join(
                "(" + ",".join("null" if v is None else "'" + str(v).replace("'", "''") + "'" for v in row) + ")" for row in every
            )
            columns = columns.replace("timestamp", "datetime")
            server.sql(f"create table {table} ({columns}) character set utf8mb4; insert into {table} values {values}", db="shop")
        for account in SESSIONS:
            server.sql(f"create user {account}; grant all on shop.* to {account}")
        server.sql("set global server_audit_logging = on")
        number = 0
        for _ in range(ROUNDS):
            for account, statements in SESSIONS.items():
                script = []
                for turn in range(STATEMENTS):
                    number += 1
                    numbers = {"m": 1000 + number * 7919 % 18000, "n": 100000 + number, "p": 1000 + number * 613 % 1000}
                    script.append(statements[turn % len(statements)].format(**numbers))
                server.sql(";\n".join(script) + ";", user=account, db="shop")
        server.run(["mariadb-dump", "shop", "products"], user="svc_batch")
        server.sql("select no_such_column from members", user="cs_desk", db="shop", check=False)
        server.settle()
        shutil.copyfile(server.audit_log, path)


def main(folder: Path) -> None:
    """Record into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with Postgres(logs=("csv", "json")) as server:
        server.psql(";\n".join(f"create table {name} ({columns})" for name, columns in TABLES.items()) + ";" + DATA)
        server.run(["pgbench", "-i", "-q", "-s", "1"])
        server.psql(ROLES)
        server.rotate()
        scratch = Path(tempfile.mkdtemp(prefix="traffic-"))
        try:
            work(server, scratch)
        finally:
            shutil.rmtree(scratch)
        server.settle()
        for kind in ("csv", "json"):
            shutil.copyfile(server.log_file(kind), folder / f"seed.{kind}")
        copy_to_sqlite(server, folder / "shop.sqlite")
    record_mariadb(folder / "seed.audit", folder / "shop.sqlite")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
