"""Which engines' SQL is read by which half of this package."""

from __future__ import annotations

MYSQL = frozenset({"mysql", "mariadb"})
"""Engines whose statements :mod:`scanner.lineage.mysql` reads. Its parser is loaded when the first of them comes."""
