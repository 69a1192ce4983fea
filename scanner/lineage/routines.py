"""The catalogue's own functions: what their bodies read and return."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from scanner.lineage import expressions, query, utility
from scanner.lineage.scope import NONE, Field, Gathered, Rows, through
from scanner.lineage.techniques import Technique
from scanner.lineage.tree import Statement, child, parse, parse_plpgsql, text_constant, unwrap
from scanner.model import Flow, Function

_NO_DATA = re.compile(
    r"(?i)^\s*(void|trigger|event_trigger|bool(ean)?|(small|big)?int(eger|2|4|8)?|numeric.*|real|double precision|float.*)?\s*$"
)
_ROW_TYPE = re.compile(r'(?:"[^"]+"|[\w$]+)(?:\s*\.\s*(?:"[^"]+"|[\w$]+))*\s*%\s*(?:row)?type', re.IGNORECASE)
_RETURNS = ("setof record", "record", "text", "void", "trigger")
_MAX_DEPTH = 12


def rows(found: Sequence[Function], arguments: int, gathered: Gathered) -> Rows:
    """Rows that a call returns. Overloads that differ in their number of arguments are told apart; else all of them count."""
    matching = [f for f in found if not f.argument_names or len(f.argument_names) >= arguments] or list(found)
    results = [_one(f, gathered) for f in matching]
    if len(results) == 1:
        return results[0]
    merged = results[0]
    for other in results[1:]:
        merged = query.combine(2, merged, other)
    return merged


def _one(function: Function, gathered: Gathered) -> Rows:
    mark = f"function {function.ref}"
    if mark in gathered.inside or len(gathered.inside) > _MAX_DEPTH:
        return Rows()
    outer = gathered.names, gathered.inside, gathered.variables, gathered.unknown
    gathered.names = outer[0].within(function.ref.schema)
    gathered.inside, gathered.variables = (*outer[1], mark), NONE
    known_tables, gathered.tables = gathered.tables, {}
    try:
        if function.language.lower() == "sql":
            result = _sql(function.body, gathered)
        elif function.language.lower() == "plpgsql":
            result = _plpgsql(function, gathered)
        else:
            result = Rows()
    finally:
        gathered.names, gathered.inside, gathered.variables, _ = outer
        read = gathered.tables
        gathered.tables = {**known_tables, **read}
    if read and function.returns.strip().lower() == "refcursor":
        gathered.opens = True
    if read or (gathered.unknown and not outer[3]):
        gathered.technique(Technique.FUNCTION)
        if function.security_definer:
            gathered.technique(Technique.DEFINER_FUNCTION)
            gathered.definer_functions.setdefault(str(function.ref))
    return result


def _sql(body: str, gathered: Gathered) -> Rows:
    text = body.strip()
    if re.match(r"(?i)return\b", text):  # SQL-standard body: RETURN expression
        text = "select " + text[6:]
    atomic = re.match(r"(?is)begin\s+atomic\b(.*)\bend\b\s*;?\s*\Z", text)
    statements = parse(atomic.group(1) if atomic else text)
    if statements is None:
        return unreadable(body, gathered)
    result = Rows()
    for inner in statements:  # the last one's rows are what the function returns
        result = _run(inner, gathered)
    return result


def _run(inner: Statement, gathered: Gathered) -> Rows:
    """Rows of a statement inside a body; what it writes, sets or sends is noted."""
    if inner.name == "select_stmt" or inner.name in query.WRITING:
        return query.statement(inner.name, inner.node, None, query.Env(), gathered)
    return utility.inner_statement(inner, gathered)


def unreadable(text: str, gathered: Gathered) -> Rows:
    """A body that cannot be parsed may read every relation whose name it holds."""
    gathered.unknown = True
    fields = [gathered.whole(ref) for ref in gathered.names.mentioned(text)]
    return Rows(tuple(fields))


def _plpgsql(function: Function, gathered: Gathered) -> Rows:
    blocks = plpgsql_tree(function.body, function.argument_names)
    if blocks is None:
        return unreadable(function.body, gathered)
    body = Body(gathered)
    body.look(blocks)
    if body.returned is not None and body.returned.fields and not body.loose:
        return body.returned
    kept = body.returned.fields if body.returned is not None else ()
    loose = expressions.all_origins(tuple(body.read))
    if body.speaks and loose:
        gathered.technique(Technique.NOTIFICATION)
    if _NO_DATA.match(function.returns or "") and function.returns:
        return Rows(
            (*kept, Field(function.ref.name, through(Flow.AGGREGATED, loose) if not body.speaks else loose)), one_row=True
        )
    return Rows((*kept, Field(function.ref.name, loose)))


def plpgsql_tree(body: str, arguments: Sequence[str]) -> list[dict[str, Any]] | None:
    """The parsed body. Types of variables do not matter here, so those that only a server could look up are replaced."""
    declared = ", ".join(f'"{a}" text' for a in arguments if a and '"' not in a)
    tag = "$vendorwatch$"
    if tag in body:
        return None
    for text in (body, _ROW_TYPE.sub("record", body)):
        for returns in _RETURNS:
            header = f"create function f({'' if returns == 'trigger' else declared}) returns {returns} language plpgsql as "
            found = parse_plpgsql(header + tag + text + tag)
            if found is not None:
                return found
    return None


class Body:
    """A PL/pgSQL body being looked through. Values may travel through variables; all variables count as one."""

    def __init__(self, gathered: Gathered) -> None:
        self.gathered = gathered
        self.read: list[Field] = []  # everything that any query in the body yields
        self.returned: Rows | None = None  # by RETURN QUERY
        self.loose = False  # something is returned by way of variables
        self.speaks = False  # values leave as notices

    def look(self, tree: Any) -> None:
        """Two passes: what variables may hold is known only at the end of the first (loops feed later values back)."""
        for _ in range(2):
            returned: Rows | None = None
            for kind, node in _nodes(tree):
                returned = self._node(kind, node, returned)
            self.returned = returned
            self.gathered.variables = through(Flow.TRANSFORMED, expressions.all_origins(tuple(self.read)))
            if not self.read:
                break

    def _node(self, kind: str, node: dict[str, Any], returned: Rows | None) -> Rows | None:
        if kind == "PLpgSQL_stmt_return_query":
            rows = self._dynamic(node["dynquery"]) if "dynquery" in node else self._query(node.get("query"))
            return rows if returned is None else query.combine(2, returned, rows)
        if kind in ("PLpgSQL_stmt_return", "PLpgSQL_stmt_return_next"):
            self.loose = self.loose or "expr" in node or kind == "PLpgSQL_stmt_return_next" or "retvarno" in node
            if "expr" in node:
                self._query(node["expr"])
        elif kind in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"):
            self._dynamic(node.get("query"))
        elif kind == "PLpgSQL_stmt_open" and "dynquery" in node:
            self._dynamic(node["dynquery"])
        elif kind == "PLpgSQL_stmt_raise":
            if node.get("params"):
                self.speaks = True
        elif kind == "PLpgSQL_expr":
            self._query({"PLpgSQL_expr": node})
        return returned

    def _query(self, holder: dict[str, Any] | None) -> Rows:
        text = (holder or {}).get("PLpgSQL_expr", {}).get("query", "")
        mode = (holder or {}).get("PLpgSQL_expr", {}).get("parseMode", 0)
        if mode == 3:  # an assignment: target := expression
            text = text.split("=", 1)[-1] if ":=" not in text else text.split(":=", 1)[1]
        statements = parse(text if mode == 0 else f"select {text}")
        if statements is None:
            rows = unreadable(text, self.gathered)
        else:
            rows = Rows()
            for inner in statements:
                rows = _run(inner, self.gathered)
        self.read += [f for f in rows.fields if f.origins and f not in self.read]
        return rows

    def _dynamic(self, holder: dict[str, Any] | None) -> Rows:
        """SQL put together at run time: known when it is one constant, else all relations that its pieces name."""
        text = (holder or {}).get("PLpgSQL_expr", {}).get("query", "")
        self.gathered.technique(Technique.DYNAMIC_SQL)
        rows = run_text(text, self.gathered)
        self.read += [f for f in rows.fields if f.origins and f not in self.read]
        return rows


def run_text(expression: str, gathered: Gathered) -> Rows:
    """Rows of SQL given as an expression that yields its text."""
    statements = parse(f"select {expression}")
    targets = list(statements[0].node.target_list) if statements and statements[0].name == "select_stmt" else []
    constant = text_constant(*child(unwrap(targets[0])[1], "val")) if len(targets) == 1 else None
    inner = parse(constant) if constant is not None else None
    if inner is None:
        return unreadable(expression, gathered)
    return Rows(tuple(f for s in inner for f in _run(s, gathered).fields))


def _nodes(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """All nodes of the JSON tree, in the text's order, those below dynamic statements and returned queries excepted."""
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            below: list[Any] = []
            for key, value in item.items():
                if key.startswith("PLpgSQL_") and isinstance(value, dict):
                    yield key, value
                    if key in ("PLpgSQL_stmt_return_query", "PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"):
                        below += [v for k, v in value.items() if k not in ("query", "dynquery")]
                        continue
                below.append(value)
            stack.extend(reversed(below))
