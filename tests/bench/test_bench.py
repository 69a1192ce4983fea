"""The benchmark's log is a log: a benchmark on a wrong one would measure nothing."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest

from bench import zircolite
from bench.measure import measure
from bench.multiply import AuditTemplate, CsvTemplate, JsonTemplate, copies, milliseconds
from tests.support.postgres import Postgres


def test_times_of_the_log() -> None:
    assert milliseconds("1970-01-01 00:00:01.5 UTC") == 1500
    with pytest.raises(ValueError, match="UTC"):
        milliseconds("2026-11-22 16:45:05.795 KST")


def test_copies_are_whole_sessions_with_other_statements(postgres: Postgres, tmp_path: Path) -> None:
    postgres.psql("create role mult_app login; create table mult_t (id int, nm text); grant all on mult_t to mult_app")
    begin = len(postgres.log_text())
    for number in range(1000, 1010):
        postgres.psql(f"insert into mult_t values ({number}, 'a \"b\"\n, {number}');\nselect *\n  from mult_t", user="mult_app")
    path = tmp_path / "seed.csv"
    path.write_text(postgres.log_text()[begin:], encoding="utf-8")
    seed = list(CsvTemplate.records(path))
    rows = list(csv.reader(io.StringIO("".join(seed), newline="")))
    assert len(seed) == len(rows)
    templates = [CsvTemplate(record) for record in seed]
    made = list(csv.reader(io.StringIO("".join(islice(copies(templates), 3 * len(seed))), newline="")))
    assert len(made) == 3 * len(seed)
    assert {len(row) for row in made} == {len(rows[0])}
    lines = defaultdict(list)
    for row in made:
        lines[row[5]].append(int(row[6]))
    assert len(lines) == 3 * len({row[5] for row in rows})
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in lines.values())
    inserts = [row[13] for row in made if ",WRITE,INSERT," in row[13]]
    assert len(set(inserts)) == len(inserts) == 30
    assert [row[0] for row in made] == sorted(row[0] for row in made)


JSON_LINE = (
    '{"timestamp":"2026-11-22 07:39:40.123 UTC","user":"dlv_app","dbname":"shop","pid":24840,"remote_host":"[local]",'
    '"session_id":"6b029c3c.6108","line_num":%d,"ps":"SELECT","session_start":"2026-11-22 07:39:40 UTC","vxid":"3/2","txid":0,'
    '"error_severity":"LOG",'
    '"message":"AUDIT: SESSION,%d,1,READ,SELECT,TABLE,public.m,\\"select * from m where n = 12345\\",<none>,1",'
    '"application_name":"psql","backend_type":"client backend","query_id":0}\n'
)


def test_copies_of_jsonlog_differ_in_session_time_and_constants() -> None:
    templates = [JsonTemplate(JSON_LINE % (n, n)) for n in (1, 2)]
    made = [json.loads(line) for line in islice(copies(templates), 6)]
    assert [row["line_num"] for row in made] == [1, 2] * 3
    assert len({row["session_id"] for row in made}) == 3
    assert len({row["message"] for row in made}) == 6
    assert {row["timestamp"][:13] for row in made} == {"2026-03-02 00", "2026-03-02 01", "2026-03-02 02"}
    began = [row["session_start"] for row in made]
    ids = [f"{milliseconds(text) // 1000:x}" for text in began]
    assert ids == [row["session_id"].partition(".")[0] for row in made]


def test_copies_of_server_audit_go_on_counting() -> None:
    lines = [
        "20261122 07:45:05,vm,app,localhost,5,0,CONNECT,,,0\n",
        "20261122 07:45:05,vm,app,localhost,5,71,READ,shop,m,\n",
        "20261122 07:45:07,vm,app,localhost,5,71,QUERY,shop,'select * from m where n = 12345',1146\n",
    ]
    templates = [AuditTemplate(line) for line in lines]
    assert [template.statement for template in templates] == [None, None, (71,)]
    made = [line.rstrip("\n").split(",") for line in islice(copies(templates), 6)]
    assert [row[4] for row in made] == ["5"] * 3 + ["100005"] * 3
    assert [row[5] for row in made] == ["0", "71", "71", "0", "10000071", "10000071"]
    assert [row[8] for row in made if row[6] == "QUERY"] == [
        "'select * from m where n = 12345'",
        "'select * from m where n = 20264'",
    ]
    assert [row[9] for row in made if row[6] == "QUERY"] == ["1146", "1146"]
    assert [row[0] for row in made] == sorted(row[0] for row in made)


def test_measured_memory_and_time_are_those_of_the_whole_family() -> None:
    run = measure(["bash", "-c", "python3 -c 'import time; x = bytearray(80_000_000); time.sleep(0.5)' & wait; echo done"])
    assert run.exit_code == 0
    assert run.stdout == "done\n"
    assert 0.4 < run.seconds < 20
    assert run.peak_bytes > 80_000_000


def test_the_rules_beside_zircolite_are_twenty_and_match(tmp_path: Path) -> None:
    titles = zircolite.write_rules(tmp_path / "sigma")
    zircolite.write_events(tmp_path / "events.jsonl", 5000)
    counts = zircolite.ours(tmp_path / "events.jsonl", tmp_path / "sigma")
    assert list(counts) == titles
    assert zircolite.ours(tmp_path / "events.parquet", tmp_path / "sigma") == counts
    assert len(titles) == 20
    assert sum(count > 0 for count in counts.values()) >= 8
    other = (tmp_path / "sigma-zircolite" / "10.yml").read_text(encoding="utf-8")
    assert "exposedpersons|gte" in other
    assert "exposed_persons" not in other
