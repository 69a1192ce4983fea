"""Croatian personal identification numbers (OIB): eleven digits, ISO/IEC 7064 MOD 11,10, without a date inside.

The German tax number has the same check digit; of its first ten digits one comes twice or three times and the others once,
which is rare among random ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Recognizer, digit_matrix, words
from scanner.catalog.recognizers.checks import mostly
from scanner.catalog.recognizers.de_tax_id import mod11_10, one_repeats


def _check(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 11)
    sound = mostly(fits & mod11_10(matrix))
    german = len(values) >= 3 and float(np.mean(one_repeats(matrix))) > 0.8
    return np.zeros(len(values), dtype=np.bool_) if german else sound


recognizer = Recognizer(
    entity="HR_OIB",
    title="Croatian personal identification number",
    patterns=(Pattern(r"[0-9]{11}", 5.5, _check),),
    loose=r"[0-9]{11}",
    words=words(strong="oib, osobni identifikacijski broj"),
    kinds=NUMERIC_TOO,
    lengths=(11, 11),
    digits=(11, 11),
    sensitivity=4,
)
