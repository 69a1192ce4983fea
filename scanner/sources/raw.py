"""The very bytes of records, for evidence: read again from the log by position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scanner.sources.files import Stream, head_hash

_STEP = 1 << 20


def holds(path: str, file_id: str, head_length: int) -> bool:
    """Whether log ``file_id``, known by its first ``head_length`` unpacked bytes, is what lies at ``path``. Raises OSError."""
    with Stream(path) as stream:
        head = stream.read(head_length)
    return len(head) == head_length and head_hash(head) == file_id.partition("-")[0]


def read_ranges(path: str, ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
    """``(offset, bytes)`` of each ``(offset, length)`` of an unpacked log, in rising order; packed logs are unpacked.

    A range the file does not (any more) reach is left out. Raises OSError when the file cannot be read.
    """
    with Stream(path) as stream:
        at = 0
        for offset, length in sorted(set(ranges)):
            while at < offset:
                skipped = stream.read(min(offset - at, _STEP))
                if not skipped:
                    return
                at += len(skipped)
            if at > offset:
                continue  # overlaps the range before it
            data = stream.read(length)
            at += len(data)
            if len(data) == length:
                yield offset, data
