"""The guides for programs can be followed: each block prints what stands below it, on ``make demo PEOPLE=1``.

One rule for what differs between two days: a day (``2020-05-08``) is compared by its distance from the first day in the
same output, because the demo moves its programme to about today.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from deploy.local.demo import FOLDERS
from deploy.local.installation import Content
from deploy.local.ports import chosen_ports
from tests.browser.demo_process import Demo, end_demo, start_demo
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder

QUESTIONS, JOBS = Path("docs/how-to/ask-questions.md"), Path("docs/how-to/use-the-api.md")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_DAY = re.compile(r"(?<!\d)20\d\d-\d\d-\d\d(?!\d)")


@pytest.fixture(scope="module")
def demo(run_folder: RunFolder) -> Iterator[Demo]:
    """The demo with people; both guides share it, because its start takes longer than all they do."""
    processes = ProcessGroup(run_folder)
    try:
        running = start_demo(run_folder, processes, "--people")
        yield running
        end_demo(running, processes)
    finally:
        processes.end()


@pytest.fixture
def settings(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guide sets in a shell, in a folder that has the demo's data where it usually is."""
    usual = tmp_path / FOLDERS[Content.PEOPLE]
    usual.parent.mkdir()
    usual.symlink_to(demo.folder)
    _, exports = _blocks(QUESTIONS, "sh")
    shown = 'printf "%s\\n" "$TROIKA_URL" "$TROIKA_KEY"'
    done = subprocess.run(["bash", "-euc", exports + shown], cwd=tmp_path, capture_output=True, text=True, check=True)
    url, key = done.stdout.splitlines()
    monkeypatch.delenv("TROIKA_DEMO_PORT", raising=False)
    assert url == chosen_ports().public_url
    monkeypatch.setenv("TROIKA_URL", demo.ports.public_url)
    monkeypatch.setenv("TROIKA_KEY", key)


def test_command_of_the_guide_starts_the_demo_with_people() -> None:
    start, _ = _blocks(QUESTIONS, "sh")
    make, *words = shlex.split(start)
    done = subprocess.run(
        [make, "--dry-run", "--no-print-directory", *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].split()[1:] == ["-m", "deploy.local.demo", "--people", "run"]


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(("guide", "at_least"), [(QUESTIONS, 15), (JOBS, 12)])
def test_programs_print_the_documented_output(guide: Path, at_least: int) -> None:
    """The questions first: the jobs change what they are about. Each program runs alone after the beginning."""
    beginning, *programs = _blocks(guide, "python")
    documented = _blocks(guide, "text")
    assert len(programs) >= at_least
    printed = [(program, _without_days(_printed(beginning, program))) for program in programs]
    assert printed == list(zip(programs, map(_without_days, documented), strict=True))


def _blocks(guide: Path, language: str) -> list[str]:
    """The blocks of a guide in one language; it has no others than commands, programs and their output."""
    found = _BLOCK.findall(guide.read_text(encoding="utf-8"))
    assert {name for name, _ in found} <= {"sh", "python", "text"}
    return [block for name, block in found if name == language]


def _printed(beginning: str, program: str) -> str:
    output, names = StringIO(), dict[str, Any]()
    with redirect_stdout(output):
        exec(compile(beginning, "beginning", "exec"), names)
        exec(compile(program, program, "exec"), names)
    return output.getvalue()


def _without_days(text: str) -> str:
    days = [date.fromisoformat(day) for day in _DAY.findall(text)]
    return _DAY.sub(lambda day: f"day {(date.fromisoformat(day[0]) - days[0]).days:+}", text)
