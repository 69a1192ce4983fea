"""One table for all recognizers: what is it, what only looks like it. Names say nothing unless the class needs them."""

# one class a line, word lists as text
# ruff: noqa: E501, SIM905

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pytest

from scanner.catalog.classify import Classifier
from scanner.catalog.recognizers import RECOGNIZERS, TypeKind
from scanner.catalog.recognizers.person import likelihood
from scanner.catalog.samples import ColumnSample
from scanner.model import TableRef


@dataclass(frozen=True)
class Case:
    """Columns of the class and columns of something else, each with a name."""

    yes: list[tuple[str, list[str]]]
    no: list[tuple[str, list[str]]]
    kind: TypeKind = TypeKind.TEXT


def serials(form: str, count: int = 40, step: int = 1) -> list[str]:
    return [form.format(i * step) for i in range(1, count + 1)]


NAMES = "김민수 이서연 박지훈 최은지 정현우 강수빈 조예린 윤도현 장하은 임태호 한지민 오세훈 서유진 신동혁 권나연".split()
RESIDENTS = "800101-1234567 751230-2345678 920315-1111111 650708-2222222 881111-1098765 990909-2765432 010203-3123456 700417-1456789".split()

CASES: dict[str, Case] = {
    "KR_RRN": Case(
        yes=[("c1", RESIDENTS), ("c1", [r.replace("-", "") for r in RESIDENTS]), ("jumin_no", []), ("c1", [r.replace("-", " ") for r in RESIDENTS]), ("c1", [r[:8] for r in RESIDENTS])],
        no=[("ord_no", serials("260115-1{:06d}")), ("c1", serials("2601154{:06d}")), ("c1", ["801301-1234567", "800230-1234567"] * 5)],
    ),
    "KR_FRN": Case([("c1", [r[:7] + str(int(r[7]) + 4) + r[8:] for r in RESIDENTS])], [("c1", serials("260115-5{:06d}"))]),
    "KR_PASSPORT": Case([("c1", serials("M{:08d}", step=1654321)), ("pspt_no", serials("M123A{:04d}"))], [("model", serials("XZ{:04d}"))]),
    "KR_DRIVER_LICENSE": Case(
        [("c1", serials("{0:02d}-45-123456-78")[10:26]), ("license_no", [f"{11 + i % 16}{(i * 37) % 100:02d}{i * 7919 % 999999:06d}{i % 100:02d}" for i in range(40)])],
        [("reg_ts", [f"24{1 + i % 12:02d}{1 + i % 28:02d}{i % 24:02d}{i % 60:02d}{i % 60:02d}" for i in range(60)])],
    ),
    "KR_BRN": Case([("c1", ["123-45-67891", "220-81-62517", "124-81-00998", "104-81-53190", "120-81-47521", "214-88-00591"])], [("c1", serials("{:010d}", step=123456789))]),
    "KR_CI": Case([("ci", ["A" * 20 + "b/+" * 22 + "=="] * 3)], [("ci", ["main", "build"])]),
    "PHONE_NUMBER": Case(
        yes=[
            ("c1", serials("010-{:04d}-5678", step=91)),
            ("c1", ["02-555-1234", "031-777-4321", "064)712-9988", "(051) 600-1234", "070-4123-9876", "02-3456-7890"]),
            ("c1", ["+82-10-1234-5678", "+82 2 555 1234", "+1 415 555 0100", "+44 20 7946 0958", "+49 151 23456789"]),
            ("tel", []),
            ("contact_no", ["5551234", "555-9876", "5550000", "555 4321"]),
        ],
        no=[("phone_model", ["iPhone 14", "Galaxy S23", "SM-G991N"]), ("tel_len", ["10", "11"]), ("c1", serials("2025-01-{:02d}")), ("hotel_id", serials("{}"))],
    ),
    "EMAIL_ADDRESS": Case([("c1", ["a@b.co.kr", "KIM.LEE+x@EXAMPLE.COM"]), ("eml", [])], [("email_verified", ["true", "false"]), ("c1", ["@handle", "a at b"])]),
    "PERSON": Case(
        yes=[("c1", NAMES), ("c1", [n + " 고객님" for n in NAMES]), ("c1", ["KIM MINSU", "LEE JIYOUNG", "PARK SEOJUN", "CHOI YUNA", "JUNG HOYEON"]), ("full_name", ["Zyx Qwert", "Abcd Efgh"])],
        no=[("prd_nm", ["한우 불고기", "된장 세트"]), ("c1", "김치찌개 고등어 오징어 된장국 비빔밥 전복죽 우동 마요네즈".split()), ("c1", ["한국전자", "대우상사", "이마트", "신성통상"] * 3), ("c1", ["New York", "San Diego", "Boston"])],
    ),
    "ADDRESS": Case(
        yes=[("c1", ["서울특별시 강남구 테헤란로 123", "경기 성남시 분당구 판교로 7번길 12"]), ("c1", ["101동 1203호", "3층 302호"] * 3), ("c1", ["12 Main Street", "4 Elm Ave, Apt 2"] * 3), ("c1", ["Hauptstraße 12", "Gartenweg 3"] * 3), ("c1", ["12, Teheran-ro 5-gil, Gangnam-gu, Seoul"] * 3)],
        no=[("c1", ["프리미엄 한우 12호", "선물세트 3호"]), ("addr_type_cd", ["01", "02"]), ("c1", ["강남구", "서초구"])],
    ),
    "CREDIT_CARD": Case(
        [("c1", ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "4012888888881881"] * 2)],
        [("coupon_no", serials("{:04d}-5678-9012-3456")), ("card_type_cd", ["VISA", "MC"])],
    ),
    "BANK_ACCOUNT": Case([("c1", serials("110-234-{:06d}", step=7919)), ("c1", ["국민은행 123456-04-123456", "카카오뱅크 3333-01-1234567"] * 3), ("acct_no", serials("{:012d}", step=987654321))], [("invoice_no", serials("1234-5678-{:04d}"))]),
    "IBAN_CODE": Case([("c1", ["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "FR1420041010050500013M02606"])], [("c1", ["DE00370400440532013000"] * 3)]),
    "VEHICLE_PLATE": Case(
        [
            ("c1", ["12가3456", "123나 4567", "서울 34다5678"]),
            ("kennzeichen", ["B-MX 1234"]),
            ("c1", ["B-MX 1234", "HH-A 17", "LB-ZZ 999", "M-K 4021"] * 2),
            ("c1", ["1234 BCD", "8821 KLM", "0042 ZZX", "7310 FGH"] * 2),
            ("targa", ["AB123CD", "FX901ZZ"]),
        ],
        [("c1", ["ABC-X 1", "ABC-X 2", "ABD-X 3", "ABE-Y 4"] * 2), ("car_model", ["그랜저", "소나타"])]),
    "DATE_OF_BIRTH": Case(
        [("birth_dt", ["1980-01-02", "1975-12-30"]), ("brth_ymd", ["19800102", "20010203"]), ("생년월일", [])],
        [("created_at", [f"2025-01-{d:02d}" for d in range(1, 29)]), ("birth_coupon_yn", ["Y", "N"]), ("c1", [f"2024{m:02d}{d:02d}" for m in range(1, 13) for d in (1, 9, 20)])],
    ),
    "IP_ADDRESS": Case([("c1", ["10.0.0.1", "192.168.7.45", "203.0.113.9"] * 3), ("c1", ["2001:db8::1", "fe80::1:2:3"] * 3)], [("app_ver", ["1.2.3.4", "2.0.1.9", "3.4.0.0"])]),
    "LOGIN_ID": Case([("login_id", ["hong123", "star_77", "moon.l"])], [("c1", ["hong123", "star_77"]), ("user_id", serials("U{:06d}")), ("last_login_dt", ["2025-01-01"])]),
    "DEVICE_ID": Case([("c1", ["00:1b:44:11:3a:b7", "aa-bb-cc-dd-ee-ff"] * 3), ("adid", ["38400000-8cf0-11bd-b23e-10b96e40000d"])], [("device_model", ["SM-G991N"])]),
    "GEO": Case([("lat", ["37.56651", "35.17955"]), ("c1", ["37.5665, 126.9780", "35.1796, 129.0756"] * 3)], [("rate", ["37.5", "99.9"])]),
    "POSTCODE": Case([("zip_cd", ["06234", "13494"]), ("우편번호", ["135-080"])], [("c1", ["06234", "13494"]), ("zip_file", ["a.zip"])]),
    "GENDER": Case([("sex_cd", ["M", "F"]), ("c1", ["남", "여"]), ("gender", ["1", "2"])], [("size", ["S", "M", "L"])]),
    "AGE": Case([("age", ["19", "44", "71"]), ("birth_year", ["1980", "1999"])], [("c1", ["19", "44"]), ("page", ["1", "2"])]),
    "US_SSN": Case([("c1", ["078-05-1120", "219-09-9999", "457-55-5462"] * 2)], [("c1", ["900-12-3456", "666-12-3456", "000-12-3456"] * 3)]),
    "UK_NINO": Case([("c1", ["AB123456C", "JK 12 34 56 D"])], [("c1", ["QQ123456C", "AB123456Z"])]),
    "UK_NHS": Case([("c1", ["943 476 5919", "401 023 2137"] * 2)], [("c1", ["943 476 5918", "401 023 2138"] * 2)]),
    "DE_TAX_ID": Case([("steuer_id", ["86095742719", "47036892816"])], [("c1", serials("{:011d}", step=1234567891))]),
    "ES_NIF": Case([("c1", ["12345678Z", "X1234567L", "00000000T"] * 2), ("c1", ["12.345.678-Z"] * 3)], [("c1", ["12345678A", "X1234567A"] * 2)]),
    "ES_NIE": Case([("c1", ["X1234567L", "Z1234567R"] * 2)], [("c1", ["X1234567A", "Z1234567A"] * 2)]),
    "IT_FISCAL_CODE": Case([("c1", ["RSSMRA85T10A562S"] * 3)], [("c1", ["RSSMRA85T10A562X"] * 3)]),
    "PL_PESEL": Case([("c1", ["44051401359", "02070803628"] * 3)], [("c1", ["44051401358", "02070803629"] * 3)]),
    "FI_PERSONAL_IDENTITY_CODE": Case([("c1", ["131052-308T"] * 3)], [("c1", ["131052-308A"] * 3)]),
    "SE_PERSONNUMMER": Case([("c1", ["811228-9874", "19811228-9874"] * 3)], [("c1", ["811228-9873", "19811228-9871"] * 3)]),
    "FR_NIR": Case([("c1", ["255081416802538", "1 85 05 78 006 084 91"] * 2)], [("c1", ["255081416802539"] * 3)]),
    "NL_BSN": Case([("bsn", ["111222333", "123456782"])], [("c1", serials("{:09d}", step=12345679))]),
    "AT_SVNR": Case([("c1", "8601270854 9258060351 9441140886 5526240650".split())], [("c1", "8601270855 9258060352 9441140887 5526240651".split())]),
    "BE_NRN": Case([("c1", ["85.07.30-033.28", "85073003328"] * 2)], [("c1", ["85.07.30-033.29", "85.13.40-033.28"] * 2)]),
    "BG_EGN": Case([("c1", "8704114212 9109308165 8107017744 7701142646".split())], [("c1", serials("{:010d}", step=87654321))]),
    "CA_SIN": Case([("sin", ["123-456-782", "046 454 286"])], [("c1", ["123-456-782", "046 454 286"])]),
    "CH_AHV": Case([("c1", ["756.9217.0769.85", "7569217076985"] * 2)], [("c1", ["756.9217.0769.84", "7569217076984"] * 2)]),
    "CZ_RC": Case([("c1", "860919/3220 840503/1305 671113/5871 980524/9069".split()), ("c1", "8609193220 8405031305 6711135871 9805249069".split())], [("c1", "860919/3221 840503/1306 671113/5872 980524/9060".split())]),
    "DE_ID_CARD": Case([("c1", ["T220001293"] * 3), ("personalausweis", ["L01X00T47", "T22000129"])], [("c1", ["T220001294"] * 3), ("id_card_type", ["A", "B"])]),
    "DE_SOCIAL_SECURITY": Case([("c1", ["15070649C103", "15 070649 C 103"] * 2), ("svnr", ["65180539W001"])], [("c1", serials("20240101A{:03d}"))]),
    "DK_CPR": Case([("cpr_nr", ["211062-5629", "0101701234"]), ("c1", [f"{1 + i % 28:02d}{1 + i % 12:02d}{(i * 7) % 100:02d}-{1000 + i * 37}" for i in range(40)])], [("ord_no", [f"{1 + i % 28:02d}{1 + i % 12:02d}25-{1000 + i * 37}" for i in range(40)])]),
    "EE_LT_PERSONAL_CODE": Case([("c1", "48807045299 37708022135 47509118753 49707157827".split())], [("c1", "48807045290 37708022136 47509118754 49707157828".split())]),
    "GR_AMKA": Case([("c1", "22055257095 19058149485 23045188564 10106385510".split())], [("c1", "22055257096 19058149486 23045188565 10106385511".split())]),
    "HR_OIB": Case([("c1", "41278814992 58035090621 77411599005 78263268111".split())], [("c1", "41278814993 58035090622 77411599006 78263268112".split())]),
    "IE_PPS": Case([("c1", "8485039H 7104555M 5371748C 0571223J 7690848HH 3533806GA".split())], [("c1", ["6433435E", "6433435ET", "7104555N", "5371748D"])]),
    "NO_FNR": Case([("c1", "31056019548 04027993538 09105911502 23058236330".split()), ("c1", ["310560 19548", "040279 93538", "091059 11502"])], [("c1", "31056019549 04027993539 09105911503 23058236331".split())]),
    "PASSPORT": Case([("passport_no", ["533380006", "123456789"]), ("reisepass", ["C01X00T47"])], [("c1", ["533380006", "123456789"]), ("passport_expiry", ["2030-01-01"])]),
    "PT_NIF": Case([("c1", "270807144 226522610 231996900 241492246".split()), ("contribuinte", ["226 522 610"])], [("c1", "270807145 226522611 231996901 241492247".split())]),
    "RO_CNP": Case([("c1", "2640510128993 2650308125709 2660731120857 2510729126881".split())], [("c1", "2640510128994 2650308125700 2660731120858 2510729126882".split())]),
    "TR_NATIONAL_ID": Case([("c1", "87483716666 58928752174 41862345328 54496688280".split())], [("c1", "87483716667 58928752175 41862345329 54496688281".split())]),
    "UK_DRIVING_LICENCE": Case([("c1", ["MORGA657054SM9IJ", "SMITH811231J99AB"])], [("c1", ["MORGA993054SM9IJ", "ABCDE1234567890F"] * 2)]),
    "US_ITIN": Case([("c1", ["912-70-1234", "934-88-4321", "999-94-1111"] * 2), ("itin", ["912701234"])], [("c1", ["912-10-1234", "912-93-1234"] * 3)]),
    "ID_CARD": Case([("nr_dowodu", ["ABA300000", "AYW036733"]), ("carta_identita", ["CA00000AA"])], [("c1", ["ABA300000", "AYW036733"]), ("id_card_type", ["A1", "B2"])]),
    "US_DRIVER_LICENSE": Case([("drivers_license_no", ["D1234567", "A123-4567-8901"]), ("permis_conduire", ["12AB34567", "880123456789"])], [("software_license", ["XK12345678"]), ("c1", ["D1234567"])]),
}  # fmt: skip


def column(name: str, values: list[str], kind: TypeKind = TypeKind.TEXT) -> ColumnSample:
    distinct = tuple(dict.fromkeys(values))
    return ColumnSample(TableRef("public", "t"), name, kind, distinct, len(values), 0, len(distinct))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(RECOGNIZERS, presidio=False)


def test_every_recognizer_has_its_case() -> None:
    assert set(CASES) == set(RECOGNIZERS)


@pytest.mark.parametrize("entity", sorted(CASES))
def test_recognizer(entity: str, classifier: Classifier) -> None:
    case = CASES[entity]
    for name, values in case.yes:
        (verdict,) = classifier.classify([column(name, values, case.kind)])
        assert verdict.pii_class == entity, (name, values[:3], verdict)
    for name, values in case.no:
        (verdict,) = classifier.classify([column(name, values, case.kind)])
        assert verdict.pii_class != entity, (name, values[:3], verdict)


@pytest.mark.parametrize(
    ("entity", "values"),
    [
        ("PERSON", ["홍*동", "김**", "남궁**"]),
        ("PHONE_NUMBER", ["010-****-1234", "010-1234-****", "02-***-1234"]),
        ("KR_RRN", ["900101-1******", "800230-*******"]),
        ("EMAIL_ADDRESS", ["a***@b.com", "ab****@***.com"]),
        ("CREDIT_CARD", ["1234-56**-****-7890", "****-****-****-1234", "123456******7890"]),
        ("BANK_ACCOUNT", ["110-***-****56", "123456-**-******"]),
    ],
)
def test_masked_values_are_told_apart(entity: str, values: list[str], classifier: Classifier) -> None:
    (verdict,) = classifier.classify([column("c1", values * 3)])
    assert (verdict.pii_class, verdict.form) == (entity, "masked")


@pytest.mark.parametrize("name", ["email_hash", "phone_enc", "jumin_sha256"])
def test_hashed_values_keep_the_class_of_their_name(name: str, classifier: Classifier) -> None:
    (verdict,) = classifier.classify([column(name, [f"{i:064x}" for i in range(1, 40)])])
    assert verdict.pii_class in ("EMAIL_ADDRESS", "PHONE_NUMBER", "KR_RRN")
    assert verdict.form == "masked"


def test_a_clear_value_under_a_name_that_says_encrypted_is_clear(classifier: Classifier) -> None:
    (verdict,) = classifier.classify([column("phone_enc", serials("010-{:04d}-5678", step=91))])
    assert (verdict.pii_class, verdict.form) == ("PHONE_NUMBER", "typed")


def test_patterns_are_sound() -> None:
    empty = pl.Series([""])
    for recognizer in RECOGNIZERS.values():
        for regex in (*(p.regex for p in recognizer.patterns), recognizer.loose, recognizer.search, recognizer.masked):
            if regex is not None:
                empty.str.contains(f"^(?:{regex})$")


@pytest.mark.parametrize(
    ("word", "name"),
    [("김민수", True), ("남궁민", True), ("고등어", False), ("된장국", False), ("배송중", False), ("이마트", False)],
)
def test_syllables_of_names(word: str, name: bool) -> None:
    assert (likelihood(word) > 0) is name
