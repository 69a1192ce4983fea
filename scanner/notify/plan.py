"""What is to be told to whom, and when: rows of the table ``notification``.

Some reasons come from a finding's history (TOLD), one from nobody having acknowledged it (escalation), one from a channel that
does not get through (fallback).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, exists, or_, select, update

from scanner.config import Config
from scanner.config_notify import LEVELS, Escalation, Notify
from scanner.store import tables as t
from scanner.store.state import insert_new, iso, upsert

TOLD = ("created", "level_raised", "reopened", "unsuppressed", "suppression_ending")
WHILE_HIDDEN = "suppression_ending"  # the only one that is told of a finding while it is suppressed
OPEN = ("new", "in_progress")
FIRST_LOOK_BACK = timedelta(days=7)
"""When telling is switched on for a store that holds findings already, older ones are left to the console."""

_CURSOR = "history"
_MOST_STEPS = 500  # of one escalation: with the default half hour ten days


def plan(connection: Connection, config: Config, at: datetime) -> int:
    """Enter what has to be told as of ``at`` and drop what has become idle. Returns the number of messages planned."""
    notify = config.notify
    if not notify.channels:
        return 0
    zone = ZoneInfo(config.time_zone)
    planned = 0
    for kind in (_news, _escalations):  # what escalates looks at what the routes have told already
        fresh = _not_there(connection, list(kind(connection, notify, zone, at)))
        insert_new(connection, t.notification, fresh)
        planned += len(fresh)
    _drop_idle(connection)
    return planned


def fallbacks(notify: Notify, row: Mapping[str, Any], at: datetime) -> list[dict[str, Any]]:
    """Messages to the other channels in use, for one that does not get through."""
    used = [name for route in notify.routes for name in route.channels]
    used += [name for step in (notify.escalation.steps if notify.escalation else ()) for name in step]
    others = [name for name in dict.fromkeys(used) if name != row["channel"]]
    return [_row(row["finding_id"], name, "fallback", row["level"], "fallback", at, at) for name in others]


# -- news ----------------------------------------------------------------------------------------------------------


def _news(connection: Connection, notify: Notify, zone: ZoneInfo, at: datetime) -> Iterable[dict[str, Any]]:
    position = connection.execute(select(t.notify_cursor.c.position).where(t.notify_cursor.c.name == _CURSOR)).scalar()
    history, finding = t.finding_history.c, t.finding.c
    found = connection.execute(
        select(history.id, history.finding_id, history.what, history.detail, finding.level, finding.vendor)
        .join_from(t.finding_history, t.finding, history.finding_id == finding.id)
        .where(
            history.id > (position or 0),
            history.what.in_(TOLD),
            or_(finding.status.in_(OPEN), and_(finding.status == "suppressed", history.what == WHILE_HIDDEN)),
            history.at >= (iso(at - FIRST_LOOK_BACK) if position is None else ""),
        )
        .order_by(history.id)
    ).all()
    newest = connection.execute(select(history.id).order_by(history.id.desc()).limit(1)).scalar()
    if newest is not None and newest != position:
        upsert(connection, t.notify_cursor, [{"name": _CURSOR, "position": newest}])
    first: dict[str, Any] = {}  # several things at once of one finding are told as one
    for row in found:
        first.setdefault(row.finding_id, row)
    for row in first.values():
        for channel, digest in _channels(notify, row.level, row.vendor).items():
            due = _digest_time(notify, zone, at) if digest else _after_quiet(notify, zone, row.level, at)
            yield _row(row.finding_id, channel, row.what, row.level, str(row.id), at, due, digest=digest)


def _channels(notify: Notify, level: str, vendor: str | None) -> dict[str, bool]:
    """Channels for a finding, and whether it only goes into their digest; telling at once wins."""
    found: dict[str, bool] = {}
    for route in notify.routes:
        if LEVELS.index(level) < LEVELS.index(route.level) or (route.vendors is not None and vendor not in route.vendors):
            continue
        for name in route.channels:
            found[name] = found.get(name, True) and route.digest
    return found


# -- escalation ----------------------------------------------------------------------------------------------------


def _escalations(connection: Connection, notify: Notify, zone: ZoneInfo, at: datetime) -> Iterable[dict[str, Any]]:
    escalation = notify.escalation
    if escalation is None:
        return
    levels = LEVELS[LEVELS.index(escalation.level) :]
    open_findings = connection.execute(
        select(t.finding.c.id, t.finding.c.level).where(t.finding.c.status == "new", t.finding.c.level.in_(levels))
    ).all()
    begun = _begun(connection, [row.id for row in open_findings], levels)
    for row in open_findings:
        since = begun.get(row.id)
        if since is None or at < since:
            continue
        told = _told_at_once(connection, row.id, since)
        for number in _numbers(escalation, since, at):
            step = escalation.steps[min(number, len(escalation.steps) - 1)]
            for channel in step:
                if number == 0 and channel in told:
                    continue
                key = f"{iso(since)}/{number}"
                due = _after_quiet(notify, zone, row.level, at)
                yield _row(row.id, channel, "escalation", row.level, key, at, due, step=number + 1)


def _numbers(escalation: Escalation, since: datetime, at: datetime) -> Sequence[int]:
    """Steps that are due: every contact once, then the last one as often as time has come round (missed rounds are one)."""
    reached = min(int((at - since).total_seconds() // escalation.every), _MOST_STEPS)
    last = len(escalation.steps) - 1
    return [*range(min(reached, last) + 1), *([reached] if reached > last else [])]


def _begun(connection: Connection, ids: Sequence[str], levels: Sequence[str]) -> dict[str, datetime]:
    """Since when each finding has waited for somebody at a level that escalates: its creation, rise or last reopening."""
    found: dict[str, datetime] = {}
    for start in range(0, len(ids), 500):
        history = connection.execute(
            select(t.finding_history)
            .where(
                t.finding_history.c.finding_id.in_(ids[start : start + 500]), t.finding_history.c.what.in_((*TOLD, "put_back"))
            )
            .order_by(t.finding_history.c.id)
        )
        for row in history:
            detail = json.loads(row.detail)
            level = detail.get("to") or detail.get("level")
            again = row.what in ("reopened", "put_back", "unsuppressed")
            if again or (row.finding_id not in found and level in levels):
                found[row.finding_id] = datetime.fromisoformat(row.at)
    return found


def _told_at_once(connection: Connection, finding_id: str, since: datetime) -> set[str]:
    """Channels that have a message of the finding already, for the same reason."""
    c = t.notification.c
    wanted = select(c.channel).where(
        c.finding_id == finding_id, c.reason.in_(TOLD), c.planned_at >= iso(since), c.digest.is_(False)
    )
    return set(connection.execute(wanted).scalars())


# -- when ----------------------------------------------------------------------------------------------------------


def _after_quiet(notify: Notify, zone: ZoneInfo, level: str, at: datetime) -> datetime:
    """``at``, or the end of the quiet hours that it falls into."""
    quiet = notify.quiet_hours
    local = at.astimezone(zone)
    if quiet is None or level == "critical" or local.hour * 60 + local.minute not in quiet:
        return at
    return _next(local, quiet.to)


def _digest_time(notify: Notify, zone: ZoneInfo, at: datetime) -> datetime:
    return _next(at.astimezone(zone), notify.digest_at)


def _next(local: datetime, minute: int) -> datetime:
    """The next time at which the wall clock shows ``minute`` of the day."""
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for ahead in range(3):
        when = (day + timedelta(days=ahead, minutes=minute)).replace(tzinfo=local.tzinfo)
        if when > local:
            return when
    raise AssertionError("a day has an end")


# -- rows ----------------------------------------------------------------------------------------------------------


def _row(
    finding_id: str,
    channel: str,
    reason: str,
    level: str,
    key: str,
    at: datetime,
    due: datetime,
    *,
    step: int = 0,
    digest: bool = False,
) -> dict[str, Any]:
    name = "\x1f".join((finding_id, channel, reason, key))
    return {
        "id": hashlib.sha256(name.encode()).hexdigest()[:32],
        "finding_id": finding_id,
        "channel": channel,
        "reason": reason,
        "step": step,
        "level": level,
        "digest": digest,
        "planned_at": iso(at),
        "due_at": iso(due),
        "state": "waiting",
        "attempts": 0,
    }


def _not_there(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    known: set[str] = set()
    ids = [row["id"] for row in rows]
    for start in range(0, len(ids), 500):
        known |= set(
            connection.execute(select(t.notification.c.id).where(t.notification.c.id.in_(ids[start : start + 500]))).scalars()
        )
    return [row for row in rows if row["id"] not in known]


def _drop_idle(connection: Connection) -> None:
    """Nobody needs to be told of what is closed, nor called to what somebody has taken up."""
    c, f = t.notification.c, t.finding.c
    hidden = and_(f.status == "suppressed", c.reason != WHILE_HIDDEN)
    closed = exists().where(f.id == c.finding_id, or_(f.status == "resolved", hidden))
    taken_up = exists().where(f.id == c.finding_id, f.status != "new")
    connection.execute(
        update(t.notification)
        .where(c.state == "waiting", or_(closed, and_(c.reason == "escalation", taken_up)))
        .values(state="dropped")
    )
