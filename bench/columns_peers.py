"""What the peers say about labelled columns: ``python columns_peers.py columns.json`` prints one JSON line a peer.

Runs in the benchmark's own environment. A peer that is not installed, or fails, leaves no line; why goes to stderr. Presidio's
analyzer runs without a language model and with all recognizers that could apply (Korean ones too, which it does not load by
default): that is better for it than what a fresh installation does.
"""

# word lists as text
# ruff: noqa: SIM905

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

VALUES = 40  # of each column; presidio takes a millisecond a value


def analyzer() -> Any:
    """Presidio's analyzer with its patterns for Korea, the United States, Britain and Europe."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, predefined_recognizers
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    names = """
        CreditCard Crypto Email Iban Ip Phone UsSsn UkNino Nhs EsNif EsNie ItFiscalCode PlPesel FiPersonalIdentityCode
        KrRrn KrFrn KrBrn KrDriverLicense KrPassport Date
        """.split()
    provider = NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "no_op", "models": [{"lang_code": "en", "model_name": "no_op"}]}
    )
    registry = RecognizerRegistry(supported_languages=["en"])
    for name in names:
        kind = getattr(predefined_recognizers, f"{name}Recognizer", None)
        if kind is not None:
            more = {"supported_regions": ("KR", "US", "GB", "DE", "FR")} if name == "Phone" else {}
            registry.add_recognizer(kind(supported_language="en", **more))
    return AnalyzerEngine(registry=registry, nlp_engine=provider.create_engine(), supported_languages=["en"])


def texts(column: dict[str, Any]) -> list[str]:
    return [str(v) for v in column["values"] if v is not None][:VALUES]


def named(entity: str | None) -> str | None:
    return {"DATE_TIME": None, "UK_NHS": "UK_NHS", "NRP": None}.get(entity or "", entity) or None


def presidio_structured(columns: list[dict[str, Any]]) -> list[str | None]:
    """presidio-structured's own way: the most frequent entity of a sample of each column."""
    import pandas as pd
    from presidio_structured import PandasAnalysisBuilder

    builder = PandasAnalysisBuilder(analyzer=analyzer())
    answers: list[str | None] = []
    for column in columns:
        frame = pd.DataFrame({"value": texts(column) or [""]})
        mapping = builder.generate_analysis(frame, language="en", selection_strategy="mixed").entity_mapping
        answers.append(named(mapping.get("value")))
    return answers


def presidio_majority(columns: list[dict[str, Any]]) -> list[str | None]:
    """The analyzer over each value; a class that half of the values hold is the column's."""
    engine = analyzer()
    answers: list[str | None] = []
    for column in columns:
        values = texts(column)
        tally = Counter(
            found[0].entity_type
            for v in values
            if (found := sorted(engine.analyze(text=v, language="en"), key=lambda r: -r.score))
        )
        top = tally.most_common(1)
        answers.append(named(top[0][0]) if top and top[0][1] >= 0.5 * len(values) else None)
    return answers


def main() -> None:
    """Each peer in turn."""
    # presidio looks for the newest list of public suffixes; without it the one that came along serves
    logging.getLogger("tldextract").setLevel(logging.CRITICAL)
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - standard library alone
        columns = json.load(file)
    runs: dict[str, Callable[[list[dict[str, Any]]], list[str | None]]] = {
        "presidio-structured": presidio_structured,
        "presidio-analyzer, half of values": presidio_majority,
    }
    for name, run in runs.items():
        before = time.process_time()
        try:
            classes = run(columns)
        except Exception as error:  # noqa: BLE001 - a peer's failure is its result
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        print(json.dumps({"peer": name, "classes": classes, "cpu_seconds": time.process_time() - before}), flush=True)


if __name__ == "__main__":
    main()
