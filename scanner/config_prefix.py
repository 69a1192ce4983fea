"""``log_line_prefix`` as PostgreSQL reads it: literal text and escapes (manual, "Error Reporting and Logging").

Kept beside the configuration, which checks it, for the source that reads logs by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_PREFIX = "%m [%p] "
"""PostgreSQL's own default."""

ESCAPES: Mapping[str, str] = {
    "a": "application name",
    "u": "user name",
    "d": "database name",
    "r": "remote host and port",
    "h": "remote host",
    "L": "local address",
    "b": "backend type",
    "p": "process ID",
    "P": "process ID of the parallel group leader",
    "t": "time without milliseconds",
    "m": "time with milliseconds",
    "n": "time as Unix epoch",
    "i": "command tag",
    "e": "SQLSTATE",
    "c": "session ID",
    "l": "line number in the session",
    "s": "start of the process",
    "v": "virtual transaction ID",
    "x": "transaction ID",
    "q": "stop here in processes that are no session",
    "Q": "query identifier",
}
_ITEM = re.compile(r"(?P<end>%-?\d*)\Z|%(?P<padding>-?\d+)?(?P<escape>.)|(?P<text>[^%]+)", re.DOTALL)


@dataclass(frozen=True)
class PrefixItem:
    """Literal text, or one escape letter; ``padded`` to some width."""

    text: str = ""
    escape: str = ""
    padded: bool = False


class PrefixError(ValueError):
    """A ``log_line_prefix`` that cannot be read by. ``hint`` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def parse_prefix(prefix: str) -> tuple[PrefixItem, ...]:
    """The items of a prefix. Raises PrefixError when it is wrong, or does not tell when and in which session something was."""
    items: list[PrefixItem] = []
    for match in _ITEM.finditer(prefix):
        if match["text"] is not None:
            items.append(PrefixItem(text=match["text"]))
        elif match["escape"] == "%":
            items.append(PrefixItem(text="%"))
        elif match["escape"] in ESCAPES:
            items.append(PrefixItem(escape=match["escape"], padded=match["padding"] is not None))
        else:
            found = match["end"] or f"%{match['escape']}"
            raise PrefixError(f"holds {found}, which is no escape of PostgreSQL", "copy it from `show log_line_prefix`")
    if any("\n" in item.text or (item is items[0] and item.text[:1] == "\t") for item in items):
        raise PrefixError("holds a line end, or begins with a tab", "leave line ends and a leading tab out of it")
    names = [item.escape for item in items if item.escape]
    before = names[: names.index("q")] if "q" in names else names
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise PrefixError(f"says %{doubled[0]} twice", "once is enough")
    if not {"t", "m", "n"} & set(before):
        raise PrefixError("has no time", "begin it with %m")
    if not {"c", "p"} & set(before):
        raise PrefixError("does not tell sessions apart", "add %c, or at least %p, before any %q")
    return tuple(items)


def lacks(prefix: str) -> tuple[tuple[str, str], ...]:
    """What a sound prefix leaves out that the scan would use: ``(what is unknown, escape to add)``."""
    names = {item.escape for item in parse_prefix(prefix)}
    wanted = (
        ("u", "which account did what is unknown, so no vendor can be found in it", "%u"),
        ("d", "the database inside the server is unknown", "%d"),
        ("c", "a session is known by its process ID and start or day only, and may be taken for another", "%c"),
        ("l", "lines that were taken out of a session are not noticed", "%l"),
        ("e", "why a statement failed is known from its text only", "%e"),
        ("m", "times have no milliseconds", "%m"),
    )
    found = [(what, add) for escape, what, add in wanted if escape not in names]
    if not {"h", "r"} & names:
        found.insert(1, ("where a client came from is unknown", "%h"))
    if "n" in names:
        found = [pair for pair in found if pair[1] != "%m"]
    return tuple(found)
