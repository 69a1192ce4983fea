"""Where a statement shape names the people it reads: the constants or parameters of its predicates on a person's key.

Lineage has proved which columns narrow a relation; here their constants are found among the tokens of one statement of the shape.
All statements of a shape have the same tokens but for literals, so a pattern made of the tokens finds the same places in every
one of them (:mod:`scanner.exposure.keys` does, on whole columns). What cannot be placed for certain gives no plan: then it is
not known which people were read, and they are counted one by one as before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from scanner.exposure.keytokens import LITERALS, Finder, Slot, tokenize
from scanner.model import Flow, KeyPredicate, Kind, Lineage, Schema, Table

_LONGEST = 400_000  # characters of a representative that are looked at


@dataclass(frozen=True)
class KeyPlan:
    """How to tell from a statement of the shape whose keys it names.

    ``kind``: points (the keys themselves), span (from the first slot to the second), page (as many keys as rows behind the slot,
    or before it when ``down``), start (a page that begins behind values which do not count upwards), rows (places ``offset`` to
    ``offset + n`` of an ordered result), residue (keys that leave a rest), everybody, unknown.
    """

    table: str
    total: int | None
    domain: str
    kind: str
    value: str = "text"  # integer | date | time | text
    slots: tuple[Slot, ...] = ()
    others: tuple[Slot, ...] = ()  # further constants: other ones choose other people among those with these keys
    pattern: str = ""  # of the statement up to its last slot; "" when all slots are parameters
    head: str = ""  # how the representative begins, up to its first literal
    tail: str = ""  # the pattern behind that
    after: tuple[int, int] = (0, 0)  # what to add to the bounds: id > 5 begins at 6
    down: bool = False
    one_each: bool = False  # a key is one row
    of_people: bool = False  # the domain is the people's own key
    people_each: int = 0  # people that a key names, as far as can be told beforehand; 0: any number
    nobody_else: bool = False  # all rows are of the people named, however many rows there are
    most: Slot | None = None  # LIMIT $2: the bound value says how many rows at most

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> KeyPlan:
        raw: dict[str, Any] = json.loads(text)
        raw.update({name: tuple(Slot(**slot) for slot in raw[name]) for name in ("slots", "others")}, after=tuple(raw["after"]))
        raw["most"] = Slot(**raw["most"]) if raw.get("most") else None
        return KeyPlan(**raw)


def key_plan(statement: str, lineage: Lineage, lead: Table | None, schema: Schema, dialect: str) -> KeyPlan | None:
    """The plan of a shape by one of its statements; ``lead`` is the personal table that holds most of the people read."""
    if lead is None:
        return None
    people, _ = people_of(lead, lead.person_column, schema)
    total = people.persons if people.persons is not None else people.rows
    unknown = KeyPlan(str(people.ref), total, "", "unknown")
    plan = replace(unknown, domain="*", kind="everybody")
    if lineage.unknown or lineage.kind not in _READS:
        return unknown
    if not lineage.filtered and not lineage.predicates and lineage.limit is None and not lineage.has_offset:
        return unknown if lineage.grouped and not lineage.keeps_values else plan
    style = "mysql" if dialect in ("mysql", "mariadb", "bigquery") else "postgresql"
    tokens = tokenize(statement, style) if len(statement) <= _LONGEST and dialect != "mongodb" else None
    if tokens is None:
        return unknown
    finder = Finder(tokens, style)
    if any(word in _RANDOM and finder.word(at + 1) == "(" for at, word in enumerate(finder.words)):
        return unknown  # other people each time
    made = (
        _by_key(finder, lineage, lead, schema, plan)
        or _by_residue(finder, plan)
        or (_by_page_start(finder, plan) if lineage.keyset_order else None)
        or (_by_rows(finder, plan) if lineage.limit is not None or lineage.has_offset else None)
    )
    found = _patterned(finder, made, statement) if made is not None else unknown
    return replace(found, most=_limit(finder)) if lineage.limit is None and not lineage.keeps_values else found


def _limit(finder: Finder) -> Slot | None:
    """The parameter of the outermost ``LIMIT $1`` or ``FETCH FIRST $1 ROWS``."""
    depth, most = 0, None
    for at, word in enumerate(finder.words):
        depth += (word == "(") - (word == ")")
        if depth or word not in ("limit", "fetch"):
            continue
        found = finder.literal(at + 1 + (finder.word(at + 1) in ("first", "next")))
        most = found[0][0] if found is not None and len(found[0]) == 1 and found[0][0].param else None
    return most


_RANDOM = frozenset({"rand", "random", "random_bytes", "uuid", "uuid_short", "newid", "gen_random_uuid", "uuid_generate_v4"})
_READS = frozenset({Kind.SELECT, Kind.COPY_OUT, Kind.UPDATE, Kind.DELETE, Kind.INSERT, Kind.CREATE_AS})


def people_of(table: Table, column: str | None, schema: Schema) -> tuple[Table, str | None]:
    """The table that describes the people whose key ``column`` of ``table`` holds, and its key there."""
    if column is None or (column,) in table.unique_keys:
        return table, column
    for other in sorted(schema.tables.values(), key=lambda t: str(t.ref)):
        key = other.person_column
        if other.ref == table.ref or key is None or (key,) not in other.unique_keys or not other.has_pii:
            continue
        stem = other.ref.name.casefold()
        names = {key.casefold(), *(f"{s}_{key}".casefold() for s in (stem, stem.removesuffix("s"), stem.removesuffix("es")))}
        if column.casefold() in names - {"id", "no", "code", "key", "seq", "uuid"}:
            return other, key
    return table, column


def _patterned(finder: Finder, plan: KeyPlan, statement: str) -> KeyPlan:
    """The plan with the pattern that finds its groups, numbered in their order in it."""
    wanted = sorted({slot.group for slot in (*plan.slots, *plan.others) if slot.group})
    if not wanted:
        return plan
    pattern, tail, first = finder.pattern(wanted)
    groups = {number: place for place, number in enumerate(wanted, 1)}
    slots, others = (
        tuple(replace(slot, group=groups.get(slot.group, 0)) for slot in found) for found in (plan.slots, plan.others)
    )
    return replace(plan, slots=slots, others=others, pattern=pattern, head=statement[:first], tail=tail)


# -- what the constants mean ----------------------------------------------------------------------------------------

_IDENTIFYING = frozenset({"eq", "in"})
_WHOLE = frozenset(
    {"int", "integer", "smallint", "bigint", "int2", "int4", "int8", "tinyint", "mediumint", "serial", "bigserial"}
)
_DATES, _TIMES = frozenset({"date"}), frozenset({"timestamp", "timestamptz", "datetime"})


def value_kind(type_: str) -> str:
    """integer, date, time or text, by the engine's name of a column's type."""
    word = type_.lower().split("(")[0].split()[0] if type_.strip() else ""
    if word in _WHOLE:
        return "integer"
    return "date" if word in _DATES else "time" if word in _TIMES else "text"


def _by_key(finder: Finder, lineage: Lineage, lead: Table, schema: Schema, plan: KeyPlan) -> KeyPlan | None:
    """People named by their own key, else by another of their identifiers, else by a key of a table joined to them."""
    ranked: list[tuple[int, KeyPredicate, Table, str]] = []
    for predicate in lineage.predicates:
        table = schema.tables.get(predicate.table)
        if table is None or (column := table.column(predicate.column)) is None:
            continue
        unique = (column.name,) in table.unique_keys
        person = column.name == table.person_column
        direct = column.pii_class is not None and column.form == "typed"
        kind = value_kind(column.type)
        if predicate.kind in _IDENTIFYING and (unique or person or direct):
            rank = 0 if person else 1 if table.ref == lead.ref else 2
        elif predicate.kind == "range" and (unique or person):
            rank = 3 if person else 4
        elif predicate.kind in ("range", "eq") and kind in ("date", "time"):
            rank = 5
        elif predicate.kind == "like" and (unique or person or direct):
            rank = 6
        else:
            continue
        ranked.append((rank, predicate, table, kind))
    for rank, predicate, table, kind in sorted(ranked, key=lambda found: found[0]):
        people, key = people_of(table, predicate.column if rank in (0, 3) else None, schema)
        of_people = rank in (0, 3) and key is not None and str(people.ref) == plan.table
        domain = f"{plan.table}.{key}" if of_people else f"{table.ref}.{predicate.column}"
        column = table.column(predicate.column)
        identifier = column is not None and column.pii_class not in (None, "PERSON") and predicate.kind in _IDENTIFYING
        one = of_people or identifier or (predicate.column,) in table.unique_keys
        based = replace(
            plan,
            domain=domain,
            value=kind,
            one_each=of_people and (predicate.column,) in lead.unique_keys,
            of_people=of_people,
            people_each=1 if one else 0,
            nobody_else=of_people and rank == 0 and predicate.table == lead.ref and _alone(lineage, lead, schema),
        )
        made = _placed(finder, predicate, based)
        if made is None:
            continue
        if made.kind == "points" and of_people:
            return made  # whatever else is asked, a key is one person
        return _with_others(finder, made)
    return None


def _alone(lineage: Lineage, lead: Table, schema: Schema) -> bool:
    """Whether no other table's people leave with the statement."""
    others = {o.table for o in lineage.outputs if o.flow is not Flow.AGGREGATED and o.table != lead.ref}
    return not lineage.branches and not any((table := schema.tables.get(ref)) and table.has_pii for ref in others)


def _placed(finder: Finder, predicate: KeyPredicate, plan: KeyPlan) -> KeyPlan | None:
    places = finder.names(predicate.column)
    if predicate.kind in _IDENTIFYING:
        slots = [found for at in places if (found := _equals(finder, at)) is not None]
        if not slots or (len(slots) > 1 and predicate.kind == "eq"):
            return None
        if plan.value in ("date", "time"):
            if len(slots) > 1 or len(slots[0]) > 1:
                return None
            return replace(plan, kind="span", slots=(slots[0][0], slots[0][0]))
        return replace(plan, kind="points", slots=tuple(slot for found in slots for slot in found))
    if predicate.kind == "like":
        slots = [found for at in places if finder.word(at + 1) in ("like", "ilike") and (found := _one(finder, at + 2))]
        return (
            replace(plan, kind="points", domain=f"{plan.domain} like", value="text", slots=slots[0]) if len(slots) == 1 else None
        )
    return _span(finder, places, plan)


def _one(finder: Finder, at: int) -> tuple[Slot, ...] | None:
    while finder.word(at) == "(":
        at += 1
    found = finder.literal(at)
    return found[0] if found is not None else None


def _equals(finder: Finder, at: int) -> tuple[Slot, ...] | None:
    """Slots of ``column = 5``, ``column in (1, 2)``, ``column = any('{1,2}')``, ``5 = column``."""
    after = at + 1
    while finder.word(after) == "::":
        after += 2
    word = finder.word(after)
    if word == "=" and finder.word(after + 1) in ("any", "some") and finder.word(after + 2) == "(":
        inner = after + 3
        while finder.word(inner) in ("array", "[", "("):
            inner += 1
        return _one(finder, inner)
    if word == "=":
        return _one(finder, after + 1)
    if word == "in" and finder.word(after + 1) == "(":
        found = finder.literal(after + 2)
        return found[0] if found is not None and finder.word(found[1]) == ")" else None
    before = at - 1
    while finder.word(before) == "." and before >= 2:
        before -= 2
    if finder.word(before) == "=":
        return next((f[0] for start, end in finder.runs if end == before and (f := finder.literal(start))), None)
    return None


def _span(finder: Finder, places: Sequence[int], plan: KeyPlan) -> KeyPlan | None:
    low: list[tuple[Slot, int]] = []
    high: list[tuple[Slot, int]] = []
    for at in places:
        word = finder.word(at + 1)
        if word == "between":
            second = at + 2 + (finder.word(at + 2) in ("symmetric", "asymmetric"))
            first = finder.literal(second)
            last = finder.literal(first[1] + 1) if first is not None and finder.word(first[1]) == "and" else None
            if first is None or last is None or len(first[0]) > 1 or len(last[0]) > 1:
                return None
            low.append((first[0][0], 0))
            high.append((last[0][0], 0))
        else:
            found = finder.literal(at + 2) if word in _MIRROR else None
            if word not in _MIRROR:
                word, found = _before(finder, at)
                if word not in _MIRROR:
                    continue
            if found is None or len(found[0]) > 1:
                return None
            side, step = (low, 1) if word[0] == ">" else (high, -1)
            side.append((found[0][0], step if len(word) == 1 else 0))
    if len(low) > 1 or len(high) > 1 or not (low or high):
        return None
    if low and high:
        return replace(plan, kind="span", slots=(low[0][0], high[0][0]), after=(low[0][1], high[0][1]))
    bound, step = (low or high)[0]
    return replace(plan, kind="page", slots=(bound,), after=(step, 0), down=not low)


_MIRROR = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


def _before(finder: Finder, at: int) -> tuple[str, tuple[tuple[Slot, ...], int] | None]:
    """What stands before a column, as if it stood behind it: ``5 <= id`` is ``id >= 5``."""
    before = at - 1
    while finder.word(before) == "." and before >= 2:
        before -= 2
    bound = next((found for start, end in finder.runs if end == before and (found := finder.literal(start))), None)
    return _MIRROR.get(finder.word(before), "") if bound is not None else "", bound


def _with_others(finder: Finder, plan: KeyPlan) -> KeyPlan | None:
    """The plan with the further constants of the conditions; a page's own LIMIT is none of them."""
    used = {(s.group, s.param) for s in plan.slots}
    others: list[Slot] = []
    begin = finder.conditions()
    for start, _ in finder.runs:
        if start < begin:
            continue
        if finder.word(start - 1) == "limit" and plan.kind in ("page", "rows"):
            continue
        if finder.word(start - 1) == "collate" or finder.word(start - 2) == "name_const":
            continue  # a name, no value
        found = finder.literal(start)
        if found is None:
            return None
        others += [slot for slot in found[0] if (slot.group, slot.param) not in used]
    return replace(plan, others=tuple(others))


def _by_residue(finder: Finder, plan: KeyPlan) -> KeyPlan | None:
    """``id % 10 = 3``, ``mod(id, 10) = 3``: every tenth."""
    if {"or", "not", "case"} & set(finder.words):
        return None
    signs = [i for i, word in enumerate(finder.words) if word == "%"]
    if len(signs) == 1:
        at = signs[0]
        first, begin = finder.literal(at + 1), at
    else:
        starts = [i for i, word in enumerate(finder.words) if word == "mod" and finder.word(i + 1) == "("]
        if len(starts) != 1:
            return None
        at = next((i for i in range(starts[0], len(finder.words)) if finder.word(i) == "," and finder.literal(i + 1)), -1)
        first, begin = (finder.literal(at + 1), at) if at > 0 else (None, 0)
    if first is None:
        return None
    behind = first[1]
    while finder.word(behind) == ")":
        behind += 1
    rest = finder.literal(behind + 1) if finder.word(behind) == "=" else None
    if rest is None or len(first[0]) > 1 or len(rest[0]) > 1:
        return None
    words = []
    while begin > 0 and finder.word(begin - 1) not in ("where", "and", "on"):
        begin -= 1
        words.append(finder.word(begin))
    if any(start >= begin and end <= at for start, end in finder.runs):
        return None  # constants inside what is divided
    name = "".join(word for word in reversed(words) if word not in ("(", ")", "mod"))
    made = replace(plan, kind="residue", domain=f"{plan.table}.{name}", value="integer", slots=(first[0][0], rest[0][0]))
    return _with_others(finder, made)


def _by_page_start(finder: Finder, plan: KeyPlan) -> KeyPlan | None:
    """Pages that begin behind several values, or behind texts: a page is told by all its constants."""
    return _all_slots(finder, replace(plan, kind="start", domain=f"{plan.table} page"))


def _all_slots(finder: Finder, plan: KeyPlan) -> KeyPlan | None:
    slots: list[Slot] = []
    for start, _ in finder.runs:
        found = finder.literal(start)
        if found is None:
            return None
        slots += found[0]
    return replace(plan, slots=tuple(slots)) if slots else None


def _by_rows(finder: Finder, plan: KeyPlan) -> KeyPlan | None:
    """``offset 500``: places in an ordered result. Other conditions make it another result."""
    offset: tuple[Slot, ...] = ()
    ordered = next((i for i, word in enumerate(finder.words) if word == "order" and finder.word(i + 1) == "by"), None)
    for i, word in enumerate(finder.words):
        if word == "offset":
            found = finder.literal(i + 1)
            if found is None or offset or len(found[0]) > 1:
                return None
            offset = found[0]
        elif word == "limit" and finder.word(i + 2) == ",":  # MySQL: LIMIT offset, count
            found = finder.literal(i + 1)
            offset = found[0] if found is not None else ()
    end = next((i for i, w in enumerate(finder.words) if w in ("limit", "offset", "fetch") and i > (ordered or 0)), None)
    order = " ".join(finder.words[ordered + 2 : end]) if ordered is not None else ""
    start = next((i for i, word in enumerate(finder.words) if word == "where"), None)
    stop = ordered or end
    where = [] if start is None else list(zip(finder.tokens[start:stop], finder.words[start:stop], strict=True))
    words = ["by", order, *("?" if token.kind in LITERALS else word for token, word in where)]
    made = replace(plan, kind="rows", domain=f"{plan.table} {' '.join(words)}"[:200], value="integer", slots=offset)
    return _with_others(finder, made)


__all__ = ["KeyPlan", "Slot", "key_plan", "people_of", "value_kind"]
