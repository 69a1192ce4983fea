"""Tampering with a log is a finding of the next scan, and stays one; what is usual is none."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scanner.config import load_config
from scanner.evidence.bundle import verify
from scanner.findings import FindingStore
from scanner.pipeline import Report, Workspace, export_finding, scan
from scanner.store.state import now
from tests.continuity.recording import KINDS, Recording
from tests.pipeline.company import stored_events, write_config

LONG_AGO = 1_700_000_000


@dataclass
class Desk:
    """A configuration over a folder of logs, and what came of its scans."""

    folder: Path
    config_path: Path
    logs: Path

    @staticmethod
    def build(folder: Path, recording: Recording, *, whole: bool = True) -> Desk:
        logs = folder / "logs"
        logs.mkdir()
        recording.laid_out(logs)
        if not whole:
            for file in sorted(logs.iterdir())[1:]:
                file.unlink()
        sqlite3.connect(folder / "catalogue.sqlite").execute("create table people (id int, name text)")
        document = {
            "data_dir": str(folder / "data"),
            "time_zone": "UTC",
            "databases": {
                "shop": {
                    "url": f"sqlite:///{folder / 'catalogue.sqlite'}",
                    "engine": "mariadb" if recording.type.startswith("maria") else "postgresql",
                    "audit": [{"type": recording.type, "path": f"{logs}/*{recording.files[0].suffix}*", **recording.options}],
                }
            },
            "vendors": {"ads_co": {"name": "Ads Co.", "accounts": ["vendor_*"]}},
        }
        return Desk(folder, write_config(folder, document), logs)

    def scan(self) -> Report:
        return scan(load_config(self.config_path))

    def workspace(self) -> Workspace:
        return Workspace.open(load_config(self.config_path))

    def findings(self) -> dict[str, dict[str, Any]]:
        """Those about the log, by technique."""
        return {f["techniques"][0]: f for f in FindingStore(self.workspace().state).all() if f["observations"]}

    def file(self, number: int = 0) -> Path:
        return sorted(self.logs.iterdir())[number]

    def write(self, data: bytes, number: int = 0) -> None:
        """Change a file in place, and hide when."""
        file = self.file(number)
        file.write_bytes(data)
        os.utime(file, (LONG_AGO, LONG_AGO))


@pytest.fixture
def desk(recordings: dict[str, Recording], tmp_path: Path) -> Desk:
    return Desk.build(tmp_path, recordings["postgres_csvlog"])


def lines_of(recording: Recording, account: str, at_least: int = 20) -> list[dict[str, Any]]:
    """The records of one session."""
    sessions: dict[str, list[dict[str, Any]]] = {}
    for record in recording.records:
        sessions.setdefault(record["session"], []).append(record)
    return next(s for s in sessions.values() if len(s) > at_least and s[-2]["account"] == account and s[0]["file"] == 0)


@pytest.mark.parametrize("type_", KINDS)
def test_three_lines_from_inside_a_session(recordings: dict[str, Recording], tmp_path: Path, type_: str) -> None:
    recording = recordings[type_]
    desk = Desk.build(tmp_path, recording)
    lines = lines_of(recording, "vendor_a")[7:10]
    data = desk.file().read_bytes()
    for record in reversed(lines):
        data = data[: record["offset"]] + data[record["offset"] + record["length"] :]
    desk.write(data)
    desk.scan()
    desk.scan()
    (finding,) = desk.findings().values()
    assert (finding["level"], finding["status"], finding["techniques"]) == ("critical", "new", ["log_hole"])
    assert (finding["vendor"], finding["accounts"]) == ("ads_co", ["vendor_a"])
    assert "are missing, between bytes" in finding["why"]
    assert finding["observations"][0]["count"] == len(lines) if type_ != "postgres_stderr" else 3
    # the record behind the hole was secured, and the bundle holds what was found
    export_finding(desk.workspace(), finding["id"], tmp_path / "case", exported_by="officer")
    assert verify(tmp_path / "case").problems == ()
    assert "missing" in (tmp_path / "case" / "data" / "finding.json").read_text(encoding="utf-8")
    assert list((tmp_path / "case" / "data" / "raw").glob("*.log"))


def test_an_undisturbed_log_raises_nothing(desk: Desk) -> None:
    desk.scan()
    report = desk.scan()
    assert desk.findings() == {}
    assert report.complete
    assert stored_events(desk.workspace(), "activity = 'log'") == []


def test_mariadb(maria: Recording, tmp_path: Path) -> None:
    desk = Desk.build(tmp_path, maria)
    desk.scan()
    assert desk.findings() == {}


def test_mariadb_three_lines_from_inside_a_session(maria: Recording, tmp_path: Path) -> None:
    """Two statements of a vendor's session and the table that one of them read."""
    desk = Desk.build(tmp_path, maria)
    lines = lines_of(maria, "vendor_a", 7)
    start = next(n for n in range(1, len(lines) - 4) if [r["kind"] for r in lines[n : n + 3]] == ["other", "audit", "audit"])
    data = desk.file().read_bytes()
    for record in reversed(lines[start : start + 3]):
        data = data[: record["offset"]] + data[record["offset"] + record["length"] :]
    desk.write(data)
    desk.scan()
    (finding,) = desk.findings().values()
    assert (finding["level"], finding["techniques"]) == ("critical", ["log_hole"])
    assert (finding["vendor"], finding["accounts"]) == ("ads_co", ["vendor_a"])


@pytest.mark.parametrize("type_", [*KINDS, "mariadb_server_audit"])
def test_the_tail_of_a_file_that_was_read(recordings: dict[str, Recording], maria: Recording, tmp_path: Path, type_: str) -> None:
    """Three records of it."""
    recording = {**recordings, maria.type: maria}[type_]
    desk = Desk.build(tmp_path, recording)
    desk.scan()
    last = [record for record in recording.records if record["file"] == len(recording.files) - 1]
    desk.write(desk.file(-1).read_bytes()[: last[-3]["offset"]], -1)
    desk.scan()
    (finding,) = desk.findings().values()
    assert (finding["level"], finding["techniques"]) == ("critical", ["log_rewritten"])
    assert "was cut or rewritten behind byte" in finding["why"]
    desk.scan()
    assert desk.findings()["log_rewritten"]["event_count"] == finding["event_count"]


def test_the_tail_of_a_file_that_goes_on(desk: Desk) -> None:
    """Cut, and grown again beyond where it was read up to, before the next scan."""
    desk.scan()
    data = desk.file(-1).read_bytes()
    cut = data.rfind(b"\n20", 0, len(data) - 3000) + 1
    desk.write(data[:cut] + data[cut:].replace(b"vendor_b", b"vendor_x") + b"\n" + data[cut:], -1)
    desk.scan()
    assert "log_rewritten" in desk.findings()


@pytest.mark.parametrize("number", [0, -1])
def test_a_line_edited_in_place(desk: Desk, number: int) -> None:
    desk.scan()
    data = desk.file(number).read_bytes()
    at = data.rindex(b"vendor_")
    desk.write(data[:at] + b"nobody_" + data[at + 7 :], number)
    desk.scan()
    (finding,) = desk.findings().values()
    assert (finding["level"], finding["techniques"]) == ("critical", ["log_rewritten"])
    assert "are not what they were" in finding["why"]
    assert str(desk.file(number)) in finding["why"]


def test_a_file_removed_from_the_middle(recordings: dict[str, Recording], tmp_path: Path) -> None:
    recording = recordings["postgres_csvlog"]
    assert len(recording.files) >= 3
    desk = Desk.build(tmp_path, recording)
    desk.scan()
    desk.file(1).unlink()
    desk.scan()
    (finding,) = desk.findings().values()
    assert (finding["level"], finding["techniques"]) == ("high", ["log_vanished"])
    desk.scan()
    assert len(desk.findings()) == 1


def test_rotation_raises_nothing(desk: Desk) -> None:
    """The oldest file goes, others are renamed and packed, one moves to where the path does not look."""
    desk.scan()
    desk.file(0).unlink()
    desk.scan()
    packed = desk.file(0)
    (desk.logs / f"{packed.name}.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    desk.scan()
    last = desk.file(-1)
    (desk.logs / "old").mkdir()
    shutil.move(last, desk.logs / "old" / last.name.replace(".csv", ".txt"))
    desk.scan()
    assert desk.findings() == {}


def test_a_log_that_was_deleted_and_begun_anew(recordings: dict[str, Recording], tmp_path: Path) -> None:
    desk = Desk.build(tmp_path, recordings["postgres_csvlog"], whole=False)
    desk.scan()
    other = recordings["postgres_csvlog"].files[1].read_bytes()
    path = desk.file()
    path.unlink()
    path.write_bytes(other)
    desk.scan()
    # a file system may give the new file the number of the old one: then it looks emptied
    assert set(desk.findings()) in ({"log_vanished"}, {"log_rewritten"})


def test_a_log_that_was_emptied(recordings: dict[str, Recording], tmp_path: Path) -> None:
    desk = Desk.build(tmp_path, recordings["postgres_csvlog"], whole=False)
    desk.scan()
    desk.write(recordings["postgres_csvlog"].files[1].read_bytes())
    desk.scan()
    assert set(desk.findings()) == {"log_rewritten"}
    assert "was emptied and written anew" in desk.findings()["log_rewritten"]["why"]


def test_copytruncate_with_a_copy_raises_nothing(recordings: dict[str, Recording], tmp_path: Path) -> None:
    desk = Desk.build(tmp_path, recordings["postgres_csvlog"], whole=False)
    desk.scan()
    shutil.copyfile(desk.file(), desk.logs / f"{desk.file().stem}.csv.1")
    desk.write(recordings["postgres_csvlog"].files[1].read_bytes())
    desk.scan()
    assert desk.findings() == {}


def test_a_source_that_cannot_be_read_any_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.scan()
    away = desk.folder / "away"
    desk.logs.rename(away)
    first = desk.scan()
    assert not first.complete
    found = desk.findings()
    assert found["source_unreadable"]["level"] == "high"
    assert "cannot be read since" in found["source_unreadable"]["why"]
    desk.scan()
    assert desk.findings()["source_unreadable"]["event_count"] == 1
    # half a day later it is told again, and a closed finding would be opened anew
    monkeypatch.setattr("scanner.logwatch._micros", lambda moment: int(moment.timestamp() + 43_300) * 1_000_000)
    desk.scan()
    assert desk.findings()["source_unreadable"]["event_count"] == 2
    away.rename(desk.logs)
    desk.scan()
    history = FindingStore(desk.workspace().state).get(found["source_unreadable"]["id"])
    assert history is not None
    assert history["history"][-1]["what"] == "readable_again"
    assert datetime.fromisoformat(history["history"][-1]["at"]) <= datetime.now(UTC)


def test_skipped_bytes_are_a_finding(recordings: dict[str, Recording], tmp_path: Path) -> None:
    recording = recordings["postgres_csvlog"]
    desk = Desk.build(tmp_path, recording)
    record = lines_of(recording, "vendor_a")[9]
    data = desk.file().read_bytes()
    torn = data[: record["offset"]] + b"torn, and torn again\n" + data[record["offset"] + record["length"] :]
    desk.write(torn)
    desk.scan()
    found = desk.findings()
    assert set(found) == {"log_unreadable_records"}  # what is missing is explained by it
    assert f"bytes {record['offset']}" in found["log_unreadable_records"]["why"].replace("(", " ")
    assert now() > found["log_unreadable_records"]["first_event"]


def test_a_scan_that_was_killed_finds_the_same_once(
    recordings: dict[str, Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = recordings["postgres_csvlog"]
    desk = Desk.build(tmp_path, recording)
    record = lines_of(recording, "vendor_a")[9]
    data = desk.file().read_bytes()
    desk.write(data[: record["offset"]] + data[record["offset"] + record["length"] :])

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("scanner.logwatch.LogWatch.conclude", dies)
        with pytest.raises(KeyboardInterrupt):
            desk.scan()
    desk.scan()
    desk.scan()
    (finding,) = desk.findings().values()
    assert finding["event_count"] == 1
