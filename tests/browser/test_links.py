"""Pages behind links in mails: they load nothing from elsewhere, and their address is not passed on."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from deploy.local.places import Places
from deploy.local.screenshot_pages.side_events import TITLES, own_proposal
from deploy.local.screenshot_pages.travellers import first_mail
from services.notifications.recipients.service import make_unsubscribe_token
from shared.security.sealing import Vault, read_keys
from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.visitor import Visit

Opening = Callable[[Page, Demo], None]


def own(page: Page, demo: Demo) -> None:
    address = new_address()
    demo.register(address)
    page.goto(demo.link(address))


def confirming(page: Page, demo: Demo) -> None:
    page.goto(confirming_link(demo.places))


def confirmed(page: Page, demo: Demo) -> None:
    confirming(page, demo)
    page.get_by_role("radio", name="Confirm this registration").check()
    page.get_by_role("button", name="Send my choices").click()
    expect(page.locator(".results")).to_contain_text("You are registered")


def proposal(page: Page, demo: Demo) -> None:
    own_proposal(TITLES[0])(page, demo.places)


def way_out(page: Page, demo: Demo) -> None:
    vault = Vault(read_keys(demo.folder / "secrets" / "unsubscribe.key"))
    token = make_unsubscribe_token(vault, secrets.token_hex(32), "en", datetime.now(UTC))
    page.goto(f"{demo.ports.public_url}/u/{token}")


def left(page: Page, demo: Demo) -> None:
    way_out(page, demo)
    page.get_by_role("button", name="Send me no more news").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()


def nothing(path: str) -> Opening:
    """A link that opens nothing."""

    def opening(page: Page, demo: Demo) -> None:
        page.goto(f"{demo.ports.public_url}{path}")
        expect(page.get_by_role("heading")).to_have_text("This link does not work")

    return opening


PAGES: dict[str, Opening] = {
    "own": own,
    "confirming": confirming,
    "confirmed": confirmed,
    "proposal": proposal,
    "way out": way_out,
    "left": left,
    "no own": nothing("/r/mistyped"),
    "no confirming": nothing("/c/mistyped?lang=en"),
    "no way out": nothing("/u/mistyped"),
}


def confirming_link(places: Places) -> str:
    """Of a traveller who has just filled the form."""
    return places.linked(first_mail(places, new_address())["id"], "/c/")


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_nothing_from_elsewhere_and_sends_its_address_to_no_one(
    demo: Demo, visitor: Visit, name: str
) -> None:
    """Nothing is stored: no cookie, no copy; and what is loaded from us gets no referrer either."""
    PAGES[name](visitor.page, demo)
    visitor.page.wait_for_load_state("networkidle")
    assert visitor.origins == {demo.ports.public_url}
    assert visitor.context.cookies() == []
    assert visitor.faults == []
    shown = [request for request in visitor.requests if request.is_navigation_request()]
    kept = [(answer.headers.get("cache-control"), answer.headers.get("referrer-policy"))
            for request in shown if (answer := request.response()) is not None]  # fmt: skip
    assert kept == [("no-store", "no-referrer")] * len(shown) != []
    loaded = [request for request in visitor.requests if request.resource_type == "stylesheet"]
    assert loaded != [], "the control: something is loaded that could get a referrer"
    assert {request.headers.get("referer", "") for request in visitor.requests} == {""}


def test_link_used_twice_shows_what_it_did(demo: Demo, visitor: Visit) -> None:
    """Loaded again it shows the same, and offers nothing to choose."""
    confirmed(visitor.page, demo)
    visitor.page.goto(visitor.page.url.partition("?")[0])
    expect(visitor.page.locator(".results")).to_contain_text("You are registered")
    expect(visitor.page.get_by_role("radio")).to_have_count(0)
    assert {request.headers.get("referer", "") for request in visitor.requests} == {""}


def test_address_is_confirmed_without_script_in_arabic(demo: Demo, new_visitor: NewVisitor) -> None:
    page = new_visitor(java_script_enabled=False, locale="ar", viewport={"width": 320, "height": 700}).page
    page.goto(confirming_link(demo.places))
    page.get_by_role("link", name="العربية").click()
    page.get_by_role("radio").first.check()  # the second would delete what was sent
    page.locator("button[value=choose]").click()
    expect(page.locator(".results .done")).to_be_visible()
    assert page.locator("html").get_attribute("dir") == "rtl"
