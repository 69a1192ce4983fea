"""The recorder's plan, looked at without a server: made again it is the same, and the honest vendors keep to their hours."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import holidays
import pytest

from scanner.config import Hours, load_config
from scripts.demo import vendors
from scripts.demo.company import FIRST_DAY, FIRST_MEMBER, HOLIDAYS, Company, at
from scripts.demo.copyout import write_logs
from scripts.demo.leaks import DRIP_DAYS, SLICE, SLICES, Leaks
from scripts.demo.people import make_members, make_products
from scripts.demo.world import World

CONFIGURATION = Path(str(files("scanner.demo") / "data" / "vendorwatch.yml"))
OCTOBER = [FIRST_DAY + timedelta(days=n) for n in range(31)]
PLANS = {
    "call_center": vendors.call_centre,
    "delivery": vendors.delivery,
    "it_ops": vendors.operations,
    "marketing": vendors.marketing,
    "settlement": vendors.settlement,
    "analytics": vendors.analytics,
    "photo_studio": vendors.photo_studio,
}
Plan = Callable[[World, Company, date], Iterator[tuple[datetime, Any]]]


@pytest.fixture(scope="module")
def company() -> Company:
    company = Company(seed=1)
    company.members = make_members(company.rng("members"), 500, FIRST_MEMBER, FIRST_DAY)
    company.products = make_products(company.rng("products"), 50)
    return company


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world never entered: planning needs no server, only carrying out does."""
    return World(tmp_path)


def test_the_same_seed_makes_the_same_people() -> None:
    first, second, other = (make_members(Company(seed).rng("x"), 300, FIRST_MEMBER, FIRST_DAY) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_people_differ_where_a_key_must() -> None:
    members = make_members(Company(3).rng("x"), 21_000, FIRST_MEMBER, FIRST_DAY)
    for values in ([m.no for m in members], [m.tel for m in members], [m.login for m in members]):
        assert len(set(values)) == len(members)
    assert [m.joined for m in members] == sorted(m.joined for m in members)
    assert 0.04 < sum(m.name.isascii() for m in members) / len(members) < 0.1


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_made_again_is_the_same(plan: Plan, company: Company, world: World) -> None:
    again = Company(seed=1, members=company.members, products=company.products)
    for day in OCTOBER[::6]:
        assert [when for when, _ in plan(world, company, day)] == [when for when, _ in plan(world, again, day)]


@pytest.mark.parametrize("name", PLANS)
def test_honest_work_keeps_to_the_hours_agreed(name: str, company: Company, world: World) -> None:
    config = load_config(CONFIGURATION)
    contract = config.vendors[name].contract
    assert contract is not None
    assert contract.from_ is not None
    assert contract.until is not None
    choice = contract.hours
    hours = config.business_hours if choice == "business" else Hours() if choice == "any" else cast("Hours", choice)
    closed = HOLIDAYS if hours.holidays else frozenset()
    acts = [when for day in OCTOBER for when, _ in PLANS[name](world, company, day)]
    assert acts
    for when in acts:
        assert contract.from_ <= when.date() <= contract.until
        assert when.weekday() in hours.days, when
        assert when.date() not in closed, when
        assert hours.from_ <= when.hour * 60 + when.minute < hours.to, when


def test_the_days_off_are_those_of_the_calendar() -> None:
    assert {day for day in holidays.country_holidays("KR", years=2026) if day.month == 10} == HOLIDAYS


def test_the_leaks_plan(company: Company, world: World) -> None:
    leaks = Leaks()
    acts = {day: list(leaks.day(world, company, day)) for day in OCTOBER}
    assert {day for day, planned in acts.items() if len(planned) == SLICES} == set(DRIP_DAYS) - {
        date(2026, 10, 21),
        date(2026, 10, 22),
    }
    assert len(DRIP_DAYS) == 14
    config = load_config(CONFIGURATION)
    budget = config.vendors["call_center"].contract.max_persons_per_day  # type: ignore[union-attr]
    assert budget / 2 > SLICES * SLICE
    assert at(date(2026, 10, 21), 2, 3, 11.4) in {when for when, _ in acts[date(2026, 10, 21)]}


@pytest.mark.parametrize(
    "record", [["2026-11-01 00:00:00.000 KST", *[""] * 25], ["2026-10-01 00:00:00.000 KST", *[""] * 24]], ids=["month", "columns"]
)
def test_a_log_that_must_not_ship_is_refused(record: list[str], tmp_path: Path) -> None:
    log = tmp_path / "audit-2026-10-29.csv"
    with log.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(record)
    with pytest.raises(RuntimeError, match="outside the month"):
        write_logs([log], tmp_path)
    assert not list(tmp_path.glob("*.xz"))
