"""The ``audit:`` entries of the configuration: where a log is, and what its kind must be told beside that."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from scanner.config_prefix import DEFAULT_PREFIX, PrefixError, parse_prefix
from scanner.config_values import SOURCE_TYPES, TimeZone, Url, closest, path_text, wrong


class Model(BaseModel):
    """What all parts of the configuration have in common."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )


class AuditSource(Model):
    """Where one audit log is. ``path`` is a glob; ``time_zone`` is that of times logged without one."""

    type: str
    path: Annotated[str, BeforeValidator(path_text), Field(min_length=1)]
    time_zone: TimeZone | None = None
    log_line_prefix: str | None = None  # of postgres_stderr: the server's setting; PostgreSQL's own default when left out
    query_log_limit: int | None = Field(default=None, ge=0)  # of mariadb_server_audit: the setting of that name; 1024 if left out
    slow_log: Annotated[str, BeforeValidator(path_text), Field(min_length=1)] | None = None  # of mariadb_server_audit: row counts
    row_counts: str | None = None  # of mariadb_server_audit: performance_schema, asked at ``url``
    url: Url | None = None  # of what is asked by SQL; the database's own when left out

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
        for name in ("query_log_limit", "slow_log", "row_counts"):
            if getattr(self, name) is not None and self.type != "mariadb_server_audit":
                raise wrong(f"is of no use to {self.type}", hint="take it out, or correct `type`", key=name)
        if self.row_counts not in (None, "performance_schema"):
            raise wrong("{value} is no place of row counts", self.row_counts, "write performance_schema", key="row_counts")
        if self.row_counts and self.slow_log:
            raise wrong("stands beside slow_log", hint="row counts come from one of them: take the other out", key="row_counts")
        if self.url is not None and not self.asks_sql:
            raise wrong(f"is of no use to {self.type}", hint="take it out, or correct `type`", key="url")
        return self

    @property
    def asks_sql(self) -> bool:
        """Whether something of this source is asked by SQL, at ``url``."""
        return self.row_counts is not None

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
        }
        return {name: str(value) for name, value in own.items() if value is not None}
