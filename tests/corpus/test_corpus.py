"""The corpus in small: every act once, in one variant of the log. ``make corpus`` runs all variants, under any seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus import run_postgres
from tests.corpus.run_postgres import OUT, QUIET
from tests.support.postgres import PostgresMissingError

SEED = 20260


def test_there_are_enough_of_both_kinds() -> None:
    assert len(OUT) >= 120
    assert len(QUIET) >= 60
    names = [act.name for act in (*OUT, *QUIET)]
    assert len(set(names)) == len(names)


def test_postgresql(tmp_path: Path) -> None:
    try:
        score = run_postgres.run(SEED, tmp_path, ["rows"], scale=0.5)
    except PostgresMissingError as missing:
        pytest.fail(str(missing), pytrace=False)
    report = score.table(details=True)
    assert score.found() >= 0.98, report
    assert score.counted() >= 0.95, report
    assert score.bounded() >= 0.95, report
    assert score.quiet() >= 0.97, report
