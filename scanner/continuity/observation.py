"""What was found wrong with a log: one observation each, stored as an event whose technique says what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ACTIVITY = "log"
"""``activity`` of the events that observations become."""


class Sign(StrEnum):
    """The techniques that observations carry; a rule in ``rules/`` gives each its level and text."""

    HOLE = "log_hole"  # lines of a session are missing, or its beginning is
    QUERY_HOLE = "query_id_hole"  # numbers over all connections: three or more are missing, and nothing explains it
    QUERY_GAP = "query_id_gap"  # one or two are
    REPEATED = "log_repeated"  # a line number that was there before, in the same file
    REWRITTEN = "log_rewritten"  # what was read is not there any more, or not as it was
    VANISHED = "log_vanished"  # a file is gone that ought to be there
    UNREADABLE = "source_unreadable"
    SKIPPED = "log_unreadable_records"
    SILENT = "source_silent"
    ACCOUNT_SILENT = "account_audit_silent"
    CLOCK = "clock_jump"
    SETTINGS = "audit_settings_changed"  # the configuration was read anew, and now tells less
    ROLLED_BACK = "server_rolled_back"


@dataclass(frozen=True)
class Observation:
    """One thing found. Equal observations have the same :attr:`key`, whenever and however often they are made."""

    sign: Sign
    what: str  # a plain sentence, without a full stop
    time: int  # microseconds since 1970, UTC: when it happened, as far as that can be told
    subject: tuple[str | int, ...]  # what makes it this one and no other
    count: int = 1  # lines, bytes, records: what ``what`` counts
    account: str | None = None
    session: str | None = None
    path: str = ""
    file_id: str | None = None
    offset: int | None = None  # the record behind the place, so that its bytes can be secured
    length: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # the same in numbers, plain JSON

    @property
    def key(self) -> str:
        """16 hex digits."""
        text = "\x1f".join([str(self.sign), *map(str, self.subject)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def few(observations: Iterable[Observation], most: int = 200) -> list[Observation]:
    """Each once, and of one sign no more than ``most``: the last then tells how many more there are."""
    by_sign: dict[Sign, dict[str, Observation]] = {}
    for one in observations:
        by_sign.setdefault(one.sign, {}).setdefault(one.key, one)
    found: list[Observation] = []
    for group in by_sign.values():
        found += list(group.values())[:most]
        rest = list(group.values())[most:]
        if rest:
            last = rest[-1]
            what = f"{len(rest):,} more of the same kind, {sum(one.count for one in rest):,} in all"
            found.append(
                Observation(last.sign, what, last.time, ("more", last.key), sum(one.count for one in rest), path=last.path)
            )
    return found


__all__ = ["ACTIVITY", "Observation", "Sign", "few"]
