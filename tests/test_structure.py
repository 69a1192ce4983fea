"""Who may know whom, and what every file owes its reader. A new module needs a line in the map below."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# --- the map -----------------------------------------------------------------------------------------------------
# Left: a module or package of scanner (files named unit_more.py belong to unit), and api. Right: what else it may import.

SHARED = {"model", "errors", "config", "arrays", "engine", "remote", "siphash", "people"}

STAGES: dict[str, set[str]] = {
    "sources": set(),
    "events": set(),
    "continuity": set(),
    "lineage": set(),
    "catalog": set(),
    "exposure": set(),
    "store": set(),
    "habits": set(),
    "contracts": set(),
    "ruleset": set(),
    "findings": {"store"},
    "notify": {"store", "findings"},
    "evidence": {"store", "findings"},
    "trace": set(),
}

KNOWS: dict[str, set[str]] = {
    # the shared words know nobody; the configuration reports its errors, the engine sits on DuckDB alone, and the
    # remote database on SQLAlchemy and the configuration's list of dialects
    "model": set(),
    "errors": set(),
    "config": {"errors"},
    "engine": {"errors", "model"},
    "remote": {"errors", "config"},
    "siphash": {"errors"},
    "arrays": set(),
    "people_spans": set(),
    "people": {"engine", "people_spans"},
    # a stage knows the shared words and itself
    **{stage: SHARED | more for stage, more in STAGES.items()},
    # composition: the pipeline, and the two parts of it that are worth a file of their own
    "shapebook": SHARED | {"lineage", "exposure", "store"},
    "front": SHARED | {"sources", "events", "continuity", "lineage"},
    "logwatch": SHARED | {"sources", "continuity", "contracts", "store", "findings", "front"},
    "ingest": SHARED | set(STAGES) | {"front", "shapebook"},
    "pipeline": SHARED | set(STAGES) | {"front", "shapebook", "ingest", "logwatch"},
    "doctor": SHARED | set(STAGES) | {"pipeline", "logwatch"},
    # what calls the pipeline and reads the store
    "crontab": set(),
    "watchdog": SHARED | {"crontab", "store", "findings", "ruleset"},
    "schedule": SHARED | {"pipeline", "store", "notify", "crontab", "watchdog"},
    "demo": SHARED | {"pipeline", "store"},
    "cli": SHARED | set(STAGES) | {"pipeline", "schedule", "demo", "doctor", "watchdog"},
    "api": SHARED | {"pipeline", "schedule", "store", "findings", "evidence", "ruleset", "catalog", "notify"},
}

# scanner knows no HTTP: not a client, not a server. The exceptions: one starts the server by its name, one posts to webhooks.
HTTP = {"fastapi", "starlette", "uvicorn", "httpx", "requests", "aiohttp", "urllib3", "flask", "http", "urllib.request"}
HTTP_ALLOWED = {("cli", "uvicorn"), ("notify", "http")}

MOST_LINES = {"scanner": 450, "api": 450, "bench": 450, "scripts": 450, "tests": 700}  # tables of cases may be longer

# --- reading the code --------------------------------------------------------------------------------------------


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the project, by its path below the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def python_files(*folders: str) -> list[str]:
    return [path for path in tracked() if path.endswith(".py") and path.split("/")[0] in folders]


def parsed(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=path)


def unit_of(module: str) -> str | None:
    """The unit a dotted module belongs to: ``scanner.config_yaml`` is config; ``scanner`` itself is nobody."""
    parts = module.split(".")
    if parts[0] == "api":
        return "api"
    if parts[0] != "scanner" or len(parts) == 1 or parts[1].startswith("__"):
        return None
    if parts[1] in KNOWS:
        return parts[1]
    stem = parts[1].split("_")[0]
    return stem if stem in KNOWS else parts[1]


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(path: str) -> Iterator[tuple[str, int]]:
    """Every module a file imports, whatever the way, with the line: ``from scanner import store`` is scanner.store."""
    package = module_of(path) if path.endswith("/__init__.py") else module_of(path).rpartition(".")[0]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            if base in ("scanner", "urllib"):
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield base, node.lineno
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value, node.lineno


# --- the tests ---------------------------------------------------------------------------------------------------


def test_every_unit_is_on_the_map() -> None:
    units = {unit_of(module_of(path)) for path in python_files("scanner", "api")} - {None}
    assert units - set(KNOWS) == set(), "say in KNOWS what the new module may know"


def test_nobody_knows_more_than_the_map_allows() -> None:
    wrong = []
    for path in python_files("scanner", "api"):
        unit = unit_of(module_of(path))
        if unit is None:
            continue
        for module, line in imports(path):
            other = unit_of(module)
            if other is not None and other != unit and other not in KNOWS[unit]:
                wrong.append(f"{path}:{line} {unit} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_scanner_knows_neither_api_nor_http() -> None:
    wrong = []
    for path in python_files("scanner"):
        unit = unit_of(module_of(path))
        for module, line in imports(path):
            hit = next((name for name in HTTP if module == name or module.startswith(f"{name}.")), None)
            if module.split(".")[0] == "api" or (hit and (unit, hit) not in HTTP_ALLOWED):
                wrong.append(f"{path}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_shipped_code_does_not_import_tests() -> None:
    wrong = [
        f"{path}:{line} imports {module}"
        for path in python_files("scanner", "api")
        for module, line in imports(path)
        if module.split(".")[0] in ("tests", "bench", "scripts")
    ]
    assert not wrong, "\n".join(wrong)


def test_rules_are_data() -> None:
    assert [path for path in tracked() if path.startswith("rules/") and not path.endswith((".yml", ".md"))] == []


def test_no_module_keeps_state_in_globals() -> None:
    """A ``global`` statement is the sign; arguments pickle and stages can run in other processes only without it."""
    wrong = [
        f"{path}:{node.lineno}"
        for path in python_files("scanner", "api")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Global)
    ]
    assert not wrong, "\n".join(wrong)


def test_files_are_short_enough_to_read() -> None:
    counts = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in python_files(*MOST_LINES)}
    assert {path: lines for path, lines in counts.items() if lines > MOST_LINES[path.split("/")[0]]} == {}


def test_the_public_surface_is_described() -> None:
    silent = []
    for path in python_files("scanner", "api"):
        tree = parsed(path)
        if tree.body and not ast.get_docstring(tree):
            silent.append(f"{path}:1 module")
        if any(part.startswith("_") and part != "__init__.py" for part in path.split("/")) or "/migrations/versions/" in path:
            continue
        silent += [
            f"{path}:{node.lineno} {node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        ]
    assert not silent, "\n".join(silent)


def test_no_path_of_a_workplace_stands_in_the_tree() -> None:
    # Written in pieces, or this very line would be found.
    places = re.compile("|".join(["/" + "work/", "/" + "farm/", "/" + "tmp/[a-z]"]))
    found = []
    for path in tracked():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # recorded logs and other binary data
        found += [f"{path}:{number}" for number, line in enumerate(text.splitlines(), 1) if places.search(line)]
    assert not found, "\n".join(found)


DECISIONS = [path for path in tracked() if re.fullmatch(r"docs/adr/\d{4}-.*\.md", path)]


@pytest.mark.parametrize("path", DECISIONS)
def test_a_decision_record_is_one_page(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert len(text.split()) <= 800
    for heading in ("## Context", "## Decision", "## Consequences"):
        assert heading in text


def test_decision_records_are_numbered_without_holes() -> None:
    numbers = sorted(int(Path(path).name[:4]) for path in DECISIONS)
    assert numbers == list(range(1, len(numbers) + 1))
