"""What earlier statements of a session make of a later one's names: ``search_path``, and temporary tables that borrow a name.

Where the log does not name relations, ``select * from customer`` means whatever the session has made of ``customer``. So
statements of sessions that have said something about it get shapes of their own. Set-based: only the few acts that steer are
gone through one by one, and every other act is joined to the last of them before it. Transactions and savepoints are followed,
so that a rollback takes back what was said in it and nothing else. Where that cannot be told (a rollback without a BEGIN, an
error where the log shows no transactions) the names mean what the catalogue says: too much is told rather than too little.
Sessions begin with the path that the catalogue has for their role, in which ``"$user"`` is the schema of the role's name, if any.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from postgast import pg_query_pb2 as pb

from scanner.lineage.dialects import MYSQL
from scanner.lineage.tree import Node, Statement, child, parse, strings, text_constant, unwrap

CONTEXT_SCHEMA = pa.schema([("session", pa.string()), ("what", pa.string()), ("value", pa.string())])
"""What open sessions have said: ``state`` with all of it as JSON."""

_EFFECTS = pa.schema([("shape", pa.string()), ("what", pa.string()), ("value", pa.string())])
_STEERS = (
    r"(?i)search_path|\btemp(?:orary)?\b|\bpg_temp\b|\bdiscard\b|\bdrop\b|\brole\b|\bsession\s+authorization\b|"
    r"\b(?:commit|end|rollback|abort|reset|begin|start|savepoint|release)\b"
)
_MYSQL_NAME = r"(?:`(?:[^`]|``)+`|[\w$]+)"
_MYSQL_TEMP = re.compile(
    rf"(?is)\bcreate\s+(?:or\s+replace\s+)?temporary\s+table\s+(?:if\s+not\s+exists\s+)?(?:{_MYSQL_NAME}\s*\.\s*)?({_MYSQL_NAME})"
)
_MYSQL_DROP = re.compile(
    rf"(?is)\bdrop\s+(?:temporary\s+)?tables?\s+(?:if\s+exists\s+)?(?:{_MYSQL_NAME}\s*\.\s*)?({_MYSQL_NAME})"
)
_MATTER = ("path", "local", "temp", "role", "state")  # of what is said, what makes names mean something else
_NOTHING = "\x1e\x1e"
_FAR = 1 << 40  # more than acts in a slice
_TRANSACTION_ENDS = {
    pb.TRANS_STMT_COMMIT: "commit",
    pb.TRANS_STMT_PREPARE: "commit",
    pb.TRANS_STMT_ROLLBACK: "rollback",
    pb.TRANS_STMT_ROLLBACK_TO: "rollback_to",
    pb.TRANS_STMT_BEGIN: "begin",
    pb.TRANS_STMT_START: "begin",
    pb.TRANS_STMT_SAVEPOINT: "savepoint",
    pb.TRANS_STMT_RELEASE: "release",
}
_ROLES = frozenset({"role", "session_authorization"})


@dataclass(frozen=True)
class Context:
    """What a session has made of unqualified names."""

    path: tuple[str, ...] = ()
    temporary: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Usual:
    """Where a session's names live before it says anything: by role ("" is everybody), from the catalogue."""

    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schemas: frozenset[str] = frozenset()
    default: str = "public"

    def path(self, said: str, role: str, account: str) -> str:
        """The schemas of a path, joined by commas: of what was ``said``, or of the role's usual one (empty when that is nothing
        but the default)."""
        found = said.split(",") if said else self.paths.get(account, self.paths.get("", (_USER, self.default)))
        user = role or account
        meant = [user if name == _USER else name for name in found if name != _USER or user in self.schemas]
        return "" if not said and meant in ([], [self.default]) else ",".join(meant)


_USER = "$user"


@dataclass(frozen=True)
class InContext:
    """Shapes with their sessions' context: new keys, what each of them is seen in, and what to carry to the next slice."""

    keys: pa.Array
    table: pa.Table  # as of Shapes
    contexts: dict[str, Context]
    carry: pa.Table  # CONTEXT_SCHEMA


def in_context(
    acts: pa.Table,
    keys: pa.Array,
    table: pa.Table,
    carried: pa.Table,
    names: Collection[str],
    dialect: str,
    usual: Usual | None = None,
) -> InContext:
    """The shapes of ``acts`` (``n, session, account, kind, logged``), apart where a session has made something else of a name.

    ``keys`` and ``table`` are those of :class:`scanner.lineage.Shapes`, ``names`` the bare names of the catalogue's relations,
    ``carried`` what the call before returned, ``usual`` the roles' own search paths (PostgreSQL).
    """
    usual = usual or Usual()
    found = _effects(table, names, dialect)
    matter = pc.is_in(found["what"], value_set=pa.array(_MATTER))
    mysql = dialect in MYSQL
    accounts = pc.fill_null(acts["account"].combine_chunks(), "").dictionary_encode()
    owners = [] if mysql else accounts.dictionary.to_pylist()
    apart = any(usual.path("", "", owner) for owner in owners)
    if not carried.num_rows and not pc.any(matter).as_py() and not apart:
        return InContext(keys, table, {}, carried)
    session, told, carry = _told(acts, keys, found, carried, undoes=not mysql)
    place = np.flatnonzero(session >= 0)
    behind = np.searchsorted(told.key, session[place] * _FAR + acts["n"].to_numpy()[place] + 1) - 1
    heard = behind >= 0
    heard[heard] = told.key[behind[heard]] // _FAR == session[place][heard]
    text = np.zeros(acts.num_rows, np.int64)  # the first text is nothing
    text[place[heard]] = told.text[behind[heard]]
    who = np.zeros(acts.num_rows, np.int64) if mysql else accounts.indices.to_numpy()
    pairs, back = np.unique(text * max(len(owners), 1) + who, return_inverse=True)
    meant = pa.array(
        [_meant(told.texts[p // max(len(owners), 1)], owners, p % max(len(owners), 1), usual) for p in pairs.tolist()]
    )
    texts = meant.cast(pa.string()).take(pa.array(back))
    loud = pc.not_equal(texts, _MEANS_NOTHING).to_numpy(zero_copy_only=False)
    if not mysql:  # where the log names the relations, it knows best
        loud &= pc.equal(acts["logged"].combine_chunks(), "").to_numpy(zero_copy_only=False)
    return _apart(keys, table, np.flatnonzero(loud), texts.filter(pa.array(loud)), carry)


_MEANS_NOTHING = "\x1e"


def _meant(text: str, owners: Sequence[str], owner: int, usual: Usual) -> str:
    """What was said, for one account: the path's schemas joined by commas, U+001E, temporary names joined by U+001F."""
    path, temps, role = text.split("\x1e")
    return f"{usual.path(path, role, owners[owner]) if owners else path}\x1e{temps}"


@dataclass(frozen=True)
class _Told:
    """What sessions have made of names, from one steering act to the next, in the order of sessions and acts."""

    key: np.ndarray  # session · _FAR + the act's n + 1; what was carried has n = -1
    text: np.ndarray  # row of ``texts``
    texts: list[str]  # schemas of the path joined by commas, temporary names joined by U+001F, the role: U+001E between them


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
        {"session": name, "what": "state", "value": state.kept()}
        for name, state in zip(sessions.to_pylist(), states, strict=True)
        if name not in gone and state != _State()
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
        word = pa.repeat(pa.scalar("error"), failed.num_rows)
        parts.append(failed.append_column("what", word).append_column("value", pa.nulls(failed.num_rows, pa.string())))
    return pa.concat_tables(parts)


@dataclass(frozen=True)
class _Names:
    """What names mean at one moment."""

    path: str | None = None
    local: str | None = None  # a path that ends with the transaction
    temporary: frozenset[str] = frozenset()
    role: str | None = None


@dataclass
class _State:
    """What one session has made of names so far, and what it would be again after a rollback."""

    now: _Names = _Names()
    before: _Names = _Names()  # before the last thing that was said
    marks: list[tuple[str, _Names]] = field(default_factory=list)  # BEGIN ("") and savepoints that are open
    tells: bool = False  # the log shows its transactions

    def hear(self, what: str, value: str | None) -> None:
        """One more thing that it says."""
        now = self.now
        if what != "error":
            self.before = now
        if what in _TRANSACTIONS or what == "error":
            self._transaction(what, value or "")
        elif what == "state" and value is not None:
            self._restore(value)
        elif what == "reset":
            self.now = replace(now, path=None, local=None)
        elif what == "discard":
            self.now = _Names()
        elif what == "path":
            self.now = replace(now, path=value or None, local=None)
        elif what == "local":
            self.now = replace(now, local=value or None)
        elif what == "role":
            self.now = replace(now, role=value or None)
        elif what == "untemp":
            self.now = replace(now, temporary=frozenset())
        elif value is not None:
            self.now = replace(now, temporary=now.temporary | {value} if what == "temp" else now.temporary - {value})

    def _transaction(self, what: str, name: str) -> None:
        names = [mark for mark, _ in self.marks]
        if what == "error":
            if not self.tells:  # it may have ended a transaction that nobody saw begin
                self.now = _Names()
            elif not self.marks:  # where rows are not counted a statement is logged before it fails
                self.now = self.before
            return
        self.tells = True
        if what == "begin" and not self.marks:
            self.marks = [("", self.now)]
        elif what == "savepoint":
            self.marks.append((f"to {name}", self.now))
        elif what == "commit":
            self.now, self.marks = replace(self.now, local=None), []
        elif what == "rollback":
            self.now, self.marks = self.marks[0][1] if self.marks and not names[0] else _Names(), []
        elif f"to {name}" in names:
            at = len(names) - 1 - names[::-1].index(f"to {name}")
            if what == "rollback_to":
                self.now = self.marks[at][1]
            self.marks = self.marks[: at + (what == "rollback_to")]
        elif what == "rollback_to":
            self.now = _Names()

    @property
    def text(self) -> str:
        """As of :class:`_Told`."""
        now = self.now
        return f"{now.local or now.path or ''}\x1e{chr(31).join(sorted(now.temporary))}\x1e{now.role or ''}"

    def kept(self) -> str:
        """All of it, for the next slice."""

        def told(names: _Names) -> list[object]:
            return [names.path, names.local, sorted(names.temporary), names.role]

        return json.dumps([told(self.now), [[mark, told(names)] for mark, names in self.marks], self.tells, told(self.before)])

    def _restore(self, kept: str) -> None:
        def heard(path: str | None, local: str | None, temporary: list[str], role: str | None) -> _Names:
            return _Names(path, local, frozenset(temporary), role)

        now, marks, self.tells, before = json.loads(kept)
        self.before = heard(*before)
        self.now, self.marks = heard(*now), [(mark, heard(*names)) for mark, names in marks]


_TRANSACTIONS = frozenset(_TRANSACTION_ENDS.values())


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
        yield _TRANSACTION_ENDS[node.kind], node.savepoint_name or None
    elif name == "discard_stmt":
        if node.target in (pb.DISCARD_ALL, pb.DISCARD_TEMP):
            yield "discard" if node.target == pb.DISCARD_ALL else "untemp", None
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
    values = [item.sval.sval for kind, item in map(unwrap, node.args) if kind == "a_const"]
    if node.kind == pb.VAR_RESET_ALL:
        yield "reset", None
    elif node.name == "search_path":
        yield what, ",".join(_schemas(values))
    elif node.name in _ROLES:  # RESET and DEFAULT have no value
        yield "role", None if values[:1] == ["none"] else next(iter(values), None)


def _schemas(values: Sequence[str]) -> Iterator[str]:
    for value in values:
        name = value.strip()
        name = name[1:-1].replace('""', '"') if name[:1] == '"' else name
        if name and "," not in name:
            yield name


def _temporary(relation: Node, where: Node | None) -> Iterator[tuple[str, str | None]]:
    drops = where is not None and pb.ONCOMMIT_DROP in (getattr(where, "oncommit", 0), getattr(where, "on_commit", 0))
    if (relation.relpersistence == "t" or relation.schemaname == "pg_temp") and not drops:
        yield "temp", relation.relname
