"""``notify``: who is told of findings, and what did not arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
from scanner.cli.output import Settings, say
from scanner.config import Config, load_config
from scanner.errors import NotifyError
from scanner.notify import STATES, listed, retry, tell, try_channel
from scanner.pipeline import Workspace
from scanner.watchdog import watch

notify_app = typer.Typer(help="Who is told of findings.", no_args_is_help=True)


def _config(context: typer.Context) -> Config:
    settings: Settings = context.obj
    return load_config(Path(settings.config) if settings.config else None)


@notify_app.command("run")
def run(context: typer.Context) -> None:
    """Tell what is due: for cron, every minute, where `serve` does not run. A scan does it too."""
    config = _config(context)
    state = Workspace.open(config).state
    watch(state, config)
    told = tell(state, config)
    settings: Settings = context.obj
    if settings.as_json:
        output.print_json(
            {"planned": told.planned, "sent": told.sent, "failed": told.failed, "dead": told.dead, "errors": told.errors}
        )
    else:
        say(f"{told.sent} messages sent, {told.failed} to be tried again, {told.dead} given up")
        for channel, error in told.errors.items():
            say(f"  {channel}: {error}", "red")
    if told.errors:
        raise typer.Exit(2)


@notify_app.command("list")
def list_messages(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help=", ".join(STATES))] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most messages shown.")] = 50,
) -> None:
    """Messages and what became of them, the newest first."""
    if state is not None and state not in STATES:
        raise NotifyError(f"{state!r} is no state of a message", "write " + ", ".join(STATES))
    config = _config(context)
    found = listed(Workspace.open(config).state, states=(state,) if state else (), limit=limit)
    settings: Settings = context.obj
    if settings.as_json:
        output.print_json(found)
        return
    output.table(
        [("message", "left"), ("finding", "left"), ("level", "left"), ("channel", "left"), ("why", "left"), ("state", "left"),
         ("tries", "right"), ("due", "left"), ("last error", "left")],
        [
            (m["id"][:8], m["finding_id"], m["level"], m["channel"], m["reason"] + (f" {m['step']}" if m["step"] else ""),
             m["state"], str(m["attempts"]), m["due_at"][:16] + "Z", m["last_error"] or "")
            for m in found
        ],
    )  # fmt: skip


@notify_app.command("retry")
def retry_messages(
    context: typer.Context,
    message_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One dead letter; all of them when left out.")] = None,
) -> None:
    """Try dead letters again."""
    config = _config(context)
    count = retry(Workspace.open(config).state, message_id)
    say(f"{count} dead letters will be tried again")


@notify_app.command("test")
def try_channels(
    context: typer.Context,
    channels: Annotated[list[str] | None, typer.Argument(metavar="[CHANNEL]...", help="Default: all.")] = None,
) -> None:
    """Send a test message through channels, and say which arrive."""
    config = _config(context)
    names = channels or list(config.notify.channels)
    if not names:
        raise NotifyError("no channel is configured", "add `notify: {channels: …}`; the guide on notifications has an example")
    failed = 0
    for name in names:
        try:
            try_channel(config, name)
        except NotifyError as error:
            failed += 1
            say(f"{name}: {error}", "red")
        else:
            say(f"{name}: handed over", "green")
    if failed:
        raise typer.Exit(2)
