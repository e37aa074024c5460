"""What coordinators see."""

from playwright.sync_api import Page

from deploy.local.installation import WEBINAR
from deploy.local.scenes.places import WITHIN_MS, Places, Scene
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
    "console-groups": console("/console/groups"),
    "console-translations": console("/console/translations?language=ru"),
    "console-geneva": geneva,
}
