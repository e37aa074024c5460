"""Freezing a process: it is stopped when the call returns, not some time later."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.support.children import freeze, kill_tree, start_child
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

HELD_S = 0.3

SPAWNS = """
import os, sys
gate = sys.argv[1]
os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, gate, os.O_RDONLY, 0)])
while True:
    os.getpid()
"""
"""A parent that spawns takes no signal until its child has become another program; this child waits at a gate."""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe that who reads it waits at."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def start(run: RunFolder, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Run Python with ``arguments``."""
    return start_child(run, [sys.executable, "-c", *arguments], env={}, folder=folder, log=folder / "child.log")


def is_held(process: psutil.Process) -> bool:
    """Whether it waits for its child: without one, it waits for a disk, as at its start."""
    return bool(process.children()) and process.status() == psutil.STATUS_DISK_SLEEP


def test_process_that_takes_signals_late_is_awaited(run_folder: RunFolder, tmp_path: Path, gate: Path) -> None:
    """Without waiting, what follows would meet a process that still works."""
    child = start(run_folder, tmp_path, SPAWNS, str(gate))
    process = psutil.Process(child.pid)
    opening = threading.Timer(HELD_S, lambda: gate.open("wb").close())
    opening.daemon = True
    try:
        poll_until(lambda: is_held(process), what="held by its child")
        opening.start()
        before = time.monotonic()
        freeze(child)
        assert process.status() == psutil.STATUS_STOPPED
        assert time.monotonic() - before > HELD_S / 2
    finally:
        kill_tree(child)


def test_process_may_be_frozen_again_and_twice(run_folder: RunFolder, tmp_path: Path) -> None:
    child = start(run_folder, tmp_path, "while True: pass")
    process = psutil.Process(child.pid)
    try:
        for _ in range(3):
            freeze(child)
            freeze(child)
            assert process.status() == psutil.STATUS_STOPPED
            process.resume()
            assert process.status() != psutil.STATUS_STOPPED
    finally:
        kill_tree(child)


def test_process_that_has_ended_cannot_be_frozen(run_folder: RunFolder, tmp_path: Path) -> None:
    child = start(run_folder, tmp_path, "pass")
    child.wait()
    with pytest.raises(RuntimeError, match="has ended with 0"):
        freeze(child)
