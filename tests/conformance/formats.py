"""The file formats under test. A new source joins with one line in :data:`FORMATS`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanner.model import Slice
from tests.sources import csvlog, json_logs, jsonlog, server_audit, stderr
from tests.sources.csvlog import Ledger, audit


@dataclass(frozen=True)
class Format:
    """How one source's log says that statement number ``n`` had this text."""

    type: str  # of the configuration
    render: Callable[[str, int], bytes]  # one whole record
    options: Mapping[str, str] = field(default_factory=dict)
    said: Callable[[str], str] = str  # what is left of a text when it was logged
    zone: str = "Asia/Seoul"
    name: str = ""  # of a variant
    told: Callable[[str], str] = str  # the text that a logged statement holds
    between: bytes = b""  # what stands between two records and belongs to none

    def __str__(self) -> str:
        return self.name or self.type

    def length(self, record: bytes) -> int:
        """Bytes of a rendered record that are the record."""
        return len(record.strip(self.between)) if self.between else len(record)


def json_format(type: str, render: Callable[[str, int], bytes], **more: Any) -> Format:  # noqa: A002 - the configuration's word
    """Logs of JSON objects: what stands between two of them is no part of either."""
    return Format(type, render, between=b" \n\r\t,[]", **more)


def _comma(record: Callable[[str, int], dict[str, Any]], **how: Any) -> Callable[[str, int], bytes]:
    """Records of one array, each begun with what stands before it, as MySQL writes them."""
    return lambda text, n: b",\n" + json_logs.line(record(text, n), **how).rstrip()


FORMATS = [
    Format("postgres_csvlog", lambda text, n: csvlog.record(audit(text, number=n), line=n)),
    Format("postgres_jsonlog", lambda text, n: jsonlog.record(audit(text, number=n), line=n)),
    Format("postgres_stderr", lambda text, n: stderr.record(audit(text, number=n), line=n), {"log_line_prefix": stderr.PREFIX}),
    Format(
        "mariadb_server_audit",
        lambda text, n: server_audit.query(text, number=n, limit=0),
        {"query_log_limit": "0"},
        said=lambda text: text.replace("\t", " "),  # the plug-in writes a blank for a tab
        zone="UTC",
    ),
    Format(
        "mariadb_server_audit",
        lambda text, n: server_audit.query(text, number=n, limit=0, host="10.0.0.7:41234"),
        {"query_log_limit": "0"},
        said=lambda text: text.replace("\t", " "),
        zone="UTC",
        name="mariadb_server_audit-12",
    ),
    json_format("mysql_audit_json", lambda text, n: json_logs.line(json_logs.mysql(text, n))),
    json_format("mysql_audit_json", _comma(lambda text, n: json_logs.mysql(text, n), indent=2), name="mysql_audit_json-pretty"),
    json_format("mysql_audit_json", lambda text, n: json_logs.line(json_logs.percona(text, n)), name="mysql_audit_json-percona"),
    json_format("aws_das", lambda text, n: json_logs.line(json_logs.das(text, n))),
    json_format("bigquery_audit", lambda text, n: json_logs.line(json_logs.bigquery(text, n))),
    json_format(
        "mongodb_audit",
        lambda text, n: json_logs.line(json_logs.find(text)),
        told=lambda statement: json.loads(statement)["args"]["comment"],
    ),
]


def _stderr(name: str, prefix: str) -> Format:
    return Format(
        "postgres_stderr",
        lambda text, n: stderr.record(audit(text, number=n), line=n, prefix=prefix),
        {"log_line_prefix": prefix},
        name=f"postgres_stderr-{name}",
    )


def _csvlog(width: int) -> Format:
    return Format(
        "postgres_csvlog",
        lambda text, n: csvlog.record(audit(text, number=n), line=n, width=width),
        name=f"postgres_csvlog-{width}",
    )


VARIANTS = [
    _csvlog(23),
    _csvlog(24),
    _stderr("default", "%m [%p] "),
    _stderr("rds", "%t:%r:%u@%d:[%p]:"),
    _stderr("pgbadger", "%t [%p]: user=%u,db=%d,app=%a,client=%h "),
    _stderr("padded", "%m|%-12u|%12d|%5p|%-10l|%e|%b|%q%c %s "),
    _stderr("azure", "%t-%c-"),
    _stderr("names", "%n %c %l %q%u@%d,app=%a "),
    json_format(
        "mysql_audit_json",
        lambda text, n: b"".join(map(json_logs.line, json_logs.mysql_events(text, n))),
        name="mysql_audit_json-events",
    ),
    json_format("aws_das", lambda text, n: json_logs.line(json_logs.wrapped(json_logs.das(text, n))), name="aws_das-wrapped"),
    json_format(
        "aws_das",
        lambda text, n: json_logs.line(json_logs.wrapped(*json_logs.das_pair(text, n), outer=True)),
        name="aws_das-aurora-mysql",
    ),
    json_format(
        "aws_das", lambda text, n: json_logs.line(json_logs.das(text, n, server="Oracle", rowCount=None)), name="aws_das-oracle"
    ),
    json_format(
        "aws_das",
        lambda text, n: json_logs.line(json_logs.das(text, n, server="SQLSERVER", exitCode=1)),
        name="aws_das-sqlserver",
    ),
    json_format("bigquery_audit", lambda text, n: json_logs.line(json_logs.bigquery_old(text, n)), name="bigquery_audit-old"),
]
"""More writers of these formats: their records may hold several events, so that not every conformance test fits them."""

BY_NAME = {str(form): form for form in [*FORMATS, *VARIANTS]}


class Scans:
    """Scans of a path, one after the other, as the scheduler makes them."""

    def __init__(self, form: Format, path: Path | str, slice_bytes: int = 2000) -> None:
        self.form = form
        self.folder = Path(path).parent
        self.ledger = Ledger(path, slice_bytes, type=form.type, zone=form.zone, **form.options)

    def scan(self, *, quiet: bool = True) -> list[Slice]:
        """One scan. ``quiet``: nobody has written for a while, so that what is there is whole."""
        if quiet:
            for path in self.folder.iterdir():
                past = path.stat().st_mtime_ns - 3600 * 10**9
                os.utime(path, ns=(past, past))
        return self.ledger.scan()

    @property
    def notices(self) -> list[str]:
        return [notice.reason for notice in self.ledger.notices]

    @property
    def texts(self) -> list[str | None]:
        """Statements of audit records, in the order they were read."""
        return [
            self.form.told(row["statement"])
            for piece in self.ledger.slices
            for row in piece.records.select(["kind", "statement"]).to_pylist()
            if row["kind"] == "audit"
        ]

    @property
    def skipped(self) -> int:
        return sum(skip.length for piece in self.ledger.slices for skip in piece.skips)
