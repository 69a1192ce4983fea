"""Login names. Their form says little (a slug looks alike), so the column's name has to."""

from __future__ import annotations

from scanner.catalog.recognizers.base import Pattern, Recognizer, TypeKind, tokens, words

recognizer = Recognizer(
    entity="LOGIN_ID",
    title="login name",
    patterns=(
        Pattern(r"[A-Za-z][A-Za-z]{1,15}[._-]?[A-Za-z]{0,10}[0-9]{1,4}", 1.5),
        Pattern(r"[A-Za-z][A-Za-z0-9._-]{2,29}", 0.5),
    ),
    loose=r"[A-Za-z가-힣0-9][A-Za-z0-9가-힣._@+-]{1,59}",
    masked=r"[A-Za-z0-9]{1,6}[*]{2,10}[A-Za-z0-9]{0,4}",
    words=words(
        strong="""
        login id, loginid, login name, user id login, username, userid login, user login, login, logon id, lgn id,
        lgnid, login nm, web id, webid, sns id, kakao id, naver id, nickname, nick nm, nicknm, nick, nick name,
        ncknm, screen name, user name, benutzername, handle, account name, 로그인아이디, 아이디, 로그인 아이디,
        회원아이디, 사용자아이디, 닉네임, 별명, 고객아이디, 로그인id, 회원id, 사용자id
        """,
        weak="""
        user id, userid, usr id, usrid, mbr id, member id, mbrid, cust id, uid, uname, mber id, acct id, 접속아이디,
        sns key, kakao key
        """,
    ),
    negative=tokens(
        "yn cnt count time at date dt type fail failed 여부 일시 횟수 last created updated by reg mod no channel method"
    ),
    kinds=frozenset({TypeKind.TEXT, TypeKind.OTHER}),
    lengths=(2, 60),
    wants_unique=True,
    neighbours=1.0,
    sensitivity=2,
    needs_word=True,
)
