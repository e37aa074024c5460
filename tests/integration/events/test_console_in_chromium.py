"""The console in a browser: accessible, on a phone, in dark mode, and with the keyboard only."""

import threading
from collections.abc import Iterator, Mapping

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.builders import (
    NOON,
    WEBINAR,
    consume,
    mail_message,
    registered,
    registration_id,
    registration_message,
)
from tests.support.accessibility import violations
from tests.support.ports import free_port
from tests.support.signed_in import enter_page


@pytest.fixture
def address(app: Flask, loaded: UnitOfWork) -> Iterator[str]:
    """Where the console is served, with registrations of every kind in it."""
    groups = (None, "health", "housing", "racial-discrimination")
    states = [
        registered(
            number,
            working_group=groups[number % 4],
            representative=number % 4 > 1,
            status=("confirmed", "waitlisted", "cancelled")[number % 3],
            position=number if number % 3 == 1 else None,
            country=(None, "CH", "MX")[number % 3],
            language=("en", "es", "ar")[number % 3],
            organisation_id=registration_id(900 + number),
        )
        for number in range(1, 31)
    ]
    consume(loaded, [*map(registration_message, states), mail_message(99, 5, NOON)])
    server = make_server("127.0.0.1", free_port(), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_console_works_without_script_by_keyboard_alone(
    browser: Browser, app: Flask, address: str, keys: Mapping[str, str]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    enter_page(page, app, address, keys["viewer"])
    page.goto(f"{address}/console/events/{WEBINAR}?status=waitlisted")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/sign-in")
    context.close()


def test_an_event_is_edited_by_keyboard_and_a_fault_leads_to_its_field(
    browser: Browser, app: Flask, address: str, keys: Mapping[str, str]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    enter_page(page, app, address, keys["coordinator"])
    page.goto(f"{address}/console/events/{WEBINAR}/edit")
    page.goto(f"{address}/console/events/{WEBINAR}/edit")
    page.get_by_label("Number in the series").fill("ten")
    page.get_by_label("Internal note").fill("Ask for slides.")
    page.get_by_role("button", name="Save").press("Enter")
    page.get_by_role("link", name="Enter a number").press("Enter")
    page.wait_for_url("**#series_number")
    assert page.get_by_label("Internal note").input_value() == "Ask for slides."
    page.get_by_label("Number in the series").fill("10")
    page.get_by_label("City").fill("Geneva")
    page.get_by_role("button", name="Save").press("Enter")
    page.get_by_role("button", name="Save the changes").press("Enter")
    page.get_by_text("The changes are saved. 20 people will be notified at ").wait_for()
    context.close()


def test_faults_and_previews_are_accessible_too(
    browser: Browser, app: Flask, address: str, keys: Mapping[str, str]
) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 720})
    page = context.new_page()
    enter_page(page, app, address, keys["coordinator"])
    page.goto(f"{address}/console/new-event")
    page.goto(f"{address}/console/new-event")
    page.get_by_role("button", name="Create the draft").click()
    assert page.get_by_role("alert").count() == 1
    assert _faults(page) == []
    page.goto(f"{address}/console/events/{WEBINAR}/edit")
    page.locator("[name='title.en']").fill("Another title")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Who is affected").wait_for()
    assert _faults(page) == []
    context.close()


def _faults(page: Page) -> list[str]:
    """What axe finds, and whether something sticks out of the window."""
    found = [rule for rule, _ in violations(page)]
    sticks_out = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*found, "sticks out"] if sticks_out else found
