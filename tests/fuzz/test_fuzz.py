"""A short run of the fuzzer for every parser, other inputs each time; the long one is ``make fuzz``."""

from __future__ import annotations

import random

import pytest

from tests.conformance.formats import FORMATS, VARIANTS, Format
from tests.fuzz.run import run


@pytest.mark.parametrize("form", [*FORMATS, *VARIANTS], ids=str)
def test_malformed_input(form: Format) -> None:
    seed = random.randrange(1 << 30)
    outcome, _ = run(form, 600, seed)
    assert outcome.inputs >= 600
    assert [failure.what for failure in outcome.failures] == [], f"make fuzz ARGS='--only {form.type} --seed {seed}'"
