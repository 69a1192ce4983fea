"""Audit sources that are read by SQL: nothing lost, nothing twice, and what the documented columns mean.

No SQL Server, Oracle or Snowflake was at hand: the tables are stand-ins, and the SQL of each engine is compiled and looked at.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql, oracle

from scanner.errors import SourceError
from scanner.model import CUT_MARK, SourceNotice
from scanner.sources import spool
from scanner.sources.oracle_unified import OracleUnified
from scanner.sources.snowflake import Snowflake
from scanner.sources.sql_source import available, relation
from scanner.sources.sqlserver_audit import SqlserverAudit
from tests.sources.standin import Standin, at


def audited(seconds: float, statement: str | None = "select * from crm.customer", **more: Any) -> dict[str, Any]:
    """A row of SQL Server's audit."""
    return {
        "event_time": at(seconds), "sequence_number": 1, "action_id": "SL", "succeeded": True, "session_id": 55,
        "transaction_id": 0, "class_type": "U", "object_id": 9, "server_principal_name": "dlv_app", "server_instance_name": "DB1",
        "database_name": "shop", "schema_name": "crm", "object_name": "customer", "statement": statement, "client_ip": "10.0.0.9",
        "application_name": "sqlcmd", "response_rows": 0, "affected_rows": 0, **more,
    }  # fmt: skip


@pytest.fixture
def mssql_rows(tmp_path: Path) -> Standin:
    return Standin(tmp_path, "sqlserver_audit", table="audit_events")


# -- reading ----------------------------------------------------------------------------------------------------------


def test_equal_times_late_rows_and_purged_tables(mssql_rows: Standin) -> None:
    mssql_rows.add("audit_events", [audited(10, f"select {n}") for n in range(3)])
    assert [r["statement"] for r in mssql_rows.scan()] == ["select 0", "select 1", "select 2"]
    assert mssql_rows.scan() == []
    mssql_rows.add("audit_events", [audited(10, "select 3"), audited(4, "select 'late'"), audited(10, "select 0")])
    assert sorted(r["statement"] for r in mssql_rows.scan()) == ["select 'late'", "select 0", "select 3"]
    mssql_rows.purge("audit_events")
    assert mssql_rows.scan() == []
    mssql_rows.add("audit_events", [audited(11, "select 4")])
    assert [r["statement"] for r in mssql_rows.scan()] == ["select 4"]


def test_a_scan_that_was_killed_while_reading(mssql_rows: Standin) -> None:
    """Rows on disk without a mark, half a line behind them, nothing stored yet."""
    mssql_rows.add("audit_events", [audited(n, f"select {n}") for n in range(5)])
    kept = list(mssql_rows.source._fetch())
    assert kept == []
    (file,) = mssql_rows.spool.glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3]) + lines[3][:40])
    assert [r["statement"] for r in mssql_rows.scan()] == [f"select {n}" for n in range(5)]
    assert mssql_rows.scan() == []


def test_many_files_and_small_slices(mssql_rows: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "FILE_BYTES", 3000)
    monkeypatch.setattr("scanner.sources.sql_source.FETCH_ROWS", 5)
    mssql_rows.add("audit_events", [audited(n * 60, f"select {n}") for n in range(60)])
    assert [r["statement"] for r in mssql_rows.scan(slice_bytes=700)] == [f"select {n}" for n in range(60)]
    mssql_rows.add("audit_events", [audited(n * 60, f"select {n}") for n in range(60, 90)])
    assert [r["statement"] for r in mssql_rows.scan()] == [f"select {n}" for n in range(60, 90)]
    assert len(list(mssql_rows.spool.glob("*.jsonl"))) > 5


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_row_is_read_once(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Rows appear in any order, as late as the overlap allows, over any number of scans, some of which end too early."""
    standin = Standin(tmp_path_factory.mktemp("any"), "sqlserver_audit", table="audit_events", overlap=50)
    latest, found, expected = 0, [], []
    for turn in range(data.draw(st.integers(1, 4))):
        moments = data.draw(st.lists(st.integers(max(0, latest - 49), latest + 80), max_size=12))
        rows = [audited(moment, f"select {turn}, {n // 2}") for n, moment in enumerate(moments)]
        expected += [row["statement"] for row in rows]
        standin.add("audit_events", rows)
        if data.draw(st.booleans()):
            list(standin.source._fetch())  # and then the scan is killed
        else:
            found += [record["statement"] for record in standin.scan(slice_bytes=data.draw(st.sampled_from([1, 500, 1 << 20])))]
        latest = max([latest, *moments])
    found += [record["statement"] for record in standin.scan()]
    assert sorted(found) == sorted(expected)


def test_a_damaged_spool_is_a_skip_and_nothing_else(mssql_rows: Standin) -> None:
    mssql_rows.add("audit_events", [audited(n, f"select {n}") for n in range(3)])
    list(mssql_rows.source._fetch())
    (file,) = mssql_rows.spool.glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + b'{"n":2,"at":"x"\xff\n' + b"".join(lines[2:]))
    (part,) = mssql_rows.source.read([])
    assert not isinstance(part, SourceNotice)
    assert len(part.skips) == 1
    assert [r["statement"] for r in part.records.to_pylist()][:1] == ["select 0"]


def test_a_database_out_of_reach_and_one_without_the_table(tmp_path: Path) -> None:
    away = SqlserverAudit(str(tmp_path / "s" / "*.jsonl"), url="mysql+pymysql://a:geheim@127.0.0.1:1/x", table="t")
    (notice,) = away.read([])
    assert isinstance(notice, SourceNotice)
    assert notice.fatal
    assert "geheim" not in str(notice)
    empty = SqlserverAudit(str(tmp_path / "s" / "*.jsonl"), url=f"sqlite:///{tmp_path / 'e.sqlite'}", table="t")
    assert "no such table" in getattr(empty.probe(), "reason", "")
    with sa.create_engine(empty.url, poolclass=sa.pool.NullPool).begin() as connection:
        connection.exec_driver_sql("create table t (event_time text, statement text)")
    assert "lacks the columns sequence_number, action_id" in getattr(empty.probe(), "reason", "")


# -- SQL Server -------------------------------------------------------------------------------------------------------


def test_what_rows_of_sql_server_mean(mssql_rows: Standin) -> None:
    mssql_rows.add(
        "audit_events",
        [
            audited(0, None, action_id="LGIS", class_type="LX", object_name="", schema_name="", client_ip="local machine"),
            audited(
                1,
                None,
                action_id="LGIF",
                succeeded=False,
                class_type="LX",
                client_ip="192.0.2.7",
                additional_information="bad password",
            ),
            audited(2, "select c.name from crm.customer c join crm.ord o on 1=1", object_name="customer"),
            audited(2, "select c.name from crm.customer c join crm.ord o on 1=1", object_name="ord", object_id=10),
            audited(3, "select rrn from crm.customer", succeeded=False),
            audited(4, "update crm.customer set name = 'x'", action_id="UP", affected_rows=12),
            audited(5, None, action_id="AUSC", class_type="A"),
            audited(6, None, action_id="LGO", class_type="LX"),
        ],
    )
    login, failed, customer, ord_, denied, update, changed, logout = mssql_rows.scan()
    assert (login["kind"], login["client_addr"], login["session"]) == ("connect", "[local]", "DB1#55")
    assert (failed["kind"], failed["error_code"], failed["message"]) == ("error", "28000", "bad password")
    assert failed["statement_id"] is None
    assert customer["statement_id"] == ord_["statement_id"] != denied["statement_id"]
    assert (customer["object_name"], ord_["object_name"]) == ("crm.customer", "crm.ord")
    assert (customer["command"], customer["audit_class"], customer["rows"]) == ("SELECT", "READ", None)
    assert (customer["app_name"], customer["dbname"], customer["account"]) == ("sqlcmd", "shop", "dlv_app")
    assert (denied["kind"], denied["error_code"]) == ("error", "42501")
    assert (update["audit_class"], update["rows"]) == ("WRITE", 12)
    assert changed["kind"] == "config"
    assert logout["kind"] == "disconnect"


def test_the_same_statement_again_is_another_act(mssql_rows: Standin) -> None:
    mssql_rows.add("audit_events", [audited(n, "select 1 from a, b", object_name=name) for n in (1, 2) for name in ("a", "b")])
    ids = [record["statement_id"] for record in mssql_rows.scan()]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_long_statements_are_put_together(mssql_rows: Standin) -> None:
    text = "select '" + "가" * 9000 + "' from crm.customer"
    pieces = [text[n : n + 4000] for n in range(0, len(text), 4000)]
    mssql_rows.add("audit_events", [audited(1, piece, sequence_number=n + 1) for n, piece in enumerate(pieces)])
    mssql_rows.add("audit_events", [audited(2, pieces[0]), audited(3, pieces[1], sequence_number=2), audited(4, "select 1")])
    whole, cut, headless, plain = mssql_rows.scan(slice_bytes=100)
    assert whole["statement"] == text
    assert cut["statement"] == pieces[0] + CUT_MARK
    assert headless["statement"].endswith(CUT_MARK)
    assert plain["statement"] == "select 1"
    spooled = b"".join(file.read_bytes() for file in mssql_rows.spool.glob("*.jsonl"))
    part = spooled[whole["offset"] : whole["offset"] + whole["length"]]
    assert [json.loads(line)["sequence_number"] for line in part.splitlines()] == [1, 2, 3]


@pytest.mark.parametrize(("edition", "told"), [(5, 0), (8, 0), (3, None), (0, None)])
def test_no_rows_means_nothing_but_on_azure(
    mssql_rows: Standin, edition: int, told: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqlserverAudit, "_edition", lambda self, connection: edition)
    mssql_rows.add("audit_events", [audited(1), audited(2, "select 2", response_rows=7)])
    assert [record["rows"] for record in mssql_rows.scan()] == [told, 7]


def test_the_sql_for_sql_server() -> None:
    source = SqlserverAudit("x/*.jsonl", files=r"D:\Audit\O'Brien*.sqlaudit")
    audit = source._source()
    asked = (
        sa.select(audit.c.event_time.label("at"), audit.c.statement)
        .where(audit.c.event_time >= at(0))
        .order_by(audit.c.event_time)
    )
    made = asked.compile(dialect=mssql.dialect())
    assert "FROM sys.fn_get_audit_file(:fn_get_audit_file_1, DEFAULT, DEFAULT) AS audit" in " ".join(str(made).split()).replace(
        "%(", ":"
    ).replace(")s", "")
    assert r"D:\Audit\O'Brien*.sqlaudit" in made.params.values()  # bound, not written into the statement


# -- Oracle -----------------------------------------------------------------------------------------------------------


def trail(seconds: float, entry: int, **more: Any) -> dict[str, Any]:
    """A row of Oracle's unified audit trail."""
    return {
        "event_timestamp_utc": at(seconds), "sessionid": 4001, "instance_id": 1, "dbid": 77, "entry_id": entry,
        "statement_id": entry,
        "authentication_type": "(TYPE=(DATABASE));(CLIENT ADDRESS=((ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.9)(PORT=52365))));",
        "dbusername": "DLV_APP", "client_program_name": "sqlplus@web1", "action_name": "SELECT", "return_code": 0,
        "object_schema": "CRM", "object_name": "CUSTOMER", "sql_text": "select * from crm.customer where id > :1",
        "sql_binds": " #1(1):0", **more,
    }  # fmt: skip


def test_what_rows_of_oracle_mean(tmp_path: Path) -> None:
    standin = Standin(tmp_path, "oracle_unified")
    standin.add(
        "unified_audit_trail",
        [
            trail(0, 1, action_name="LOGON", sql_text=None, object_name=None),
            trail(1, 2),
            trail(1, 3, statement_id=2, object_name="ORD"),
            trail(2, 4, return_code=942),
            trail(3, 5, return_code=1013),
            trail(4, 6, return_code=4068, object_name="Mixed"),
            trail(5, 7, action_name="LOGON", return_code=1017, sessionid=4002, authentication_type="(TYPE=(OS));"),
            trail(6, 8, action_name="LOGOFF", sql_text=None),
        ],
    )
    login, customer, ord_, missing, cancelled, other, refused, logout = standin.scan()
    assert (login["kind"], login["client_addr"], login["session"], login["session_line"]) == (
        "connect",
        "10.0.0.9",
        "77.1.4001",
        1,
    )
    assert customer["statement_id"] == ord_["statement_id"] == 2
    assert (customer["object_name"], ord_["object_name"]) == ("crm.customer", "crm.ord")
    assert (customer["rows"], customer["parameter"], customer["account"]) == (None, " #1(1):0", "DLV_APP")
    assert [r["error_code"] for r in (missing, cancelled, other)] == ["42P01", "57014", "ORA04068"]
    assert other["object_name"] == "crm.Mixed"
    assert (refused["kind"], refused["error_code"], refused["client_addr"]) == ("error", "28P01", "[local]")
    assert logout["kind"] == "disconnect"


def test_the_sql_for_oracle(tmp_path: Path) -> None:
    standin = Standin(tmp_path, "oracle_unified")
    with standin.engine.connect() as connection:
        (question,) = OracleUnified("x/*.jsonl", url=standin.url).questions(connection)
    made = str(
        question.select.where(question.cursor >= at(0))
        .order_by(question.cursor, *question.order)
        .compile(dialect=oracle.dialect())
    )
    assert "FROM unified_audit_trail" in made
    assert "unified_audit_trail.event_timestamp_utc >= :event_timestamp_utc_1" in made
    assert '"' not in made  # a quoted name would be one in lower case

    class Looked:
        def execute(self, asked: sa.Select[Any]) -> Any:
            raise sa.exc.SQLAlchemyError(str(asked.compile(dialect=oracle.dialect())))

    with pytest.raises(SourceError, match=r"WHERE 1 = 0|SELECT \*"):
        available(Looked(), relation("audsys.unified_audit_trail", {}), ())  # type: ignore[arg-type]
    assert str(sa.select(relation("snowflake.account_usage.sessions", {"a": sa.Integer}))).endswith(
        "snowflake.account_usage.sessions"
    )
    assert str(sa.select(relation('x"; drop.y z', {"a": sa.Integer}))).endswith('"x""; drop"."y z"')


# -- Snowflake --------------------------------------------------------------------------------------------------------


def test_what_rows_of_snowflake_mean(tmp_path: Path) -> None:
    standin = Standin(tmp_path, "snowflake", views="main")
    login = {"event_type": "LOGIN", "user_name": "DLV_APP", "client_ip": "10.0.0.9", "reported_client_type": "SNOWSQL"}
    standin.add("login_history", [
        {"event_timestamp": at(0), "event_id": 1, "is_success": "YES", **login},
        {"event_timestamp": at(1), "event_id": 2, "is_success": "NO", "error_message": "INCORRECT_USERNAME_PASSWORD", **login},
    ])  # fmt: skip
    standin.add(
        "sessions", [{"session_id": 88, "login_event_id": 1, "user_name": "DLV_APP", "client_application_id": "SnowSQL 1.2"}]
    )
    query = {
        "session_id": 88,
        "user_name": "DLV_APP",
        "database_name": "SHOP",
        "execution_status": "SUCCESS",
        "query_type": "SELECT",
    }
    acts = [
        {"query_id": "a", "query_text": "select * from v_customer", "rows_produced": 3000},
        {"query_id": "b", "query_text": "copy into @out from crm.customer", "query_type": "UNLOAD", "rows_produced": 1},
        {"query_id": "c", "query_text": "select x" * 12500, "execution_status": "FAIL", "error_code": "000604"},
        {"query_id": "d", "query_text": "select 1", "execution_status": "RUNNING"},
    ]
    standin.add("query_history", [{"start_time": at(2 + n), **query, "rows_unloaded": 3000, **act} for n, act in enumerate(acts)])
    objects = json.dumps([{"objectName": "SHOP.CRM.CUSTOMER", "objectDomain": "Table", "columns": [{"columnName": "NAME"}]}])
    standin.add("access_history", [{"query_start_time": at(2), "query_id": "a", "base_objects_accessed": objects}])
    came, refused, read, unloaded, failed = sorted(standin.scan(), key=lambda r: r["time"])
    assert (came["kind"], came["client_addr"], came["account"]) == ("connect", "10.0.0.9", "DLV_APP")
    assert (refused["kind"], refused["error_code"], refused["message"]) == ("error", "28000", "INCORRECT_USERNAME_PASSWORD")
    assert (read["object_name"], read["rows"], read["client_addr"], read["app_name"]) == (
        "crm.customer",
        3000,
        "10.0.0.9",
        "SnowSQL 1.2",
    )
    assert (unloaded["rows"], unloaded["command"]) == (3000, "COPY")
    assert (failed["kind"], failed["error_code"]) == ("error", "57014")
    assert failed["statement"].endswith(CUT_MARK)
    # what is known of a query later does not make it another one
    standin.add("access_history", [{"query_start_time": at(3), "query_id": "b", "base_objects_accessed": objects}])
    assert standin.scan() == []


def test_a_query_waits_for_its_objects(tmp_path: Path) -> None:
    standin = Standin(tmp_path, "snowflake", views="main")
    with standin.engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into query_history (start_time, query_id, query_text, session_id, user_name, execution_status) values "
            "(datetime('now', '-1 hours'), 'new', 'select 1', 1, 'U', 'SUCCESS')"
        )
    assert standin.scan() == []
    standin.add("access_history", [{"query_id": "new", "base_objects_accessed": "[]"}])
    assert [record["statement"] for record in standin.scan()] == ["select 1"]


def test_the_sql_for_snowflake(tmp_path: Path) -> None:
    standin = Standin(tmp_path, "snowflake", views="main")
    source = Snowflake("x/*.jsonl", url=standin.url)
    assert source.views == "snowflake.account_usage"
    with standin.engine.connect() as connection:
        connection.exec_driver_sql("attach database ':memory:' as au")
        for name in ("query_history", "access_history", "sessions", "login_history"):
            connection.exec_driver_sql(f"create table au.{name} as select * from main.{name}")
        login, query = Snowflake("x/*.jsonl", views="au").questions(connection)
    assert "au.query_history LEFT OUTER JOIN au.access_history" in " ".join(str(query.select).split())
    assert query.key == ("query_id",)
    assert login.relation == "login"
