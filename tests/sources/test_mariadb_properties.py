"""Any server_audit records, cut at any byte into any number of scans, are read once; damage costs only what it hit."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model import Skip
from scanner.sources.mariadb_server_audit import parse
from scanner.sources.server_audit_lines import NAME_REACH
from tests.sources.server_audit import Ledger, meet, query, table

NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0\n,'"), min_size=1, max_size=12)
SPICE = st.sampled_from(
    [
        "'",
        "\\",
        "\\\\'",
        "',0\n",
        "\n",
        "\r\n",
        "\t",
        ",",
        "\0",
        "한글",
        "\n20261122 07:45:06,vm,a,h,1,2,QUERY,d,'",
        query("x").decode(),
    ]
)
TEXT = st.lists(st.text(st.characters(codec="utf-8"), max_size=10) | SPICE, max_size=6).map("".join)
PADDING = b"".join(query(f"select {n}", connection=99, number=1000 + n) for n in range(NAME_REACH // 50))


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """One record of any kind."""
    connection, number = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return meet(draw(st.sampled_from(["CONNECT", "DISCONNECT", "FAILED_CONNECT"])), user=draw(NAME), connection=connection)
    if kind == 1:
        op = draw(st.sampled_from(["READ", "WRITE", "CREATE", "RENAME"]))
        return table(op, draw(st.sampled_from(["a", "b", "a|d.c"])), connection=connection, number=number)
    return query(
        draw(TEXT), user=draw(NAME), db=draw(st.sampled_from(["", "crm"])), connection=connection, number=number,
        code=draw(st.sampled_from([0, 0, 1317])),
    )  # fmt: skip


def tile(spans: list[tuple[int, int]], skips: tuple[Skip, ...], size: int) -> None:
    at = 0
    for offset, length in sorted(spans + [(s.offset, s.length) for s in skips]):
        assert offset == at
        assert length > 0
        at += length
    assert at == size


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), min_size=1, max_size=12), st.data())
def test_cut_anywhere_into_any_number_of_scans(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    expected = parse(whole, 0, "UTC")
    assert expected.skips == ()
    assert expected.records["length"].to_pylist() == [len(line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server_audit.log"
        ledger = Ledger(log, slice_bytes=data.draw(st.integers(1, 2000)))
        log.touch()
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            with log.open("ab") as file:
                file.write(whole[start:end])
            ledger.scan()
    assert ledger.rows() == expected.records.to_pylist()
    assert all(piece.skips == () for piece in ledger.slices)


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_every_text_comes_back(text: str) -> None:
    (row,) = parse(query(text, limit=0), 0, "UTC", query_log_limit=0).records.to_pylist()
    assert row["statement"] == text.replace("\t", " ")


@settings(max_examples=100, deadline=None)
@given(st.lists(records(), min_size=1, max_size=5), st.data())
def test_damage_costs_only_what_it_hit(lines: list[bytes], data: st.DataObject) -> None:
    """Bytes put in, taken out or overwritten within one record. Its line end stays: without it the next record is in it."""
    victim = data.draw(st.integers(0, len(lines) - 1))
    line = lines[victim]
    at = data.draw(st.integers(0, len(line) - 1))
    gone = data.draw(st.integers(0, len(line) - 1 - at))
    noise = data.draw(st.binary(max_size=20).filter(lambda b: b"\n" not in b) | st.sampled_from([b"'", b"\0" * 9, b",,", b"\\"]))
    hurt = line[:at] + noise + line[at + gone :]
    whole = b"".join([*lines[:victim], hurt, *lines[victim + 1 :], PADDING])
    parsed = parse(whole, 0, "UTC")
    parsed.records.validate(full=True)
    spans = list(zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True))
    tile(spans, parsed.skips, len(whole))
    kept = b"".join(whole[a : a + n] for a, n in spans)  # a record that breaks off may swallow the end of the next
    assert all(other in kept for n, other in enumerate(lines) if n != victim)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60) | records() | st.sampled_from([b"'", b"\n", b"\0", b"20261122 07:45:06,vm,"]), max_size=8))
def test_any_bytes(parts: list[bytes]) -> None:
    """Never a crash; what is consumed is accounted for byte by byte."""
    whole = b"".join(parts)
    for final in (False, True):
        parsed = parse(whole, 0, "UTC", final=final)
        parsed.records.validate(full=True)
        spans = list(zip(parsed.records["offset"].to_pylist(), parsed.records["length"].to_pylist(), strict=True))
        tile(spans, parsed.skips, parsed.consumed)
        assert parsed.consumed == len(whole) or not final
