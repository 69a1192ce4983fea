"""Driving licences of other countries: dozens of forms, so the column's name has to say it."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Recognizer, tokens, words

recognizer = Recognizer(
    entity="US_DRIVER_LICENSE",
    title="driver's license",
    patterns=(Pattern(r"[A-Z]{1,2}[0-9]{6,13}|[A-Z][0-9]{3}-[0-9]{3,4}-[0-9]{2,4}(?:-[0-9]{2,4}){0,2}|[0-9]{7,12}", 0.5),),
    loose=r"[A-Za-z0-9][A-Za-z0-9 .*/-]{4,20}[A-Za-z0-9*]",
    words=words(
        strong="""
        driver license, drivers license, driver licence, drivers licence, driver license no, driver license number,
        drivers license no, drivers license number, dl no, dl number, dln, license number, driving license, fuehrerschein,
        führerschein, fuehrerscheinnr, führerscheinnr, führerscheinnummer, fuehrerscheinnummer, permis conduire, num permis,
        permiso conducir, carnet conducir, patente guida, num patente, rijbewijs, rijbewijsnummer, prawo jazdy, korkort,
        körkort, forerkort, førerkort, carta conducao
        """,
        weak="driving licence, dl, license no, licence no",
    ),
    negative=tokens("software product key expiry exp state issued type class plate vehicle car count seats business biz"),
    kinds=NUMERIC_TOO,
    lengths=(6, 24),
    digits=(3, 20),
    needs_word=True,
    wants_unique=True,
    sensitivity=4,
)
