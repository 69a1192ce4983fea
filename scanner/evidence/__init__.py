"""Evidence a third party can check: raw records secured in time, bundles of findings."""

from scanner.evidence.bundle import Verified, export, verify
from scanner.evidence.rawstore import RAW_SCHEMA, RawStore

__all__ = ["RAW_SCHEMA", "RawStore", "Verified", "export", "verify"]
