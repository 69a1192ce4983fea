"""A throwaway, real MariaDB with the server_audit plug-in and the slow log, for tests.

    with Mariadb() as server:
        server.sql("create database crm; create user dlv_app@'%'; grant all on crm.* to dlv_app@'%'")
        server.sql("select * from crm.customer", user="dlv_app", db="crm")
        server.run(["mariadb-dump", "crm", "customer"], user="dlv_app")
        server.settle()
        server.audit_log

Standard library only. The server listens on a free port of 127.0.0.1 and on a socket in its own temporary directory, runs as an
account other than root, and is gone after ``stop()``. Nothing here connects on its own while auditing is on.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.postgres import free_port

START_SECONDS = 90.0
PLACES = ("/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/bin")
PLUGIN_PLACES = ("/usr/lib/mysql/plugin", "/usr/lib64/mariadb/plugin", "/usr/lib/mariadb/plugin")


class MariadbMissingError(RuntimeError):
    """No MariaDB server with its audit plug-in on this machine; the message says what to install."""


def program(name: str) -> str:
    """The path of a program of MariaDB. Raises :class:`MariadbMissingError`."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    if found is None:
        raise MariadbMissingError(
            f"The tests need MariaDB ({name}). On Debian and Ubuntu: sudo apt-get install mariadb-server mariadb-client; "
            "`make test` does it when it may."
        )
    return found


def find_server() -> str:
    """The path of ``mariadbd``; its audit plug-in and clients are there too. Raises :class:`MariadbMissingError`."""
    server = program("mariadbd")
    for name in ("mariadb-install-db", "mariadb", "mariadb-dump"):
        program(name)
    if not any((Path(place) / "server_audit.so").exists() for place in PLUGIN_PLACES):
        raise MariadbMissingError(
            "The tests need MariaDB's server_audit plug-in. On Debian and Ubuntu it is in the package mariadb-server."
        )
    return server


def _account() -> str | None:
    """The account the server runs as: None for ourselves, since MariaDB does not like to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise MariadbMissingError("There is no account mysql or nobody to run MariaDB as.")


class Mariadb:
    """One MariaDB server, as a context manager. ``settings``: more of them for the server, over the ones made here."""

    def __init__(self, settings: Mapping[str, str | int] | None = None, env: Mapping[str, str] | None = None) -> None:
        self._server = find_server()
        self._settings = dict(settings or {})
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._root: Path | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def root(self) -> Path:
        if self._root is None:
            raise RuntimeError("the server is not running")
        return self._root

    @property
    def socket(self) -> Path:
        return self.root / "s.sock"

    @property
    def audit_log(self) -> Path:
        return self.root / "log" / "server_audit.log"

    @property
    def slow_log(self) -> Path:
        return self.root / "log" / "slow.log"

    def url(self, user: str = "root", db: str = "") -> str:
        """SQLAlchemy URL over TCP; needs an account that may come from 127.0.0.1."""
        return f"mariadb+pymysql://{user}@127.0.0.1:{self.port}/{db}"

    def start(self) -> None:
        """Make the data directory and start the server. Raises RuntimeError with the server's own words."""
        self._root = Path(tempfile.mkdtemp(prefix="mariadb-"))
        atexit.register(self.stop)
        data, log = self._root / "data", self._root / "log"
        log.mkdir()
        account = _account()
        if account is not None:
            for path in (self._root, log):
                shutil.chown(path, account, account if account != "nobody" else "nogroup")
        self._root.chmod(0o755)
        scratch = self._root / "tmp"  # a server that starts clears the temporary tables of all others that share its folder
        scratch.mkdir()
        if account is not None:
            shutil.chown(scratch, account, account if account != "nobody" else "nogroup")
        common = ["--no-defaults", f"--datadir={data}", f"--tmpdir={scratch}"]
        install = [program("mariadb-install-db"), *common, "--skip-test-db", "--auth-root-authentication-method=normal"]
        if account is not None:
            install.append(f"--user={account}")
        made = subprocess.run(install, capture_output=True, text=True, check=False, env=_environment(self._env))
        if made.returncode:
            raise RuntimeError(f"mariadb-install-db failed:\n{made.stdout[-2000:]}{made.stderr[-2000:]}")
        self.port = free_port()
        settings: dict[str, str | int] = {
            "port": self.port,
            "bind-address": "127.0.0.1",
            "socket": str(self.socket),
            "pid-file": str(self._root / "pid"),
            "log-error": str(log / "error.log"),
            "plugin-maturity": "unknown",
            "plugin-load-add": "server_audit",
            "server-audit-logging": 1,
            "server-audit-file-path": str(self.audit_log),
            "server-audit-file-rotate-size": 100_000_000,
            "slow-query-log": 1,
            "slow-query-log-file": str(self.slow_log),
            "long-query-time": 0,
            "innodb-buffer-pool-size": 33_554_432,
            "innodb-flush-log-at-trx-commit": 0,
            "performance-schema": 0,
            "skip-name-resolve": 0,
            "secure-file-priv": "",
            **self._settings,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [self._server, *common, *options, *([f"--user={account}"] if account is not None else [])]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._root, env=_environment(self._env)
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if self.socket.exists() and "ready for connections" in (log / "error.log").read_text(errors="replace"):
                return
            time.sleep(0.05)
        words = (log / "error.log").read_text(errors="replace")[-3000:] if (log / "error.log").exists() else ""
        self.stop()
        raise RuntimeError(f"MariaDB did not start:\n{words}")

    def stop(self, *, kill: bool = False) -> None:
        """End the server and take its files away. ``kill``: as a power failure would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None

    def sql(self, text: str, *, user: str = "root", db: str = "", check: bool = True, timeout: float = 120.0) -> str:
        """Run statements through the real client, in one connection, comments and all; returns tab-separated rows."""
        options = ["--batch", "--skip-column-names", "--comments", *([] if check else ["--force"]), *([db] if db else [])]
        return self.run(["mariadb", *options], user=user, stdin=text, check=check, timeout=timeout).stdout

    def run(
        self, command: Sequence[str], *, user: str = "root", stdin: str = "", check: bool = True, timeout: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a client program against this server as database user ``user``. With ``check`` a failure raises RuntimeError."""
        own = [program(command[0]), "--no-defaults", f"--socket={self.socket}", f"--user={user}", *command[1:]]
        done = subprocess.run(
            own, input=stdin, text=True, capture_output=True, timeout=timeout, check=False, env=_environment({}), cwd=self.root
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)} as {user} failed ({done.returncode}):\n{done.stderr}")
        return done

    def settle(self, quiet: float = 0.3, timeout: float = 20.0) -> None:
        """Wait until the audit log has not grown for ``quiet`` seconds."""
        deadline = time.monotonic() + timeout
        before, since = -1, time.monotonic()
        while time.monotonic() < deadline:
            size = self.audit_log.stat().st_size if self.audit_log.exists() else 0
            if size != before:
                before, since = size, time.monotonic()
            elif time.monotonic() - since >= quiet:
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.audit_log} did not come to rest within {timeout:.0f} s")


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MYSQL", "MARIADB", "LC_"))}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}
