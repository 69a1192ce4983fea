"""Labelled columns made up on the spot, in two sides that share neither names, nor formats, nor column names, nor seeds.

The weights of the classifier are set while looking at the ``train`` side; ``judge`` is for measuring. What is on which side is
decided here, by hand: every kind of column has its formats and column names for each side. Whoever mends something that
``judge`` showed should make a new judging side: what has been looked at is no judge any more.
"""

# one kind of column a line, word lists as text
# ruff: noqa: E501, SIM905

from __future__ import annotations

import base64
import hashlib
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

from scanner.catalog.recognizers import TypeKind
from scanner.catalog.samples import ColumnSample
from scanner.model import TableRef

Make = Callable[[random.Random], str]

_SURNAMES = {
    "train": "김김김김이이이박박최정강조윤장임한오서신권",
    "judge": "김이박최정배백허유남심노하곽성차주우구민류진지엄채원천방공현함변염여추도소석선설마길",
}
_GIVEN = {
    "train": "민준 서연 지훈 수빈 예은 도윤 하준 지우 영희 철수 은지 현우 민재 수진 동현 미영 정호 경숙 상철 혜진".split(),
    "judge": "태양 가온 보람 순자 말숙 건우 나래 찬영 다은 세빈 규리 온유 별 준 솔 휘성 병호 옥순 춘자 재희 승아 은결 시후 라온".split(),
}
_LATIN = {
    "train": (
        "James Mary John Linda Robert Susan Anna Peter Laura David".split(),
        "Smith Johnson Brown Miller Davis Wilson Moore Clark Lewis Young".split(),
    ),
    "judge": (
        "Tyrone Beatrix Giselle Otto Wilhelmina Ravi Mateusz Oksana Imogen Desmond Kenji Sofia Pascal Greta Emma Thomas Olivia Lucas Hannah Carl".split(),
        "Okafor Villanueva Braithwaite Kowalczyk Petrov Nakamura Schneider Dubois Haugen Castellanos Smith Walker Meyer Rossi Novak Jensen Lee Patel Evans Wood".split(),
    ),
}
_FOODS = {
    "train": "김치찌개 된장찌개 비빔밥 불고기 이유식 고등어 오징어 한우 전복죽 배추김치 유자차 정어리 마요네즈 안심 현미 서리태 조미김 문어".split(),
    "judge": "주꾸미 송이버섯 감자 고구마 홍삼정 임연수 하몽 강정 양갱 연근 우동 노가리 백설기 인절미 호박죽 도라지 유부초밥 나물 황태 채소 표고 방어회 현미밥 민어탕 지짐이".split(),
}
_FIRMS = {
    "train": "한국전자 대우상사 신성통상 이마트 정우물산 한성기업 조선호텔 강원랜드 남양유업 오뚜기".split(),
    "judge": "하림 동원산업 성우하이텍 서울우유 현대건설 고려아연 유한양행 한미약품 진로 주성 차바이오 백광산업 안국약품 신한은행 오리온".split(),
}
_GOODS = {
    "train": "Wireless Mouse,Cotton Shirt,Blue Jeans,Desk Lamp,Green Tea,Steel Bottle".split(","),
    "judge": "Ergonomic Rubber Gloves,Walnut Sideboard,Merino Cardigan,Oat Granola,Trail Runner,Ceramic Teapot,Linen Apron,Noise Meter".split(
        ","
    ),
}
_CITIES = {
    "train": "New York,San Diego,Boston,Seattle,Austin,Denver".split(","),
    "judge": "San Antonio,Charlotte,El Paso,Santa Fe,Jackson,Madison,Lincoln,Raleigh,Victoria".split(","),
}
_REGIONS = {
    "train": [("서울특별시 강남구", "테헤란로"), ("부산광역시 해운대구", "센텀중앙로"), ("경기도 성남시 분당구", "판교역로")],
    "judge": [
        ("충남 천안시 서북구", "불당21로"),
        ("전라북도 전주시 완산구", "홍산로"),
        ("제주특별자치도 서귀포시", "중앙로 79번길"),
        ("인천 연수구", "송도과학로"),
    ],
}


@dataclass(frozen=True)
class Kind:
    """One kind of column: its class, and its formats and column names on each side."""

    entity: str | None
    form: str
    make: dict[str, list[Make]]
    names: dict[str, list[str]]
    nameless: bool = True  # may also hide behind a name that says nothing
    declared: TypeKind = TypeKind.TEXT
    table: str = ""  # "" anywhere, else a table of this sort: people | things


def _pick(words: list[str]) -> Make:
    return lambda c: c.choice(words)


def _digits(c: random.Random, n: int) -> str:
    return "".join(c.choice(string.digits) for _ in range(n))


def _korean(side: str) -> Make:
    return lambda c: c.choice(_SURNAMES[side]) + c.choice(_GIVEN[side])


def _latin(side: str, form: str) -> Make:
    first, last = _LATIN[side]
    return lambda c: form.format(f=c.choice(first), l=c.choice(last), u=c.choice(first).upper(), v=c.choice(last).upper())


def _resident(sep: str, genders: str = "1234", low: int = 1935, high: int = 2009) -> Make:
    def make(c: random.Random) -> str:
        year = c.randint(low, high)
        digit = genders[(0 if c.random() < 0.5 else 1) + (0 if year < 2000 else 2)]
        return f"{year % 100:02d}{c.randint(1, 12):02d}{c.randint(1, 28):02d}{sep}{digit}{_digits(c, 6)}"

    return make


def _mobile(form: str) -> Make:
    return lambda c: form.format(a=c.randint(2000, 9999), b=_digits(c, 4))


def _date(form: str, low: int, high: int) -> Make:
    return lambda c: form.format(y=c.randint(low, high), m=c.randint(1, 12), d=c.randint(1, 28), s=c.randint(low, high) % 100)


def _business(c: random.Random) -> str:
    digits = [c.randint(1, 9)] + [c.randint(0, 9) for _ in range(8)]
    total = sum(d * w for d, w in zip(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=True)) + digits[8] * 5 // 10
    text = "".join(map(str, digits)) + str((10 - total % 10) % 10)
    return f"{text[:3]}-{text[3:5]}-{text[5:]}"


def _card(c: random.Random) -> str:
    digits = [int(d) for d in c.choice(["4", "51", "9410", "6210"])]
    digits += [c.randint(0, 9) for _ in range(15 - len(digits))]
    total = sum(d if i % 2 else (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[d] for i, d in enumerate(digits))
    return "".join(map(str, digits)) + str(-total % 10)


def _grouped_card(separator: str) -> Make:
    def make(c: random.Random) -> str:
        number = _card(c)
        return separator.join(number[i : i + 4] for i in (0, 4, 8, 12))

    return make


def _iban(c: random.Random) -> str:
    body = _digits(c, 18)
    check = 98 - int(body + "131400") % 97
    return f"DE{check:02d}{body}"


def _address(side: str, form: str) -> Make:
    def make(c: random.Random) -> str:
        city, road = c.choice(_REGIONS[side])
        return form.format(
            city=city,
            road=road,
            n=c.randint(1, 400),
            b=c.randint(101, 120),
            h=c.randint(101, 2504),
            z=f"{c.randint(1000, 63000):05d}",
        )

    return make


def _pattern(form: str) -> Make:
    """``#`` a digit, ``@`` a capital, the rest as is."""
    return lambda c: "".join(
        c.choice(string.digits) if x == "#" else c.choice(string.ascii_uppercase) if x == "@" else x for x in form
    )


def _memo(side: str, inside: Make | None, rate: float) -> Make:
    plain = {
        "train": [
            "배송 빨리 부탁드립니다",
            "상품이 파손되어 교환 요청합니다",
            "포장 상태 좋아요 재구매 의사 있음",
            "order {n} was late again",
        ],
        "judge": [
            "{n}번 주문 색상 변경 문의드려요",
            "customer asked about ticket {n}",
            "사이즈가 작아서 반품합니다 수거 요청",
            "결제 오류 확인 바랍니다 {n}",
        ],
    }[side]
    lead = {"train": "연락처 {x} 로 전화 주세요", "judge": "please reach me at {x}, thanks / 문앞에 두세요"}[side]

    def make(c: random.Random) -> str:
        if inside is not None and c.random() < rate:
            return lead.format(x=inside(c))
        return c.choice(plain).format(n=c.randint(1, 99999)) + " " * (c.random() < 0.1) + c.choice(["", ".", "!", " 감사합니다"])

    return make


def _both(train: list[Make], judge: list[Make]) -> dict[str, list[Make]]:
    return {"train": train, "judge": judge}


def _names(train: str, judge: str) -> dict[str, list[str]]:
    return {"train": train.split(), "judge": judge.split()}


def kinds() -> list[Kind]:
    """Every kind of column there is."""
    phone = "010-{a}-{b}"
    t, j = "train", "judge"
    return [
        Kind("PERSON", "typed", _both([_korean(t)], [_korean(j)]), _names("cust_nm name 고객명 MBR_NM", "rcvr_nm recipientName 수취인성명 ORDERER_NAME buyer_nm"), table="people"),
        Kind("PERSON", "typed", _both([_latin(t, "{f} {l}")], [_latin(j, "{f} {l}"), _latin(j, "{u} {v}"), _latin(j, "{l}, {f}")]), _names("full_name customer_name", "CardHolder contact_person legal_name"), table="people"),
        Kind("PHONE_NUMBER", "typed", _both([_mobile(phone), _mobile("010{a}{b}")], [_mobile("010.{a}.{b}"), _mobile("+82-10-{a}-{b}"), _mobile("010 {a} {b}"), _mobile("82-10-{a}-{b}")]), _names("hp_no phone 휴대폰", "mobileNo rcv_tel CNTCT_NO 연락처2 msisdn")),
        Kind("PHONE_NUMBER", "typed", _both([_mobile("10{a}{b}")], [_mobile("10{a}{b}")]), _names("hp tel", "cellphone phone_num"), declared=TypeKind.INTEGER),
        Kind("PHONE_NUMBER", "typed", _both([_pattern("02-5##-####"), _pattern("031-7##-####")], [_pattern("051)6##-####"), _pattern("(062) 2##-####"), _pattern("0704###-####"), _pattern("0507-1###-####")]), _names("tel home_tel", "office_phone 자택전화 telno")),
        Kind("PHONE_NUMBER", "typed", _both([_pattern("(415) 555-####")], [_pattern("212.555.####"), _pattern("+44 20 7### ####"), _pattern("+49 151 ########")]), _names("phone_number", "daytime_phone mobile")),
        Kind("EMAIL_ADDRESS", "typed", _both([lambda c: f"user{_digits(c, 4)}@mail.com"], [lambda c: f"{c.choice('abcdef')}.{_digits(c, 3)}+x@Corp-{_digits(c, 1)}.co.kr", lambda c: f"K{_digits(c, 5)}@NAVER.COM"]), _names("email eml", "contact_email EML_ADDR 전자메일 mailaddr")),
        Kind("KR_RRN", "typed", _both([_resident("-"), _resident("")], [_resident(" "), _resident("-", low=1950, high=1999)]), _names("jumin_no rrn", "ssn_kr RSDNT_NO 주민등록번호 psnl_id_no")),
        Kind("KR_FRN", "typed", _both([_resident("-", "5678")], [_resident("-", "5678")]), _names("frn", "alien_reg_no 외국인등록번호")),
        Kind("KR_PASSPORT", "typed", _both([_pattern("M########")], [_pattern("M###@####")]), _names("passport_no", "pspt_no 여권번호")),
        Kind("KR_DRIVER_LICENSE", "typed", _both([lambda c: f"{c.randint(11, 26)}-{_digits(c, 2)}-{_digits(c, 6)}-{_digits(c, 2)}"], [lambda c: f"{c.randint(11, 26)} {_digits(c, 2)} {_digits(c, 6)} {_digits(c, 2)}", lambda c: f"{c.choice(['서울', '경기', '부산'])} {_digits(c, 2)}-{_digits(c, 6)}-{_digits(c, 2)}"]), _names("license_no", "drv_lic_no 운전면허번호")),
        Kind("KR_BRN", "typed", _both([_business], [_business]), _names("biz_no", "brno 사업자등록번호")),
        Kind("CREDIT_CARD", "typed", _both([_grouped_card("-"), _card], [_grouped_card(" "), _card]), _names("card_no", "pay_card_num 카드번호 ccnumber")),
        Kind("BANK_ACCOUNT", "typed", _both([_pattern("110-###-######"), _pattern("3333-##-#######")], [_pattern("1002-###-######"), _pattern("###-##-####-###"), _pattern("###-######-##-###")]), _names("acct_no", "refund_account 환불계좌번호 vbank_num")),
        Kind("IBAN_CODE", "typed", _both([_iban], [_iban]), _names("iban", "payout_iban")),
        Kind("ADDRESS", "typed", _both([_address(t, "{city} {road} {n}")], [_address(j, "{city} {road} {n}, {b}동 {h}호"), _address(j, "({z}) {city} {road} {n}")]), _names("addr1 address 주소", "ship_addr RDNMADR 배송지주소 dlvr_addr")),
        Kind("ADDRESS", "typed", _both([_address(t, "{b}동 {h}호")], [_address(j, "행복아파트 {b}동 {h}호"), _address(j, "{b}동 {h}호 (경비실)")]), _names("addr2", "dtl_addr 상세주소"), table="people"),
        Kind("ADDRESS", "typed", _both([lambda c: f"{c.randint(1, 9999)} Main Street"], [lambda c: f"{c.randint(1, 999)} {c.choice(['Elm', 'Oak Hill', 'Kingston'])} {c.choice(['Ave', 'Road', 'Blvd.'])}, Apt {c.randint(1, 40)}", lambda c: f"{c.choice(['Haupt', 'Garten', 'Linden'])}straße {c.randint(1, 200)}"]), _names("street_address", "address_line1 billing_address")),
        Kind("DATE_OF_BIRTH", "typed", _both([_date("{y}-{m:02d}-{d:02d}", 1940, 2008)], [_date("{y}{m:02d}{d:02d}", 1945, 2010), _date("{y}.{m:02d}.{d:02d}", 1938, 2005)]), _names("birth_date 생년월일", "dob brth_ymd BIRTHDAY"), table="people"),
        Kind("VEHICLE_PLATE", "typed", _both([lambda c: f"{_digits(c, 2)}가{c.randint(1000, 9999)}"], [lambda c: f"{c.randint(100, 699)}{c.choice('나머버소조')} {c.randint(1000, 9999)}"]), _names("car_no", "vhcl_no 차량번호")),
        Kind("IP_ADDRESS", "typed", _both([lambda c: ".".join(str(c.randint(1, 254)) for _ in range(4))], [lambda c: f"10.{c.randint(0, 9)}.{c.randint(0, 254)}.{c.randint(1, 254)}", lambda c: f"2001:db8::{c.randint(1, 65535):x}:{c.randint(1, 65535):x}:1"]), _names("ip", "login_ip conn_addr")),
        Kind("KR_CI", "typed", _both([lambda c: base64.b64encode(c.randbytes(64)).decode()], [lambda c: base64.b64encode(c.randbytes(64)).decode()]), _names("ci", "conn_info mbr_ci")),
        Kind("US_SSN", "typed", _both([lambda c: f"{c.randint(1, 665):03d}-{c.randint(1, 99):02d}-{c.randint(1, 9999):04d}"], [lambda c: f"{c.randint(1, 665):03d}-{c.randint(1, 99):02d}-{c.randint(1, 9999):04d}"]), _names("ssn", "social_security_no")),
        Kind("UK_NINO", "typed", _both([lambda c: f"AB{_digits(c, 6)}C"], [lambda c: f"{c.choice(['JK', 'PW', 'SE'])} {_digits(c, 2)} {_digits(c, 2)} {_digits(c, 2)} {c.choice('ABCD')}"]), _names("nino", "national_insurance_no")),
        Kind("LOGIN_ID", "typed", _both([lambda c: f"{c.choice(['hong', 'kim', 'star'])}{_digits(c, 4)}"], [lambda c: f"{c.choice(['moon', 'blue_', 'ace.'])}{c.choice('abcxyz')}{_digits(c, 3)}"]), _names("login_id", "usr_login 로그인아이디 username"), nameless=False),
        Kind("DEVICE_ID", "typed", _both([lambda c: ":".join(f"{c.randint(0, 255):02x}" for _ in range(6))], [lambda c: "-".join(f"{c.randint(0, 255):02X}" for _ in range(6))]), _names("mac_addr", "device_mac")),
        Kind("GENDER", "quasi", _both([_pick(["M", "F"])], [_pick(["남", "여"]), _pick(["Male", "Female"])]), _names("gender", "sex_cd 성별"), table="people"),
        Kind("POSTCODE", "quasi", _both([lambda c: f"{c.randint(1000, 63999):05d}"], [lambda c: f"{c.randint(1000, 63999):05d}"]), _names("zip_cd", "postal_code 우편번호"), nameless=False),
        Kind("PERSON", "masked", _both([lambda c: f"{c.choice(_SURNAMES[t])}*{c.choice('민서지현')}"], [lambda c: f"{c.choice(_SURNAMES[j])}**", lambda c: f"{c.choice(_SURNAMES[j])}○{c.choice('우진')}"]), _names("cust_nm_mask", "nm_msk 고객명")),
        Kind("PHONE_NUMBER", "masked", _both([_mobile("010-****-{b}")], [lambda c: f"010-{c.randint(2000, 9999)}-****", _mobile("010-{b}-**" + "##")]), _names("tel_mask", "phone_display 휴대폰번호")),
        Kind("EMAIL_ADDRESS", "masked", _both([lambda c: f"{c.choice('abc')}***@mail.com"], [lambda c: f"{c.choice('abc')}{c.choice('xyz')}****{_digits(c, 1)}@g***.com"]), _names("email_masked", "eml_view")),
        Kind("KR_RRN", "masked", _both([lambda c: _resident("-")(c)[:8] + "******"], [lambda c: _resident("-")(c)[:7] + "*******"]), _names("jumin_mask", "rrn_disp")),
        Kind("EMAIL_ADDRESS", "masked", _both([lambda c: hashlib.sha256(c.randbytes(8)).hexdigest()], [lambda c: hashlib.md5(c.randbytes(8)).hexdigest()]), _names("email_hash", "eml_sha"), nameless=False),
        Kind("PHONE_NUMBER", "embedded", _both([_memo(t, _mobile(phone), 0.05)], [_memo(j, _mobile("010{a}{b}"), 0.03), _memo(j, _mobile(phone), 0.02)]), _names("memo", "dlv_msg 문의내용 cs_note")),
        Kind("EMAIL_ADDRESS", "embedded", _both([_memo(t, lambda c: f"u{_digits(c, 3)}@a.com", 0.1)], [_memo(j, lambda c: f"q{_digits(c, 3)}@biz.kr", 0.04)]), _names("comment", "body content")),
        # what is not personal
        Kind(None, "", _both([_memo(t, None, 0)], [_memo(j, None, 0)]), _names("memo", "dlv_msg 문의내용 review_text")),
        Kind(None, "", _both([_pick(_FOODS[t])], [_pick(_FOODS[j])]), _names("prd_nm name", "menu_name food 상품명 item_nm"), table="things"),
        Kind(None, "", _both([_pick(_FIRMS[t])], [_pick(_FIRMS[j])]), _names("comp_nm", "vendor_name 업체명 brand"), table="things"),
        Kind(None, "", _both([lambda c: f"{c.choice(_GOODS[t])} {c.randint(1, 99)}"], [_pick(_GOODS[j])]), _names("product_name", "title goods_nm"), table="things"),
        Kind(None, "", _both([_pick(_CITIES[t])], [_pick(_CITIES[j])]), _names("city", "ship_city region")),
        Kind(None, "", _both([lambda c: f"26{c.randint(1, 12):02d}{c.randint(1, 28):02d}{c.randint(1, 4)}{_digits(c, 6)}"], [lambda c: f"25{c.randint(1, 12):02d}{c.randint(1, 28):02d}-{c.randint(1, 4)}{_digits(c, 6)}"]), _names("ord_no", "order_number 주문번호 pay_no")),
        Kind(None, "", _both([lambda c: f"2{c.randint(4, 6)}{c.randint(1, 12):02d}{c.randint(1, 28):02d}{c.randint(0, 23):02d}{c.randint(0, 59):02d}{c.randint(0, 59):02d}"], [lambda c: f"2{c.randint(0, 5)}{c.randint(1, 12):02d}{c.randint(1, 28):02d}{c.randint(0, 23):02d}{c.randint(0, 59):02d}{c.randint(0, 59):02d}"]), _names("reg_ts", "mod_dttm trx_time")),
        Kind(None, "", _both([_date("{y}-{m:02d}-{d:02d}", 2019, 2026)], [_date("{y}{m:02d}{d:02d}", 2015, 2026)]), _names("reg_dt", "join_date 가입일 last_login_dt")),
        Kind(None, "", _both([lambda c: _digits(c, 10)], [lambda c: str(c.randint(10**9, 10**10 - 1))]), _names("sku_cd", "barcode ext_ref 상품코드")),
        Kind(None, "", _both([lambda c: str(c.randint(1, 10**6))], [lambda c: str(c.randint(10**5, 10**8))]), _names("qty", "amount 금액 pay_amt"), declared=TypeKind.INTEGER),
        Kind(None, "", _both([lambda c: str(1_000_000_000 + c.randint(0, 90_000))], [lambda c: str(1_020_000_000 + c.randint(0, 90_000))]), _names("ord_id", "customer_id mbr_no parent_id"), declared=TypeKind.INTEGER),
        Kind(None, "", _both([lambda c: str(c.randint(1_600_000_000, 1_760_000_000))], [lambda c: str(c.randint(1_600_000_000_000, 1_760_000_000_000))]), _names("ts", "event_time created_ms"), declared=TypeKind.INTEGER),
        Kind(None, "", _both([lambda c: f"88{_digits(c, 11)}"], [lambda c: f"880{_digits(c, 10)}"]), _names("barcode", "ean gtin")),
        Kind(None, "", _both([_pick(["Y", "N"])], [_pick(["true", "false"])]), _names("email_yn", "email_verified phone_auth_yn 이메일수신동의")),
        Kind(None, "", _both([_pick(["01", "02", "03"])], [_pick(["VISA", "AMEX", "JCB"])]), _names("card_type_cd", "card_brand tel_type addr_type_cd")),
        Kind(None, "", _both([lambda c: f"SM-G{_digits(c, 3)}"], [_pick(["iPhone 14 Pro", "Galaxy S23", "Pixel 8"])]), _names("phone_model", "device_model 휴대폰기종")),
        Kind(None, "", _both([lambda c: f"{c.randint(1, 9)}.{c.randint(0, 20)}.{c.randint(0, 9)}.{c.randint(0, 99)}"], [lambda c: f"{c.randint(2, 5)}.{c.randint(0, 30)}.{c.randint(0, 9)}.{c.randint(0, 9)}"]), _names("app_ver", "sw_version fw")),
        Kind(None, "", _both([lambda c: hashlib.md5(c.randbytes(8)).hexdigest()], [lambda c: hashlib.sha1(c.randbytes(8)).hexdigest()]), _names("session_key", "file_hash etag")),
        Kind(None, "", _both([_pattern("########-####-####-####-############")], [_pattern("########-####-####-####-############")]), _names("uuid", "request_id trace_id")),
        Kind(None, "", _both([lambda c: f"https://shop.example/p/{_digits(c, 8)}"], [lambda c: f"/img/{c.randint(2019, 2026)}/{_digits(c, 11)}.jpg"]), _names("url", "image_path thumb")),
        Kind(None, "", _both([_pick(["배송중", "완료", "취소", "정상", "신청"])], [_pick(["주문", "정산", "반품", "현금", "이체", "하자"])]), _names("stts", "pay_method 상태")),
        Kind(None, "", _both([lambda c: f"{c.randint(0, 99)}.{_digits(c, 2)}"], [lambda c: f"{c.random():.4f}"]), _names("rate", "score ratio"), declared=TypeKind.NUMBER),
        Kind(None, "", _both([_pattern("@@-####")], [_pattern("@##-@@-####")]), _names("model_no", "part_no loc_cd")),
        Kind(None, "", _both([lambda c: f"{_digits(c, 4)}-{_digits(c, 4)}-{_digits(c, 4)}"], [lambda c: f"{_digits(c, 12)}"]), _names("invoice_no", "waybill_no 송장번호 tracking")),
    ]  # fmt: skip


def columns(side: str, seed: int, tables: int = 60, rows: int = 300) -> list[tuple[ColumnSample, str | None, str]]:
    """Labelled columns of ``tables`` made-up tables: (sample, class or None, form)."""
    chance = random.Random(f"{side}-{seed}")
    everything = kinds()
    result = []
    sorts = {
        "people": ["customer", "tb_mbr", "user_info", "T_0042"],
        "things": ["product", "tb_cd", "store_mst", "X17"],
        "": ["ord", "log_2026", "tb_trx", "A99"],
    }
    for number in range(tables):
        sort = chance.choice(list(sorts))
        fitting = [k for k in everything if not k.table or k.table == sort]
        chosen = chance.sample(fitting, 12)
        if sort == "people":  # a table of people has a person and a way to reach them
            chosen += [k for k in everything if k.entity in ("PERSON", "PHONE_NUMBER") and k.form == "typed"][
                : 1 + (number % 2) * 2
            ]
        table = TableRef("public", f"{chance.choice(sorts[sort])}_{number}")
        used: set[str] = set()
        for i, kind in enumerate({id(k): k for k in chosen}.values()):
            style = chance.random()
            name = chance.choice(kind.names[side])
            if style < 0.33 and kind.nameless:
                name = f"{'c' if side == 'train' else 'fld_'}{i}"
            elif style < 0.5:
                name = name.upper()
            if name in used:
                name = f"{name}_{i}" if not name[0].isascii() else f"{name}{i}"
            used.add(name)
            make = chance.choice(kind.make[side])
            values = [make(chance) for _ in range(chance.choice([30, 120, rows, 800]) if kind.form != "embedded" else 800)]
            distinct = list(dict.fromkeys(values))
            sample = ColumnSample(
                table, name, kind.declared, tuple(distinct[: 2000 if len(values[0]) > 20 else 200]), len(values), 0, len(distinct)
            )
            result.append((sample, kind.entity, kind.form))
    return result
