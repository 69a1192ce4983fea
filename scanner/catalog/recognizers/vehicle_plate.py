"""Vehicle plates: Korean (12가3456, 123가4567, older ones with the region in front) and European, which codes resemble."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import Bools, Pattern, Recognizer, tokens, words

_KIND = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주허하호배바사아자육해공국합"


def _varied(values: Sequence[str]) -> Bools:
    """Letters scatter, and those that a country leaves out are missing from the whole column (so the pattern fits nearly all)."""
    ends = {v[-2:] for v in values}
    return np.full(len(values), len(values) < 5 or len(ends) > 0.3 * min(len(values), 100), dtype=np.bool_)


def _german(values: Sequence[str]) -> Bools:
    """Districts of one, two and three letters stand side by side; codes keep to one length."""
    lengths = {len(re.split("[-: ]", v, maxsplit=1)[0]) for v in values}
    return np.full(len(values), len(values) < 5 or len(lengths) > 1, dtype=np.bool_)


_REGION = "서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주"

recognizer = Recognizer(
    entity="VEHICLE_PLATE",
    title="vehicle plate",
    patterns=(
        Pattern(rf"(?:{_REGION})?\s?[0-9]{{1,3}}\s?[{_KIND}]\s?[0-9]{{4}}", 8.5),
        Pattern(r"[A-ZÄÖÜ]{1,3}[-: ][A-ZÄÖÜ]{1,2}[- ]?[1-9][0-9]{0,3}[EH]?", 5.2, _german),
        Pattern(r"[0-9]{4}[- ]?[BCDFGHJKLMNPRSTVWXYZ]{3}", 4.6, _varied),  # Spain: no vowels
        Pattern(r"[A-HJ-NPR-TV-Z]{2}[- ]?[0-9]{3}[- ]?[A-HJ-NPR-TV-Z]{2}", 4.6, _varied),  # France, Italy: no I, O, U
        Pattern(r"[A-HJ-PR-Y]{2}[0-9]{2} [A-HJ-PR-Z]{3}", 5.0, _varied),  # Britain: no I, no Q
    ),
    loose=r"[0-9A-Za-z가-힣]{1,6}[ -]?[0-9A-Za-z가-힣]{1,6}[ -]?[0-9A-Za-z*]{0,5}",
    search=rf"(?:^|[^0-9A-Za-z가-힣-])((?:{_REGION})?\s?[0-9]{{2,3}}\s?[{_KIND}]\s?[0-9]{{4}})(?:[^0-9-]|$)",
    masked=rf"(?:{_REGION})?\s?[0-9*]{{2,3}}\s?[{_KIND}]\s?(?:[0-9]{{0,3}}[*●]{{1,4}}[0-9]{{0,3}})",
    words=words(
        strong="""
        car no, carno, car num, car number, plate, plate no, plate number, license plate, licence plate, vehicle no,
        vehicle number, vhcl no, vhcle no, vhrno, vehicle plate, car plate, kennzeichen, kfz kennzeichen, kfz,
        amtl kennzeichen, targa, num targa, matricula, matrícula, num matricula,
        immatriculation, num immatriculation, plaque, kenteken, nr rejestracyjny, numer rejestracyjny, rejestracja,
        rekisterinumero, rekisteritunnus, registreringsnummer, spz, rz auta, vrm, vrn, licence plate no,
        number plate, car reg no,
        vehicle reg no, vehicle registration, 차량번호, 차번호, 자동차번호, 차량 번호, 번호판, 자동차등록번호, 등록차량번호
        """,
        weak="vehicle, vhcl, car, regnr, regnummer, reg nr, 차량",
    ),
    negative=tokens("type model kind brand color maker size weight 모델 차종 종류 model name nm"),
    lengths=(4, 16),
    digits=(2, 8),
    sensitivity=3,
)
