"""Which people a statement names: its keys are found in every statement of its shape, whatever their spelling."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import lineage
from scanner.errors import StoreError
from scanner.events import ACT_SCHEMA
from scanner.exposure import SessionCarry, facts, facts_table, measure
from scanner.exposure.keyplan import key_plan
from scanner.exposure.keys import MOST_HASHES, Plainly, with_keys
from scanner.model import Column, Schema, Table, TableRef
from scanner.siphash import hash_integers, hash_texts, secret_in

SECRET = bytes(range(16))
MEMBERS = Table(
    TableRef("crm", "mbr"),
    (
        Column("mbr_no", "bigint"),
        Column("cust_cd", "char(8)"),
        Column("nm", "varchar", "PERSON"),
        Column("tel", "varchar", "PHONE_NUMBER"),
        Column("joined", "date"),
    ),
    rows=20_000,
    persons=20_000,
    person_column="mbr_no",
    unique_keys=(("mbr_no",), ("cust_cd",)),
)
ORDERS = Table(
    TableRef("crm", "ord"),
    (Column("ord_no", "bigint"), Column("mbr_no", "bigint"), Column("addr", "varchar", "ADDRESS"), Column("at", "timestamp")),
    rows=50_000,
    persons=18_000,
    person_column="mbr_no",
    unique_keys=(("ord_no",),),
)
SCHEMA = Schema("crm", "1", {table.ref: table for table in (MEMBERS, ORDERS)}, default_schema="crm")


def keyed(
    texts: Sequence[str],
    *,
    rows: Sequence[int | None] | None = None,
    parameters: Sequence[str | None] | None = None,
    dialect: str = "postgresql",
) -> list[dict[str, Any]]:
    """The exposure of ordinary SELECTs with their keys."""
    size = len(texts)
    nothing = pa.array([""] * size, pa.string())
    shapes = lineage.assign_shapes(pa.array(texts), nothing, pa.array(["SELECT"] * size), dialect=dialect)
    every = []
    for row in shapes.table.to_pylist():
        found = lineage.analyze(row["statement"], SCHEMA, command="SELECT", dialect=dialect, search_path=("crm",))
        plain = lineage.plain(row["statement"], dialect)
        every.append(facts(row["shape"], found, SCHEMA, statement=plain, dialect=dialect))
    given: dict[str, Sequence[Any]] = {
        "n": range(size),
        "kind": ["audit"] * size,
        "statement": texts,
        "parameter": parameters or [None] * size,
        "command": ["SELECT"] * size,
        "audit_class": ["READ"] * size,
        "session": ["s"] * size,
        "statement_id": range(size),
        "substatement_id": [1] * size,
        "returned_rows": rows or [None] * size,
        "fk_check": [False] * size,
        "app_name": [""] * size,
    }
    columns = [pa.array(given[f.name], f.type) if f.name in given else pa.nulls(size, f.type) for f in ACT_SCHEMA]
    acts = pa.table([pa.chunked_array([c]) for c in columns], schema=ACT_SCHEMA)
    acts = acts.append_column("shape", pa.chunked_array([shapes.keys]))
    measured = measure(acts, facts_table(every), SessionCarry.empty())
    plainly = Plainly(lineage.odd(dialect), partial(lineage.plain, dialect=dialect))
    found: list[dict[str, Any]] = with_keys(acts, measured.exposed, every, SECRET, plainly).to_pylist()
    return found


def hashes(*keys: int | str) -> list[int]:
    if isinstance(keys[0], str):
        return sorted(hash_texts(pa.array(keys, pa.string()), SECRET).tolist())
    return sorted(hash_integers(np.array(keys, np.int64), SECRET).tolist())


POINTS: list[tuple[str, str | None, str, list[int]]] = [
    ("select nm from crm.mbr where mbr_no = 5", None, "mbr_no", hashes(5)),
    ("select nm from crm.mbr m where 5 = m.mbr_no", None, "mbr_no", hashes(5)),
    ("select nm from crm.mbr where mbr_no = '5'", None, "mbr_no", hashes(5)),
    ("select nm from crm.mbr where mbr_no = -5", None, "mbr_no", hashes(-5)),
    ("select nm from crm.mbr where mbr_no::text = '5'", None, "mbr_no", hashes(5)),
    ("select nm from crm.mbr where mbr_no in (1, 2,3)", None, "mbr_no", hashes(1, 2, 3)),
    ("select nm from crm.mbr where mbr_no in (1, 1, 1)", None, "mbr_no", hashes(1)),
    ("select nm from crm.mbr where mbr_no = 1 or mbr_no = 2", None, "mbr_no", hashes(1, 2)),
    ("select nm from crm.mbr where mbr_no = any('{7,8}')", None, "mbr_no", hashes(7, 8)),
    ("select nm from crm.mbr where mbr_no = any(array[7, 8])", None, "mbr_no", hashes(7, 8)),
    ("select nm from crm.mbr where mbr_no = $1", "42", "mbr_no", hashes(42)),
    ("select nm from crm.mbr where nm <> $1 and mbr_no = $2", '"O""Neil, A",42', "mbr_no", hashes(42)),
    ("select nm from crm.mbr where mbr_no in ($1, $2)", "3,4", "mbr_no", hashes(3, 4)),
    ("select nm from crm.mbr where mbr_no = any($1)", '"{1,2,3}"', "mbr_no", hashes(1, 2, 3)),
    ("select nm from crm.mbr /* a */ where -- b\n mbr_no = 5 /* c */", None, "mbr_no", hashes(5)),
    ('SELECT "nm" FROM crm.mbr WHERE "mbr_no" = 5', None, "mbr_no", hashes(5)),
    ("select addr from crm.ord where mbr_no = 5", None, "mbr_no", hashes(5)),
    ("select nm, addr from crm.mbr m join crm.ord o on o.mbr_no = m.mbr_no where o.mbr_no = 5", None, "mbr_no", hashes(5)),
    ("select nm from crm.mbr where mbr_no = 5 and nm = 'x' limit 3", None, "mbr_no", hashes(5)),
    ("select nm from crm.mbr where cust_cd = 'C0000001'", None, "cust_cd", hashes("C0000001")),
    ("select nm from crm.mbr where tel = '010-1'", None, "tel", hashes("010-1")),
    ("select mbr_no, tel from crm.mbr where nm = 'O''Brien'", None, "nm", hashes("O'Brien")),
    ("select nm from crm.mbr where nm like '김%'", None, "nm like", hashes("김%")),
]


ODD = [
    ("postgresql", "select nm from crm.mbr where mbr_no in (1/*x**/, 2, /* /* n */ */ 3)", [1, 2, 3]),
    ("postgresql", "select nm from crm.mbr where mbr_no = E'\\x37'", [7]),
    ("postgresql", "select nm from crm.mbr where mbr_no = $a$7$a$", [7]),
    ("postgresql", "select nm from crm.mbr where U&\"mbr!005fno\" uescape '!' = U&'\\0037'", [7]),
    ("postgresql", "select nm from crm.mbr where mbr_no = '1'\n-- x\n'2'", [12]),
    ("mariadb", "select nm from crm.mbr where mbr_no in (1 #;\n, 2, 3)", [1, 2, 3]),
    ("mariadb", "select nm from crm.mbr where /*! mbr_no in (1, /*x**/ 2 */, 3)", [1, 2, 3]),
    ("mariadb", "select nm from crm.mbr where mbr_no = _utf8mb4 x'37'", [7]),
    ("mariadb", 'select nm from crm.mbr where "MBR_NO" = 7', [7]),
    ("mariadb", "select nm from crm.mbr where mbr_no in ('1' '2', '\\3')", [12, 3]),
]


@pytest.mark.parametrize(("dialect", "text", "wanted"), ODD, ids=[text for _, text, _ in ODD])
def test_keys_are_found_however_they_are_spelled(dialect: str, text: str, wanted: list[int]) -> None:
    (found,) = keyed([text], dialect=dialect)
    assert (found["key_hashes"], found["exposed_persons"], found["key_count"]) == (hashes(*wanted), len(wanted), len(wanted))


@pytest.mark.parametrize(("text", "parameter", "column", "wanted"), POINTS, ids=[text for text, *_ in POINTS])
def test_single_keys(text: str, parameter: str | None, column: str, wanted: list[int]) -> None:
    (found,) = keyed([text], rows=[1], parameters=[parameter])
    assert (found["key_domain"], found["key_hashes"]) == (f"crm.mbr.{column}", wanted)
    assert (found["person_table"], found["person_total"], found["key_count"]) == ("crm.mbr", 20_000, len(wanted))
    assert (found["key_low"], found["key_high"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "parameter", "rows", "domain", "low", "high"),
    [
        ("select nm from crm.mbr where mbr_no between 10 and 19", None, 10, "crm.mbr.mbr_no", 10, 19),
        ("select nm from crm.mbr where mbr_no between $1 and $2", "10,19", 10, "crm.mbr.mbr_no", 10, 19),
        ("select nm from crm.mbr where mbr_no > 10 and mbr_no <= 20", None, 10, "crm.mbr.mbr_no", 11, 20),
        ("select nm from crm.mbr where mbr_no > 10 order by mbr_no limit 5", None, 5, "crm.mbr.mbr_no", 11, 15),
        ("select nm from crm.mbr where mbr_no > $1 order by mbr_no limit $2", "10,5", 5, "crm.mbr.mbr_no", 11, 15),
        ("select nm from crm.mbr where mbr_no < 20 order by mbr_no desc limit 5", None, 5, "crm.mbr.mbr_no", 15, 19),
        ("select nm from crm.mbr where mbr_no >= 100", None, 50, "crm.mbr.mbr_no", 100, 149),
        ("select nm from crm.mbr where mbr_no <= 100", None, 50, "crm.mbr.mbr_no", 51, 100),
        ("select nm from crm.mbr where mbr_no % 10 = 3", None, 2000, "crm.mbr.mbr_no%10", 3, 3),
        ("select nm from crm.mbr where mod(mbr_no, 10) = 3", None, 2000, "crm.mbr.mbr_no%10", 3, 3),
        ("select nm from crm.mbr where cust_cd between 'C0000010' and 'C0000019'", None, 10, "crm.mbr.cust_cd C7", 10, 19),
        ("select nm from crm.mbr where joined = '1970-01-03'", None, 9, "crm.mbr.joined", 2, 2),
        ("select nm from crm.mbr where joined between '1970-01-01' and '1970-01-31'", None, 9, "crm.mbr.joined", 0, 30),
        ("select nm from crm.mbr order by mbr_no limit 10 offset 30", None, 10, "crm.mbr by mbr_no", 30, 39),
        ("select nm, tel from crm.mbr order by mbr_no limit 20 offset 30", None, 20, "crm.mbr by mbr_no", 30, 49),
        ("select nm from crm.mbr order by mbr_no limit 10", None, 10, "crm.mbr by mbr_no", 0, 9),
    ],
)
def test_ranges_and_pages(text: str, parameter: str | None, rows: int, domain: str, low: int, high: int) -> None:
    (found,) = keyed([text], rows=[rows], parameters=[parameter])
    assert (found["key_domain"], found["key_low"], found["key_high"]) == (domain, low, high)
    assert found["key_hashes"] is None


def test_a_whole_table_is_everybody_and_an_unknown_condition_nobody_in_particular() -> None:
    whole, unknown, nobody = keyed(
        ["select * from crm.mbr", "select nm from crm.mbr where upper(nm) = 'X'", "select nm from crm.mbr where mbr_no = 5"],
        rows=[20_000, 3, 0],
    )
    assert (whole["key_domain"], whole["key_low"], whole["key_hashes"]) == ("*", None, None)
    assert (unknown["person_table"], unknown["key_domain"]) == ("crm.mbr", None)
    assert (nobody["person_table"], nobody["key_domain"]) == (None, None)


def test_constants_that_decide_what_is_shown_choose_nobody() -> None:
    text = "select mbr_no, {}(tel, {}) from crm.mbr where mbr_no between 1 and 9"
    one, other = keyed([text.format("left", 7), text.format("left", 9)], rows=[9, 9])
    assert one["key_domain"] == other["key_domain"] == "crm.mbr.mbr_no"


def test_other_constants_choose_other_people_from_a_range_but_not_from_a_key() -> None:
    text = "select nm from crm.mbr where mbr_no {} and tel like '{}%'"
    one, same, other = keyed([text.format("between 1 and 9", word) for word in ("010", "010", "011")], rows=[3, 3, 3])
    assert one["key_domain"] == same["key_domain"] != other["key_domain"]
    one, other = keyed([text.format("= 5", word) for word in ("010", "011")], rows=[1, 1])
    assert one["key_hashes"] == other["key_hashes"]
    assert one["key_domain"] == other["key_domain"]


@pytest.mark.parametrize(
    "text",
    [
        "select nm from crm.mbr where mbr_no = E'5'",
        "select nm from crm.mbr where mbr_no = (select 5)",
        "select nm from crm.mbr where mbr_no = 5 or joined > '2026-01-01'",
        "select nm from crm.mbr where not (mbr_no % 10 = 3)",
        "select nm from crm.mbr where mbr_no <> 5",
        "select nm from crm.mbr where mbr_no = random() * 5",
    ],
)
def test_what_cannot_be_placed_names_nobody(text: str) -> None:
    (found,) = keyed([text], rows=[1])
    assert found["key_domain"] is None


def test_long_lists_keep_the_smallest_hashes_and_their_number() -> None:
    keys = range(1, 6001)
    (found,) = keyed([f"select nm from crm.mbr where mbr_no in ({', '.join(map(str, keys))})"], rows=[6000])
    assert found["key_hashes"] == hashes(*keys)[:MOST_HASHES]
    assert found["key_count"] == 6000


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb"])
def test_without_counts_keys_bound_the_people(dialect: str) -> None:
    texts = [
        "where mbr_no between 10 and 19",
        "where mbr_no between 20 and 35",
        "where mbr_no in (1,2,'3')",
        "where mbr_no = 5",
        "where tel = '010-1'",
    ]
    found = keyed([f"select nm from crm.mbr {text}" for text in texts], dialect=dialect)
    assert [(e["exposed_persons_low"], e["exposed_persons"], e["exposed_persons_high"]) for e in found] == [
        (0, 10, 10),
        (0, 16, 16),
        (0, 3, 3),
        (0, 1, 1),
        (0, 1, 20_000),
    ]
    (order,) = keyed(["select addr from crm.ord where mbr_no = 5"], dialect=dialect)
    assert (order["exposed_persons"], order["exposed_persons_high"]) == (1, 1)


def test_without_counts_the_value_bound_to_limit_bounds_the_rows() -> None:
    texts = [
        "select nm from crm.mbr order by nm limit $1",
        "select nm from crm.mbr where mbr_no > $1 order by mbr_no limit $2",
        "select nm from crm.mbr where nm > $2 order by nm fetch first $1 rows only",
        "select nm from (select nm from crm.mbr limit $1) x, crm.ord",
        "select nm from crm.mbr limit $1",
    ]
    found = keyed(texts, parameters=["50", "900,100", "7,Kim", "5", "many"])
    assert [e["exposed_persons_high"] for e in found] == [50, 100, 7, 20_000, 20_000]
    assert [e["exposed_rows"] for e in found[:3]] == [50, 100, 7]
    assert (found[1]["key_low"], found[1]["key_high"]) == (901, 1000)
    (counted,) = keyed(["select nm from crm.mbr limit $1"], rows=[60], parameters=["50"])
    assert counted["exposed_persons"] == 60


def test_many_rows_of_one_person_are_one_person() -> None:
    texts = [
        "select addr from crm.ord where mbr_no = 5",
        "select addr from crm.ord where mbr_no in (5, 6)",
        "select addr from crm.ord where mbr_no = 5 or ord_no > 100",
        "select addr from crm.ord where ord_no > 7",
        "select o.addr from crm.ord o, crm.mbr m where m.mbr_no = 5",  # everybody's orders, beside one member
        "select o.addr, m.nm from crm.ord o join crm.mbr m on true where o.mbr_no = 5",
    ]
    found = keyed(texts, rows=[9, 9, 9, 9, 900, 900])
    assert [e["exposed_persons_high"] for e in found] == [1, 2, 9, 9, 900, 900]
    assert [e["exposed_persons"] for e in found[:2]] == [1, 2]
    assert all(e["exposed_persons_low"] <= e["exposed_persons"] <= e["exposed_persons_high"] for e in found)


def test_asking_about_a_persons_value_tells_of_that_person() -> None:
    texts = [
        "select count(*) from crm.mbr where mbr_no = 5 and tel > '010-5'",
        "select 1 from crm.mbr where mbr_no = 5 and nm like 'K%'",
        "select count(*) from crm.mbr where tel like '010%'",
        "select count(*) from crm.mbr where mbr_no = 5",
        "select count(*) from crm.mbr where mbr_no = 5 and tel = '010-1'",
    ]
    found = keyed(texts, rows=[1] * 5)
    assert [e["exposed_persons"] for e in found] == [1, 1, 0, 0, 0]
    assert [e["techniques"] for e in found] == [["probe"], ["probe"], [], [], []]
    assert found[0]["key_hashes"] == found[1]["key_hashes"] == hashes(5)


def test_mysql_spellings() -> None:
    found = keyed(
        [
            "select nm from `mbr` where `mbr_no`=12",
            'select nm from mbr where tel = "010-1"',
            "select nm from mbr order by mbr_no limit 500, 100",
            "select nm from mbr where tel= NAME_CONST('p',_utf8mb4'010-1' COLLATE 'utf8mb4_general_ci')",
            "select nm from mbr where mbr_no between  NAME_CONST('a',10) and  NAME_CONST('b',19)",
            "select nm from mbr where mbr_no between  NAME_CONST('a',20) and  NAME_CONST('b',119)",
            "select nm from mbr where (1 <= `mbr_no` and `mbr_no` < 1001)",
            "select nm from mbr order by rand() limit 150",
        ],
        dialect="mariadb",
    )
    assert [e["exposed_persons"] for e in found[-4:-2]] == [10, 100]  # a routine's variables, as the server logs them
    assert [(e["key_domain"], e["key_hashes"], e["key_low"], e["key_high"]) for e in found] == [
        ("crm.mbr.mbr_no", hashes(12), None, None),
        ("crm.mbr.tel", hashes("010-1"), None, None),
        ("crm.mbr by mbr_no", None, 500, 599),
        ("crm.mbr.tel", hashes("010-1"), None, None),
        ("crm.mbr.mbr_no", None, 10, 19),
        ("crm.mbr.mbr_no", None, 20, 119),
        ("crm.mbr.mbr_no", None, 1, 1000),
        (None, None, None, None),  # other people each time
    ]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=40),
    st.lists(st.tuples(st.sampled_from([" ", "\n", "  ", "/* x */ ", "\t"]), st.booleans()), min_size=40, max_size=40),
)
def test_every_statement_of_a_shape_gives_its_keys(keys: list[int], spelling: list[tuple[str, bool]]) -> None:
    """Spacing, comments and case differ between statements of one shape; the keys are found all the same."""
    texts = []
    for key, (gap, upper) in zip(keys, spelling, strict=False):
        words = ["select", "nm", "from", "crm.mbr", "where", "mbr_no", "="]
        texts.append(gap.join([*(word.upper() if upper else word for word in words), str(key)]))
    found = keyed(texts, rows=[1] * len(texts))
    assert [event["key_hashes"] for event in found] == [hashes(key) for key in keys[: len(texts)]]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="select nmfrowh=<>%'\"`$1,()-/*E\\{}[];:\n", max_size=60))
def test_no_text_stops_the_planner(text: str) -> None:
    found = lineage.analyze("select nm from crm.mbr where mbr_no = 5", SCHEMA)
    for dialect in ("postgresql", "mariadb"):
        key_plan(f"select nm from crm.mbr where mbr_no = {text}", found, MEMBERS, SCHEMA, dialect)


def test_siphash_is_that_of_the_paper() -> None:
    """SipHash-2-4, appendix A: key 00 … 0f, message 00 … 0e."""
    message = bytes(range(15)).decode()
    assert hash_texts(pa.array([message]), SECRET).view(np.uint64)[0] == 0xA129CA6149BE45E5
    eight = int.from_bytes(bytes(range(8)), "little")
    assert hash_integers(np.array([eight]), SECRET).view(np.uint64)[0] == 0x93F5F5799A932462  # reference vectors, length 8
    assert hash_texts(pa.array(["", None, "가나다", "abcdefgh"]), SECRET).tolist()[0] == hash_texts(pa.array([""]), SECRET)[0]


def test_the_secret_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    secret = secret_in(folder)
    assert secret_in.__wrapped__(folder) == secret
    assert len(secret) == 16
    assert stat.S_IMODE((folder / "person.key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["person.key"]
    (folder / "person.key").write_bytes(b"short")
    with pytest.raises(StoreError, match="16 bytes"):
        secret_in.__wrapped__(folder)
