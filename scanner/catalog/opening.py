"""From a URL to a reader, and from an engine's errors to plain sentences. Passwords are in neither."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from scanner.catalog.generic import GenericReader
from scanner.catalog.mysql import MysqlReader
from scanner.catalog.postgres import PostgresReader
from scanner.catalog.reading import CatalogSettings, Reader
from scanner.catalog.sqlite import SqliteReader, open_readonly
from scanner.errors import CatalogError
from scanner.remote import with_driver


def open_reader(name: str, url: str, settings: CatalogSettings) -> tuple[Reader, str]:
    """The reader for a URL, and the URL without its password."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise CatalogError(
            f"database {name!r}: the url is not one", "write it as postgresql+psycopg://account@host/database"
        ) from None
    shown = parsed.render_as_string(hide_password=True)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        path = Path(parsed.database or "")
        if not path.is_file():
            raise CatalogError(f"database {name!r}: no SQLite file at {path}", "check the url in the configuration")
        return SqliteReader(open_readonly(path, settings.connect_seconds), settings, path), shown
    parsed = with_driver(parsed)
    arguments: dict[str, dict[str, object]] = {
        "postgresql": {"connect_timeout": settings.connect_seconds, "application_name": "vendorwatch catalog"},
        "mysql": {"connect_timeout": settings.connect_seconds, "program_name": "vendorwatch catalog"},
        "mariadb": {"connect_timeout": settings.connect_seconds, "program_name": "vendorwatch catalog"},
    }
    try:
        engine = sa.create_engine(
            parsed, poolclass=sa.pool.QueuePool, pool_size=1, max_overflow=0, connect_args=arguments.get(backend, {})
        )
    except (NoSuchModuleError, ImportError):
        known = "postgresql+psycopg://, mysql+pymysql:// and sqlite:/// come along; others need their package"
        raise CatalogError(f"database {name!r} ({shown}): its driver is not installed", known) from None
    if backend == "postgresql":
        return PostgresReader(engine, settings), shown
    return (MysqlReader if backend in ("mysql", "mariadb") else GenericReader)(engine, settings), shown


def plain(error: BaseException) -> str:
    """The engine's own first sentence; never the statement, its parameters, or a password."""
    origin = getattr(error, "orig", None) or error
    text = str(origin).strip().splitlines()[0] if str(origin).strip() else type(origin).__name__
    return text[:300]


def hint(error: BaseException) -> str:
    """What to do about an engine's error."""
    text = str(getattr(error, "orig", None) or error).lower()
    for word, advice in (
        ("permission denied", "grant the catalogue account SELECT on it"),
        ("password", "check the account and its password in the configuration"),
        ("authentication", "check the account and pg_hba.conf"),
        ("command denied", "grant the catalogue account SELECT on it"),
        ("access denied", "check the account and its password in the configuration, and the hosts it may come from"),
        ("does not exist", "it was dropped or renamed meanwhile; the next scan will show"),
        ("doesn't exist", "it was dropped or renamed meanwhile; the next scan will show"),
        ("lock timeout", "somebody held a lock; the next scan tries again"),
        ("lock wait timeout", "somebody held a lock; the next scan tries again"),
        ("max_statement_time", "raise the catalogue's statement limit, or scan at a quieter hour"),
        ("execution time exceeded", "raise the catalogue's statement limit, or scan at a quieter hour"),
        ("statement timeout", "raise the catalogue's statement limit, or scan at a quieter hour"),
        ("refused", "is the server running, and does it listen there?"),
        ("could not translate", "check the host name"),
        ("resolve", "check the host name"),
        ("timeout", "check host, port and firewall"),
    ):
        if word in text:
            return advice
    return "see the server's log"
