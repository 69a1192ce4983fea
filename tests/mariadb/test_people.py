"""How many people, on a real MariaDB whose audit log gives no row counts: the keys in its statements say whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
import yaml

from scanner.engine import open_event_engine
from scanner.people import seen_by
from tests.mariadb.test_live import Crm
from tests.support.mariadb import Mariadb

READ = "select id, name, phone from customer"
Ask = Callable[[str], int]  # a statement → the largest id it gave, 0 for none


def same_twenty(ask: Ask) -> None:
    for n in range(600):
        ask(f"{READ} where id = {100 + n % 20}")


def by_keyset(ask: Ask) -> None:
    last = 0
    while last < 1400 and (last := ask(f"{READ} where id > {last} order by id limit 100")):
        pass


def by_offset(ask: Ask) -> None:
    for start in [*range(0, 1000, 50), *range(0, 500, 50)]:
        ask(f"{READ} order by id limit {start}, 50")


def by_ranges(ask: Ask) -> None:
    for start in range(1, 1201, 60):
        ask(f"{READ} where `id` between {start} and {start + 59}")


def by_lists(ask: Ask) -> None:
    for start in range(1, 901, 90):
        ask(f"{READ} where id in ({', '.join(str(n) for n in range(start, start + 100))})")  # ten of each list twice


def by_telephone(ask: Ask) -> None:
    for n in [*range(1, 151), *range(1, 151)]:
        ask(f"{READ} where phone = '010-0000-{n}'")


def lower_half(ask: Ask) -> None:
    for start in range(1, 1500, 100):
        ask(f"{READ} where id between {start} and {start + 99}")


def upper_half(ask: Ask) -> None:
    for start in range(1501, 3000, 100):
        ask(f"{READ} where id >= {start} and id < {start + 100}")


WORK: dict[str, dict[str, Callable[[Ask], None]]] = {
    "desk": {"desk_1": same_twenty},
    "keyset": {"keyset_1": by_keyset},
    "offset": {"offset_1": by_offset},
    "ranges": {"ranges_1": by_ranges},
    "lists": {"lists_1": by_lists},
    "phones": {"phones_1": by_telephone},
    "split": {"split_1": lower_half, "split_2": upper_half},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crm, dict[str, set[object]]]]:
    """The server after all of it, and whom each vendor's accounts were really told of."""
    with Mariadb() as server:
        crm = Crm.build(server, tmp_path_factory.mktemp("people"))
        document: dict[str, Any] = yaml.safe_load(crm.config_path.read_text())
        contract = document["vendors"]["delivery_co"]["contract"]
        document["vendors"] = {vendor: {"accounts": [f"{vendor}_*"], "contract": contract} for vendor in WORK}
        Path(crm.config_path).write_text(yaml.safe_dump(document))
        people: dict[str, set[object]] = {}
        for vendor, accounts in WORK.items():
            known = people[vendor] = set()
            for account, work in accounts.items():
                connection = pymysql.connect(unix_socket=str(server.socket), user=crm.user(account), database="crm")

                def ask(text: str, connection: Any = connection, known: set[object] = known) -> int:
                    with connection.cursor() as cursor:
                        cursor.execute(text)
                        ids = [row[0] for row in cursor.fetchall()]
                    known.update(ids)
                    return max(ids, default=0)

                work(ask)
                connection.close()
        crm.scan()
        yield crm, people


@pytest.mark.parametrize("vendor", WORK)
def test_people_are_those_that_were_really_told(told: tuple[Crm, dict[str, set[object]]], vendor: str) -> None:
    crm, people = told
    workspace = crm.workspace()
    engine = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        seen = {row["vendor"]: row for row in seen_by(engine, ["vendor"]).to_pylist()}
    finally:
        engine.close()
    assert seen[vendor]["best"] == pytest.approx(len(people[vendor]), rel=0.1)
    assert seen[vendor]["low"] <= len(people[vendor]) <= seen[vendor]["high"]


def test_looking_at_the_same_people_again_is_no_finding(told: tuple[Crm, dict[str, set[object]]]) -> None:
    crm, _ = told
    loud = [
        f for account in ("desk_1", "phones_1") for f in crm.findings(account) if f["level"] in ("medium", "high", "critical")
    ]
    assert loud == []
    assert any(f["level"] in ("high", "critical") for f in [*crm.findings("split_1"), *crm.findings("split_2")])
