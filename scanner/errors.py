"""One tree of errors. Each says what went wrong, where, and what to do next.

Only :class:`ScannerError` and its children are shown to a user as a plain sentence; anything else is a defect.
"""

from __future__ import annotations


class ScannerError(Exception):
    """Something a user can act on.

    ``message`` says what and where; ``hint`` says what to do next.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} — {self.hint}" if self.hint else self.message


class ConfigError(ScannerError):
    """The configuration cannot be used; the message names file, line and key."""


class SourceError(ScannerError):
    """An audit source cannot be read at all (missing, no permission, not the stated format)."""


class CatalogError(ScannerError):
    """A customer database cannot be looked at (unreachable, no privilege)."""


class RuleError(ScannerError):
    """A rule file is wrong; the message names file, line and field."""


class StoreError(ScannerError):
    """The event store or the state database cannot be used."""


class EvidenceError(ScannerError):
    """Evidence cannot be exported, or does not verify."""


class TokenError(ScannerError):
    """An API token is not accepted, or cannot be made; the message never repeats the token."""


class FindingError(ScannerError):
    """A decision about a finding cannot be carried out."""


class NotifyError(ScannerError):
    """A channel cannot be used as it is configured."""
