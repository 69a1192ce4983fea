"""Portuguese tax numbers (NIF) of people: nine digits, first 1–3 or 45, modulus 11."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, tokens, weighted, words
from scanner.catalog.recognizers.checks import of_digits


def _sound(matrix: Digits) -> Bools:
    rest = weighted(matrix, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    sound: Bools = matrix[:, 8] == (11 - rest) % 11 % 10
    return sound


recognizer = Recognizer(
    entity="PT_NIF",
    title="Portuguese tax number",
    patterns=(Pattern(r"(?:[123][0-9]{2}|45[0-9]) ?[0-9]{3} ?[0-9]{3}", 5.5, of_digits(9, _sound)),),
    loose=r"[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
    words=words(strong="nif pt, contribuinte, num contribuinte, numero contribuinte, no contribuinte", weak="nif"),
    negative=tokens("empresa company firma"),
    kinds=NUMERIC_TOO,
    lengths=(9, 11),
    digits=(9, 9),
    sensitivity=4,
)
