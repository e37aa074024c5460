"""What coordinators see."""

import requests
from playwright.sync_api import Page

from deploy.local.installation import WEBINAR
from deploy.local.scenes.places import WITHIN_MS, Places, Scene, soon
from deploy.local.scenes.travellers import register_traveller


def console(path: str) -> Scene:
    """A page of the console, signed in."""

    def scene(page: Page, places: Places) -> None:
        page.goto(f"{places.ports.public_url}/console")
        if page.locator("#key").count():
            page.locator("#key").fill(places.key)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("button", name="Sign out").wait_for(timeout=WITHIN_MS)
        page.goto(f"{places.ports.public_url}{path}")

    return scene


def person(page: Page, places: Places) -> None:
    """The page of somebody who travels, the sealed answers closed."""
    console(f"/console/registrations/{register_traveller(places)}")(page, places)


def geneva(page: Page, places: Places) -> None:
    """Who travels, and whom the webinar misses."""
    register_traveller(places)
    console("/console/geneva")(page, places)


def draft(page: Page, places: Places) -> None:
    """A form that is worked on, at its questions."""
    console(f"/console/registrations/forms/{WEBINAR}")(page, places)
    page.get_by_role("button", name="Change the questions").click()
    page.get_by_role("heading", name="Questions", exact=True).wait_for(timeout=WITHIN_MS)


def question(page: Page, places: Places) -> None:
    """A question of it, with its texts in six languages."""
    draft(page, places)
    page.get_by_role("link", name="Do you represent this working group").click()
    page.get_by_role("button", name="Save the question").wait_for(timeout=WITHIN_MS)


def marked(page: Page, places: Places) -> None:
    """What cancelling for two people does."""
    console(f"/console/registrations?event={WEBINAR}")(page, places)
    for box in page.locator("input[name=marked]").all()[:2]:
        box.check()
    page.get_by_label("With those marked").select_option("cancelled")
    page.get_by_role("button", name="Show what it does").click()
    page.get_by_role("heading", name="Cancel for them").wait_for(timeout=WITHIN_MS)


COLLEAGUE, ADDRESS = "A colleague", "colleague@example.org"


def invited(places: Places) -> str:
    """The id of somebody who was invited and has not used the link."""
    for one in places.ask("GET", "/v1/access")["items"]:
        if one["name"] == COLLEAGUE:
            return str(one["id"])
    grant = {"roles": ["coordinator", "viewer"], "forms": [WEBINAR], "until": "2099-12-31T00:00:00Z"}
    made = places.ask("POST", "/v1/access", json={"name": COLLEAGUE, "email": ADDRESS, **grant})
    return str(made["id"])


def invitation_link(places: Places) -> str:
    """The link in the mail to that colleague."""
    invited(places)
    mail = soon(lambda: next(iter(places.mails(ADDRESS)), None), "mail to a colleague")
    shown = requests.get(f"{places.ports.inbox_url}/mails/{mail['id']}", timeout=5).text
    start = shown.index(f"{places.ports.console_url}/console/invitation/")
    return shown[start : shown.index('"', start)]


def colleague(page: Page, places: Places) -> None:
    """Who was invited, and what can be changed about it."""
    console(f"/console/access/{invited(places)}")(page, places)


def invitation(page: Page, places: Places) -> None:
    """What the link in the mail opens."""
    page.goto(invitation_link(places))


SCENES: dict[str, Scene] = {
    "console-overview": console("/console/overview"),
    "console-events": console("/console"),
    "console-event": console(f"/console/events/{WEBINAR}"),
    "console-event-new": console("/console/new-event"),
    "console-event-edit": console(f"/console/events/{WEBINAR}/edit"),
    "console-resource-new": console(f"/console/events/{WEBINAR}/new-resource"),
    "console-change": console(f"/console/events/{WEBINAR}/change/postpone"),
    "console-registrations": console(f"/console/registrations?event={WEBINAR}"),
    "console-counts": console("/console/registrations?count=working_group&by=status"),
    "console-marked": marked,
    "console-partners": console("/console/registrations/partners"),
    "console-partner-new": console("/console/registrations/new-partner"),
    "console-form-new": console(f"/console/registrations/new-form?event={WEBINAR}"),
    "console-draft": draft,
    "console-question": question,
    "console-forms": console("/console/registrations/forms"),
    "console-form": console(f"/console/registrations/forms/{WEBINAR}"),
    "console-person": person,
    "console-access": console("/console/access"),
    "console-access-invite": console("/console/access/invite"),
    "console-access-colleague": colleague,
    "console-invitation": invitation,
    "console-account": console("/console/account"),
    "console-audit-log": console("/console/audit-log"),
    "console-groups": console("/console/groups"),
    "console-geneva": geneva,
}
