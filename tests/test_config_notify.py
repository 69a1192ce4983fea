"""``notify:`` in the configuration: the guide's example loads, and every mistake is named with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from scanner.config import Config, load_config
from scanner.config_notify import Notify, QuietHours
from scanner.errors import ConfigError

GUIDE = Path(__file__).parent.parent / "docs/guide/notifications.md"
HEAD = "databases: {shop: {url: 'sqlite:///x.db'}}\n"


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "vendorwatch.yml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_config(path)


def test_the_guides_example_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"(?s)```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"))
    notify = load(tmp_path, example).notify
    assert notify.escalation is not None
    assert notify.escalation.steps == (("duty",), ("lead",), ("lead", "chat"))
    assert (notify.escalation.every, notify.give_up_after, notify.digest_at) == (1800, 86400, 540)
    assert [route.digest for route in notify.routes] == [False, False, True, False]


def test_secrets_do_not_show(tmp_path: Path) -> None:
    channel = "{type: slack, url: 'https://chat.example/hooks/T0/s3cr3t'}"
    assert "s3cr3t" not in repr(load(tmp_path, f"notify: {{channels: {{chat: {channel}}}}}"))


MAIL = "type: email, host: m, from: a@b.example, to: c@d.example"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("notify: {channels: {a: {type: mail}}}", "vendorwatch.yml:2: notify.channels.a.type: 'mail' is no kind of channel"),
        ("notify: {channels: {a: {type: email, host: m}}}", "from: is needed by a channel of type email"),
        ("notify: {channels: {a: {type: email, host: m, from: 'Kim <a@b>', to: c@d.example}}}", "is not a mail address"),
        (f"notify: {{channels: {{a: {{{MAIL}, secret: whsec_x}}}}}}", "secret: is of no use to a channel of type email"),
        (f"notify: {{channels: {{a: {{{MAIL}, tls: 'off', password: x}}}}}}", "would send the password in the clear"),
        (f"notify: {{channels: {{a: {{{MAIL}, timeout: soon}}}}}}", "is not a length of time"),
        ("notify: {channels: {a: {type: webhook, url: 'ftp://x', secret: whsec_x}}}", "url: is not an address to post to"),
        ("notify: {channels: {a: {type: webhook, url: 'https://u:p@x/', secret: whsec_x}}}", "url: is not an address to post to"),
        ("notify: {channels: {a: {type: webhook, url: 'https://x/', secret: abc}}}", "secret: is no webhook secret"),
        ("notify: {channels: {a: {type: slack, url: 'https://x/', allow: 10.0.0.1/8}}}", "is not a network"),
        (f"notify: {{channels: {{a: {{{MAIL}}}}}, routes: [{{channels: b}}]}}", "names a channel that is not there: 'b'"),
        (f"notify: {{channels: {{a: {{{MAIL}}}}}, routes: [{{channels: a, level: hihg}}]}}", "did you mean 'high'?"),
        (f"notify: {{channels: {{a: {{{MAIL}}}}}, escalation: {{steps: [a, z]}}}}", "names a channel that is not there: 'z'"),
        ("notify: {chanels: {}}", "did you mean 'channels'?"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert what in str(error.value)
    assert "u:p" not in str(error.value)


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [("22:00", "07:00", (1320, 1439, 0, 419), (420, 1319)), ("12:00", "13:00", (720, 779), (780, 719, 0))],
)
def test_quiet_hours_run_over_midnight(start: str, end: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    quiet = QuietHours.model_validate({"from": start, "to": end})
    assert all(minute in quiet for minute in inside)
    assert not any(minute in quiet for minute in outside)


def test_nothing_is_told_by_default() -> None:
    defaults: dict[str, Any] = Notify().model_dump()
    assert defaults["channels"] == {}
    assert defaults["routes"] == ()
