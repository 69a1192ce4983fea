"""MongoDB's commands, which are no SQL: what an audit event's parameters say about reading and writing.

A statement is the ``param`` of an event as JSON: ``{"command": "find", "ns": "crm.people", "args": {…}}``
(https://www.mongodb.com/docs/manual/reference/audit-message/; commands at https://www.mongodb.com/docs/manual/reference/command/).
How many documents a command returned is nowhere in it, and what it leaves out of them is not followed: every field of every
collection it reads counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from scanner.lineage.generic.names import Names, namespace
from scanner.lineage.mysql import shapes
from scanner.lineage.mysql.names import distinct, star
from scanner.lineage.mysql.words import words as word_set
from scanner.lineage.techniques import Technique
from scanner.model import Destination, Flow, Kind, Lineage, Output, Schema, TableRef

FIRST_BATCH = 101
"""Documents that a cursor hands over at first, when nobody says how many."""

_READS = frozenset({"find", "aggregate", "getmore", "distinct", "mapreduce", "geosearch", "parallelcollectionscan", "dbhash"})
_COUNTS = frozenset({"count", "collstats", "dbstats", "datasize", "validate", "listindexes", "listcollections", "listdatabases"})
_WRITES = {"insert": Kind.INSERT, "update": Kind.UPDATE, "delete": Kind.DELETE, "bulkwrite": Kind.MERGE}
_MODIFIES = "findandmodify"
_TAMPERS = frozenset({"auditconfigure", "setauditconfig", "setparameter"})
_HARMLESS = word_set(
    """hello ismaster ping buildinfo getlasterror connectionstatus endsessions killcursors serverstatus getparameter whatsmyuri
    explain saslstart saslcontinue logout authenticate startsession refreshsessions committransaction aborttransaction hostinfo
    getlog replsetgetstatus features top clientmetadata currentop listcommands"""
)
_NAMES_TABLES = re.compile(
    r'"(?:\$lookup|\$graphLookup|\$unionWith|\$out|\$merge|\$where|\$function|\$accumulator|mapReduce|to)"'
)
_VALUE = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b')
_KEPT = ("command", "ns", "limit", "batchSize", "aggregate", "find", "collection", "$db")


def analyze(statement: str | None, schema: Schema, *, logged: Sequence[str] = ()) -> Lineage:
    """What one command reads, returns and writes. Never raises, whatever the text."""
    names = Names(schema, tuple(namespace(name) for name in logged if name))
    known = tuple(ref for ref in names.read if not ref.name.startswith("$cmd"))
    try:
        found = json.loads(statement or "")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("command"), str):
        return Lineage(Kind.UNPARSED, tables=known, outputs=star(known), unknown=True, literal_sensitive=True)
    word = found["command"].lower()
    given = found.get("args")
    args: dict[str, Any] = given if isinstance(given, dict) else {}
    read = distinct(known, tuple(_others(args, found, names)))
    if word in _COUNTS:
        counted = tuple(Output(ref, "*", Flow.AGGREGATED) for ref in read)
        return Lineage(Kind.SELECT, tables=read, outputs=counted, one_row=True)
    if word in _READS:
        return _reads(word, args, read, known, names)
    if word == _MODIFIES:
        return Lineage(
            Kind.UPDATE, tables=known, outputs=star(known), written=known[0] if known else None, limit=1, filtered=True,
            techniques=(str(Technique.RETURNING),), unknown=True,
        )  # fmt: skip
    if word in _WRITES:
        return Lineage(_WRITES[word], destination=Destination.NOWHERE, written=known[0] if known else None)
    return _other(word, found, read, names)


def _reads(word: str, args: dict[str, Any], read: tuple[TableRef, ...], own: tuple[TableRef, ...], names: Names) -> Lineage:
    target = _written(args, own, names)
    if target is not None:  # $out, $merge: documents go into another collection
        sources = tuple(ref for ref in read if ref != target)
        words = (str(Technique.COPY_TO_NEW_TABLE),)
        return Lineage(
            Kind.CREATE_AS, tables=sources, destination=Destination.TABLE, written=target, written_columns=star(sources),
            unknown=True, techniques=words,
        )  # fmt: skip
    bound = _count(args.get("limit")) if word == "find" else None
    if word == "getmore":  # the find before it counts as everything already
        bound = _count(args.get("batchSize")) or FIRST_BATCH
    flow = Flow.KEPT if word == "aggregate" and "$group" in json.dumps(args) else Flow.AS_IS  # a group may hold every document
    outputs = tuple(Output(ref, "*", flow, "*") for ref in read)
    return Lineage(
        Kind.SELECT,
        tables=read,
        outputs=outputs,
        limit=bound,
        filtered=bool(args.get("filter") or args.get("query") or args.get("pipeline")),
        keeps_values=flow is Flow.KEPT,
        unknown=True,
        techniques=(str(Technique.CURSOR),) if word == "getmore" else (),
    )


def _count(value: object) -> int | None:
    return abs(value) if isinstance(value, int) and not isinstance(value, bool) and value else None


def _other(word: str, found: dict[str, Any], read: tuple[TableRef, ...], names: Names) -> Lineage:
    if word in _HARMLESS:
        return Lineage(Kind.UTILITY, tables=read, destination=Destination.NOWHERE)
    if word in _TAMPERS:
        audits = word != "setparameter" or "audit" in json.dumps(found).lower()
        words = (str(Technique.AUDIT_TAMPERING),) if audits else ()
        return Lineage(Kind.SET, destination=Destination.NOWHERE, techniques=words)
    if word.endswith(("user", "role", "roles", "privileges")) or "roles" in word:
        grants = word.startswith(("create", "grant", "update"))
        return Lineage(Kind.ROLE, destination=Destination.NOWHERE, techniques=(str(Technique.PRIVILEGE_GRANT),) if grants else ())
    if word.startswith("renamecollection"):
        param = found.get("param") if isinstance(found.get("param"), dict) else found.get("args")
        old, new = (
            (param.get("old") or param.get("renameCollection"), param.get("new") or param.get("to")) if param else (None, None)
        )
        if isinstance(old, str) and isinstance(new, str):
            source = names.relation(*_parts(old))
            return Lineage(
                Kind.RENAME, destination=Destination.NOWHERE, written=TableRef(*_parts(new)), renamed_from=source,
                techniques=(str(Technique.RENAME),),
            )  # fmt: skip
    if word.startswith(
        ("create", "drop", "rename", "collmod", "shard", "enable", "add", "remove", "import", "compact", "reindex")
    ):
        return Lineage(Kind.DDL, destination=Destination.NOWHERE)
    return Lineage(Kind.UNPARSED, tables=read, outputs=star(read), unknown=True, literal_sensitive=True)


def _parts(ns: str) -> tuple[str, str]:
    database, _, collection = ns.partition(".")
    return database, collection


def _others(args: dict[str, Any], found: dict[str, Any], names: Names) -> Iterator[TableRef]:
    """Collections that the arguments name: a cursor's, and those that a pipeline joins."""
    database = str(args.get("$db") or _parts(str(found.get("ns") or ""))[0])
    collection = args.get("collection")
    if isinstance(collection, str):
        yield names.relation(database, collection)
    for stage, value in _stages(args):
        name = value.get("from") or value.get("coll") if isinstance(value, dict) else value
        if stage in ("$lookup", "$graphLookup", "$unionWith") and isinstance(name, str):
            yield names.relation(database, name)


def _written(args: dict[str, Any], own: tuple[TableRef, ...], names: Names) -> TableRef | None:
    database = str(args.get("$db") or (own[0].schema if own else ""))
    for stage, value in _stages(args):
        if stage not in ("$out", "$merge"):
            continue
        place = value.get("into", value) if isinstance(value, dict) else value
        if isinstance(place, str):
            return names.relation(database, place)
        if isinstance(place, dict) and isinstance(place.get("coll"), str):
            return names.relation(str(place.get("db") or database), place["coll"])
    return None


def _stages(value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every ``{"$stage": …}`` of a pipeline, nested ones included."""
    if depth > 50:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.startswith("$"):
                yield key, inner
            yield from _stages(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _stages(inner, depth + 1)


# -- shapes -----------------------------------------------------------------------------------------------------------


def shape_codes(texts: pa.Array, memory: shapes.Memory) -> tuple[list[bytes], npt.NDArray[np.int64]]:
    """See :func:`scanner.lineage.mysql.shapes.shape_codes`. JSON says by itself where each value begins and ends."""
    own = pl.concat_str(pl.lit("t "), pl.col("text"))
    return shapes.shape_codes(
        texts, memory, mask=own, said=lambda text: _masked(text).encode("utf-8", "replace"), family="mongodb"
    )


def masked(statement: str) -> str:
    """The command with ``?`` for every value but the names of what it reads, cut to a length for people."""
    return _masked(statement)[:4000]


def _masked(statement: str) -> str:
    kept = (*_KEPT, *_PLACES) if _NAMES_TABLES.search(statement) else _KEPT
    out: list[str] = []
    key, at = "", 0
    for match in _VALUE.finditer(statement):
        out.append(statement[at : match.start()])
        at = match.end()
        if match[2] is not None:
            key = match[1][1:-1]
        out.append(match[0] if match[2] is not None or key in kept else "?")
    out.append(statement[at:])
    return " ".join("".join(out).split())


_PLACES = ("from", "coll", "into", "$out", "$merge", "$unionWith", "to", "db")

__all__ = ["analyze", "masked", "shape_codes"]
