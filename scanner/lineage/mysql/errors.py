"""Values that leave in error messages: ``extractvalue(1, concat('~', (select …)))`` fails and says what it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlglot import exp

from scanner.lineage.mysql import rewrite
from scanner.lineage.mysql.lexical import Token
from scanner.lineage.mysql.names import Names, distinct
from scanner.lineage.mysql.words import words as word_set
from scanner.model import Flow, Lineage

First = Callable[[Iterable[str], Names], Lineage | None]
"""The lineage of the first of several wordings that is understood."""

TELLING = word_set("extractvalue updatexml gtid_subset gtid_subtract st_latfromgeohash st_longfromgeohash st_pointfromgeohash")
"""Functions whose error message says what they were given."""


def with_errors(made: Lineage, body: Sequence[Token], names: Names, first: First) -> Lineage:
    """``where extractvalue(1, concat('~', (select rrn from customer limit 1)))`` returns a value in its error message."""
    tree = rewrite.parse(body, names)
    calls = [] if tree is None else [n for n in tree.find_all(exp.Func) if rewrite.called_as(n) in TELLING]
    for call in calls:
        outer = call.find_ancestor(exp.Select)
        given = [e for e in call.iter_expressions() if e.find(exp.Column, exp.Select)]
        if outer is None or not given:
            continue
        copy = outer.copy()
        for clause in ("where", "having", "group", "order", "limit", "offset", "distinct"):
            copy.set(clause, None)
        copy.set("expressions", [e.copy() for e in given])
        texts = [text for plain in (False, True) if (text := rewrite.query(copy.limit(1), names, plain=plain)) is not None]
        told = first(texts, names)
        leaves = [o for o in told.outputs if o.flow is not Flow.AGGREGATED] if told is not None else []
        if told is None or not leaves:
            continue
        if all(o.flow is Flow.AGGREGATED for o in made.outputs):  # nothing else leaves: one value a statement
            made = replace(made, limit=1, predicates=told.predicates, filtered=True)
        made = replace(
            made,
            tables=distinct(made.tables, told.tables),
            outputs=(*made.outputs, *leaves),
            keeps_values=made.keeps_values or told.keeps_values,
        )
    return made
