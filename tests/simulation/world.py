"""The company: its tables and people, its calendar, and what a vendor is."""

# ruff: noqa: E501 - the statements of logs are long

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from scanner.model import Column, Function, Schema, Table, TableRef
from tests.simulation.log import Session, Statement

FIRST_DAY = date(2025, 9, 1)  # a Monday; the quarter holds a week of Chuseok, three month ends and Black Friday
DAYS = 90
SEOUL = ZoneInfo("Asia/Seoul")
LONDON = ZoneInfo("Europe/London")  # its clocks change in the quarter
HOLIDAYS = {zone: set(holidays.country_holidays(code, years=2025)) for zone, code in ((SEOUL, "KR"), (LONDON, "GB"))}
CHUSEOK = date(2025, 10, 6)
BLACK_FRIDAY = date(2025, 11, 28)

MEMBERS = 60_000
CANARY = 900_001  # a made-up person, by number


def _columns(*pairs: tuple[str, str | None]) -> tuple[Column, ...]:
    return tuple(Column(name, "text", kind, confidence=0.95 if kind else 0.0) for name, kind in pairs)


def _table(name: str, rows: int, persons: int | None, keys: tuple[str, ...], *columns: tuple[str, str | None]) -> Table:
    schema, _, table = name.partition(".")
    return Table(TableRef(schema, table), _columns(*columns), rows=rows, persons=persons,
                 person_column="mbr_no" if persons else None, unique_keys=tuple((k,) for k in keys))  # fmt: skip


def schema() -> Schema:
    """The company's PII map, as a catalogue scan would leave it."""
    members = (("mbr_no", None), ("mbr_nm", "PERSON"), ("hp_no", "PHONE_NUMBER"), ("eml", "EMAIL_ADDRESS"), ("addr", "ADDRESS"),
               ("jumin_no", "KR_RRN"), ("grade_cd", None), ("upd_dt", None))  # fmt: skip
    tables = [
        _table("crm.mbr", MEMBERS, MEMBERS, ("mbr_no", "hp_no", "eml"), *members),
        _table("crm.ord", 4 * MEMBERS, MEMBERS, ("ord_no",), ("ord_no", None), ("mbr_no", None), ("rcv_nm", "PERSON"),
               ("rcv_tel", "PHONE_NUMBER"), ("rcv_addr", "ADDRESS"), ("amt", None), ("ord_dt", None)),
        _table("ship.dlv", 90_000, 45_000, ("dlv_no",), ("dlv_no", None), ("mbr_no", None), ("dlv_dt", None), ("rcv_nm", "PERSON"),
               ("rcv_tel", "PHONE_NUMBER"), ("rcv_addr", "ADDRESS"), ("stat_cd", None)),
        _table("bill.stl", 40_000, 20_000, ("stl_no",), ("stl_no", None), ("mbr_no", None), ("stl_ym", None),
               ("mbr_nm", "PERSON"), ("acct_no", "BANK_ACCOUNT"), ("amt", None)),
        _table("cs.call", 80_000, 30_000, ("call_no",), ("call_no", None), ("mbr_no", None), ("tel", "PHONE_NUMBER"), ("note", None)),
        _table("shop.prd", 2_000, None, ("prd_no",), ("prd_no", None), ("prd_nm", None), ("price", None), ("stock", None)),
        _table("qa.mbr", 3_000, 3_000, ("mbr_no",), *members),
    ]  # fmt: skip
    view = Table(TableRef("crm", "v_mbr"), _columns(("mbr_no", None), ("nm", "PERSON"), ("tel", "PHONE_NUMBER")), kind="view",
                 definition="SELECT mbr_no, mbr_nm AS nm, hp_no AS tel FROM crm.mbr")  # fmt: skip
    everyone = Function(TableRef("crm", "f_mbr"), "sql", "select * from crm.mbr limit 100000", True, "SETOF crm.mbr")
    known = {table.ref: table for table in (*tables, view)}
    return Schema("shop", "quarter-1", known, {everyone.ref: (everyone,)})


@dataclass
class Work:
    """One vendor: what was agreed with it, and its honest sessions. What a thief among its people would use, too."""

    key: str
    kind: str
    contract: dict[str, Any]
    addresses: list[str]
    accounts: list[str]
    app: str
    table: str  # the personal table it works with
    columns: str  # the columns it reads of it
    people: int  # people an ordinary day
    zone: ZoneInfo = SEOUL
    hours: tuple[float, float] = (9.0, 18.0)
    sessions: list[Session] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)  # further keys of the vendor's configuration

    def document(self) -> dict[str, Any]:
        """The vendor's entry in the configuration."""
        contract = {key: value for key, value in self.contract.items() if value is not None}
        document: dict[str, Any] = {"name": self.key, "accounts": [f"{self.key}_*"], "addresses": ["10.0.0.0/8"]}
        document.update(self.extra)
        if "contracts" not in document:
            document["contract"] = contract
        if self.zone is not SEOUL:
            document["time_zone"] = self.zone.key
            document["business_hours"] = {"holidays": "GB"}
        return document

    def add(self, day: date, hour: float, statements: list[Statement], *, account: int = 0, theft: str = "",
            address: str = "", app: str = "", walsender: bool = False) -> None:  # fmt: skip
        """One session at a local hour."""
        begin = at(day, hour, self.zone)
        name = self.accounts[account % len(self.accounts)]
        place = address or self.addresses[account % len(self.addresses)]
        self.sessions.append(Session(name, place, app or self.app, begin, tuple(statements), theft, walsender=walsender))


def at(day: date, hour: float, zone: ZoneInfo = SEOUL) -> datetime:
    """A local hour of a day, as a moment."""
    return datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=round(hour * 3600, 3))


def days() -> Iterator[date]:
    return (FIRST_DAY + timedelta(days=n) for n in range(DAYS))


def is_open(day: date, zone: ZoneInfo = SEOUL) -> bool:
    return day.weekday() < 5 and day not in HOLIDAYS[zone]


def working_days(first: date, count: int) -> list[date]:
    """``count`` working days from ``first`` on."""
    found = []
    while len(found) < count:
        if is_open(first):
            found.append(first)
        first += timedelta(days=1)
    return found


def around(rng: random.Random, usual: float, spread: float = 0.15) -> int:
    """A number near ``usual``, at least 1."""
    return max(1, round(rng.gauss(usual, usual * spread)))


def lookup(rng: random.Random, table: str, columns: str) -> Statement:
    """One person by number."""
    return Statement(f"SELECT {columns} FROM {table} WHERE mbr_no = {rng.randrange(1, MEMBERS)}", 1, gap=rng.uniform(8, 40))
