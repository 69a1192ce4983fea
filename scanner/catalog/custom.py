"""Recognizers as the configuration extends them: further words, words against, and classes of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from scanner.catalog.recognizers import RECOGNIZERS, Pattern, Recognizer
from scanner.catalog.recognizers.base import NUMERIC_TOO, Check, luhn, mod97
from scanner.config_catalog import Catalog, PiiClass
from scanner.errors import ConfigError

_CHECKS: Mapping[str, Check] = {"luhn": luhn, "mod97": mod97}
# A form that somebody wrote down for a class of their own is meant to be telling; with a checksum, more so.
_WEIGHT, _CHECKED = 6.2, 7.5


def recognizers(catalog: Catalog) -> dict[str, Recognizer]:
    """The shipped recognizers with what the configuration adds. Raises ConfigError for classes and expressions that cannot be."""
    found = dict(RECOGNIZERS)
    for own in catalog.classes:
        if own.name in found:
            raise ConfigError(
                f"catalog: the class {own.name} is a shipped one", "give it another name, or add to `words` and `not_words`"
            )
        found[own.name] = _own(own)
    for field, words in (("words", catalog.words), ("not_words", catalog.not_words)):
        for entity, more in words.items():
            known = found.get(entity)
            if known is None:
                raise ConfigError(f"catalog: {field} of {entity}, which is no class", "known are " + ", ".join(sorted(found)))
            if field == "words":
                found[entity] = replace(known, words={**known.words, **{" ".join(w.split()): 1.0 for w in more}})
            else:
                found[entity] = replace(known, negative=known.negative | {w.casefold() for w in more})
    return found


def _own(own: PiiClass) -> Recognizer:
    for regex in own.patterns:
        try:
            pl.Series([""]).str.contains(f"^(?:{regex})$")
        except pl.exceptions.PolarsError as error:
            raise ConfigError(
                f"catalog: pattern {regex!r} of {own.name} cannot be used: {str(error).splitlines()[0]}",
                "write it in the syntax of Rust's regex, without look-around",
            ) from None
    check = _CHECKS[own.checksum] if own.checksum else None
    return Recognizer(
        entity=own.name,
        title=own.title or own.name.replace("_", " ").lower(),
        patterns=tuple(Pattern(regex, _CHECKED if check else _WEIGHT, check) for regex in own.patterns),
        loose=None if own.patterns else r"(?s).+",
        words={" ".join(w.split()): 1.0 for w in own.words},
        negative=frozenset(w.casefold() for w in own.not_words),
        kinds=NUMERIC_TOO,
        form="quasi" if own.quasi else "typed",
        sensitivity=own.sensitivity,
        needs_word=not own.patterns,
    )
