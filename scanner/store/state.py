"""The state database: positions, ledger of batches, sessions, shapes, catalogue, habits, findings, tokens.

SQLite in WAL mode by default; PostgreSQL when several hosts share it. Schema changes go through Alembic migrations in
``migrations/``; :func:`open_state` upgrades on opening. Everything is addressed through SQLAlchemy Core.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from scanner.errors import StoreError
from scanner.store import tables as t
from scanner.store.migrations import HEAD

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

_CHUNK = 500


def now() -> str:
    """The present as the state database writes it."""
    return iso(datetime.now(UTC))


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds: sorts as text in time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def open_state(url: str) -> Engine:
    """Open the state database at a SQLAlchemy ``url``, create or upgrade its tables, and return the engine.

    Raises :class:`StoreError` when it cannot be opened, or was written by a newer version.
    """
    parsed = make_url(url)
    try:
        if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, pool_pre_ping=parsed.get_backend_name() != "sqlite")
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        try:
            with engine.begin() as connection:
                _upgrade(connection)
        except BaseException:
            engine.dispose()
            raise
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise StoreError(
            f"cannot open the state database {parsed.render_as_string(hide_password=True)}: {reason}",
            "check data_dir or state_url, its permissions and free space",
        ) from error
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a ledger that forgets its last entry at a power cut is no ledger
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA busy_timeout=30000")


def _upgrade(connection: Connection) -> None:
    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.execute(text("select version_num from alembic_version")).scalar()
    if current == HEAD:
        return  # the usual case does without loading Alembic
    from alembic import command
    from alembic.config import Config as AlembicConfig
    from alembic.script import ScriptDirectory

    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StoreError(
            f"the state database is at revision {current}, which this version does not know",
            "it was written by a newer vendorwatch: upgrade the program",
        )
    command.upgrade(config, "head")


def _insert(connection: Connection) -> Callable[[Table], sqlite.Insert | postgresql.Insert]:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # not loaded where SQLite is used

        return postgresql.insert
    return sqlite.insert


def upsert(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]], *, keep: Sequence[str] = ()) -> None:
    """Insert rows, replacing what stands under the same primary key, except the columns in ``keep``."""
    batch = list(rows)
    if not batch:
        return
    keys = [c.name for c in table.primary_key.columns]
    insert = _insert(connection)
    for start in range(0, len(batch), _CHUNK):
        part = batch[start : start + _CHUNK]
        statement = insert(table)
        changed = {
            c.name: statement.excluded[c.name]
            for c in table.columns
            if c.name not in keys and c.name not in keep and c.name in part[0]
        }
        done = (
            statement.on_conflict_do_update(index_elements=keys, set_=changed) if changed else statement.on_conflict_do_nothing()
        )
        connection.execute(done, [dict(row) for row in part])


def insert_new(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows whose primary key is not there yet; leave the others as they are."""
    batch = [dict(row) for row in rows]
    insert = _insert(connection)
    for start in range(0, len(batch), _CHUNK):
        connection.execute(insert(table).on_conflict_do_nothing(), batch[start : start + _CHUNK])


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading; database errors become :class:`StoreError`."""
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"cannot read the state database: {type(error).__name__}", "run `vendorwatch doctor`") from error


def table_names(engine: Engine) -> list[str]:
    """Tables that are there, for ``doctor``."""
    return inspect(engine).get_table_names()


def rows(connection: Connection, table: Table, **equal: Any) -> list[dict[str, Any]]:
    """Rows of ``table`` whose columns equal the given values, as dictionaries."""
    statement = select(table)
    for name, value in equal.items():
        statement = statement.where(table.c[name] == value)
    return [dict(row._mapping) for row in connection.execute(statement)]


__all__ = ["insert_new", "iso", "now", "open_state", "reading", "rows", "t", "table_names", "upsert"]


def newest_event(state: Engine) -> datetime | None:
    """When the newest stored event happened, or now, where a log is ahead of time; None without events."""
    with reading(state) as connection:
        newest = connection.execute(select(func.max(t.batch.c.last_event))).scalar()
    return None if newest is None else min(datetime.fromisoformat(newest), datetime.now(UTC))


def known_accounts(state: Engine) -> list[str]:
    """Every database account that has been seen in a log, sorted."""
    with reading(state) as connection:
        return sorted({row.account for row in connection.execute(select(t.habit_account.c.account))})
