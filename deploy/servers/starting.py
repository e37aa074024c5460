"""The words and the environment with which a server is started, and how its process is known again later."""

import os
import shutil
import signal
from pathlib import Path

from shared.runtime.accounts import Account

BASE_ENVIRONMENT = {
    "PATH": os.defpath + ":/usr/sbin:/sbin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
"""The whole environment of a child besides its own variables; nothing else of the machine's environment is passed."""


def prefix(account: Account | None, death_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """The words before a command that make it run as ``account`` and end with the thread that starts it.

    The kernel watches the *thread* that starts a child (prctl(2), PR_SET_PDEATHSIG): start from the main thread.

    Args:
        account: user to run as; None for the running user.
        death_signal: what the kernel sends to the child when that thread ends.

    Raises:
        RuntimeError: ``setpriv`` is missing. For the running user it is left out then: the demo needs Python alone.
    """
    if shutil.which("setpriv") is None:
        if account is None:
            return []
        raise RuntimeError("setpriv is missing; on Debian: apt-get install util-linux")
    words = ["setpriv", "--pdeathsig", death_signal.name.removeprefix("SIG")]
    if account is not None:
        groups = f"--groups={','.join(map(str, account.groups))}" if account.groups else "--clear-groups"
        words += [f"--reuid={account.uid}", f"--regid={account.gid}", groups]
    return words


def start_ticks(pid: int) -> int | None:
    """When process ``pid`` started, in clock ticks since boot; None when there is no such process.

    The kernel reuses a pid; pid and start time together identify one process forever.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(status.rpartition(")")[2].split()[19])


def is_process(pid: int, ticks: int | None) -> bool:
    """Whether the process that was started as ``pid`` at ``ticks`` still runs; one that has ended and waits to be
    collected does not."""
    if ticks is None or start_ticks(pid) != ticks:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
