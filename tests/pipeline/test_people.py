"""How many people, on a real server: what a client really received, however often and in however many pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from scanner.config import load_config
from scanner.engine import open_event_engine
from scanner.people import seen_by
from scanner.pipeline import catalog_scan
from tests.pipeline.company import MEMBERS, Watched, configuration, write_config
from tests.support.postgres import Postgres

Rows = list[tuple[object, ...]]
CONTRACT = {"from": "2020-01-01", "until": "2099-12-31", "hours": "any", "purpose": "their work", "max_persons_per_day": 500}
READ = "select mbr_no, mbr_nm, hp_no from crm.mbr"


@dataclass
class Client:
    """A connection that remembers whom it was told of."""

    connection: psycopg.Connection[tuple[object, ...]]
    people: set[object]

    def ask(self, query: str, *values: object) -> Rows:
        found = self.connection.execute(query, values or None).fetchall()  # type: ignore[arg-type]
        self.people |= {row[0] for row in found}
        return found


def same_twenty(client: Client) -> None:
    for n in range(1500):
        client.ask(f"{READ} where mbr_no = %s", 100 + n % 20)


def by_keyset(client: Client) -> None:
    last = 0
    while rows := client.ask(f"{READ} where mbr_no > %s order by mbr_no limit 70", last):
        last = int(str(rows[-1][0]))


def by_offset(client: Client) -> None:
    for offset in range(0, 1000, 50):
        client.ask(f"{READ} order by mbr_no limit 50 offset {offset}")
    for offset in range(0, 500, 50):  # and half of it again
        client.ask(f"{READ} order by mbr_no limit 50 offset {offset}")


def by_ranges(client: Client) -> None:
    for start in range(1, 1201, 60):
        client.ask(f"{READ} where mbr_no between {start} and {start + 59}")


def by_lists(client: Client) -> None:
    for start in range(1, 901, 90):
        client.ask(f"{READ} where mbr_no in ({', '.join(str(n) for n in range(start, start + 100))})")  # ten of each list twice
    client.ask(f"{READ} where mbr_no = any(%s)", list(range(1, 400)))


def one_by_one(client: Client) -> None:
    for n in range(1, 1101):
        client.ask(f"{READ} where mbr_no = {n}")


def every_tenth(client: Client) -> None:
    for rest in range(4):
        client.ask(f"{READ} where mbr_no % 10 = {rest}")


def by_telephone(client: Client) -> None:
    for n in [*range(1, 201), *range(1, 201)]:
        client.ask(f"{READ} where hp_no = %s", f"010-{2000 + n}-{n * 7919 % 10000:04}")


def first_half(client: Client) -> None:
    for start in range(1, MEMBERS // 2, 50):
        client.ask(f"{READ} where mbr_no between %s and %s", start, start + 49)


def second_half(client: Client) -> None:
    for start in range(MEMBERS // 2 + 1, MEMBERS, 50):
        client.ask(f"{READ} where mbr_no between %s and %s", start, start + 49)


def two_halves_of_a_secret(client: Client) -> None:
    for part in ("left(jumin_no, 7)", "right(jumin_no, 6)"):
        for start in range(1, 1000, 100):
            client.ask(f"select mbr_no, {part} from crm.mbr where mbr_no between {start} and {start + 99}")


def nobody(client: Client) -> None:
    for n in range(300):
        client.ask(f"{READ} where mbr_no = %s", 100_000 + n)


# vendor → accounts and what they do
WORK: dict[str, dict[str, Callable[[Client], None]]] = {
    "desk": {"desk_1": same_twenty},
    "keyset": {"keyset_1": by_keyset},
    "offset": {"offset_1": by_offset},
    "ranges": {"ranges_1": by_ranges},
    "lists": {"lists_1": by_lists},
    "points": {"points_1": one_by_one},
    "tenths": {"tenths_1": every_tenth},
    "phones": {"phones_1": by_telephone},
    "split": {"split_1": first_half, "split_2": second_half},
    "overlap": {"overlap_1": first_half, "overlap_2": first_half},
    "secret": {"secret_1": two_halves_of_a_secret},
    "nobody": {"nobody_1": nobody},
}


@dataclass
class Done:
    """The server after all of it, and whom each vendor's accounts were really told of."""

    watched: Watched
    people: dict[str, set[object]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    folder = tmp_path_factory.mktemp("people")
    with Postgres() as server:
        watched = Watched.build(server, folder, "people")
        document = configuration(server, "people", folder / "data")
        document["vendors"] = {name: {"accounts": [f"{name}_*"], "contract": CONTRACT} for name in WORK}
        watched.config_path = write_config(folder, document)
        catalog_scan(watched.workspace(), "shop")
        people: dict[str, set[object]] = {}
        for vendor, accounts in WORK.items():
            told = people[vendor] = set()
            for account, work in accounts.items():
                server.psql(f"create role {account} login")
                with psycopg.connect(server.dsn(account, "people", "app"), autocommit=True) as connection:
                    work(Client(connection, told))
        watched.scan()
        yield Done(watched, people)


@pytest.mark.parametrize("vendor", [name for name in WORK if name != "nobody"])
def test_people_are_those_that_were_really_told(done: Done, vendor: str) -> None:
    workspace = done.watched.workspace()
    engine = open_event_engine(workspace.events.folder, workspace.events.files())
    try:
        seen = {row["vendor"]: row for row in seen_by(engine, ["vendor"]).to_pylist()}
    finally:
        engine.close()
    really = len(done.people[vendor])
    assert seen[vendor]["person_table"] == "crm.mbr"
    assert seen[vendor]["best"] == pytest.approx(really, rel=0.1)
    assert seen[vendor]["low"] <= really <= seen[vendor]["high"]
    assert seen[vendor]["share"] == pytest.approx(really / MEMBERS, rel=0.1)


def test_looking_at_the_same_people_again_is_no_finding(done: Done) -> None:
    loud = [f for f in done.watched.findings() if f["level"] in ("medium", "high", "critical")]
    assert [f for f in loud if f["vendor"] in ("desk", "nobody")] == []
    assert {"keyset", "points", "split", "overlap"} <= {f["vendor"] for f in loud}


def test_findings_count_each_person_once(done: Done) -> None:
    for vendor in ("offset", "split", "overlap", "secret"):
        found = max((f for f in done.watched.findings() if f["vendor"] == vendor), key=lambda f: f["exposed_persons"]["best"])
        assert found["exposed_persons"]["best"] <= 1.1 * len(done.people[vendor])


def test_keys_are_not_kept(done: Done) -> None:
    held = done.watched.events("account = 'desk_1' and key_count = 1")
    assert len({event["key_hashes"][0] for event in held}) == 20
    assert not {hash_ for event in held for hash_ in event["key_hashes"]} & set(range(MEMBERS))
    assert {event["key_low"] for event in held} == {None}
    secret = load_config(done.watched.config_path).data_dir / "keys" / "person.key"
    assert secret.stat().st_mode & 0o077 == 0
