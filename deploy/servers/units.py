"""What the supervisor runs: one unit per process, with all that it needs to be started and stopped."""

import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.messaging.halts import HALTED
from shared.runtime.accounts import Account, give, write_private


def always() -> bool:
    """Ready as soon as it runs."""
    return True


@dataclass(frozen=True, slots=True)
class Unit:
    """Attributes:
    name: the name of the unit and of its log file.
    command: replaced in place, so that the child's pid is the program's own.
    environment: all of it but path, language and time zone.
    folder: the folder it works in.
    ready: whether it does its work now.
    account: user to run as; None for the running user.
    stop_signal: asks it to end in good order.
    kill_signal: ends it when it does not.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    ready: Callable[[], bool] = always
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Stage:
    """Units that start together, after those of the stages before; ``then`` is called once all of them are ready."""

    units: Sequence[Unit]
    then: Callable[[], None] = field(default=lambda: None)


def answers(url: str) -> bool:
    """Whether ``url`` answers 200 at once."""
    try:
        with urllib.request.urlopen(url, timeout=2.0) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def works(url: str) -> bool:
    """Whether a worker's probe at ``url`` reports that it is ready, or that only halted queues prevent this.

    A halted queue waits for an operator; it must not keep the other processes from being started.
    """
    try:
        with urllib.request.urlopen(url, timeout=2.0):  # noqa: S310 - our own loopback address
            return True
    except urllib.error.HTTPError as refusal:
        problems = refusal.read().decode().splitlines()[1:]
        return bool(problems) and all(problem.startswith(HALTED) for problem in problems)
    except (urllib.error.URLError, OSError):
        return False


def own_folder(folder: Path, account: Account | None) -> Path:
    """``folder``, made if missing, private to ``account``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    give(folder, account)
    return folder


def own_file(path: Path, content: str, account: Account | None) -> Path:
    """``path`` with ``content``, readable only by ``account``."""
    write_private(path, content, account)
    return path
