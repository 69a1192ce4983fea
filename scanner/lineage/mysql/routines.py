"""The catalogue's own functions and procedures of MariaDB and MySQL: what a statement that calls them reads through their bodies.

The log shows a function's tables, but neither what of them is returned nor how much. Of a procedure every query stands in the log
by itself, with one exception: rows taken through a cursor into variables, which a query without a table then returns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from scanner.lineage.mysql.lexical import Is, Token, tokens
from scanner.lineage.mysql.names import Names
from scanner.lineage.techniques import Technique
from scanner.model import Destination, Flow, Function, Kind, Lineage, Output, TableRef

_NO_DATA = re.compile(r"(?i)^\s*(?:(?:tiny|small|medium|big)?int|bool|decimal|numeric|float|double|real|bit|year|date|time)")
_MAX_DEPTH, _MOST_QUERIES = 6, 200

Read = Callable[[Sequence[Token], Names], Lineage]
"""Reads one statement of a body."""


@dataclass(frozen=True)
class Body:
    """What the queries of a routine's body do, taken together."""

    tables: tuple[TableRef, ...] = ()
    outputs: tuple[Output, ...] = ()
    narrowed: bool = False  # what they return depends on what the routine is given
    walks: bool = False  # rows come through a cursor into variables
    definer: bool = False


def with_functions(made: Lineage, called: Sequence[str], names: Names, read: Read) -> Lineage:
    """The lineage of a query with what the functions it calls hand over. ``called``: their names, lower case."""
    bodies = [_body(f, names, read) for f in _known(called, names, "function")]
    bodies = [b for b in bodies if b.tables]
    if not bodies or made.kind is Kind.UNPARSED:
        return made
    outputs = dict.fromkeys([*made.outputs, *(o for b in bodies for o in b.outputs)])
    words = [*made.techniques, str(Technique.FUNCTION)]
    words += [str(Technique.DEFINER_FUNCTION)] if any(b.definer for b in bodies) else []
    return replace(
        made,
        tables=tuple(dict.fromkeys([*made.tables, *(ref for b in bodies for ref in b.tables)])),
        outputs=tuple(outputs),
        keeps_values=made.keeps_values or any(o.flow is Flow.KEPT for o in outputs),
        filtered=made.filtered or any(b.narrowed for b in bodies),
        techniques=tuple(dict.fromkeys(words)),
    )


def with_procedure(made: Lineage, names: Names, read: Read) -> Lineage:
    """The lineage of a CALL with what the procedure reads. Only what goes through its variables leaves with the CALL itself."""
    bodies = [_body(f, names, read) for f in _known(made.functions, names, "procedure")]
    if not any(b.tables for b in bodies):
        return made
    words = [*made.techniques, str(Technique.FUNCTION)]
    words += [str(Technique.DEFINER_FUNCTION)] if any(b.definer for b in bodies) else []
    outputs = tuple(dict.fromkeys(o for b in bodies if b.walks for o in b.outputs))
    return replace(
        made,
        tables=tuple(dict.fromkeys([*made.tables, *(ref for b in bodies for ref in b.tables)])),
        outputs=outputs,
        destination=Destination.CLIENT if outputs else made.destination,
        filtered=True,
        techniques=tuple(dict.fromkeys(words)),
    )


def _known(called: Sequence[str], names: Names, kind: str) -> Iterator[Function]:
    wanted = {tuple(name.replace("`", "").lower().rpartition(".")[::2]) for name in called}
    for ref, found in names.schema.functions.items():
        for schema, name in wanted:
            if ref.name.lower() == name and (schema or names.database).lower() in ("", ref.schema.lower()):
                yield from (f for f in found if f.kind == kind and f.language == "mysql")


def _body(function: Function, names: Names, read: Read) -> Body:
    if function.ref in names.inside or len(names.inside) >= _MAX_DEPTH:
        return Body()
    inside = Names(names.schema, (), function.ref.schema, inside=(*names.inside, function.ref))
    text = tokens(function.body)
    found = [read(part, inside) for part in islice(_queries(text.tokens), _MOST_QUERIES)]
    words = {t.upper for t in text.tokens}
    outputs = tuple(dict.fromkeys(o for one in found for o in one.outputs))
    if function.kind == "function" and _NO_DATA.match(function.returns):
        outputs = tuple(replace(o, flow=Flow.AGGREGATED) for o in outputs)
    return Body(
        tables=tuple(dict.fromkeys(ref for one in found for ref in one.tables)),
        outputs=outputs,
        narrowed=any(one.filtered or one.limit is not None or one.unknown for one in found),
        walks="CURSOR" in words and "FETCH" in words,
        definer=function.security_definer,
    )


def _queries(found: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The queries of a body: from each SELECT or WITH to the end of its statement, or of the brackets that it stands in."""
    at = 0
    while at < len(found):
        if found[at].upper not in ("SELECT", "WITH"):
            at += 1
            continue
        depth, end = 0, at
        while end < len(found):
            token = found[end]
            if token.kind is Is.MARK and token.text in "();":
                depth += (token.text == "(") - (token.text == ")")
                if depth < 0 or (token.text == ";" and not depth):
                    break
            end += 1
        yield found[at:end]
        at = end + 1
