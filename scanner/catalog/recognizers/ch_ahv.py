"""Swiss social insurance numbers (AHV, AVS): 756 and nine digits, checked as an EAN-13."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, weighted, words
from scanner.catalog.recognizers.checks import of_digits


def _sound(matrix: Digits) -> Bools:
    sound: Bools = weighted(matrix, (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)) % 10 == 0
    return sound


_check = of_digits(13, _sound)

recognizer = Recognizer(
    entity="CH_AHV",
    title="Swiss social insurance number",
    patterns=(Pattern(r"756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}", 8.5, _check),),
    loose=r"756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}",
    search=r"(?:^|[^0-9.])(756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2})(?:[^0-9.]|$)",
    search_check=_check,
    masked=r"756\.(?:[0-9]{4}|[*xX]{4})\.[*xX]{4}\.[0-9*xX]{2}",
    words=words(strong="ahv, ahv nr, ahv nummer, ahvn13, avs, num avs, numero avs, avs no, navs13"),
    kinds=NUMERIC_TOO,
    lengths=(13, 16),
    digits=(3, 13),
    sensitivity=4,
)
