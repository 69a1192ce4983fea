"""What a recognizer is: patterns, column words, negative words, and optionally a checksum and a plausibility.

A recognizer knows nothing of databases. It is data plus small pure functions over arrays, so that the classifier can ask all
of them about all values of a schema at once:

* a :class:`Pattern` must match the *whole* cleaned value (NFKC, trimmed). Its ``weight`` says, in nats, how rarely a column
  of something else looks like that; its ``check`` (checksum, calendar) runs over all matching values at once.
* ``loose`` is what the value may look like when the column's name already says what it is.
* ``search`` finds the same thing inside longer text; its first group is the thing itself.
* ``masked`` is how the thing looks when it has been starred out.
* ``plausible`` looks at one column's matching values together: ages, spread, uniqueness. One hit says little; a
  distribution says much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

_LETTERS = {65 + i: str(10 + i) for i in range(26)}
_NOT_DIGITS = re.compile(r"[^0-9]")

Bools = npt.NDArray[np.bool_]
Digits = npt.NDArray[np.int64]

Check = Callable[[Sequence[str]], Bools]


class TypeKind(StrEnum):
    """What a column's declared type says about its values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"  # decimals and floats
    DATE = "date"
    TIME = "time"  # times and timestamps
    BOOLEAN = "boolean"
    JSON = "json"
    ARRAY = "array"
    UUID = "uuid"
    INET = "inet"
    MAC = "mac"
    BYTES = "bytes"
    OTHER = "other"


WORDY = frozenset({TypeKind.TEXT, TypeKind.OTHER})
NUMERIC_TOO = frozenset({TypeKind.TEXT, TypeKind.OTHER, TypeKind.INTEGER, TypeKind.NUMBER})


@dataclass(frozen=True)
class Pattern:
    """One way the whole value can look."""

    regex: str  # Rust syntax (no look-around); anchored at both ends by the classifier
    weight: float  # nats in favour of the class when every value of a column looks like this
    check: Check | None = None  # called with the matching values only


@dataclass(frozen=True)
class Plausibility:
    """What a column's matching values say together: 1 as expected, 0 impossible; ``note`` goes into the evidence."""

    score: float
    note: str = ""
    bonus: float = 0.0  # nats added when the distribution itself is telling (spread of birth years, surnames)


@dataclass(frozen=True)
class Recognizer:
    """One PII class."""

    entity: str  # Presidio's entity name where it has one
    title: str  # plain words for evidence: "mobile or landline number"
    patterns: tuple[Pattern, ...] = ()
    loose: str | None = None
    search: str | None = None
    search_check: Check | None = None
    masked: str | None = None
    words: Mapping[str, float] = field(default_factory=dict)  # "cust nm" -> 1.0 (says it) … 0.3 (hints)
    negative: frozenset[str] = frozenset()  # tokens that speak against this class
    kinds: frozenset[TypeKind] = WORDY
    requires: str | None = None  # a cheap expression that any match also matches: rules most values out at once
    things: frozenset[str] = frozenset()  # tokens of owners that are no people: a server's address, a store's
    lengths: tuple[int, int] = (1, 200)  # characters of a value that could match at all
    digits: tuple[int, int] = (0, 200)  # digits of such a value
    plausible: Callable[[Sequence[str]], Plausibility] | None = None
    form: str = "typed"  # typed | quasi
    sensitivity: int = 2  # orders classes when free text holds several: 4 unique identifiers … 1 quasi
    few_values: bool = False  # two different values are all there are
    needs_word: bool = False  # values alone never suffice (five digits are not yet a postcode)
    wants_unique: bool = False  # an enumeration of a dozen values is not this
    neighbours: float = 0.0  # how much other personal columns in the same table speak for it, in nats
    empty_ok: bool = True  # the column's name alone suffices while the table is empty


def digit_matrix(values: Sequence[str], length: int) -> tuple[Digits, Bools]:
    """The digits of each value as rows of a matrix.

    Returns ``(matrix, fits)``: shape ``(n, length)``; rows whose value does not hold exactly ``length`` ASCII digits are
    zero and ``fits`` is False there.
    """
    joined = [v if v.isascii() and v.isdigit() else _NOT_DIGITS.sub("", v) for v in values]
    fits = np.fromiter((len(d) == length for d in joined), dtype=np.bool_, count=len(joined))
    text = "".join(d if len(d) == length else "0" * length for d in joined)
    flat = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    return flat.reshape(len(joined), length), fits


def weighted(matrix: Digits, weights: Sequence[int]) -> Digits:
    """Sum of digit × weight per row, over the first ``len(weights)`` digits."""
    result: Digits = matrix[:, : len(weights)] @ np.asarray(weights, dtype=np.int64)
    return result


def luhn(values: Sequence[str]) -> Bools:
    """ISO/IEC 7812-1 check digit, for any number of digits."""
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        digits = [ord(c) - 48 for c in value if "0" <= c <= "9"]
        odd = sum(digits[-1::-2])
        even = sum((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[d] for d in digits[-2::-2])
        result[i] = bool(digits) and (odd + even) % 10 == 0 and len(set(digits)) > 1
    return result


def words(strong: str = "", weak: str = "", hint: str = "") -> dict[str, float]:
    """Column words from blocks of text: phrases parted by commas or line ends, tokens of a phrase by spaces."""
    result: dict[str, float] = {}
    for block, strength in ((hint, 0.3), (weak, 0.6), (strong, 1.0)):
        for line in block.replace(",", "\n").splitlines():
            if phrase := " ".join(line.split()):
                result[phrase] = strength
    return result


def tokens(block: str) -> frozenset[str]:
    """A set of single words from text."""
    return frozenset(block.split())


def mod97(values: Sequence[str]) -> Bools:
    """ISO 7064 MOD 97-10 as IBANs use it (ISO 13616)."""
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        text = "".join(value.split()).upper()
        turned = text[4:] + text[:4]
        if turned.isalnum() and turned.isascii():
            result[i] = int(turned.translate(_LETTERS)) % 97 == 1
    return result


# Owners of places and numbers that are no people.
THINGS_WITH_PLACES = tokens("""
    store stores shop shops branch branches warehouse wh whs center centre cntr hub depot plant factory supplier vendor vndr
    partner ptnr brand maker mfr manufacturer corp hq facility venue site terminal station stn hotel hospital school bank
    server srv svr host gateway gw proxy router node cluster printer switch vip nat dns ntp lb machine 매장 점포 지점 창고 센터
    물류센터 공장 거래처 공급사 협력사 본사 영업소 대리점 가맹점 서버 장비
    """)
