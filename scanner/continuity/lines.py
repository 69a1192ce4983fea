"""Sessions whose lines are numbered: what is missing, and what stands there twice.

One entry an open session is carried from slice to slice: the next line that is due, the last audited statement. A session is
forgotten when it has ended and nothing of it is missing. What is missing stays noted until the end of the scan, because another
file of the same log may hold it; then it is an observation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scanner.continuity.observation import Observation, Sign
from scanner.continuity.trail import Trail

MOST_SESSIONS = 10_000
"""Open sessions remembered a source; more connections than that no server has at once."""
_LONG_BEGINNING = 10  # so many lines are missing from the beginning of a session that an excerpt begins in the middle of
_ADJACENT = 64 * 1024  # bytes
_MOST_GAPS = 5_000
_MOST_SKIPS = 500


@dataclass
class Session:
    """An open session."""

    due: int  # the next line; -1 where lines have no numbers
    statement: int  # the last audited statement; 0 before the first, -1 unknown
    account: str | None
    time: int
    file: str  # where its last record lies
    end: int
    path: str
    connected: bool  # its beginning was read
    audits: int
    lost: int = 0  # lines missing since its last audited statement: their statement ids are missing with them

    def to_json(self) -> list[Any]:
        return [
            self.due,
            self.statement,
            self.account,
            self.time,
            self.file,
            self.end,
            self.path,
            self.connected,
            self.audits,
            self.lost,
        ]


@dataclass
class Gap:
    """Line numbers (or statement ids) ``first`` to ``last`` of a session that were not found."""

    session: str
    first: int
    last: int
    account: str | None
    by: str  # lines | statements
    begins: bool  # nothing of the session was read before
    before: tuple[str, int, str]  # file, end of the record before the gap, path
    after: tuple[str, int, int, str]  # file, offset, length of the record behind it, path
    time_before: int
    time_after: int
    cut: list[str]  # sessions that break off right before the place; emptied when one turns out to go on

    def to_json(self) -> list[Any]:
        return [*vars(self).values()]

    @classmethod
    def from_json(cls, values: list[Any]) -> Gap:
        session, first, last, account, by, begins, before, after, *rest = values
        return cls(session, first, last, account, by, begins, tuple(before), tuple(after), *rest)


@dataclass
class Sessions:
    """All open sessions of one audit source, and what is missing so far."""

    covered: int | None = None  # second since 1970 after which every session's beginning must have been read
    open: dict[str, Session] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    skips: list[tuple[str, int, int]] = field(default_factory=list)  # file, offset, length of recent unreadable bytes
    scans: int = 0  # concluded so far
    found: list[Observation] = field(default_factory=list)  # not yet handed out
    ended: list[tuple[str | None, bool, int, str]] = field(default_factory=list)  # account, audited, time, session

    # -- what a slice brings -------------------------------------------------------------------------------------

    def follow(self, trail: Trail) -> None:
        """Take in one slice."""
        if trail.first is not None and self.covered is None:
            self.covered = trail.first.time // 1_000_000 - (1 if trail.first_begins else 0)
        self.skips += [(trail.file.id, skip.offset, skip.length) for skip in trail.skips]
        del self.skips[:-_MOST_SKIPS]
        for run in trail.runs.to_pylist():
            if not run["session"].startswith("day"):  # a made-up name: a process number may be taken again the same day
                self._run(trail, run)
        if len(self.open) > MOST_SESSIONS:
            self._forget_some()
        del self.gaps[:-_MOST_GAPS]

    def _run(self, trail: Trail, run: dict[str, Any]) -> None:
        name, first, statement = run["session"], run["first_line"], run["first_statement"]
        session = self.open.get(name)
        for gap in self.gaps:
            if name in gap.cut:
                gap.cut = []
        if session is None:
            if first >= 0 and self._filled(name, first, run["last_line"]):
                return  # of a session that is over: the part that was missing
            session = self._begun(run)
            self.open[name] = session
        if session.account is None:
            session.account = run["account"]
        missing = self._compare_lines(trail, run, session) if first >= 0 and session.due >= 0 else False
        if statement >= 0:
            step = statement - session.statement
            if session.statement >= 0 and not missing and step - 1 > session.lost:
                self._note(trail, run, session, session.statement + 1, statement - 1, "statements")
            elif session.statement >= 0 and not missing and step < 0 and session.file == trail.file.id:
                self._repeat(trail, run, session, "audited statement", statement, session.statement, 1)
            session.statement = max(run["last_statement"], session.statement)
            session.lost = 0
        if run["last_line"] >= 0:
            session.due = max(session.due, run["last_line"] + 1)
        session.time = max(session.time, run["last_time"])
        session.file, session.end, session.path = trail.file.id, run["last_end"], trail.file.path
        session.connected |= run["connects"]
        session.audits += run["audits"]
        if run["ends"]:
            if session.connected:
                self.ended.append((session.account, session.audits > 0, session.time, name))
            del self.open[name]

    def _begun(self, run: dict[str, Any]) -> Session:
        """A session of which nothing was read so far."""
        first = run["first_line"]
        started = start_of(run["session"])
        in_sight = started is not None and self.covered is not None and started > self.covered
        at_start = first in (0, 1) or (first < 0 and run["connects"])
        due = first if first < 0 or not in_sight else 1
        statement = 0 if at_start or (in_sight and first < 0) else -1
        session = Session(due, statement, run["account"], run["first_time"], "", 0, "", at_start, 0)
        if not in_sight and not at_start:
            session.due = first  # begun before all that was read: nobody knows what came before
        return session

    def _compare_lines(self, trail: Trail, run: dict[str, Any], session: Session) -> bool:
        """Whether lines are missing before this run, or it is not where it belongs."""
        first = run["first_line"]
        if first == session.due:
            return False
        if first > session.due:
            self._note(trail, run, session, session.due, first - 1, "lines")
            session.lost += first - session.due
            return True
        if self._filled(run["session"], first, run["last_line"]):
            return True
        if session.file == trail.file.id and run["first_offset"] >= session.end:
            again = max(1, min(run["last_line"], session.due - 1) - first + 1)
            self._repeat(trail, run, session, "line", first, session.due - 1, again)
        return True

    def _repeat(
        self, trail: Trail, run: dict[str, Any], session: Session, unit: str, number: int, behind: int, count: int
    ) -> None:
        name = run["session"]
        what = f"{unit} {number} of session {name}{_whose(session.account)} stands there again, behind {unit} {behind}"
        self.found.append(
            Observation(
                Sign.REPEATED,
                what,
                run["first_time"],
                (name, unit, number, trail.file.id, run["first_offset"]),
                count,
                session.account,
                name,
                trail.file.path,
                trail.file.id,
                run["first_offset"],
                run["first_length"],
                {"by": unit, "number": number, "behind": behind},
            )
        )

    def _filled(self, name: str, first: int, last: int) -> bool:
        """Take lines that came late out of what is missing."""
        kept: list[Gap] = []
        hit = False
        for gap in self.gaps:
            if gap.session != name or gap.by != "lines" or last < gap.first or first > gap.last:
                kept.append(gap)
                continue
            hit = True
            for low, high in ((gap.first, first - 1), (last + 1, gap.last)):
                if low <= high:
                    kept.append(Gap.from_json([gap.session, low, high, *gap.to_json()[3:]]))
        self.gaps = kept
        return hit

    def _note(self, trail: Trail, run: dict[str, Any], session: Session, first: int, last: int, by: str) -> None:
        before = (session.file, session.end, session.path)
        after = (trail.file.id, run["first_offset"], run["first_length"], trail.file.path)
        begins = not session.file
        name = run["session"]
        cut = self._broken_off(trail.file.id, run["first_offset"]) if begins and last >= _LONG_BEGINNING else []
        self.gaps.append(Gap(name, first, last, session.account, by, begins, before, after, session.time, run["first_time"], cut))

    def _broken_off(self, file: str, place: int) -> list[str]:
        """Clients' sessions that were under way right before ``place``, in the first scan of a log.

        A log may have been put together from excerpts before anybody watched it: then all sessions break off at a place,
        and others are under way behind it. As soon as one session is seen on both sides it is no excerpt but a hole.
        """
        near = (gap for gap in self.gaps if gap.begins and gap.after[0] == file and place - gap.after[1] < _ADJACENT)
        under_way = {gap.session for gap in near}  # behind the same place
        mine = {name: s for name, s in self.open.items() if s.file == file and s.end and name not in under_way}
        if self.scans or any(s.end > place for s in mine.values()):
            return []
        cut = [name for name, s in mine.items() if s.account is not None]
        return cut if any(place - mine[name].end < _ADJACENT for name in cut) else []

    def _forget_some(self) -> None:
        """The longest unheard ones; from now on sessions as old as these may go on without a beginning."""
        by_age = sorted(self.open, key=lambda name: self.open[name].time)
        for name in by_age[: len(self.open) - MOST_SESSIONS]:
            del self.open[name]
            self.covered = max(self.covered or 0, start_of(name) or 0)

    # -- what is known at the end of a scan ----------------------------------------------------------------------

    def conclude(self, unfinished: frozenset[str]) -> list[Observation]:
        """Observations of what is missing now that every file was read.

        ``unfinished``: files that hold more than was read of them (half a record at their end, or more than this scan was to
        read). What may still stand there is left for the next scan.
        """
        found, self.found = self.found, []
        waiting: list[Gap] = []
        for gap in self.gaps:
            if gap.before[0] in unfinished and gap.before[0] != gap.after[0]:
                waiting.append(gap)
            elif not gap.cut and not self._explained(gap):
                found.append(_hole(gap))
        self.gaps = waiting
        self.scans += 1
        return found

    def _explained(self, gap: Gap) -> bool:
        """Bytes between the two records could not be read: that is another observation."""
        return any(
            file == gap.after[0] and offset < gap.after[1] and (gap.before[0] != file or offset >= gap.before[1])
            for file, offset, _ in self.skips
        )

    def forget_before(self, second: int) -> None:
        """The server was started at ``second``: sessions from before are over, whether their end was logged or not."""
        for name in [n for n in self.open if (start_of(n) or second) < second]:
            del self.open[name]

    # -- keeping -------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        return {
            "covered": self.covered,
            "open": {name: session.to_json() for name, session in self.open.items()},
            "gaps": [gap.to_json() for gap in self.gaps],
            "skips": self.skips,
            "scans": self.scans,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Sessions:
        return cls(
            data["covered"],
            {name: Session(*values) for name, values in data["open"].items()},
            [Gap.from_json(values) for values in data["gaps"]],
            [(file, offset, length) for file, offset, length in data["skips"]],
            data["scans"],
        )


def start_of(session: str) -> int | None:
    """Second since 1970 in which a PostgreSQL session began: its id says so."""
    head, _, tail = session.partition(".")
    try:
        return int(head, 16) if tail else None
    except ValueError:
        return None


def _hole(gap: Gap) -> Observation:
    count = gap.last - gap.first + 1
    unit = "line" if gap.by == "lines" else "audited statement"
    which = f"{unit} {gap.first}" if count == 1 else f"{unit}s {gap.first} to {gap.last}"
    verb = " is missing" if count == 1 else " are missing"
    where = ""
    if gap.begins:
        which = f"the first {count:,} {unit}s" if count > 1 else f"the first {unit}"
    elif gap.before[0] == gap.after[0]:
        where = f", between bytes {gap.before[1]} and {gap.after[1]} of {gap.after[3]}"
    else:
        where = f", between the end of what was read of {gap.before[2]} and byte {gap.after[1]} of {gap.after[3]}"
    return Observation(
        Sign.HOLE,
        f"of session {gap.session}{_whose(gap.account)} {which}{verb}{where}",
        gap.time_after,
        (gap.session, gap.by, gap.first, gap.last),
        count,
        gap.account,
        gap.session,
        gap.after[3],
        gap.after[0],
        gap.after[1],
        gap.after[2],
        {
            "by": gap.by, "first": gap.first, "last": gap.last, "begins": gap.begins,
            "before": list(gap.before), "after": list(gap.after), "time_before": gap.time_before,
        },
    )  # fmt: skip


def _whose(account: str | None) -> str:
    return f" of {account}" if account else ""


def accounts_of(ended: list[tuple[str | None, bool, int, str]]) -> Iterator[tuple[str, bool, int, str]]:
    """Ended sessions that had an account."""
    for account, audited, time, session in ended:
        if account:
            yield account, audited, time, session
