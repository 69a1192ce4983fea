"""German pension insurance numbers: area, DDMMYY, first letter of the name at birth, serial, check digit (section 147 SGB VI)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import Bools, Pattern, Recognizer, words
from scanner.catalog.recognizers.checks import mostly

_WEIGHTS = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)


def _check(values: Sequence[str]) -> Bools:
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        code = "".join(c for c in value.upper() if c.isalnum())
        digits = f"{code[:8]}{ord(code[8]) - 64:02d}{code[9:]}"
        total = sum(sum(divmod(int(d) * w, 10)) for d, w in zip(digits, _WEIGHTS, strict=False))
        result[i] = total % 10 == int(digits[12])
    return mostly(result)


_FORM = r"[0-9]{2} ?[0-3][0-9][01][0-9][0-9]{2} ?[A-Za-z] ?[0-9]{2}[0-9]"

recognizer = Recognizer(
    entity="DE_SOCIAL_SECURITY",
    title="German pension insurance number",
    patterns=(Pattern(_FORM, 8.5, _check), Pattern(_FORM, 1.5)),
    loose=r"[0-9]{2} ?[0-9]{6} ?[A-Za-z] ?[0-9]{3}",
    words=words(
        strong="""
        sozialversicherungsnummer, sv nummer, sv nr, svnr, rentenversicherungsnummer, rvnr, versicherungsnummer,
        sozialvers nr
        """,
        weak="vsnr",
    ),
    lengths=(12, 15),
    digits=(11, 11),
    sensitivity=4,
)
