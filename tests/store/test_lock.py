"""One scan at a time, on one host and on several; and nothing doubled when the lock is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Engine, func, select, text

from scanner.errors import StoreError
from scanner.events import ACT_SCHEMA, LAST_SCHEMA
from scanner.front import Piece
from scanner.model import EVENT_SCHEMA, FileId
from scanner.store import tables as t
from scanner.store.events import EventStore
from scanner.store.ledger import BatchChanges, Ledger
from scanner.store.lock import writing
from scanner.store.state import open_state
from tests.support.postgres import Postgres


@pytest.fixture
def shared(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a state database on a server, empty."""
    name = f"lock_{abs(hash(request.node.name)) % 10**8}"
    postgres.psql(f"create database {name}")
    yield postgres.url(dbname=name)
    postgres.psql(f"drop database {name} with (force)")


def trying(folder: Path, state: Engine, done: threading.Event) -> tuple[list[str], threading.Thread]:
    """A thread that takes the lock when it can, and what it has said so far."""
    heard: list[str] = []

    def try_it() -> None:
        with writing(folder, state, heard.append):
            heard.append("mine")
        done.set()

    thread = threading.Thread(target=try_it)
    thread.start()
    return heard, thread


@pytest.mark.parametrize("kind", ["one host", "two hosts"])
def test_the_second_waits_for_the_first(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folders = [tmp_path / "a", tmp_path / ("a" if kind == "one host" else "b")]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    url = f"sqlite:///{tmp_path}/s.sqlite" if kind == "one host" else request.getfixturevalue("shared")
    engines = [open_state(url), open_state(url)]
    done = threading.Event()
    with writing(folders[0], engines[0], lambda _: None):
        heard, thread = trying(folders[1], engines[1], done)
        assert not done.wait(1.0)
        assert len(heard) == 1
        assert "scan" in heard[0]
    assert done.wait(20)
    thread.join()
    assert heard[1] == "mine"
    for engine in engines:
        engine.dispose()


def test_a_lost_lock_duplicates_nothing(shared: str, tmp_path: Path) -> None:
    """The first host's connection breaks; the second scans; what the first still wants to store is refused."""
    first, second, other = (open_state(shared) for _ in range(3))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    events = EventStore(tmp_path / "events")
    with writing(tmp_path / "a", first, lambda _: None):
        slow = Ledger(first, events)
        run = slow.start_run("[]")
        batch = slow.next_batch()
        with other.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(
                text("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()")
            )
        with writing(tmp_path / "b", second, lambda _: None):
            store(Ledger(second, events), events, run, batch)
        with pytest.raises(StoreError, match="read by another scan"):
            store(slow, events, run, batch + 1)
    with other.connect() as connection:
        assert connection.execute(select(func.count()).select_from(t.batch)).scalar_one() == 1
    assert events.count() == 1
    for engine in (first, second, other):
        engine.dispose()


def store(ledger: Ledger, events: EventStore, run: int, batch: int) -> None:
    """One batch of one event: the same bytes of the same log, whoever stores it."""
    piece = Piece(
        file=FileId("f1", "/var/log/a.csv", 64), start=0, end=100, sha256="0" * 64, skips=(), records=1,
        acts=ACT_SCHEMA.empty_table(), shapes=ACT_SCHEMA.empty_table(), last=LAST_SCHEMA.empty_table(),
    )  # fmt: skip
    row = {"event_id": "shop/s/1", "database": "shop", "batch": batch}
    table = pa.Table.from_pylist([row], schema=EVENT_SCHEMA)
    moment = pa.array([1_700_000_000_000_000], pa.timestamp("us", tz="UTC"))
    table = table.set_column(table.schema.get_field_index("time"), EVENT_SCHEMA.field("time"), moment)
    day = pa.array([19675], pa.int32()).cast(pa.date32())
    table = table.set_column(table.schema.get_field_index("day"), EVENT_SCHEMA.field("day"), day)
    staged = events.stage(table, batch=batch, app_id="shop/0/f1", app_version=piece.end)
    ledger.record(run, "shop", "shop/0", piece, staged, table, BatchChanges(sessions=()))
