"""Run one command in a process of its own and say how long it took and how much memory it and its children held."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Run:
    """One measured command. ``peak_bytes`` is the largest resident memory of all its processes together, sampled."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    exit_code: int
    stdout: str
    stderr: str


def resident(group: int) -> int:
    """Resident bytes of all processes of a process group; shared pages count once for each."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # the name of the program may hold spaces and parentheses: fields are counted from the last one
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        if int(fields[2]) == group:
            total += int(fields[21]) * PAGE
    return total


def measure(command: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 3600) -> Run:
    """Run ``command`` to its end; raises ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
    begin = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True, errors="replace"
    )
    peak = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.05):
            peak = max(peak, resident(process.pid))

    watcher = threading.Thread(target=watch)
    before = os.times()
    watcher.start()
    try:
        out, err = process.communicate(timeout=timeout)
        seconds = time.monotonic() - begin
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        over.set()
        watcher.join()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, cpu, peak, process.returncode, out, err)
