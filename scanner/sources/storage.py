"""Files of audit logs wherever they lie: on disk, or in object storage through ``fsspec`` (``s3://…``, ``gs://…``, ``memory://…``).

Credentials come from the environment, as each storage's own driver finds them; an address that holds some is refused by the
configuration and never shown. Objects have no inodes: what stands for one is made of ETag (or time of change) and size, so an
object that was not written anew keeps it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_ADDRESS = re.compile(r"\A(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+(?:::[A-Za-z0-9+.-]+)*)://")
_USER = re.compile(r"(?<=://)[^/@]*@")
_BLOCK = 1 << 20  # bytes asked for at once; the drivers' own 5 MB or more are much for looking at a head
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "az": "azure", "adl": "azure"}
_STAMPS = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
DEVICE = -1
"""The device of all that is in object storage."""


class StorageError(OSError):
    """A storage cannot be used: driver missing, refused, not reachable. ``hint`` says what to do."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


@dataclass(frozen=True)
class Found:
    """One file in a storage."""

    path: str  # the whole address
    size: int
    modified: int  # nanoseconds since 1970; 0 when the storage does not say
    inode: int
    folder: bool


def is_address(path: str) -> bool:
    """Whether a path is an address in a storage rather than a path on disk."""
    return _ADDRESS.match(path) is not None


def shown(path: str) -> str:
    """A path without anybody's name or password in it."""
    return _USER.sub("", path)


def find(pattern: str) -> list[Found]:
    """What an address or a glob of addresses means; none for a glob that matches nothing. Raises OSError, StorageError."""
    with _errors(pattern):
        system, path = _system(pattern)
        system.invalidate_cache()  # a scan sees what has come since the last one
        if any(char in path for char in "*?["):
            matches = cast("dict[str, dict[str, Any]]", system.glob(path, detail=True))
            return [_found(system, name, info) for name, info in sorted(matches.items())]
        return [_found(system, path, system.info(path))]


def open_file(path: str) -> tuple[BinaryIO, Found]:
    """Open what lies at an address for reading. Raises OSError, StorageError."""
    with _errors(path):
        system, inner = _system(path)
        found = _found(system, inner, system.info(inner))
        return cast("BinaryIO", _Guarded(system.open(inner, "rb", block_size=_BLOCK), path)), found


class _Guarded:
    """A file whose every trouble is an OSError."""

    def __init__(self, file: Any, path: str) -> None:
        self._file, self._path = file, path

    def read(self, size: int = -1) -> bytes:
        with _errors(self._path):
            return bytes(self._file.read(size))

    def seek(self, offset: int) -> int:
        with _errors(self._path):
            return int(self._file.seek(offset))

    def close(self) -> None:
        self._file.close()


def _system(path: str) -> tuple[AbstractFileSystem, str]:
    from fsspec.core import url_to_fs  # only scans of object storage load it

    system, inner = url_to_fs(path)
    return system, str(inner)


def _found(system: AbstractFileSystem, path: str, info: dict[str, Any]) -> Found:
    stamp = next((info[key] for key in _STAMPS if info.get(key)), 0)
    size = int(info.get("size") or 0)
    tag = info.get("ETag") or info.get("etag") or stamp
    digest = hashlib.blake2b(f"{tag}\x1f{size}".encode(), digest_size=8).digest()
    address, inode = str(system.unstrip_protocol(path)), int.from_bytes(digest) >> 2
    return Found(address, size, _nanoseconds(stamp), inode, info.get("type") == "directory")


def _nanoseconds(stamp: object) -> int:
    if isinstance(stamp, str):
        try:
            stamp = datetime.fromisoformat(stamp)
        except ValueError:
            return 0
    if isinstance(stamp, datetime):
        stamp = stamp.timestamp()
    return int(stamp * 1_000_000_000) if isinstance(stamp, int | float) else 0


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Every trouble of a driver as an OSError; what a driver says is shown without names and passwords."""
    try:
        yield
    except OSError as error:
        if error.strerror or isinstance(error, StorageError):
            raise
        raise type(error)(error.errno or 0, shown(str(error)) or type(error).__name__) from None
    except ImportError:
        protocol = _protocol(path)
        extra = _EXTRAS.get(protocol)
        raise StorageError(
            f"needs a driver for {protocol}://, which is not installed",
            f"install it with `pip install 'vendorwatch[{extra}]'`" if extra else f"install fsspec's driver for {protocol}",
        ) from None
    except Exception as error:  # noqa: BLE001 - drivers raise errors of their own kinds
        if "Protocol not known" in str(error):
            what = f"begins with a protocol that is not known, {_protocol(path)}"
            raise StorageError(what, "as in s3://bucket/logs/*.gz") from None
        what = f"{type(error).__name__}: {shown(str(error))}"
        raise StorageError(what, "check the address, and the credentials in the environment") from None


def _protocol(path: str) -> str:
    match = _ADDRESS.match(path)
    return match["protocol"].lower() if match else ""
