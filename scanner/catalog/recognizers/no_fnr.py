"""Norwegian birth numbers: DDMMYY, serial and two check digits (modulus 11); D numbers add 40 to the day."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, weighted, words
from scanner.catalog.recognizers.checks import calendar, of_digits, two


def _sound(matrix: Digits) -> Bools:
    first = weighted(matrix, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
    second = weighted(matrix, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    sound: Bools = first & second & calendar(two(matrix, 2) % 40, two(matrix, 0) % 40)
    return sound


recognizer = Recognizer(
    entity="NO_FNR",
    title="Norwegian birth number",
    patterns=(Pattern(r"[0-7][0-9]{5} ?[0-9]{5}", 8.0, of_digits(11, _sound)),),
    loose=r"[0-9]{6} ?[0-9]{5}",
    words=words(
        strong="fodselsnummer, fødselsnummer, fodselsnr, fnr, fodselnr, personnummer no, norwegian id", weak="personnummer"
    ),
    kinds=NUMERIC_TOO,
    lengths=(11, 12),
    digits=(11, 11),
    sensitivity=4,
)
