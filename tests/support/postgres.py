"""A throwaway, real PostgreSQL with pgAudit, for tests, the demo recorder and the benchmark.

    with Postgres() as pg:
        pg.psql("create role dlv_app login; create table t (id int)")
        pg.psql("select * from t", user="dlv_app", app="psql")
        pg.run(["pg_dump", "-t", "t"], user="dlv_app")
        pg.settle()
        pg.log_files("csv")          # oldest first

Standard library only: the set-up script asks :func:`find_server` before anything is installed.
The server listens on a free port of 127.0.0.1 with trust authentication, keeps everything in one temporary directory and is
gone after ``stop()``. Nothing here connects on its own: the log holds what the caller did and nothing else.
"""

from __future__ import annotations

import atexit
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SUPERUSER = "postgres"
SUFFIXES = {"csv": ".csv", "json": ".json", "stderr": ".log"}
START_SECONDS = 60.0


class PostgresMissingError(RuntimeError):
    """No PostgreSQL server with pgAudit on this machine; the message says what to install."""


@dataclass(frozen=True)
class Server:
    """An installed PostgreSQL server: its major version, its programs, and whether pgAudit stands beside it."""

    major: int
    bin: Path
    has_pgaudit: bool


def installed_servers() -> list[Server]:
    """Every PostgreSQL server on this machine, newest first; those with pgAudit before those without."""
    places = {path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")}
    places |= {path.parent for path in Path("/").glob("usr/pgsql-*/bin/postgres")}
    on_path = shutil.which("postgres")
    if on_path:
        places.add(Path(on_path).resolve().parent)
    pg_config = shutil.which("pg_config")
    if pg_config:
        bindir = Path(_output([pg_config, "--bindir"]))
        if (bindir / "postgres").exists():
            places.add(bindir)
    servers = []
    for place in places:
        if not (place / "initdb").exists():
            continue
        version = re.search(r"(\d+)", _output([str(place / "postgres"), "--version"]))
        own_config = place / "pg_config"
        library = Path(_output([str(own_config), "--pkglibdir"])) if own_config.exists() else place.parent / "lib"
        servers.append(Server(int(version.group(1)) if version else 0, place, (library / "pgaudit.so").exists()))
    return sorted(servers, key=lambda s: (s.has_pgaudit, s.major), reverse=True)


def find_server() -> Server:
    """The newest installed server that has pgAudit.

    Raises :class:`PostgresMissingError`, which names the packages to install.
    """
    servers = installed_servers()
    if not servers:
        raise PostgresMissingError(
            "The tests need a PostgreSQL server and its pgAudit extension, and this machine has neither. "
            "On Debian and Ubuntu: sudo apt-get install postgresql, then sudo apt-get install postgresql-NN-pgaudit "
            "for the version NN that came with it; `make test` does both when it may."
        )
    best = servers[0]
    if not best.has_pgaudit:
        raise PostgresMissingError(
            f"The tests need the pgAudit extension for PostgreSQL {best.major} ({best.bin}). "
            f"On Debian and Ubuntu: sudo apt-get install postgresql-{best.major}-pgaudit; `make test` does it when it may."
        )
    return best


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _server_account() -> str | None:
    """The account the server runs as: None for ourselves, since PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise PostgresMissingError("PostgreSQL does not run as root, and there is no account postgres or nobody to run it as.")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """One PostgreSQL cluster with pgAudit, as a context manager.

    ``logs``: which log formats to write, any of ``csv``, ``json`` (PostgreSQL 15 and later), ``stderr``.
    ``audit``: ``pgaudit.log``. ``conf``: more settings for postgresql.conf, over the ones made here.
    ``env``: more environment for the server process alone (LD_PRELOAD of a clock shim, TZ); clients never see it.
    """

    def __init__(
        self,
        *,
        logs: Sequence[str] = ("csv",),
        audit: str = "all",
        log_rows: bool = True,
        log_relation: bool = True,
        log_parameter: bool = True,
        log_catalog: bool = False,
        conf: Mapping[str, str | int | bool] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        unknown = set(logs) - set(SUFFIXES)
        if unknown or not logs:
            raise ValueError(f"logs must name some of {', '.join(SUFFIXES)}, not {sorted(unknown)}")
        self.server = find_server()
        self.port = 0
        self._logs = tuple(logs)
        self._env = dict(env or {})
        self._account = _server_account()
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: dict[str, str | int | bool] = {
            "listen_addresses": "127.0.0.1",
            "shared_preload_libraries": "pgaudit",
            "pgaudit.log": audit,
            "pgaudit.log_rows": log_rows,
            "pgaudit.log_relation": log_relation,
            "pgaudit.log_parameter": log_parameter,
            "pgaudit.log_catalog": log_catalog,
            "logging_collector": True,
            "log_destination": ",".join({"csv": "csvlog", "json": "jsonlog", "stderr": "stderr"}[kind] for kind in logs),
            "log_filename": "postgresql-%Y-%m-%d_%H%M%S.log",
            "log_file_mode": "0644",
            "log_rotation_age": 0,
            "log_rotation_size": 0,
            "log_line_prefix": "%m [%p] %q%u@%d app=%a client=%h session=%c line=%l vx=%v sql=%e ",
            "log_timezone": "UTC",
            "timezone": "UTC",
            "log_connections": True,
            "log_disconnections": True,
            "log_replication_commands": True,
            "log_checkpoints": False,
            "wal_level": "logical",
            "max_connections": 60,
            "shared_buffers": "64MB",
            "fsync": False,
            "synchronous_commit": False,
            "full_page_writes": False,
            **(conf or {}),
        }

    # --- life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Make the cluster and wait until it takes connections."""
        # Never below pytest's temporary directory: that one is private to its user, and the server may be another.
        self.directory = Path(tempfile.mkdtemp(prefix="vwpg-"))
        atexit.register(self.stop)
        self.data = self.directory / "data"
        self.log_directory = self.directory / "log"
        self.log_directory.mkdir()
        self.data.mkdir(mode=0o700)
        if self._account:
            entry = pwd.getpwnam(self._account)
            for path in (self.directory, self.data, self.log_directory):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        self.directory.chmod(0o755)
        self.log_directory.chmod(0o755)
        self._as_server(["initdb", "-D", str(self.data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
        settings = {**self._settings, "log_directory": str(self.log_directory), "unix_socket_directories": str(self.directory)}
        with (self.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = {_setting(value)}\n" for name, value in settings.items())
        for dbname in ("template1", SUPERUSER):
            # Single-user mode writes to its own stderr: the extension is there and the log is still empty.
            self._as_server(["postgres", "--single", "-D", str(self.data), dbname], stdin="create extension pgaudit\n")
        for attempt in range(5):
            self.port = free_port()
            try:
                self._launch()
            except RuntimeError:
                # Another test may have taken the port between the look and the start.
                if attempt == 4:
                    raise
            else:
                return

    def _launch(self) -> None:
        startup = self.directory / "startup.txt"
        with startup.open("wb") as output:
            self._process = subprocess.Popen(
                [str(self.server.bin / "postgres"), "-D", str(self.data), "-p", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.directory,
                env={**_clean_environment(), **self._env},
                start_new_session=True,
                user=self._account,
                group=pwd.getpwnam(self._account).pw_gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
        deadline = time.monotonic() + START_SECONDS
        pid_file = self.data / "postmaster.pid"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                lines = pid_file.read_text().splitlines()
            except FileNotFoundError:
                lines = []
            # The eighth line is the state, as `pg_ctl start` reads it.
            if len(lines) >= 8 and lines[7].strip() == "ready" and lines[0].strip() == str(self._process.pid):
                return
            time.sleep(0.05)
        logged = "".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.log_directory.iterdir()))
        self._end_process()
        raise RuntimeError(f"PostgreSQL did not start.\n{startup.read_text(errors='replace')}\n{logged}")

    def stop(self) -> None:
        """End the server, flushing its log, and remove everything. Again and again is fine."""
        self.halt()
        atexit.unregister(self.stop)
        directory = getattr(self, "directory", None)
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    def halt(self) -> None:
        """End the server and keep its files: afterwards the logs are complete. ``resume()`` starts it again."""
        self._end_process()

    def resume(self) -> None:
        """Start a halted server again on the same data and the same port."""
        if self._process is None:
            self._launch()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if process.poll() is not None:
                break
            process.send_signal(sign)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                continue
        # The collector lives until every writer is gone; its last write comes after the postmaster's end.
        self.settle(quiet=0.2)

    def _as_server(self, command: Sequence[str], stdin: str = "") -> None:
        done = subprocess.run(
            [str(self.server.bin / command[0]), *command[1:]],
            input=stdin,
            text=True,
            capture_output=True,
            cwd=self.directory,
            env=_clean_environment(),
            user=self._account,
            group=pwd.getpwnam(self._account).pw_gid if self._account else None,
            extra_groups=[] if self._account else None,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")

    # --- clients ---------------------------------------------------------------------------------------------

    def url(self, user: str = SUPERUSER, dbname: str = SUPERUSER) -> str:
        """SQLAlchemy URL for ``user`` on ``dbname``."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{dbname}"

    def dsn(self, user: str = SUPERUSER, dbname: str = SUPERUSER, app: str = "") -> str:
        """libpq connection string, for ``psycopg.connect``."""
        name = f" application_name={app}" if app else ""
        return f"host=127.0.0.1 port={self.port} user={user} dbname={dbname}{name}"

    def psql(self, sql: str, *, user: str = SUPERUSER, dbname: str = SUPERUSER, app: str = "psql", check: bool = True) -> str:
        """Run statements through the real psql, one by one, in autocommit; returns its unaligned output.

        With ``check`` an SQL error raises RuntimeError with psql's message; without it psql goes on after errors.
        """
        stop = ["-v", "ON_ERROR_STOP=1"] if check else []
        done = self.run(["psql", "-XqAt", *stop, "-f", "-"], user=user, dbname=dbname, app=app, stdin=sql, check=check)
        return done.stdout

    def run(
        self,
        command: Sequence[str],
        *,
        user: str = SUPERUSER,
        dbname: str = SUPERUSER,
        app: str = "",
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a client program (psql, pg_dump, pgbench, pg_basebackup …) against this server as database user ``user``.

        The program is taken from the server's own version where it has one. ``app`` sets the application name, which
        otherwise is the program's own. With ``check`` a failure raises RuntimeError with what the program said.
        """
        own = self.server.bin / command[0]
        done = subprocess.run(
            [str(own) if own.exists() else command[0], *command[1:]],
            input=stdin,
            text=True,
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**self.client_environment(user, dbname, app), **(env or {})},
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)} as {user} failed ({done.returncode}):\n{done.stderr}")
        return done

    def client_environment(self, user: str = SUPERUSER, dbname: str = SUPERUSER, app: str = "") -> dict[str, str]:
        """Environment that leads any libpq program to this server and nowhere else."""
        env = _clean_environment()
        env |= {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": user, "PGDATABASE": dbname}
        if app:
            env["PGAPPNAME"] = app
        return env

    # --- logs ------------------------------------------------------------------------------------------------

    def log_files(self, kind: str = "csv") -> list[Path]:
        """The log files of a format (``csv``, ``json``, ``stderr``), oldest first; empty ones left out."""
        paths = [path for path in self.log_directory.glob(f"*{SUFFIXES[kind]}") if path.stat().st_size]
        return sorted(paths, key=lambda path: path.name)

    def log_glob(self, kind: str = "csv") -> str:
        """The pattern of a format's log files, as a configuration would name them."""
        return str(self.log_directory / f"*{SUFFIXES[kind]}")

    def log_file(self, kind: str = "csv") -> Path:
        """The log file being written now."""
        files = self.log_files(kind)
        if not files:
            raise RuntimeError(f"no {kind} log was written yet in {self.log_directory}")
        return files[-1]

    def log_text(self, kind: str = "csv") -> str:
        """Everything logged so far in a format, all files together."""
        self.settle()
        return "".join(path.read_text(encoding="utf-8") for path in self.log_files(kind))

    def settle(self, quiet: float = 0.3, timeout: float = 20.0) -> None:
        """Wait until the log has not grown for ``quiet`` seconds: sessions end, and the collector writes, a moment later."""
        deadline = time.monotonic() + timeout
        before, since = -1, time.monotonic()
        while time.monotonic() < deadline:
            size = sum(path.stat().st_size for path in self.log_directory.iterdir())
            if size != before:
                before, since = size, time.monotonic()
            elif time.monotonic() - since >= quiet:
                return
            time.sleep(0.05)
        raise RuntimeError(f"the log in {self.log_directory} did not come to rest within {timeout:.0f} s")

    def wait_for(self, text: str, kind: str = "csv", timeout: float = 20.0) -> None:
        """Wait until ``text`` stands in a log of the format."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if any(text in path.read_text(encoding="utf-8", errors="replace") for path in self.log_files(kind)):
                return
            time.sleep(0.05)
        raise RuntimeError(f"the {kind} log does not show {text!r} after {timeout:.0f} s")

    def rotate(self) -> list[Path]:
        """Begin new log files, as `pg_ctl logrotate` does; returns the new ones (all formats), which may be empty yet."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        self.settle()
        known = set(self.log_directory.iterdir())
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            # Names carry seconds: within the same second the collector goes on with the same file, so ask again.
            request = self.data / "logrotate"
            request.touch()
            self._process.send_signal(signal.SIGUSR1)
            waited = time.monotonic() + 0.4
            while time.monotonic() < waited:
                new = set(self.log_directory.iterdir()) - known
                if len(new) >= len(self._logs):
                    return sorted(new)
                time.sleep(0.05)
        raise RuntimeError("the server did not begin a new log file")


def _setting(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'" + str(value).replace("'", "''") + "'"


def _clean_environment() -> dict[str, str]:
    """Our environment without what would lead PostgreSQL programs elsewhere, and with messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LD_PRELOAD", "FAKETIME"))}
    return {**kept, "LC_ALL": "C.UTF-8", "LC_MESSAGES": "C"}
