"""Estonian and Lithuanian personal codes: sex and century, YYMMDD, serial; two rounds of modulus 11."""

from __future__ import annotations

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, weighted, words
from scanner.catalog.recognizers.checks import calendar, of_digits, two


def _sound(matrix: Digits) -> Bools:
    first = weighted(matrix, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    second = weighted(matrix, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    sound: Bools = (matrix[:, 10] == np.where(first < 10, first, second)) & calendar(two(matrix, 3), two(matrix, 5))
    return sound


recognizer = Recognizer(
    entity="EE_LT_PERSONAL_CODE",
    title="Estonian or Lithuanian personal code",
    patterns=(Pattern(r"[1-6][0-9]{10}", 6.8, of_digits(11, _sound)),),
    loose=r"[1-6][0-9]{10}",
    words=words(strong="isikukood, asmens kodas, asmenskodas"),
    kinds=NUMERIC_TOO,
    lengths=(11, 11),
    digits=(11, 11),
    sensitivity=4,
)
