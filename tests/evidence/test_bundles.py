"""Evidence is the log's own bytes, is whole, and shows every change."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.errors import EvidenceError
from scanner.evidence import RawStore, verify
from scanner.findings import FindingStore
from tests.cli.shop import Log, Shop, copy_of, leaking, ordinary, template


@pytest.fixture(scope="module")
def shop_template(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return template(tmp_path_factory.mktemp("evidence") / "template")


@pytest.fixture
def shop(shop_template: Shop, tmp_path: Path) -> Shop:
    return copy_of(shop_template, tmp_path / "shop")


def finding_id(shop: Shop) -> str:
    return str(FindingStore(shop.workspace().state).all()[0]["id"])


def bundle(shop: Shop, name: str = "bundle") -> Path:
    target = shop.folder / name
    assert shop.run("evidence", "export", finding_id(shop), "-o", str(target)) == 0
    return target


def test_a_bundle_holds_under_tools_that_are_not_ours(shop: Shop) -> None:
    shop.append(leaking())
    assert shop.run("scan") == 0
    folder = bundle(shop)
    summed = subprocess.run(["sha256sum", "-c", "manifest-sha256.txt"], cwd=folder, capture_output=True, text=True, check=False)
    assert summed.returncode == 0, summed.stdout
    bagged = [sys.executable, "-m", "bagit", "--validate", str(folder)]
    assert subprocess.run(bagged, capture_output=True, check=False).returncode == 0
    assert shop.run("evidence", "verify", str(folder)) == 0


def test_raw_records_are_the_logs_bytes_even_when_the_log_is_gone(shop: Shop) -> None:
    log = leaking().data
    shop.append(log)
    assert shop.run("scan") == 0
    shop.log.unlink()
    folder = bundle(shop)
    index = json.loads((folder / "data" / "raw" / "index.json").read_text())
    assert index["not_secured"] == []
    events = [json.loads(line) for line in (folder / "data" / "events.ndjson").read_text().splitlines()]
    assert {e["event_id"] for e in events} == {r["event_id"] for r in index["records"]}
    for entry in index["records"]:
        raw = (folder / "data" / "raw" / entry["file"]).read_bytes()[entry["file_offset"] :][: entry["length"]]
        assert raw == log[entry["log_offset"] :][: entry["length"]]
        assert raw.endswith(b"\n")
    assert any(b"copy mbr to stdout" in (folder / "data" / "raw" / e["file"]).read_bytes() for e in index["records"])


def test_any_changed_byte_is_noticed(shop: Shop) -> None:
    shop.append(leaking())
    shop.run("scan")
    folder = bundle(shop)
    chance = random.Random(5)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) >= 10
    for path in files:
        content = path.read_bytes()
        for position in {0, len(content) // 2, len(content) - 1, chance.randrange(len(content))}:
            changed = bytearray(content)
            changed[position] ^= 1 << chance.randrange(8)
            path.write_bytes(changed)
            assert is_bad(folder), f"{path.name} at {position}: {content[position]} became {changed[position]}"
        path.write_bytes(content)
    assert verify(folder).ok
    extra = folder / "data" / "more.txt"
    extra.write_text("planted")
    assert is_bad(folder)
    extra.unlink()
    files[-1].unlink()
    assert is_bad(folder)


def is_bad(folder: Path) -> bool:
    try:
        return not verify(folder).ok
    except EvidenceError:
        return True


def test_verify_says_what_is_wrong(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.append(leaking())
    shop.run("scan")
    folder = bundle(shop)
    (folder / "data" / "finding.json").write_text("{}")
    assert shop.run("evidence", "verify", str(folder)) == 1
    assert "finding.json" in capfd.readouterr().err
    assert shop.run("evidence", "verify", str(shop.folder)) == 2
    assert shop.run("evidence", "export", finding_id(shop), "-o", str(folder)) == 2
    assert "is already there" in capfd.readouterr().err
    assert shop.run("evidence", "export", "ffffffffffffffff", "-o", str(shop.folder / "b2")) == 2


def test_records_are_secured_by_the_next_scan_when_the_first_was_killed_before(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.append(leaking())
    with monkeypatch.context() as patch:
        patch.setattr(RawStore, "add", lambda self, rows: sys.exit(9))
        assert shop.run("scan") == 9
    assert shop.workspace().raw.secured() == set()
    assert shop.run("scan") == 0
    store = FindingStore(shop.workspace().state)
    assert shop.workspace().raw.secured() == {e for finding in store.all() for e in store.event_ids(finding["id"])}


def test_another_log_under_the_same_name_is_not_taken_for_evidence(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shop.append(leaking())
    with monkeypatch.context() as patch:
        patch.setattr(RawStore, "add", lambda self, rows: sys.exit(9))
        shop.run("scan")
    critical = finding_id(shop)
    shop.log.unlink()
    other = Log()
    for n in range(200):
        other.session("dlv_app", (f"select mbr_nm from mbr where mbr_no = {n} and 'x' = 'x'", 1), app="another")
    shop.append(other.data.replace(b"69a4d000", b"69a4d111"))
    shop.run("scan")
    assert "not at this path any more" in capfd.readouterr().err
    held = shop.workspace().raw.secured()
    assert not any("copy mbr" in str(row["data"]) for row in shop.workspace().raw.read(sorted(held)))
    assert not held & set(FindingStore(shop.workspace().state).event_ids(critical))


def test_a_packed_log_gives_the_same_raw_records(shop: Shop) -> None:
    import gzip

    data = leaking().data
    shop.log.parent.mkdir(exist_ok=True)
    shop.log.with_suffix(".csv.gz").write_bytes(gzip.compress(data))
    assert shop.run("scan") == 0
    rows = list(shop.workspace().raw.read(sorted(shop.workspace().raw.secured())))
    assert rows
    assert all(row["data"] == data[row["offset"] :][: row["length"]] for row in rows)  # type: ignore[misc, index]


def test_nothing_is_secured_for_honest_work(shop: Shop) -> None:
    shop.append(ordinary())
    shop.run("scan")
    assert [f["level"] for f in FindingStore(shop.workspace().state).all() if f["level"] not in ("informational", "low")] == []
