"""Made-up people, addresses and goods. The same seed gives the same company, byte for byte.

Nobody here exists: telephone numbers begin with 010-0, a range no Korean operator was given; mail goes to the domains that
RFC 2606 keeps for examples; the streets are words put together. Districts are real, so that an address looks like one.
"""

# ruff: noqa: SIM905 — lists of words read best as words

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

SURNAMES = (
    "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 전 홍 유 고 문 양 손 배 백 허 남 심 노 하 곽 성 차 주 우 구 민 진"
).split()
SURNAME_WEIGHTS = [215, 147, 84, 47, 44, 23, 21, 21, 20, 17, 15, 15, 15, 14, 13, 13, 13, 12, 11, 11] + [6] * 20
FIRST_SYLLABLES = "지 서 민 하 도 예 수 현 준 유 시 은 태 재 성 영 정 동 나 소 가 다 혜 경 상 승 진 주 윤 세".split()
LAST_SYLLABLES = "우 연 준 윤 호 은 아 진 민 원 현 영 희 수 빈 석 훈 경 주 찬 혁 린 나 율 람 솔 미 숙 철 환".split()
ENGLISH_FIRST = (
    "Alice Brian Carla Dennis Elena Frank Grace Henry Irene Jack Karen Liam Maria Noah Olivia Peter Quinn Rosa Simon Tessa "
    "Ursula Victor Wendy Xavier Yvonne Zachary Amber Bruce Celia Dominic"
).split()
ENGLISH_LAST = (
    "Ashford Barlow Calloway Dunmore Eastwick Fairburn Garland Hathaway Ingram Jessop Kirkwood Langley Merton Norwood Oakes "
    "Pemberton Quimby Radley Stanton Thorne Underhill Vance Whitlock Yardley Zeller Birch Crane Draper Elmore Fenwick"
).split()
DISTRICTS = (
    "서울특별시 강남구,서울특별시 마포구,서울특별시 노원구,서울특별시 송파구,"
    "서울특별시 관악구,부산광역시 해운대구,부산광역시 사하구,대구광역시 수성구,"
    "인천광역시 연수구,광주광역시 북구,대전광역시 유성구,울산광역시 남구,"
    "세종특별자치시 한누리대로,경기도 성남시 분당구,경기도 수원시 영통구,경기도 고양시 일산동구,"
    "경기도 용인시 수지구,강원특별자치도 춘천시,충청북도 청주시 흥덕구,충청남도 천안시 서북구,"
    "전북특별자치도 전주시 완산구,전라남도 순천시,경상북도 포항시 남구,경상남도 창원시 성산구,"
    "제주특별자치도 제주시"
).split(",")
ROAD_WORDS = "가람 나래 다솜 라온 마루 바다 사랑 아라 자람 차오름 한별 푸름 도담 미르 솔빛".split()
ROADS = [word + kind for word in ROAD_WORDS for kind in ("로", "대로", "마을길", "숲길")]
BUILDING_WORDS = "한빛 푸른 새솔 은하 달빛 햇살 무지개 다온".split()
BUILDINGS = [word + kind for word in BUILDING_WORDS for kind in ("아파트", "빌라", "타운", "오피스텔")]
DOMAINS = ("example.com", "example.net", "example.org", "mail.example.com", "post.example.net")
NOTES = (
    "",
    "",
    "",
    "문 앞에 놓아 주세요",
    "경비실에 맡겨 주세요",
    "배송 전 연락 바랍니다",
    "부재 시 문자 주세요",
    "Please leave at the door",
)
THINGS = (
    "냄비 프라이팬 이불 청소기 믹서기 홍삼 김치 갈비탕 운동화 패딩 "
    "니트 화장품 비타민 공기청정기 안마기 전기포트 토퍼 가습기 도마 수건"
).split()
KINDS = "한끼 프리미엄 데일리 홈 스마트 클래식 에코 실속 명장 리빙".split()
BRANDS = "가온리빙 노을키친 다온푸드 라온텍 마음건강 바름홈 새봄패션 온누리 지음 해담".split()
CALLS = (
    "배송 지연 문의. 회신 번호 {tel} 로 안내 완료",
    "주소 변경 요청하셔서 접수함. 연락처 {tel}",
    "환불 진행 상태 확인 요청. 통화 가능 번호 {tel}, 오후 희망",
    "상품 사이즈 교환 문의, 재고 확인 후 안내드림",
    "쿠폰 적용 방법 안내함",
    "Caller asked for an English invoice, call back at {tel}",
    "방송 상품 사은품 누락. 재발송 접수",
    "카드 결제 취소 확인. {nm} 고객님 {tel} 로 문자 발송",
)


@dataclass(frozen=True)
class Member:
    """One member as the table ``mbr`` holds it."""

    no: int
    login: str
    name: str
    tel: str  # 010-0NNN-NNNN
    email: str
    birth: date
    gender: str
    zip_code: str
    address: str
    detail: str
    grade: str
    joined: date


def make_member(rng: random.Random, number: int, joined: date) -> Member:
    """One made-up member. ``number`` makes telephone, login and mail unlike everybody else's."""
    foreign = rng.random() < 0.07
    if foreign:
        first, last = rng.choice(ENGLISH_FIRST), rng.choice(ENGLISH_LAST)
        name, login = f"{first} {last}", f"{first}.{last}".lower()
    else:
        name = rng.choices(SURNAMES, SURNAME_WEIGHTS)[0] + rng.choice(FIRST_SYLLABLES) + rng.choice(LAST_SYLLABLES)
        login = rng.choice(("star", "sun", "moon", "happy", "blue", "shop", "good", "river", "green", "home"))
    login = f"{login}{number % 100_000}"
    # a fixed odd multiplier spreads the numbers over the range without ever meeting twice
    digits = f"{number * 7_368_787 % 10_000_000:07d}"
    return Member(
        no=number,
        login=login,
        name=name,
        tel=f"010-0{digits[:3]}-{digits[3:]}",
        email=f"{login}@{rng.choice(DOMAINS)}",
        birth=date(1946, 1, 1) + timedelta(days=rng.randrange(60 * 365)),
        gender=rng.choice("FFFM"),
        zip_code=f"{rng.randrange(1000, 63644):05d}",
        address=f"{rng.choice(DISTRICTS)} {rng.choice(ROADS)} {rng.randrange(1, 320)}",
        detail=f"{rng.choice(BUILDINGS)} {rng.randrange(101, 120)}동 {rng.randrange(1, 25)}{rng.randrange(1, 9):02d}호",
        grade=rng.choices(("NEW", "SILVER", "GOLD", "VIP"), (40, 35, 20, 5))[0],
        joined=joined,
    )


def make_members(rng: random.Random, count: int, first: int, until: date) -> list[Member]:
    """``count`` members in the order they joined, the last of them shortly before ``until``; some numbers are missing."""
    numbers, number = [], first
    while len(numbers) < count:
        number += 1 if rng.random() > 0.03 else 2
        numbers.append(number)
    begin = until - timedelta(days=2400)
    days = sorted(rng.randrange(2400) for _ in numbers)
    return [make_member(rng, n, begin + timedelta(days=d)) for n, d in zip(numbers, days, strict=True)]


def make_products(rng: random.Random, count: int) -> list[tuple[str, str, str, str, int, str]]:
    """Goods: code, name, category code, brand, price in won, text of the page."""
    goods = []
    for index in range(count):
        thing = rng.choice(THINGS)
        kind = rng.choice(KINDS)
        name = f"{kind} {thing} {rng.randrange(1, 9)}종 세트" if rng.random() < 0.6 else f"{kind} {thing}"
        category = f"C{THINGS.index(thing) // 2:02d}"
        price = rng.randrange(9, 400) * 1000 - 100
        goods.append((f"P{index + 10001}", name, category, rng.choice(BRANDS), price, f"{kind} {thing}, 방송 특가"))
    return goods


def call_note(rng: random.Random, member: Member) -> str:
    """What an agent of the call centre writes down, often with the number to call back."""
    return rng.choice(CALLS).format(tel=member.tel, nm=member.name)
