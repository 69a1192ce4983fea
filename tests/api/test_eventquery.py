"""Queries over the event files: bounded in number and time, and independent of each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import httpx
import pytest

from api import eventquery
from api.deps import Context
from api.errors import Problem
from tests.api.conftest import Filled


@pytest.fixture
def context(filled: Filled) -> Context:
    return Context.open(filled.config)


def test_only_so_many_queries_at_once(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventquery, "WAIT", 0.01)
    while context.engines.acquire(blocking=False):
        pass
    with pytest.raises(Problem) as refused, eventquery.querying(context, []):
        pass
    assert refused.value.status == 503
    context.engines.release()
    with eventquery.querying(context, []) as engine:
        assert engine.sql("select count(*) from events").fetchall() == [(0,)]


def test_a_query_that_takes_too_long_is_given_up(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventquery, "LONGEST", 0.3)
    with pytest.raises(Problem) as refused, eventquery.querying(context, []) as engine:
        engine.sql("select count(*) from range(10000000000) a where a.range % 7 = 3").fetchall()
    assert refused.value.status == 503
    assert "too long" in refused.value.detail
    assert context.engines.acquire(blocking=False), "its turn is free again"


def test_the_engine_reads_nothing_but_events(context: Context, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with eventquery.querying(context, context.workspace.events.files()) as engine:
        for sql in (f"select * from read_csv('{secret}')", f"copy events to '{tmp_path / 'out.csv'}'", "set memory_limit='9GB'"):
            with pytest.raises(duckdb.Error):
                engine.execute(sql)


@pytest.mark.parametrize("newest", [True, False])
def test_days_are_opened_in_growing_groups_each_once(newest: bool) -> None:
    files = [Path(f"day=2026-03-{day:02d}/batch-{batch}.parquet") for day in range(1, 13) for batch in range(2)]
    groups = list(eventquery._groups(files, newest))
    assert [len(group) for group in groups] == [2, 4, 8, 10]
    assert sorted(file for group in groups for file in group) == sorted(files)
    edges = [min(file.parent.name for file in group) for group in groups]
    assert edges == sorted(edges, reverse=newest)


def test_many_readers_at_once_see_the_same(client: httpx.Client) -> None:
    addresses = ["/api/v1/events?limit=40", "/api/v1/vendors", "/api/v1/findings", "/api/v1/rules", "/api/v1/catalog"] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client.get, addresses))
    assert {answer.status_code for answer in answers} == {200}
    for address in set(addresses):
        assert len({answer.text for answer, asked in zip(answers, addresses, strict=True) if asked == address}) == 1
