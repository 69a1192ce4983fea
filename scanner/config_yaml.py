"""Reading the configuration's YAML into plain values, each with the line it stands on.

The values are strings, lists and mappings only: YAML 1.1 would make a number of ``18:00`` (sexagesimal), a date of
``2026-01-01`` and a truth value of ``NO`` or ``on``; what a text means is decided by the field that receives it.
``${NAME}``, ``${NAME:-default}`` and ``file:PATH`` are resolved here, so that every later message can show what was
written in the file instead of what it stands for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str | int, ...]  # where a value stands: ("vendors", "delivery_co", "accounts", 0)

_REFERENCE = re.compile(r"\$(?:\$\{|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")
_SECRET_FILE_LIMIT = 64 * 1024  # bytes; a secret is short, a log given by mistake is not
_MERGE_TAG = "tag:yaml.org,2002:merge"
_NULL_TAG = "tag:yaml.org,2002:null"
_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value", "merge")
}
_NODE_LIMIT = 200_000  # values after aliases are expanded; stops an alias bomb


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in the configuration: where, what, and what to do about it."""

    line: int
    key: str
    what: str
    hint: str = ""

    def text(self, path: str) -> str:
        """``file:line: key: what — hint``."""
        where = f"{path}:{self.line}: " + (f"{self.key}: " if self.key else "")
        return f"{where}{self.what}" + (f" — {self.hint}" if self.hint else "")


@dataclass
class Document:
    """A configuration file as plain values. ``value`` is None when the file could not be read as YAML at all."""

    value: dict[str, Any] | None = None
    lines: dict[Key, int] = field(default_factory=dict)
    written: dict[Key, str] = field(default_factory=dict)  # text in the file, for values that ``${…}`` or ``file:`` replaced
    broken: set[Key] = field(default_factory=set)  # values already complained about here
    problems: list[Problem] = field(default_factory=list)

    def line(self, key: Key) -> int:
        """Line of a value, or of the nearest mapping or list that would hold it."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def complain(self, key: Key, what: str, hint: str = "", line: int | None = None) -> None:
        self.broken.add(key)
        self.problems.append(Problem(line or self.line(key), dotted(key), what, hint))


def dotted(key: Iterable[str | int]) -> str:
    """``vendors.delivery_co.accounts[0]``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_yaml(text: str, base: Path, environment: Mapping[str, str] = os.environ) -> Document:
    """Parse one YAML document; ``file:`` secrets are found from ``base``. Problems are collected, never raised."""
    document = Document()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        line, what, hint = _explain(error)
        document.complain((), what, hint, line)
        return document
    except RecursionError:
        document.complain((), "is nested too deeply")
        return document
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == _NULL_TAG):
        document.complain((), "the file is empty", "run `vendorwatch init` to write a commented one")
    elif not isinstance(root, yaml.MappingNode):
        document.complain((), "the file is not a mapping of keys to values", "start with a line such as `data_dir: ./data`")
    else:
        value = _Reader(document, base, environment).convert(root, ())
        document.value = value if isinstance(value, dict) else None
    return document


def _explain(error: yaml.YAMLError) -> tuple[int, str, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else 1
    problem = str(getattr(error, "problem", "") or getattr(error, "reason", "") or "cannot be read as YAML")
    problem = re.sub(r"(?<=')[^'<]{3,}(?=')", "…", problem)  # what the parser quotes may be a secret
    if "\\t" in problem:
        return line, "a tab stands where YAML wants spaces", "indent with spaces"
    if "undefined alias" in problem or "while scanning an alias" in str(getattr(error, "context", "")):
        return line, problem, 'put quotes around a value that starts with `*`, as in "*_ro"'
    if "expected a single document" in str(getattr(error, "context", "")):
        return line, "a second document begins here (`---`)", "one file holds one configuration"
    if "mapping values are not allowed" in problem:
        return line, "a `:` stands where no key can begin", "check the indentation, and quote values that hold `: `"
    context = str(getattr(error, "context", "") or "")
    return line, f"{problem} {context}".strip(), "check quotes, brackets and indentation around this line"


class _Reader:
    """Turns YAML nodes into plain values and notes each one's line."""

    def __init__(self, document: Document, base: Path, environment: Mapping[str, str]) -> None:
        self._document = document
        self._base = base
        self._environment = environment
        self._open: list[yaml.Node] = []
        self._count = 0

    def convert(self, node: yaml.Node, key: Key, line: int | None = None) -> Any:
        self._document.lines[key] = line or node.start_mark.line + 1
        self._count += 1
        if self._count > _NODE_LIMIT or len(self._open) > 100 or any(node is other for other in self._open):
            if self._count <= _NODE_LIMIT:
                self._document.complain(key, "is nested too deeply, or refers to itself")
            elif self._count == _NODE_LIMIT + 1:
                self._document.complain(key, "the file is too large once its aliases are written out")
            return None
        if node.tag not in _PLAIN_TAGS:
            self._document.complain(key, f"has a tag ({node.tag}) that means nothing here", "remove the `!…`")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        self._open.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.convert(child, (*key, index)) for index, child in enumerate(node.value)]
            return self._mapping(node, key)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.Node, key: Key) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        first: dict[str, int] = {}
        own_line = self._document.lines[key]
        # what `<<` takes over comes first, so that the lines of the mapping's own keys are the ones remembered
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE_TAG:
                merged.update(self._merge(value_node, key, key_node.start_mark.line + 1))
        self._document.lines[key] = own_line
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE_TAG:
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.complain(key, "a key must be a plain word", 'quote it, as in "a: b"', line)
            elif key_node.value in first:
                self._document.complain(
                    (*key, key_node.value), f"is given twice (first in line {first[key_node.value]})", "keep one of them", line
                )
            else:
                first[key_node.value] = line
                result[key_node.value] = self.convert(value_node, (*key, key_node.value), line)
        return {**merged, **result}

    def _merge(self, node: yaml.Node, key: Key, line: int) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for source in reversed(sources):
            if not isinstance(source, yaml.MappingNode):
                self._document.complain(key, "`<<` can only take over another mapping", "", line)
                continue
            part = self.convert(source, key, line)
            result.update(part if isinstance(part, dict) else {})
        return result

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> str | None:
        if node.tag == _NULL_TAG:  # never "left out": an empty `tables:` must not come to mean every table
            self._document.complain(key, "has no value", "give it one, or remove the line")
            return None
        text: str = node.value
        resolved = self._resolve(text, key)
        if resolved != text:
            self._document.written[key] = text
        return resolved

    def _resolve(self, text: str, key: Key) -> str | None:
        """``${NAME}`` from the environment, then ``file:`` from disk; None (and a problem) when either is missing."""

        def replace(match: re.Match[str]) -> str:
            name, default = match.group(1), match.group(2)
            if name is None:  # $${ stands for a literal ${
                return "${"
            value = self._environment.get(name, "")
            if value or default is not None:
                return value or str(default)
            state = "is empty" if name in self._environment else "is not set"
            self._document.complain(
                key, f"the environment variable {name} {state}", f"set it, or write ${{{name}:-a default}} here"
            )
            return ""

        complaints = len(self._document.problems)
        result = _REFERENCE.sub(replace, text)
        if len(self._document.problems) > complaints:
            return None
        return self._secret(result[len("file:") :].strip(), key) if result.startswith("file:") else result

    def _secret(self, name: str, key: Key) -> str | None:
        path = self._base / Path(name).expanduser()
        try:
            with path.open("rb") as stream:
                content = stream.read(_SECRET_FILE_LIMIT + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a usable path"
            self._document.complain(key, f"cannot read the secret in {name!r}: {reason}", "check the path and who may read it")
            return None
        try:
            value = content.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            value = ""
        if not value or len(content) > _SECRET_FILE_LIMIT or "\0" in value:
            self._document.complain(
                key, f"the file {name!r} holds no secret (empty, too long or not text)", "put only the value in it"
            )
            return None
        return value
