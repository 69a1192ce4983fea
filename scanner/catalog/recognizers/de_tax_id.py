"""German tax identification numbers: eleven digits, check digit by ISO/IEC 7064 MOD 11,10 (section 139b AO)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Recognizer, digit_matrix, words


def _check(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 11)
    product = np.full(len(values), 10, dtype=np.int64)
    for i in range(10):
        total = (matrix[:, i] + product) % 10
        total[total == 0] = 10
        product = total * 2 % 11
    sound: Bools = fits & ((11 - product) % 10 == matrix[:, 10]) & (matrix[:, 0] > 0)
    return sound if len(values) < 3 or float(np.mean(sound)) > 0.4 else np.zeros(len(values), dtype=np.bool_)


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
