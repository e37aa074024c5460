"""The longest form, in Arabic, embedded on a phone's width, filled in by keyboard only."""

from datetime import date
from typing import Any

import pytest
import requests
from playwright.sync_api import Frame, Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.host_pages import host_page, snippet
from tests.browser.keyboard import focused, tab_to, tab_to_button
from tests.browser.test_delegation import stored_answers
from tests.browser.test_every_page import TOO_WIDE
from tests.browser.visitor import Visit
from tests.support.accessibility import violations

ARRIVES, LEAVES, EXPIRES = date(2020, 5, 9), date(2020, 5, 13), date(2027, 1, 31)
DAY_FIRST, MONTH_FIRST = "%d%m%Y", "%m%d%Y"


@pytest.fixture
def arab(new_visitor: NewVisitor) -> Visit:
    """Someone who reads Arabic on a narrow window."""
    return new_visitor(locale="ar", viewport={"width": 320, "height": 700})


@pytest.fixture
def order(arab: Visit) -> str:
    """In which order the browser's field takes a date: that of the browser's language, not of the page's."""
    page = arab.context.new_page()
    page.set_content("<input type=date autofocus>")
    page.focus("input")
    page.keyboard.type("01022003")
    typed = page.input_value("input")
    page.close()
    return {"2003-02-01": DAY_FIRST, "2003-01-02": MONTH_FIRST}[typed]


def type_date(page: Page, frame: Frame, name: str, day: date, order: str) -> None:
    """Type a date, part after part."""
    tab_to(page, frame, f"field-{name}")
    page.keyboard.type(f"{day:{order}}")
    assert frame.input_value(f"#field-{name}") == day.isoformat()


def choose_yes(page: Page, frame: Frame, name: str) -> None:
    """Reach the first answer of a question and choose it."""
    first = frame.locator(f"[data-field={name}] input").first.get_attribute("id")
    assert first is not None
    tab_to(page, frame, first)
    page.keyboard.press("Space")


def view(frame: Frame) -> None:
    """Nothing is wrong with the page as it is now, and no one has to scroll sideways.

    Raises:
        AssertionError: something is.
    """
    assert violations(frame) == []
    assert frame.evaluate(TOO_WIDE) == []


def test_delegation_registers_in_arabic_by_keys_alone(demo: Demo, arab: Visit, order: str) -> None:
    page, address = arab.page, new_address()
    host_page(demo, arab, snippet(demo, "geneva-delegation"), language="ar")
    frame = arab.frame()
    assert frame.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    view(frame)

    tab_to(page, frame, "field-name")
    page.keyboard.insert_text("مشاركة من الوفد")
    tab_to(page, frame, "field-email")
    page.keyboard.type(address)
    tab_to_button(page, frame)
    page.keyboard.press("Enter")

    expect(frame.locator("#summary")).to_be_focused()
    view(frame)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(frame) == "field-consent"
    page.keyboard.press("Space")
    tab_to_button(page, frame)
    page.keyboard.press("Enter")

    expect(frame.locator("#done")).to_be_focused()
    expect(frame.locator("#done h2")).to_have_text("وصلتنا إجاباتك")
    view(frame)
    assert arab.wait_for_event("troika:submitted") == {"form": "geneva-delegation"}
    demo.confirm(address)
    give_details(demo, page, address, order)
    sealed = stored_answers(demo, address)
    assert {name: sealed[name] for name in ("arrives_on", "leaves_on", "passport_number", "passport_expires_on")} == {
        "arrives_on": ARRIVES.isoformat(),
        "leaves_on": LEAVES.isoformat(),
        "passport_number": "X1234567",
        "passport_expires_on": EXPIRES.isoformat(),
    }
    assert (arab.faults, arab.context.cookies()) == ([], [])
    assert registration_of(demo, address)["language"] == "ar"


def give_details(demo: Demo, page: Page, address: str, order: str) -> None:
    """On the own page, by keys alone; what is asked there depends on what was answered."""
    page.goto(f"{demo.link(address).partition('?')[0]}/details?lang=ar")
    own = page.main_frame
    view(own)
    type_date(page, own, "arrives_on", ARRIVES, order)
    type_date(page, own, "leaves_on", LEAVES, order)
    expect(own.locator("#field-passport_number")).to_be_hidden()
    choose_yes(page, own, "visa_letter")
    tab_to(page, own, "field-passport_number")
    page.keyboard.type("X1234567")
    type_date(page, own, "passport_expires_on", EXPIRES, order)
    tab_to_button(page, own)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("حُفظت تغييراتك.")
    view(page.main_frame)


def registration_of(demo: Demo, address: str) -> dict[str, Any]:
    """As a coordinator's program reads it."""
    headers = {"Authorization": f"Bearer {demo.places.key}"}
    answer = requests.get(
        f"{demo.ports.public_url}/v1/registrations", params={"q": address}, headers=headers, timeout=10
    )
    (found,) = answer.json()["items"]
    return dict(found)
