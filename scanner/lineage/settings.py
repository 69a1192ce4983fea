"""Settings, rights and what of them touches the audit trail."""

from __future__ import annotations

import re

from postgast import pg_query_pb2 as pb

from scanner.lineage.scope import Gathered
from scanner.lineage.techniques import Technique
from scanner.lineage.tree import Node, unwrap

ROLE_STATEMENTS = frozenset(
    {
        "grant_stmt",
        "grant_role_stmt",
        "create_role_stmt",
        "alter_role_stmt",
        "alter_role_set_stmt",
        "drop_role_stmt",
        "alter_default_privileges_stmt",
        "alter_owner_stmt",
        "reassign_owned_stmt",
        "drop_owned_stmt",
        "create_policy_stmt",
        "alter_policy_stmt",
    }
)
"""Statements about roles, owners and rights."""

AUDIT_SETTING = re.compile(
    r"(?i)^(pgaudit\..*|log_.*|logging_collector|(shared|session|local)_preload_libraries|cluster_name|event_source|"
    r"syslog_.*|track_activities|session_replication_role|pgauditlogtofile\..*|auto_explain\..*)$"
)
"""Settings that decide what is logged, and how."""

_OFF = frozenset({"off", "false", "no", "none", "0", "f", "n", "default", ""})
_SWITCHES = re.compile(
    r"(?i)^(pgaudit\.log_(catalog|client|parameter|relation|rows|statement)|log_(dis)?connections|log_replication_commands|"
    r"log_statement|logging_collector|track_activities)$"
)
_LEVELS = frozenset({"log_min_messages", "log_min_error_statement"})
_HARMLESS = re.compile(
    r"(?i)^(session_replication_role|auto_explain\..*|cluster_name|log_(min_)?duration.*|log_min_duration_.*|log_checkpoints|"
    r"log_lock_waits|log_temp_files|log_autovacuum_.*|log_error_verbosity|log_parameter_.*|log_rotation_.*|log_timezone|log_hostname|"
    r"log_.*_stats|log_.*sample_rate|log_recovery_conflict_waits|log_startup_progress_interval)$"
)
"""Settings of the same names' family that change how much is said about performance, not who did what."""

_SECRET = re.compile(r"(?i)pass|secret|token|key|credential|conninfo|ssl_")
_HARMLESS_ROLE_OPTIONS = frozenset({"password", "validUntil", "connectionlimit"})


def keep(name: str, value: str) -> tuple[str, str]:
    """A setting with its value, or without it when it may be a secret."""
    return (name, "" if _SECRET.search(name) or len(value) > 200 else value)


def note(name: str, value: str, gathered: Gathered) -> None:
    """Remember that a setting was changed."""
    gathered.settings.append(keep(name.lower(), value))


def setting(node: Node, gathered: Gathered) -> None:
    """``SET``, ``RESET``, and the part of ALTER ROLE / DATABASE / SYSTEM that sets something."""
    if node.kind == pb.VAR_RESET_ALL:
        note("all", "default", gathered)
        return
    value = "default"
    if node.kind in (pb.VAR_SET_VALUE, pb.VAR_SET_MULTI):
        parts = []
        for kind, item in map(unwrap, node.args):
            if kind == "a_const":
                which = item.WhichOneof("val")
                parts.append(str({"ival": item.ival.ival, "fval": item.fval.fval, "sval": item.sval.sval}.get(which or "", "")))
            elif kind == "def_elem":
                parts.append(item.defname)
        value = ", ".join(parts)
    note(node.name, value, gathered)


def rights(name: str, node: Node, gathered: Gathered) -> None:
    """GRANT, roles and owners."""
    if name == "alter_role_set_stmt":
        _altered(node.setstmt, gathered)
        return
    if name in ("grant_stmt", "grant_role_stmt"):
        granted = bool(node.is_grant)
    elif name == "alter_default_privileges_stmt":
        granted = bool(node.action.is_grant)
    elif name == "alter_role_stmt":
        granted = any(option.defname not in _HARMLESS_ROLE_OPTIONS for _, option in map(unwrap, node.options))
    else:
        granted = not name.startswith("drop_")
    if granted:
        gathered.technique(Technique.PRIVILEGE_GRANT)


def server(name: str, node: Node, gathered: Gathered) -> None:
    """What changes the server itself: ALTER SYSTEM, ALTER DATABASE … SET, extensions, event triggers."""
    if name in ("alter_system_stmt", "alter_database_set_stmt"):
        _altered(node.setstmt, gathered)
    elif name == "drop_stmt" and node.remove_type == pb.OBJECT_EXTENSION:
        if any("audit" in word.lower() for kind, n in map(unwrap, node.objects) if kind == "string" for word in [n.sval]):
            gathered.technique(Technique.AUDIT_TAMPERING)
    elif name == "alter_event_trig_stmt" and "audit" in node.trigname.lower():
        gathered.technique(Technique.AUDIT_TAMPERING)


def _altered(node: Node, gathered: Gathered) -> None:
    setting(node, gathered)
    if node.kind == pb.VAR_RESET_ALL:  # takes back per-role and per-database audit settings with all the others
        gathered.technique(Technique.AUDIT_TAMPERING)


def tampers(gathered: Gathered) -> bool:
    """Whether any setting that was changed makes the log tell less."""
    return any(AUDIT_SETTING.match(name) and hides(name, value) for name, value in gathered.settings)


def hides(name: str, value: str) -> bool:
    """Whether a logging setting with this value tells less than it could. Switching something on never does."""
    value = value.strip().strip("'\"").lower()
    if name == "pgaudit.log":
        return value != "all"
    if name == "pgaudit.log_statement_once":
        return value not in _OFF
    if name in _LEVELS:
        return value in ("fatal", "panic")
    if _SWITCHES.match(name):
        return value in _OFF
    return not _HARMLESS.match(name)
