"""The made-up company on a real PostgreSQL, and the clients through which acts are done."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.corpus.portal import Portal
from tests.corpus.world import World
from tests.support.postgres import Postgres

VENDOR, SUPER, OWNER, REPLICA = "v_app", "v_dba", "c_owner", "v_repl"
VARIANTS = {  # what the log says, as settings of a database
    "relations_rows": {"pgaudit.log_relation": "on", "pgaudit.log_rows": "on"},
    "rows": {"pgaudit.log_relation": "off", "pgaudit.log_rows": "on"},
    "relations": {"pgaudit.log_relation": "on", "pgaudit.log_rows": "off"},
    "bare": {"pgaudit.log_relation": "off", "pgaudit.log_rows": "off"},
}

ROLES = f"""
create role {OWNER} nologin; create role {VENDOR} login; create role {SUPER} login superuser; create role {REPLICA} login replication;
create role v_other login; create role vw_reader login; grant pg_read_all_data to vw_reader;
grant {OWNER} to {VENDOR} with admin option; alter role {VENDOR} noinherit; alter role {VENDOR} createrole;
grant pg_read_server_files, pg_write_server_files, pg_execute_server_program to {VENDOR};
alter role {VENDOR} inherit;
"""

SCHEMA = """
create extension dblink; create extension postgres_fdw; create extension tablefunc; create extension hstore;
create extension pgcrypto; create extension file_fdw;
create schema {schema}; create schema {side};
create table {people} ({key} int primary key, {name} varchar(60), {phone} varchar(20), {email} varchar(80), {rrn} varchar(14),
    {addr} varchar(200), grade text, reg_dt date);
create table {leads} (lead_id int primary key, {name} text, {phone} text, {email} text, {addr} text, source text);
create table {orders} (ord_id int primary key, {key} int not null references {people}, {name} varchar(60), {phone} varchar(20),
    amount int, odr_dt date);
create table {products} (prd_no int primary key, prd_nm text, price int, stock int, note text);
create table {logs} (log_id int, {key} int, {phone} varchar(20), memo text, at date) partition by range (at);
create table {side}.logs_old partition of {logs} for values from ('2000-01-01') to ('2024-01-01');
create table {side}.logs_new partition of {logs} for values from ('2024-01-01') to ('2100-01-01');
create table {side}.empty_people (like {people});
create table {side}.spool (n serial, t text);
"""

REST = """
create view {schema}.v_people as select {key}, {name} as nm, {phone} as tel, grade from {people};
create view {schema}.v_masked as select {key}, left({name}, 1) || '**' as nm, '***-****-' || right({phone}, 4) as tel from {people};
create view {schema}.v_orders as select o.ord_id, o.amount, m.{name}, m.{email} from {orders} o join {people} m using ({key});
create view {schema}.v_stats as select grade, count(*) as n from {people} group by grade;
create materialized view {schema}.mv_people as select {key} as k, {name} as a, {phone} as b from {people};
create function {schema}.f_all() returns setof {people} language sql security definer as 'select * from {people}';
create function {schema}.f_some(n int) returns table (nm text, tel text) language plpgsql security definer as
    $$begin return query select m.{name}::text, m.{phone}::text from {people} m order by m.{key} limit n; end$$;
create function {schema}.f_loop() returns setof text language plpgsql as
    $$declare r record; begin for r in select * from {people} loop return next r.{name} || '|' || r.{phone}; end loop; end$$;
create function {schema}.f_text() returns text language sql security definer as 'select string_agg({phone}, '','') from {people}';
create function {schema}.f_one(k int) returns text language sql stable security definer as
    'select {phone}::text from {people} where {key} = k';
create function {schema}.f_count() returns bigint language sql security definer as 'select count(*) from {people}';
create function {schema}.f_known(p text) returns boolean language sql security definer as
    'select exists (select 1 from {people} where {phone} = p)';
create function {schema}.f_run(q text) returns setof text language plpgsql as
    $$begin return query execute q; end$$;
create procedure {schema}.p_say() language plpgsql as
    $$declare r record; begin for r in select {name} nm, {phone} tel from {people} loop raise notice '%|%', r.nm, r.tel; end loop; end$$;
create procedure {schema}.p_tidy() language plpgsql as $$begin update {people} set grade = grade where {key} < 0; end$$;
create function {schema}.t_check() returns trigger language plpgsql as
    $$declare who text; begin select {name} into who from {people} where {key} = new.{key};
    if who is null then raise exception 'nobody'; end if; return new; end$$;
create trigger order_check before insert on {orders} for each row execute function {schema}.t_check();
create table {side}.children () inherits ({leads});
alter table {people} owner to c_owner; alter table {orders} owner to c_owner; alter table {leads} owner to c_owner;
alter table {products} owner to c_owner; alter table {logs} owner to c_owner;
alter schema {schema} owner to c_owner;
grant all on schema {schema}, {side}, public to v_app, v_other; grant all on all tables in schema {schema}, {side} to v_app;
grant all on all sequences in schema {schema}, {side} to v_app;
analyze;
"""


def build(server: Postgres, world: World, dbname: str) -> None:
    """Make the company's database; nothing of it stands in the log."""
    with psycopg.connect(server.dsn(dbname=dbname), autocommit=True) as connection:
        connection.execute("set pgaudit.log = 'none'")
        connection.execute(world.fill(SCHEMA))  # type: ignore[call-overload]
        rng = random.Random(world.seed + 1)
        fill = _Filler(connection, world)
        fill("{people}", ((*_row(p), rng.choice("ABC"), f"2024-{rng.randrange(1, 13):02d}-11") for p in world.people))
        fill("{leads}", ((p.key, p.name, p.phone, p.email, p.address, "web") for p in world.leads))
        everyone = world.people
        by_order = [everyone[i % len(everyone)] for i in range(world.orders)]
        fill("{orders}", ((i, p.key, p.name, p.phone, 1000 * (i % 90), "2024-05-06") for i, p in enumerate(by_order, 1)))
        fill("{products}", ((i, f"item {i}", 100 * (i % 70), i % 300, "fresh") for i in range(1, world.products + 1)))
        fill("{logs}", ((i, (p := everyone[i % len(everyone)]).key, p.phone, "called", f"{2022 + i % 4}-03-04")
                        for i in range(world.logs)))  # fmt: skip
        connection.execute(world.fill(REST))  # type: ignore[call-overload]


def _row(p: object) -> tuple[object, ...]:
    return tuple(getattr(p, name) for name in ("key", "name", "phone", "email", "rrn", "address"))


@dataclass(frozen=True)
class _Filler:
    connection: psycopg.Connection
    world: World

    def __call__(self, table: str, rows: object) -> None:
        with self.connection.cursor() as cursor, cursor.copy(self.world.fill(f"copy {table} from stdin")) as copy:  # type: ignore[arg-type]
            for row in rows:  # type: ignore[attr-defined]
                copy.write_row(row)


@dataclass(frozen=True)
class Site:
    """What an act works with: the server, one of its databases, the world, and the application name that marks the act."""

    server: Postgres
    dbname: str
    world: World
    app: str = ""
    folder: Path = Path()  # where the server may write

    def fill(self, sql: str) -> str:
        return self.world.fill(sql).replace("{out}", str(self.folder / self.app)).replace("{db}", self.dbname).replace(
            "{port}", str(self.server.port))  # fmt: skip

    def psql(self, sql: str, user: str = VENDOR, *, check: bool = True) -> str:
        done = self.server.run(
            ["psql", "-XqAt", *(["-v", "ON_ERROR_STOP=1"] if check else []), "-f", "-"],
            user=user, dbname=self.dbname, app=self.app, stdin=self.fill(sql), check=check,
        )  # fmt: skip
        return done.stdout + done.stderr

    def connect(self, user: str = VENDOR, **more: object) -> psycopg.Connection:
        return psycopg.connect(self.server.dsn(user, self.dbname, self.app), autocommit=True, **more)  # type: ignore[arg-type]

    def run(self, command: Sequence[str], user: str = VENDOR, *, check: bool = True) -> str:
        done = self.server.run([self.fill(part) for part in command], user=user, dbname=self.dbname, app=self.app, check=check)
        return done.stdout


Do = Callable[[Site], str]


def lines(rows: Sequence[Sequence[object]]) -> str:
    """Rows as text, values joined by ``|``."""
    return "\n".join("|".join("" if v is None else str(v) for v in row) for row in rows)


def psql(sql: str, user: str = VENDOR, *, check: bool = True) -> Do:
    return lambda site: site.psql(sql, user, check=check)


def simple(*statements: str, user: str = VENDOR) -> Do:
    """One session of psycopg with the simple protocol, a statement a round trip."""

    def do(site: Site) -> str:
        found = []
        with site.connect(user, cursor_factory=psycopg.ClientCursor) as connection:
            for statement in statements:
                cursor = connection.execute(site.fill(statement))  # type: ignore[call-overload]
                while True:
                    if cursor.description:
                        found.append(lines(cursor.fetchall()))
                    if not cursor.nextset():
                        break
        return "\n".join(found)

    return do


def streamed(sql: str, before: str = "") -> Do:
    """Rows one by one as they arrive, until the statement ends or fails; what had been received by then."""

    def do(site: Site) -> str:
        found: list[Sequence[object]] = []
        with site.connect() as connection, connection.cursor() as cursor, contextlib.suppress(psycopg.Error):
            if before:
                cursor.execute(before)  # type: ignore[arg-type]
            found.extend(cursor.stream(site.fill(sql)))  # type: ignore[arg-type]
        return lines(found)

    return do


def extended(sql: str, *parameter_sets: Sequence[object], prepare: bool = False, user: str = VENDOR) -> Do:
    """psycopg's ordinary way: parse, bind, execute, once for each set of parameters."""

    def do(site: Site) -> str:
        found = []
        with site.connect(user) as connection:
            for parameters in parameter_sets or [()]:
                values = [int(site.fill(v)) if isinstance(v, str) and v.startswith("{") else v for v in parameters]
                cursor = connection.execute(site.fill(sql), values or None, prepare=prepare or None)  # type: ignore[call-overload]
                if cursor.description:
                    found.append(lines(cursor.fetchall()))
        return "\n".join(found)

    return do


def named(sql: str, size: int = 200, *, scrollable: bool = False, hold: bool = False, stop: int = 0) -> Do:
    """psycopg's server-side cursor."""

    def do(site: Site) -> str:
        found: list[Sequence[object]] = []
        with site.connect() as connection:
            connection.autocommit = False
            with connection.cursor(name="walk", scrollable=scrollable, withhold=hold) as cursor:
                cursor.itersize = size
                cursor.execute(site.fill(sql))  # type: ignore[call-overload]
                while part := cursor.fetchmany(size):
                    found += part
                    if stop and len(found) >= stop:
                        break
        return lines(found)

    return do


def portal(sql: str, size: int, *parameters: str, between: Sequence[str] = ()) -> Do:
    def do(site: Site) -> str:
        client = Portal(site.server.port, VENDOR, site.dbname, site.app)
        try:
            given = [site.fill(p) for p in parameters]
            return "\n".join(client.batches(site.fill(sql), size, given, [site.fill(b) for b in between]))
        finally:
            client.close()

    return do


def copy(sql: str, *parameters: object) -> Do:
    """COPY TO STDOUT through psycopg."""

    def do(site: Site) -> str:
        with site.connect() as connection, connection.cursor() as cursor, cursor.copy(site.fill(sql), parameters or None) as out:  # type: ignore[arg-type]
            return b"".join(bytes(part) for part in out).decode()

    return do


def program(*command: str, user: str = VENDOR) -> Do:
    return lambda site: site.run(command, user)


def written(do: Do) -> Do:
    """The act's file on the server is what it carried away."""

    def both(site: Site) -> str:
        do(site)
        return (site.folder / site.app).read_text(encoding="utf-8", errors="replace")

    return both
