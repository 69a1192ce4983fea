"""A made-up shop, the same on PostgreSQL and SQLite: what each column holds is known."""

# rows and DDL read best whole
# ruff: noqa: E501, SIM905

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

SURNAMES = "김이박최정강조윤장임한오서신권황안송류홍"
GIVEN = "민 서 지 현 수 영 준 우 연 경 진 은 하 윤 도 시 유 빈 원 아 채 율 태 호 재 성".split()
FOODS = "한우 안심 된장 고등어 오징어 이유식 현미 서리태 신라면 조미김 문어 주꾸미 송이버섯 감자 고구마 홍삼정 임연수 하몽 강정 양갱 연근 우동 노가리 백설기 인절미".split()


@dataclass(frozen=True)
class TableSpec:
    """DDL in a dialect both engines read, rows, and the truth about each personal column."""

    ddl: str
    rows: list[tuple[object, ...]]
    truth: dict[str, tuple[str, str]] = field(default_factory=dict)  # column -> (class, form)


def person(chance: random.Random) -> str:
    return chance.choice(SURNAMES) + chance.choice(GIVEN) + chance.choice(GIVEN)


def mobile(chance: random.Random) -> str:
    return f"010-{chance.randint(2000, 9999)}-{chance.randint(0, 9999):04d}"


def resident(chance: random.Random) -> str:
    year = chance.randint(1940, 2008)
    gender = chance.choice("12" if year < 2000 else "34")
    return f"{year % 100:02d}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}-{gender}{chance.randint(0, 999999):06d}"


def birthday(chance: random.Random) -> str:
    return f"{chance.randint(1940, 2008)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"


def shop(members: int = 300, seed: int = 7) -> dict[str, TableSpec]:
    """Tables of a home-shopping company by name, in the order to create them."""
    c = random.Random(seed)
    regions = [
        "서울특별시 강남구 테헤란로",
        "부산광역시 해운대구 센텀중앙로",
        "경기도 성남시 분당구 판교로",
        "대전 유성구 대학로",
    ]
    people = [
        (
            i,
            person(c),
            mobile(c),
            f"user{i}@mail{i % 7}.co.kr",
            resident(c),
            birthday(c),
            c.choice("MF"),
            f"{c.randint(1000, 63999):05d}",
            f"{c.choice(regions)} {c.randint(1, 400)}",
            f"{c.randint(101, 120)}동 {c.randint(101, 2504)}호",
            c.choice(["Y", "N"]),
            f"2025-{c.randint(1, 12):02d}-{c.randint(1, 28):02d} 10:00:00",
        )
        for i in range(1, members + 1)
    ]
    orders = [
        (
            i,
            f"26{c.randint(1, 12):02d}{c.randint(1, 28):02d}{c.randint(1, 4)}{c.randint(0, 999999):06d}",
            c.randint(1, members // 2),
            person(c),
            mobile(c),
            f"배송 메모 {i}" if i % 20 else f"부재시 {mobile(c)} 로 연락 주세요",
            c.randint(1000, 90000),
        )
        for i in range(1, members * 3)
    ]
    products = [(i, f"{f} 특선", f, c.randint(1000, 90000), f"iPhone {i % 15}") for i, f in enumerate(FOODS * 8)]
    calls = [
        (
            i,
            1_000_000_000 + c.randint(20_000_000, 99_999_999),
            f"{c.choice(SURNAMES)}*{c.choice(GIVEN)}",
            f"010-****-{c.randint(0, 9999):04d}",
            json.dumps({"receiver": {"name": person(c), "tel": mobile(c)}, "qty": i}),
        )
        for i in range(1, 200)
    ]
    return {
        "mbr": TableSpec(
            """create table mbr (mbr_no integer primary key, mbr_nm varchar(40), hp_no varchar(20), eml varchar(80), jumin_no varchar(14), brth_dt date,
               sex_cd char(1), zip_cd varchar(6), addr1 varchar(200), addr2 varchar(200), email_verified_yn char(1), reg_dttm timestamp)""",
            people,
            {
                "mbr_nm": ("PERSON", "typed"),
                "hp_no": ("PHONE_NUMBER", "typed"),
                "eml": ("EMAIL_ADDRESS", "typed"),
                "jumin_no": ("KR_RRN", "typed"),
                "brth_dt": ("DATE_OF_BIRTH", "typed"),
                "sex_cd": ("GENDER", "quasi"),
                "zip_cd": ("POSTCODE", "quasi"),
                "addr1": ("ADDRESS", "typed"),
                "addr2": ("ADDRESS", "typed"),
            },
        ),
        "ord": TableSpec(
            """create table ord (ord_id integer primary key, ord_no varchar(13) unique, mbr_no integer references mbr (mbr_no), rcv_nm varchar(40),
               rcv_tel varchar(20), memo varchar(400), amt integer)""",
            orders,
            {"rcv_nm": ("PERSON", "typed"), "rcv_tel": ("PHONE_NUMBER", "typed"), "memo": ("PHONE_NUMBER", "embedded")},
        ),
        "prd": TableSpec(
            "create table prd (prd_no integer primary key, prd_nm varchar(80), nm varchar(40), price integer, phone_model varchar(40))",
            products,
        ),
        "cs_call": TableSpec(
            "create table cs_call (call_id integer primary key, col_a bigint, nm_mask varchar(40), tel_mask varchar(20), extra json)",
            calls,
            {
                "col_a": ("PHONE_NUMBER", "typed"),
                "nm_mask": ("PERSON", "masked"),
                "tel_mask": ("PHONE_NUMBER", "masked"),
                "extra": ("PHONE_NUMBER", "embedded"),
            },
        ),
        "empty_mbr": TableSpec(
            "create table empty_mbr (id integer, jumin_no varchar(14), hotel_id integer)", [], {"jumin_no": ("KR_RRN", "typed")}
        ),
    }
