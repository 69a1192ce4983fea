"""A generated load on live servers: every statement parsed or explained, and the relations it reads beside those the log names."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import psycopg
import pyarrow.compute as pc
import pymysql

from scanner import lineage
from scanner.config import load_config
from scanner.events import LAST_SCHEMA
from scanner.front import Task, pieces
from scanner.model import Kind, Schema, SourceNotice, TableRef
from scanner.pipeline import Workspace, catalog_scan
from scanner.sources.base import SLICE_BYTES
from tests.corpus import mariadb, postgres
from tests.corpus.generate import Writer
from tests.corpus.world import World
from tests.pipeline.company import write_config
from tests.support.mariadb import Mariadb
from tests.support.postgres import Postgres

_SYSTEM = ("pg_catalog", "information_schema", "mysql", "performance_schema", "sys", "pg_toast")


@dataclass
class Agreement:
    """What came of a load on one engine."""

    engine: str
    executed: int = 0
    refused: int = 0  # by the server: a fault of the generator
    shapes: int = 0
    unexplained: list[str] = field(default_factory=list)
    compared: int = 0
    differing: list[tuple[str, set[str], set[str]]] = field(default_factory=list)  # statement, ours, the log's
    seconds: float = 0.0

    @property
    def agreeing(self) -> float:
        return 1 - len(self.differing) / self.compared if self.compared else 0.0

    def line(self) -> str:
        """The figures on one line."""
        return (
            f"{self.engine}: {self.executed:,} statements ({self.refused} refused), {self.shapes:,} shapes, "
            f"{len(self.unexplained)} not understood, relations agree with the log's on {100 * self.agreeing:.2f} % "
            f"of {self.compared:,}; {self.seconds:.0f} s"
        )


def on_postgresql(seed: int, count: int, folder: Path) -> Agreement:
    """``count`` generated statements on PostgreSQL with ``log_relation``."""
    started = time.monotonic()
    world = World.make(seed, scale=0.06)
    found = Agreement("PostgreSQL")
    with Postgres() as server:
        server.psql(postgres.ROLES)
        server.psql("create database w")
        postgres.build(server, world, "w")
        config = {
            "url": server.url("vw_reader", "w"),
            "audit": [{"type": "postgres_csvlog", "path": server.log_glob(), "time_zone": "UTC"}],
        }
        schema = _schema(config, folder)
        with psycopg.connect(
            server.dsn(postgres.VENDOR, "w", "load"), autocommit=True, cursor_factory=psycopg.ClientCursor
        ) as connection:
            connection.execute("set statement_timeout = 4000")
            for statement in islice(Writer(world, seed).statements(), count):
                try:
                    if statement.startswith("copy"):
                        with connection.cursor() as cursor, cursor.copy(statement) as out:  # type: ignore[arg-type]
                            for _ in out:
                                pass
                    else:
                        connection.execute(statement)  # type: ignore[call-overload]
                    found.executed += 1
                except psycopg.Error:
                    found.refused += 1
        server.settle()
        for path in server.log_files():
            task = _task("postgres_csvlog", path, "postgresql")
            _compare(found, task, schema, "postgresql")
    found.seconds = time.monotonic() - started
    return found


def on_mariadb(seed: int, count: int, folder: Path) -> Agreement:
    """``count`` generated statements on MariaDB with server_audit's TABLE events."""
    started = time.monotonic()
    world = World.make(seed, quote="`", scale=0.06)
    found = Agreement("MariaDB")
    with Mariadb({"server-audit-query-log-limit": 65536}) as server:
        mariadb.build(server, world, ["loader"])
        config = {
            "url": f"mysql+pymysql://reader@127.0.0.1:{server.port}/{world.names['schema']}",
            "engine": "mariadb",
            "audit": [{"type": "mariadb_server_audit", "path": str(server.audit_log)}],
        }
        schema = _schema(config, folder)
        with mariadb.connect(server, "loader", world.names["schema"]) as connection, connection.cursor() as cursor:
            cursor.execute("set max_statement_time = 4")
            for statement in islice(Writer(world, seed, mysql=True).statements(), count):
                try:
                    cursor.execute(statement.replace("%", "%%"), ())
                    cursor.fetchall()
                    found.executed += 1
                except pymysql.Error:
                    found.refused += 1
        server.settle()
        _compare(found, _task("mariadb_server_audit", server.audit_log, "mariadb"), schema, "mariadb")
    found.seconds = time.monotonic() - started
    return found


def _task(kind: str, path: Path, dialect: str) -> Task:
    return Task(kind, str(path), "UTC", (), SLICE_BYTES, LAST_SCHEMA.empty_table(), dialect=dialect)


def _schema(database: dict[str, object], folder: Path) -> Schema:
    document = {"data_dir": str(folder / "data"), "time_zone": "UTC", "databases": {"w": database}, "vendors": {}}
    workspace = Workspace.open(load_config(write_config(folder, document)))
    return catalog_scan(workspace, "w").schema


def _compare(found: Agreement, task: Task, schema: Schema, dialect: str) -> None:
    keys: set[str] = set()
    for piece in pieces(task, own_process=False):
        if isinstance(piece, SourceNotice):
            raise RuntimeError(piece.reason)  # noqa: TRY004 - not a matter of types
        acts = piece.acts
        column = "app_name" if dialect == "postgresql" else "account"
        acts = acts.filter(pc.equal(acts[column], "load" if dialect == "postgresql" else "loader")).combine_chunks()
        keys.update(acts["shape"].to_pylist())
        for act in acts.select(["kind", "statement", "logged", "command", "audit_class", "dbname", "returned_rows"]).to_pylist():
            if act["statement"] is None or act["kind"] != "audit" or act["audit_class"] == "FUNCTION":
                continue
            path = (act["dbname"],) if dialect == "mariadb" and act["dbname"] else ()
            made = lineage.analyze(act["statement"], schema, command=act["command"] or "", search_path=path, dialect=dialect)
            if made.kind is Kind.UNPARSED or made.unknown:
                found.unexplained.append(act["statement"])
            ours = {*made.tables, *([made.written] if made.written else [])}
            theirs = {_ref(name) for name in act["logged"].split("\x1f") if name}
            if theirs and made.kind not in (Kind.EXPLAIN, Kind.SET):
                found.compared += 1
                a, b = _bare(ours, schema), _bare(theirs, schema)
                if a != b:
                    found.differing.append((act["statement"], a, b))
    found.shapes += len(keys)


def _ref(name: str) -> TableRef:
    from scanner.lineage.names import logged_relation

    return logged_relation(name)


def _bare(refs: Iterable[TableRef], schema: Schema) -> set[str]:
    """Names of relations that hold rows: views, sequences and the server's own left out, parts under their parent's name."""
    known = schema.tables
    return {
        str(known[ref].parent or ref) if ref in known else str(ref)
        for ref in refs
        if ref.schema not in _SYSTEM and not (ref in known and known[ref].kind == "view") and not ref.name.endswith("_seq")
    }
