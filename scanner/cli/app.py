"""Commands and their options; the work is done by the pipeline and the stages."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from scanner import __version__
from scanner.cli import output
from scanner.cli.access import token_app
from scanner.cli.catalog import catalog_app
from scanner.cli.data import events_app, findings_app, moment, vendors
from scanner.cli.decisions import DECISIONS
from scanner.cli.evidence import evidence_app
from scanner.cli.output import Settings, err, say
from scanner.cli.rules import rules_app
from scanner.cli.serving import demo, serve
from scanner.cli.setup import doctor, init
from scanner.cli.suppressions import RULES as SUPPRESSIONS
from scanner.cli.suppressions import suppress_finding
from scanner.cli.telling import notify_app
from scanner.config import load_config
from scanner.engine import without_pandas
from scanner.errors import ScannerError
from scanner.findings import FindingStore
from scanner.model import Level
from scanner.pipeline import Report, Workspace, scan
from scanner.sources.base import SLICE_BYTES

app = typer.Typer(
    name="vendorwatch",
    help="Tells a company when an outside vendor is carrying its customer database away, and lets it prove what happened.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", envvar="VENDORWATCH_CONFIG", help="Configuration file (default: ./vendorwatch.yml)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout; may stand before or after the command.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Global options."""
    if version:
        typer.echo(f"vendorwatch {__version__}")
        raise typer.Exit
    context.obj = Settings(str(config) if config else None, as_json)


@app.command("scan")
def scan_command(
    context: typer.Context,
    databases: Annotated[list[str] | None, typer.Argument(metavar="[DB]...", help="Databases to scan (default: all).")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Leave events at or after this time (ISO 8601) for later.")
    ] = None,
    fail_on: Annotated[Level | None, typer.Option(help="Exit 1 when an open finding is at or above this level.")] = None,
    slice_bytes: Annotated[
        int, typer.Option(min=1, hidden=True, help="Bytes of log in one batch; tests make it small to get many batches.")
    ] = SLICE_BYTES,
) -> None:
    """One pass: ingest all that is new, then rules. Safe from cron, twice at once, and after a crash."""
    settings: Settings = context.obj
    config = load_config(Path(settings.config) if settings.config else None)
    unknown = sorted(set(databases or ()) - set(config.databases))
    if unknown:
        raise ScannerError(f"no database named {', '.join(unknown)}", f"the configuration has: {', '.join(config.databases)}")
    limit = moment(until, config.time_zone) if until else None
    without_pandas()
    with output.progress() as report:
        done = scan(config, databases or (), until=limit, progress=report, slice_bytes=slice_bytes)
    findings = FindingStore(Workspace.open(config).state).all(level=fail_on) if fail_on else []
    if settings.as_json:
        output.print_json(_report_json(done))
    else:
        _say_report(done)
    open_findings = [f for f in findings if f["status"] in ("new", "in_progress")]
    if not done.complete:
        raise typer.Exit(2)
    if open_findings:
        raise typer.Exit(1)


def _report_json(done: Report) -> dict[str, object]:
    return {
        "complete": done.complete,
        "records": done.records,
        "events": done.events,
        "skips": done.skips,
        "new_findings": done.new_findings,
        "updated_findings": done.updated_findings,
        "recovered_batches": done.recovered,
        "seconds": round(done.seconds, 3),
        "notices": [{"path": n.path, "reason": n.reason, "hint": n.hint, "fatal": n.fatal} for n in done.notices],
    }


def _say_report(done: Report) -> None:
    rate = f" ({done.records / done.seconds:,.0f} records/s)" if done.seconds > 1 and done.records else ""
    say(f"{done.records:,} records read, {done.events:,} events stored in {done.seconds:.1f} s{rate}")
    if done.recovered:
        say(f"{done.recovered} batches of an interrupted scan were completed first")
    for notice in done.notices:
        say(f"{'problem' if notice.fatal else 'note'}: {notice.path}: {notice.reason}", "red" if notice.fatal else "yellow")
        if notice.hint:
            say(f"  next: {notice.hint}")
    if done.skips:
        say(f"{done.skips:,} pieces of log could not be read and were kept as skips (see `vendorwatch doctor`)", "red")
    say(f"{done.new_findings} new findings, {done.updated_findings} updated — see `vendorwatch findings`", "bold")


app.command("init")(init)
app.command("doctor")(doctor)
app.command("demo")(demo)
app.command("serve")(serve)
app.command("vendors")(vendors)
app.add_typer(catalog_app, name="catalog")
for name, command in DECISIONS.items():
    findings_app.command(name)(command)
findings_app.command("suppress")(suppress_finding)
app.add_typer(findings_app, name="findings")
app.add_typer(events_app, name="events")
for name, command in SUPPRESSIONS.items():
    rules_app.command(name)(command)
app.add_typer(rules_app, name="rules")
app.add_typer(evidence_app, name="evidence")
app.add_typer(notify_app, name="notify")
app.add_typer(token_app, name="token")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the ``vendorwatch`` command."""
    words = _globals_first(list(sys.argv[1:] if arguments is None else arguments))
    try:
        app(args=words, standalone_mode=True)
    except ScannerError as error:
        say(f"error: {error.message}", "bold red")
        if error.hint:
            say(f"  next: {error.hint}")
        raise SystemExit(2) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        err.print("interrupted")
        raise SystemExit(2) from None


def _globals_first(words: list[str]) -> list[str]:
    """``vendorwatch findings --json`` means ``vendorwatch --json findings``: global options may stand anywhere."""
    moved: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word == "--":
            rest += words[position:]
            break
        if word == "--json" or word.startswith("--config="):
            moved.append(word)
        elif word == "--config" and position + 1 < len(words):
            moved += [word, words[position + 1]]
            position += 1
        else:
            rest.append(word)
        position += 1
    return moved + rest
