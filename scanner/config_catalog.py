"""The ``catalog:`` part of the configuration: limits of a catalogue scan, tables to leave out, words and classes of one's own.

>>> Catalog.model_validate({"words": {"PHONE_NUMBER": "ktelno"}}).words
{'PHONE_NUMBER': ('ktelno',)}
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from scanner.config_sources import Model
from scanner.config_values import TablePattern, as_list, wrong

CHECKSUMS = ("luhn", "mod97")
_ENTITY = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
_NOT_LINEAR = re.compile(r"\(\?[=!<]|\\[1-9]")


def _entity(value: object) -> object:
    if isinstance(value, str) and not _ENTITY.fullmatch(value):
        raise wrong("{value} is not a class name", value, "write capitals, digits and underscores, as in MEMBER_CARD")
    return value


def _expression(value: object) -> object:
    """A regular expression without look-around and back-references: it runs in linear time over millions of values."""
    if not isinstance(value, str):
        return value
    try:
        re.compile(value)
    except re.error as error:
        raise wrong("{value} is not a regular expression", value, str(error)) from None
    if _NOT_LINEAR.search(value):
        raise wrong("{value} looks around or refers back", value, "write it without (?=…), (?!…), (?<…) and \\1")
    return value


Entity = Annotated[str, BeforeValidator(_entity)]
Expression = Annotated[str, BeforeValidator(_expression), Field(min_length=1, max_length=500)]
Words = Annotated[tuple[str, ...], BeforeValidator(as_list)]


class PiiClass(Model):
    """A class of personal data of one's own."""

    name: Entity
    title: str = ""  # plain words for evidence; the name when left out
    patterns: Annotated[tuple[Expression, ...], BeforeValidator(as_list)] = ()  # the whole value, in one of these forms
    words: Words = ()  # column names that say so: "mbrship card"
    not_words: Words = ()  # words of a column name that speak against it
    checksum: Literal["luhn", "mod97"] | None = None  # that values of these forms must pass
    sensitivity: int = Field(default=3, ge=1, le=4)  # 4 identifies a person for life … 1 narrows down
    quasi: bool = False  # narrows down who somebody is, without naming them

    @model_validator(mode="after")
    def _something(self) -> PiiClass:
        if not self.patterns and not self.words:
            raise wrong("has neither patterns nor words", hint="add `patterns: […]` or `words: […]`", key="name")
        return self


class Catalog(Model):
    """How the catalogue is looked at. Sizes bound what is read of each table, whatever its size."""

    sample_rows: int = Field(default=2000, ge=50, le=100_000)
    statement_seconds: float = Field(default=15.0, gt=0, le=600)
    total_minutes: float = Field(default=30.0, gt=0)  # the whole scan; what is left is judged by its names
    pause_seconds: float = Field(default=0.0, ge=0, le=60)  # between tables, for a busy server
    leave_out: Annotated[tuple[TablePattern, ...], BeforeValidator(as_list)] = ()  # tables that are not looked at
    words: dict[Entity, Words] = Field(default_factory=dict)  # class -> further column names that say so
    not_words: dict[Entity, Words] = Field(default_factory=dict)  # class -> further words that speak against it
    classes: Annotated[tuple[PiiClass, ...], BeforeValidator(lambda v: [v] if isinstance(v, dict) else v)] = ()

    @model_validator(mode="after")
    def _once(self) -> Catalog:
        names = [c.name for c in self.classes]
        for name in names:
            if names.count(name) > 1:
                raise wrong(f"names the class {name} twice", hint="put its patterns and words into one entry", key="classes")
        return self
