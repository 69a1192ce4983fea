"""Passports of other countries: eight or nine letters and digits that only the column's name tells from other codes."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Recognizer, tokens, words

recognizer = Recognizer(
    entity="PASSPORT",
    title="passport number",
    patterns=(Pattern(r"[0-9]{8,9}|[A-Z]{1,3}[0-9]{6,8}|[0-9]{2}[A-Z]{2}[0-9]{5}|[A-Z][0-9A-Z]{8}[0-9]?", 0.8),),
    loose=r"[A-Za-z0-9][A-Za-z0-9 -]{5,10}[A-Za-z0-9]",
    search=r"(?i:passport|reisepass|passeport|pasaporte|passaporto)[^0-9A-Za-z]{0,12}(?:(?:nr|no|number|num)[^0-9A-Za-z]{0,4})?([A-Z]{0,2}[0-9]{6,9}|[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8})(?:[^0-9A-Za-z]|$)",
    words=words(
        strong="""
        passport, passport no, passport number, passport num, reisepass, reisepassnr, reisepass nr, reisepassnummer, pass nr,
        passnummer, passeport, num passeport, numero passeport, pasaporte, num pasaporte, numero pasaporte, passaporto,
        numero passaporto, paspoort, paspoortnummer, paszport, nr paszportu, pass no foreign, passaporte, passi numero
        """,
        weak="travel document, travel doc no, travel document no",
    ),
    negative=tokens("expiry exp issue issued country nation expires valid type boarding 만료 발급 국가 영문"),
    kinds=NUMERIC_TOO,
    lengths=(7, 12),
    digits=(2, 10),
    needs_word=True,
    wants_unique=True,
    sensitivity=4,
)
