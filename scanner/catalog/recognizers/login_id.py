"""Login names. Their form says little (a slug looks alike), so the column's name has to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.catalog.recognizers.base import Pattern, Plausibility, Recognizer, TypeKind, tokens, words

_CODE = re.compile(r"^([A-Za-z]{1,4})[-_]?([0-9]{3,12})$")


def _not_codes(values: Sequence[str]) -> Plausibility:
    """U000123 is a key that the system gave, not a name that somebody chose."""
    shapes = {(m[1].upper(), len(m[2])) for v in values if (m := _CODE.match(v))}
    coded = sum(_CODE.match(v) is not None for v in values)
    if len(values) >= 8 and coded >= 0.9 * len(values) and len(shapes) <= 2:
        return Plausibility(0.0, "one prefix and a running number")
    return Plausibility(1.0)


recognizer = Recognizer(
    entity="LOGIN_ID",
    title="login name",
    patterns=(
        Pattern(r"[A-Za-z][A-Za-z]{1,15}[._-]?[A-Za-z]{0,10}[0-9]{1,4}", 1.5),
        Pattern(r"[A-Za-z][A-Za-z0-9._-]{2,29}", 0.5),
    ),
    loose=r"[A-Za-z가-힣][A-Za-z0-9가-힣._@+-]{1,29}|[A-Za-z0-9._+-]{1,64}@[a-z0-9.-]+",
    masked=r"[A-Za-z0-9]{1,6}[*]{2,10}[A-Za-z0-9]{0,4}",
    words=words(
        strong="""
        login id, loginid, login name, user id login, username, userid login, user login, login, logon id, lgn id,
        lgnid, login nm, web id, webid, sns id, kakao id, naver id, nickname, nick nm, nicknm, nick, nick name,
        ncknm, screen name, user name, benutzername, nutzername, nutzer name, nom utilisateur, nombre usuario, nome utente,
        gebruikersnaam, brukernavn, anvandarnamn, användarnamn, kayttajatunnus, nazwa uzytkownika, handle,
        account name, 로그인아이디, 아이디, 로그인 아이디,
        회원아이디, 사용자아이디, 닉네임, 별명, 고객아이디, 로그인id, 회원id, 사용자id
        """,
        weak="""
        identifiant, usuario, utente, user id, userid, usr id, usrid, mbr id, member id, mbrid, cust id, uid,
        uname, mber id, acct id, 접속아이디,
        sns key, kakao key
        """,
    ),
    negative=tokens(
        "yn cnt count time at date dt type fail failed 여부 일시 횟수 last created updated by reg mod no channel method"
    ),
    kinds=frozenset({TypeKind.TEXT, TypeKind.OTHER}),
    lengths=(2, 60),
    plausible=_not_codes,
    wants_unique=True,
    neighbours=1.0,
    sensitivity=2,
    needs_word=True,
)
