"""What participants see: the form in a partner's page and by itself, what follows it, and their own page."""

from typing import Any

from playwright.sync_api import FrameLocator, Page

from deploy.local.installation import PARTNER, WEBINAR
from deploy.local.places import Places, soon
from deploy.local.screenshot_pages.opening import WITHIN_MS, OpenPage

PERSON = "participant-1@example.org"
"""Whose mail and own page are shown."""

PARTICIPANTS = (
    ("education", True, "CH", "en"),
    ("education", False, "US", "en"),
    ("housing", True, "US", "es"),
    ("migration", False, "MX", "es"),
    ("indigenous-peoples", True, "US", "en"),
    ("health", True, "FR", "fr"),
)
"""Working group, whether they represent it, country and language of those who have registered before."""


TWO_DRAWINGS = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))"
"""A frame of another process that has just become visible is drawn with a short delay."""


def partner_page(page: Page, places: Places) -> None:
    """The form in a partner's page."""
    page.goto(places.ports.partner_url)
    page.locator("troika-form iframe.ready").wait_for(timeout=WITHIN_MS)
    form = page.frame_locator("troika-form iframe")
    form.locator("#field-name").wait_for(timeout=WITHIN_MS)
    form.locator("body").evaluate(TWO_DRAWINGS)


def partner_confirmation(page: Page, places: Places) -> None:
    """After the form in the partner's page was sent."""
    partner_page(page, places)
    _fill_and_send(page, page.frame_locator("troika-form iframe"), "partner")


def form_in(language: str) -> OpenPage:
    """The form as a separate page."""

    def open_page(page: Page, places: Places) -> None:
        page.goto(places.form(language))

    return open_page


def confirmation_in(language: str) -> OpenPage:
    """What follows it."""

    def open_page(page: Page, places: Places) -> None:
        form_in(language)(page, places)
        _fill_and_send(page, page, language)

    return open_page


def faults(page: Page, places: Places) -> None:
    """The form after it was sent with answers missing."""
    form_in("en")(page, places)
    page.locator("#field-email").fill("participant at example.org")
    page.locator("button[type=submit]").click()
    page.locator("#summary").wait_for(timeout=WITHIN_MS)


def own_page(page: Page, places: Places) -> None:
    """The page behind the link in a person's confirmation."""
    page.goto(places.linked(confirmation(places)["id"], "/r/"))


def _fill_and_send(page: Page, form: Page | FrameLocator, whose: str) -> None:
    """Fill in what is required, as a person who has not registered before in this language and size."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    form.locator("#field-name").fill("A participant")
    form.locator("#field-email").fill(f"participant-{whose}-{width}@example.org")
    form.locator("#field-consent").check()
    form.locator("button[type=submit]").click()
    form.locator("#done").wait_for(timeout=WITHIN_MS)


def confirmation(places: Places, address: str = PERSON) -> dict[str, Any]:
    """The confirmation to ``address``, once it is there.

    Raises:
        TimeoutError: it does not arrive.
    """
    return soon(lambda: next((mail for mail in places.mails(address) if mail["calendar"]), None), "confirmation")


def register_some(places: Places) -> None:
    """Register some participants, always the same; those already registered stay. Returns when each has their mail."""
    for number, (group, represents, country, language) in enumerate(PARTICIPANTS, start=1):
        address = f"participant-{number}@example.org"
        if places.mails(address):
            continue
        answers = {
            "name": f"Participant {number}",
            "email": address,
            "organisation": f"Example Organisation {number}",
            "working_group": group,
            "representative": represents,
            "country": country,
            "time_zone": "Europe/Zurich",
            "language": language,
            "consent": True,
            "partner": PARTNER,
        }
        places.register(WEBINAR, answers)
        _confirm(places, address)
        confirmation(places, address)


def _confirm(places: Places, address: str) -> None:
    """Confirm by the first mail to ``address``, once it is there."""
    mail = soon(lambda: next(iter(places.mails(address)), None), "mail with a link to confirm")
    places.confirm(places.linked(mail["id"], "/c/"))


SCREENSHOT_PAGES: dict[str, OpenPage] = {
    "partner": partner_page,
    "partner-confirmation": partner_confirmation,
    "form": form_in("en"),
    "form-faults": faults,
    "confirmation": confirmation_in("en"),
    "form-ar": form_in("ar"),
    "confirmation-ar": confirmation_in("ar"),
    "own-page": own_page,
}
