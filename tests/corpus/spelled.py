"""Whether other spellings mean the same: statements and their other spellings on live servers, row by row.

A spelling that the server refuses, or that returns other rows, proves nothing about the product: it is a fault of
:mod:`tests.corpus.spelling`. What the log names for each spelling is beside it what ours reads.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import psycopg
import pymysql

from tests.corpus import mariadb, postgres, spelling, statements
from tests.corpus.generate import Writer
from tests.corpus.world import World
from tests.support.mariadb import Mariadb
from tests.support.postgres import Postgres

_ASKS = re.compile(r"(?i)[\s(]*(?:select|with|table|values)\b")
_VARIES = re.compile(
    r"(?i)into|delete|update|insert|now\(|lo_|notify|pg_read|dblink|slot|sleep|for update|explain|pg_|create|backend|tablesample|f_loop"
)


@dataclass
class Meaning:
    """How many spellings were tried, and those that mean something else."""

    engine: str
    tried: int = 0
    left: int = 0  # the original itself failed
    differing: list[tuple[str, str, str]] = field(default_factory=list)  # original, spelling, what happened

    def line(self) -> str:
        """The figures on one line."""
        return f"{self.engine}: {self.tried:,} spellings on a live server, {len(self.differing)} mean something else"


def texts(world: World, seed: int, count: int, *, mysql: bool) -> Iterator[str]:
    """The corpus's queries, then generated ones."""
    own = statements.of_mariadb(world) if mysql else statements.of_postgres(world)
    asking = [t for t in own if _ASKS.match(t) and not _VARIES.search(t)]
    made = (t for t in Writer(world, seed, mysql=mysql).statements() if _ASKS.match(t))
    yield from islice(asking, count)
    yield from islice(made, max(0, count - len(asking)))


def on_postgresql(seed: int, count: int) -> Meaning:
    """``count`` statements and one other spelling of each on PostgreSQL."""
    world = World.make(seed, scale=0.06)
    found = Meaning("PostgreSQL")
    rng = random.Random(seed)
    with Postgres() as server:
        server.psql(postgres.ROLES)
        server.psql("create database w")
        postgres.build(server, world, "w")
        with psycopg.connect(
            server.dsn(postgres.VENDOR, "w", "spelled"), autocommit=True, cursor_factory=psycopg.ClientCursor
        ) as link:
            link.execute("set statement_timeout = 4000")
            link.execute(world.fill("set search_path = {schema}, public"))  # type: ignore[call-overload]
            for text in texts(world, seed, count, mysql=False):
                spelled = spelling.postgres(text, rng, (world.names["people"], "from " + world.names["products"]))
                _compare(found, text, spelled, lambda sql: link.execute(sql).fetchall(), link.execute, "reset standard_conforming_strings",
                         psycopg.Error)  # fmt: skip
    return found


def on_mariadb(seed: int, count: int) -> Meaning:
    """The same on MariaDB."""
    world = World.make(seed, quote="`", scale=0.06)
    found = Meaning("MariaDB")
    rng = random.Random(seed)
    columns = {c.name for t in statements.catalogue(world, mysql=True).tables.values() for c in t.columns if len(c.name) > 2}
    with Mariadb() as server:
        mariadb.build(server, world, ["loader"])
        with mariadb.connect(server, "loader", world.names["schema"]) as link, link.cursor() as cursor:

            def run(sql: str) -> Sequence[Any]:
                cursor.execute(sql.replace("%", "%%"), ())
                rows = cursor.fetchall()
                while cursor.nextset():
                    pass
                return rows

            run("set max_statement_time = 4")
            run("set @plain = @@sql_mode")
            for text in texts(world, seed, count, mysql=True):
                spelled = spelling.mariadb(text, rng, columns, (world.names["people"], "from " + world.names["products"]))
                _compare(found, text, spelled, run, run, "set sql_mode = @plain", pymysql.Error)
    return found


def _compare(found: Meaning, text: str, spelled: spelling.Spelled, ask: Any, run: Any, undo: str, error: type[Exception]) -> None:
    try:
        original = ask(text)
    except error:
        found.left += 1
        return
    found.tried += 1
    try:
        for setting in spelled.settings:
            run(setting)
        other = ask(spelled.text)
    except error as failed:
        found.differing.append((text, spelled.text, f"{spelled.settings} {failed}"))
        return
    finally:
        if spelled.settings:
            run(undo)
    if sorted(map(str, original)) != sorted(map(str, other)):
        found.differing.append((text, spelled.text, f"{spelled.settings} {len(original)} rows, {len(other)} rows"))
