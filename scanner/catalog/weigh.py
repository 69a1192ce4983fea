"""Weighing evidence: one logistic combination for all classes.

``logit = BIAS + value + word + neighbours + against``; the terms are nats and add up like in a naive Bayes model. The pattern
weights of the recognizers say how telling a value's form is; the constants here say how much a name, the company a column
keeps, and doubts count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scanner.catalog.recognizers import Recognizer, TypeKind
from scanner.catalog.recognizers.base import Plausibility
from scanner.catalog.samples import ColumnSample, Unit
from scanner.catalog.words import PEOPLE, THINGS, NameEvidence, Vocabulary, any_of

BIAS = -4.0  # few columns are of any given class
WORD = 5.6  # a name that says it, values that do not contradict
WORD_EMPTY = 5.0  # a name that says it, no values to ask
NEGATIVE = -3.5  # a word that says "about it, not it"
MASKED = 6.2  # all values starred out in the class's own form
ENUMERATION = -3.0  # a dozen values where every person should have their own
THING = -1.2  # the table is about things
THRESHOLD = 0.5

_DIRECT = frozenset(
    {"PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "ADDRESS", "DATE_OF_BIRTH", "KR_RRN", "KR_FRN", "US_SSN", "UK_NINO", "KR_CI"}
)


@dataclass(frozen=True)
class Evidence:
    """All that is known about one class in one column."""

    recognizer: Recognizer
    values: int
    share: float
    weight: float
    plausibility: Plausibility
    loose: float
    masked: float
    hashed: float
    name: NameEvidence
    masked_word: bool
    kind: TypeKind
    enumeration: bool
    table: tuple[str, ...]
    neighbours: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What a column holds, how sure, and why."""

    pii_class: str | None
    form: str = "typed"
    confidence: float = 0.0
    evidence: str = ""
    strict: bool = field(default=False, repr=False)  # by its values, not by its name alone
    nearest: str = field(default="", repr=False)  # without a class: the one that came nearest


def sigmoid(logit: float) -> float:
    """Probability of a log-odds value."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def _ramp(share: float, low: float = 0.25, high: float = 0.75) -> float:
    return max(0.0, min(1.0, (share - low) / (high - low)))


def _few(values: int) -> float:
    """Few values say less: 0.6 for one, 1 from five on."""
    return min(1.0, 0.5 + 0.1 * values)


def logit(e: Evidence) -> tuple[float, str]:
    """Log-odds of the class, and the form it would have."""
    r = e.recognizer
    strength = e.name.strength
    enough = 1.0 if r.few_values and e.values else _few(e.values)
    value = _ramp(e.share) * (e.weight + e.plausibility.bonus) * e.plausibility.score * enough
    hidden = max(e.masked, e.hashed if (strength >= 0.5 and (e.masked_word or e.share < 0.1)) else 0.0)
    form = r.form
    if hidden > 0.5 and e.share < 0.5 and hidden > e.share:
        form = "masked"
        value = MASKED * _ramp(hidden) * _few(e.values) if e.masked >= e.hashed else 0.0
        fit = hidden
    elif e.values == 0:
        fit = WORD_EMPTY / WORD if r.empty_ok else 0.5
        form = "masked" if e.masked_word else form
    else:
        fit = _ramp(max(e.loose, e.share), 0.3, 0.8)
        if e.plausibility.score < 0.35 and e.share > 0.5 and strength < 0.9:
            fit *= 0.5
    total = BIAS + value + WORD * strength * fit
    if e.name.negative:
        total += NEGATIVE * (0.5 if value > 6 else 1.0)
    if e.enumeration and r.wants_unique:
        total += ENUMERATION * (1.0 if strength < 0.9 else 0.3)
    things, people = any_of(e.table, THINGS), any_of(e.table, PEOPLE)
    if strength > 0 or value > 1.0:
        # a dozen values that do not look like it speak louder than the neighbours
        total += r.neighbours * e.neighbours * (0.4 + 0.6 * _ramp(e.share) if e.values >= 8 else 1.0)
        if r.neighbours and things and not people and (strength < 0.9 or r.entity == "GEO"):
            # where a shop stands is no secret
            total += THING * (3 if r.entity == "GEO" else 1)
    if r.needs_word and strength == 0:
        total = min(total, BIAS)
    return total, form


def judge(evidence: Sequence[Evidence]) -> Verdict:
    """The best class of one column, or none."""
    best: tuple[float, str, Evidence] | None = None
    for e in evidence:
        total, form = logit(e)
        if best is None or total > best[0]:
            best = (total, form, e)
    if best is None:
        return Verdict(None, confidence=0.98, evidence="neither name nor values speak of personal data")
    total, form, e = best
    probability = sigmoid(total)
    if probability < THRESHOLD:
        return Verdict(
            None,
            confidence=round(1 - probability, 3),
            evidence=f"no class is likely; nearest {e.recognizer.title}: {_why(e, form)}",
            nearest=e.recognizer.entity,
        )
    return Verdict(e.recognizer.entity, form, round(probability, 3), _why(e, form), strict=e.share > 0.5)


def _why(e: Evidence, form: str) -> str:
    parts = []
    if e.name.phrase:
        parts.append(f"the name says “{e.name.phrase}”" + (f" but also “{e.name.negative}”" if e.name.negative else ""))
    if e.values:
        if form == "masked":
            share, what = (e.masked, "masked") if e.masked >= e.hashed else (e.hashed, "hashed or encrypted")
            parts.append(f"{share:.0%} of {e.values} sampled values are {what}")
        elif e.share:
            parts.append(f"{e.share:.0%} of {e.values} sampled values are a {e.recognizer.title} by form")
        elif e.loose:
            parts.append(f"{e.loose:.0%} of {e.values} sampled values could be a {e.recognizer.title}")
        else:
            parts.append(f"none of {e.values} sampled values looks like a {e.recognizer.title}")
        if e.plausibility.note and e.share:
            parts.append(e.plausibility.note)
    if e.enumeration and e.recognizer.wants_unique:
        parts.append("few values come again and again")
    if e.neighbours >= 0.5 and e.recognizer.neighbours:
        parts.append("other columns of the table are personal")
    return "; ".join(parts) or "nothing speaks for it"


def people_score(
    samples: Sequence[ColumnSample], found: Sequence[Unit], verdicts: Sequence[Verdict], vocabulary: Vocabulary
) -> list[float]:
    """Per unit, 0–1: how surely the rest of its table is about people."""
    classes: dict[object, dict[str, float]] = {}
    for unit, verdict in zip(found, verdicts, strict=True):
        if verdict.pii_class in _DIRECT and verdict.confidence >= 0.7:
            known = classes.setdefault(samples[unit.sample].table, {})
            known[verdict.pii_class] = max(known.get(verdict.pii_class, 0.0), verdict.confidence)
    result = []
    named: dict[object, float] = {}
    for unit, verdict in zip(found, verdicts, strict=True):
        table = samples[unit.sample].table
        if table not in named:
            named[table] = 0.5 if any_of(vocabulary.split(table.name), PEOPLE) else 0.0
        others = sum(1 for c in classes.get(table, ()) if c != verdict.pii_class)
        result.append(min(1.0, named[table] + 0.5 * others))
    return result


def embedded(
    recognizers: Mapping[str, Recognizer], tallies: Mapping[str, int], total: int, confirmed: Mapping[str, int]
) -> Verdict | None:
    """The verdict about free text: at least two hits and one value in a hundred. The most sensitive class leads."""
    kept = {e: n for e, n in tallies.items() if n >= 2 and n >= 0.01 * total}
    if not kept:
        return None
    lead = max(kept, key=lambda e: (kept[e] >= 0.3 * max(kept.values()), recognizers[e].sensitivity, kept[e], e))
    hits = kept[lead]
    probability = sigmoid(0.4 + 0.5 * math.log(hits) + (1.0 if confirmed.get(lead) else 0.0))
    parts = [
        f"{recognizers[e].title} in {n} of {total} sampled texts"
        for e, n in sorted(kept.items(), key=lambda x: (x[0] != lead, -x[1], x[0]))
    ]
    if confirmed.get(lead):
        parts.append("confirmed by a second analyzer")
    return Verdict(lead, "embedded", round(probability, 3), "; ".join(parts), strict=True)
