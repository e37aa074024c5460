"""Buttons that add an event to a calendar: usable by keyboard and without script, and no request before a press."""

import re
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Frame, Locator, Page, expect

from deploy.local.installation import WEBINAR
from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.keyboard import MAX_TABS, fill_in, tab_to_button
from tests.browser.visitor import Visit
from tests.support.calendar_readers import ReadEntry, read_one

HOSTS = ["calendar.google.com", "outlook.live.com", "outlook.office.com"]
PHONE = {"width": 320, "height": 640}


def buttons(page: Page | Frame) -> Locator:
    """The buttons of a page."""
    return page.locator(".calendars a")


def hosts_of(page: Page | Frame) -> list[str | None]:
    """Other hosts that the buttons lead to."""
    links = [link.get_attribute("href") or "" for link in buttons(page).all()[1:]]
    return [urlsplit(link).hostname for link in links]


def entry_behind(address: str) -> ReadEntry:
    """The entry in the file at ``address``."""
    answer = requests.get(address, timeout=10)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    return read_one(answer.content.decode())


def file_address(demo: Demo, page: Page | Frame) -> str:
    """Where the first button leads."""
    path = buttons(page).first.get_attribute("href") or ""
    return path if path.startswith("http") else f"{demo.ports.public_url}{path}"


def tab_to_link(page: Page, host: str) -> None:
    """Press Tab until a link to ``host`` has the focus."""
    for _ in range(MAX_TABS):
        if urlsplit(str(page.evaluate("document.activeElement.href ?? ''"))).hostname == host:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no link to {host} can be reached with the Tab key")


def test_file_of_the_own_page_is_the_entry_of_the_mail(demo: Demo, visitor: Visit) -> None:
    """So that a calendar which has got both holds one."""
    address = new_address()
    demo.register(address)
    visitor.page.goto(f"{demo.link(address)}?lang=en")
    expect(visitor.page.get_by_role("heading", name="Add to your calendar")).to_be_visible()
    assert hosts_of(visitor.page) == HOSTS
    assert visitor.origins == {demo.ports.public_url}
    mailed, found = demo.mail(address)["calendar"], entry_behind(file_address(demo, visitor.page))
    assert (found.uid, found.sequence, found.method) == (mailed["uid"], mailed["sequence"], None)
    with visitor.page.expect_download() as downloading:
        buttons(visitor.page).first.click()
    assert downloading.value.suggested_filename == "event.ics"
    assert visitor.faults == []


def test_buttons_are_reached_by_keyboard_without_script_on_a_phone(demo: Demo, new_visitor: NewVisitor) -> None:
    visitor = new_visitor(java_script_enabled=False, viewport=PHONE)
    page, address = visitor.page, new_address()
    demo.register(address)
    page.goto(f"{demo.link(address)}?lang=ar")
    assert page.locator("html").get_attribute("dir") == "rtl"
    tab_to_link(page, HOSTS[0])
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for button in buttons(page).all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44, "large enough for a finger"
    assert visitor.origins == {demo.ports.public_url}


def test_pressing_a_button_sends_the_calendar_nothing_about_the_page(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    demo.register(address)
    page.goto(f"{demo.link(address)}?lang=en")
    asked: list[dict[str, str]] = []

    def answer(route: object, request: object) -> None:
        asked.append(request.headers)  # type: ignore[attr-defined]  # of Playwright
        route.fulfill(body="a calendar")  # type: ignore[attr-defined]

    page.route(re.compile(r"https://calendar\.google\.com/"), answer)
    page.get_by_role("link", name="Google Calendar").click()
    page.wait_for_url("https://calendar.google.com/**")
    assert [headers.get("referer") for headers in asked] == [None]


def test_form_in_a_partner_page_offers_the_event_once_there_is_a_seat(demo: Demo, visitor: Visit) -> None:
    """The frame opens other pages in a new window; nothing is requested from them before."""
    address = new_address()
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    expect(frame.locator("#done-calendar")).to_be_hidden()
    fill_in(visitor.page, frame, address)
    tab_to_button(visitor.page, frame)
    visitor.page.keyboard.press("Enter")
    expect(frame.locator("#done-calendar")).to_be_visible()
    assert hosts_of(frame) == HOSTS
    assert [link.get_attribute("target") for link in buttons(frame).all()] == ["_blank"] * 4
    assert {origin for origin in visitor.origins if "google" in origin or "outlook" in origin} == set()
    found, mailed = entry_behind(file_address(demo, frame)), demo.mail(address)["calendar"]
    assert (found.uid, found.sequence) == (mailed["uid"], mailed["sequence"])
    assert visitor.faults == []


def test_receipt_offers_the_event(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(f"{demo.form_url}&lang=en")
    fill_in(visitor.page, visitor.page.main_frame, new_address())
    visitor.page.click("button[type=submit]")
    expect(visitor.page.locator("#done-calendar")).to_be_visible()
    receipt = visitor.page.locator("#done-receipt").get_attribute("href")
    visitor.page.goto(f"{demo.ports.public_url}{receipt}")
    expect(visitor.page.get_by_role("heading", name="Add to your calendar")).to_be_visible()
    assert hosts_of(visitor.page) == HOSTS
    assert entry_behind(file_address(demo, visitor.page)).sequence == 0


@pytest.mark.parametrize("language", ["en", "ar"])
def test_event_page_offers_the_event_to_everyone(demo: Demo, new_visitor: NewVisitor, language: str) -> None:
    visitor = new_visitor(java_script_enabled=False, viewport=PHONE)
    visitor.page.goto(f"{demo.ports.public_url}/programme/{WEBINAR}?lang={language}")
    tab_to_link(visitor.page, HOSTS[-1])
    assert hosts_of(visitor.page) == HOSTS
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert visitor.origins == {demo.ports.public_url}
    host = urlsplit(demo.ports.public_url).hostname
    assert entry_behind(file_address(demo, visitor.page)).uid == f"event-{WEBINAR}@{host}"


def test_cancelled_person_is_offered_no_calendar_buttons(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    demo.register(address)
    page.goto(f"{demo.link(address)}?lang=en")
    expect(buttons(page)).to_have_count(4)
    page.get_by_role("button", name="Cancel my registration").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.locator(".note")).to_contain_text("Your registration is cancelled.")
    expect(buttons(page)).to_have_count(0)
