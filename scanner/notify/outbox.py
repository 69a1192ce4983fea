"""Delivering what was planned: claimed, sent, and tried again with growing pauses until it arrives or is a dead letter.

Delivery is at least once: a program killed between sending and remembering sends again, under the same message id. Channels
are served side by side, and a channel that fails once is left alone for the rest of the pass, so that a slow or broken one
holds up nobody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, or_, select, update

from scanner.config import Config
from scanner.config_notify import Channel
from scanner.errors import NotifyError
from scanner.findings.history import remember
from scanner.findings.ocsf import detection_finding
from scanner.findings.store import FindingStore
from scanner.notify.message import Notice, compose
from scanner.notify.plan import fallbacks, plan
from scanner.notify.send import send
from scanner.store import tables as t
from scanner.store.state import insert_new, iso, reading

STATES = ("waiting", "sent", "dead", "dropped")
_PAUSES = (60, 120, 300, 600, 1800, 3600)  # seconds before the next attempt; the last one again and again
_FALLBACK_AFTER = 3  # attempts
_FALLBACK_LEVELS = ("medium", "high", "critical")
_CLAIM = timedelta(minutes=10)  # longer than a pass may take; a claim of a killed program ends by itself
_MOST = 500  # messages a pass
_MOST_DIGEST = 100  # findings in one digest

Progress = Callable[[str, str], None]


@dataclass
class Told:
    """What one pass did."""

    planned: int = 0
    sent: int = 0
    failed: int = 0
    dead: int = 0
    errors: dict[str, str] = field(default_factory=dict)  # channel -> what went wrong last


@dataclass(frozen=True)
class _Parcel:
    """Rows of the outbox that go out as one message through one channel."""

    channel: str
    rows: tuple[Mapping[str, Any], ...]


def tell(state: Engine, config: Config, at: datetime | None = None) -> Told:
    """Plan what has to be told and deliver what is due, as of ``at`` (now). Never raises for a channel that fails."""
    at = at or datetime.now(UTC)
    told = Told()
    if not config.notify.channels:
        return told
    with state.begin() as connection:
        told.planned = plan(connection, config, at)
    parcels = _parcels(_claim(state, at))
    if not parcels:
        return told
    findings = _findings(state, parcels)
    by_channel: dict[str, list[_Parcel]] = {}
    for parcel in parcels:
        by_channel.setdefault(parcel.channel, []).append(parcel)
    with ThreadPoolExecutor(min(8, len(by_channel)), thread_name_prefix="notify") as pool:
        outcomes = list(pool.map(lambda name: _serve(config, name, by_channel[name], findings, at), by_channel))
    for name, results in zip(by_channel, outcomes, strict=True):
        for parcel, error in zip(by_channel[name], results, strict=True):
            _remember(state, config, parcel, error, at, told)
    return told


def try_channel(config: Config, name: str) -> None:
    """Send a test message through a channel. Raises :class:`NotifyError`."""
    channel = config.notify.channels.get(name)
    if channel is None:
        raise NotifyError(
            f"there is no channel {name}", "channels are " + (", ".join(config.notify.channels) or "not configured")
        )
    notice = Notice(hashlib.sha256(f"test/{name}/{datetime.now(UTC)}".encode()).hexdigest()[:32], "test", 0, _EXAMPLE)
    _post(config, channel, [notice])


def listed(state: Engine, *, states: Sequence[str] = (), limit: int = 200) -> list[dict[str, Any]]:
    """Messages, the newest first."""
    c = t.notification.c
    statement = select(t.notification).order_by(c.planned_at.desc(), c.id).limit(limit)
    if states:
        statement = statement.where(c.state.in_(list(states)))
    with reading(state) as connection:
        found = [dict(row._mapping) for row in connection.execute(statement)]
    for row in found:
        del row["claimed_until"]
    return found


def retry(state: Engine, message_id: str | None = None) -> int:
    """Let dead letters (or the one that begins so) be tried again at once. Returns how many."""
    c = t.notification.c
    change = update(t.notification).where(c.state == "dead")
    if message_id is not None:
        change = change.where(c.id.startswith(message_id, autoescape=True))
    moment = iso(datetime.now(UTC))
    with state.begin() as connection:  # planned anew, or it would be given up again at once
        return int(connection.execute(change.values(state="waiting", attempts=0, due_at=moment, planned_at=moment)).rowcount)


# -- claiming ------------------------------------------------------------------------------------------------------


def _claim(state: Engine, at: datetime) -> list[dict[str, Any]]:
    """Rows that are due, marked as ours, so that two programs do not send the same."""
    c = t.notification.c
    free = or_(c.claimed_until.is_(None), c.claimed_until < iso(at))
    mine = []
    with state.begin() as connection:
        due = select(t.notification).where(c.state == "waiting", c.due_at <= iso(at), free).order_by(c.due_at, c.id).limit(_MOST)
        for row in connection.execute(due).all():
            done = connection.execute(
                update(t.notification).where(c.id == row.id, c.state == "waiting", free).values(claimed_until=iso(at + _CLAIM))
            )
            if done.rowcount == 1:
                mine.append(dict(row._mapping))
    return mine


def _parcels(rows: Sequence[dict[str, Any]]) -> list[_Parcel]:
    """A message each; the digests of a channel together."""
    parcels = [_Parcel(row["channel"], (row,)) for row in rows if not row["digest"]]
    by_channel: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["digest"]:
            by_channel.setdefault(row["channel"], []).append(row)
    for channel, mine in by_channel.items():
        parcels += [_Parcel(channel, tuple(mine[n : n + _MOST_DIGEST])) for n in range(0, len(mine), _MOST_DIGEST)]
    return parcels


def _findings(state: Engine, parcels: Sequence[_Parcel]) -> dict[str, dict[str, Any]]:
    return FindingStore(state).many(sorted({row["finding_id"] for parcel in parcels for row in parcel.rows}))


# -- sending -------------------------------------------------------------------------------------------------------


def _serve(
    config: Config, name: str, parcels: Sequence[_Parcel], findings: Mapping[str, dict[str, Any]], at: datetime
) -> list[NotifyError | None]:
    """Send a channel's parcels one after the other. Runs in a thread; touches no database."""
    results: list[NotifyError | None] = []
    broken: NotifyError | None = None
    for parcel in parcels:
        if broken is None:
            broken = _attempt(config, name, parcel, findings, at)
        results.append(broken)
    return results


def _attempt(
    config: Config, name: str, parcel: _Parcel, findings: Mapping[str, dict[str, Any]], at: datetime
) -> NotifyError | None:
    channel = config.notify.channels.get(name)
    if channel is None:
        return NotifyError(f"the configuration has no channel {name} any more", "bring it back, or let the message lapse")
    notices = [_notice(row, findings[row["finding_id"]], at) for row in parcel.rows if row["finding_id"] in findings]
    if not notices:
        return None
    try:
        _post(config, channel, notices)
    except NotifyError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a channel does, the others must be served
        return NotifyError(f"{name}: {type(error).__name__}", "this is a defect: please report it")
    return None


def _post(config: Config, channel: Channel, notices: Sequence[Notice]) -> None:
    message = compose(notices, language=channel.language, zone=ZoneInfo(config.time_zone), console_url=config.notify.console_url)
    if channel.type == "syslog":
        documents = [detection_finding(notice.finding, notice.reason) for notice in notices]
        message = type(message)(message.id, message.subject, message.text, {"ocsf": documents})
    send(channel, message)


def _notice(row: Mapping[str, Any], finding: Mapping[str, Any], at: datetime) -> Notice:
    waited = (at - datetime.fromisoformat(finding["created_at"])).total_seconds() // 60
    return Notice(row["id"], row["reason"], row["step"], finding, max(0, int(waited)))


# -- remembering ---------------------------------------------------------------------------------------------------


def _remember(state: Engine, config: Config, parcel: _Parcel, error: NotifyError | None, at: datetime, told: Told) -> None:
    """What became of a parcel, in the outbox and in the findings' histories, in one transaction."""
    with state.begin() as connection:
        for row in parcel.rows:
            detail = {"channel": row["channel"], "reason": row["reason"], "step": row["step"], "message": row["id"]}
            attempts = row["attempts"] + 1
            values: dict[str, Any] = {"attempts": attempts, "claimed_until": None}
            what = ""
            if error is None:
                told.sent += 1
                what = "told"
                values |= {"state": "sent", "sent_at": iso(at), "last_error": None}
            else:
                told.errors[row["channel"]] = str(error)
                # how long it has been tried: a digest or quiet hours are no failure, so the pauses count, not the planning
                tried = sum(_PAUSES[min(n, len(_PAUSES)) - 1] for n in range(1, attempts))
                given_up = tried >= config.notify.give_up_after
                values |= {"last_error": str(error)[:1000]}
                if given_up:
                    told.dead += 1
                    what = "not_told"
                    values |= {"state": "dead"}
                else:
                    told.failed += 1
                    pause = _PAUSES[min(attempts, len(_PAUSES)) - 1]
                    values |= {"due_at": iso(at + timedelta(seconds=pause))}
                if (attempts == _FALLBACK_AFTER or given_up) and row["level"] in _FALLBACK_LEVELS and row["reason"] != "fallback":
                    insert_new(connection, t.notification, fallbacks(config.notify, row, at))
            connection.execute(update(t.notification).where(t.notification.c.id == row["id"]).values(**values))
            if what:
                remember(connection, row["finding_id"], what, detail, at=iso(at), actor="notify")


_EXAMPLE: Mapping[str, Any] = {
    "id": "0000000000000000",
    "rules": [],
    "level": "informational",
    "status": "new",
    "vendor": None,
    "vendor_name": "vendorwatch",
    "database": "–",
    "first_event": "1970-01-01T00:00:00+00:00",
    "last_event": "1970-01-01T00:00:00+00:00",
    "created_at": "1970-01-01T00:00:00+00:00",
    "updated_at": "1970-01-01T00:00:00+00:00",
    "event_count": 0,
    "exposed_persons": {"low": 0, "best": 0, "high": 0},
    "exposed_rows": {"low": 0, "best": 0, "high": 0},
    "rows_source": "unknown",
    "pii_classes": [],
    "techniques": [],
    "matched": [{"id": "test", "title": "test"}],
}
