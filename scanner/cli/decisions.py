"""``findings ack``, ``close``, ``reopen``, ``assign``, ``note``, ``clock``: what people decide about a finding."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
from scanner.cli.data import moment, one_finding, open_workspace
from scanner.cli.output import Settings, say
from scanner.config import load_config
from scanner.findings import CLOCKS, VERDICTS, Decision, FindingStore, decide

_Id = Annotated[str, typer.Argument(metavar="ID", help="The finding; the beginning of its id is enough.")]
_Note = Annotated[str | None, typer.Option(help="A remark for its history.")]


def ack(context: typer.Context, finding_id: _Id, note: _Note = None) -> None:
    """Take a finding up: nobody else is told of it any more."""
    _decide(context, finding_id, Decision(status="in_progress", note=note))


def close(
    context: typer.Context,
    finding_id: _Id,
    verdict: Annotated[str, typer.Option(help=", ".join(VERDICTS))],
    note: _Note = None,
) -> None:
    """Close a finding with a verdict."""
    _decide(context, finding_id, Decision(status="resolved", verdict=verdict, note=note))


def reopen(context: typer.Context, finding_id: _Id, note: _Note = None) -> None:
    """Open a closed finding again; its verdict is taken back."""
    _decide(context, finding_id, Decision(status="new", note=note))


def assign(
    context: typer.Context, finding_id: _Id, person: Annotated[str, typer.Argument(help='Who works on it; "" for nobody.')]
) -> None:
    """Say who works on a finding."""
    _decide(context, finding_id, Decision(assignee=person))


def note(context: typer.Context, finding_id: _Id, text: Annotated[str, typer.Argument(help="The remark.")]) -> None:
    """Add a remark to a finding's history."""
    _decide(context, finding_id, Decision(note=text))


def clock(
    context: typer.Context,
    finding_id: _Id,
    name: Annotated[str, typer.Argument(help=", ".join(CLOCKS))],
    at: Annotated[str, typer.Argument(metavar="TIME", help="ISO 8601; without an offset in the configuration's time zone.")],
) -> None:
    """Set a clock of a possible breach; 72 hours after `aware` the people concerned have to be told."""
    settings: Settings = context.obj
    zone = load_config(Path(settings.config) if settings.config else None).time_zone
    _decide(context, finding_id, Decision(clocks={name: moment(at, zone)}))


DECISIONS: dict[str, Callable[..., None]] = {
    "ack": ack,
    "close": close,
    "reopen": reopen,
    "assign": assign,
    "note": note,
    "clock": clock,
}


def _decide(context: typer.Context, finding_id: str, decision: Decision) -> None:
    settings: Settings = context.obj
    workspace = open_workspace(settings)
    store = FindingStore(workspace.state)
    found = one_finding(store, finding_id)
    decide(workspace.state, found["id"], decision, actor=f"cli:{user()}", seen=found["updated_at"])
    after = store.get(found["id"])
    assert after is not None
    if settings.as_json:
        output.print_json(after)
    else:
        say(f"{after['id']} is {after['status']}" + (f", {after['verdict']}" if after["verdict"] else ""))


def user() -> str:
    """Who runs the command, as the machine knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user data base
        return "unknown"
