"""Tokens: made once, kept as a hash, refused for every reason there is."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from scanner.errors import TokenError
from scanner.store import tables as t
from scanner.store.state import iso, open_state
from scanner.store.tokens import DEFAULT_LIFETIME, ROLES, SCOPES, TokenStore, expand, well_formed


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = open_state(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture
def store(state: Engine) -> TokenStore:
    return TokenStore(state)


def test_a_new_token_works_and_only_its_hash_is_kept(store: TokenStore, state: Engine, tmp_path: Path) -> None:
    made = store.create("grafana", ["read:findings"])
    assert made.secret.startswith("vw_")
    assert made.secret not in repr(made)
    found = store.verify(made.secret)
    assert (found.name, found.scopes) == ("grafana", ("read:findings",))
    assert found.expires_at - found.created_at == DEFAULT_LIFETIME
    state.dispose()  # writes the WAL back
    assert all(made.secret[12:].encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_tokens_are_long_random_and_unlike() -> None:
    alphabet = string.digits + string.ascii_letters
    assert 62**28 > 2**160  # what the shown beginning leaves unknown
    from scanner.store.tokens import _generate

    made = {_generate() for _ in range(500)}
    assert len(made) == 500
    assert all(len(token) == 41 and set(token[3:]) <= set(alphabet) and well_formed(token) for token in made)


@given(st.text(max_size=60))
def test_no_other_text_is_well_formed(text: str) -> None:
    assert not well_formed(text)
    assert not well_formed("vw_" + text)


def test_a_typing_error_is_seen_without_the_database(store: TokenStore) -> None:
    secret = store.create("x").secret
    for place in range(3, len(secret)):
        wrong = secret[:place] + ("a" if secret[place] != "a" else "b") + secret[place + 1 :]
        assert not well_formed(wrong)


@pytest.mark.parametrize("secret", ["", "vw_", "x" * 41, "vw_" + "é" * 38, "vw_" + "a" * 100_000, "vw_' or 1=1 --"])
def test_what_is_no_token_is_refused(store: TokenStore, secret: str) -> None:
    with pytest.raises(TokenError, match="not known") as refused:
        store.verify(secret)
    assert secret == "" or secret not in str(refused.value) or secret == "vw_"


def test_a_token_of_another_installation_is_unknown(store: TokenStore, tmp_path: Path) -> None:
    other = open_state(f"sqlite:///{tmp_path / 'other.sqlite'}")
    secret = TokenStore(other).create("x").secret
    other.dispose()
    with pytest.raises(TokenError, match="not known"):
        store.verify(secret)


def test_two_tokens_with_the_same_beginning_are_told_apart(store: TokenStore, state: Engine) -> None:
    first, second = store.create("first"), store.create("second")
    with state.begin() as connection:
        connection.execute(update(t.api_token).values(prefix=first.token.prefix))
    assert store.verify(first.secret).name == "first"
    with pytest.raises(TokenError, match="2 tokens have"):
        store.revoke(first.token.prefix)
    assert store.revoke(second.token.id).state() == "revoked"


def test_expired_tokens_are_refused(store: TokenStore, state: Engine) -> None:
    made = store.create("x", lifetime=timedelta(days=1))
    with state.begin() as connection:
        connection.execute(update(t.api_token).values(expires_at=iso(datetime.now(UTC) - timedelta(seconds=1))))
    with pytest.raises(TokenError, match="expired"):
        store.verify(made.secret)
    assert [token.state() for token in store.list()] == ["expired"]


@pytest.mark.parametrize("by", ["id", "prefix", "secret"])
def test_revoked_tokens_are_refused(store: TokenStore, by: str) -> None:
    made, other = store.create("x"), store.create("other")
    key = {"id": made.token.id, "prefix": made.token.prefix, "secret": made.secret}[by]
    first = store.revoke(key).revoked_at
    assert store.revoke(key).revoked_at == first
    with pytest.raises(TokenError, match="revoked"):
        store.verify(made.secret)
    assert store.verify(other.secret).name == "other"
    with pytest.raises(TokenError, match="no token has"):
        store.revoke("nothing")


def test_the_last_use_is_noted_once_a_minute(store: TokenStore, state: Engine) -> None:
    made = store.create("x")
    assert store.list()[0].last_used_at is None
    store.verify(made.secret)
    first = store.list()[0].last_used_at
    assert first is not None
    store.verify(made.secret)
    assert store.list()[0].last_used_at == first
    old = first - timedelta(seconds=61)
    with state.begin() as connection:
        connection.execute(update(t.api_token).values(last_used_at=iso(old)))
    store.verify(made.secret)
    assert store.list()[0].last_used_at > old  # type: ignore[operator]  # it is not None


@pytest.mark.parametrize(
    ("name", "grants", "days"),
    [("", ["auditor"], 1), ("a\nb", ["auditor"], 1), ("x" * 256, ["auditor"], 1), ("x", [], 1), ("x", ["root"], 1)]
    + [("x", ["auditor"], days) for days in (0, -1, 1000)],
)  # fmt: skip
def test_senseless_tokens_are_not_made(store: TokenStore, name: str, grants: list[str], days: int) -> None:
    with pytest.raises(TokenError):
        store.create(name, grants, lifetime=timedelta(days=days))
    assert store.list() == []


def test_roles_are_written_out(store: TokenStore, state: Engine) -> None:
    for role, scopes in ROLES.items():
        assert set(scopes) <= set(SCOPES)
        assert expand([role, *scopes]) == scopes
    store.create("x", ["auditor"])
    with state.connect() as connection:
        assert "auditor" not in connection.execute(select(t.api_token.c.scopes)).scalar_one()
