"""Danish CPR numbers: DDMMYY-SSSS. The modulus-11 check is not kept since 2007, so the spread of births has to tell."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, weighted, words
from scanner.catalog.recognizers.checks import births, calendar, of_digits, two


def _dated(matrix: Digits) -> Bools:
    return calendar(two(matrix, 2), two(matrix, 0) % 60)


def _checked(matrix: Digits) -> Bools:
    sound: Bools = _dated(matrix) & (weighted(matrix, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0)
    return sound


recognizer = Recognizer(
    entity="DK_CPR",
    title="Danish CPR number",
    patterns=(
        Pattern(r"[0-7][0-9][01][0-9]{3}[- ][0-9]{4}", 4.8, of_digits(10, _dated)),
        Pattern(r"[0-7][0-9][01][0-9]{7}", 5.0, of_digits(10, _checked)),
    ),
    loose=r"[0-9]{6}[- ]?[0-9]{4}",
    masked=r"[0-9]{6}-?[*xX]{4}",
    words=words(strong="cpr, cpr nr, cpr nummer, cpr no, personnummer dk", weak="personnummer"),
    kinds=NUMERIC_TOO,
    lengths=(10, 11),
    digits=(6, 10),
    plausible=births(10, 4),
    sensitivity=4,
)
