"""Scans and catalogue scans at the times the configuration names, inside the serving process.

APScheduler with its in-memory job store: nothing is shared between schedulers, a missed run is made up once (also one missed
while no scheduler ran), and no job overlaps itself. A failing job is logged with its next step and does not stop the others.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import select

from scanner.config import Config
from scanner.crontab import trigger
from scanner.errors import ScannerError
from scanner.notify import tell
from scanner.pipeline import Workspace, catalog_scan, scan
from scanner.store import tables as t
from scanner.store.state import reading
from scanner.watchdog import watch

log = logging.getLogger(__name__)


def run_scan(config: Config, database: str) -> None:
    """One scheduled scan of one database."""
    try:
        report = scan(config, [database])
    except ScannerError as error:
        log.error("scan of %s failed: %s", database, error)  # noqa: TRY400 - a user's problem, told without a traceback
        return
    for notice in report.notices:
        log.warning("scan of %s: %s: %s", database, notice.path, notice.reason)
    log.info("scan of %s: %d events, %d new findings", database, report.events, report.new_findings)


def run_catalog(config: Config, database: str) -> None:
    """One scheduled look at one customer database."""
    workspace = Workspace.open(config)
    try:
        with workspace.lock():
            result = catalog_scan(workspace, database)
    except ScannerError as error:
        log.error("catalogue scan of %s failed: %s", database, error)  # noqa: TRY400 - as above
        return
    log.info("catalogue of %s: %d tables, %d gaps", database, len(result.schema.tables), len(result.gaps))


def run_notify(config: Config) -> None:
    """Watches the scans themselves, then tells what is due: retries, digests, escalations."""
    state = Workspace.open(config).state
    try:
        watch(state, config)
        told = tell(state, config)
    except ScannerError as error:
        log.error("telling failed: %s", error)  # noqa: TRY400 - as above
        return
    finally:
        state.dispose()
    for channel, problem in told.errors.items():
        log.warning("channel %s: %s", channel, problem)


def make_scheduler(config: Config) -> BackgroundScheduler:
    """The scheduler with its jobs, not started."""
    zone = ZoneInfo(config.time_zone)
    now, last = datetime.now(UTC), _last_runs(config)
    scheduler = BackgroundScheduler(
        timezone=zone, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
    )
    for name, database in config.databases.items():
        jobs = ((run_scan, database.schedule.scan), (run_catalog, database.schedule.catalog))
        for job, cron in jobs:
            if cron is None:
                continue
            when = trigger(cron, zone)
            missed = {"next_run_time": now} if _missed(when, last[job.__name__, name], now) else {}
            scheduler.add_job(job, when, args=(config, name), id=f"{job.__name__}:{name}", **missed)
    if config.notify.channels:
        scheduler.add_job(run_notify, "interval", minutes=1, args=(config,), id="run_notify")
    return scheduler


def _last_runs(config: Config) -> defaultdict[tuple[str, str], datetime | None]:
    """When each job last began, by its function's name and database."""
    found: defaultdict[tuple[str, str], datetime | None] = defaultdict(lambda: None)
    workspace = Workspace.open(config)
    try:
        with reading(workspace.state) as connection:
            for row in connection.execute(select(t.run).order_by(t.run.c.id.desc()).limit(_LOOK_BACK)):
                for name in json.loads(row.databases):
                    found["run_scan", name] = found["run_scan", name] or datetime.fromisoformat(row.started_at)
            for row in connection.execute(select(t.catalog.c.database, t.catalog.c.scanned_at)):
                found["run_catalog", row.database] = datetime.fromisoformat(row.scanned_at)
    finally:
        workspace.state.dispose()
    return found


_LOOK_BACK = 1000  # runs; a database that none of them scanned is due


def _missed(when: CronTrigger, last: datetime | None, now: datetime) -> bool:
    """Whether a run should have begun since the last one did."""
    if last is None:
        return True
    due = when.get_next_fire_time(None, last)
    return due is not None and due <= now


@contextmanager
def running_scheduler(config: Config) -> Iterator[BackgroundScheduler]:
    """The scheduler, running until the block ends; a scan under way is finished first."""
    scheduler = make_scheduler(config)
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.shutdown(wait=True)
