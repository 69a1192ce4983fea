"""Weighing evidence: one logistic combination for all classes.

A class in a column is a vector of evidence (:data:`FEATURES`, in nats as the recognizers and the rules here propose them) and its
log-odds are the product with the weights of ``weights.json``. The weights were fitted offline by ``scripts/fit_catalog.py`` on
made-up columns, drawn towards 1, so that the probabilities are calibrated and no class gets a weight of its own to overfit with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
import numpy.typing as npt

from scanner.catalog.recognizers import Recognizer, TypeKind
from scanner.catalog.recognizers.base import Plausibility
from scanner.catalog.samples import ColumnSample, Unit
from scanner.catalog.words import PEOPLE, THINGS, NameEvidence, Vocabulary, any_of

FEATURES = (
    "bias", "value", "masked", "word", "negative", "enumeration", "neighbours", "thing", "owner", "place", "repeated",
    "elsewhere",
)  # fmt: skip
BIAS = -4.0  # few columns are of any given class
WORD = 5.6  # a name that says it, values that do not contradict
WORD_EMPTY = 5.0  # a name that says it, no values to ask
NEGATIVE = -3.5  # a word that says "about it, not it"
MASKED = 6.2  # all values starred out in the class's own form
ENUMERATION = -3.0  # a dozen values where every person should have their own
REPEATED = -3.0  # the same few dozen values over and over, where every person should have their own
HASHED = 2.5  # hashed values under a name that says both what they were and that they are hidden
ELSEWHERE = -1.5  # the name says something else, and the form alone does not decide
THING = -1.2  # the table is about things
OWNER = -14.0  # the name says that it is a server's, a store's
PLACE = -11.0  # the table is of servers or stores, and nothing else in it is a person's

_HUMAN = frozenset(
    {
        "PERSON", "EMAIL_ADDRESS", "DATE_OF_BIRTH", "KR_RRN", "KR_FRN", "KR_PASSPORT", "KR_DRIVER_LICENSE", "KR_CI", "US_SSN",
        "UK_NINO",
    }
)  # fmt: skip
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
    column: tuple[str, ...] = ()  # tokens of the column's name
    named: bool = False  # the name has a word in it
    rival: bool = False  # the name clearly says another class, and the values could be of it
    owner: str = ""  # the token that says whose it is, when that is no person
    repetition: float = 1.0  # how often each value comes
    neighbours: float = 0.0  # 0-1: how surely the rest of the table is about people
    human: bool = False  # another column of the table can only be a person's


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


Vector = npt.NDArray[np.float64]


def load_weights() -> Vector:
    """The fitted weights, in the order of :data:`FEATURES`."""
    stored = json.loads(resources.files("scanner.catalog").joinpath("weights.json").read_text(encoding="utf-8"))
    return np.array([stored["weights"][name] for name in FEATURES], dtype=np.float64)


_WEIGHTS = load_weights()


def features(e: Evidence) -> tuple[Vector, str]:
    """The evidence for one class as a vector (nats), and the form it would have."""
    r = e.recognizer
    strength = e.name.strength
    enough = 1.0 if r.few_values and e.values else _few(e.values)
    value = _ramp(e.share) * (e.weight + e.plausibility.bonus) * e.plausibility.score * enough
    hidden = max(e.masked, e.hashed if (strength >= 0.5 and (e.masked_word or e.share < 0.1)) else 0.0)
    form, masked = r.form, 0.0
    if hidden > 0.5 and e.share < 0.5 and hidden > e.share:
        form, value = "masked", 0.0
        told = HASHED if e.masked_word else 0.0
        masked = (MASKED if e.masked >= e.hashed else told) * _ramp(hidden) * _few(e.values)
        fit = hidden
    elif e.values == 0:
        fit = WORD_EMPTY / WORD if r.empty_ok else 0.5
        form = "masked" if e.masked_word else form
    else:
        fit = _ramp(max(e.loose, e.share), 0.3, 0.8)
        if e.plausibility.score < 0.35 and e.share > 0.5 and strength < 0.9:
            fit *= 0.5
    found = dict.fromkeys(FEATURES, 0.0)
    found |= {"bias": BIAS, "value": value, "masked": masked, "word": WORD * strength * fit}
    if e.name.negative:
        found["negative"] = NEGATIVE * (0.5 if value > 6 and e.weight > 4.5 else 1.0)
    elif strength == 0 and e.named and e.weight < 6:
        found["elsewhere"] = ELSEWHERE * (2 if e.rival else 1)  # streets are called after people
    if e.enumeration and r.wants_unique:
        found["enumeration"] = ENUMERATION * (1.0 if strength < 0.9 else 0.3)
    elif r.wants_unique and e.repetition >= 6 and strength < 0.9:
        found["repeated"] = REPEATED
    things, people = any_of(e.table, THINGS), any_of(e.table, PEOPLE)
    if strength > 0 or value > 1.0:
        # a dozen values that do not look like it speak louder than the neighbours
        found["neighbours"] = r.neighbours * e.neighbours * (0.4 + 0.6 * _ramp(e.share) if e.values >= 8 else 1.0)
        if r.neighbours and things and not people and (strength < 0.9 or r.entity == "GEO"):
            # where a shop stands is no secret
            found["thing"] = THING * (3 if r.entity == "GEO" else 1)
    if r.things and not any_of(e.column, PEOPLE):
        if e.owner:
            found["owner"] = OWNER
        elif any_of(e.table, r.things) and not people and not e.human and r.entity != "PHONE_NUMBER":
            found["place"] = PLACE
    return np.array([found[name] for name in FEATURES], dtype=np.float64), form


def logit(e: Evidence) -> tuple[float, str]:
    """Log-odds of the class, and the form it would have."""
    vector, form = features(e)
    total = float(vector @ _WEIGHTS)
    if e.recognizer.needs_word and e.name.strength == 0:
        total = min(total, BIAS)
    return total, form


def judge(evidence: Sequence[Evidence]) -> Verdict:
    """The best class of one column, or none. Probabilities of all classes in question and of none add up to 1."""
    best: tuple[float, str, Evidence] | None = None
    odds = 1.0  # of none
    for e in evidence:
        total, form = logit(e)
        odds += math.exp(max(-30.0, min(30.0, total)))
        if best is None or (total, e.share + e.masked) > (best[0], best[2].share + best[2].masked):
            best = (total, form, e)
    if best is None:
        return Verdict(None, confidence=0.98, evidence="neither name nor values speak of personal data")
    total, form, e = best
    if total < 0:
        return Verdict(
            None,
            confidence=round(1 / odds, 3),
            evidence=f"no class is likely; nearest {e.recognizer.title}: {_why(e, form)}",
            nearest=e.recognizer.entity,
        )
    probability = math.exp(min(30.0, total)) / odds
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
    if e.owner and e.recognizer.things:
        parts.append(f"the name says that it is not a person's (“{e.owner}”)")
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


def human_tables(samples: Sequence[ColumnSample], found: Sequence[Unit], verdicts: Sequence[Verdict]) -> list[bool]:
    """Per unit: does another column of its table hold what only people have?"""
    owners: dict[object, set[int]] = {}
    for unit, verdict in zip(found, verdicts, strict=True):
        if verdict.pii_class in _HUMAN and verdict.confidence >= 0.7:
            owners.setdefault(samples[unit.sample].table, set()).add(unit.sample)
    return [bool(owners.get(samples[unit.sample].table, set()) - {unit.sample}) for unit in found]


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
