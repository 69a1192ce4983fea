"""What earlier statements of a session make of a later one's names: ``search_path``, and temporary tables that borrow a name.

Where the log does not name relations, ``select * from customer`` means whatever the session has made of ``customer``. So
statements of sessions that have said something about it get shapes of their own. Set-based: only the few acts that steer are
gone through one by one, and every other act is joined to the last of them before it. What could undo a statement again (a
rollback, an error) makes the names mean what the catalogue says: too much is told rather than too little.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from postgast import pg_query_pb2 as pb

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
_MATTER = ("path", "local", "temp")  # of what is said, what makes names mean something else
_NOTHING = "\x1e"
_FAR = 1 << 40  # more than acts in a slice
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


@dataclass(frozen=True)
class InContext:
    """Shapes with their sessions' context: new keys, what each of them is seen in, and what to carry to the next slice."""

    keys: pa.Array
    table: pa.Table  # as of Shapes
    contexts: dict[str, Context]
    carry: pa.Table  # CONTEXT_SCHEMA


def in_context(
    acts: pa.Table, keys: pa.Array, table: pa.Table, carried: pa.Table, names: Collection[str], dialect: str
) -> InContext:
    """The shapes of ``acts`` (``n, session, kind, logged``), apart where a session has made something else of a name.

    ``keys`` and ``table`` are those of :class:`scanner.lineage.Shapes`, ``names`` the bare names of the catalogue's relations,
    ``carried`` what the call before returned.
    """
    found = _effects(table, names, dialect)
    matter = pc.is_in(found["what"], value_set=pa.array(_MATTER))
    if not carried.num_rows and not pc.any(matter).as_py():
        return InContext(keys, table, {}, carried)
    mysql = dialect in MYSQL
    session, told, carry = _told(acts, keys, found, carried, undoes=not mysql)
    place = np.flatnonzero(session >= 0)
    behind = np.searchsorted(told.key, session[place] * _FAR + acts["n"].to_numpy()[place] + 1) - 1
    heard = behind >= 0
    heard[heard] = told.key[behind[heard]] // _FAR == session[place][heard]
    place, behind = place[heard], behind[heard]
    texts = pa.array(told.texts, pa.string()).take(pa.array(told.text[behind]))
    quiet = pc.equal(texts, _NOTHING).to_numpy(zero_copy_only=False)
    if not mysql:  # where the log names the relations, it knows best
        named = pc.not_equal(acts["logged"].combine_chunks().take(pa.array(place)), "").to_numpy(zero_copy_only=False)
        quiet = quiet | named
    return _apart(keys, table, place[~quiet], texts.filter(pa.array(~quiet)), carry)


@dataclass(frozen=True)
class _Told:
    """What sessions have made of names, from one steering act to the next, in the order of sessions and acts."""

    key: np.ndarray  # session · _FAR + the act's n + 1; what was carried has n = -1
    text: np.ndarray  # row of ``texts``
    texts: list[str]  # schemas of the path joined by commas, temporary names joined by U+001F, U+001E between the two


def _told(
    acts: pa.Table, keys: pa.Array, found: pa.Table, carried: pa.Table, *, undoes: bool
) -> tuple[np.ndarray, _Told, pa.Table]:
    """For each act the number of its session (-1 where it has said nothing that matters), what was said, what to carry."""
    said = _said_in(acts, keys, found, carried, undoes=undoes)
    sessions = pc.unique(said.filter(pc.is_in(said["what"], value_set=pa.array(_MATTER)))["session"].combine_chunks())
    codes = pc.fill_null(pc.index_in(acts["session"], value_set=sessions).combine_chunks(), -1).to_numpy().astype(np.int64)
    mine = pc.fill_null(pc.index_in(said["session"], value_set=sessions).combine_chunks(), -1).to_numpy().astype(np.int64)
    rows = np.flatnonzero(mine >= 0)
    n = said["n"].to_numpy()
    rows = rows[np.lexsort((rows, n[rows], mine[rows]))]
    said, mine, n = said.take(pa.array(rows)), mine[rows], n[rows]
    texts: dict[str, int] = {_NOTHING: 0}
    text, states = np.empty(len(rows), np.int64), [_State() for _ in range(len(sessions))]
    for row, (code, what, value) in enumerate(zip(mine.tolist(), *(said[x].to_pylist() for x in ("what", "value")), strict=True)):
        states[code].hear(what, value)
        text[row] = texts.setdefault(states[code].text, len(texts))
    gone = set(acts["session"].filter(pc.equal(acts["kind"], "disconnect")).to_pylist())
    kept = [
        {"session": name, "what": what, "value": value}
        for name, state in zip(sessions.to_pylist(), states, strict=True)
        if name not in gone
        for what, value in state.kept()
    ]
    return codes, _Told(mine * _FAR + n + 1, text, list(texts)), pa.Table.from_pylist(kept, schema=CONTEXT_SCHEMA)


def _said_in(acts: pa.Table, keys: pa.Array, found: pa.Table, carried: pa.Table, *, undoes: bool) -> pa.Table:
    """What sessions say with these acts, and have said before (n = -1): n, session, what, value. Of one act in its order."""
    effects = found.group_by("shape", use_threads=False).aggregate([("what", "list"), ("value", "list")])
    sound = pc.and_(pc.equal(acts["kind"], "audit"), pc.is_valid(acts["session"]))
    speaking = np.flatnonzero(pc.and_(sound, pc.is_in(keys, value_set=effects["shape"].combine_chunks())).to_numpy())
    which = pc.index_in(keys.take(pa.array(speaking)), value_set=effects["shape"].combine_chunks())
    whats, values = (effects[name].combine_chunks().take(which) for name in ("what_list", "value_list"))
    rows = acts.select(["n", "session"]).take(pa.array(speaking[pc.list_parent_indices(whats).to_numpy()]))
    parts = [
        pa.table([pa.array(np.full(carried.num_rows, -1)), *carried.columns], names=["n", *CONTEXT_SCHEMA.names]),
        rows.append_column("what", whats.flatten()).append_column("value", values.flatten()),
    ]
    if undoes:
        failed = acts.filter(pc.and_(pc.equal(acts["kind"], "error"), pc.is_valid(acts["session"]))).select(["n", "session"])
        word = pa.repeat(pa.scalar("rollback"), failed.num_rows)
        parts.append(failed.append_column("what", word).append_column("value", pa.nulls(failed.num_rows, pa.string())))
    return pa.concat_tables(parts)


@dataclass
class _State:
    """What one session has made of names so far."""

    path: str | None = None
    local: bool = False  # the path ends with the transaction
    temporary: set[str] = field(default_factory=set)

    def hear(self, what: str, value: str | None) -> None:
        """One more thing that it says."""
        if what in ("rollback", "reset"):
            self.path, self.local = None, False
            self.temporary.clear()
        elif what == "commit":
            self.path, self.local = (None if self.local else self.path), False
        elif what in ("path", "local"):
            self.path, self.local = value, what == "local"
        elif value is not None and what == "temp":
            self.temporary.add(value)
        elif value is not None:
            self.temporary.discard(value)

    @property
    def text(self) -> str:
        """As of :class:`_Told`."""
        return f"{self.path or ''}\x1e{chr(31).join(sorted(self.temporary))}"

    def kept(self) -> Iterator[tuple[str, str | None]]:
        """Rows of CONTEXT_SCHEMA."""
        if self.path is not None:
            yield "local" if self.local else "path", self.path
        for name in sorted(self.temporary):
            yield "temp", name


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
