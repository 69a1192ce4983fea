"""``init`` and ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
from scanner.cli.output import Settings, say
from scanner.config import config_path, config_template
from scanner.errors import ScannerError


def init(
    context: typer.Context,
    target: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to write it (default: ./vendorwatch.yml).")
    ] = None,
) -> None:
    """Write a commented configuration to start from. Never overwrites."""
    settings: Settings = context.obj
    path = target or config_path(Path(settings.config) if settings.config else None)
    try:
        with path.open("x", encoding="utf-8") as handle:
            handle.write(config_template())
    except FileExistsError:
        raise ScannerError(f"{path} is already there", "name another file: `vendorwatch init FILE`") from None
    except OSError as error:
        raise ScannerError(f"cannot write {path}: {error.strerror}", "choose a folder you may write to") from error
    if settings.as_json:
        output.print_json({"file": str(path)})
    else:
        say(f"wrote {path}: fill in databases and vendors, then run `vendorwatch doctor`")


def doctor(context: typer.Context) -> None:
    """Check configuration, store, databases, logs and rules; every problem comes with the next step."""
    from scanner.doctor import examine

    settings: Settings = context.obj
    checks = examine(Path(settings.config) if settings.config else None)
    bad = [check for check in checks if check.state == "problem"]
    if settings.as_json:
        output.print_json([{"check": c.what, "state": c.state, "detail": c.detail, "next": c.next_step} for c in checks])
    else:
        mark = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "problem": "[bold red]problem[/]"}
        output.table(
            [("", "left"), ("check", "left"), ("detail", "left"), ("next step", "left")],
            [(mark[c.state], c.what, c.detail, c.next_step) for c in checks],
        )
        say(f"{len(bad)} problems" if bad else "all is well", "bold")
    if bad:
        raise typer.Exit(2)
