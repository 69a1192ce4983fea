"""The benchmark of the classifier: its scores, and that a made-up set is judged well enough to be worth printing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.columns import ROOT, ours, score

TRUTH = [{"pii_class": c, "form": f} for c, f in (("PERSON", "typed"), ("PHONE_NUMBER", "masked"), (None, ""), (None, ""))]


@pytest.mark.parametrize(
    ("answers", "f1", "right"),
    [
        ([("PERSON", "typed"), ("PHONE_NUMBER", "masked"), (None, ""), (None, "")], 1.0, 1.0),
        ([("PERSON", "typed"), ("PHONE_NUMBER", "typed"), (None, ""), (None, "")], 1.0, 0.5),
        ([("PERSON", "typed"), (None, ""), ("EMAIL_ADDRESS", "typed"), (None, "")], 0.5, 1.0),
        ([(None, ""), (None, ""), (None, ""), (None, "")], 0.0, 0.0),
    ],
)
def test_score(answers: list[tuple[str | None, str]], f1: float, right: float) -> None:
    found = score(TRUTH, answers)
    assert (found["F1"], found["right type"]) == (f1, right)


def test_the_set_of_traps_is_judged() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "columns_make_traps.py"), "77", "12", "60"],
        capture_output=True,
        text=True,
        check=True,
    )
    columns = [json.loads(line) for line in made.stdout.splitlines()]
    assert len(columns) > 80
    found = score(columns, ours(columns))
    assert found["F1"] >= 0.93
    assert found["right type"] >= 0.93
