"""The PII map: which column of which database holds what kind of personal data, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from api.deps import Shared, requires
from api.errors import RESPONSES, Problem
from api.paging import Filters, Text, cut, once
from api.schemas import CatalogDatabase, CatalogDecision, CatalogDecisionMade, CatalogRow, Page
from scanner.catalog import rows
from scanner.catalog.custom import recognizers
from scanner.errors import ScannerError
from scanner.model import Schema
from scanner.pipeline import load_schema
from scanner.pipeline_catalog import decide, decisions
from scanner.store import tables as t
from scanner.store.state import reading
from scanner.store.tokens import Token

router = APIRouter(tags=["catalog"], dependencies=[Depends(requires("read:catalog")), Depends(once())], responses=RESPONSES)


class CatalogFilters(Filters):
    """Which columns."""

    database: Annotated[Text | None, Field(description="Name in the configuration.")] = None
    table: Annotated[Text | None, Field(description="schema.table, or the table alone where there are no schemas.")] = None
    pii_class: Annotated[Text | None, Field(description="Only columns of this class.")] = None
    personal: Annotated[bool, Field(description="Only columns with personal data.")] = False


class DecisionFilters(BaseModel):
    """Which decisions."""

    model_config = ConfigDict(extra="forbid")

    database: Annotated[Text | None, Field(description="Name in the configuration.")] = None
    history: Annotated[bool, Field(description="Every decision, not only those in force.")] = False


@router.get("/catalog", response_model=Page[CatalogRow])
def catalog(request: Request, response: Response, shared: Shared, filters: Annotated[CatalogFilters, Query()]) -> Any:
    """Columns with their verdicts, by database, schema and table, in the order the tables have them."""
    after = filters.after(str, int)
    found = [
        (key, row)
        for key, row in _rows(_schemas(shared, filters.database))
        if (filters.pii_class is None or row["pii_class"] == filters.pii_class)
        and (not filters.personal or row["pii_class"] is not None)
        and (filters.table is None or filters.table == (f"{row['schema']}.{row['table']}" if row["schema"] else row["table"]))
    ]
    rest = found if after is None else [entry for entry in found if entry[0] > after]
    items, last = cut(rest, filters.limit)
    return {
        "items": [row for _, row in items],
        "total": len(found),
        "next": filters.link(request, response, last[0] if last else None),
    }


@router.get("/catalog/databases", response_model=list[CatalogDatabase])
def catalog_databases(shared: Shared) -> Any:
    """Databases with the time they were last looked at, and what could not be."""
    c = t.catalog.c
    with reading(shared.workspace.state) as connection:
        known = {row.database: row for row in connection.execute(select(c.database, c.version, c.scanned_at, c.gaps))}
    found = []
    for name in shared.config.databases:
        schema, row = load_schema(shared.workspace, name), known.get(name)
        tables = list(schema.tables.values()) if schema else []
        columns = [column for table in tables for column in table.columns]
        found.append(
            CatalogDatabase(
                database=name,
                scanned_at=row.scanned_at if row else None,
                version=row.version if row else None,
                tables=len(tables),
                columns=len(columns),
                pii_columns=sum(column.pii_class is not None for column in columns),
                rows_read=sum(table.rows_read or 0 for table in tables),
                most_rows_read=max((table.rows_read or 0 for table in tables), default=0),
                gaps=json.loads(row.gaps) if row else [],
            )
        )
    return found


@router.get("/catalog/decisions", response_model=list[CatalogDecision])
def catalog_decisions(shared: Shared, filters: Annotated[DecisionFilters, Query()]) -> Any:
    """What was decided about columns: the decisions in force, or all of them, the oldest first."""
    return [_answer(row) for row in decisions(shared.workspace.state, filters.database, history=filters.history)]


@router.post("/catalog/decisions", response_model=CatalogDecision)
def decide_about_column(
    shared: Shared, decision: CatalogDecisionMade, token: Annotated[Token, Depends(requires("write:catalog"))]
) -> Any:
    """Confirm or overrule the verdict about a column; it outlives every catalogue scan."""
    if decision.database not in shared.config.databases:
        raise Problem(404, "there is no database of this name")
    try:
        with shared.workspace.lock():
            row = decide(
                shared.workspace.state,
                decision.database,
                decision.column,
                what=decision.what,
                pii_class=decision.pii_class,
                form=decision.form,
                reason=decision.reason,
                actor=token.name,
                known=recognizers(shared.config.catalog),
            )
    except ScannerError as error:
        raise Problem(422, str(error)) from None
    return _answer(row)


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "table": row["name"]}


def _schemas(shared: Shared, database: str | None) -> Iterable[Schema]:
    names = sorted(name for name in shared.config.databases if database in (None, name))
    return (schema for name in names if (schema := load_schema(shared.workspace, name)) is not None)


def _rows(schemas: Iterable[Schema]) -> Iterable[tuple[tuple[str, int], dict[str, Any]]]:
    """Rows with their place: the catalogue lists a database's columns in a fixed order."""
    return (((row["database"], place), row) for schema in schemas for place, row in enumerate(rows(schema)))
