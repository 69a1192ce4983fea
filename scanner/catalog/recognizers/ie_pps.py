"""Irish personal public service numbers: seven digits, a check letter (modulus 23), since 2013 one letter more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import Bools, Pattern, Recognizer, words
from scanner.catalog.recognizers.checks import mostly

_LETTERS = "WABCDEFGHIJKLMNOPQRSTUV"


def _check(values: Sequence[str]) -> Bools:
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        code = value.upper().replace(" ", "")
        total = sum(int(d) * w for d, w in zip(code[:7], range(8, 1, -1), strict=True))
        total += 9 * _LETTERS.find(code[8]) if len(code) > 8 and code[8] in _LETTERS else 0
        result[i] = code[7] == _LETTERS[total % 23]
    return mostly(result)


recognizer = Recognizer(
    entity="IE_PPS",
    title="Irish personal public service number",
    patterns=(Pattern(r"[0-9]{7} ?[A-Wa-w][A-IWa-iw]?", 8.0, _check),),
    loose=r"[0-9]{7} ?[A-Za-z]{1,2}",
    words=words(strong="pps, ppsn, pps no, pps number, ppsno"),
    lengths=(8, 10),
    digits=(7, 7),
    sensitivity=4,
)
