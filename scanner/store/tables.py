"""Tables of the state database. Times are UTC, stored as ISO 8601 text so that SQLite and PostgreSQL agree to the microsecond."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

# -- the way in: what has been read, by which run ----------------------------------------------------------------

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("started_at", String(32), nullable=False),
    Column("finished_at", String(32)),
    Column("status", String(16), nullable=False),  # running | complete | incomplete | failed
    Column("databases", Text, nullable=False),  # JSON list
    Column("records", BigInteger, nullable=False, default=0),
    Column("events", BigInteger, nullable=False, default=0),
    Column("skips", BigInteger, nullable=False, default=0),
    Column("notices", Text, nullable=False, default="[]"),  # JSON list of {path, reason, hint}
)

source_file = Table(
    "source_file",
    metadata,
    Column("source_id", String(255), primary_key=True),
    Column("file_id", String(64), primary_key=True),
    Column("path", Text, nullable=False),
    Column("head_length", Integer, nullable=False),
    Column("device", BigInteger, nullable=False, default=0),
    Column("inode", BigInteger, nullable=False, default=0),
    Column("position", BigInteger, nullable=False),
    Column("updated_at", String(32), nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("run_id", Integer, nullable=False),
    Column("database", String(255), nullable=False),
    Column("source_id", String(255), nullable=False),
    Column("file_id", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("skips", BigInteger, nullable=False),
    Column("first_event", String(32)),
    Column("last_event", String(32)),
    Column("raw_sha256", String(64), nullable=False),
    Column("events_sha256", String(64), nullable=False),
    Column("staged", Text),  # StagedBatch as JSON until the Delta commit is known to have happened, then null
    Column("evaluated", Boolean, nullable=False, default=False),  # have the rules seen it
    Column("created_at", String(32), nullable=False),
    Index("ix_batch_evaluated", "evaluated"),
    Index("ix_batch_file", "source_id", "file_id", "start"),
)

skip = Table(
    "skip",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("batch_id", BigInteger, nullable=False),
    Column("source_id", String(255), nullable=False),
    Column("file_id", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_skip_batch_id", "batch_id"),
)

# -- what later records of a session need to know from earlier ones ----------------------------------------------

session_state = Table(
    "session_state",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("document", LargeBinary, nullable=False),  # Arrow tables of scanner.ingest, one stream after the other
    Column("updated_at", String(32), nullable=False),
)

# -- the log as evidence: what is remembered about each audit source, and what was found wrong with its log ---------

continuity = Table(
    "continuity",
    metadata,
    Column("source_id", String(255), primary_key=True),
    Column("document", LargeBinary, nullable=False),  # scanner.continuity.SourceState
    Column("files", LargeBinary),  # scanner.continuity.files.Files
    Column("updated_at", String(32), nullable=False),
)

observation = Table(
    "observation",
    metadata,
    Column("event_id", String(512), primary_key=True),
    Column("database", String(255), nullable=False),
    Column("source_id", String(255), nullable=False),
    Column("sign", String(64), nullable=False),  # scanner.continuity.Sign
    Column("at", String(32), nullable=False),
    Column("what", Text, nullable=False),  # a plain sentence
    Column("count", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("facts", Text, nullable=False),  # the same in numbers, JSON
    Column("created_at", String(32), nullable=False),
    Index("ix_observation_source_id", "source_id"),
)

# -- shapes and the PII catalogue --------------------------------------------------------------------------------

shape = Table(
    "shape",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("shape", String(32), primary_key=True),
    Column("schema_version", String(64), nullable=False),  # catalogue the lineage was resolved against
    Column("kind", String(32), nullable=False),
    Column("statement", Text, nullable=False),  # literals masked
    Column("facts", Text, nullable=False),  # exposure facts as JSON (scanner.exposure)
    Column("first_seen", String(32), nullable=False),
)

catalog = Table(
    "catalog",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("scanned_at", String(32), nullable=False),
    Column("document", Text, nullable=False),  # scanner.catalog.to_json
    Column("gaps", Text, nullable=False, default="[]"),
)

catalog_decision = Table(  # only ever added to: the last row about a column is in force
    "catalog_decision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("database", String(255), nullable=False),
    Column("schema", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("column", String(255), nullable=False),
    Column("what", String(16), nullable=False),  # confirm | override | withdraw
    Column("pii_class", String(64)),  # null: not personal
    Column("form", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("at", String(32), nullable=False),
    Index("ix_catalog_decision_database", "database"),
)

table_size = Table(  # a row whenever a catalogue scan found another size
    "table_size",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("schema", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("at", String(32), primary_key=True),
    Column("rows", BigInteger),
    Column("persons", BigInteger),
    Column("bytes", BigInteger),
)

derived_table = Table(
    "derived_table",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("schema", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("document", Text, nullable=False),  # the copy's columns, size and people, as JSON
    Column("since", String(32), nullable=False),
)

# -- habits -------------------------------------------------------------------------------------------------------

habit_account = Table(
    "habit_account",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("account", String(255), primary_key=True),
    Column("vendor", String(255)),  # whose it last was; null: the company's own
    Column("first_event", String(32), nullable=False),
    Column("last_event", String(32), nullable=False),
)

habit_seen = Table(
    "habit_seen",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("account", String(255), primary_key=True),
    Column("what", String(16), primary_key=True),  # shape | ip | app | table | hour
    Column("value", String(512), primary_key=True),
    Column("first_seen", String(32), nullable=False),
)

habit_day = Table(
    "habit_day",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("account", String(255), primary_key=True),
    Column("day", String(10), primary_key=True),  # local day
    Column("persons", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("largest", BigInteger, nullable=False, server_default="0"),  # people of the largest statement
    # what was usual when the day began, fixed at its first event; null in days that were stored before this was kept
    Column("usual", Float),
    Column("spread", Float),
    Column("usual_source", String(8)),  # own | young | peers | none
    Column("reference", Float),
    Column("above", Integer, nullable=False, server_default="0"),
    Column("excess", BigInteger, nullable=False, server_default="0"),
    Column("largest_before", BigInteger, nullable=False, server_default="0"),
)

export_day = Table(
    "export_day",
    metadata,
    Column("database", String(255), primary_key=True),
    Column("vendor", String(255), primary_key=True),
    Column("export", Integer, primary_key=True),  # index into the contract's exports
    Column("day_local", String(10), primary_key=True),
    Column("rows", BigInteger, nullable=False),
)

contract_version = Table(
    "contract_version",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("vendor", String(255), nullable=False),
    Column("document", Text, nullable=False),
    Column("first_used", String(32), nullable=False),
)

# -- findings -----------------------------------------------------------------------------------------------------

hit_part = Table(
    "hit_part",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("finding_id", String(32), nullable=False),
    Column("principal", String(512), nullable=False),  # whom findings group by
    Column("rows", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),  # scanner.findings.hits: one evaluation's hits of one finding
    Index("ix_hit_part_finding_id", "finding_id"),
    Index("ix_hit_part_principal", "principal"),
)

finding = Table(
    "finding",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("dedup_key", String(512), nullable=False),
    Column("database", String(255), nullable=False),
    Column("vendor", String(255)),
    Column("level", String(16), nullable=False),
    Column("status", String(16), nullable=False),  # OCSF: new | in_progress | suppressed | resolved
    Column("verdict", String(32)),
    Column("first_event", String(32), nullable=False),
    Column("last_event", String(32), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
    Column("follows", String(32)),  # an earlier, closed finding of the same dedup key
    Column("assignee", String(255)),
    # the clocks of a possible breach, each set once by a person (acknowledged: by taking the finding up)
    Column("acknowledged_at", String(32)),
    Column("possible_breach_at", String(32)),
    Column("aware_at", String(32)),
    Column("notified_at", String(32)),
    Column("document", Text, nullable=False),  # the finding as served, JSON
    Index("ix_finding_dedup_key", "dedup_key"),
    Index("ix_finding_status", "status", "level"),
)

finding_history = Table(
    "finding_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("finding_id", String(32), nullable=False),
    Column("at", String(32), nullable=False),
    Column("actor", String(255), nullable=False),
    Column("what", String(64), nullable=False),
    Column("detail", Text, nullable=False, default="{}"),
    Index("ix_finding_history_finding_id", "finding_id"),
)

# -- agreed exceptions from rules ------------------------------------------------------------------------------------

suppression = Table(
    "suppression",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("status", String(16), nullable=False),  # proposed | in_force | withdrawn | revoked | expired
    Column("scope", Text, nullable=False),  # scanner.findings.suppression.Scope as JSON
    Column("level", String(16), nullable=False),  # the highest level it may hide
    Column("max_persons", BigInteger, nullable=False),  # the most people a finding that it hides may have exposed
    Column("reason", Text, nullable=False),
    Column("author", String(255), nullable=False),
    Column("approver", String(255)),
    Column("created_at", String(32), nullable=False),
    Column("approved_at", String(32)),
    Column("expires_at", String(32), nullable=False),
    Column("warned_at", String(32)),
    Column("updated_at", String(32), nullable=False),
)

suppression_history = Table(
    "suppression_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("suppression_id", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("actor", String(255), nullable=False),
    Column("what", String(64), nullable=False),  # proposed | approved | ending | withdrawn | revoked | expired
    Column("detail", Text, nullable=False, default="{}"),
    Index("ix_suppression_history_suppression_id", "suppression_id"),
)

# -- telling people ------------------------------------------------------------------------------------------------

notification = Table(
    "notification",
    metadata,
    Column("id", String(64), primary_key=True),  # from finding, reason and channel: planned twice is planned once
    Column("finding_id", String(32), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("reason", String(32), nullable=False),  # what happened to the finding, or escalation | fallback | test
    Column("step", Integer, nullable=False, default=0),  # of an escalation: 1, 2 …
    Column("level", String(16), nullable=False),
    Column("digest", Boolean, nullable=False, default=False),  # goes out together with others of its channel
    Column("planned_at", String(32), nullable=False),
    Column("due_at", String(32), nullable=False),
    Column("state", String(16), nullable=False),  # waiting | sending | sent | dead | dropped
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_error", Text),
    Column("claimed_until", String(32)),
    Column("sent_at", String(32)),
    Index("ix_notification_state", "state", "due_at"),
    Index("ix_notification_finding_id", "finding_id"),
)

notify_cursor = Table(
    "notify_cursor",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),  # last finding_history.id that has been planned for
)

# -- access to the API ----------------------------------------------------------------------------------------------

api_token = Table(
    "api_token",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("last_used_at", String(32)),
    Column("revoked_at", String(32)),
)
