"""The words of a command, wherever they stand."""

from __future__ import annotations

import pyarrow as pa
import pytest

from scanner.sources.sql_words import commands


@pytest.mark.parametrize(
    ("statement", "command", "audit_class"),
    [
        ("select 1", "SELECT", "READ"),
        ("/* " + "x" * 60 + " */ delete from t where a = 1", "DELETE", "WRITE"),
        ("-- " + "x" * 60 + "\n create   user u identified by 'x'", "CREATE USER", "ROLE"),
        ("create " + " " * 60 + "role r", "CREATE ROLE", "ROLE"),
        ("drop " + "/**/" * 20 + " user", "DROP", "DDL"),
        ("#" * 39 + "\nselect", "SELECT", "READ"),
        ("(" * 35 + "select 1", "SELECT", "READ"),
        ("x" * 60 + " y", "X" * 60, "MISC"),
        ("'" * 60, None, "MISC"),
        (None, None, None),
    ],
)
def test_commands(statement: str | None, command: str | None, audit_class: str | None) -> None:
    found, classes = commands(pa.array(["select 1", statement, "commit"], pa.string()))
    assert (found[1].as_py(), classes[1].as_py()) == (command, audit_class)
