"""Connecting information (CI, 88 characters of Base64) and duplicated-joining information (DI, 64)."""

from __future__ import annotations

from scanner.catalog.recognizers.base import Pattern, Recognizer, tokens, words

recognizer = Recognizer(
    entity="KR_CI",
    title="connecting information (CI/DI)",
    patterns=(
        Pattern(r"[A-Za-z0-9+/]{86}==", 5.2),
        Pattern(r"[A-Za-z0-9+/]{64}", 2.0),
    ),
    loose=r"[A-Za-z0-9+/=_-]{40,100}",
    words=words(
        strong="""
        ci, di, ci value, di value, ci val, di val, conn info, connecting info, conninfo, dup info, dupinfo, ci key,
        ipin ci, ipin di, self cert ci, 연계정보, 중복가입확인정보, 중복가입정보, 본인확인값, ci1, ci2, user ci,
        user di, cust ci, mbr ci, mbr di
        """,
        weak="ipin, conn inf, dupl info",
    ),
    negative=tokens(
        "build pipeline hash signature sign sig csrf session sess cert key auth nonce hmac blob pwd password token secret salt"
    ),
    lengths=(40, 100),
    sensitivity=4,
    wants_unique=True,
    empty_ok=False,
)
