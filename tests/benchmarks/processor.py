"""Processor time and memory of processes, read from the kernel."""

from collections.abc import Iterable
from pathlib import Path

import psutil


def cpu_s(pids: Iterable[int]) -> float:
    """Processor time that ``pids`` and all below them have taken so far, seconds; ended children included."""
    total = 0.0
    for pid in pids:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system
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
    raise RuntimeError(f"the kernel does not tell the memory of {pid}")
