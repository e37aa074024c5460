"""Checks of the machine: disks, memory, file descriptors, time synchronisation, and settings that are unsafe."""

import re
from collections.abc import Iterator

from deploy.operations.doctor.grading import CheckResult, GradedHost, failed, ok, warning
from deploy.operations.doctor.probes import Probes
from shared.runtime.settings import INSECURE, KINDS

DISK_WARNING, DISK_FAILED = 0.15, 0.04
"""As TroikaDiskLow and TroikaDiskFull."""

LEAST_MEMORY_KB, LOW_MEMORY_SHARE = 1_900_000, 0.10
"""Compose ``small`` with PostgreSQL and RabbitMQ on one server of 2 GB."""

DESCRIPTORS = 8192
"""``LimitNOFILE`` of the units: 512 connections of each worker, and as many to servers."""

EXPLAINED = {
    "smtp": "mails travel in clear",
    "broker": "messages travel in clear; what they hold of people is sealed",
    "database": "rows with names and addresses travel in clear, or to another server",
    "public-url": "what people type travels in clear",
    "limits": "anyone in the network can read and change the counters of client networks",
    "otlp": "spans travel in clear",
}


def check_disks(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Data, logs and temporary files have room, in bytes and in inodes."""
    for name, folder in host.folders.items():
        space = probes.space(str(folder))
        least, kind = min((space.free, "space"), (space.free_inodes, "inodes"))
        about = f"{name} ({folder})"
        found = f"{space.free:.0%} free ({space.free_bytes / 1e9:.1f} GB), {space.free_inodes:.0%} of inodes"
        if least < DISK_FAILED:
            yield failed(about, found, f"Free {kind} now: runbook TroikaDiskFull")
        elif least < DISK_WARNING:
            yield warning(about, found, f"Free {kind}: runbook TroikaDiskLow")
        else:
            yield ok(about, found)


def check_memory(_host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The machine has enough memory for the processes, and some is free."""
    lines = re.findall(r"^(\w+):\s+(\d+) kB", probes.run(["cat", "/proc/meminfo"]), re.MULTILINE)
    values = {name: int(number) for name, number in lines}
    total, free = values["MemTotal"], values.get("MemAvailable", 0)
    found = f"{free / 1e6:.1f} of {total / 1e6:.1f} GB available"
    if free < LOW_MEMORY_SHARE * total / 2:
        yield failed("memory", found, "Stop what uses it, or add memory: the kernel will kill processes")
    elif total < LEAST_MEMORY_KB:
        yield warning("memory", found, "Give the machine 2 GB or more, or run PostgreSQL and RabbitMQ elsewhere")
    elif free < LOW_MEMORY_SHARE * total:
        yield warning("memory", found, "Find what uses it: systemd-cgtop, docker stats")
    else:
        yield ok("memory", found)


def check_descriptors(_host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The machine has file descriptors left, and a process may open enough of them."""
    used, _unused, most = (int(part) for part in probes.run(["cat", "/proc/sys/fs/file-nr"]).split())
    if used > 0.9 * most:
        yield failed(
            "machine", f"{used} of {most} open", "Raise fs.file-max, or find the process that opens so many: lsof"
        )
    elif used > 0.7 * most:
        yield warning("machine", f"{used} of {most} open", "Raise fs.file-max")
    else:
        yield ok("machine", f"{used} open" if most >= 2**62 else f"{used} of {most} open")
    limits = re.search(r"^Max open files\s+\S+\s+(\S+)", probes.run(["cat", "/proc/1/limits"]), re.MULTILINE)
    hard = limits[1] if limits else ""
    if hard.isdigit() and int(hard) < DESCRIPTORS:
        do = f"Set LimitNOFILE={DESCRIPTORS} in the units (ulimits in Compose)"
        yield warning("a process", f"may open {hard}", do)
    else:
        yield ok("a process", f"may open {hard or 'any number'}")


def check_time(_host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The machine's time is synchronised, according to its kernel."""
    if probes.synchronised():
        yield ok("time", "synchronised")
    else:
        do = "Install chrony or systemd-timesyncd: a process whose clock is wrong by 2 s refuses final work"
        yield warning("time", "not synchronised by NTP", do)


def check_insecure(host: GradedHost, _probes: Probes) -> Iterator[CheckResult]:
    """No connection is exempt from encryption."""
    named = [part.strip() for part in host.value(INSECURE).split(",") if part.strip()]
    if not named:
        yield ok(INSECURE, "nothing is exempt")
    for kind in named:
        if kind in KINDS:
            do = f"Remove {kind} from {INSECURE}, unless the network belongs to this installation alone"
            yield warning(INSECURE, f"{kind}: {EXPLAINED[kind]}", do)
        else:
            yield failed(INSECURE, f"{kind} is unknown: no process starts", f"Name some of {', '.join(KINDS)}")
