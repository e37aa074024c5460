"""All steps in order, under the headings of the tutorial."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

from playwright.sync_api import Browser

from tests.browser.demo_process import Demo
from tests.browser.first_event import people, setting_up
from tests.browser.first_event.walkthrough import Walkthrough

STEPS: list[tuple[str, Callable[[Walkthrough], None]]] = [
    ("Start with nothing", setting_up.start),
    ("Sign in", setting_up.sign_in),
    ("Create a working group", setting_up.make_group),
    ("Create an event and announce it", setting_up.make_event),
    ("Add a partner", setting_up.add_partner),
    ("Create the form and publish it", setting_up.make_form),
    ("Give the partner the embed code", setting_up.give_lines),
    ("Invite a colleague", people.invite),
    ("Register on the partner's page", people.register),
    ("See who has registered", people.see_who),
    ("Import the members of the group", people.bring_members),
    ("Write to the members who are missing", people.write),
]
"""Headings of the tutorial in order, and what is done below each."""


def run_all(demo: Demo, browser: Browser, screenshots: Path | None = None) -> Walkthrough:
    """Take every step; print how long each took."""
    with ExitStack() as windows:
        walkthrough = Walkthrough(demo, browser, windows, screenshots)
        for name, step in STEPS:
            began_at, clicks = monotonic(), walkthrough.clicks
            step(walkthrough)
            print(f"{monotonic() - began_at:5.1f} s  {walkthrough.clicks - clicks:3} clicks  {name}", flush=True)
    return walkthrough
