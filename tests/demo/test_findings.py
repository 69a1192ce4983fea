"""The main job on the shipped recording, through the command line: the three leaks, and nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from scanner.demo import prepare

pytestmark = pytest.mark.xdist_group("demo-findings")  # one scan for all of them

TRUTH = json.loads((files("scanner.demo") / "data" / "truth.json").read_text(encoding="utf-8"))
LEVELS = ["informational", "low", "medium", "high", "critical"]


def vendorwatch(config: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from scanner.cli import main; sys.exit(main())",
            "--json",
            "--config",
            str(config),
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    config = prepare(tmp_path_factory.mktemp("findings") / "demo")
    vendorwatch(config, "catalog", "scan")
    vendorwatch(config, "scan")
    return json.loads(vendorwatch(config, "findings")[1])


@pytest.mark.parametrize("leak", TRUTH["leaks"], ids=lambda leak: leak["id"])
def test_each_leak_is_found_with_its_people(leak: dict[str, Any], findings: list[dict[str, Any]]) -> None:
    # the truth knows when an act began, to the second; its record is written when it has ended
    first, last = datetime.fromisoformat(leak["first"]), datetime.fromisoformat(leak["last"]) + timedelta(minutes=1)
    found = [
        finding
        for finding in findings
        if finding["vendor"] == leak["vendor"]
        and set(leak["accounts"]) <= set(finding["accounts"])
        and set(leak["tables"]) <= set(finding["tables"])
        and LEVELS.index(finding["level"]) >= LEVELS.index("high")
        and datetime.fromisoformat(finding["first_event"]) <= last
        and datetime.fromisoformat(finding["last_event"]) >= first
    ]
    assert found, [(f["level"], f["accounts"], f["why"]) for f in findings]
    assert any(abs(f["exposed_persons"]["best"] - leak["people"]) <= leak["people"] / 10 for f in found), found


def test_nobody_honest_is_accused(findings: list[dict[str, Any]]) -> None:
    guilty = {account for leak in TRUTH["leaks"] for account in leak["accounts"]}
    accused = [f for f in findings if LEVELS.index(f["level"]) >= LEVELS.index("medium") and not set(f["accounts"]) <= guilty]
    assert not accused, [(f["level"], f["vendor"], f["accounts"], f["why"]) for f in accused]
