"""How many different people several events speak of: a union, not a sum.

An event says which people it read by hashes of their keys, by an interval of keys, or not at all (``key_*`` of EVENT_SCHEMA).
Here those sets are taken apart into *atoms*, single keys, and an event spreads its number over its atoms evenly. The same atom
in several events is the same people, and counts once. Intervals are laid over each other as they are (scanner.people_spans).

* Over a finding (:func:`distinct_people`) an atom weighs what it weighs in the event that weighs it most. Sets that cannot be
  compared (keys of different columns, sets that are not known) are taken to overlap as chance would have it:
  ``P · (1 − ∏(1 − nᵢ/P))`` of the table's P people. At most their sum, at least the largest of them.
* Over a sliding window (:func:`sliding_sum`) an atom weighs what it weighs in the latest event of the window that has it, so that
  a window's value depends on nothing but the window. What cannot be compared is added up: an upper bound of the union.

Time and memory are linear in events and keys.
"""

# ruff: noqa: S608 - all SQL text here is ours; names come from the callers' fixed lists

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from scanner.engine import Engine, arrow
from scanner.people_spans import Floats, Ints, heaviest, sliding_steps

SEEN_DAYS = (7, 30, 90)

# of an event: what its keys are keys of, and the set itself
SET_COLUMNS = (
    "CASE WHEN \"key_domain\" = '*' THEN concat(\"database\", '|', \"person_table\", '|*') "
    'WHEN "key_low" IS NOT NULL OR len("key_hashes") > 0 THEN concat("database", \'|\', "key_domain") END AS dom, '
    '"key_low" AS lo, "key_high" AS hi, "key_hashes" AS hashes'
)


# sets of keys taken apart: hashes one by one, everybody (or nobody knows whom of a domain) as one
_ATOMS = """
atoms AS (
    SELECT {keys}, t, dom, 1 AS kind, unnest(hashes) AS atom, {spread}
    FROM {source} WHERE dom IS NOT NULL AND lo IS NULL AND len(hashes) > 0
    UNION ALL
    SELECT {keys}, t, dom, 4, 0, {values} FROM {source} WHERE dom IS NOT NULL AND lo IS NULL AND coalesce(len(hashes), 0) = 0
)"""


def _atoms(source: str, keys: Sequence[str], values: Sequence[str]) -> str:
    """A common table expression ``atoms`` (keys, t, dom, kind, atom, values) of all sets but intervals.

    ``source`` has the keys, t, the values and :data:`SET_COLUMNS`.
    """
    spread = ", ".join(f"{v} / len(hashes) AS {v}" for v in values)
    return _ATOMS.format(keys=", ".join(keys), spread=spread, source=source, values=", ".join(values))


def _spans(
    engine: Engine, source: str, keys: Sequence[str], values: Sequence[str]
) -> tuple[pa.Table, dict[str, Ints], list[Floats]]:
    """The intervals of ``source``: their keys; ``at`` (number of keys and domain), t, lo, hi; and their values."""
    k, v = ", ".join(keys), ", ".join(f"{value}::DOUBLE AS {value}" for value in values)
    table = arrow(
        engine,
        f"SELECT {k}, dense_rank() OVER (ORDER BY {k}, dom) AS at, t, lo, hi, {v} FROM {source} "
        "WHERE dom IS NOT NULL AND lo IS NOT NULL",
    )
    told = {name: table[name].to_numpy() for name in ("at", "t", "lo", "hi")}
    return table.select(list(keys)), told, [table[value].to_numpy() for value in values]


def sliding_sum(engine: Engine, source: str, keys: Sequence[str], span: int) -> pa.Table:
    """For each group and time of an event, what the window that ends there holds (keys, t, ``a``).

    ``source``: a relation with the keys, ``t`` (microseconds), ``v`` and :data:`SET_COLUMNS`. ``a`` is the sum of ``v`` over the
    half-open window ``(t - span, t]``, the same people counted once.
    """
    groups, told, (values,) = _spans(engine, source, keys, ["v"])
    row, time, step = sliding_steps(told["at"], told["t"], told["lo"], told["hi"], values, span)
    of_spans = groups.take(pa.array(row)).append_column("t", pa.array(time)).append_column("step", pa.array(step))
    k = ", ".join(keys)
    by = f"PARTITION BY {k}, dom, kind, atom ORDER BY t"
    engine.register("span_steps", of_spans)
    try:
        return arrow(
            engine,
            f"""
WITH {_atoms(source, keys, ["v"])},
once AS (SELECT {k}, t, dom, kind, atom, max(v) AS v FROM atoms GROUP BY ALL),
beside AS (SELECT *, lag(t) OVER w AS t0, lag(v) OVER w AS v0, lead(t) OVER w AS t1 FROM once WINDOW w AS ({by})),
steps AS (
    SELECT {k}, t, v - CASE WHEN t - t0 < {span} THEN v0 ELSE 0 END AS step FROM beside
    UNION ALL SELECT {k}, t + {span}, -v FROM beside WHERE t1 IS NULL OR t1 - t >= {span}
    UNION ALL SELECT {k}, t, v FROM {source} WHERE dom IS NULL
    UNION ALL SELECT {k}, t + {span}, -v FROM {source} WHERE dom IS NULL
    UNION ALL SELECT {k}, t, step FROM span_steps
),
moments AS (SELECT {k}, t, sum(step) AS step FROM steps GROUP BY ALL)
SELECT {k}, t, sum(step) OVER (PARTITION BY {k} ORDER BY t ROWS UNBOUNDED PRECEDING) AS a FROM moments""",
        )
    finally:
        engine.unregister("span_steps")


def distinct_people(engine: Engine, source: str, keys: Sequence[str]) -> pa.Table:
    """For each group and person table, the people of all events together (keys, person_table, total, low, best, high).

    ``source``: a relation with the keys, t, :data:`SET_COLUMNS`, person_table, total (people in it, null when not known) and the
    events' people as low, best, high.
    """
    k = ", ".join(keys)
    own = [*keys, "person_table"]
    p = ", ".join(own)
    groups, told, values = _spans(engine, source, own, ["low", "best", "high"])
    sums = [heaviest(told["at"], told["lo"], told["hi"], value) for value in values]
    of_spans = groups.take(pa.array(sums[0][0]))
    for name, (_, total) in zip(("low", "best", "high"), sums, strict=True):
        of_spans = of_spans.append_column(name, pa.array(total))
    engine.register("span_sets", of_spans)
    try:
        return arrow(
            engine,
            f"""
WITH {_atoms(source, own, ["low", "best", "high"])},
once AS (SELECT {p}, dom, kind, atom, max(low) AS low, max(best) AS best, max(high) AS high FROM atoms GROUP BY ALL),
sets AS (
    SELECT {p}, sum(low) AS low, sum(best) AS best, sum(high) AS high, sum(best) AS held FROM once GROUP BY {p}, dom, kind
    UNION ALL SELECT {p}, low, best, high, best FROM span_sets
    UNION ALL SELECT {p}, max(low), sum(best), sum(high), max(best) FROM {source} WHERE dom IS NULL GROUP BY {p}
),
sizes AS (  -- a table may have grown since its people were counted
    SELECT {p}, CASE WHEN t.total > 0 THEN greatest(t.total, h.held) END AS total
    FROM (SELECT {p}, max(total) AS total FROM {source} GROUP BY {p}) t
    JOIN (SELECT {p}, max(held) AS held FROM sets GROUP BY {p}) h USING ({p})
),
together AS (
    SELECT {p}, max(low) AS low, sum(best) AS added, max(held) AS held, sum(high) AS high, max(total) AS total,
        product(1 - least(1, best / greatest(total, 1))) AS missed
    FROM sets JOIN sizes USING ({p}) GROUP BY {p}
)
SELECT {k}, person_table, total::BIGINT AS total, ceil(low - 1e-6)::BIGINT AS low,
    round(CASE WHEN total IS NULL THEN added ELSE greatest(held, least(added, total * (1 - missed))) END)::BIGINT AS best,
    round(coalesce(least(high, total), high))::BIGINT AS high
FROM together""",
        )
    finally:
        engine.unregister("span_sets")


def events_of_people(relation: str, keys: Sequence[str]) -> str:
    """A query: events with EVENT_SCHEMA's columns as the source that :func:`distinct_people` wants."""
    return f"""
SELECT {", ".join(keys)}, epoch_us("time") AS t, {SET_COLUMNS}, "person_table", "person_total" AS total,
    "exposed_persons_low" AS low, "exposed_persons" AS best, "exposed_persons_high" AS high
FROM {relation} WHERE "exposed_persons_high" > 0 AND "person_table" IS NOT NULL
"""


def seen_by(engine: Engine, keys: Sequence[str], *, since: datetime | None = None, until: datetime | None = None) -> pa.Table:
    """Whom each vendor (or account …) saw between two times: the keys, person_table, total, low, best, high and share.

    ``engine`` has the view ``events``; ``keys`` are columns of it. ``share`` is the best number over the people in the table:
    what part of all customers a vendor holds after a week, a month or a quarter, however many accounts it took them with.
    """
    bounds = [value for value in (since, until) if value is not None]
    conditions = [text for text, value in (('"time" >= ?', since), ('"time" < ?', until)) if value is not None]
    relation = f"(SELECT * FROM events WHERE {' AND '.join(conditions) or 'true'})"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE seen AS {events_of_people(relation, keys)}", bounds)
    try:
        engine.register("united", distinct_people(engine, "seen", keys))
        return arrow(engine, "SELECT *, best / greatest(total, 1) AS share FROM united ORDER BY ALL")
    finally:
        engine.execute("DROP TABLE seen")
        engine.unregister("united")


def seen_of_late(
    querying: Callable[[datetime, datetime], AbstractContextManager[Engine]], newest: datetime
) -> list[dict[str, Any]]:
    """Whom each vendor has seen in the :data:`SEEN_DAYS` up to the ``newest`` event: each person once, whoever read them.

    ``querying`` opens an engine over the events between two times. Rows of vendor (none: the company's own accounts), database,
    table, days, people (low, best, high), of and share, both None where the people of the table are not known.
    """
    end = newest + timedelta(microseconds=1)
    found: list[dict[str, Any]] = []
    for days in SEEN_DAYS:
        since = end - timedelta(days=days)
        with querying(since, end) as engine:
            rows = seen_by(engine, ["vendor", "database"], since=since, until=end).to_pylist()
        found += [
            {
                "vendor": row["vendor"],
                "database": row["database"],
                "table": row["person_table"],
                "days": days,
                "people": {name: row[name] for name in ("low", "best", "high")},
                "of": row["total"],
                "share": round(row["share"], 4) if row["total"] else None,
            }
            for row in rows
        ]
    return found


__all__ = ["SEEN_DAYS", "SET_COLUMNS", "distinct_people", "seen_by", "seen_of_late", "sliding_sum"]
