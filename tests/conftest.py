"""What all tests share: one real PostgreSQL with pgAudit a test process, and no way out to the network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.support.postgres import Postgres, PostgresMissingError

# The same examples each time, on every machine: no chance decides over a change. Deadlines measure the machine, which runs
# other workers. Other examples each time: --hypothesis-profile=explore.
settings.register_profile(
    "same", deadline=None, print_blob=True, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore",
    settings.get_profile("same"),
    derandomize=False,
    database=DirectoryBasedExampleDatabase(".hypothesis/examples"),
)
settings.load_profile("same")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server with csvlog, ``pgaudit.log=all``, rows, relations and parameters logged.

    Shared by all tests of a process: make your own database and roles with names of your own. A missing server is a
    failure that says what to install, never a skip: without it the main job would go untested.
    """
    try:
        server = Postgres()
    except PostgresMissingError as missing:
        pytest.fail(str(missing), pytrace=False)
    with server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def _nothing_calls_home() -> Iterator[None]:
    """Python code under test reaches this machine alone: it has to work where there is no way out."""
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def here(host: object) -> bool:
        if host is None or host in ("", "localhost", b"localhost"):
            return True
        try:
            return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
        except ValueError:
            return False

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not here(address[0]):
            raise ConnectionRefusedError(f"tests have no network: {address[0]}")
        connect(self, address)

    def guarded_lookup(host: Any, *arguments: Any, **named: Any) -> Any:
        if not here(host):
            raise socket.gaierror(f"tests have no network: {host}")
        return lookup(host, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_lookup)
        yield
