"""DuckDB as every stage uses it: in memory, bounded, cut off from files and network, Arrow in and Arrow out."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from scanner.model import EVENT_SCHEMA

if TYPE_CHECKING:
    import duckdb

Engine: TypeAlias = "duckdb.DuckDBPyConnection"

_KEPT_MILLISECONDS = 10_000

# of columns that files of older versions lack
_SQL_TYPES = {
    pa.string(): "varchar",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.list_(pa.int64()): "bigint[]",
    pa.list_(pa.string()): "varchar[]",
}


def missing_columns(known: Collection[str]) -> list[str]:
    """SQL of null columns for those of EVENT_SCHEMA that event files of an older version lack."""
    return [f'null::{_SQL_TYPES[f.type]} as "{f.name}"' for f in EVENT_SCHEMA if f.name not in known and f.type in _SQL_TYPES]


def open_engine(*, memory: str = "512MB", threads: int | None = None, spill_to: str | None = None) -> Engine:
    """A private in-memory DuckDB that cannot read files, load extensions or change its configuration.

    ``memory`` bounds its buffers; ``spill_to`` is a folder for what does not fit (none: an error instead).
    """
    engine = _connect(_config(memory, threads, spill_to))
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute("SET preserve_insertion_order = false")
    engine.execute("SET enable_external_access = false")
    return engine


def open_shut_engine(
    allowed: Mapping[str, Sequence[str]], *, memory: str = "512MB", threads: int | None = None, spill_to: str | None = None
) -> Engine:
    """An engine that can read what is ``allowed`` (``allowed_paths``, ``allowed_directories``) and nothing else.

    Whoever opens it makes its views and then runs ``SET lock_configuration = true``: what runs in it cannot widen the permission.
    """
    engine = _connect({**_config(memory, threads, spill_to), "python_enable_replacements": False})
    engine.execute("SET TimeZone = 'UTC'")
    for setting, places in allowed.items():
        quoted = ", ".join("'" + place.replace("'", "''") + "'" for place in places)
        engine.execute(f"SET {setting} = [{quoted}]")
    engine.execute("SET enable_external_access = false")
    return engine


def open_event_engine(
    folder: Path, files: Sequence[Path], *, memory: str = "512MB", threads: int | None = None, spill_to: Path | None = None
) -> Engine:
    """An engine that sees ``files`` (Parquet of the event store, under ``folder``) as the view ``events``, and nothing else.

    Its configuration is locked: what runs in it can read that folder only and cannot widen the permission.
    """
    spill = str(spill_to) if spill_to is not None else None
    engine = open_shut_engine({"allowed_directories": [str(folder.resolve())]}, memory=memory, threads=threads, spill_to=spill)
    names = [str(file.resolve()) for file in files]
    if names:
        relation = engine.read_parquet(names, hive_partitioning=True, union_by_name=True)
        relation.project(", ".join(["*", *missing_columns(relation.columns)])).create_view("events")
    else:
        engine.register("events", EVENT_SCHEMA.empty_table())
    engine.execute("SET lock_configuration = true")
    return engine


def without_pandas() -> None:
    """Keep Arrow from loading pandas in this process.

    It would do so (a third of a second) at the first Python or numpy value it is given, to see whether that is one of pandas'.
    """
    if "pandas" not in sys.modules:
        refusal = _NoPandas()
        sys.meta_path.insert(0, refusal)
        pa.array([0])
        sys.meta_path.remove(refusal)


def keep_memory() -> None:
    """Let Arrow keep the memory it frees for some seconds: work in slices wants the same amount again at once.

    Its usual allocator gives it back to the system and asks for it anew, slice by slice (a tenth of the time).
    """
    try:
        pa.set_memory_pool(pa.jemalloc_memory_pool())
        pa.jemalloc_set_decay_ms(_KEPT_MILLISECONDS)
    except NotImplementedError:  # Arrow is built without it on some systems
        return


class _NoPandas(MetaPathFinder):
    """What the import system asks first: there is no pandas, while this stands there."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:  # noqa: ARG002
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _config(memory: str, threads: int | None, spill_to: str | None) -> dict[str, Any]:
    config: dict[str, Any] = {"memory_limit": memory, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    if threads is not None:
        config["threads"] = threads
    if spill_to is not None:
        config["temp_directory"] = spill_to
    return config


def _connect(config: dict[str, Any]) -> Engine:
    import duckdb  # a tenth of a second, which a scan that finds nothing new does without

    return duckdb.connect(":memory:", config=config)


def arrow(engine: Engine, sql: str, schema: pa.Schema | None = None, *, params: Mapping[str, Any] | None = None) -> pa.Table:
    """Result of ``sql`` with ``params`` bound to its ``$names``, as an Arrow table, cast to ``schema`` when one is given."""
    relation = engine.sql(sql, params=params)
    if relation is None:
        raise TypeError("the statement returns nothing")
    table: pa.Table = relation.to_arrow_table()
    return table if schema is None else table.cast(schema)
