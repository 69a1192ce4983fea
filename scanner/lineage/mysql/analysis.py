"""From the text of a MariaDB or MySQL statement to its lineage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from sqlglot import exp

from scanner.lineage import analysis as common
from scanner.lineage.mysql import errors, rewrite, routines
from scanner.lineage.mysql.changes import assigned
from scanner.lineage.mysql.lexical import Is, Token, Tokens, otherwise, tokens
from scanner.lineage.mysql.names import Names, Translated, distinct, logged_relation, star
from scanner.lineage.mysql.others import other
from scanner.lineage.mysql.parsing import (
    after,
    column_list,
    find_query,
    functions_called,
    name_at,
    split_statements,
    string_value,
    unquoted,
    without_check_option,
    without_into,
)
from scanner.lineage.mysql.words import words as word_set
from scanner.lineage.techniques import Technique
from scanner.model import Destination, Flow, Kind, Lineage, Schema, TableRef

ENCODING = word_set(
    """hex unhex to_base64 from_base64 aes_encrypt aes_decrypt des_encrypt des_decrypt encode decode compress uncompress md5
    sha sha1 sha2 crc32 crc32c password old_password encrypt conv ascii ord char reverse substr substring mid left right
    substring_index elt field insert quote soundex bin oct lpad rpad kdf uuid_to_bin regexp_replace regexp_substr
    natural_sort_key"""
)
"""Functions with which values are disguised, hashed or cut into pieces."""

SERVER_FILE = frozenset({"load_file"})
PROGRAM = frozenset({"sys_exec", "sys_eval", "sys_get", "sys_set", "do_system", "lib_mysqludf_sys_info"})
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
_BEFORE_NAME = word_set("LOW_PRIORITY DELAYED HIGH_PRIORITY IGNORE INTO OR REPLACE TEMPORARY TABLE IF NOT EXISTS")
_EXPLAINS = frozenset({"EXPLAIN", "DESCRIBE", "DESC"})
_DUMP_MARK = "/*!40001 SQL_NO_CACHE */"
_MAX_DEPTH = 8


def analyze(
    statement: str | None,
    schema: Schema,
    *,
    logged: Sequence[str] = (),
    command: str = "",  # noqa: ARG001 - the text says it
    search_path: Sequence[str] = (),
    temporary: Collection[str] = (),
) -> Lineage:
    """What one statement reads, returns and writes. Never raises, whatever the text.

    ``logged`` are the tables that the audit log named for it (``database.table``), ``search_path`` holds its default database.
    """
    database = next((name for name in search_path if name), schema.default_schema)
    names = Names(schema, tuple(logged_relation(name) for name in logged if name), database, frozenset(temporary))
    if statement is None or not statement.strip():
        return Lineage(Kind.UNPARSED, tables=names.read, outputs=star(names.read), unknown=True)
    found = tokens(statement)
    variants = [found]
    if found.may_run:
        variants.append(tokens(statement, run=False))
    parts = [_text(variant, names) for variant in variants]
    unescaped = otherwise(statement, found.first) if found.whole else None
    if unescaped is not None:
        parts += [part for part in [_text(unescaped, names)] if part.kind is not Kind.UNPARSED]
    made = _named_too(common.union(parts), names)
    if _DUMP_MARK in statement:
        made = replace(made, techniques=("dump_tool", *made.techniques))
    return made


def _text(found: Tokens, names: Names) -> Lineage:
    if not found.tokens:
        if found.whole:
            return Lineage(Kind.UTILITY, tables=names.read, destination=Destination.NOWHERE)
        return _unknown(found.tokens, names)
    try:
        if not found.whole:
            return _broken(found.tokens, names)
        return common.union([_statement(part, names, 0) for part in split_statements(found.tokens)])
    except (RecursionError, MemoryError):
        return _unknown(found.tokens, names)


def _statement(found: Sequence[Token], names: Names, depth: int) -> Lineage:
    """One whole statement."""
    first = unquoted(found)[0].upper if unquoted(found) else ""
    if depth > _MAX_DEPTH:
        return _unknown(found, names)
    if first in _QUERIES:
        return _query(found, names)
    if first in _EXPLAINS or first == "ANALYZE":
        return _explain(found, names, depth)
    if first in ("INSERT", "REPLACE"):
        return _insert(found, names)
    if first in ("UPDATE", "DELETE"):
        return _change(found, names)
    if first == "CREATE":
        return _create(found, names)
    if first == "HANDLER":
        return _handler(found, names)
    if first in ("PREPARE", "EXECUTE"):
        return _prepared(found, names, depth)
    if first == "SET":
        inner = _set_query(found, names, depth)
        if inner is not None:
            return inner
    if first == "DO" and any(t.upper == "SELECT" for t in found):
        return _query([Token(Is.WORD, "SELECT"), *found[1:]], names)
    made = other(found, names)
    if made is not None and made.kind is Kind.CALL:
        made = routines.with_procedure(made, names, _query)
    return made if made is not None else _unknown(found, names)


# -- queries --------------------------------------------------------------------------------------------------------


def _query(found: Sequence[Token], names: Names) -> Lineage:
    body, into = without_into(found)
    texts = _said(body, names)
    made = _first(texts, names)
    if made is None:
        return _unknown(found, names)
    if any(t.text == ":=" for t in found):  # what a variable is given in passing, the next statement can return
        outputs = tuple(replace(o, flow=Flow.KEPT) if o.flow is Flow.AGGREGATED else o for o in made.outputs)
        kept = made.keeps_values or outputs != made.outputs
        made = replace(
            made, outputs=outputs, keeps_values=kept, predicates=()
        )  # and it may be compared with another one each time
    if any(t.upper == "PARTITION" for t in found):
        made = replace(made, filtered=True)  # some of the rows, nobody says how many
    made = routines.with_functions(made, sorted(functions_called(found)), names, _query)
    if functions_called(found) & errors.TELLING:
        made = errors.with_errors(made, body, names, _first)
    return _dressed(replace(made, destination=Destination.SERVER_FILE) if into else made, found, into)


def _said(found: Sequence[Token], names: Names) -> list[str]:
    """A query in PostgreSQL's words, the best wording first."""
    tree = rewrite.parse(found, names)
    if tree is None:
        return []
    wordings = (rewrite.query(tree, names), rewrite.query(tree, names, plain=True))
    return [text for text in wordings if text is not None]


def _first(texts: Iterable[str], names: Names) -> Lineage | None:
    """The lineage of the first wording that PostgreSQL's parser takes."""

    def view(definition: str, database: str) -> str | None:
        return rewrite.view(definition, database, names)

    schema = replace(
        names.schema,
        tables=Translated(names.schema.tables, view),
        functions={},
        default_schema=names.database or names.schema.default_schema,
    )
    for text in texts:
        made = common.analyze(text, schema, search_path=(names.database,) if names.database else ())
        if made.kind is not Kind.UNPARSED:
            return made
    return None


def _dressed(made: Lineage, found: Sequence[Token], into: bool = False) -> Lineage:
    """Lineage with the act words and functions that the statement's own text shows."""
    called = functions_called(found)
    words: dict[str, None] = dict.fromkeys(w for w in made.techniques if w != str(Technique.ENCODING))
    leaves = [o for o in made.outputs if o.flow is not Flow.AGGREGATED]
    if called & ENCODING and any(o.flow in (Flow.TRANSFORMED, Flow.KEPT) for o in leaves):
        words.setdefault(str(Technique.ENCODING))
    if into or called & SERVER_FILE:
        words.setdefault(str(Technique.SERVER_FILE))
    if called & PROGRAM:
        words.setdefault(str(Technique.PROGRAM))
    return replace(made, techniques=tuple(words), functions=tuple(sorted(called)))


def _explain(found: Sequence[Token], names: Names, depth: int) -> Lineage:
    start = find_query(found, 1)
    runs = found[0].upper == "ANALYZE" or any(t.upper == "ANALYZE" for t in found[1:3])
    if start is None:
        writes = next((n for n, t in enumerate(found) if n and t.upper in ("INSERT", "REPLACE", "UPDATE", "DELETE")), None)
        if writes is None:
            return Lineage(Kind.UTILITY, tables=names.read, destination=Destination.NOWHERE)
        start = writes
    inner = _statement(found[start:], names, depth + 1)
    return replace(
        inner,
        kind=Kind.EXPLAIN_ANALYZE if runs else Kind.EXPLAIN,
        outputs=(),
        destination=Destination.NOWHERE,
        written=None,
        written_columns=(),
        techniques=(str(Technique.EXPLAIN),),
    )


# -- writing --------------------------------------------------------------------------------------------------------


def _insert(found: Sequence[Token], names: Names) -> Lineage:
    at = after(found, 1, "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO")
    target, end = name_at(found, at)
    written = names.relation(*target)
    plain = Lineage(Kind.INSERT, destination=Destination.NOWHERE, written=written)
    reads = any(t.upper in ("SELECT", "RETURNING", "TABLE", "WITH") for t in found[end:])
    if not reads:
        return _dressed(plain, found)
    rest = list(found[end:])
    returns = any(t.upper == "RETURNING" for t in rest)
    doubled = next((n for n, t in enumerate(rest[:-1]) if t.upper == "ON" and rest[n + 1].upper == "DUPLICATE"), None)
    if doubled is not None:
        back = next((n for n in range(doubled, len(rest)) if rest[n].upper == "RETURNING"), len(rest))
        rest = rest[:doubled] + rest[back:]
    if rest and rest[0].upper == "PARTITION":
        rest = rest[next((n + 1 for n, t in enumerate(rest) if t.text == ")"), len(rest)) :]
    head = [Token(Is.WORD, "INSERT"), Token(Is.WORD, "INTO"), *_spelled(written.schema, written.name)]
    made = _first(_said([*head, *rest], names), names)
    if made is None or made.kind is not Kind.INSERT:
        sources = tuple(ref for ref in _sources(found, names) if ref != written)
        return replace(
            plain,
            tables=sources,
            destination=Destination.TABLE,
            written_columns=star(sources),
            unknown=True,
            literal_sensitive=True,
        )
    if returns and doubled is not None:  # the row as it is then comes back, with what was there before
        rows = max(1, sum(t.text == "(" and before.text in (",", "VALUES") for before, t in pairwise(found)))
        words = tuple(dict.fromkeys([*made.techniques, str(Technique.RETURNING)]))
        outputs = star([written])
        made = replace(made, tables=distinct(made.tables, [written]), outputs=outputs, destination=Destination.CLIENT, limit=rows)
        made = replace(made, techniques=words, one_row=False)
    return _dressed(made, found)


def _change(found: Sequence[Token], names: Names) -> Lineage:
    """UPDATE and DELETE. Only DELETE … RETURNING hands rows over."""
    kind = Kind.UPDATE if found[0].upper == "UPDATE" else Kind.DELETE
    if any(t.upper == "RETURNING" for t in found):
        modifiers = ("LOW_PRIORITY", "QUICK", "IGNORE")
        made = _first(_said([t for n, t in enumerate(found) if not (n < 4 and t.upper in modifiers)], names), names)
        return _dressed(made, found) if made is not None else _unknown(found, names)
    tree = rewrite.parse(found, names)
    refs = _sources(found, names) if tree is None else tuple(
        dict.fromkeys(names.relation(t.db, t.name) for t in tree.find_all(exp.Table) if isinstance(t.this, exp.Identifier))
    )  # fmt: skip
    refs = distinct(*(_behind(ref, names) for ref in refs))
    written, columns = assigned(tree, names) if kind is Kind.UPDATE and tree is not None else (None, ())
    written = written or (refs[0] if refs else None)
    return Lineage(
        kind,
        tables=tuple(ref for ref in refs if ref != written),
        destination=Destination.TABLE if columns else Destination.NOWHERE,
        written=written,
        written_columns=columns,
        techniques=(str(Technique.COPY_TO_NEW_TABLE),) if columns else (),
        filtered=any(t.upper == "WHERE" for t in found),
        functions=tuple(sorted(functions_called(found))),
    )


def _behind(ref: TableRef, names: Names) -> tuple[TableRef, ...]:
    """A table, or what a view reads."""
    if (table := names.schema.tables.get(ref)) is None or table.kind != "view" or not table.definition:
        return (ref,)
    parts = ('"' + part.replace('"', '""') + '"' for part in (ref.schema, ref.name) if part)
    made = _first(["TABLE " + ".".join(parts)], names)
    return made.tables if made is not None and made.tables else (ref,)


def _create(found: Sequence[Token], names: Names) -> Lineage:
    """CREATE TABLE … SELECT and CREATE VIEW: copies under a new name. All other CREATEs are read by :func:`other`."""
    words = [t.upper for t in found[:12]]
    what = next((w for w in words[1:] if w in ("TABLE", "VIEW", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE")), "")
    if what not in ("TABLE", "VIEW"):
        return other(found, names) or _unknown(found, names)
    at = after(found, words.index(what) + 1, "IF", "NOT", "EXISTS")
    target, end = name_at(found, at)
    start = find_query(found, end)
    if start is None:
        return other(found, names) or _unknown(found, names)
    written = names.relation(*target)
    if "TEMPORARY" in words[:4] and written in names.schema.tables and written not in names.logged:
        written = TableRef("pg_temp", target[1])  # it borrows the name and hides the table that has it
    columns = column_list(found[end:start]) if what == "VIEW" else ""
    name = ".".join('"' + part.replace('"', '""') + '"' for part in (written.schema, written.name) if part)
    body = found[start:]
    if what == "VIEW":
        body = without_check_option(body)
    texts = [f"CREATE {what} {name}{columns} AS {text}" for text in _said(body, names)]
    made = _first(texts, names)
    if made is None:
        sources = tuple(ref for ref in _sources(found, names) if ref != written)
        kind = Kind.CREATE_AS if what == "TABLE" else Kind.CREATE_VIEW
        return Lineage(
            kind, tables=sources, destination=Destination.TABLE, written=written, written_columns=star(sources), unknown=True
        )
    return _dressed(made, found)


def _spelled(database: str, name: str) -> list[Token]:
    own = [Token(Is.NAME, name)]
    return [Token(Is.NAME, database), Token(Is.MARK, "."), *own] if database else own


# -- what runs later, or in another form ------------------------------------------------------------------------------


def _handler(found: Sequence[Token], names: Names) -> Lineage:
    """HANDLER t OPEN [AS a] / a READ … [LIMIT n] / a CLOSE: rows of one table, as they are stored."""
    target, end = name_at(found, 1)
    word = found[end].upper if end < len(found) else ""
    if word == "OPEN":
        return Lineage(Kind.UTILITY, tables=(names.relation(*target),), destination=Destination.NOWHERE)
    if word != "READ":
        return Lineage(Kind.CLOSE, tables=names.read, destination=Destination.NOWHERE)
    refs = names.read or (names.relation(*target),)  # the alias of OPEN is no table, but the log says which it is
    limit = 1
    for at in range(end, len(found) - 1):
        if found[at].upper == "LIMIT":
            numbers = [t.text for t in found[at + 1 : at + 4] if t.kind is Is.NUMBER]
            pair = len(numbers) > 1 and found[at + 2].text == ","
            count = numbers[1] if pair else numbers[0] if numbers else "1"
            limit = int(count) if count.isdigit() and len(count) < 19 else 1
    return Lineage(
        Kind.SELECT,
        tables=refs,
        outputs=star(refs),
        limit=limit,
        filtered=any(t.upper == "WHERE" for t in found),
        techniques=(str(Technique.CURSOR),),
    )


def _prepared(found: Sequence[Token], names: Names, depth: int) -> Lineage:
    """PREPARE p FROM 'text', EXECUTE IMMEDIATE 'text'. What EXECUTE runs, the log shows with its values filled in."""
    immediate = found[0].upper == "EXECUTE" and len(found) > 1 and found[1].upper == "IMMEDIATE"
    if found[0].upper == "EXECUTE" and not immediate:
        return Lineage(Kind.EXECUTE, destination=Destination.NOWHERE, prepared=found[1].text.lower() if len(found) > 1 else None)
    at = 2 if immediate else 3
    text = string_value(found[at]) if at < len(found) else None
    only = len(found) == at + 1 or (immediate and found[at + 1].upper == "USING")
    if text is None or not only:
        inner = Lineage(Kind.UNPARSED, tables=names.read, outputs=star(names.read), unknown=True)
    else:
        parts = tokens(text)
        inner = _statement(parts.tokens, names, depth + 1) if parts.whole and parts.tokens else _unknown(parts.tokens, names)
    dynamic = replace(
        inner, techniques=tuple(dict.fromkeys([*inner.techniques, str(Technique.DYNAMIC_SQL)])), literal_sensitive=True
    )
    if immediate:
        return dynamic
    return replace(
        dynamic, kind=Kind.PREPARE, destination=Destination.NOWHERE, prepared=found[1].text.lower() if len(found) > 1 else ""
    )


def _set_query(found: Sequence[Token], names: Names, depth: int) -> Lineage | None:
    """SET STATEMENT … FOR statement, and SET @a = (SELECT …), whose value the next statement can return."""
    if len(found) > 1 and found[1].upper == "STATEMENT":
        at = next((n for n, t in enumerate(found) if t.upper == "FOR"), None)
        return _statement(found[at + 1 :], names, depth + 1) if at is not None and at + 1 < len(found) else None
    start = next((n for n, t in enumerate(found) if t.upper in ("SELECT", "TABLE")), None)
    if start is None:
        return None
    equals = next((n for n, t in enumerate(found) if t.text in ("=", ":=")), 0)
    return _query([Token(Is.WORD, "SELECT"), *found[equals + 1 :]], names)


# -- what is not understood ---------------------------------------------------------------------------------------------


def _broken(found: Sequence[Token], names: Names) -> Lineage:
    """A statement that the log cut, or whose quotes do not close. What is not seen may do anything, but for this: what begins as
    an INSERT of values or an UPDATE hands no rows of other tables over, only copies them."""
    start = unquoted(found)
    first = start[0].upper if start else ""
    if first in ("INSERT", "REPLACE", "UPDATE") or (first == "CREATE" and any(t.upper == "TABLE" for t in found[:6])):
        written = names.relation(*name_at(found, after(found, 1, *_BEFORE_NAME))[0])
        sources = tuple(ref for ref in _sources(found, names) if ref != written)
        kind = {"UPDATE": Kind.UPDATE, "CREATE": Kind.CREATE_AS if sources else Kind.DDL}.get(first, Kind.INSERT)
        return Lineage(
            kind,
            tables=sources,
            destination=Destination.TABLE if sources else Destination.NOWHERE,
            written=written,
            written_columns=star(sources) if kind is not Kind.UPDATE else (),
            unknown=True,
        )
    if first in ("CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "SET", "CALL", "LOAD", "RENAME"):
        made = other(found, names)
        if made is not None and not any(t.upper == "SELECT" for t in found):
            return replace(made, unknown=True)
    return _unknown(found, names)


def _sources(found: Sequence[Token], names: Names) -> tuple[TableRef, ...]:
    words = (t.content for t in found if t.kind in (Is.WORD, Is.NAME, Is.DOUBLE))
    return distinct(names.read, names.mentioned(words))


def _unknown(found: Sequence[Token], names: Names) -> Lineage:
    """Not understood: it may read all that the log or its text names."""
    refs = _sources(found, names)
    return Lineage(Kind.UNPARSED, tables=refs, outputs=star(refs), unknown=True, literal_sensitive=True)


def _named_too(made: Lineage, names: Names) -> Lineage:
    """Tables that the log named although the text does not: read through a view or function that the catalogue does not know,
    or by a text that was cut or means something else under the sql mode in force. From a query their values leave."""
    tables = names.schema.tables
    seen = {*made.tables, made.written, made.renamed_from}
    extra = tuple(ref for ref in names.read if ref not in seen and not (ref in tables and tables[ref].kind == "view"))
    if not extra or made.kind in (Kind.UNPARSED, Kind.EXPLAIN, Kind.EXPLAIN_ANALYZE):
        return made
    if made.kind is Kind.SELECT:
        return replace(
            made,
            tables=distinct(made.tables, extra),
            outputs=(*made.outputs, *star(extra)),
            one_row=False,
            predicates=(),
            limit=None,
            contradicts=any(ref in tables and tables[ref].has_pii for ref in extra),
        )
    if made.kind in (Kind.INSERT, Kind.CREATE_AS) and made.written is not None and made.destination is Destination.TABLE:
        return replace(made, tables=distinct(made.tables, extra), written_columns=(*made.written_columns, *star(extra)))
    return replace(made, tables=distinct(made.tables, extra))
