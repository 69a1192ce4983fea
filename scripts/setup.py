#!/usr/bin/env python3
"""Make .venv with exactly the locked dependencies and this checkout in it; nothing to do takes a blink.

Standard library only, and it must start under an old Python, so that it can say that it is too old.
What the machine has set for other projects (an active virtual environment, pip constraints, user installs,
another interpreter for uv) is kept out. Where to find packages (mirrors, proxies, certificates) is kept.
"""

import compileall
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"  # uv lives apart: `uv sync` removes from .venv whatever is not locked
UV = "uv==0.13.9"
OLDEST = (3, 11)
OTHER_PYTHONS = ("python3.13", "python3.14", "python3.12", "python3.11")

# Set by an activated environment or for other projects; each would change what is installed, or where.
FOREIGN = {
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT",
    "PIP_REQUIRE_VIRTUALENV", "PIP_REQUIRE_HASHES", "PIP_NO_DEPS", "PIP_NO_BINARY", "PIP_PYTHON", "PIP_DRY_RUN",
    "PIP_BUILD_CONSTRAINT", "PIP_REQUIREMENT", "PIP_EDITABLE",
}  # fmt: skip
MIRRORS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
UV_KEPT = {
    "UV_CACHE_DIR",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "UV_OFFLINE",
    "UV_LINK_MODE",
    "UV_HTTP_TIMEOUT",
    "UV_INSECURE_HOST",
}


class SetupError(Exception):
    """Setup cannot go on; the message says why and what to do."""


def say(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)


def environment() -> "dict[str, str]":
    """Our environment without what belongs to other projects."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN and (not name.startswith("UV_") or name in UV_KEPT)
    }
    mirror = next((os.environ[name] for name in MIRRORS if os.environ.get(name)), None)
    if mirror:
        kept.setdefault("PIP_INDEX_URL", mirror)
    # An empty value would let a constraint of pip's own configuration file through; an empty file does not.
    kept["PIP_CONSTRAINT"] = os.devnull
    kept["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    kept["UV_PROJECT_ENVIRONMENT"] = str(VENV)
    kept["UV_PYTHON_DOWNLOADS"] = "never"
    return kept


def run(*command: str) -> None:
    """Run quietly; a failure raises with everything the command said."""
    done = subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise SetupError(f"{' '.join(command)}\n{done.stdout.decode(errors='replace')}")


def wanted() -> str:
    """What the environment depends on, as one hash."""
    parts = [str(ROOT).encode(), sys.version.encode(), UV.encode()]
    parts += [(ROOT / name).read_bytes() for name in ("pyproject.toml", "uv.lock", "scripts/setup.py")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def works(venv: Path) -> bool:
    """Whether an environment starts, has pip, is of this Python and was made in this place (not copied)."""
    code = "import sys, pip; print(sys.prefix, sys.version_info[:2])"
    try:
        done = subprocess.run(
            [str(venv / "bin" / "python"), "-c", code], capture_output=True, text=True, env=environment(), check=False
        )
    except OSError:
        return False
    return done.stdout.strip() == f"{venv} {tuple(sys.version_info[:2])}"


def make_venv(venv: Path) -> None:
    if works(venv):
        return
    shutil.rmtree(venv, ignore_errors=True)
    try:
        run(sys.executable, "-m", "venv", str(venv))
    except SetupError as error:
        name = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise SetupError(
            f"{error}\nPython cannot make virtual environments here. On Debian and Ubuntu: sudo apt-get install {name}"
        ) from error


def install() -> None:
    make_venv(TOOLS)
    say("uv")
    run(str(TOOLS / "bin" / "pip"), "install", "--quiet", UV)
    uv = str(TOOLS / "bin" / "uv")
    make_venv(VENV)
    say("locked dependencies (the first time about 300 MB to fetch) and vendorwatch itself")
    try:
        run(uv, "sync", "--locked", "--no-config", "--compile-bytecode")
        return
    except SetupError as error:
        if "needs to be updated" in str(error):
            raise SetupError("uv.lock does not fit pyproject.toml: run `uv lock` and commit the result") from error
        first = str(error)
    # A company's mirror is often known to pip alone. The same versions and hashes, fetched by pip.
    say("uv could not fetch them; once more through pip, which may know a mirror")
    try:
        run(uv, "export", "--frozen", "--no-config", "--quiet", "--no-emit-project", "-o", str(VENV / "locked.txt"))
        pip = str(VENV / "bin" / "pip")
        run(pip, "install", "--quiet", "--require-hashes", "-r", str(VENV / "locked.txt"))
        run(pip, "install", "--quiet", "--no-deps", "--editable", str(ROOT))
    except SetupError as error:
        raise SetupError(f"{first}\n{error}\nIs a package registry (or a mirror of it) reachable from here?") from error


def compile_sources() -> None:
    """Byte code of this checkout. Python writes it itself only where it may: not for a service's account, not in many containers,
    and without it every command starts four seconds later."""
    for package in ("scanner", "api"):
        compileall.compile_dir(ROOT / package, quiet=2)


def main() -> int:
    if sys.version_info < OLDEST:
        for name in OTHER_PYTHONS:
            other = shutil.which(name)
            if other and subprocess.call([other, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
                os.execv(other, [other, __file__, *sys.argv[1:]])
        have = ".".join(str(part) for part in sys.version_info[:2])
        say(f"Python {have} is too old: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.12 …")
        return 2
    # Ask for the plain interpreter, also when called from within an environment that may be replaced.
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.prefix != sys.base_prefix and base.exists():
        os.execv(str(base), [str(base), __file__, *sys.argv[1:]])
    stamp = VENV / "setup.stamp"
    with (ROOT / "scripts" / "setup.py").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once wait for each other
        if stamp.exists() and stamp.read_text() == wanted() and (VENV / "bin" / "vendorwatch").exists() and works(VENV):
            compile_sources()
            return 0
        try:
            install()
        except SetupError as error:
            say(str(error))
            return 2
        compile_sources()
        stamp.write_text(wanted())
    say("ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
