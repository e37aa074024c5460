"""Every page that people see: no fault found by axe-core, and no sideways scrolling on a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page

from tests.browser.demo_process import Demo
from tests.browser.every_page import PAGES
from tests.browser.visitor import visit
from tests.support.accessibility import violations
from tests.support.waiting import poll_until

NARROW_PX, WIDE_PX = 320, 1280
WINDOW: dict[str, Any] = {"viewport": {"width": WIDE_PX, "height": 800}, "reduced_motion": "reduce"}
AT_THE_DESK = ("console-", "bulletin-")
TOO_WIDE = """
() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = [...document.querySelectorAll("body *")].filter((one) => one.scrollWidth > one.clientWidth);
  return [`${scrollWidth} px in a window of ${clientWidth}`, ...wide.map((one) => one.outerHTML.slice(0, 120))];
}
"""
"""What a person would have to scroll sideways for; empty when there is nothing."""


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[Page]:
    """A coordinator's window, which stays signed in from page to page."""
    with visit(browser, **WINDOW) as visitor:
        yield visitor.page


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One page for all the others, since opening one costs more than the checks in it."""
    with visit(browser, **WINDOW) as visitor:
        yield visitor.page


@pytest.fixture(scope="module", params=list(PAGES))
def shown(request: pytest.FixtureRequest, demo: Demo, desk: Page, window: Page) -> Page:
    """One page, opened once for all tests of this module. Our pages keep nothing in a browser but cookies."""
    page = desk if request.param.startswith(AT_THE_DESK) else window
    page.set_viewport_size(WINDOW["viewport"])
    window.context.clear_cookies()
    PAGES[request.param](page, demo.places)
    return page


def frames(page: Page) -> list[Frame]:
    """The page and our frames in it; the frame of a mail in the inbox runs no script and is left out."""
    return [frame for frame in page.frames if "/mails/" not in frame.url or frame == page.main_frame]


@pytest.mark.parametrize(("width", "scheme"), [(WIDE_PX, "light"), (NARROW_PX, "dark")])
def test_page_has_no_accessibility_fault(shown: Page, width: int, scheme: Any) -> None:
    shown.emulate_media(color_scheme=scheme)
    shown.set_viewport_size({"width": width, "height": 800})

    assert [found for frame in frames(shown) for found in violations(frame)] == []


def test_page_does_not_scroll_sideways_on_a_phone(shown: Page) -> None:
    shown.set_viewport_size({"width": NARROW_PX, "height": 800})
    poll_until(lambda: shown.evaluate("document.documentElement.clientWidth") == NARROW_PX, what="the page is narrow")

    assert [frame.evaluate(TOO_WIDE) for frame in frames(shown)] == [[] for _ in frames(shown)]


def test_faults_are_found_where_there_are_some(demo: Demo, browser: Browser) -> None:
    with visit(browser, viewport={"width": NARROW_PX, "height": 800}) as visitor:
        visitor.page.goto(demo.ports.partner_url)
        frame = visitor.frame()
        frame.evaluate("document.querySelector('label[for=field-name]').remove()")
        frame.evaluate("document.querySelector('h1').style.whiteSpace = 'nowrap'")

        assert {rule for rule, _ in violations(frame)} == {"label", "label-title-only"}
        assert frame.evaluate(TOO_WIDE)[0].endswith("px in a window of 288")
