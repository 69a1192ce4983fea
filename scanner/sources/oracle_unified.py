"""Oracle's ``UNIFIED_AUDIT_TRAIL`` (12.2 and later).

https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/UNIFIED_AUDIT_TRAIL.html. What matters of it:

* a statement that touches several objects has a row an object, all with its STATEMENT_ID: they become one act;
* the client's address stands inside AUTHENTICATION_TYPE, as ``(CLIENT ADDRESS=((PROTOCOL=tcp)(HOST=10.0.0.9)(PORT=5)))``;
* RETURN_CODE is the number of the ORA- error, 0 for success;
* there are no row counts. SQL_TEXT and SQL_BINDS are there unless a policy leaves them out;
* rows may be written seconds after the act (queued mode), and a row's ENTRY_ID counts within its session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from scanner.model import RecordKind
from scanner.sources.sql_source import Question, SqlSource, available, relation

if TYPE_CHECKING:
    import polars as pl

_NEEDED = ("event_timestamp_utc", "sessionid", "dbusername", "action_name", "return_code", "statement_id", "entry_id")
_COLUMNS: dict[str, str] = {
    "audit_type": "text", "sessionid": "int", "instance_id": "int", "dbid": "int", "userhost": "text",
    "authentication_type": "text",
    "dbusername": "text", "client_program_name": "text", "event_timestamp_utc": "text", "action_name": "text",
    "return_code": "int",
    "transaction_id": "text", "object_schema": "text", "object_name": "text", "object_type": "text", "sql_text": "text",
    "sql_binds": "text", "entry_id": "int", "statement_id": "int", "system_privilege_used": "text",
    "unified_audit_policies": "text",
    "dp_text_parameters1": "text",
}  # fmt: skip
_TYPES: dict[str, Any] = {
    "event_timestamp_utc": sa.DateTime, "sql_text": sa.Text, "sql_binds": sa.Text, "dp_text_parameters1": sa.Text,
    **dict.fromkeys(("sessionid", "instance_id", "dbid", "return_code", "entry_id", "statement_id"), sa.BigInteger),
}  # fmt: skip
# ORA- errors as the SQLSTATE that means the same in PostgreSQL; others are ORA and their number
_STATES = {
    0: "00000",
    942: "42P01",
    904: "42703",
    900: "42601",
    1031: "42501",
    1017: "28P01",
    28000: "28000",
    1045: "28000",
    1013: "57014",
}
_HOST = r"(?i)\(HOST=([^)]+)\)"


class OracleUnified(SqlSource):
    """Audit source ``oracle_unified``; ``table`` is another view or table with the trail's columns."""

    type = "oracle_unified"
    columns: ClassVar[dict[str, str]] = _COLUMNS

    def __init__(self, path: str, time_zone: str = "UTC", table: str = "", **options: Any) -> None:
        super().__init__(path, time_zone, **options)
        self.table = table or "unified_audit_trail"

    def questions(self, connection: sa.Connection) -> list[Question]:
        trail = relation(self.table, {name: _TYPES.get(name, sa.Unicode) for name in _COLUMNS})
        has = available(connection, trail, _NEEDED)
        kept = [trail.c[name].label(name) for name in _COLUMNS if name in has]
        moment = trail.c.event_timestamp_utc
        return [Question("row", sa.select(moment.label("audit_time"), *kept), moment, (trail.c.sessionid, trail.c.entry_id))]

    def records(self, rows: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        from scanner.sources.sql_words import commands

        action = pl.col("action_name").fill_null("").str.strip_chars().str.to_uppercase()
        code = pl.col("return_code").fill_null(0)
        login = action == "LOGON"
        logout = action.str.starts_with("LOGOFF")
        kind = (
            pl.when(logout).then(pl.lit(str(RecordKind.DISCONNECT)))
            .when(code != 0).then(pl.lit(str(RecordKind.ERROR)))
            .when(login).then(pl.lit(str(RecordKind.CONNECT)))
            .otherwise(pl.lit(str(RecordKind.AUDIT)))
        )  # fmt: skip
        state = code.replace_strict(_STATES, default=None, return_dtype=pl.String)
        state = pl.coalesce(state, pl.concat_str(pl.lit("ORA"), code.cast(pl.String).str.zfill(5)))
        state = pl.when(login & (code != 0) & ~state.str.starts_with("28")).then(pl.lit("28000")).otherwise(state)
        said = ~(login | logout)
        words = commands(rows.select(action.alias("a"))["a"].to_arrow().cast("string"))
        named = pl.when(pl.col("object_name").is_not_null() & pl.col("object_schema").is_not_null()).then(
            pl.concat_str(_folded("object_schema"), pl.lit("."), _folded("object_name"))
        )
        host = pl.col("authentication_type").str.extract(_HOST)
        local = pl.col("authentication_type").is_not_null() & ~pl.col("authentication_type").str.contains("(?i)CLIENT ADDRESS")
        session = [pl.col(name).fill_null(0).cast(pl.String) for name in ("dbid", "instance_id", "sessionid")]
        return rows.with_columns(pl.Series("audit_class", words[1])).select(
            kind.alias("kind"),
            pl.from_epoch("at", time_unit="us").dt.replace_time_zone("UTC").alias("time"),
            pl.col("dbusername").alias("account"),
            pl.when(host.str.contains(r"^[0-9A-Fa-f.:]+$")).then(host).when(local).then(pl.lit("[local]")).alias("client_addr"),
            pl.col("client_program_name").alias("app_name"),
            pl.concat_str(session, separator=".").alias("session"),
            pl.col("entry_id").alias("session_line"),
            "transaction_id",
            pl.when(kind == str(RecordKind.ERROR)).then(pl.lit("ERROR")).otherwise(pl.lit("LOG")).alias("severity"),
            state.alias("error_code"),
            pl.when(kind != str(RecordKind.AUDIT)).then(pl.concat_str(action, pl.lit(" "), state)).alias("message"),
            pl.when(kind == str(RecordKind.AUDIT)).then("audit_class").alias("audit_class"),
            pl.when(said).then(action.replace("EXECUTE", "EXEC")).alias("command"),
            "object_type",
            named.alias("object_name"),
            pl.when(said).then(pl.coalesce("statement_id", "n")).alias("statement_id"),
            pl.when(said).then(pl.lit(1, pl.Int64)).alias("substatement_id"),
            pl.when(said).then(pl.coalesce("sql_text", "dp_text_parameters1")).str.strip_chars("\x00").alias("statement"),
            pl.col("sql_binds").alias("parameter"),
            "offset",
            "length",
        )


def _folded(name: str) -> pl.Expr:
    """Names that were written without quotes are upper case in Oracle; the catalogue has them in lower case."""
    import polars as pl

    return pl.when(pl.col(name) == pl.col(name).str.to_uppercase()).then(pl.col(name).str.to_lowercase()).otherwise(name)


__all__ = ["OracleUnified"]
