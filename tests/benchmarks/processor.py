"""Processor time and memory of processes, read from the kernel."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def cpu_s(pids: Iterable[int]) -> float:
    """Processor time that ``pids`` and all below them have taken so far, seconds; ended children included."""
    total = 0.0
    for pid in pids:
        parent = psutil.Process(pid)
        total += sum(parent.cpu_times()[:2])
        for child in parent.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended just now, and counts among the parent's ended children
                total += sum(child.cpu_times()[:2])
        own = parent.cpu_times()
        total += own.children_user + own.children_system
    return total


def pss_mib(pids: Iterable[int]) -> dict[str, float]:
    """Proportional memory of ``pids`` and all below them in MiB (a shared page counts in parts), by pid and name."""
    found: dict[str, float] = {}
    for pid in pids:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            found[f"{process.pid}"] = _pss_kib(process.pid) / 1024
    return found


def _pss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError(f"the kernel does not report the memory of {pid}")
