"""A late change of a side event is entered in the timetable, which is then published."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from deploy.local.screenshot_pages.side_events import LATE, PROPOSERS, propose_some
from tests.browser.demo_process import Demo, sign_in
from tests.browser.visitor import Visit, leave
from tests.support.waiting import poll_until


@pytest.fixture
def desk(demo: Demo, visitor: Visit) -> Page:
    """The console, signed in, with proposals and a published timetable in it."""
    propose_some(demo.places)
    sign_in(visitor.page, demo, "/console/overview")
    return visitor.page


def follow(page: Page, section: str, name: str = "") -> None:
    """Go to a section of the console, and there to the page called ``name``; without one its first page."""
    leave(page.get_by_role("navigation", name="Console").get_by_role("link", name=section, exact=True))
    if name:
        leave(page.get_by_role("navigation", name=section).get_by_role("link", name=name, exact=True))


def test_side_event_is_moved_scheduled_and_published(demo: Demo, desk: Page) -> None:
    follow(desk, "Programme", "Timetable")
    expect(desk.get_by_role("heading", name="Conflicts (2)")).to_be_visible()
    leave(desk.locator("table").get_by_role("link", name=LATE))
    desk.get_by_label("Room", exact=True).select_option("lake-hall")
    leave(desk.get_by_role("button", name="Place it here"))
    expect(desk.get_by_role("heading", name="Conflicts")).to_have_count(0)
    before = search_status(desk)
    leave(desk.get_by_role("button", name="Schedule"))
    # a quick search is done before the page is read again: the outcome alone is certain to be seen
    poll_until(again(desk, lambda: search_status(desk) not in ("", before)), 20.0, what="a new timetable")

    leave(desk.get_by_role("button", name="Publish version 2"))
    expect(desk.locator("main")).to_contain_text("Version 2 was published")
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


def search_status(page: Page) -> str:
    """The page's text about the last search for a timetable; empty while one runs."""
    found = page.get_by_text("The last search found")
    return found.inner_text() if found.count() else ""


def again(page: Page, check: Callable[[], bool]) -> Callable[[], bool]:
    """The same check on the page as it is now."""

    def reloaded() -> bool:
        page.goto(page.url.split("?")[0])
        return check()

    return reloaded
