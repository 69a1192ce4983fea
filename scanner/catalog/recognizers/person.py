"""People's names: Korean in Hangul, and Latin.

Two to four syllables beginning with a surname is also what foods and firms look like. What tells them apart is *which*
syllables follow: given names draw on a small set. Each syllable adds to or takes from a log-likelihood ratio (the tables are
coarse tiers of public population statistics: three surnames cover 45% of Koreans, ten cover 64%), and the column is judged
by the mean over its values, never by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import Bools, Pattern, Plausibility, Recognizer, tokens, words
from scanner.catalog.recognizers.person_words import FIRM_WORDS, FIRST_NAMES, LAST_NAMES, ROMANISED_GIVEN, ROMANISED_SURNAMES

_FIRMS = FIRM_WORDS - FIRST_NAMES - LAST_NAMES  # Brown, Green and Young are surnames too
_SURNAME_TOP = frozenset("김이박최정강조윤장임")
_SURNAME_COMMON = frozenset(
    "한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민나진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용"
)
_SURNAME_RARE = frozenset("라예경봉사부가복태목형피두감음빈동온호범좌팽승간상시갈단견당화창강필")
_SURNAME_TWO = frozenset({"남궁", "황보", "선우", "제갈", "사공", "독고", "서문", "동방", "망절", "어금", "장곡", "강전"})
_GIVEN_COMMON = frozenset(
    "민서지현수영정은준우연성경진희미호주하재윤혜승동상순자숙옥철석태아예도시유빈원훈규용종기선인나라다채율온건환혁형섭식욱웅일창찬한현남"
    "늘름솜새롬샘누담해루결비랑빛후린리나람봄솔슬별이의광국근길덕만명문복병보봉란애화향춘월말금분점임녀련례안양엽완왕율범배백대두단달구교관권균극"
)
_GIVEN_TOP = frozenset(
    "민서지현수영정은준우연성경진희미호주하재윤혜승동상순자숙옥철석태아예도시유빈원훈규용종기선인나채율건환혁형섭욱찬린"
)
_NEVER = frozenset(
    "품점업사회부과장트스크프드즈치찌국탕면밥빵떡육채튀볶찜죽김맛권증료비용액체계률량값류색형식법권소청처원실동구읍면로길호층역교"
)

_HANGUL = re.compile(r"^[가-힣]{2,5}$")


def likelihood(name: str) -> float:
    """Log-likelihood ratio (nats) of a Hangul string being a full name rather than another word of the same length."""
    text = "".join(name.split())
    if not _HANGUL.match(text):
        return -3.0
    if text[:2] in _SURNAME_TWO and len(text) in (3, 4):
        score, given = 1.5, text[2:]
    else:
        first, given = text[0], text[1:]
        if first in _SURNAME_TOP:
            score = 1.0
        elif first in _SURNAME_COMMON:
            score = 0.2
        elif first in _SURNAME_RARE:
            score = -0.8
        else:
            return -3.0
    if len(given) > 3:
        return -3.0
    for syllable in given:
        if syllable in _GIVEN_TOP:
            score += 0.9
        elif syllable in _GIVEN_COMMON:
            score += 0.1
        else:
            score -= 2.0
    if len(given) == 1:
        score -= 0.9
    elif len(given) == 3:
        score -= 2.0
    if given and given[-1] in _NEVER and given[-1] not in _GIVEN_TOP:
        score -= 1.0
    return float(np.clip(score, -3.0, 3.0))


_TAIL = re.compile(r"(?:\s?[(（\[].{1,12}[)）\]]|\s?(?:님|고객님|씨|귀하|[A-Z]|[0-9]{1,2}))$")


def _hangul_name(value: str) -> str:
    """The name without a title or remark behind it."""
    return _TAIL.sub("", value.strip())


def _korean(values: Sequence[str]) -> Bools:
    scores = np.fromiter((likelihood(_hangul_name(v)) for v in values), dtype=np.float64, count=len(values))
    hits: Bools = scores > 0
    # foods and firms have hits too: a column of names has a clearly positive mean
    return hits if float(np.mean(scores)) > 0.35 else np.zeros(len(values), dtype=np.bool_)


def _parts(value: str) -> list[str]:
    return [
        p
        for p in re.split(r"[\s,.'’-]+", value.casefold())
        if p and p not in {"mr", "mrs", "ms", "dr", "prof", "jr", "sr", "ii", "iii"}
    ]


# Endings that surnames have and other words hardly: Slavic, Nordic, German, Greek, Romanian.
_OFFSPRING = re.compile(
    r".(?:[sc]k[iaáý]|icz|czyk|czak|[^k]ová|sson|sdotter|sdóttir|[dgklnrt]sen|enko|chuk|ovi[cć]|escu|poulos|akis|mann|[mb]ayer|m[ae]ier"
    r"|bauer|berger)$"
)


def _latin_score(value: str) -> float:
    """0–1: how surely this is a Latin or romanised name by its words."""
    parts = _parts(value)
    if not 1 <= len(parts) <= 5 or any(p in _FIRMS for p in parts):
        return 0.0
    first = any(p in FIRST_NAMES for p in (parts[0], parts[-1], parts[min(1, len(parts) - 1)]))
    last = any(p in LAST_NAMES or _OFFSPRING.search(p) for p in (parts[0], parts[-1]))
    korean = (parts[0] in ROMANISED_SURNAMES or parts[-1] in ROMANISED_SURNAMES) and any(
        p in ROMANISED_GIVEN or any(p.startswith(g) and p[len(g) :] in ROMANISED_GIVEN for g in ROMANISED_GIVEN) for p in parts
    )
    if len(parts) == 1:
        return 0.7 if first or last else 0.0
    return 1.0 if korean or (first and last) else 0.8 if first or last else 0.0


def _latin(values: Sequence[str]) -> Bools:
    scores = np.fromiter((_latin_score(v) for v in values), dtype=np.float64, count=len(values))
    firms = sum(any(p in _FIRMS for p in _parts(v)) for v in values)
    known = float(np.mean(scores)) if len(values) else 0.0
    two = sum(len(_parts(v)) in (2, 3) for v in values) > 0.8 * len(values)
    if (known >= 0.25 and firms <= 0.1 * len(values)) or (
        known >= 0.12 and two and firms <= 0.02 * len(values) and len(values) >= 20
    ):
        # names are an open class: once a quarter is known by name, the others of the same form count too
        return np.ones(len(values), dtype=np.bool_)
    return np.zeros(len(values), dtype=np.bool_)


def _column(values: Sequence[str]) -> Plausibility:
    hangul = [_hangul_name(v) for v in values if _HANGUL.match("".join(_hangul_name(v).split()))]
    if len(hangul) >= max(5, len(values) // 2):
        mean = float(np.mean([likelihood(v) for v in hangul]))
        surnames = len({v[0] for v in hangul})
        likeness = "typical" if mean > 1.2 else "possible" if mean > 0.35 else "untypical"
        note = f"{surnames} different surnames, syllables {likeness} of names"
        if len(hangul) >= 15 and surnames < 4:
            return Plausibility(0.2, note)
        return Plausibility(1.0 if mean > 0.35 else 0.4, note, bonus=float(np.clip((mean - 0.9) * 4, -1.5, 3.0)))
    known = float(np.mean([_latin_score(v) > 0 for v in values])) if values else 0.0
    single = float(np.mean([len(_parts(v)) == 1 for v in values])) if values else 0.0
    return Plausibility(
        1.0,
        f"{known:.0%} hold a known first or last name",
        bonus=(2.0 * min(1.0, known * 1.5) if known >= 0.3 else 0.0) - 1.5 * single,
    )


_HONORIFIC = r"(?:고객님|회원님|님|씨|기사님|과장|대리|팀장|차장|부장|사장)"


def _addressed(values: Sequence[str]) -> Bools:
    return np.fromiter((likelihood(v) > 1.2 for v in values), dtype=np.bool_, count=len(values))


_W = r"[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'’]+(?:-[A-ZÀ-ÖØ-Þ]?[a-zà-öø-ÿ]+)?"

recognizer = Recognizer(
    entity="PERSON",
    title="person's name",
    patterns=(
        Pattern(r"[가-힣]{1,2}\s?[가-힣]{1,3}(?:\s?[(\[].{1,12}[)\]]|\s?(?:님|고객님|씨|귀하|[A-Z]|[0-9]{1,2}))?", 3.6, _korean),
        # one pattern for all Latin forms: whether a column is of names is told by all its values together
        Pattern(
            rf"(?:(?:Mr|Mrs|Ms|Dr|Prof)\.? )?{_W}(?: [A-Z]\.?)?(?: (?:van|de|von|der|da|di|del|la|le|bin|al))*(?: {_W}){{0,3}}"
            rf"(?: (?:Jr|Sr|II|III)\.?)?|{_W}(?: {_W})?, {_W}(?: [A-Z]\.?)?(?: {_W})?"
            r"|[A-Z'-]{2,}(?:(?:, ?| )[A-Z][A-Z.'-]*){0,3}|[a-z'-]{2,}(?:(?:, ?| )[a-z][a-z.'-]*){1,3}",
            4.0,
            _latin,
        ),
    ),
    loose=r"[가-힣]{1,6}(?:\s?[가-힣]{1,4})?(?:\s?[(\[A-Z0-9].{0,12})?|[\p{L}'’.,\- ]{2,60}|[\p{Han}]{2,4}",
    search=rf"(?:^|[^가-힣])([가-힣]{{3}})\s?{_HONORIFIC}(?:[^가-힣]|$|께|의|이|가|은|는|에게)",
    search_check=_addressed,
    masked=r"[가-힣][*●○xXoO]{1,3}[가-힣]{0,2}|[가-힣]{2}[*●○]{1,3}|[*●○]{1,2}[가-힣]{1,3}"
    r"|[A-Za-z]{1,3}[*●]{2,12}[A-Za-z]{0,3}(?: [A-Za-z]{0,3}[*●]{2,12}[A-Za-z]{0,3})*",
    words=words(
        strong="""
        cust nm, custnm, cust name, customer name, customer nm, customername, mbr nm, mbrnm, mber nm, member name,
        member nm, user nm, usr nm, usernm, full name, fullname, first name, firstname, last name, lastname, surname,
        given name, family name, fname, lname, middle name, forename, maiden name, real name, rcv nm, rcvr nm,
        rcver nm, rcvnm, rcptr nm, recv nm, receiver nm, receiver name, receiver, recipient, recipient name,
        recipient nm, rcpnt nm, rcpt nm, ordr nm, ord nm, orderer, orderer nm, orderer name, ordnm, buyer, buyer nm,
        buyer name, sender name, sender nm, snd nm, sndr nm, depositor, depositor nm, dpstr nm, acct holder,
        account holder, acct owner, holder nm, holder name, card holder, cardholder, cardholder name, emp nm, empnm,
        emp name, employee name, employee nm, staff name, staff nm, person name, person nm, psn nm, contact name,
        contact nm, contact person, cntct nm, pic nm, pic name, kor nm, kor name, eng nm, eng name, ceo nm, ceo name,
        rep nm, rep name, rprsntv nm, rprsv nm, owner nm, owner name, applicant, applicant nm, applicant name,
        guardian nm, guardian name, patient name, patient nm, driver nm, driver name, writer nm, wrtr nm,
        author name, consignee, consignee nm, payer nm, payer name, payee, mngr nm, manager name, manager nm,
        charger nm, wncsnm, student name, stdnt nm, teacher name, passenger name, guest name, nachname, vorname,
        nombre, apellido, apellidos, primer apellido, segundo apellido, nombre completo, nombre apellidos, nombre cliente,
        prenom, nom famille, nom prenom, prenom nom, nom complet, nom client, nom naissance, nom jeune fille, cognome,
        nome cognome, cognome nome, nome completo, nome cliente, sobrenome, apelido, primeiro nome, achternaam, voornaam,
        familienaam, voorletters, imie, imię, nazwisko, imie nazwisko, drugie imie, efternamn, förnamn, fornamn, etternavn,
        fornavn, efternavn, sukunimi, etunimi, jmeno, jméno, prijmeni, příjmení, priezvisko, vezeteknev, keresztnev,
        familienname, geburtsname, mädchenname, maedchenname, kundenname, kunde name, empfaenger, empfänger, kontoinhaber,
        karteninhaber, ansprechpartner, sachbearbeiter, titulaire, titular, intestatario, destinataire, destinatario,
        ontvanger, rekeninghouder, contactpersoon, kontaktperson, beneficiaire, beneficiario, nom titulaire, clnt nm,
        client name, subscriber name, subs nm, insured nm,
        beneficiary, beneficiary name, rcvman, addressee, ship name, shipname, ship to name, bill name, billing name,
        shipping name, legal name, display name, 성명, 이름, 고객명, 회원명, 수령인, 수령인명, 수령자, 수령자명,
        수취인, 수취인명, 받는사람, 받는분, 보내는사람, 보내는분, 주문자, 주문자명, 주문인, 예금주, 예금주명, 입금자,
        입금자명, 담당자, 담당자명, 대표자, 대표자명, 직원명, 사원명, 사용자명, 신청자, 신청자명, 신청인, 환자명,
        보호자명, 보호자, 가입자명, 계약자명, 피보험자, 배송기사명, 기사명, 실명, 성함, 구매자, 구매자명, 작성자명,
        한글성명, 영문성명, 영문이름, 한글이름, 수신인, 수신자명, 발신자명, 학생명, 소유자명, 명의자, 명의자명
        """,
        weak="""
        name, nm, nome, naam, navn, namn, nimi, meno, nev, vorn, nachn, fio, insured, sender, owner, manager, driver,
        writer, author, customer, cust, patient, employee,
        guest, contact, passenger, salesperson, assignee, charger, requester, reviewer, agent nm, agent name,
        counselor, counselor nm, seller nm, alias, person, man, subscriber, nom, onm, fst nm, lst nm, surnm, 작성자, 고객,
        회원, 기사, 상담원, 상담원명, 처리자, 등록자, 등록자명, 환자, 명, 배송기사, 발신자, 수신자, 가족, 학생, 사원
        """,
    ),
    negative=tokens(
        """
    prd prod product goods item gds itm sku brand brnd brd model category ctgr cat ctg file table col column host
    server domain company comp co corp firm store shop shp dept department team org organization country city region
    sido sigungu area bank card event evt evnt campaign coupon cpn code cd type grp group class grade grd status stts
    menu page url path job task role program prgm pgm system sys service svc channel chn app application device os
    browser color size option opt unit book movie song album hotel branch brnch center cntr warehouse wh ware carrier
    courier deliv vendor supplier maker mfr manufacturer school univ tag label title field schema db index key lang
    language currency plan template tmpl tmplt msg project proj prj survey board notice promo promotion plc policy
    street st road city no id yn cnt count type seq email mail hp tel phone addr food menu ingredient dish recipe
    venue place town village
    district publisher station stn airport team league game rate contract position pos rank user_agent 상품 제품 브랜드 품목
    카테고리 분류 파일 회사 업체 업체명 상호 법인 매장 점포 지점 부서 팀 조직 국가 도시 지역 은행 카드사 카드 이벤트
    캠페인 쿠폰 코드 유형 그룹 등급 상태 메뉴 페이지 직급 직위 역할 프로그램 시스템 서비스 채널 기기 색상 옵션 단위
    도서 영화 센터 창고 택배사 공급사 제조사 학교 태그 제목 항목 언어 통화 템플릿 프로젝트 게시판 공지 프로모션 정책
    prodotto producto produto produit produkt artikel article articolo firma firmenname azienda empresa societe société
    ditta bedrijf bedrijfsnaam ragione razon razão raison entreprise ville ciudad citta città ort stadt stad miasto
    stadt strasse straße marque
    marca marke tienda magasin filiale banca banque banco 건물 음식 재료 기관 여부 건수 번호 아이디 유무 서명 설명
    증명 발명 투명 분명 조명
    """
    ),
    lengths=(2, 60),
    digits=(0, 2),
    plausible=_column,
    neighbours=2.0,
    wants_unique=True,
    sensitivity=2,
)
