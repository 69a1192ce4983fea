"""Rotation, copies, compression, truncation: a log is its content."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.sources.csvlog import Ledger, audit, read, record

LINES = [record(audit(f"select {n}\n, 'a'", number=n), line=n) for n in range(1, 201)]
TEXTS = [f"select {n}\n, 'a'" for n in range(1, 201)]

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def put(path: Path, *lines: bytes, mode: str = "ab") -> None:
    with path.open(mode) as file:
        file.write(b"".join(lines))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "*.csv*", slice_bytes=2000)


def test_nothing_new_gives_nothing(tmp_path: Path, ledger: Ledger) -> None:
    put(tmp_path / "a.csv", *LINES[:50])
    assert ledger.scan()
    assert ledger.scan() == []
    assert ledger.statements() == TEXTS[:50]


def test_growing_with_half_records(tmp_path: Path, ledger: Ledger) -> None:
    data = b"".join(LINES[:40])
    for start in range(0, len(data), 137):
        put(tmp_path / "a.csv", data[start : start + 137])
        ledger.scan()
        assert ledger.notices == []
    assert ledger.statements() == TEXTS[:40]
    assert len(ledger.positions) == 1


def test_identity_is_stable_while_a_tiny_file_grows(tmp_path: Path, ledger: Ledger) -> None:
    put(tmp_path / "a.csv", LINES[0])
    (first,) = ledger.scan()
    assert first.file.head_length == len(LINES[0])
    put(tmp_path / "a.csv", *LINES[1:100])
    assert {piece.file.id for piece in ledger.scan()} == {first.file.id}
    assert ledger.statements() == TEXTS[:100]


def test_rotation_by_rename(tmp_path: Path, ledger: Ledger) -> None:
    put(tmp_path / "a.csv", *LINES[:20], LINES[20][:50])
    ledger.scan()
    put(tmp_path / "a.csv", LINES[20][50:], *LINES[21:30])
    (tmp_path / "a.csv").rename(tmp_path / "a.csv.1")
    put(tmp_path / "a.csv", *LINES[30:40])
    ledger.scan()
    assert ledger.notices == []
    assert ledger.statements() == TEXTS[:40]


def test_copytruncate(tmp_path: Path, ledger: Ledger) -> None:
    log = tmp_path / "a.csv"
    put(log, *LINES[:20])
    ledger.scan()
    put(log, *LINES[20:30])
    shutil.copyfile(log, tmp_path / "a.csv.1")
    os.truncate(log, 0)
    put(log, *LINES[30:35])
    ledger.scan()
    assert ledger.notices == []
    assert sorted(ledger.statements(), key=TEXTS.index) == TEXTS[:35]
    put(log, *LINES[35:40])
    ledger.scan()
    assert sorted(ledger.statements(), key=TEXTS.index) == TEXTS[:40]


def test_truncation_without_a_copy_is_said_once(tmp_path: Path, ledger: Ledger) -> None:
    log = tmp_path / "a.csv"
    put(log, *LINES[:20])
    ledger.scan()
    os.truncate(log, 0)
    put(log, *LINES[30:35])
    ledger.scan()
    (notice,) = ledger.notices
    assert "was emptied" in notice.reason
    assert not notice.fatal
    put(log, *LINES[35:40])
    ledger.scan()
    assert ledger.notices == []
    assert ledger.statements() == TEXTS[:20] + TEXTS[30:40]


@pytest.mark.parametrize("suffix", PACKERS)
def test_compression_goes_on_where_the_plain_log_stopped(tmp_path: Path, ledger: Ledger, suffix: str) -> None:
    log = tmp_path / "a.csv"
    put(log, *LINES[:20])
    ledger.scan()
    put(log, *LINES[20:60])
    packed = tmp_path / f"a.csv.1{suffix}"
    packed.write_bytes(PACKERS[suffix](log.read_bytes()))
    ledger.scan()  # both are there for a moment
    assert ledger.statements() == TEXTS[:60]
    log.unlink()
    put(log, *LINES[60:70])
    ledger.scan()
    ledger.scan()
    packed.rename(tmp_path / f"a.csv.2{suffix}")
    ledger.scan()
    assert ledger.notices == []
    assert ledger.statements() == TEXTS[:70]


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_log_is_unpacked_once(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "*.csv*", slice_bytes=3000)
    data = b"".join(LINES)
    (tmp_path / f"a.csv{suffix}").write_bytes(PACKERS[suffix](data[:9000]) + PACKERS[suffix](data[9000:]))  # two members
    ledger.scan()
    assert ledger.statements() == TEXTS
    monkeypatch.setattr("scanner.sources.files.Stream.skip_to", lambda *_: pytest.fail("unpacked again"))
    assert ledger.scan() == []


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_after_it_was_read_completely(tmp_path: Path, ledger: Ledger, suffix: str) -> None:
    log = tmp_path / "a.csv"
    put(log, *LINES[:60])
    ledger.scan()
    (tmp_path / f"a.csv{suffix}").write_bytes(PACKERS[suffix](log.read_bytes()))
    log.unlink()
    (piece,) = ledger.scan()
    assert (piece.start, piece.records.num_rows) == (piece.end, 0)
    assert ledger.scan() == []


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_file_cut_short(tmp_path: Path, ledger: Ledger, suffix: str) -> None:
    whole = PACKERS[suffix](os.urandom(0) + b"".join(LINES))
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(whole[: len(whole) - 12])
    ledger.scan()
    (notice,) = ledger.notices
    assert notice.fatal
    assert "packed file" in notice.reason
    path.write_bytes(whole)
    ledger.scan()
    assert ledger.notices == []
    assert ledger.statements() == TEXTS


def test_packed_log_that_ends_in_half_a_record(tmp_path: Path, ledger: Ledger) -> None:
    data = b"".join(LINES[:30]) + LINES[30][:40]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(data))
    slices = ledger.scan()
    assert ledger.statements() == TEXTS[:30]
    (skip,) = [skip for piece in slices for skip in piece.skips]
    assert (skip.offset, skip.length) == (len(data) - 40, 40)
    assert ledger.scan() == []


def test_duplicates_are_read_once_and_as_far_as_the_longest(tmp_path: Path, ledger: Ledger) -> None:
    put(tmp_path / "a.csv", *LINES[:50])
    put(tmp_path / "b.csv", *LINES[:80])
    put(tmp_path / "c.csv", *LINES[:3])
    put(tmp_path / "d.csv.old", *LINES[:60])
    ledger.scan()
    assert ledger.statements() == TEXTS[:80]
    put(tmp_path / "c.csv", *LINES[3:90])
    ledger.scan()
    assert ledger.statements() == TEXTS[:90]
    (tmp_path / "b.csv").unlink()
    put(tmp_path / "e.csv", *LINES[:1])
    assert ledger.scan() == []
    assert ledger.notices == []


def test_tail_cut_off_behind_our_position(tmp_path: Path, ledger: Ledger) -> None:
    log = tmp_path / "a.csv"
    put(log, *LINES[:50])
    ledger.scan()
    (old,) = ledger.positions
    os.truncate(log, len(b"".join(LINES[:30])))
    slices = ledger.scan()
    (notice,) = ledger.notices
    assert notice.fatal
    assert "cut or rewritten" in notice.reason
    assert {piece.file.id for piece in slices} == {f"{old}-2"}
    assert slices[0].start == 0
    put(log, *LINES[50:120])  # longer than ever
    again = ledger.scan()
    assert ledger.notices == []
    assert {piece.file.id for piece in again} == {f"{old}-2"}
    assert [s for piece in again for s in piece.records["statement"].to_pylist()] == TEXTS[50:120]


def test_line_removed_behind_our_position(tmp_path: Path, ledger: Ledger) -> None:
    log = tmp_path / "a.csv"
    put(log, *LINES[:50])
    ledger.scan()
    put(log, *LINES[:30], b"".join(LINES[30:90])[7:], mode="wb")
    ledger.scan()
    assert "cut or rewritten" in ledger.notices[0].reason


def test_missing_empty_and_odd_paths(tmp_path: Path) -> None:
    assert "no file matches" in read(tmp_path / "*.csv")[1][0].reason
    assert "does not exist" in read(tmp_path / "a.csv")[1][0].reason
    assert "is a folder" in read(tmp_path)[1][0].reason
    os.mkfifo(tmp_path / "pipe.csv")
    assert "not a regular file" in read(tmp_path / "*.csv")[1][0].reason
    (tmp_path / "pipe.csv").unlink()
    (tmp_path / "sub.csv").mkdir()
    put(tmp_path / "empty.csv")
    assert read(tmp_path / "*.csv") == ([], [])
    for notice in read(tmp_path / "a.csv")[1] + read(tmp_path)[1]:
        assert notice.fatal
        assert notice.hint


def test_unreadable_file_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a.csv", *LINES[:5])
    put(tmp_path / "b.csv", *LINES[5:9])
    real = Path.open

    def refuse(self: Path, *args: object, **kwargs: object) -> object:
        if self.name == "a.csv":
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)  # tests may run as root, whom no mode keeps out
    slices, (notice,) = read(tmp_path / "*.csv")
    assert sum(piece.records.num_rows for piece in slices) == 4
    assert "Permission denied" in notice.reason
    assert notice.fatal


def test_names_with_glob_characters_are_names(tmp_path: Path) -> None:
    put(tmp_path / "a[1].csv", *LINES[:3])
    assert sum(piece.records.num_rows for piece in read(tmp_path / "a[1].csv")[0]) == 3


def test_slice_hash_is_of_its_bytes(tmp_path: Path, ledger: Ledger) -> None:
    import hashlib

    put(tmp_path / "a.csv", *LINES)
    data = b"".join(LINES)
    for piece in ledger.scan():
        assert piece.sha256 == hashlib.sha256(data[piece.start : piece.end]).hexdigest()
    assert len(ledger.slices) > 10


def test_a_few_bytes_of_rubbish_identify_no_log(tmp_path: Path, ledger: Ledger) -> None:
    """Two logs that begin with an empty line must not be taken for one."""
    put(tmp_path / "a.csv", b"\n")
    assert ledger.scan() == []
    assert "no postgres_csvlog record" in ledger.notices[0].reason
    put(tmp_path / "a.csv", *LINES[:5])
    ledger.scan()
    put(tmp_path / "b.csv", b"\n")
    ledger.scan()
    put(tmp_path / "b.csv", *LINES[5:9])
    ledger.scan()
    assert ledger.statements() == TEXTS[:9]
    assert len(ledger.positions) == 2
