"""What all tests share: one real PostgreSQL with pgAudit a test process, started when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Postgres, PostgresMissingError


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
