"""Not being told, agreed by two people, on the command line."""

from __future__ import annotations

import getpass
import json

import pytest

from tests.cli.shop import Shop, leaking


def test_a_finding_is_suppressed_and_comes_back(
    shop: Shop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(*words: str) -> list[dict[str, str]]:
        capfd.readouterr()
        assert shop.run("--json", *words) == 0
        return json.loads(capfd.readouterr().out)  # type: ignore[no-any-return]

    shop.append(leaking())
    assert shop.run("scan") == 0
    finding = printed("findings", "--level", "high")[0]["id"]
    assert shop.run("findings", "suppress", finding[:8], "--reason", "a drill", "--until", "30d") == 0
    (row,) = printed("rules", "suppressions")
    assert row["state"] == "proposed"
    assert shop.run("rules", "approve", row["id"][:6]) == 2
    assert "cannot approve" in capfd.readouterr().err
    monkeypatch.setattr(getpass, "getuser", lambda: "somebody else")
    assert shop.run("rules", "approve", row["id"][:6]) == 0
    assert finding in [f["id"] for f in printed("findings", "--status", "suppressed")]
    assert shop.run("scan", "--fail-on", "high") == 0, "what is hidden does not fail a scan"
    assert shop.run("rules", "suppressions") == 0
    assert shop.run("rules", "unsuppress", row["id"], "--reason", "the drill is over") == 0
    assert finding in [f["id"] for f in printed("findings", "--status", "new")]
    assert printed("rules", "suppressions") == []
    assert [r["state"] for r in printed("rules", "suppressions", "--all")] == ["revoked"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("bulk_export", "--vendor", "nobody"), "no vendor"),
        (("bulk_export", "--database", "nowhere"), "no database"),
        (("bulk_export",), "switch the rule off"),
        (("no_such_rule", "--account", "dlv_app"), "no rule found"),
    ],
)
def test_what_cannot_be_proposed(shop: Shop, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], what: str) -> None:
    assert shop.run("rules", "suppress", *words, "--reason", "why", "--until", "7d", "--max-persons", "10") == 2
    assert what in capfd.readouterr().err
