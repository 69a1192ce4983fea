"""Processor time an event of each stage of a scan, both halves in one process, one after the other.

python bench/stages.py CONFIG        prints JSON; the catalogue of the one database is there already
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scanner import ingest, lineage
from scanner.config import load_config
from scanner.engine import open_engine
from scanner.events import LAST_SCHEMA
from scanner.front import Piece, Task, read
from scanner.pipeline import Workspace, load_schema
from scanner.shapebook import ShapeBook
from scanner.sources.base import SLICE_BYTES

spent: dict[str, float] = {}


def timed(owner: Any, name: str, stage: str) -> None:
    """Let ``owner.name`` add its processor time (all threads) to ``stage``."""
    inner: Callable[..., Any] = getattr(owner, name)

    def outer(*arguments: Any, **named: Any) -> Any:
        begin = time.process_time()
        try:
            return inner(*arguments, **named)
        finally:
            spent[stage] = spent.get(stage, 0.0) + time.process_time() - begin

    setattr(owner, name, outer)


def main(path: Path) -> None:
    config = load_config(path)
    workspace = Workspace.open(config)
    name, database = next(iter(config.databases.items()))
    audit = database.audit[0]
    schema = load_schema(workspace, name)
    if schema is None:
        raise SystemExit("scan the catalogue first")
    book = ShapeBook.open(name, schema, [], [], database.engine)
    half = ingest.Ingest.resume(name, config, book, open_engine(), workspace.ledger)
    timed(lineage, "assign_shapes", "shapes")
    timed(ingest.Ingest, "_exposed", "lineage and exposure")
    timed(ingest, "judge", "contracts")
    timed(ingest, "learn", "habits")
    timed(ingest.Ingest, "events", "whole second half")
    timed(type(workspace.events), "stage", "parquet")
    zone = audit.time_zone or config.time_zone
    task = Task(audit.type, audit.path, zone, (), SLICE_BYTES, LAST_SCHEMA.empty_table(), dialect=database.engine)
    events = records = 0
    begin = time.process_time()
    for batch, piece in enumerate(read(task), 1):
        spent["reading"] = spent.get("reading", 0.0) + time.process_time() - begin
        if isinstance(piece, Piece):
            made, _ = half.events(piece, batch, f"{name}/0")
            workspace.events.stage(made, batch=batch, app_id=piece.file.id, app_version=piece.end)
            events += made.num_rows
            records += piece.records
        begin = time.process_time()
    spent["reading"] -= spent["shapes"]
    named = sum(spent[stage] for stage in ("lineage and exposure", "contracts", "habits"))
    spent["the rest"] = spent.pop("whole second half") - named
    micros = {stage: round(1e6 * seconds / events, 3) for stage, seconds in spent.items()}
    json.dump({"records": records, "events": events, "micros_an_event": micros}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
