"""The PII catalogue: which columns of a customer database hold whose personal data.

>>> scan = scan_catalog("shop", "sqlite:///shop.db")        # doctest: +SKIP
>>> [r["column"] for r in rows(scan.schema) if r["pii_class"]]  # doctest: +SKIP
"""

from __future__ import annotations

from scanner.catalog.reading import CatalogSettings, Gap, Override
from scanner.catalog.scan import CatalogScan, scan_catalog
from scanner.catalog.serial import from_json, rows, to_json

__all__ = ["CatalogScan", "CatalogSettings", "Gap", "Override", "from_json", "rows", "scan_catalog", "to_json"]
