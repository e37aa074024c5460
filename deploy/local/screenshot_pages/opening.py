"""The kind of function that opens a page of a running installation in a browser."""

from collections.abc import Callable

from playwright.sync_api import Page

from deploy.local.places import WITHIN_S, Places

WITHIN_MS = WITHIN_S * 1000

OpenPage = Callable[[Page, Places], None]


def opened(path: str) -> OpenPage:
    """A page that everyone may open."""

    def open_page(page: Page, places: Places) -> None:
        page.goto(places.ports.public_url + path)

    return open_page
