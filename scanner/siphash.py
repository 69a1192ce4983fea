"""SipHash-2-4, on whole columns: keys of people become numbers that only this installation can make again.

Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). The secret is 16 random bytes in ``data_dir/keys``: without it
nobody can tell from a hash whose key it was, or try all keys until one fits.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scanner.errors import StoreError

Words = npt.NDArray[np.uint64]

_PIECE = 8192
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def hash_integers(values: npt.NDArray[np.int64], secret: bytes) -> npt.NDArray[np.int64]:
    """Hashes of whole numbers, each taken as its eight bytes, lowest first."""
    words = np.empty((2, len(values)), np.uint64)
    words[0] = values.astype(np.int64).view(np.uint64)
    words[1] = 8 << 56
    return _hashes(words, secret)


def hash_texts(texts: pa.Array, secret: bytes) -> npt.NDArray[np.int64]:
    """Hashes of texts, as their UTF-8 bytes; null counts as the empty text."""
    data = pc.fill_null(texts, "").cast(pa.large_string())
    lengths = pc.binary_length(data).to_numpy(zero_copy_only=False).astype(np.int64)
    hashes = np.zeros(len(data), np.int64)
    for count in np.unique(lengths // 8).tolist():  # texts of as many whole words go together: a few rounds for all
        rows = np.flatnonzero(lengths // 8 == count)
        chosen = data if len(rows) == len(data) else data.take(pa.array(rows))
        width = 8 * (count + 1)
        padded = pc.binary_join_element_wise(chosen, pa.scalar("\0" * width, pa.large_string()), pa.scalar("", pa.large_string()))
        padded = pc.binary_slice(padded.cast(pa.large_binary()), 0, width)
        raw = np.frombuffer(padded.buffers()[2], np.uint8, width * len(rows))
        words = np.ascontiguousarray(raw.view(np.uint64).reshape(len(rows), count + 1).T)
        words[-1] |= (lengths[rows].astype(np.uint64) & np.uint64(0xFF)) << np.uint64(56)
        hashes[rows] = _hashes(words, secret)
    return hashes


def _hashes(words: Words, secret: bytes) -> npt.NDArray[np.int64]:
    """``words``: a message a column, its last word with the length in the top byte. In pieces that stay in the cache."""
    found = np.empty(words.shape[1], np.uint64)
    for start in range(0, words.shape[1], _PIECE):
        piece = words[:, start : start + _PIECE]
        found[start : start + _PIECE] = _rounds(piece, secret)
    return found.view(np.int64)


def _rounds(words: Words, secret: bytes) -> Words:
    k0, k1 = np.frombuffer(secret, "<u8")
    size = words.shape[1]
    v = [np.full(size, np.uint64(start) ^ k, np.uint64) for start, k in zip(_START, (k0, k1, k0, k1), strict=True)]
    spare = np.empty(size, np.uint64)
    for word in words:
        v[3] ^= word
        _mix(v, 2, spare)
        v[0] ^= word
    v[2] ^= np.uint64(0xFF)
    _mix(v, 4, spare)
    for other in v[1:]:
        v[0] ^= other
    return v[0]


def _mix(v: list[Words], times: int, spare: Words) -> None:
    for _ in range(times):
        for one, other, by in ((0, 1, 13), (2, 3, 16)):
            v[one] += v[other]
            _turn(v[other], by, spare)
            v[other] ^= v[one]
        _turn(v[0], 32, spare)
        for one, other, by in ((0, 3, 21), (2, 1, 17)):
            v[one] += v[other]
            _turn(v[other], by, spare)
            v[other] ^= v[one]
        _turn(v[2], 32, spare)


def _turn(words: Words, by: int, spare: Words) -> None:
    np.right_shift(words, np.uint64(64 - by), out=spare)
    np.left_shift(words, np.uint64(by), out=words)
    words |= spare


@cache
def secret_in(folder: Path) -> bytes:
    """The installation's secret: read from ``folder``, made there (readable by its owner alone) when there is none."""
    path = folder / "person.key"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = folder / f".person.key.{os.getpid()}.{secrets.token_hex(4)}"
            with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as handle:
                handle.write(secrets.token_bytes(16))
            with contextlib.suppress(FileExistsError):  # whoever comes first
                os.link(fresh, path)
            fresh.unlink()
        secret = path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read or make {path}: {error.strerror}", "check the permissions of data_dir/keys") from error
    if len(secret) != 16:
        raise StoreError(f"{path} is not a key of 16 bytes", "bring it back from a backup of data_dir")
    return secret
