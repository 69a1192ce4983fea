"""What the lines of PostgreSQL's stderr log begin with: prefix and label, set by set."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.sources.cutting import Ints
from scanner.sources.stderr_grammar import FOLLOWING, HEAD_BYTES, LABELS, SEVERITIES, Grammar

KINDS = [*SEVERITIES, *FOLLOWING]
"""English names of all labels; those of SEVERITIES, which begin a record, come first."""

_LABEL_KIND = np.array([*(KINDS.index(name) for name in LABELS.values()), -1], np.int64)
_SHORTEST = 12  # bytes of a line that could begin a record
_LONGEST_NAME = 63  # bytes


class Heads:
    """What the lines of a piece begin with, line by line; ``kind`` -1 where that is no prefix and label."""

    def __init__(self, grammar: Grammar, heads: pa.Array) -> None:
        self.fields: dict[str, pa.Array] = {}
        kind = np.full(len(heads), -1, np.int64)
        place = np.full(len(heads), -1, np.int64)
        likely = np.flatnonzero(lengths(heads) >= _SHORTEST)
        found = pc.extract_regex(heads.take(pa.array(likely)), grammar.quick)
        kind[likely] = _kinds(found, grammar)
        place[likely] = np.arange(len(likely))
        left = likely[kind[likely] < 0]
        if len(left):
            again = pc.extract_regex(heads.take(pa.array(left)), grammar.head)
            kind[left] = _kinds(again, grammar)
            place[left] = len(likely) + np.arange(len(left))
            found = pa.concat_arrays([found, again])
        found = found.take(pa.array(place, mask=place < 0))
        self.kind = kind
        self.length = lengths(pc.struct_field(found, "head"))
        self.length[kind < 0] = 0
        for name in grammar.fields:
            self.fields[name] = pc.struct_field(found, f"f_{name}")


def _kinds(found: pa.Array, grammar: Grammar) -> Ints:
    """Place in KINDS by label; -1 where there is none, or a name is longer than any can be."""
    labels = pc.fill_null(pc.struct_field(found, "label"), b"")
    places = pc.fill_null(pc.index_in(labels, pa.array(list(LABELS), pa.binary())), -1).to_numpy(zero_copy_only=False)
    kinds: Ints = _LABEL_KIND[places]
    for name in set("aud") & set(grammar.fields):
        values = pc.fill_null(pc.struct_field(found, f"f_{name}"), b"")
        long = lengths(values) > _LONGEST_NAME
        if name == "a" and long.any():  # four characters of PostgreSQL 16 for one byte of the client
            long &= lengths(values) - 3 * pc.count_substring(values, "\\x").to_numpy(zero_copy_only=False) > _LONGEST_NAME
        kinds[long] = -1
    return kinds


def lengths(column: pa.Array) -> Ints:
    """Bytes of each value; 0 for null."""
    sizes: Ints = pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return sizes


def between(data: bytes, offsets: Ints) -> pa.Array:
    """The bytes between each two of ``offsets``; no copy is made."""
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def beginnings(data: bytes, starts: Ints, ends: Ints) -> pa.Array:
    """The first bytes of each line."""
    offsets = np.empty(2 * len(starts) + 1, np.int64)
    offsets[0:-1:2], offsets[1::2], offsets[-1] = starts, np.minimum(starts + HEAD_BYTES, ends), ends[-1]
    return between(data, offsets).take(pa.array(np.arange(0, 2 * len(starts), 2)))
