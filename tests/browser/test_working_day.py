"""A coordinator's working day in the console: find a person, take the list away, put a side event right, publish."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deploy.local.installation import WEBINAR
from deploy.local.scenes.participants import PARTICIPANTS
from deploy.local.scenes.side_events import LATE, PROPOSERS, propose_some
from tests.browser.running import Demo, sign_in
from tests.browser.visiting import Visit
from tests.support.waiting import poll_until


@pytest.fixture
def desk(demo: Demo, visitor: Visit) -> Page:
    """The console, signed in, with proposals and a published timetable in it."""
    propose_some(demo.places)
    sign_in(visitor.page, demo, "/console/overview")
    return visitor.page


def follow(page: Page, section: str, name: str = "") -> None:
    """Go to a section of the console, and there to the page called ``name``; without one its first page."""
    page.get_by_role("navigation", name="Console").get_by_role("link", name=section, exact=True).click()
    if name:
        page.get_by_role("navigation", name=section).get_by_role("link", name=name, exact=True).click()


def test_person_is_found_and_the_list_taken_away(desk: Page, tmp_path: Path) -> None:
    follow(desk, "People")
    desk.get_by_label("Event", exact=True).select_option(WEBINAR)
    desk.get_by_label("Name or address").fill("participant-4@")
    desk.get_by_role("button", name="Show", exact=True).click()
    expect(desk.locator("tbody tr")).to_have_count(1)
    desk.get_by_role("link", name="Participant 4").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Participant 4")
    expect(desk.locator("main")).to_contain_text("participant-4@example.org")

    desk.go_back()
    desk.get_by_label("Name or address").fill("participant-")
    desk.get_by_role("button", name="Show", exact=True).click()
    with desk.expect_download() as taken:
        desk.get_by_text("Download CSV").click()
    taken.value.save_as(tmp_path / "registrations.csv")
    with (tmp_path / "registrations.csv").open(encoding="utf-8-sig", newline="") as file:
        addresses = {row["email"] for row in csv.DictReader(file)}
    assert {f"participant-{number}@example.org" for number in range(1, len(PARTICIPANTS) + 1)} <= addresses


def test_person_is_corrected_and_entered(demo: Demo, desk: Page) -> None:
    """Each in four clicks from the list or the form; what it does is shown before."""
    follow(desk, "Set-up")
    desk.get_by_role("link", name="UPR Webinar Wednesday #10").first.click()
    desk.get_by_role("link", name="Enter somebody").click()
    desk.get_by_label("Your name").fill("Entered by hand")
    desk.get_by_label("E-mail address").fill("entered-by-hand@example.org")
    desk.locator("[data-consent] input[type=checkbox]").check()
    desk.get_by_label("They filled in a form on paper").check()
    desk.get_by_role("button", name="Show what it does").click()
    desk.get_by_role("button", name="Enter this person").click()
    expect(desk.get_by_role("status")).to_contain_text("They are registered.")

    desk.get_by_role("link", name="Correct", exact=True).click()
    desk.get_by_label("Your name").fill("Corrected by hand")
    desk.get_by_label("It was mistyped").check()
    desk.get_by_role("button", name="Show what it does").click()
    expect(desk.get_by_role("row", name="Your name")).to_contain_text("Entered by hand")
    desk.get_by_role("button", name="Correct it").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Corrected by hand")
    mails = poll_until(lambda: demo.mails("entered-by-hand@example.org"), 20.0, what="the mail to the person")
    assert mails is not None


def test_side_event_is_moved_scheduled_and_published(demo: Demo, desk: Page) -> None:
    follow(desk, "Programme", "Timetable")
    expect(desk.get_by_role("heading", name="Conflicts (2)")).to_be_visible()
    desk.locator("table").get_by_role("link", name=LATE).click()
    desk.get_by_label("Room", exact=True).select_option("lake-hall")
    desk.get_by_role("button", name="Put it there").click()
    expect(desk.get_by_role("heading", name="Conflicts")).to_have_count(0)
    before = said_of_search(desk)
    desk.get_by_role("button", name="Schedule").click()
    # a quick search is done before the page is read again: the outcome alone is certain to be seen
    poll_until(again(desk, lambda: said_of_search(desk) not in ("", before)), 20.0, what="a new timetable")

    desk.get_by_role("button", name="Publish version 2").click()
    expect(desk.locator("main")).to_contain_text("Version 2 is published")
    desk.goto(f"{demo.ports.public_url}/programme/timetable?lang=en")
    expect(desk.locator("main")).to_contain_text(LATE)
    placed = poll_until(
        lambda: [
            mail
            for mail in demo.mails(PROPOSERS[LATE])
            if LATE in mail["subject"] and "is scheduled" in mail["subject"]
        ],
        20.0,
        what="mail to the proposer",
    )
    assert placed is not None
    assert len(placed) == 1


def said_of_search(page: Page) -> str:
    """What the page says of the last search for a timetable; empty while one runs."""
    found = page.get_by_text("The last search found")
    return found.inner_text() if found.count() else ""


def again(page: Page, look: Callable[[], bool]) -> Callable[[], bool]:
    """The same look at the page as it is now."""

    def reloaded() -> bool:
        page.goto(page.url.split("?")[0])
        return look()

    return reloaded
