"""Any records, cut at any byte into any number of scans, are read once; any damage costs only what it hit."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.model import Skip
from scanner.sources.csvlog_grammar import is_head, is_sound, split
from scanner.sources.postgres_csvlog import parse
from tests.sources.csvlog import Ledger, audit, record

NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
SPICE = st.sampled_from(
    [
        '"',
        '""',
        '"""',
        "\n",
        "\r\n",
        ",",
        '","',
        "\n2026-11-22 16:45:05.795 KST,",
        '",,,,,,,,,"',
        record(audit("select 1")).decode(),
        "한글",
    ]
)
TEXT = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10) | SPICE, max_size=6).map("".join)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """One record of any kind and width."""
    width = draw(st.sampled_from([23, 24, 26]))
    if draw(st.booleans()):
        message = audit(draw(TEXT) or "x", number=draw(st.integers(0, 9)), rows=draw(st.none() | st.integers(0, 9)))
        return record(message, user=draw(NAME), db=draw(NAME), app=draw(TEXT), width=width)
    message = draw(TEXT)
    return record(
        message, user=draw(NAME), severity=draw(st.sampled_from(["ERROR", "FATAL", "LOG"])), query=draw(TEXT), width=width
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), min_size=1, max_size=6), st.data())
def test_cut_anywhere_into_any_number_of_scans(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    expected = parse(whole, 0, "Asia/Seoul", at_end=True)
    assert expected.skips == ()
    assert expected.records["length"].to_pylist() == [len(line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "a.csv"
        ledger = Ledger(log, slice_bytes=data.draw(st.integers(1, 2000)))
        log.touch()
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            with log.open("ab") as file:
                file.write(whole[start:end])
            ledger.scan()
            assert ledger.notices == []
    got = [row for piece in ledger.slices for row in piece.records.to_pylist()]
    assert got == expected.records.to_pylist()
    assert all(piece.skips == () for piece in ledger.slices)


@settings(max_examples=150, deadline=None)
@given(st.lists(records(), min_size=1, max_size=5), st.data())
def test_damage_costs_only_what_it_hit(lines: list[bytes], data: st.DataObject) -> None:
    """Bytes put in, taken out or overwritten within one record, or rubbish between two."""
    victim = data.draw(st.integers(0, len(lines) - 1))
    line = lines[victim]
    at = data.draw(st.integers(0, len(line) - 1))
    gone = data.draw(st.integers(0, len(line) - at))
    noise = data.draw(st.binary(max_size=20) | st.sampled_from([b'"', b"\0" * 9, b"\n", b'"\n"', b",,", b'","']))
    hurt = line[:at] + noise + line[at + gone :]
    whole = b"".join([*lines[:victim], hurt, *lines[victim + 1 :], record(audit("select 'last'"))])
    parsed = parse(whole, 0, "Asia/Seoul", at_end=True)
    parsed.records.validate(full=True)
    spans = list(zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True))
    tile(spans, parsed.skips, len(whole))
    found = {whole[a : a + n] for a, n in spans}
    missing = [other for n, other in enumerate([*lines, record(audit("select 'last'"))]) if n != victim and other not in found]
    assert missing == []


def tile(spans: list[tuple[int, int]], skips: tuple[Skip, ...], size: int) -> None:
    at = 0
    for offset, length in sorted(spans + [(s.offset, s.length) for s in skips]):
        assert offset == at
        assert length > 0
        at += length
    assert at == size


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.binary(max_size=60) | records() | st.sampled_from([b'"', b"\n", b"\0", b"2026-11-22 16:45:05.795 KST,"]), max_size=8
    )
)
@example([b'"', b"\n"])
def test_any_bytes(parts: list[bytes]) -> None:
    """Never a crash; what is consumed is accounted for byte by byte."""
    whole = b"".join(parts)
    for final in (False, True):
        parsed = parse(whole, 0, "Asia/Seoul", at_end=True, final=final)
        spans = list(zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True))
        tile(spans, parsed.skips, parsed.consumed)
        assert all(is_sound(whole, a, a + n) for a, n in spans)
        assert parsed.consumed == len(whole) or not final


@settings(max_examples=100, deadline=None)
@given(records())
def test_text_inside_a_field_never_looks_like_a_head(line: bytes) -> None:
    assert is_head(line, 0)
    assert not any(is_head(line, at) for at in range(1, len(line)))
    assert len(split(line, 0, len(line))) in (23, 24, 26)
