"""Snowflake's account usage: QUERY_HISTORY with the objects of ACCESS_HISTORY, and LOGIN_HISTORY.

https://docs.snowflake.com/en/sql-reference/account-usage/query_history (…/access_history, …/login_history, …/sessions). What
matters of them:

* QUERY_HISTORY comes up to 45 minutes late, LOGIN_HISTORY 2 hours, ACCESS_HISTORY 3 hours. A query is taken when its objects are
  there, or without them when it is older than that: accounts below the Enterprise edition never have them;
* ROWS_PRODUCED is true of what a SELECT returns, ROWS_UNLOADED of COPY INTO a stage;
* the client's address is known of the log-in, to which SESSIONS leads;
* BASE_OBJECTS_ACCESSED names tables behind views, as ``DATABASE.SCHEMA.TABLE``;
* QUERY_TEXT ends after 100,000 characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from scanner.model import CUT_MARK, RecordKind
from scanner.sources.sql_source import Question, SqlSource, available, relation

if TYPE_CHECKING:
    import polars as pl

ACCESS_HOURS = 3
TEXT_LIMIT = 100_000

_TIME = sa.DateTime(timezone=True)
_QUERY: dict[str, Any] = {
    "query_id": sa.Unicode, "query_text": sa.Text, "database_name": sa.Unicode, "schema_name": sa.Unicode,
    "query_type": sa.Unicode, "session_id": sa.BigInteger, "user_name": sa.Unicode, "role_name": sa.Unicode,
    "execution_status": sa.Unicode, "error_code": sa.Unicode, "error_message": sa.Unicode, "start_time": _TIME,
    "rows_produced": sa.BigInteger, "rows_unloaded": sa.BigInteger,
}  # fmt: skip
_ACCESS: dict[str, Any] = {"query_id": sa.Unicode, "base_objects_accessed": sa.Text, "direct_objects_accessed": sa.Text}
_SESSION: dict[str, Any] = {"session_id": sa.BigInteger, "login_event_id": sa.BigInteger, "client_application_id": sa.Unicode}
_LOGIN: dict[str, Any] = {
    "event_id": sa.BigInteger, "event_timestamp": _TIME, "event_type": sa.Unicode, "user_name": sa.Unicode,
    "client_ip": sa.Unicode, "reported_client_type": sa.Unicode, "is_success": sa.Unicode, "error_code": sa.Unicode,
    "error_message": sa.Unicode,
}  # fmt: skip
_INT = ("session_id", "rows_produced", "rows_unloaded", "event_id")


class Snowflake(SqlSource):
    """Audit source ``snowflake``; ``views`` is the schema that holds the views."""

    type = "snowflake"
    overlap_seconds = 6 * 3600
    columns: ClassVar[dict[str, str]] = {
        name: "int" if name in _INT else "text"
        for name in (*_QUERY, *_LOGIN, "base_objects_accessed", "direct_objects_accessed", "client_application_id")
    }

    def __init__(self, path: str, time_zone: str = "UTC", views: str = "", **options: Any) -> None:
        super().__init__(path, time_zone, **options)
        self.views = views or "snowflake.account_usage"

    def questions(self, connection: sa.Connection) -> list[Question]:
        query, access, session, login = (
            relation(f"{self.views}.{name}", columns)
            for name, columns in (
                ("query_history", _QUERY),
                ("access_history", _ACCESS),
                ("sessions", _SESSION),
                ("login_history", _LOGIN),
            )
        )
        has = available(
            connection, query, ("query_id", "query_text", "session_id", "user_name", "execution_status", "start_time")
        )
        kept = [query.c[name].label(name) for name in _QUERY if name in has]
        late = sa.func.current_timestamp() - sa.text(f"INTERVAL '{ACCESS_HOURS} hours'")
        if connection.dialect.name == "sqlite":
            late = sa.func.datetime("now", f"-{ACCESS_HOURS} hours")
        asked = (
            sa.select(
                query.c.start_time.label("audit_time"), *kept, access.c.base_objects_accessed, access.c.direct_objects_accessed,
                login.c.client_ip, session.c.client_application_id,
            )
            .select_from(
                query.outerjoin(access, access.c.query_id == query.c.query_id)
                .outerjoin(session, session.c.session_id == query.c.session_id)
                .outerjoin(login, login.c.event_id == session.c.login_event_id)
            )
            .where(sa.or_(access.c.query_id.is_not(None), query.c.start_time < late))
            .where(query.c.execution_status != "RUNNING")
        )  # fmt: skip
        logins = sa.select(login.c.event_timestamp.label("audit_time"), *(login.c[name].label(name) for name in _LOGIN))
        return [
            Question("login", logins, login.c.event_timestamp, (login.c.event_id,), zoned=True),
            Question("query", asked, query.c.start_time, (query.c.query_id,), key=("query_id",), zoned=True),
        ]

    def records(self, rows: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        from scanner.sources.sql_words import commands

        is_login = pl.col("of") == "login"
        failed = pl.when(is_login).then(pl.col("is_success") != "YES").otherwise(pl.col("execution_status") != "SUCCESS")
        kind = (
            pl.when(failed.fill_null(False)).then(pl.lit(str(RecordKind.ERROR)))
            .when(is_login).then(pl.lit(str(RecordKind.CONNECT)))
            .otherwise(pl.lit(str(RecordKind.AUDIT)))
        )  # fmt: skip
        text = (
            pl.when(pl.col("query_text").str.len_chars() >= TEXT_LIMIT)
            .then(pl.col("query_text") + CUT_MARK)
            .otherwise("query_text")
        )
        words = commands(rows["query_text"].fill_null("").to_arrow().cast("string"))
        session = (
            pl.when(is_login).then(pl.concat_str(pl.lit("login "), "event_id")).otherwise(pl.col("session_id").cast(pl.String))
        )
        unloads = pl.col("query_type").fill_null("") == "UNLOAD"
        code = (
            pl.when(is_login)
            .then(pl.lit("28000"))
            .otherwise(
                pl.coalesce(
                    pl.col("error_code").replace_strict(_STATES, default=None, return_dtype=pl.String),
                    pl.concat_str(pl.lit("SF"), "error_code"),
                )
            )
        )
        return rows.with_columns(pl.Series("command", words[0]), pl.Series("audit_class", words[1])).select(
            kind.alias("kind"),
            pl.from_epoch("at", time_unit="us").dt.replace_time_zone("UTC").alias("time"),
            pl.col("user_name").alias("account"),
            pl.col("database_name").alias("dbname"),
            pl.col("client_ip").alias("client_addr"),
            pl.coalesce("client_application_id", "reported_client_type").alias("app_name"),
            session.alias("session"),
            pl.col("n").alias("session_line"),
            pl.when(kind == str(RecordKind.ERROR)).then(pl.lit("ERROR")).otherwise(pl.lit("LOG")).alias("severity"),
            pl.when(kind == str(RecordKind.ERROR)).then(code).otherwise(pl.lit("00000")).alias("error_code"),
            pl.when(kind != str(RecordKind.AUDIT)).then(pl.coalesce("error_message", "event_type")).alias("message"),
            pl.when(kind == str(RecordKind.AUDIT)).then("audit_class").alias("audit_class"),
            pl.when(~is_login).then(pl.coalesce("command", "query_type")).alias("command"),
            _objects(rows).alias("object_name"),
            pl.when(~is_login).then("n").alias("statement_id"),
            pl.when(~is_login).then(pl.lit(1, pl.Int64)).alias("substatement_id"),
            pl.when(~is_login).then(text).alias("statement"),
            pl.when(unloads).then("rows_unloaded").otherwise("rows_produced").alias("rows"),
            "offset",
            "length",
        )


_STATES = {"000604": "57014", "000630": "57014", "003001": "42501", "002003": "42P01", "001003": "42601", "000904": "42703"}


def _objects(rows: pl.DataFrame) -> pl.Series:
    """The base tables of each query, ``schema.table``, sorted and joined by U+001F. Worked out once a distinct value."""
    import polars as pl

    distinct = rows["base_objects_accessed"].unique().drop_nulls()
    found = pl.DataFrame(
        {"base_objects_accessed": distinct, "names": [_names(text) for text in distinct]}, schema_overrides={"names": pl.String}
    )
    return rows.select("base_objects_accessed").join(found, on="base_objects_accessed", how="left", maintain_order="left")[
        "names"
    ]


def _names(text: str) -> str | None:
    import json

    try:
        objects = json.loads(text)
    except ValueError:
        return None
    names = {_relation(o["objectName"]) for o in objects if isinstance(o, dict) and isinstance(o.get("objectName"), str)}
    return "\x1f".join(sorted(names)) or None


def _relation(name: str) -> str:
    parts = [part.lower() if part == part.upper() else part for part in name.replace('"', "").split(".")]
    return ".".join(parts[-2:])


__all__ = ["Snowflake"]
