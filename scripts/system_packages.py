#!/usr/bin/env python3
"""Debian packages that tests and benchmarks need: install what is missing, or say exactly what to install.

    system_packages.py test      PostgreSQL server with the pgAudit extension of the same version, MariaDB server and client
    system_packages.py bench     the same, and pgBadger with what it needs to read csvlog

Exit 0: everything is there. Exit 2: something is missing and could not be installed; the words say what.
Standard library only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.mariadb import MariadbMissingError
from tests.support.mariadb import find_server as find_mariadb
from tests.support.postgres import PostgresMissingError, find_server, installed_servers

ELSEWHERE = {
    "test": "PostgreSQL 14 or newer with its server programs (initdb, postgres, psql, pg_dump, pgbench) and the pgAudit "
    "extension (https://github.com/pgaudit/pgaudit) built for it; put its bin directory on PATH. MariaDB 10.5 or newer with its "
    "server_audit plug-in and clients (mariadb, mariadb-dump).",
    "bench": "Also pgBadger 12 or newer (https://pgbadger.darold.net) and Perl's Text::CSV_XS.",
}


def say(text: str) -> None:
    print(f"packages: {text}", file=sys.stderr, flush=True)


def quiet(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def has_server() -> bool:
    try:
        find_server()
    except PostgresMissingError:
        return False
    return True


def has_mariadb() -> bool:
    try:
        find_mariadb()
    except MariadbMissingError:
        return False
    return True


def has_pgbadger() -> bool:
    return shutil.which("pgbadger") is not None and quiet(["perl", "-MText::CSV_XS", "-e", "1"]).returncode == 0


def known_to_apt(package: str) -> bool:
    """Whether apt could install the package now."""
    found = re.search(r"Candidate: (\S+)", quiet(["apt-cache", "policy", package]).stdout)
    return found is not None and found.group(1) != "(none)"


def default_major() -> str:
    """Major version of the PostgreSQL that this distribution ships, for example "15"; "NN" when apt does not know."""
    found = re.search(r"Candidate: (\d+)\+", quiet(["apt-cache", "policy", "postgresql"]).stdout)
    return found.group(1) if found else "NN"


def server_packages() -> list[str]:
    """The extension for an installed server when there is a package of it, else the distribution's server and its extension."""
    for server in installed_servers():
        if known_to_apt(f"postgresql-{server.major}-pgaudit"):
            return [f"postgresql-{server.major}-pgaudit"]
    major = default_major()
    return [f"postgresql-{major}", f"postgresql-{major}-pgaudit"]


def missing(purpose: str) -> list[str]:
    packages = [] if has_server() else server_packages()
    if not has_mariadb():
        packages += ["mariadb-server", "mariadb-client"]
    if purpose == "bench" and not has_pgbadger():
        packages += ["pgbadger", "libtext-csv-xs-perl"]
    return packages


def privilege() -> list[str] | None:
    """How to become root: nothing to do, sudo, or None when there is no way."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        if quiet(["sudo", "-n", "true"]).returncode == 0:
            return ["sudo", "-n"]
        if sys.stdin.isatty():
            return ["sudo"]  # asks for the password
    return None


def apt(root: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    # RUNLEVEL=1 keeps Debian's packages from starting a server: the tests start their own.
    settings = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    command = [*root, *settings, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def main(purpose: str) -> int:
    packages = missing(purpose)
    if not packages:
        return 0
    if shutil.which("apt-get") is None:
        say(f"This is no Debian or Ubuntu, so please install by hand what is missing. {ELSEWHERE['test']}")
        if purpose == "bench":
            say(ELSEWHERE["bench"])
        return 2
    root = privilege()
    if root is not None and not all(known_to_apt(name) for name in packages):
        say("asking apt for its newest lists")
        apt(root, "update")
        packages = missing(purpose)
    line = f"sudo apt-get install {' '.join(packages)}"
    if root is None:
        say(f"Missing, and no permission to install (neither root nor sudo). Please run: {line}")
        if "postgresql-NN" in packages:
            say("NN is the version that `apt-cache policy postgresql` shows after `sudo apt-get update`.")
        return 2
    say(f"installing {' '.join(packages)}")
    done = apt(root, "install", "-y", "--no-install-recommends", *packages)
    if done.returncode:
        apt(root, "update")  # lists may be older than the archive
        done = apt(root, "install", "-y", "--no-install-recommends", *packages)
    still = missing(purpose)
    if done.returncode or still:
        say(f"{done.stdout[-3000:]}\nCould not be installed. Please run and look at what it says: {line}")
        return 2
    return 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["test"], ["bench"]):
        say("usage: system_packages.py test|bench")
        sys.exit(2)
    sys.exit(main(sys.argv[1]))
