"""The demo's recorded month: a home-shopping company, seven vendors, three leaks.

:func:`prepare` unpacks it; ``docs/guide/demo.md`` says what happened in it and how to record it again.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from scanner.errors import ScannerError, StoreError

__all__ = ["prepare"]

CONFIGURATION = "vendorwatch.yml"
LOGS = "log"
STAMP = ".demo"  # which recording the folder holds; written last
BLOCK = 1 << 20


def prepare(directory: Path) -> Path:
    """Unpack the demo into ``directory`` (made when missing) and return its configuration's path.

    Idempotent: what is there and whole stays untouched, so positions of an earlier scan remain good. An interrupted
    unpacking is finished; a recording of another version is replaced, with everything scanned from it.

    Raises :class:`ScannerError` when the package lacks its data or the folder belongs to something else, and
    :class:`StoreError` when the folder cannot be written.
    """
    shipped = _shipped()
    wanted = _fingerprint(shipped)
    stamp = directory / STAMP
    try:
        held = stamp.read_text(encoding="ascii").partition("\n")[0] if stamp.is_file() else None
        if held is None and directory.is_dir() and any(directory.iterdir()):
            raise ScannerError(
                f"{directory} is not empty and holds no demo", "name another folder, or empty this one if nothing in it is needed"
            )
        if held != wanted:
            if held is not None:
                _clear(directory)
            (directory / LOGS).mkdir(parents=True, exist_ok=True)
            # the unpacking may be cut short: with the stamp there, the next call knows the folder for its own
            _write(stamp, [f"{wanted}\n".encode()])
        for target, source in _targets(directory, shipped).items():
            if not target.is_file():
                _unpack(source, target)
    except (OSError, lzma.LZMAError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StoreError(
            f"the demo cannot be unpacked into {directory}: {reason}",
            "it needs about 60 MB of space in a folder you may write to",
        ) from error
    return directory / CONFIGURATION


def _shipped() -> list[Traversable]:
    """The package's data, by name: the configuration, the copy of the database, the logs."""
    folder = files("scanner.demo") / "data"
    found = sorted((f for f in folder.iterdir() if f.name == CONFIGURATION or f.name.endswith(".xz")), key=lambda f: f.name) \
        if folder.is_dir() else []  # fmt: skip
    names = [file.name for file in found]
    if CONFIGURATION not in names or "customers.sqlite.xz" not in names or not any(n.startswith("audit-") for n in names):
        raise ScannerError("this installation of vendorwatch lacks the demo's data", "install the package again")
    return found


def _targets(directory: Path, shipped: list[Traversable]) -> dict[Path, Traversable]:
    """Where each shipped file goes; the configuration last, so that who finds it finds everything."""
    targets: dict[Path, Traversable] = {}
    for source in sorted(shipped, key=lambda file: (file.name == CONFIGURATION, file.name)):
        folder = directory / LOGS if source.name.startswith("audit-") else directory
        targets[folder / source.name.removesuffix(".xz")] = source
    return targets


def _unpack(source: Traversable, target: Path) -> None:
    with source.open("rb") as packed:
        if not source.name.endswith(".xz"):
            _write(target, [packed.read()])
            return
        with lzma.open(packed) as plain:
            _write(target, iter(lambda: plain.read(BLOCK), b""))


def _write(target: Path, blocks: Iterable[bytes]) -> None:
    """Whole or not at all: under another name first, then put in place."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            for block in blocks:
                file.write(block)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _clear(directory: Path) -> None:
    """Remove another version's demo, its scan results included; nothing that this demo did not make."""
    for name in (LOGS, "data"):
        if (directory / name).is_dir():
            shutil.rmtree(directory / name)
    for name in (CONFIGURATION, "customers.sqlite"):
        (directory / name).unlink(missing_ok=True)


def _fingerprint(shipped: list[Traversable]) -> str:
    digest = hashlib.sha256()
    for source in shipped:
        content = source.read_bytes()
        digest.update(f"{source.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
