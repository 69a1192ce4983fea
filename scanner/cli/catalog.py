"""``catalog``: look at the customer databases, show the PII map, and decide about columns of it."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from scanner.catalog import rows as catalog_rows
from scanner.cli import output
from scanner.cli.data import open_workspace
from scanner.cli.output import Settings, say
from scanner.errors import CatalogError, ScannerError
from scanner.pipeline import catalog_scan, load_schema
from scanner.pipeline_catalog import decide, decisions

catalog_app = typer.Typer(help="Which columns hold whose personal data.", no_args_is_help=True)
DATABASE = Annotated[str, typer.Argument(metavar="DB", help="Name in the configuration.")]
COLUMN = Annotated[
    str, typer.Argument(metavar="SCHEMA.TABLE.COLUMN", help="The column; without schema where it is the only one.")
]
REASON = Annotated[str, typer.Option(help="Why: a sentence that stays with the verdict.")]


@catalog_app.command("scan")
def scan(
    context: typer.Context,
    databases: Annotated[list[str] | None, typer.Argument(metavar="[DB]...", help="Databases to look at (default: all).")] = None,
) -> None:
    """Look at the customer databases and find the columns that hold personal data."""
    settings: Settings = context.obj
    workspace = open_workspace(settings)
    done: list[dict[str, Any]] = []
    incomplete = False
    for name in databases or list(workspace.config.databases):
        if name not in workspace.config.databases:
            raise ScannerError(f"no database named {name}", f"the configuration has: {', '.join(workspace.config.databases)}")
        try:
            with output.progress() as report, workspace.lock(report):
                result = catalog_scan(workspace, name, report)
        except CatalogError as error:
            say(f"{name}: {error.message}", "red")
            say(f"  next: {error.hint}")
            done.append({"database": name, "error": error.message})
            incomplete = True
            continue
        columns = [c for table in result.schema.tables.values() for c in table.columns]
        personal = sum(c.pii_class is not None for c in columns)
        say(f"{name}: {len(result.schema.tables)} tables, {len(columns)} columns, {personal} personal, {result.seconds:.1f} s")
        tables = result.schema.tables.values()
        rows_read, most = sum(t.rows_read or 0 for t in tables), max((t.rows_read or 0 for t in tables), default=0)
        say(
            f"  read now: {result.tables_read} tables; the map rests on {rows_read:,} rows, at most {most:,} of one table",
        )
        for gap in result.gaps:
            say(f"  not read: {gap.table}: {gap.reason}", "yellow")
        incomplete = incomplete or bool(result.gaps)
        done.append(
            {
                "database": name,
                "tables": len(result.schema.tables),
                "columns": len(columns),
                "personal_columns": personal,
                "tables_read": result.tables_read,
                "rows_read": rows_read,
                "most_rows_of_a_table": most,
                "gaps": [{"table": str(g.table), "reason": g.reason, "hint": g.hint} for g in result.gaps],
            }
        )
    if settings.as_json:
        output.print_json(done)
    if incomplete:
        raise typer.Exit(2)


@catalog_app.command("show")
def show_catalog(
    context: typer.Context,
    databases: Annotated[list[str] | None, typer.Argument(metavar="[DB]...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Columns without personal data too (JSON always has them).")] = False,
) -> None:
    """The PII map: class, form, confidence and why, by column."""
    settings: Settings = context.obj
    workspace = open_workspace(settings)
    found: list[dict[str, Any]] = []
    for name in databases or list(workspace.config.databases):
        schema = load_schema(workspace, name)
        if schema is None:
            say(f"{name} has not been looked at yet: run `vendorwatch catalog scan {name}`", "yellow")
            continue
        found += catalog_rows(schema)
    if settings.as_json:
        output.print_json(found)
        return
    output.table(
        [("column", "left"), ("class", "left"), ("form", "left"), ("sure", "right"), ("rows", "right"), ("why", "left")],
        [
            (
                f"{r['database']}: {r['schema']}.{r['table']}.{r['column']}",
                r["pii_class"] or "–",
                r["form"] if r["pii_class"] else "",
                f"{r['confidence']:.0%}",
                "?" if r["table_rows"] is None else f"{r['table_rows']:,}",
                r["evidence"],
            )
            for r in found
            if everything or r["pii_class"]
        ],
    )


def _decide(context: typer.Context, database: str, column: str, **decision: Any) -> None:
    settings: Settings = context.obj
    from scanner.catalog.custom import recognizers  # loads analyzers, which most commands do without

    opened = open_workspace(settings)
    if database not in opened.config.databases:
        raise ScannerError(f"no database named {database}", f"the configuration has: {', '.join(opened.config.databases)}")
    with opened.lock():
        row = decide(
            opened.state, database, column, actor=getpass.getuser(), known=recognizers(opened.config.catalog), **decision
        )
    if settings.as_json:
        output.print_json(row)
    else:
        say(f"{row['schema']}.{row['name']}.{row['column']}: {row['what']}, {row['pii_class'] or 'not personal'}", "green")


@catalog_app.command("confirm")
def confirm(context: typer.Context, database: DATABASE, column: COLUMN, reason: REASON) -> None:
    """Confirm the verdict about a column: it stays, whatever later scans would say."""
    _decide(context, database, column, what="confirm", reason=reason)


@catalog_app.command("override")
def override(
    context: typer.Context,
    database: DATABASE,
    column: COLUMN,
    reason: REASON,
    pii_class: Annotated[str, typer.Option("--class", help="What it holds, or none for nothing personal.")] = "",
    form: Annotated[str, typer.Option(help="typed, embedded, masked or quasi.")] = "typed",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the last decision back; the next scan judges anew.")] = False,
) -> None:
    """Overrule the verdict about a column, or take that back."""
    if withdraw:
        _decide(context, database, column, what="withdraw", reason=reason)
        return
    if not pii_class:
        raise ScannerError("no class was named", "add --class PHONE_NUMBER, or --class none")
    chosen = None if pii_class.lower() == "none" else pii_class
    _decide(context, database, column, what="override", reason=reason, pii_class=chosen, form=form)


@catalog_app.command("decisions")
def listing(
    context: typer.Context,
    database: Annotated[str | None, typer.Argument(metavar="[DB]")] = None,
    history: Annotated[bool, typer.Option("--history", help="Every decision, not only those in force.")] = False,
) -> None:
    """What was decided about columns, by whom and why."""
    settings: Settings = context.obj
    found = decisions(open_workspace(settings).state, database, history=history)
    if settings.as_json:
        output.print_json(found)
        return
    output.table(
        [(heading, "left") for heading in ("when", "column", "what", "class", "by", "why")],
        [
            (
                r["at"][:16],
                f"{r['database']}: {r['schema']}.{r['name']}.{r['column']}",
                r["what"],
                r["pii_class"] or "–",
                r["actor"],
                r["reason"],
            )
            for r in found
        ],
    )
