"""Deciding about findings, handing them to a SIEM, and telling people, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shop import Shop, leaking
from tests.notify.receivers import mail_server


def test_a_finding_from_the_first_call_to_its_verdict(shop: Shop, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Told by mail when the scan ends, taken up, decided, shown, and handed on."""
    shop.append(leaking())
    document = shop.document()
    with mail_server() as box:
        mail = {
            "type": "email",
            "host": "127.0.0.1",
            "port": box.port,
            "tls": "off",
            "from": "vw@shop.example",
            "to": "d@s.example",
        }
        document["notify"] = {"channels": {"duty": mail}, "routes": [{"channels": "duty", "level": "high"}]}
        shop.write(document)
        assert shop.run("notify", "test") == 0
        assert shop.run("scan") == 0
        capfd.readouterr()
        assert shop.run("--json", "findings", "--level", "high") == 0
        finding = json.loads(capfd.readouterr().out)[0]
        assert ["test" in str(m["Subject"]) for m in box.mails] == [True, False]
        assert finding["id"] in box.mails[1].get_content()
    short = finding["id"][:8]
    assert shop.run("findings", "ack", short, "--note", "asking") == 0
    assert shop.run("findings", "assign", short, "kim") == 0
    assert shop.run("findings", "clock", short, "aware", "2024-03-02T12:00") == 0
    assert shop.run("findings", "close", short, "--verdict", "maybe") == 2
    assert shop.run("findings", "close", short, "--verdict", "true_positive") == 0
    capfd.readouterr()
    assert shop.run("findings", "show", short) == 0
    shown = capfd.readouterr().out
    assert "kim" in shown
    assert "notify by 2024-03-05T03:00Z" in shown
    assert "acknowledged by cli:" in shown
    assert shop.run("findings", "export", "-o", str(tmp_path / "f.ndjson")) == 0
    rows = [json.loads(line) for line in (tmp_path / "f.ndjson").read_text(encoding="utf-8").splitlines()]
    mine = next(row for row in rows if row["finding_info"]["uid"] == finding["id"])
    assert mine["verdict"] == "True Positive"
    assert mine["finding_info"]["attacks"]
    assert shop.run("findings", "reopen", short) == 0
    assert shop.run("notify", "list") == 0
    assert shop.run("notify", "list", "--state", "lost") == 2
    assert shop.run("notify", "retry") == 0


def test_channels_that_do_not_work_are_named(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    assert shop.run("notify", "test") == 2
    assert "no channel is configured" in capfd.readouterr().err
    shop.append(leaking())
    document = shop.document()
    mail = {"type": "email", "host": "127.0.0.1", "port": 1, "tls": "off", "from": "vw@shop.example", "to": "d@s.example"}
    document["notify"] = {"channels": {"duty": mail}, "routes": [{"channels": "duty"}]}
    shop.write(document)
    assert shop.run("notify", "test", "nobody") == 2
    assert shop.run("scan") == 0, "a channel that fails does not fail the scan"
    assert "127.0.0.1:1" in capfd.readouterr().err
    assert shop.run("--json", "doctor") == 2
    checks = json.loads(capfd.readouterr().out)
    assert any("channel duty does not get through" in check["detail"] for check in checks)
