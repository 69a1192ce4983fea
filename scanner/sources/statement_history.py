"""Row counts from ``performance_schema.events_statements_history_long``, for the statements of MariaDB's audit log.

The server keeps the last statements of all connections there, failed and killed ones too, each with ROWS_SENT. What it
does not keep is the connection id, only its own THREAD_ID. Both are given out in order when a connection is made, so that they
differ by a number which changes only when the server starts a thread of its own (observed with MariaDB 10.11). That number is
known of the connections that are open, and of every text that exactly one connection and one thread ran; which of these numbers
is right for a connection is told by the statements they have in common. A connection for which none fits stays without counts.

As with the slow log (:mod:`scanner.sources.mariadb_slow_log`): entries that outnumber their statements all count as the
largest of them, and a count of zero is believed only of a statement that examined nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from scanner.errors import SourceError
from scanner.model import CUT_MARK, RecordKind, SourceNotice
from scanner.remote import reading, safe_url

KEY_BYTES = 400
"""Texts are compared by this many bytes of their beginning: neither log keeps long ones whole."""

_SHIFTS = 8  # differences between thread and connection that are tried
_CONSUMERS = ("events_statements_current", "events_statements_history_long")  # the second is fed by the first
_UNCOUNTED = ("HANDLER", "CALL")  # HANDLER counts no rows; those of CALL are counted at the statements inside

_history = sa.table(
    "events_statements_history_long",
    *(
        sa.column(name)
        for name in (
            "thread_id", "event_id", "event_name", "timer_start", "timer_end", "sql_text", "rows_sent", "rows_affected",
            "rows_examined",
        )
    ),
    schema="performance_schema",
)  # fmt: skip
_current = sa.table("events_statements_current", sa.column("thread_id"), sa.column("timer_start"), schema="performance_schema")
_threads = sa.table("threads", sa.column("thread_id"), sa.column("processlist_id"), schema="performance_schema")
_consumers = sa.table("setup_consumers", sa.column("name"), sa.column("enabled"), schema="performance_schema")

_ENTRY = {
    "thread": pl.Int64, "event": pl.Int64, "start": pl.Int64, "end": pl.Int64, "executes": pl.Boolean, "text": pl.Binary,
    "rows": pl.Int64,
}  # fmt: skip


class StatementHistory:
    """The statement history of the server behind ``url``."""

    def __init__(self, url: str, query_log_limit: int = 0) -> None:
        self.url = url
        # an escape takes two bytes in the audit log: half of its limit is what is surely there of every text
        self.key_bytes = min(KEY_BYTES, query_log_limit // 2 - 4) if query_log_limit else KEY_BYTES

    def notices(self) -> list[SourceNotice]:
        """Why there are no counts. Nothing of it makes a scan incomplete: without counts there are estimates."""
        try:
            with reading(self.url) as connection:
                asked = sa.select(_consumers.c.name).where(_consumers.c.name.in_(_CONSUMERS), _consumers.c.enabled == "YES")
                enabled = set(connection.execute(asked).scalars())
        except SourceError as error:
            return [SourceNotice(safe_url(self.url), f"{error.message}; row counts are estimated", error.hint, fatal=False)]
        if enabled.issuperset(_CONSUMERS):
            return []
        lines = ["performance_schema = ON", *(f"performance_schema_consumer_{name} = ON" for name in _CONSUMERS)]
        what = "the server keeps no statement history; row counts are estimated"
        return [SourceNotice(safe_url(self.url), what, "set " + ", ".join(lines) + ", then restart", fatal=False)]

    def joined(self, records: pa.Table) -> pa.Table:
        """Records of the audit log (RECORD_SCHEMA), with ``rows`` where an entry tells. Without the server: as they are."""
        asked = _asked(records, self.key_bytes)
        if not asked.height:
            return records
        first, last = int(asked["second"].min()), int(asked["second"].max())  # type: ignore[arg-type]
        try:
            entries, open_now = self._entries(first, last)
        except SourceError:
            return records  # the notices say so
        if not entries.height:
            return records
        counted = counts(asked, entries, open_now)
        values = np.zeros(records.num_rows, np.int64)
        mask = np.ones(records.num_rows, np.bool_)
        values[counted["n"].to_numpy()] = counted["rows"].to_numpy()
        mask[counted["n"].to_numpy()] = False
        return records.set_column(records.schema.get_field_index("rows"), "rows", pa.array(values, mask=mask))

    def _entries(self, first: int, last: int) -> tuple[pl.DataFrame, dict[int, int]]:
        """Entries of statements that ran between two seconds since 1970, and the thread of each open connection."""
        h = _history.c
        with reading(self.url) as connection:
            threads = connection.execute(
                sa.select(_threads.c.processlist_id, _threads.c.thread_id).where(_threads.c.processlist_id.is_not(None))
            )
            open_now = {int(row[0]): int(row[1]) for row in threads}
            own = open_now.get(int(connection.execute(sa.select(sa.func.connection_id())).scalar_one()))
            now, timer = connection.execute(
                sa.select(sa.func.utc_timestamp(6), _current.c.timer_start).where(_current.c.thread_id == own).limit(1)
            ).first() or (None, None)
            if not isinstance(now, datetime) or timer is None:
                return pl.DataFrame(schema=_ENTRY), open_now
            origin = round(now.replace(tzinfo=UTC).timestamp() * 1_000_000) - int(timer) // 1_000_000  # µs; timers count in ps
            low, high = (max(0, (at * 1_000_000 - origin) * 1_000_000) for at in (first - 2, last + 2))
            text = sa.func.substring(sa.cast(h.sql_text, sa.LargeBinary), 1, self.key_bytes * 2)
            found = connection.execute(
                sa.select(
                    h.thread_id, h.event_id, h.timer_start, h.timer_end, h.event_name, text,
                    h.rows_sent, h.rows_affected, h.rows_examined,
                ).where(h.timer_end >= low, h.timer_start <= high)
            ).all()  # fmt: skip
        thread, event, start, end, name, words, sent, affected, examined = zip(*found, strict=True) if found else ((),) * 9
        raw = pl.DataFrame(
            {
                "thread": thread, "event": event, "start": start, "end": end, "name": name,
                "text": [bytes(word).decode(errors="replace") if word is not None else None for word in words],
                "sent": sent, "affected": affected, "examined": examined,
            },
            schema={
                "thread": pl.Int64, "event": pl.Int64, "start": pl.Int64, "end": pl.Int64, "name": pl.String, "text": pl.String,
                "sent": pl.Int64, "affected": pl.Int64, "examined": pl.Int64,
            },
        )  # fmt: skip
        rows = pl.max_horizontal("sent", "affected")
        entries = raw.select(
            "thread",
            "event",
            ((pl.col("start") // 1_000_000 + origin) // 1_000_000).alias("start"),
            ((pl.col("end") // 1_000_000 + origin) // 1_000_000).alias("end"),
            pl.col("name").is_in(["statement/sql/execute_sql", "statement/com/Execute"]).alias("executes"),
            _key(pl.col("text"), self.key_bytes).alias("text"),
            pl.when((rows > 0) | (pl.col("examined") == 0)).then(rows).alias("rows"),
        )
        return entries, open_now


def _key(text: pl.Expr, size: int) -> pl.Expr:
    """What of a text is compared: its first bytes, without the blanks around it; the audit log writes tabs as blanks."""
    return text.str.replace_all("\t", " ", literal=True).str.strip_chars().cast(pl.Binary).bin.head(size)


def _asked(records: pa.Table, key_bytes: int) -> pl.DataFrame:
    """The statements of the audit log that want a count."""
    seconds = pc.floor_temporal(records["time"], unit="second").cast(pa.int64())
    text = pl.col("text").str.strip_suffix(CUT_MARK)
    return (
        pl.DataFrame(
            {
                "n": np.arange(records.num_rows),
                "kind": pl.from_arrow(records["kind"]),
                "connection": pl.from_arrow(records["session"]),
                "second": pl.from_arrow(seconds),
                "text": pl.from_arrow(records["statement"]),
                "command": pl.from_arrow(records["command"]),
            }
        )
        .filter(
            pl.col("kind").is_in([str(RecordKind.AUDIT), str(RecordKind.ERROR)]),
            pl.col("text").is_not_null(),
            pl.col("second").is_not_null(),
            ~pl.col("command").fill_null("").is_in(_UNCOUNTED),
        )
        .select(
            "n",
            pl.col("connection").str.extract(r"#(\d+)$").cast(pl.Int64),
            pl.col("second") // 1_000_000,
            _key(text, key_bytes).alias("text"),
        )
        .drop_nulls("connection")
    )


def counts(asked: pl.DataFrame, entries: pl.DataFrame, open_now: dict[int, int]) -> pl.DataFrame:
    """``n`` and ``rows`` of the statements whose count is known.

    ``asked``: n, connection, second, text. ``entries``: thread, event, start, end (seconds), executes, text, rows.
    ``open_now``: the thread of each connection that is open.
    """
    entries = entries.sort("thread", "event").with_row_index("entry")
    near = entries.select(
        "entry",
        "thread",
        "executes",
        "text",
        "rows",
        (pl.concat_list(pl.col("start") + shift for shift in (-1, 0, 1)).list.concat(
            pl.concat_list(pl.col("end") + shift for shift in (0, 1))
        )).list.unique().alias("second"),
        pl.col("start"),
    ).explode("second")  # fmt: skip
    owned = _threads_of(asked, near, open_now)
    mine = asked.join(owned, on="connection").sort("n")
    texts = near.filter(~pl.col("executes")).drop("executes")
    told = _matched(mine, texts, ["thread", "second", "text"])
    left = mine.join(told.select("n"), on="n", how="anti")
    executes = near.filter("executes").drop("executes", "text")
    return pl.concat([told, _matched(left, executes, ["thread", "second"])]).drop_nulls("rows")


def _matched(asked: pl.DataFrame, near: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """``n`` and ``rows``: in order, where as many entries as statements have the key in their very second; else the most."""
    exact = near.filter(pl.col("second") == pl.col("start")).sort("entry")
    ranked = asked.with_columns(pl.int_range(pl.len()).over(key).alias("rank"), pl.len().over(key).alias("asked"))
    ordered = exact.with_columns(pl.int_range(pl.len()).over(key).alias("rank"), pl.len().over(key).alias("told"))
    most = near.group_by(key).agg(
        # one that is not to be believed makes the most unknown
        pl.when(pl.col("rows").is_null().any()).then(None).otherwise(pl.col("rows").max()).alias("most")
    )
    return (
        ranked.join(ordered.select([*key, "rank", "told", "rows"]), on=[*key, "rank"], how="left")
        .join(most, on=key)
        .select("n", pl.when(pl.col("asked") == pl.col("told")).then("rows").otherwise("most").alias("rows"))
    )


def _threads_of(asked: pl.DataFrame, near: pl.DataFrame, open_now: dict[int, int]) -> pl.DataFrame:
    """The thread of each connection (connection, thread): the one with which it has most statements in common."""
    pairs = near.select("thread", "second", "text").unique()
    told = pairs.group_by("text").agg(pl.col("thread").n_unique().alias("threads"), pl.col("thread").first())
    said = asked.group_by("text").agg(pl.col("connection").n_unique().alias("connections"), pl.col("connection").first())
    alone = said.join(told, on="text").filter(pl.col("threads") == 1, pl.col("connections") == 1)
    shifts = alone.select((pl.col("thread") - pl.col("connection")).alias("shift"))["shift"].value_counts(sort=True)["shift"]
    live = pl.Series("shift", [thread - number for number, thread in open_now.items()], pl.Int64).value_counts(sort=True)["shift"]
    tried = list(dict.fromkeys([*live.to_list()[:_SHIFTS], *shifts.to_list()[:_SHIFTS]]))
    connections = asked.select("connection", "second", "text").unique()
    found = [
        connections.with_columns((pl.col("connection") + shift).alias("thread"))
        .join(pairs, on=["thread", "second", "text"], how="semi")
        .group_by("connection", "thread")
        .agg(pl.len().alias("common"))
        for shift in tried
    ]
    schema = {"connection": pl.Int64, "thread": pl.Int64, "common": pl.UInt32}
    every = pl.concat(found) if found else pl.DataFrame(schema=schema)
    known = pl.DataFrame(
        {"connection": list(open_now), "known": list(open_now.values())}, schema={"connection": pl.Int64, "known": pl.Int64}
    )
    every = every.join(known, on="connection", how="left").filter(
        pl.col("known").is_null() | (pl.col("known") == pl.col("thread"))
    )
    best = every.filter(pl.col("common") == pl.col("common").max().over("connection"))
    return best.filter(pl.len().over("connection") == 1).select("connection", "thread")


__all__ = ["StatementHistory", "counts"]
