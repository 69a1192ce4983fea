"""One server and one recording of everything that is done on it, for all tests of the pipeline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scanner.config import load_config
from scanner.pipeline import Workspace, catalog_scan
from tests.pipeline.acts import ACTS, honest_work
from tests.pipeline.company import Watched, configuration, write_config
from tests.support.postgres import Postgres

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all of these tests, so that there is one server."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("pipeline"))


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A server of this session's own, so that its log holds what these tests did and nothing else."""
    with Postgres() as server:
        yield Watched.build(server, tmp_path_factory.mktemp("live"))


@dataclass(frozen=True)
class Dumped:
    """What was known when the two dumps had been taken, and nothing else had happened yet."""

    watched: Watched
    dump: str
    findings: list[dict[str, Any]]
    copies: list[dict[str, Any]]


@pytest.fixture(scope="session")
def dumped(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Dumped:
    """Honest work and a dump of the products, scanned without any finding; then a dump of the members, scanned."""
    folder = tmp_path_factory.mktemp("dumps")
    honest_work(watched)
    watched.server.run(["pg_dump", "-t", "shop.prd", "-f", str(folder / "prd.sql")], user="dlv_app", dbname=watched.dbname)
    watched.scan()
    assert [f for f in watched.findings() if f["level"] in ("medium", "high", "critical")] == []
    watched.server.run(["pg_dump", "-t", "crm.mbr", "-f", str(folder / "mbr.sql")], user="dlv_app", dbname=watched.dbname)
    watched.scan()
    return Dumped(watched, (folder / "mbr.sql").read_text(), watched.findings(), watched.events("command = 'COPY'"))


@pytest.fixture(scope="session")
def acted(dumped: Dumped) -> Watched:
    """All acts done and scanned."""
    watched = dumped.watched
    for act in ACTS:
        act.do(watched, f"act_{act.name}")
    watched.psql("set pgaudit.log = 'none'", user="ads_app", app="act_tamper", check=False)
    watched.scan()
    return watched


@dataclass(frozen=True)
class Recording:
    """The log of everything above, at rest, and a data directory that holds the PII map and nothing else."""

    watched: Watched
    log: Path
    template: Path

    def config(self, folder: Path, log: Path | None = None) -> Path:
        """A configuration in ``folder`` over a fresh copy of that data directory."""
        shutil.copytree(self.template, folder / "data")
        document = configuration(self.watched.server, self.watched.dbname, folder / "data")
        document["databases"]["shop"]["audit"][0]["path"] = str(log or self.log)
        return write_config(folder, document)


@pytest.fixture(scope="session")
def recording(acted: Watched, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("recording")
    (log,) = acted.server.log_files()
    shutil.copy(log, folder / "shop.csv")
    document = configuration(acted.server, acted.dbname, folder / "data")
    workspace = Workspace.open(load_config(write_config(folder, document)))
    catalog_scan(workspace, "shop")
    workspace.state.dispose()
    return Recording(acted, folder / "shop.csv", folder / "data")
