"""What coordinators see in the console, and what no one else can see or do."""

import pytest
from playwright.sync_api import expect

from deploy.local.installation import WEBINAR
from deploy.local.screenshot_pages.participants import PARTICIPANTS
from tests.browser.demo_process import Demo, new_address, sign_in
from tests.browser.foreign_site import foreign_site
from tests.browser.jobs import begin, finish
from tests.browser.visitor import Visit
from tests.support.waiting import poll_until

EVENT = f"/console/events/{WEBINAR}"
REPRESENTED = {group for group, represents, _, _ in PARTICIPANTS if represents}


@pytest.fixture
def coordinator(demo: Demo, visitor: Visit) -> Visit:
    """A visitor who is signed in and views the events."""
    sign_in(visitor.page, demo)
    visitor.page.goto(f"{demo.ports.public_url}/console")
    return visitor


def test_wrong_key_is_refused_with_a_message(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(f"{demo.ports.public_url}/console")
    visitor.page.fill("#key", "mistyped")
    visitor.page.get_by_role("button", name="Sign in").click()

    expect(visitor.page.get_by_role("alert")).to_contain_text("This key is not known")
    expect(visitor.page.locator("#key")).to_have_attribute("aria-invalid", "true")
    assert visitor.context.cookies() == []


def test_signing_in_leads_to_the_page_asked_for(demo: Demo, visitor: Visit) -> None:
    sign_in(visitor.page, demo, EVENT)

    assert visitor.page.url == demo.ports.public_url + EVENT
    (cookie,) = visitor.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_counts_follow_a_registration_and_lead_to_it(demo: Demo, coordinator: Visit) -> None:
    page = coordinator.page
    driver = begin(demo, page)
    driver.found(page.locator(f'main a[href="{EVENT}"]').first, "the event")

    def confirmed() -> int:
        page.reload()
        return int(page.locator(".numbers .good dd").inner_text())

    before = confirmed()
    address = new_address()
    demo.register(address)
    poll_until(lambda: confirmed() == before + 1, 15.0, what="one more is counted")

    assert "@example.org" not in page.content()
    driver.found(page.locator(".numbers .good a"), "the number of those confirmed")
    expect(page.get_by_role("heading", level=1)).to_have_text("Registrations")
    expect(page.get_by_role("row").filter(has_text=address)).to_have_count(1)
    finish("Watch the registrations of an event", driver)


def test_coverage_names_who_is_missing(demo: Demo, coordinator: Visit) -> None:
    page = coordinator.page
    page.goto(demo.ports.public_url + EVENT)
    groups = page.get_by_role("region", name="Working groups")
    missing = groups.locator(".missing li strong").all_inner_texts()
    represented = groups.locator(".groups:not(.missing) li strong").all_inner_texts()

    assert len(missing) + len(represented) == 12
    assert {"Disability Rights", "Environment", "Migration"} <= set(missing)
    assert {title.lower().replace(" ", "-") for title in represented} >= REPRESENTED


def test_signed_out_nothing_is_shown(demo: Demo, coordinator: Visit) -> None:
    page = coordinator.page
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    for path in (EVENT, "/console/registrations"):
        page.goto(demo.ports.public_url + path)
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert coordinator.context.cookies() == []


def test_page_of_another_origin_cannot_send_console_forms(demo: Demo, coordinator: Visit) -> None:
    page = coordinator.page
    body = f'<form method="post" action="{demo.ports.public_url}/console/sign-out"><button>Win a prize</button></form>'
    with foreign_site(body, "127.0.0.1") as address:  # the same site by its name, so the cookie goes along
        page.goto(address)
        with page.expect_response("**/console/sign-out") as answer:
            page.get_by_role("button").click()

    assert "cookie" in answer.value.request.all_headers()
    assert answer.value.status == 403
    page.goto(f"{demo.ports.public_url}/console")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
