"""Programs started by the fork server are like any other child process."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.children import freeze, kill_tree
from tests.support.forking import PROJECT, ForkedChild, ForkServer
from tests.support.run_folder import RUN_VARIABLE, RunFolder
from tests.support.waiting import poll_until

PR_GET_CHILD_SUBREAPER = 37
LASTING = ["http.server", "--bind", "127.0.0.1", "0"]
ORPHAN = """
from pathlib import Path
from tests.support.forking import ForkServer
from tests.support.run_folder import RunFolder
run = RunFolder(Path({folder!r}))
print(ForkServer(run).start({program!r}, {{}}, run.path / "log").pid, flush=True)
input()
"""


@pytest.fixture(scope="module")
def server(run_folder: RunFolder) -> Iterator[ForkServer]:
    """One that has imported the libraries."""
    made = ForkServer(run_folder)
    yield made
    made.close()


@pytest.fixture
def lasting(server: ForkServer, tmp_path: Path) -> Iterator[ForkedChild]:
    """A program that runs until it is ended."""
    child = server.start(LASTING, {}, tmp_path / "log")
    yield child
    kill_tree(child)


def test_program_has_its_environment_log_and_session(
    server: ForkServer, run_folder: RunFolder, tmp_path: Path, lasting: ForkedChild
) -> None:
    log = tmp_path / "says"
    arguments = ["timeit", "-n1", "-r1", "import os; print(os.environ['WORD'])"]
    assert server.start(arguments, {"WORD": "hello"}, log).wait(10) == 0
    assert log.read_text().splitlines()[0] == "hello"
    assert lasting.pid in {process.pid for process in run_folder.processes()}, "else nothing ends it after a crash"
    process = psutil.Process(lasting.pid)
    assert (process.ppid(), process.cwd(), os.getsid(lasting.pid)) == (os.getpid(), str(PROJECT), lasting.pid)


def test_exit_codes_and_signals_are_those_of_the_program(
    server: ForkServer, tmp_path: Path, lasting: ForkedChild
) -> None:
    assert server.start(["json.tool", "/nowhere"], {}, tmp_path / "fails").wait(10) == 2
    assert lasting.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        lasting.wait(0.05)
    freeze(lasting)
    assert psutil.Process(lasting.pid).status() == psutil.STATUS_STOPPED
    lasting.kill()
    assert lasting.wait(10) == -signal.SIGKILL


def test_tests_adopt_no_other_orphans(lasting: ForkedChild) -> None:
    """Those that a killed program leaves go to the init process, as ever."""
    adopts = ctypes.c_int(1)
    assert ctypes.CDLL(None).prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(adopts), 0, 0, 0) == 0
    assert (adopts.value, lasting.poll()) == (0, None)


def test_program_ends_with_the_process_that_asked_for_it(run_folder: RunFolder) -> None:
    command = [sys.executable, "-c", ORPHAN.format(folder=str(run_folder.path), program=LASTING)]
    environment = {**os.environ, RUN_VARIABLE: str(run_folder.path)}
    asker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=environment
    )
    assert asker.stdout is not None
    child = psutil.Process(int(asker.stdout.readline()))
    assert child.is_running()
    asker.kill()
    asker.communicate()
    poll_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10, what="end of the program")
