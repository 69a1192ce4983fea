"""Labelled columns for judging the classifier: ``python columns_make.py SEED TABLES ROWS > columns.jsonl``.

Runs in the benchmark's own environment, with Faker: its names, streets and firms are in no word list of ours, and the formats,
column names and seeds here are not those that the classifier's weights were fitted on (``scripts/fit_catalog.py``). One column a
line: table, column, declared kind, values with repetitions, class (null: not personal) and form. Whoever mends something that
this set showed should judge by another seed and say so.
"""

# one kind of column a line, word lists as text
# ruff: noqa: E501, SIM905, UP032

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import sys
from collections.abc import Callable
from typing import Any

from faker import Faker

LOCALES = "ko_KR en_US en_GB de_DE fr_FR es_ES it_IT pl_PL nl_NL sv_SE fi_FI".split()
EURO = "en_US en_GB de_DE fr_FR es_ES it_IT pl_PL nl_NL sv_SE".split()
Make = Callable[[], Any]

R = random.Random()
F: dict[str, Any] = {}


def d(form: str) -> str:
    """``#`` a digit, ``@`` a capital, ``?`` a small letter."""
    return "".join(
        R.choice(string.digits)
        if c == "#"
        else R.choice(string.ascii_uppercase)
        if c == "@"
        else R.choice(string.ascii_lowercase)
        if c == "?"
        else c
        for c in form
    )


def pick(words: str) -> Make:
    options = words.split(",")
    return lambda: R.choice(options)


def ko() -> str:
    return str(F["ko_KR"].name())


def latin(locale: str | None = None) -> str:
    fake = F[locale or R.choice(EURO)]
    return f"{fake.first_name()} {fake.last_name()}"


ROMAN_S = "Kim,Lee,Park,Choi,Jeong,Kang,Cho,Yoon,Jang,Lim,Han,Shin,Seo,Kwon,Hwang,Song,Ahn,Yoo,Hong,Ko,Moon,Bae,Baek,Heo,Nam,Noh,Ha,Joo,Woo".split(
    ","
)
ROMAN_G = "min seo ji ho joon woo young soo hee jung kyung hyun sun mi eun ah yeon jin sang cheol tae dong hwan seok rin na ye won bin geun".split()


def roman() -> str:
    given = R.choice(ROMAN_G).capitalize() + R.choice(["", "-", " "]) + R.choice(ROMAN_G)
    return f"{R.choice(ROMAN_S)} {given}"


def day(low: int, high: int) -> tuple[int, int, int]:
    return R.randint(low, high), R.randint(1, 12), R.randint(1, 28)


def rrn(genders: str = "1234", checked: bool = True) -> str:
    y, m, dd = day(1938, 2012)
    g = genders[(0 if R.random() < 0.5 else 1) + (0 if y < 2000 else 2)]
    head = f"{y % 100:02d}{m:02d}{dd:02d}{g}{d('#####')}"
    total = sum(int(a) * b for a, b in zip(head, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=True))
    last = (11 - total % 11) % 10 if checked else R.randint(0, 9)
    return head + str(last)


def luhn(body: str) -> str:
    total = sum(int(c) if i % 2 else (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(c)] for i, c in enumerate(reversed(body)))
    return body + str(-total % 10)


def card() -> str:
    return luhn(R.choice(["4", "5", "9", "6"]) + d("##############")[:14])


def brn() -> str:
    b = str(R.randint(1, 9)) + d("########")
    total = sum(int(a) * w for a, w in zip(b, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=True)) + int(b[8]) * 5 // 10
    return b + str((10 - total % 10) % 10)


def nhs() -> str:
    while True:
        b = str(R.randint(100000000, 999999999))
        c = (11 - sum(int(x) * w for x, w in zip(b, range(10, 1, -1), strict=True)) % 11) % 11
        if c != 10:
            return f"{b[:3]} {b[3:6]} {b[6:]}{c}"


def bsn() -> str:
    while True:
        b = d("########")
        c = sum(int(x) * w for x, w in zip(b, range(9, 1, -1), strict=True)) % 11
        if c != 10:
            return b + str(c)


def detail() -> str:
    block, flat = R.randint(101, 130), R.choice([1, 2, 3]) * 1000 // 10 + R.randint(1, 6) + 100 * R.randint(1, 20)
    return R.choice(
        [
            f"{block}동 {flat}호",
            f"{R.randint(1, 12)}층 {flat}호",
            f"{R.choice('가나다라')}동 {flat}호",
            f"지하1층 B{R.randint(1, 9)}0{R.randint(1, 9)}호",
        ]
    )


def text(inside: Make | None = None, rate: float = 0.05) -> Make:
    plain = [
        lambda: F["ko_KR"].sentence(nb_words=8), lambda: F["en_US"].sentence(nb_words=10), lambda: f"주문 {d('##########')} 배송이 늦어지고 있습니다. 확인 부탁드려요.",
        lambda: f"Ticket {d('#####')} escalated to level 2 on 2026-0{R.randint(1, 9)}-{R.randint(10, 28)}", lambda: "경비실에 맡겨 주세요", lambda: f"{R.randint(1, 31)}일 오후 {R.randint(1, 9)}시 이후 방문 희망",
    ]  # fmt: skip
    lead = [
        "{x} 로 연락 부탁드립니다",
        "전화번호가 {x} 로 바뀌었습니다",
        "call the customer back on {x} please",
        "변경 전: {x} / 변경 후 미정",
        "({x}) 확인 완료",
    ]

    def make() -> str:
        if inside is not None and R.random() < rate:
            return R.choice(lead).format(x=inside()) + " " + R.choice(plain)()
        return str(R.choice(plain)())

    return make


def mobile(form: str = "010-{a}-{b}") -> Make:
    return lambda: form.format(a=R.randint(2000, 9999), b=d("####"))


def hide(value: str, keep: int, tail: int, mark: str = "*") -> str:
    return (
        value[:keep] + "".join(mark if c.isalnum() else c for c in value[keep : len(value) - tail]) + value[len(value) - tail :]
    )


def jsonof(make: Callable[[], dict[str, Any]]) -> Make:
    return lambda: json.dumps(make(), ensure_ascii=False)


def kinds() -> list[tuple[str | None, str, Make, str, str, str]]:
    """(class, form, make, column names, declared kind, flags). Flags: n never nameless, p table of people, t table of things, f few values."""
    k, u = F["ko_KR"], F["en_US"]
    return [
        ("PERSON", "typed", ko, "custNm,RCPT_NM,수하인,구매자성명,emp_nm,psn_nm", "text", "p"),
        ("PERSON", "typed", lambda: ko() + R.choice(["", "", "(본인)", " 님"]), "receiver,RCVER_NM,받는분성함,ordr_psn_nm", "text", "p"),
        ("PERSON", "typed", lambda: latin(), "FullName,customer_name,cust_name_eng,primary_contact", "text", "p"),
        ("PERSON", "typed", lambda: latin().upper(), "NAME_ON_CARD,PASSENGER_NAME,ENG_NM", "text", "p"),
        ("PERSON", "typed", lambda: (lambda n: f"{n.split(' ', 1)[1]}, {n.split(' ', 1)[0]}")(latin()), "cust_full_nm,patient,insured_name", "text", "p"),
        ("PERSON", "typed", lambda: F[R.choice(EURO)].first_name(), "first_nm,GivenName,fname", "text", "p"),
        ("PERSON", "typed", lambda: F[R.choice(EURO)].last_name(), "LastName,surname,family_nm", "text", "p"),
        ("PERSON", "typed", roman, "eng_name,mbr_eng_nm,PassportName", "text", "p"),
        ("PHONE_NUMBER", "typed", mobile(), "hp,MBL_TELNO,휴대전화,cphone,recv_hp_no", "text", ""),
        ("PHONE_NUMBER", "typed", mobile("010{a}{b}"), "mobile_number,CELL_NO,phoneNumber,sms_rcv_no", "text", ""),
        ("PHONE_NUMBER", "typed", lambda: R.choice(["02", "031", "051", "062", "043", "070"]) + R.choice(["-", ")"]) + d("###") .replace("0", "3") + "-" + d("####"), "tel_no,전화,home_phone,contact_tel", "text", ""),
        ("PHONE_NUMBER", "typed", mobile("10{a}{b}"), "hp_no,mobile,tel1", "integer", ""),
        ("PHONE_NUMBER", "typed", mobile("+8210{a}{b}"), "intl_phone,msisdn,phone_e164", "text", ""),
        ("PHONE_NUMBER", "typed", lambda: u.phone_number(), "phone,PhoneNo,daytime_tel", "text", ""),
        ("PHONE_NUMBER", "typed", lambda: F[R.choice(["en_GB", "de_DE", "fr_FR"])].phone_number(), "telephone,phone_home,contactNumber", "text", ""),
        ("EMAIL_ADDRESS", "typed", lambda: F[R.choice(LOCALES)].email(), "eMail,EML,contact_mail,이메일주소", "text", ""),
        ("EMAIL_ADDRESS", "typed", lambda: u.company_email().upper(), "USER_EMAIL,mail_addr,login_email", "text", ""),
        ("KR_RRN", "typed", lambda: (lambda v: v[:6] + "-" + v[6:])(rrn()), "rrn_no,주민등록번호,JUMIN,ssn", "text", ""),
        ("KR_RRN", "typed", lambda: rrn(checked=False), "juminNo,RRNO,resident_num,rlnm_no", "text", ""),
        ("KR_FRN", "typed", lambda: (lambda v: v[:6] + "-" + v[6:])(rrn("5678", False)), "foreigner_reg_no,외국인번호,FRN_NO", "text", ""),
        ("KR_PASSPORT", "typed", lambda: d("M###@####"), "passport,PSPT_NUM,여권", "text", ""),
        ("KR_PASSPORT", "typed", lambda: d("M########"), "passportNo,travel_doc_no", "text", ""),
        ("KR_DRIVER_LICENSE", "typed", lambda: f"{R.choice([11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28])}-{R.randint(70, 125) % 100:02d}-{d('######')}-{d('##')}", "drv_license,DriverLicNo,면허증번호", "text", ""),
        ("KR_BRN", "typed", lambda: (lambda b: f"{b[:3]}-{b[3:5]}-{b[5:]}")(brn()), "bizNo,BRNO,사업자등록번호", "text", ""),
        ("KR_BRN", "typed", brn, "biz_reg_no,bsnmno,saupja_no", "text", ""),
        ("KR_CI", "typed", lambda: base64.b64encode(R.randbytes(64)).decode(), "CI,ci_val,연계정보", "text", ""),
        ("CREDIT_CARD", "typed", lambda: (lambda c: f"{c[:4]}-{c[4:8]}-{c[8:12]}-{c[12:]}")(card()), "cardNo,CARD_NUMBER,결제카드", "text", ""),
        ("CREDIT_CARD", "typed", lambda: u.credit_card_number(), "pan,cc_num,card_num", "text", ""),
        ("BANK_ACCOUNT", "typed", lambda: d(R.choice(["110-###-######", "1002-###-######", "3333-##-#######", "###-##-######", "###-####-####-##"])), "acctNo,계좌번호,refund_acnt_no,bank_acct", "text", ""),
        ("BANK_ACCOUNT", "typed", lambda: R.choice(["국민", "신한은행", "우리", "카카오뱅크", "농협"]) + " " + d("###-##-######"), "rfnd_acct_info,환불계좌", "text", ""),
        ("BANK_ACCOUNT", "typed", lambda: d("9##########")[:11] + d("###"), "vacct_num,가상계좌번호,va_no", "text", "n"),
        ("IBAN_CODE", "typed", lambda: F[R.choice(["de_DE", "fr_FR", "it_IT", "es_ES", "nl_NL", "pl_PL"])].iban(), "IBAN,iban_no,payout_account", "text", ""),
        ("ADDRESS", "typed", lambda: k.address().replace("\n", " "), "addr,수취인주소,DLV_ADDR1,home_address", "text", ""),
        ("ADDRESS", "typed", lambda: k.land_address(), "jibun,LOT_ADDR,배송지", "text", ""),
        ("ADDRESS", "typed", lambda: k.road_address(), "roadAddr,ADDR_BASIC,도로명주소", "text", ""),
        ("ADDRESS", "typed", detail, "addr_detail,ADDR2,상세주소,dtlAddr", "text", "p"),
        ("ADDRESS", "typed", lambda: u.street_address(), "street,ShipToStreet,address1", "text", ""),
        ("ADDRESS", "typed", lambda: F[R.choice(["en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL"])].address().replace("\n", ", "), "postal_address,BillingAddress,full_address", "text", ""),
        ("DATE_OF_BIRTH", "typed", lambda: "{:04d}-{:02d}-{:02d}".format(*day(1940, 2009)), "birth,DOB,생일,birthDate", "date", "p"),
        ("DATE_OF_BIRTH", "typed", lambda: "{:04d}{:02d}{:02d}".format(*day(1940, 2009)), "brth_dt,생년월일,BIRTH_YMD", "text", "p"),
        ("DATE_OF_BIRTH", "typed", lambda: "{2:02d}/{1:02d}/{0:04d}".format(*day(1940, 2009)), "date_of_birth,Geburtsdatum", "text", "p"),
        ("DATE_OF_BIRTH", "typed", lambda: "{:04d}".format(day(1940, 2009)[0])[2:] + "{1:02d}{2:02d}".format(*day(1940, 2009)), "birth6,생년월일6,brthdy", "text", "pn"),
        ("VEHICLE_PLATE", "typed", lambda: f"{R.randint(10, 99)}{R.choice('가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주')}{d('####')}", "carNo,차량번호,vehicle_plate", "text", ""),
        ("VEHICLE_PLATE", "typed", lambda: f"{R.randint(100, 699)}{R.choice('가나다라마거너더러머버서어저')} {d('####')}", "VHCL_NO,plate_num,차번호", "text", ""),
        ("IP_ADDRESS", "typed", lambda: u.ipv4_public(), "clientIp,LOGIN_IP,접속IP,reg_ip", "text", ""),
        ("IP_ADDRESS", "typed", lambda: u.ipv6(), "remote_addr,user_ip6", "text", ""),
        ("US_SSN", "typed", lambda: u.ssn(), "SSN,social_sec_no,tax_ssn", "text", ""),
        ("UK_NINO", "typed", lambda: d(R.choice(["AB", "CE", "JG", "PK", "SR"]) + "######") + R.choice("ABCD"), "NINO,ni_number", "text", ""),
        ("UK_NHS", "typed", nhs, "nhs_no,NHSNumber", "text", ""),
        ("ES_NIF", "typed", lambda: F["es_ES"].nif(), "nif,DNI,doc_identidad", "text", ""),
        ("IT_FISCAL_CODE", "typed", lambda: F["it_IT"].ssn(), "codice_fiscale,CF", "text", ""),
        ("PL_PESEL", "typed", lambda: F["pl_PL"].pesel(), "pesel,PESEL_NR", "text", ""),
        ("FI_PERSONAL_IDENTITY_CODE", "typed", lambda: F["fi_FI"].ssn(), "hetu,henkilotunnus", "text", ""),
        ("SE_PERSONNUMMER", "typed", lambda: F["sv_SE"].ssn(), "personnummer,pnr", "text", ""),
        ("NL_BSN", "typed", bsn, "bsn,burgerservicenr", "text", "n"),
        ("LOGIN_ID", "typed", lambda: u.user_name(), "userId,LOGIN_ID,회원아이디,username", "text", "np"),
        ("DEVICE_ID", "typed", lambda: F["en_US"].uuid4(), "adid,device_uuid,DEVICE_ID", "text", "n"),
        ("GENDER", "quasi", pick("M,F"), "gndr,SEX,성별", "text", "pf"),
        ("GENDER", "quasi", pick("남자,여자"), "sex_nm,gender", "text", "pf"),
        ("POSTCODE", "quasi", lambda: k.postcode(), "zip,우편번호,POST_NO", "text", "n"),
        ("AGE", "quasi", lambda: str(R.randint(14, 88)), "age,나이", "integer", "np"),
        ("PERSON", "masked", lambda: hide(ko(), 1, 1), "nm_masked,고객명,disp_nm", "text", ""),
        ("PHONE_NUMBER", "masked", lambda: f"010-{d('##')}**-**{d('##')}", "tel_masked,hp_view,휴대폰", "text", ""),
        ("EMAIL_ADDRESS", "masked", lambda: (lambda e: e[:2] + "****" + e[e.index("@"):])(u.email()), "email_mask,mail_display", "text", ""),
        ("KR_RRN", "masked", lambda: rrn()[:6] + "-*******", "rrn_masked,주민번호표시", "text", ""),
        ("CREDIT_CARD", "masked", lambda: f"{d('####')}-****-****-{d('####')}", "card_mask,카드번호", "text", ""),
        ("PHONE_NUMBER", "masked", lambda: hashlib.sha256(R.randbytes(9)).hexdigest(), "phone_hash,hp_no_sha256", "text", "n"),
        ("KR_RRN", "masked", lambda: base64.b64encode(R.randbytes(32)).decode(), "jumin_enc,rrn_encrypted", "text", "n"),
        ("PHONE_NUMBER", "embedded", text(mobile(), 0.06), "memo,cs_cont,요청사항,remark", "text", ""),
        ("PHONE_NUMBER", "embedded", text(mobile("010{a}{b}"), 0.04), "dlvMsg,note,상담내용", "text", ""),
        ("EMAIL_ADDRESS", "embedded", text(lambda: u.email(), 0.06), "inquiry,body,content", "text", ""),
        ("KR_RRN", "embedded", text(lambda: (lambda v: v[:6] + "-" + v[6:])(rrn()), 0.05), "history_txt,비고", "text", ""),
        ("PHONE_NUMBER", "embedded", jsonof(lambda: {"qty": R.randint(1, 9), "ship": {"hp": mobile()(), "msg": "문앞"}}), "payload,extra_json", "json", ""),
        ("EMAIL_ADDRESS", "embedded", jsonof(lambda: {"event": R.choice(["open", "click"]), "to": u.email()}), "evt_data,properties", "json", ""),
        ("PHONE_NUMBER", "embedded", lambda: json.dumps([mobile()()]), "phones,tel_list", "array", ""),
        # not personal
        (None, "", text(), "memo,remark,배송메모,review,description", "text", ""),
        (None, "", lambda: k.company(), "corp_nm,거래처명,company,매입처", "text", "t"),
        (None, "", lambda: u.company(), "company_name,supplier,brand_owner", "text", "t"),
        (None, "", pick("동치미,총각김치,낙지볶음,차돌박이,민어회,나박김치,우엉조림,유채나물,강된장,오곡밥,주먹밥,한과,추어탕,도토리묵,성게알,표고전,구절판,은행구이,전복내장,진미채,하수오,신선로,육포,장조림"), "item_nm,메뉴,prdNm,c_name", "text", "t"),
        (None, "", pick("스탠드 선풍기 화이트,3단 우산,무선 충전 패드,차량용 거치대,면 100% 양말 5족,캠핑 의자,LED 스탠드,극세사 이불,스텐 텀블러 500ml,방수 등산화,규조토 발매트,다용도 수납함"), "goodsName,상품,PRD_NM,opt_nm", "text", "t"),
        (None, "", lambda: f"{u.color_name()} {u.word()} {u.word()}", "product_title,item_name,sku_name", "text", "t"),
        (None, "", lambda: u.city(), "city,origin_city,branch_city", "text", "t"),
        (None, "", lambda: u.country(), "country,made_in", "text", ""),
        (None, "", lambda: k.administrative_unit() if R.random() < 0.5 else k.borough(), "sido,지역,area_nm", "text", ""),
        (None, "", lambda: u.job(), "position,job_title,직무", "text", ""),
        (None, "", lambda: k.job(), "직업분류,job_nm", "text", ""),
        (None, "", pick("영업1팀,고객지원팀,물류운영팀,개발본부,인사팀,재무팀,마케팅실,전략기획실"), "dept_nm,팀,org_name", "text", ""),
        (None, "", pick("국민은행,신한은행,하나은행,우리은행,카카오뱅크,농협,기업은행"), "bank_nm,은행명", "text", ""),
        (None, "", pick("삼성카드,현대카드,BC카드,롯데카드,신한카드"), "card_co,카드사", "text", ""),
        (None, "", lambda: f"{R.randint(23, 26)}{R.randint(1, 12):02d}{R.randint(1, 28):02d}{R.randint(1, 4)}{d('######')}", "ordNo,주문번호,order_key,tx_no", "text", ""),
        (None, "", lambda: f"2026{R.randint(1, 12):02d}{R.randint(1, 28):02d}-{d('#######')}", "orderNumber,결제번호,pg_tid", "text", ""),
        (None, "", lambda: f"ORD-{d('########')}", "order_no,ref_no", "text", ""),
        (None, "", lambda: d("@@@@-####-@@##"), "couponCode,CPN_NO,쿠폰번호,voucher", "text", ""),
        (None, "", lambda: d("####-####-####-####"), "gift_no,serial_key,상품권번호", "text", ""),
        (None, "", lambda: str(R.randint(1_650_000_000, 1_790_000_000)), "createdAt,ts,evt_time", "integer", ""),
        (None, "", lambda: str(R.randint(1_650_000_000_000, 1_790_000_000_000)), "event_ms,log_ts", "integer", ""),
        (None, "", lambda: f"2{R.randint(0, 6)}{R.randint(1, 12):02d}{R.randint(1, 28):02d}{R.randint(0, 23):02d}{R.randint(0, 59):02d}{R.randint(0, 59):02d}", "proc_dttm,reg_time,처리일시", "text", ""),
        (None, "", lambda: "{:04d}-{:02d}-{:02d}".format(*day(2018, 2026)), "reg_date,joinDt,주문일,paid_at", "date", ""),
        (None, "", lambda: "{:04d}{:02d}{:02d}".format(*day(2005, 2026)), "opn_ymd,since,설립일", "text", "t"),
        (None, "", lambda: "{:04d}-{:02d}-{:02d} {:02d}:{:02d}:00".format(*day(2020, 2026), R.randint(0, 23), R.randint(0, 59)), "updated,lastLogin,mod_dttm", "time", ""),
        (None, "", lambda: d("1#########"), "seq_no,ext_id,거래번호", "integer", ""),
        (None, "", lambda: d("#############"), "barcode,lot_serial,EAN_NO", "text", ""),
        (None, "", lambda: u.ean13(), "ean,바코드", "text", "t"),
        (None, "", lambda: u.isbn10(), "isbn,book_cd", "text", "t"),
        (None, "", lambda: d("############"), "waybill,운송장번호,invoice_no", "text", ""),
        (None, "", lambda: d("####-####-####"), "trackingNo,송장번호", "text", ""),
        (None, "", lambda: d("#########"), "doc_no,asset_no,관리번호", "text", ""),
        (None, "", lambda: d("@###-##-#####"), "contract_cd,loc_no", "text", ""),
        (None, "", lambda: d("@@-####-###"), "model,part_code,모델번호", "text", "t"),
        (None, "", lambda: d("M#######"), "machine_no,meter_id", "text", "t"),
        (None, "", lambda: str(R.randint(100, 9_000_000)), "amt,price,판매가,totalAmount", "integer", ""),
        (None, "", lambda: f"{R.uniform(0, 100):.3f}", "rate,discountPct,수수료율", "number", ""),
        (None, "", lambda: f"{R.uniform(10, 40):.6f}", "weight,score,x_val", "number", ""),
        (None, "", lambda: f"{R.uniform(33, 38):.6f}", "store_lat,branch_lat,매장위도", "number", "tn"),
        (None, "", lambda: str(R.randint(1, 5000)), "qty,stock,재고수량", "integer", ""),
        (None, "", lambda: str(R.randint(1, 900000)), "prd_id,itemNo,category_id", "integer", "t"),
        (None, "", lambda: f"10.{R.randint(0, 60)}.{R.randint(0, 254)}.{R.randint(1, 254)}", "server_ip,hostIp,gateway_ip", "text", "tn"),
        (None, "", lambda: ".".join(str(R.randint(0, 9)) for _ in range(4)), "appVersion,fw_ver,build", "text", ""),
        (None, "", lambda: u.user_agent(), "ua,userAgent,browser_info", "text", ""),
        (None, "", lambda: u.url() + d("p/########"), "url,thumb,linkUrl", "text", ""),
        (None, "", lambda: u.file_path(depth=3), "filePath,img_path,attachment", "text", ""),
        (None, "", lambda: hashlib.md5(R.randbytes(8)).hexdigest(), "etag,checksum,file_md5", "text", ""),
        (None, "", lambda: F["en_US"].uuid4(), "request_uuid,traceId,batch_id", "text", ""),
        (None, "", lambda: base64.b64encode(R.randbytes(64)).decode(), "session_token,csrf,signature", "text", "n"),
        (None, "", pick("결제완료,배송준비,배송중,배송완료,취소,반품요청"), "stts,주문상태,state", "text", "f"),
        (None, "", pick("Y,N"), "emailYn,hp_auth_yn,주소확인여부,sms_agree", "text", "f"),
        (None, "", pick("A,B,C"), "grade,class_cd,등급", "text", "f"),
        (None, "", pick("S,M,L"), "size,사이즈", "text", "f"),
        (None, "", pick("1,2"), "flag,type,구분", "integer", "f"),
        (None, "", pick("HOME,OFFICE"), "addr_type,phone_kind,연락처구분", "text", "f"),
        (None, "", pick("SKT,KT,LGU+,알뜰폰"), "telecom,phone_carrier,통신사", "text", "f"),
        (None, "", pick("VISA,MASTER,AMEX,UNIONPAY"), "card_kind,cardBrand", "text", "f"),
        (None, "", lambda: f"{R.randint(1, 12):02d}/{R.randint(26, 32)}", "card_expiry,유효기간", "text", "n"),
        (None, "", lambda: R.choice(["iPhone 15", "Galaxy S24", "Pixel 9", "SM-A546S"]), "deviceModel,phone_model,기종", "text", ""),
        (None, "", lambda: k.road_address(), "storeAddr,매장주소,warehouse_addr", "text", "tn"),
        (None, "", pick("강남점,분당점,해운대센텀점,대전둔산점,광주상무점,제주공항점,수원역점,일산점"), "storeNm,매장명,branch_nm", "text", "t"),
        (None, "", pick("여름맞이 특가,신규회원 쿠폰,브랜드위크,주말 타임세일,추석 선물대전,연말 감사제"), "campaign,이벤트명,promo_nm", "text", "t"),
        (None, "", jsonof(lambda: {"w": R.randint(100, 900), "color": R.choice(["red", "navy"]), "sku": d("########")}), "attrs,opt_json", "json", ""),
        (None, "", lambda: f"ERROR worker-{R.randint(1, 9)} timeout after {R.randint(10, 900)} ms at line {R.randint(1, 999)}", "log,err_msg,stack", "text", ""),
        (None, "", lambda: f"SELECT * FROM orders WHERE id = {R.randint(1, 99999)}", "sql_text,query", "text", ""),
        (None, "", lambda: f"안녕하세요 고객님, 주문하신 상품이 {R.randint(1, 9)}일 뒤 도착합니다. 문의 1588-{d('####')}" if R.random() < 0.5 else "알림: 포인트가 곧 소멸됩니다", "tmpl_body,push_msg", "text", "tn"),
        (None, "", lambda: d("##:##:##").replace("9", "1").replace("8", "2").replace("7", "0").replace("6", "3"), "open_time,start_tm,영업시작", "text", ""),
        (None, "", lambda: u.currency_code(), "currency,통화", "text", ""),
        (None, "", lambda: u.catch_phrase(), "slogan,title,headline", "text", ""),
        (None, "", lambda: d("#####"), "zone_no,lot_cd,라인코드", "text", ""),
        (None, "", lambda: u.license_plate() if R.random() < 0.0 else d("@@@####"), "bin_loc,slot,rack_no", "text", "t"),
    ]  # fmt: skip


def main() -> None:
    """Tables of 8 to 16 columns each, in one of four styles of naming."""
    seed, tables, rows = (int(x) for x in sys.argv[1:4])
    R.seed(f"judge-{seed}")
    Faker.seed(seed)
    F.update({locale: Faker(locale) for locale in LOCALES})
    every = kinds()
    people = "customer,TB_CUST,member_info,회원,usr_profile,passenger,T1003".split(",")
    things = "goods,TB_ITEM,shop_info,상품마스터,partner,config,T2077".split(",")
    other = "orders,DLV_HIST,call_log,결제내역,claim,event_log,T3391".split(",")
    for number in range(tables):
        sort = R.choice(["p", "t", ""])
        fitting = [x for x in every if not ("p" in x[5] and sort != "p") and not ("t" in x[5] and sort != "t")]
        chosen = R.sample(fitting, R.randint(8, 16))
        if sort == "p" and not any(x[0] in ("PHONE_NUMBER", "EMAIL_ADDRESS") and x[1] == "typed" for x in chosen):
            chosen.append(R.choice([x for x in every if x[0] in ("PHONE_NUMBER", "EMAIL_ADDRESS") and x[1] == "typed"]))
        table = f"{R.choice({'p': people, 't': things, '': other}[sort])}{number}"
        style = R.random()
        for i, (entity, form, make, names, kind, flags) in enumerate(chosen):
            name = R.choice(names.split(","))
            if style < 0.3 and "n" not in flags:
                name = R.choice(["col_{}", "c{}", "attr{}", "f{:03d}", "x_{}"]).format(i + 1)
            elif style < 0.45:
                name = name.upper()
            n = max(rows, 600) if form == "embedded" else R.choice([40, rows, rows, rows * 2])
            values = [None if R.random() < 0.05 else make() for _ in range(n)]
            print(
                json.dumps(
                    {
                        "table": table,
                        "column": f"{name}" if name not in ("",) else "c",
                        "kind": kind,
                        "values": values,
                        "pii_class": entity,
                        "form": form,
                    },
                    ensure_ascii=False,
                )
            )


if __name__ == "__main__":
    main()
