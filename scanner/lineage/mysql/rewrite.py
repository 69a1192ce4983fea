"""A MariaDB or MySQL query in PostgreSQL's words, as far as its columns, tables, conditions and limits go.

It is never run: what matters is that every value that leaves comes from the same columns in the same way. ``sqlglot`` reads and
writes it; what it would lose or PostgreSQL's grammar refuses is put in other words first. Where that is not enough, a second,
plainer wording turns every function into a call of no special form.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from scanner.lineage.mysql.lexical import Is, Token, stands_for_name, tokens
from scanner.lineage.mysql.names import Names
from scanner.lineage.mysql.words import words as word_set

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it tells in its log what we find out by ourselves

MAX_TOKENS = 20_000
"""Longer statements are not parsed: the parser is recursive and slow. What they name counts as read."""

_MODIFIERS = word_set(
    """HIGH_PRIORITY SQL_SMALL_RESULT SQL_BIG_RESULT SQL_BUFFER_RESULT SQL_CACHE SQL_NO_CACHE SQL_CALC_FOUND_ROWS
    STRAIGHT_JOIN"""
)
_SOURCES = word_set("FROM JOIN INTO UPDATE TABLE ,")
_SAID_SO = frozenset({"json_agg", "json_object_agg", "xmlagg", "cast_as", "calculated", "encode", "match_against", "called"})
_CONDITIONS = (exp.Where, exp.Join, exp.Having)
_AGGREGATES_KEPT = {"JSON_ARRAYAGG": "JSON_AGG", "JSON_OBJECTAGG": "JSON_OBJECT_AGG", "XMLAGG": "XMLAGG"}


def parse(found: Sequence[Token], names: Names) -> exp.Expr | None:
    """The tree of one statement; None when it is not understood."""
    if not found or len(found) > MAX_TOKENS:
        return None
    text = " ".join(_written(found, names))
    try:
        trees = sqlglot.parse(text, dialect="mysql", error_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError, ValueError, IndexError, KeyError, AttributeError, TypeError):
        return None
    tree = trees[0] if len(trees) == 1 else None
    return None if tree is None or tree.find(exp.Command) else tree


def _written(found: Sequence[Token], names: Names) -> list[str]:
    """The statement's text for the parser: without what only steers the server, and with quotes read the more telling way."""
    out: list[str] = []
    words = {t.text.lower() for t in found if t.kind in (Is.WORD, Is.NAME)}
    clause, before = "", ""
    depth = grouping = using = 0
    dropping = False
    for at, token in enumerate(found):
        upper = token.upper
        behind = found[at + 1] if at + 1 < len(found) else None
        if token.introduces and behind is not None and behind.kind in (Is.STRING, Is.DOUBLE, Is.NUMBER):
            continue
        if upper in ("SELECT", "WHERE", "ON", "HAVING", "VALUES", "SET", "BY", "FROM"):
            clause = upper
        if upper in _MODIFIERS and (before == "SELECT" or before in _MODIFIERS):
            before = upper
            continue
        if upper == "(" and before == "USING":
            using = depth + 1  # JOIN … USING (a, b)
        before = upper
        if upper == "GROUP_CONCAT":
            grouping = depth + 1
        if token.kind is Is.MARK and token.text in ("(", ")"):
            using = 0 if depth == using and token.text == ")" else using
            depth += 1 if token.text == "(" else -1
            if depth < grouping and token.text == ")":
                grouping, dropping = 0, False
        if grouping and depth == grouping and upper in ("LIMIT", "SEPARATOR"):
            dropping = True  # they cut what is put together; the parser does not know them all
        if dropping:
            continue
        if upper == "STRAIGHT_JOIN":
            out.append("JOIN")
        elif token.kind is Is.DOUBLE:
            here = "USING" if depth and depth == using else clause
            out.append(_either(token, _beside(found, at), names, here, words))
        elif token.kind is Is.VARIABLE:
            out.append("'?'")
        elif upper == ":=":
            if out and out[-1] == "'?'":
                out.pop()  # @a := x is x
        else:
            out.append(token.sql)
    return out


def _beside(found: Sequence[Token], at: int) -> tuple[str, str]:
    """What stands before and behind a token, upper case."""
    before, behind = (found[i] if 0 <= i < len(found) else None for i in (at - 1, at + 1))
    return (before.upper if before is not None else "", behind.upper if behind is not None else "")


def _either(token: Token, beside: tuple[str, str], names: Names, clause: str, words: set[str]) -> str:
    """A text in double quotes: a string, but a name under ANSI_QUOTES. Where it may be either, it is both."""
    content, (before, behind) = token.content, beside
    named = f"`{content.replace('`', '``')}`"
    known = content.lower() in names.columns
    sure = "." in beside or before == "AS" or clause == "USING" or (before in _SOURCES and content.lower() in names.bare)
    if sure or (known and clause in ("WHERE", "ON", "HAVING") and stands_for_name(before, behind)):
        return named  # where no string stands
    if known and clause in ("SELECT", "BY", "FROM"):
        return f"COALESCE({token.text}, {named})"
    if known and content.lower() in words:
        return named  # x = "x" would be true of every row
    return token.text


def query(tree: exp.Expr, names: Names, *, plain: bool = False) -> str | None:
    """The tree of a query or a writing statement in PostgreSQL's words. ``plain``: every function as an ordinary call."""
    try:
        copy = tree.copy()
        _prepare(copy, names)
        copy = copy.transform(_worded)
        if plain:
            copy = copy.transform(_plain_calls)
        return copy.sql(dialect="postgres", identify=True, unsupported_level=ErrorLevel.IGNORE, comments=False)
    except (SqlglotError, RecursionError, ValueError, IndexError, KeyError, AttributeError, TypeError):
        return None


def view(definition: str, database: str, names: Names) -> str | None:
    """A view's text in PostgreSQL's words."""
    found = tokens(definition)
    inside = Names(names.schema, (), database)
    tree = parse(found.tokens, inside) if found.whole else None
    return query(tree, inside) if tree is not None else None


def _prepare(tree: exp.Expr, names: Names) -> None:
    """Tables under their full names, columns spelled as in the catalogue, clauses away that PostgreSQL does not have."""
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    refs = []
    for table in tree.find_all(exp.Table):
        for clause in ("hints", "partition", "version", "when"):
            table.set(clause, None)
        if not isinstance(table.this, exp.Identifier) or (not table.db and table.name.lower() in ctes):
            continue
        if not table.db and table.name.lower() == "dual":
            continue
        ref = names.relation(table.db, table.name)
        refs.append(ref)
        if ref.name != table.name and not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(ref.name, quoted=True))
        table.set("db", exp.to_identifier(ref.schema, quoted=True) if ref.schema else None)
        table.set("catalog", None)
    spelled = names.columns_of(refs)
    for column in tree.find_all(exp.Column):
        if isinstance(column.this, exp.Identifier):
            column.this.set("this", spelled.get(column.name.lower(), column.name))
        if column.catalog:
            column.set("catalog", None)
    for alias in tree.find_all(exp.TableAlias, exp.Alias):
        name = alias.args.get("alias") if isinstance(alias, exp.Alias) else None
        if isinstance(name, exp.Identifier):
            name.set("this", spelled.get(name.name.lower(), name.name))
    for select in tree.find_all(exp.Select):
        for clause in ("into", "hint", "kind", "locks", "operation_modifiers"):
            select.set(clause, None)
        source = select.args.get("from_") or select.args.get("from")
        if source is not None and isinstance(source.this, exp.Table) and source.this.name.lower() == "dual":
            select.set("from_" if "from_" in select.args else "from", None)
        group = select.args.get("group")
        if group is not None:
            for clause in ("rollup", "cube", "totals", "all"):
                group.set(clause, None)


def _worded(node: exp.Expr) -> exp.Expr:
    """One expression in words that PostgreSQL's grammar takes, with the same columns in it."""
    if isinstance(node, (exp.Parameter, exp.SessionParameter, exp.Placeholder)):
        return exp.Literal.string("?")
    if isinstance(node, (exp.Collate, exp.Introducer)):
        inner: exp.Expr = node.expression if isinstance(node, exp.Introducer) else node.this
        return inner
    if isinstance(node, exp.PropertyEQ):
        value: exp.Expr = node.expression
        return value
    if isinstance(node, exp.Or) and node.find_ancestor(exp.Select) is not None and not _in_condition(node):
        return exp.DPipe(this=node.left, expression=node.right, safe=True)  # || joins under PIPES_AS_CONCAT
    if isinstance(node, exp.JSONArrayAgg):
        return exp.Anonymous(this="json_agg", expressions=[node.this])
    if isinstance(node, (exp.JSONObjectAgg, exp.JSONBObjectAgg)):
        both = list(node.find_all(exp.Column))
        return exp.Anonymous(this="json_agg", expressions=[exp.Anonymous(this="concat", expressions=both)])
    if isinstance(node, exp.Ordered):
        node.set("nulls_first", None)
        return node
    if isinstance(node, exp.MatchAgainst):
        return exp.Anonymous(this="match_against", expressions=list(node.expressions))
    if isinstance(node, exp.Anonymous) and str(node.this).upper() in _AGGREGATES_KEPT:
        return exp.Anonymous(this=_AGGREGATES_KEPT[str(node.this).upper()], expressions=node.expressions)
    if isinstance(node, (exp.Cast, exp.TryCast)):
        return exp.Anonymous(this="cast_as", expressions=[node.this])
    if isinstance(node, exp.TimestampDiff) and node.text("unit").upper() == "YEAR" and len(list(node.find_all(exp.Column))) == 1:
        return exp.Anonymous(this="date_part", expressions=[exp.Literal.string("year"), *node.find_all(exp.Column)])
    if isinstance(node, (exp.TimestampDiff, exp.DateAdd, exp.DateSub, exp.IntDiv, exp.Xor, exp.Interval)):
        return exp.Anonymous(this="calculated", expressions=_values(node))
    if isinstance(node, (exp.Hex, exp.ToBase64, exp.FromBase64)):
        return exp.Anonymous(this="encode", expressions=_values(node))
    return node


def _plain_calls(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Func) and not isinstance(
        node, (exp.AggFunc, exp.Anonymous, exp.And, exp.Or, exp.Case, exp.Coalesce, exp.Exists)
    ):
        return exp.Anonymous(this="called", expressions=_values(node))
    if isinstance(node, exp.Anonymous) and str(node.this).lower() not in _SAID_SO:
        return exp.Anonymous(this=f"my_{node.this}", expressions=node.expressions)  # USER() and others are no calls elsewhere
    if isinstance(node, (exp.RegexpLike, exp.SimilarTo)):
        return exp.Anonymous(this="called", expressions=_values(node))
    return node


def called_as(node: exp.Expr) -> str:
    """A function's name as written, lower case."""
    return str(node.this if isinstance(node, exp.Anonymous) else node.sql_name() if isinstance(node, exp.Func) else "").lower()


def _values(node: exp.Expr) -> list[exp.Expr]:
    """What goes into an expression: the outermost columns, subqueries and calls beneath it."""
    found: list[exp.Expr] = []
    for child in node.iter_expressions():
        if isinstance(child, (exp.Column, exp.Subquery, exp.Func, exp.Literal, exp.Binary, exp.Star)):
            found.append(child)
        elif isinstance(child, exp.Paren):
            found.append(child.this)
        else:
            found += _values(child)
    return found


def _in_condition(node: exp.Expr) -> bool:
    """Whether an expression stands in a WHERE, ON or HAVING of the query it belongs to."""
    at: exp.Expr | None = node
    while at is not None and not isinstance(at, exp.Select):
        if isinstance(at, _CONDITIONS):
            return True
        if isinstance(at, (exp.If, exp.Case)):
            return True
        at = at.parent
    return False
