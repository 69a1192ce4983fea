"""Arrow columns as numpy arrays: what every stage that works on whole columns needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One array, whatever the number of chunks."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def mask(values: pa.ChunkedArray | pa.Array) -> Bools:
    """Booleans; null is false."""
    found: Bools = plain(pc.fill_null(values, False)).to_numpy(zero_copy_only=False)
    return found


def ints(column: pa.ChunkedArray | pa.Array) -> Ints:
    """Whole numbers; null is −1."""
    found: Ints = plain(pc.fill_null(column.cast(pa.int64()), -1)).to_numpy(zero_copy_only=False)
    return found


def codes_of(encoded: pa.DictionaryArray) -> Ints:
    """Codes of a dictionary array; null is −1, the last element of a list with None appended."""
    codes: Ints = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def coded(column: pa.ChunkedArray | pa.Array) -> tuple[Ints, pa.Array]:
    """Codes (−1 for null) and the distinct values."""
    encoded = plain(column).dictionary_encode()
    return codes_of(encoded), encoded.dictionary


__all__ = ["Bools", "Ints", "coded", "codes_of", "ints", "mask", "plain"]
