"""The classifier: values, names and neighbours of all columns of a schema to one explained verdict each.

Steps, cheapest first, each over all columns at once: cleaned values in one frame; whole-value patterns with checksums; looser
forms where the name already speaks; masked forms; things inside free text; then one logistic combination of the evidence
(:mod:`scanner.catalog.weigh`), twice, so that the second round knows the neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from scanner.catalog.freetext import ASKED, FreeText
from scanner.catalog.recognizers import Recognizer, TypeKind
from scanner.catalog.recognizers.base import Plausibility
from scanner.catalog.samples import ColumnSample, Unit, units
from scanner.catalog.weigh import Evidence, Verdict, embedded, human_tables, judge, people_score
from scanner.catalog.words import MASKED, NameEvidence, Vocabulary, any_of, says_something

_HASHED = (
    r"^(?:(?:0x|\\x|sha\d*:|md5:)?[0-9a-fA-F]{32,128}|\$2[aby]\$.{56}|\$argon2.*|[A-Za-z0-9+/_-]{22,}={0,2}|v[0-9]:.{16,}"
    r"|[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|\{?(?:enc|ENC)\W.{8,}|tok_[A-Za-z0-9]{8,})$"
)
_CODES = {kind: code for code, kind in enumerate(TypeKind)}
_LEAD = ("PERSON", "ADDRESS", "PHONE_NUMBER", "EMAIL_ADDRESS")  # of several things in one column the last named leads
_TYPED = 200  # values of a unit that whole-value patterns look at
_DOUBT = 0.7  # surer than this that it is nothing: nobody else is asked
_FREE_CHARS = 12  # shorter values are not free text


@dataclass(frozen=True)
class _Hits:
    """Whole-value matches of one class in one unit."""

    share: float  # of the unit's distinct values, checks passed
    weight: float  # mean weight of the patterns that matched, nats
    plausibility: Plausibility


class Classifier:
    """Judges columns. Holds the recognizers and their words; no state between calls."""

    def __init__(self, recognizers: Mapping[str, Recognizer], *, presidio: bool = True) -> None:
        self._recognizers = dict(recognizers)
        self._vocabulary = Vocabulary(self._recognizers)
        self._free = FreeText(self._recognizers) if presidio else None

    def classify(self, samples: Sequence[ColumnSample]) -> list[Verdict]:
        """One verdict per sample, in order. The same samples always give the same verdicts."""
        found, frame = units(samples)
        if not found:
            return []
        evidence, hits, counts = self._evidence(samples, found, frame)
        second = self._second_opinion(frame, found, [judge(row) for row in evidence])
        inside = self._inside(frame, found, second, counts, hits)
        return [self._settle(i, samples, found, second, inside) for i in _by_sample(found, len(samples))]

    def evidence(self, samples: Sequence[ColumnSample]) -> list[tuple[int, str, list[Evidence]]]:
        """What is weighed, for fitting: (index of the sample, path inside it, evidence for each class in question)."""
        found, frame = units(samples)
        rows = self._evidence(samples, found, frame)[0] if found else []
        return [(unit.sample, unit.path, row) for unit, row in zip(found, rows, strict=True)]

    def _evidence(
        self, samples: Sequence[ColumnSample], found: Sequence[Unit], frame: pl.DataFrame
    ) -> tuple[list[list[Evidence]], list[dict[str, _Hits]], np.ndarray]:
        """Per unit, the evidence for each class in question, neighbours known; the whole-value matches; counts of values."""
        splits = [self._split(samples[u.sample], u) for u in found]
        named = [self._names(samples[u.sample], u, s) for u, s in zip(found, splits, strict=True)]
        counts = _counts(frame, len(found))
        everything, frame = counts, _first(frame, counts, _TYPED)  # a type shows in a few values; free text needs them all
        counts = np.minimum(counts, _TYPED)
        codes = pl.Series("kind", [_CODES[u.kind] for u in found], dtype=pl.UInt8)
        frame = frame.with_columns(codes.gather(frame["unit"]).alias("kind"))
        hits = self._whole_values(frame, found, counts)
        loose = self._loose(frame, named, counts)
        masked = self._masked(frame, counts)
        hashed = _share(frame.filter(pl.col("chars").is_between(12, 600)), _HASHED, counts)
        evidence: list[list[Evidence]] = []
        for i, unit in enumerate(found):
            sample = samples[unit.sample]
            names = named[i]
            row = []
            said_by = {n for n, s in names.items() if s.strength >= 0.9 and not s.negative and loose[i].get(n, 0.0) >= 0.8}
            for entity in sorted(set(hits[i]) | set(names) | set(masked[i])):
                recognizer = self._recognizers[entity]
                said = names.get(entity) or self._vocabulary.against(splits[i], entity)
                hit = hits[i].get(entity)
                row.append(
                    Evidence(
                        recognizer=recognizer,
                        values=int(counts[i]),
                        share=hit.share if hit else 0.0,
                        weight=hit.weight if hit else 0.0,
                        plausibility=hit.plausibility if hit else Plausibility(1.0),
                        loose=loose[i].get(entity, 0.0),
                        masked=masked[i].get(entity, 0.0),
                        hashed=hashed[i],
                        name=said,
                        owner=next((t for t in splits[i] if t in recognizer.things), ""),
                        masked_word=any_of(splits[i], MASKED),
                        kind=unit.kind,
                        enumeration=_enumeration(sample) if not unit.path else False,
                        table=tuple(self._vocabulary.split(sample.table.name)),
                        column=tuple(splits[i]),
                        rival=bool(said_by - {entity}),
                        named=bool(unit.path) or says_something(splits[i]),
                        repetition=sample.seen / sample.distinct if sample.distinct and not unit.path else 1.0,
                    )
                )
            evidence.append(row)
        first = [judge(row) for row in evidence]
        around = people_score(samples, found, first, self._vocabulary)
        human = human_tables(samples, found, first)
        evidence = [[replace(e, neighbours=around[i], human=human[i]) for e in row] for i, row in enumerate(evidence)]
        return evidence, hits, everything

    # -- names -------------------------------------------------------------------------------------------------

    def _split(self, sample: ColumnSample, unit: Unit) -> list[str]:
        if unit.path and unit.path != "[]":
            return self._vocabulary.split(unit.path.rsplit(".", 1)[-1])
        return self._vocabulary.split(sample.column)

    def _names(self, sample: ColumnSample, unit: Unit, split: list[str]) -> dict[str, NameEvidence]:
        if unit.kind is TypeKind.BOOLEAN:
            return {}
        found = self._vocabulary.match(split)
        if unit.path and unit.path != "[]" and "." in unit.path and not found:
            # {"receiver": {"name": …}}: the key above says whose
            found = self._vocabulary.match([t for p in unit.path.rsplit(".", 2)[-2:] for t in self._vocabulary.split(p)])
        if sample.comment and not unit.path:
            for entity, said in self._vocabulary.match(self._vocabulary.split(sample.comment[:60])).items():
                known = found.get(entity)
                if known is None or (said.strength > known.strength and not known.negative):
                    found[entity] = replace(said, phrase=f"{said.phrase} (comment)")
        return {e: n for e, n in found.items() if unit.kind in self._recognizers[e].kinds or unit.kind is TypeKind.BYTES}

    # -- values ------------------------------------------------------------------------------------------------

    def _whole_values(self, frame: pl.DataFrame, found: Sequence[Unit], counts: np.ndarray) -> list[dict[str, _Hits]]:
        result: list[dict[str, _Hits]] = [{} for _ in found]
        value = pl.col("value")
        for entity, recognizer in self._recognizers.items():
            if not recognizer.patterns:
                continue
            # in two steps: polars would otherwise run the expression over the values that the cheap conditions rule out
            candidates = frame.filter(
                pl.col("chars").is_between(*recognizer.lengths),
                pl.col("digits").is_between(*recognizer.digits),
                pl.col("kind").is_in([_CODES[k] for k in recognizer.kinds]),
            )
            if recognizer.requires:
                candidates = candidates.filter(value.str.contains(recognizer.requires))
            patterns = recognizer.patterns
            matched = candidates.filter(value.str.contains(f"^(?:{'|'.join(p.regex for p in patterns)})$"))
            if len(patterns) == 1:
                marked = matched.select("unit", "value", pl.lit(True).alias("p0"))
            else:
                marked = matched.select(
                    "unit", "value", *(value.str.contains(f"^(?:{p.regex})$").alias(f"p{i}") for i, p in enumerate(patterns))
                )
            taken = marked
            marks = taken.select(pl.exclude("unit", "value")).to_numpy()
            texts = taken["value"].to_list()
            for index, at in _runs(taken["unit"]):
                if at.stop - at.start < 0.2 * counts[index]:
                    continue
                hit = _hits(recognizer, texts[at], marks[at], int(counts[index]))
                if hit is not None:
                    result[index][entity] = hit
        return result

    def _loose(
        self, frame: pl.DataFrame, named: Sequence[Mapping[str, NameEvidence]], counts: np.ndarray
    ) -> list[dict[str, float]]:
        """Share of values that the class could look like, for classes that the name speaks of."""
        wanted: dict[str, list[int]] = defaultdict(list)
        for i, names in enumerate(named):
            for entity in names:
                wanted[entity].append(i)
        result: list[dict[str, float]] = [{} for _ in named]
        for entity, indexes in wanted.items():
            regex = self._recognizers[entity].loose
            patterns = "|".join([p.regex for p in self._recognizers[entity].patterns] + ([regex] if regex else []))
            part = frame.filter(pl.col("unit").is_in(pl.Series(indexes, dtype=pl.UInt32).implode()))
            for i, share in enumerate(_share(part, f"^(?:{patterns})$", counts)):
                if share:
                    result[i][entity] = share
        return result

    def _masked(self, frame: pl.DataFrame, counts: np.ndarray) -> list[dict[str, float]]:
        starred = frame.filter(pl.col("stars"), pl.col("chars") <= 200)
        result: list[dict[str, float]] = [{} for _ in counts]
        for entity, recognizer in self._recognizers.items():
            if recognizer.masked and starred.height:
                for i, share in enumerate(_share(starred, f"^(?:{recognizer.masked})$", counts)):
                    if share >= 0.3:
                        result[i][entity] = share
        return result

    def _inside(
        self,
        frame: pl.DataFrame,
        found: Sequence[Unit],
        verdicts: Sequence[Verdict],
        counts: np.ndarray,
        hits: Sequence[Mapping[str, _Hits]],
    ) -> list[Verdict | None]:
        """Personal data inside longer text, for units that are not of one class as a whole."""
        result: list[Verdict | None] = [None] * len(found)
        open_units = [
            i for i, u in enumerate(found) if u.kind in (TypeKind.TEXT, TypeKind.OTHER) and verdicts[i].pii_class is None
        ]
        text = frame.filter(
            pl.col("unit").is_in(pl.Series(open_units, dtype=pl.UInt32).implode()), pl.col("chars") >= _FREE_CHARS
        )
        if text.height == 0:
            return result
        tallies: dict[int, dict[str, int]] = defaultdict(dict)
        wordy = text.filter(pl.col("value").str.contains(r"[\s@,:<>|;=&]|[0-9]-[0-9]"))
        for entity, recognizer in self._recognizers.items():
            if not recognizer.search:
                continue
            inner = pl.col("value").str.extract(recognizer.search, 1).alias("inner")
            # text around it: a value that is nothing else was judged as a whole already
            matches = wordy.select("unit", "chars", inner).filter(pl.col("chars") > pl.col("inner").str.len_chars() + 3)
            if matches.height and recognizer.search_check is not None:
                matches = matches.filter(pl.Series(recognizer.search_check(matches["inner"].to_list())))
            inside = matches["inner"].to_list()
            for unit, at in _runs(matches["unit"]):
                if entity in hits[unit] and hits[unit][entity].share > 0.3:
                    continue  # judged as a whole
                things = inside[at]
                # what a whole column cannot be (order numbers shaped like residents'), it does not hold either
                if recognizer.plausible is None or recognizer.plausible(things).score >= 0.35:
                    tallies[unit][entity] = len(things)
        for i in sorted(tallies):
            if max(tallies[i].values()) >= 2:
                values = wordy.filter(pl.col("unit") == i)["value"]
                few = max(tallies[i].values()) < 20  # many hits need no second opinion
                confirmed = self._free.confirm(values.to_list(), tallies[i]) if self._free and few else {}
                result[i] = embedded(self._recognizers, tallies[i], int(counts[i]), confirmed)
        return result

    def _second_opinion(self, frame: pl.DataFrame, found: Sequence[Unit], verdicts: list[Verdict]) -> list[Verdict]:
        """Where the evidence falls just short, Presidio decides: it knows the number plans of the world."""
        if self._free is None:
            return verdicts
        result = list(verdicts)
        for i, verdict in enumerate(verdicts):
            doubtful = verdict.pii_class is None and verdict.confidence < _DOUBT and verdict.nearest in ASKED
            if not doubtful or found[i].kind not in (TypeKind.TEXT, TypeKind.OTHER):
                continue
            texts = frame.filter(pl.col("unit") == i)["value"].head(20).to_list()
            if len(texts) >= 5 and self._free.confirm(texts, {verdict.nearest: 1}).get(verdict.nearest, 0) >= 0.8 * min(
                len(texts), 12
            ):
                reason = verdict.evidence.removeprefix("no class is likely; nearest ") + "; confirmed by a second analyzer"
                result[i] = Verdict(verdict.nearest, "typed", 0.6, reason, strict=True)
        return result

    # -- verdicts ----------------------------------------------------------------------------------------------

    def _settle(
        self,
        indexes: Sequence[int],
        samples: Sequence[ColumnSample],
        found: Sequence[Unit],
        typed: Sequence[Verdict],
        inside: Sequence[Verdict | None],
    ) -> Verdict:
        """The verdict of a column from those of its units."""
        sample = samples[found[indexes[0]].sample]
        best: Verdict | None = None
        for i in indexes:
            verdict = inside[i] or typed[i]
            if found[i].path and verdict.pii_class is not None:
                place = "array elements" if found[i].path == "[]" else f"key {found[i].path!r}"
                if self._recognizers[verdict.pii_class].form == "quasi":
                    continue
                verdict = replace(
                    verdict,
                    form="masked" if verdict.form == "masked" else "embedded",
                    evidence=f"inside, {place}: {verdict.evidence}",
                )
            if verdict.pii_class is not None and (best is None or self._rank(verdict) > self._rank(best)):
                best = verdict
        if best is None:
            best = max((typed[i] for i in indexes), key=lambda v: v.confidence)
        read = sample.seen + sample.nulls
        tail = (
            f"; {sample.distinct} different in {sample.seen} values read, {sample.nulls / read:.0%} null"
            if read
            else "; no rows read"
        )
        return replace(best, evidence=best.evidence + tail)

    def _rank(self, verdict: Verdict) -> tuple[bool, int, bool, int, float]:
        recognizer = self._recognizers[verdict.pii_class or ""]
        place = _LEAD.index(verdict.pii_class) if verdict.pii_class in _LEAD else -1
        return verdict.form != "masked", recognizer.sensitivity, verdict.confidence >= 0.8, place, verdict.confidence


def _by_sample(found: Sequence[Unit], size: int) -> Iterable[list[int]]:
    groups: list[list[int]] = [[] for _ in range(size)]
    for i, unit in enumerate(found):
        groups[unit.sample].append(i)
    return groups


def _counts(frame: pl.DataFrame, size: int) -> np.ndarray:
    """Values of each unit."""
    return np.bincount(frame["unit"].to_numpy(), minlength=size).astype(np.int64)


def _first(frame: pl.DataFrame, counts: np.ndarray, most: int) -> pl.DataFrame:
    """At most so many values of each unit, evenly from all of them (rows of a unit stand together)."""
    if len(counts) == 0 or counts.max() <= most:
        return frame
    present = counts[counts > 0]
    place = np.arange(frame.height) - np.repeat(np.cumsum(present) - present, present)
    size = np.repeat(present, present)
    kept = (size <= most) | ((place * most) // np.maximum(size, 1) != ((place - 1) * most) // np.maximum(size, 1))
    return frame.filter(pl.Series(kept))


def _runs(units: pl.Series) -> Iterable[tuple[int, slice]]:
    """Each unit and where its rows are (rows of a unit stand together, as :func:`units` made them)."""
    owner = units.to_numpy()
    if len(owner) == 0:
        return
    starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    for start, end in zip(starts, np.append(starts[1:], len(owner)), strict=True):
        yield int(owner[start]), slice(int(start), int(end))


def _share(frame: pl.DataFrame, regex: str, counts: np.ndarray) -> list[float]:
    """Per unit, the share of its distinct values that match."""
    result = [0.0] * len(counts)
    matched = frame.filter(pl.col("value").str.contains(regex)).group_by("unit").len()
    for unit, n in matched.iter_rows():
        result[unit] = n / int(counts[unit])
    return result


def _hits(recognizer: Recognizer, values: list[str], marks: np.ndarray, total: int) -> _Hits | None:
    """Each value counts for the first pattern it matches and whose check it passes."""
    left = np.ones(len(values), dtype=np.bool_)
    weights = np.zeros(len(values))
    for j, pattern in enumerate(recognizer.patterns):
        at = np.flatnonzero(left & marks[:, j])
        if len(at) == 0:
            continue
        if pattern.check is not None:
            at = at[pattern.check([values[k] for k in at])]
        weights[at] = pattern.weight
        left[at] = False
    taken = np.flatnonzero(~left)
    if len(taken) == 0:
        return None
    plausibility = recognizer.plausible([values[k] for k in taken]) if recognizer.plausible else Plausibility(1.0)
    return _Hits(len(taken) / total, float(weights[taken].mean()), plausibility)


def _enumeration(sample: ColumnSample) -> bool:
    """A handful of values that come again and again."""
    return sample.seen >= 40 and sample.distinct <= max(3, min(15, sample.seen // 12))
