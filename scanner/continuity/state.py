"""What is remembered about one audit source, so that what is missing from its log shows: committed with every batch.

:meth:`SourceState.follow` takes in one slice's :class:`~scanner.continuity.trail.Trail`; :meth:`SourceState.conclude` says, at
the end of a scan, what was found. Both depend on what was read and on nothing else (the present time is an argument), and an
observation has the same key each time it is made, so a scan that is killed and run again ends with the same findings once.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from scanner.continuity.lines import Sessions, accounts_of, start_of
from scanner.continuity.observation import Observation, Sign, few
from scanner.continuity.queries import Queries
from scanner.continuity.speech import HOUR, Account, QuietDay, Speech, trim
from scanner.continuity.trail import Note, StepBack, Trail
from scanner.model import SourceNotice

_ROLLBACK = 60_000_000  # microseconds by which a shutdown may seem to precede what clients did before it
_SHUT_DOWN = re.compile(r"database system was shut down at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (\S+)")
_RECOVERY = re.compile(r"starting (point-in-time|backup|archive) recovery")
_CHANGED = re.compile(r'parameter "([^"]+)" (?:changed to "(.*)"|removed from configuration)', re.DOTALL)
_OFF = frozenset({"off", "false", "no", "none", "0"})
_BY_DEFAULT_OFF = ("log_connections", "log_disconnections", "log_replication_commands", "logging_collector")
_WHERE = ("log_destination", "log_directory", "log_filename", "log_line_prefix", "shared_preload_libraries")
_DAY = 24 * HOUR
_RENEWED = 12 * HOUR  # what lasts is told again so often: within the time in which hits join one finding


@dataclass
class SourceState:
    """One audit source. Not safe for two writers: the scan lock is held."""

    sessions: Sessions = field(default_factory=Sessions)
    queries: Queries = field(default_factory=Queries)
    speech: Speech = field(default_factory=Speech)
    accounts: dict[str, Account] = field(default_factory=dict)
    latest_work: int = -1
    out_of_reach: dict[str, int] = field(default_factory=dict)  # path -> since when it cannot be read
    found: list[Observation] = field(default_factory=list)

    # -- what a slice brings ---------------------------------------------------------------------------------------

    def follow(self, trail: Trail, zone: ZoneInfo) -> None:
        """Take in one slice; ``zone`` is the source's."""
        for note in trail.notes:
            self._start(note, trail, zone)
            self._settings(note, trail)
        if trail.numbering == "lines":
            self.sessions.follow(trail)
        elif trail.holes is not None and trail.connections is not None:
            self.found += self.queries.follow(trail.file, trail.holes, trail.connections)
        for account, audited, time, session in accounts_of(self.sessions.ended + self.queries.ended):
            known = self.accounts.setdefault(account, Account())
            if known.ended(audited, time):
                self.found.append(_account_silent(account, known, time, session))
        self.sessions.ended.clear()
        self.queries.ended.clear()
        trim(self.accounts)
        self.latest_work = max(self.latest_work, trail.latest_work)
        self.speech.heard(trail.latest, trail.hours, trail.longest_pause, zone)
        self.found += [_clock(step, trail) for step in trail.steps_back if not _summer_time(step, zone)]
        self.found += _unreadable(trail)

    def _settings(self, note: Note, trail: Trail) -> None:
        """The server has read its configuration anew: who changed the file, no audit line says."""
        changed = _CHANGED.match(note.message)
        if changed is None or not _hides(changed[1], changed[2]):
            return
        what = f'the server read its configuration anew: {changed[1]} is now "{changed[2]}"'
        if changed[2] is None:
            what = f"the server read its configuration anew: {changed[1]} is not set any more"
        self.found.append(
            Observation(
                Sign.SETTINGS,
                what,
                note.place.time,
                (trail.file.id, note.place.offset),
                path=trail.file.path,
                file_id=trail.file.id,
                offset=note.place.offset,
                length=note.place.length,
                facts={"setting": changed[1], "value": changed[2]},
            )
        )

    def _start(self, note: Note, trail: Trail, zone: ZoneInfo) -> None:
        shut = _SHUT_DOWN.search(note.message)
        before = max(self.latest_work, note.work_before)
        what = ""
        if shut is not None:
            then = _moment(shut[1], shut[2], zone)
            if then is not None and 0 <= then < before - _ROLLBACK:
                what = (
                    f"the server starts from data that were shut down at {_shown(then)}, but clients worked on it until "
                    f"{_shown(before)}: it was set back to an earlier state"
                )
        elif _RECOVERY.search(note.message) is not None and before >= 0:
            what = f'the server says "{note.message}": it was set back from a backup'
        if what:
            self.found.append(
                Observation(
                    Sign.ROLLED_BACK,
                    what,
                    note.place.time,
                    (trail.file.id, note.place.offset),
                    path=trail.file.path,
                    file_id=trail.file.id,
                    offset=note.place.offset,
                    length=note.place.length,
                    facts={"message": note.message, "work_until": before},
                )
            )
        if "ready to accept" in note.message and note.place.time >= 0:
            self.sessions.forget_before(note.place.time // 1_000_000 - 3600)

    # -- what the reading itself met -------------------------------------------------------------------------------

    def met(self, notices: Sequence[SourceNotice], now: int) -> list[str]:
        """Notices of this scan's reading. Returns the paths that can be read again."""
        unreadable = {notice.path: notice for notice in notices if notice.fatal and not notice.kind}
        for path, notice in unreadable.items():
            since = self.out_of_reach.setdefault(path, now)
            if self.speech.latest < 0 and now - since < _DAY:
                continue  # never read so far: being set up
            last = f"; the last record read is of {_shown(self.speech.latest)}" if self.speech.latest >= 0 else ""
            what = f"{path} cannot be read since {_shown(since)} ({notice.reason}){last}"
            which = (path, since, (now - since) // _RENEWED)
            self.found.append(Observation(Sign.UNREADABLE, what, now, which, path=path, facts={"since": since}))
        back = [path for path in self.out_of_reach if path not in unreadable]
        for path in back:
            del self.out_of_reach[path]
        for notice in notices:
            if notice.kind and notice.file is not None:
                what = f"{notice.path} {notice.reason}"
                subject = (notice.file.id, notice.kind, notice.offset)
                facts = {"kind": notice.kind, "read_up_to": notice.offset}
                one = Observation(
                    Sign.REWRITTEN, what, now, subject, path=notice.path, file_id=notice.file.id, offset=None, facts=facts
                )
                self.found.append(one)
        return back

    # -- the end of a scan -------------------------------------------------------------------------------------------

    def conclude(
        self, now: int, zone: ZoneInfo, quiet: QuietDay, *, unfinished: frozenset[str], complete: bool
    ) -> list[Observation]:
        """Everything found since this was asked last. ``complete``: the scan read all there was (no ``until``, no failure)."""
        found, self.found = self.found + self.sessions.conclude(unfinished) + self.queries.conclude(unfinished), []
        if complete and self.speech.latest >= 0:
            if 0 <= now - self.speech.latest < HOUR:
                self.speech.alive += 1
            silent = self.speech.silence(now, zone, quiet)
            if silent is not None:
                long, allowed = silent
                what = (
                    f"no record since {_shown(self.speech.latest)}, {_long(long)} ago; at this time of the week it has always "
                    f"spoken within {_long(allowed)}"
                )
                subject = (self.speech.latest, long // _RENEWED)
                found.append(Observation(Sign.SILENT, what, now, subject, facts={"last": self.speech.latest, "allowed": allowed}))
        return few(found)

    # -- keeping -----------------------------------------------------------------------------------------------------

    def pack(self) -> bytes:
        """As the state database keeps it; what was found but not concluded is carried too."""
        document = {
            "version": 1,
            "sessions": self.sessions.to_json(),
            "queries": self.queries.to_json(),
            "speech": self.speech.to_json(),
            "accounts": {name: [*vars(account).values()] for name, account in self.accounts.items()},
            "latest_work": self.latest_work,
            "out_of_reach": self.out_of_reach,
            "found": [_plain(one) for one in [*self.found, *self.sessions.found]],
        }
        return zlib.compress(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(), 1)

    @classmethod
    def unpack(cls, data: bytes) -> SourceState:
        """The state that :meth:`pack` was given."""
        document = json.loads(zlib.decompress(data))
        return cls(
            Sessions.from_json(document["sessions"]),
            Queries.from_json(document["queries"]),
            Speech(*document["speech"]),
            {name: Account(*values) for name, values in document["accounts"].items()},
            document["latest_work"],
            document["out_of_reach"],
            [Observation(**{**one, "sign": Sign(one["sign"]), "subject": tuple(one["subject"])}) for one in document["found"]],
        )


def _hides(name: str, value: str | None) -> bool:
    """Whether a logging setting with this value (None: its default) tells less than it could."""
    if name == "pgaudit.log":
        return value is None or value.strip().lower() != "all"
    if name in ("log_min_messages", "log_min_error_statement"):
        return value is not None and value.lower() in ("fatal", "panic")
    if name in _BY_DEFAULT_OFF:
        return value is None or value.lower() in _OFF
    if name.startswith("pgaudit."):
        return name != "pgaudit.log_statement_once" and value is not None and value.lower() in _OFF
    return name in _WHERE


def _plain(one: Observation) -> dict[str, object]:
    return {**vars(one), "sign": str(one.sign), "subject": list(one.subject), "facts": dict(one.facts)}


def _account_silent(account: str, known: Account, time: int, session: str) -> Observation:
    what = (
        f"{known.streak} sessions of {account} in a row, the first ended {_shown(known.since)}, hold not one audit line, after "
        f"{known.audited} of {known.sessions} sessions did"
    )
    facts = {"since": known.since, "sessions": known.streak, "audited_before": known.audited, "sessions_before": known.sessions}
    return Observation(Sign.ACCOUNT_SILENT, what, time, (account, known.since), known.streak, account, session, facts=facts)


def _clock(step: StepBack, trail: Trail) -> Observation:
    back = step.before - step.place.time
    what = (
        f"times go back by {_long(back)} to {_shown(step.place.time)} at byte {step.place.offset} of {trail.file.path}, "
        f"against the order of the log ({step.records:,} records)"
    )
    place = step.place
    return Observation(
        Sign.CLOCK,
        what,
        place.time,
        (trail.file.id, place.offset),
        step.records,
        path=trail.file.path,
        file_id=trail.file.id,
        offset=place.offset,
        length=place.length,
        facts={"before": step.before, "back": back},
    )


def _summer_time(step: StepBack, zone: ZoneInfo) -> bool:
    """A log without zones repeats an hour when summer time ends: its times go back by that, and mean no harm."""
    around = [_local(step.before + hours * HOUR, zone).utcoffset() or timedelta() for hours in (-3, 3)]
    change = abs(int((around[1] - around[0]).total_seconds())) * 1_000_000
    return change > 0 and step.before - step.place.time <= change + 120_000_000


def _unreadable(trail: Trail) -> list[Observation]:
    found = []
    if trail.skips:
        size = sum(skip.length for skip in trail.skips)
        first = trail.skips[0]
        places = ", ".join(str(skip.offset) for skip in trail.skips[:5]) + (" …" if len(trail.skips) > 5 else "")
        what = (
            f"{size:,} bytes of {trail.file.path} in {len(trail.skips):,} places are no records (bytes {places}): {first.reason}"
        )
        found.append(
            Observation(
                Sign.SKIPPED,
                what,
                max(trail.latest, 0),
                (trail.file.id, first.offset, "skips"),
                len(trail.skips),
                path=trail.file.path,
                file_id=trail.file.id,
                facts={"places": [[skip.offset, skip.length] for skip in trail.skips[:100]], "bytes": size},
            )
        )
    if trail.unreadable:
        place = trail.unreadable_places[0]
        offsets = ", ".join(str(p.offset) for p in trail.unreadable_places[:5]) + (" …" if trail.unreadable > 5 else "")
        what = (
            f"{trail.unreadable:,} records of {trail.file.path} claim to be audit lines and are none, or can be read in more "
            f"than one way (bytes {offsets})"
        )
        found.append(
            Observation(
                Sign.SKIPPED,
                what,
                max(place.time, 0),
                (trail.file.id, place.offset, "unreadable"),
                trail.unreadable,
                path=trail.file.path,
                file_id=trail.file.id,
                offset=place.offset,
                length=place.length,
                facts={"records": trail.unreadable},
            )
        )
    return found


def _moment(text: str, zone_text: str, zone: ZoneInfo) -> int | None:
    """Microseconds since 1970; None for an abbreviation that means neither UTC nor the source's own zone."""
    naive = datetime.fromisoformat(text)
    if zone_text in ("UTC", "GMT"):
        known = naive.replace(tzinfo=UTC)
    else:
        known = naive.replace(tzinfo=zone)
        if known.tzname() != zone_text:
            return None
    return int(known.timestamp()) * 1_000_000


def _local(time: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).astimezone(zone)


def _shown(time: int) -> str:
    return f"{_local(time, ZoneInfo('UTC')):%Y-%m-%d %H:%M:%S}Z"


def _long(span: int) -> str:
    seconds = span // 1_000_000
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds} seconds"


__all__ = ["SourceState", "start_of"]
