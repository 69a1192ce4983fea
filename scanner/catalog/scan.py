"""One look at one customer database: catalogue, samples, verdicts, people."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from sqlalchemy.exc import SQLAlchemyError

from scanner.catalog.classify import Classifier
from scanner.catalog.links import Candidate, candidates, evenly, value_links
from scanner.catalog.opening import open_reader
from scanner.catalog.persons import estimate_distinct, person_keys
from scanner.catalog.reading import DECIDED, CatalogSettings, Gap, KeyHits, RawColumn, Reader, Relation, Sampled, Snapshot
from scanner.catalog.recognizers import RECOGNIZERS, Recognizer
from scanner.catalog.samples import ColumnSample
from scanner.catalog.serial import content_version
from scanner.catalog.weigh import Verdict, load_weights
from scanner.catalog.words import Vocabulary
from scanner.errors import CatalogError
from scanner.model import Column, Schema, Table, TableRef
from scanner.remote import hint, reason

RULES = "3"  # raise when the weighing or a check changes; changed patterns and words are noticed by themselves
_BATCH_VALUES = 400_000  # values held at once: bounds memory whatever the schema's size

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CatalogScan:
    """The map, what is missing from it, and what the look cost."""

    schema: Schema
    gaps: tuple[Gap, ...]
    tables_read: int
    values_read: int
    seconds: float


@dataclass(frozen=True)
class _Counted:
    """What a sample says about sizes, kept after its values are gone."""

    rows: int | None
    rows_read: int
    blocks_read: int
    distinct: Mapping[str, tuple[float, int, int, int]]  # column -> share filled, seen, distinct, seen once


def scan_catalog(
    name: str,
    url: str,
    *,
    previous: Schema | None = None,
    settings: CatalogSettings | None = None,
    recognizers: Mapping[str, Recognizer] = RECOGNIZERS,
    progress: Progress | None = None,
) -> CatalogScan:
    """Look at a database and judge its columns.

    ``url`` is SQLAlchemy's; the account needs no more than SELECT. ``previous`` is the last map: tables whose columns and
    change counters stayed the same keep their verdicts unread. ``progress`` is called with (what, done, total).
    Raises :class:`CatalogError` when the database cannot be reached at all; anything less is a :class:`Gap`.
    """
    settings = settings or CatalogSettings()
    started = time.monotonic()
    tell = progress or (lambda _what, _done, _total: None)
    reader, shown = open_reader(name, url, settings)
    try:
        try:
            snapshot = reader.snapshot()
        except (SQLAlchemyError, OSError) as error:
            raise CatalogError(f"database {name!r} ({shown}) cannot be looked at: {reason(error)}", hint(error)) from None
        return _Scan(name, reader, left(snapshot, settings.leave_out), settings, previous, tell, started, recognizers).run()
    finally:
        reader.close()


class _Scan:
    """The steps of one scan over one snapshot."""

    def __init__(
        self,
        name: str,
        reader: Reader,
        snapshot: Snapshot,
        settings: CatalogSettings,
        previous: Schema | None,
        tell: Progress,
        started: float,
        recognizers: Mapping[str, Recognizer],
    ) -> None:
        self._name = name
        self._reader = reader
        self._snapshot = snapshot
        self._settings = settings
        self._tell = tell
        self._started = started
        self._gaps: list[Gap] = list(snapshot.gaps)
        self._classifier = Classifier(recognizers, presidio=settings.presidio)
        self._vocabulary = Vocabulary(recognizers)
        self._rules = rule_set(recognizers)
        self._old = dict(previous.tables) if previous is not None and previous.version.split("-")[0] == self._rules else {}
        self._values = 0
        self._read = 0
        self._counted: dict[TableRef, _Counted] = {}
        self._candidates: dict[TableRef, tuple[Candidate, ...]] = {}

    def run(self) -> CatalogScan:
        relations = self._snapshot.relations
        columns: dict[TableRef, tuple[Column, ...]] = {}
        kept: set[TableRef] = set()
        todo: list[Relation] = []
        leaves: list[Relation] = []
        # base tables before views, so that views can inherit
        for relation in sorted(relations.values(), key=lambda r: (r.kind in ("view", "materialized_view"), r.ref)):
            unchanged = self._keeps(relation, kept)
            if unchanged:
                kept.add(relation.ref)
            if relation.kind == "partition" and relation.parent in relations:
                leaves.append(relation)
            elif unchanged:
                columns[relation.ref] = self._old[relation.ref].columns
            else:
                todo.append(relation)
        batch: list[ColumnSample] = []
        held = 0
        for done, relation in enumerate(todo):
            self._tell(str(relation.ref), done, len(todo))
            samples = self._samples(relation)
            batch.extend(samples)
            held += sum(len(s.values) for s in samples)
            if held > _BATCH_VALUES:
                self._judge(batch, columns)
                batch, held = [], 0
            if self._settings.pause_seconds:
                time.sleep(self._settings.pause_seconds)
        self._judge(batch, columns)
        for relation in todo:
            columns.setdefault(relation.ref, ())  # a table without columns
            if relation.reads:
                columns[relation.ref] = self._inherit(relation, columns)
        for relation in leaves:
            columns[relation.ref] = self._from_parent(relation, columns)
        columns = {ref: self._overridden(ref, found) for ref, found in columns.items()}
        tables = self._tables(columns, kept)
        self._tell("done", len(todo), len(todo))
        schema = Schema(
            database=self._name,
            version="",
            tables=tables,
            functions=dict(self._snapshot.functions),
            default_schema=self._snapshot.default_schema,
            triggers=dict(self._snapshot.triggers),
            publications=self._snapshot.publications,
            servers=self._snapshot.servers,
            search_paths=self._snapshot.search_paths,
        )
        schema = replace(schema, version=content_version(self._rules, schema))
        return CatalogScan(schema, tuple(self._gaps), self._read, self._values, time.monotonic() - self._started)

    def _keeps(self, relation: Relation, kept: set[TableRef]) -> bool:
        """Does the last scan's verdict still stand, unread?"""
        old = self._old.get(relation.ref)
        if old is None:
            return False
        decided = {o.column for o in self._settings.overrides if o.table == relation.ref}
        if any(c.evidence.startswith(DECIDED) and c.name not in decided for c in old.columns):
            return False  # the officer took the decision back
        if relation.kind == "view" and not relation.stamp:
            same = _same_columns(old, relation) and old.definition == relation.definition
            return same and bool(relation.reads) and all(ref in kept for ref, _ in relation.reads)
        return _unchanged(old, relation)

    # -- values ------------------------------------------------------------------------------------------------

    def _samples(self, relation: Relation) -> list[ColumnSample]:
        sampled = self._sample(relation)
        keys = {c for f in relation.foreign_keys for c in f.columns} | set(relation.primary_key)
        result = []
        distinct: dict[str, tuple[float, int, int, int]] = {}
        short: dict[str, list[str]] = {}
        for column in relation.columns:
            read = sampled.columns.get(column.name, ())
            present = [v for v in read if v is not None]
            tally = Counter(present)
            first = read[: sampled.rows]  # what follows was looked for where the column is seldom filled
            share = sum(v is not None for v in first) / len(first) if first else 0.0
            distinct[column.name] = (share, len(present), len(tally), sum(n == 1 for n in tally.values()))
            unique = list(tally)
            long = bool(unique) and sum(map(len, unique)) > 20 * len(unique)
            if not long:
                short[column.name] = unique
            values = evenly(unique, self._settings.text_values if long else self._settings.typed_values)
            self._values += len(values)
            result.append(
                ColumnSample(
                    table=relation.ref,
                    column=column.name,
                    kind=column.kind,
                    values=tuple(values),
                    seen=len(present),
                    nulls=len(read) - len(present),
                    distinct=len(tally),
                    comment=column.comment,
                    key=column.name in keys,
                    whole=sampled.whole,
                )
            )
        self._counted[relation.ref] = _Counted(sampled.table_rows, sampled.rows, sampled.reads, distinct)
        if relation.kind == "table":
            self._candidates[relation.ref] = candidates(relation, short)
        return result

    def _sample(self, relation: Relation) -> Sampled:
        nothing = Sampled({})
        if not relation.readable or (relation.kind == "view" and not self._settings.views):
            return nothing
        if time.monotonic() - self._started > self._settings.total_seconds:
            self._gaps.append(Gap(str(relation.ref), "the scan's time was spent before it", "raise the catalogue's time limit"))
            return nothing
        try:
            sampled = self._reader.sample(relation)
        except (SQLAlchemyError, OSError, ValueError, OverflowError) as error:
            self._gaps.append(Gap(str(relation.ref), reason(error), hint(error)))
            return nothing
        if sampled.gap is not None:
            self._gaps.append(sampled.gap)
        self._read += 1
        return sampled

    def _judge(self, samples: Sequence[ColumnSample], columns: dict[TableRef, tuple[Column, ...]]) -> None:
        verdicts = self._classifier.classify(samples)
        types = {(r.ref, c.name): c.type for r in self._snapshot.relations.values() for c in r.columns} if samples else {}
        for sample, verdict in zip(samples, verdicts, strict=True):
            column = _column(sample.column, types[sample.table, sample.column], verdict)
            columns[sample.table] = (*columns.get(sample.table, ()), column)

    # -- verdicts from elsewhere -------------------------------------------------------------------------------

    def _inherit(self, view: Relation, columns: Mapping[TableRef, tuple[Column, ...]]) -> tuple[Column, ...]:
        """A view's column that bears the name of a base column it reads holds what that holds."""
        base: dict[str, tuple[TableRef, Column]] = {}
        for ref, name in sorted(view.reads):
            found = next((c for c in columns.get(ref, ()) if c.name == name and c.pii_class is not None), None)
            if found is not None:
                base[name] = (ref, found)
        result = []
        for c in columns[view.ref]:
            if c.pii_class is None and c.name in base:
                ref, source = base[c.name]
                result.append(
                    replace(source, type=c.type, evidence=f"as {ref}.{c.name}, which the view reads: {source.evidence}")
                )
            else:
                result.append(c)
        return tuple(result)

    def _from_parent(self, leaf: Relation, columns: Mapping[TableRef, tuple[Column, ...]]) -> tuple[Column, ...]:
        top = leaf
        while top.kind == "partition" and top.parent is not None and top.parent in self._snapshot.relations:
            top = self._snapshot.relations[top.parent]
        known = {c.name: c for c in columns.get(top.ref, ())}
        return tuple(
            replace(known[c.name], type=c.type, evidence=f"partition of {top.ref}: {known[c.name].evidence}")
            if c.name in known
            else Column(c.name, c.type)
            for c in leaf.columns
        )

    def _overridden(self, ref: TableRef, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        decided = {o.column: o for o in self._settings.overrides if o.table == ref}
        if not decided:
            return columns
        return tuple(
            replace(c, pii_class=d.pii_class, form=d.form, confidence=1.0, evidence=f"{DECIDED} {d.reason}")
            if (d := decided.get(c.name))
            else c
            for c in columns
        )

    # -- people ------------------------------------------------------------------------------------------------

    def _tables(self, columns: Mapping[TableRef, tuple[Column, ...]], kept: set[TableRef]) -> dict[TableRef, Table]:
        relations = self._snapshot.relations
        keys = person_keys(
            relations, columns, self._vocabulary, lambda people, unknown: self._links(columns, people, unknown, kept)
        )
        result: dict[TableRef, Table] = {}
        for ref in sorted(relations):
            relation = relations[ref]
            old = self._old.get(ref) if ref in kept else None
            counted, known = self._counted.get(ref), self._old.get(ref)
            rows = self._rows(relation, old)
            key = keys.get(ref)
            persons = None
            if key is not None:
                same = old is not None and old.person_column == key.column
                persons = old.persons if same and old is not None else self._persons(relation, key.column, key.own, rows)
            result[ref] = Table(
                ref=ref,
                columns=columns[ref],
                kind=relation.kind,
                rows=rows,
                persons=persons,
                person_column=key.column if key else None,
                unique_keys=tuple(dict.fromkeys(k for k in (relation.primary_key, *relation.unique_keys) if k)),
                definition=relation.definition or (self._old[ref].definition if ref in self._old else None),
                parent=relation.parent,
                stamp=relation.stamp,
                bytes=relation.bytes,
                server=relation.server,
                rows_read=counted.rows_read if counted else known.rows_read if known else None,
                blocks_read=counted.blocks_read if counted else known.blocks_read if known else None,
            )
        return result

    def _links(
        self,
        columns: Mapping[TableRef, tuple[Column, ...]],
        people: Mapping[TableRef, str],
        unknown: Collection[TableRef],
        kept: Collection[TableRef],
    ) -> dict[TableRef, str]:
        """References to people by their values alone; of tables that were not read again, the last scan's word."""
        relations = self._snapshot.relations
        sizes = {ref: self._rows(r, self._old.get(ref)) for ref, r in relations.items()}
        asked = {ref: self._candidates[ref] for ref in unknown if ref in self._candidates}

        def ask(relation: Relation, column: RawColumn, values: Sequence[str]) -> KeyHits | None:
            try:
                return self._reader.key_hits(relation, column, values)
            except (SQLAlchemyError, OSError, ValueError, OverflowError):
                return None  # a link that cannot be looked for is none; tables that cannot be read are gaps already

        found = value_links(relations, columns, people, asked, sizes, ask)
        self._candidates.clear()
        before = {ref: self._old[ref].person_column for ref in unknown if ref in kept}
        return {ref: column for ref, column in before.items() if column is not None} | found

    def _rows(self, relation: Relation, old: Table | None) -> int | None:
        counted = self._counted.get(relation.ref)
        if counted is not None and counted.rows is not None:
            return counted.rows
        if old is not None and old.rows is not None:
            return old.rows
        if relation.rows is None and relation.parent is not None and relation.parent in self._counted and relation.bytes:
            # a partition nobody analysed: its share of the parent's rows is its share of the bytes
            parent, whole = self._snapshot.relations[relation.parent], self._counted[relation.parent].rows
            if whole is not None and parent.bytes:
                return round(whole * relation.bytes / parent.bytes)
        return round(relation.rows) if relation.rows is not None else None

    def _persons(self, relation: Relation, column: str, own: bool, rows: int | None) -> int | None:
        """Different people of a table: counted when small, else by the engine's statistics, else from the sample."""
        if own and rows is not None and (column,) == relation.primary_key:
            return rows
        if not relation.readable:
            return None
        try:
            exact = self._reader.count_distinct(relation, column)
        except SQLAlchemyError:
            exact = None
        if exact is not None:
            return exact
        raw = next((c for c in relation.columns if c.name == column), None)
        if raw is not None and raw.distinct is not None and rows is not None and raw.distinct != 0:
            return round(raw.distinct) if raw.distinct > 0 else round(-raw.distinct * rows)
        counted = self._counted.get(relation.ref)
        if counted is not None and column in counted.distinct and rows is not None:
            filled, seen, distinct, singles = counted.distinct[column]
            return estimate_distinct(seen, distinct, singles, max(round(rows * filled), seen))
        return None


def left(snapshot: Snapshot, globs: Sequence[str]) -> Snapshot:
    """The snapshot without the tables that the configuration leaves out."""
    if not globs:
        return snapshot
    kept = {
        ref: r
        for ref, r in snapshot.relations.items()
        if not any(fnmatchcase(str(ref), g) or fnmatchcase(ref.name, g) for g in globs)
    }
    return replace(snapshot, relations=kept)


def _column(name: str, type_: str, verdict: Verdict) -> Column:
    return Column(name, type_, verdict.pii_class, verdict.form, verdict.confidence, verdict.evidence)


def _same_columns(old: Table, relation: Relation) -> bool:
    same = [(c.name, c.type) for c in old.columns] == [(c.name, c.type) for c in relation.columns]
    return same and old.kind == relation.kind


def _unchanged(old: Table, relation: Relation) -> bool:
    """Same columns, and no more than one row in twenty touched since the table was last sampled?"""
    if not _same_columns(old, relation):
        return False
    if not relation.stamp or not old.stamp:
        return False
    if old.stamp == relation.stamp:
        return True
    before, now = old.stamp.split(":"), relation.stamp.split(":")
    if len(before) != 4 or len(now) != 4 or before[0] != now[0]:
        return False
    changes = [int(n) - int(b) for b, n in zip(before[1:], now[1:], strict=True)]
    return min(changes) >= 0 and sum(changes) <= 0.05 * (old.rows or 0)


def rule_set(recognizers: Mapping[str, Recognizer] = RECOGNIZERS) -> str:
    """Version of the rules: verdicts of another one are judged anew."""
    parts = []
    for entity, r in sorted(recognizers.items()):
        parts.append(
            repr(
                (
                    entity,
                    [(p.regex, p.weight) for p in r.patterns],
                    r.loose,
                    r.search,
                    r.masked,
                    sorted(r.words.items()),
                    sorted(r.negative),
                )
            )
        )
    parts.append(repr(load_weights().tolist()))
    return f"{RULES}.{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:8]}"
