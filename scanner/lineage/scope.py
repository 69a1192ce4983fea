"""Where values come from: origins of a column, the relations in scope, and what an analysis gathers on its way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from scanner.lineage.names import Names, is_system
from scanner.model import Flow, KeyPredicate, Output, TableRef

SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"})


@dataclass(frozen=True)
class Origin:
    """One base column that an expression's value comes from; column ``*`` stands for all of a relation unknown to us."""

    table: TableRef
    column: str
    flow: Flow


Origins = frozenset[Origin]
NONE: Origins = frozenset()

_STEP: Mapping[Flow, Mapping[Flow, Flow]] = {
    # what becomes of a flow (outer key: what is done now; inner key: what it was)
    Flow.TRANSFORMED: {Flow.AS_IS: Flow.TRANSFORMED},
    Flow.MASKED: {Flow.AS_IS: Flow.MASKED},
    Flow.KEPT: {Flow.AS_IS: Flow.KEPT, Flow.TRANSFORMED: Flow.KEPT},
    Flow.AGGREGATED: dict.fromkeys((Flow.AS_IS, Flow.TRANSFORMED, Flow.MASKED, Flow.KEPT), Flow.AGGREGATED),
}


def through(flow: Flow, origins: Iterable[Origin]) -> Origins:
    """The origins after one more step: a value transformed, kept by an aggregate, or aggregated away."""
    step = _STEP.get(flow, {})
    return frozenset(replace(o, flow=step[o.flow]) if o.flow in step else o for o in origins)


def predicate(origins: Iterable[Origin]) -> Origins:
    """Origins of a yes-or-no question: asked of a whole value it tells nothing, asked of a part it lets guess it bit by bit."""
    return frozenset(replace(o, flow=Flow.AGGREGATED) if o.flow is Flow.AS_IS else o for o in origins)


@dataclass(frozen=True)
class Field:
    """A column of a relation or result. The name ``*`` means: further columns, whose names are not known."""

    name: str
    origins: Origins = NONE


@dataclass(eq=False)
class Scan:
    """One appearance of a base relation in a statement, with the constants that narrow it."""

    table: TableRef
    narrowed: dict[str, KeyPredicate] = field(default_factory=dict)

    def narrow(self, found: KeyPredicate) -> None:
        known = self.narrowed.get(found.column)
        if known is None or known.kind in ("like", "range"):
            if known is not None and known.kind == found.kind == "range":  # x > 1 and x < 9 are one range
                low = found.low if known.low is None else known.low
                high = found.high if known.high is None else known.high
                found = replace(found, low=low, high=high)
            self.narrowed[found.column] = found


@dataclass(frozen=True)
class Rows:
    """What a query returns: its columns and what bounds its number of rows."""

    fields: tuple[Field, ...] = ()
    one_row: bool = False
    grouped: bool = False
    filtered: bool = False
    limit: int | None = None
    has_offset: bool = False
    keyset_order: bool = False
    branches: tuple[frozenset[TableRef], ...] = ()  # of a UNION: what each side's values come from
    multiplied: bool = False  # a set-returning function makes several rows of one
    scans: tuple[Scan, ...] = ()  # of the base relations whose rows these are, as long as outer conditions still narrow them


@dataclass(frozen=True)
class Relation:
    """A relation in scope under a name."""

    alias: str
    rows: Rows
    schema: str = ""  # where ``schema.table.column`` may be written

    @property
    def fields(self) -> tuple[Field, ...]:
        return self.rows.fields

    def column(self, name: str) -> Field | None:
        """The column of that name if it is known to exist."""
        found = [f.origins for f in self.fields if f.name == name and name != "*"]
        return Field(name, frozenset().union(*found)) if found else None

    def guess(self, name: str) -> Field | None:
        """The column of that name if it may exist among unknown ones."""
        stars = [f.origins for f in self.fields if f.name == "*"]
        if not stars:
            return None
        origins = frozenset(replace(o, column=name) if o.column == "*" else o for star in stars for o in star)
        return Field(name, origins)

    def everything(self) -> Origins:
        return frozenset().union(*(f.origins for f in self.fields))

    def scan_of(self, origin: Origin) -> Scan | None:
        """The one scan that a condition on that column narrows; None when it is not exactly one."""
        found = [s for s in self.rows.scans if s.table == origin.table]
        return found[0] if len(found) == 1 else None


@dataclass
class Scope:
    """The relations that a query's expressions see, innermost first, and how the query groups."""

    relations: list[Relation] = field(default_factory=list)
    parent: Scope | None = None
    grouped: bool = False
    groups_of_one: bool = False  # grouped by a unique key: every "aggregate" is over one row

    def levels(self) -> Iterator[Scope]:
        level: Scope | None = self
        while level is not None:
            yield level
            level = level.parent

    def relation(self, alias: str, schema: str = "") -> Relation | None:
        for level in self.levels():
            for relation in level.relations:
                if relation.alias == alias and (not schema or not relation.schema or relation.schema == schema):
                    return relation
        return None

    def find(self, name: str) -> list[tuple[Relation, Field]]:
        """Relations that have (or, failing that, may have) a column of that name, with the column."""
        for level in self.levels():
            known = [(r, f) for r in level.relations if (f := r.column(name)) is not None]
            if known:
                return known
        if self.relation(name) is None:
            for level in self.levels():
                possible = [(r, f) for r in level.relations if (f := r.guess(name)) is not None]
                if possible:
                    return possible
        return []


@dataclass
class Gathered:
    """What an analysis gathers on its way through a statement. Belongs to one call of ``analyze``, never shared."""

    names: Names
    tables: dict[TableRef, None] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)
    definer_functions: dict[str, None] = field(default_factory=dict)
    techniques: dict[str, None] = field(default_factory=dict)
    settings: list[tuple[str, str]] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    written: list[tuple[TableRef, tuple[Output, ...]]] = field(default_factory=list)
    loose: bool = False  # values leave from something whose rows are narrowed in a way that does not show in the statement
    kept: list[Rows] = field(default_factory=list)  # subqueries that stand for one value which holds their rows' values
    sent: Origins = NONE  # given to functions that hand it on themselves (pg_notify, lo_put, dblink), whatever they return
    opens: bool = False  # a function that returns a cursor is called
    walks: tuple[str, int | None] | None = None  # cursor and count of cursor_to_xml
    long_list: bool = False
    unknown: bool = False
    everything: bool = False  # a catalogue-wide read (database_to_xml, a slot, a base backup)
    inside: tuple[str, ...] = ()  # views and functions being resolved: guards against recursion
    variables: Origins | None = None  # inside a function body: what its variables may hold

    def read(self, ref: TableRef) -> None:
        if not is_system(ref):
            self.tables.setdefault(ref)

    def technique(self, word: str) -> None:
        self.techniques.setdefault(str(word))

    def whole(self, ref: TableRef, flow: Flow = Flow.AS_IS) -> Field:
        """All columns of a relation as one column, for when nothing finer can be told."""
        self.read(ref)
        return Field("*", NONE if is_system(ref) else frozenset({Origin(ref, "*", flow)}))
