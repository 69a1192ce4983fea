"""International bank account numbers (ISO 13616)."""

from __future__ import annotations

from scanner.catalog.recognizers.base import Pattern, Recognizer, mod97, words

recognizer = Recognizer(
    entity="IBAN_CODE",
    title="international bank account number",
    patterns=(Pattern(r"(?i:[A-Z]{2}[0-9]{2}(?:\s?[0-9A-Z]{4}){2,7}(?:\s?[0-9A-Z]{1,4})?)", 9.0, mod97),),
    loose=r"[A-Za-z]{2}[0-9]{2}[0-9A-Za-z *]{10,36}",
    search=r"(?:^|[^0-9A-Za-z])([A-Z]{2}[0-9]{2}(?:\s?[0-9A-Z]{4}){2,7}(?:\s?[0-9A-Z]{1,3})?)(?:[^0-9A-Za-z]|$)",
    search_check=mod97,
    masked=r"[A-Z]{2}[0-9*]{2}[0-9A-Z *]{0,12}[*xX]{4,}[0-9A-Z *]{0,12}",
    words=words(strong="iban, iban no, iban code, iban number", weak="bank account, account no, konto, kontonummer"),
    lengths=(15, 42),
    digits=(2, 34),
    sensitivity=3,
)
