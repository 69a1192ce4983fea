"""Postal addresses: Korean road and lot addresses, their detail part, and Latin ones."""

from __future__ import annotations

from scanner.catalog.recognizers.base import THINGS_WITH_PLACES, Pattern, Recognizer, tokens, words

_PROVINCE = (
    r"(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주|충청북도|충청남도|전라북도|전라남도|경상북도|경상남도)"
    r"(?:특별자치시|특별자치도|특별시|광역시|시|도)?"
)
_ROAD = r"[가-힣0-9·.]{1,12}(?:대로|로|길|동|읍|면|리|가)(?:\s?[0-9]{1,4}번?(?:길|가))?"
_NUMBER = r"(?:산|지하)?\s?[0-9]{1,5}(?:-[0-9]{1,4})?"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Circle|Cir|Parkway|Pkwy|Highway|Hwy"
    r"|Trail|Close|Crescent|Gardens|Grove|Mews|Row|Hill|Park|Walk|Plaza|Loop|Pike|Alley|Freeway|Turnpike|Crossing|Extension|Ridge|Run|Path|Pass|View|Points?"
    r"|Mill|Springs?|Knolls?|Shoals?|Locks?|Fork|Ford|Harbors?|Isle|Inlet|Creek|Keys?|Bypass|Causeway|Tunnel|Station|Stravenue|Route|Ports?|Mountains?|Village|Ville|Cove|Corners?"
    r"|Common|Course|Expressway|Falls|Ferry|Fields?|Flats?|Forges?|Glens?|Greens?|Groves|Heights|Hollow|Island|Junctions?|Lakes?|Landing|Lights?|Manors?|Meadows?|Mission|Motorway"
    r"|Neck|Orchard|Oval|Overpass|Pine|Pines|Plain|Plains|Prairie|Ramp|Ranch|Rapids?|Rest|River|Shore|Skyway|Spur|Stream|Summit|Throughway|Trace|Track|Trafficway|Underpass|Union|Valley|Via|Wall|Wells?)"
)

recognizer = Recognizer(
    entity="ADDRESS",
    title="postal address",
    patterns=(
        Pattern(rf"(?:[\[(]?[0-9]{{5}}[\])]?\s?)?{_PROVINCE}\s.{{0,40}}?{_ROAD}\s?{_NUMBER}.*", 9.0),
        Pattern(rf"(?:[\[(]?[0-9]{{5}}[\])]?\s?)?{_PROVINCE}\s(?:[가-힣]{{1,5}}[시군구]\s?){{1,2}}.*", 6.0),
        Pattern(rf"(?:[가-힣]{{1,5}}[시군구]\s){{1,2}}{_ROAD}\s?{_NUMBER}.*", 8.0),
        Pattern(
            rf"[가-힣0-9]{{1,10}}(?:대로|로|길)(?:[0-9]{{1,3}}번?길)?\s?{_NUMBER}(?:[\s,(].*)?|[가-힣]{{1,5}}[동읍면리]\s{_NUMBER}(?:번지)?(?:[\s,(].*)?",
            6.0,
        ),
        Pattern(
            r"(?:\S{1,20}\s){0,2}(?:제?[0-9]{1,4}|[A-Za-z가-힣])동\s?(?:제?(?:[Bb]|지하)?[0-9]{1,2}층\s?)?제?[0-9]{1,4}호?(?:\s?\(.*\))?"
            r"|(?:\S{1,20}\s){0,2}(?:[Bb]|지하)?[0-9]{1,2}층(?:\s?제?[0-9]{1,4}호)?"
            r"|\S{0,20}(?:아파트|빌라|빌딩|오피스텔|타워|맨션|주택|하이츠|팰리스|자이|래미안|푸르지오)\s?(?:\S{1,8}\s?)?제?[0-9]{1,4}호?",
            6.0,
        ),
        Pattern(r"제?[0-9]{1,5}호", 1.5),
        Pattern(
            rf"(?:Flat|Unit|Apt|Studio|Suite)?\.? ?[0-9]{{1,6}}[A-Za-z]?,? (?:[A-Z0-9][\w.'’-]* ){{1,4}}{_STREET}(?-u:\b).*", 6.5
        ),
        Pattern(
            r"(?i:[a-zäöü][a-zäöüß0-9. -]*(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer"
            r"|laan|straat|plein|vägen|gatan))"
            r" ?[0-9]+ ?[a-z]?(?:[-/][0-9]+)?(?:[ ,].*)?",
            7.0,
        ),
        Pattern(
            r"(?i:(?:[0-9]+,? )?(?:rue|avenue|boulevard|place|chemin|impasse|allée|route|quai|calle"
            r"|c\.|c/|avenida|av\.|avda\.?|plaza|paseo|ronda|camino"
            r"|glorieta|travesía|cañada|callej[oó]n|alameda|rambla|pasaje|cuesta|urbanizaci[oó]n|acceso|vial|carretera|carrer|avinguda|via|viale|vicolo|piazza|piazzale|corso|strada|contrada"
            r"|borgo|largo|salita|rua|ulica|ul\.|al\.|aleja|pl\.|plac|os\.)"
            r" .*[a-zà-ÿ].*)",
            5.0,
        ),
        # a house number, then a postcode and a town
        Pattern(
            r"[A-ZÀ-ÞŁŚŻ].*[a-zß-ÿ.]+,? [0-9]+ ?(?:[a-z](?-u:\b)|[-/] ?[0-9]+)?"
            r",? (?:[0-9]{4,5}|[0-9]{2}-[0-9]{3})[ ,].*[A-Za-z].*",
            5.5,
        ),
        # no counted repetitions here: they made this one pattern cost more than all others together
        Pattern(r"(?i:(?:[a-z]+ ?)?#?[0-9][0-9a-z ,.#-]*[a-z0-9]-(?:ro|gil|daero|dong)(?:[ ,].*)?)", 7.0),
        Pattern(r"(?i:p\.? ?o\.? box [0-9]{1,6}.*|(?:apt|suite|unit|flat|studio)\.? #?[0-9a-z]{1,5})", 5.0),
        Pattern(r"(?s)[0-9]{1,6} (?:[A-Z][\w.'’-]* ){1,4}.*[A-Z]{2} [0-9]{5}(?:-[0-9]{4})?", 7.0),
    ),
    loose=r"(?s).*[\p{L}].*",
    search=rf"(?:^|[^가-힣])({_PROVINCE}\s(?:[가-힣]{{1,5}}[시군구]\s){{1,2}}{_ROAD}\s?{_NUMBER}|[가-힣]{{1,5}}[시군구]\s[가-힣0-9]{{1,8}}(?:로|길)\s?{_NUMBER})",
    masked=rf"(?:{_PROVINCE}|[가-힣]{{1,5}}[시군구])\s.*[*●]{{2,}}.*|[0-9]{{1,5}} [*]{{3,}}.*",
    words=words(
        strong="""
        addr, address, addr1, addr2, addr 1, addr 2, addr dtl, addr detail, address line, address1, address2,
        address line1, address line 1, address line 2, street, street address, road addr, rd addr, rdnmadr,
        jibun addr, home addr, homeaddr, home address, ship addr, shipping address, ship address, ship to, shipto,
        bill addr, billing address, dlv addr, dlvr addr, dlvy addr, deliv addr, delivery address, rcv addr,
        rcvr addr, recipient address, receiver address, detail addr, detail address, bsc addr, base addr, basic addr,
        dtl addr, adres, adr, adrs, adres1, full addr, addr full, road address, residence, anschrift, adresse,
        strasse, straße, stras, juso, str nr, strasse hausnr, direccion, dirección, calle, domicilio, indirizzo, adresse postale,
        adresse1, adresse2, rue, endereco, endereço, morada, straat, straatnaam, woonadres, ulica, adres zam, gatuadress,
        gateadresse, adress, osoite, katuosoite, lieferadresse, rechnungsadresse, wohnadresse, indirizzo residenza,
        adresse livraison, direccion envio, dtladdr, detailaddr, road name addr, 주소, 상세주소, 기본주소,
        도로명주소, 지번주소, 배송지, 배송지주소, 자택주소, 집주소, 직장주소, 배송주소, 나머지주소, 수령지, 거주지,
        수령주소, 도로명, 주소1, 주소2
        """,
        weak="""
        apt, dong ho, building, bldg, via, voie, gata, house no, hausnummer, hausnr, haus nr, huisnummer,
        huisnr, numero civico, civico, numero voie, adresszusatz, destination, dest, 목적지, 건물명, 동호수, 지번
        """,
    ),
    negative=tokens(
        """
    email mail eml ip mac web url site http wallet contract memory type cd code yn id seq no 이메일 전자 메일 코드
    구분 여부 아이피 coin token net nickname alias name nm person
    """
    ),
    requires=r"[ ,가-힣]",
    things=THINGS_WITH_PLACES,
    lengths=(3, 300),
    sensitivity=2,
    neighbours=0.5,
)
