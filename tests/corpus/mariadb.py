"""The made-up company on a real MariaDB, and the clients through which acts are done. Each act has an account of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pymysql.cursors

from tests.corpus.postgres import lines
from tests.corpus.world import World
from tests.support.mariadb import Mariadb

SCHEMA = """
create database {schema} character set utf8mb4; create database {side} character set utf8mb4;
create table {people} ({key} int primary key, {name} varchar(60), {phone} varchar(20), {email} varchar(80), {rrn} varchar(14),
    {addr} varchar(200), grade varchar(1), reg_dt date, key({phone}));
create table {leads} (lead_id int primary key, {name} varchar(60), {phone} varchar(20), {email} varchar(80), {addr} varchar(200),
    source varchar(10));
create table {orders} (ord_id int primary key, {key} int not null, {name} varchar(60), {phone} varchar(20), amount int, odr_dt date,
    foreign key ({key}) references {people} ({key}));
create table {products} (prd_no int primary key, prd_nm varchar(60), price int, stock int, note varchar(60));
create table {logs} (log_id int, {key} int, {phone} varchar(20), memo varchar(60), at date, primary key (log_id, at))
    partition by range (year(at)) (partition p0 values less than (2024), partition p1 values less than maxvalue);
create table {side}.empty_people like {people};
create table {side}.spool (n int auto_increment primary key, t text);
"""
REST = """
create sql security definer view {schema}.v_people as select {key}, {name} as nm, {phone} as tel, grade from {people};
create view {schema}.v_masked as select {key}, concat(left({name}, 1), '**') as nm, concat('***-****-', right({phone}, 4)) as tel from {people};
create view {schema}.v_orders as select o.ord_id, o.amount, m.{name}, m.{email} from {orders} o join {people} m using ({key});
create view {schema}.v_stats as select grade, count(*) as n from {people} group by grade;
delimiter //
create procedure {schema}.p_all() sql security definer select * from {people}//
create procedure {schema}.p_some(in n int) sql security definer begin select {name}, {phone} from {people} limit n; end//
create procedure {schema}.p_two() sql security invoker begin select {phone} from {people}; select {email} from {leads}; end//
create procedure {schema}.p_out(out x longtext) sql security definer select group_concat({phone}) into x from {people}//
create procedure {schema}.p_dyn(in q text) sql security invoker begin execute immediate q; end//
create procedure {schema}.p_copy() sql security definer insert into {side}.spool(t) select {phone} from {people}//
create procedure {schema}.p_tidy() sql security definer update {people} set grade = grade where {key} < 0//
create procedure {schema}.p_loop() sql security definer begin
    declare done int default 0; declare v varchar(60); declare c cursor for select {phone} from {people} limit 90;
    declare continue handler for not found set done = 1;
    open c; x: loop fetch c into v; if done then leave x; end if; select v; end loop; close c; end//
create function {schema}.f_text() returns longtext sql security definer reads sql data return (select group_concat({phone}) from {people})//
create function {schema}.f_one(k int) returns varchar(20) sql security definer reads sql data return (select {phone} from {people} where {key} = k)//
create function {schema}.f_count() returns int sql security definer reads sql data return (select count(*) from {people})//
create trigger {schema}.order_check before insert on {orders} for each row begin
    declare who varchar(60); select {name} into who from {people} where {key} = new.{key}; end//
delimiter ;
"""


def build(server: Mariadb, world: World, accounts: Sequence[str]) -> None:
    """Make the company's databases; nothing of it stands in the audit log."""
    server.sql("set global server_audit_logging = off")
    everyone = world.people
    rows: list[tuple[str, list[tuple[object, ...]]]] = [
        ("{people}", [(p.key, *p.values, "ABC"[i % 3], "2024-03-11") for i, p in enumerate(everyone)]),
        ("{leads}", [(p.key, p.name, p.phone, p.email, p.address, "web") for p in world.leads]),
        ("{orders}", [(i, (p := everyone[i % len(everyone)]).key, p.name, p.phone, 1000 * (i % 90), "2024-05-06")
                      for i in range(1, world.orders + 1)]),
        ("{products}", [(i, f"item {i}", 100 * (i % 70), i % 300, "fresh") for i in range(1, world.products + 1)]),
        ("{logs}", [(i, (p := everyone[i % len(everyone)]).key, p.phone, "called", f"{2022 + i % 4}-03-04") for i in range(world.logs)]),
    ]  # fmt: skip
    server.sql(world.fill(SCHEMA))
    with connect(server, "root") as connection, connection.cursor() as cursor:
        for table, values in rows:
            marks = ", ".join(["%s"] * len(values[0]))
            cursor.executemany(world.fill(f"insert into {table} values ({marks})"), values)
        connection.commit()
    server.sql(world.fill(REST))
    analyzed = ", ".join(world.words[name] for name in ("people", "leads", "orders", "products", "logs"))
    grants = "".join(f"create user {a}@localhost; grant all on *.* to {a}@localhost with grant option;" for a in accounts)
    server.sql(f"analyze table {analyzed}; create user w_denied@localhost; create user reader@'127.0.0.1'; "
               f"grant select, show view, execute on *.* to reader@'127.0.0.1'; create user reader@localhost; "
               f"grant select, show view, execute on *.* to reader@localhost; {grants} set global server_audit_logging = on")  # fmt: skip


def connect(server: Mariadb, user: str, database: str | None = None, *, streaming: bool = False) -> pymysql.Connection:
    cursor = pymysql.cursors.SSCursor if streaming else pymysql.cursors.Cursor
    return pymysql.connect(
        unix_socket=str(server.socket), user=user, database=database, charset="utf8mb4", autocommit=True, cursorclass=cursor
    )


@dataclass(frozen=True)
class Place:
    """What an act works with: the server, the world, and the account that marks the act."""

    server: Mariadb
    world: World
    account: str = ""
    folder: Path = Path()  # where the server may write

    @property
    def database(self) -> str:
        return self.world.names["schema"]

    def fill(self, sql: str) -> str:
        return self.world.fill(sql).replace("{out}", str(self.folder / self.account))

    def client(self, sql: str, *, check: bool = True) -> str:
        """The real client, in one connection."""
        return self.server.sql(self.fill(sql), user=self.account, db=self.database, check=check)

    def connect(self, *, streaming: bool = False) -> pymysql.Connection:
        return connect(self.server, self.account, self.database, streaming=streaming)


Do = Callable[[Place], str]


def client(sql: str, *, check: bool = True) -> Do:
    return lambda place: place.client(sql, check=check)


def driver(*statements: str, arguments: Sequence[object] = ()) -> Do:
    """PyMySQL, a statement a round trip; every result set is read."""

    def do(place: Place) -> str:
        found = []
        with place.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                given = [int(place.fill(v)) if isinstance(v, str) and v.startswith("{") else v for v in arguments]
                cursor.execute(place.fill(statement), given or None)
                while True:
                    found.append(lines(cursor.fetchall()))
                    if not cursor.nextset():
                        break
        return "\n".join(found)

    return do


def streamed(sql: str, stop: int = 0) -> Do:
    """PyMySQL's unbuffered cursor; what had arrived when the statement ended, failed or was left."""

    def do(place: Place) -> str:
        found: list[Sequence[object]] = []
        connection = place.connect(streaming=True)
        with contextlib.suppress(pymysql.err.Error):
            cursor = connection.cursor()
            cursor.execute(place.fill(sql))
            while (row := cursor.fetchone()) is not None:
                found.append(row)
                if stop and len(found) >= stop:
                    break
        if stop:
            connection._force_close()  # as a client that is killed would
            result, cursor._result = cursor._result, None
            result.unbuffered_active, result.connection, cursor.connection = False, None, None
        else:
            connection.close()
        return lines(found)

    return do


def program(*command: str) -> Do:
    return lambda place: place.server.run([place.fill(part) for part in command], user=place.account).stdout


def written(do: Do) -> Do:
    """The act's file on the server is what it carried away."""

    def both(place: Place) -> str:
        do(place)
        return (place.folder / place.account).read_text(encoding="utf-8", errors="replace")

    return both
