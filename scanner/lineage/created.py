"""Functions that a statement of the log creates, told from its own text: the catalogue learns of them only at its next scan."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.lineage.depth import scannable
from scanner.lineage.tree import Node, Statement, child, parse, strings, unwrap
from scanner.model import Function, Schema, TableRef

_CREATES = re.compile(r"(?i)\b(?:function|procedure|routine)\b")
_STANDARD_BODY = re.compile(r"(?is)\b(begin\s+atomic\b.*\bend|return\b.*?)\s*;?\s*\Z")
_TABLE_COLUMN = "FUNC_PARAM_TABLE"
_GIVEN = frozenset({"FUNC_PARAM_IN", "FUNC_PARAM_INOUT", "FUNC_PARAM_VARIADIC", "FUNC_PARAM_DEFAULT"})


def created_functions(statement: str, schema: Schema) -> tuple[Function, ...]:
    """Functions and procedures that ``statement`` creates, or gives their owner's rights to (``alter … security definer``).

    Never raises: a text that does not parse creates none.
    """
    if not _CREATES.search(statement) or scannable(statement) is None:
        return ()
    return tuple(f for parsed in parse(statement) or () for f in _functions(parsed, statement, schema))


def _functions(parsed: Statement, text: str, schema: Schema) -> Iterator[Function]:
    if parsed.name == "create_function_stmt":
        yield _created(parsed.node, text, schema)
    elif parsed.name == "alter_function_stmt" and _definer(parsed.node.actions):
        ref = _ref(strings(parsed.node.func.objname), schema)
        for known in schema.functions.get(ref, ()):
            yield Function(known.ref, known.language, known.body, True, known.returns, known.argument_names)


def _created(node: Node, text: str, schema: Schema) -> Function:
    body, language = "", "sql"
    for _, option in map(unwrap, node.options):
        kind, value = child(option, "arg")
        if option.defname == "as" and kind == "list":
            body = (strings(value.items) or [""])[0]
        elif option.defname == "language" and kind == "string":
            language = value.sval.lower()
    if not body and node.HasField("sql_body") and (found := _STANDARD_BODY.search(text)):
        body = found.group(1)
    parameters = [p for _, p in map(unwrap, node.parameters)]
    modes = [type(p).DESCRIPTOR.fields_by_name["mode"].enum_type.values_by_number[p.mode].name for p in parameters]
    given = tuple(p.name for p, mode in zip(parameters, modes, strict=True) if mode in _GIVEN)
    columns = [f'"{p.name}" {_type(p.arg_type)}' for p, mode in zip(parameters, modes, strict=True) if mode == _TABLE_COLUMN]
    if columns:
        returns = f"TABLE({', '.join(columns)})"
    elif node.HasField("return_type"):
        returns = ("SETOF " if node.return_type.setof else "") + _type(node.return_type)
    else:
        returns = "record"
    return Function(_ref(strings(node.funcname), schema), language, body, _definer(node.options), returns, given)


def _definer(options: Node) -> bool:
    for _, option in map(unwrap, options):
        kind, value = child(option, "arg")
        if option.defname == "security" and kind == "boolean":
            return bool(value.boolval)
    return False


def _type(node: Node) -> str:
    names = strings(node.names)
    return ".".join(names[1:] if names[:1] == ["pg_catalog"] else names)


def _ref(parts: list[str], schema: Schema) -> TableRef:
    return TableRef(parts[-2] if len(parts) > 1 else schema.default_schema, parts[-1] if parts else "")
