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


PEOPLE = b"""Email Address,Full name,Where from,When
a.participant@example.org,A participant,Suisse,2020-02-20
another.participant@example.org,Another participant,Atlantis,2020-02-21
no address,Nobody,CH,
"""


def import_begun(page: Page, places: Places) -> None:
    """A file has come: what is in each column?"""
    console("/console/registrations/imports")(page, places)
    page.get_by_label("Form on which they are registered").select_option(WEBINAR)
    page.get_by_label("File").set_input_files({"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE})
    page.get_by_role("button", name="Read the file").click()
    page.get_by_role("heading", name="What is in each column?").wait_for(timeout=WITHIN_MS)


def import_checked(page: Page, places: Places) -> None:
    """What becomes of its rows."""
    import_begun(page, places)
    page.get_by_label("Where from").select_option("country")
    page.get_by_role("button", name="Check every row").click()
    page.get_by_role("heading", name="What becomes of the rows").wait_for(timeout=WITHIN_MS)


def marked(page: Page, places: Places) -> None:
    """What cancelling for two people does."""
    console(f"/console/registrations?event={WEBINAR}")(page, places)
    for box in page.locator("input[name=marked]").all()[:2]:
        box.check()
    page.get_by_label("With those marked").select_option("cancelled")
    page.get_by_role("button", name="Show what it does").click()
    page.get_by_role("heading", name="Cancel for them").wait_for(timeout=WITHIN_MS)


def correcting(page: Page, places: Places) -> None:
    """What another name for somebody does."""
    console(f"/console/registrations/{register_traveller(places)}/correct")(page, places)
    page.locator("#field-name").fill("A corrected name")
    page.get_by_label("It was mistyped").check()
    page.get_by_role("button", name="Show what it does").click()
    page.get_by_role("button", name="Correct it").wait_for(timeout=WITHIN_MS)


def merging(page: Page, places: Places) -> None:
    """Two registrations side by side, before one of them ends."""
    console(f"/console/registrations?form={WEBINAR}&q=participant-1@")(page, places)
    page.get_by_role("link", name="Participant 1", exact=True).click()
    page.get_by_role("link", name="Merge", exact=True).click()
    page.get_by_label("Name or address of the other").fill("participant-2@")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Participant 2", exact=True).click()
    page.get_by_role("button", name="Merge them").wait_for(timeout=WITHIN_MS)


def columns(page: Page, places: Places) -> None:
    """The list with answers as columns, and how to save it as a view."""
    console(f"/console/registrations?form={WEBINAR}&columns=status&columns=answer.questions")(page, places)
    page.get_by_text("Views", exact=True).click()


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
    "console-imports": console("/console/registrations/imports"),
    "console-import-mapping": import_begun,
    "console-import": import_checked,
    "console-partners": console("/console/registrations/partners"),
    "console-partner-new": console("/console/registrations/new-partner"),
    "console-form-new": console(f"/console/registrations/new-form?event={WEBINAR}"),
    "console-draft": draft,
    "console-question": question,
    "console-forms": console("/console/registrations/forms"),
    "console-form": console(f"/console/registrations/forms/{WEBINAR}"),
    "console-seats": console(f"/console/registrations/forms/{WEBINAR}/seats"),
    "console-person": person,
    "console-correct": correcting,
    "console-merge": merging,
    "console-enter": console(f"/console/registrations/forms/{WEBINAR}/enter"),
    "console-columns": columns,
    "console-groups": console("/console/groups"),
    "console-geneva": geneva,
}
