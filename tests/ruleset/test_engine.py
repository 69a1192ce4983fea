"""The engine over files: only those files, skipped by day, and clear errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner.errors import StoreError
from scanner.model import HITS_SCHEMA
from scanner.ruleset import RuleSet, event_table, run_rules
from scanner.ruleset.engine import _Run
from tests.ruleset.helpers import block, correlation, detection, rules

BASE = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> list[Path]:
    """Ten days of one event each half hour, as the Delta table lays them out."""
    table = event_table(
        {"time": BASE + timedelta(minutes=30 * n), "exposed_persons": n % 10, "account": f"a{n % 2}"} for n in range(480)
    )
    files = []
    for day in sorted(set(table.column("day").to_pylist())):
        folder = tmp_path / "it's events" / f"day={day}"
        folder.mkdir(parents=True)
        part = table.filter(pa.compute.equal(table.column("day"), pa.scalar(day))).drop(["day"])
        pq.write_table(part, folder / "part-0.parquet")
        files.append(folder / "part-0.parquet")
    return files


@pytest.fixture
def some_rules() -> RuleSet:
    return rules(
        detection({"exposed_persons|gte": 9}),
        correlation(
            {
                "type": "value_sum",
                "rules": ["part"],
                "timespan": "6h",
                "group-by": ["account"],
                "condition": {"gte": 30, "field": "exposed_persons"},
            },
            title="Sum",
        ),
        block("part", {"exposed_persons|gte": 1}),
    )


def test_files_and_arrow_find_the_same(store: list[Path], some_rules: RuleSet) -> None:
    whole = pa.concat_tables([pq.read_table(f, partitioning=None) for f in store])
    for since in (None, BASE + timedelta(days=4, hours=3)):
        assert run_rules(some_rules, store, since=since).equals(run_rules(some_rules, whole, since=since))
    assert run_rules(some_rules, store).num_rows > run_rules(some_rules, store, since=BASE + timedelta(days=8)).num_rows > 0


def test_old_days_are_not_opened(store: list[Path], some_rules: RuleSet) -> None:
    store[0].write_bytes(b"not parquet any more")
    assert run_rules(some_rules, store, since=BASE + timedelta(days=3)).num_rows > 0
    with pytest.raises(StoreError, match="could not run"):
        run_rules(some_rules, store)


def test_nothing_stored_yet(some_rules: RuleSet) -> None:
    assert run_rules(some_rules, []).equals(HITS_SCHEMA.empty_table())
    assert run_rules(some_rules, event_table([])).equals(HITS_SCHEMA.empty_table())


def test_a_missing_file_is_told(store: list[Path], some_rules: RuleSet) -> None:
    with pytest.raises(StoreError):
        run_rules(some_rules, [*store, store[0].with_name("gone.parquet")])


def test_since_needs_a_time_zone(some_rules: RuleSet) -> None:
    with pytest.raises(ValueError, match="time zone"):
        run_rules(some_rules, event_table([]), since=datetime(2026, 3, 1))  # noqa: DTZ001 - the mistake under test


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO 'vendorwatch-test.csv'",
        "ATTACH 'vendorwatch-test.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET memory_limit = '100GB'",
        "SELECT * FROM local_variable",
    ],
)
def test_the_connection_is_shut_off(store: list[Path], sql: str) -> None:
    local_variable = event_table([])
    with _Run(store, BASE, "256MB", 1) as run, pytest.raises(duckdb.Error):
        run.con.execute(sql)
    assert local_variable.num_rows == 0


def test_only_the_event_files_can_be_read(store: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    with _Run(store, BASE, "256MB", 1) as run:
        assert run.con.execute("SELECT count(*) FROM read_parquet(?)", [[str(store[0])]]).fetchone() == (1,)
        with pytest.raises(duckdb.Error):
            run.con.execute("SELECT count(*) FROM read_parquet(?)", [[str(other)]])
