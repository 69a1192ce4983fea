"""Belgian national register numbers: birth date, serial, and 97 less the rest of nine digits (a 2 before them from 2000 on)."""

from __future__ import annotations

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, words
from scanner.catalog.recognizers.checks import calendar, of_digits, two


def _sound(matrix: Digits) -> Bools:
    number = matrix[:, :9] @ (10 ** np.arange(8, -1, -1, dtype=np.int64))
    check = two(matrix, 9)
    # numbers for people without a residence have 20 or 40 added to the month; unknown days are 0
    month = two(matrix, 2) % 20
    before, since = 97 - number % 97, 97 - (number + 2_000_000_000) % 97
    sound: Bools = ((check == before) | (check == since)) & (calendar(month, two(matrix, 4)) | (month == 0))
    return sound


_check = of_digits(11, _sound)

recognizer = Recognizer(
    entity="BE_NRN",
    title="Belgian national register number",
    patterns=(
        Pattern(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", 9.0, _check),
        Pattern(r"[0-9]{6}[ -]?[0-9]{3}[ -.]?[0-9]{2}", 7.0, _check),
    ),
    loose=r"[0-9]{2}\.?[0-9]{2}\.?[0-9]{2}[- ]?[0-9]{3}[. -]?[0-9]{2}",
    search=r"(?:^|[^0-9])([0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2})(?:[^0-9]|$)",
    search_check=_check,
    words=words(
        strong="""
        rijksregisternummer, rijksregister, rijksregister nr, insz, numero national, num national, registre national,
        niss, rrn be
        """,
        weak="nrn",
    ),
    kinds=NUMERIC_TOO,
    lengths=(11, 15),
    digits=(11, 11),
    sensitivity=4,
)
