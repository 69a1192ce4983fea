"""A small quarter: a few honest vendors stay quiet, a few thieves are found. `make quarter` runs all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation import judge, thefts
from tests.simulation.honest import KINDS

HONEST = ("settlement", "marketing", "maintenance", "analytics", "testing")
THEFTS = ("copy_query", "pg_dump", "string_agg", "base_backup", "new_address", "expired_contract", "audit_off", "audit_role")


def test_what_is_simulated_is_what_was_asked_for() -> None:
    assert len(KINDS) >= 10
    assert len(thefts.ONE_TIME) + len(thefts.DRIPS) >= 30


def test_honest_vendors_stay_quiet(tmp_path: Path) -> None:
    works = judge.honest_works(1, HONEST)
    quarter = judge.run(tmp_path, works)
    assert {work.kind: len(quarter.false(work.key)) for work in works if len(quarter.false(work.key)) > 1} == {}


@pytest.mark.parametrize("seed", [2])
def test_thieves_are_found(tmp_path: Path, seed: int) -> None:
    works, kind_of = judge.theft_works(seed, 1000, 3.0, THEFTS)
    quarter = judge.run(tmp_path, works)
    assert [kind_of[work.key] for work in works if quarter.caught(work.key) is None] == []
