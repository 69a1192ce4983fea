"""A short run of the fuzzer for every parser, other inputs each time; the long one is ``make fuzz``."""

from __future__ import annotations

import random

import pytest

from tests.conformance.formats import FORMATS, Format
from tests.fuzz.mutate import run


@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_malformed_input(form: Format) -> None:
    seed = random.randrange(1 << 30)
    failures, _ = run(form, 100, seed)
    assert [failure.what for failure in failures] == [], f"make fuzz ARGS='--only {form.type} --seed {seed}'"
