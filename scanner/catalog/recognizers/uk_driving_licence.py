"""British driving licences: five letters of the surname, birth date with 50 added to women's months, initials (DVLA)."""

from __future__ import annotations

from scanner.catalog.recognizers.base import Pattern, Recognizer, words

recognizer = Recognizer(
    entity="UK_DRIVING_LICENCE",
    title="British driving licence",
    patterns=(
        Pattern(
            r"[A-Z][A-Z9]{4} ?[0-9](?:0[1-9]|1[0-2]|5[1-9]|6[0-2])[0-3][0-9][0-9] ?[A-Z9]{2}[0-9A-Z] ?[A-Z]{2}(?: ?[0-9]{2})?",
            9.0,
        ),
    ),
    loose=r"[A-Z9]{5}[0-9A-Z]{11,13}",
    search=r"(?:^|[^0-9A-Za-z])([A-Z][A-Z9]{4}[0-9](?:0[1-9]|1[0-2]|5[1-9]|6[0-2])[0-3][0-9][0-9][A-Z9]{2}[0-9A-Z][A-Z]{2})(?:[^0-9A-Za-z]|$)",
    words=words(strong="driving licence, driving licence no, driving licence number, dvla no", weak="licence no, licence number"),
    lengths=(16, 22),
    digits=(6, 13),
    sensitivity=4,
)
