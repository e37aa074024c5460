"""A newcomer's way from an empty installation to a bulletin, as the tutorial describes it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.first_event.journey import Journey
from tests.browser.first_event.steps import STEPS, travel
from tests.browser.running import end_demo, start_demo
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder

TUTORIAL = Path("docs/tutorial/first-event.md")
PICTURE = re.compile(r"\]\(\.\./screenshots/first-event/([a-z-]+)\.webp\)")


@pytest.fixture(scope="module")
def journey(run_folder: RunFolder, browser: Browser) -> Journey:
    """All steps, on an installation of their own that begins with nothing."""
    processes = ProcessGroup(run_folder)
    try:
        demo = start_demo(run_folder, processes, "--empty")
        done = travel(demo, browser)
        end_demo(demo, processes)
    finally:
        processes.end()
    return done


def test_first_event_is_set_up_in_the_console_alone(journey: Journey) -> None:
    assert journey.faults == []
    assert journey.clicks <= 70


def test_tutorial_tells_the_same_steps(journey: Journey) -> None:
    told = TUTORIAL.read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", told, re.MULTILINE) == [name for name, _ in STEPS]
    assert PICTURE.findall(told) == journey.taken
    assert {path.stem for path in Path("docs/screenshots/first-event").iterdir()} == set(journey.taken)
