"""Changing the language keeps what was typed, and each page begins with its reader's language."""

import pytest
from playwright.sync_api import Frame, Page, expect

from deploy.local.installation import PARTNER
from deploy.local.screenshot_pages.side_events import FORM as PROPOSAL
from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.host_pages import host_page, snippet
from tests.browser.test_links import PAGES as LINKS
from tests.browser.visitor import Visit

DELEGATION = "geneva-delegation"
TYPED = {"field-name": "Ana “<b>” Example", "field-email": "ana@example", "field-diet": "X1234567"}


WAYS = {"no own": "r", "no confirming": "c", "no way out": "u"}
"""Where links lead that open nothing."""


@pytest.fixture(params=[True, False], ids=["with script", "without"])
def reader(new_visitor: NewVisitor, request: pytest.FixtureRequest) -> Visit:
    """Someone whose browser runs scripts, and someone whose does not."""
    return new_visitor(java_script_enabled=request.param, viewport={"width": 360, "height": 740})


def type_in(where: Page | Frame, typed: dict[str, str]) -> None:
    """Fill in what was typed."""
    for control, text in typed.items():
        where.fill(f"#{control}", text)


def typed_in(where: Page | Frame, typed: dict[str, str]) -> dict[str, str]:
    return {control: where.input_value(f"#{control}") for control in typed}


def test_form_on_its_own_keeps_what_was_typed(demo: Demo, reader: Visit) -> None:
    """Sealed answers and faulty ones as well, and no address contains any of it."""
    page = reader.page
    page.goto(f"{demo.ports.public_url}/embed/{DELEGATION}?partner={PARTNER}&lang=en&accent=%23aa3300")
    type_in(page, TYPED)
    page.check("#field-consent")
    page.select_option("#field-country", "KE")
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")

    assert typed_in(page, TYPED) == TYPED
    assert (page.is_checked("#field-consent"), page.input_value("#field-country")) == (True, "KE")
    assert page.input_value("#field-language") == "ar", (
        "mails come in the language of the page, as long as no one chose"
    )
    assert page.locator("[aria-invalid=true]").count() == 0
    assert (
        page.locator("form button[type=submit]").evaluate("b => getComputedStyle(b).backgroundColor")
        == "rgb(170, 51, 0)"
    )
    assert not any(word in request.url for request in reader.requests for word in ("Example", "X1234567", "ana"))


def test_language_that_someone_chose_for_mails_stays(demo: Demo, reader: Visit) -> None:
    page = reader.page
    page.goto(f"{demo.ports.public_url}/embed/{DELEGATION}?lang=en")
    page.select_option("#field-language", "fr")
    page.get_by_role("button", name="Español").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    assert page.input_value("#field-language") == "fr"


def test_enter_sends_the_form_and_changes_no_language(demo: Demo, reader: Visit) -> None:
    page = reader.page
    page.goto(f"{demo.form_url}&lang=en")
    page.fill("#field-name", "A participant")
    page.fill("#field-email", new_address())
    page.check("#field-consent")
    page.press("#field-email", "Enter")
    expect(page.locator(".code")).to_be_visible()


def test_framed_form_keeps_what_was_typed(demo: Demo, visitor: Visit) -> None:
    host_page(demo, visitor, snippet(demo, DELEGATION, lang="en"))
    frame, address = visitor.frame(), new_address()
    type_in(frame, TYPED | {"field-email": address})
    frame.check("#field-consent")
    frame.get_by_role("button", name="Français").click()
    expect(frame.locator("html")).to_have_attribute("lang", "fr")
    assert typed_in(frame, TYPED) == TYPED | {"field-email": address}
    frame.locator("form button[type=submit]").click()
    expect(frame.locator(".done:visible")).to_contain_text(address)
    assert visitor.wait_for_event("troika:submitted") == {"form": DELEGATION}
    assert visitor.faults == []


def test_proposal_keeps_what_was_typed(demo: Demo, reader: Visit) -> None:
    page, typed = reader.page, {"field-title": "Clean air", "field-summary": "One\ntwo", "field-email": "nobody"}
    page.goto(f"{demo.ports.public_url}/embed/{PROPOSAL}?partner={PARTNER}&lang=en")
    type_in(page, typed)
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    assert typed_in(page, typed) == typed
    assert page.locator("[aria-invalid=true]").count() == 0


@pytest.mark.parametrize("name", LINKS)
def test_page_behind_a_link_can_be_read_in_every_language(demo: Demo, new_visitor: NewVisitor, name: str) -> None:
    """It begins in the person's own language, not the browser's; the links of these people are English."""
    page = new_visitor(locale="ar").page
    if not name.startswith("no "):
        LINKS[name](page, demo)
        expect(page.locator("html")).to_have_attribute("lang", "en")
    else:
        page.goto(f"{demo.ports.public_url}/{WAYS[name]}/mistyped")
        expect(page.locator("html")).to_have_attribute("lang", "ar")
    before = page.locator("h1").inner_text()
    page.locator(".languages").get_by_text("Русский").click()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    assert page.locator("h2").count() or page.locator("h1").inner_text() != before
