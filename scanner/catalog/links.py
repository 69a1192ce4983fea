"""References to people that neither a foreign key nor a name tells: the values themselves do.

Of a column that could be such a reference, thirty of its sampled values are looked up in the key of each people table: index
look-ups, a bounded number of them. Nearly all must be there. Running numbers are in the key of every table of that size, so that
a column of integers has to spread over the key's whole range, as references do and codes, amounts and counts do not, and no other
table may have running numbers up to the same size. The values are kept in memory until the end of the scan and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.catalog.reading import KeyHits, RawColumn, Relation
from scanner.catalog.recognizers import TypeKind
from scanner.model import Column, TableRef

KEPT = 30  # values of a column that are kept for this
_FEWEST = 10  # different values that say anything
_LONGEST = 64  # characters of a key
_FOUND = 0.95  # of the values must be in the key
_MOST_ASKS = 100  # look-ups a scan
_SECONDS = 10.0  # they may take together
_PEOPLE = 5  # people tables asked, the largest first
_SMALLEST = 200  # people: in a smaller table any small integer is a key
_KINDS = frozenset({TypeKind.INTEGER, TypeKind.NUMBER, TypeKind.TEXT, TypeKind.UUID})

Asks = Callable[[Relation, RawColumn, Sequence[str]], KeyHits | None]


@dataclass(frozen=True)
class Candidate:
    """A column that may refer to people, with some of its values."""

    column: str
    kind: TypeKind
    values: tuple[str, ...] = field(repr=False)


def candidates(relation: Relation, values: Mapping[str, Sequence[str]]) -> tuple[Candidate, ...]:
    """Columns of a sampled table that may refer to something: not its own key, of many different short values."""
    own = {k[0] for k in (relation.primary_key, *relation.unique_keys) if len(k) == 1}
    return tuple(
        Candidate(c.name, c.kind, tuple(evenly(found, KEPT)))
        for c in relation.columns
        if c.kind in _KINDS
        and c.name not in own
        and len(found := values.get(c.name, ())) >= _FEWEST
        and max(map(len, found)) <= _LONGEST
    )


def evenly(values: Sequence[str], most: int) -> list[str]:
    """At most ``most`` of the values, evenly from all of them."""
    if len(values) <= most:
        return list(values)
    step = len(values) / most
    return [values[int(i * step)] for i in range(most)]


def value_links(
    relations: Mapping[TableRef, Relation],
    columns: Mapping[TableRef, tuple[Column, ...]],
    people: Mapping[TableRef, str],
    found: Mapping[TableRef, Sequence[Candidate]],
    sizes: Mapping[TableRef, int | None],
    asks: Asks,
) -> dict[TableRef, str]:
    """Tables whose rows refer to people by value: the column. ``found`` has the tables that nothing else tells about."""
    if not people:
        return {}
    until, left = time.monotonic() + _SECONDS, _MOST_ASKS
    largest = sorted(people, key=lambda ref: (-(sizes.get(ref) or 0), ref))[:_PEOPLE]
    keys = {target: next(c for c in relations[target].columns if c.name == people[target]) for target in largest}
    result: dict[TableRef, str] = {}
    for ref in sorted(found, key=lambda ref: (-(sizes.get(ref) or 0), ref)):
        personal = {c.name for c in columns.get(ref, ()) if c.pii_class is not None}
        for candidate in found[ref]:
            if candidate.column in personal:
                continue
            for target, key in keys.items():
                if ref in result or not _same_kind(candidate.kind, key.kind) or target == ref:
                    continue
                if left <= 0 or time.monotonic() > until:
                    return result
                left -= 1
                hits = asks(relations[target], key, candidate.values)
                if hits is not None and _refers(candidate, hits, target, people, relations, sizes):
                    result[ref] = candidate.column
    return result


def _same_kind(one: TypeKind, other: TypeKind) -> bool:
    numbers = (TypeKind.INTEGER, TypeKind.NUMBER)
    return one == other or (one in numbers and other in numbers)


def _refers(
    candidate: Candidate,
    hits: KeyHits,
    target: TableRef,
    people: Mapping[TableRef, str],
    relations: Mapping[TableRef, Relation],
    sizes: Mapping[TableRef, int | None],
) -> bool:
    if hits.found < _FOUND * len(candidate.values):
        return False
    if hits.low is None or hits.high is None:
        return True  # codes and UUIDs are not in another table's key by chance
    rows = sizes.get(target) or 0
    numbers = sorted(int(float(v)) for v in candidate.values)
    if rows < _SMALLEST or hits.high <= hits.low or len({n % 10 for n in numbers}) < 5:
        return False
    places = [(n - hits.low) / (hits.high - hits.low) for n in numbers]
    if not (places[0] <= 0.25 and 0.2 <= places[len(places) // 2] <= 0.8 and places[-1] >= 0.75):
        return False
    if rows < 0.5 * (hits.high - hits.low):
        return True  # not running numbers: chance would have missed
    # running numbers of another table that reach as far would hold the values just as well
    return not any(
        ref not in people and 0.7 * rows <= (sizes.get(ref) or 0) <= 1.4 * rows and _integer_key(relations[ref])
        for ref in relations
    )


def _integer_key(relation: Relation) -> bool:
    if len(relation.primary_key) != 1:
        return False
    return any(c.name == relation.primary_key[0] and c.kind in (TypeKind.INTEGER, TypeKind.NUMBER) for c in relation.columns)
