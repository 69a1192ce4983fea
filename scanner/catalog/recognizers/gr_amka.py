"""Greek social security numbers (AMKA): DDMMYY, serial, Luhn check digit."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Recognizer, digit_matrix, luhn, words
from scanner.catalog.recognizers.checks import births, calendar, mostly, two


def _check(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 11)
    return mostly(fits & luhn(values) & calendar(two(matrix, 2), two(matrix, 0)))


recognizer = Recognizer(
    entity="GR_AMKA",
    title="Greek social security number",
    patterns=(Pattern(r"[0-3][0-9][01][0-9]{8}", 6.5, _check),),
    loose=r"[0-9]{11}",
    words=words(strong="amka, αμκα"),
    kinds=NUMERIC_TOO,
    lengths=(11, 11),
    digits=(11, 11),
    plausible=births(11, 4),
    sensitivity=4,
)
