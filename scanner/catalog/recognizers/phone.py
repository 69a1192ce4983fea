"""Telephone numbers: Korean mobile, landline, internet and safety numbers, with or without their leading 0, and international.

Numbering: Korean mobile 010 and old 011/016–019; areas 02, 031–033, 041–044, 051–055, 061–064; 070 internet, 050x safety
numbers, 080 freephone, 15xx/16xx/18xx company lines. North American plan: area and exchange never begin with 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import (
    NUMERIC_TOO,
    Bools,
    Pattern,
    Plausibility,
    Recognizer,
    tokens,
    words,
)

_SEP = r"\s?[-–.·/ )]?\s?"
_AREA = r"(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4])"
_MOBILE = rf"\(?01[016789]\)?{_SEP}[0-9]{{3,4}}{_SEP}[0-9]{{4}}"
_INTERNATIONAL_KR = rf"(?:\+|00)?\s?\(?82\)?{_SEP}\(?0?(?:10|1[16789]|70|50[0-9]|{_AREA})\)?{_SEP}[0-9]{{3,4}}{_SEP}[0-9]{{4}}"
_LANDLINE = rf"\(?0(?:{_AREA}|70|50[2-8]|80|30)\)?\s?[-.) ]\s?[0-9]{{3,4}}\s?[-. ]\s?[0-9]{{4}}"
_LANDLINE_BARE = rf"0(?:{_AREA}|70|50[2-8])[2-9][0-9]{{6,7}}"
_ANY = rf"(?:{_MOBILE}|{_LANDLINE}|{_INTERNATIONAL_KR})"
_SUFFIX = r"(?:\s?(?:\(.{1,12}\)|[가-힣]{1,6}|(?:ext\.?|x|#|내선)\s?[0-9]{1,5}))?"


def _spread(values: Sequence[str]) -> Plausibility:
    """Subscriber numbers scatter over all eight digits; serial numbers keep to a corner."""
    digits = ["".join(c for c in v if "0" <= c <= "9") for v in values]
    tails = np.asarray([int(d[-8:]) for d in digits if len(d) >= 8], dtype=np.int64)
    if len(tails) < 4:
        return Plausibility(1.0)
    span = int(tails.max() - tails.min())
    if span < 10_000_000:
        return Plausibility(0.0, "the numbers lie close together")
    return Plausibility(1.0)


def _scattered(values: Sequence[str]) -> Bools:
    sound = _spread(values).score > 0
    return np.full(len(values), sound, dtype=np.bool_)


def _twelve(values: Sequence[str]) -> Bools:
    """International numbers have 7 to 15 digits (ITU-T E.164)."""
    return np.fromiter((7 <= sum("0" <= c <= "9" for c in v) <= 15 for v in values), dtype=np.bool_, count=len(values))


def _nine(values: Sequence[str]) -> Bools:
    """Groups of digits are a phone number when all come to nine or ten; amounts written in groups vary."""
    sizes = [sum("0" <= c <= "9" for c in v) for v in values]
    sound = bool(sizes) and sum(9 <= n <= 10 for n in sizes) > 0.95 * len(sizes)
    return np.full(len(values), sound, dtype=np.bool_)


recognizer = Recognizer(
    entity="PHONE_NUMBER",
    title="telephone number",
    patterns=(
        Pattern(rf"(?:tel|hp|TEL|HP|T|M|휴대폰|전화)?[.: ]{{0,2}}{_MOBILE}{_SUFFIX}", 8.0),
        Pattern(rf"{_INTERNATIONAL_KR}{_SUFFIX}", 7.0),
        Pattern(rf"{_LANDLINE}{_SUFFIX}", 6.5),
        Pattern(_LANDLINE_BARE, 5.0, _scattered),
        Pattern(rf"0(?:{_AREA}|70|50[2-8])[2-9][0-9]{{2,3}}[-. ][0-9]{{4}}{_SUFFIX}", 6.0),
        Pattern(r"10[2-9][0-9]{7}", 5.0, _scattered),
        Pattern(r"1[16789][0-9]{8}", 1.0, _scattered),
        Pattern(r"\+[1-9][0-9]{0,2}[-. ()0-9]{6,18}[0-9]", 7.0, _twelve),
        Pattern(r"\+[1-9][0-9]{7,14}", 6.5),
        Pattern(
            r"(?:(?:\+|00)?1[-. ]?)?(?:\([2-9][0-9]{2}\)\s?-?"
            r"|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4}(?:\s?(?:x|ext\.?)\s?[0-9]{1,6})?",
            6.0,
        ),
        Pattern(r"[2-9][0-9]{2}[2-9][0-9]{6}(?:x[0-9]{1,6})?", 3.4, _scattered),
        Pattern(r"[0-9]{2,3}(?: [0-9]{2,3}){2,4}", 4.6, _nine),
        Pattern(r"(?:00[1-9][0-9]{8,13}|0[1-9][0-9]{1,4}[ /-][0-9]{3,4}[ -]?[0-9]{3,5})", 4.6),
        Pattern(r"0[1-9](?:[ .-][0-9]{2}){4}", 6.0),
        Pattern(r"3[2-9][0-9][ /.-][0-9]{3}[ .]?[0-9]{3,4}|0[0-9]{1,4}[ /-][0-9]{4,9}", 4.6),
        Pattern(r"1[568][0-9]{2}-[0-9]{4}", 2.0),  # a firm's line
        Pattern(rf"{_ANY}(?:\s?[/,;|]\s?{_ANY})+", 8.0),
    ),
    loose=r"[+(]{0,2}[0-9][0-9 ()./–-]{5,18}[0-9](?:\s?(?:x|ext\.?|#|\()[^@]{1,12})?",
    search=(
        r"(?:^|[^0-9A-Za-z_/.+-])((?:\+82[- ]?\(?0?\)?|0)1"
        r"(?:0[-. )]?\s?[2-9][0-9]{3}[-. ]?\s?|[16789][-. )]\s?[0-9]{3,4}[-. ]\s?)[0-9]{4}"
        r"|0(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|50[2-8])[-.)]\s?[0-9]{3,4}[-.][0-9]{4}"
        r"|\+[1-9][0-9]{0,2}[ -]?\(?[0-9]{1,4}\)?[ -][0-9]{3,4}[ -]?[0-9]{3,4}"
        r"|\+[1-9][0-9]{0,2}[ .-]\(?[0-9]{1,4}\)?(?:[ .-]?[0-9]{2,4}){2,4}"
        r"|\+(?:82|1|49|33|34|39|44|31|48|4[1-7]|32|351|358|420)[0-9]{8,11}"
        r"|0[1-9](?:[ .][0-9]{2}){4}|01[567][0-9][ /-]?[0-9]{7,8}"
        r"|07[0-9]{3} ?[0-9]{3} ?[0-9]{3}|0[2-9][0-9]{1,3}[ /][0-9]{5,8}|[67][0-9]{2}(?: [0-9]{3}){2}|3[2-9][0-9] [0-9]{6,7}"
        r"|\(?[2-9][0-9]{2}\)?[-. ][2-9][0-9]{2}[-.][0-9]{4}|1-[2-9][0-9]{2}-[0-9]{3}-[0-9]{4}"
        r"|0[67][0-9]{8})(?:[^0-9A-Za-z-]|$)"
    ),
    masked=(
        r"\(?0[0-9]{1,3}\)?[-. ]?[0-9]{0,2}[*xX●#]{2,4}[-. ]?(?:[0-9]{0,2}[*xX●#]{0,4}[0-9]{0,4})"
        r"|\(?0[0-9]{1,3}\)?[-. ][0-9]{3,4}[-. ]?[0-9]{0,2}[*xX●#]{2,4}"
        r"|\+[0-9]{1,3}[- ]?[0-9]{0,4}[- ]?[*xX●#]{2,}[- ]?[0-9*]{2,8}|[(]?[*xX]{3}[)]?[-. ][*xX]{3}[-. ][0-9]{4}"
    ),
    words=words(
        strong="""
        phone, phone no, telf, telf1, telf2, jeonhwa, hyudae jeonhwa, hyudaepon, phone number, tel, telno, tel no,
        telephone, mobile, mobile no, mobile phone, cell,
        cellphone, cell phone, hp, hp no, hpno, hndphn, handphone, hand phone, mbl, mblno, mbl telno, mbtlnum,
        mobile tel, contact no, contact number, cntct no, cttpc, fax, fax no, faxno, phn, phn no, msisdn, ph no,
        moblphon, whatsapp, telefon, telefonnummer, handynummer, rufnummer, telefono, telephone number, celular,
        cellulare, numero cellulare, cel, movil, móvil, tel movil, telefono movil, tlf, tfno, tel cel,
        telefoon, telefoonnummer, mobiel, mobiele nummer, gsm nummer, komorka, komórka, nr tel, nr telefonu, numer telefonu,
        telefon komorkowy, puhelin, puhelinnumero, matkapuhelin, mobil, mobilnr, mobilnummer, mobiltelefon, telefonnr,
        telefon nr, tel nr, telnr, handy, handy nr, handynr, festnetz, tel fixe, tel portable, tel mobile, num tel,
        numero telephone, numero tel, numero telefono, telemovel, telemóvel, telefone, mobilní telefon, recapito telefonico,
        portable, gsm, safe no, safety no, vno tel, ctn, 전화, 전화번호, 휴대폰, 휴대폰번호, 핸드폰, 핸드폰번호,
        연락처, 휴대전화, 휴대전화번호, 유선전화, 자택전화, 직장전화, 팩스, 팩스번호, 안심번호, 비상연락처, 수신번호,
        발신번호, 집전화, 비상연락망, 연락번호
        """,
        weak="""
        contact, cntct, cntc, caller, callee, calling no, called no, sms, kakao, rcv no, receiver no, sender no,
        call no, callback, callback no, recipient no, ani, dnis, kontakt, sms no, 수신자번호, 발신자번호, 콜백번호
        """,
        hint="no, number, num, 번호",
    ),
    negative=tokens("""
    model len length brand maker os type price plan company carrier agency email mail 모델 통신사 기종 요금제
    """),
    things=tokens(
        """
    store stores shop shops branch branches warehouse wh center centre hub depot hq 매장 점포 지점 창고 센터 물류센터
    본사 영업소 대리점 가맹점
    """
    ),
    kinds=NUMERIC_TOO,
    lengths=(7, 60),
    digits=(2, 36),
    sensitivity=2,
    wants_unique=True,
)
