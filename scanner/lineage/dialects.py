"""Which engines' SQL is read by which half of this package."""

from __future__ import annotations

GENERIC = frozenset({"oracle", "mssql", "bigquery", "snowflake"})
"""Engines whose statements :mod:`scanner.lineage.generic` reads."""

MONGODB = "mongodb"
"""Its commands are no SQL: :mod:`scanner.lineage.mongodb` reads them."""

MYSQL = frozenset({"mysql", "mariadb"})
"""Engines whose statements :mod:`scanner.lineage.mysql` reads. Its parser is loaded when the first of them comes."""
