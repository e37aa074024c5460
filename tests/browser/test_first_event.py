"""A newcomer's way from an empty installation to a bulletin, as the tutorial describes it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.demo_process import end_demo, start_demo
from tests.browser.first_event.steps import STEPS, run_all
from tests.browser.first_event.walkthrough import Walkthrough
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder

TUTORIAL = Path("docs/tutorial/first-event.md")
SCREENSHOT = re.compile(r"\]\(\.\./screenshots/first-event/([a-z-]+)\.webp\)")


@pytest.fixture(scope="module")
def walkthrough(run_folder: RunFolder, browser: Browser) -> Walkthrough:
    """All steps, on a separate installation that is empty at the start."""
    processes = ProcessGroup(run_folder)
    try:
        demo = start_demo(run_folder, processes, "--empty")
        done = run_all(demo, browser)
        end_demo(demo, processes)
    finally:
        processes.end()
    return done


def test_first_event_is_set_up_in_the_console_alone(walkthrough: Walkthrough) -> None:
    assert walkthrough.faults == []
    assert walkthrough.clicks <= 70


def test_tutorial_describes_the_same_steps(walkthrough: Walkthrough) -> None:
    tutorial = TUTORIAL.read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", tutorial, re.MULTILINE) == [name for name, _ in STEPS]
    assert SCREENSHOT.findall(tutorial) == walkthrough.taken
    assert {path.stem for path in Path("docs/screenshots/first-event").iterdir()} == set(walkthrough.taken)
