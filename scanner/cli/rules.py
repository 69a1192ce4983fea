"""Commands about rules. The rule engine is loaded by the commands that need it, so that others start quickly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
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
