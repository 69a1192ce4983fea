"""The ``notify:`` part of the configuration: channels, who is told of what, and who comes next when nobody picks up.

>>> Escalation.model_validate({"steps": ["duty", ["lead", "chat"]], "every": "15m"}).steps
(('duty',), ('lead', 'chat'))
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from scanner.config_sources import Model
from scanner.config_values import Minutes, as_list, closest, wrong

LEVELS = ("informational", "low", "medium", "high", "critical")
_SPAN = re.compile(r"(\d{1,6})\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ADDRESS = re.compile(r"[^@\s<>,;\x00-\x1f]{1,64}@[^@\s<>,;\x00-\x1f]{1,255}")


def _span(value: object) -> object:
    """``15m`` as seconds."""
    if isinstance(value, bool) or not isinstance(value, str):
        return value
    match = _SPAN.fullmatch(value.strip().lower())
    if match is None:
        raise wrong("{value} is not a length of time", value, "write a number and s, m, h or d, as in 15m")
    return int(match[1]) * _SECONDS[match[2]]


def _level(value: object) -> object:
    if isinstance(value, str) and value not in LEVELS:
        raise wrong("{value} is not a level", value, closest(value, LEVELS) or "write " + ", ".join(LEVELS))
    return value


def _mail_address(value: object) -> object:
    if isinstance(value, str) and not _ADDRESS.fullmatch(value.strip()):
        raise wrong("{value} is not a mail address", value, "write name@host alone, without a display name")
    return value.strip() if isinstance(value, str) else value


def _network(value: object) -> object:
    if isinstance(value, str):
        try:
            return str(ip_network(value.strip()))
        except ValueError:
            raise wrong("{value} is not a network", value, "write it as in 10.0.0.0/8 or 192.0.2.7/32") from None
    return value


def _steps(value: object) -> object:
    if isinstance(value, str):
        return [[value]]
    return [as_list(step) for step in value] if isinstance(value, list | tuple) else value


Span = Annotated[int, BeforeValidator(_span), Field(ge=1)]  # seconds
LevelName = Annotated[str, BeforeValidator(_level)]
MailAddress = Annotated[str, BeforeValidator(_mail_address)]
Networks = Annotated[tuple[Annotated[str, BeforeValidator(_network)], ...], BeforeValidator(as_list)]


class Channel(Model):
    """A way to tell somebody. ``type`` decides which of the other keys it takes."""

    type: Literal["email", "webhook", "slack", "syslog"]
    # email
    host: str = ""  # of the mail server, or of the syslog collector
    port: int | None = Field(default=None, ge=1, le=65535)
    tls: Literal["starttls", "tls", "off"] | None = None
    user: str = ""
    password: SecretStr | None = None
    from_: MailAddress | None = Field(default=None, alias="from")
    to: Annotated[tuple[MailAddress, ...], BeforeValidator(as_list)] = ()
    language: Literal["en", "ko"] = "en"
    # webhook and slack
    url: SecretStr | None = None  # a chat's address is its key
    secret: SecretStr | None = None  # of webhooks: whsec_… (Standard Webhooks)
    allow: Networks = ()  # private networks that its address may lie in
    # syslog
    protocol: Literal["udp", "tcp", "tls"] = "tls"
    # all
    timeout: Span = 10

    @field_validator("type", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        kinds = ("email", "webhook", "slack", "syslog")
        if isinstance(value, str) and value not in kinds:
            raise wrong("{value} is no kind of channel", value, closest(value, kinds) or "write " + ", ".join(kinds))
        return value

    @model_validator(mode="after")
    def _own_keys(self) -> Channel:
        for name in _NEEDS[self.type]:
            if not getattr(self, name):
                raise wrong(
                    f"is needed by a channel of type {self.type}", hint=f"add `{name.rstrip('_')}: …`", key=name.rstrip("_")
                )
        for name in sorted(self.model_fields_set - {"type", "timeout", *_NEEDS[self.type], *_TAKES[self.type]}):
            raise wrong(f"is of no use to a channel of type {self.type}", hint="take it out", key=name.rstrip("_"))
        if self.url is not None:
            _check_url(self.url.get_secret_value())
        if self.secret is not None:
            _check_secret(self.secret.get_secret_value())
        if self.type == "email" and self.tls == "off" and self.password is not None:
            raise wrong("would send the password in the clear", hint="use starttls or tls", key="tls")
        return self


_NEEDS: Mapping[str, tuple[str, ...]] = {
    "email": ("host", "from_", "to"),
    "webhook": ("url", "secret"),
    "slack": ("url",),
    "syslog": ("host",),
}
_TAKES: Mapping[str, tuple[str, ...]] = {
    "email": ("port", "tls", "user", "password", "language"),
    "webhook": ("allow",),
    "slack": ("allow", "language"),
    "syslog": ("port", "protocol"),
}


def _check_url(url: str) -> None:
    """Messages repeat nothing of it: it may hold a key."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or parts.username or parts.fragment or not url.isascii() or re.search(r"[\s\x00-\x1f]", url):
        raise wrong("is not an address to post to", hint="write https://host/path, without a user or a fragment", key="url")


def _check_secret(secret: str) -> None:
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_") + "==", validate=False))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith("whsec_") or size < 24:
        raise wrong(
            "is no webhook secret",
            hint="`whsec_` and at least 24 random bytes in base64, as `openssl rand -base64 32` makes",
            key="secret",
        )


class Route(Model):
    """Findings at or above ``level`` (of ``vendors``, when named) go to ``channels``, at once or with the daily digest."""

    channels: Annotated[tuple[str, ...], BeforeValidator(as_list), Field(min_length=1)]
    level: LevelName = "medium"
    vendors: Annotated[tuple[str, ...] | None, BeforeValidator(as_list)] = None
    digest: bool = False


class QuietHours(Model):
    """Hours of every day, in the configuration's time zone, in which only critical findings go out."""

    from_: Minutes = Field(alias="from")
    to: Minutes

    def __contains__(self, minute: int) -> bool:
        return self.from_ <= minute < self.to if self.from_ <= self.to else minute >= self.from_ or minute < self.to


class Escalation(Model):
    """Until somebody acknowledges: the next step every ``every``; the last one again and again."""

    steps: Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_steps), Field(min_length=1)]
    every: Span = 30 * 60
    level: LevelName = "high"


class Notify(Model):
    """Who is told."""

    channels: dict[str, Channel] = Field(default_factory=dict)
    routes: Annotated[tuple[Route, ...], BeforeValidator(lambda v: [v] if isinstance(v, Mapping) else v)] = ()
    escalation: Escalation | None = None
    quiet_hours: QuietHours | None = None
    digest_at: Minutes = 9 * 60
    console_url: str = ""  # where the reader finds the finding
    give_up_after: Span = 24 * 3600  # failed deliveries become dead letters

    @model_validator(mode="after")
    def _channels_exist(self) -> Notify:
        named = [(name, "routes") for route in self.routes for name in route.channels]
        named += [(name, "escalation") for step in (self.escalation.steps if self.escalation else ()) for name in step]
        for name, where in named:
            if name not in self.channels:
                hint = closest(name, self.channels) or "channels are " + (", ".join(self.channels) or "not there yet")
                raise wrong(f"names a channel that is not there: {name!r}", hint=hint, key=where)
        return self
