"""Presidio's analyzer for free text and for what stays ambiguous: no model, no network, our recognizers beside its own.

Starting it costs seconds and 100 MB, so it starts only when a text needs it. Its Korean recognizers accept order numbers,
moments in time and one code in ten (their checks are weak): where our own recognizer of the class has a check, it must agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from scanner.catalog.recognizers import Recognizer

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

_TEXTS = 12  # texts a column: its numbers come from the vectorised search, this only confirms
_LANGUAGE = "ko"
# Classes where Presidio's word counts in doubt: it has number plans or checksums of its own, and none of the weak spots above.
ASKED = frozenset({"PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS"})


class FreeText:
    """A lazily started analyzer."""

    def __init__(self, recognizers: Mapping[str, Recognizer]) -> None:
        self._recognizers = dict(recognizers)

    def __getstate__(self) -> dict[str, object]:
        return {"_recognizers": self._recognizers}

    @cached_property
    def _engine(self) -> AnalyzerEngine:
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import NlpEngineProvider
        from presidio_analyzer.predefined_recognizers import (
            CreditCardRecognizer,
            EmailRecognizer,
            IbanRecognizer,
            IpRecognizer,
            KrBrnRecognizer,
            KrDriverLicenseRecognizer,
            KrFrnRecognizer,
            KrPassportRecognizer,
            KrRrnRecognizer,
            NhsRecognizer,
            PhoneRecognizer,
            UkNinoRecognizer,
            UsSsnRecognizer,
        )
        from tldextract import TLDExtract

        class OfflineEmail(EmailRecognizer):
            """The stock one downloads the public-suffix list; this one uses the copy shipped with tldextract."""

            extract = TLDExtract(suffix_list_urls=(), cache_dir=None)

            def validate_result(self, pattern_text: str) -> bool:
                return bool(self.extract(pattern_text).top_domain_under_public_suffix)

        provider = NlpEngineProvider(
            nlp_configuration={"nlp_engine_name": "no_op", "models": [{"lang_code": _LANGUAGE, "model_name": "no_op"}]}
        )
        registry = RecognizerRegistry(supported_languages=[_LANGUAGE])
        for kind in (
            KrRrnRecognizer, KrFrnRecognizer, KrBrnRecognizer, KrDriverLicenseRecognizer, KrPassportRecognizer,
            CreditCardRecognizer, OfflineEmail, IbanRecognizer, IpRecognizer, UsSsnRecognizer, UkNinoRecognizer, NhsRecognizer,
        ):  # fmt: skip
            registry.add_recognizer(kind(supported_language=_LANGUAGE))
        registry.add_recognizer(PhoneRecognizer(supported_language=_LANGUAGE, supported_regions=("KR", "US")))
        return AnalyzerEngine(registry=registry, nlp_engine=provider.create_engine(), supported_languages=[_LANGUAGE])

    def confirm(self, texts: Sequence[str], tallies: Mapping[str, int]) -> dict[str, int]:
        """In how many of the texts Presidio, too, finds the classes of ``tallies`` (those that it knows)."""
        wanted = [e for e in tallies if e in self._supported]
        if not wanted:
            return {}
        # texts that could hold something: with digits or an at sign
        chosen = [t for t in texts if re.search(r"[0-9@]", t)][:400]
        step = max(1, len(chosen) // _TEXTS)
        found: dict[str, int] = {}
        for text in chosen[::step][:_TEXTS]:
            results = self._engine.analyze(text=text[:1000], language=_LANGUAGE, entities=wanted, score_threshold=0.35)
            for entity in {r.entity_type for r in results}:
                found[entity] = found.get(entity, 0) + 1
        return found

    @cached_property
    def _supported(self) -> frozenset[str]:
        return frozenset(self._engine.get_supported_entities(language=_LANGUAGE))
