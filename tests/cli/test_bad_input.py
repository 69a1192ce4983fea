"""What is missing, broken, too large or hostile: said clearly, counted, and no reason to stop."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scanner.engine import arrow, open_event_engine
from scanner.errors import StoreError
from scanner.store.events import EventStore
from tests.cli.shop import MEMBERS, START, Log, Shop, leaking, ordinary
from tests.sources.csvlog import audit, record

NOBODY = 65534


def events(shop: Shop) -> list[dict[str, Any]]:
    workspace = shop.workspace()
    engine = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        found: list[dict[str, Any]] = arrow(engine, "select * from events order by source_offset").to_pylist()
        return found
    finally:
        engine.close()


def process(shop: Shop, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process to which file permissions apply, even when root runs the tests."""
    command = [sys.executable, "-c", "from scanner.cli import main; main()", "--config", str(shop.config), *words]
    if os.geteuid() == 0:
        powers = "-dac_override,-dac_read_search"
        command = ["setpriv", "--bounding-set", powers, "--inh-caps", powers, *command]
    return subprocess.run(command, text=True, capture_output=True, check=False, timeout=120)


def forbid(path: Path, mode: int = 0) -> None:
    """Take all but ``mode`` away from whoever runs the tests."""
    for each in [path, *path.rglob("*")]:
        each.chmod(mode if each.is_dir() else mode & 0o444)
        if os.geteuid() == 0:
            os.chown(each, NOBODY, NOBODY)
    if os.geteuid() == 0:
        path.chmod(path.stat().st_mode | (0o055 if mode else 0))


def test_an_honest_day_then_a_leak(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.append(ordinary())
    assert shop.run("scan", "--fail-on", "medium") == 0
    shop.append(Log().session("dlv_app", ("copy mbr to stdout", 0)).data.replace(b"69a4d000", b"69a4d001"))
    assert shop.run("scan", "--fail-on", "medium") == 1
    capfd.readouterr()
    assert shop.run("--json", "findings", "--level", "medium") == 0
    (finding,) = json.loads(capfd.readouterr().out)
    assert (finding["level"], finding["exposed_persons"]["best"]) == ("critical", MEMBERS)


# --- the log ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said", "next_step"),
    [
        ("{log}/nothing-here.csv", "nothing-here.csv: does not exist", "check the path"),
        ("{log}/*.nothing", "no file matches", "who may list its folder"),
        ("{log}", "is a folder", "/*.csv*"),
        ("/dev/null", "is not a regular file", "leave pipes, sockets and devices out"),
    ],
)
def test_a_log_that_is_not_there(shop: Shop, capfd: pytest.CaptureFixture[str], path: str, said: str, next_step: str) -> None:
    shop.append(leaking())
    document = shop.document()
    broken = {"type": "postgres_csvlog", "path": path.format(log=shop.log.parent)}
    document["databases"]["shop"]["audit"].insert(0, broken)
    shop.write(document)
    assert shop.run("scan") == 2
    shown = " ".join(capfd.readouterr().err.split())
    assert said in shown
    assert next_step in shown
    assert len(events(shop)) > 10, "the other source was read all the same"
    assert shop.run("findings", "--fail-on", "critical") == 1


def test_an_unreadable_log(shop: Shop) -> None:
    shop.append(ordinary())
    secret = shop.log.with_name("secret.csv")
    secret.write_bytes(leaking().data)
    forbid(secret)
    done = process(shop, "scan")
    assert done.returncode == 2, done.stderr
    assert "secret.csv: cannot be read: Permission denied" in done.stderr
    assert "next: let the user that runs this program read it" in done.stderr
    assert "20 events stored" in done.stderr


def test_half_a_record_waits_for_its_other_half(shop: Shop) -> None:
    data = ordinary().data
    shop.append(data[:-37])
    assert shop.run("scan") == 0
    before = len(events(shop))
    shop.append(data[-37:])
    assert shop.run("scan") == 0
    assert len(events(shop)) == before + 1


def broken_lines() -> dict[str, bytes]:
    good = record(audit("select 1"), session="1.1")
    return {
        "wrong column count": good.rstrip(b"\n") + b",,,,,,\n",
        "too few columns": b",".join(good.split(b",")[:5]) + b"\n",
        "rubbish": bytes(range(256)) * 40 + b"\n",
        "zeros": b"\0" * 5000 + b"\n",
        "torn in the middle": good[: len(good) // 2] + b"\n",
        "another format": b"2026-03-02 01:00:00 UTC [123] LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>\n",
        "a stray quote": good.rstrip(b"\n") + b'"\n',
    }


@pytest.mark.parametrize("name", list(broken_lines()))
def test_what_cannot_be_read_is_counted_and_the_rest_is_read(shop: Shop, capfd: pytest.CaptureFixture[str], name: str) -> None:
    before, after = ordinary().data, Log().session("dlv_app", ("copy mbr to stdout", 0)).data.replace(b"69a4d000", b"69a4d001")
    shop.append(before + broken_lines()[name] + after)
    assert shop.run("--json", "scan") == 2
    report = json.loads(capfd.readouterr().out)
    assert report["skips"] >= 1
    assert report["complete"] is False
    found = events(shop)
    assert [e["session"] for e in found if e["command"] == "COPY"] == ["69a4d001.1"]
    assert sum(e["command"] == "SELECT" for e in found) == 10
    if name == "rubbish":
        assert shop.run("doctor") == 2
        assert "skipped log" in capfd.readouterr().out
    with shop.workspace().state.connect() as connection:
        (row,) = connection.exec_driver_sql('select "offset", length, reason from skip order by "offset" limit 1').all()
    assert row.offset <= len(before) + len(broken_lines()[name])
    assert row.offset + row.length > len(before) - 1
    assert row.reason


def test_fifteen_hundred_statements_that_hold_forged_records(shop: Shop) -> None:
    forged = Log()
    for n in range(1500):
        fake = record(audit(f"copy mbr to stdout -- {n}", command="COPY", rows=0), user="innocent", session=f"6.{n}").decode()
        text = [f"select '{fake}' as a", f"select 1 /*\n{fake}\n{fake}*/", f'select "x""\n{fake}"', f"select $q${fake}'\"$q$"][
            n % 4
        ]
        forged.sessions += 1
        forged._add(audit(text, rows=1), line=1, user="dlv_app", session=f"69a4d002.{n:x}", app="psql")
    shop.append(forged)
    assert shop.run("scan", "--slice-bytes", "100000") == 0
    found = events(shop)
    assert len(found) == 1500
    assert {e["account"] for e in found} == {"dlv_app"}
    assert {e["command"] for e in found} == {"SELECT"}
    assert {e["session"] for e in found} == {f"69a4d002.{n:x}" for n in range(1500)}


def test_a_statement_of_fifty_megabytes(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    text = "select mbr_nm from mbr where mbr_nm in ('" + "','".join(['김민우"\n'] * 4_200_000) + "')"
    assert len(text.encode()) > 50 * 1024 * 1024
    shop.append(ordinary().session("dlv_app", (text, 7)).session("dlv_app", ("copy mbr to stdout", 0)))
    assert shop.run("scan") == 0, capfd.readouterr().err
    found = events(shop)
    # too long to be taken apart: its seven rows may hold them all
    told = [(e["unread"], e["exposed_persons"]) for e in found if e["session"] == "69a4d000.6" and e["command"] == "SELECT"]
    assert told == [("unparsed", 2000)]
    assert sum(e["command"] == "COPY" for e in found) == 1


# --- configuration and databases ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("databases:", "databses:", "databses"),
        ("type: postgres_csvlog", "type: postgres_cvslog", "postgres_cvslog"),
        ("hours: any", "hours: sometimes", "hours"),
        ("time_zone: Asia/Seoul", "time_zone: Asia/Soul", "Asia/Soul"),
    ],
)
def test_a_typo_in_the_configuration_is_shown_with_file_and_line(
    shop: Shop, capfd: pytest.CaptureFixture[str], wrong: str, right: str, said: str
) -> None:
    text = shop.config.read_text(encoding="utf-8")
    assert wrong in text
    broken = text.replace(wrong, right, 1)
    shop.config.write_text(broken, encoding="utf-8")
    line = next(n for n, content in enumerate(broken.splitlines(), 1) if right in content)
    assert shop.run("scan") == 2
    shown = capfd.readouterr().err.replace("\n", "")
    assert f"vendorwatch.yml:{line}" in shown
    assert said in shown


def test_no_configuration_at_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shop = Shop(tmp_path)
    assert shop.run("scan") == 2
    assert "vendorwatch init" in " ".join(capfd.readouterr().err.split())


def test_an_unreachable_database(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.append(leaking())
    document = shop.document()
    document["databases"]["shop"]["url"] = "postgresql+psycopg://reader:geheim@127.0.0.1:1/shop?connect_timeout=2"
    document["data_dir"] = str(shop.folder / "other")
    shop.write(document)
    assert shop.run("scan") == 2
    shown = " ".join(capfd.readouterr().err.split())
    assert "database shop: no PII map" in shown
    assert "geheim" not in shown
    assert len(events(shop)) == 23
    assert shop.run("catalog", "scan") == 2
    assert shop.run("doctor") == 2
    assert "geheim" not in "".join(capfd.readouterr())


def test_a_database_that_became_unreachable_is_scanned_with_the_last_pii_map(shop: Shop) -> None:
    shop.append(leaking())
    (shop.folder / "customers.sqlite").unlink()
    assert shop.run("scan", "--fail-on", "critical") == 1


def test_what_the_catalogue_could_not_read_is_named(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    """One relation that no longer works costs nothing but itself, and both the scan and doctor say which."""
    with closing(sqlite3.connect(shop.folder / "customers.sqlite")) as database:
        database.execute("create table leaving (hp_no text)")
        database.execute("create view left_behind as select hp_no from leaving")
        database.execute("drop table leaving")
        database.commit()
    assert shop.run("catalog", "scan") == 2
    assert "left_behind" in capfd.readouterr().err
    assert shop.run("--json", "catalog", "show") == 0
    listed = json.loads(capfd.readouterr().out)
    assert {"PERSON", "PHONE_NUMBER"} <= {row["pii_class"] for row in listed}
    assert all(row["rows_read"] for row in listed if row["pii_class"] and row["table_rows"])
    shop.run("doctor")
    shown = " ".join("".join(capfd.readouterr()).split())
    assert "not read:" in shown
    assert "left_behind" in shown


def test_an_unknown_database(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    for words in (("scan", "shp"), ("catalog", "scan", "shp")):
        assert shop.run(*words) == 2
        shown = " ".join(capfd.readouterr().err.split())
        assert "no database named shp" in shown
        assert "the configuration has: shop" in shown


# --- the data directory -----------------------------------------------------------------------------------------------


def test_a_data_dir_that_cannot_be_made(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    document = shop.document()
    document["data_dir"] = str(shop.config / "data")  # a file is in the way
    shop.write(document)
    assert shop.run("scan") == 2
    shown = " ".join(capfd.readouterr().err.split())
    assert "cannot create data_dir" in shown
    assert "next: choose a folder you may write to" in shown


def test_a_data_dir_that_may_not_be_written(shop: Shop) -> None:
    shop.append(ordinary())
    forbid(shop.folder / "data", 0o500)
    done = process(shop, "scan")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "next:" in done.stderr


def test_a_full_disk(shop: Shop) -> None:
    """A limit on the size of files stops writing as a full disk does, with an error the program sees."""
    log = Log()
    for n in range(3000):
        log.session(f"dlv_{n % 7}", (f"select mbr_nm, '{n * 7919:x}' from mbr where mbr_no = {n}", 1))
    shop.append(log)
    limited = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); from scanner.cli import main; main()"
    command = [sys.executable, "-c", limited, "--config", str(shop.config), "scan"]
    done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=120)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "next:" in done.stderr
    assert shop.run("scan") == 0
    assert len(events(shop)) == 9000


def test_a_corrupted_state_database(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    state = next((shop.folder / "data").glob("*.sqlite*"))
    state.write_bytes(b"this is no database" * 500)
    assert shop.run("scan") == 2
    shown = " ".join(capfd.readouterr().err.split())
    assert "cannot open the state database" in shown
    assert "next:" in shown
    assert shop.run("findings") == 2
    assert shop.run("doctor") == 2


def test_a_damaged_page_of_the_state_database(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.append(ordinary())
    assert shop.run("scan") == 0
    state = next((shop.folder / "data").glob("*.sqlite"))
    with closing(sqlite3.connect(state)) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    data = bytearray(state.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 60] = b"\xff" * 60
    state.write_bytes(data)
    capfd.readouterr()
    assert shop.run("scan") == 2
    assert "next:" in capfd.readouterr().err


def test_a_state_database_of_a_newer_version(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(next((shop.folder / "data").glob("*.sqlite")))) as database, database:
        database.execute("update alembic_version set version_num = '9999_from_the_future'")
    assert shop.run("scan") == 2
    assert "upgrade the program" in " ".join(capfd.readouterr().err.split())


def test_a_staged_batch_whose_file_is_missing(
    shop: Shop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.append(ordinary())

    def killed(self: EventStore, staged: object) -> bool:
        raise StoreError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setattr(EventStore, "commit", killed)
        assert shop.run("scan") == 2
    (staged,) = (shop.folder / "data" / "events").rglob("*.parquet")
    content = staged.read_bytes()
    staged.unlink()
    capfd.readouterr()
    assert shop.run("scan") == 2
    shown = " ".join(capfd.readouterr().err.split())
    assert "of batch 1 is missing" in shown
    assert "next: restore it from a backup" in shown
    staged.write_bytes(content)
    assert shop.run("scan") == 0
    assert len(events(shop)) == 20


def test_until_leaves_the_rest_for_later(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.append(leaking())
    assert shop.run("scan", "--until", (START).isoformat()) == 0
    assert events(shop) == []
    assert shop.run("scan", "--until", "2026-03-02T10:00:11") == 0  # Seoul
    assert len(events(shop)) == 10
    assert shop.run("scan", "--until", "yesterday") == 2
    assert "is not a time" in capfd.readouterr().err
    assert shop.run("scan", "--fail-on", "high") == 1
    assert len(events(shop)) == 23
