"""BigQuery's data-access audit logs: Cloud Logging's ``LogEntry`` objects in JSON, as a log sink writes them.

``protoPayload.metadata`` is documented at
https://cloud.google.com/bigquery/docs/reference/auditlogs/rest/Shared.Types/BigQueryAuditMetadata, the older
``protoPayload.serviceData`` at …/Shared.Types/AuditData, the envelope at
https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog. Numbers are strings there.

* A job is told when it begins and when it is done; the last one counts: ``jobChange`` with the state DONE, or
  ``jobCompletedEvent``. ``outputRowCount`` (``queryOutputRowCount``) is the number of rows of the result;
* ``tableDataRead`` repeats what a job reads. Read without a job (tabledata.list, the Storage Read API) it is an act of its own:
  the log tells the table but no rows;
* jobs have no session: each is one of its own, under its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import CUT_MARK, RecordKind
from scanner.sources.json_records import Fields, JsonSource, filled, table, utc, whole_number
from scanner.sources.sql_words import commands

_META = "$.protoPayload.metadata"
_JOB = f"{_META}.jobChange.job"
_OLD = "$.protoPayload.{}.jobCompletedEvent.job"
_PATHS = {
    "time": "$.timestamp",
    "insert": "$.insertId",
    "service": "$.protoPayload.serviceName",
    "method": "$.protoPayload.methodName",
    "resource": "$.protoPayload.resourceName",
    "user": "$.protoPayload.authenticationInfo.principalEmail",
    "ip": "$.protoPayload.requestMetadata.callerIp",
    "agent": "$.protoPayload.requestMetadata.callerSuppliedUserAgent",
    "code": "$.protoPayload.status.code",
    "problem": "$.protoPayload.status.message",
    "job": f"{_JOB}.jobName",
    "state": f"{_JOB}.jobStatus.jobState",
    "error": f"{_JOB}.jobStatus.errorResult.code",
    "what": f"{_JOB}.jobConfig.type",
    "query": f"{_JOB}.jobConfig.queryConfig.query",
    "cut": f"{_JOB}.jobConfig.queryConfig.queryTruncated",
    "dataset": f"{_JOB}.jobConfig.queryConfig.defaultDataset",
    "extracted": f"{_JOB}.jobConfig.extractConfig.sourceTable",
    "copied": f"{_JOB}.jobConfig.tableCopyConfig.sourceTables",
    "rows": f"{_JOB}.jobStats.queryStats.outputRowCount",
    "tables": f"{_JOB}.jobStats.queryStats.referencedTables",
    "views": f"{_JOB}.jobStats.queryStats.referencedViews",
    "read": f"{_META}.tableDataRead",
    "reason": f"{_META}.tableDataRead.reason",
    "read_job": f"{_META}.tableDataRead.jobName",
}
for _n, _key in enumerate(("serviceData", "servicedata")):
    _job = _OLD.format(_key)
    _PATHS |= {
        f"old_job{_n}": f"{_job}.jobName.jobId",
        f"old_project{_n}": f"{_job}.jobName.projectId",
        f"old_state{_n}": f"{_job}.jobStatus.state",
        f"old_error{_n}": f"{_job}.jobStatus.error.code",
        f"old_query{_n}": f"{_job}.jobConfiguration.query.query",
        f"old_dataset{_n}": f"{_job}.jobConfiguration.query.defaultDataset.datasetId",
        f"old_extract{_n}": f"{_job}.jobConfiguration.extract.sourceTable",
        f"old_copy{_n}": f"{_job}.jobConfiguration.tableCopy.sourceTables",
        f"old_rows{_n}": f"{_job}.jobStatistics.queryOutputRowCount",
        f"old_tables{_n}": f"{_job}.jobStatistics.referencedTables",
        f"old_views{_n}": f"{_job}.jobStatistics.referencedViews",
    }

# google.rpc.Code by the SQLSTATE that means the same
_CODES = {"1": "57014", "3": "42601", "4": "57014", "5": "42P01", "6": "42P07", "7": "42501", "16": "28000", "8": "53000"}
_TABLE = re.compile(r"\A(?:projects/[^/]+/)?datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)\Z")
_OWN_ACTS = ("JOB", "")  # reasons of tableDataRead that a job tells of as well


class BigqueryAudit(JsonSource):
    """Audit source ``bigquery_audit``: ``path`` is a file or a glob over exported LogEntry objects."""

    type = "bigquery_audit"
    paths = _PATHS
    mark = b'"protoPayload"'

    def is_record(self, values: Mapping[str, pa.Array]) -> pa.Array:
        return pc.and_(
            values["time"].is_valid(),
            pc.or_(pc.equal(values["service"], "bigquery.googleapis.com"), pc.fill_null(values["method"].is_valid(), False)),
        )

    def records(self, fields: Fields, base: int, before: Callable[[], Fields]) -> pa.Table:  # noqa: ARG002 - each record stands alone
        def old(name: str) -> pa.Array:
            return pc.coalesce(fields[f"old_{name}0"], fields[f"old_{name}1"])

        state = pc.fill_null(pc.coalesce(fields["state"], old("state")), "")
        done = pc.equal(state, "DONE")
        ended = pc.or_(done, pc.and_(old("job").is_valid(), pc.equal(state, "")))
        reason = pc.fill_null(fields["reason"], "")
        alone = pc.and_(fields["read"].is_valid(), pc.invert(pc.is_in(reason, pa.array(_OWN_ACTS))))
        code = pc.coalesce(fields["error"], old("error"), fields["code"])
        failed = pc.invert(pc.is_in(pc.fill_null(code, "0"), pa.array(["0", ""])))
        acts = pc.or_(ended, alone)
        kind = pc.if_else(failed, str(RecordKind.ERROR), pc.if_else(acts, str(RecordKind.AUDIT), str(RecordKind.OTHER)))
        audited, is_error = pc.equal(kind, str(RecordKind.AUDIT)), pc.equal(kind, str(RecordKind.ERROR))
        told = pc.or_(audited, is_error)
        query = filled(pc.coalesce(fields["query"], old("query")))
        cut = pc.fill_null(pc.equal(fields["cut"], "true"), False)
        text = pc.if_else(cut, pc.binary_join_element_wise(query, CUT_MARK, ""), query)
        said, said_class = commands(text)
        extracts = pc.coalesce(fields["extracted"], old("extract")).is_valid()
        copies = pc.coalesce(fields["copied"], old("copy")).is_valid()
        command = pc.coalesce(
            said, pc.if_else(extracts, "EXTRACT", pc.if_else(copies, "COPY TABLE", fields["reason"])), fields["what"]
        )
        project_job = pc.binary_join_element_wise("projects", old("project"), "jobs", old("job"), "/")
        names = _names(
            pc.coalesce(fields["tables"], old("tables")),
            pc.coalesce(fields["views"], old("views")),
            pc.coalesce(fields["extracted"], old("extract")),
            pc.coalesce(fields["copied"], old("copy")),
            pc.if_else(alone, fields["resource"], None),
        )
        dataset = pc.coalesce(
            pc.struct_field(pc.extract_regex(fields["dataset"], r"datasets/(?P<name>[^/]+)\z"), "name"), old("dataset")
        )
        one = pc.if_else(told, 1, None)
        return table(
            {
                "kind": kind,
                "time": utc(fields["time"]),
                "account": filled(fields["user"]),
                "dbname": filled(dataset),
                "client_addr": filled(fields["ip"]),
                "app_name": filled(fields["agent"]),
                "session": pc.coalesce(fields["job"], project_job, fields["insert"]),
                "session_line": one,
                "severity": pc.if_else(is_error, "ERROR", "LOG"),
                "error_code": pc.if_else(is_error, _codes(code), "00000"),
                "message": pc.if_else(audited, None, pc.coalesce(filled(fields["problem"]), fields["method"])),
                "audit_class": pc.if_else(audited, pc.coalesce(said_class, "READ"), None),
                "command": pc.if_else(told, command, None),
                "object_type": pc.if_else(pc.not_equal(names, ""), "TABLE", None),
                "object_name": filled(names),
                "statement_id": one,
                "substatement_id": one,
                "statement": pc.if_else(told, text, None),
                "rows": pc.if_else(audited, whole_number(pc.coalesce(fields["rows"], old("rows"))), None),
            },
            fields,
            base,
        )


def _codes(code: pa.Array) -> pa.Array:
    coded = code.dictionary_encode()
    return pa.array([_CODES.get(c, f"BQ{c}") for c in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _names(*columns: pa.Array) -> pa.Array:
    """``dataset.table`` of all that the columns name, joined by U+001F; worked out once a distinct value."""
    both = pc.binary_join_element_wise(*columns, "\x1e", null_handling="replace", null_replacement="").dictionary_encode()
    joined = []
    for text in both.dictionary.to_pylist():
        found = {name for part in text.split("\x1e") if part for name in _named(part)}
        joined.append("\x1f".join(sorted(found)))
    return pa.array(joined, pa.string()).take(both.indices)


def _named(part: str) -> Iterator[str]:
    """Tables in a resource name, in a JSON array of them, or in (an array of) objects with datasetId and tableId."""
    if part[:1] in "[{":
        try:
            found = json.loads(part)
        except (ValueError, RecursionError):
            return
        for item in found if isinstance(found, list) else [found]:
            if isinstance(item, str):
                yield from _named(item)
            elif isinstance(item, dict) and item.get("datasetId") and item.get("tableId"):
                yield f"{item['datasetId']}.{item['tableId']}"
    elif match := _TABLE.match(part):
        yield f"{match['dataset']}.{match['table']}"


__all__ = ["BigqueryAudit"]
