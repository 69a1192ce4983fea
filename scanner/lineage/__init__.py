"""Statement shapes and lineage: what each distinct statement of an audit log does with which columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scanner.lineage import analysis, masking
from scanner.lineage.context import CONTEXT_SCHEMA, Context, Usual, in_context
from scanner.lineage.dialects import GENERIC, MONGODB, MYSQL
from scanner.lineage.plain import odd, plain
from scanner.lineage.shapes import ShapeMemory, Shapes, assign_shapes
from scanner.lineage.techniques import SENTENCES, Technique
from scanner.model import Lineage, Schema


def analyze(
    statement: str | None,
    schema: Schema,
    *,
    logged: Sequence[str] = (),
    command: str = "",
    search_path: Sequence[str] = (),
    temporary: Collection[str] = (),
    dialect: str = "postgresql",
) -> Lineage:
    """What one statement reads, returns and writes, in the engine's own SQL. Never raises, whatever the text.

    ``logged`` are the relations that the audit log named for it (``schema.name``), ``command`` the log's command word,
    ``search_path`` where unqualified names live (the default database in MariaDB and MySQL), ``temporary`` the session's own
    tables.
    """
    if dialect in MYSQL:
        from scanner.lineage import mysql

        return mysql.analyze(statement, schema, logged=logged, command=command, search_path=search_path, temporary=temporary)
    if dialect in GENERIC:
        from scanner.lineage import generic

        return generic.analyze(statement, schema, logged=logged, search_path=search_path, dialect=dialect)
    if dialect == MONGODB:
        from scanner.lineage import mongodb

        return mongodb.analyze(statement, schema, logged=logged)
    return analysis.analyze(statement, schema, logged=logged, command=command, search_path=search_path, temporary=temporary)


def relations(logged: Sequence[str], schema: Schema, dialect: str) -> tuple[str, ...]:
    """The relations that the audit log named, spelled as in the catalogue where the log spells them otherwise."""
    if not logged or dialect not in (*GENERIC, *MYSQL, MONGODB):
        return tuple(logged)
    from scanner.lineage import generic

    return generic.resolved(logged, schema, mongodb=dialect == MONGODB, mysql=dialect in MYSQL)


def masked(statement: str, dialect: str = "postgresql") -> str:
    """The statement with ``?`` for every literal, without comments, on one line."""
    if dialect in MYSQL:
        from scanner.lineage import mysql

        return mysql.masked(statement)
    if dialect in GENERIC:
        from scanner.lineage import generic

        return generic.masked(statement, dialect)
    if dialect == MONGODB:
        from scanner.lineage import mongodb

        return mongodb.masked(statement)
    return masking.masked(statement)


__all__ = [
    "CONTEXT_SCHEMA",
    "SENTENCES",
    "Context",
    "ShapeMemory",
    "Shapes",
    "Technique",
    "Usual",
    "analyze",
    "assign_shapes",
    "in_context",
    "masked",
    "odd",
    "plain",
    "relations",
]
