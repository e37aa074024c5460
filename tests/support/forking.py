"""Starts our programs by forking a process that has already imported their libraries.

``python -m tests.support.forking`` imports the libraries once and then becomes, in a fork for each request, the program
that the request names, which imports its own modules as ever. The fork belongs to the process that asked, as a child
that it started itself would: it is adopted through PR_SET_CHILD_SUBREAPER (prctl(2)), waited for there, and killed by
the kernel with its parent.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from deploy.servers.starting import BASE_ENVIRONMENT
from tests.support.run_folder import RUN_VARIABLE, RunFolder

PROJECT = Path(__file__).resolve().parents[2]
OURS = ("services", "shared", "deploy", "tests")
_NEEDED = """
import sys
for service in ("registration", "events", "notifications"):
    __import__(f"services.{service}.__main__")
print(*sorted(sys.modules))
"""
"""Names the modules that our programs have imported when they begin."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_prctl = ctypes.CDLL(None, use_errno=True).prctl


class ForkedChild:
    """A child as ``subprocess.Popen`` shows it, as far as the tests use it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, minus the signal's number when one ended it; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.005)  # as often as subprocess polls
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """A process that has imported the libraries; it ends with the one that started it.

    Args:
        run: that its programs belong to.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run, (self._socket, theirs) = run, socket.socketpair()
        with (run.path / f"fork-server-{theirs.fileno()}.log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forking", str(theirs.fileno())],
                cwd=PROJECT,
                env={**BASE_ENVIRONMENT, RUN_VARIABLE: str(run.path)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        theirs.close()
        self._answers = self._socket.makefile("r")

    def close(self) -> None:
        """End it; its programs continue."""
        self._answers.close()
        self._socket.close()
        self._process.wait(10)

    def start(self, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> ForkedChild:
        """Start ``python -m <arguments>`` in the project's folder, in a new session."""
        environment = {**BASE_ENVIRONMENT, **env, RUN_VARIABLE: str(self._run.path)}
        request = {"arguments": list(arguments), "env": environment, "log": str(log), "parent": os.getpid()}
        _set(_PR_SET_CHILD_SUBREAPER, 1)
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            answer = self._answers.readline()
        finally:
            _set(_PR_SET_CHILD_SUBREAPER, 0)
        if not answer:
            raise RuntimeError("the fork server has ended")
        child = ForkedChild(int(answer))
        self._run.record(child.pid)
        return child


def _set(option: int, value: int) -> None:
    if _prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _import_libraries() -> None:
    names = subprocess.run([sys.executable, "-c", _NEEDED], check=True, capture_output=True, text=True).stdout.split()
    for name in names:
        if name.partition(".")[0] not in (*OURS, "__main__", "__mp_main__"):
            with contextlib.suppress(ImportError):  # a library may put what is not its own module there
                importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns it in the fork, and never where the requests arrive."""
    for line in requests.makefile("r"):
        between = os.fork()
        if between:
            os.waitpid(between, 0)
            continue
        if os.fork():
            os._exit(0)
        request: dict[str, Any] = json.loads(line)
        while os.getppid() != request["parent"]:
            time.sleep(0.0005)  # until it is adopted
        _set(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        requests.sendall(f"{os.getpid()}\n".encode())
        requests.close()
        return request
    os._exit(0)


def _become(request: dict[str, Any]) -> NoReturn:
    """Run the program as a fresh interpreter would."""
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    module, *words = request["arguments"]
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    _import_libraries()
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
