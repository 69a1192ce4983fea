"""Row counts of audited statements from the server's statement history: which entry is of which statement."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.model import SourceNotice
from scanner.sources.statement_history import StatementHistory, counts

ASKED = {"n": pl.Int64, "connection": pl.Int64, "second": pl.Int64, "text": pl.Binary}
ENTRY = {
    "thread": pl.Int64, "event": pl.Int64, "start": pl.Int64, "end": pl.Int64, "executes": pl.Boolean, "text": pl.Binary,
    "rows": pl.Int64,
}  # fmt: skip

Said = tuple[int, int, str]  # connection, second, text
Kept = tuple[int, int, str, int | None]  # thread, second it began, text, rows


def told(said: list[Said], kept: list[Kept], open_now: dict[int, int] | None = None, *, lasted: int = 0) -> list[int | None]:
    """The count of each statement said, in order."""
    asked = pl.DataFrame([(n, c, s, t.encode()) for n, (c, s, t) in enumerate(said)], schema=ASKED, orient="row")
    entries = pl.DataFrame(
        [(t, n, s, s + lasted, x == "execute", x.encode(), r) for n, (t, s, x, r) in enumerate(kept)], schema=ENTRY, orient="row"
    )
    found = dict(counts(asked, entries, open_now or {}).iter_rows())
    return [found.get(n) for n in range(len(said))]


@pytest.mark.parametrize(
    ("said", "kept", "expected"),
    [
        pytest.param([(3, 10, "a")], [(12, 10, "a", 7)], [7], id="one"),
        pytest.param([(3, 10, "a"), (3, 10, "a")], [(12, 10, "a", 7), (12, 10, "a", 9)], [7, 9], id="in order"),
        pytest.param([(3, 10, "a")], [(12, 10, "a", 7), (12, 10, "a", 9)], [9], id="more entries than statements: the most"),
        pytest.param([(3, 10, "a")], [(12, 10, "a", 7), (12, 10, "a", None)], [None], id="one of them not to be believed"),
        pytest.param([(3, 11, "a")], [(12, 10, "a", 7)], [7], id="a second apart"),
        pytest.param([(3, 13, "a")], [(12, 10, "a", 7)], [None], id="three seconds apart"),
        pytest.param([(3, 10, "b")], [(12, 10, "a", 7)], [None], id="another text"),
        pytest.param([(3, 10, "a"), (3, 10, "bound")], [(12, 10, "a", 1), (12, 10, "execute", 5)], [1, 5], id="executed"),
        pytest.param(
            [(3, 10, "a"), (4, 10, "a"), (5, 10, "x")],
            [(12, 10, "a", 7), (13, 10, "a", 9), (14, 10, "x", 1)],
            [7, 9, 1],
            id="the same text from two connections: told apart by a third",
        ),
        pytest.param(
            [(3, 10, "a"), (3, 10, "b"), (4, 10, "a"), (4, 10, "c")],
            [(12, 10, "a", 7), (12, 10, "b", 1), (15, 10, "a", 9), (15, 10, "c", 1)],
            [7, 1, 9, 1],
            id="threads of the server's own in between",
        ),
        pytest.param(
            [(3, 10, "a"), (4, 10, "a")], [(12, 10, "a", 7), (13, 10, "a", 9)], [None, None], id="nothing tells which is which"
        ),
    ],
)
def test_which_entry_is_of_which_statement(said: list[Said], kept: list[Kept], expected: list[int | None]) -> None:
    assert told(said, kept) == expected


def test_connections_that_are_open_are_known() -> None:
    said = [(3, 10, "a"), (4, 10, "a")]
    kept: list[Kept] = [(12, 10, "a", 7), (13, 10, "a", 9)]
    assert told(said, kept, {3: 12, 4: 13}) == [7, 9]
    assert told([(3, 10, "a")], kept, {3: 13}) == [9]  # whatever a text says


def test_a_long_statement_is_found_by_its_end() -> None:
    assert told([(3, 70, "a")], [(12, 10, "a", 7)], lasted=60) == [7]
    assert told([(3, 10, "a")], [(12, 10, "a", 7)], lasted=60) == [7]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from("abc"), st.integers(0, 50)), max_size=25),
    st.integers(0, 9),
)
def test_no_count_is_below_the_true_one(acts: list[tuple[int, str, int]], shift: int) -> None:
    """Whatever is run by whom: a statement gets its own count or a larger one of the same text, or none."""
    said = [(c, 10, text) for c, text, _ in acts]
    kept: list[Kept] = [(c + shift, 10, text, rows) for c, text, rows in acts]
    open_now = {c: c + shift for c, _, _ in acts}
    assert told(said, kept, open_now) == [rows for _, _, rows in acts]
    behind: list[Kept] = [*kept, *((c + shift, 10, "a", 60) for c in open_now)]  # statements the log does not have
    assert all(a is None or a >= rows for a, (_, _, rows) in zip(told(said, behind, open_now), acts, strict=True))


def test_a_server_out_of_reach_is_said() -> None:
    (notice,) = StatementHistory("mysql+pymysql://a:geheim@127.0.0.1:1/x").notices()
    assert isinstance(notice, SourceNotice)
    assert not notice.fatal
    assert "row counts are estimated" in notice.reason
    assert "geheim" not in str(notice)
