"""A finding: one thing an analyst decides on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from scanner.model import Estimate


class RuleText(Protocol):
    """What a finding needs of a rule."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def lookback(self) -> timedelta: ...


@dataclass(frozen=True)
class RuleHit:
    """One rule's part in a finding, with the numbers it saw."""

    id: str
    title: str
    level: str
    events: int
    observed: float | None
    threshold: float | None
    modified: str


@dataclass(frozen=True)
class Finding:
    """As served by the API and printed by ``findings --json``. Times are ISO 8601 in UTC."""

    id: str
    rules: tuple[str, ...]
    level: str
    status: str
    verdict: str | None
    vendor: str | None
    vendor_name: str | None
    accounts: tuple[str, ...]
    database: str
    first_event: str
    last_event: str
    why: str
    techniques: tuple[str, ...]
    tables: tuple[str, ...]
    pii_classes: tuple[str, ...]
    pii_columns: tuple[str, ...]
    exposed_persons: Estimate
    exposed_rows: Estimate
    rows_source: str
    counted_how: str  # the same in a plain sentence
    event_count: int
    client_ips: tuple[str, ...] = ()
    app_names: tuple[str, ...] = ()
    contract: str | None = None
    contract_breach: tuple[str, ...] = ()
    baseline_z: float | None = None
    matched: tuple[RuleHit, ...] = ()
    statements: tuple[dict[str, Any], ...] = ()  # {shape, statement (literals masked), events, exposed_persons}
    observations: tuple[dict[str, Any], ...] = ()  # what was found wrong with a log: {event_id, what, at, source_id, path, count}
    created_at: str = ""
    updated_at: str = ""
    follows: str | None = None
    dedup_key: str = field(default="", repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; tuples become lists."""
        return _plain(asdict(self))  # type: ignore[no-any-return]  # the top level is a dictionary


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
