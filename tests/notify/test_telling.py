"""From a finding to the person who has to know, through receivers that work, are down, slow, or lead elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from standardwebhooks import Webhook

from scanner.config import Config
from scanner.findings import Decision, FindingStore, decide
from scanner.notify import listed, retry, tell
from scanner.store import tables as t
from tests.notify.conftest import DAY, NIGHT, config, found, history
from tests.notify.receivers import Mailbox, mail_server, syslog_tcp, syslog_udp, until, web_server

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
MINUTE = timedelta(minutes=1)


def mail(box: Mailbox, to: str, **other: Any) -> dict[str, Any]:
    return {"type": "email", "host": "127.0.0.1", "port": box.port, "tls": "off", "from": "vw@shop.example", "to": to, **other}


def hook(url: str, **other: Any) -> dict[str, Any]:
    return {"type": "webhook", "url": url, "secret": SECRET, "allow": "127.0.0.1/32", **other}


def told_to(box: Mailbox) -> list[str]:
    return [str(m["To"]) for m in box.mails]


def states(state: Engine) -> list[tuple[str, str, int]]:
    return sorted((m["channel"], m["state"], m["attempts"]) for m in listed(state))


def test_nobody_picks_up_and_the_second_contact_is_told(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box:
        settings = config(
            tmp_path,
            {
                "channels": {name: mail(box, f"{name}@shop.example") for name in ("duty", "lead", "ciso")},
                "routes": [{"level": "medium", "channels": ["duty"]}],
                "escalation": {"steps": ["duty", "lead", "ciso"], "every": "20m"},
            },
        )
        found(state, "f1", NIGHT)
        for minute in range(0, 121):
            tell(state, settings, NIGHT + minute * MINUTE)
        assert told_to(box) == [
            "duty@shop.example", "lead@shop.example", "ciso@shop.example", "ciso@shop.example", "ciso@shop.example",
            "ciso@shop.example", "ciso@shop.example",
        ]  # fmt: skip
        assert "Nobody has taken this finding up for 20 minutes" in box.mails[1].get_content()
        decide(state, "f1", Decision(status="in_progress"), actor="lead")
        for minute in range(121, 300, 15):
            tell(state, settings, NIGHT + minute * MINUTE)
        assert len(box.mails) == 7
    told = [h["detail"] for h in FindingStore(state).get("f1")["history"] if h["what"] == "told"]  # type: ignore[index]
    assert [(d["channel"], d["reason"], d["step"]) for d in told][:3] == [
        ("duty", "created", 0), ("lead", "escalation", 2), ("ciso", "escalation", 3),
    ]  # fmt: skip


def test_a_reopened_finding_begins_anew(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box:
        settings = config(
            tmp_path,
            {
                "channels": {name: mail(box, f"{name}@shop.example") for name in ("duty", "lead")},
                "routes": [{"channels": "duty"}],
                "escalation": {"steps": ["duty", "lead"], "every": "1h"},
            },
        )
        found(state, "f1", DAY)
        tell(state, settings, DAY)
        with state.begin() as connection:
            connection.execute(t.finding.update().values(status="resolved", verdict="false_positive"))
        tell(state, settings, DAY + timedelta(hours=3))
        assert told_to(box) == ["duty@shop.example"]
        with state.begin() as connection:
            connection.execute(t.finding.update().values(status="new", verdict=None))
        history(state, "f1", "reopened", DAY + timedelta(hours=4), {"level": "high"})
        tell(state, settings, DAY + timedelta(hours=4))
        tell(state, settings, DAY + timedelta(hours=5))
        assert told_to(box) == ["duty@shop.example", "duty@shop.example", "lead@shop.example"]


def test_no_message_holds_personal_data_accounts_or_statements(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box, web_server() as web, syslog_tcp() as tcp:
        channels = {
            "mail": mail(box, "soc@shop.example"),
            "mail_ko": mail(box, "ko@shop.example", language="ko"),
            "hook": hook(web.url + "/hook"),
            "chat": {"type": "slack", "url": web.url + "/chat", "allow": "127.0.0.0/8"},
            "siem": {"type": "syslog", "host": "127.0.0.1", "port": tcp.port, "protocol": "tcp"},
        }
        settings = config(tmp_path, {"channels": channels, "routes": [{"channels": list(channels)}], "console_url": "https://vw"})
        found(state, "f1", DAY, vendor_name="Core\r\nBcc: all@evil.example <b>IT</b>")
        told = tell(state, settings, DAY)
        assert (told.sent, told.errors) == (5, {})
        assert until(lambda: tcp.data.endswith(b"}"))
        texts = [m.as_string() + m.get_content() for m in box.mails]
        texts += [body.decode() for _, _, body in web.requests] + [tcp.data.decode()]
    for text in texts:
        for secret in ("Minsu", "ops_park", "10.9.8.7", "secret_text", "public.mbr"):
            assert secret not in text
        assert "f1" in text
    assert all(m["Bcc"] is None and "\n" not in str(m["Subject"]) for m in box.mails)
    korean = next(m for m in box.mails if m["To"] == "ko@shop.example")
    assert "노출된 정보주체: 20,421" in korean.get_content()
    assert "https://vw/findings/f1" in korean.get_content()
    chat = json.loads(next(body for path, _, body in web.requests if path == "/chat"))
    assert "&lt;b&gt;" in chat["text"]


def test_a_webhook_is_signed_as_standard_webhooks_has_it(state: Engine, tmp_path: Path) -> None:
    with web_server() as web:
        settings = config(tmp_path, {"channels": {"hook": hook(web.url + "/in?x=1")}, "routes": [{"channels": "hook"}]})
        found(state, "f1", DAY)
        tell(state, settings, DAY)
        ((path, headers, body),) = web.requests
    assert path == "/in?x=1"
    payload = Webhook(SECRET).verify(body, headers)
    assert payload["type"] == "finding.created"
    assert payload["data"]["exposed_persons"]["best"] == 20421


def test_a_receiver_that_is_down_gets_it_later_once(state: Engine, tmp_path: Path) -> None:
    with web_server() as web:
        settings = config(tmp_path, {"channels": {"hook": hook(web.url)}, "routes": [{"channels": "hook"}]})
        found(state, "f1", DAY)
        web.status = 503
        assert tell(state, settings, DAY).errors["hook"].startswith(f"http://127.0.0.1:{web.port} answered 503")
        assert tell(state, settings, DAY).failed == 0  # not due yet
        assert tell(state, settings, DAY + MINUTE).failed == 1
        web.status = 200
        assert tell(state, settings, DAY + 2 * MINUTE).sent == 0  # the pause grows
        assert tell(state, settings, DAY + 3 * MINUTE).sent == 1
        assert tell(state, settings, DAY + 9 * MINUTE).sent == 0
        ids = {headers["webhook-id"] for _, headers, _ in web.requests}
    assert len(ids) == 1
    assert states(state) == [("hook", "sent", 3)]


def test_after_three_failures_the_other_channels_are_told_and_in_the_end_it_is_a_dead_letter(
    state: Engine, tmp_path: Path
) -> None:
    with mail_server() as box, web_server() as web:
        web.status = 500
        notify = {
            "channels": {"hook": hook(web.url), "mail": mail(box, "soc@shop.example")},
            "routes": [{"channels": "hook"}, {"level": "critical", "channels": "mail"}],
            "give_up_after": "2h",
        }
        settings = config(tmp_path, notify)
        found(state, "f1", DAY)
        for minute in range(0, 60 * 8, 5):
            tell(state, settings, DAY + minute * MINUTE)
        assert told_to(box) == ["soc@shop.example"]
        assert "Another channel could not be reached" in box.mails[0].get_content()
        (dead,) = listed(state, states=["dead"])
        assert (dead["channel"], dead["last_error"].split(" — ")[0]) == ("hook", f"http://127.0.0.1:{web.port} answered 500")
        tries = len(web.requests)
        tell(state, settings, DAY + timedelta(days=2))
        assert len(web.requests) == tries
        web.status = 200
        assert retry(state, dead["id"][:8]) == 1
        assert tell(state, settings).sent == 1
    assert "not_told" in [h["what"] for h in FindingStore(state).get("f1")["history"]]  # type: ignore[index]


def test_a_slow_receiver_holds_up_nobody(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box, web_server() as web:
        web.delay = 3
        channels = {"slow": hook(web.url, timeout="1s"), "mail": mail(box, "soc@shop.example")}
        settings = config(tmp_path, {"channels": channels, "routes": [{"channels": ["slow", "mail"]}]})
        for number in range(4):
            found(state, f"f{number}", DAY)
        told = tell(state, settings, DAY)
        assert told.sent == 4
        assert told.failed == 4
        assert "took too long" in told.errors["slow"]
        assert len(web.requests) == 1  # the rest of the pass it is left alone


def test_redirects_are_not_followed(state: Engine, tmp_path: Path) -> None:
    with web_server() as web, web_server() as other:
        web.status, web.location = 307, other.url + "/elsewhere"
        settings = config(tmp_path, {"channels": {"hook": hook(web.url)}, "routes": [{"channels": "hook"}]})
        found(state, "f1", DAY)
        assert "a redirect, which is not followed" in tell(state, settings, DAY).errors["hook"]
        assert other.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"])
def test_addresses_inside_are_refused_unless_allowed(state: Engine, tmp_path: Path, host: str) -> None:
    with web_server() as web:
        url = f"http://{host}:{web.port}/"
        settings = config(tmp_path, {"channels": {"hook": hook(url, allow="10.0.0.0/8")}, "routes": [{"channels": "hook"}]})
        found(state, "f1", DAY)
        assert "not public" in tell(state, settings, DAY).errors["hook"]
        assert web.requests == []


def test_quiet_hours_hold_back_all_but_critical_findings(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box:
        settings = config(
            tmp_path,
            {
                "channels": {"duty": mail(box, "duty@shop.example")},
                "routes": [{"channels": "duty", "level": "low"}],
                "quiet_hours": {"from": "22:00", "to": "07:00"},
            },
        )
        found(state, "f1", NIGHT)
        found(state, "f2", NIGHT, level="critical")
        tell(state, settings, NIGHT)
        assert ["f2" in m.get_content() for m in box.mails] == [True]
        tell(state, settings, NIGHT + timedelta(hours=4, minutes=54))  # 06:59
        assert len(box.mails) == 1
        tell(state, settings, NIGHT + timedelta(hours=4, minutes=55))
        assert len(box.mails) == 2


def test_a_digest_is_one_message_a_day(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box:
        settings = config(
            tmp_path,
            {
                "channels": {"officer": mail(box, "officer@shop.example")},
                "routes": [{"channels": "officer", "level": "low", "digest": True}, {"channels": "officer", "level": "critical"}],
                "digest_at": "09:30",
            },
        )
        for number in range(3):
            found(state, f"f{number}", DAY, level="low")
        found(state, "worst", DAY, level="critical")
        tell(state, settings, DAY)
        assert len(box.mails) == 1
        tell(state, settings, DAY + timedelta(hours=20))
        assert len(box.mails) == 2
        assert "3 findings" in box.mails[1]["Subject"]
        assert all(f"f{number}" in box.mails[1].get_content() for number in range(3))


def test_routes_look_at_level_and_vendor(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box:
        settings = config(
            tmp_path,
            {
                "channels": {name: mail(box, f"{name}@shop.example") for name in ("a", "b")},
                "routes": [{"channels": "a", "level": "high"}, {"channels": "b", "level": "low", "vendors": ["other"]}],
            },
        )
        found(state, "f1", DAY, level="medium")
        found(state, "f2", DAY, level="high")
        found(state, "f3", DAY, level="low", vendor="other", vendor_name="Other")
        tell(state, settings, DAY)
        assert sorted(told_to(box)) == ["a@shop.example", "b@shop.example"]


def test_a_rise_is_told_and_what_is_old_when_telling_begins_is_not(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box:
        settings = config(tmp_path, {"channels": {"a": mail(box, "a@shop.example")}, "routes": [{"channels": "a"}]})
        found(state, "old", DAY - timedelta(days=30))
        found(state, "f1", DAY, level="medium")
        tell(state, settings, DAY)
        with state.begin() as connection:
            connection.execute(t.finding.update().where(t.finding.c.id == "f1").values(level="critical"))
        history(state, "f1", "level_raised", DAY + MINUTE, {"from": "medium", "to": "critical"})
        tell(state, settings, DAY + MINUTE)
        assert len(box.mails) == 2
        assert "more serious" in box.mails[1].get_content()


def test_a_mail_server_that_refuses(state: Engine, tmp_path: Path) -> None:
    with mail_server() as box:
        box.refuse = "550 no such user"
        settings = config(tmp_path, {"channels": {"a": mail(box, "a@shop.example")}, "routes": [{"channels": "a"}]})
        found(state, "f1", DAY)
        assert "refused every recipient (550)" in tell(state, settings, DAY).errors["a"]
        starttls = config(
            tmp_path, {"channels": {"a": mail(box, "a@shop.example", tls="starttls")}, "routes": [{"channels": "a"}]}
        )
        assert "offers no starttls" in tell(state, starttls, DAY + MINUTE).errors["a"]


def test_syslog_carries_ocsf_by_tcp_and_udp(state: Engine, tmp_path: Path) -> None:
    with syslog_tcp() as tcp, syslog_udp() as udp:
        channels = {
            "tcp": {"type": "syslog", "host": "127.0.0.1", "port": tcp.port, "protocol": "tcp"},
            "udp": {"type": "syslog", "host": "127.0.0.1", "port": udp.port, "protocol": "udp"},
        }
        settings = config(tmp_path, {"channels": channels, "routes": [{"channels": ["tcp", "udp"]}]})
        found(state, "f1", DAY)
        assert tell(state, settings, DAY).sent == 2
        assert until(lambda: udp.datagrams and tcp.data.endswith(b"}"))
    size, _, frame = bytes(tcp.data).partition(b" ")
    assert int(size) == len(frame)
    for line in (frame, udp.datagrams[0]):
        head, _, document = line.decode().partition(" - {")
        assert head.startswith("<83>1 20")  # authpriv, error
        ocsf = json.loads("{" + document)
        assert (ocsf["class_uid"], ocsf["type_uid"], ocsf["severity"], ocsf["finding_info"]["uid"]) == (
            2004,
            200401,
            "High",
            "f1",
        )


def test_two_programs_at_once_tell_once(state: Engine, tmp_path: Path) -> None:
    script = (
        "import sys; from datetime import datetime; from pathlib import Path\n"
        "from tests.notify.conftest import config; from scanner.notify import tell; from scanner.store.state import open_state\n"
        "import json; folder = Path(sys.argv[1]); settings = config(folder, json.loads(sys.argv[2]))\n"
        "state = open_state(f'sqlite:///{folder}/state.sqlite')\n"
        "print(tell(state, settings, datetime.fromisoformat(sys.argv[3])).sent)\n"
    )
    with web_server() as web:
        notify = {"channels": {"hook": hook(web.url)}, "routes": [{"channels": "hook"}]}
        for number in range(30):
            found(state, f"f{number}", DAY)
        arguments = [sys.executable, "-c", script, str(tmp_path), json.dumps(notify), DAY.isoformat()]
        root = Path(__file__).parents[2]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        both = [subprocess.Popen(arguments, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        sent = sum(int(process.communicate(timeout=120)[0]) for process in both)
        assert sent == 30
        assert len({headers["webhook-id"] for _, headers, _ in web.requests}) == len(web.requests) == 30


def test_nothing_configured_does_nothing(state: Engine, tmp_path: Path) -> None:
    found(state, "f1", DAY)
    assert tell(state, Config.model_validate({"data_dir": str(tmp_path), "databases": {}}), DAY).planned == 0
    with state.connect() as connection:
        assert connection.execute(select(t.notify_cursor)).all() == []


def test_a_suppressed_finding_is_told_when_its_suppression_is_about_to_end_and_when_it_is_back(
    state: Engine, tmp_path: Path
) -> None:
    with mail_server() as box:
        settings = config(tmp_path, {"channels": {"duty": mail(box, "duty@shop.example")}, "routes": [{"channels": ["duty"]}]})
        found(state, "f1", DAY, status="suppressed")
        history(state, "f1", "suppressed", DAY)
        tell(state, settings, DAY)
        assert box.mails == []
        history(state, "f1", "suppression_ending", DAY, {"suppression": "s"})
        tell(state, settings, DAY + MINUTE)
        with state.begin() as connection:
            connection.execute(t.finding.update().values(status="new"))
        history(state, "f1", "unsuppressed", DAY)
        tell(state, settings, DAY + 2 * MINUTE)
        texts = [m.get_content() for m in box.mails]
        assert len(texts) == 2
        assert "about to end" in texts[0]
        assert "not suppressed any more" in texts[1]
