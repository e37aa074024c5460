"""Changing answers on the own page: by keyboard only, with and without a script, and from two windows at once."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.keyboard import focused, tab_to, tab_to_button
from tests.browser.visitor import Visit


@pytest.fixture(params=[True, False], ids=["with script", "without"])
def reader(new_visitor: NewVisitor, request: pytest.FixtureRequest) -> Visit:
    """Someone whose browser runs scripts, and someone whose does not, on a phone."""
    return new_visitor(java_script_enabled=request.param, viewport={"width": 360, "height": 740})


def own_page(demo: Demo, address: str) -> str:
    """The address of the own page of the person with ``address``."""
    return demo.link(address).partition("?")[0]


def save(page: Page) -> None:
    """Press the button that sends the form."""
    page.locator("#form > button").click()


def test_answer_is_changed_and_shown(demo: Demo, reader: Visit) -> None:
    page, address = reader.page, new_address()
    demo.register(address, organisation="Example Organisation")
    page.goto(f"{own_page(demo, address)}?lang=en")
    page.get_by_role("link", name="Change my answers").click()
    assert page.input_value("#field-organisation") == "Example Organisation"
    page.fill("#field-organisation", "Another organisation")
    save(page)

    expect(page.get_by_role("status")).to_have_text("Your changes are saved. We are sending you an e-mail about them.")
    expect(page.locator("dl")).to_contain_text("Another organisation")
    [stored] = demo.registrations(address)
    assert (stored["organisation"], stored["revision"]) == ("Another organisation", 2)
    assert reader.faults == []


def test_typed_answers_stay_with_faults_and_in_another_language(demo: Demo, reader: Visit) -> None:
    page, address = reader.page, new_address()
    demo.register(address)
    page.goto(f"{own_page(demo, address)}/answers?lang=en")
    page.fill("#field-organisation", "Typed with care")
    page.fill("#field-questions", "\u202ebackwards")
    save(page)
    expect(page.locator("#questions-error")).to_be_visible()
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert page.input_value("#field-organisation") == "Typed with care"
    assert demo.registrations(address)[0]["revision"] == 1


def test_answers_are_changed_by_keys_alone(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    demo.register(address)
    page.goto(f"{own_page(demo, address)}/answers?lang=en")
    tab_to(page, page.main_frame, "field-organisation")
    page.keyboard.type("By keys alone")
    tab_to_button(page, page.main_frame)
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("Your changes are saved.")
    assert demo.registrations(address)[0]["organisation"] == "By keys alone"


def test_second_window_sees_both_versions(demo: Demo, reader: Visit) -> None:
    first, address = reader.page, new_address()
    demo.register(address)
    second = reader.context.new_page()
    for page in (first, second):
        page.goto(f"{own_page(demo, address)}/answers?lang=en")
    first.fill("#field-organisation", "From the first window")
    save(first)
    expect(first.get_by_role("status")).to_contain_text("Your changes are saved.")
    second.fill("#field-organisation", "From the second window")
    save(second)

    notice = second.get_by_role("alert").first
    expect(notice).to_contain_text("Your registration was changed in the meantime")
    expect(notice).to_contain_text("From the first window")
    expect(notice).to_contain_text("From the second window")
    assert second.input_value("#field-organisation") == "From the second window"
    assert demo.registrations(address)[0]["organisation"] == "From the first window"
    save(second)
    expect(second.get_by_role("status")).to_contain_text("Your changes are saved.")
    assert demo.registrations(address)[0]["organisation"] == "From the second window"


def test_fault_has_the_focus_and_leads_to_its_field(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    demo.register(address)
    page.goto(f"{own_page(demo, address)}/answers?lang=en")
    page.fill("#field-name", "")
    save(page)
    expect(page.locator("#summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page.main_frame) == "field-name"
