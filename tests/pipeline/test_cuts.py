"""Where a log is cut, how often it is scanned, and how often a scan is killed must not show in what is stored."""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.config import load_config
from scanner.findings import FindingStore
from scanner.model import Slice
from scanner.pipeline import Workspace, scan
from scanner.sources import SOURCES
from tests.pipeline.company import scan_command, stored_events
from tests.pipeline.conftest import Recording

SMALL = 12_000  # bytes a batch: some forty records


def events_of(config: Path) -> dict[str, dict[str, Any]]:
    """Stored events by id, without the number of the batch: that is how they came, not what they are."""
    found = stored_events(Workspace.open(load_config(config)))
    by_id = {event["event_id"]: event for event in found}
    assert len(by_id) == len(found)
    for event in found:
        del event["batch"]
    return by_id


def findings_of(config: Path) -> list[dict[str, Any]]:
    store = FindingStore(Workspace.open(load_config(config)).state)
    found = sorted(store.all(), key=lambda f: f["id"])
    for finding in found:
        finding["event_ids"] = store.event_ids(finding["id"])
        del finding["created_at"], finding["updated_at"], finding["clocks"]
    return found


def secured_of(config: Path) -> set[str]:
    return Workspace.open(load_config(config)).raw.secured()


def same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return one == other


def assert_same_events(got: dict[str, dict[str, Any]], wanted: dict[str, dict[str, Any]]) -> None:
    assert sorted(got) == sorted(wanted)
    differing = [
        (key, wanted[key]["app_name"], wanted[key]["command"], name, wanted[key][name], value)
        for key, event in got.items()
        for name, value in event.items()
        if not same(value, wanted[key][name])
    ]
    assert differing == []


@pytest.fixture(scope="module")
def undisturbed(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One scan of the whole log as one batch."""
    config = recording.config(tmp_path_factory.mktemp("undisturbed") / "x")
    assert scan(load_config(config)).complete
    return config


@pytest.mark.parametrize("size", [SMALL, 50_001])
def test_the_size_of_a_batch_does_not_show(recording: Recording, undisturbed: Path, tmp_path: Path, size: int) -> None:
    config = recording.config(tmp_path / "x")
    assert scan(load_config(config), slice_bytes=size).complete
    assert_same_events(events_of(config), events_of(undisturbed))
    assert findings_of(config) == findings_of(undisturbed)


def test_a_scan_killed_twenty_times_ends_as_if_nothing_had_been(recording: Recording, undisturbed: Path, tmp_path: Path) -> None:
    """SIGKILL at random moments of the command, each time in a new process, until it has been killed twenty times."""
    chance = random.Random(2026)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["scanner.cli"])
    patience = 0.8  # seconds; adapts to the machine, so that most kills fall into the work: not before it, not behind it
    kills = amid = 0
    config = recording.config(tmp_path / "0")
    stored = 0
    while kills < 20:
        started = processes.Event()
        process = processes.Process(target=scan_command, args=(str(config), SMALL // 4, started))
        process.start()
        assert started.wait(60)
        process.join(chance.uniform(0.2, 1) * patience)
        if process.is_alive():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.join(60)
        if process.exitcode == 0:  # it came to its end before the blow: the next one works on a new data directory
            assert_ends_like(undisturbed, config)
            config, stored = recording.config(tmp_path / str(kills)), 0
            patience = max(0.1, 0.7 * patience)
            continue
        batches = Workspace.open(load_config(config)).ledger.next_batch() - 1
        amid += batches > 0
        patience = min(30.0, patience * 1.3) if batches == stored else max(0.1, patience * 0.9)
        stored = batches
    assert amid > 5, "the kills fell before the work"
    assert_ends_like(undisturbed, config)


def assert_ends_like(undisturbed: Path, config: Path) -> None:
    """A last scan of ``config`` leaves what the undisturbed one left, and nothing more to do."""
    assert scan(load_config(config), slice_bytes=SMALL // 4).complete
    assert_same_events(events_of(config), events_of(undisturbed))
    assert findings_of(config) == findings_of(undisturbed)
    assert secured_of(config) == secured_of(undisturbed)
    assert scan(load_config(config)).events == 0


def test_two_scans_at_once_do_the_work_of_one(recording: Recording, undisturbed: Path, tmp_path: Path) -> None:
    config = recording.config(tmp_path / "x")
    processes = multiprocessing.get_context("forkserver")
    both = [processes.Process(target=scan_command, args=(str(config), SMALL, None)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
        assert process.exitcode == 0
    assert_same_events(events_of(config), events_of(undisturbed))
    assert findings_of(config) == findings_of(undisturbed)


def inside_acts(log: Path) -> Callable[[int], bool]:
    """Whether a position in the log lies between the lines of one act."""
    (piece,) = (x for x in SOURCES["postgres_csvlog"](str(log), "UTC").read([]) if isinstance(x, Slice))
    reach: dict[tuple[object, ...], tuple[int, int]] = {}
    for row in piece.records.to_pylist():
        if row["kind"] == "audit":
            key = row["session"], row["statement_id"], row["substatement_id"]
            reach[key] = reach.get(key, (row["offset"], 0))[0], row["offset"] + row["length"]
    return lambda position: any(first < position < last for first, last in reach.values())


def test_a_growing_log_scanned_again_and_again_gives_what_one_scan_gives(
    recording: Recording, undisturbed: Path, tmp_path: Path
) -> None:
    """The log grows by any number of bytes between two scans, half records included.

    Only between the lines of one act, which the server writes within microseconds, no scan is made: what a later line adds
    to an act that is stored already is not taken up.
    """
    whole = recording.log.read_bytes()
    log = tmp_path / "growing.csv"
    config = recording.config(tmp_path / "x", log)
    chance = random.Random(11)
    inside = inside_acts(recording.log)
    ends = [*sorted(end for end in chance.sample(range(1, len(whole)), 14) if not inside(end)), len(whole)]
    for start, end in zip([0, *ends], ends, strict=False):
        with log.open("ab") as handle:
            handle.write(whole[start:end])
        assert scan(load_config(config)).complete
    assert_same_events(events_of(config), events_of(undisturbed))
    summary = [(f["rules"], f["level"], f["accounts"], f["exposed_persons"], f["event_ids"]) for f in findings_of(config)]
    assert sorted(map(repr, summary)) == sorted(
        repr((f["rules"], f["level"], f["accounts"], f["exposed_persons"], f["event_ids"])) for f in findings_of(undisturbed)
    )
