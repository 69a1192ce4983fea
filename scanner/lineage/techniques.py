"""The act words that a statement's text alone can tell. Rules, findings and the console use them as they are spelled here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Technique(StrEnum):
    """One way of getting at data, or of hiding it, that the text of a single statement shows."""

    COPY = "copy"
    CURSOR = "cursor"
    PAGING = "paging"
    KEY_RANGE = "key_range"
    PROBE = "probe"
    IN_LIST = "in_list"
    CONCAT_AGGREGATE = "concat_aggregate"
    ROW_TO_JSON = "row_to_json"
    ENCODING = "encoding"
    QUERY_TO_XML = "query_to_xml"
    COPY_TO_NEW_TABLE = "copy_to_new_table"
    RENAME = "rename"
    FUNCTION = "function"
    DEFINER_FUNCTION = "definer_function"
    DYNAMIC_SQL = "dynamic_sql"
    TRIGGER = "trigger"
    RETURNING = "returning"
    SERVER_FILE = "server_file"
    PROGRAM = "program"
    LARGE_OBJECT = "large_object"
    NOTIFICATION = "notification"
    DBLINK = "dblink"
    REPLICATION = "replication"
    EXPLAIN = "explain"
    PRIVILEGE_GRANT = "privilege_grant"
    AUDIT_TAMPERING = "audit_tampering"


SENTENCES: Mapping[Technique, str] = MappingProxyType(
    {
        Technique.COPY: "A whole table or query was streamed out with COPY.",
        Technique.CURSOR: "Rows were fetched piece by piece through a cursor, for which the log counts no rows.",
        Technique.PAGING: "A table was read page by page (OFFSET, a key that moves on with LIMIT, or a handful at random).",
        Technique.KEY_RANGE: "A slice of a table was read by a range of its key, closed on both sides.",
        Technique.PROBE: "One person's value was not read but asked for: is it more than this, does it begin so.",
        Technique.IN_LIST: "Many people were looked up at once through a long list of keys.",
        Technique.CONCAT_AGGREGATE: "An aggregate packed the values of many rows into one.",
        Technique.ROW_TO_JSON: "Whole rows were turned into JSON, XML or text.",
        Technique.ENCODING: "Values were encoded, hashed or cut into pieces before they left.",
        Technique.QUERY_TO_XML: "A query or table named inside a string was run and returned as XML.",
        Technique.COPY_TO_NEW_TABLE: "Rows were copied into another table.",
        Technique.RENAME: "A relation was given another name or schema.",
        Technique.FUNCTION: "A stored function read tables that the statement does not name.",
        Technique.DEFINER_FUNCTION: "A function with its owner's rights read tables that the log does not show.",
        Technique.DYNAMIC_SQL: "SQL was put together at run time, so what it reads cannot be told from the text.",
        Technique.TRIGGER: "A trigger read it for a row being written; it names NEW or OLD, which no client can.",
        Technique.RETURNING: "A writing statement returned the rows it touched.",
        Technique.SERVER_FILE: "Data were written to, or read from, a file on the database server.",
        Technique.PROGRAM: "Data were piped through a program on the database server.",
        Technique.LARGE_OBJECT: "Data passed through a large object.",
        Technique.NOTIFICATION: "Data were sent as a notification or notice.",
        Technique.DBLINK: "Another database was reached through dblink or a foreign server.",
        Technique.REPLICATION: "Changes or the whole cluster were read by way of replication.",
        Technique.EXPLAIN: "Only the plan was asked for.",
        Technique.PRIVILEGE_GRANT: "Rights or roles were granted or changed.",
        Technique.AUDIT_TAMPERING: "Auditing or logging was changed, or an attempt was made to.",
    }
)

LONG_IN_LIST = 65
"""From how many constants on an ``IN`` list counts as looking people up in bulk (list lengths up to 64 share a shape)."""
