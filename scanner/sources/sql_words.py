"""The command words of SQL statements, for logs that do not name them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# the statement's own words, behind blanks and comments; executable comments (/*! and /*M!) are not comments
_COMMAND = (
    r"\A(?:[\s;(\x00]+|--[\s\x00-\x1f][^\n]*(?:\n|\z)|#[^\n]*(?:\n|\z)|/\*M?![0-9]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)*"
    r"(?P<first>[A-Za-z_]+)(?:\s+(?P<second>[A-Za-z_]+))?"
)
_CLASSES = {
    "READ": ("SELECT", "HANDLER", "WITH", "VALUES", "TABLE"),
    "WRITE": ("INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "TRUNCATE", "IMPORT"),
    "DDL": ("CREATE", "ALTER", "DROP", "RENAME"),
    "ROLE": ("GRANT", "REVOKE"),
}
_TWO_WORDS = (
    "CREATE",
    "ALTER",
    "DROP",
    "RENAME",
    "SHOW",
    "START",
    "LOCK",
    "UNLOCK",
    "LOAD",
    "FLUSH",
    "RESET",
    "EXECUTE",
    "BACKUP",
)
_ROLE_OBJECTS = ("USER", "ROLE")


_BEGINNING = 40  # characters that mostly hold the words
_TOLD = _COMMAND + r"(?s:\s*(?P<more>\S))?"


def commands(statement: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The command word or words of each statement, and the class of what it does. Worked out once a distinct beginning."""
    beginnings = pc.utf8_slice_codeunits(statement, 0, _BEGINNING).dictionary_encode()
    found = pc.extract_regex(beginnings.dictionary, _TOLD)
    # more than blanks stands behind the words: what was cut off cannot belong to them
    told = pc.or_(
        pc.fill_null(pc.not_equal(pc.struct_field(found, "more"), ""), False),
        pc.less(pc.utf8_length(beginnings.dictionary), _BEGINNING),
    )
    parts = [pc.struct_field(found, name).take(beginnings.indices) for name in ("first", "second")]
    open_ = np.flatnonzero(pc.invert(pc.fill_null(told.take(beginnings.indices), True)).to_numpy(zero_copy_only=False))
    if len(open_):
        whole = pc.extract_regex(statement.take(pa.array(open_)), _COMMAND)
        place = np.arange(len(statement))
        place[open_] = len(statement) + np.arange(len(open_))
        fuller = (pc.struct_field(whole, name) for name in ("first", "second"))
        parts = [pa.concat_arrays([part, other]).take(pa.array(place)) for part, other in zip(parts, fuller, strict=True)]
    return _named(statement, pc.utf8_upper(parts[0]), pc.utf8_upper(parts[1]))


def _named(statement: pa.Array, first: pa.Array, second: pa.Array) -> tuple[pa.Array, pa.Array]:
    second = pc.if_else(pc.is_in(first, pa.array(_TWO_WORDS)), second, None)
    command = pc.coalesce(
        pc.if_else(pc.equal(pc.fill_null(second, ""), ""), None, pc.binary_join_element_wise(first, second, " ")), first
    )
    command = pc.if_else(pc.is_in(first, pa.array(["WITH", "VALUES", "TABLE"])), "SELECT", command)
    coded = command.dictionary_encode()
    classes = []
    for word in coded.dictionary.to_pylist():
        head, _, tail = (word or "").partition(" ")
        name = next((name for name, words in _CLASSES.items() if head in words), "MISC")
        classes.append("ROLE" if name == "DDL" and tail in _ROLE_OBJECTS else name)
    audit_class = pa.array(classes, pa.string()).take(coded.indices)
    return command, pc.if_else(statement.is_valid(), pc.fill_null(audit_class, "MISC"), None)
