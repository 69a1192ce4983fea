"""Statement shapes and lineage of MariaDB and MySQL.

The text is read by a lexer of our own (comments that run, sql modes that change what a quote means), its grammar by ``sqlglot``.
A query is then said again in PostgreSQL's words, so that one analysis follows its columns, whatever the engine.
"""

from __future__ import annotations

from scanner.lineage.mysql.analysis import analyze
from scanner.lineage.mysql.lexical import masked
from scanner.lineage.mysql.shapes import shape_codes

__all__ = ["analyze", "masked", "shape_codes"]
