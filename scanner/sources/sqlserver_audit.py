"""SQL Server's audit files, read through ``sys.fn_get_audit_file``; a table or view with the same columns does as well.

https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-get-audit-file-transact-sql. What matters of it:

* ``statement`` holds 4,000 characters at most. A longer one goes on in rows with the same time and a rising ``sequence_number``;
  where the rest is missing, the text is marked as cut;
* a SELECT over several tables has a row a table, each with the whole statement: they become one act;
* ``succeeded`` tells whether the *permission check* succeeded, not whether the statement did;
* ``response_rows`` is the number of rows returned on Azure SQL Database and Managed Instance alone. Elsewhere it is 0, which
  means nothing;
* ``event_time`` is UTC. Client address and application exist from SQL Server 2017 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from scanner.model import CUT_MARK, RecordKind
from scanner.sources.sql_source import Question, SqlSource, available, relation

if TYPE_CHECKING:
    import polars as pl

PIECE = 4_000
"""Characters of a statement that one row holds at most."""

_AZURE = (5, 8)  # SERVERPROPERTY('EngineEdition') of those that count rows: Azure SQL Database and Managed Instance
_NEEDED = ("event_time", "sequence_number", "action_id", "succeeded", "session_id", "object_name", "schema_name", "statement")
_COLUMNS: dict[str, str] = {
    "event_time": "text", "sequence_number": "int", "action_id": "text", "succeeded": "int", "session_id": "int",
    "transaction_id": "int", "class_type": "text", "object_id": "int", "session_server_principal_name": "text",
    "server_principal_name": "text", "database_principal_name": "text", "server_instance_name": "text", "database_name": "text",
    "schema_name": "text", "object_name": "text", "statement": "text", "additional_information": "text", "client_ip": "text",
    "application_name": "text", "connection_id": "text", "response_rows": "int", "affected_rows": "int", "engine_edition": "int",
}  # fmt: skip
# sys.dm_audit_actions lists them: login and database authentication succeeded and failed, logout and database logout
_LOGIN, _LOGIN_FAILED, _LOGOUT = ("LGIS", "DBAS"), ("LGIF", "DBAF"), ("LGO", "DBL")
# audit session changed, audit shut down on failure; server started, paused, continued, shut down
_CHANGED = ("AUSC", "AUSF", "SVSR", "SVPD", "SVCN", "SVSD")


class SqlserverAudit(SqlSource):
    """Audit source ``sqlserver_audit``. ``files`` is what ``fn_get_audit_file`` takes; ``table`` is read in its place."""

    type = "sqlserver_audit"
    columns: ClassVar[dict[str, str]] = _COLUMNS

    def __init__(self, path: str, time_zone: str = "UTC", files: str = "", table: str = "", **options: Any) -> None:
        super().__init__(path, time_zone, **options)
        self.files = files
        self.table = table

    def questions(self, connection: sa.Connection) -> list[Question]:
        source = self._source()
        has = available(connection, source, _NEEDED)
        edition = sa.literal(self._edition(connection)).label("engine_edition")
        kept = [_column(source, name).label(name) for name in _COLUMNS if name in has]
        moment = _column(source, "event_time")
        order = ("session_id", "action_id", "class_type", "object_id", "transaction_id", "sequence_number")
        return [
            Question(
                "row",
                sa.select(moment.label("audit_time"), *kept, edition).select_from(source),
                moment,
                tuple(_column(source, name) for name in order if name in has),
            )
        ]

    def _source(self) -> sa.FromClause:
        types: dict[str, Any] = {name: _TYPES.get(name, sa.Unicode) for name in _COLUMNS}
        if self.table:
            return relation(self.table, types)
        asked = sa.func.sys.fn_get_audit_file(self.files, sa.literal_column("DEFAULT"), sa.literal_column("DEFAULT"))
        return asked.table_valued(*(sa.column(name, kind) for name, kind in types.items())).alias("audit")

    def _edition(self, connection: sa.Connection) -> int:
        """What kind of server wrote it; a table's rows may be of any."""
        if connection.dialect.name != "mssql" or self.table:
            return 0
        return int(connection.execute(sa.select(sa.func.serverproperty("EngineEdition"))).scalar() or 0)

    def records(self, rows: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        one = _joined(rows)
        action = pl.col("action_id").str.strip_chars().fill_null("")
        login, failed, logout = (action.is_in(list(names)) for names in (_LOGIN, _LOGIN_FAILED, _LOGOUT))
        changed = action.is_in(list(_CHANGED)) & pl.col("statement").is_null()
        denied = pl.col("succeeded") == 0
        kind = (
            pl.when(failed | (login & denied)).then(pl.lit(str(RecordKind.ERROR)))
            .when(login).then(pl.lit(str(RecordKind.CONNECT)))
            .when(logout).then(pl.lit(str(RecordKind.DISCONNECT)))
            .when(changed).then(pl.lit(str(RecordKind.CONFIG)))
            .when(denied).then(pl.lit(str(RecordKind.ERROR)))
            .otherwise(pl.lit(str(RecordKind.AUDIT)))
        )  # fmt: skip
        rows_told = pl.max_horizontal("response_rows", "affected_rows")
        azure = pl.col("engine_edition").is_in(list(_AZURE))
        session = pl.concat_str(
            pl.col("server_instance_name").fill_null("mssql"),
            pl.when(_text("connection_id").is_not_null()).then(pl.lit("/")).otherwise(pl.lit("#")),
            pl.coalesce(_text("connection_id"), pl.col("session_id").cast(pl.String)),
        )
        named = pl.when(_text("object_name").is_not_null() & _text("schema_name").is_not_null()).then(
            pl.concat_str("schema_name", pl.lit("."), "object_name")
        )
        made = one.with_columns(
            kind.alias("kind"), action.alias("action"), session.alias("session"), named.alias("object_name"),
            pl.coalesce(_text("session_server_principal_name"), _text("server_principal_name"), _text("database_principal_name"))
            .alias("account"),
        )  # fmt: skip
        said = pl.col("kind").is_in([str(RecordKind.AUDIT), str(RecordKind.ERROR)]) & ~(failed | login)
        words = _words(made["statement"].fill_null(""))
        made = made.with_columns(words[0].alias("command"), words[1].alias("word_class")).with_columns(
            pl.col("action").replace_strict(_ACTIONS, default=None, return_dtype=pl.String).alias("action_word")
        )
        audit_class = pl.when(pl.col("action") == "SL").then(pl.lit("READ")).otherwise(pl.col("word_class"))
        return _one_act(made).select(
            "kind",
            pl.from_epoch("at", time_unit="us").dt.replace_time_zone("UTC").alias("time"),
            "account",
            pl.col("database_name").alias("dbname"),
            _address(pl.col("client_ip")).alias("client_addr"),
            _text("application_name").alias("app_name"),
            "session",
            pl.col("n").alias("session_line"),
            pl.col("transaction_id").cast(pl.String),
            pl.when(pl.col("kind") == str(RecordKind.ERROR)).then(pl.lit("ERROR")).otherwise(pl.lit("LOG")).alias("severity"),
            pl.when(failed | (login & denied)).then(pl.lit("28000")).when(denied).then(pl.lit("42501"))
            .otherwise(pl.lit("00000")).alias("error_code"),
            pl.when(pl.col("kind") == str(RecordKind.AUDIT)).then(None)
            .otherwise(pl.coalesce("additional_information", "action")).alias("message"),
            pl.when(pl.col("kind") == str(RecordKind.AUDIT)).then(audit_class).alias("audit_class"),
            pl.when(said).then(pl.coalesce("action_word", "command", "action")).alias("command"),
            pl.col("class_type").alias("object_type"),
            "object_name",
            pl.when(said).then("statement_id").alias("statement_id"),
            pl.when(said).then(pl.lit(1, pl.Int64)).alias("substatement_id"),
            pl.when(said).then("statement").alias("statement"),
            pl.when(azure | (rows_told > 0)).then(rows_told).alias("rows"),
            "offset",
            "length",
        )  # fmt: skip


_TYPES: dict[str, Any] = {
    "event_time": sa.DateTime, "sequence_number": sa.Integer, "succeeded": sa.Boolean, "session_id": sa.Integer,
    "transaction_id": sa.BigInteger, "object_id": sa.BigInteger, "response_rows": sa.BigInteger, "affected_rows": sa.BigInteger,
}  # fmt: skip
_ACTIONS = {
    "SL": "SELECT",
    "IN": "INSERT",
    "UP": "UPDATE",
    "DL": "DELETE",
    "EX": "EXEC",
}  # EXECUTE would be of a prepared statement


def _column(source: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
    return source.c[name]


def _text(name: str) -> pl.Expr:
    import polars as pl

    return pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name).str.strip_chars())


def _words(statement: pl.Series) -> tuple[pl.Series, pl.Series]:
    import polars as pl

    from scanner.sources.sql_words import commands

    found = commands(statement.to_arrow().cast("string"))
    return pl.Series("command", found[0]), pl.Series("word_class", found[1])


def _address(ip: pl.Expr) -> pl.Expr:
    """``local machine`` and the like are no addresses."""
    import polars as pl

    bare = ip.str.strip_chars()
    return (
        pl.when(bare.str.to_lowercase().is_in(["local machine", "local", "."]))
        .then(pl.lit("[local]"))
        .when(bare.str.contains(r"^[0-9A-Fa-f.:]+$"))
        .then(bare)
    )


def _joined(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a record: the pieces of long statements put together, cut ones marked."""
    import polars as pl

    same = ["at", "session_id", "action_id", "class_type", "object_id", "transaction_id"]
    follows = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in same) & (
        pl.col("sequence_number") == pl.col("sequence_number").shift(1) + 1
    )
    numbered = rows.sort("n").with_columns((~follows.fill_null(False)).cum_sum().alias("group"))
    pieces = pl.col("statement").fill_null("")
    length = pieces.last().str.len_chars()
    headless = pl.col("sequence_number").first() > 1
    text = pieces.str.join("")
    whole = pl.when((length >= PIECE) | headless).then(text + CUT_MARK).when(text != "").then(text)
    first = [pl.col(name).first() for name in rows.columns if name not in ("statement", "length")]
    return numbered.group_by("group", maintain_order=True).agg(
        *first,
        whole.alias("statement"),
        (pl.col("offset").last() + pl.col("length").last() - pl.col("offset").first()).alias("length"),
    )


def _one_act(rows: pl.DataFrame) -> pl.DataFrame:
    """``statement_id``: rows of one statement over several objects share it. The same object again is the statement again."""
    import polars as pl

    text = pl.col("statement").fill_null("")
    again = pl.int_range(pl.len()).over("session", "transaction_id", text, "object_name", "action")
    return rows.with_columns(again.alias("again")).with_columns(
        pl.when(text == "")
        .then("n")
        .otherwise(pl.col("n").first().over("session", "transaction_id", text, "again"))
        .alias("statement_id")
    )


__all__ = ["SqlserverAudit"]
