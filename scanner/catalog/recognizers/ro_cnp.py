"""Romanian personal codes: sex and century, YYMMDD, county, serial; modulus 11 over 279146358279."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, weighted, words
from scanner.catalog.recognizers.checks import calendar, of_digits, two


def _sound(matrix: Digits) -> Bools:
    rest = weighted(matrix, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    sound: Bools = (matrix[:, 12] == rest % 10 + (rest == 10)) & calendar(two(matrix, 3), two(matrix, 5))
    return sound


recognizer = Recognizer(
    entity="RO_CNP",
    title="Romanian personal code",
    patterns=(Pattern(r"[1-9][0-9]{12}", 7.5, of_digits(13, _sound)),),
    loose=r"[1-9][0-9]{12}",
    words=words(strong="cnp, cod numeric personal, cod numeric"),
    kinds=NUMERIC_TOO,
    lengths=(13, 13),
    digits=(13, 13),
    sensitivity=4,
)
