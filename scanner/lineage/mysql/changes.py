"""UPDATE of MariaDB and MySQL: what it copies from one table into another."""

from __future__ import annotations

from sqlglot import exp

from scanner.lineage.mysql.names import Names
from scanner.model import Flow, Output, TableRef


def assigned(tree: exp.Expr, names: Names) -> tuple[TableRef | None, tuple[Output, ...]]:
    """The table that ``UPDATE … SET`` writes to, and columns of other tables whose values it puts there."""
    tables: dict[str, TableRef] = {}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            tables.setdefault(table.alias_or_name.lower(), names.relation(table.db, table.name))
    written: TableRef | None = None
    copied: dict[Output, None] = {}
    for item in tree.expressions:
        if not isinstance(item, exp.EQ) or not isinstance(item.this, exp.Column):
            continue
        target = _table_of(item.this, tables, names) or next(iter(tables.values()), None)
        if target is None:
            continue
        written = written or target
        for column in item.expression.find_all(exp.Column):
            source = _table_of(column, tables, names)
            if source is not None and source != target:
                flow = Flow.AS_IS if column is item.expression else Flow.TRANSFORMED
                spelled = names.columns_of([source]).get(column.name.lower(), column.name)
                copied.setdefault(Output(source, spelled, flow, item.this.name))
    return written, tuple(copied)


def _table_of(column: exp.Column, tables: dict[str, TableRef], names: Names) -> TableRef | None:
    """The table that a column is of, by its qualifier or because no other of them has it."""
    if column.table:
        return tables.get(column.table.lower())
    having = []
    for ref in dict.fromkeys(tables.values()):
        table = names.schema.tables.get(ref)
        if table is not None and any(c.name.lower() == column.name.lower() for c in table.columns):
            having.append(ref)
    return having[0] if len(having) == 1 else None
