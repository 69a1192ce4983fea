"""E-mail addresses."""

from __future__ import annotations

from scanner.catalog.recognizers.base import Pattern, Recognizer, tokens, words

_ADDRESS = r"[A-Za-z0-9!#$%&'+/=?^_`{|}~.가-힣-]{1,64}@[A-Za-z0-9가-힣](?:[A-Za-z0-9가-힣-]*\.)+[A-Za-z가-힣]{2,24}"

recognizer = Recognizer(
    entity="EMAIL_ADDRESS",
    title="e-mail address",
    patterns=(
        Pattern(rf"(?:mailto:)?{_ADDRESS}", 9.0),
        Pattern(rf".{{1,60}}<{_ADDRESS}>", 9.0),
        Pattern(rf"{_ADDRESS}(?:\s?[,;]\s?{_ADDRESS})+", 9.0),
    ),
    loose=r"\S{1,64}(?:@|\(at\)|\[at\]| at )\S{2,64}|[A-Za-z0-9._%+-]{2,40}",
    search=r"(?:^|[^A-Za-z0-9._%+/-])([A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24})(?:[^A-Za-z0-9@]|$)",
    masked=r"[A-Za-z0-9._%+-]{0,20}[*●xX]{2,20}[A-Za-z0-9._%+-]{0,20}@[A-Za-z0-9*.-]{2,40}",
    words=words(
        strong="""
        email, e mail, mail, eml, email addr, email address, emailaddr, mail addr, eml addr, emladdr, email adres,
        elctrn mail, mail address, e mail addr, correo, correo electronico, correo electrónico, courriel,
        adresse mail, adresse electronique, mel, posta elettronica,
        indirizzo email, e post, epost, epostadress, sahkoposti, sähköposti, mailadres, adres email, adres mailowy,
        mailadresse, emailadresse, 이메일, 이메일주소, 전자우편, 메일,
        메일주소, 전자메일
        """,
        weak="em, ml addr, login email",
    ),
    negative=tokens("server smtp template subject title body domain provider sent send count host 템플릿 제목 도메인 발송"),
    lengths=(3, 320),
    sensitivity=2,
)
