"""Statement shapes and lineage: what each distinct statement of an audit log does with which columns."""

from __future__ import annotations

from scanner.lineage.analysis import analyze
from scanner.lineage.masking import masked
from scanner.lineage.shapes import ShapeMemory, Shapes, assign_shapes
from scanner.lineage.techniques import SENTENCES, Technique

__all__ = ["SENTENCES", "ShapeMemory", "Shapes", "Technique", "analyze", "assign_shapes", "masked"]
