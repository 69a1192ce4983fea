"""Commands about rules. The rule engine is loaded by the commands that need it, so that others start quickly."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
from scanner.cli.data import check_vendor, moment
from scanner.cli.output import Settings, say
from scanner.config import config_path, load_config

rules_app = typer.Typer(help="Sigma rules: shipped ones and your own.", no_args_is_help=True)

_Folders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FOLDER]...", help="Folders of rules beside the shipped ones and the configured ones."),
]


def _folders(settings: Settings, extra: list[Path] | None) -> list[Path]:
    configured: list[Path] = []
    if settings.config or config_path().exists():
        configured = list(load_config(Path(settings.config) if settings.config else None).rules)
    return configured + list(extra or ())


@rules_app.command("check")
def check(context: typer.Context, folders: _Folders = None) -> None:
    """Read every rule and say what is wrong: fields, references, metadata, tests."""
    from scanner.ruleset import load_rules

    settings: Settings = context.obj
    ruleset = load_rules(_folders(settings, folders))
    if settings.as_json:
        output.print_json(
            [{"id": r.id, "title": r.title, "level": r.level.value, "file": r.path, "version": r.version} for r in ruleset.rules]
        )
    else:
        say(f"{len(ruleset.rules)} rules are sound")
        untested = [rule.path for rule in ruleset.rules if not rule.tests]
        if untested:
            say(f"  {len(untested)} of yours hold no tests, so nothing says that they fire: {', '.join(untested[:5])}", "yellow")


@rules_app.command("test")
def run_tests(context: typer.Context, folders: _Folders = None) -> None:
    """Run the tests inside every rule, in the production engine."""
    from scanner.ruleset import load_rules, test_rules

    settings: Settings = context.obj
    results = test_rules(load_rules(_folders(settings, folders)))
    failed = [r for r in results if not r.passed]
    if settings.as_json:
        output.print_json(
            [
                {
                    "rule": r.rule_id,
                    "title": r.rule_title,
                    "test": r.name,
                    "kind": r.kind,
                    "passed": r.passed,
                    "message": r.message,
                }
                for r in results
            ]
        )
    else:
        for r in failed:
            say(f"{r.path}:{r.line}: {r.rule_title}: {r.name}: {r.message}", "red")
        say(f"{len(results) - len(failed)} tests passed, {len(failed)} failed")
    if failed:
        raise typer.Exit(2)


_SPANS = {"h": "hours", "d": "days", "w": "weeks"}


def _since(text: str, zone: str) -> datetime:
    """``90d``, ``12h``, ``4w`` ago, or a time."""
    match = re.fullmatch(r"(\d{1,5})([hdw])", text.strip())
    if match is None:
        return moment(text, zone)
    return datetime.now(UTC) - timedelta(**{_SPANS[match[2]]: int(match[1])})


@rules_app.command("backtest")
def run_backtest(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Id, title or file of a rule; a file need not be installed.")],
    since: Annotated[str, typer.Option(help="How far back: 90d, 12h, 4w, or a time.")] = "90d",
    vendor: Annotated[str | None, typer.Option(help="Only this vendor.")] = None,
) -> None:
    """What a new or changed rule would have raised on stored history, by vendor and day. Stores nothing, tells nobody."""
    from scanner.pipeline import Workspace
    from scanner.ruleset import RuleSet, backtest, chart, choose, load_rules, shipped_folder

    settings: Settings = context.obj
    config = load_config(Path(settings.config) if settings.config else None)
    check_vendor(config, vendor)
    own = [Path(rule)] if Path(rule).is_file() else []
    shipped = Path(rule).resolve().parent == shipped_folder().resolve()
    ruleset = load_rules([*config.rules, *([] if shipped else own)])
    chosen = choose(ruleset, rule)
    begin = _since(since, config.time_zone)
    workspace = Workspace.open(config)
    files = workspace.events.files(begin - chosen.lookback)
    raised = backtest(RuleSet((chosen,)), workspace.events.folder, files, since=begin, vendor=vendor)
    if settings.as_json:
        output.print_json([asdict(one) for one in raised])
        return
    vendors = len({one.vendor for one in raised})
    say(f"{chosen.title} ({chosen.level.value}): {len(raised)} days of {vendors} vendors since {begin:%Y-%m-%d}")
    heads = ("vendor", "day", "accounts", "events", "people", "most in a window")
    output.table(
        [(head, "left" if place < 3 else "right") for place, head in enumerate(heads)],
        [
            (
                one.vendor or "(own accounts)",
                one.day.isoformat(),
                ", ".join(one.accounts[:4]) + (f" and {len(one.accounts) - 4} more" if len(one.accounts) > 4 else ""),
                f"{one.events:,}",
                f"{one.persons:,}",
                "–" if one.observed is None else f"{one.observed:,.10g}",
            )
            for one in raised
        ],
    )
    if raised:
        first, last = min(one.day for one in raised), max(one.day for one in raised)
        for name, bar in chart(raised, first, last):
            output.out.print(f"{name:>20.20} |{bar}| {first} – {last}", markup=False)
