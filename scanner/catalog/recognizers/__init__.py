"""The registry of PII classes: one line each. To add a class, add a file and a line.

Outside packages add theirs through the entry-point group ``vendorwatch.recognizers`` (each entry point is a
:class:`~scanner.catalog.recognizers.base.Recognizer`).
"""

from __future__ import annotations

from scanner.catalog.recognizers import (
    address,
    age,
    bank_account,
    credit_card,
    date_of_birth,
    de_tax_id,
    device_id,
    email,
    european,
    gender,
    geo,
    iban,
    ip_address,
    kr_brn,
    kr_ci,
    kr_driver_license,
    kr_frn,
    kr_passport,
    kr_rrn,
    login_id,
    person,
    phone,
    postcode,
    uk_nhs,
    uk_nino,
    us_ssn,
    vehicle_plate,
)
from scanner.catalog.recognizers.base import Pattern, Plausibility, Recognizer, TypeKind

RECOGNIZERS: dict[str, Recognizer] = {
    r.entity: r
    for r in (
        kr_rrn.recognizer,
        kr_frn.recognizer,
        kr_passport.recognizer,
        kr_driver_license.recognizer,
        kr_brn.recognizer,
        kr_ci.recognizer,
        phone.recognizer,
        email.recognizer,
        person.recognizer,
        address.recognizer,
        credit_card.recognizer,
        bank_account.recognizer,
        iban.recognizer,
        vehicle_plate.recognizer,
        date_of_birth.recognizer,
        ip_address.recognizer,
        login_id.recognizer,
        device_id.recognizer,
        geo.recognizer,
        postcode.recognizer,
        gender.recognizer,
        age.recognizer,
        us_ssn.recognizer,
        uk_nino.recognizer,
        uk_nhs.recognizer,
        de_tax_id.recognizer,
        *european.recognizers,
    )
}

__all__ = ["RECOGNIZERS", "Pattern", "Plausibility", "Recognizer", "TypeKind"]
