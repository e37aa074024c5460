"""The delegation form in a browser, far west and far east: days do not change with the time zone."""

from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address

DAYS = {"arrives_on": "2020-05-09", "leaves_on": "2020-05-13"}
ZONES = {"America/Los_Angeles": -8, "Pacific/Tongatapu": 13}


def stored_answers(demo: Demo, address: str) -> dict[str, Any]:
    """The sealed answers of ``address``, as someone who may read them gets them."""
    headers = {"Authorization": f"Bearer {demo.places.key}"}
    url = f"{demo.ports.public_url}/v1/registrations"
    listed = requests.get(url, params={"q": address}, headers=headers, timeout=10).json()["items"]
    reason = {"reason": "A test compares the days"}
    answer = requests.post(f"{url}/{listed[0]['id']}/sealed", json=reason, headers=headers, timeout=10)
    answers: dict[str, Any] = answer.json()["answers"]
    return answers


@pytest.mark.parametrize("zone", sorted(ZONES))
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_days_arrive_as_they_were_chosen(demo: Demo, new_visitor: NewVisitor, zone: str, script: bool) -> None:
    visitor = new_visitor(timezone_id=zone, java_script_enabled=script)
    page, address = visitor.page, new_address()
    page.goto(f"{demo.ports.public_url}/embed/geneva-delegation?lang=en")
    page.fill("#field-name", "A traveller")
    page.fill("#field-email", address)
    page.check("#field-consent")
    page.click("button[type=submit]")

    expect(page.get_by_role("heading", name="We have received your answers")).to_be_visible()
    demo.confirm(address)
    page.goto(f"{demo.link(address).partition('?')[0]}?lang=en")
    page.get_by_role("link", name="Give the details").click()
    for name, day in DAYS.items():
        page.fill(f"#field-{name}", day)
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("status")).to_contain_text("Your changes are saved.")
    expect(page.locator("#details")).to_contain_text("You gave these details on")
    answers = stored_answers(demo, address)
    assert {name: answers[name] for name in DAYS} == DAYS
    assert visitor.faults == []


@pytest.fixture
def details(demo: Demo, new_visitor: NewVisitor) -> Page:
    """The page of a traveller in Tonga that asks for further details."""
    page, address = new_visitor(timezone_id="Pacific/Tongatapu").page, new_address()
    content = {"name": "A traveller", "email": address, "language": "en", "consent": True}
    demo.places.register("geneva-delegation", content)
    demo.confirm(address)
    page.goto(f"{demo.link(address).partition('?')[0]}/details?lang=en")
    return page


def test_days_in_the_wrong_order_are_reported_at_the_field(details: Page) -> None:
    details.fill("#field-arrives_on", DAYS["leaves_on"])
    details.fill("#field-leaves_on", DAYS["arrives_on"])
    details.get_by_role("button", name="Save").last.click()

    expect(details.locator("#leaves_on-error")).to_contain_text("This date is before “First day in Geneva”.")
    expect(details.locator(".summary")).to_contain_text("Last day in Geneva")
    assert details.input_value("#field-leaves_on") == DAYS["arrives_on"]


def test_nationality_is_never_guessed(demo: Demo, details: Page, new_visitor: NewVisitor) -> None:
    """The browser's zone shows where someone is, which may be filled in; it reveals nothing about their passport."""
    page = new_visitor(timezone_id="Europe/Zurich").page
    page.goto(f"{demo.ports.public_url}/embed/geneva-delegation?lang=en")
    expect(page.locator("#field-country")).to_have_value("CH")
    expect(details.locator("#field-nationality")).to_have_value("")


def test_passport_is_asked_once_a_letter_is_wanted(details: Page) -> None:
    expect(details.locator("#field-passport_number")).to_be_hidden()
    details.locator("[data-field=visa_letter] input").first.check()
    expect(details.locator("#field-passport_number")).to_be_visible()
