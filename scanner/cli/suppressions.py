"""``rules suppress``, ``suppressions``, ``approve``, ``unsuppress`` and ``findings suppress``: agreed exceptions from rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from scanner.cli import output
from scanner.cli.data import check_vendor, moment, one_finding, open_workspace
from scanner.cli.decisions import user
from scanner.cli.output import Settings, say
from scanner.config import Config
from scanner.errors import ConfigError
from scanner.findings import FindingStore, suppression
from scanner.findings.suppression import OWN_ACCOUNTS, Proposal, Scope
from scanner.model import Level

_Reason = Annotated[str, typer.Option(help="Why it is right not to be told.")]
_Until = Annotated[
    str, typer.Option(metavar="TIME", help="When it ends: 30d from now, or a time (ISO 8601); at most a year ahead.")
]
_Id = Annotated[str, typer.Argument(metavar="ID", help="The suppression; the beginning of its id is enough.")]


def suppress(
    context: typer.Context,
    rules: Annotated[list[str], typer.Argument(metavar="RULE...", help="Id, title or file of each rule.")],
    reason: _Reason,
    until: _Until,
    max_persons: Annotated[int, typer.Option(min=0, help="The most people a hidden finding may have exposed; more is told.")],
    vendor: Annotated[str | None, typer.Option(help='Key of a vendor; "-" for the company\'s own accounts.')] = None,
    database: Annotated[str | None, typer.Option(help="Name in the configuration.")] = None,
    account: Annotated[list[str] | None, typer.Option(help="Account, or a glob; may be repeated.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="schema.table, or a glob; may be repeated.")] = None,
) -> None:
    """Propose not to be told of what these rules find of somebody. Hides nothing until another person approves it."""
    from scanner.ruleset import choose, load_rules

    workspace = open_workspace(context.obj)
    config = workspace.config
    check_vendor(config, vendor, OWN_ACCOUNTS)
    if database is not None and database not in config.databases:
        raise ConfigError(f"there is no database {database!r}", "known are " + ", ".join(config.databases))
    known = load_rules(config.rules)
    scope = Scope(tuple(choose(known, rule).id for rule in rules), vendor, database, tuple(account or ()), tuple(table or ()))
    proposal = Proposal(scope, reason, _end(until, config), max_persons)
    levels = {rule.id: rule.level for rule in known.rules}
    _say(context, suppression.propose(workspace.state, proposal, levels=levels, actor=_actor()))


def suppress_finding(
    context: typer.Context,
    finding_id: Annotated[str, typer.Argument(metavar="ID", help="The finding; the beginning of its id is enough.")],
    reason: _Reason,
    until: _Until,
    max_persons: Annotated[
        int | None, typer.Option(min=0, help="As of `rules suppress`; a tenth more than this finding has exposed, unless given.")
    ] = None,
) -> None:
    """Propose not to be told of findings like this one: its rules, vendor, accounts and database. Another person approves it."""
    from scanner.ruleset import load_rules

    workspace = open_workspace(context.obj)
    config = workspace.config
    found = one_finding(FindingStore(workspace.state), finding_id)
    telling = [m["id"] for m in found["matched"] if Level(m["level"]).rank >= Level.MEDIUM.rank] or found["rules"]
    levels = {rule.id: rule.level for rule in load_rules(config.rules).rules}
    scope = Scope(tuple(telling), found["vendor"] or OWN_ACCOUNTS, found["database"], tuple(found["accounts"]))
    most = -(-found["exposed_persons"]["high"] * 11 // 10) if max_persons is None else max_persons
    proposal = Proposal(scope, reason, _end(until, config), most)
    _say(context, suppression.propose(workspace.state, proposal, levels=levels, actor=_actor()))


def approve(context: typer.Context, suppression_id: _Id) -> None:
    """Put a suppression that somebody else proposed into force."""
    workspace = open_workspace(context.obj)
    _say(context, suppression.approve(workspace.state, suppression_id, actor=_actor()))


def unsuppress(context: typer.Context, suppression_id: _Id, reason: Annotated[str, typer.Option(help="Why it ends.")]) -> None:
    """Withdraw a proposal, or end a suppression: what it alone hid comes back and is told."""
    workspace = open_workspace(context.obj)
    _say(context, suppression.end(workspace.state, suppression_id, reason=reason, actor=_actor()))


def suppressions(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
) -> None:
    """Suppressions and proposals, the next to end first."""
    workspace = open_workspace(context.obj)
    found = suppression.listed(workspace.state, ended=every)
    settings: Settings = context.obj
    if settings.as_json:
        output.print_json(found)
        return
    if not found:
        say("no suppressions")
        return
    heads = ("suppression", "state", "of", "level, people", "ends", "hides", "by", "reason")
    output.table(
        [(head, "right" if head == "hides" else "left") for head in heads],
        [
            (
                row["id"],
                row["state"],
                _words(row["scope"]),
                f"≤ {row['level']}, ≤ {row['max_persons']:,}",
                row["expires_at"][:16] + "Z",
                f"{len(row['hides']):,}",
                f"{row['author']}, {row['approver'] or 'not approved'}",
                row["reason"],
            )
            for row in found
        ],
    )


RULES: dict[str, Callable[..., None]] = {
    "suppress": suppress,
    "suppressions": suppressions,
    "approve": approve,
    "unsuppress": unsuppress,
}


def _actor() -> str:
    return f"cli:{user()}"


def _end(text: str, config: Config) -> datetime:
    days = text.strip().removesuffix("d")
    if text.strip().endswith("d") and days.isdigit() and len(days) < 5:
        return datetime.now(UTC) + timedelta(days=int(days))
    return moment(text, config.time_zone)


def _words(scope: dict[str, Any]) -> str:
    parts = [f"rules {', '.join(rule[:8] for rule in scope['rules'])}"]
    parts += [f"{name} {scope[name]}" for name in ("vendor", "database") if scope[name]]
    parts += [f"{name} {', '.join(scope[name])}" for name in ("accounts", "tables") if scope[name]]
    return "; ".join(parts)


def _say(context: typer.Context, row: dict[str, Any]) -> None:
    settings: Settings = context.obj
    if settings.as_json:
        output.print_json(row)
        return
    hidden = f", hides {len(row['hides'])} findings" if row["hides"] else ""
    say(f"{row['id']} is {row['state']} until {row['expires_at'][:16]}Z{hidden}: {_words(row['scope'])}")
    if row["state"] == "proposed":
        say(f"  next: somebody else approves it with `vendorwatch rules approve {row['id']}`")
