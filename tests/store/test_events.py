"""The event store: a batch is in exactly once, whatever happens between staging and commit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from scanner.engine import arrow, open_event_engine
from scanner.errors import StoreError
from scanner.model import EVENT_SCHEMA
from scanner.store import events as module
from scanner.store.events import EventStore, StagedBatch

START = datetime(2026, 3, 2, 23, 59, 58, tzinfo=UTC)


def events(count: int, start: datetime = START, batch: int = 1) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for n in range(count):
        time = start + timedelta(seconds=n, microseconds=n)
        rows.append({"event_id": f"{batch}/{n}", "time": time, "day": time.date(), "tables": ["crm.mbr"], "batch": batch})
        rows[-1] |= {"key_domain": "crm.mbr.mbr_no", "key_hashes": [n], "key_count": 1}
    return pa.Table.from_pylist(rows, schema=EVENT_SCHEMA)


def stored(folder: Path, since: datetime | None = None, until: datetime | None = None) -> list[str]:
    store = EventStore(folder)
    engine = open_event_engine(folder, store.files(since, until))
    try:
        table = arrow(engine, "select * from events order by time")
        assert set(table.column_names) == set(EVENT_SCHEMA.names)
        ids: list[str] = table["event_id"].to_pylist()
        return ids
    finally:
        engine.close()


def test_staged_is_not_seen_and_committed_is_seen_once(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    staged = store.stage(events(4), batch=1, app_id="shop/0/abc", app_version=100)
    assert [file.day for file in staged.files] == ["2026-03-02", "2026-03-03"]
    assert stored(tmp_path) == []
    assert store.commit(staged)
    assert not store.commit(staged)
    again = EventStore(tmp_path)
    assert not again.commit(StagedBatch.from_json(staged.to_json()))
    assert stored(tmp_path) == ["1/0", "1/1", "1/2", "1/3"]
    assert again.count() == 4


def test_a_store_of_an_older_version_gets_the_new_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = pa.schema(list(EVENT_SCHEMA)[:-7])
    with monkeypatch.context() as patch:
        patch.setattr(module, "EVENT_SCHEMA", old)
        patch.setattr(module, "FILE_SCHEMA", pa.schema([f for f in old if f.name != "day"]))
        before = EventStore(tmp_path)
        before.commit(before.stage(events(4).select(old.names), batch=1, app_id="shop/0/a", app_version=100))
    assert stored(tmp_path) == ["1/0", "1/1", "1/2", "1/3"], "only old files: the new columns are null"
    store = EventStore(tmp_path)
    assert store.commit(store.stage(events(2, batch=2), batch=2, app_id="shop/0/a", app_version=200))
    assert sorted(stored(tmp_path)) == ["1/0", "1/1", "1/2", "1/3", "2/0", "2/1"]
    assert {f.name for f in DeltaTable(tmp_path).schema().fields} == set(EVENT_SCHEMA.names)


def test_sources_do_not_block_each_other(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    for number, (log, end) in enumerate([("a", 100), ("b", 50), ("a", 200), ("b", 60)], 1):
        assert store.commit(store.stage(events(1, batch=number), batch=number, app_id=f"shop/0/{log}", app_version=end))
    assert len(stored(tmp_path)) == 4


def test_a_batch_staged_again_after_a_crash_replaces_its_files(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    store.stage(events(9), batch=1, app_id="a", app_version=1)
    assert store.commit(EventStore(tmp_path).stage(events(3), batch=1, app_id="a", app_version=2))
    assert len(stored(tmp_path)) == 3


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    staged = store.stage(events(1), batch=7, app_id="a", app_version=1)
    (tmp_path / staged.files[0].path).unlink()
    with pytest.raises(StoreError, match=r"batch-0000000007\.parquet of batch 7 is missing"):
        store.commit(staged)


def test_an_empty_batch_leaves_no_trace(tmp_path: Path) -> None:
    assert EventStore(tmp_path).stage(events(0), batch=1, app_id="a", app_version=1).files == ()
    assert EventStore(tmp_path).files() == []
    assert EventStore(tmp_path / "none").count() == 0


def test_only_files_that_may_hold_the_asked_time_are_read(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    for day in range(5):
        part = events(2, START + timedelta(days=day, hours=-3), batch=day + 1)
        store.commit(store.stage(part, batch=day + 1, app_id="a", app_version=day + 1))
    assert len(store.files()) == 5
    assert len(store.files(START + timedelta(days=2, hours=-4))) == 3
    assert len(store.files(None, START + timedelta(days=2, hours=-4))) == 2
    last = START + timedelta(days=4, hours=-3, seconds=1, microseconds=1)
    assert len(store.files(last)) == 1, "an event at the very moment is not cut off"
    assert len(store.files(last + timedelta(seconds=1))) == 0


def test_any_engine_can_read_the_table(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    store.commit(store.stage(events(3), batch=1, app_id="a", app_version=1))
    pattern = f"{tmp_path}/day=*/*.parquet"
    with duckdb.connect() as engine:
        assert engine.execute("select count(*) from read_parquet(?, hive_partitioning=true)", [pattern]).fetchall() == [(3,)]


def test_the_engine_over_events_reads_that_folder_and_nothing_else(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "events")
    store.commit(store.stage(events(3), batch=1, app_id="a", app_version=1))
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    engine = open_event_engine(store.folder, store.files())
    for forbidden in (
        f"select * from read_csv('{secret}')",
        f"copy (select 1) to '{tmp_path / 'out.csv'}'",
        "set enable_external_access = true",
        "install httpfs",
        f"attach '{tmp_path / 'x.db'}'",
    ):
        with pytest.raises(duckdb.Error):
            engine.execute(forbidden)
    engine.close()
