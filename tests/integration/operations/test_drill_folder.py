"""The folder of a drill, which holds a copy of all data: deleted when the drill ends, however it ends."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.operations.backup.scratch import PREFIX, scratch_folder
from tests.integration.operations.repository_files import FakeRepository
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

DRILL = """
import sys, time
from pathlib import Path
from deploy.operations.backup.options import ended_by_signals
from deploy.operations.backup.scratch import scratch_folder
with ended_by_signals(), scratch_folder(Path(sys.argv[1]), None) as folder:
    (folder / "data").mkdir()
    (folder / "data" / "copy").touch()
    time.sleep(60)
"""

ENDING = """
import sys, time
from pathlib import Path
from deploy.operations.backup.options import ended_by_signals
from deploy.operations.backup.scratch import scratch_folder
with ended_by_signals(), scratch_folder(Path(sys.argv[1]), None) as folder:
    (folder / "data").mkdir()
    (folder / "data" / "copy").touch()
    try:
        time.sleep(60)
    finally:
        (folder / "data" / "ending").touch()
        time.sleep(2)
"""
"""A drill whose server takes its time to stop."""


def start(above: Path, program: str = DRILL) -> "subprocess.Popen[bytes]":
    """A drill that has restored its copy and takes its time."""
    drill = subprocess.Popen([sys.executable, "-c", program, str(above)], cwd=PROJECT)
    poll_until(lambda: any(above.glob(f"{PREFIX}*/data/copy")), 20, what="the copy of a drill")
    return drill


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_drill_that_is_ended_leaves_no_copy(tmp_path: Path, number: signal.Signals) -> None:
    drill = start(tmp_path)
    drill.send_signal(number)
    assert drill.wait(20) == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_second_signal_does_not_end_the_clean_up(tmp_path: Path) -> None:
    """systemd sends SIGHUP after SIGTERM, and people press a key again."""
    drill = start(tmp_path, ENDING)
    drill.terminate()
    poll_until(lambda: any(tmp_path.glob(f"{PREFIX}*/data/ending")), 20, what="the end of the drill begins")
    drill.send_signal(signal.SIGHUP)
    assert drill.wait(20) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_command_that_is_ended_while_it_restores_leaves_no_copy(tmp_path: Path) -> None:
    repository = FakeRepository(tmp_path / "programs")
    repository.answer()
    repository.never_ends("restore")
    above, config = tmp_path / "above", tmp_path / "pgbackrest.conf"
    above.mkdir()
    config.write_text(f"[troika]\npg1-path={tmp_path / 'data'}\n")
    environment = {
        "PATH": f"{repository.folder}:/usr/bin:/bin",
        "TROIKA_POSTGRES_PROGRAMS": str(repository.folder),
        "TROIKA_BACKUP_CONFIG": str(config),
    }
    command = [sys.executable, "-m", "deploy.operations.backup.drill", "--folder", str(above)]
    drill = subprocess.Popen(command, cwd=PROJECT, env=environment)
    poll_until(lambda: "restore" in repository.asked(), 20, what="the drill restores")
    assert len(list(above.glob(f"{PREFIX}*/data"))) == 1, "the control: there is a copy"
    drill.terminate()
    assert drill.wait(20) == 128 + signal.SIGTERM
    assert list(above.iterdir()) == []


def test_copy_of_a_killed_drill_is_deleted_by_the_next_and_one_that_runs_is_left_alone(tmp_path: Path) -> None:
    killed = start(tmp_path)
    (left,) = tmp_path.glob(f"{PREFIX}*")
    with scratch_folder(tmp_path, None):
        assert left.is_dir(), "its drill runs"
    killed.kill()
    killed.wait(20)
    with scratch_folder(tmp_path, None) as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_drills_that_start_together_wait_for_each_other(tmp_path: Path) -> None:
    """Else the second could find the first one's folder before it is locked."""
    above = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(above, fcntl.LOCK_EX)
    second = subprocess.Popen([sys.executable, "-c", DRILL, str(tmp_path)], cwd=PROJECT)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(3)
    assert list(tmp_path.iterdir()) == []
    os.close(above)
    poll_until(lambda: any(tmp_path.glob(f"{PREFIX}*/data/copy")), 20, what="the second drill")
    second.terminate()
    assert second.wait(20) == 128 + signal.SIGTERM


def test_link_with_the_name_of_a_drill_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    with scratch_folder(tmp_path, None):
        assert (tmp_path / "elsewhere" / "file").exists()
    assert (tmp_path / f"{PREFIX}link").is_symlink()
