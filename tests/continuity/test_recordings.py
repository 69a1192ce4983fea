"""Real servers' logs: undisturbed they raise nothing, and what is taken out of them is found."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.continuity import Sign
from tests.continuity.recording import KINDS, Recording
from tests.continuity.watched import Watcher

PLAIN = pytest.mark.parametrize("type_", KINDS)


def written(recording: Recording, records: list[dict[str, Any]], folder: Path, without: set[int]) -> str:
    """The recording in ``folder`` without the records of these numbers."""
    pattern = recording.laid_out(folder)
    for number, file in enumerate(recording.files):
        lost = sorted((r["offset"], r["length"]) for n, r in enumerate(records) if n in without and r["file"] == number)
        data = file.read_bytes()
        kept, at = [], 0
        for offset, length in lost:
            kept.append(data[at:offset])
            at = offset + length
        (folder / file.name).write_bytes(b"".join([*kept, data[at:]]))
    return pattern


def by_session(records: list[dict[str, Any]]) -> dict[str, list[int]]:
    sessions: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        sessions[record["session"]].append(number)
    return sessions


@PLAIN
@pytest.mark.parametrize("slice_bytes", [1 << 25, 5_000])
def test_an_undisturbed_log_raises_nothing(
    recordings: dict[str, Recording], tmp_path: Path, type_: str, slice_bytes: int
) -> None:
    recording = recordings[type_]
    watcher = Watcher(recording.laid_out(tmp_path), type_, recording.options, slice_bytes=slice_bytes)
    assert watcher.scan() == []
    assert watcher.scan() == []
    assert watcher.records == len(recording.records) > 500


@PLAIN
def test_a_log_that_is_read_from_the_middle_raises_nothing(recordings: dict[str, Recording], tmp_path: Path, type_: str) -> None:
    """Nobody knows what came before the first record that was read."""
    recording = recordings[type_]
    records = recording.records
    for size in (1, 7, len(records) // 3):
        folder = tmp_path / str(size)
        folder.mkdir()
        watcher = Watcher(written(recording, records, folder, set(range(size))), type_, recording.options)
        first = records[size]
        late = [o for o in watcher.scan() if o.session != first["session"]]
        assert [o.what for o in late if not begun_in_the_same_second(o.session, records, size)] == []


def begun_in_the_same_second(session: str | None, records: list[dict[str, Any]], size: int) -> bool:
    """Of a session that had begun, lines were taken out in front of the first record: nothing to be told of."""
    return any(record["session"] == session for record in records[:size])


@PLAIN
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6))
def test_whatever_is_taken_out_of_a_session_is_found(
    recordings: dict[str, Recording], tmp_path_factory: pytest.TempPathFactory, type_: str, seed: int, count: int
) -> None:
    """Any audited lines, next to each other or not, of a session that still has a line before and one behind."""
    recording = recordings[type_]
    records = recording.records
    chosen = random.Random(seed)
    sessions = {name: rows for name, rows in by_session(records).items() if sum(records[n]["kind"] == "audit" for n in rows) > 2}
    rows = sessions[chosen.choice(sorted(sessions))]
    audited = [n for n in rows[1:-1] if records[n]["kind"] == "audit"]
    lost = set(chosen.sample(audited, min(count, len(audited))))
    folder = tmp_path_factory.mktemp("cut")
    watcher = Watcher(written(recording, records, folder, lost), type_, recording.options, slice_bytes=1 << 14)
    found = [o for o in watcher.scan() if o.sign is Sign.HOLE]
    assert {o.session for o in found} == {records[rows[0]]["session"]}
    assert sum(o.count for o in found) == len(lost)
    assert watcher.scan() == []


@PLAIN
def test_a_session_without_its_beginning(recordings: dict[str, Recording], tmp_path: Path, type_: str) -> None:
    recording = recordings[type_]
    records = recording.records
    rows = next(rows for rows in by_session(records).values() if len(rows) > 20 and records[rows[9]]["account"] == "vendor_a")
    watcher = Watcher(written(recording, records, tmp_path, set(rows[:3])), type_, recording.options)
    (found,) = watcher.scan()
    assert (found.sign, found.count, found.account) == (Sign.HOLE, 3, "vendor_a")
    assert "the first 3 lines are missing" in found.what


@PLAIN
def test_a_line_that_was_copied(recordings: dict[str, Recording], tmp_path: Path, type_: str) -> None:
    recording = recordings[type_]
    records = recording.records
    pattern = recording.laid_out(tmp_path)
    rows = next(rows for rows in by_session(records).values() if len(rows) > 20 and records[rows[9]]["account"] == "vendor_a")
    record, last = records[rows[9]], records[rows[15]]
    file = tmp_path / recording.files[int(record["file"])].name
    data = file.read_bytes()
    line = data[record["offset"] : record["offset"] + record["length"]]
    file.write_bytes(data[: last["offset"]] + line + data[last["offset"] :])
    found = Watcher(pattern, type_, recording.options).scan()
    assert [o.sign for o in found] == [Sign.REPEATED]
    assert found[0].session == record["session"]


def test_a_file_read_late_fills_the_hole(recordings: dict[str, Recording], tmp_path: Path) -> None:
    """Files may come in any order, in one scan."""
    recording = recordings["postgres_csvlog"]
    pattern = recording.laid_out(tmp_path)
    first, second, *_ = (tmp_path / file.name for file in recording.files)
    cut = second.read_bytes()
    third = tmp_path / "zzz.csv"
    half = cut.index(b"\n20", len(cut) // 2) + 1
    third.write_bytes(cut[:half])
    second.write_bytes(cut[half:])
    watcher = Watcher(pattern, "postgres_csvlog")
    assert watcher.scan() == []
    assert first.exists()


def test_mariadb_undisturbed(maria: Recording) -> None:
    for slice_bytes in (1 << 25, 3_000, 700):
        watcher = Watcher(str(maria.files[0]), maria.type, slice_bytes=slice_bytes)
        assert [o.what for o in watcher.scan()] == []
        assert watcher.records > 200


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_mariadb_three_lines_of_a_session(maria: Recording, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Any three lines next to each other inside a vendor's session, statements among them."""
    records = maria.records
    chosen = random.Random(seed)
    sessions = [rows for rows in by_session(records).values() if len(rows) > 7 and records[rows[3]]["account"] == "vendor_a"]
    rows = chosen.choice(sessions)
    start = chosen.randrange(1, len(rows) - 4)
    folder = tmp_path_factory.mktemp("cut")
    pattern = written(maria, records, folder, set(rows[start : start + 3]))
    found = Watcher(pattern, maria.type).scan()
    assert {o.sign for o in found} & {Sign.HOLE, Sign.QUERY_HOLE, Sign.QUERY_GAP}, [records[n] for n in rows[start : start + 3]]


def test_mariadb_a_connection_that_was_never_made(maria: Recording, tmp_path: Path) -> None:
    records = maria.records
    connect = next(n for n, r in enumerate(records) if r["kind"] == "connect" and r["account"] == "vendor_a" and n > 40)
    found = Watcher(written(maria, records, tmp_path, {connect}), maria.type).scan()
    assert [(o.sign, o.account) for o in found] == [(Sign.HOLE, "vendor_a")]
    assert "that it was made is not in the log" in found[0].what
