"""Korean resident registration numbers: YYMMDD-SBBBBNC, S telling sex and century.

Numbers issued since October 2020 carry no check digit (Enforcement Rule of the Resident Registration Act), so the calendar and
the spread of birth years decide: order numbers shaped YYMMDD[1-4] imply newborns or centenarians, people do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import (
    NUMERIC_TOO,
    Bools,
    Digits,
    Pattern,
    Plausibility,
    Recognizer,
    digit_matrix,
    tokens,
    weighted,
    words,
)

_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
_CENTURY = np.array([1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800], dtype=np.int64)
# An age is counted from a fixed year, so that the same sample gives the same verdict on any day.
_REFERENCE_YEAR = 2026


def calendar(matrix: Digits, genders: Sequence[int]) -> Bools:
    """Rows whose first six digits are a day that exists and whose seventh is one of ``genders``."""
    month = matrix[:, 2] * 10 + matrix[:, 3]
    day = matrix[:, 4] * 10 + matrix[:, 5]
    year = _CENTURY[matrix[:, 6]] + matrix[:, 0] * 10 + matrix[:, 1]
    sound = (month >= 1) & (month <= 12) & (day >= 1) & (day <= _DAYS[np.clip(month, 0, 12)])
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    sound &= ~((month == 2) & (day == 29) & ~leap)
    result: Bools = sound & np.isin(matrix[:, 6], genders)
    return result


def check_digit(matrix: Digits, offset: int = 0) -> Bools:
    """The old check digit: (11 − Σ digit×weight mod 11) mod 10, plus 2 for foreigners (``offset``)."""
    total = weighted(matrix, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    result: Bools = ((11 - total % 11) % 10 + offset) % 10 == matrix[:, 12]
    return result


def _sound(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 13)
    sound: Bools = fits & calendar(matrix, (1, 2, 3, 4)) & (matrix[:, 7:].max(axis=1, initial=0) > 0)
    return sound


def _front(values: Sequence[str]) -> Bools:
    """The first seven digits are enough for a day and a sex; a real column has births of many years."""
    matrix, fits = digit_matrix(values, 7)
    sound: Bools = fits & calendar(matrix, (1, 2, 3, 4))
    years = np.unique(matrix[sound][:, 0] * 10 + matrix[sound][:, 1])
    return sound if len(values) < 5 or len(years) >= min(12, len(values) // 2) else np.zeros(len(values), dtype=np.bool_)


def _found(values: Sequence[str]) -> Bools:
    """Inside text, also with the last digits starred out: birth day and sex are still there."""
    starred = np.fromiter((not v[-1].isdigit() for v in values), dtype=np.bool_, count=len(values))
    matrix, fits = digit_matrix(["".join(c for c in v if c.isdigit())[:7] for v in values], 7)
    result: Bools = np.where(starred, fits & calendar(matrix, (1, 2, 3, 4)), _sound(values))
    return result


def _padded(values: Sequence[str]) -> Bools:
    """With its zeros back, a number of somebody born from 2000 on."""
    matrix, fits = digit_matrix([v.zfill(13) for v in values], 13)
    sound: Bools = fits & calendar(matrix, (3, 4))
    return sound


def ages(values: Sequence[str]) -> tuple[Digits, Digits, Digits]:
    """Implied ages in the reference year, full birth years, and the numbers as a 13-column matrix."""
    matrix, fits = digit_matrix(values, 13)
    matrix = matrix[fits]
    years = _CENTURY[matrix[:, 6]] + matrix[:, 0] * 10 + matrix[:, 1]
    return _REFERENCE_YEAR - years, years, matrix


def plausible_people(values: Sequence[str], offset: int = 0) -> Plausibility:
    """Do these numbers belong to people, by their ages and the spread of their birth years?"""
    age, years, matrix = ages(values)
    if len(age) == 0:
        return Plausibility(0.0, "no complete number")
    share = float(np.mean((age >= 7) & (age <= 99)))
    two_digit = (years % 100).astype(np.int64)
    spread = len(np.unique(two_digit))
    few = len(age) < 8
    valid = float(np.mean(check_digit(matrix, offset)))
    note = f"{share:.0%} imply an age of 7 to 99, {spread} different birth years, check digit right in {valid:.0%}"
    if valid >= 0.7 and share >= 0.5:
        return Plausibility(1.0, note, bonus=2.0)
    if share < 0.6 or (not few and spread < 6):
        return Plausibility(0.0, note)
    return Plausibility(min(1.0, share + 0.1), note, bonus=1.0 if spread >= 12 else 0.0)


def _people(values: Sequence[str]) -> Plausibility:
    """As :func:`plausible_people`; of a number cut short or starred out after the seventh digit, that much."""
    return plausible_people([v + "000000" if sum("0" <= c <= "9" for c in v) == 7 else v for v in values])


recognizer = Recognizer(
    entity="KR_RRN",
    title="resident registration number",
    patterns=(
        Pattern(r"[0-9]{6}\s?[-–.~/_ ]\s?[1-4][0-9]{6}", 7.5, _sound),
        Pattern(r"[0-9]{6}[1-4][0-9]{6}", 6.0, _sound),
        # without the digits that follow sex and century
        Pattern(r"[0-9]{6}\s?[-–]\s?[1-4]", 4.6, _front),
        # stored as a number, births of 2000–2009 lose their leading zeros
        Pattern(r"[1-9][0-9]{9,11}", 2.0, _padded),
    ),
    loose=r"[0-9]{4,6}\s?[-–.~/_ ]?\s?[0-9*xX]{7}|[1-4][0-9]{6}",
    search=r"(?:^|[^0-9A-Za-z_=/-])([0-9]{6}\s?-?\s?[1-4](?:[0-9]{6}|[*●]{6}))(?:[^0-9A-Za-z-]|$)",
    search_check=_found,
    masked=r"[0-9]{6}\s?[-–]?\s?(?:[1-4][0-9]{0,2})?[*xX●#]{4,7}|[*●#]{6}\s?-\s?[1-4*][0-9*]{6}",
    words=words(
        strong="""
        rrn, jumin, jumin no, jumin num, jumin bunho, jumin1, jumin2, juminno, ssn kr, resident no, resident number,
        resid no, resident registration, resident reg no, rsdnt no, rsdn no, resno, res no, rrno, psnl id no, 주민,
        주민번호, 주민번호뒷자리, 주민등록번호뒷자리, 주민뒷자리, 주민등록, 주민등록번호, 주민 번호, 주민등록 번호, 실명번호
        """,
        weak="""
        ssn, social no, reg no, national id, nid, id no, id num, ident no, idnty no, jm no, jmno, rlnm no,
        real nm no, personal no, personal id, citizen no, 개인식별번호, 신분번호, 식별번호
        """,
    ),
    negative=tokens("order ord 주문 biz brn 사업자 법인 corp front gender sex sx 성별 serial sn"),
    kinds=NUMERIC_TOO,
    lengths=(7, 20),
    digits=(6, 13),
    plausible=_people,
    sensitivity=4,
)
