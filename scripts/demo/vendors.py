"""Seven outside companies at ordinary work. Each has its accounts, addresses, tools and hours, and keeps to its contract.

What is agreed with them stands in ``scanner/demo/data/vendorwatch.yml``; a change here may need one there.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

import psycopg

from scripts.demo.company import HOLIDAYS, Act, Company, at, invoice, is_working_day, some_times
from scripts.demo.people import call_note
from scripts.demo.world import World

AGENTS = tuple(f"cs_0{n}" for n in range(1, 10))
LEAD = "cs_07"  # takes few calls
DRIP_ACCOUNT, DRIP_ADDRESS = LEAD, "127.0.10.17"


def call_centre(world: World, company: Company, day: date) -> Iterator[Act]:
    """Looks customers up one by one, by telephone or number, seven days a week in two shifts."""
    quiet = day.weekday() >= 5 or day in HOLIDAYS
    for index, agent in enumerate(AGENTS):
        rng = company.rng(agent, day)
        if quiet and (index + day.day) % 2 and agent != LEAD:
            continue
        start, end = ((9, 17), (13, 21))[index % 2] if agent != LEAD else (9, 18)
        address = f"127.0.10.{11 + index}"
        if day == date(2026, 10, 9) and agent == "cs_03":
            address = "127.0.10.90"  # the holiday shift sits at another desk
        tool = "CRM-Agent 5.3" if day >= date(2026, 10, 20) and agent in ("cs_01", "cs_02") else "CRM-Agent 5.2"
        place = (agent, address, tool)

        def call(place: tuple[str, str, str], rng: random.Random) -> None:
            session = world.session(*place)
            member = rng.choice(company.members)
            how = rng.random()
            if how < 0.7:
                session.execute("SELECT mbr_no, mbr_nm, hp_no, grade_cd FROM mbr WHERE hp_no = %s", (member.tel,))
            elif how < 0.9:
                session.execute(
                    "SELECT mbr_no, mbr_nm, hp_no, eml, addr1, addr2, grade_cd FROM mbr WHERE mbr_no = %s", (member.no,)
                )
            else:
                session.execute(
                    "SELECT mbr_no, mbr_nm, hp_no, birth_dt FROM mbr WHERE mbr_nm = %s AND birth_dt = %s",
                    (member.name, member.birth),
                )
            if rng.random() < 0.6:
                session.execute(
                    "SELECT o.ord_no, o.ord_dt, p.prd_nm, o.amt, o.stat_cd FROM ord o JOIN prd p ON p.prd_cd = o.prd_cd "
                    "WHERE o.mbr_no = %s ORDER BY o.ord_dt DESC LIMIT 10",
                    (member.no,),
                )
            if rng.random() < 0.4:
                session.execute(
                    "SELECT dlv_no, rcv_nm, rcv_tel, rcv_addr, stat_cd, invc_no FROM dlv "
                    "WHERE mbr_no = %s ORDER BY dlv_dt DESC LIMIT 3",
                    (member.no,),
                )
            if rng.random() < 0.25:
                session.execute("SELECT cs_dt, cs_txt FROM cs_log WHERE mbr_no = %s ORDER BY cs_dt DESC LIMIT 5", (member.no,))
            session.execute(
                "INSERT INTO cs_log (mbr_no, agent_id, cs_dt, cs_txt) VALUES (%s, %s, %s, %s)",
                (member.no, place[0], world.clock.now.replace(tzinfo=None, microsecond=0), call_note(rng, member)),
            )

        for moment in some_times(rng, day, start, end, rng.randrange(4, 8) if agent == LEAD else rng.randrange(32, 46)):
            yield moment, partial(call, place, rng)
        yield at(day, end, 2, rng.uniform(0, 50)), partial(world.leave, agent)


def delivery(world: World, company: Company, day: date) -> Iterator[Act]:
    """Fetches the day's parcels in the morning and reports how they fare. Never on Sundays and holidays."""
    if day.weekday() == 6 or day in HOLIDAYS:
        return
    rng = company.rng("delivery", day)
    batch = ("dlv_batch", "127.0.20.11", "parcel-batch/3.1")
    drivers = ("dlv_app", "127.0.20.12", "parcel-app/8.0")

    def fetch() -> None:
        session = world.session(*batch)
        session.execute(
            "SELECT dlv_no, ord_no, rcv_nm, rcv_tel, rcv_zip, rcv_addr, dlv_memo FROM v_dlv_today "
            "WHERE dlv_dt = %s ORDER BY rcv_zip",
            (day,),
        ).fetchall()
        session.execute(
            "UPDATE dlv SET stat_cd = 'MOVING', invc_no = 'KD' || lpad((dlv_no * 7919 %% 10000000000)::text, 10, '0') "
            "WHERE dlv_dt = %s AND stat_cd = 'READY'",
            (day,),
        )
        world.leave("dlv_batch")

    def delivered() -> None:
        parcel = rng.choice(company.parcels[day])
        world.session(*drivers).execute("UPDATE dlv SET stat_cd = 'DONE' WHERE dlv_no = %s", (parcel,))

    def look_up() -> None:
        parcel = rng.choice(company.parcels[day])
        question = "SELECT rcv_nm, rcv_tel, rcv_addr, dlv_memo FROM dlv WHERE invc_no = %s"
        world.session(*drivers).execute(question, (invoice(parcel),))

    def close() -> None:
        session = world.session(*drivers)
        session.execute("UPDATE dlv SET stat_cd = 'DONE' WHERE dlv_dt = %s AND stat_cd = 'MOVING'", (day,))
        session.execute("SELECT stat_cd, count(*) FROM dlv WHERE dlv_dt = %s GROUP BY stat_cd", (day,))
        world.leave("dlv_app")

    yield at(day, 6, 40, rng.uniform(0, 50)), fetch
    for act, count in ((delivered, 70), (look_up, 14)):
        for moment in some_times(rng, day, 9, 20, count):
            yield moment, act
    yield at(day, 20, 30, rng.uniform(0, 50)), close


def operations(world: World, company: Company, day: date) -> Iterator[Act]:
    """Keeps the database running: health checks round the clock, nightly jobs, changes on working days."""
    rng = company.rng("operations", day)
    monitor = ("ops_mon", "127.0.30.5", "check_postgres")

    def check(hourly: bool) -> None:
        session = world.session(*monitor)
        session.execute("SELECT 1")
        if hourly:
            session.execute("SELECT count(*) FROM mbr")

    for hour in range(24):
        for minute in (0, 20, 40):
            yield at(day, hour, minute, 7.5), partial(check, minute == 0 and hour % 6 == 0)
    yield at(day, 23, 50), lambda: world.leave("ops_mon")

    jobs = "127.0.30.12"
    nightly = "select count(*) from ord;\nselect count(*) from dlv;\n"
    yield at(day, 3, 10, rng.uniform(0, 30)), lambda: world.psql("ops_lee", jobs, nightly)
    if day.weekday() in (2, 6):  # the catalogue of goods goes to the test system
        command = ["pg_dump", "--no-owner", "-t", "prd", "-t", "prd_img", "-t", "stk"]
        yield at(day, 1, 30, rng.uniform(0, 30)), partial(world.program, command, account="ops_lee", address=jobs)
    if not is_working_day(day):
        return
    tool = "DBeaver 26.2.1 - SQLEditor" if day >= date(2026, 10, 19) else "DBeaver 26.1.0 - SQLEditor"
    explain = "EXPLAIN SELECT m.mbr_nm, o.ord_no FROM mbr m JOIN ord o ON o.mbr_no = m.mbr_no WHERE o.ord_dt > %s"
    questions: list[tuple[str, tuple[object, ...]]] = [
        ("SELECT count(*) FROM mbr", ()),
        ("SELECT stat_cd, count(*) FROM ord WHERE ord_dt >= %s GROUP BY stat_cd", (at(day, 0),)),
        ("SELECT max(ord_dt), count(*) FROM ord", ()),
        ("SELECT count(*) FROM dlv WHERE dlv_dt = %s", (day,)),
        (explain.replace("%s", f"'{day}'"), ()),
    ]

    def ask(who: tuple[str, str, str]) -> None:
        text, values = rng.choice(questions)
        world.session(*who).execute(text, values or None)

    def ticket() -> None:
        number = rng.choice(company.parcels[max(company.parcels)])
        world.session("ops_park", "127.0.30.13", tool).execute(
            "SELECT o.ord_no, o.stat_cd, o.ord_dt, p.appr_no, p.amt FROM ord o JOIN pay p ON p.ord_no = o.ord_no "
            "WHERE o.ord_no = %s",
            (number,),
        )

    for who in ("ops_kim", "ops_park"):
        place = (who, "127.0.30.11" if who == "ops_kim" else "127.0.30.13", tool)
        for moment in some_times(rng, day, 9, 18, rng.randrange(6, 12)):
            yield moment, partial(ask, place)
        yield at(day, 18, 10, rng.uniform(0, 50)), partial(world.leave, who)
    for moment in some_times(rng, day, 10, 17, 3):
        yield moment, ticket
    changes = {
        date(2026, 10, 6): "set role shop_owner;\ncreate index ord_dt_ix on ord (ord_dt);\n",
        date(2026, 10, 13): "set role shop_owner;\nalter table prd add column bcast_yn char(1) default 'N';\n",
        date(2026, 10, 20): "set role shop_owner;\nreindex table ord;\nvacuum analyze prd;\n",
        date(2026, 10, 27): "set role shop_owner;\ncreate index cs_mbr_ix on cs_log (mbr_no);\nanalyze cs_log;\n",
    }
    if day in changes:
        yield at(day, 17, 20), lambda: world.psql("ops_kim", "127.0.30.11", changes[day])


def marketing(world: World, company: Company, day: date) -> Iterator[Act]:
    """Fetches the addresses of those who agreed to advertising, every working afternoon, as its contract allows."""
    if not is_working_day(day):
        return
    rng = company.rng("marketing", day)
    place = ("mkt_mail", "127.0.40.21", "mail-studio 2.4")

    def export() -> None:
        session = world.session(*place)
        session.execute("SELECT count(*) FROM v_mkt_target")
        if day.weekday() == 1:  # Tuesdays go to the better customers only
            session.execute("SELECT mbr_nm, eml FROM v_mkt_target WHERE grade_cd IN ('GOLD', 'VIP')").fetchall()
        else:
            with session.cursor().copy("COPY (SELECT mbr_nm, eml FROM v_mkt_target) TO STDOUT (FORMAT csv)") as copy:
                for _ in copy:
                    pass

    def count() -> None:
        world.session(*place).execute("SELECT eml_yn, count(*) FROM mkt_agree GROUP BY eml_yn")

    yield at(day, 14, rng.randrange(5, 55), rng.uniform(0, 50)), export
    for moment in some_times(rng, day, 15, 17, 2):
        yield moment, count
    yield at(day, 17, 30), lambda: world.leave("mkt_mail")


def settlement(world: World, company: Company, day: date) -> Iterator[Act]:
    """Settles card payments: totals every working day, the week's list on Mondays, the month's on the last working day."""
    if not is_working_day(day):
        return
    rng = company.rng("settlement", day)
    place = ("stl_batch", "127.0.50.31", "settle-batch 1.8")
    listing = "SELECT pay_no, ord_no, card_no_mask, card_co, appr_no, amt, pay_dt FROM pay WHERE pay_dt >= %s AND pay_dt < %s"

    def totals() -> None:
        session = world.session(*place)
        since = at(day - timedelta(days=1), 0)
        session.execute("SELECT card_co, count(*), sum(amt) FROM pay WHERE pay_dt >= %s GROUP BY card_co", (since,))
        session.execute("UPDATE pay SET stlm_yn = 'Y' WHERE pay_dt < %s AND stlm_yn = 'N'", (since,))
        session.execute("SELECT fn_dlv_cnt(%s)", (since.date(),))  # for the carriage; a number, though it may not read dlv
        world.leave("stl_batch")

    def week() -> None:
        world.session(*place).execute(listing, (at(day - timedelta(days=7), 0), at(day, 0))).fetchall()
        world.leave("stl_batch")

    def month() -> None:
        session = world.session(*place)
        with session.transaction(), session.cursor(name="stl_month") as cursor:
            cursor.itersize = 2000
            cursor.execute(listing, (at(date(2026, 10, 1), 0), at(day, 0)))
            for _ in cursor:
                pass
        world.leave("stl_batch")

    yield at(day, 10, rng.randrange(5, 25), rng.uniform(0, 50)), totals
    if day.weekday() == 0:
        yield at(day, 11, rng.randrange(5, 25)), week
    if day == date(2026, 10, 30):
        yield at(day, 15, 4), month


REPORTS = (
    "SELECT p.ctg_cd, count(*), sum(o.amt) FROM ord o JOIN prd p ON p.prd_cd = o.prd_cd GROUP BY p.ctg_cd ORDER BY 3 DESC",
    "SELECT date_trunc('day', o.ord_dt) AS d, count(*), avg(o.amt) FROM ord o GROUP BY 1 ORDER BY 1",
    "SELECT m.grade_cd, count(DISTINCT o.mbr_no), sum(o.amt) FROM ord o JOIN mbr m ON m.mbr_no = o.mbr_no GROUP BY m.grade_cd",
    "SELECT count(*) FROM mbr WHERE join_dt >= '2026-09-01'",
    "SELECT date_trunc('month', join_dt) AS joined, count(*) FROM mbr GROUP BY 1 ORDER BY 1",
    "SELECT prd_cd, prd_nm, cnt, amt FROM v_prd_sales ORDER BY amt DESC LIMIT 100",
    "SELECT p.card_co, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.amt) FROM pay p GROUP BY p.card_co",
    "SELECT sale_dt, sum(amt) FROM sales_day GROUP BY sale_dt ORDER BY sale_dt",
    "WITH firsts AS (SELECT mbr_no, min(ord_dt) AS first_dt FROM ord GROUP BY mbr_no) "
    "SELECT date_trunc('month', first_dt) AS m, count(*) FROM firsts GROUP BY 1",
)
HEAVY = (
    "SELECT a.prd_cd, b.prd_cd, count(*) FROM ord a JOIN ord b ON a.mbr_no <> b.mbr_no AND a.amt > b.amt "
    "GROUP BY a.prd_cd, b.prd_cd ORDER BY 3 DESC LIMIT 50"
)


def analytics(world: World, company: Company, day: date) -> Iterator[Act]:
    """Counts and sums, never people."""
    if not is_working_day(day):
        return
    rng = company.rng("analytics", day)

    def report(place: tuple[str, str, str]) -> None:
        world.session(*place).execute(rng.choice(REPORTS)).fetchall()

    for account, address, tool, count in (
        ("ana_bi", "127.0.60.41", "bi-studio 11", 9),
        ("ana_etl", "127.0.60.42", "etl-runner", 3),
    ):
        place = (account, address, tool)
        for moment in some_times(rng, day, 9, 17.9, count):
            yield moment, partial(report, place)
        yield at(day, 17, 59), partial(world.leave, account)

    def give_up() -> None:
        session = world.session("ana_bi", "127.0.60.41", "bi-studio 11")
        impatience = threading.Timer(0.4, session.cancel_safe)
        impatience.start()
        with contextlib.suppress(psycopg.errors.QueryCanceled):
            session.execute(HEAVY)
        impatience.join()

    if day in (date(2026, 10, 15), date(2026, 10, 28)):
        yield at(day, 16, 20), give_up


def photo_studio(world: World, company: Company, day: date) -> Iterator[Act]:
    """Takes and retouches pictures of the goods; knows products only."""
    if not is_working_day(day):
        return
    rng = company.rng("studio", day)
    editor = ("snap_edit", "127.0.70.51", "SnapDesk")
    service = ("snap_api", "127.0.70.52", "snap-sync")

    def edit() -> None:
        session = world.session(*editor)
        product = rng.choice(company.products)
        session.execute("SELECT prd_cd, prd_nm, ctg_cd, brand_nm, desc_txt FROM prd WHERE prd_cd = %s", (product[0],))
        session.execute("SELECT prd_cd, seq, img_path, retouch_yn FROM prd_img WHERE prd_cd = %s", (product[0],))
        if rng.random() < 0.6:
            session.execute("UPDATE prd_img SET retouch_yn = 'Y' WHERE prd_cd = %s", (product[0],))

    def poll() -> None:
        world.session(*service).execute("SELECT prd_cd, seq, img_path FROM prd_img WHERE retouch_yn = 'N' LIMIT 50")

    def whole_list() -> None:
        world.session(*editor).execute("SELECT * FROM prd ORDER BY prd_cd").fetchall()

    for moment in some_times(rng, day, 9, 17.9, 22):
        yield moment, edit
    for moment in some_times(rng, day, 9, 17.9, 10):
        yield moment, poll
    if day.weekday() == 3:  # the whole list of goods, many rows and nobody in them
        yield at(day, 16, 40), whole_list
    for account in ("snap_edit", "snap_api"):
        yield at(day, 17, 59), partial(world.leave, account)


VENDORS = (call_centre, delivery, operations, marketing, settlement, analytics, photo_studio)
