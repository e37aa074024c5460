"""What people find in their inbox, and what coordinators see of it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from deploy.local.installation import WEBINAR
from deploy.local.places import Places, soon
from deploy.local.screenshot_pages.console import console
from deploy.local.screenshot_pages.opening import OpenPage
from deploy.local.screenshot_pages.participants import PERSON, confirmation
from deploy.local.screenshot_pages.travellers import UNDECIDED, first_mail

SUBJECT = "Who speaks for your working group?"


def inbox(page: Page, places: Places) -> None:
    """The list of the mails that the local sink has caught."""
    confirmation(places)
    page.goto(places.ports.inbox_url)
    page.locator(".mails li").first.wait_for()


def mail(find: Callable[[Places], dict[str, Any]]) -> OpenPage:
    """One of them, opened."""

    def open_page(page: Page, places: Places) -> None:
        page.goto(f"{places.ports.inbox_url}/mails/{find(places)['id']}")
        page.frame_locator("iframe").locator("body").wait_for()

    return open_page


def bulletin_id(places: Places) -> str:
    """A bulletin to everyone of the webinar, drafted and sent if it is not there yet."""
    for known in places.ask("GET", "/v1/bulletins")["items"]:
        if known["texts"]["en"]["subject"] == SUBJECT and known["sent_at"]:
            return str(known["id"])
    form, programme = (f"{places.ports.public_url}/{part}/{WEBINAR}" for part in ("embed", "programme"))
    text = (
        "Some working groups have no one yet who speaks for them.\n\n"
        f"Please ask a member of yours to register: {form}\n\nThe programme: {programme}"
    )
    draft = {"segment": {"event": [WEBINAR]}, "texts": {"en": {"subject": SUBJECT, "text": text}}}
    made = str(places.ask("POST", "/v1/bulletins", json=draft)["id"])
    seen = places.ask("POST", f"/v1/bulletins/{made}/preview")
    places.ask("POST", f"/v1/bulletins/{made}/send", json={"expected": seen["audience"], "mark": seen["mark"]})
    return made


def bulletin(places: Places) -> dict[str, Any]:
    """That bulletin as one of them got it."""
    bulletin_id(places)
    return soon(lambda: next((mail for mail in places.mails(PERSON) if SUBJECT in mail["subject"]), None), "bulletin")


def way_out(page: Page, places: Places) -> None:
    """The page behind the link to get no more of them."""
    page.goto(places.linked(bulletin(places)["id"], "/u/"))


def bulletin_page(page: Page, places: Places) -> None:
    """The bulletin in the console, sent."""
    console(f"/console/mail/bulletins/{bulletin_id(places)}")(page, places)


SCREENSHOT_PAGES: dict[str, OpenPage] = {
    "inbox": inbox,
    "mail": mail(confirmation),
    "mail-verification": mail(lambda places: first_mail(places, UNDECIDED)),
    "mail-bulletin": mail(bulletin),
    "way-out": way_out,
    "console-mail": console("/console/mail"),
    "console-bulletin": bulletin_page,
}
