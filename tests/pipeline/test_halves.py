"""The two halves of a scan: what crosses between them, and that it does not matter how the first one runs."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from scanner import front
from scanner.config import Config, load_config
from scanner.demo import prepare
from scanner.engine import open_engine
from scanner.events import LAST_SCHEMA
from scanner.front import Piece, Task
from scanner.ingest import Ingest
from scanner.model import SourceNotice
from scanner.pipeline import Workspace, catalog_scan, load_schema
from scanner.shapebook import ShapeBook

# the module, which the package's function of the same name hides
measure = importlib.import_module("scanner.exposure.measure")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return load_config(prepare(tmp_path_factory.mktemp("halves")))


def task(config: Config) -> Task:
    path = sorted(Path(config.databases["shop"].audit[0].path).parent.glob("*.csv"))[0]
    return Task(
        type="postgres_csvlog",
        path=str(path),
        time_zone="Asia/Seoul",
        known=(),
        slice_bytes=1 << 20,
        last=LAST_SCHEMA.empty_table(),
    )


def only_pieces(found: list[Piece | SourceNotice]) -> list[Piece]:
    assert all(isinstance(item, Piece) for item in found)
    return [item for item in found if isinstance(item, Piece)]


def test_another_process_gives_the_same_pieces(config: Config) -> None:
    here = only_pieces(list(front.read(task(config))))
    there = only_pieces(list(front._from_process(task(config))))
    assert len(here) == len(there) > 3
    for one, other in zip(here, there, strict=True):
        assert replace(one, acts=None, shapes=None, last=None) == replace(other, acts=None, shapes=None, last=None)  # type: ignore[arg-type]
        assert one.acts.equals(other.acts)
        assert one.shapes.equals(other.shapes)
        assert one.last.equals(other.last)


def test_an_error_of_the_other_process_is_the_scans_error(config: Config) -> None:
    with pytest.raises(Exception, match="no-such-zone"):
        list(front._from_process(replace(task(config), time_zone="no-such-zone")))


def test_half_a_message_is_none(tmp_path: Path) -> None:
    whole = tmp_path / "message"
    message = (LAST_SCHEMA.empty_table(), pa.table({"n": pa.array(range(1000))}), "text")
    with whole.open("wb") as out:
        front._send(out, message)
    with whole.open("rb") as pipe:
        assert front._receive(pipe) == message
        assert front._receive(pipe) is None
    data = whole.read_bytes()
    for size in (1, 8, 20, len(data) - 1):
        whole.write_bytes(data[:size])
        with whole.open("rb") as pipe:
            assert front._receive(pipe) is None


def test_the_other_process_does_without_pandas() -> None:
    said = (
        "from scanner.engine import without_pandas; without_pandas(); import numpy, pyarrow, sys; pyarrow.array(numpy.arange(3))"
    )
    ask = "; print('pandas' in sys.modules); import pandas; print(pandas.__name__)"
    run = subprocess.run([sys.executable, "-c", said + ask], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "pandas"]


def test_much_log_is_given_to_another_process(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    monkeypatch.setattr(front, "_from_process", lambda given: used.append(given.path) or iter(()))
    monkeypatch.setattr(front, "OWN_PROCESS_BYTES", 1_000)
    list(front.pieces(task(config)))
    assert used == [task(config).path]


def test_plain_acts_are_counted_as_the_cases_count_them(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is judged on columns, because it needs no session state, comes out as the SQL of the cases has it."""
    workspace = Workspace.open(config)
    catalog_scan(workspace, "shop")
    schema = load_schema(workspace, "shop")
    assert schema is not None
    sorted_out = measure._sorted_out
    plain = 0

    def events() -> pa.Table:
        ingest = Ingest("shop", config, ShapeBook.open("shop", schema, [], []), open_engine())
        return pa.concat_tables([ingest.events(piece, 1, "shop/0")[0] for piece in only_pieces(list(front.read(task(config))))])

    def counting(*given: object) -> tuple[np.ndarray, np.ndarray]:
        nonlocal plain
        found = sorted_out(*given)
        plain += len(found[0])
        return found

    def all_cases(*given: object) -> tuple[np.ndarray, np.ndarray]:
        found = sorted_out(*given)
        return np.array([], np.int64), np.sort(np.concatenate(found))

    monkeypatch.setattr(measure, "_sorted_out", counting)
    fast = events()
    monkeypatch.setattr(measure, "_sorted_out", all_cases)
    assert fast.combine_chunks().equals(events().combine_chunks())
    assert plain > 1_000
