"""What the API says of suppressions, and what it is told about them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Answer, Moment
from api.schemas_findings import LongText, ShortText, Transition
from scanner.model import Level


class SuppressionScope(BaseModel):
    """Which findings: of these rules, and of what else is named. Accounts and tables are globs; all of a finding's must match."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    rules: Annotated[list[ShortText], Field(min_length=1, max_length=50, description="Ids of rules.")]
    vendor: ShortText | None = Field(default=None, description="Key in the configuration; `-` for the company's own accounts.")
    database: ShortText | None = Field(default=None, description="Name in the configuration.")
    accounts: Annotated[list[ShortText], Field(max_length=50)] = []
    tables: Annotated[list[ShortText], Field(max_length=50)] = []


class Suppression(Answer):
    """An agreed exception from rules: by whom, for what, how far, until when."""

    id: str
    state: str = Field(description="proposed, in_force, ending (close to its end), expired, revoked or withdrawn.")
    scope: SuppressionScope
    level: Level = Field(description="The highest level it may hide: that of its rules when it was proposed.")
    max_persons: int = Field(description="The most people a hidden finding may have exposed; one with more is told.")
    reason: str
    author: str
    approver: str | None = Field(description="Never its author; null until it is approved.")
    created_at: Moment
    approved_at: Moment | None
    expires_at: Moment
    updated_at: Moment
    hides: list[str] = Field(description="Findings that it hides now.")


class SuppressionDetail(Suppression):
    """A suppression with its history."""

    history: list[Transition]


class SuppressionProposal(BaseModel):
    """A suppression that is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    scope: SuppressionScope
    reason: LongText
    until: dt.datetime = Field(description="With its offset; at most a year ahead.")
    max_persons: Annotated[int, Field(ge=0, lt=1 << 53)]


class SuppressionChange(BaseModel):
    """A decision about a suppression."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    decision: Literal["approve", "end"] = Field(description="approve: put a proposal into force; end: withdraw or revoke it.")
    reason: LongText | None = Field(default=None, description="Needed to end it.")
