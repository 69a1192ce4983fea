"""Logs in object storage, on fsspec's memory and local file systems: read once, wherever and however they lie."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from scanner.config_sources import AuditSource
from scanner.sources import files, storage
from scanner.sources.raw import holds, read_ranges
from tests.sources.csvlog import Ledger, audit, record


def lines(first: int, last: int) -> bytes:
    return b"".join(record(audit(f"select {n}", number=n), line=n) for n in range(first, last + 1))


Put = Callable[[str, bytes], None]


@pytest.fixture(params=["memory", "file", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Put]]:
    """The address of an empty folder, and a way to put files there."""
    system = fsspec.filesystem(request.param)
    folder = f"{request.param}://{tmp_path}" if request.param != "memory" else f"memory://{tmp_path.name}"

    def put(name: str, data: bytes) -> None:
        with fsspec.open(f"{folder}/{name}", "wb") as file:
            file.write(data)

    yield folder, put
    if request.param == "memory":
        system.rm(f"/{tmp_path.name}", recursive=True)


def test_growing_rotated_packed_copied(place: tuple[str, Put]) -> None:
    folder, put = place
    ledger = Ledger(f"{folder}/*.csv*", slice_bytes=700, zone="Asia/Seoul")
    put("a.csv", lines(1, 20))
    ledger.scan()
    put("a.csv", lines(1, 30))  # objects are written anew to grow
    ledger.scan()
    put("a.csv.1.gz", gzip.compress(lines(1, 40)))
    put("a.csv", lines(41, 45))
    ledger.scan()
    put("b.csv.xz", lzma.compress(lines(50, 60)))
    put("c.csv", lines(50, 55))
    ledger.scan()
    ledger.scan()
    assert ledger.notices == []
    assert sorted(ledger.statements(), key=lambda s: int((s or "").split()[1])) == [
        f"select {n}" for n in [*range(1, 46), *range(50, 61)]
    ]


def test_packed_objects_that_did_not_change_are_not_read_again(place: tuple[str, Put], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, put = place
    put("a.csv.gz", gzip.compress(lines(1, 40)))
    ledger = Ledger(f"{folder}/*.gz", zone="Asia/Seoul")
    ledger.scan()
    opened: list[int] = []
    skip = files.Stream.skip_to
    monkeypatch.setattr(files.Stream, "skip_to", lambda self, offset: opened.append(offset) or skip(self, offset))
    ledger.scan()
    assert opened == []


def test_a_single_object(place: tuple[str, Put]) -> None:
    folder, put = place
    put("a.csv", lines(1, 3))
    ledger = Ledger(f"{folder}/a.csv", zone="Asia/Seoul")
    ledger.scan()
    assert ledger.statements() == ["select 1", "select 2", "select 3"]


def test_evidence_is_read_back(place: tuple[str, Put]) -> None:
    folder, put = place
    for name, pack in (("a.csv", bytes), ("a.csv.gz", gzip.compress)):
        put(name, pack(lines(1, 40)))
        ledger = Ledger(f"{folder}/{name}", zone="Asia/Seoul")
        (piece,) = [p for p in ledger.scan() if p.records.num_rows]
        assert holds(piece.file.path, piece.file.id, piece.file.head_length)
        rows = piece.records.select(["offset", "length"]).to_pylist()[5:8]
        got = dict(read_ranges(piece.file.path, [(row["offset"], row["length"]) for row in rows]))
        assert b"".join(got.values()) == lines(6, 8)
        assert not holds(piece.file.path, "0" * 16, 100)


def test_an_object_that_shrank_is_said(place: tuple[str, Put]) -> None:
    folder, put = place
    put("a.csv", lines(1, 100))
    ledger = Ledger(f"{folder}/a.csv", slice_bytes=1 << 20, zone="Asia/Seoul")
    ledger.scan()
    put("a.csv", lines(1, 60))
    ledger.scan()
    assert ["was cut or rewritten" in notice.reason for notice in ledger.notices] == [True]


def test_what_is_missing(place: tuple[str, Put]) -> None:
    folder, put = place
    put("x/a.csv", lines(1, 3)) if folder.startswith("memory") else None
    for pattern, reason in (
        (f"{folder}/none*.csv", "no file matches"),
        (f"{folder}/none.csv", "does not exist"),
        (folder, "is a folder"),
    ):
        if pattern == folder and not folder.startswith("memory"):
            put("a.csv", lines(1, 3))
        assert [notice.reason for notice in files.find(pattern)[1]] == [reason]


@pytest.mark.parametrize(
    ("address", "reason", "hint"),
    [
        ("s3://bucket/*.csv", "needs a driver for s3://", "vendorwatch[s3]"),
        ("gs://bucket/a.csv", "needs a driver for gs://", "vendorwatch[gcs]"),
        ("abfs://bucket/a.csv", "needs a driver for abfs://", "vendorwatch[azure]"),
        ("nonsense://x/a.csv", "not known, nonsense", "s3://"),
    ],
)
def test_drivers_that_are_not_here(address: str, reason: str, hint: str) -> None:
    logs, (notice,) = files.find(address)
    assert logs == []
    assert reason in notice.reason
    assert hint in notice.hint


def test_passwords_are_refused_and_never_shown() -> None:
    with pytest.raises(ValueError, match="holds a user or a password") as caught:
        AuditSource(type="postgres_csvlog", path="sftp://reader:geheim@host/a.csv")
    assert "geheim" not in str(caught.value)
    _, (notice,) = files.find("nonsense://reader:geheim@host/a.csv")
    assert "geheim" not in f"{notice.path} {notice.reason} {notice.hint}"
    assert storage.shown("s3://key:secret@bucket/x@y") == "s3://bucket/x@y"


def test_addresses_are_kept_as_they_are() -> None:
    assert AuditSource(type="aws_das", path="s3://bucket/a/*.gz").path == "s3://bucket/a/*.gz"
    assert storage.is_address("s3://b/a")
    assert not storage.is_address("/var/log/x://y")
    assert not storage.is_address("C:/x")
