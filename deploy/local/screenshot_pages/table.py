"""All pages by name, in the order in which a user would reach them."""

from deploy.local.screenshot_pages import console, mails, participants, programme, side_events, travellers
from deploy.local.screenshot_pages.opening import OpenPage

SCREENSHOT_PAGES: dict[str, OpenPage] = {
    **participants.SCREENSHOT_PAGES,
    **travellers.SCREENSHOT_PAGES,
    **mails.SCREENSHOT_PAGES,
    **programme.SCREENSHOT_PAGES,
    **side_events.SCREENSHOT_PAGES,
    **console.SCREENSHOT_PAGES,
}
