"""German tax identification numbers: eleven digits, check digit by ISO/IEC 7064 MOD 11,10 (section 139b AO)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Digits, Pattern, Recognizer, digit_matrix, words
from scanner.catalog.recognizers.checks import mostly


def mod11_10(matrix: Digits) -> Bools:
    """ISO/IEC 7064 MOD 11,10 over rows of eleven digits, the last one the check digit."""
    product = np.full(len(matrix), 10, dtype=np.int64)
    for i in range(10):
        total = (matrix[:, i] + product) % 10
        total[total == 0] = 10
        product = total * 2 % 11
    sound: Bools = (11 - product) % 10 == matrix[:, 10]
    return sound


def one_repeats(matrix: Digits) -> Bools:
    """Among the first ten digits one comes twice or three times, the others at most once."""
    counts = np.stack([(matrix[:, :10] == digit).sum(axis=1) for digit in range(10)], axis=1)
    result: Bools = ((counts > 1).sum(axis=1) == 1) & (counts.max(axis=1) <= 3)
    return result


def _check(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 11)
    sound = mostly(fits & mod11_10(matrix) & (matrix[:, 0] > 0))
    # made-up numbers need not keep to it, so a column is only turned down when hardly any does
    croatian = len(values) >= 3 and float(np.mean(one_repeats(matrix))) < 0.2
    return np.zeros(len(values), dtype=np.bool_) if croatian else sound


recognizer = Recognizer(
    entity="DE_TAX_ID",
    title="German tax identification number",
    patterns=(Pattern(r"[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", 6.0, _check),),
    loose=r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
    words=words(
        strong="""
        steuer id, steuerid, steuer identifikationsnummer, idnr, steueridentifikationsnummer, steuernummer,
        steuer nr, german tax id
        """,
        weak="tax id, tin, tax no",
    ),
    kinds=NUMERIC_TOO,
    lengths=(11, 14),
    digits=(11, 11),
    sensitivity=4,
)
