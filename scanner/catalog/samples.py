"""Sampled values on their way to the classifier: cleaned, JSON and arrays taken apart, in one long frame.

A *unit* is what gets judged as one: a column, or one path inside a JSON column. Values live only here, in memory, and only
until the verdict; neither ``repr`` nor an error shows them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from scanner.catalog.recognizers import TypeKind
from scanner.model import TableRef

# Written in place of nothing; they say nothing about a column.
_NOTHING = (
    "",
    "-",
    "--",
    "n/a",
    "na",
    "null",
    "none",
    "nil",
    "없음",
    "미상",
    "해당없음",
    "미입력",
    "unknown",
    ".",
    "?",
    "\\n",
    "nan",
)
_ZERO_FRACTION = re.compile(r"\.0+$")
_DASHES = r"[\x{2010}-\x{2015}\x{2212}\x{FE58}\x{30FC}]"  # hyphens, dashes and a minus that people type between digits
_MAX_PATHS = 60
_MAX_JSON = 200


@dataclass(frozen=True)
class ColumnSample:
    """What was read of one column. ``values`` are distinct, in the order met."""

    table: TableRef
    column: str
    kind: TypeKind
    values: tuple[str, ...] = field(default=(), repr=False)
    seen: int = 0  # non-null rows read
    nulls: int = 0
    distinct: int = 0  # different values among the rows read (may exceed len(values))
    comment: str = ""  # the database's own comment on the column
    key: bool = False  # primary or foreign key
    whole: bool = False  # every row of the table was read


@dataclass(frozen=True)
class Unit:
    """One thing to judge: a column, or a path in a JSON column."""

    sample: int  # index of the ColumnSample
    path: str  # "" for the column itself
    kind: TypeKind


def _leaves(value: object, path: str, out: dict[str, list[tuple[str, TypeKind]]], depth: int = 0) -> None:
    if depth > 6 or (path not in out and len(out) >= _MAX_PATHS):
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            _leaves(inner, f"{path}.{key}" if path else str(key), out, depth + 1)
    elif isinstance(value, list):
        for inner in value[:50]:
            _leaves(inner, path, out, depth + 1)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        out.setdefault(path, []).append((str(value), TypeKind.INTEGER if isinstance(value, int) else TypeKind.NUMBER))
    elif isinstance(value, str):
        out.setdefault(path, []).append((value[:2000], TypeKind.TEXT))


def _is_json(sample: ColumnSample) -> bool:
    if sample.kind in (TypeKind.JSON, TypeKind.ARRAY):
        return True
    if sample.kind is not TypeKind.TEXT or not sample.values:
        return False
    head = sample.values[:20]
    return sum(v.lstrip()[:1] in ("{", "[") and v.rstrip()[-1:] in ("}", "]") for v in head) > 0.8 * len(head)


def _plain_text(values: Sequence[str]) -> list[str] | None:
    """The texts that a column of bytes holds (each value as hex), when nearly all of them are text."""
    found = []
    for value in values:
        try:
            text = bytes.fromhex(value).decode("utf-8")
        except ValueError:
            continue
        if text.rstrip("\0").isprintable():
            found.append(text.rstrip("\0"))
    return found if values and len(found) > 0.9 * len(values) else None


def units(samples: Sequence[ColumnSample]) -> tuple[list[Unit], pl.DataFrame]:
    """The units of all samples, and one long frame of their distinct values.

    The frame has ``unit`` (UInt32, index into the list), ``value`` (NFKC, trimmed), and a profile of each value: ``chars``,
    ``digits`` (counts) and ``stars`` (holds a masking character).
    """
    found: list[Unit] = []
    owners: list[int] = []
    lengths: list[int] = []
    values: list[str] = []
    for i, sample in enumerate(samples):
        if _is_json(sample):
            leaves: dict[str, list[tuple[str, TypeKind]]] = {}
            whole = 0
            for text in sample.values[:_MAX_JSON]:
                try:
                    _leaves(json.loads(text), "", leaves)
                    whole += 1
                except (ValueError, RecursionError):
                    continue
            if whole:
                for path, pairs in leaves.items():
                    distinct = list(dict.fromkeys(v for v, _ in pairs))
                    kinds = {k for _, k in pairs}
                    owners.append(len(found))
                    found.append(Unit(i, path or "[]", kinds.pop() if len(kinds) == 1 else TypeKind.TEXT))
                    lengths.append(len(distinct))
                    values.extend(distinct)
                found.append(Unit(i, "", TypeKind.JSON))
                continue
        owners.append(len(found))
        if sample.kind is TypeKind.BYTES and (texts := _plain_text(sample.values)) is not None:
            found.append(Unit(i, "", TypeKind.TEXT))
            lengths.append(len(texts))
            values.extend(texts)
            continue
        found.append(Unit(i, "", TypeKind.TEXT if sample.kind in (TypeKind.JSON, TypeKind.ARRAY) else sample.kind))
        lengths.append(len(sample.values))
        if sample.kind is TypeKind.NUMBER:  # 1012345678.0 is 1012345678
            values.extend(_ZERO_FRACTION.sub("", v) for v in sample.values)
        else:
            values.extend(sample.values)
    frame = pl.DataFrame(
        {
            "unit": pl.Series(owners, dtype=pl.UInt32).repeat_by(pl.Series(lengths, dtype=pl.UInt32)).explode(empty_as_null=False)
            if owners
            else pl.Series([], dtype=pl.UInt32),
            "value": pl.Series(values, dtype=pl.String),
        }
    )
    value = pl.col("value")
    frame = (
        frame.with_columns(
            value.str.normalize("NFKC").str.replace_all(_DASHES, "-").str.replace_all(r"\s+", " ").str.strip_chars(" '\"")
        )
        .filter(~value.str.to_lowercase().is_in(list(_NOTHING)))
        .with_columns(
            value.str.len_chars().alias("chars"),
            value.str.count_matches(r"[0-9]").alias("digits"),
            value.str.contains(r"[*●○■#◯]|[xX]{2}|[oO]{2}").alias("stars"),
        )
    )
    return found, frame
