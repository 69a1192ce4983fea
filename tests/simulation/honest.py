"""Honest vendors: who they are, what was agreed with them, and ninety days of their ordinary work with its ups and downs."""

# ruff: noqa: E501, PERF401 - the statements of logs are long

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from tests.simulation.log import Statement
from tests.simulation.world import (
    BLACK_FRIDAY,
    CHUSEOK,
    DAYS,
    FIRST_DAY,
    LONDON,
    MEMBERS,
    Work,
    around,
    days,
    is_open,
    lookup,
)

PERSON = "mbr_no, mbr_nm, hp_no, addr"
RECEIVER = "dlv_no, rcv_nm, rcv_tel, rcv_addr"


def _contract(tables: list[str], limit: int | None, hours: Any = "any", **more: Any) -> dict[str, Any]:
    return {"from": "2025-01-01", "until": "2026-06-30", "purpose": "their work", "tables": tables, "hours": hours,
            "max_persons_per_day": limit, **more}  # fmt: skip


def _work(key: str, kind: str, contract: dict[str, Any], accounts: int, app: str, table: str, columns: str, people: int) -> Work:
    number = sum(key.encode()) % 200
    names = [f"{key}_{n}" for n in range(1, accounts + 1)]
    return Work(key, kind, contract, [f"10.{number}.0.{n + 10}" for n in range(accounts)], names, app, table, columns, people)


def _season(day: date) -> float:
    """How busy shopping is: gifts before Chuseok, the week of Black Friday, Mondays after days off."""
    before = (CHUSEOK - day).days
    factor = 2.5 if 3 <= before <= 16 else 1.0
    factor = 3.0 if 0 <= (BLACK_FRIDAY - day).days <= 4 else factor
    return factor * (1.4 if day.weekday() == 0 else 1.0)


def call_centre(key: str, rng: random.Random) -> Work:
    """Eight agents in two shifts look callers up one by one, Saturdays with half the desks; closed on holidays."""
    contract = _contract(
        ["crm.mbr", "cs.call"], 1500, {"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "from": "08:30", "to": "21:30"}
    )
    work = _work(key, "call_centre", contract, 8, "CRM-Agent 5.2", "crm.mbr", PERSON, 320)
    after_rest = 1.0
    for day in days():
        if day.weekday() == 6 or not (is_open(day) or day.weekday() == 5):
            after_rest = 1.5
            continue
        for agent in range(8):
            if (day.weekday() == 5 and (agent + day.day) % 2) or rng.random() < 0.06:
                continue  # off, or on leave
            start = 9.0 if agent % 2 else 13.0
            calls = around(rng, 40 * after_rest)
            for n in range(4):
                share = [lookup(rng, "crm.mbr", PERSON) for _ in range(calls // 4)]
                share += [Statement(f"SELECT call_no, tel FROM cs.call WHERE call_no = {rng.randrange(80_000)}")]
                work.add(day, start + 2 * n + rng.random() * 0.5, share, account=agent)
        after_rest = 1.0
    return work


def delivery(key: str, rng: random.Random) -> Work:
    """Fetches the day's parcels in the morning through the driver's batches; many more before Chuseok and on Black Friday."""
    contract = _contract(["ship.dlv"], 2500, {"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "from": "05:00", "to": "20:00"})
    work = _work(key, "delivery", contract, 2, "dlv-route/3.1", "ship.dlv", RECEIVER, 400)
    for day in days():
        if day.weekday() == 6 or not (is_open(day) or day.weekday() == 5):
            continue
        parcels = around(rng, 400 * _season(day) * (0.5 if day.weekday() == 5 else 1))
        work.add(day, 6 + rng.random() * 0.3, [Statement(f"SELECT {RECEIVER} FROM ship.dlv WHERE dlv_dt = '{day}'", parcels)])
        checks = [Statement(f"SELECT {RECEIVER} FROM ship.dlv WHERE dlv_no = {rng.randrange(90_000)}", gap=rng.uniform(60, 400))
                  for _ in range(around(rng, 25))]  # fmt: skip
        checks += [Statement(f"UPDATE ship.dlv SET stat_cd = 'D' WHERE dlv_no = {n}", 1, "UPDATE", "WRITE") for n in range(10)]
        work.add(day, 10 + rng.random(), checks, account=1)
    return work


def settlement(key: str, rng: random.Random) -> Work:
    """Sums every day; at the end of the month each account is settled person by person."""
    contract = _contract(["bill.stl"], 5000, "business")
    work = _work(key, "settlement", contract, 1, "stl-batch", "bill.stl", "stl_no, mbr_nm, acct_no, amt", 20)
    opened = [day for day in days() if is_open(day)]
    for day, following in pairwise([*opened, date(2099, 1, 1)]):
        work.add(day, 9.5, [Statement("SELECT stl_ym, count(*), sum(amt) FROM bill.stl GROUP BY stl_ym", 12)])
        work.add(day, 11, [lookup(rng, "bill.stl", "stl_no, mbr_nm, amt") for _ in range(around(rng, 20))])
        if following.month != day.month and following.year == day.year:
            month = f"{day:%Y-%m}"
            work.add(
                day,
                14,
                [
                    Statement(
                        f"SELECT stl_no, mbr_nm, acct_no, amt FROM bill.stl WHERE stl_ym = '{month}'", around(rng, 3200, 0.1)
                    )
                ],
            )
    return work


def marketing(key: str, rng: random.Random) -> Work:
    """Counts audiences daily and takes an approved list of e-mail addresses once a week in its two hours."""
    contract = _contract(
        ["cs.call"],
        200,
        "business",
        exports=[
            {"columns": ["crm.mbr.eml", "crm.mbr.mbr_no"], "max_rows_per_day": 20000, "hours": {"from": "14:00", "to": "16:00"}}
        ],
    )
    work = _work(key, "marketing", contract, 1, "mailer 2", "crm.mbr", "mbr_no, eml", 0)
    for day in days():
        if not is_open(day):
            continue
        work.add(day, 10, [Statement(f"SELECT count(*) FROM crm.mbr WHERE grade_cd = '{g}'") for g in "ABC"])
        if day.weekday() == 2:
            work.add(day, 14.2 + rng.random(), [Statement(f"SELECT mbr_no, eml FROM crm.mbr WHERE grade_cd = '{rng.choice('ABC')}'",
                                                          around(rng, 11_000, 0.2))])  # fmt: skip
    return work


def maintenance(key: str, rng: random.Random) -> Work:
    """Keeps the database running: vacuums, indexes, and an agreed full backup every Sunday night."""
    everything = [f"{table}.*" for table in ("crm.mbr", "crm.ord", "ship.dlv", "bill.stl", "cs.call", "qa.mbr")]
    contract = _contract(
        [],
        50,
        "any",
        exports=[
            {"columns": everything, "max_rows_per_day": 1_000_000, "hours": {"days": ["sun"], "from": "02:00", "to": "05:00"}}
        ],
    )
    work = _work(key, "maintenance", contract, 1, "psql", "crm.mbr", "*", 0)
    for day in days():
        if is_open(day):
            work.add(day, 10 + rng.random(), [Statement("VACUUM ANALYZE crm.mbr", 0, "VACUUM", "MISC"),
                                              Statement("CREATE INDEX CONCURRENTLY ON crm.ord (ord_dt)", 0, "CREATE INDEX", "DDL"),
                                              Statement("SELECT pid, state FROM pg_stat_activity", 20)])  # fmt: skip
        if day.weekday() == 6:
            dump = [Statement(f"COPY {table.removesuffix('.*')} TO stdout;", 0, "COPY", gap=20) for table in everything]
            work.add(day, 2.5, [Statement("SET statement_timeout = 0", 0, "SET", "MISC"), *dump], app="pg_dump")
    return work


def onboarding(key: str, rng: random.Random) -> Work:
    """A new vendor: begins in the sixth week with one account, grows over three weeks to four accounts and its usual numbers."""
    contract = _contract(["crm.ord"], 300, "business") | {"from": str(FIRST_DAY + timedelta(days=35))}
    work = _work(key, "onboarding", contract, 4, "partner-portal", "crm.ord", "ord_no, rcv_nm, rcv_tel", 110)
    for day in days():
        age = (day - FIRST_DAY).days - 37
        if age < 0 or not is_open(day):
            continue
        staff = min(4, 1 + age // 7)
        for account in range(staff):
            count = around(rng, min(28, 4 + age * 2))
            work.add(
                day, 9.3 + account + rng.random(), [lookup(rng, "crm.ord", work.columns) for _ in range(count)], account=account
            )
    return work


def seasonal(key: str, rng: random.Random) -> Work:
    """A gift wrapper: thirty people a day, eight times as many before Chuseok and in the week of Black Friday."""
    work = _work(key, "seasonal", _contract(["crm.ord"], 600, "any"), 1, "giftbox", "crm.ord", "ord_no, rcv_nm, rcv_addr", 30)
    for day in days():
        busy = 3 <= (CHUSEOK - day).days <= 13 or 0 <= (BLACK_FRIDAY - day).days <= 4
        if not is_open(day) and not busy:
            continue
        orders = around(rng, 240 if busy else 30)
        work.add(day, 9 + rng.random(), [Statement(f"SELECT {work.columns} FROM crm.ord WHERE ord_dt = '{day}'", orders)])
    return work


def analytics(key: str, rng: random.Random) -> Work:
    """Analysts in London: aggregates all day, over everyone; a small sample of rows on Fridays."""
    work = _work(
        key, "analytics", _contract(["crm.mbr", "crm.ord"], 500, "business"), 3, "Tableau 2025.2", "crm.ord", "ord_no, rcv_nm", 0
    )
    work.zone = LONDON
    for day in days():
        if not is_open(day, LONDON):
            continue
        for n in range(3):
            statements = [Statement("SELECT grade_cd, count(*) FROM crm.mbr GROUP BY grade_cd", 4),
                          Statement(f"SELECT ord_dt, sum(amt), avg(amt) FROM crm.ord WHERE ord_dt > '{day - timedelta(days=30)}' GROUP BY 1", 30),
                          Statement("SELECT count(DISTINCT mbr_no) FROM crm.ord", 1)]  # fmt: skip
            if day.weekday() == 4 and n == 0:
                statements.append(Statement("SELECT ord_no, rcv_nm, amt FROM crm.ord ORDER BY amt DESC LIMIT 100", 100))
            work.add(day, 9.2 + n * 2 + rng.random(), statements, account=n)
    return work


def testing(key: str, rng: random.Random) -> Work:
    """Testers work on made-up people of their own schema, whole tables at a time, at any hour."""
    work = _work(key, "testing", _contract(["qa.mbr"], 40_000, "any"), 2, "pytest", "qa.mbr", "*", 3000)
    for day in days():
        if is_open(day):
            for n in range(2):
                work.add(day, 9 + n * 4 + rng.random() * 8, [
                    Statement("SELECT * FROM qa.mbr", 3000), Statement("INSERT INTO qa.mbr (mbr_no) VALUES (1)", 1, "INSERT", "WRITE"),
                    Statement("DELETE FROM qa.mbr WHERE mbr_no = 1", 1, "DELETE", "WRITE")], account=n)  # fmt: skip
    return work


def returning(key: str, rng: random.Random) -> Work:
    """Auditors who come for a week at the beginning and again ten weeks later."""
    work = _work(key, "returning", _contract(["bill.stl"], 200, "business"), 2, "Excel", "bill.stl", "stl_no, mbr_nm, amt", 50)
    for day in days():
        if is_open(day) and (day - FIRST_DAY).days in {*range(1, 6), *range(71, 77)}:
            for n in range(2):
                work.add(day, 9.5 + n, [lookup(rng, "bill.stl", work.columns) for _ in range(around(rng, 25))], account=n)
    return work


def renewed(key: str, rng: random.Random) -> Work:
    """Its contract is renewed in the middle of the quarter for half as much work again, with a higher limit and one table more."""
    change = FIRST_DAY + timedelta(days=50)
    first = _contract(["crm.ord"], 220, "business") | {"until": str(change - timedelta(days=1))}
    second = _contract(["crm.ord", "ship.dlv"], 350, "business") | {"from": str(change)}
    work = _work(key, "renewed", second, 3, "oms-sync", "crm.ord", "ord_no, rcv_nm, rcv_tel", 130)
    work.extra["contracts"] = [first, second]
    for day in days():
        if not is_open(day):
            continue
        more = 1.5 if day >= change else 1.0
        for n in range(3):
            calls = [lookup(rng, "crm.ord", work.columns) for _ in range(around(rng, 45 * more))]
            if day >= change:
                calls += [Statement(f"SELECT {RECEIVER} FROM ship.dlv WHERE dlv_no = {rng.randrange(90_000)}") for _ in range(10)]
            work.add(day, 9.2 + 2 * n + rng.random(), calls, account=n)
    return work


def staff_change(key: str, rng: random.Random) -> Work:
    """Two of four people leave, two new ones come with new accounts, new addresses, and a new version of the program."""
    work = _work(key, "staff_change", _contract(["crm.mbr"], 500, "business"), 6, "HelpDesk 8.1", "crm.mbr", PERSON, 120)
    for day in days():
        age = (day - FIRST_DAY).days
        staff = (0, 1, 2, 3) if age < 45 else (2, 3, 4, 5)
        if is_open(day):
            for n in staff:
                app = "HelpDesk 8.2" if age >= 60 else ""
                address = f"10.{77 if age >= 70 else 76}.3.{20 + n}"
                work.add(day, 9.2 + n + rng.random(), [lookup(rng, "crm.mbr", PERSON) for _ in range(around(rng, 30, 0.25))],
                         account=n, app=app, address=address)  # fmt: skip
    return work


def synchronising(key: str, rng: random.Random) -> Work:
    """A program that asks every hour, day and night, for what changed."""
    work = _work(key, "synchronising", _contract(["crm.mbr"], 2000, "any"), 1, "crm-sync", "crm.mbr", PERSON, 400)
    for day in days():
        for hour in range(24):
            changed = around(rng, (28 if 8 <= hour < 22 else 5) * (1 if is_open(day) else 0.6), 0.4)
            work.add(day, hour + 0.05, [Statement(f"SELECT {PERSON} FROM crm.mbr WHERE upd_dt > '{day} {hour:02d}:00'", changed)])
    return work


def back_office(key: str, rng: random.Random) -> Work:
    """People who leaf through a web interface: pages of twenty, rarely beyond the fifth."""
    work = _work(
        key, "back_office", _contract(["crm.ord"], 3000, "business"), 4, "admin-web", "crm.ord", "ord_no, rcv_nm, rcv_tel", 900
    )
    for day in days():
        if is_open(day):
            for n in range(4):
                pages = []
                for _ in range(around(rng, 4)):
                    start = rng.randrange(1, 4 * MEMBERS)
                    for page in range(rng.choice((1, 1, 2, 3, 5))):
                        pages.append(Statement(
                            f"SELECT ord_no, rcv_nm, rcv_tel FROM crm.ord WHERE mbr_no > {start} ORDER BY ord_no DESC LIMIT 20 OFFSET {20 * page}",
                            20, gap=rng.uniform(5, 60)))  # fmt: skip
                work.add(day, 9.3 + n * 2 + rng.random(), pages, account=n)
    return work


def without_limit(key: str, rng: random.Random) -> Work:
    """An insurer's desk whose contract names tables and hours, but no number of people."""
    work = _work(key, "without_limit", _contract(["crm.mbr", "bill.stl"], None, "business"), 2, "claims", "crm.mbr", PERSON, 60)
    for day in days():
        if is_open(day):
            for n in range(2):
                work.add(
                    day, 9.5 + 3 * n + rng.random(), [lookup(rng, "crm.mbr", PERSON) for _ in range(around(rng, 30))], account=n
                )
    return work


KINDS: dict[str, Callable[[str, random.Random], Work]] = {
    function.__name__: function
    for function in (call_centre, delivery, settlement, marketing, maintenance, onboarding, seasonal, analytics, testing,
                     returning, renewed, staff_change, synchronising, back_office, without_limit)
}  # fmt: skip

# vendors among whose people there is a thief in the tests of thefts: steady ones, whose every day is alike
STEADY = ("delivery", "synchronising", "without_limit", "staff_change", "back_office", "settlement")
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
