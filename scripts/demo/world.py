"""The recorded world: a real PostgreSQL whose clock the recorder moves, and sessions that come from many addresses.

The server runs under libfaketime, which reads an offset from a file at every look at the clock; writing that file before an
act puts the act at its time. Only the server sees the moved clock. libpq cannot choose the address it connects from, so each
client address has a small relay that binds it before it connects on; on Linux all of 127/8 is there without any set-up.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from tests.support.postgres import Postgres

SEOUL = ZoneInfo("Asia/Seoul")
DBNAME = "shop"
BEFORE = datetime(2026, 9, 30, 12, tzinfo=SEOUL)  # when the database is set up, unrecorded
LIBRARIES = tuple(f"{place}/faketime/libfaketime.so.1" for place in ("/usr/lib/*", "/usr/lib64", "/usr/lib", "/usr/local/lib"))


def faketime_library() -> Path:
    """libfaketime on this machine; SystemExit says what to install."""
    for pattern in LIBRARIES:
        for path in sorted(Path("/").glob(pattern.lstrip("/"))):
            return path
    raise SystemExit("The recorder needs libfaketime. On Debian and Ubuntu: sudo apt-get install faketime")


class Clock:
    """The server's clock. It runs at its usual pace between two moves and never goes back."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "clock"
        self.now = datetime.min.replace(tzinfo=SEOUL)
        self.file.write_text("+0\n")
        self.file.chmod(0o644)

    def set(self, moment: datetime) -> None:
        """Move to ``moment`` (aware). An earlier one than the last is left alone: that act takes place right after."""
        if moment <= self.now:
            return
        self.now = moment
        part = self.file.with_suffix(".new")
        part.write_text(f"{moment.timestamp() - time.time():+.3f}\n")
        part.chmod(0o644)
        part.replace(self.file)


class Relay:
    """Passes connections on to the server from one client address."""

    def __init__(self, address: str, target_port: int) -> None:
        self.address, self._target = address, target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target), source_address=(self.address, 0))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(262_144):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


class World:
    """Server, clock and open sessions. A context manager: the server is there inside, and gone afterwards."""

    pg: Postgres

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.chmod(0o755)  # the server may run as another user and reads the clock here
        self.clock = Clock(directory)
        self._relays: dict[str, Relay] = {}
        self._sessions: dict[tuple[str, str, str], psycopg.Connection[Any]] = {}

    def __enter__(self) -> World:
        self.clock.set(BEFORE)
        self.pg = Postgres(
            logs=("csv",),
            env={
                "LD_PRELOAD": str(faketime_library()),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock.file),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            },
            conf={
                "log_filename": "audit-%Y-%m-%d.log",
                "log_rotation_age": 7 * 24 * 60,  # weeks begin on Thursday, as 1 October 2026 does
                "log_timezone": "Asia/Seoul",
                "timezone": "Asia/Seoul",
                "autovacuum": False,
                "checkpoint_timeout": "1d",
                "max_wal_size": "4GB",
                "log_statement": "none",
            },
        )
        self.pg.start()
        with (self.pg.data / "pg_hba.conf").open("a", encoding="utf-8") as file:
            file.write("host all all 127.0.0.0/8 trust\n")
        with self.admin("postgres") as admin:
            admin.execute("select pg_reload_conf()")
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions.values():
            session.close()
        self.pg.stop()
        for relay in self._relays.values():
            relay.close()

    def begin(self, moment: datetime) -> None:
        """Put the clock to ``moment`` and begin a new log; that of the set-up goes. From here on, everything is recorded.

        The server is not started anew for it: before PostgreSQL 16 its first process logs from within a signal handler, where
        libfaketime answers with the true time.
        """
        self.pg.settle()
        self.clock.set(moment)
        self.pg.rotate()
        for path in self.pg.log_directory.iterdir():
            if f"{moment:%Y-%m-%d}" not in path.name:
                path.unlink()

    def _port(self, address: str) -> int:
        if address not in self._relays:
            self._relays[address] = Relay(address, self.pg.port)
        return self._relays[address].port

    def session(self, account: str, address: str, app: str, **options: Any) -> psycopg.Connection[Any]:
        """The open session of an account at an address with a tool; opened when there is none. Autocommit."""
        key = (account, address, app)
        if key not in self._sessions:
            self._sessions[key] = psycopg.connect(
                f"host=127.0.0.1 port={self._port(address)} user={account} dbname={DBNAME} sslmode=disable gssencmode=disable",
                application_name=app,
                autocommit=True,
                **options,
            )
        return self._sessions[key]

    def leave(self, account: str, address: str | None = None, app: str | None = None) -> None:
        """End an account's sessions (those at ``address`` with ``app`` when given), and wait until the server noticed."""
        for key in [k for k in self._sessions if k[0] == account and address in (None, k[1]) and app in (None, k[2])]:
            self._sessions.pop(key).close()
        time.sleep(0.005)  # the backend logs its end a moment later

    def program(
        self,
        command: Sequence[str],
        *,
        account: str,
        address: str,
        stdin: str = "",
        app: str = "",
        lines: bytes = b"",
        check: bool = True,
    ) -> int:
        """Run a real client program (psql, pg_dump) from ``address``; returns how many lines of its output match ``lines``.

        The output itself is kept nowhere.
        """
        own = self.pg.server.bin / command[0]
        environment = self.pg.client_environment(account, DBNAME, app)
        environment |= {"PGPORT": str(self._port(address)), "PGSSLMODE": "disable", "PGGSSENCMODE": "disable"}
        environment.pop("LD_PRELOAD", None)
        done = subprocess.run(
            [str(own) if own.exists() else command[0], *command[1:]],
            input=stdin.encode(),
            capture_output=True,
            env=environment,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{command[0]} as {account} failed: {done.stderr.decode()}")
        return len(re.findall(lines, done.stdout, re.MULTILINE)) if lines else 0

    def psql(self, account: str, address: str, sql: str, app: str = "", check: bool = True) -> None:
        """Statements through the real psql, one by one."""
        self.program(["psql", "-XqAt", "-f", "-"], account=account, address=address, stdin=sql, app=app, check=check)

    def admin(self, dbname: str = DBNAME) -> psycopg.Connection[Any]:
        """The superuser, for setting up before the recording and for copying out after it."""
        where = f"host=127.0.0.1 port={self.pg.port} user=postgres dbname={dbname}"
        return psycopg.connect(f"{where} sslmode=disable gssencmode=disable", autocommit=True)

    def logs(self) -> list[Path]:
        """The log files, oldest first."""
        self.pg.settle()
        return self.pg.log_files("csv")
