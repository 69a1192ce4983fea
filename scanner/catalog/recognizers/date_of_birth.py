"""Birth dates. A day means nothing by itself: birth dates spread over many decades, all of them past, business dates do not."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import Bools, Pattern, Plausibility, Recognizer, TypeKind, tokens, words

_FULL = re.compile(r"^\D*((?:18|19|20)\d{2})\D{0,2}(\d{1,2})\D{0,2}(\d{1,2})")
_SHORT = re.compile(r"^(\d{2})[-./]?(\d{2})[-./]?(\d{2})$")
_TURNED = re.compile(r"^(\d{1,2})[-./ ](\d{1,2})[-./ ]((?:18|19|20)\d{2})$")
_NAMED = re.compile(r"^\d{1,2}\.? ?[A-Za-zäé]{3,10}\.?,? ?((?:18|19|20)\d{2})$|^[A-Za-z]{3,10}\.? \d{1,2},? ((?:18|19|20)\d{2})$")
_REFERENCE_YEAR = 2026


def _year(value: str) -> int | None:
    """Birth year that a value implies, or None when it is no day of the calendar."""
    if found := _FULL.match(value):
        year, month, day = (int(x) for x in found.groups())
    elif found := _TURNED.match(value):
        first, second, year = (int(x) for x in found.groups())
        month, day = (first, second) if first <= 12 else (second, first)
    elif found := _NAMED.match(value):
        return int(found[1] or found[2])
    elif found := _SHORT.match(value):
        short, month, day = (int(x) for x in found.groups())
        year = 1900 + short if short > _REFERENCE_YEAR % 100 else 2000 + short
    else:
        return None
    return year if 1 <= month <= 12 and 1 <= day <= 31 else None


def _day(values: Sequence[str]) -> Bools:
    return np.fromiter((_year(v) is not None for v in values), dtype=np.bool_, count=len(values))


def _people(values: Sequence[str]) -> Plausibility:
    years = np.asarray([y for y in map(_year, values) if y is not None], dtype=np.int64)
    if len(years) == 0:
        return Plausibility(0.5)
    past = float(np.mean((years >= 1905) & (years <= _REFERENCE_YEAR)))
    adult = float(np.mean((years >= 1915) & (years <= _REFERENCE_YEAR - 10)))
    spread = len(np.unique(years))
    note = f"{adult:.0%} imply an age of 10 to 110, {spread} different years"
    if past < 0.9:
        return Plausibility(0.1, note)
    if len(years) >= 15 and adult >= 0.85 and spread >= min(15, 0.75 * len(years)):
        top = float(np.max(np.unique(years, return_counts=True)[1])) / len(years)
        return Plausibility(1.0, note, bonus=1.9 if top < 0.25 else 0.5)
    if 7 <= len(years) < 15 and adult >= 0.95 and spread >= 0.7 * len(years):
        return Plausibility(1.0, note, bonus=1.0)
    if len(years) >= 8 and (spread <= 4 or adult < 0.3):
        return Plausibility(0.3, note)
    return Plausibility(0.8, note)


recognizer = Recognizer(
    entity="DATE_OF_BIRTH",
    title="birth date",
    patterns=(
        Pattern(r"(?:18|19|20)[0-9]{2}\s?[-./년]\s?[0-9]{1,2}\s?[-./월]\s?[0-9]{1,2}(?:일|[ T]00:00:00.*)?", 2.0, _day),
        Pattern(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9]", 2.0, _day),
        Pattern(r"[0-9]{1,2}[-./][0-9]{1,2}[-./](?:19|20)[0-9]{2}", 2.0, _day),
        Pattern(
            r"[0-9]{1,2}\.? ?[A-Za-zäé]{3,10}\.?,? ?(?:19|20)[0-9]{2}|[A-Za-z]{3,10}\.? [0-9]{1,2},? (?:19|20)[0-9]{2}", 2.0, _day
        ),
        Pattern(r"[0-9]{2}[-./]?(?:0[1-9]|1[0-2])[-./]?[0-3][0-9]", 1.0, _day),
    ),
    loose=r"(?:[0-9]{2,4}[-./년월일 ]{0,2}){1,3}(?:[0-9*]{0,4})(?:[ T][0-9:.+Z]*)?|[0-9]{1,2}월 ?[0-9]{1,2}일"
    r"|[A-Za-z]{3,9}\.? [0-9]{1,2},? [0-9]{4}"
    r"|[0-9]{1,2}\.? [A-Za-z]{3,9} [0-9]{4}",
    masked=r"[0-9]{2}[*xX]{4}|(?:19|20)[0-9]{2}[-./]?[*xX]{2}[-./]?[*xX]{2}|[*xX]{2,4}[-./]?[*xX0-9]{2}[-./]?[*xX0-9]{2}",
    words=words(
        strong="""
        gbdat, saengil, saengnyeonwolil, jumin apjari, jumin ap, jumin front,
        birth, birth date, birthdate, birth day, birthday, birth dt, birthdt, dob, date of birth, dateofbirth, brth,
        brth dt, brthdy, brdt, brthdd, bday, birth ymd, birthymd, brth ymd, bir dt, bymd, birth de, brthdy de,
        geburtsdatum, geb datum, geb dat, gebdat, geboren, fecha nac,
        data nascita, data di nascita, dt nascita, nascita, data nascimento, data nasc, dt nasc, nascimento, naissance,
        date de naissance, date naiss, dt naiss, dnaiss, fecha de nacimiento, fec nac, fnac, f nacimiento, nacimiento,
        geboortedatum, geb datum nl, data urodzenia, dat urodzenia, fodselsdato, fødselsdato, fodselsdag, födelsedatum,
        fodelsedatum, syntymaaika, syntymäaika, datum narozeni, datum narození, gebdt, geb dt, birth txt, birth at,
        geburtstag, date naissance, fecha nacimiento, birth dttm, jumin1, rrn front, 생년월일,
        주민번호앞자리, 주민등록번호앞자리, 주민앞자리, 생일, 출생일, 출생일자, 생년, 출생
        """,
        weak="bth, birt, bir, geb, born",
    ),
    negative=tokens("""
    created updated order yn 여부 coupon 쿠폰 place luogo lieu lugar local plaats miejsce sted ort gemeinde comune
    commune pays country city agree gift point benefit founded opened count
    """),
    kinds=frozenset({TypeKind.TEXT, TypeKind.OTHER, TypeKind.DATE, TypeKind.TIME, TypeKind.INTEGER, TypeKind.NUMBER}),
    lengths=(4, 32),
    digits=(2, 20),
    plausible=_people,
    neighbours=1.2,
    sensitivity=2,
)
