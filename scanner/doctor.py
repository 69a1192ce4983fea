"""``vendorwatch doctor``: everything a scan needs, looked at one by one, each problem with its next step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select, text

from scanner.config import Config, load_config
from scanner.continuity.files import verify
from scanner.doctor_audit import Check, PostgresServer, ask_mariadb, mariadb_checks, postgres_checks
from scanner.errors import ScannerError, SourceError
from scanner.logwatch import KnownLogs
from scanner.pipeline import Workspace, load_schema
from scanner.remote import reading as reading_from
from scanner.ruleset import load_rules, test_rules
from scanner.sources import SOURCES
from scanner.store import tables as t
from scanner.store.state import reading, rows

_LOW_SPACE = 2 * 1024**3


def examine(path: Path | None) -> list[Check]:
    """All checks. A broken configuration ends them, since everything else hangs on it."""
    try:
        config = load_config(path)
    except ScannerError as error:
        return [Check("configuration", "problem", error.message, error.hint)]
    checks = [Check("configuration", "ok", f"{len(config.databases)} databases, {len(config.vendors)} vendors")]
    checks += _rules(config)
    try:
        workspace = Workspace.open(config)
    except ScannerError as error:
        return [*checks, Check("data directory", "problem", error.message, error.hint)]
    checks += _store(workspace)
    checks += _notify(workspace)
    for name in config.databases:
        checks += _database(workspace, name)
        checks += _sources(workspace, name)
    return checks


def _rules(config: Config) -> Iterator[Check]:
    try:
        ruleset = load_rules(config.rules)
    except ScannerError as error:
        yield Check("rules", "problem", error.message, error.hint)
        return
    failed = [r for r in test_rules(ruleset) if not r.passed]
    if failed:
        yield Check(
            "rules", "problem", f"{len(failed)} rule tests fail, first: {failed[0].rule_title}", "run `vendorwatch rules test`"
        )
    else:
        yield Check("rules", "ok", f"{len(ruleset.rules)} rules, their tests pass")


def _store(workspace: Workspace) -> Iterator[Check]:
    free = shutil.disk_usage(workspace.config.data_dir).free
    state = "ok" if free > _LOW_SPACE else "problem"
    yield Check(
        "data directory",
        state,
        f"{free / 1024**3:.1f} GB free",
        "" if state == "ok" else "make room: a full disk stops ingestion",
    )
    with reading(workspace.state) as connection:
        pending = connection.execute(select(func.count()).where(t.batch.c.staged.is_not(None))).scalar_one()
        skips = connection.execute(select(func.count()).select_from(t.skip)).scalar_one()
        first = connection.execute(select(t.skip).order_by(t.skip.c.id.desc()).limit(1)).first()
        last_run = connection.execute(select(t.run).order_by(t.run.c.id.desc()).limit(1)).first()
    yield Check("event store", "ok", f"{workspace.events.count():,} events")
    if pending:
        yield Check("interrupted scan", "note", f"{pending} batches wait to be completed", "the next scan completes them")
    if skips and first is not None:
        yield Check(
            "skipped log",
            "problem",
            f"{skips} pieces could not be read; the last: {first.path} at byte {first.offset}: {first.reason}",
            "look at the file at that position; the bytes are counted, never dropped in silence",
        )
    if last_run is None:
        yield Check(
            "last scan", "note", "there was none yet", "run `vendorwatch scan`, or `vendorwatch serve` to have it scheduled"
        )
    else:
        age = datetime.now(UTC) - datetime.fromisoformat(last_run.started_at)
        state = "ok" if last_run.status == "complete" else "note" if last_run.status == "running" else "problem"
        yield Check(
            "last scan",
            state,
            f"{last_run.status}, {age.total_seconds() / 60:,.0f} minutes ago",
            "" if state != "problem" else "run `vendorwatch scan` and read what it says",
        )


def _notify(workspace: Workspace) -> Iterator[Check]:
    notify = workspace.config.notify
    if not notify.channels:
        yield Check(
            "notifications", "note", "nobody is told of findings", "add `notify:`; the guide on notifications has an example"
        )
        return
    routed = {name for route in notify.routes for name in route.channels}
    routed |= {name for step in (notify.escalation.steps if notify.escalation else ()) for name in step}
    for name in sorted(set(notify.channels) - routed):
        yield Check("notifications", "note", f"channel {name} is in no route and no escalation", "name it in one, or take it out")
    if notify.escalation is None:
        yield Check("notifications", "note", "nobody else is told when nobody picks up", "add `notify: {escalation: …}`")
    c = t.notification.c
    with reading(workspace.state) as connection:
        dead = connection.execute(select(func.count()).where(c.state == "dead")).scalar_one()
        failing = connection.execute(
            select(c.channel, func.max(c.last_error)).where(c.state == "waiting", c.attempts > 0).group_by(c.channel)
        ).all()
    if dead:
        yield Check("notifications", "problem", f"{dead} messages never arrived", "see `vendorwatch notify list --state dead`")
    for channel, error in failing:
        yield Check(
            "notifications",
            "problem",
            f"channel {channel} does not get through: {error}",
            f"try `vendorwatch notify test {channel}`",
        )
    if not dead and not failing:
        yield Check("notifications", "ok", f"{len(notify.channels)} channels, nothing is stuck")


def _database(workspace: Workspace, name: str) -> Iterator[Check]:
    database = workspace.config.databases[name]
    what = f"database {name}"
    accounts = {key: vendor.accounts for key, vendor in workspace.config.vendors.items()}
    try:
        with reading_from(database.url.get_secret_value()) as connection:
            if connection.dialect.name == "postgresql":
                server = PostgresServer.ask(connection)
                yield Check(what, "ok", f"reachable, PostgreSQL {server.settings.get('server_version', '?')}")
                yield from postgres_checks(name, server, accounts)
            elif connection.dialect.name in ("mysql", "mariadb") and database.engine == "mariadb":
                settings = ask_mariadb(connection)
                yield Check(what, "ok", f"reachable, MariaDB {settings.get('version', '?')}")
                sources = [audit.options for audit in database.audit if audit.type == "mariadb_server_audit"]
                yield from mariadb_checks(name, settings, accounts, sources)
            else:
                connection.execute(text("select 1"))
                yield Check(what, "ok", f"reachable ({connection.dialect.name})")
    except SourceError as error:
        yield Check(what, "problem", f"not reachable at {error.message}", f"{error.hint}; scans go on with the last PII map")
    schema = load_schema(workspace, name)
    if schema is None:
        yield Check(f"PII map of {name}", "problem", "there is none", f"run `vendorwatch catalog scan {name}`")
        return
    with reading(workspace.state) as connection:
        row = rows(connection, t.catalog, database=name)[0]
    personal = sum(table.has_pii for table in schema.tables.values())
    unsized = [str(ref) for ref, table in schema.tables.items() if table.has_pii and table.rows is None and table.kind != "view"]
    yield Check(
        f"PII map of {name}",
        "ok",
        f"{personal} of {len(schema.tables)} tables hold personal data, looked at {row['scanned_at'][:16]}Z",
    )
    gaps = json.loads(row["gaps"])
    if gaps:
        named = "; ".join(f"{g['table'] or 'the server'}: {g['reason']}" for g in gaps[:5])
        more = f"; and {len(gaps) - 5} more" if len(gaps) > 5 else ""
        yield Check(
            f"PII map of {name}",
            "note",
            f"not read: {named}{more}",
            f"run `vendorwatch catalog scan {name}` and read what it says",
        )
    if unsized:
        yield Check(
            f"PII map of {name}",
            "note",
            f"size unknown: {', '.join(unsized[:5])}",
            "run ANALYZE on them: without a size an export cannot be counted",
        )


def _sources(workspace: Workspace, name: str) -> Iterator[Check]:
    config = workspace.config
    if not config.databases[name].audit:
        yield Check(f"audit source of {name}", "problem", "none is configured", "add `audit:` with the path of its log")
    for index, audit in enumerate(config.databases[name].audit):
        what = f"audit source {name}/{index}"
        source = SOURCES[audit.type](audit.place(config.data_dir, name), audit.time_zone or config.time_zone, **audit.options)
        known = workspace.ledger.positions(f"{name}/{index}")
        against = source.probe(known)
        if against is not None:
            yield Check(what, "problem", f"{against.path}: {against.reason}", against.hint)
        else:
            yield Check(what, "ok", f"{audit.type}, {audit.shown}, {len(known)} files known")
        for limit in source.limits():
            yield Check(what, "note", limit.reason, limit.hint)
        if not source.numbering:
            lost = "its records are not numbered: one that is taken out before it was read is not noticed"
            yield Check(what, "note", lost, "scan often; what was read is hashed and looked at again")
        yield from _as_it_was_read(workspace, f"{name}/{index}")


def _as_it_was_read(workspace: Workspace, source_id: str) -> Iterator[Check]:
    """Everything that was read of logs still there, hashed again."""
    what, files, size = f"log of {source_id}", 0, 0
    for _, hashed, changed in verify(KnownLogs(workspace.ledger, source_id)):
        files, size = files + 1, size + hashed
        for one in changed:
            yield Check(what, "problem", one.what, "export the finding of the next scan as evidence; leave the file alone")
    if files:
        yield Check(what, "ok", f"{size:,} bytes of {files} files were hashed again")
