"""Statement shapes and lineage of engines without a reader of their own here: Oracle, SQL Server, BigQuery, by ``sqlglot``.

A query that can be said again in PostgreSQL's words is followed column by column; of all else every column of every table that
its text or the log names counts as read. What is not understood is never harmless.
"""

from __future__ import annotations

from scanner.lineage.generic.analysis import analyze
from scanner.lineage.generic.names import resolved
from scanner.lineage.generic.shapes import masked, shape_codes

__all__ = ["analyze", "masked", "resolved", "shape_codes"]
