"""Random SQL over a world's relations, valid on the engine it is made for: joins, subqueries, common tables, set operations, windows,
aggregates, and now and then a statement that writes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.corpus.world import World


@dataclass(frozen=True)
class Source:
    """Something to select from, under an alias, with its columns."""

    alias: str
    columns: tuple[str, ...]


class Writer:
    """Writes statements. ``mysql`` chooses MariaDB's words over PostgreSQL's."""

    def __init__(self, world: World, seed: int, *, mysql: bool = False) -> None:
        self.world, self.rng, self.mysql = world, random.Random(seed), mysql
        w = world.words
        people = ("key", "name", "phone", "email", "rrn", "addr")
        self.relations: list[tuple[str, tuple[str, ...]]] = [
            (w["people"], (*(w[c] for c in people), "grade", "reg_dt")),
            (w["leads"], ("lead_id", w["name"], w["phone"], w["email"], w["addr"], "source")),
            (w["orders"], ("ord_id", w["key"], w["name"], w["phone"], "amount", "odr_dt")),
            (w["products"], ("prd_no", "prd_nm", "price", "stock", "note")),
            (w["logs"], ("log_id", w["key"], w["phone"], "memo", "at")),
            (f"{w['schema']}.v_people", (w["key"], "nm", "tel", "grade")),
            (f"{w['schema']}.v_orders", ("ord_id", "amount", w["name"], w["email"])),
            (f"{w['side']}.empty_people", tuple(w[c] for c in people)),
        ]
        if not mysql:
            self.relations.append((f"{w['schema']}.mv_people", ("k", "a", "b")))
        self._count = 0

    def statements(self) -> Iterator[str]:
        """Ever new statements."""
        while True:
            self._count = 0
            yield self._statement()

    # -- statements -------------------------------------------------------------------------------------------------

    def _statement(self) -> str:
        draw = self.rng.random()
        w = self.world.words
        if draw < 0.86:
            return self.query(2)
        if draw < 0.9:
            return f"insert into {w['side']}.spool (t) {self.select(1, columns=1)}"
        if draw < 0.93:
            target = Source("", self.relations[0][1])
            return f"update {w['people']} set grade = grade where {self.condition([target], 1)}"
        if draw < 0.95 and not self.mysql:
            target = Source("", self.relations[1][1])
            returned = ", ".join(self.value([target], 0) for _ in range(2))
            return f"update {w['leads']} set source = source where {self.condition([target], 1)} returning {returned}"
        if draw < 0.97:
            return f"explain {self.query(1)}"
        return f"({self.query(1)})" if self.mysql else f"copy ({self.query(1)}) to stdout"

    def query(self, depth: int) -> str:
        """A query, perhaps with common tables or a set operation."""
        draw = self.rng.random()
        if depth and draw < 0.15:
            name = self._alias("w")
            columns = self.rng.randrange(1, 4)
            names = tuple(f"c{i}" for i in range(columns))
            inner = self.select(depth - 1, columns=columns)
            source = Source(name, names)
            body = f"select {', '.join(self.value([source], 0) for _ in range(2))} from {name}{self._where([source], depth - 1)}"
            return f"with {name} ({', '.join(names)}) as ({inner}) {body}"
        if depth and draw < 0.28:
            columns = self.rng.randrange(1, 4)
            operator = self.rng.choice(["union", "union all", "except", "intersect"])
            return f"{self.select(depth - 1, columns=columns, plain=True)} {operator} {self.select(depth - 1, columns=columns, plain=True)}"
        return self.select(depth)

    def select(self, depth: int, columns: int | None = None, *, plain: bool = False) -> str:
        """One SELECT. ``plain``: without ORDER BY and LIMIT, so that it can stand in a set operation."""
        source, scope = self._from(depth)
        count = columns or self.rng.randrange(1, 5)
        draw = self.rng.random()
        if draw < 0.2:
            group = self.column(scope)
            values = [self.text(group), *(self.aggregate(scope) for _ in range(count - 1))][:count]
            having = f" having count(*) > {self.rng.randrange(3)}" if self.rng.random() < 0.3 else ""
            tail = f" group by {group}{having}"
        elif draw < 0.32:
            values, tail = [self.aggregate(scope) for _ in range(count)], ""
        else:
            values, tail = [self.value(scope, depth) for _ in range(count)], ""
        distinct = "distinct " if self.rng.random() < 0.12 else ""
        order = "" if plain else self.rng.choice(["", "", " order by 1"]) + self.rng.choice(["", " limit 7", " limit 3 offset 2"])
        return f"select {distinct}{', '.join(values)} from {source}{self._where(scope, depth)}{tail}{order}"

    # -- FROM and WHERE ---------------------------------------------------------------------------------------------

    def _from(self, depth: int) -> tuple[str, list[Source]]:
        text, first = self._source(depth)
        scope = [first]
        for _ in range(self.rng.choice([0, 0, 0, 1, 1, 2])):
            more, source = self._source(depth)
            kinds = (
                ["join", "left join", "right join"] if self.mysql else ["join", "left join", "right join", "full join", "lateral"]
            )
            kind = self.rng.choice(kinds)
            if kind == "lateral":
                relation, columns = self.rng.choice(self.relations)
                source = Source(self._alias("l"), ("x",))
                inner = Source("z", columns)
                text += (f" cross join lateral (select {self.text(self.column([inner]))} as x from {relation} z "
                         f"where {self.text(self.column([inner]))} = {self.text(self.column(scope))}) {source.alias}")  # fmt: skip
            else:
                text += f" {kind} {more} on {self.text(self.column([source]))} = {self.text(self.column(scope))}"
            scope.append(source)
        return text, scope

    def _source(self, depth: int) -> tuple[str, Source]:
        alias = self._alias("t")
        if depth and self.rng.random() < 0.2:
            count = self.rng.randrange(1, 4)
            names = tuple(f"c{i}" for i in range(count))
            if self.mysql:  # no column list behind a derived table's alias
                source, scope = self._from(0)
                values = ", ".join(f"{self.value(scope, 0)} as {n}" for n in names)
                return f"(select {values} from {source}{self._where(scope, 0)}) {alias}", Source(alias, names)
            return f"({self.select(depth - 1, columns=count)}) {alias} ({', '.join(names)})", Source(alias, names)
        relation, columns = self.rng.choice(self.relations)
        return f"{relation} {self.rng.choice(['as ', ''])}{alias}", Source(alias, columns)

    def _where(self, scope: Sequence[Source], depth: int) -> str:
        if self.rng.random() < 0.35:
            return ""
        parts = [self.condition(scope, depth) for _ in range(self.rng.choice([1, 1, 2]))]
        return " where " + self.rng.choice([" and ", " or "]).join(parts)

    def condition(self, scope: Sequence[Source], depth: int) -> str:
        """Something to ask of a row."""
        value = self.text(self.column(scope))
        choices: list[Callable[[], str]] = [
            lambda: f"{value} {self.rng.choice(['=', '<>', '<', '>='])} '{self.rng.randrange(1000)}'",
            lambda: f"{value} like '%{self.rng.randrange(10)}%'",
            lambda: f"{value} in ({', '.join(repr(str(self.rng.randrange(99))) for _ in range(self.rng.randrange(1, 5)))})",
            lambda: f"{value} between '{self.rng.randrange(9)}' and '{self.rng.randrange(9)}'",
            lambda: f"{self.column(scope)} is {self.rng.choice(['', 'not '])}null",
            lambda: f"not ({value} = 'x')",
        ]
        if depth:
            relation, columns = self.rng.choice(self.relations)
            inner = Source("q", columns)
            choices += [
                lambda: f"{value} in (select {self.text(self.column([inner]))} from {relation} q)",
                lambda: f"exists (select 1 from {relation} q where {self.text(self.column([inner]))} = {value})",
                lambda: f"{value} = (select max({self.text(self.column([inner]))}) from {relation} q)",
            ]
        return self.rng.choice(choices)()

    # -- values -----------------------------------------------------------------------------------------------------

    def column(self, scope: Sequence[Source]) -> str:
        source = self.rng.choice(scope)
        name = self.rng.choice(source.columns)
        return f"{source.alias}.{name}" if source.alias else name

    def text(self, value: str) -> str:
        return f"cast({value} as char)" if self.mysql else f"{value}::text"

    def value(self, scope: Sequence[Source], depth: int) -> str:
        """One value of a row."""
        value = self.text(self.column(scope))
        choices: list[Callable[[], str]] = [
            lambda: value, lambda: value, lambda: value,
            lambda: f"upper({value})",
            lambda: f"concat({value}, '-', {self.text(self.column(scope))})",
            lambda: f"coalesce({value}, 'none')",
            lambda: f"left({value}, {self.rng.randrange(1, 9)})",
            lambda: f"case when {self.condition(scope, 0)} then {value} else '{self.rng.randrange(9)}' end",
            lambda: f"replace({value}, '-', '')",
            lambda: f"row_number() over (order by {value})" if not self.mysql else f"cast(row_number() over (order by {value}) as char)",
            lambda: f"lag({value}) over (order by {value})",
            lambda: f"'{self.rng.randrange(99)}'",
        ]  # fmt: skip
        if depth:
            relation, columns = self.rng.choice(self.relations)
            inner = Source("s", columns)
            choices.append(
                lambda: f"(select max({self.text(self.column([inner]))}) from {relation} s where {self.condition([inner], 0)})"
            )
        found = self.rng.choice(choices)()
        return f"({found})::text" if "row_number" in found and not self.mysql else found

    def aggregate(self, scope: Sequence[Source]) -> str:
        value = self.text(self.column(scope))
        if self.mysql:
            choices = [
                "count(*)",
                f"count(distinct {value})",
                f"max({value})",
                f"group_concat({value})",
                f"json_arrayagg({value})",
            ]
            return f"cast({self.rng.choice(choices)} as char)"
        choices = ["count(*)", f"count(distinct {value})", f"max({value})", f"string_agg({value}, ',')", f"json_agg({value})",
                   f"array_agg({value})"]  # fmt: skip
        return f"({self.rng.choice(choices)})::text"

    def _alias(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"
