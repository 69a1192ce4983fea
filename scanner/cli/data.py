"""Commands that show what is known: findings, events, catalogue, vendors."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import typer

from scanner.cli import output, reach
from scanner.cli.output import Settings, say
from scanner.config import Config, load_config
from scanner.engine import open_event_engine
from scanner.errors import ConfigError, FindingError, ScannerError, StoreError
from scanner.findings import FindingStore
from scanner.findings.ocsf import detection_finding
from scanner.model import SHOWN_SCHEMA, Level
from scanner.pipeline import Workspace
from scanner.store.state import known_accounts

findings_app = typer.Typer(help="What needs a decision.", invoke_without_command=True)
events_app = typer.Typer(help="The event table.", no_args_is_help=True)


def open_workspace(settings: Settings) -> Workspace:
    """The workspace that the global options name."""
    return Workspace.open(load_config(Path(settings.config) if settings.config else None))


def one_finding(store: FindingStore, finding_id: str) -> dict[str, Any]:
    """The finding whose id begins so. Raises :class:`FindingError` when there is none, or more than one."""
    found = store.get(finding_id)
    if found is None:
        raise FindingError(f"no finding (or more than one) begins with {finding_id!r}", "list them with `vendorwatch findings`")
    return found


def check_vendor(config: Config, vendor: str | None, *others: str) -> None:
    """Raises :class:`ConfigError` for a vendor that is neither configured nor one of the ``others``."""
    if vendor not in (None, *others, *config.vendors):
        raise ConfigError(f"there is no vendor {vendor!r}", "known are " + ", ".join(sorted(config.vendors)))


# -- findings -------------------------------------------------------------------------------------------------------


@findings_app.callback(invoke_without_command=True)
def findings(
    context: typer.Context,
    level: Annotated[Level | None, typer.Option(help="At or above this level.")] = None,
    status: Annotated[str | None, typer.Option(help="new, in_progress, suppressed or resolved.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Key of a vendor in the configuration.")] = None,
    fail_on: Annotated[Level | None, typer.Option(help="Exit 1 when one of them is at or above this level.")] = None,
) -> None:
    """List findings, the worst first."""
    if context.invoked_subcommand:
        return
    settings: Settings = context.obj
    found = FindingStore(open_workspace(settings).state).all(level=level, status=status, vendor=vendor)
    if settings.as_json:
        output.print_json(found)
    else:
        output.print_findings(found)
    if fail_on and any(Level(f["level"]).rank >= fail_on.rank for f in found):
        raise typer.Exit(1)


@findings_app.command("show")
def show(context: typer.Context, finding_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """One finding with everything known about it. The beginning of the id is enough."""
    settings: Settings = context.obj
    found = one_finding(FindingStore(open_workspace(settings).state), finding_id)
    if settings.as_json:
        output.print_json(found)
        return
    output.print_findings([found])
    output.table(
        [("rule", "left"), ("level", "left"), ("events", "right"), ("observed", "right"), ("threshold", "right")],
        [(m["title"], m["level"], f"{m['events']:,}", _number(m["observed"]), _number(m["threshold"])) for m in found["matched"]],
        "Rules",
    )
    output.table(
        [("statement (literals masked)", "left"), ("events", "right"), ("people", "right")],
        [(s["statement"] or "(no statement text)", f"{s['events']:,}", f"{s['exposed_persons']:,}") for s in found["statements"]],
        "Statements",
    )
    output.table(
        [("", "left"), ("", "left")],
        [
            ("columns", ", ".join(found["pii_columns"]) or "–"),
            ("addresses", ", ".join(found["client_ips"]) or "–"),
            ("programs", ", ".join(found["app_names"]) or "–"),
            ("contract", f"{found['contract'] or 'none'}; broken: {', '.join(found['contract_breach']) or 'nothing'}"),
            ("habit", f"{_number(found['baseline_z'])} robust deviations above the account's usual day"),
            ("rows", output.people(found["exposed_rows"])),
            ("assigned to", found["assignee"] or "–"),
            ("clocks", _clocks(found["clocks"])),
            ("history", "; ".join(f"{h['at'][:19]}Z {h['what']} by {h['actor']}" for h in found["history"])),
        ],
        "Details",
    )
    if found["similar"]:
        output.table(
            [
                ("finding", "left"),
                ("level", "left"),
                ("status", "left"),
                ("verdict", "left"),
                ("last event", "left"),
                ("why", "left"),
            ],
            [
                (s["id"], s["level"], s["status"], s["verdict"] or "–", s["last_event"][:16] + "Z", s["why"])
                for s in found["similar"]
            ],
            "Similar findings",
        )


def _clocks(clocks: dict[str, Any]) -> str:
    """The clocks that run, and until when the people concerned have to be told."""
    set_ = [f"{name.replace('_', ' ')} {at[:16]}Z" for name, at in clocks.items() if name != "regulator" and at]
    if clocks["notify_by"] and not clocks["notified"]:
        set_.append("regulator too: " + (", ".join(clocks["regulator"]) or "no reason seen"))
    return "; ".join(set_)


@findings_app.command("export")
def export_findings(
    context: typer.Context,
    target: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="FILE.ndjson")],
    level: Annotated[Level | None, typer.Option(help="At or above this level.")] = None,
) -> None:
    """Write findings as OCSF Detection Findings, one a line, for a SIEM."""
    settings: Settings = context.obj
    workspace = open_workspace(settings)
    from scanner.ruleset import load_rules  # loads a query engine, which most commands do without

    tags = {rule.id: rule.tags for rule in load_rules(workspace.config.rules).rules}
    found = [detection_finding(finding, tags=tags) for finding in FindingStore(workspace.state).all(level=level)]
    try:
        target.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error}", "choose a file you may write to") from error
    if settings.as_json:
        output.print_json({"file": str(target), "findings": len(found)})
    else:
        say(f"{len(found):,} findings written to {target}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}".removesuffix(".0")


# -- events ---------------------------------------------------------------------------------------------------------


@events_app.command("export")
def export(
    context: typer.Context,
    target: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="FILE.parquet, .csv or .ndjson")],
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Events at or after this time.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Events before this time.")] = None,
) -> None:
    """Write the event table to a file."""
    settings: Settings = context.obj
    config = load_config(Path(settings.config) if settings.config else None)
    workspace = Workspace.open(config)
    since, until = (moment(text, config.time_zone) if text else None for text in (start, end))
    files = workspace.events.files(since, until)
    engine = open_event_engine(workspace.events.folder, files)
    columns = ", ".join(f'"{name}"' for name in SHOWN_SCHEMA.names)
    try:
        query = engine.sql(
            # column names come from SHOWN_SCHEMA; the times are bound
            f"select {columns} from events where (?::timestamptz is null or time >= ?::timestamptz) "  # noqa: S608
            "and (?::timestamptz is null or time < ?::timestamptz) order by time, event_id",
            params=[since, since, until, until],
        )
        count = _write(query.to_arrow_reader(100_000), target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error}", "choose a file you may write to") from error
    finally:
        engine.close()
    if settings.as_json:
        output.print_json({"file": str(target), "events": count})
    else:
        say(f"{count:,} events written to {target}")


def _write(reader: Any, target: Path) -> int:
    """Stream batches to a file by its suffix; the target appears only when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    count = 0
    suffix = target.suffix.lower()
    if suffix == ".parquet":
        with pa.parquet.ParquetWriter(partial, SHOWN_SCHEMA, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).cast(SHOWN_SCHEMA))
                count += batch.num_rows
    elif suffix in (".ndjson", ".jsonl"):
        with partial.open("w", encoding="utf-8") as handle:
            for batch in reader:
                count += batch.num_rows
                handle.writelines(json.dumps(row, ensure_ascii=False, default=_iso) + "\n" for row in batch.to_pylist())
    elif suffix == ".csv":
        flat = pa.schema([f.with_type(pa.string()) if pa.types.is_list(f.type) else f for f in SHOWN_SCHEMA])
        with pa.csv.CSVWriter(partial, flat) as csv_writer:
            for batch in reader:
                table = pa.Table.from_batches([batch]).cast(SHOWN_SCHEMA)
                lists = [
                    pa.compute.binary_join(table[f.name].combine_chunks(), ";") if pa.types.is_list(f.type) else table[f.name]
                    for f in SHOWN_SCHEMA
                ]
                csv_writer.write_table(pa.table([_safe(column) for column in lists], schema=flat))
                count += batch.num_rows
    else:
        raise ScannerError(f"cannot tell the format of {target}", "name it .parquet, .csv or .ndjson")
    partial.replace(target)
    return count


def _iso(moment: datetime | date) -> str:
    return moment.isoformat()


def _safe(column: Any) -> Any:
    """Text a spreadsheet would run as a formula gets a quote in front (OWASP, CSV injection)."""
    if not pa.types.is_string(column.type):
        return column
    return pa.compute.replace_substring_regex(column, r"^([=+\-@\t\r])", r"'\1")


def moment(text: str, zone: str) -> datetime:
    """A time given on the command line, in UTC; without an offset it is the configuration's ``zone``. Raises ScannerError."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise ScannerError(f"{text!r} is not a time", "write it as 2026-10-31 or 2026-10-31T18:00+09:00") from error
    return (given if given.tzinfo else given.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


# -- vendors --------------------------------------------------------------------------------------------------------


def vendors(
    context: typer.Context,
    seen: Annotated[bool, typer.Option("--seen", help="What part of all customers each has seen in 7, 30 and 90 days.")] = False,
    habits: Annotated[
        bool, typer.Option("--habits", help="What is known of every account's habit, and whose is learnt.")
    ] = False,
) -> None:
    """Vendors, their contracts, and what is open against them."""
    settings: Settings = context.obj
    workspace = open_workspace(settings)
    if seen or habits:
        rows = reach.seen(workspace) if seen else reach.habits(workspace)
        if settings.as_json:
            output.print_json(rows)
        else:
            (reach.print_seen if seen else reach.print_habits)(rows)
        return
    open_findings = [f for f in FindingStore(workspace.state).all() if f["status"] in ("new", "in_progress")]
    found = []
    for key, vendor in workspace.config.vendors.items():
        parent = workspace.config.vendors[vendor.part_of] if vendor.part_of else vendor
        today = datetime.now(workspace.config.zone(key)).date()
        contract = vendor.contract_on(today) or parent.contract_on(today)
        mine = [f for f in open_findings if f["vendor"] == key]
        found.append(
            {
                "vendor": key,
                "name": vendor.name or key,
                "part_of": vendor.part_of,
                "accounts": list(vendor.accounts),
                "contract": contract.version if contract else None,
                "from": str(contract.from_) if contract and contract.from_ else None,
                "until": str(contract.until) if contract and contract.until else None,
                "purpose": contract.purpose if contract else None,
                "max_persons_per_day": contract.max_persons_per_day if contract else None,
                "open_findings": len(mine),
                "worst": max((f["level"] for f in mine), key=lambda x: Level(x).rank, default=None),
            }
        )
    from scanner.contracts import unlisted

    nobodys = unlisted(known_accounts(workspace.state), workspace.config)
    if settings.as_json:
        nobody = [{"vendor": None, "name": None, "accounts": nobodys}] if nobodys else []
        output.print_json([*found, *nobody])
        return
    output.table(
        [("vendor", "left"), ("accounts", "left"), ("contract", "left"), ("people a day", "right"), ("open findings", "right")],
        [
            (
                v["name"],
                ", ".join(v["accounts"]),  # type: ignore[arg-type]  # a list of strings, by construction above
                f"{v['from'] or '…'} – {v['until'] or '…'}: {v['purpose'] or ''}" if v["contract"] else "none",
                f"{v['max_persons_per_day']:,}" if v["max_persons_per_day"] else "–",
                f"{v['open_findings']} ({v['worst']})" if v["worst"] else "0",
            )
            for v in found
        ],
    )
    if nobodys:
        say(f"on no vendor's list, so taken for the company's own: {', '.join(nobodys)}")
