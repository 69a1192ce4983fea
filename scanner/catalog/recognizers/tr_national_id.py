"""Turkish identity numbers: eleven digits, the last two computed from the others."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, words
from scanner.catalog.recognizers.checks import of_digits


def _sound(matrix: Digits) -> Bools:
    odd, even = matrix[:, 0:9:2].sum(axis=1), matrix[:, 1:8:2].sum(axis=1)
    sound: Bools = ((odd * 7 - even) % 10 == matrix[:, 9]) & (matrix[:, :10].sum(axis=1) % 10 == matrix[:, 10])
    return sound


recognizer = Recognizer(
    entity="TR_NATIONAL_ID",
    title="Turkish identity number",
    patterns=(Pattern(r"[1-9][0-9]{10}", 7.5, of_digits(11, _sound)),),
    loose=r"[1-9][0-9]{10}",
    words=words(strong="tckn, tc kimlik, tc kimlik no, kimlik no, tc no"),
    kinds=NUMERIC_TOO,
    lengths=(11, 11),
    digits=(11, 11),
    sensitivity=4,
)
