"""German identity cards: nine characters of a reduced alphabet, often with a check digit (BSI TR-03135, ICAO 9303)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import Bools, Pattern, Recognizer, words

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _check(values: Sequence[str]) -> Bools:
    """The tenth character is the sum of the others times 7, 3, 1 (ICAO 9303)."""
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        code = value.upper()
        total = sum(_ALPHABET.index(c) * (7, 3, 1)[k % 3] for k, c in enumerate(code[:9]))
        result[i] = total % 10 == int(code[9])
    return result if len(values) < 3 or float(np.mean(result)) > 0.5 else np.zeros(len(values), dtype=np.bool_)


def _mixed(values: Sequence[str]) -> Bools:
    """Letters and digits in the reduced alphabet, in every value: other codes use the letters that these leave out."""
    mixed = np.fromiter((any(c.isalpha() for c in v[1:]) for v in values), dtype=np.bool_, count=len(values))
    return mixed if len(values) >= 3 and float(np.mean(mixed)) > 0.7 else np.zeros(len(values), dtype=np.bool_)


_FORM = r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}"

recognizer = Recognizer(
    entity="DE_ID_CARD",
    title="German identity card",
    patterns=(Pattern(rf"{_FORM}[0-9]", 6.5, _check), Pattern(_FORM, 2.6, _mixed)),
    loose=r"[A-Za-z0-9]{9,10}",
    words=words(
        strong="""
        ausweisnr, ausweis nr, ausweisnummer, personalausweis, personalausweisnr, personalausweisnummer, perso nr, id card no
        """,
        weak="ausweis, id card, identity card",
    ),
    lengths=(9, 11),
    digits=(1, 10),
    wants_unique=True,
    sensitivity=4,
)
