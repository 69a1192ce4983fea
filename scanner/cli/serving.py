"""``serve`` and ``demo``."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
from scanner.cli.output import Settings, out, say
from scanner.config import Config, config_path, load_config
from scanner.demo import prepare
from scanner.errors import ScannerError
from scanner.findings import FindingStore
from scanner.pipeline import Workspace, catalog_scan, scan
from scanner.store.tokens import TokenStore

_Host = Annotated[str, typer.Option(help="Address to listen on; put a TLS proxy in front before opening it to others.")]
_Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def serve(
    context: typer.Context,
    host: _Host = "127.0.0.1",
    port: _Port = 8470,
    no_schedule: Annotated[bool, typer.Option("--no-schedule", help="Serve only; scans run from elsewhere.")] = False,
) -> None:
    """API and scheduler. Ends with Ctrl-C."""
    settings: Settings = context.obj
    path = config_path(Path(settings.config) if settings.config else None)
    config = load_config(path)
    Workspace.open(config)
    _run(config, path, host, port, schedule=not no_schedule)


def _run(config: Config, path: Path, host: str, port: int, *, schedule: bool) -> None:
    os.environ["VENDORWATCH_CONFIG"] = str(path.resolve())
    say(f"API at http://{host}:{port}/api/v1/ , its documentation at http://{host}:{port}/api/docs — Ctrl-C ends it")
    if schedule:
        from scanner.schedule import running_scheduler

        with running_scheduler(config):
            _uvicorn(host, port)
    else:
        _uvicorn(host, port)


def _uvicorn(host: str, port: int) -> None:
    import uvicorn

    uvicorn.run(
        "api.app:from_environment",
        factory=True,
        host=host,
        port=port,
        log_level="warning",
        log_config=None,
        ws="none",
        server_header=False,
        access_log=False,
    )


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo's data go.")] = Path("vendorwatch-demo"),
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after printing the findings.")] = False,
    host: _Host = "127.0.0.1",
    port: _Port = 8470,
) -> None:
    """The main job on shipped data: a month of a home-shopping company with seven vendors, three of them leaking."""
    settings: Settings = context.obj
    say("Unpacking a month of audit log recorded from a PostgreSQL server with pgAudit …", "bold")
    path = prepare(folder)
    config = load_config(path)
    workspace = Workspace.open(config)
    say("Looking at the customer database for personal data …", "bold")
    for name in config.databases:
        result = catalog_scan(workspace, name)
        personal = [c for table in result.schema.tables.values() for c in table.columns if c.pii_class]
        say(f"  {name}: {len(result.schema.tables)} tables, {len(personal)} columns hold personal data", "dim")
    say("Scanning the audit log …", "bold")
    report = scan(config, progress=output.step_lines())
    say(f"  {report.records:,} records read, {report.events:,} events stored in {report.seconds:.1f} s", "dim")
    for notice in report.notices:
        say(f"  {notice.path}: {notice.reason}", "yellow")
    findings = FindingStore(workspace.state).all()
    if settings.as_json:
        output.print_json(findings)
    else:
        out.print(f"\n[bold]{len(findings)} findings[/bold]\n")
        output.print_findings(findings)
        say(f"Look further: vendorwatch --config {path} findings show {findings[0]['id'][:6]}" if findings else "")
    if not report.complete:
        raise typer.Exit(2)
    if no_serve:
        return
    token = TokenStore(workspace.state).create("demo", ["auditor"], lifetime=timedelta(days=1))
    say(f"A token for the API, valid for a day: {token.secret}")
    try:
        _run(config, path, host, port, schedule=False)
    except OSError as error:
        raise ScannerError(f"cannot listen on {host}:{port}: {error}", "choose another with --port") from error
