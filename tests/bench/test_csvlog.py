"""The benchmark's log is a log: a benchmark on a wrong one would measure nothing."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest

from bench.measure import measure
from bench.multiply import Template, copies, milliseconds, records
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
    seed = list(records(path))
    rows = list(csv.reader(io.StringIO("".join(seed), newline="")))
    assert len(seed) == len(rows)
    templates = [Template(record) for record in seed]
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


def test_measured_memory_and_time_are_those_of_the_whole_family() -> None:
    run = measure(["bash", "-c", "python3 -c 'import time; x = bytearray(80_000_000); time.sleep(0.5)' & wait; echo done"])
    assert run.exit_code == 0
    assert run.stdout == "done\n"
    assert 0.4 < run.seconds < 20
    assert run.peak_bytes > 80_000_000
