"""Checks that several national identifiers share: calendars inside them, and check digits that chance passes too often."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from scanner.catalog.recognizers.base import Bools, Check, Digits, Plausibility, digit_matrix

_REFERENCE_YEAR = 2026


def mostly(sound: Bools) -> Bools:
    """A check that one code in ten passes by chance counts only when far more of the column pass."""
    return sound if len(sound) < 3 or float(np.mean(sound)) > 0.4 else np.zeros(len(sound), dtype=np.bool_)


def two(matrix: Digits, at: int) -> Digits:
    """The number that two neighbouring digits make."""
    result: Digits = matrix[:, at] * 10 + matrix[:, at + 1]
    return result


def calendar(month: Digits, day: Digits) -> Bools:
    """Months 1–12 and days 1–31."""
    result: Bools = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return result


def of_digits(length: int, sound: Callable[[Digits], Bools]) -> Check:
    """A column's check from one over the matrix of its digits, all of ``length``."""

    def check(values: Sequence[str]) -> Bools:
        matrix, fits = digit_matrix(values, length)
        return mostly(fits & sound(matrix))

    return check


def births(digits: int, at: int) -> Callable[[Sequence[str]], Plausibility]:
    """The years of birth that a column of identifiers implies, two digits of each from position ``at``.

    Serial numbers that begin with a day keep to a few years; people do not.
    """

    def plausible(values: Sequence[str]) -> Plausibility:
        matrix, fits = digit_matrix(values, digits)
        short = two(matrix[fits], at)
        years = np.where(short > _REFERENCE_YEAR % 100, 1900 + short, 2000 + short)
        if len(years) < 5:
            return Plausibility(1.0)
        spread = len(np.unique(years))
        note = f"{spread} different years of birth"
        if spread < min(12, 0.5 * len(years)):
            return Plausibility(0.0, note)
        return Plausibility(1.0, note)

    return plausible
