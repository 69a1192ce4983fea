"""Fit the weights of the PII classifier: ``python -m scripts.fit_catalog columns.jsonl…`` writes ``catalog/weights.json``.

Each column is one observation: it is of one of the classes in question (vectors of :data:`scanner.catalog.weigh.FEATURES`) or of
none. Multinomial logistic regression by Newton's method, one weight a feature whatever the class, with a normal prior around 1
(the hand-set nats): few made-up columns must not overturn what is known. The training side is the ``train`` side of
``tests/catalog/generate.py`` and any files of labelled columns as ``bench/columns_make.py`` prints them; files that judge are
never given.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from scanner.catalog.classify import Classifier
from scanner.catalog.recognizers import RECOGNIZERS
from scanner.catalog.samples import ColumnSample
from scanner.catalog.weigh import BIAS, FEATURES, features
from tests.catalog.generate import columns

PLACE = Path(__file__).resolve().parent.parent / "scanner" / "catalog" / "weights.json"
PRIOR = 0.1  # standard deviation of a weight around 1
Labelled = tuple[ColumnSample, str | None, str]


def observations(labelled: list[Labelled]) -> list[tuple[np.ndarray, int]]:
    """Per column: a row of features for each class in question, and which row is right (-1: none)."""
    found = []
    for index, path, evidence in Classifier(RECOGNIZERS, presidio=False).evidence([s for s, _, _ in labelled]):
        _, entity, form = labelled[index]
        # a class that needs its word and has none is never said, whatever the weights
        asked = [e for e in evidence if not (e.recognizer.needs_word and e.name.strength == 0)]
        names = [e.recognizer.entity for e in asked]
        if not path and form != "embedded" and asked:
            right = names.index(entity) if entity in names else -1
            found.append((np.array([features(e)[0] for e in asked]), right))
    return found


def chances(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Probability of each class of one column; what is missing to 1 is that of none."""
    odds = np.exp(np.clip(x @ w, -30, 30))
    result: np.ndarray = odds / (1 + odds.sum())
    return result


def fit(seen: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """Maximum a posteriori weights."""
    w = np.ones(len(FEATURES))
    for _ in range(50):
        gradient, curvature = (w - 1) / PRIOR**2, np.eye(len(w)) / PRIOR**2
        for x, right in seen:
            p = chances(x, w)
            mean = p @ x
            gradient += mean - (x[right] if right >= 0 else 0)
            curvature += (x.T * p) @ x - np.outer(mean, mean)
        step = np.linalg.solve(curvature, gradient)
        w = np.clip(w - step, 0.5, 1.4)
        if np.abs(step).max() < 1e-5:
            break
    return w


def loss(seen: list[tuple[np.ndarray, int]], w: np.ndarray) -> float:
    """Mean negative log-likelihood, in nats."""
    total = 0.0
    for x, right in seen:
        p = chances(x, w)
        total -= math.log(max(1e-9, p[right] if right >= 0 else 1 - p.sum()))
    return total / len(seen)


def read(paths: Iterable[str]) -> list[Labelled]:
    """Labelled columns from files."""
    from bench.columns import sample

    found: list[Labelled] = []
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            column = json.loads(line)
            found.append((sample(column), column["pii_class"], column["form"]))
    return found


def main() -> None:
    """Fit, write, and say what changed."""
    labelled = [c for seed in range(1, 7) for c in columns("train", seed)]
    labelled += read(sys.argv[1:])
    seen = observations(labelled)
    w = fit(seen)
    before, after = loss(seen, np.ones(len(w))), loss(seen, w)
    weights = {name: round(float(value), 4) for name, value in zip(FEATURES, w, strict=True)}
    about = f"{len(seen)} of {len(labelled)} columns; mean loss {before:.4f} nats with weights of 1, {after:.4f} fitted"
    PLACE.write_text(json.dumps({"about": about, "weights": weights}, indent=1) + "\n", encoding="utf-8")
    print(about)
    print(f"bias {BIAS * weights['bias']:.2f}", *(f"{n} {v}" for n, v in weights.items()), sep="\n  ")


if __name__ == "__main__":
    main()
