"""People without JavaScript, or whose browser blocks it, can still register: they confirm their address by mail."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.visitor import Visit


@pytest.fixture
def plain(new_visitor: NewVisitor) -> Visit:
    """A visitor whose browser runs no script."""
    return new_visitor(java_script_enabled=False, viewport={"width": 1280, "height": 800})


def fill(page: Page, address: str) -> None:
    """What is required, and one answer more."""
    page.fill("#field-name", "A participant")
    page.fill("#field-email", address)
    page.select_option("#field-working_group", "housing")
    page.check("#field-consent")


def test_link_in_the_partner_page_leads_to_a_form_that_works(demo: Demo, plain: Visit) -> None:
    page, address = plain.page, new_address()
    page.goto(demo.ports.partner_url)
    page.get_by_role("link", name="Register for the webinar").click()
    fill(page, address)
    page.click("button[type=submit]")

    expect(page.get_by_role("status")).to_contain_text("We have received your answers")
    assert page.url == f"{demo.ports.public_url}/v1/forms/upr-webinar-10/submissions"
    assert demo.registrations(address) == []
    demo.confirm(address)
    (registration,) = demo.registrations(address)
    assert (registration["partner"], registration["working_group"]) == ("example-partner", "housing")
    assert plain.context.cookies() == []


def test_sending_the_same_page_twice_registers_once(demo: Demo, plain: Visit) -> None:
    page, address = plain.page, new_address()
    page.goto(demo.form_url)
    fill(page, address)
    page.click("button[type=submit]")
    expect(page.get_by_role("status")).to_be_visible()
    page.go_back()
    fill(page, address)
    page.click("button[type=submit]")

    expect(page.get_by_role("status")).to_be_visible()
    page.goto(demo.confirmation_link(address))
    expect(page.get_by_role("radiogroup")).to_have_count(1)
    demo.confirm(address)
    assert len(demo.registrations(address)) == 1


def test_page_with_errors_keeps_what_was_typed(demo: Demo, plain: Visit) -> None:
    page, address = plain.page, new_address()
    page.goto(demo.form_url)
    fill(page, "participant@example")  # enough for the browser, not for the service
    page.click("button[type=submit]")

    expect(page.locator("#summary a")).to_have_attribute("href", "#field-email")
    expect(page.locator("#field-email")).to_have_attribute("aria-invalid", "true")
    assert page.input_value("#field-name") == "A participant"
    assert page.input_value("#field-email") == "participant@example"
    assert page.input_value("#field-working_group") == "housing"
    assert page.is_checked("#field-consent")

    page.fill("#field-email", address)
    page.click("button[type=submit]")
    expect(page.get_by_role("status")).to_contain_text("We have received your answers")


def test_dependent_question_states_its_condition(demo: Demo, plain: Visit) -> None:
    plain.page.goto(demo.form_url)

    expect(plain.page.locator("#representative-only")).to_be_visible()


def test_browser_that_prefers_arabic_gets_arabic(demo: Demo, new_visitor: NewVisitor) -> None:
    page = new_visitor(java_script_enabled=False, locale="ar").page
    page.goto(demo.form_url)

    assert (page.locator("html").get_attribute("lang"), page.locator("html").get_attribute("dir")) == ("ar", "rtl")
