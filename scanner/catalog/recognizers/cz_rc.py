"""Czech and Slovak birth numbers (rodné číslo): YYMMDD, women's months + 50, ten digits divisible by 11."""

from __future__ import annotations

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, words
from scanner.catalog.recognizers.checks import calendar, of_digits, two


def _sound(matrix: Digits) -> Bools:
    number = matrix @ (10 ** np.arange(9, -1, -1, dtype=np.int64))
    sound: Bools = (number % 11 == 0) & calendar(two(matrix, 2) % 50 % 20, two(matrix, 4))
    return sound


_check = of_digits(10, _sound)

recognizer = Recognizer(
    entity="CZ_RC",
    title="Czech or Slovak birth number",
    patterns=(Pattern(r"[0-9]{6}/[0-9]{4}", 8.0, _check), Pattern(r"[0-9]{2}[0-8][0-9]{7}", 6.5, _check)),
    loose=r"[0-9]{6}/?[0-9]{3,4}",
    search=r"(?:^|[^0-9/])([0-9]{6}/[0-9]{4})(?:[^0-9/]|$)",
    search_check=_check,
    words=words(strong="rodne cislo, rodné číslo, rodnecislo, rodnécíslo, birth number", weak="rc, rc cislo"),
    kinds=NUMERIC_TOO,
    lengths=(9, 11),
    digits=(9, 10),
    sensitivity=4,
)
