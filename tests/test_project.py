"""The project's own promises: README, guide, make targets, decision records and licences say what is true."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from typer.main import get_command

from scanner.cli.app import app
from scanner.config import load_config
from scripts import setup, system_packages
from tests.support.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(path: str, language: str) -> list[str]:
    """The fenced blocks of a language in a Markdown file; the language "" is a block without one."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text(path), flags=re.MULTILINE | re.DOTALL)
    return [content for name, content in found if name == language]


# --- README and guides -------------------------------------------------------------------------------------------


def test_the_configuration_in_the_readme_loads(tmp_path: Path) -> None:
    (block,) = blocks("README.md", "yaml")
    path = tmp_path / "vendorwatch.yml"
    path.write_text(block, encoding="utf-8")
    config = load_config(path)
    assert list(config.databases) == ["shop"]
    assert config.vendors["delivery_co"].accounts == ("dlv_*",)


def test_the_configuration_in_the_guide_to_contracts_loads(tmp_path: Path) -> None:
    (block,) = blocks("docs/guide/contracts.md", "yaml")
    path = tmp_path / "vendorwatch.yml"
    path.write_text(block, encoding="utf-8")
    config = load_config(path)
    assert [len(vendor.agreed) for vendor in config.vendors.values()] == [2, 0]
    assert [len(canary.values) for canary in config.databases["shop"].canaries] == [2, 0]


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/guide/postgresql.md",
        "docs/guide/operating.md",
        "docs/guide/notifications.md",
        "docs/guide/contracts.md",
        "docs/guide/rules.md",
    ],
)
def test_links_and_make_targets_exist(path: str) -> None:
    content = text(path)
    for target in re.findall(r"\]\(([^)#:]+)\)", content):
        assert (ROOT / path).parent.joinpath(target).exists(), target
    for target in re.findall(r"\bmake ([a-z]+)\b(?=[ `\n])", re.sub(r"(?m)^[^`]*$", "", content)):
        assert f"\n{target}: " in text("Makefile") or f"\n{target}:\t" in text("Makefile"), target


DOCUMENTS = ["README.md", "docs/guide/operating.md", "docs/guide/postgresql.md"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_command_written_down_exists(path: str) -> None:
    top = get_command(app)
    for line in "".join(blocks(path, "sh") + blocks(path, "")).splitlines():
        # a crontab's line has the user of the same name before the command
        written = line.partition("#")[0].rpartition("  vendorwatch  ")[2]
        found = re.match(r"vendorwatch (--config \S+ )?([a-z].*)$", written)
        if found is None:
            continue
        command: Any = top
        words = shlex.split(found.group(2))
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert command is not top, line
        options = {option for parameter in command.params for option in parameter.opts} | {"--json"}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_the_guide_to_postgresql_works_as_written() -> None:
    libraries, audit, reader = blocks("docs/guide/postgresql.md", "sql")
    with Postgres(audit="none", log_rows=False) as server:
        server.psql(libraries)
        server.halt()
        server.resume()
        server.psql(audit)
        server.psql("create table people (name text); insert into people values ('a')")
        server.psql(reader)
        shown = server.psql("show pgaudit.log; show pgaudit.log_rows; show log_file_mode")
        assert shown.split() == ["all", "on", "0640"]
        assert server.psql("select * from people", user="vendorwatch_reader").strip() == "a"
        with pytest.raises(RuntimeError, match="read-only transaction"):
            server.psql("insert into people values ('b')", user="vendorwatch_reader")
        with pytest.raises(RuntimeError, match="permission denied"):
            server.psql("set default_transaction_read_only = off; delete from people", user="vendorwatch_reader")
        server.settle()
        assert any("READ,SELECT,TABLE,public.people" in path.read_text() for path in server.log_files())


def test_the_changelog_has_a_place_for_what_is_new() -> None:
    assert "\n## [Unreleased]\n" in text("CHANGELOG.md")


# --- dependencies ------------------------------------------------------------------------------------------------


def name_of(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", Requirement(requirement).name).lower()


def licence_of(package: str) -> str:
    """The licence a package states: its expression, or else its classifiers and its licence field."""
    meta = importlib.metadata.metadata(package)
    classifiers = [line.rpartition(" :: ")[2] for line in meta.get_all("Classifier") or [] if line.startswith("License ::")]
    stated = {name: meta[name] for name in ("License-Expression", "License") if name in meta}
    return stated.get("License-Expression") or " ".join([*classifiers, stated.get("License", "")[:200]])


def family(licence: str) -> str:
    """A licence's family, strongest condition first, so that a mixed statement counts as its strictest part."""
    for pattern, name in [
        (r"AGPL|Affero", "AGPL"),
        (r"LGPL-2|Lesser General Public License v2", "LGPL-2.1"),
        (r"LGPL|Lesser General Public", "LGPL-3.0"),
        (r"\bGPL|GNU General Public", "GPL"),
        (r"Apache", "Apache-2.0"),
        (r"BSD-2", "BSD-2-Clause"),
        (r"BSD", "BSD-3-Clause"),
        (r"MIT", "MIT"),
        (r"Public Domain|CC0", "Public domain"),
    ]:
        if re.search(pattern, licence):
            return name
    return "other"


def test_every_dependency_is_accounted_for_with_its_true_licence() -> None:
    rows = re.findall(r"^\| ([a-z0-9-]+) \| [^|]+ \| ([^|]+) \| [^|]+ \| [^|]+ \|$", text("docs/adr/0006-dependencies.md"), re.M)
    stated = dict(rows)
    wanted = {name_of(requirement) for requirement in PYPROJECT["project"]["dependencies"]}
    assert set(stated) == wanted
    assert [name for name, _ in rows] == sorted(stated)
    assert {name: family(licence_of(name)) for name in wanted} == stated


def test_nothing_installed_at_run_time_is_under_gpl() -> None:
    seen: set[str] = set()
    todo = [name_of(requirement) for requirement in PYPROJECT["project"]["dependencies"]]  # psycopg-binary is psycopg itself
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for line in importlib.metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(name_of(line))
    assert len(seen) > 40
    strict = {name: family(licence_of(name)) for name in seen if "GPL" in family(licence_of(name))}
    assert strict == {"psycopg": "LGPL-3.0", "pysigma": "LGPL-2.1"}


def test_no_registry_host_is_written_down_outside_the_lock() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    hosts = re.compile(
        "|".join(["pypi" + r"\.org", "files.pythonhosted" + r"\.org", "deb.debian" + r"\.org", "npmjs" + r"\.org"])
    )
    found = []
    for path in listed.split("\0"):
        file = ROOT / path
        if path and path != "uv.lock" and file.is_file() and hosts.search(file.read_bytes().decode(errors="replace")):
            found.append(path)
    assert found == []


# --- make, CI, set-up --------------------------------------------------------------------------------------------


def test_make_explains_itself() -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, env=plain).stdout
    for target in ("help", "setup", "demo", "test", "lint", "bench"):
        assert re.search(rf"^  {target} +\w", shown, re.M), target


def test_ci_runs_what_everybody_runs() -> None:
    path = ROOT / ".ci" / "run"
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").rstrip().endswith("make test")


def test_setup_keeps_other_projects_settings_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PYTHONPATH", "UV_CONSTRAINT", "UV_PYTHON"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("PIP_CONSTRAINT", "constraints.txt")
    monkeypatch.setenv("PIP_CERT", "company.pem")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mirror.example/simple")
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    made = setup.environment()
    assert "elsewhere" not in made.values()
    assert made["PIP_CONSTRAINT"] == os.devnull
    assert made["PIP_CERT"] == "company.pem"
    assert made["PIP_INDEX_URL"] == "https://mirror.example/simple"


@pytest.mark.skipif(sys.platform != "linux", reason="Debian's tools")
@pytest.mark.parametrize("has_apt", [True, False])
def test_without_permission_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], has_apt: bool
) -> None:
    monkeypatch.setattr(system_packages, "has_server", lambda: False)
    monkeypatch.setattr(system_packages, "has_pgbadger", lambda: False)
    monkeypatch.setattr(system_packages, "has_mariadb", lambda: True)
    monkeypatch.setattr(system_packages, "installed_servers", list)
    monkeypatch.setattr(system_packages, "default_major", lambda: "15")
    monkeypatch.setattr(system_packages, "privilege", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/apt-get" if has_apt else None)
    assert system_packages.main("bench") == 2
    said = capsys.readouterr().err
    if has_apt:
        assert "sudo apt-get install postgresql-15 postgresql-15-pgaudit pgbadger libtext-csv-xs-perl" in said
    else:
        assert "pgAudit" in said
        assert "pgBadger" in said


def test_system_packages_refuses_an_unknown_purpose() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "system_packages.py"), "all"], capture_output=True, check=False)
    assert done.returncode == 2
