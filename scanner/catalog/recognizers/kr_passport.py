"""Korean passports: M12345678 (old), M123A4567 (since December 2021); S, R, D, G, O for other kinds."""

from __future__ import annotations

from scanner.catalog.recognizers.base import Pattern, Recognizer, tokens, words

recognizer = Recognizer(
    entity="KR_PASSPORT",
    title="passport number",
    patterns=(
        Pattern(r"[MSRDOGmsrdog][0-9]{3}[A-Za-z][0-9]{4}", 5.0),
        Pattern(r"[Mm][0-9]{8}", 4.5),
        Pattern(r"[SRDOGTsrdogt][0-9]{8}|[A-Z]{2}[0-9]{7}", 1.5),
    ),
    loose=r"[A-Za-z]{1,2}[0-9A-Za-z]{6,8}",
    search=r"(?:여권|[Pp]assport)[^0-9A-Za-z]{0,12}(?:번호|[Nn]o\.?|[Nn]umber)?[^0-9A-Za-z]{0,5}([A-Z]{1,2}[0-9]{3}[A-Z0-9][0-9]{4})",
    masked=r"[MSRDOG][0-9]{2,4}[*●xX]{4,6}|[MSRDOG][*●]{4,6}[0-9]{2,4}",
    words=words(
        strong="passport, pspt, passport no, passport num, pspt no, psprt no, pp no, ppno, pasport, 여권, 여권번호, 여권 번호",
        weak="travel doc no, psp no",
    ),
    negative=tokens("expiry exp issue issued country nation 만료 발급 국가 영문"),
    lengths=(8, 12),
    digits=(2, 8),
    sensitivity=4,
    wants_unique=True,
)
