"""United Kingdom national insurance numbers: two letters, six digits, A–D (HMRC, NIM39110)."""

from __future__ import annotations

from scanner.catalog.recognizers.base import Pattern, Recognizer, words

_NUMBER = (
    r"[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z][A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z][ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-Da-d]"
)

recognizer = Recognizer(
    entity="UK_NINO",
    title="UK national insurance number",
    patterns=(
        Pattern(_NUMBER, 8.5),
        Pattern(r"(?:ZZ|TN)[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-DT]?", 6.0),  # placeholders, never issued
    ),
    loose=r"[A-Za-z]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-Za-z]?",
    search=rf"(?:^|[^0-9A-Za-z])({_NUMBER})(?:[^0-9A-Za-z]|$)",
    masked=r"[A-Z]{2}[ ]?[*xX]{2}[ ]?[*xX]{2}[ ]?[*xX0-9]{2}[ ]?[A-D]",
    words=words(
        strong="nino, ni number, ni no, national insurance, national insurance number, nat ins no", weak="ni, insurance no"
    ),
    lengths=(8, 14),
    digits=(2, 6),
    sensitivity=4,
)
