"""Austrian social insurance numbers: serial, check digit, DDMMYY; modulus 11."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, weighted, words
from scanner.catalog.recognizers.checks import calendar, of_digits, two


def _sound(matrix: Digits) -> Bools:
    total = weighted(matrix, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
    # people whose birthday is full got months 13 to 15
    sound: Bools = (total == matrix[:, 3]) & calendar((two(matrix, 6) - 1) % 12 + 1, two(matrix, 4)) & (two(matrix, 6) <= 15)
    return sound


recognizer = Recognizer(
    entity="AT_SVNR",
    title="Austrian social insurance number",
    patterns=(Pattern(r"[1-9][0-9]{3} ?[0-3][0-9][01][0-9]{3}", 7.0, of_digits(10, _sound)),),
    loose=r"[0-9]{4}[ -]?[0-9]{6}",
    words=words(strong="sozialversicherungsnummer at, svnr at, vsnr at", weak="svnr, sv nr, sozialversicherungsnummer, vsnr"),
    kinds=NUMERIC_TOO,
    lengths=(10, 11),
    digits=(10, 10),
    sensitivity=4,
)
