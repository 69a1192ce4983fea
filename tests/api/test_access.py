"""Who gets in, what a refusal looks like, and what every answer carries."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from api.app import create_app, from_environment
from api.limits import Failures, network
from api.logs import JsonLines
from api.middleware import MOST_BODY
from scanner.store import tables as t
from scanner.store.state import iso
from scanner.store.tokens import TokenStore, _generate
from tests.api.conftest import Filled, Server

PUBLIC = {"/api/v1/health", "/api/v1/openapi.json", "/api/docs", "/api/docs/style.css"}
GUARDED = {
    "/api/v1/findings": "read:findings",
    "/api/v1/findings/0123456789abcdef": "read:findings",
    "/api/v1/findings/0123456789abcdef/events": "read:findings",
    "/api/v1/suppressions": "read:findings",
    "/api/v1/suppressions/0123456789abcdef": "read:findings",
    "/api/v1/events": "read:events",
    "/api/v1/vendors": "read:vendors",
    "/api/v1/vendors/delivery": "read:vendors",
    "/api/v1/vendors/delivery/seen": "read:vendors",
    "/api/v1/catalog": "read:catalog",
    "/api/v1/catalog/databases": "read:catalog",
    "/api/v1/catalog/decisions": "read:catalog",
    "/api/v1/rules": "read:rules",
    "/api/v1/rules/x": "read:rules",
    "/api/v1/sources": "read:sources",
    "/api/v1/runs": "read:sources",
    "/api/v1/skips": "read:sources",
    "/api/v1/notifications": "read:notifications",
}


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The answer's problem details, checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(body)
    assert body["status"] == status
    assert body["type"].startswith("urn:vendorwatch:problem:")
    assert uuid.UUID(body["instance"].removeprefix("urn:uuid:")) == uuid.UUID(answer.headers["x-request-id"])
    return body


def test_every_operation_is_public_on_purpose_or_guarded(client: httpx.Client) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    known = [re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in paths if path not in PUBLIC]
    assert all(any(k.fullmatch(path) for k in known) for path in GUARDED)
    assert all(any(k.fullmatch(path) for path in GUARDED) for k in known), "a new operation belongs into GUARDED"
    assert {path for path, methods in paths.items() if not methods["get"].get("security")} <= PUBLIC


@pytest.mark.parametrize("path", sorted(PUBLIC))
def test_public_pages_need_no_token(anyone: httpx.Client, path: str) -> None:
    assert anyone.get(path).status_code == 200


def test_health_says_nothing_else(anyone: httpx.Client) -> None:
    assert anyone.get("/api/v1/health").json() == {"status": "ok"}


@pytest.mark.parametrize("path", sorted(GUARDED))
@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic dXNlcjpwdw==", "vw_abc"])
def test_without_a_token_nobody_gets_in(anyone: httpx.Client, path: str, header: str | None) -> None:
    answer = anyone.get(path, headers={} if header is None else {"Authorization": header})
    problem(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="vendorwatch"'


@pytest.fixture
def refused_tokens(filled: Filled) -> dict[str, str]:
    store = TokenStore(filled.workspace.state)
    expired, revoked = store.create("expired"), store.create("revoked")
    store.revoke(revoked.token.id)
    with filled.workspace.state.begin() as connection:
        past = iso(datetime.now(UTC) - timedelta(seconds=1))
        connection.execute(update(t.api_token).where(t.api_token.c.id == expired.token.id).values(expires_at=past))
    return {"expired": expired.secret, "revoked": revoked.secret, "not known": _generate(), "unknown": "nonsense"}


def test_wrong_tokens_are_refused_everywhere(filled: Filled, refused_tokens: dict[str, str]) -> None:
    app = create_app(filled.config)
    app.state.context.failures.most = 10_000
    with Server(app) as url, httpx.Client(base_url=url) as client:
        for path in GUARDED:
            for reason, secret in refused_tokens.items():
                answer = client.get(path, headers={"Authorization": f"Bearer {secret}"})
                body = problem(answer, 401)
                assert reason.removeprefix("un") in body["detail"]
                assert 'error="invalid_token"' in answer.headers["www-authenticate"]
                assert secret not in answer.text + str(answer.headers)


def test_a_token_without_the_scope_is_refused_before_anything_is_looked_at(filled: Filled, address: str) -> None:
    store = TokenStore(filled.workspace.state)
    secrets = {scope: store.create(scope, [scope]).secret for scope in set(GUARDED.values())}
    with httpx.Client(base_url=address) as client:
        for path, scope in GUARDED.items():
            for held, secret in secrets.items():
                answer = client.get(path, params={"nonsense": 1}, headers={"Authorization": f"Bearer {secret}"})
                if held == scope:
                    assert answer.status_code in (200, 404, 422)
                else:
                    problem(answer, 403)
                    assert f'scope="{scope}"' in answer.headers["www-authenticate"]


def test_an_unknown_parameter_is_told_only_to_those_who_may_ask(anyone: httpx.Client, client: httpx.Client) -> None:
    problem(anyone.get("/api/v1/findings", params={"levle": "x"}), 401)
    body = problem(client.get("/api/v1/findings", params={"levle": "x"}), 422)
    assert body["errors"] == [{"where": "query", "message": "holds a parameter that this operation does not know"}]


def test_a_token_in_the_address_is_no_token(anyone: httpx.Client, token: str) -> None:
    problem(anyone.get("/api/v1/findings", params={"access_token": token}), 401)


def test_too_many_failures_are_slowed_but_lock_nobody_out(filled: Filled, token: str) -> None:
    with Server(create_app(filled.config)) as url, httpx.Client(base_url=url) as client:
        answers = [client.get("/api/v1/rules", headers={"Authorization": f"Bearer {_generate()}"}) for _ in range(13)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 3
        problem(answers[-1], 429)
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 7
        assert client.get("/api/v1/catalog", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_failures_are_forgotten_and_their_memory_is_bounded() -> None:
    clock = [0.0]
    failures = Failures(most=3, drain=10, clock=lambda: clock[0])
    assert [failures.add("10.0.0.1") for _ in range(4)] == [0, 0, 0, 11]
    assert failures.add("10.0.0.2") == 0
    clock[0] = 10.5
    assert [failures.add("10.0.0.1") for _ in range(2)] == [0, 10]
    for number in range(12_000):
        failures.add(f"10.{number >> 8}.{number & 255}.9")
    assert len(failures._levels) == 10_000


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", "unknown"),
        ("a" * 1000, "unknown"),
    ],
)
def test_what_counts_as_one_client(address: str, expected: str) -> None:
    assert network(address) == expected


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nothing", "/api/v2", "/api/v1/findings/", "/docs", "/api/v1/../../etc/passwd"])
def test_nothing_there(client: httpx.Client, path: str) -> None:
    problem(client.get(path), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_only_reading(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/api/v1/findings", headers={"Origin": "https://evil.example"})
    problem(answer, 405)
    assert "GET" in answer.headers["allow"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    answer = client.head("/api/v1/findings")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


def test_large_requests_are_turned_away(client: httpx.Client) -> None:
    problem(client.request("GET", "/api/v1/health", content=b"x" * (MOST_BODY + 1)), 413)
    problem(client.get("/api/v1/events", params={"account": "x" * 9000}), 414)


def test_a_defect_leaks_nothing(filled: Filled, token: str, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(filled.config)

    @app.get("/api/v1/defect")
    def defect() -> None:
        raise RuntimeError("password of 홍길동 is hunter2")

    with caplog.at_level(logging.INFO, "vendorwatch"), Server(app) as url, httpx.Client(base_url=url) as client:
        body = problem(client.get("/api/v1/defect"), 500)
    assert "hunter2" not in json.dumps(body) + caplog.text
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name.startswith("vendorwatch")]
    assert [line["error"] for line in lines if line["event"] == "defect"] == ["RuntimeError"]


def test_an_unreadable_store_is_unavailable(tmp_path: Path, filled: Filled) -> None:
    config = filled.config.model_copy(update={"data_dir": tmp_path})
    app = create_app(config)
    log = tmp_path / "events" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("rubbish")
    secret = TokenStore(app.state.context.workspace.state).create("x").secret
    with Server(app) as url, httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}) as client:
        body = problem(client.get("/api/v1/events"), 503)
    assert str(tmp_path) not in json.dumps(body)


def test_only_the_named_hosts_are_answered(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(create_app(filled.config, allowed_hosts=["Watch.example", "[::1]"])) as url, httpx.Client(base_url=url) as client:
        for host in ("watch.example", "WATCH.example:8443", "[::1]:80"):
            assert client.get("/api/v1/health", headers={"Host": host}).status_code == 200
        for host in ("evil.example", "watch.example.evil.example", "127.0.0.1", "[::2]"):
            problem(client.get("/api/v1/health", headers={"Host": host}), 421)


def test_the_configuration_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "vendorwatch.yml"
    file.write_text("data_dir: data\ndatabases: {shop: {url: 'sqlite:///shop.db'}}\n")
    monkeypatch.setenv("VENDORWATCH_CONFIG", str(file))
    monkeypatch.setenv("VENDORWATCH_ALLOWED_HOSTS", "watch.example, other.example")
    logger = logging.getLogger("vendorwatch")
    before = (list(logger.handlers), logger.level, logger.propagate)
    try:
        app = from_environment()
    finally:
        logger.handlers, logger.level, logger.propagate = before
    assert isinstance(app, FastAPI)
    assert list(app.state.context.config.databases) == ["shop"]
    app.state.context.workspace.state.dispose()


# -- what every answer carries ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*sorted(PUBLIC), *sorted(GUARDED), "/nothing"])
def test_headers_of_every_answer(client: httpx.Client, anyone: httpx.Client, path: str) -> None:
    for answer in (client.get(path), anyone.get(path)):
        headers = answer.headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in headers
        assert "server" not in headers
        if path in GUARDED:
            assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [*sorted(PUBLIC), *sorted(set(GUARDED) - {"/api/v1/rules", "/api/v1/rules/x"})])
def test_nothing_points_outside(client: httpx.Client, path: str) -> None:
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", client.get(path).text)


def test_the_logs_know_who_but_no_token_and_no_filter(
    client: httpx.Client, anyone: httpx.Client, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "vendorwatch"):
        client.get("/api/v1/events", params={"account": "홍길동", "limit": 3})
        finding = client.get("/api/v1/findings").json()["items"][0]["id"]
        client.get(f"/api/v1/findings/{finding}")
        anyone.get(f"/{token}%0A")
        anyone.get("/api/v1/events", headers={"Authorization": f"Bearer {token}x"})
        for _ in range(200):  # a request's line is written after its answer has left
            if sum(record.getMessage() == "request" for record in caplog.records) == 5:
                break
            time.sleep(0.01)
    text = [JsonLines().format(record) for record in caplog.records if record.name.startswith("vendorwatch")]
    lines = [json.loads(line) for line in text]
    assert all("\n" not in line and line.isascii() for line in text)
    assert token not in "".join(text)
    assert "홍길동" not in json.dumps(lines, ensure_ascii=False)
    reads = [line for line in lines if line["event"] == "read"]
    assert [(line["actor"], line["what"], line["count"]) for line in reads] == [
        ("tests", "events", 0),
        ("tests", "findings", 9),
        ("tests", "finding", 1),
    ]
    assert reads[0]["filters"] == ["account", "limit"]
    assert reads[2]["finding"] == finding
    requests = [line for line in lines if line["event"] == "request"]
    assert {line["operation"] for line in requests} == {"events", "findings", "finding", "unmatched"}
    assert {line["request_id"] for line in reads} <= {line["request_id"] for line in requests}


def test_a_token_that_strays_into_the_log_is_struck_out() -> None:
    record = logging.LogRecord("vendorwatch", logging.INFO, "", 0, "event", (), None)
    record.fields = {"oops": "Bearer vw_0123456789abcdef"}
    assert "0123456789" not in JsonLines().format(record)
