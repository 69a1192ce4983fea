"""United Kingdom NHS numbers: ten digits, the last a check modulo 11 (NHS Data Dictionary)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Recognizer, digit_matrix, weighted, words


def _check(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 10)
    rest = (11 - weighted(matrix, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11) % 11
    sound: Bools = fits & (rest == matrix[:, 9]) & (matrix[:, 0] > 0)
    return sound if len(values) < 3 or float(np.mean(sound)) > 0.4 else np.zeros(len(values), dtype=np.bool_)


recognizer = Recognizer(
    entity="UK_NHS",
    title="NHS number",
    patterns=(Pattern(r"[0-9]{3}[ -][0-9]{3}[ -][0-9]{4}", 7.5, _check), Pattern(r"[1-9][0-9]{9}", 6.0, _check)),
    loose=r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}",
    words=words(strong="nhs, nhs no, nhs number, nhs num", weak="patient no, patient number"),
    kinds=NUMERIC_TOO,
    lengths=(10, 12),
    digits=(10, 10),
    sensitivity=4,
)
