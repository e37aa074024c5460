"""Starting a child that cannot outlive the tests: the kernel ends it when they die, and its run's folder names it.

The kernel watches the *thread* that starts a child (prctl(2), PR_SET_PDEATHSIG): start children from the main thread.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from deploy.servers.starting import BASE_ENVIRONMENT, prefix
from shared.runtime.accounts import Account
from tests.support.forking import ForkedChild
from tests.support.run_folder import RUN_VARIABLE, RunFolder
from tests.support.waiting import poll_until


def start_child(
    run: RunFolder,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    folder: Path,
    log: Path,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a new session and record it in ``run``.

    Args:
        run: the run that it belongs to.
        command: program and arguments; replaced in place, so that the returned pid is the program's own.
        env: added to ``BASE_ENVIRONMENT``.
        folder: its working folder.
        log: file that its output is appended to.
        account: user to run as; None for the running user.
        death_signal: what the kernel sends when the tests die.
    """
    environment = {**BASE_ENVIRONMENT, **env, RUN_VARIABLE: str(run.path)}
    with log.open("ab") as output:
        child = subprocess.Popen(
            [*prefix(account, death_signal), *command],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    run.record(child.pid)
    return child


def kill_tree(child: "subprocess.Popen[bytes] | ForkedChild") -> None:
    """SIGKILL ``child`` and everything below it at once, as a power cut would; returns when all have ended."""
    if child.poll() is not None:
        return
    top = psutil.Process(child.pid)
    below = top.children(recursive=True)
    child.kill()
    for process in below:
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end by itself once its parent has
            process.kill()
    child.wait()
    poll_until(lambda: all(_ended(process) for process in below), 10.0, every_s=0.01, what="end of all children")


def freeze(child: "subprocess.Popen[bytes] | ForkedChild") -> None:
    """SIGSTOP ``child``; returns when every thread of it is stopped.

    The signal waits until the main thread is scheduled, and until then the others continue: a frozen broker that
    confirms what comes after its freezing.

    Raises:
        RuntimeError: it has ended.
    """
    child.send_signal(signal.SIGSTOP)
    poll_until(lambda: _stopped(child), 10.0, every_s=0.001, what=f"all threads of {child.pid} stopped")


def _stopped(child: "subprocess.Popen[bytes] | ForkedChild") -> bool:
    """The kernel's state of the whole process; it can be read again."""
    if child.poll() is not None:
        raise RuntimeError(f"{child.pid} has ended with {child.returncode} and cannot be frozen")
    return os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def _ended(process: psutil.Process) -> bool:
    """A zombie has ended: collecting it is the init process' business."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def tail(log: Path, lines: int = 30) -> str:
    """The last ``lines`` of a log, for the message of a failure."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
