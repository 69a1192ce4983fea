"""Ways out that Oracle, SQL Server, BigQuery and Snowflake have of their own: programs, files, stages, links, requests.

Told by the words that stand in a statement outside of its strings and comments. Sources: SQL Server's "xp_cmdshell",
"OPENROWSET", "sp_send_dbmail"; Oracle's "PL/SQL Packages and Types Reference" (UTL_HTTP, UTL_TCP, UTL_SMTP, UTL_FILE,
DBMS_XMLGEN) and "Database Links"; Snowflake's "COPY INTO <location>", "GET"; BigQuery's "EXPORT DATA".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from scanner.lineage.techniques import Technique
from scanner.model import Destination, Kind, Lineage

_APART = re.compile(r"--[^\n]*|/\*.*?\*/|q'\[.*?\]'|'(?:[^']|'')*'", re.DOTALL)
_WAYS: Mapping[str, tuple[tuple[str, Technique, Destination], ...]] = MappingProxyType(
    {
        "mssql": (
            (r"\b(?:xp_cmdshell|sp_oacreate|sp_execute_external_script)\b", Technique.PROGRAM, Destination.PROGRAM),
            (r"\b(?:openrowset|opendatasource|openquery)\b", Technique.DBLINK, Destination.NETWORK),
            (r"\bsp_send_dbmail\b", Technique.NOTIFICATION, Destination.NETWORK),
            (r"\bcreate\s+external\s+table\b.*\bas\b", Technique.SERVER_FILE, Destination.SERVER_FILE),
            (r"\bbackup\s+database\b", Technique.REPLICATION, Destination.SERVER_FILE),
        ),
        "oracle": (
            (r"\b(?:utl_http|utl_tcp|httpuritype|dbms_ldap)\b|[\w$]@[\w$]", Technique.DBLINK, Destination.NETWORK),
            (r"\b(?:utl_smtp|utl_mail|apex_mail)\b", Technique.NOTIFICATION, Destination.NETWORK),
            (r"\b(?:utl_file|clob2file|dbms_datapump|oracle_datapump)\b", Technique.SERVER_FILE, Destination.SERVER_FILE),
            (r"\b(?:dbms_xmlgen|dbms_xmlquery|xmltype|dburitype)\b", Technique.QUERY_TO_XML, Destination.CLIENT),
            (r"\bdbms_scheduler\b.*\bexecutable\b", Technique.PROGRAM, Destination.PROGRAM),
        ),
        "snowflake": (
            (r"^\s*copy\s+into\s+(?:@|'')", Technique.SERVER_FILE, Destination.SERVER_FILE),
            (r"^\s*get\s+(?:@|'')", Technique.SERVER_FILE, Destination.SERVER_FILE),
            (r"\bcreate\s+(?:or\s+replace\s+)?share\b|\balter\s+share\b", Technique.DBLINK, Destination.NETWORK),
            (r"\bsystem\$send_email\b", Technique.NOTIFICATION, Destination.NETWORK),
        ),
        "bigquery": (
            (r"\bexport\s+data\b", Technique.SERVER_FILE, Destination.SERVER_FILE),
            (r"\bexternal_query\b", Technique.DBLINK, Destination.CLIENT),
        ),
    }
)
_FOUND = MappingProxyType(
    {
        engine: tuple((re.compile(rf"(?is){pattern}"), word, where) for pattern, word, where in ways)
        for engine, ways in _WAYS.items()
    }
)


def dressed(made: Lineage, text: str, dialect: str) -> Lineage:
    """Lineage with the act words and the destination of the ways out that the text takes."""
    bare = _APART.sub(lambda m: "''" if m.group().endswith("'") else " ", text)
    for pattern, word, where in _FOUND.get(dialect, ()):
        if not pattern.search(bare):
            continue
        words = tuple(dict.fromkeys([*made.techniques, str(word)]))
        # who writes through a link into another server's table has sent what he wrote
        outputs = made.outputs or (made.written_columns if made.destination is Destination.TABLE else ())
        moves = where is not Destination.CLIENT and made.kind not in (Kind.DDL, Kind.ROLE)
        made = replace(
            made,
            techniques=words,
            outputs=outputs if moves else made.outputs,
            destination=where if moves and outputs else made.destination,
        )
    return made
