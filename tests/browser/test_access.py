"""An invited colleague creates a passkey with the browser's authenticator, signs out, and signs in with it."""

from playwright.sync_api import Page, expect

from deploy.local.screenshot_pages.console import COLLEAGUE, invitation_link
from tests.browser.demo_process import Demo
from tests.browser.visitor import Visit

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def give_authenticator(page: Page) -> None:
    """Give the browser a fingerprint reader that always accepts."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def test_invited_colleague_makes_a_passkey_and_signs_in_with_it(demo: Demo, visitor: Visit) -> None:
    page, link = visitor.page, invitation_link(demo.places)
    give_authenticator(page)
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your access to the console")
    page.get_by_label("Name of this passkey").fill("My laptop")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_role("link", name=COLLEAGUE).click()
    expect(page.get_by_text("My laptop", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.goto(link)
    expect(page.get_by_text("has already been used")).to_be_visible()
    assert visitor.faults == []
