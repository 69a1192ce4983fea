"""Postcodes: five digits in Korea (3-3 before 2015), Germany and the United States; letters and digits in Britain and Canada."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Recognizer, tokens, words

recognizer = Recognizer(
    entity="POSTCODE",
    title="postcode",
    patterns=(
        Pattern(r"(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKPSTUW]?\s[0-9][ABD-HJLNP-UW-Z]{2})", 6.0),
        Pattern(r"[A-CEGHJ-NPR-TVXY][0-9][A-Z] [0-9][A-Z][0-9]", 6.0),
        Pattern(r"[0-9]{5}-[0-9]{4}", 3.0),
        Pattern(r"[0-9]{5}", 0.8),
        Pattern(r"[1-9][0-9]{3}-[0-9]{3}", 2.0),
        Pattern(r"[1-7][0-9]{2}-[0-9]{3}", 2.5),
    ),
    loose=r"[0-9]{4}-[0-9]{3}|[0-9]{2}-[0-9]{3}|[0-9]{3}-[0-9]{4}|[0-9]{4,5}|[0-9]{3}[- ]?[0-9]{2,3}|[0-9]{4} ?[A-Za-z]{2}"
    r"|[0-9]{5}-[0-9]{4}"
    r"|[A-Za-z0-9]{2,4} ?[0-9][A-Za-z]{2}",
    words=words(
        strong="""
        zip, zipcode, zip code, zip cd, zipcd, zip no, zipno, postcode, post code, post cd, post no, postno, postal,
        postal code, postal cd, post num, plz, postleitzahl, pstlz, code postal, codigo postal, código postal, cod postal,
        codice postale, cod avviamento postale,
        postnummer, postnr, kod pocztowy, kod poczt, postinumero, psc, psč, irsz, iranyitoszam, cod postale, cpostal,
        pst no, zonecode, zone code, area zip, 우편,
        우편번호, 우편 번호
        """,
        weak="zn, post, cp, cap",
    ),
    negative=tokens("file path url name nm compressed board title blog"),
    kinds=NUMERIC_TOO,
    lengths=(4, 10),
    digits=(2, 9),
    form="quasi",
    sensitivity=1,
)
