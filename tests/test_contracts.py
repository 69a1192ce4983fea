"""Contracts: boundaries one by one, and judge() against a slow reference that decides event by event."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import Config, Hours
from scanner.contracts import BREACHES, COLUMNS, EXPORT_ROWS_SCHEMA, judge
from scanner.model import EVENT_SCHEMA

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = SEOUL, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def event(time: datetime | None = None, account: str | None = "dlv_1", **fields: Any) -> dict[str, Any]:
    """A vendor's ordinary read on a Wednesday morning, unless said otherwise."""
    ordinary: dict[str, Any] = {
        "time": time or at("2026-03-04 10:00"),
        "account": account,
        "client_ip": "10.20.1.1",
        "activity": "read",
        "tables": ["ship.dlv"],
        "pii_columns": ["ship.dlv.rcv_tel"],
        "exposed_rows": 1,
        "exposed_persons": 1,
        "fk_check": False,
    }
    return ordinary | fields


def table(events: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{**dict.fromkeys(EVENT_SCHEMA.names), **one} for one in events], schema=EVENT_SCHEMA)


def config(contract: dict[str, Any] | None = None, **vendor: Any) -> Config:
    own = {"accounts": ["dlv_*"], **vendor} | ({"contract": contract} if contract is not None else {})
    return Config.model_validate(
        {
            "time_zone": "Asia/Seoul",
            "business_hours": {"holidays": "KR"},
            "databases": {"shop": {"url": "postgresql://r@h/d"}},
            "vendors": {"delivery": own},
        }
    )


def one(settings: Config, **fields: Any) -> dict[str, Any]:
    return judge(table([event(**fields)]), settings, "shop").events.select(COLUMNS).to_pylist()[0]


def breach(settings: Config, **fields: Any) -> list[str]:
    found: list[str] = one(settings, **fields)["contract_breach"]
    return found


class TestWho:
    @pytest.mark.parametrize(
        ("account", "vendor"),
        [
            ("dlv_1", "delivery"),
            ("dlv_call_1", "calls"),  # more fixed characters
            ("dlv_call_2", "audit"),  # a literal before any glob
            ("DLV_1", None),
            ("xdlv_1", None),
            ("x_ro", "audit"),
            ("dlv_ro", "delivery"),  # dlv_* has four fixed characters, *_ro three
            ("dlv_[", "delivery"),
            ("q1", "sets"),
            ("q9", None),
            (None, None),
            ("", None),
        ],
    )
    def test_the_most_specific_pattern(self, account: str | None, vendor: str | None) -> None:
        settings = Config.model_validate(
            {
                "vendors": {
                    "audit": {"accounts": ["*_ro", "dlv_call_2"]},
                    "calls": {"accounts": ["dlv_call_*"]},
                    "delivery": {"accounts": ["dlv_*"]},
                    "sets": {"accounts": ["q[12]"]},
                }
            }
        )
        assert one(settings, account=account)["vendor"] == vendor

    def test_the_company_itself(self) -> None:
        found = one(config({"until": "2020-01-01", "tables": []}, addresses=[]), account="app")
        assert found["vendor"] is None
        assert found["contract"] is None
        assert found["in_contract"] is None
        assert (found["contract_state"], found["contract_breach"], found["contract_share"]) == ("none", [], 0.0)
        assert found["agreed_export"] is False
        assert found["in_business_hours"] is True

    def test_a_vendor_without_a_contract(self) -> None:
        found = one(config(addresses=["10.0.0.0/16"]))
        assert (found["vendor"], found["contract"], found["contract_state"]) == ("delivery", None, "none")
        assert found["in_contract"] is False
        assert found["contract_breach"] == ["address"]

    def test_the_contract_version(self) -> None:
        settings = config({"tables": ["ship.dlv"]})
        assert one(settings)["contract"] == settings.vendors["delivery"].contract.version  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("time", "state"),
    [
        ("2025-12-31 23:59:59.999999", "not_yet"),
        ("2026-01-01 00:00", "active"),  # still the last day of December in UTC
        ("2026-06-30 23:59:59.999999", "active"),
        ("2026-07-01 00:00", "expired"),
    ],
)
def test_a_contract_holds_by_local_days(time: str, state: str) -> None:
    settings = config({"from": "2026-01-01", "until": "2026-06-30"})
    found = one(settings, time=at(time))
    assert found["contract_state"] == state
    assert found["contract_breach"] == ([] if state == "active" else [state])
    assert found["in_contract"] is (state == "active")


@pytest.mark.parametrize(
    ("fields", "judged"),
    [
        ({}, True),
        ({"activity": "write", "pii_columns": None, "exposed_persons": None}, True),
        ({"activity": "connect", "tables": [], "pii_columns": [], "exposed_persons": 0}, False),
        ({"activity": "read", "tables": None, "pii_columns": None, "exposed_persons": None}, False),
        ({"activity": "replication", "tables": [], "pii_columns": [], "exposed_persons": 9}, True),
        ({"activity": "ddl", "pii_columns": [], "exposed_persons": 0}, False),
        ({"fk_check": True}, False),
        ({"fk_check": None}, True),
        ({"status": "failure"}, True),
    ],
)
def test_only_what_touches_data_breaks_a_contract(fields: dict[str, Any], judged: bool) -> None:
    settings = config({"until": "2026-01-01", "hours": {"from": "20:00", "to": "21:00"}}, addresses=["192.0.2.0/24"])
    found = one(settings, **fields)
    assert found["contract_breach"] == (["hours", "address", "expired"] if judged else [])
    assert found["in_contract"] is False  # an expired contract covers nothing


class TestHours:
    @pytest.mark.parametrize(
        ("time", "inside"),
        [
            ("2026-03-04 08:59:59.999999", False),
            ("2026-03-04 09:00", True),
            ("2026-03-04 17:59:59.999999", True),
            ("2026-03-04 18:00", False),
            ("2026-03-04 00:00", False),
            ("2026-03-07 10:00", False),  # Saturday
            ("2026-02-16 10:00", False),  # the day before Seollal
            ("2026-02-17 10:00", False),  # Seollal
            ("2026-02-18 10:00", False),
            ("2026-02-19 10:00", True),
            ("2026-03-02 10:00", False),  # in place of 1 March, a Sunday
            ("2025-10-06 10:00", False),  # Chuseok
        ],
    )
    def test_business_hours_in_korea(self, time: str, inside: bool) -> None:
        settings = config({"hours": "business"})
        assert one(settings, time=at(time))["in_business_hours"] is inside
        assert breach(settings, time=at(time)) == ([] if inside else ["hours"])
        assert breach(config({"hours": "any"}), time=at(time)) == []

    @pytest.mark.parametrize(
        ("time", "inside"),
        [
            ("2026-03-09 21:59", False),
            ("2026-03-09 22:00", True),  # Monday
            ("2026-03-10 00:00", True),
            ("2026-03-10 05:59:59", True),
            ("2026-03-10 06:00", False),
            ("2026-03-10 22:00", False),  # Tuesday night is not agreed
            ("2026-03-09 03:00", False),  # nor is the night that began on Sunday
        ],
    )
    def test_overnight_belongs_to_the_day_it_begins(self, time: str, inside: bool) -> None:
        settings = config({"hours": {"days": "mon", "from": "22:00", "to": "06:00"}})
        assert breach(settings, time=at(time)) == ([] if inside else ["hours"])

    def test_a_night_that_begins_on_a_holiday(self) -> None:
        settings = config({"hours": {"from": "22:00", "to": "06:00", "holidays": ["KR", "2026-03-11"]}})
        assert breach(settings, time=at("2026-02-19 03:00")) == ["hours"]  # began on the 18th, a holiday
        assert breach(settings, time=at("2026-02-16 03:00")) == []  # began on the 15th, a Sunday, on which it may
        assert breach(settings, time=at("2026-03-11 23:00")) == ["hours"]
        assert breach(settings, time=at("2026-01-01 03:00")) == []  # began on 31 December
        assert breach(settings, time=at("2026-01-02 03:00")) == ["hours"]  # began on New Year's Day
        latvia = config({"hours": {"from": "22:00", "to": "06:00", "holidays": "LV"}})
        assert breach(latvia, time=at("2026-01-01 03:00")) == ["hours"]  # began on New Year's Eve, a holiday there

    def test_until_midnight(self) -> None:
        settings = config({"hours": {"from": "20:00", "to": "24:00"}})
        assert breach(settings, time=at("2026-03-04 23:59:59.999999")) == []
        assert breach(settings, time=at("2026-03-05 00:00")) == ["hours"]

    @pytest.mark.parametrize(
        ("time", "local"),
        [
            ("2026-03-29 00:59:59", ("2026-03-29", 1)),  # UTC; the clock goes from 02:00 to 03:00
            ("2026-03-29 01:00:00", ("2026-03-29", 3)),
            ("2026-10-25 00:59:59", ("2026-10-25", 2)),  # 02:59:59 for the first time
            ("2026-10-25 01:00:00", ("2026-10-25", 2)),  # 02:00 again
            ("2026-10-25 02:00:00", ("2026-10-25", 3)),
            ("2026-07-01 22:00:00", ("2026-07-02", 0)),
            ("2026-01-01 22:00:00", ("2026-01-01", 23)),
        ],
    )
    def test_summer_time(self, time: str, local: tuple[str, int]) -> None:
        found = one(config(time_zone="Europe/Berlin"), time=at(time, ZoneInfo("UTC")))
        assert (str(found["day_local"]), found["hour_local"]) == local

    def test_business_hours_follow_summer_time(self) -> None:
        settings = config({"hours": "business"}, time_zone="Europe/Berlin", business_hours={"holidays": "DE-BY"})
        assert breach(settings, time=at("2026-03-27 08:30", ZoneInfo("UTC"))) == []  # 09:30
        assert breach(settings, time=at("2026-03-30 07:30", ZoneInfo("UTC"))) == []  # 09:30
        assert breach(settings, time=at("2026-03-27 07:30", ZoneInfo("UTC"))) == ["hours"]  # 08:30
        assert breach(settings, time=at("2026-06-04 10:00", BERLIN)) == ["hours"]  # Corpus Christi, in Bavaria
        assert one(settings, time=at("2026-03-27 08:30", ZoneInfo("UTC")), account="app")["hour_local"] == 17

    def test_no_time_at_all(self) -> None:
        found = judge(table([event() | {"time": None}, event()]), config({"hours": "business"}), "shop").events.to_pylist()
        assert [found[0][name] for name in ("hour_local", "weekday_local", "day_local", "in_business_hours")] == [None] * 4
        assert found[1]["in_business_hours"] is True


@pytest.mark.parametrize(
    ("addresses", "client", "allowed"),
    [
        (None, "203.0.113.9", True),
        ([], "10.20.0.1", False),
        (["10.20.0.0/16"], "10.20.255.255", True),
        (["10.20.0.0/16"], "10.21.0.0", False),
        (["10.20.0.0/16"], "::ffff:10.20.0.1", True),
        (["::ffff:10.20.0.0/112"], "10.20.0.1", True),
        (["10.20.0.7"], "10.20.0.7", True),
        (["2001:db8::/32"], "2001:0DB8:0::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["2001:db8::/32"], "10.20.0.1", False),
        (["::/0"], "10.20.0.1", False),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["10.20.0.0/16"], "[local]", False),
        (["local", "10.20.0.0/16"], "[local]", True),
        (["local"], "localhost", True),
        (["10.20.0.0/16"], "host.example", False),
        (["10.20.0.0/16"], None, True),  # not known is not wrong
        (["10.20.0.0/16"], "", True),
    ],
)
def test_addresses(addresses: list[str] | None, client: str | None, allowed: bool) -> None:
    vendor = {} if addresses is None else {"addresses": addresses}
    assert breach(config({}, **vendor), client_ip=client) == ([] if allowed else ["address"])


@pytest.mark.parametrize(
    ("contract", "columns", "expected"),
    [
        ({}, ["crm.mbr.eml"], []),
        ({"tables": []}, ["crm.mbr.eml"], ["table"]),
        ({"tables": []}, [], []),  # a read of products breaks nothing
        ({"tables": ["crm.mbr"]}, ["crm.mbr.eml", "crm.mbr.*"], []),
        ({"tables": ["crm.mbr"]}, ["crm.mbr.eml", "crm.ord.adr"], ["table"]),
        ({"tables": ["crm.*"]}, ["crm.ord.adr"], []),
        ({"tables": ["crm.*"]}, ["crm2.ord.adr"], ["table"]),
        ({"tables": ["c*"]}, ["crm.ord.adr"], ["table"]),  # a glob stays within one part of the name
        ({"tables": ["*"]}, ["crm.ord.adr", "mbr.eml"], []),
        ({"tables": ["mbr"]}, ["public.mbr.eml", "mbr.eml"], []),
        ({"tables": ["mbr"]}, ["crm.mbr.eml"], ["table"]),
        ({"tables": ["CRM.mbr"]}, ["crm.mbr.eml"], ["table"]),
        ({"columns": ["crm.mbr.eml"]}, ["crm.mbr.eml"], []),
        ({"columns": ["crm.mbr.eml"]}, ["crm.mbr.eml", "crm.mbr.tel"], ["column"]),
        ({"columns": ["crm.mbr.eml"]}, ["crm.mbr.*"], ["column"]),  # every column left
        ({"columns": ["crm.mbr.eml"]}, ["crm.ord.adr"], ["table"]),
        ({"columns": ["crm.mbr.eml"]}, ["crm.mbr.tel", "crm.ord.adr"], ["table", "column"]),
        ({"columns": ["mbr.e*"]}, ["public.mbr.eml"], []),
        ({"columns": []}, ["crm.mbr.eml"], ["table"]),
        ({"tables": ["crm.*"], "columns": ["crm.mbr.eml"]}, ["crm.mbr.tel"], ["column"]),  # columns narrow
        ({"tables": ["crm.*"], "columns": ["crm.mbr.eml"]}, ["crm.ord.adr"], []),
    ],
)
def test_tables_and_columns(contract: dict[str, Any], columns: list[str], expected: list[str]) -> None:
    assert breach(config(contract), tables=["crm.mbr"], pii_columns=columns) == expected


def test_share_of_the_persons_a_day() -> None:
    settings = config({"max_persons_per_day": 500})
    assert one(settings, exposed_persons=500)["contract_share"] == 1.0
    assert one(settings, exposed_persons=None)["contract_share"] == 0.0
    assert one(config({}), exposed_persons=500)["contract_share"] == 0.0


EXPORT = {"columns": ["crm.mbr.eml"], "max_rows_per_day": 100, "hours": {"from": "14:00", "to": "16:00"}}


def pull(time: str, rows: int, *columns: str, **fields: Any) -> dict[str, Any]:
    names = list(columns or ("crm.mbr.eml",))
    return event(at(time), tables=["crm.mbr"], pii_columns=names, exposed_rows=rows, exposed_persons=rows, **fields)


class TestExports:
    def judged(self, settings: Config, events: list[dict[str, Any]]) -> list[tuple[bool, float, list[str]]]:
        found = judge(table(events), settings, "shop").events.to_pylist()
        return [(row["agreed_export"], row["contract_share"], row["contract_breach"]) for row in found]

    def test_within_what_was_agreed(self) -> None:
        settings = config(
            {"tables": ["ship.dlv"], "hours": {"from": "09:00", "to": "10:00"}, "max_persons_per_day": 10, "exports": [EXPORT]}
        )
        assert self.judged(
            settings,
            [
                pull("2026-03-04 14:00", 60),  # its own hours go before the contract's
                pull("2026-03-04 15:00", 40),  # exactly used up
                pull("2026-03-04 15:01", 1),  # over
                pull("2026-03-04 16:00", 1),  # too late
                pull("2026-03-05 14:00", 100),  # another day
                pull("2026-03-06 14:00", 1, "crm.mbr.eml", "crm.mbr.tel"),  # one column too many
                pull("2026-03-07 14:00", 101),
            ],
        ) == [
            (True, 0.0, []),
            (True, 0.0, []),
            (False, 0.1, ["table", "hours", "export"]),
            (False, 0.1, ["table", "hours", "export"]),
            (True, 0.0, []),
            (False, 0.1, ["table", "hours"]),
            (False, 10.1, ["table", "hours", "export"]),
        ]

    def test_never_from_a_wrong_address_or_after_the_end(self) -> None:
        settings = config({"until": "2026-03-04", "exports": [EXPORT]}, addresses=["10.20.0.0/16"])
        events = [pull("2026-03-04 14:00", 1, client_ip="192.0.2.1"), pull("2026-03-05 14:00", 1), pull("2026-03-04 14:01", 1)]
        assert [row[0] for row in self.judged(settings, events)] == [False, False, True]

    def test_ordinary_work_on_the_same_columns(self) -> None:
        """What the contract covers anyway is no breach, while the budget of people bounds it."""
        events = [pull("2026-03-04 11:00", 5), pull("2026-03-04 14:00", 100), pull("2026-03-04 15:00", 5)]
        bounded = config({"tables": ["crm.mbr"], "max_persons_per_day": 10, "exports": [EXPORT]})
        assert self.judged(bounded, events) == [(False, 0.5, []), (True, 0.0, []), (False, 0.5, [])]
        unbounded = config({"tables": ["crm.mbr"], "exports": [EXPORT]})
        assert self.judged(unbounded, events) == [(False, 0.0, []), (True, 0.0, []), (False, 0.0, ["export"])]

    def test_order_of_time_not_of_rows(self) -> None:
        settings = config({"exports": [EXPORT]})
        events = [pull("2026-03-04 15:30", 50), pull("2026-03-04 14:30", 100)]
        assert [row[0] for row in self.judged(settings, events)] == [False, True]

    def test_the_day_goes_on_in_the_next_call(self) -> None:
        settings = config({"exports": [EXPORT, {**EXPORT, "columns": ["crm.mbr.*"], "hours": "any"}]})
        events = [
            pull("2026-03-04 14:00", 60),
            pull("2026-03-04 15:00", 60),
            pull("2026-03-04 20:00", 60),
            pull("2026-03-05 14:00", 60),
            pull("2026-03-05 14:30", 100, "crm.mbr.tel"),
        ]
        whole = judge(table(events), settings, "shop")
        rows: pa.Table | None = None
        flags = []
        for single in events:
            judged = judge(table([single]), settings, "shop", rows)
            flags += judged.events["agreed_export"].to_pylist()
            rows = judged.export_rows
        assert flags == whole.events["agreed_export"].to_pylist() == [True, False, True, True, True]
        assert rows is not None
        assert rows.equals(whole.export_rows)
        assert rows.schema == EXPORT_ROWS_SCHEMA
        assert rows.to_pylist()[0] == {"vendor": "delivery", "export": 0, "day_local": date(2026, 3, 4), "rows": 120}


class TestShapes:
    def test_no_events(self) -> None:
        judged = judge(EVENT_SCHEMA.empty_table(), config({"hours": "business", "exports": [EXPORT]}), "shop")
        assert judged.events.schema == EVENT_SCHEMA
        assert judged.export_rows.num_rows == 0

    def test_absent_columns_are_added_and_others_kept(self) -> None:
        given = table([event(), event(account="app")]).drop_columns(COLUMNS)
        judged = judge(given, config({}), "shop").events
        assert judged.select(given.column_names).equals(given)
        assert judged.select(COLUMNS).schema == pa.schema([EVENT_SCHEMA.field(name) for name in COLUMNS])

    def test_chunks_slices_and_other_string_types(self) -> None:
        events = table([event(exposed_rows=n, pii_columns=["a.b.c"] * (n % 3), account=f"dlv_{n}") for n in range(20)])
        settings = config({"tables": ["x.y"]})
        whole = judge(events, settings, "shop").events
        pieces = pa.concat_tables([events.slice(0, 7), events.slice(7, 0), events.slice(7)])
        assert judge(pieces, settings, "shop").events.equals(whole)
        assert judge(events.slice(5, 9), settings, "shop").events.equals(whole.slice(5, 9))
        account = events.schema.get_field_index("account")
        encoded = events.set_column(account, "account", events["account"].combine_chunks().dictionary_encode())
        assert judge(encoded, settings, "shop").events.select(COLUMNS).equals(whole.select(COLUMNS))


# ---------------------------------------------------------------------------------------------------------------
# The reference: one event after the other, as the documentation says it.
# ---------------------------------------------------------------------------------------------------------------


def inside(hours: Hours, local: datetime) -> bool:
    def open_on(day: date) -> bool:
        closed = any(
            date.fromisoformat(word) == day
            if word[0].isdigit()
            else day in holidays.country_holidays(word.split("-")[0], subdiv=word.partition("-")[2] or None, years=day.year)
            for word in hours.holidays
        )
        return day.weekday() in hours.days and not closed

    minute = local.hour * 60 + local.minute
    if hours.from_ < hours.to:
        return open_on(local.date()) and hours.from_ <= minute < hours.to
    if minute >= hours.from_:
        return open_on(local.date())
    return minute < hours.to and open_on(local.date() - timedelta(days=1))


def names(pattern: str, name: str, parts: int) -> bool:
    spelled = [pattern] if pattern.count(".") == parts - 1 else [f"public.{pattern}", pattern]
    return any(
        len(one.split(".")) == len(name.split("."))
        and all(fnmatchcase(have, want) for have, want in zip(name.split("."), one.split("."), strict=True))
        for one in spelled
    )


def slow_judge(events: list[dict[str, Any]], settings: Config) -> list[dict[str, Any]]:
    exported: dict[tuple[str, int, date], int] = defaultdict(int)
    result: list[dict[str, Any]] = [{} for _ in events]
    for index in sorted(range(len(events)), key=lambda number: events[number]["time"]):
        row = events[index]
        globs = [(glob, key) for key, own in settings.vendors.items() for glob in own.accounts]
        fits = [pair for pair in globs if fnmatchcase(row["account"], pair[0])]
        fits.sort(key=lambda pair: (not set(pair[0]) & set("*?["), len(pair[0].replace("*", ""))))
        key = fits[-1][1] if fits else None
        vendor = settings.vendors[key] if key else None
        contract = vendor.contract if vendor else None
        local = row["time"].astimezone(settings.zone(key))
        business = settings.hours(key)

        def open_at(hours: Any, local: datetime = local, business: Hours = business) -> bool:
            return hours == "any" or inside(business if hours == "business" else hours, local)

        state = "none"
        if contract:
            state = "active"
            state = "expired" if contract.until and local.date() > contract.until else state
            state = "not_yet" if contract.from_ and local.date() < contract.from_ else state
        personal = row["pii_columns"] or []
        persons = row["exposed_persons"] or 0
        reads = row["activity"] in ("read", "write") and bool(row["tables"])
        touches = vendor is not None and not row["fk_check"] and (reads or persons > 0 or bool(personal))
        broken: set[str] = set()
        agreed = False
        by_name = None
        if touches and vendor:
            if vendor.addresses is not None and row["client_ip"]:
                network = [ip_network(word) for word in vendor.addresses if word != "[local]"]
                known = row["client_ip"] == "[local]"
                ok = "[local]" in vendor.addresses if known else any(ip_address(row["client_ip"]) in net for net in network)
                broken |= set() if ok else {"address"}
            if state in ("expired", "not_yet"):
                broken.add(state)
        if touches and contract and key:
            named_tables = {
                c for c in personal if any(names(p.rpartition(".")[0], c.rpartition(".")[0], 2) for p in contract.columns or ())
            }
            for column in personal:
                if column in named_tables:
                    if not any(names(p, column, 3) for p in contract.columns or ()):
                        broken.add("column")
                elif contract.tables is None:
                    broken |= set() if contract.columns is None else {"table"}
                elif not any(names(p, column.rpartition(".")[0], 2) for p in contract.tables):
                    broken.add("table")
            if not open_at(contract.hours):
                broken.add("hours")
            fitting = [
                number
                for number, export in enumerate(contract.exports)
                if personal and all(any(names(p, column, 3) for p in export.columns) for column in personal)
            ]
            if state == "active" and "address" not in broken and fitting:
                timely = [number for number in fitting if open_at(contract.exports[number].hours)]
                if timely:
                    place = (key, timely[0], local.date())
                    exported[place] += max(row["exposed_rows"] or 0, 0)
                    agreed = exported[place] <= contract.exports[timely[0]].max_rows_per_day
                if agreed:
                    by_name = str(timely[0] + 1)
                    broken -= {"table", "column", "hours"}
                elif broken & {"table", "column"} or (timely and contract.max_persons_per_day is None):
                    broken.add("export")
        limit = contract.max_persons_per_day if contract else None
        result[index] = {
            "vendor": key,
            "main_vendor": key,
            "contract": contract.version if contract else None,
            "contract_state": state,
            "in_contract": None if key is None else state == "active" and not broken,
            "contract_breach": [word for word in BREACHES if word in broken],
            "contract_share": persons / limit if limit and not agreed else 0.0,
            "agreed_export": agreed,
            "export": by_name,
            "in_maintenance": False,
            "hour_local": local.hour,
            "weekday_local": local.weekday(),
            "day_local": local.date(),
            "in_business_hours": inside(business, local),
        }
    return result


ACCOUNTS = ["dlv_1", "dlv_call_1", "call_1", "app", "mk_1", "mk_2", "x"]
COLUMN_NAMES = [
    "ship.dlv.tel",
    "ship.dlv.adr",
    "crm.mbr.eml",
    "crm.mbr.tel",
    "crm.ord.adr",
    "public.mbr.eml",
    "mbr.eml",
    "crm.mbr.*",
]
USUAL = ["crm.mbr.eml", "crm.mbr.tel"]
TABLE_PATTERNS = ["ship.dlv", "crm.*", "mbr", "*.ord", "crm.m?r"]
COLUMN_PATTERNS = ["ship.dlv.tel", "crm.mbr.*", "mbr.eml", "*.*.eml", "crm.mbr.eml"]
CLOCKS = ["00:00", "06:30", "09:00", "18:00", "22:00", "23:59", "24:00"]


@st.composite
def hours(draw: st.DrawFn) -> dict[str, Any]:
    begin, end = draw(st.lists(st.sampled_from(CLOCKS), min_size=2, max_size=2, unique=True))
    days = draw(st.lists(st.sampled_from(["mon", "tue", "wed", "sat", "sun"]), min_size=1, max_size=5))
    closed = draw(st.lists(st.sampled_from(["KR", "DE", "DE-BY", "2026-03-30"]), max_size=2))
    return {"days": days, "from": begin, "to": end, "holidays": closed}


def maybe(draw: st.DrawFn, name: str, strategy: st.SearchStrategy[Any]) -> dict[str, Any]:
    return {name: draw(strategy)} if draw(st.booleans()) else {}


@st.composite
def vendors(draw: st.DrawFn) -> dict[str, Any]:
    result: dict[str, Any] = {}
    choice = st.one_of(st.sampled_from(["business", "any"]), hours())
    columns = st.lists(st.sampled_from(COLUMN_PATTERNS), max_size=3)
    for key, accounts in {"dlv": ["dlv_*"], "call": ["dlv_call_*", "call_1"], "mk": ["mk_?", "x*"]}.items():
        vendor: dict[str, Any] = {"accounts": accounts}
        vendor |= maybe(draw, "addresses", st.lists(st.sampled_from(["10.0.0.0/8", "2001:db8::/32", "local"]), max_size=2))
        vendor |= maybe(draw, "time_zone", st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]))
        vendor |= maybe(draw, "business_hours", hours())
        if draw(st.integers(0, 4)):
            contract = maybe(draw, "from", st.sampled_from(["2026-03-28", "2026-02-01"]))
            contract |= maybe(draw, "until", st.sampled_from(["2026-03-30", "2026-12-31", "2026-12-31"]))
            contract |= maybe(draw, "tables", st.lists(st.sampled_from(TABLE_PATTERNS), max_size=3))
            contract |= maybe(draw, "columns", columns)
            contract |= maybe(draw, "hours", choice)
            contract |= maybe(draw, "max_persons_per_day", st.integers(1, 50))
            contract["exports"] = [
                {
                    "columns": draw(st.one_of(st.just(["crm.mbr.*"]), columns.filter(bool))),
                    "max_rows_per_day": draw(st.integers(1, 20)),
                    "hours": draw(st.one_of(st.just("any"), choice)),
                }
                for _ in range(draw(st.integers(0, 3)))
            ]
            vendor["contract"] = contract
        result[key] = vendor
    return result


def random_events(seed: int, count: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    days = [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)]
    result = []
    for _ in range(count):
        # half the events on whole hours, where boundaries are
        moment = chance.choice(days) + timedelta(minutes=chance.choice([30, 60]) * chance.randrange(80))
        moment += timedelta(microseconds=chance.choice([0, 0, -1, chance.randrange(10**9)]))
        result.append(
            {
                "time": moment,
                "account": chance.choice(ACCOUNTS),
                "client_ip": chance.choice(["10.1.2.3", "192.0.2.1", "2001:db8::5", "[local]", None]),
                "activity": chance.choice(["read", "read", "write", "connect", "replication"]),
                "tables": chance.choice([["ship.dlv"], ["crm.mbr", "crm.ord"], [], None]),
                "pii_columns": chance.choice(
                    [chance.sample(COLUMN_NAMES, chance.randint(0, 2)), chance.sample(USUAL, 1), USUAL, None]
                ),
                "exposed_rows": chance.choice([None, 0, 1, 2, 5]),
                "exposed_persons": chance.choice([None, 0, 1, chance.randrange(40)]),
                "fk_check": chance.random() < 0.1,
            }
        )
    return result


@settings(max_examples=80, deadline=None)
@given(vendors=vendors(), seed=st.integers(0, 2**32), count=st.integers(1, 120), cut=st.floats(0, 1))
def test_judge_equals_the_reference(vendors: dict[str, Any], seed: int, count: int, cut: float) -> None:
    settings = Config.model_validate(
        {
            "time_zone": "Asia/Seoul",
            "business_hours": {"holidays": "KR"},
            "databases": {"shop": {"url": "postgresql://r@h/d"}},
            "vendors": vendors,
        }
    )
    events = random_events(seed, count)
    expected = slow_judge(events, settings)
    judged = judge(table(events), settings, "shop")
    assert judged.events.select(COLUMNS).to_pylist() == [{name: row[name] for name in COLUMNS} for row in expected]

    # in two calls, with the rows of exports carried over, the same comes out
    in_order = sorted(events, key=lambda row: row["time"])
    half = int(cut * count)
    first = judge(table(in_order[:half]), settings, "shop")
    second = judge(table(in_order[half:]), settings, "shop", first.export_rows)
    whole = judge(table(in_order), settings, "shop")
    assert pa.concat_tables([first.events, second.events]).equals(whole.events)
    assert second.export_rows.equals(whole.export_rows)
