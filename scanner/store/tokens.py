"""API tokens: made once, shown once, kept only as a hash.

A token is ``vw_`` + 32 random base62 characters (190 bits) + a checksum of 6 characters, the CRC-32 of all before it. The
fixed beginning lets secret scanners find a leaked token; the checksum turns a mistyped one away without a look at the
database. Stored are its SHA-256 (a random token needs no slow hash) and its first characters, by which people tell tokens
apart; 166 unknown bits remain.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, or_, select, update
from sqlalchemy.exc import OperationalError

from scanner.errors import TokenError
from scanner.store import tables as t
from scanner.store.state import iso, now, reading

START = "vw_"
DEFAULT_LIFETIME = timedelta(days=90)
LONGEST_LIFETIME = timedelta(days=366)
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 32
_CHECKSUM = 6
_SHOWN = len(START) + 4
_LENGTH = len(START) + _RANDOM + _CHECKSUM
_LAST_USED_EVERY = timedelta(minutes=1)

SCOPES: dict[str, str] = {
    "read:findings": "findings, their history and the events behind them",
    "read:events": "access events",
    "read:vendors": "vendors, their contracts and figures",
    "read:catalog": "the PII map of the databases",
    "read:rules": "the rules in force",
    "read:sources": "audit sources, runs and what could not be read",
    "read:notifications": "who was told of which finding, and what could not be delivered",
    "write:findings": "take findings up, note, assign, close and reopen them",
    "write:catalog": "confirm or overrule verdicts about columns of the PII map",
    "write:breach": "set the clocks of a possible breach",
    "write:suppressions": "propose suppressions, and end them",
    "approve:suppressions": "put suppressions that somebody else proposed into force",
}

_READS = tuple(scope for scope in SCOPES if scope.startswith("read:"))

# Roles are names for sets of scopes. All of them read everything; they differ in what they may change.
ROLES: dict[str, tuple[str, ...]] = {
    "analyst": (*_READS, "write:findings", "write:suppressions"),
    "officer": (*_READS, "write:findings", "write:catalog", "write:breach", "write:suppressions", "approve:suppressions"),
    "auditor": _READS,
    "admin": _READS,
}


@dataclass(frozen=True)
class Token:
    """What is kept of a token. Times are UTC."""

    id: str
    name: str  # who or what uses it; stands in logs as the actor
    prefix: str  # its first characters
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, at: datetime | None = None) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= (at or datetime.now(UTC)) else "active"


@dataclass(frozen=True)
class NewToken:
    """A token just made. ``secret`` exists here and nowhere else: show it once."""

    token: Token
    secret: str = field(repr=False)


class TokenStore:
    """Tokens in the state database."""

    def __init__(self, state: Engine) -> None:
        self.state = state

    def create(self, name: str, grants: Iterable[str] = ("auditor",), *, lifetime: timedelta = DEFAULT_LIFETIME) -> NewToken:
        """Make a token that may do what ``grants`` (roles and scopes) name. Raises :class:`TokenError`.

        A role is written out into its scopes now, so that a token never gains power by an upgrade of the program.
        """
        scopes = expand(grants)
        if not name.strip() or len(name) > 255 or not name.isprintable():
            raise TokenError("a token needs a name of up to 255 printable characters", "say who or what will use it")
        if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
            raise TokenError(f"a token lives between a moment and {LONGEST_LIFETIME.days} days", "make a new one when it ends")
        made = datetime.now(UTC)
        secret = _generate()
        token = Token(secrets.token_hex(8), name.strip(), secret[:_SHOWN], scopes, made, made + lifetime)
        row = {
            "id": token.id,
            "name": token.name,
            "prefix": token.prefix,
            "sha256": _sha256(secret),
            "scopes": json.dumps(token.scopes),
            "created_at": iso(token.created_at),
            "expires_at": iso(token.expires_at),
        }
        with self.state.begin() as connection:
            connection.execute(t.api_token.insert().values(**row))
        return NewToken(token, secret)

    def verify(self, secret: str) -> Token:
        """The token behind ``secret``. Raises :class:`TokenError` when it is malformed, unknown, expired or revoked.

        The comparison takes the same time wherever two hashes differ; the database is asked by the shown beginning only.
        """
        unknown = TokenError("the token is not known", "make one with `vendorwatch token create`")
        if not well_formed(secret):
            raise unknown
        digest = _sha256(secret)
        found: dict[str, Any] | None = None
        with reading(self.state) as connection:
            for row in connection.execute(select(t.api_token).where(t.api_token.c.prefix == secret[:_SHOWN])):
                if hmac.compare_digest(row.sha256, digest):
                    found = dict(row._mapping)
        if found is None:
            raise unknown
        token = _token(found)
        state = token.state()
        if state != "active":
            raise TokenError(f"the token is {state}", "make a new one with `vendorwatch token create`")
        self._used(token)
        return token

    def _used(self, token: Token) -> None:
        """Note the use, at most once a minute; a busy database must not turn a reader away."""
        moment = datetime.now(UTC)
        if token.last_used_at is not None and moment - token.last_used_at < _LAST_USED_EVERY:
            return
        stale = or_(t.api_token.c.last_used_at.is_(None), t.api_token.c.last_used_at <= iso(moment - _LAST_USED_EVERY))
        try:
            with self.state.begin() as connection:
                connection.execute(
                    update(t.api_token).where(t.api_token.c.id == token.id, stale).values(last_used_at=iso(moment))
                )
        except OperationalError:
            return  # the next request notes it

    def revoke(self, key: str) -> Token:
        """End the token with this id, or with this beginning of the token itself. Raises :class:`TokenError`.

        Revoking twice keeps the first time.
        """
        with self.state.begin() as connection:
            wanted = t.api_token.c.prefix == key[:_SHOWN] if key.startswith(START) else t.api_token.c.id == key
            found = connection.execute(select(t.api_token.c.id).where(wanted)).scalars().all()
            if len(found) != 1:
                what = "no token has" if not found else f"{len(found)} tokens have"
                raise TokenError(f"{what} this id or beginning", "list them with `vendorwatch token list`")
            connection.execute(
                update(t.api_token)
                .where(t.api_token.c.id == found[0], t.api_token.c.revoked_at.is_(None))
                .values(revoked_at=now())
            )
            row = connection.execute(select(t.api_token).where(t.api_token.c.id == found[0])).one()
        return _token(dict(row._mapping))

    def list(self) -> list[Token]:
        """All tokens ever made, the newest first."""
        with reading(self.state) as connection:
            found = connection.execute(select(t.api_token).order_by(t.api_token.c.created_at.desc(), t.api_token.c.id))
            return [_token(dict(row._mapping)) for row in found]


def expand(grants: Iterable[str]) -> tuple[str, ...]:
    """Scopes that roles and scopes stand for, without repetition. Raises :class:`TokenError` for an unknown or no word."""
    scopes: dict[str, None] = {}
    for grant in grants:
        if grant not in ROLES and grant not in SCOPES:
            raise TokenError(f"{grant!r} is neither a role nor a scope", "known are " + ", ".join([*ROLES, *SCOPES]))
        scopes |= dict.fromkeys(ROLES.get(grant, (grant,)))
    if not scopes:
        raise TokenError("a token must be allowed something", "known are " + ", ".join([*ROLES, *SCOPES]))
    return tuple(scopes)


def well_formed(secret: str) -> bool:
    """Whether the text can be a token of ours at all: beginning, length, alphabet and checksum are right."""
    return (
        len(secret) == _LENGTH
        and secret.startswith(START)
        and set(secret[len(START) :]) <= set(_ALPHABET)
        and secret[-_CHECKSUM:] == _checksum(secret[:-_CHECKSUM])
    )


def _generate() -> str:
    body = START + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: dict[str, Any]) -> Token:
    moments = {
        name: datetime.fromisoformat(row[name]) if row[name] is not None else None
        for name in ("created_at", "expires_at", "last_used_at", "revoked_at")
    }
    return Token(row["id"], row["name"], row["prefix"], tuple(json.loads(row["scopes"])), **moments)  # type: ignore[arg-type]


__all__ = [
    "DEFAULT_LIFETIME",
    "LONGEST_LIFETIME",
    "ROLES",
    "SCOPES",
    "START",
    "NewToken",
    "Token",
    "TokenStore",
    "expand",
    "well_formed",
]
