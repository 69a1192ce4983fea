"""What the API says of findings, and what it is told to decide about them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import Answer, Bounds, Moment
from scanner.model import Level

ShortText = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]


class MatchedRule(Answer):
    """One rule's part in a finding."""

    id: str
    title: str
    level: Level
    events: int
    observed: float | None = Field(description="Largest number the rule's windows saw; null for rules about single events.")
    threshold: float | None
    modified: str = Field(description="Version of the rule that matched.")


class Statement(Answer):
    """A statement shape of a finding, literals masked."""

    shape: str
    statement: str
    events: int
    exposed_persons: int


class Clocks(Answer):
    """When what was known of a possible breach; each is null until it is set."""

    detected: Moment
    acknowledged: Moment | None
    possible_breach: Moment | None
    aware: Moment | None
    notified: Moment | None
    notify_by: Moment | None = Field(description="72 hours after `aware`.")
    regulator: list[str] = Field(description="Why the regulator would have to be told too; empty when no reason is seen.")


class LogObservation(Answer):
    """Something found wrong with an audit log."""

    event_id: str
    what: str = Field(description="A plain sentence.")
    at: Moment
    source_id: str
    path: str
    count: int = Field(description="Lines, records or places concerned.")
    facts: dict[str, Any] = Field(description="The same in numbers; which, depends on what was found.")


class Finding(Answer):
    """One thing an analyst decides on."""

    id: str
    rules: list[str]
    level: Level
    status: str = Field(description="new, in_progress, suppressed or resolved (OCSF).")
    verdict: str | None = Field(description="true_positive, benign_positive, false_positive or duplicate; null until closed.")
    vendor: str | None = Field(description="Key in the configuration; null for the company's own accounts.")
    vendor_name: str | None
    accounts: list[str]
    database: str
    first_event: Moment
    last_event: Moment
    why: str = Field(description="One plain sentence.")
    techniques: list[str]
    tables: list[str]
    pii_classes: list[str]
    pii_columns: list[str]
    exposed_persons: Bounds
    exposed_rows: Bounds
    rows_source: str = Field(description="reported, reported_elsewhere, estimated, upper_bound or unknown.")
    counted_how: str = Field(description="The same in a plain sentence.")
    event_count: int
    client_ips: list[str | None] = Field(default=[])
    app_names: list[str] = Field(default=[])
    contract: str | None = Field(default=None, description="Version of the contract that judged it.")
    contract_breach: list[str] = Field(default=[])
    baseline_z: float | None = None
    matched: list[MatchedRule] = Field(default=[])
    statements: list[Statement] = Field(default=[])
    observations: list[LogObservation] = Field(default=[], description="What was found wrong with a log.")
    created_at: Moment
    updated_at: Moment
    follows: str | None = Field(default=None, description="An earlier, closed finding that this one continues.")
    assignee: str | None = None
    clocks: Clocks


class Transition(Answer):
    """One entry of a finding's history."""

    at: Moment
    actor: str
    what: str
    detail: dict[str, Any]


class SimilarFinding(Answer):
    """Another finding of the same vendor that is much alike, and how it was judged."""

    id: str
    level: Level
    status: str
    verdict: str | None
    last_event: Moment
    why: str


class FindingDetail(Finding):
    """A finding with its history, and the findings most like it."""

    history: list[Transition]
    similar: list[SimilarFinding]


class FindingChange(BaseModel):
    """A decision about a finding. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    status: Literal["new", "in_progress", "resolved"] | None = Field(
        default=None, description="in_progress acknowledges it; resolved needs a verdict; leaving resolved reopens it."
    )
    verdict: Literal["true_positive", "benign_positive", "false_positive", "duplicate"] | None = None
    assignee: ShortText | None = Field(default=None, description='Who works on it; "" for nobody.')
    note: LongText | None = Field(default=None, description="Added to the history.")
    possible_breach: dt.datetime | None = Field(default=None, description="Clocks need the scope write:breach.")
    aware: dt.datetime | None = None
    notified: dt.datetime | None = None
