"""Statements that are no queries and change no rows: settings, rights, definitions, renames, the server's own commands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.lineage.mysql.lexical import Is, Token
from scanner.lineage.mysql.names import Names, star
from scanner.lineage.mysql.parsing import after, functions_called, name_at
from scanner.lineage.mysql.words import words as word_set
from scanner.lineage.techniques import Technique
from scanner.model import Destination, Kind, Lineage, TableRef

AUDIT_SETTING = re.compile(
    r"(?i)^(server_audit\w*|general_log\w*|slow_query_log\w*|log_output|log_slow\w*|long_query_time|min_examined_row_limit|"
    r"sql_log_bin|sql_log_off|log_error\w*|log_warnings|log_queries\w*|audit_log\w*|performance_schema\w*|init_connect)$"
)
"""Settings that decide what is logged, and how."""

_SWITCH = re.compile(r"(?i)^(server_audit_logging|general_log|slow_query_log|log_slow_query|sql_log_bin)$")
_ON = frozenset({"on", "1", "true"})

_SECRET = re.compile(r"(?i)pass|secret|token|key|credential|auth")
_REPLICA = re.compile(r"(?i)^@(master|source)_binlog_checksum$")
_REPLICA_TOO = re.compile(
    r"(?i)^@(mariadb_slave_capability|slave_\w+|replica_\w+|master_heartbeat_period|source_heartbeat_period)$"
)
_TRANSACTION = word_set("BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE XA")
_UTILITY = word_set(
    """SHOW USE HELP FLUSH RESET KILL ANALYZE OPTIMIZE REPAIR CHECK CHECKSUM CACHE PURGE SHUTDOWN BINLOG CHANGE STOP SIGNAL
    RESIGNAL GET DIAGNOSTICS DECLARE IF WHILE LOOP REPEAT ITERATE LEAVE RETURN END DO DEALLOCATE CLOSE OPEN FETCH IMPORT
    RESTART CLONE"""
)
_REMOTE_ENGINES = frozenset({"FEDERATED", "FEDERATEDX", "CONNECT", "SPIDER", "S3"})


def other(found: Sequence[Token], names: Names) -> Lineage | None:
    """The lineage of a statement that no query is; None for a first word that is not known."""
    first = found[0].upper
    if first == "SET":
        return _set(found, names)
    if first in _TRANSACTION:
        return _quiet(Kind.TRANSACTION, names)
    if first in ("GRANT", "REVOKE"):
        return _quiet(Kind.ROLE, names, Technique.PRIVILEGE_GRANT if first == "GRANT" else None)
    if first in ("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "INSTALL", "UNINSTALL"):
        return _definition(found, names)
    if first in ("LOCK", "UNLOCK"):
        return _quiet(Kind.LOCK, names)
    if first == "LOAD":
        return _load(found, names)
    if first == "CALL":
        (database, name), _ = name_at(found, 1)
        called = f"{database}.{name}".strip(".").lower()
        return Lineage(Kind.CALL, tables=names.read, destination=Destination.NOWHERE, functions=(called,))
    if first == "BACKUP":
        if any(t.upper == "START" for t in found):
            return _everything(names, Destination.SERVER_FILE)
        return _quiet(Kind.UTILITY, names)
    if first in _UTILITY:
        return _utility(found, names)
    return None


def _quiet(kind: Kind, names: Names, technique: Technique | None = None, written: TableRef | None = None) -> Lineage:
    words = () if technique is None else (str(technique),)
    tables = tuple(ref for ref in names.read if ref != written)
    return Lineage(kind, tables=tables, destination=Destination.NOWHERE, techniques=words, written=written)


def _everything(names: Names, destination: Destination) -> Lineage:
    """A replica or a physical backup carries every table."""
    refs = tuple(ref for ref, table in names.schema.tables.items() if table.kind != "view")
    return Lineage(
        Kind.REPLICATION,
        tables=refs,
        outputs=star(refs),
        destination=destination,
        unknown=True,
        techniques=(str(Technique.REPLICATION),),
    )


def _set(found: Sequence[Token], names: Names) -> Lineage:
    words = [t.upper for t in found[1:4]]
    if words[:1] == ["PASSWORD"] or words[:1] == ["ROLE"] or words[:2] == ["DEFAULT", "ROLE"]:
        return _quiet(Kind.ROLE, names)
    settings: list[tuple[str, str]] = []
    techniques: dict[str, None] = {}
    for part in _by_commas(found[1:]):
        at = after(part, 0, "GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY")
        name = part[at].text.lower() if at < len(part) else ""
        name = re.sub(r"^@@(?:(?:global|session|local|persist|persist_only)\.)?", "", name).replace("`", "")
        value = " ".join(t.sql for t in part[at + 2 :]) if len(part) > at + 2 else ""
        settings.append((name, "" if _SECRET.search(name) or len(value) > 200 or name.startswith("@") else value))
        if AUDIT_SETTING.match(name) and not (_SWITCH.match(name) and value.strip("'\" ").lower() in _ON):
            techniques.setdefault(str(Technique.AUDIT_TAMPERING))
        if _REPLICA.match(name):
            return _everything(names, Destination.NETWORK)
        if _REPLICA_TOO.match(name):
            techniques.setdefault(str(Technique.REPLICATION))
    return Lineage(
        Kind.SET, tables=names.read, destination=Destination.NOWHERE, settings=tuple(settings), techniques=tuple(techniques)
    )


def _by_commas(found: Sequence[Token]) -> list[Sequence[Token]]:
    parts: list[Sequence[Token]] = []
    begin = depth = 0
    for at, token in enumerate(found):
        if token.kind is Is.MARK:
            depth += (token.text == "(") - (token.text == ")")
            if token.text == "," and not depth:
                parts.append(found[begin:at])
                begin = at + 1
    parts.append(found[begin:])
    return [part for part in parts if part]


def _definition(found: Sequence[Token], names: Names) -> Lineage:
    first = found[0].upper
    words = [t.upper for t in found]
    if first in ("INSTALL", "UNINSTALL"):
        audits = any("audit" in t.text.lower() for t in found)
        return _quiet(Kind.DDL, names, Technique.AUDIT_TAMPERING if audits and first == "UNINSTALL" else None)
    if any(w in ("USER", "ROLE") for w in words[1:5]):
        return _quiet(Kind.ROLE, names, Technique.PRIVILEGE_GRANT if first in ("CREATE", "ALTER") else None)
    if first == "TRUNCATE":
        (database, name), _ = name_at(found, after(found, 1, "TABLE"))
        logs = database.lower() == "mysql" and name.lower() in ("general_log", "slow_log")
        return _quiet(Kind.DDL, names, Technique.AUDIT_TAMPERING if logs else None, names.relation(database, name))
    if first == "RENAME":
        return _renamed(_pairs(found[after(found, 1, "TABLE", "TABLES", "IF", "EXISTS") :]), names)
    if first == "ALTER" and "TABLE" in words[1:5]:
        return _altered(found, words, names)
    remote = "SERVER" in words[1:4] or any(
        a in ("ENGINE", "TYPE") and set(words[n + 1 : n + 3]) & _REMOTE_ENGINES for n, a in enumerate(words)
    )
    written: TableRef | None = None
    if "TABLE" in words[1:6]:
        (database, name), _ = name_at(found, after(found, words.index("TABLE") + 1, "IF", "NOT", "EXISTS"))
        written = names.relation(database, name) if name else None
    return _quiet(Kind.DDL, names, Technique.DBLINK if remote else None, written)


def _pairs(found: Sequence[Token]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """The ``old TO new`` of RENAME TABLE."""
    pairs = []
    for part in _by_commas(found):
        old, end = name_at(part, 0)
        at = next((n for n in range(end, len(part)) if part[n].upper == "TO"), None)
        if at is not None:
            pairs.append((old, name_at(part, at + 1)[0]))
    return pairs


def _renamed(pairs: Sequence[tuple[tuple[str, str], tuple[str, str]]], names: Names) -> Lineage:
    """Renames of one statement, one after the other: what counts is where each table's rows are at its end."""
    origin: dict[TableRef, TableRef] = {}
    for old, new in pairs:
        before, behind = names.relation(*old), TableRef(new[0] or old[0] or names.database, new[1])
        origin[behind] = origin.pop(before, before)
    moved = [(source, target) for target, source in origin.items() if source != target]
    known = names.schema.tables
    moved.sort(key=lambda pair: not (pair[0] in known and known[pair[0]].has_pii))
    if not moved:
        return _quiet(Kind.DDL, names)
    source, target = moved[0]
    return Lineage(
        Kind.RENAME,
        tables=tuple(ref for ref in names.read if ref not in (source, target)),
        destination=Destination.NOWHERE,
        written=target,
        renamed_from=source,
        techniques=(str(Technique.RENAME),),
    )


def _altered(found: Sequence[Token], words: Sequence[str], names: Names) -> Lineage:
    (database, name), end = name_at(found, after(found, words.index("TABLE") + 1, "IF", "EXISTS"))
    own = names.relation(database, name)
    for at in range(end, len(found)):
        if words[at] == "RENAME" and at + 1 < len(found) and words[at + 1] not in ("COLUMN", "INDEX", "KEY", "CONSTRAINT"):
            new, _ = name_at(found, after(found, at + 1, "TO", "AS"))
            return _renamed([((own.schema, own.name), new)], names)
        if words[at] == "EXCHANGE":
            with_table = next((n for n in range(at, len(found)) if words[n] == "TABLE"), None)
            if with_table is not None:
                other_ref = names.relation(*name_at(found, with_table + 1)[0])
                known = names.schema.tables.get(own)
                pair = (own, other_ref) if known is not None and known.has_pii else (other_ref, own)
                return Lineage(
                    Kind.RENAME,
                    tables=tuple(ref for ref in names.read if ref not in pair),
                    destination=Destination.NOWHERE,
                    written=pair[1],
                    renamed_from=pair[0],
                    techniques=(str(Technique.RENAME),),
                )
    return _quiet(Kind.DDL, names, None, own)


def _load(found: Sequence[Token], names: Names) -> Lineage:
    at = next((n for n, t in enumerate(found) if t.upper == "TABLE"), None)
    written = names.relation(*name_at(found, at + 1)[0]) if at is not None else None
    local = any(t.upper == "LOCAL" for t in found[:5])
    words = () if local else (str(Technique.SERVER_FILE),)
    return Lineage(Kind.COPY_IN, destination=Destination.NOWHERE, written=written, techniques=words)


def _utility(found: Sequence[Token], names: Names) -> Lineage:
    words = [t.upper for t in found]
    technique: Technique | None = None
    if words[0] == "FLUSH" and "EXPORT" in words:
        technique = Technique.SERVER_FILE  # the files of the table can be copied now
    elif words[0] in ("SHOW", "BINLOG") and any(w in ("BINLOG", "RELAYLOG") for w in words[:2]):
        technique = Technique.REPLICATION  # rows are in the events
    elif words[0] == "CHANGE":
        technique = Technique.REPLICATION
    elif words[0] == "CLONE":
        return _everything(names, Destination.NETWORK if "INSTANCE" in words else Destination.SERVER_FILE)
    made = _quiet(Kind.LOCK if words[0] == "FLUSH" and "LOCK" in words else Kind.UTILITY, names, technique)
    if words[0] == "SHOW" and words[1:2] == ["CREATE"]:
        return Lineage(made.kind, tables=made.tables, destination=Destination.NOWHERE, functions=tuple(functions_called(found)))
    return made


__all__ = ["AUDIT_SETTING", "other"]
