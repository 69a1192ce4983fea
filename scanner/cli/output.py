"""How the command line speaks: tables for people, JSON for programs, progress on a terminal only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scanner.model import Level

STYLE = {
    Level.CRITICAL.value: "bold white on red",
    Level.HIGH.value: "bold red",
    Level.MEDIUM.value: "yellow",
    Level.LOW.value: "cyan",
    Level.INFORMATIONAL.value: "dim",
}

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)  # a path is never broken into two lines


class Settings:
    """What the global options say; made once a run by the top command."""

    def __init__(self, config: str | None = None, as_json: bool = False) -> None:
        self.config = config
        self.as_json = as_json


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def say(text: str, style: str = "") -> None:
    """A line for people, on stderr."""
    err.print(escape(text), style=style)


@contextmanager
def progress() -> Any:
    """Yields ``report(what, detail)``: one live line on a terminal, nothing elsewhere."""
    if not err.is_terminal:
        yield lambda _what, _detail: None
        return
    with err.status("starting …") as status:

        def report(what: str, detail: str) -> None:
            status.update(f"[bold]{escape(what)}[/bold] {escape(detail)}")

        yield report


def step_lines() -> Callable[[str, str], None]:
    """Progress as lines, one a change of step, for ``demo`` where it is part of the show."""
    shown: set[str] = set()

    def report(what: str, detail: str) -> None:
        key = f"{what} {detail}" if what in ("reading", "rules") else what
        if what in ("stored", "catalogue"):
            return
        if key not in shown:
            shown.add(key)
            say(f"  {what}: {detail}", "dim")

    return report


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """A table on stdout. ``columns``: (heading, "left" | "right")."""
    grid = Table(title=title or None, title_justify="left", header_style="bold", expand=False)
    for heading, justify in columns:
        grid.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, str) and cell.startswith("[") else escape(str(cell)) for cell in row))
    out.print(grid)


def level_text(level: str) -> str:
    """A level in its colour, as Rich markup."""
    return f"[{STYLE[level]}]{level}[/]"


def people(estimate: dict[str, int]) -> str:
    """``20,000`` or ``500 – 7,000 (best 6,800)``."""
    low, best, high = estimate["low"], estimate["best"], estimate["high"]
    return f"{best:,}" if low == best == high else f"{best:,} ({low:,} – {high:,})"


def print_findings(findings: list[dict[str, Any]]) -> None:
    """Findings for people: a paragraph each, the worst first."""
    if not findings:
        out.print("No findings.")
        return
    for finding in findings:
        vendor = finding["vendor_name"] or "the company's own account"
        out.print(
            f"{level_text(finding['level'])} [bold]{escape(finding['id'])}[/bold]  {escape(vendor)} "
            f"[dim]({escape(', '.join(finding['accounts']))} on {escape(finding['database'])})[/dim]"
        )
        out.print(f"  {escape(finding['why'])}")
        out.print(
            f"  people exposed: [bold]{people(finding['exposed_persons'])}[/bold]  [dim]{escape(finding['counted_how'])}[/dim]"
        )
        first, last = finding["first_event"][:16].replace("T", " "), finding["last_event"][:16].replace("T", " ")
        parts = [
            f"{first} – {last} UTC",
            f"{finding['event_count']:,} events",
            ", ".join(finding["tables"][:6]),
            ", ".join(finding["pii_classes"][:8]),
            ", ".join(finding["techniques"][:5]) or "ordinary statements",
        ]
        out.print(f"  [dim]{escape(' · '.join(part for part in parts if part))}[/dim]\n")
