"""The supervisor with small programs: restarts what ends, keeps what is held, and signals nothing else."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from deploy.servers.records import SUPERVISOR, Records
from deploy.servers.starting import is_process, start_ticks
from deploy.servers.supervisor import NotStarted, Supervisor
from deploy.servers.units import Stage, Unit
from deploy.up.stopping import stop_everything
from tests.support.waiting import poll_until

SLEEPER = "import time; time.sleep(600)"
WITHIN_S = 15.0


def _unit(folder: Path, name: str, code: str = SLEEPER, ready: Callable[[], bool] = lambda: True) -> Unit:
    return Unit(name, [sys.executable, "-c", code], {}, folder, ready)


class Watched:
    """A supervisor in the main thread, observed from another; exceptions of that one are raised again."""

    def __init__(self, folder: Path, stages: Sequence[Stage], stop_within_s: float = WITHIN_S) -> None:
        (folder / "logs").mkdir()
        self.folder = folder
        self.records = Records(folder)
        self.supervisor = Supervisor(folder, stages, stop_within_s=stop_within_s)

    def run(self, observe: Callable[["Watched"], None]) -> None:
        """Run until ``observe`` returns."""
        errors: list[BaseException] = []

        def follow() -> None:
            try:
                observe(self)
            except AssertionError as error:
                errors.append(error)
            finally:
                self.supervisor.stop()

        self.supervisor.run(threading.Thread(target=follow, daemon=True).start)
        if errors:
            raise errors[0]

    def pid(self, name: str) -> int | None:
        """Pid of a unit that runs now."""
        return self.records.running().get(name)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Poll."""
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            time.sleep(0.05)


def test_unit_that_ends_is_restarted_with_backoff_and_others_continue(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    code = f"import time; open({str(starts)!r}, 'a').write(f'{{time.monotonic()}}\\n')"
    watched = Watched(tmp_path, [Stage([_unit(tmp_path, "steady"), _unit(tmp_path, "ends", code)])])
    seen: set[int | None] = set()

    def observe(watched: Watched) -> None:
        def three_starts() -> bool:
            seen.add(watched.pid("steady"))
            return starts.exists() and len(starts.read_text().splitlines()) >= 3

        watched.wait(three_starts)

    watched.run(observe)
    times = [float(line) for line in starts.read_text().splitlines()[:3]]
    assert times[2] - times[1] > 1.5 * (times[1] - times[0]) > 0.5
    assert len(seen - {None}) == 1


def test_held_unit_stays_down_until_released(tmp_path: Path) -> None:
    watched = Watched(tmp_path, [Stage([_unit(tmp_path, "one")])])

    def observe(watched: Watched) -> None:
        first = watched.pid("one")
        (tmp_path / "held" / "one").touch()
        watched.wait(lambda: watched.pid("one") is None)
        time.sleep(1.5)
        assert watched.pid("one") is None
        (tmp_path / "held" / "one").unlink()
        watched.wait(lambda: watched.pid("one") is not None)
        assert watched.pid("one") != first

    watched.run(observe)


def test_later_stages_wait_for_the_earlier_and_end_before_them(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    code = (
        "import signal, sys, time\n"
        f"say = lambda word: open({str(journal)!r}, 'a').write(word + ' ' + sys.argv[1] + '\\n')\n"
        "signal.signal(signal.SIGTERM, lambda *_: (say('end'), sys.exit()))\n"
        "say('start')\ntime.sleep(600)"
    )

    def unit(name: str) -> Unit:
        started = f"start {name}\n"
        return Unit(
            name,
            [sys.executable, "-c", code, name],
            {},
            tmp_path,
            lambda: journal.exists() and started in journal.read_text(),
        )

    Watched(tmp_path, [Stage([unit("below")]), Stage([unit("above")])]).run(lambda _watched: None)
    assert journal.read_text().split("\n")[:-1] == ["start below", "start above", "end above", "end below"]


def test_unit_that_does_not_end_is_killed_with_what_it_has_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"started = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}])\n"
        f"open({str(child)!r}, 'w').write(str(started.pid))\n"
        "print('written to its log', flush=True)\n"
        "time.sleep(600)"
    )
    pids: list[int] = []

    def observe(watched: Watched) -> None:
        watched.wait(lambda: child.exists() and child.read_text() != "")
        pids.append(int(child.read_text()))

    Watched(tmp_path, [Stage([_unit(tmp_path, "deaf", code)])], stop_within_s=0.5).run(observe)
    poll_until(lambda: not is_process(pids[0], start_ticks(pids[0])), WITHIN_S, what="the child has ended")
    assert (tmp_path / "logs" / "deaf.log").read_text() == "written to its log\n"


def test_frozen_unit_ends_in_good_order(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    code = (
        "import os, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(ended)!r}, 'w').close(), sys.exit()))\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
        "time.sleep(600)"
    )

    def observe(watched: Watched) -> None:
        watched.wait(lambda: (pid := watched.pid("frozen")) is not None and _state(pid) == "T")

    Watched(tmp_path, [Stage([_unit(tmp_path, "frozen", code)])]).run(observe)
    assert ended.exists()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_unit_that_never_gets_ready_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.servers.supervisor.READY_WITHIN_S", 0.3)
    watched = Watched(tmp_path, [Stage([_unit(tmp_path, "never", ready=lambda: False)])])
    with pytest.raises(NotStarted, match="never"):
        watched.run(lambda _watched: None)
    assert set(watched.records.running()) == {SUPERVISOR}


def test_process_that_was_given_the_pid_of_another_is_not_ended(tmp_path: Path) -> None:
    """A record of the same pid with another start is someone else; with the right one it is ours, and ended."""
    child = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    ticks = start_ticks(child.pid)
    assert ticks is not None
    try:
        (tmp_path / "processes.json").write_text(json.dumps({"ours": [child.pid, ticks - 1]}))
        assert stop_everything(Records(tmp_path)) == []
        assert is_process(child.pid, ticks)
        (tmp_path / "processes.json").write_text(json.dumps({"ours": [child.pid, ticks]}))
        assert stop_everything(Records(tmp_path)) == ["ours"]
    finally:
        child.kill()
        child.wait()


def test_end_of_the_supervisor_ends_what_it_has_started(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from deploy.servers.supervisor import Supervisor\n"
        "from deploy.servers.units import Stage, Unit\n"
        f"folder = Path({str(tmp_path)!r})\n"
        f"unit = Unit('one', [sys.executable, '-c', {SLEEPER!r}], {{}}, folder)\n"
        "(folder / 'logs').mkdir()\n"
        "Supervisor(folder, [Stage([unit])]).run(lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], timeout=30)
    assert killed.returncode == -9
    pid, ticks = json.loads((tmp_path / "processes.json").read_text())["one"]
    deadline = time.monotonic() + WITHIN_S
    while is_process(pid, ticks):
        assert time.monotonic() < deadline
        time.sleep(0.05)
