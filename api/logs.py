"""Logs: one JSON object a line, controls escaped, without tokens and without what people typed into filters."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

ACCESS = logging.getLogger("vendorwatch.access")  # one line a request
READS = logging.getLogger("vendorwatch.reads")  # who read which findings and events
FAULTS = logging.getLogger("vendorwatch.faults")  # defects and unreachable stores

_TOKEN = re.compile(r"vw_[0-9A-Za-z]+")


class JsonLines(logging.Formatter):
    """Formats what :func:`write` hands on."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": moment, "level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
        text = json.dumps({**line, **getattr(record, "fields", {})}, default=str)  # ASCII only, so no control gets through
        return _TOKEN.sub("vw_***", text)  # should a token ever get here, it does not get further


def write(logger: logging.Logger, event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """One line: ``event`` is a fixed word, ``fields`` carry the values."""
    logger.log(level, event, extra={"fields": fields})


def fault(event: str, error: BaseException, **fields: Any) -> None:
    """A defect: the kind of error and where it happened. Its message may hold data and is left out."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    where = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    write(FAULTS, event, level=logging.ERROR, error=type(error).__name__, where=where, **fields)


def to_stderr() -> None:
    """Send the logs of this program to standard error. Called once by whoever starts the server."""
    logger = logging.getLogger("vendorwatch")
    if not any(isinstance(handler.formatter, JsonLines) for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
