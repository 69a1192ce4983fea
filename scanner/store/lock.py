"""Who may write: one scan at a time, on one host by a lock file, on several by an advisory lock of the shared PostgreSQL.

Both end by themselves with the process that holds them. The advisory lock also ends when its connection is lost; then another
host may begin while the first still works, and :meth:`scanner.store.ledger.Ledger.record` refuses whoever comes second.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from scanner.errors import StoreError

_KEY = int.from_bytes(b"vw-scan", "big")  # any number that other programs on the same database do not use


@contextlib.contextmanager
def writing(folder: Path, state: Engine, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of the data directory ``folder`` and of ``state``; ``waiting`` is told for whom one waits."""
    with (folder / "scan.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting("another scan of this data directory is running")
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        if state.dialect.name != "postgresql":
            yield
            return
        with _between_hosts(state, waiting):
            yield


@contextlib.contextmanager
def _between_hosts(state: Engine, waiting: Callable[[str], None]) -> Iterator[None]:
    try:
        connection = state.connect().execution_options(isolation_level="AUTOCOMMIT")
    except SQLAlchemyError as error:
        raise StoreError("the state database cannot be reached", "check state_url and the server") from error
    try:
        _take(connection, waiting)
        yield
    finally:
        with contextlib.suppress(SQLAlchemyError):  # lost with its connection: it is free already
            connection.execute(select(func.pg_advisory_unlock(_KEY)))
        with contextlib.suppress(SQLAlchemyError):
            connection.close()


def _take(connection: Connection, waiting: Callable[[str], None]) -> None:
    try:
        if not connection.execute(select(func.pg_try_advisory_lock(_KEY))).scalar_one():
            waiting("another host is scanning")
            connection.execute(select(func.pg_advisory_lock(_KEY)))
    except SQLAlchemyError as error:
        raise StoreError("the scan lock in the state database cannot be taken", "run `vendorwatch doctor`") from error
