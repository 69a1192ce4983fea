"""What a rule may name: the columns of an access event, and the placeholders of its ``why`` sentence.

Both lists are fixed. A name a rule gives is looked up here and never travels into SQL by itself, so a field name cannot
carry a statement, and a misspelt one is an error instead of a rule that never fires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from string import Formatter

import pyarrow as pa

from scanner.model import EVENT_SCHEMA


class Kind(Enum):
    """How the values of a field compare."""

    STRING = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    DATE = "a date"
    TIME = "a time"


@dataclass(frozen=True)
class Field:
    """A column of the event, as rules and SQL see it."""

    name: str
    kind: Kind
    many: bool  # a list column: a condition holds when any element matches
    sql: str  # the quoted identifier, or for ``day`` the expression that stands for it

    @property
    def described(self) -> str:
        return f"a list of {self.kind.value}" if self.many else self.kind.value


def _kind(type_: pa.DataType) -> Kind:
    if pa.types.is_string(type_):
        return Kind.STRING
    if pa.types.is_boolean(type_):
        return Kind.BOOLEAN
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return Kind.NUMBER
    if pa.types.is_date(type_):
        return Kind.DATE
    assert pa.types.is_timestamp(type_), type_
    return Kind.TIME


def _field(column: pa.Field) -> Field:
    many = pa.types.is_list(column.type)
    sql = f'"{column.name}"'
    if column.name == "day":
        # the Delta table's partition column stands in the path of a file, not in the file
        sql = 'make_timestamp(epoch_us("time"))::DATE'
    return Field(column.name, _kind(column.type.value_type if many else column.type), many, sql)


FIELDS: Mapping[str, Field] = {column.name: _field(column) for column in EVENT_SCHEMA}

# Placeholders of a rule's ``why``, and what the findings put in their place. The one list of them.
PLACEHOLDERS: Mapping[str, str] = {
    "account": "the database account, or the accounts, comma-separated",
    "vendor": "the vendor's name; for the company's own accounts: the company's own account",
    "database": "the database's name in the configuration",
    "exposed_persons": "best estimate of the people exposed by the finding's events",
    "exposed_rows": "best estimate of the personal records exposed",
    "tables": "the tables read, comma-separated",
    "pii_classes": "the classes of personal data exposed, comma-separated",
    "techniques": "the act words, comma-separated",
    "observed": "the largest aggregate of a window (correlations only)",
    "threshold": "the number it was compared with (correlations only)",
    "timespan": "the length of the window in words (correlations only)",
    "hour": "local hour of the first event, as 03:00",
    "day": "local day of the first event",
    "client_ip": "the client addresses, comma-separated",
    "app_name": "the client programs by their own account, comma-separated",
    "event_count": "number of events",
    "dormant_days": "longest silence before one of the events, in days",
    "baseline_z": "how far above the account's habit, in robust standard deviations",
    "detail": "what was found wrong with the log, in words (rules about the log itself; else nothing)",
    "contract_breach": "what of the contract was broken, in words",
    "days_above_habit": "days of a fortnight on which at least twice the usual number of people was read",
    "excess_persons": "people read beyond the usual on those days",
    "table_share": "largest share of a table's people in one statement, in per cent",
    "unread": "why a statement could not be read in full",
}

CORRELATION_PLACEHOLDERS = frozenset({"observed", "threshold", "timespan"})


def placeholders(template: str) -> list[str]:
    """Names in braces, in order.

    Raises ValueError when the template is not one (an unclosed brace) or asks for more than a plain name
    (``{a.b}``, ``{a[0]}``, ``{a!r}``, ``{a:>9}``): such a template could reach into objects it is filled from.
    """
    names: list[str] = []
    for _, name, spec, conversion in Formatter().parse(template):
        if name is None:
            continue
        if spec or conversion or not name.isidentifier():
            raise ValueError(f"{{{name}}} must be a plain name")
        names.append(name)
    return names


def nearest(name: str, known: Mapping[str, object]) -> str:
    """A suggestion for a misspelt name: ``, did you mean 'x'?`` or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    return f", did you mean {close[0]!r}?" if close else ""
