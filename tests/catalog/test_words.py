"""Column names: whole words, run-together words, Hangul compounds, negative words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.catalog.recognizers import RECOGNIZERS
from scanner.catalog.words import Vocabulary, pieces

VOCABULARY = Vocabulary(RECOGNIZERS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rcv_tel", ["rcv", "tel"]),
        ("rcvTelNo1", ["rcv", "tel", "no", "1"]),
        ("CUST-NM", ["cust", "nm"]),
        ("IPAddr", ["ip", "addr"]),
        ("고객명2", ["고객명", "2"]),
        ("Ｔｅｌ", ["tel"]),
    ],
)
def test_pieces(name: str, expected: list[str]) -> None:
    assert pieces(name) == expected


@pytest.mark.parametrize(
    ("name", "entity", "against"),
    [
        ("rcv_tel", "PHONE_NUMBER", False),
        ("RCVTELNO", "PHONE_NUMBER", False),
        ("hpNo", "PHONE_NUMBER", False),
        ("수령인연락처", "PHONE_NUMBER", False),
        ("비상 연락처", "PHONE_NUMBER", False),
        ("phone_model", "PHONE_NUMBER", True),
        ("email_verified", "EMAIL_ADDRESS", True),
        ("이메일인증여부", "EMAIL_ADDRESS", True),
        ("CUSTNM", "PERSON", False),
        ("고객 명", "PERSON", False),
        ("prd_nm", "PERSON", True),
        ("상품명", "PERSON", True),
        ("card_type_cd", "CREDIT_CARD", True),
        ("jumin_no", "KR_RRN", False),
    ],
)
def test_what_a_name_says(name: str, entity: str, against: bool) -> None:
    said = VOCABULARY.match(VOCABULARY.split(name))[entity]
    assert said.strength > 0
    assert bool(said.negative) is against


@pytest.mark.parametrize("name", ["hotel_id", "satellite", "channel", "recipe", "fabric", "planet", "c17", "x"])
def test_parts_of_words_say_nothing(name: str) -> None:
    assert not VOCABULARY.match(VOCABULARY.split(name))


@given(st.text(max_size=80))
def test_any_name_can_be_split(name: str) -> None:
    split = VOCABULARY.split(name)
    assert "".join(split) == "".join(pieces(name))
    VOCABULARY.match(split)
