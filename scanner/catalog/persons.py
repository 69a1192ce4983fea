"""Whose data: which column of a table identifies a person, and how many people a table holds.

A *people table* describes people, one row each: its own key identifies them. Other tables refer to people through a foreign
key, or through a column that bears the key's name or holds its values (:mod:`scanner.catalog.links`); their people are that
column's different values. A table with personal data and no such link is counted by its best own identifier (resident number
before e-mail before phone).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from scanner.catalog.reading import Relation
from scanner.catalog.recognizers.base import tokens
from scanner.catalog.words import PEOPLE, Vocabulary, any_of
from scanner.model import Column, TableRef

_IDENTIFIERS = (
    "KR_RRN",
    "KR_FRN",
    "US_SSN",
    "UK_NINO",
    "KR_CI",
    "KR_PASSPORT",
    "KR_DRIVER_LICENSE",
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "LOGIN_ID",
    "CREDIT_CARD",
    "BANK_ACCOUNT",
    "PERSON",
)
_DIRECT = frozenset(_IDENTIFIERS) - {"CREDIT_CARD", "BANK_ACCOUNT"}
_KEY_TAIL = frozenset(
    {"id", "no", "num", "number", "key", "seq", "sn", "cd", "code", "idx", "uid", "uuid", "번호", "아이디", "키", "코드"}
)

_ACTS = tokens(
    """
    ord order orders dlv dlvr delivery deliveries shipment shipments ship pay payment payments log logs hist history
    claim claims call calls refund refunds inquiry inquiries qna review reviews 주문 배송 결제 이력 문의 환불
    """
)
# People who act for the company: their key in a customer's row does not say whose row it is.
_STAFF = tokens("agent agents staff counselor driver owner account accounts")


@dataclass(frozen=True)
class PersonKey:
    """The column of a table that identifies a person."""

    column: str
    own: bool  # the table's own key: one row a person


def _is_person_key(split: list[str]) -> bool:
    """``mbr_no``, ``customer_id``, ``회원번호``: a word for people, then a word for keys."""
    return len(split) >= 2 and any_of(split[:-1], PEOPLE) and split[-1] in _KEY_TAIL


def people_tables(
    relations: Mapping[TableRef, Relation], columns: Mapping[TableRef, tuple[Column, ...]], vocabulary: Vocabulary
) -> dict[TableRef, str]:
    """Tables that describe people, with their key column."""
    result: dict[TableRef, str] = {}
    for ref, relation in relations.items():
        if relation.kind not in ("table", "materialized_view", "foreign_table"):
            continue
        direct = {c.pii_class for c in columns[ref] if c.pii_class in _DIRECT and c.form != "embedded"}
        single = [k[0] for k in (relation.primary_key, *relation.unique_keys) if len(k) == 1]
        if not direct or not single:
            continue
        key = single[0]
        named = any_of(vocabulary.split(ref.name), PEOPLE)
        refers = any(f.columns != (key,) and any_of(vocabulary.split(f.target.name), PEOPLE) for f in relation.foreign_keys)
        keyed = _is_person_key(vocabulary.split(key))
        if keyed or (named and not refers) or (len(direct) >= 3 and not refers and not _about_acts(vocabulary.split(ref.name))):
            result[ref] = key
    return result


def _about_acts(split: list[str]) -> bool:
    return any_of(split, _ACTS)


def person_keys(
    relations: Mapping[TableRef, Relation],
    columns: Mapping[TableRef, tuple[Column, ...]],
    vocabulary: Vocabulary,
    links: Callable[[Mapping[TableRef, str], Collection[TableRef]], Mapping[TableRef, str]] | None = None,
) -> dict[TableRef, PersonKey]:
    """For each table that holds or refers to people, the column that identifies them.

    ``links`` is asked, with the people tables and their keys, about the tables that neither a key nor a name tells about.
    """
    people = people_tables(relations, columns, vocabulary)
    names: dict[str, TableRef] = {}
    for ref, key in sorted(people.items()):
        names.setdefault(key.casefold(), ref)
        parts = vocabulary.split(key)
        if len(parts) == 1:  # customers.id is orders.customer_id
            for word in vocabulary.split(ref.name):
                for stem in {word, word.removesuffix("s"), word.removesuffix("es")}:
                    names.setdefault(f"{stem}_{key.casefold()}", ref)
                    names.setdefault(f"{stem}{key.casefold()}", ref)
    names = {n: r for n, r in names.items() if n not in _KEY_TAIL}
    told = {ref: _refers(relation, people, names, vocabulary) for ref, relation in relations.items() if ref not in people}
    linked = links(people, [ref for ref, column in told.items() if column is None]) if links is not None else {}
    result: dict[TableRef, PersonKey] = {}
    for ref, relation in relations.items():
        if ref in people:
            result[ref] = PersonKey(people[ref], own=True)
            continue
        found = told[ref] or linked.get(ref)
        if found is None:
            found = next((c.name for e in _IDENTIFIERS for c in columns[ref] if c.pii_class == e and c.form != "embedded"), None)
        if found is not None:
            result[ref] = PersonKey(found, own=(found,) in relation.unique_keys)
    return result


def _refers(
    relation: Relation, people: Mapping[TableRef, str], names: Mapping[str, TableRef], vocabulary: Vocabulary
) -> str | None:
    for foreign in relation.foreign_keys:
        if len(foreign.columns) == 1 and foreign.target in people:
            return foreign.columns[0]
    for column in relation.columns:
        if column.name.casefold() in names:
            return column.name
    if relation.parent is not None:
        return None
    return next(
        (
            c.name
            for c in relation.columns
            if _is_person_key(vocabulary.split(c.name))
            and any_of(
                vocabulary.split(c.name),
                PEOPLE - _STAFF,
            )
        ),
        None,
    )


def estimate_distinct(seen: int, distinct: int, singles: int, rows: int) -> int:
    """Different values in ``rows`` from a sample: Haas and Stokes' Duj1, as PostgreSQL's ANALYZE uses.

    ``n·d / (n − f1 + f1·n/N)`` with sample size n, d distinct of which f1 seen once, and N rows.
    """
    if seen == 0:
        return 0
    if seen >= rows:
        return distinct
    value = seen * distinct / (seen - singles + singles * seen / rows)
    return max(distinct, min(rows, round(value)))
