"""Korean foreigner registration numbers: like a resident number, with 5–8 as the seventh digit."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Plausibility, Recognizer, digit_matrix, words
from scanner.catalog.recognizers.kr_rrn import calendar, plausible_people


def _sound(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 13)
    return fits & calendar(matrix, (5, 6, 7, 8))


def _plausible(values: Sequence[str]) -> Plausibility:
    return plausible_people(values, offset=2)


recognizer = Recognizer(
    entity="KR_FRN",
    title="foreigner registration number",
    patterns=(
        Pattern(r"[0-9]{6}\s?[-–.~/_ ]\s?[5-8][0-9]{6}", 7.0, _sound),
        Pattern(r"[0-9]{6}[5-8][0-9]{6}", 5.5, _sound),
    ),
    loose=r"[0-9]{6}\s?[-–. ]?\s?[0-9*]{7}",
    search=r"(?:^|[^0-9A-Za-z_=/-])([0-9]{6}\s?-\s?[5-8][0-9]{6})(?:[^0-9A-Za-z-]|$)",
    search_check=_sound,
    masked=r"[0-9]{6}\s?-?\s?[5-8][0-9]{0,2}[*xX●#]{4,6}",
    words=words(
        strong="""
        frn, arc no, alien no, alien reg no, alien registration, foreigner no, foreigner registration,
        foreigner reg no, frgnr no, frgn reg no, frgn no, fgnr no, 외국인등록번호, 외국인번호, 외국인등록, 국내거소신고번호
        """,
        weak="alien, arc, foreigner, frgn, frgnr, 외국인",
    ),
    negative=frozenset({"order", "ord", "주문", "yn"}),
    kinds=NUMERIC_TOO,
    lengths=(13, 20),
    digits=(6, 13),
    plausible=_plausible,
    sensitivity=4,
)
