"""Korean driver's licences: region (11–28) – year – serial – check, 2-2-6-2 digits; older ones write the region in Hangul.

Twelve bare digits are also what yyMMddHHmmss looks like, so a column whose values are nearly all moments in time is not one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Plausibility, Recognizer, digit_matrix, tokens, words


def _region(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 12)
    region = matrix[:, 0] * 10 + matrix[:, 1]
    sound: Bools = fits & (region >= 11) & (region <= 28) & (region != 27)
    return sound


def _plausible(values: Sequence[str]) -> Plausibility:
    matrix, fits = digit_matrix(values, 12)
    matrix = matrix[fits]
    if len(matrix) == 0:
        return Plausibility(1.0)
    pair = [matrix[:, i] * 10 + matrix[:, i + 1] for i in range(0, 12, 2)]
    moment = (pair[1] >= 1) & (pair[1] <= 12) & (pair[2] >= 1) & (pair[2] <= 31)
    moment &= (pair[3] < 24) & (pair[4] < 60) & (pair[5] < 60)
    share = float(np.mean(moment))
    regions = len(np.unique(pair[0]))
    years = len(np.unique(pair[1]))
    note = f"{regions} regions, {years} years, {share:.0%} could be moments in time"
    if share > 0.5 or (len(matrix) >= 20 and (regions < 4 or years < 5)):
        return Plausibility(0.0, note)
    return Plausibility(1.0, note, bonus=1.0 if regions >= 6 and years >= 12 else 0.0)


_NAMES = "서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산"

recognizer = Recognizer(
    entity="KR_DRIVER_LICENSE",
    title="driver's licence number",
    patterns=(
        Pattern(r"[12][0-9][- ][0-9]{2}[- ][0-9]{6}[- ][0-9]{2}", 8.0, _region),
        Pattern(rf"(?:{_NAMES})\s?(?:[0-9]{{2}}[- ])?[0-9]{{2}}[- ][0-9]{{6}}[- ][0-9]{{2}}", 9.0),
        Pattern(r"[12][0-9]{11}", 2.6, _region),
    ),
    loose=r"[0-9가-힣]{2}[- ]?[0-9*]{2}[- ]?[0-9*]{6}[- ]?[0-9*]{2}|[0-9]{10,12}",
    search=r"(?:^|[^0-9A-Za-z_=/-])([12][0-9]-[0-9]{2}-[0-9]{6}-[0-9]{2})(?:[^0-9A-Za-z-]|$)",
    search_check=_region,
    masked=r"[12*][0-9*]-[0-9*]{2}-[0-9*●xX]{0,5}[*●xX]{1,6}[0-9]{0,2}-[0-9*]{2}",
    words=words(
        strong="""
        driver license, driver licence, drivers license, driver license no, driver lic no, driving license,
        driving licence, license no driver, drv lic no, drvr lcns no, dl no, drv lcns no, driver lcns no, 운전면허,
        운전면허번호, 면허번호, 운전 면허 번호
        """,
        weak="license no, licence no, lic no, lcns no, license number, licence number, drv lic, lcns, drvlic, 면허",
    ),
    negative=tokens("expiry exp issue issued type software sw product key class 만료 발급 종별 plate 사업 영업"),
    kinds=NUMERIC_TOO,
    lengths=(10, 20),
    digits=(4, 12),
    plausible=_plausible,
    sensitivity=4,
)
