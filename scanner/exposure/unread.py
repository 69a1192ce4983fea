"""Why a statement could not be read in full, so that it counts as reading all that the log or its text names."""

from __future__ import annotations

from scanner.model import CUT_MARK, Kind, Lineage

READS_NOTHING = frozenset(
    {Kind.DDL, Kind.RENAME, Kind.ROLE, Kind.LOCK, Kind.SET, Kind.TRANSACTION, Kind.CREATE_VIEW, Kind.COPY_IN}
)
"""Statements that hand no rows to anybody, whatever the log names for them."""


def why_unread(statement: str, lineage: Lineage, missed: bool) -> str | None:
    """``unparsed``, ``cut``, ``contradicts`` or ``partly``; None for a statement that was read in full.

    ``missed``: the log names personal relations for it of which its lineage knows nothing.
    """
    if statement.endswith(CUT_MARK) or (not statement.strip() and lineage.kind is Kind.UNPARSED):
        return "cut"
    if lineage.kind is Kind.UNPARSED:
        return "unparsed"
    if lineage.contradicts or (missed and lineage.kind not in READS_NOTHING and not lineage.functions):
        return "contradicts"
    return "partly" if lineage.unknown else None
