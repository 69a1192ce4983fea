"""What the API answers, and the filters it takes. Field names are those of the command line's JSON and of `events export`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from scanner.model import Level

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""ISO 8601 in UTC with microseconds; sorts as text."""

Row = TypeVar("Row")


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class Page(Answer, Generic[Row]):
    """One page of a list."""

    items: list[Row]
    total: int = Field(description="Number of items without `limit`.")
    next: str | None = Field(description="Address of the next page, relative to this server; null on the last one.")


class ProblemDetails(Answer):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="What kind of error it is, for programs.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The request's id; the server's log has it too.")
    errors: list[dict[str, str]] = Field(default=[], description="For 422: which values are wrong, and how.")


class Bounds(Answer):
    """A number that may not be known exactly: low <= best <= high."""

    low: int
    best: int
    high: int


# -- events -------------------------------------------------------------------------------------------------------


class Event(Answer):
    """One access event: a statement or substatement of a session, with what it exposed. The columns of `events export`."""

    event_id: str
    time: Moment
    day: dt.date
    database: str
    dbname: str | None
    account: str | None
    vendor: str | None
    main_vendor: str | None
    client_ip: str | None
    app_name: str | None
    session: str | None
    session_line: int | None
    statement_id: int | None
    substatement_id: int | None
    activity: str | None
    command: str | None
    status: str | None
    error_code: str | None
    shape: str | None
    tables: list[str] | None
    destination: str | None
    pii_classes: list[str] | None
    pii_columns: list[str] | None
    sensitivity: int | None
    returned_rows: int | None
    exposed_rows: int | None
    exposed_rows_low: int | None
    exposed_rows_high: int | None
    exposed_persons: int | None
    exposed_persons_low: int | None
    exposed_persons_high: int | None
    rows_source: str | None
    table_share: float | None
    technique: str | None
    techniques: list[str] | None
    fk_check: bool | None
    contract: str | None
    contract_state: str | None
    in_contract: bool | None
    contract_breach: list[str] | None
    contract_share: float | None
    agreed_export: bool | None
    export: str | None
    in_maintenance: bool | None
    canary: bool | None
    hour_local: int | None
    weekday_local: int | None
    day_local: dt.date | None
    in_business_hours: bool | None
    baseline_z: float | None
    habit_source: str | None
    habit_times: float | None
    statement_times: float | None
    in_season: bool | None
    days_above_habit: int | None
    excess_persons: int | None
    vendor_z: float | None
    vendor_times: float | None
    vendor_days_above_habit: int | None
    vendor_excess_persons: int | None
    first_seen_shape: bool | None
    first_seen_ip: bool | None
    first_seen_app: bool | None
    first_seen_table: bool | None
    novelty: list[str] | None
    dormant_days: float | None
    source_id: str | None
    source_file: str | None
    source_offset: int | None
    source_length: int | None
    batch: int | None
    person_table: str | None
    person_total: int | None
    key_domain: str | None
    key_low: int | None
    key_high: int | None
    key_count: int | None
    unread: str | None


class EventPage(Answer):
    """Some events. There is no total: counting them all would mean reading them all."""

    items: list[Event]
    next: str | None = Field(description="Address of the next page, relative to this server; null on the last one.")


# -- vendors ------------------------------------------------------------------------------------------------------


class HoursWindow(Answer):
    """A weekly window in local time; `from` after `to` runs overnight."""

    days: list[str]
    from_: str = Field(alias="from", examples=["09:00"])
    to: str = Field(examples=["18:00"])
    holidays: list[str]


class AgreedExport(Answer):
    """A bulk export agreed beforehand."""

    columns: list[str]
    max_rows_per_day: int
    hours: str | HoursWindow


class ContractTerms(Answer):
    """What a vendor may do, as configured."""

    version: str = Field(description="Changes whenever anything agreed changes.")
    state: str = Field(description="active, expired or not_yet, today in the vendor's time zone.")
    from_: dt.date | None = Field(alias="from")
    until: dt.date | None = Field(description="The last day.")
    purpose: str
    tables: list[str] | None
    columns: list[str] | None
    hours: str | HoursWindow = Field(description="business, any, or a window.")
    max_persons_per_day: int | None
    exports: list[AgreedExport]


class AccountSeen(Answer):
    """A database account of a vendor and its last event."""

    database: str
    account: str
    last_event: Moment


class SeenPeople(Answer):
    """People of one table whom a vendor's accounts together have seen, each counted once."""

    database: str
    table: str
    days: int = Field(description="7, 30 or 90 days up to the newest event stored.")
    people: Bounds
    of: int | None = Field(description="People in the table; null when not known.")
    share: float | None = Field(description="`people.best` over `of`.")


class Vendor(Answer):
    """A vendor: terms, and what its accounts did lately."""

    vendor: str = Field(description="Key in the configuration.")
    name: str
    contact: str
    time_zone: str
    accounts: list[str] = Field(description="Globs on the database account.")
    addresses: list[str] | None = Field(description="Where its accounts may come from; null for anywhere.")
    contract: ContractTerms | None
    open_findings: dict[Level, int]
    window_from: Moment | None = Field(description="Begin of the 30 days the figures below speak of.")
    window_to: Moment | None = Field(description="Their end: the newest event stored. Null while there is none.")
    events: int
    exposed_persons: Bounds = Field(
        description="People: added up per personal table, at most the people it holds; `best` is the largest table, `high` "
        "the sum of all tables, `low` the largest single statement's certain part."
    )
    accounts_seen: list[AccountSeen]


# -- catalogue ----------------------------------------------------------------------------------------------------


class CatalogRow(Answer):
    """The verdict about one column."""

    database: str
    schema_: str = Field(alias="schema")
    table: str
    column: str
    pii_class: str | None = Field(description="Null: looked at, no personal data found.")
    form: str = Field(description="typed, embedded, masked or quasi.")
    confidence: float
    evidence: str = Field(description="Why, in plain words with counts; never a sampled value.")
    table_rows: int | None
    rows_read: int | None = Field(description="Rows of the table that the last look at its values read.")
    blocks_read: int | None = Field(description="Storage blocks (PostgreSQL) or places of a key that this took.")


class CatalogDecision(Answer):
    """What somebody decided about a column, and why. The last one about a column is in force."""

    database: str
    schema_: str = Field(alias="schema")
    table: str
    column: str
    what: str = Field(description="confirm, override or withdraw.")
    pii_class: str | None = Field(description="Null: not personal.")
    form: str
    reason: str
    actor: str
    at: str


class CatalogDecisionMade(BaseModel):
    """A decision about a column."""

    model_config = ConfigDict(extra="forbid")

    database: str = Field(max_length=255)
    column: str = Field(max_length=800, description="schema.table.column, or table.column where it is the only one.")
    what: Literal["confirm", "override", "withdraw"]
    pii_class: str | None = Field(default=None, max_length=64, description="For override; null: not personal.")
    form: Literal["typed", "embedded", "masked", "quasi"] = "typed"
    reason: str = Field(min_length=1, max_length=2000)


class Gap(Answer):
    """A part of a database that could not be looked at."""

    table: str
    reason: str
    hint: str


class CatalogDatabase(Answer):
    """One database's part of the PII map."""

    database: str
    scanned_at: Moment | None = Field(description="Null: never looked at.")
    version: str | None
    tables: int
    columns: int
    pii_columns: int
    rows_read: int = Field(description="Rows that the looks which the map rests on read.")
    most_rows_read: int = Field(description="Of any one table, however large.")
    gaps: list[Gap]


# -- rules --------------------------------------------------------------------------------------------------------


class Rule(Answer):
    """A rule in force."""

    id: str
    title: str
    level: Level
    description: str
    why: str = Field(description="The sentence its findings carry, with placeholders.")
    triage: list[str]
    falsepositives: list[str]
    tags: list[str]
    references: list[str]
    author: str
    date: dt.date
    modified: dt.date
    version: str
    timespan_seconds: float | None = Field(description="Length of its sliding window; null for rules about single events.")


# -- notifications ------------------------------------------------------------------------------------------------


class Notification(Answer):
    """A message of a finding through a channel."""

    id: str
    finding_id: str
    channel: str
    reason: str = Field(description="created, level_raised, reopened, escalation or fallback.")
    step: int = Field(description="Of an escalation: 1, 2 …; else 0.")
    level: Level
    digest: bool
    planned_at: Moment
    due_at: Moment
    state: str = Field(description="waiting, sent, dead (given up) or dropped (nobody needs it any more).")
    attempts: int
    last_error: str | None
    sent_at: Moment | None


# -- sources ------------------------------------------------------------------------------------------------------


class Notice(Answer):
    """Something about a source that a run could not do."""

    path: str
    reason: str
    hint: str


class Run(Answer):
    """One scan."""

    id: int
    started_at: Moment
    finished_at: Moment | None
    status: str = Field(description="running, complete, incomplete or failed.")
    databases: list[str]
    records: int
    events: int
    skips: int
    notices: list[Notice]


class Source(Answer):
    """One audit source and how far it has been read."""

    source_id: str
    database: str
    type: str
    path: str = Field(description="Glob of its log files.")
    files: int
    records: int
    events: int
    skips: int
    bytes_read: int
    last_event: Moment | None
    lag_seconds: float | None = Field(description="Age of its newest event.")
    last_read: Moment | None = Field(description="When anything new was last found in it.")


class Sources(Answer):
    """How the way in is doing."""

    last_run: Run | None
    last_complete_run: Run | None
    sources: list[Source]


class Skip(Answer):
    """Bytes of a log that could not be read as a record."""

    id: int
    source_id: str
    path: str
    file_id: str
    offset: int
    length: int
    reason: str
    batch_id: int


class Health(Answer):
    """Whether the server can do its work."""

    status: str = Field(description="ok")


def moment(value: dt.datetime) -> str:
    """A time as the answers carry it."""
    return value.isoformat(timespec="microseconds")
