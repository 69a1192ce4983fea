"""National identifiers of other European countries, one recognizer each; all carry a check that random codes fail."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Recognizer, digit_matrix, luhn, weighted, words
from scanner.catalog.recognizers.checks import calendar, mostly, two


def _spanish(values: Sequence[str]) -> Bools:
    letters = "TRWAGMYFPDXBNJZSQVHLCKE"
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        code = re.sub(r"[^0-9A-Z]", "", value.upper())
        number = code[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
        result[i] = number.isdigit() and letters[int(number) % 23] == code[-1]
    return result


def _italian(values: Sequence[str]) -> Bools:
    table = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
    odd = {c: table[i] for i, c in enumerate("0123456789")} | {c: table[i] for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
    even = {c: i for i, c in enumerate("0123456789")} | {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        code = value.upper()
        total = sum(odd[c] for c in code[0:15:2]) + sum(even[c] for c in code[1:15:2])
        result[i] = chr(65 + total % 26) == code[15]
    return result


def _polish(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 11)
    rest = (10 - weighted(matrix, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10
    return mostly(fits & (rest == matrix[:, 10]) & calendar(two(matrix, 2) % 20, two(matrix, 4)))


def _finnish(values: Sequence[str]) -> Bools:
    marks = "0123456789ABCDEFHJKLMNPRSTUVWXY"
    return np.fromiter((marks[int(v[:6] + v[7:10]) % 31] == v[10].upper() for v in values), dtype=np.bool_, count=len(values))


def _swedish(values: Sequence[str]) -> Bools:
    ten = ["".join(c for c in v if c.isdigit())[-10:] for v in values]
    matrix, fits = digit_matrix(ten, 10)
    return mostly(fits & luhn(ten) & calendar(two(matrix, 2), two(matrix, 4) % 60))


def _french(values: Sequence[str]) -> Bools:
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        code = re.sub(r"[^0-9AB]", "", value.upper()).replace("2A", "19").replace("2B", "18")
        result[i] = len(code) == 15 and code.isdigit() and 97 - int(code[:13]) % 97 == int(code[13:])
    return result


def _dutch(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 9)
    return mostly(fits & (weighted(matrix, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0) & (matrix.sum(axis=1) > 0))


spain = Recognizer(
    entity="ES_NIF",
    title="Spanish NIF",
    patterns=(
        Pattern(r"[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}[- ]?[A-Za-z]", 8.0, _spanish),
        Pattern(r"[XYZxyz][- ]?[0-9]{7}[- ]?[A-Za-z]", 7.0, _spanish),  # foreigners beside citizens
    ),
    loose=r"[XYZxyz]?[- ]?[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}[- ]?[A-Za-z]?",
    search=r"(?:^|[^0-9A-Za-z])((?:[0-9]{8}|[XYZ][0-9]{7})-?[A-Z])(?:[^0-9A-Za-z]|$)",
    search_check=_spanish,
    masked=r"[*xX]{2,5}[0-9]{3,4}[*xX]{1,3}[A-Za-z]?|[0-9]{1,4}[*]{3,7}[A-Za-z]",
    words=words(strong="nif, dni, num dni, dni nif, nif nie, dni nie", weak="documento, doc identidad, num documento"),
    lengths=(8, 13),
    digits=(2, 8),
    sensitivity=4,
)
spain_foreigners = Recognizer(
    entity="ES_NIE",
    title="Spanish NIE",
    patterns=(Pattern(r"[XYZxyz][- ]?[0-9]{7}[- ]?[A-Za-z]", 8.5, _spanish),),
    loose=r"[XYZxyz][- ]?[0-9]{7}[- ]?[A-Za-z]",
    words=words(strong="nie, num nie"),
    lengths=(9, 11),
    digits=(7, 7),
    sensitivity=4,
)
italy = Recognizer(
    entity="IT_FISCAL_CODE",
    title="Italian fiscal code",
    patterns=(Pattern(r"[A-Za-z]{6}[0-9]{2}[A-EHLMPRSTa-ehlmprst][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]", 9.0, _italian),),
    loose=r"[A-Za-z]{6}[0-9A-Za-z]{10}",
    search=r"(?:^|[^0-9A-Za-z])([A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z])(?:[^0-9A-Za-z]|$)",
    search_check=_italian,
    words=words(strong="codice fiscale, codicefiscale, cod fiscale, cf, fiscal code", weak="fiscale"),
    lengths=(16, 16),
    digits=(5, 10),
    sensitivity=4,
)
poland = Recognizer(
    entity="PL_PESEL",
    title="Polish PESEL",
    patterns=(Pattern(r"[0-9]{11}", 6.0, _polish),),
    loose=r"[0-9]{11}",
    words=words(strong="pesel"),
    kinds=NUMERIC_TOO,
    lengths=(11, 11),
    digits=(11, 11),
    sensitivity=4,
)
finland = Recognizer(
    entity="FI_PERSONAL_IDENTITY_CODE",
    title="Finnish personal identity code",
    patterns=(Pattern(r"[0-3][0-9][01][0-9]{3}[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-FHJ-NPR-Ya-fhj-npr-y]", 9.0, _finnish),),
    loose=r"[0-9]{6}[-+A-Z][0-9]{3}[0-9A-Z]",
    words=words(strong="hetu, henkilotunnus, henkilötunnus, sotu, finnish id"),
    lengths=(11, 11),
    digits=(9, 10),
    sensitivity=4,
)
sweden = Recognizer(
    entity="SE_PERSONNUMMER",
    title="Swedish personal number",
    patterns=(
        Pattern(r"(?:19|20)?[0-9]{6}[-+][0-9]{4}", 7.0, _swedish),
        Pattern(r"(?:19|20)[0-9]{10}", 6.0, _swedish),
        Pattern(r"[0-9]{10}", 4.4, _swedish),
    ),
    loose=r"(?:19|20)?[0-9]{6}[-+]?[0-9]{4}",
    words=words(strong="personnummer, person nummer, persnr, pnr, personal number se", weak="personal no, personal number"),
    kinds=NUMERIC_TOO,
    lengths=(10, 13),
    digits=(10, 12),
    sensitivity=4,
)
france = Recognizer(
    entity="FR_NIR",
    title="French social security number",
    patterns=(
        Pattern(r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", 8.5, _french),
    ),
    loose=r"[12][0-9AB ]{12,20}",
    words=words(strong="nir, numero securite sociale, num secu, insee, secu, numero ss"),
    kinds=NUMERIC_TOO,
    lengths=(15, 21),
    digits=(13, 15),
    sensitivity=4,
)
netherlands = Recognizer(
    entity="NL_BSN",
    title="Dutch citizen service number",
    patterns=(Pattern(r"[0-9]{9}", 6.0, _dutch),),
    loose=r"[0-9]{8,9}",
    words=words(strong="bsn, burgerservicenr, bsn nr, burgerservicenummer, sofinummer"),
    kinds=NUMERIC_TOO,
    lengths=(9, 9),
    digits=(9, 9),
    sensitivity=4,
)
recognizers = (spain, spain_foreigners, italy, poland, finland, sweden, france, netherlands)
