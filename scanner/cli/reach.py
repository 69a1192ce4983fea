"""``vendors --seen``: what part of all customers each vendor has seen. ``vendors --habits``: what is known of every account."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from datetime import datetime
from typing import Any

from scanner.cli import output
from scanner.engine import Engine, open_event_engine
from scanner.habits import LEARN_DAYS, from_rows, standing
from scanner.people import seen_of_late
from scanner.pipeline import Workspace
from scanner.store.state import newest_event


def seen(workspace: Workspace) -> list[dict[str, Any]]:
    """People whom each vendor has seen in the days up to the newest event: each once, whichever account read them."""
    newest = newest_event(workspace.state)
    if newest is None:
        return []

    def querying(since: datetime, until: datetime) -> AbstractContextManager[Engine]:
        files = workspace.events.files(since, until)
        return closing(open_event_engine(workspace.events.folder, files, spill_to=workspace.spill))

    found = [row for row in seen_of_late(querying, newest) if row["vendor"] is not None]
    return sorted(found, key=lambda row: (row["vendor"], row["database"], row["table"], row["days"]))


def habits(workspace: Workspace) -> list[dict[str, Any]]:
    """What is known of every account: own habit, still young, its vendor's, or still learning."""
    rows = []
    for database in workspace.config.databases:
        accounts = workspace.ledger.load("habit_account", database)
        known = from_rows(accounts, (), workspace.ledger.load("habit_day", database))
        for account in accounts:
            mine = known.days.get(account["account"], {})
            now = standing(mine)
            rows.append(
                {
                    "database": database,
                    "account": account["account"],
                    "vendor": account["vendor"],
                    "since": account["first_event"],
                    "last_event": account["last_event"],
                    "active_days": len(mine),
                    "state": now.source if now.middle is not None else "learning",
                    "people_a_day": now.middle,
                }
            )
    return sorted(rows, key=lambda row: (row["vendor"] or "", row["database"], row["account"]))


def print_seen(rows: list[dict[str, Any]]) -> None:
    """A line a vendor, table and window."""
    heads = (("vendor", "left"), ("people of", "left"), ("days", "right"), ("people", "right"), ("share of all", "right"))
    output.table(
        heads,
        [
            (
                row["vendor"],
                f"{row['database']}: {row['table']}",
                row["days"],
                output.people(row["people"]),
                f"{row['share']:.1%}" if row["share"] is not None else "–",
            )
            for row in rows
        ],
    )


def print_habits(rows: list[dict[str, Any]]) -> None:
    """A line an account."""
    words = {"own": "own habit", "young": "own, before its first month end", "learning": "learning"}
    heads = (("vendor", "left"), ("account", "left"), ("habit", "left"), ("people a day", "right"), ("last event", "left"))
    output.table(
        heads,
        [
            (
                row["vendor"] or "(own)",
                f"{row['account']} on {row['database']}",
                words[row["state"]] + (f", {row['active_days']} of {LEARN_DAYS} days" if row["state"] == "learning" else ""),
                f"{row['people_a_day']:,.0f}" if row["people_a_day"] is not None else "–",
                row["last_event"][:16] + "Z",
            )
            for row in rows
        ],
    )
