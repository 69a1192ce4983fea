"""One recording of a real PostgreSQL in all its formats at once, and one of a real MariaDB, for all tests of this package."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from tests.continuity.recording import KINDS, PREFIX, Recording
from tests.support.mariadb import Mariadb
from tests.support.postgres import Postgres

HERE = Path(__file__).parent

SETUP = """
create table people (id int primary key, name text, phone text);
insert into people select i, 'name ' || i, '010-' || i from generate_series(1, 20000) i;
create table big as select i, repeat('x', 50) as t from generate_series(1, 60000) i; analyze;
create role vendor_a login; create role vendor_b login; grant select on all tables in schema public to vendor_a, vendor_b;
"""
WORK = """
select * from people where id < 10; select count(*) from people;
begin; declare c cursor for select * from people; fetch 100 from c; fetch 50 from c; close c; commit;
copy people to stdout; select name from people where phone = '010-77' ; select 1/0; select nope from people;
prepare p as select * from people where id = $1; execute p(1); execute p(2);
do $$ begin perform count(*) from people; perform max(id) from people; end $$;
set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0;
set min_parallel_table_scan_size = 0;
select count(*) from big where t like '%y%'; explain analyze select * from people; select 'end';
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all of these tests, so that there is one server of a kind."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("continuity"))


def work(server: Postgres) -> None:
    """What is done on the server: parallel sessions, failures, dumps, a load of short transactions, rotation, a restart."""
    time.sleep(1.1)  # sessions that begin in the second in which the log does are given the benefit of the doubt
    server.psql(SETUP)

    def sessions(user: str) -> None:
        for _ in range(3):
            server.psql(WORK, user=user, app="shop", check=False)

    threads = [threading.Thread(target=sessions, args=(user,)) for user in ("vendor_a", "vendor_b", "postgres")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.run(["pg_dump", "-t", "people", "-f", "/dev/null"])
    server.rotate()
    server.run(["pgbench", "-i", "-q", "-s", "1", "postgres"])
    server.run(["pgbench", "-c", "3", "-j", "2", "-t", "15", "-C", "postgres"])
    server.psql(WORK, user="vendor_a", app="after rotation", check=False)
    server.psql("set log_min_messages = 'error'; select 1; set log_min_messages = 'warning'; select 2")
    server.psql(
        "set pgaudit.log = 'read'; create table t1 (i int); select * from people limit 1; set pgaudit.log = 'all'; select 3"
    )
    server.halt()
    server.resume()
    server.psql(WORK, user="vendor_b", app="after restart", check=False)
    server.psql("select pg_reload_conf()")
    server.halt()


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    """The same work in csvlog, jsonlog and stderr."""
    kept = tmp_path_factory.mktemp("recorded")
    with Postgres(logs=("csv", "json", "stderr"), conf={"log_line_prefix": PREFIX, "log_checkpoints": True}) as server:
        work(server)
        found = {}
        for type_, kind in KINDS.items():
            copies = [Path(shutil.copy(file, kept)) for file in server.log_files(kind)]
            for copy in copies:
                os.utime(copy, (1000, 1000))
            options = {"log_line_prefix": PREFIX} if kind == "stderr" else {}
            found[type_] = Recording(type_, tuple(copies), options)
    return found


MARIA = """
create database crm; use crm;
create table customer(id int primary key, name varchar(40));
insert into customer select seq, concat('name', seq) from seq_1_to_2000;
create user vendor_a@'%'; create user vendor_b@'%'; grant all on *.* to vendor_a@'%'; grant all on *.* to vendor_b@'%';
create table log(id int auto_increment primary key, x int);
create trigger tr after insert on customer for each row insert into log(x) values (new.id);
create procedure p() select count(*) from customer;
"""


def maria_work(server: Mariadb) -> None:
    """Parallel sessions, a slow one among them, routines, a trigger, a dump, events, failures, probes."""
    server.sql(MARIA)
    slow = threading.Thread(target=lambda: server.sql("select sleep(2), 'slow'", user="vendor_b", db="crm"))
    slow.start()
    for n in range(12):
        server.sql(
            f"select * from customer where id < {n}; select 'a'; select name from customer where id = {n}; select 'b'; "
            "select 'c'; select count(*) from customer; select 'd'",
            user="vendor_a",
            db="crm",
        )
    server.sql(
        "call p(); select 'after'; insert into customer values (5001, 'x'); select 'z'; select nope", db="crm", check=False
    )
    slow.join()
    server.run(["mariadb-dump", "crm"])
    server.run(["mariadb-admin", "ping"])
    events = "create event e on schedule every 1 second do insert into log(x) values (9); set global event_scheduler = on; "
    server.sql(events + "select sleep(2); set global event_scheduler = off", db="crm")
    server.sql("select 'last one'", user="vendor_a")
    server.settle()


@pytest.fixture(scope="session")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A MariaDB's server_audit log."""
    with Mariadb() as server:
        maria_work(server)
        kept = Path(shutil.copy(server.audit_log, tmp_path_factory.mktemp("maria")))
    return Recording("mariadb_server_audit", (kept,))
