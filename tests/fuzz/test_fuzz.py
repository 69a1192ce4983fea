"""A short run of the fuzzer for every parser, the same inputs each time; others, and many more, are ``make fuzz``."""

from __future__ import annotations

import random

import pytest

from scanner.sources.aws_das import AwsDas
from scanner.sources.json_cutting import BETWEEN
from tests.conformance.formats import FORMATS, VARIANTS, Format
from tests.fuzz import check, parts
from tests.fuzz.run import run

SEED = 2026
DAS = AwsDas("fuzz")


@pytest.mark.parametrize("form", [*FORMATS, *VARIANTS], ids=str)
def test_malformed_input(form: Format) -> None:
    outcome, _ = run(form, 400, SEED)
    assert outcome.inputs >= 400
    assert [failure.what for failure in outcome.failures] == []


@pytest.mark.parametrize("name", parts.PARTS)
def test_malformed_parts(name: str) -> None:
    outcome, _ = parts.run(name, 400, SEED)
    assert [failure.what for failure in outcome.failures] == []
    assert outcome.lost < outcome.sound / 2


EVENT = b'{"type": "record", "logTime": "2026-11-22 07:45:06", "commandText": "select 1", "paramList": []}'
LIST = b'"databaseActivityEventList"'
FOUND = {
    "an array before the object": b"a" + LIST + b":[" + EVENT + b"\n",
    "an array's key in a lost string": b'"O' + LIST + b":[" + EVENT + b"\n",
    "an envelope's head, and an envelope": b'{"a": [{"x" "y\n{"t": "' + LIST + b": [{" + LIST + b": [" + EVENT + b"]}\n",
    "an envelope torn by another object": b'{"t": 1, ' + LIST + b": [" + EVENT[:60] + b'{"a": {"b": 1}}\nl": "c", "d": null}]}\n',
    "an array inside of an event": b"{" + LIST + b': [{"a": 1, ' + LIST + b": [" + EVENT + b"]}, " + EVENT + b"]}\n",
    "an event without its brace": b"{" + LIST + b": [" + EVENT[1:-1] + b"]}\n",
    "an event that swallowed an envelope": EVENT[:-1] + b", " + LIST + b": [" + EVENT + b"]}\n",
    "no event": b"{" + LIST + b": []}\n",
    "members behind the array": b"{" + LIST + b": [" + EVENT + b'], "key": "x"}\n',
    "two arrays": b'{"a": [{' + LIST + b": [" + EVENT + b"]}, {" + LIST + b": [" + EVENT + b", " + EVENT + b"]}]}\n",
}
"""What the fuzzer found once, made small."""


@pytest.mark.parametrize("data", FOUND.values(), ids=FOUND)
def test_records_and_skips_tile_the_data(data: bytes) -> None:
    for seed in range(10):
        reading, _ = check.feed(DAS, data, random.Random(seed))
        assert check.untiled(reading, data, BETWEEN) == ""


def test_no_event_of_an_envelope_is_left_out() -> None:
    """Whatever else the object around the events holds, and however many arrays of them."""
    for name, events in (("no event", 0), ("members behind the array", 1), ("two arrays", 3)):
        parsed = DAS.parse(FOUND[name], 0, at_end=True, final=True, longer_than=0)
        assert (parsed.records.num_rows, parsed.skips) == (events, ()), name
