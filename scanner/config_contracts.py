"""The ``vendors:`` entries of the configuration: whose accounts they are, and what was agreed, from when until when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from scanner.config_sources import Model
from scanner.config_values import (
    DAYS,
    MINUTES_A_DAY,
    Address,
    ColumnPattern,
    Date,
    Day,
    Glob,
    Minutes,
    TablePattern,
    TimeZone,
    as_list,
    holiday,
    wrong,
)


class Hours(Model):
    """A weekly window ``[from, to)`` in local time. ``from`` after ``to`` runs overnight and belongs to the day it begins on."""

    days: Annotated[tuple[Day, ...], BeforeValidator(as_list), Field(min_length=1)] = (0, 1, 2, 3, 4, 5, 6)
    from_: Minutes = Field(default=0, alias="from")  # minutes since midnight
    to: Minutes = MINUTES_A_DAY
    holidays: Annotated[tuple[Annotated[str, BeforeValidator(holiday)], ...], BeforeValidator(as_list)] = ()

    @model_validator(mode="after")
    def _not_empty(self) -> Hours:
        if self.from_ == self.to:
            raise wrong(
                "is the same as `from`, so the window is empty", hint='for the whole day write "00:00" to "24:00"', key="to"
            )
        return self

    def __str__(self) -> str:
        days = "every day" if len(set(self.days)) == 7 else ", ".join(DAYS[day] for day in sorted(set(self.days)))
        start, end = (f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in (self.from_, self.to))
        return f"{days} {start}–{end}" + (f", except holidays ({', '.join(self.holidays)})" if self.holidays else "")


class BusinessHours(Hours):
    """Working hours; from Monday to Friday, 09:00 to 18:00, when nothing else is said."""

    days: Annotated[tuple[Day, ...], BeforeValidator(as_list), Field(min_length=1)] = (0, 1, 2, 3, 4)
    from_: Minutes = Field(default=9 * 60, alias="from")
    to: Minutes = 18 * 60


def _hours_kind(value: object) -> str:
    return "window" if isinstance(value, Mapping | Hours) else "word"


def _hours_word(value: object) -> object:
    if value not in ("business", "any"):
        raise wrong("{value} is not a kind of hours", value, "write business, any, or {days: …, from: …, to: …}")
    return value


HoursChoice = Annotated[
    Annotated[Literal["business", "any"], BeforeValidator(_hours_word), Tag("word")] | Annotated[Hours, Tag("window")],
    Discriminator(_hours_kind),
]


class Maintenance(Hours):
    """A window in which work outside the contract's hours was announced: every week, or on the days of ``on`` alone."""

    on: Annotated[tuple[Date, ...], BeforeValidator(as_list)] = ()  # local dates; with them ``days`` says nothing
    ticket: str = ""


Windows = Annotated[
    tuple[Maintenance, ...], BeforeValidator(lambda v: [v] if isinstance(v, Mapping) else v), Field(max_length=50)
]


class Export(Model):
    """A bulk export agreed beforehand: which columns, how many rows a local day, when, and who approved it."""

    name: str = ""  # how a finding and the events speak of it
    columns: Annotated[tuple[ColumnPattern, ...], BeforeValidator(as_list), Field(min_length=1)]
    max_rows_per_day: int = Field(gt=0)
    hours: HoursChoice = "any"
    from_: Date | None = Field(default=None, alias="from")  # local dates, both included; the contract's when left out
    until: Date | None = None
    approved_by: str = ""
    ticket: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Export:
        _check_order(self.from_, self.until, "an export")
        return self


class Contract(Model):
    """What a vendor may do, and from when until when (local dates, both included)."""

    from_: Date | None = Field(default=None, alias="from")
    until: Date | None = None
    purpose: str = ""
    tables: Annotated[tuple[TablePattern, ...] | None, BeforeValidator(as_list)] = None
    columns: Annotated[tuple[ColumnPattern, ...] | None, BeforeValidator(as_list)] = None
    hours: HoursChoice = "any"
    max_persons_per_day: int | None = Field(default=None, gt=0)
    exports: Annotated[
        tuple[Export, ...], BeforeValidator(lambda v: [v] if isinstance(v, Mapping) else v), Field(max_length=50)
    ] = ()
    maintenance: Windows = ()

    @model_validator(mode="after")
    def _in_order(self) -> Contract:
        _check_order(self.from_, self.until, "a contract")
        return self

    @property
    def version(self) -> str:
        """Twelve hex digits that change whenever anything agreed changes."""
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


class Vendor(Model):
    """An outside company: which accounts are its own, where it works from, and what was agreed."""

    name: str = ""
    accounts: Annotated[tuple[Glob, ...], BeforeValidator(as_list), Field(min_length=1)]
    addresses: Annotated[tuple[Address, ...] | None, BeforeValidator(as_list)] = None
    contact: str = ""
    time_zone: TimeZone | None = None  # where it works; the company's when left out
    business_hours: BusinessHours | None = None  # the company's when left out
    part_of: str | None = None  # the vendor it works for; that one's contract holds for it unless it has one of its own
    contract: Contract | None = None
    contracts: Annotated[tuple[Contract, ...], Field(max_length=50)] = ()  # several in time, instead of ``contract``

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Vendor:
        if self.contract is not None and self.contracts:
            raise wrong("stands beside `contract`", hint="put all contracts into `contracts`, or keep the one", key="contracts")
        agreed = self.agreed
        for earlier, later in pairwise(agreed):
            if earlier.until is None or later.from_ is None or later.from_ <= earlier.until:
                raise wrong(
                    f"has two contracts in force on {later.from_ or 'the same day'}",
                    hint="give each a `from` and an `until` that do not overlap",
                    key="contracts",
                )
        return self

    @property
    def agreed(self) -> tuple[Contract, ...]:
        """All contracts of its own, the earliest first."""
        found = (self.contract,) if self.contract is not None else self.contracts
        return tuple(sorted(found, key=lambda contract: contract.from_ or date.min))

    def contract_on(self, day: date) -> Contract | None:
        """The contract in force on a local day, else the last one before it, else the first to come."""
        begun = [contract for contract in self.agreed if contract.from_ is None or contract.from_ <= day]
        return begun[-1] if begun else next(iter(self.agreed), None)


def _check_order(begin: date | None, end: date | None, what: str) -> None:
    if begin and end and end < begin:
        raise wrong(f"is before `from` ({begin})", hint=f"{what} ends on or after the day it begins", key="until")
