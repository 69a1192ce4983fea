"""The company itself: what its database holds on 1 October, and what its own accounts do every day after."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from psycopg import sql

from scripts.demo.people import NOTES, Member, call_note, make_member, make_members, make_products
from scripts.demo.world import DBNAME, SEOUL, World

FIRST_DAY = date(2026, 10, 1)
LAST_DAY = date(2026, 10, 31)
HOLIDAYS = frozenset({date(2026, 10, 3), date(2026, 10, 5), date(2026, 10, 9)})  # Foundation Day, its substitute, Hangul Day
MEMBERS, PRODUCTS, ORDERS, CALLS = 20_000, 3_000, 50_000, 6_000
FIRST_MEMBER = 100_001
FIRST_ORDER = 2_026_040_000
KEPT_SINCE = date(2026, 7, 1)  # oldest delivery
HERE = Path(__file__).parent

Act = tuple[datetime, Callable[[], object]]


def at(day: date, hour: int, minute: int = 0, second: float = 0.0) -> datetime:
    """A moment of a local day."""
    whole = int(second)
    return datetime.combine(day, time(hour, minute, whole, int((second - whole) * 1e6)), SEOUL)


def is_working_day(day: date) -> bool:
    """Monday to Friday, and no public holiday."""
    return day.weekday() < 5 and day not in HOLIDAYS


def some_times(rng: random.Random, day: date, start: int, end: float, count: int) -> list[datetime]:
    """``count`` moments of a day between two hours, in order."""
    return sorted(at(day, start) + timedelta(seconds=rng.uniform(0, (end - start) * 3600 - 1)) for _ in range(count))


@dataclass
class Company:
    """Everything the actors know about the data: it grows as they work."""

    seed: int
    members: list[Member] = field(default_factory=list)
    products: list[tuple[str, str, str, str, int, str]] = field(default_factory=list)
    last_order: int = FIRST_ORDER
    parcels: dict[date, range] = field(default_factory=dict)  # delivery numbers of a day

    def rng(self, *who: object) -> random.Random:
        """A generator of its own for everybody and every day, so that one actor's change leaves the others as they were."""
        return random.Random(":".join(map(str, (self.seed, *who))))  # noqa: S311 — made-up data, made again from the same seed

    # --- before the recording --------------------------------------------------------------------------------

    def fill(self, world: World) -> None:
        """Create the database and its six months of history."""
        with world.admin("postgres") as admin:
            create = sql.SQL("create database {} template template0 encoding 'UTF8' locale 'C'")
            admin.execute(create.format(sql.Identifier(DBNAME)))
        rng = self.rng("history")
        self.members = make_members(rng, MEMBERS, FIRST_MEMBER, FIRST_DAY)
        self.products = make_products(rng, PRODUCTS)
        tables: dict[str, list[tuple[object, ...]]] = {
            "mbr": [member_row(m, at(m.joined, 9, m.no % 60)) for m in self.members],
            "prd": [*self.products],
            "prd_img": [(p[0], s, f"/img/{p[0]}_{s}.jpg", "Y") for p in self.products for s in (1, 2)],
            "stk": [(p[0], f"W{rng.randrange(1, 4)}", rng.randrange(0, 900)) for p in self.products],
            "mkt_agree": [(m.no, "Y" if rng.random() < 0.38 else "N", rng.choice("YN"), m.joined) for m in self.members],
            "ord": [], "pay": [], "dlv": [], "cs_log": [],
        }  # fmt: skip
        begin = FIRST_DAY - timedelta(days=183)
        for index in range(ORDERS):
            when = at(begin, 7) + timedelta(seconds=index * 183 * 86400 / ORDERS)
            member = rng.choice(self.members)
            order, payment = self._order(rng, member, when, "DONE")
            tables["ord"].append(order)
            tables["pay"].append((*payment, "Y"))
            if when < at(KEPT_SINCE, 0):
                continue  # deliveries are deleted after three months
            receiver = rng.choice(self.members) if rng.random() < 0.1 else member
            number = order[0]
            tables["dlv"].append(
                (number, number, member.no, receiver.name, receiver.tel, receiver.zip_code,
                 f"{receiver.address} {receiver.detail}", rng.choice(NOTES) or None, invoice(number), "DONE",
                 min(when.date() + timedelta(days=1), FIRST_DAY - timedelta(days=1)))
            )  # fmt: skip
        for index in range(CALLS):
            when = at(begin, 9) + timedelta(seconds=index * 182 * 86400 / CALLS)
            member = rng.choice(self.members)
            tables["cs_log"].append((member.no, f"cs_0{rng.randrange(1, 10)}", when, call_note(rng, member)))
        with world.admin() as admin:
            admin.execute("create extension pgaudit")
            admin.execute((HERE / "schema.sql").read_text(encoding="utf-8"))
            for name, rows in tables.items():
                columns = " (mbr_no, agent_id, cs_dt, cs_txt)" if name == "cs_log" else ""
                with admin.cursor().copy(f"copy {name}{columns} from stdin") as copy:
                    for row in rows:
                        copy.write_row(row)
            admin.execute("vacuum analyze")

    def _order(
        self, rng: random.Random, member: Member, when: datetime, state: str
    ) -> tuple[tuple[int, int, str, int, int, datetime, str], tuple[int, int, int, str, str, str, int, datetime]]:
        self.last_order += 1
        number = self.last_order
        product = rng.choice(self.products)
        amount = product[4] * (count := rng.choice((1, 1, 1, 2, 3)))
        card = f"{rng.choice(('9410', '9445', '5310', '3560'))}-****-****-{rng.randrange(10_000):04d}"
        issuer, approval = rng.choice(("가나카드", "다라카드", "마바카드")), f"{rng.randrange(10**8):08d}"
        payment = (number, number, member.no, card, issuer, approval, amount, when)
        return (number, member.no, product[0], count, amount, when, state), payment

    # --- every day -------------------------------------------------------------------------------------------

    def day(self, world: World, day: date) -> Iterator[Act]:
        """Acts of the company's own accounts: web shop, nightly batch, database administrator."""
        yield from self._batch(world, day)
        yield from self._shop(world, day)
        if is_working_day(day):
            yield from self._administrator(world, day)

    def _batch(self, world: World, day: date) -> Iterator[Act]:
        rng = self.rng("batch", day)
        where = ("svc_batch", "127.0.1.21", "nightly-batch")
        # the orders of television and telephone arrive in one file a night; more at the end of the month
        count = rng.randrange(240, 300) + (260 if day >= date(2026, 10, 30) else 0)
        if day.weekday() == 6 or day in HOLIDAYS:
            count = 0  # nobody delivers; the orders come with the next working night

        def load() -> None:
            session = world.session(*where)
            evening = at(day - timedelta(days=1), 19)
            if count:
                rows = [
                    self._order(rng, rng.choice(self.members), evening + timedelta(seconds=20 * i), "PAID") for i in range(count)
                ]
                with session.cursor().copy("COPY ord (ord_no, mbr_no, prd_cd, qty, amt, ord_dt, stat_cd) FROM STDIN") as copy:
                    for order, _ in rows:
                        copy.write_row(order)
                with session.cursor().copy(
                    "COPY pay (pay_no, ord_no, mbr_no, card_no_mask, card_co, appr_no, amt, pay_dt) FROM STDIN"
                ) as copy:
                    for _, payment in rows:
                        copy.write_row(payment)
                session.execute(
                    "INSERT INTO dlv (dlv_no, ord_no, mbr_no, rcv_nm, rcv_tel, rcv_zip, rcv_addr, stat_cd, dlv_dt) "
                    "SELECT o.ord_no, o.ord_no, m.mbr_no, m.mbr_nm, m.hp_no, m.zip_cd, m.addr1 || ' ' || m.addr2, 'READY', %s "
                    "FROM ord o JOIN mbr m ON m.mbr_no = o.mbr_no WHERE o.stat_cd = 'PAID'",
                    (day,),
                )
                session.execute("UPDATE ord SET stat_cd = 'SENT' WHERE stat_cd = 'PAID'")
                first = max((p.stop for p in self.parcels.values()), default=FIRST_ORDER + ORDERS + 1)
                self.parcels[day] = range(first, self.last_order + 1)

        def totals() -> None:
            session = world.session(*where)
            session.execute(
                "INSERT INTO sales_day SELECT %s, p.ctg_cd, count(*), sum(o.amt) FROM ord o JOIN prd p ON p.prd_cd = o.prd_cd "
                "WHERE o.ord_dt >= %s AND o.ord_dt < %s GROUP BY p.ctg_cd",
                (day - timedelta(days=1), at(day - timedelta(days=1), 0), at(day, 0)),
            )
            if day.weekday() == 0:  # coupons of the week; the account owns the table, so every row shows its foreign-key check
                grade = ("VIP", "GOLD", "SILVER", "NEW")[day.day // 7 % 4]
                session.execute(
                    "INSERT INTO cpn SELECT m.mbr_no * 100 + %s, m.mbr_no, 'WEEK' || %s, %s, NULL FROM mbr m "
                    "WHERE m.grade_cd = %s ORDER BY m.join_dt DESC LIMIT 150",
                    (day.day, day.day, day, grade),
                )
            world.leave("svc_batch")

        yield at(day, 4, 30, rng.uniform(0, 20)), load
        yield at(day, 4, 50, rng.uniform(0, 20)), totals

    def _shop(self, world: World, day: date) -> Iterator[Act]:
        rng = self.rng("shop", day)
        servers = [("shop_app", f"127.0.1.{n}", "shop-web") for n in (11, 12, 13)]
        if day > FIRST_DAY:
            yield at(day, 3, 55), lambda: world.leave("shop_app")  # the pools start anew every night

        def visit() -> None:
            session = world.session(*rng.choice(servers))
            member = rng.choice(self.members)
            session.execute("SELECT mbr_no, mbr_nm, grade_cd FROM mbr WHERE lgn_id = %s", (member.login,))
            if rng.random() < 0.4:
                session.execute(
                    "SELECT o.ord_no, o.ord_dt, p.prd_nm, o.amt, o.stat_cd FROM ord o JOIN prd p ON p.prd_cd = o.prd_cd "
                    "WHERE o.mbr_no = %s ORDER BY o.ord_dt DESC LIMIT 20",
                    (member.no,),
                )

        def browse() -> None:
            session = world.session(*rng.choice(servers))
            product = rng.choice(self.products)
            session.execute("SELECT prd_cd, prd_nm, brand_nm, price, desc_txt FROM prd WHERE prd_cd = %s", (product[0],))

        def buy() -> None:
            session = world.session(*rng.choice(servers))
            member = rng.choice(self.members)
            order, payment = self._order(rng, member, world.clock.now.replace(microsecond=0), "PAID")
            with session.transaction():
                session.execute("SELECT hp_no, zip_cd, addr1, addr2 FROM mbr WHERE mbr_no = %s", (member.no,))
                session.execute("INSERT INTO ord VALUES (%s, %s, %s, %s, %s, %s, %s)", order)
                session.execute("INSERT INTO pay VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", payment)
                session.execute("UPDATE stk SET qty = qty - %s WHERE prd_cd = %s", (order[3], order[2]))

        def join() -> None:
            session = world.session(*rng.choice(servers))
            moment = world.clock.now.replace(microsecond=0)
            member = make_member(rng, self.members[-1].no + 1, moment.date())
            row = member_row(member, moment)
            with session.transaction():
                session.execute("INSERT INTO mbr VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", row)
                agreed = (member.no, rng.choice("YNN"), rng.choice("YN"), moment.date())
                session.execute("INSERT INTO mkt_agree VALUES (%s, %s, %s, %s)", agreed)
            self.members.append(member)

        weekend = 1.25 if day.weekday() >= 5 or day in HOLIDAYS else 1.0
        peak = 1.6 if day >= date(2026, 10, 30) else 1.0
        for act, count in ((visit, 300), (browse, 330), (buy, 50), (join, 12)):
            for moment in some_times(rng, day, 6, 24, int(count * weekend * peak)):
                yield moment, act

    def _administrator(self, world: World, day: date) -> Iterator[Act]:
        rng = self.rng("dba", day)
        address = "127.0.1.31"
        yield (
            at(day, 9, rng.randrange(20, 50)),
            lambda: world.psql(
                "dba_choi",
                address,
                "select count(*) from ord;\nselect count(*) from mbr;\nselect stat_cd, count(*) from dlv group by stat_cd;\n",
            ),
        )
        if day == date(2026, 10, 14):
            yield at(day, 16, 12), lambda: world.psql("dba_choi", address, SYNC_FUNCTION)
        if day.weekday() == 4:
            care = "vacuum analyze ord;\nvacuum analyze dlv;\nanalyze pay;\n"
            yield at(day, 17, 5), lambda: world.psql("dba_choi", address, care)


# Written for moving points to another partner, with the rights of its owner, and never taken back from PUBLIC.
SYNC_FUNCTION = """set role shop_owner;
create function fn_mbr_sync() returns table (mbr_no bigint, mbr_nm varchar, hp_no varchar, eml varchar, birth_dt date)
language sql stable security definer set search_path = public
as $$ select m.mbr_no, m.mbr_nm, m.hp_no, m.eml, m.birth_dt from mbr m $$;
"""


def invoice(number: int) -> str:
    """The delivery company's number on a parcel."""
    return f"KD{number * 7919 % 10**10:010d}"


def member_row(member: Member, joined: datetime) -> tuple[object, ...]:
    """A row of ``mbr``."""
    return (
        member.no, member.login, member.name, member.tel, member.email, member.birth, member.gender, member.zip_code,
        member.address, member.detail, member.grade, joined.replace(tzinfo=None),
    )  # fmt: skip
