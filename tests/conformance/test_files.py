"""Growing, rotation, truncation, compression, copies: each source reads every record once."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.formats import FORMATS, Format, Scans
from tests.sources.test_properties import TEXT

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
TEXTS = [f"select {n}\n, 'a', \"b\"" for n in range(1, 121)]

pytestmark = pytest.mark.parametrize("form", FORMATS, ids=str)


def lines(form: Format, first: int, last: int) -> bytes:
    """Records of the statements number ``first`` to ``last``, from 1."""
    return b"".join(form.render(TEXTS[n - 1], n) for n in range(first, last + 1))


def put(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def said(form: Format, *numbers: int) -> list[str]:
    return [form.said(TEXTS[n - 1]) for n in numbers]


def test_growing_with_half_records(form: Format, tmp_path: Path) -> None:
    scans = Scans(form, tmp_path / "*.log")
    data = lines(form, 1, 40)
    for start in range(0, len(data), 211):
        put(tmp_path / "a.log", data[start : start + 211])
        scans.scan(quiet=False)
        assert [n for n in scans.notices if "so far" not in n] == []
    scans.scan()
    scans.scan()
    assert scans.texts == said(form, *range(1, 41))
    assert scans.skipped == 0
    assert len(scans.ledger.positions) == 1


def test_rotation_by_rename(form: Format, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    scans = Scans(form, tmp_path / "*.log*")
    half = form.render(TEXTS[20], 21)
    put(log, lines(form, 1, 20) + half[:60])
    scans.scan(quiet=False)
    put(log, half[60:] + lines(form, 22, 30))
    log.rename(tmp_path / "a.log.1")
    put(log, lines(form, 31, 40))
    scans.scan()
    assert scans.notices == []
    assert scans.texts == said(form, *range(1, 41))


def test_copytruncate(form: Format, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    scans = Scans(form, tmp_path / "*.log*")
    put(log, lines(form, 1, 20))
    scans.scan()
    put(log, lines(form, 21, 30))
    shutil.copyfile(log, tmp_path / "a.log.1")
    os.truncate(log, 0)
    put(log, lines(form, 31, 35))
    scans.scan()
    put(log, lines(form, 36, 40))
    scans.scan()
    assert scans.notices == []
    assert sorted(scans.texts, key=said(form, *range(1, 41)).index) == said(form, *range(1, 41))


def test_truncation_without_a_copy_is_said_once(form: Format, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    scans = Scans(form, log)
    put(log, lines(form, 1, 20))
    scans.scan()
    os.truncate(log, 0)
    put(log, lines(form, 31, 35))
    scans.scan()
    assert ["was emptied" in notice for notice in scans.notices] == [True]
    put(log, lines(form, 36, 40))
    scans.scan()
    assert scans.notices == []
    assert scans.texts == said(form, *range(1, 21), *range(31, 41))


def test_a_log_cut_behind_our_position_is_said(form: Format, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    scans = Scans(form, log, 1 << 20)
    put(log, lines(form, 1, 100))
    scans.scan()
    data = log.read_bytes()
    log.write_bytes(data[: len(lines(form, 1, 60))])
    scans.scan()
    assert ["was cut or rewritten" in notice for notice in scans.notices] == [True]


@pytest.mark.parametrize("suffix", PACKERS)
def test_compression_goes_on_where_the_plain_log_stopped(form: Format, tmp_path: Path, suffix: str) -> None:
    log = tmp_path / "a.log"
    scans = Scans(form, tmp_path / "*.log*")
    put(log, lines(form, 1, 20))
    scans.scan()
    put(log, lines(form, 21, 60))
    (tmp_path / f"a.log.1{suffix}").write_bytes(PACKERS[suffix](log.read_bytes()))
    scans.scan()
    log.unlink()
    put(log, lines(form, 61, 70))
    scans.scan()
    scans.scan()
    assert scans.notices == []
    assert scans.texts == said(form, *range(1, 71))


@pytest.mark.parametrize("suffix", PACKERS)
def test_half_a_record_at_the_end_of_a_packed_log_is_a_skip(form: Format, tmp_path: Path, suffix: str) -> None:
    half = form.render("select 'never finished'", 41)[:-20]
    (tmp_path / f"a.log{suffix}").write_bytes(PACKERS[suffix](lines(form, 1, 40) + half))
    scans = Scans(form, tmp_path / "*.log*")
    scans.scan()
    assert scans.texts == said(form, *range(1, 41))
    assert scans.skipped == len(half.lstrip(form.between) if form.between else half)


def test_duplicates_are_read_once(form: Format, tmp_path: Path) -> None:
    put(tmp_path / "a.log", lines(form, 1, 40))
    shutil.copyfile(tmp_path / "a.log", tmp_path / "copy.log")
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(lines(form, 1, 30)))
    scans = Scans(form, tmp_path / "*.log*")
    scans.scan()
    scans.scan()
    assert scans.notices == []
    assert scans.texts == said(form, *range(1, 41))


def test_a_file_that_grows_while_it_is_read(form: Format, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    data = lines(form, 1, 120)
    put(log, data[:100])
    scans = Scans(form, log)

    def write() -> None:
        with log.open("ab", buffering=0) as file:
            for start in range(100, len(data), 61):
                file.write(data[start : start + 61])

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        scans.scan(quiet=False)
    writer.join()
    scans.scan()
    assert scans.texts == said(form, *range(1, 121))
    assert scans.skipped == 0


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(TEXT.filter(bool), min_size=1, max_size=6), data=st.data())
def test_cut_anywhere_into_any_number_of_scans(form: Format, texts: list[str], data: st.DataObject) -> None:
    """The same records once, wherever the log is cut and however small the slices are."""
    records = [form.render(f"/* {n} */ {text}", n) for n, text in enumerate(texts, 1)]
    whole = b"".join(records)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "a.log"
        log.touch()
        scans = Scans(form, log, data.draw(st.integers(1, 2000)))
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            put(log, whole[start:end])
            scans.scan(quiet=False)
        scans.scan()
    assert scans.texts == [form.said(f"/* {n} */ {text}") for n, text in enumerate(texts, 1)]
    rows = [row for piece in scans.ledger.slices for row in piece.records.to_pylist()]
    assert [row["length"] for row in rows] == [form.length(record) for record in records]
    before = [len(record) - len(record.lstrip(form.between)) if form.between else 0 for record in records]
    assert [row["offset"] for row in rows] == [sum(map(len, records[:n])) + before[n] for n in range(len(records))]
    assert scans.skipped == 0


LONG = 70_000_000
READ_LONG = """
import re, sys
from tests.conformance.formats import BY_NAME, Scans
scans = Scans(BY_NAME[sys.argv[1]], sys.argv[2], 1 << 22)
scans.scan()
print([len(text) for text in scans.texts], scans.skipped)
print(re.search("VmHWM: *\\t* *([0-9]+)", open("/proc/self/status").read())[1])
"""


def test_a_statement_of_70_mb(form: Format, tmp_path: Path) -> None:
    """Read whole, its neighbours too, in less than a gigabyte of memory."""
    text = "select '" + ("x\"\n,' " + "김 " * 20) * (LONG // 87) + "'"
    log = tmp_path / "a.log"
    log.write_bytes(form.render("select 1", 1) + form.render(text, 2) + form.render("select 3", 3))
    assert log.stat().st_size > LONG
    done = subprocess.run([sys.executable, "-c", READ_LONG, str(form), str(log)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    read, kibibytes = done.stdout.splitlines()
    assert read == f"[8, {len(form.said(text))}, 8] 0"
    assert int(kibibytes) < 1 << 20
