"""The PII catalogue: which columns of a customer database hold whose personal data.

>>> scan = scan_catalog("shop", "sqlite:///shop.db")        # doctest: +SKIP
>>> [r["column"] for r in rows(scan.schema) if r["pii_class"]]  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanner.catalog.serial import from_json, rows, to_json

if TYPE_CHECKING:
    from scanner.catalog.reading import CatalogSettings, Gap, Override
    from scanner.catalog.scan import CatalogScan, scan_catalog

__all__ = ["CatalogScan", "CatalogSettings", "Gap", "Override", "from_json", "rows", "scan_catalog", "to_json"]


def __getattr__(name: str) -> Any:
    """What looks at columns is loaded when it is asked for: its analyzers take a second that reading a kept map need not pay."""
    if name in ("CatalogScan", "scan_catalog"):
        from scanner.catalog import scan

        return getattr(scan, name)
    if name in ("CatalogSettings", "Gap", "Override"):
        from scanner.catalog import reading

        return getattr(reading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
