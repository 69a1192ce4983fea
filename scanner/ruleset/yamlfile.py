"""YAML rule files with line numbers: every problem of every file is collected and told with file, line and field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scanner.errors import RuleError

Key = tuple[str | int, ...]  # the way to a value: ("correlation", "condition", "gte")

MAX_BYTES = 1 << 20  # a rule file is a page of text; anything larger is a mistake or an attack
MAX_NODES = 20_000  # nodes after aliases are expanded ("billion laughs")
MAX_DEPTH = 40


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with one rule file."""

    path: str
    line: int  # from 1
    field: str  # "detection.selection.exposed_persons"; "" when it is about the whole file
    message: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}: "
        return f"{where}{self.field}: {self.message}" if self.field else f"{where}{self.message}"


class RuleProblems(RuleError):  # noqa: N818 - the plural says that it holds all of them
    """Everything found wrong with the rules, at once. ``problems`` holds each with file, line and field."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        many = f"{len(self.problems)} problems in the rules:\n" if len(self.problems) > 1 else ""
        super().__init__(many + "\n".join(str(p) for p in self.problems), hint="correct the rule files named above")


@dataclass(frozen=True)
class Document:
    """One YAML document (one Sigma rule, correlation or filter) and where each of its keys stands."""

    path: str
    line: int
    data: dict[str, Any]
    lines: dict[Key, int] = field(repr=False, default_factory=dict)
    guest: bool = False  # a rule of the company's, or somebody else's: Sigma's own demands are enough

    def line_of(self, key: Key) -> int:
        """Line of the key, or of the nearest key above it."""
        while key:
            if key in self.lines:
                return self.lines[key]
            key = key[:-1]
        return self.line

    def problem(self, key: Key, message: str) -> Problem:
        return Problem(self.path, self.line_of(key), dotted(key), message)

    def find(self, under: Key, name: str) -> Key:
        """The first key below ``under`` that names the field (modifiers after ``|`` aside), else ``under``."""
        for key in self.lines:
            last = key[-1] if key else None
            if key[: len(under)] == under and isinstance(last, str) and last.split("|")[0] == name:
                return key
        return under


def dotted(key: Key) -> str:
    """The way to a value as messages spell it: ``detection.selection.account``."""
    return ".".join(str(part) for part in key)


class _Builder:
    """Turns one composed document into plain values, noting lines, duplicate keys and runaway aliases."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self.lines: dict[Key, int] = {}
        self.nodes = 0
        self.scalars = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.Node, key: Key) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(key) > MAX_DEPTH:
            raise _TooLargeError
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.lines[(*key, index)] = item.start_mark.line + 1
                items.append(self.build(item, (*key, index)))
            return items
        try:
            # annotated: the type stubs leave out the constructor's own methods
            value: Any = self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._note(node, key, f"cannot be read: {_first_line(error)}")
            return None
        return value

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name_node, value_node in node.value:
            if not isinstance(name_node, yaml.ScalarNode) or name_node.tag == "tag:yaml.org,2002:merge":
                self._note(name_node, key, "keys must be plain words; merge keys (<<) are not supported")
                continue
            name = name_node.value
            below = (*key, name)
            if name in values:
                self._note(name_node, below, f"key {name!r} stands here twice; only one of them could count")
                continue
            self.lines[below] = name_node.start_mark.line + 1
            values[name] = self.build(value_node, below)
        return values

    def _note(self, node: yaml.Node, key: Key, message: str) -> None:
        self.problems.append(Problem(self.path, node.start_mark.line + 1, dotted(key), message))


class _TooLargeError(Exception):
    """More nodes or deeper nesting than a rule can need."""


def read_documents(path: Path, shown: str, problems: list[Problem], *, guest: bool = False) -> list[Document]:
    """The YAML documents of a rule file; whatever is wrong is appended to ``problems``.

    ``shown`` is the name of the file in messages.
    """
    try:
        if path.exists() and not path.is_file():
            problems.append(Problem(shown, 1, "", "is no regular file, so it is not read as a rule file"))
            return []
        if path.stat().st_size > MAX_BYTES:
            problems.append(Problem(shown, 1, "", f"is larger than {MAX_BYTES >> 20} MiB, so it is not read as a rule file"))
            return []
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(shown, 1, "", f"cannot be read: {_first_line(error)}"))
        return []
    return parse_documents(text, shown, problems, guest=guest)


def _loader(text: str) -> type[Any]:
    """libyaml's loader, ten times as fast, where it is there. It nests on the C stack, so deep brackets get the other one."""
    shallow = text.count("[") + text.count("{") <= 2_000
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader) if shallow else yaml.SafeLoader


def parse_documents(text: str, shown: str, problems: list[Problem], *, guest: bool = False) -> list[Document]:
    """As :func:`read_documents`, for text."""
    documents: list[Document] = []
    before = len(problems)
    try:
        nodes = list(yaml.compose_all(text, Loader=_loader(text)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(Problem(shown, mark.line + 1 if mark else 1, "", f"is not YAML: {_first_line(error)}"))
        return []
    except RecursionError:
        problems.append(Problem(shown, 1, "", "is nested too deeply"))
        return []
    for node in nodes:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode) and node.value == "":
            continue  # an empty document, for example after a trailing ---
        if not isinstance(node, yaml.MappingNode):
            problems.append(Problem(shown, line, "", "a rule must be a mapping of keys to values"))
            continue
        builder = _Builder(shown, problems)
        try:
            data = builder.build(node, ())
        except _TooLargeError:
            problems.append(Problem(shown, line, "", "is too large or too deeply nested for a rule (YAML aliases expanded)"))
            continue
        documents.append(Document(shown, line, data, builder.lines, guest))
    if not documents and len(problems) == before:
        problems.append(Problem(shown, 1, "", "holds no rule"))
    return documents


def _first_line(error: Exception) -> str:
    problem = getattr(error, "problem", None)
    return str(problem or error).splitlines()[0] if str(problem or error) else type(error).__name__
