"""How much left with an act: the cases, on columns of the acts and the facts of their shapes.

The cases, in the order in which they are decided (observed behaviour of pgAudit, see the guide):

* foreign-key checks, function-entry lines, statements from which nothing personal leaves: nobody;
* the COPY line of ``COPY (query)`` and the EXECUTE line repeat a SELECT line of the same statement: counted there;
* a statement nested in a function whose outer statement is known to return it: counted at the outer one;
* FETCH: at most its count, and together with the cursor's other FETCHes at most what the DECLARE can return;
* DECLARE where the log keeps quiet about FETCH (``pgaudit.log`` without ``misc``; only single tables audited), so that no line
  tells how far the cursor was read: anything up to what it can return. A cursor needs a transaction, so where such lines are
  logged its session has one (``BEGIN``) before;
* a failed statement: what it had sent when it failed, where that is known; else anything up to what it could return may have
  left, unless it failed before running;
* COPY of a table, and everything logged without a count: estimated from the catalogue;
* a trigger's look-up for the row being written: nobody, when it returns few rows;
* aggregates that keep values: the input's rows leave, whatever the output's count;
* else the reported rows.

Every act is judged by those logged before it, never by later ones, so that it does not matter where a log is cut. Polars, for its
nulls mean what SQL's mean; a slice has a few thousand such acts, for which a query engine would take longer to begin than to end.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

# SQLSTATE classes raised before a statement runs or by what it writes: no row can have left.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
BEFORE_RUNNING = ("08P", "0A", "0L", "0P", "23", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "42", "44")

DUMP_PROGRAMS = "^(pg_dump|pg_dumpall|mysqldump|mariadb-dump|mydumper|expdp)"

# A trigger's query that names NEW or OLD fills the trigger's variables for the row being written: nobody leaves with it. One
# that returns more rows than such a look-up needs is counted, for a trigger may hand them out some other way.
TRIGGER_ROWS = 10


_UNBOUNDED = 9_000_000_000_000_000  # rows asked for by FETCH ALL
_SOME = 1_000_000  # rows of a cursor over what is not known
_STATEMENT = ("session", "statement_id")
_ACT = ("n", "session", "statement_id", "substatement_id", "audit_class", "command", "error_code", "statement", "returned_rows",
        "fk_check", "app_name", "shape")  # fmt: skip
_FIRST_TEXT = pl.col("statement").sort_by("substatement_id", maintain_order=True, nulls_last=True).first().alias("first_text")
_PREPARED = pl.col("prepared").is_not_null() & pl.col("session").is_not_null()
_OF_SHAPE = ("kind", "destination", "mode", "cursor", "fetch_count", "backward", "prepared", "speaks")
_ROWS = ("total_rows", "total_persons", "single", "best_rows", "low_rows", "high_rows", "source")


@dataclass(frozen=True)
class Carried:
    """What sessions left behind in the slice before, and the sessions that end in this one."""

    cursors: pl.DataFrame
    prepared: pl.DataFrame
    dumping: pl.DataFrame
    statements: pl.DataFrame
    telling: pl.DataFrame  # session, n: from which act on the log has its FETCH, BEGIN …
    gone: pl.Series


class Cases:
    """The acts that need them, with all that decides about each."""

    def __init__(self, acts: pa.Table, facts: pa.Table, carried: Carried) -> None:
        self.carried = carried
        self.facts = frame_of(
            facts.select(["shape", *_OF_SHAPE, *_ROWS, "distinct", "calls", "dump_setup", "explains", "techniques", "unread"])
        )
        self.acts = self._acts(frame_of(acts.select([*_ACT, "kind"]).rename_columns({"kind": "record_kind"})))
        self.several = self._several()
        self.covered = self._covered()
        self.opened = self._opened()
        self.fetched = self._fetched()
        self.dumping = pl.concat(
            [self.acts.filter("dump_setup").select("session", "n"), carried.dumping.select("session", _before())]
        ).group_by("session").agg(pl.col("n").min().alias("dump_n"))  # fmt: skip

    def _acts(self, acts: pl.DataFrame) -> pl.DataFrame:
        words = pl.col("techniques").list
        told = self.facts.select(
            "shape",
            *_OF_SHAPE,
            "calls", "dump_setup", "explains", "high_rows",
            words.contains("query_to_xml").alias("to_xml"),
            words.contains("trigger").alias("triggered"),
        )  # fmt: skip
        joined = acts.join(told, on="shape", how="left", maintain_order="left")
        yes = [pl.col(name).fill_null(False) for name in ("calls", "dump_setup", "explains", "to_xml")]
        few = pl.coalesce("returned_rows", "high_rows") <= TRIGGER_ROWS
        return joined.with_columns(*yes, (pl.col("triggered") & few).fill_null(False).alias("in_trigger")).drop("high_rows")

    # -- statements with several acts: which are nested in which, which repeat another. ``*_n``: from where on it is known -----

    def _audits(self) -> pl.DataFrame:
        return self.acts.filter((pl.col("record_kind") == "audit") & pl.col("session").is_not_null())

    def _several(self) -> pl.DataFrame:
        known = self._audits().join(self.carried.statements, on=_STATEMENT, how="left", maintain_order="left")
        counting = pl.col("command").is_in(["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"])
        found = known.group_by(_STATEMENT, maintain_order=True).agg(
            pl.len().alias("acts"),
            pl.col("top_text").first(),
            _FIRST_TEXT,
            pl.when(pl.col("top_text").is_not_null().any()).then(-1).otherwise(pl.col("n").min()).alias("first_n"),
            pl.when(pl.col("selects").fill_null(False).any())
            .then(-1)
            .otherwise(pl.col("n").filter(counting).min())
            .alias("select_n"),
        )
        found = found.filter((pl.col("acts") > 1) | pl.col("top_text").is_not_null())
        top = pl.coalesce("top_text", _brief(found["first_text"]))
        return found.select(*_STATEMENT, top.alias("top_text"), "select_n", "first_n")

    def _covered(self) -> pl.DataFrame:
        """Statements whose outer statement is known to hand over what nested ones read, and from where on."""
        inside = self.acts.join(self.several, on=_STATEMENT, how="inner", maintain_order="left")
        again = pl.concat([_covering(inside).select(*_STATEMENT, "n"),
                           self.carried.statements.filter("covers").select(*_STATEMENT, _before())])  # fmt: skip
        return again.group_by(_STATEMENT).agg(pl.col("n").min().alias("cover_n"))

    # -- cursors: every FETCH joined to the latest DECLARE of that name in its session ---------------------------------------

    def _opened(self) -> pl.DataFrame:
        by_name = (pl.col("command").fill_null("") != "SELECT") | ((pl.col("cursor") == "*") & (pl.col("record_kind") == "audit"))
        here = self.acts.filter((pl.col("kind") == "declare") & pl.col("cursor").is_not_null() & by_name)
        kept = self.carried.cursors.select("session", "cursor", _before(), "shape", "consumed")
        made = here.select("session", "cursor", "n", "shape", pl.lit(0, pl.Int64).alias("consumed"))
        return pl.concat([kept, made]).filter(pl.col("session").is_not_null()).sort("n")

    def _fetched(self) -> pl.DataFrame:
        """Each FETCH of a known cursor: the shape that it reads, the rows that it asked for, and its share of the cursor's."""
        asking = self.acts.filter((pl.col("kind") == "fetch") & pl.col("cursor").is_not_null())
        asking = asking.select("n", "session", "cursor", "fetch_count", "backward", "command", "returned_rows")
        named = self.opened.select("session", "cursor", "n", opened_as="cursor")
        asking = asking.join_asof(named, on="n", by=["session", "cursor"], check_sortedness=False)
        asking = asking.with_columns(pl.col("opened_as").fill_null("*")).drop("cursor")
        opened = self.opened.select("session", "n", "consumed", opened_as="cursor", opened_n="n", eff_shape="shape")
        found = asking.join_asof(opened, on="n", by=["session", "opened_as"], check_sortedness=False)
        rows = self.facts.select("shape", "best_rows", "low_rows", "high_rows", "source")
        found = found.filter(pl.col("eff_shape").is_not_null()).join(
            rows, left_on="eff_shape", right_on="shape", how="inner", maintain_order="left"
        )
        cursor = ["session", "opened_as", "opened_n"]
        asked = pl.col("fetch_count").fill_null(_UNBOUNDED)
        until = pl.col("consumed") + asked.cast(pl.Float64).cum_sum().over(cursor).clip(upper_bound=_UNBOUNDED).cast(pl.Int64)

        def share(name: str) -> pl.Expr:
            return pl.min_horizontal("until", name) - pl.min_horizontal("from", name)

        found = found.with_columns(
            asked.alias("asked"), until.alias("until"), pl.col("backward").fill_null(False).cum_max().over(cursor).alias("again"),
            pl.when(pl.col("command") == "SELECT").then(0).otherwise("returned_rows").alias("fetch_rows"),
        )  # fmt: skip
        found = found.with_columns(pl.col("until").shift(1).over(cursor).fill_null(pl.col("consumed")).alias("from"))
        return found.with_columns(
            share("high_rows").alias("fetch_high"), share("best_rows").alias("fetch_best"),
            pl.when("again").then(0).otherwise(share("low_rows")).alias("fetch_low"),
        )  # fmt: skip

    def _executed(self) -> pl.DataFrame:
        """Each EXECUTE of a known prepared statement, but where a SELECT line of the same statement counts the rows."""
        prepared = self._prepared().select("session", "prepared", "n", exe_shape="shape").sort("n")
        asking = self.acts.filter((pl.col("kind") == "execute") & _PREPARED).select("n", *_STATEMENT, "prepared")
        found = asking.join_asof(prepared, on="n", by=["session", "prepared"], check_sortedness=False)
        found = found.filter(pl.col("exe_shape").is_not_null()).join(self.several, on=_STATEMENT, how="left")
        return found.filter((pl.col("select_n") < pl.col("n")).fill_null(False).not_()).select("n", "exe_shape")

    def _prepared(self) -> pl.DataFrame:
        kept = self.carried.prepared.select("session", "prepared", _before(), "shape")
        return pl.concat(
            [kept, self.acts.filter((pl.col("kind") == "prepare") & _PREPARED).select("session", "prepared", "n", "shape")]
        )

    # -- how much ------------------------------------------------------------------------------------------------------------

    def exposed(self) -> pl.DataFrame:
        """Exposure of each act, in their order."""
        basis = self._ways()
        rows = self.facts.select("shape", "mode", *_ROWS, pl.col("distinct").alias("sets"), "unread")
        basis = basis.drop("mode").join(rows, left_on="eff_shape", right_on="shape", how="left", maintain_order="left")
        basis = basis.join(self.dumping, on="session", how="left", maintain_order="left")
        way, rows_n, mode = pl.col("way"), pl.col("returned_rows"), pl.col("mode")
        none = mode.is_null() | (mode == "none")
        packed = (mode == "input") & (rows_n > 0)
        cut = (pl.col("unread") == "cut").fill_null(False) & (rows_n > 0)  # behind the cut each row may pack many

        def counted(name: str, failed: pl.Expr) -> pl.Expr:
            of_shape, of_fetch = f"{name}_rows", pl.col(f"fetch_{name}")
            whole = packed | cut if name == "high" else packed
            if name != "low":
                unknown = pl.min_horizontal("asked", pl.lit(_SOME))
                of_fetch = pl.when(pl.col("source") == "unknown").then(unknown).otherwise(of_fetch)
            return (
                pl.when(none).then(0)
                .when(way == "reported").then(pl.when(whole).then(pl.max_horizontal(of_shape, rows_n)).otherwise(rows_n))
                .when(way == "fetch").then(pl.when(pl.col("fetch_rows") > 0).then("fetch_rows").otherwise(of_fetch))
                .when(way == "estimate").then(of_shape)
                .when(way == "opened").then(0 if name == "low" else pl.col(of_shape))
                .when(way == "failed").then(failed)
                .otherwise(0)
            )  # fmt: skip

        def unless_told(of_shape: str) -> pl.Expr:
            return pl.when(rows_n.is_null() | packed).then(of_shape).otherwise(rows_n)

        basis = basis.with_columns(
            counted("best", unless_told("best_rows")).alias("best"),
            counted("low", pl.lit(0)).alias("low"),
            counted("high", unless_told("high_rows")).alias("high"),
        )
        source = (
            pl.when(way.is_in(["nobody", "told", "reported"]) & ((way == "reported") & packed).not_()).then(pl.lit("reported"))
            .when((way == "fetch") & (pl.col("fetch_rows") > 0)).then(pl.lit("reported"))
            .when((way == "failed") & rows_n.is_not_null() & (mode != "input")).then(pl.lit("reported"))
            .when(way.is_in(["failed", "opened"]) & (mode != "none")).then(pl.lit("upper_bound"))
            .when(mode == "none").then(pl.lit("reported"))
            .otherwise(pl.col("source").fill_null("unknown"))
        )  # fmt: skip
        best, total = _persons_best(), pl.col("total_persons")
        share = pl.min_horizontal(pl.lit(1.0), best.cast(pl.Float64) / total)
        dumps = (pl.col("dump_n") <= pl.col("n")).fill_null(False) | pl.col("app_name").str.contains(DUMP_PROGRAMS).fill_null(
            False
        )
        return basis.select(
            "n", "eff_shape",
            pl.col("best").alias("exposed_rows"),
            pl.col("low").alias("exposed_rows_low"),
            pl.col("high").alias("exposed_rows_high"),
            best.cast(pl.Int64).alias("exposed_persons"),
            _persons_low().cast(pl.Int64).alias("exposed_persons_low"),
            _persons_high().cast(pl.Int64).alias("exposed_persons_high"),
            pl.when((way == "nobody") & rows_n.is_null()).then(pl.lit("unknown")).otherwise(source).alias("rows_source"),
            pl.when(total.fill_null(0) > 0).then(share).otherwise(0.0).alias("table_share"),
            dumps.alias("dump"),
            ((way == "told") | ((way == "failed") & (pl.col("high") > 0))).fill_null(False).alias("aborted"),
            way.is_in(["fetch", "opened"]).alias("is_fetch"),
        )  # fmt: skip

    def _ways(self) -> pl.DataFrame:
        """Which case each act is (``way``), and the shape whose columns leave with it (``eff_shape``)."""
        fetches = self.fetched.select("n", "eff_shape", "fetch_high", "fetch_best", "fetch_low", "asked", "fetch_rows")
        acts = self.acts.join(fetches, on="n", how="left", maintain_order="left")
        acts = acts.join(self._executed(), on="n", how="left", maintain_order="left")
        for known in (self.several, self.covered):
            acts = acts.join(known.with_columns(record_kind=pl.lit("audit")), on=[*_STATEMENT, "record_kind"], how="left",
                             maintain_order="left")  # fmt: skip
        told_of = self.carried.telling.select("session", tell_n="n")
        acts = acts.join(told_of, on="session", how="left", maintain_order="left")
        # where rows are not counted a statement is logged when it begins: if it fails afterwards, its error tells of it once more
        before = {name: pl.col(name).shift(1).over("session") for name in ("record_kind", "statement", "returned_rows")}
        told = (
            (before["record_kind"] == "audit") & before["returned_rows"].is_null() & (before["statement"] == pl.col("statement"))
        )
        nested = pl.col("cover_n") < pl.col("n")
        acts = acts.with_columns(told.fill_null(False).alias("told"))
        acts = acts.with_columns((nested.fill_null(False) & _differs(acts, acts["cover_n"].is_not_null())).alias("nested"))
        kind, mode, command = (pl.col(name) for name in ("kind", "mode", "command"))
        code, selected = pl.col("error_code"), pl.col("select_n") < pl.col("n")
        unsent = code.str.slice(0, 2).is_in(BEFORE_RUNNING) | code.str.starts_with("08P") | kind.is_in(["declare", "prepare"])
        untold = (pl.col("n") == pl.coalesce("first_n", "n")) & (pl.col("tell_n") < pl.col("n")).fill_null(False).not_()
        spoken = pl.when((mode != "none") & (kind == "call") & pl.col("speaks").not_()).then(pl.lit("estimate"))
        nobody, estimate = pl.lit("nobody"), pl.lit("estimate")
        failed = pl.when(kind.is_null() | unsent).then(nobody).when("told").then(pl.lit("told")).otherwise(pl.lit("failed"))
        within = (pl.col("audit_class") == "FUNCTION") | command.is_in(["EXECUTE", "FETCH", "DO", "EXPLAIN"])
        silent = pl.col("returned_rows").is_null() | ((command == "COPY") & (pl.col("returned_rows") == 0))
        way = (
            pl.when("fk_check").then(nobody)
            .when(pl.col("record_kind") == "replication").then(estimate)
            .when(pl.col("eff_shape").is_not_null()).then(pl.lit("fetch"))
            .when(pl.col("exe_shape").is_not_null()).then(estimate)
            .when(pl.col("record_kind") == "error").then(failed)
            .when((pl.col("record_kind") != "audit") | mode.is_null() | (mode == "none")).then(nobody)
            .when((kind == "declare") & untold).then(pl.lit("opened"))
            .when((kind == "declare") | ((kind == "prepare") & (command != "SELECT"))).then(nobody)
            .when(command == "CALL").then(spoken.otherwise(nobody))
            .when(within).then(nobody)
            .when(pl.col("in_trigger") & (mode == "rows")).then(nobody)
            .when(((command == "COPY") | pl.col("to_xml")) & selected).then(nobody)
            .when("nested").then(nobody)
            .when(silent).then(estimate)
            .otherwise(pl.lit("reported"))
        )  # fmt: skip
        return acts.with_columns(way.alias("way"), pl.coalesce("eff_shape", "exe_shape", "shape").alias("eff_shape"))

    # -- what sessions that stay open leave behind ---------------------------------------------------------------------------

    def cursors_left(self) -> pl.DataFrame:
        """Open cursors, and how many rows were asked of each."""
        latest = self.opened.group_by("session", "cursor", maintain_order=True).agg(pl.all().last())
        asked = self.fetched.group_by("session", "opened_as", "opened_n").agg(pl.col("asked").cast(pl.Float64).sum())
        latest = latest.join(asked, left_on=["session", "cursor", "n"], right_on=["session", "opened_as", "opened_n"], how="left")
        closes = self.acts.filter(pl.col("kind") == "close").group_by("session", "cursor").agg(pl.col("n").max().alias("end"))
        latest = latest.join(closes.filter(pl.col("cursor").is_not_null()), on=["session", "cursor"], how="left")
        of_all = closes.filter(pl.col("cursor").is_null()).select("session", all_end="end")
        latest = latest.join(of_all, on="session", how="left")
        closed = pl.max_horizontal("end", "all_end") > pl.col("n")
        asked_for = pl.col("asked").fill_null(0).clip(upper_bound=_UNBOUNDED).cast(pl.Int64)
        consumed = (pl.col("consumed") + asked_for).clip(upper_bound=_UNBOUNDED)
        return self._staying(latest.filter(closed.fill_null(False).not_())).select(
            "session", "cursor", "shape", consumed.alias("consumed")
        )

    def prepared_left(self) -> pl.DataFrame:
        """The latest statement prepared under each name."""
        last = pl.col("shape").sort_by("n").last()
        return self._staying(self._prepared().group_by("session", "prepared", maintain_order=True).agg(last))

    def dumping_left(self) -> pl.DataFrame:
        """Sessions that set themselves up as a dump tool does."""
        return self._staying(self.dumping).select("session")

    def statements_left(self) -> pl.DataFrame:
        """The last statement of each session."""
        audits = self._audits()
        latest = audits.group_by("session", maintain_order=True).agg(pl.col("statement_id").last())
        mine = audits.join(latest, on=_STATEMENT, how="semi", maintain_order="left")
        mine = mine.join(self.carried.statements, on=_STATEMENT, how="left", maintain_order="left")
        found = mine.group_by(_STATEMENT, maintain_order=True).agg(
            pl.col("top_text").first(), _FIRST_TEXT, pl.col("covers").fill_null(False).any(),
            ((pl.col("command") == "SELECT").fill_null(False) | pl.col("selects").fill_null(False)).any().alias("selects"),
        )  # fmt: skip
        found = found.with_columns(pl.coalesce("top_text", _brief(found["first_text"])).alias("top_text"))
        inside = self.acts.join(found.select(*_STATEMENT, "top_text"), on=_STATEMENT, how="inner", maintain_order="left")
        covering = _covering(inside).select(*_STATEMENT).unique().with_columns(pl.lit(True).alias("here"))
        found = found.join(covering, on=_STATEMENT, how="left", maintain_order="left")
        found = found.with_columns((pl.col("here").fill_null(False) | pl.col("covers")).alias("covers"))
        columns = ["session", "statement_id", "top_text", "selects", "covers"]
        others = self.carried.statements.join(latest, on="session", how="anti", maintain_order="left")
        return self._staying(pl.concat([found.select(columns), others.select(columns)]))

    def _staying(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("session").is_in(self.carried.gone.implode()).not_())


def frame_of(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a frame."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _before() -> pl.Expr:
    """Where what was carried stands: before the first act."""
    return pl.lit(-1, pl.Int64).alias("n")


def _brief(texts: pl.Series) -> pl.Series:
    """Texts, of long ones a digest."""
    long = texts.str.len_chars() > 64
    if not long.any():
        return texts
    distinct = texts.filter(long.fill_null(False)).unique()
    digests = [hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in distinct.to_list()]
    return texts.replace(distinct, pl.Series(digests, dtype=pl.String))


def _differs(acts: pl.DataFrame, wanted: pl.Series) -> pl.Series:
    """Where the act's statement is not the outer one (``top_text``); false where it is not ``wanted``."""
    some = acts.filter(wanted)
    differs = _brief(some["statement"]).ne_missing(some["top_text"])
    return wanted.scatter(wanted.arg_true(), differs) if len(some) else wanted


def _covering(inside: pl.DataFrame) -> pl.DataFrame:
    """Acts of the outer statement itself that hand over what the functions which it calls read.

    The line of a function's start holds the outer statement, before the function reads anything.
    """
    hands_over = (
        pl.col("calls") & (pl.col("kind") != "call") & (pl.col("mode") != "none")
        & pl.col("destination").is_in(["nowhere", "table"]).not_()
    )  # fmt: skip
    begins = pl.when(pl.col("audit_class") == "FUNCTION").then(pl.col("command") == "EXECUTE")
    outer = begins.otherwise(pl.col("command").is_in(["COPY", "EXECUTE", "FETCH"]).not_())
    likely = inside.filter((pl.col("explains") | hands_over) & outer)
    return likely.filter(_brief(likely["statement"]).eq_missing(likely["top_text"]))


# n rows of a table with r rows about p people; see scanner.exposure.facts for the formula


def _of_people(n: str, otherwise: pl.Expr) -> pl.Expr:
    unknown = (pl.col("total_persons").fill_null(0) <= 0) | (pl.col("total_rows").fill_null(0) <= 0)
    rows = pl.col(n).cast(pl.Float64)
    return pl.when(pl.col(n) <= 0).then(0.0).when(unknown).then(rows).otherwise(otherwise)


def _numbers(n: str) -> tuple[pl.Expr, pl.Expr, pl.Expr, pl.Expr]:
    return (*(pl.col(name).cast(pl.Float64) for name in (n, "total_rows", "total_persons")), pl.col("single"))  # type: ignore[return-value]


def _persons_best() -> pl.Expr:
    n, r, p, one = _numbers("best")
    drawn = p * (1 - (1 - n / r).pow(r / p))
    occupied = pl.max_horizontal(pl.lit(1.0), drawn.round(mode="half_away_from_zero"))
    known = (
        pl.when("sets").then(pl.min_horizontal(n, p))
        .when(p >= r).then(pl.when(one).then(n).otherwise(pl.min_horizontal(n, p)))
        .when(n >= r).then(p)
        .otherwise(occupied)
    )  # fmt: skip
    return _of_people("best", known)


def _persons_low() -> pl.Expr:
    n, r, p, one = _numbers("low")
    least = pl.min_horizontal(p, (n * p / pl.max_horizontal(r, n)).ceil())
    known = pl.when(p >= r).then(pl.when(one).then(n).otherwise(1.0)).when((n >= r) & one).then(p).otherwise(least)
    return _of_people("low", known)


def _persons_high() -> pl.Expr:
    n, r, p, one = _numbers("high")
    return _of_people("high", pl.when((p >= r) & one).then(n).otherwise(pl.min_horizontal(n, p)))
