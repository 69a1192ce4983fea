"""A finding as a BagIt bundle (RFC 8493): facts, events, the raw log records, and hashes anyone can check.

::

    bagit.txt  bag-info.txt  manifest-sha256.txt  tagmanifest-sha256.txt
    data/finding.json          the finding, canonical JSON
    data/events.parquet        its events, as stored
    data/events.ndjson         the same, a JSON object a line
    data/raw/<log>.log         the log's own bytes of those events, one after the other
    data/raw/index.json        which event lies where in the log and in the file, with its SHA-256
    data/batches.json          ledger: which bytes of which log were read when, with their SHA-256
    data/README.txt            how to check all this with tools that are not ours
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner.errors import EvidenceError

_README = """Evidence bundle of a vendorwatch finding

Check it without vendorwatch:
  sha256sum -c manifest-sha256.txt          every file is as it was exported
  bagit.py --validate .                     the bundle is whole (BagIt, RFC 8493)

data/finding.json    the finding: who, when, what, how many people and how they were counted
data/events.*        every audit event it rests on; source_file and source_offset say where it stood in the log
data/raw/*.log       the log's own bytes of those events; data/raw/index.json has position, length and SHA-256 of each
data/batches.json    the ledger of what was read: log, byte range, SHA-256 of the raw bytes, time

A raw record compares with the original log like this (unpacked, when it was packed):
  tail -c +$((OFFSET + 1)) LOGFILE | head -c LENGTH | sha256sum
The raw records hold what the log held, SQL literals included: treat the bundle as personal data.
"""


@dataclass(frozen=True)
class Verified:
    """Outcome of checking a bundle."""

    problems: tuple[str, ...]
    files: int
    events: int
    raw_records: int

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass
class _Raw:
    index: list[dict[str, Any]] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)


def export(
    target: Path,
    finding: Mapping[str, Any],
    events: pa.Table,
    raw: Iterable[Mapping[str, Any]],
    batches: list[dict[str, Any]],
    *,
    exported_by: str,
    version: str,
) -> Path:
    """Write the bundle into the new folder ``target`` and return it. Raises :class:`EvidenceError`."""
    try:
        target.mkdir(parents=True, exist_ok=False)
    except FileExistsError:
        raise EvidenceError(f"{target} is already there", "a bundle goes into a new folder: choose another with -o") from None
    except OSError as error:
        raise EvidenceError(f"cannot create {target}: {error.strerror}", "choose a folder you may write to") from error
    found = _Raw()
    (target / "raw").mkdir()
    for row in raw:
        _append_raw(target / "raw", row, found)
    held = {entry["event_id"] for entry in found.index}
    missing = sorted(set(events["event_id"].to_pylist()) - held)
    _json(target / "raw" / "index.json", {"records": found.index, "not_secured": missing})
    _json(target / "finding.json", finding)
    _json(target / "batches.json", batches)
    pq.write_table(events, target / "events.parquet", compression="zstd")
    with (target / "events.ndjson").open("w", encoding="utf-8") as handle:
        handle.writelines(canonical(row) + "\n" for row in events.to_pylist())
    (target / "README.txt").write_text(_README, encoding="utf-8")
    import bagit  # scans load this module, and only bundles need that one

    bagit.make_bag(
        str(target),
        {
            "Source-Organization": exported_by,
            "External-Identifier": str(finding["id"]),
            "External-Description": str(finding["why"]),
            "Bagging-Date": datetime.now(UTC).date().isoformat(),
            "Bag-Software-Agent": f"vendorwatch {version}",
            "Raw-Records": str(len(found.index)),
            "Raw-Records-Missing": str(len(missing)),
        },
        checksums=["sha256"],
    )
    return target


def _append_raw(folder: Path, row: Mapping[str, Any], found: _Raw) -> None:
    name = f"{re.sub(r'[^0-9A-Za-z_.-]', '_', str(row['source_file']))}.log"
    data: bytes = row["data"]
    with (folder / name).open("ab") as handle:
        handle.write(data)
    start = found.sizes.get(name, 0)
    found.sizes[name] = start + len(data)
    found.index.append(
        {
            "event_id": row["event_id"],
            "file": name,
            "file_offset": start,
            "length": len(data),
            "sha256": row["sha256"],
            "log": row["path"],
            "log_id": row["source_file"],
            "log_offset": row["offset"],
            "source_id": row["source_id"],
        }
    )


def verify(folder: Path) -> Verified:
    """Check a bundle: BagIt structure, every hash, every raw record, and that its parts agree. Raises for what is no bundle."""
    if not (folder / "bagit.txt").is_file():
        raise EvidenceError(f"{folder} is not an evidence bundle", "give the folder that holds bagit.txt")
    import bagit

    data = folder / "data"
    problems = [*_check_manifest(folder, "manifest-sha256.txt"), *_check_manifest(folder, "tagmanifest-sha256.txt")]
    try:
        bag = bagit.Bag(str(folder))
        bag.validate()
        files = len(bag.entries)
    except (bagit.BagError, OSError, ValueError) as error:
        files = 0
        problems += [f"BagIt: {detail}" for detail in getattr(error, "details", None) or [error]] if not problems else []
    events, records = 0, 0
    try:
        finding = json.loads((data / "finding.json").read_text(encoding="utf-8"))
        stored = pq.read_table(data / "events.parquet", columns=["event_id"])["event_id"].to_pylist()
        lines = [json.loads(line) for line in (data / "events.ndjson").read_text(encoding="utf-8").splitlines()]
        index = json.loads((data / "raw" / "index.json").read_text(encoding="utf-8"))
        events, records = len(stored), len(index["records"])
        if finding.get("event_count") != len(stored):
            problems.append(f"the finding speaks of {finding.get('event_count')} events, the bundle holds {len(stored)}")
        if [line["event_id"] for line in lines] != stored:
            problems.append("events.ndjson and events.parquet do not hold the same events")
        problems += _check_raw(data / "raw", index["records"], set(stored))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        problems.append(f"a part is missing or not readable: {error}")
    return Verified(tuple(problems), files, events, records)


def _check_manifest(folder: Path, name: str) -> list[str]:
    """Files of a manifest that are gone or are not as they were, by name; and payload files that no manifest lists."""
    try:
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        return [f"{name} cannot be read: {error}"]
    problems = []
    listed = set()
    for line in lines:
        digest, _, path = (part.strip() for part in line.partition(" "))
        listed.add(path)
        try:
            with (folder / path).open("rb") as handle:
                same = hashlib.file_digest(handle, "sha256").hexdigest() == digest
        except (OSError, ValueError):
            problems.append(f"{path} is listed in {name} and is not there")
            continue
        if not same:
            problems.append(f"{path} is not as it was exported: its SHA-256 is not the one in {name}")
    if name.startswith("manifest"):
        present = {str(path.relative_to(folder)) for path in (folder / "data").rglob("*") if not path.is_dir()}
        problems += [f"{path} was added: no manifest lists it" for path in sorted(present - listed)]
    return problems


def _check_raw(folder: Path, records: list[dict[str, Any]], events: set[str]) -> list[str]:
    problems = []
    for entry in records:
        if Path(entry["file"]).name != entry["file"]:
            problems.append(f"raw record of {entry['event_id']} points outside the bundle")
            continue
        with (folder / entry["file"]).open("rb") as handle:
            handle.seek(entry["file_offset"])
            data = handle.read(entry["length"])
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            problems.append(f"raw record of event {entry['event_id']} does not have the SHA-256 it was secured with")
        if entry["event_id"] not in events:
            problems.append(f"raw record of {entry['event_id']} belongs to no event of the bundle")
    return problems


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces, so that equal facts are equal bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_text)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in evidence")


def _json(path: Path, value: Any) -> None:
    path.write_text(canonical(value) + "\n", encoding="utf-8")
