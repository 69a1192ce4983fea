"""Somebody else's database, opened to be read: one connection, read-only, with limits on time.

Used for what is read by SQL: the catalogue, audit tables, row counts, settings. Neither URL nor password appears in an error;
what a driver says is cut to its first line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from scanner.config_values import PACKAGES
from scanner.errors import SourceError

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 120

_CONNECT_ARGUMENTS: dict[str, dict[str, Any]] = {
    "psycopg": {"connect_timeout": CONNECT_SECONDS, "application_name": "vendorwatch"},
    "pymysql": {"connect_timeout": CONNECT_SECONDS},
    "pyodbc": {"timeout": CONNECT_SECONDS},
    "oracledb": {"tcp_connect_timeout": CONNECT_SECONDS},
    "snowflake": {"login_timeout": CONNECT_SECONDS},
}


def safe_url(url: str) -> str:
    """A URL as people may see it: account, host and database. A text that is no URL is not repeated."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        return "(not a URL)"
    return sa.URL.create(parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database).render_as_string()


def with_driver(url: sa.URL) -> sa.URL:
    """The URL with the drivers that are installed, where it names none."""
    default = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
    return url.set(drivername=default.get(url.drivername, url.drivername))


def driver_name(url: sa.URL) -> str:
    """The driver that the URL names or its dialect would take; "" when that is not installed."""
    try:
        return with_driver(url).get_driver_name()
    except (NoSuchModuleError, ImportError):
        return ""


def engine_for(url: sa.URL, **options: Any) -> sa.Engine:
    """SQLAlchemy's engine; nothing is connected yet. Raises :class:`SourceError` that names the package of a missing driver."""
    try:
        return sa.create_engine(with_driver(url), **options)
    except (NoSuchModuleError, ImportError):
        package = PACKAGES.get(url.get_backend_name(), "")
        advice = f"pip install '{package}'" if package else "install the package that has its SQLAlchemy dialect and driver"
        shown = safe_url(url.render_as_string(hide_password=False))
        raise SourceError(f"{shown}: its driver is not installed", advice) from None


def reason(error: BaseException) -> str:
    """The driver's own first sentence; never a statement, its values or a password."""
    origin = getattr(error, "orig", None) or error
    text = " ".join(str(part) for part in origin.args[-1:]) if isinstance(origin, Exception) and origin.args else str(origin)
    lines = text.strip().splitlines()
    return lines[0][:300] if lines else type(origin).__name__


def open_remote(url: str, *, statement_seconds: int = STATEMENT_SECONDS) -> sa.Engine:
    """An engine whose connections read only and end statements after ``statement_seconds``. Nothing is connected yet.

    Raises :class:`SourceError` for what is no URL and for a driver that is not installed.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise SourceError("the url is not one", "write it as dialect+driver://account@host/database") from None
    arguments = _CONNECT_ARGUMENTS.get(driver_name(parsed), {})
    engine = engine_for(parsed, poolclass=NullPool, connect_args=arguments)
    sa.event.listen(engine, "connect", _limits(engine.dialect.name, statement_seconds))
    return engine


@contextmanager
def reading(url: str, *, statement_seconds: int = STATEMENT_SECONDS) -> Iterator[sa.Connection]:
    """A connection that reads. Raises :class:`SourceError` for whatever the database or its driver complains of."""
    engine = open_remote(url, statement_seconds=statement_seconds)
    try:
        with engine.connect() as connection:
            yield connection
    except (SQLAlchemyError, OSError) as error:
        raise SourceError(f"{safe_url(url)}: {reason(error)}", hint(error)) from None
    finally:
        engine.dispose()


def hint(error: BaseException) -> str:
    """What to do about what a database complains of."""
    text = str(getattr(error, "orig", None) or error).lower()
    for words, advice in (
        (
            ("denied for user", "access denied for user", "login failed", "authentication", "ora-01017", "password"),
            "check the account and its password in the configuration, and the hosts it may come from",
        ),
        (
            ("denied", "permission", "ora-00942", "ora-01031", "not authorized"),
            "grant the account SELECT on it (the guide's page has the statements)",
        ),
        (("lock timeout", "lock wait timeout"), "somebody held a lock; the next scan tries again"),
        (
            ("statement timeout", "execution time exceeded", "max_statement_time", "ora-03156", "interrupted"),
            "raise the limit on statements, or scan at a quieter hour",
        ),
        (
            ("no such table", "doesn't exist", "does not exist", "invalid object"),
            "it was dropped or renamed meanwhile, or never set up (the guide's page tells); the next scan will show",
        ),
        (("refused",), "is the server running, and does it listen there?"),
        (("resolve", "translate", "unreachable", "lookup", "timeout", "timed out"), "check host, port and firewall"),
    ):
        if any(word in text for word in words):
            return advice
    return "see the server's own log" if isinstance(error, DBAPIError) else "check the url in the configuration"


def _limits(dialect: str, seconds: int) -> Callable[[Any, Any], None]:
    """What is done to every new connection. The statements are constants, their one value a number."""

    def run(connection: Any, *statements: str) -> None:
        cursor = connection.cursor()
        try:
            for statement in statements:
                cursor.execute(statement)
        finally:
            cursor.close()

    def limit(connection: Any, _record: Any) -> None:
        if dialect == "postgresql":
            run(connection, f"SET statement_timeout = {seconds * 1000:d}", "SET default_transaction_read_only = on")
            connection.commit()
        elif dialect in ("mysql", "mariadb"):
            run(connection, "SET SESSION TRANSACTION READ ONLY")
            try:
                run(connection, f"SET SESSION max_statement_time = {seconds:d}")
            except Exception:  # noqa: BLE001 - whatever class the driver has for it: MySQL calls the setting another name
                run(connection, f"SET SESSION max_execution_time = {seconds * 1000:d}")
        elif dialect == "mssql":
            connection.timeout = seconds
        elif dialect == "oracle":
            connection.call_timeout = seconds * 1000
        elif dialect == "snowflake":
            run(connection, f"ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {seconds:d}")
        elif dialect == "sqlite":
            run(connection, "PRAGMA query_only = ON")
            until = time.monotonic() + seconds
            connection.set_progress_handler(lambda: int(time.monotonic() > until), 100_000)

    return limit


__all__ = [
    "CONNECT_SECONDS",
    "STATEMENT_SECONDS",
    "driver_name",
    "engine_for",
    "hint",
    "open_remote",
    "reading",
    "reason",
    "safe_url",
    "with_driver",
]
