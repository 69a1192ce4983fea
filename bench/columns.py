"""How right and how fast the PII classifier is, beside its peers: ``make columns`` (part of ``make bench``).

Two sets of labelled columns, made in an environment of their own (Faker, presidio-structured and whatever else of the peers
installs are never part of ours). Strict column F1 asks "personal or not?"; right type asks class and form of the columns that
both call personal. Speed: processor seconds over a schema of 10,000 columns of 200 values.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanner.catalog.classify import Classifier
from scanner.catalog.recognizers import RECOGNIZERS, TypeKind
from scanner.catalog.samples import ColumnSample
from scanner.model import TableRef

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".bench"
PEERS = ("presidio-structured", "faker")
# Tried on Python 3.11 in November 2026; said in the output, so that nobody takes a missing line for a missing try.
NOT_RUN = {
    "piicatcher": "does not install: pip's resolver found no set of its dependencies within a quarter of an hour",
    "DataProfiler": "installs, but its labeller needs TensorFlow, which it does not bring",
}
Column = Mapping[str, Any]


def environment() -> Path:
    """The Python of the peers' own environment, made when it is not there."""
    python = PLACE / "peers" / "bin" / "python"
    if not python.exists():
        venv.create(PLACE / "peers", with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PEERS], check=True)
    return python


def made(maker: str, seed: int, tables: int, rows: int) -> list[Column]:
    """The labelled columns of one maker and seed."""
    out = subprocess.run(
        [str(environment()), str(ROOT / "bench" / maker), str(seed), str(tables), str(rows)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    return [json.loads(line) for line in out.splitlines()]


def sample(column: Column) -> ColumnSample:
    """What the scanner would hand to the classifier: at most 200 different values, 2,000 of long text."""
    values = [str(v) for v in column["values"] if v is not None]
    distinct = list(dict.fromkeys(values))
    long = sum(map(len, distinct)) > 20 * max(1, len(distinct))
    return ColumnSample(
        TableRef("public", column["table"]),
        column["column"],
        TypeKind(column["kind"]),
        tuple(distinct[: 2000 if long else 200]),
        len(values),
        len(column["values"]) - len(values),
        len(distinct),
    )


def ours(columns: Sequence[Column]) -> list[tuple[str | None, str]]:
    """Our verdicts, class and form."""
    verdicts = Classifier(RECOGNIZERS).classify([sample(c) for c in columns])
    return [(v.pii_class, v.form) for v in verdicts]


def score(columns: Sequence[Column], answers: Sequence[tuple[str | None, str]], *, forms: bool = True) -> dict[str, float]:
    """Strict column F1, precision, recall, and the share of right types among columns that both call personal."""
    hit = wrong = missed = right = 0
    for column, (entity, form) in zip(columns, answers, strict=True):
        if column["pii_class"] is None:
            wrong += entity is not None
        elif entity is None:
            missed += 1
        else:
            hit += 1
            right += entity == column["pii_class"] and (not forms or form == column["form"])
    return {
        "F1": 2 * hit / max(1, 2 * hit + wrong + missed),
        "precision": hit / max(1, hit + wrong),
        "recall": hit / max(1, hit + missed),
        "right type": right / max(1, hit),
    }


def peers(columns: Sequence[Column]) -> dict[str, dict[str, float]]:
    """The peers' scores on the same columns; forms are not asked of them, since they know none."""
    path = PLACE / "columns.json"
    path.write_text(json.dumps(list(columns), ensure_ascii=False), encoding="utf-8")
    done = subprocess.run(
        [str(environment()), str(ROOT / "bench" / "columns_peers.py"), str(path)], stdout=subprocess.PIPE, text=True, check=False
    )
    result = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        result[answer["peer"]] = score(columns, [(a, "typed") for a in answer["classes"]], forms=False) | {
            "CPU s": answer["cpu_seconds"]
        }
    return result


def speed(columns: Sequence[Column], wanted: int = 10_000) -> tuple[float, float]:
    """Processor seconds for ``wanted`` columns, and columns a second of them."""
    many = [sample(c) for c in columns]
    many = (many * (wanted // len(many) + 1))[:wanted]
    classifier = Classifier(RECOGNIZERS)
    before = time.process_time()
    for start in range(0, wanted, 2000):
        classifier.classify(many[start : start + 2000])
    spent = time.process_time() - before
    return spent, wanted / spent


def show_mistakes(columns: Sequence[Column], most: int = 200) -> None:
    """Each wrong verdict with its evidence, for whoever mends the training side."""
    verdicts = Classifier(RECOGNIZERS).classify([sample(c) for c in columns])
    for column, verdict in list(zip(columns, verdicts, strict=True))[:100_000]:
        if (column["pii_class"], column["form"] if column["pii_class"] else "") != (
            verdict.pii_class,
            verdict.form if verdict.pii_class else "",
        ):
            head = [v for v in column["values"] if v is not None][:3]
            truth = f"{column['kind']} is {column['pii_class']} {column['form']}"
            said = f"{verdict.pii_class} {verdict.form} {verdict.confidence}"
            print(f"{column['table']}.{column['column']} {truth}, said {said}\n    {head}\n    {verdict.evidence}")
            most -= 1
            if most == 0:
                return


def main() -> int:
    """Print the table; exit 1 when the goals for F1 and right type are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maker", action="append", help="file in bench/ that makes a set (default: both)")
    parser.add_argument("--seed", type=int, default=20261)
    parser.add_argument("--tables", type=int, default=120)
    parser.add_argument("--rows", type=int, default=150)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--mistakes", action="store_true", help="show what went wrong: only for sets that no longer judge")
    given = parser.parse_args()
    PLACE.mkdir(exist_ok=True)
    missed = False
    for maker in given.maker or sorted(p.name for p in (ROOT / "bench").glob("columns_make*.py")):
        columns = made(maker, given.seed, given.tables, given.rows)
        before = time.process_time()
        answers = ours(columns)
        own = score(columns, answers) | {"CPU s": time.process_time() - before}
        missed |= own["F1"] < 0.95 or own["right type"] < 0.95
        personal = sum(c["pii_class"] is not None for c in columns)
        print(f"\n{maker} seed {given.seed}: {len(columns)} columns in {given.tables} tables, {personal} personal")
        table = {"vendorwatch": own} | ({} if given.no_peers else peers(columns))
        print(f"{'':<32}" + "".join(f"{name:>12}" for name in own))
        for name, figures in table.items():
            print(f"{name:<32}" + "".join(f"{figures[key]:>12.3f}" for key in own))
        if given.mistakes:
            show_mistakes(columns)
    if not given.no_peers:
        print()
        for name, why in NOT_RUN.items():
            print(f"{name}: {why}")
    if not given.no_speed:
        spent, rate = speed(columns)
        print(f"\n10,000 columns: {spent:.1f} CPU seconds, {rate:,.0f} columns a second")
    return int(missed)


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    sys.exit(main())
