"""What earlier statements of a session make of a later one's names: ``search_path``, and temporary tables that borrow a name.

Where the log does not name relations, ``select * from customer`` means whatever the session has made of ``customer``. So
statements of sessions that have said something about it get shapes of their own. Set-based: the few statements that steer are
read once each, and every other act is joined to the last of them before it. What could undo a statement again (a rollback, an
error) makes the names mean what the catalogue says: too much is told rather than too little.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from postgast import pg_query_pb2 as pb

from scanner.engine import Engine, arrow
from scanner.lineage.dialects import MYSQL
from scanner.lineage.tree import Node, Statement, child, parse, strings, text_constant, unwrap

CONTEXT_SCHEMA = pa.schema([("session", pa.string()), ("what", pa.string()), ("value", pa.string())])
"""What open sessions have said: ``path`` or ``local`` with schemas joined by commas, ``temp`` with a name."""

_EFFECTS = pa.schema([("shape", pa.string()), ("what", pa.string()), ("value", pa.string())])
_STEERS = r"(?i)search_path|\btemp(?:orary)?\b|\bpg_temp\b|\bdiscard\b|^\s*(?:commit|end|rollback|abort|reset)\b|\bdrop\b"
_MYSQL_NAME = r"(?:`(?:[^`]|``)+`|[\w$]+)"
_MYSQL_TEMP = re.compile(
    rf"(?is)\bcreate\s+(?:or\s+replace\s+)?temporary\s+table\s+(?:if\s+not\s+exists\s+)?(?:{_MYSQL_NAME}\s*\.\s*)?({_MYSQL_NAME})"
)
_MYSQL_DROP = re.compile(
    rf"(?is)\bdrop\s+(?:temporary\s+)?tables?\s+(?:if\s+exists\s+)?(?:{_MYSQL_NAME}\s*\.\s*)?({_MYSQL_NAME})"
)
_TRANSACTION_ENDS = {
    pb.TRANS_STMT_COMMIT: "commit",
    pb.TRANS_STMT_PREPARE: "commit",
    pb.TRANS_STMT_ROLLBACK: "rollback",
    pb.TRANS_STMT_ROLLBACK_TO: "rollback",
}


@dataclass(frozen=True)
class Context:
    """What a session has made of unqualified names."""

    path: tuple[str, ...] = ()
    temporary: frozenset[str] = frozenset()


_CONTEXTS = """
with said as (
    select a.n, a.session, e.what, e.value from acts a join effects e using (shape)
    where a.kind = 'audit' and a.session is not null
    union all select -1, session, what, value from carried
    union all select n, session, 'rollback', null from acts where kind = 'error' and session is not null and $undoes
), mine as (
    select n, session from acts
    semi join (select distinct session from said where what in ('path', 'local', 'temp')) using (session)
), paths as (
    select m.n, m.session, case when p.what = 'local' and c.n > p.n then null else p.value end as path
    from mine m
    asof left join (select n, session, what, value from said where what in ('path', 'local')
        union all select n, session, 'path', null from said where what in ('rollback', 'reset')) p
        on m.session = p.session and m.n > p.n
    asof left join (select n, session from said where what = 'commit') c on m.session = c.session and m.n > c.n
), temps as (
    select m.n, string_agg(t.value, chr(31) order by t.value) as temps
    from mine m join (select distinct session, value from said where what = 'temp') v on v.session = m.session
    asof join (select n, session, value, what from said where what in ('temp', 'drop')) t
        on m.session = t.session and v.value = t.value and m.n > t.n
    asof left join (select n, session from said where what in ('rollback', 'reset')) r on m.session = r.session and m.n > r.n
    where t.what = 'temp' and coalesce(r.n, -2) < t.n
    group by m.n
)
select n, p.session, coalesce(path, '') as path, coalesce(temps, '') as temps from paths p left join temps using (n) order by n
"""

_CARRY = """
with said as (
    select a.n, a.session, e.what, e.value from acts a join effects e using (shape)
    where a.kind = 'audit' and a.session is not null
    union all select -1, session, what, value from carried
    union all select n, session, 'rollback', null from acts where kind = 'error' and session is not null and $undoes
), undone as (select session, max(n) as n from said where what in ('rollback', 'reset') group by all),
ended as (select session, max(n) as n from said where what = 'commit' group by all),
path as (
    select session, last(what order by n) as what, last(value order by n) as value, max(n) as n
    from said where what in ('path', 'local') group by session
), temp as (
    select session, value, last(what order by n) as what, max(n) as n
    from said where what in ('temp', 'drop') group by session, value
), kept as (
    select p.session, p.what, p.value from path p left join undone u using (session) left join ended e using (session)
    where coalesce(u.n, -2) < p.n and not (p.what = 'local' and coalesce(e.n, -2) > p.n)
    union all
    select t.session, t.what, t.value from temp t left join undone u using (session)
    where t.what = 'temp' and coalesce(u.n, -2) < t.n
)
select * from kept where session not in (select session from acts where kind = 'disconnect' and session is not null)
"""


@dataclass(frozen=True)
class InContext:
    """Shapes with their sessions' context: new keys, what each of them is seen in, and what to carry to the next slice."""

    keys: pa.Array
    table: pa.Table  # as of Shapes
    contexts: dict[str, Context]
    carry: pa.Table  # CONTEXT_SCHEMA


def in_context(
    engine: Engine, acts: pa.Table, keys: pa.Array, table: pa.Table, carried: pa.Table, names: Collection[str], dialect: str
) -> InContext:
    """The shapes of ``acts`` (``n, session, kind, logged``), apart where a session has made something else of a name.

    ``keys`` and ``table`` are those of :class:`scanner.lineage.Shapes`, ``names`` the bare names of the catalogue's relations,
    ``carried`` what the call before returned.
    """
    found = _effects(table, names, dialect)
    matter = pc.is_in(found["what"], value_set=pa.array(["path", "local", "temp"]))
    if not carried.num_rows and not pc.any(matter).as_py():
        return InContext(keys, table, {}, carried)
    mysql = dialect in MYSQL
    plain = pa.table({"n": acts["n"], "session": acts["session"], "kind": acts["kind"], "shape": keys})
    given = {"acts": plain, "effects": found, "carried": carried}
    for name, value in given.items():
        engine.register(name, value)
    try:
        undoes = "false" if mysql else "true"
        seen = arrow(engine, _CONTEXTS.replace("$undoes", undoes))
        carry = arrow(engine, _CARRY.replace("$undoes", undoes), CONTEXT_SCHEMA)
    finally:
        for name in given:
            engine.unregister(name)
    place = np.searchsorted(acts["n"].to_numpy(), seen["n"].to_numpy())
    told = pc.binary_join_element_wise(seen["path"], seen["temps"], "\x1e").combine_chunks()
    quiet = pc.equal(told, "\x1e").to_numpy(zero_copy_only=False)
    if not mysql:  # where the log names the relations, it knows best
        named = pc.not_equal(acts["logged"].combine_chunks().take(pa.array(place)), "").to_numpy(zero_copy_only=False)
        quiet = quiet | named
    rows, texts = place[~quiet], told.filter(pa.array(~quiet))
    return _apart(keys, table, rows, texts, carry)


def _apart(keys: pa.Array, table: pa.Table, rows: np.ndarray, texts: pa.Array, carry: pa.Table) -> InContext:
    if not len(rows):
        return InContext(keys, table, {}, carry)
    old = keys.dictionary_encode()
    shape = old.indices.to_numpy(zero_copy_only=False).astype(np.int64)[rows]
    coded = texts.dictionary_encode()
    pair = shape * len(coded.dictionary) + coded.indices.to_numpy(zero_copy_only=False)
    distinct, first, back = np.unique(pair, return_index=True, return_inverse=True)
    contexts: dict[str, Context] = {}
    fresh: list[str] = []
    for value in distinct.tolist():
        before, text = (
            old.dictionary[value // len(coded.dictionary)].as_py(),
            coded.dictionary[value % len(coded.dictionary)].as_py(),
        )
        key = hashlib.blake2b(f"{before}\x00{text}".encode(), digest_size=8).hexdigest()
        path, _, temps = text.partition("\x1e")
        contexts[key] = Context(tuple(p for p in path.split(",") if p), frozenset(t for t in temps.split("\x1f") if t))
        fresh.append(key)
    mask = np.zeros(len(keys), np.bool_)
    mask[rows] = True
    changed = pc.replace_with_mask(keys, pa.array(mask), pa.array(fresh, pa.string()).take(pa.array(back)))
    shapes = table["shape"].to_pylist()
    row_of = dict(zip(shapes, range(len(shapes)), strict=True))
    source = [row_of[old.dictionary[value // len(coded.dictionary)].as_py()] for value in distinct.tolist()]
    more = table.take(pa.array(source, pa.int64()))
    more = more.set_column(0, "shape", pa.array(fresh, pa.string())).set_column(1, "row", pa.array(rows[first], pa.int64()))
    whole = pa.concat_tables([table, more])
    left = set(pc.unique(changed).to_pylist())  # some have no act left outside of every context
    first_row = pa.table({"shape": changed, "row": np.arange(len(changed))}).group_by("shape").aggregate([("row", "min")])
    rows_now = dict(zip(first_row["shape"].to_pylist(), first_row["row_min"].to_pylist(), strict=True))
    whole = whole.filter(pc.is_in(whole["shape"], value_set=pa.array(sorted(left), pa.string())))
    whole = whole.set_column(1, "row", pa.array([rows_now[s] for s in whole["shape"].to_pylist()], pa.int64()))
    return InContext(changed, whole, contexts, carry)


# -- which statements steer ------------------------------------------------------------------------------------------


def _effects(table: pa.Table, names: Collection[str], dialect: str) -> pa.Table:
    """What each distinct statement says about names (one row for each thing that it says)."""
    likely = table.filter(pc.fill_null(pc.match_substring_regex(table["statement"], _STEERS), False))
    read = _mysql if dialect in MYSQL else _postgres
    rows = [
        {"shape": shape, "what": what, "value": value}
        for shape, text in zip(likely["shape"].to_pylist(), likely["statement"].to_pylist(), strict=True)
        for what, value in read(text)
        if what not in ("temp", "drop") or value in names
    ]
    return pa.Table.from_pylist(rows, schema=_EFFECTS)


def _mysql(text: str) -> Iterator[tuple[str, str | None]]:
    for what, pattern in (("temp", _MYSQL_TEMP), ("drop", _MYSQL_DROP)):
        if found := pattern.search(text):
            yield what, found[1].strip("`").replace("``", "`")


def _postgres(text: str) -> Iterator[tuple[str, str | None]]:
    for statement in parse(text) or ():
        yield from _said(statement)


def _said(statement: Statement) -> Iterator[tuple[str, str | None]]:
    name, node = statement.name, statement.node
    if name == "variable_set_stmt":
        yield from _set(node)
    elif name == "transaction_stmt" and node.kind in _TRANSACTION_ENDS:
        yield _TRANSACTION_ENDS[node.kind], None
    elif name == "discard_stmt":
        yield "reset", None
    elif name == "drop_stmt":
        for kind, item in map(unwrap, node.objects):
            parts = strings(item.items) if kind == "list" else []
            if parts:
                yield "drop", parts[-1]
    elif name == "create_stmt":
        yield from _temporary(node.relation, node)
    elif name == "create_table_as_stmt":
        yield from _temporary(node.into.rel, node.into)
    elif name == "view_stmt":
        yield from _temporary(node.view, None)
    elif name == "select_stmt":
        if node.HasField("into_clause"):
            yield from _temporary(node.into_clause.rel, node.into_clause)
        for kind, item in (child(unwrap(target)[1], "val") for target in node.target_list):
            if kind == "func_call" and strings(item.funcname)[-1:] == ["set_config"] and len(item.args) > 1:
                setting, value = (text_constant(*unwrap(arg)) for arg in item.args[:2])
                if setting is not None and setting.lower() == "search_path" and value is not None:
                    yield "path", ",".join(_schemas(value.split(",")))


def _set(node: Node) -> Iterator[tuple[str, str | None]]:
    what = "local" if node.is_local else "path"
    if node.kind == pb.VAR_RESET_ALL:
        yield "reset", None
    elif node.name == "search_path":
        values = [item.sval.sval for kind, item in map(unwrap, node.args) if kind == "a_const"]
        yield what, ",".join(_schemas(values))


def _schemas(values: Sequence[str]) -> Iterator[str]:
    for value in values:
        name = value.strip()
        name = name[1:-1].replace('""', '"') if name[:1] == '"' else name
        if name and name != "$user" and "," not in name:
            yield name


def _temporary(relation: Node, where: Node | None) -> Iterator[tuple[str, str | None]]:
    drops = where is not None and pb.ONCOMMIT_DROP in (getattr(where, "oncommit", 0), getattr(where, "on_commit", 0))
    if (relation.relpersistence == "t" or relation.schemaname == "pg_temp") and not drops:
        yield "temp", relation.relname
