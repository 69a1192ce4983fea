"""Vendors: what was agreed, and what their accounts did in the last 30 days."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import func, select

from api import eventquery
from api.deps import Context, Shared, requires
from api.errors import RESPONSES, Problem
from api.paging import Filters, cut, once
from api.schemas import AccountSeen, AgreedExport, Bounds, ContractTerms, HoursWindow, Page, SeenPeople, Vendor, moment
from scanner.config import DAYS, Config, Contract, Hours
from scanner.engine import Engine
from scanner.findings import PERSONS_SCHEMA
from scanner.model import Level
from scanner.people import seen_of_late
from scanner.pipeline import load_schema
from scanner.store import tables as t
from scanner.store.state import newest_event, reading

router = APIRouter(tags=["vendors"], dependencies=[Depends(requires("read:vendors")), Depends(once())], responses=RESPONSES)

WINDOW = timedelta(days=30)
OPEN = ("new", "in_progress")

_ACCOUNTS = """
select vendor, database, account, count(*) as events, max(time) as last_event,
    coalesce(max(exposed_persons_low), 0) as low
from events where time > ? and time <= ? and vendor is not null group by all order by all
"""

# The same way of counting as a finding's: people per personal table, never more than it holds.
_PERSONS = """
with like_ones as (
    select vendor, database, pii_columns, sum(exposed_persons) as best, sum(exposed_persons_high) as high
    from events where time > ? and time <= ? and vendor is not null and exposed_persons_high > 0 group by all
), e as (
    select vendor, database, best, high,
        unnest(list_distinct(list_transform(pii_columns, lambda c: regexp_replace(c, '\\.[^.]*$', '')))) as "table"
    from like_ones
)
select vendor, database, "table", coalesce(least(sum(best), first(p.persons)), sum(best))::bigint as best,
    coalesce(least(sum(high), first(p.persons)), sum(high))::bigint as high
from e left join table_persons p using (database, "table") group by all
"""


class VendorFilters(Filters):
    """Which vendors: all, page by page."""


@router.get("/vendors", response_model=Page[Vendor])
def vendors(request: Request, response: Response, shared: Shared, filters: Annotated[VendorFilters, Query()]) -> Any:
    """Vendors of the configuration, by key."""
    after = filters.after(str)
    rest = [key for key in sorted(shared.config.vendors) if after is None or key > after[0]]
    keys, last = cut(rest, filters.limit)
    return {
        "items": _described(shared, keys),
        "total": len(shared.config.vendors),
        "next": filters.link(request, response, (last,) if last else None),
    }


@router.get("/vendors/{vendor}", response_model=Vendor, responses={404: {**RESPONSES[401], "description": "No such vendor"}})
def vendor(shared: Shared, vendor: Annotated[str, Path(max_length=64, description="Key in the configuration.")]) -> Any:
    """One vendor: what was agreed, and what its accounts did lately."""
    if vendor not in shared.config.vendors:
        raise Problem(404, "there is no vendor with this key")
    return _described(shared, [vendor])[0]


@router.get(
    "/vendors/{vendor}/seen",
    response_model=list[SeenPeople],
    responses={404: {**RESPONSES[401], "description": "No such vendor"}},
)
def vendor_seen(shared: Shared, vendor: Annotated[str, Path(max_length=64, description="Key in the configuration.")]) -> Any:
    """What part of all customers a vendor has seen in 7, 30 and 90 days: each person once, whichever account read them."""
    if vendor not in shared.config.vendors:
        raise Problem(404, "there is no vendor with this key")
    newest = newest_event(shared.workspace.state)
    if newest is None:
        return []

    def querying(since: datetime, until: datetime) -> AbstractContextManager[Engine]:
        return eventquery.querying(shared, shared.workspace.events.files(since, until))

    return [row for row in seen_of_late(querying, newest) if row["vendor"] == vendor]


def _described(shared: Context, keys: list[str]) -> list[Vendor]:
    window = _window(shared)
    accounts, persons = _figures(shared, window) if window and keys else ([], [])
    open_findings = _open_findings(shared)
    return [
        _vendor(
            shared.config,
            key,
            window,
            [row for row in accounts if row["vendor"] == key],
            [row for row in persons if row["vendor"] == key],
            open_findings.get(key, {}),
        )
        for key in keys
    ]


def _window(shared: Context) -> tuple[datetime, datetime] | None:
    """The 30 days up to the newest event, so that a store that was filled long ago still says something."""
    end = newest_event(shared.workspace.state)
    return None if end is None else (end - WINDOW, end)


def _figures(shared: Context, window: tuple[datetime, datetime]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    files = shared.workspace.events.files(window[0], window[1] + timedelta(microseconds=1))
    with eventquery.querying(shared, files) as engine:
        engine.register("table_persons", _table_persons(shared))
        return eventquery.rows(engine, _ACCOUNTS, window), eventquery.rows(engine, _PERSONS, window)


def _table_persons(shared: Context) -> pa.Table:
    found = []
    for name in shared.config.databases:
        schema = load_schema(shared.workspace, name)
        for ref, table in (schema.tables if schema else {}).items():
            persons = table.persons if table.persons is not None else table.rows
            if table.has_pii and persons:
                found.append({"database": name, "table": str(ref), "persons": persons})
    return pa.Table.from_pylist(found, schema=PERSONS_SCHEMA)


def _open_findings(shared: Context) -> dict[str, dict[Level, int]]:
    f = t.finding.c
    statement = (
        select(f.vendor, f.level, func.count()).where(f.status.in_(OPEN), f.vendor.is_not(None)).group_by(f.vendor, f.level)
    )
    found: dict[str, dict[Level, int]] = {}
    with reading(shared.workspace.state) as connection:
        for key, level, count in connection.execute(statement):
            found.setdefault(key, {})[Level(level)] = count
    return found


def _vendor(
    config: Config,
    key: str,
    window: tuple[datetime, datetime] | None,
    accounts: list[dict[str, Any]],
    persons: list[dict[str, Any]],
    open_findings: dict[Level, int],
) -> Vendor:
    entry = config.vendors[key]
    parent = config.vendors[entry.part_of] if entry.part_of else entry
    local = datetime.now(config.zone(key))
    contract = entry.contract_on(local.date()) or parent.contract_on(local.date())
    best = max((row["best"] for row in persons), default=0)
    high = sum(row["high"] for row in persons)
    low = max((row["low"] for row in accounts), default=0)
    return Vendor(
        vendor=key,
        name=entry.name or key,
        contact=entry.contact,
        time_zone=str(config.zone(key)),
        accounts=list(entry.accounts),
        addresses=list(entry.addresses) if entry.addresses is not None else None,
        contract=_terms(contract, local) if contract else None,
        open_findings={level: open_findings.get(level, 0) for level in Level},
        window_from=moment(window[0]) if window else None,
        window_to=moment(window[1]) if window else None,
        events=sum(row["events"] for row in accounts),
        exposed_persons=Bounds(low=min(low, best), best=best, high=max(best, high)),
        accounts_seen=[
            AccountSeen(database=row["database"], account=row["account"] or "", last_event=row["last_event"]) for row in accounts
        ],
    )


def _terms(contract: Contract, local: datetime) -> ContractTerms:
    today = local.date()
    state = "active"
    if contract.until is not None and today > contract.until:
        state = "expired"
    elif contract.from_ is not None and today < contract.from_:
        state = "not_yet"
    return ContractTerms(
        version=contract.version,
        state=state,
        **{"from": contract.from_},
        until=contract.until,
        purpose=contract.purpose,
        tables=list(contract.tables) if contract.tables is not None else None,
        columns=list(contract.columns) if contract.columns is not None else None,
        hours=_hours(contract.hours),
        max_persons_per_day=contract.max_persons_per_day,
        exports=[
            AgreedExport(columns=list(e.columns), max_rows_per_day=e.max_rows_per_day, hours=_hours(e.hours))
            for e in contract.exports
        ],
    )


def _hours(hours: str | Hours) -> str | HoursWindow:
    if isinstance(hours, str):
        return hours
    edges = {name: f"{minutes // 60:02d}:{minutes % 60:02d}" for name, minutes in (("from", hours.from_), ("to", hours.to))}
    return HoursWindow(days=[DAYS[day] for day in sorted(set(hours.days))], holidays=list(hours.holidays), **edges)
