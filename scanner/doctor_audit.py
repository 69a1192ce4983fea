"""What a server's own settings keep out of its audit log: which ways out would not be seen, and the line to change.

Sources: PostgreSQL's ``pg_settings``, ``pg_db_role_setting`` and ``pg_roles``, the settings of pgAudit
(https://github.com/pgaudit/pgaudit), and those of MariaDB's plug-in
(https://mariadb.com/docs/server/reference/plugins/mariadb-audit-plugin/mariadb-audit-plugin-options-and-system-variables).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``state``: ok, note (works, but), problem."""

    what: str
    state: str
    detail: str = ""
    next_step: str = ""


# -- PostgreSQL with pgAudit ----------------------------------------------------------------------------------------

_CLASSES: Mapping[str, str] = {
    "read": "SELECT, COPY, pg_dump and cursors",
    "write": "INSERT … SELECT, RETURNING, and copies made that way",
    "function": "DO blocks and functions, with what their owners' rights let them read",
    "role": "GRANT before a theft, and ALTER ROLE … SET that switches auditing off",
    "ddl": "copies under new names (CREATE TABLE AS, renames), views",
    "misc": "FETCH from cursors, and SET that changes auditing",
}
"""What each class of pgaudit.log shows."""

_Lost = Callable[[str], str]


def logged_classes(value: str) -> set[str]:
    """The classes that a value of ``pgaudit.log`` covers: ``all, -misc`` is all but one."""
    shown: set[str] = set()
    for word in (part.strip().lower() for part in value.split(",")):
        name = word.removeprefix("-")
        named = set(_CLASSES) if name == "all" else {name} & set(_CLASSES)
        shown = shown - named if word.startswith("-") else shown | named
    return shown


def _lost_classes(value: str) -> str:
    missing = [f"{name} ({what})" for name, what in _CLASSES.items() if name not in logged_classes(value)]
    return "no trace of " + "; ".join(missing) if missing else ""


def _unless(good: Callable[[str], bool], lost: str) -> _Lost:
    return lambda value: "" if good(value) else lost


def _on(lost: str) -> _Lost:
    return _unless("on".__eq__, lost)


# Setting, what is lost with a value (nothing: ""), the value that mends it.
_PG_WANTED: tuple[tuple[str, Callable[[str], str], str], ...] = (
    ("pgaudit.log", _lost_classes, "'all'"),
    ("pgaudit.log_rows", _on("without row counts every number is an estimate"), "on"),
    ("pgaudit.log_parameter", _on("which keys a prepared statement asked for is not seen"), "on"),
    ("pgaudit.log_relation", _on("tables behind views and functions are known from the SQL text alone"), "on"),
    ("pgaudit.log_statement_once", _unless("off".__eq__, "further lines lack their SQL"), "off"),
    ("pgaudit.log_statement", _on("nothing of the SQL is in the log: columns, filters and aggregates are not seen"), "on"),
    ("pgaudit.log_parameter_max_size", _unless("0".__eq__, "long values are left out"), "0"),
    ("pgaudit.log_level", _unless("log".__eq__, "lines below log_min_messages are not written"), "log"),
    ("log_connections", _unless(lambda v: v not in ("off", ""), "logins and addresses are not seen"), "on"),
    ("log_disconnections", _on("ends of sessions are not seen"), "on"),
    ("log_replication_commands", _on("base backups and replication are not seen"), "on"),
    ("log_destination", _unless(lambda v: "csvlog" in v or "jsonlog" in v, "plain text can be forged"), "'csvlog'"),
    ("log_min_messages", _unless(lambda v: v not in ("fatal", "panic"), "audit lines are not written at all"), "warning"),
    (
        "log_min_error_statement",
        _unless(
            lambda v: v not in ("log", "fatal", "panic"),
            "statements aborted late lack their SQL, and they can have returned rows",
        ),
        "error",
    ),
)

_PG_SERVER_ONLY = ("log_connections", "log_destination", "log_replication_commands")  # no account can have its own


_DIALECT: sa.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def _quoted(name: str) -> str:
    return str(_DIALECT.identifier_preparer.quote(name))


@dataclass(frozen=True)
class Override:
    """Settings of one account, one database, or one account in one database. Empty: all of them."""

    account: str
    database: str
    settings: Mapping[str, str]

    def line(self, setting: str, value: str) -> str:
        """The statement that mends it: identifiers are quoted as SQL has them."""
        if not self.account:
            return f"ALTER DATABASE {_quoted(self.database)} SET {setting} = {value}"
        where = f" IN DATABASE {_quoted(self.database)}" if self.database else ""
        return f"ALTER ROLE {_quoted(self.account)}{where} SET {setting} = {value}"

    def __str__(self) -> str:
        names = [f"account {self.account}"] if self.account else []
        return " in ".join([*names, *([f"database {self.database}"] if self.database else [])]) or "everybody"


@dataclass(frozen=True)
class PostgresServer:
    """What a PostgreSQL server says about its settings."""

    settings: Mapping[str, str]
    overrides: Sequence[Override]
    superusers: Sequence[str]  # that can log in
    may_set: Sequence[str]  # others that may set pgaudit.log
    granted_to: Sequence[str]  # the roles that were given that right

    @staticmethod
    def ask(connection: sa.Connection) -> PostgresServer:
        """Read them. Any account may: nothing here needs a privilege."""
        shown = connection.execute(sa.text("select name, setting from pg_settings"))
        settings: dict[str, str] = {row.name: row.setting for row in shown}
        kept = connection.execute(
            sa.text(
                "select coalesce(r.rolname, '') as account, coalesce(d.datname, '') as dbname, s.setconfig as config "
                "from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole "
                "left join pg_database d on d.oid = s.setdatabase"
            )
        )
        overrides = [Override(row.account, row.dbname, dict(c.split("=", 1) for c in row.config)) for row in kept]
        supers = connection.execute(sa.text("select rolname from pg_roles where rolsuper and rolcanlogin order by 1")).scalars()
        may_set: Sequence[str] = []
        granted: Sequence[str] = []
        if int(settings.get("server_version_num", "0")) >= 150000 and "pgaudit.log" in settings:
            asked = sa.text(
                "select rolname from pg_roles where rolcanlogin and not rolsuper "
                "and has_parameter_privilege(rolname, 'pgaudit.log', 'SET') order by 1"
            )
            may_set = connection.execute(asked).scalars().all()
            given = sa.text(
                "select coalesce(r.rolname, 'PUBLIC') from pg_parameter_acl p, aclexplode(p.paracl) a "
                "left join pg_roles r on r.oid = a.grantee "
                "where p.parname = 'pgaudit.log' and a.privilege_type = 'SET' and not coalesce(r.rolsuper, false) order by 1"
            )
            granted = connection.execute(given).scalars().all()
        return PostgresServer(settings, overrides, supers.all(), may_set, granted)


def postgres_checks(name: str, server: PostgresServer, accounts: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    """What this server does not show. ``accounts``: globs of each vendor's accounts."""
    what = f"audit of {name}"
    if "pgaudit.log" not in server.settings:
        yield Check(
            what, "problem", "pgAudit is not loaded: reads leave no trace", "shared_preload_libraries = 'pgaudit', then restart"
        )
        return
    for setting, lost, good in _PG_WANTED:
        value = server.settings.get(setting)
        if value is not None and (missing := lost(value)):
            yield Check(what, "note", f"{setting} = {value}: {missing}", f"set {setting} = {good}")
        for own in server.overrides:
            value = own.settings.get(setting)
            if value is not None and setting not in _PG_SERVER_ONLY and (missing := lost(value)):
                vendor = _vendor_of(own.account, accounts)
                state = "problem" if vendor or not own.account else "note"
                whose = f"{own}{f' (vendor {vendor})' if vendor else ''}"
                yield Check(what, state, f"{setting} = {value} for {whose}: {missing}", own.line(setting, good))
    role = server.settings.get("pgaudit.role", "")
    if role and "read" not in logged_classes(server.settings["pgaudit.log"]):
        # observed with pgAudit 1.7: with row counts a line is written when a query ends, and these end without one
        lost_acts = (
            "reads of their copies and functions with their owners' rights leave no line"
            if server.settings.get("pgaudit.log_rows") != "on"
            else "with row counts on, COPY of a table, every pg_dump, cursors, functions with their owners' rights and reads of "
            "copies leave no line"
        )
        yield Check(what, "problem", f"only tables granted to {role} are audited: {lost_acts}", "set pgaudit.log = 'all'")
    if server.settings.get("pgaudit.log_catalog") == "off":
        lost_reads = "reads of pg_shadow, pg_stats and other catalogues alone are not seen"
        yield Check(what, "note", f"pgaudit.log_catalog = off: {lost_reads}", "set pgaudit.log_catalog = on, if the log may grow")
    for account in server.superusers:
        if vendor := _vendor_of(account, accounts):
            detail = f"account {account} of vendor {vendor} is a superuser: it can switch auditing off without a trace"
            yield Check(what, "problem", detail, f"ALTER ROLE {_quoted(account)} NOSUPERUSER")
    for account in server.may_set:
        vendor = _vendor_of(account, accounts)
        detail = f"account {account} may set pgaudit.log: it can switch auditing off for itself"
        roles = ", ".join(role if role == "PUBLIC" else _quoted(role) for role in server.granted_to)
        yield Check(what, "problem" if vendor else "note", detail, f"REVOKE SET ON PARAMETER pgaudit.log FROM {roles}")


def _vendor_of(account: str, accounts: Mapping[str, Sequence[str]]) -> str:
    found = (name for name, globs in accounts.items() if account and any(fnmatchcase(account, g) for g in globs))
    return next(found, "")


# -- MariaDB with server_audit --------------------------------------------------------------------------------------

_EVENTS: Mapping[str, str] = {
    "CONNECT": "logins, refused logins and addresses",
    "QUERY": "every statement",
    "TABLE": "the tables behind views, procedures and cut statements",
}
_QUERY_PARTS = ("QUERY_DDL", "QUERY_DML", "QUERY_DML_NO_SELECT", "QUERY_DCL")
_SMALL_LOG = 100_000_000


def ask_mariadb(connection: sa.Connection) -> dict[str, str]:
    """The settings of a MariaDB server that matter here, lower case; ``load_option`` is the plug-in's."""
    wanted = (
        "show global variables where variable_name like 'server_audit%' or variable_name in "
        "('version', 'slow_query_log', 'long_query_time', 'min_examined_row_limit', 'log_slow_rate_limit', 'log_output')"
    )
    settings = {str(row[0]).lower(): str(row[1]) for row in connection.execute(sa.text(wanted))}
    asked = sa.text("select load_option from information_schema.plugins where plugin_name = 'SERVER_AUDIT'")
    option = connection.execute(asked).scalar()
    return settings if option is None else {**settings, "load_option": str(option)}


def mariadb_checks(
    name: str,
    settings: Mapping[str, str],
    accounts: Mapping[str, Sequence[str]],
    sources: Sequence[Mapping[str, str]],
) -> Iterator[Check]:
    """What this server does not show. ``sources``: options of its ``mariadb_server_audit`` sources."""
    what = f"audit of {name}"
    if "server_audit_logging" not in settings:
        lines = "plugin_load_add = server_audit, server_audit = FORCE_PLUS_PERMANENT, server_audit_logging = ON, then restart"
        yield Check(what, "problem", "the plug-in server_audit is not loaded: nothing leaves a trace", lines)
        return
    if settings["server_audit_logging"].upper() != "ON":
        yield Check(what, "problem", "server_audit_logging = OFF: nothing leaves a trace", _set("server_audit_logging", "ON"))
    if settings.get("load_option", "").upper() not in ("", "FORCE_PLUS_PERMANENT"):
        detail = "the plug-in can be taken out while the server runs (UNINSTALL SONAME)"
        yield Check(what, "note", detail, "set server_audit = FORCE_PLUS_PERMANENT in the server's configuration")
    yield from _mariadb_events(what, settings.get("server_audit_events", ""))
    yield from _mariadb_users(what, settings, accounts)
    yield from _mariadb_output(what, settings, sources)
    yield from _mariadb_counts(what, settings, sources)


def _set(setting: str, value: str) -> str:
    return f"SET GLOBAL {setting} = {value}, and the same in the server's configuration"


def _mariadb_events(what: str, value: str) -> Iterator[Check]:
    events = {word.strip().upper() for word in value.split(",") if word.strip()}
    if not events:
        return  # empty means all
    lost = [f"{event} ({shows})" for event, shows in _EVENTS.items() if event not in events]
    if not lost:
        return
    detail = f"server_audit_events = {value}: no trace of " + "; ".join(lost)
    parts = events & set(_QUERY_PARTS)
    if "QUERY" not in events and parts:
        detail += ", but for " + ", ".join(sorted(parts)) + "; SET, CALL, HANDLER and DO are in none of these"
        if parts.isdisjoint({"QUERY_DML"}):
            detail += ", and no SELECT is"
    yield Check(what, "problem", detail, _set("server_audit_events", "'CONNECT,QUERY,TABLE'"))


def _mariadb_users(what: str, settings: Mapping[str, str], accounts: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    excluded, included = (
        [user.strip() for user in settings.get(f"server_audit_{which}_users", "").split(",") if user.strip()]
        for which in ("excl", "incl")
    )
    if included:
        vendors = [name for name, globs in accounts.items() for g in globs if not any(fnmatchcase(u, g) for u in included)]
        detail = f"server_audit_incl_users = {','.join(included)}: nobody else leaves a trace, but for log-ins"
        if vendors:
            detail += f"; vendor {vendors[0]} is not among them"
        yield Check(what, "problem" if vendors else "note", detail, _set("server_audit_incl_users", "''"))
    elif excluded:  # the other list wins over this one
        vendors = [vendor for user in excluded if (vendor := _vendor_of(user, accounts))]
        detail = f"server_audit_excl_users = {','.join(excluded)}: no statement of theirs leaves a trace, whatever it reads"
        if vendors:
            detail += f"; vendor {vendors[0]} is among them"
        yield Check(what, "problem" if vendors else "note", detail, _set("server_audit_excl_users", "''"))


def _mariadb_output(what: str, settings: Mapping[str, str], sources: Sequence[Mapping[str, str]]) -> Iterator[Check]:
    output = settings.get("server_audit_output_type", "file")
    if output != "file":
        yield Check(
            what,
            "problem",
            f"server_audit_output_type = {output}: nothing is written to files, and syslog cuts lines",
            _set("server_audit_output_type", "'file'"),
        )
    limit = settings.get("server_audit_query_log_limit", "1024")
    for options in sources:
        told = options.get("query_log_limit", "1024")
        if told != limit:
            detail = f"the server cuts statements at {limit} bytes, this source is told {told}: cut ones would be taken for whole"
            yield Check(what, "problem", detail, f"set query_log_limit: {limit} at the audit source")
    if limit.isdigit() and 0 < int(limit) <= 1024:
        detail = (
            f"server_audit_query_log_limit = {limit}: longer statements are cut, and what was cut counts as reading everything"
        )
        line = _set("server_audit_query_log_limit", "65536")
        yield Check(what, "note", detail, f"{line}; then query_log_limit: 65536 at the audit source")
    size, kept = (settings.get(f"server_audit_file_{part}", "") for part in ("rotate_size", "rotations"))
    if output == "file" and size.isdigit() and kept.isdigit() and int(kept) > 0 and int(size) * int(kept) < _SMALL_LOG:
        detail = (
            f"the log keeps {int(size) * int(kept) / 1e6:,.0f} MB: a burst of statements pushes older ones out between two scans"
        )
        yield Check(what, "note", detail, _set("server_audit_file_rotate_size", "100000000, server_audit_file_rotations = 50"))


def _mariadb_counts(what: str, settings: Mapping[str, str], sources: Sequence[Mapping[str, str]]) -> Iterator[Check]:
    if any("slow_log" in options for options in sources):
        wanted = {"slow_query_log": "ON", "long_query_time": "0", "min_examined_row_limit": "0", "log_slow_rate_limit": "1"}
        for setting, good in wanted.items():
            value = settings.get(setting, good)
            if value.upper() != good and not (good.isdigit() and _number(value) == int(good)):
                detail = f"{setting} = {value}: statements are missing from the slow log, and their rows are estimated"
                yield Check(what, "note", detail, _set(setting, good))
        if "FILE" not in settings.get("log_output", "FILE").upper():
            yield Check(what, "note", "log_output: the slow log is not written to a file", _set("log_output", "'FILE'"))
    elif sources and not any("row_counts" in options for options in sources):
        detail = "without row counts every number is an estimate"
        yield Check(what, "note", detail, "name slow_log, or row_counts: performance_schema, at the audit source")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


__all__ = [
    "Check",
    "Override",
    "PostgresServer",
    "ask_mariadb",
    "logged_classes",
    "mariadb_checks",
    "postgres_checks",
]
