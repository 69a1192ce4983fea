"""The ``audit:`` and ``canaries:`` entries of a database: where a log is, what its kind must be told, which rows are bait."""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from sqlalchemy.engine import make_url

from scanner.config_prefix import DEFAULT_PREFIX, PrefixError, parse_prefix
from scanner.config_values import (
    SOURCE_TYPES,
    SQL_SOURCES,
    TablePattern,
    TimeZone,
    Url,
    as_list,
    closest,
    hide_secrets,
    path_text,
    wrong,
)


class Model(BaseModel):
    """What all parts of the configuration have in common."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )


# Keys of one kind of source or of a few: no other may have them.
_OWN: dict[str, tuple[str, ...]] = {
    "files": ("sqlserver_audit",),
    "table": ("sqlserver_audit", "oracle_unified"),
    "views": ("snowflake",),
    "overlap": SQL_SOURCES,
    "keep_days": SQL_SOURCES,
}


_ROW_COUNTS = {
    "mariadb_server_audit": "performance_schema",
    **dict.fromkeys(("postgres_csvlog", "postgres_jsonlog", "postgres_stderr"), "pg_stat_statements"),
}


class AuditSource(Model):
    """Where one audit log is. ``path`` is a glob; ``time_zone`` is that of times logged without one."""

    type: str
    path: Annotated[str, BeforeValidator(path_text)] = ""  # a file or glob; none for a source that is read by SQL
    time_zone: TimeZone | None = None
    log_line_prefix: str | None = None  # of postgres_stderr: the server's setting; PostgreSQL's own default when left out
    query_log_limit: int | None = Field(default=None, ge=0)  # of mariadb_server_audit: the setting of that name; 1024 if left out
    slow_log: Annotated[str, BeforeValidator(path_text), Field(min_length=1)] | None = None  # of mariadb_server_audit: row counts
    row_counts: str | None = None  # where true row counts are asked for, at ``url``; see _ROW_COUNTS
    url: Url | None = None  # of what is asked by SQL; the database's own when left out
    files: str | None = None  # of sqlserver_audit: the audit's files as the server names them
    table: str | None = None  # of sqlserver_audit and oracle_unified: a table or view to read instead
    views: str | None = None  # of snowflake: the schema of the account usage views
    overlap: int | None = Field(default=None, gt=0)  # of sources read by SQL: seconds by which rows may come late
    keep_days: int | None = Field(default=None, ge=0)  # of the same: how long rows that were read are kept; 0 for ever

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SOURCE_TYPES:
            hint = closest(value, SOURCE_TYPES) or "known are " + ", ".join(SOURCE_TYPES)
            raise wrong("{value} is not an audit source this version reads", value, hint)
        return value

    @field_validator("log_line_prefix")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        try:
            parse_prefix(value or DEFAULT_PREFIX)
        except PrefixError as error:
            raise wrong(f"{{value}} {error}", value, error.hint) from None
        return value

    @model_validator(mode="after")
    def _own_options(self) -> AuditSource:
        if self.log_line_prefix is not None and self.type != "postgres_stderr":
            raise wrong(f"is of no use to {self.type}", hint="take it out, or correct `type`", key="log_line_prefix")
        for name in ("query_log_limit", "slow_log"):
            if getattr(self, name) is not None and self.type != "mariadb_server_audit":
                raise wrong(f"is of no use to {self.type}", hint="take it out, or correct `type`", key=name)
        place = _ROW_COUNTS.get(self.type)
        if self.row_counts is not None and self.row_counts != place:
            what = "{value} is no place of row counts" if place else f"is of no use to {self.type}"
            raise wrong(what, self.row_counts, f"write {place}" if place else "take it out, or correct `type`", key="row_counts")
        if self.row_counts and self.slow_log:
            raise wrong("stands beside slow_log", hint="row counts come from one of them: take the other out", key="row_counts")
        for name, types in _OWN.items():
            if getattr(self, name) is not None and self.type not in types:
                raise wrong(f"is of no use to {self.type}", hint="take it out, or correct `type`", key=name)
        if self.type in SQL_SOURCES and self.path:
            raise wrong("is read by SQL and has no path", hint="give its url, or correct `type`", key="path")
        if self.type not in SQL_SOURCES and not self.path:
            raise wrong("is missing" if "path" not in self.model_fields_set else "is empty", hint="add `path: …`", key="path")
        if self.type == "sqlserver_audit" and not (self.files or self.table):
            raise wrong("is missing", hint="add `files: …`, what the audit's files are called on the server", key="files")
        if self.url is not None and not self.asks_sql:
            raise wrong(f"is of no use to {self.type}", hint="take it out, or correct `type`", key="url")
        return self

    @property
    def asks_sql(self) -> bool:
        """Whether something of this source is asked by SQL, at ``url``."""
        return self.row_counts is not None or self.type in SQL_SOURCES

    @property
    def shown(self) -> str:
        """Where it is, for people to read: no secret is in it."""
        return hide_secrets(make_url(self.url.get_secret_value())) if self.url is not None and not self.path else self.path

    def place(self, data_dir: Path, database: str) -> str:
        """The files to read: ``path``, or where rows that were read by SQL are kept."""
        if self.type not in SQL_SOURCES:
            return self.path
        what = "\0".join([self.type, self.shown, self.files or "", self.table or "", self.views or ""])
        name = f"{database}-{self.type}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"
        return glob.escape(str(data_dir.absolute() / "spool" / name)) + "/*.jsonl"

    def told(self, data_dir: Path, database: str) -> dict[str, str]:
        """:attr:`options`, and where a source may keep what it has to remember."""
        if self.row_counts != "pg_stat_statements":
            return self.options
        name = hashlib.sha256("\0".join([self.type, self.path, self.shown]).encode()).hexdigest()[:8]
        return {**self.options, "totals": str(data_dir.absolute() / "totals" / f"{database}-{name}.json")}

    @property
    def counts_elsewhere(self) -> bool:
        """Whether another place than the log was named for its row counts."""
        return self.slow_log is not None or self.row_counts is not None

    @property
    def options(self) -> dict[str, str]:
        """What this kind of source is told beside its path and time zone. Holds a secret: never to be shown."""
        own = {
            "log_line_prefix": self.log_line_prefix,
            "query_log_limit": self.query_log_limit,
            "slow_log": self.slow_log,
            "row_counts": self.row_counts,
            "url": self.url.get_secret_value() if self.url is not None else None,
            "files": self.files,
            "table": self.table,
            "views": self.views,
            "overlap": self.overlap,
            "keep_days": self.keep_days,
        }
        return {name: str(value) for name, value in own.items() if value is not None}


class Canary(Model):
    """Rows that no honest work touches: made-up people, or a whole table of them. Who asks for one is found out.

    With ``values`` a statement gives itself away when it names one of them (in its text or its bound parameters) and reads
    ``table``; without, any read of the table does. Reading everybody is for other rules: whoever may export the table
    carries the bait away with it.
    """

    table: TablePattern
    values: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    note: str = ""
