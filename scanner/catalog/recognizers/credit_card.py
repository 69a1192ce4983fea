"""Payment card numbers: 13 to 19 digits of a known issuer range with a Luhn check digit (ISO/IEC 7812)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Plausibility, Recognizer, luhn, tokens, words


def _sound(values: Sequence[str]) -> Bools:
    sound = luhn(values)
    # one random number in ten passes: a column counts only when far more do
    return sound if len(values) < 3 or float(np.mean(sound)) > 0.4 else np.zeros(len(values), dtype=np.bool_)


def _spread(values: Sequence[str]) -> Plausibility:
    tails = {"".join(c for c in v if c.isdigit())[-8:] for v in values}
    return Plausibility(1.0 if len(tails) > min(5, len(values) // 4) else 0.2, f"{len(tails)} different endings")


recognizer = Recognizer(
    entity="CREDIT_CARD",
    title="payment card number",
    patterns=(
        Pattern(r"[2-69][0-9]{3}[- ]?[0-9]{4}[- ]?[0-9]{4}[- ]?[0-9]{4}", 7.5, _sound),
        Pattern(r"3[47][0-9]{2}[- ]?[0-9]{6}[- ]?[0-9]{5}|3[0689][0-9]{2}[- ]?[0-9]{6}[- ]?[0-9]{4}", 7.5, _sound),
        Pattern(r"(?:50|5[6-8]|6[0-9])[0-9]{10,17}|4[0-9]{12}(?:[0-9]{6})?", 6.0, _sound),
        Pattern(r"[3-69][0-9]{3}[- ][0-9]{4}[- ][0-9]{4}[- ][0-9]{4}", 3.2),
    ),
    loose=r"[0-9]{4}[- ]?[0-9*xX]{4}[- ]?[0-9*xX]{4}[- ]?[0-9*]{3,7}|[0-9]{13,19}|[0-9]{4}[- ]?[0-9]{6}[- ]?[0-9]{5}",
    search=r"(?:^|[^0-9A-Za-z_=/.\s-]|[^0-9\s]\s)([3-69][0-9]{3}[- ]?[0-9]{4}[- ]?[0-9]{4}[- ]?[0-9]{4}"
    r"|3[47][0-9]{2}[- ]?[0-9]{6}[- ]?[0-9]{5})"
    r"(?:[^0-9A-Za-z\s-]|\s[^0-9]|\s?$)",
    search_check=luhn,
    masked=(
        r"[0-9]{4}[- ]?[0-9]{0,4}[*xX●#]{2,4}[- ]?[*xX●#]{2,4}[- ]?[0-9*]{3,4}"
        r"|[*xX●#]{4}[- ]?[*xX●#]{4}[- ]?[*xX●#]{4}[- ]?[0-9]{4}"
        r"|[0-9]{6}[*xX●#]{5,9}[0-9]{3,4}|[*xX●#]{8,12}[0-9]{4}|[0-9]{4}-?[0-9]{4}-?[*xX●#]{4}-?[0-9]{4}"
    ),
    words=words(
        strong="""
        card no, cardno, card num, card number, cardnum, credit card, creditcard, credit card no, ccn, cc no, cc num,
        cc number, pan, crd no, crdno, card pan, debit card, pay card no, payment card, kreditkarte, kartennummer,
        crdt card no, 카드번호, 신용카드, 신용카드번호, 체크카드번호, 카드 번호, 결제카드번호
        """,
        weak="card, cc, crd, 카드",
        hint="pay no",
    ),
    negative=tokens(
        "type cd code company co issuer name nm brand kind exp expiry gift id point member 종류 코드 카드사 회사 명 포인트"
    ),
    kinds=NUMERIC_TOO,
    lengths=(12, 25),
    digits=(4, 19),
    plausible=_spread,
    sensitivity=3,
)
