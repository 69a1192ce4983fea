"""United States individual taxpayer identification numbers: 9xx, groups 50–65, 70–88, 90–92 and 94–99 (IRS)."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Recognizer, words

recognizer = Recognizer(
    entity="US_ITIN",
    title="US individual taxpayer identification number",
    patterns=(
        Pattern(r"9[0-9]{2}[- ](?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[- ][0-9]{4}", 6.0),
        Pattern(r"9[0-9]{2}(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[0-9]{4}", 0.5),
    ),
    loose=r"9[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{4}",
    words=words(strong="itin, itin no, itin number", weak="tin, taxpayer id, tax id"),
    kinds=NUMERIC_TOO,
    lengths=(9, 11),
    digits=(9, 9),
    sensitivity=4,
)
