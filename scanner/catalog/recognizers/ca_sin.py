"""Canadian social insurance numbers: nine digits with a Luhn check, which French firms' numbers have too: the name decides."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Recognizer, luhn, words

recognizer = Recognizer(
    entity="CA_SIN",
    title="Canadian social insurance number",
    patterns=(Pattern(r"[1-9][0-9]{2}[- ]?[0-9]{3}[- ]?[0-9]{3}", 2.5, luhn),),
    loose=r"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{3}",
    words=words(strong="sin, sin no, sin number, social insurance number, social insurance no, canadian sin, nas"),
    kinds=NUMERIC_TOO,
    lengths=(9, 11),
    digits=(9, 9),
    needs_word=True,
    sensitivity=4,
)
