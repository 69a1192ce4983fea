"""Hits in the state database: what each finding rests on.

A rule about a habit or an hour can hit a hundred thousand events, so hits are not rows but Arrow tables: one part per
evaluation and finding, compressed, written in the same transaction as the finding.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import pyarrow as pa
from sqlalchemy import Connection, select

from scanner.store import tables as t

WORDS = pa.dictionary(pa.int32(), pa.string())  # the same few texts over and over
HIT_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("rule_id", WORDS),
        ("group_key", WORDS),
        ("time", pa.timestamp("us", tz="UTC")),
        ("level", WORDS),
        ("observed", pa.float64()),
        ("threshold", pa.float64()),
    ]
)
MEMBER_SCHEMA = pa.schema([*HIT_SCHEMA, ("principal", WORDS), ("finding_id", WORDS)])


def write(connection: Connection, finding_id: str, principal: str, hits: pa.Table) -> None:
    """Add a part. ``hits`` has HIT_SCHEMA's columns."""
    table = hits.select(HIT_SCHEMA.names).cast(HIT_SCHEMA).unify_dictionaries()
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, HIT_SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table.combine_chunks())
    connection.execute(
        t.hit_part.insert().values(finding_id=finding_id, principal=principal, rows=table.num_rows, document=sink.getvalue())
    )


def of_principals(connection: Connection, principals: Iterable[str]) -> pa.Table:
    """Every hit of these principals (MEMBER_SCHEMA)."""
    parts = []
    for principal in principals:
        found = connection.execute(select(t.hit_part).where(t.hit_part.c.principal == principal).order_by(t.hit_part.c.id))
        parts += [_member(row.finding_id, row.principal, row.document) for row in found]
    return pa.concat_tables(parts) if parts else MEMBER_SCHEMA.empty_table()


def of_finding(connection: Connection, finding_id: str) -> pa.Table:
    """Every hit of a finding (MEMBER_SCHEMA)."""
    found = connection.execute(select(t.hit_part).where(t.hit_part.c.finding_id == finding_id).order_by(t.hit_part.c.id))
    parts = [_member(row.finding_id, row.principal, row.document) for row in found]
    return pa.concat_tables(parts) if parts else MEMBER_SCHEMA.empty_table()


def all_event_ids(connection: Connection) -> pa.Array:
    """Every event some finding rests on, each once."""
    parts = [_read(document)["event_id"] for (document,) in connection.execute(select(t.hit_part.c.document))]
    chunks = [chunk for part in parts for chunk in part.chunks]
    return pa.chunked_array(chunks, pa.string()).unique()


def _read(document: bytes) -> pa.Table:
    return pa.ipc.open_stream(pa.BufferReader(document)).read_all()


def _member(finding_id: str, principal: str, document: bytes) -> pa.Table:
    table = _read(document).cast(HIT_SCHEMA)
    names = (pa.repeat(pa.scalar(name), table.num_rows).dictionary_encode() for name in (principal, finding_id))
    return pa.table([*table.columns, *names], schema=MEMBER_SCHEMA)
