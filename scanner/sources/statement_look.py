"""The question to ``pg_stat_statements`` behind :mod:`scanner.sources.statement_totals`.

Apart from it, so that who reads a log alone does not load what talks to databases.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from scanner.remote import reading
from scanner.sources.statement_totals import key_of

STATEMENT_SECONDS = 5

_s = sa.table("pg_stat_statements", *(sa.column(c) for c in ("userid", "dbid", "queryid", "query", "calls", "rows", "toplevel")))
_roles = sa.table("pg_roles", sa.column("oid"), sa.column("rolname"))
_databases = sa.table("pg_database", sa.column("oid"), sa.column("datname"))
_info = sa.table("pg_stat_statements_info", sa.column("dealloc"), sa.column("stats_reset"))


def look(url: str) -> dict[str, Any]:
    """The totals as they are now. Raises :class:`SourceError`."""
    with reading(url, statement_seconds=STATEMENT_SECONDS) as connection:
        info = connection.execute(sa.select(_info.c.dealloc, sa.cast(_info.c.stats_reset, sa.String))).first()
        asked = (
            sa.select(_roles.c.rolname, _databases.c.datname, _s.c.query, sa.func.sum(_s.c.calls), sa.func.sum(_s.c.rows))
            .select_from(_s.join(_roles, _roles.c.oid == _s.c.userid).join(_databases, _databases.c.oid == _s.c.dbid))
            .where(sa.or_(_s.c.query.ilike("copy%"), _s.c.query.ilike("fetch%")))
            .group_by(_roles.c.rolname, _databases.c.datname, _s.c.query)
        )
        found = {
            key_of(user, dbname, text): (int(calls), int(rows)) for user, dbname, text, calls, rows in connection.execute(asked)
        }
    return {"since": [int(info[0]), str(info[1])] if info else [], "totals": found}
