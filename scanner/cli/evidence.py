"""``evidence``: bundles that stand on their own."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
from scanner.cli.output import Settings, say
from scanner.config import load_config
from scanner.evidence import verify
from scanner.pipeline import Workspace, export_finding

evidence_app = typer.Typer(help="Evidence that a third party can check.", no_args_is_help=True)


@evidence_app.command("export")
def export(
    context: typer.Context,
    finding_id: Annotated[str, typer.Argument(metavar="FINDING", help="Id of a finding; its beginning is enough.")],
    target: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="New folder for the bundle.")],
) -> None:
    """Write a finding with its events and the raw log records behind it as a BagIt bundle."""
    settings: Settings = context.obj
    workspace = Workspace.open(load_config(Path(settings.config) if settings.config else None))
    folder = export_finding(workspace, finding_id, target, exported_by=getpass.getuser())
    checked = verify(folder)
    if settings.as_json:
        output.print_json({"bundle": str(folder), "events": checked.events, "raw_records": checked.raw_records})
    else:
        say(f"{checked.events:,} events and {checked.raw_records:,} raw log records in {folder}")
        if checked.raw_records < checked.events:
            say(f"{checked.events - checked.raw_records:,} raw records could not be secured: their log was gone", "yellow")


@evidence_app.command("verify")
def verify_command(context: typer.Context, folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Check a bundle: structure, every hash, every raw record. Exit code 1 when it does not hold."""
    settings: Settings = context.obj
    checked = verify(folder)
    if settings.as_json:
        output.print_json(
            {"ok": checked.ok, "problems": list(checked.problems), "files": checked.files, "events": checked.events,
             "raw_records": checked.raw_records}
        )  # fmt: skip
    elif checked.ok:
        say(f"sound: {checked.files} files, {checked.events:,} events, {checked.raw_records:,} raw records", "green")
    else:
        for problem in checked.problems:
            say(problem, "red")
    if not checked.ok:
        raise typer.Exit(1)
