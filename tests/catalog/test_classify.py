"""The classifier as a whole: right on made-up schemas it was not fitted to, explained, stable, and silent about values."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.catalog.classify import Classifier
from scanner.catalog.recognizers import RECOGNIZERS, TypeKind
from scanner.catalog.samples import ColumnSample, units
from scanner.model import TableRef
from tests.catalog.generate import columns

TABLE = TableRef("public", "t")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(RECOGNIZERS)


def sample(
    name: str, values: list[str], kind: TypeKind = TypeKind.TEXT, table: TableRef = TABLE, comment: str = ""
) -> ColumnSample:
    distinct = tuple(dict.fromkeys(values))
    return ColumnSample(table, name, kind, distinct, len(values), 0, len(distinct), comment)


@pytest.mark.parametrize("seed", [101, 102])
def test_judging_side(seed: int, classifier: Classifier) -> None:
    labelled = columns("judge", seed, tables=40)
    verdicts = classifier.classify([s for s, _, _ in labelled])
    found = right = wrong = missed = 0
    for (_, entity, form), verdict in zip(labelled, verdicts, strict=True):
        if entity is not None and verdict.pii_class is not None:
            found += 1
            right += (entity, form) == (verdict.pii_class, verdict.form)
        wrong += entity is None and verdict.pii_class is not None
        missed += entity is not None and verdict.pii_class is None
    assert 2 * found / (2 * found + wrong + missed) >= 0.95
    assert right / found >= 0.95


def test_evidence_never_shows_a_value(classifier: Classifier) -> None:
    labelled = columns("judge", 7, tables=20)
    for (s, _, _), verdict in zip(labelled, classifier.classify([x for x, _, _ in labelled]), strict=True):
        assert verdict.evidence
        assert not [v for v in s.values if len(v) >= 5 and v in verdict.evidence]
        assert not [v for v in s.values[:3] if len(v) >= 5 and v in repr(s)]


def test_same_samples_same_verdicts(classifier: Classifier) -> None:
    only = [s for s, _, _ in columns("judge", 8, tables=10)]
    first = classifier.classify(only)
    assert classifier.classify(only) == first
    turned = Classifier(RECOGNIZERS).classify(list(reversed(only)))
    assert list(reversed(turned)) == first


def phones(count: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return [f"010-{chance.randint(2000, 9999)}-{chance.randint(0, 9999):04d}" for _ in range(count)]


def test_one_phone_in_a_hundred_texts_is_found(classifier: Classifier) -> None:
    texts = [f"{i}번째 문의 내용입니다 확인 바랍니다" for i in range(990)] + [f"부재시 {p} 로 연락 주세요" for p in phones(10)]
    (verdict,) = classifier.classify([sample("memo", texts)])
    assert (verdict.pii_class, verdict.form) == ("PHONE_NUMBER", "embedded")
    (verdict,) = classifier.classify([sample("memo", texts[:991])])
    assert verdict.pii_class is None  # one hit is chance


def test_inside_json_and_arrays(classifier: Classifier) -> None:
    rows = [json.dumps({"qty": i, "to": {"tel": p}}) for i, p in enumerate(phones(60))]
    arrays = [json.dumps([p]) for p in phones(60)]
    verdicts = classifier.classify(
        [sample("extra", rows, TypeKind.JSON), sample("c1", arrays, TypeKind.ARRAY), sample("c2", rows)]
    )
    assert [(v.pii_class, v.form) for v in verdicts] == [("PHONE_NUMBER", "embedded")] * 3


def test_phones_that_lost_their_zero(classifier: Classifier) -> None:
    numbers = [p.replace("-", "")[1:] for p in phones(60)]
    followers = [str(1_020_000_000 + i) for i in range(60)]
    found, serial = classifier.classify([sample("c1", numbers, TypeKind.INTEGER), sample("c2", followers, TypeKind.INTEGER)])
    assert found.pii_class == "PHONE_NUMBER"
    assert serial.pii_class is None


def test_numbers_that_only_a_number_plan_tells(classifier: Classifier) -> None:
    chance = random.Random(3)
    areas = [212, 415, 305, 617, 702, 206, 312, 404]
    real = [f"{chance.choice(areas)}{chance.randint(201, 989)}{chance.randint(0, 9999):04d}" for _ in range(80)]
    codes = [str(chance.randint(2 * 10**9, 10**10 - 1)) for _ in range(80)]
    phone, code = classifier.classify([sample("c1", real), sample("c2", codes)])
    assert phone.pii_class == "PHONE_NUMBER"
    assert "second analyzer" in phone.evidence
    assert code.pii_class is None


def test_neighbours_decide_what_a_bare_name_means(classifier: Classifier) -> None:
    member, product = TableRef("public", "c_main"), TableRef("public", "product")
    names = ["Xylo Quent", "Brax Toller", "Moxie Vand", "Pim Oskar", "Tule Range"]
    verdicts = classifier.classify(
        [sample("name", names, table=member), sample("hp", phones(60), table=member), sample("name", names, table=product)]
    )
    assert [v.pii_class for v in verdicts] == ["PERSON", "PHONE_NUMBER", None]


def test_a_comment_names_the_column(classifier: Classifier) -> None:
    (verdict,) = classifier.classify([sample("a12", ["Abcd Efgh", "Ijkl Mnop"], comment="고객명")])
    assert verdict.pii_class == "PERSON"
    assert "comment" in verdict.evidence


def test_a_filled_in_nothing_is_nothing(classifier: Classifier) -> None:
    (verdict,) = classifier.classify([sample("tel", ["-", "N/A", "없음", *phones(20)])])
    assert verdict.pii_class == "PHONE_NUMBER"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=12), st.text(min_size=1, max_size=20), st.sampled_from(list(TypeKind)))
def test_any_values_can_be_judged(values: list[str], name: str, kind: TypeKind) -> None:
    (verdict,) = Classifier(RECOGNIZERS, presidio=False).classify([sample(name, values, kind)])
    assert 0.0 <= verdict.confidence <= 1.0


def test_units_of_broken_json() -> None:
    found, frame = units([sample("j", ["{broken", '{"a": 1}', '["x", {"b": "y"}]'], TypeKind.JSON)])
    assert {u.path for u in found} == {"", "a", "[]", "b"}
    assert frame.height == 3
