"""The corpus's statements as texts, and a world's catalogue as a scan of its servers would find it, both without a server."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import postgast

from scanner.lineage.created import created_functions
from scanner.model import Column, Function, Schema, Table, TableRef
from tests.corpus import mariadb, postgres, run_mariadb, run_postgres
from tests.corpus.act import Act
from tests.corpus.world import World

_CLASSES = {"name": "PERSON", "phone": "PHONE_NUMBER", "email": "EMAIL_ADDRESS", "rrn": "KR_RRN", "addr": "ADDRESS"}
_VIEW = re.compile(r"(?<!materialized )view (\S+) as (select .*?);\n")
_ROUTINE = re.compile(r"(?s)create (procedure|function) (\S+?)\((.*?)\) ?(?:returns (\S+) )?(sql security .*?)//")


@dataclass
class _Heard:
    """In place of a server: hears what an act would send, and answers nothing."""

    world: World
    texts: list[str] = field(default_factory=list)
    app: str = "a"
    dbname: str = "w"
    account: str = "a"
    description: None = None

    def fill(self, sql: str) -> str:
        return self.world.fill(sql).replace("{out}", "/srv/out").replace("{db}", "w").replace("{port}", "5432")

    def psql(self, sql: str, *_: object, **__: object) -> str:
        self.texts.append(self.fill(sql))
        return ""

    client = psql

    def connect(self, *_: object, **__: object) -> _Heard:
        return self

    cursor = connect

    def __enter__(self) -> _Heard:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def execute(self, sql: str, arguments: object = None, **_: object) -> _Heard:
        if not arguments:
            self.texts.append(sql)
        return self

    def copy(self, sql: str, arguments: object = None) -> _Heard:
        return self.execute(sql, arguments)

    def nextset(self) -> None:
        return None

    def fetchall(self) -> list[tuple[object, ...]]:
        return []


def of_acts(world: World, acts: Sequence[Act]) -> list[str]:
    """What acts send, one text a round trip or a script."""
    found: list[str] = []
    for act in acts:
        heard = _Heard(world)
        with contextlib.suppress(Exception):  # an act that needs an answer has said by then what it would ask
            act.do(heard)
        found += heard.texts
    return found


def of_postgres(world: World) -> list[str]:
    """The corpus's statements for PostgreSQL, each once, that have no spelling of their own yet."""
    found: dict[str, None] = {}
    for text in of_acts(world, (*run_postgres.OUT, *run_postgres.QUIET)):
        encoded = text.encode()
        for statement in _pieces(encoded) if "\\" not in text and "%s" not in text else ():
            if not re.search(r"(?i)\bu&|\be'|/\*|--", statement):
                found.setdefault(statement)
    return list(found)


def _pieces(text: bytes) -> Iterator[str]:
    try:
        statements = postgast.parse(text.decode()).stmts
    except postgast.PgQueryError:
        return
    for raw in statements:
        end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(text)
        yield text[raw.stmt_location : end].decode().strip()


def of_mariadb(world: World) -> list[str]:
    """The same for MariaDB."""
    found: dict[str, None] = {}
    for text in of_acts(world, (*run_mariadb.OUT, *run_mariadb.QUIET)):
        if re.search(r"\\|%s|/\*|--|#|:=|\"|\bu&", text):
            continue
        if re.search(r"(?i)\b(procedure|function|trigger)\b", text):
            continue
        for statement in re.split(r";\s*(?=(?:[^']*'[^']*')*[^']*$)", text):
            if statement.strip():
                found.setdefault(statement.strip())
    return list(found)


def catalogue(world: World, *, mysql: bool = False) -> Schema:
    """What a scan finds in the world's database: tables with their columns' classes, views and routines with their texts."""
    names, (schema, side) = world.names, (world.names["schema"], world.names["side"])
    people = ("key", "name", "phone", "email", "rrn", "addr")
    size, leads = len(world.people), len(world.leads)

    def columns(*found: str) -> tuple[Column, ...]:
        return tuple(
            Column(names.get(c, c), "integer" if c in ("key", "lead_id", "ord_id") else "text", _CLASSES.get(c)) for c in found
        )

    def table(
        at: str, name: str, found: tuple[Column, ...], rows: int, persons: int | None, key: str, kind: str = "table"
    ) -> Table:
        return Table(
            TableRef(at, name), found, kind, rows, persons, names["key"] if persons and persons == size else None, ((key,),)
        )

    tables = [
        table(schema, names["people"], columns(*people, "grade", "reg_dt"), size, size, names["key"]),
        table(schema, names["leads"], columns("lead_id", "name", "phone", "email", "addr", "source"), leads, leads, "lead_id"),
        table(
            schema, names["orders"], columns("ord_id", "key", "name", "phone", "amount", "odr_dt"), world.orders, size, "ord_id"
        ),
        table(schema, names["products"], columns("prd_no", "prd_nm", "price", "stock", "note"), world.products, None, "prd_no"),
        table(schema, names["logs"], columns("log_id", "key", "phone", "memo", "at"), world.logs, size, "log_id"),
        table(side, "empty_people", columns(*people, "grade", "reg_dt"), 0, 0, names["key"]),
        table(side, "spool", columns("n", "t"), 0, None, "n"),
    ]
    if not mysql:
        tables.append(Table(TableRef(schema, "mv_people"), (Column("k"), Column("a", pii_class="PERSON"), Column("b", pii_class="PHONE_NUMBER")),
                            "materialized_view", size, size))  # fmt: skip
    text = world.fill(mariadb.REST if mysql else postgres.REST)
    shown = {
        "v_people": (names["key"], "nm:PERSON", "tel:PHONE_NUMBER", "grade"),
        "v_masked": (names["key"], "nm", "tel"),
        "v_orders": ("ord_id", "amount", names["name"] + ":PERSON", names["email"] + ":EMAIL_ADDRESS"),
        "v_stats": ("grade", "n"),
    }
    for name, definition in _VIEW.findall(text):
        ref = TableRef(*(part.strip('`"') for part in name.split(".")))
        named = (column.partition(":") for column in shown[ref.name])
        tables.append(Table(ref, tuple(Column(n, "text", c or None) for n, _, c in named), "view", definition=definition))
    known = Schema("w", "1", {t.ref: t for t in tables}, default_schema=schema if mysql else "public")
    routines = list(_mysql_routines(text)) if mysql else list(created_functions(text, known))
    return Schema("w", "1", known.tables, {f.ref: (f,) for f in routines}, default_schema=known.default_schema)


def _mysql_routines(text: str) -> Iterator[Function]:
    for kind, name, _, returns, body in _ROUTINE.findall(text):
        ref = TableRef(*(part.strip("`") for part in name.split(".")))
        yield Function(
            ref, "mysql", re.sub(r"^sql security \w+( reads sql data)? ?", "", body), "definer" in body, returns, (), kind
        )
