"""From a URL to a reader. Passwords are in no message."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from scanner.catalog.generic import GenericReader
from scanner.catalog.mysql import MysqlReader
from scanner.catalog.postgres import PostgresReader
from scanner.catalog.reading import CatalogSettings, Reader
from scanner.catalog.sqlite import SqliteReader, open_readonly
from scanner.errors import CatalogError, SourceError
from scanner.remote import engine_for


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
    arguments: dict[str, dict[str, object]] = {
        "postgresql": {"connect_timeout": settings.connect_seconds, "application_name": "vendorwatch catalog"},
        "mysql": {"connect_timeout": settings.connect_seconds, "program_name": "vendorwatch catalog"},
        "mariadb": {"connect_timeout": settings.connect_seconds, "program_name": "vendorwatch catalog"},
    }
    try:
        engine = engine_for(
            parsed, poolclass=sa.pool.QueuePool, pool_size=1, max_overflow=0, connect_args=arguments.get(backend, {})
        )
    except SourceError as error:
        raise CatalogError(f"database {name!r}: {error.message}", error.hint) from None
    if backend == "postgresql":
        return PostgresReader(engine, settings), shown
    return (MysqlReader if backend in ("mysql", "mariadb") else GenericReader)(engine, settings), shown
