"""Korean business registration numbers, 3-2-5 with a check digit (for a sole trader it names one person)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import (
    NUMERIC_TOO,
    Bools,
    Pattern,
    Plausibility,
    Recognizer,
    digit_matrix,
    tokens,
    weighted,
    words,
)


def check_digit(values: Sequence[str]) -> Bools:
    """Weights 1 3 7 1 3 7 1 3 5, the tens of ninth digit × 5 added (National Tax Service)."""
    matrix, fits = digit_matrix(values, 10)
    total = weighted(matrix, (1, 3, 7, 1, 3, 7, 1, 3, 5)) + matrix[:, 8] * 5 // 10
    sound: Bools = fits & ((10 - total % 10) % 10 == matrix[:, 9]) & (matrix[:, :3].sum(axis=1) > 0)
    return sound


def _plausible(values: Sequence[str]) -> Plausibility:
    offices = len({v[:3] for v in values})
    if len(values) >= 30 and offices < 4:
        return Plausibility(0.2, f"only {offices} different beginnings")
    return Plausibility(1.0)


def _random_passes(values: Sequence[str]) -> Bools:
    sound = check_digit(values)
    # one random code in ten passes: a column counts only when far more do
    return sound if len(values) and float(np.mean(sound)) > 0.5 else np.zeros(len(values), dtype=np.bool_)


recognizer = Recognizer(
    entity="KR_BRN",
    title="business registration number",
    patterns=(
        Pattern(r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{5}", 7.0, check_digit),
        Pattern(r"[1-9][0-9]{9}", 6.0, check_digit),
        Pattern(r"[0-9]{3}-[0-9]{2}-[0-9]{5}", 2.5),
    ),
    loose=r"[0-9]{3}[- ]?[0-9*]{2}[- ]?[0-9*]{5}",
    search=r"(?:^|[^0-9A-Za-z_=/-])([1-9][0-9]{2}-[0-9]{2}-[0-9]{5})(?:[^0-9A-Za-z-]|$)",
    search_check=check_digit,
    masked=r"[0-9]{3}-[0-9*]{2}-[0-9*]{0,4}[*●]{1,5}|[0-9]{3}-\*\*-[0-9]{5}",
    words=words(
        strong="""
        brn, biz no, bizno, biz reg no, bzmn no, brno, bizr no, business no, business registration, business reg no,
        biz registration no, biz rno, bsnm no, corp biz no, business number, bz no, comp reg no, company reg no,
        saup no, saupja no, saupja, 사업자번호, 사업자등록번호, 사업자, 사업자등록
        """,
        weak="reg no, biz id, tax no, 등록번호",
    ),
    negative=tokens("yn type 구분 여부 name nm 명 상호 account acct"),
    kinds=NUMERIC_TOO,
    lengths=(10, 12),
    digits=(3, 10),
    plausible=_plausible,
    sensitivity=2,
)
