"""Bulgarian personal numbers (EGN): YYMMDD, months + 40 from 2000 on; modulus 11 over 2 4 8 5 10 9 7 3 6."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, weighted, words
from scanner.catalog.recognizers.checks import calendar, of_digits, two


def _sound(matrix: Digits) -> Bools:
    rest = weighted(matrix, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    sound: Bools = (matrix[:, 9] == rest) & calendar(two(matrix, 2) % 20, two(matrix, 4)) & (two(matrix, 2) <= 52)
    return sound


recognizer = Recognizer(
    entity="BG_EGN",
    title="Bulgarian personal number",
    patterns=(Pattern(r"[0-9]{2}[0-5][0-9]{7}", 6.5, of_digits(10, _sound)),),
    loose=r"[0-9]{10}",
    words=words(strong="egn, edinen grazhdanski nomer, егн"),
    kinds=NUMERIC_TOO,
    lengths=(10, 10),
    digits=(10, 10),
    sensitivity=4,
)
