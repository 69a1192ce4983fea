"""What people decided about the PII map, and how large tables were when: both outlive every catalogue scan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from scanner.catalog import CatalogSettings, Override, from_json, to_json
from scanner.catalog.reading import DECIDED
from scanner.catalog.serial import content_version
from scanner.config import Config
from scanner.errors import ScannerError
from scanner.model import Schema, TableRef
from scanner.store import tables as t
from scanner.store.state import now, reading, rows, upsert

FORMS = ("typed", "embedded", "masked", "quasi")


def decisions(state: Engine, database: str | None = None, *, history: bool = False) -> list[dict[str, Any]]:
    """What officers decided about columns: the decision in force for each, or with ``history`` all of them, oldest first."""
    d = t.catalog_decision
    query = select(d).order_by(d.c.id)
    if database is not None:
        query = query.where(d.c.database == database)
    with reading(state) as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    if history:
        return found
    latest = {(r["database"], r["schema"], r["name"], r["column"]): r for r in found}
    return [r for r in latest.values() if r["what"] != "withdraw"]


def settings_for(config: Config, state: Engine, database: str) -> CatalogSettings:
    """Limits from the configuration, and the decisions in force."""
    c = config.catalog
    overrides = tuple(
        Override(TableRef(r["schema"], r["name"]), r["column"], r["pii_class"], r["reason"], r["form"])
        for r in decisions(state, database)
    )
    return CatalogSettings(
        sample_rows=c.sample_rows,
        statement_seconds=c.statement_seconds,
        total_seconds=c.total_minutes * 60,
        pause_seconds=c.pause_seconds,
        leave_out=c.leave_out,
        overrides=overrides,
    )


def decide(
    state: Engine,
    database: str,
    place: str,
    *,
    what: str,
    reason: str,
    actor: str,
    pii_class: str | None = None,
    form: str = "typed",
    known: Iterable[str] = (),
) -> dict[str, Any]:
    """Write down a decision about the column ``place`` (``schema.table.column``) and apply it to the map at once.

    ``what``: *confirm* keeps the present verdict, *override* sets ``pii_class`` (None: not personal) and ``form``, *withdraw*
    takes the last decision back, after which the next catalogue scan judges anew. Raises :class:`ScannerError`.
    """
    if not reason.strip():
        raise ScannerError("a decision needs a reason", "say in a sentence why; it stays with the verdict")
    if what == "override" and pii_class is not None and pii_class not in set(known):
        raise ScannerError(f"{pii_class} is not a class", "known are " + ", ".join(sorted(known)))
    if form not in FORMS:
        raise ScannerError(f"{form} is not a form", "known are " + ", ".join(FORMS))
    with reading(state) as connection:
        kept = rows(connection, t.catalog, database=database)
    if not kept:
        raise ScannerError(f"{database} has not been looked at yet", f"run `vendorwatch catalog scan {database}`")
    schema = from_json(kept[0]["document"])
    ref, name = _find(schema, place)
    column = schema.tables[ref].column(name)
    assert column is not None
    if what == "confirm":
        pii_class, form = column.pii_class, column.form
    row = {
        "database": database,
        "schema": ref.schema,
        "name": ref.name,
        "column": name,
        "what": what,
        "pii_class": pii_class,
        "form": form,
        "reason": reason.strip(),
        "actor": actor,
        "at": now(),
    }
    if what != "withdraw":
        decided = replace(column, pii_class=pii_class, form=form, confidence=1.0, evidence=f"{DECIDED} {reason.strip()}")
        table = schema.tables[ref]
        table = replace(table, columns=tuple(decided if c.name == name else c for c in table.columns))
        schema = replace(schema, tables={**schema.tables, ref: table})
        schema = replace(schema, version=content_version(schema.version.split("-")[0], schema))
    elif not any((r["schema"], r["name"], r["column"]) == (*_parts(ref), name) for r in decisions(state, database)):
        raise ScannerError(f"nobody decided anything about {place}", "see `vendorwatch catalog decisions`")
    with state.begin() as connection:
        connection.execute(insert(t.catalog_decision), [row])
        if what != "withdraw":
            upsert(connection, t.catalog, [{**kept[0], "version": schema.version, "document": to_json(schema)}])
    return row


def _parts(ref: TableRef) -> tuple[str, str]:
    return ref.schema, ref.name


def _find(schema: Schema, place: str) -> tuple[TableRef, str]:
    """The column that ``schema.table.column`` or ``table.column`` means; names may hold dots themselves."""
    found = [
        (ref, c.name)
        for ref, table in schema.tables.items()
        for c in table.columns
        if place == f"{ref}.{c.name}" or (place == f"{ref.name}.{c.name}")
    ]
    exact = [f for f in found if place == f"{f[0]}.{f[1]}"]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        raise ScannerError(f"{place} is in several schemas", "write schema.table.column")
    raise ScannerError(f"there is no column {place} in the map", "see `vendorwatch catalog show --all`")


def keep_sizes(connection: Connection, schema: Schema, at: str) -> None:
    """Add the sizes of tables that changed since they were last written down."""
    s = t.table_size
    newest = select(s.c.schema, s.c.name, func.max(s.c.at).label("at")).where(s.c.database == schema.database)
    newest_rows = newest.group_by(s.c.schema, s.c.name).subquery()
    joined = select(s).join(
        newest_rows, (s.c.schema == newest_rows.c.schema) & (s.c.name == newest_rows.c.name) & (s.c.at == newest_rows.c.at)
    )
    last = {
        (r["schema"], r["name"]): (r["rows"], r["persons"], r["bytes"])
        for r in connection.execute(joined.where(s.c.database == schema.database)).mappings()
    }
    changed = [
        {
            "database": schema.database,
            "schema": ref.schema,
            "name": ref.name,
            "at": at,
            "rows": table.rows,
            "persons": table.persons,
            "bytes": table.bytes,
        }
        for ref, table in schema.tables.items()
        if last.get(_parts(ref)) != (table.rows, table.persons, table.bytes)
    ]
    if changed:
        upsert(connection, s, changed)


def sizes(state: Engine, database: str, at: str | None = None) -> dict[TableRef, tuple[int | None, int | None]]:
    """Rows and people of each table as last known at a time (ISO 8601, UTC); the newest when none is given.

    A table first looked at later has the size of that first look: the nearest that is known.
    """
    s = t.table_size
    query = select(s).where(s.c.database == database).order_by(s.c.at)
    found: dict[TableRef, tuple[int | None, int | None]] = {}
    with reading(state) as connection:
        for r in connection.execute(query).mappings():
            ref = TableRef(r["schema"], r["name"])
            if ref not in found or at is None or r["at"] <= at:
                found[ref] = (r["rows"], r["persons"])
    return found
