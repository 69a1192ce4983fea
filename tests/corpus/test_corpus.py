"""The corpus in small: every act once, in one variant of the log. ``make corpus`` runs all variants, under any seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import load, run_mariadb, run_postgres
from tests.support.mariadb import MariadbMissingError
from tests.support.postgres import PostgresMissingError

SEED = 20260


def test_there_are_enough_of_both_kinds() -> None:
    for engine in (run_postgres, run_mariadb):
        names = [act.name for act in (*engine.OUT, *engine.QUIET)]
        assert len(engine.OUT) >= 120
        assert len(engine.QUIET) >= 60
        assert len(set(names)) == len(names)


def test_postgresql(tmp_path: Path) -> None:
    try:
        score = run_postgres.run(SEED, tmp_path, ["rows"], scale=0.5)
    except PostgresMissingError as missing:
        pytest.fail(str(missing), pytrace=False)
    assert score.good(), score.table(details=True)


def test_mariadb(tmp_path: Path) -> None:
    try:
        score = run_mariadb.run(SEED, tmp_path, scale=0.5)
    except MariadbMissingError as missing:
        pytest.fail(str(missing), pytrace=False)
    assert score.good(), score.table(details=True)


@pytest.mark.parametrize("engine", [load.on_postgresql, load.on_mariadb])
def test_a_generated_load(engine: Callable[[int, int, Path], load.Agreement], tmp_path: Path) -> None:
    agreed = engine(SEED, 250, tmp_path)
    assert agreed.executed >= 230
    assert agreed.shapes >= 200
    assert agreed.unexplained == []
    assert agreed.agreeing >= 0.975, agreed.differing  # a planner that leaves out what cannot matter reads less than is written
