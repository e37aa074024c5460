"""A person who travels to Geneva: the address confirmed by the link in the first mail, some answers sealed."""

from typing import Any

from playwright.sync_api import Page

from deploy.local.places import Places, soon
from deploy.local.screenshot_pages.opening import OpenPage, opened

TRAVELLER = "traveller@example.org"
UNDECIDED = "traveller-2@example.org"
"""Has not followed the link yet."""

ANSWERS = {
    "name": "A traveller",
    "organisation": "Example Organisation",
    "country": "MX",
    "diet": "Vegetarian",
    "consent": True,
    "lang": "en",
}


def first_mail(places: Places, address: str) -> dict[str, Any]:
    """The mail that asks ``address`` for confirmation; sends the form first if that is needed."""
    answers = {**ANSWERS, "email": address}
    if not places.mails(address):
        places.ask("POST", "/v1/forms/geneva-delegation/submissions", json=answers)
    return soon(lambda: next(reversed(places.mails(address)), None), "mail to a traveller")


def register_traveller(places: Places) -> str:
    """The id of a traveller's registration, confirmed; confirms it first if that is needed."""

    def find() -> str | None:
        items = places.ask("GET", "/v1/registrations", params={"q": TRAVELLER})["items"]
        return next((str(registration["id"]) for registration in items), None)

    if find() is None:
        places.confirm(places.linked(first_mail(places, TRAVELLER)["id"], "/c/"))
    return soon(find, "registration of a traveller")


def confirm_address(page: Page, places: Places) -> None:
    """The page behind the link in the first mail."""
    page.goto(places.linked(first_mail(places, UNDECIDED)["id"], "/c/"))


SCREENSHOT_PAGES: dict[str, OpenPage] = {
    "delegation": opened("/embed/geneva-delegation?lang=en"),
    "delegation-ar": opened("/embed/geneva-delegation?lang=ar"),
    "confirm-address": confirm_address,
}
