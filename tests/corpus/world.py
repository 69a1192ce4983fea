"""A made-up company, another one with every seed: its relations' names, their sizes, its people, and who of them is in a text.

Every value of a person is that person's alone (names too), so that what a client received says whose data it received.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

_SCHEMAS = ("crm", "sales", "kundendb", "member", "hs_main", "customer_care", "Shop", "cust2")
_SIDE_SCHEMAS = ("wms", "ops", "stage", "partner_x", "batch")
_PEOPLE = ("mbr", "customers", "kunde", "tb_member", "client_master", "CustInfo", "usr_base", "t_cust")
_ORDERS = ("ord", "shipments", "auftrag", "tb_delivery", "order_head", "DlvReq", "parcels_out")
_LEADS = ("prospects", "newsletter", "leads_2024", "subscriber", "evt_entry")
_LOGS = ("contact_hist", "call_log", "consult_log", "visit")
_PRODUCTS = ("prd", "products", "artikel", "tb_goods", "ItemMaster", "sku")
_KEYS = ("mbr_no", "customer_id", "id", "kd_nr", "cust_no", "UserId")
_NAMES = ("mbr_nm", "full_name", "name", "cust_nm", "UserName")
_PHONES = ("hp_no", "phone", "mobile_no", "tel", "PhoneNo")
_EMAILS = ("eml", "email", "email_addr", "mail_addr", "EMail")
_RRNS = ("jumin_no", "rrn", "resident_no", "ssn_kr")
_ADDRESSES = ("addr", "address", "home_addr", "AddrLine")
_SYLLABLES = [
    "가",
    "나",
    "다",
    "도",
    "라",
    "민",
    "서",
    "지",
    "현",
    "수",
    "영",
    "준",
    "우",
    "연",
    "경",
    "진",
    "은",
    "하",
    "호",
    "희",
    "정",
    "태",
    "성",
    "재",
    "윤",
    "주",
    "혜",
    "선",
    "미",
    "동",
]
_FAMILIES = [
    "김",
    "이",
    "박",
    "최",
    "정",
    "강",
    "조",
    "윤",
    "장",
    "임",
    "한",
    "오",
    "서",
    "신",
    "권",
    "황",
    "안",
    "송",
    "류",
    "홍",
]
_FIRST = [
    "James",
    "Mary",
    "Robert",
    "Linda",
    "Michael",
    "Susan",
    "David",
    "Karen",
    "Thomas",
    "Nancy",
    "Daniel",
    "Lisa",
    "Matthew",
    "Betty",
    "Mark",
    "Sandra",
    "Steven",
    "Ashley",
    "Andrew",
    "Donna",
    "Paul",
    "Emily",
    "Joshua",
    "Carol",
    "Kevin",
    "Amanda",
    "Brian",
    "Melissa",
    "George",
    "Deborah",
    "Edward",
    "Laura",
]
_LAST = [
    "Smith",
    "Johnson",
    "Brown",
    "Taylor",
    "Wilson",
    "Evans",
    "Walker",
    "Wright",
    "Green",
    "Hall",
    "Wood",
    "Clarke",
    "Jackson",
    "Harris",
    "Cooper",
    "King",
    "Lee",
    "Martin",
    "Morris",
    "James",
    "Turner",
    "Hill",
    "Moore",
    "Allen",
    "Scott",
    "Adams",
    "Baker",
    "Nelson",
    "Carter",
    "Mitchell",
    "Roberts",
    "Phillips",
    "Campbell",
    "Parker",
    "Edwards",
    "Collins",
]


@dataclass(frozen=True)
class Person:
    """One row about one person."""

    key: int
    name: str
    phone: str
    email: str
    rrn: str
    address: str

    @property
    def values(self) -> tuple[str, ...]:
        return self.name, self.phone, self.email, self.rrn, self.address


_SHAPES = re.compile(r"01[0-9]-[0-9]{4}-[0-9]{4}|\+44 20 [0-9]{4} [0-9]{4}|[a-z0-9._]+@[a-z0-9.]+[a-z]|[0-9]{6}-[1-4][0-9]{6}")
_BETWEEN = re.compile(r"[\t\n\r,|;'\"(){}<>\[\]\\]|&#[0-9]+;")


def _people(rng: random.Random, count: int, first_key: int, korean: bool) -> tuple[Person, ...]:
    if korean:
        names = [f + a + b for f in _FAMILIES for a in _SYLLABLES for b in _SYLLABLES]
    else:
        names = [f"{a} {b}" for a in _FIRST for b in _LAST] + [f"{a} {c}. {b}" for a in _FIRST for b in _LAST for c in "ABCDEFG"]
    chosen = rng.sample(names, count)
    numbers, registered = rng.sample(range(10_000_000, 99_999_999), count), rng.sample(range(1_000_000), count)
    people = []
    for i, name in enumerate(chosen):
        n = numbers[i]
        phone = f"010-{n // 10_000:04d}-{n % 10_000:04d}" if korean else f"+44 20 {n // 10_000:04d} {n % 10_000:04d}"
        year, month, day = rng.randrange(45, 99), rng.randrange(1, 13), rng.randrange(1, 29)
        rrn = f"{year:02d}{month:02d}{day:02d}-{rng.randrange(1, 3)}{registered[i]:06d}"
        address = (
            f"서울특별시 강남구 테헤란로{rng.randrange(1, 90)}길 {i + 1}"
            if korean
            else f"{i + 1} {rng.choice(('High Street', 'Station Road', 'Church Lane'))} London SW1A {rng.randrange(1, 9)}AB"
        )
        people.append(Person(first_key + i, name, phone, f"u{n}@mail{i % 7}.example.com", rrn, address))
    return tuple(people)


@dataclass(frozen=True)
class World:
    """Names and people of one seed. ``quote`` is the engine's: names with capital letters only live quoted."""

    seed: int
    quote: str = '"'
    names: Mapping[str, str] = field(default_factory=dict)  # role -> bare name
    people: tuple[Person, ...] = ()
    leads: tuple[Person, ...] = ()
    orders: int = 0
    products: int = 0
    logs: int = 0

    @staticmethod
    def make(seed: int, quote: str = '"', scale: float = 1.0) -> World:
        rng = random.Random(seed)
        schema, side = rng.choice(_SCHEMAS), rng.choice(_SIDE_SCHEMAS)
        columns = [rng.choice(pool) for pool in (_KEYS, _NAMES, _PHONES, _EMAILS, _RRNS, _ADDRESSES)]
        names = {
            "schema": schema,
            "side": side,
            "people": rng.choice(_PEOPLE),
            "orders": rng.choice(_ORDERS),
            "leads": rng.choice(_LEADS),
            "logs": rng.choice(_LOGS),
            "products": rng.choice(_PRODUCTS),
            **dict(zip(("key", "name", "phone", "email", "rrn", "addr"), columns, strict=True)),
        }
        people = _people(rng, int(rng.randrange(700, 1600) * scale), rng.choice((1, 1001)), True)
        leads = _people(rng, int(rng.randrange(300, 650) * scale), 1, False)
        orders = len(people) * rng.randrange(2, 4)
        return World(
            seed, quote, names, people, leads, orders, max(150, int(rng.randrange(1500, 4000) * scale)), len(people) + 300
        )

    # -- names in SQL -----------------------------------------------------------------------------------------------

    def quoted(self, name: str) -> str:
        """A name as SQL has to spell it."""
        return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else f"{self.quote}{name}{self.quote}"

    def relation(self, role: str) -> str:
        """A relation's full name as events write it: of a role, or of ``side.name`` (a name in a schema of this world)."""
        schema, dot, name = role.partition(".")
        return f"{self.names.get(schema, schema)}.{name}" if dot else f"{self.names['schema']}.{self.names[role]}"

    @cached_property
    def words(self) -> Mapping[str, str]:
        """What the acts' texts are filled with."""
        q, n = self.quoted, self.names
        own = {role: f"{q(n['schema'])}.{q(n[role])}" for role in ("people", "orders", "leads", "logs", "products")}
        bare = {f"{role}_": q(n[role]) for role in ("people", "orders", "leads", "logs", "products")}
        columns = {role: q(n[role]) for role in ("key", "name", "phone", "email", "rrn", "addr", "schema", "side")}
        raw = {f"{role}_raw": n[role] for role in ("people", "schema", "side", "leads", "products", "phone")}
        first = self.people[0].key
        places = {
            "unicode_people": 'U&"' + "".join(f"\\{ord(c):04x}" for c in n["people"]) + '"',
            "people_pkey": q(f"{n['people']}_pkey"),
            "first": str(first),
            "last": str(self.people[-1].key),
            "half": str(first + len(self.people) // 2),
            "many": str(len(self.people) // 2 + 7),
            "all": str(len(self.people)),
            "third": str(first + len(self.people) // 3),
        }
        return {**own, **bare, **columns, **raw, **places, "ids": ", ".join(str(p.key) for p in self.people[5:95])}

    def fill(self, text: str) -> str:
        """``text`` with every ``{word}`` of this world in it; other braces stay."""
        return re.sub(r"\{([a-z_]+)\}", lambda m: self.words.get(m[1], m[0]), text)

    # -- who is in a text --------------------------------------------------------------------------------------------

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        found = {value: f"p{p.key}" for p in self.people for value in p.values}
        return {**found, **{value: f"l{p.key}" for p in self.leads for value in p.values}}

    def who(self, text: str) -> set[str]:
        """The people of whom a value stands in ``text``, whatever stands between the values."""
        owners = self._owners
        pieces: Iterable[str] = (*_SHAPES.findall(text), *(piece.strip() for piece in _BETWEEN.split(text)))
        return {owners[piece] for piece in pieces if piece in owners}

    def whose(self, part: Callable[[Person], str]) -> Callable[[str], set[str]]:
        """The same where only a part or a disguise of a value leaves: ``part`` says which."""
        owners = {part(p): f"p{p.key}" for p in self.people}
        return lambda text: {
            owners[piece] for line in text.split("\n") for piece in (line.strip(), *line.split("|")) if piece in owners
        }
