"""Identity cards of other countries: a handful of letters and digits that only the column's name tells from other codes."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Recognizer, tokens, words

recognizer = Recognizer(
    entity="ID_CARD",
    title="identity card",
    patterns=(Pattern(r"[A-Z]{2,3} ?[0-9]{5,7}(?: ?[A-Z]{2})?|[0-9]{9,12}|[0-9]{8}[ -]?[0-9][ -]?[A-Z]{2}[0-9]", 0.8),),
    loose=r"[A-Za-z0-9][A-Za-z0-9 -]{5,14}[A-Za-z0-9]",
    words=words(
        strong="""
        dowod, dowod osobisty, nr dowodu, numer dowodu, dowodu, dowodu osobistego, carta identita, carta d identita,
        num carta identita,
        carte identite, carte nationale identite, cni, num cni, cartao cidadao, bilhete identidade, identiteitskaart,
        identity card, identity card no, id card, id card no, id card number, national id card, obcansky prukaz
        """,
        weak="id doc, id document, id doc no, document number, num documento",
    ),
    negative=tokens("type kind expiry exp issue issued country valid image img photo path url back front"),
    kinds=NUMERIC_TOO,
    lengths=(7, 16),
    digits=(2, 12),
    needs_word=True,
    wants_unique=True,
    sensitivity=4,
)
