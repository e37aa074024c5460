"""All scenes by name, in the order in which a user would reach them."""

from deploy.local.screenshot_pages import console, mails, participants, programme, side_events, travellers
from deploy.local.screenshot_pages.places import Scene

SCENES: dict[str, Scene] = {
    **participants.SCENES,
    **travellers.SCENES,
    **mails.SCENES,
    **programme.SCENES,
    **side_events.SCENES,
    **console.SCENES,
}
