"""What coordinators see."""

import requests
from playwright.sync_api import Page

from deploy.local.installation import WEBINAR
from deploy.local.places import Places, soon
from deploy.local.screenshot_pages.opening import WITHIN_MS, OpenPage
from deploy.local.screenshot_pages.travellers import register_traveller


def console(path: str) -> OpenPage:
    """A page of the console, after signing in if necessary."""

    def open_page(page: Page, places: Places) -> None:
        page.goto(f"{places.ports.public_url}{path}")
        key = page.locator("input#key[type=password]")
        if key.count():
            key.fill(places.key)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("button", name="Sign out").wait_for(timeout=WITHIN_MS)
            page.goto(f"{places.ports.public_url}{path}")

    return open_page


def person(page: Page, places: Places) -> None:
    """The page of a person who travels, the sealed answers closed."""
    console(f"/console/registrations/{register_traveller(places)}")(page, places)


def geneva(page: Page, places: Places) -> None:
    """Travellers, and those who are not registered for the webinar."""
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
    """The mapping of the columns of an uploaded file."""
    console("/console/registrations/imports")(page, places)
    page.get_by_label("Form to import into").select_option(WEBINAR)
    page.get_by_label("File").set_input_files({"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE})
    page.get_by_role("button", name="Read the file").click()
    page.get_by_role("heading", name="What is in each column?").wait_for(timeout=WITHIN_MS)


def import_checked(page: Page, places: Places) -> None:
    """What becomes of its rows."""
    import_begun(page, places)
    page.get_by_label("Where from").select_option("country")
    page.get_by_role("button", name="Check every row").click()
    page.get_by_role("heading", name="What happens to the rows").wait_for(timeout=WITHIN_MS)


def marked(page: Page, places: Places) -> None:
    """What cancelling for two people does."""
    console(f"/console/registrations?event={WEBINAR}")(page, places)
    for box in page.locator("input[name=marked]").all()[:2]:
        box.check()
    page.get_by_label("With the marked registrations").select_option("cancelled")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Cancel the registrations").wait_for(timeout=WITHIN_MS)


def correcting(page: Page, places: Places) -> None:
    """The effects of correcting a person's name."""
    console(f"/console/registrations/{register_traveller(places)}/correct")(page, places)
    page.locator("#field-name").fill("A corrected name")
    page.get_by_label("It was mistyped").check()
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Save the correction").wait_for(timeout=WITHIN_MS)


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


def sealed_list(purpose: str) -> OpenPage:
    """A list of sealed answers, open."""

    def open_page(page: Page, places: Places) -> None:
        sealed_new(page, places)
        page.locator(f"input[name=purpose][value={purpose}]").check()
        page.locator("input[name=names][value=yes]").check()
        page.get_by_label("Why do you need them?").fill("The caterer needs the numbers by Friday")
        page.get_by_role("button", name="Open the list").click()
        page.get_by_role("heading", name="This list").wait_for(timeout=WITHIN_MS)

    return open_page


def sealed_new(page: Page, places: Places) -> None:
    """The page that opens a list of sealed answers: people, purpose and reason."""
    register_traveller(places)
    console("/console/registrations/sealed-lists/new?form=geneva-delegation")(page, places)


def sealed_log(page: Page, places: Places) -> None:
    """Log of readings of sealed answers."""
    sealed_list("catering")(page, places)
    console("/console/registrations/sealed-readings")(page, places)


def approval(page: Page, places: Places) -> None:
    """The whole list, which waits for a second person."""
    console("/console/registrations/sealed-lists")(page, places)
    if page.get_by_role("link", name="All sealed answers: ").count():
        page.get_by_role("link", name="All sealed answers: ").first.click()
        page.get_by_role("heading", name="Request", exact=True).wait_for(timeout=WITHIN_MS)
        return
    sealed_new(page, places)
    page.locator("input[name=purpose][value=everything]").check()
    page.get_by_label("Why do you need them?").fill("The insurer asks for the whole list")
    page.get_by_role("button", name="Open the list").click()
    page.get_by_role("heading", name="Request", exact=True).wait_for(timeout=WITHIN_MS)


COLLEAGUE, ADDRESS = "A colleague", "colleague@example.org"


def invited(places: Places) -> str:
    """The id of a person who was invited and has not used the link."""
    for entry in places.ask("GET", "/v1/access")["items"]:
        if entry["name"] == COLLEAGUE:
            return str(entry["id"])
    grant = {"roles": ["coordinator", "viewer"], "forms": [WEBINAR], "until": "2099-12-31T00:00:00Z"}
    made = places.ask("POST", "/v1/access", json={"name": COLLEAGUE, "email": ADDRESS, **grant})
    return str(made["id"])


def invitation_link(places: Places) -> str:
    """The link in the mail to that colleague."""
    invited(places)
    return mailed_invitation(places, ADDRESS)


def mailed_invitation(places: Places, address: str) -> str:
    """The link in the newest mail to an invited colleague."""
    mail = soon(lambda: next(iter(places.mails(address)), None), "mail to a colleague")
    shown = requests.get(f"{places.ports.inbox_url}/mails/{mail['id']}", timeout=5).text
    start = shown.index(f"{places.ports.console_url}/console/invitation/")
    return shown[start : shown.index('"', start)]


def colleague(page: Page, places: Places) -> None:
    """Who was invited, and what can be changed about it."""
    console(f"/console/access/{invited(places)}")(page, places)


def invitation(page: Page, places: Places) -> None:
    """What the link in the mail opens."""
    page.goto(invitation_link(places))


SCREENSHOT_PAGES: dict[str, OpenPage] = {
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
    "console-sealed": console("/console/registrations/sealed-lists"),
    "console-sealed-new": sealed_new,
    "console-sealed-list": sealed_list("catering"),
    "console-sealed-approval": approval,
    "console-sealed-destroy": console(f"/console/registrations/forms/{WEBINAR}/destroy-key"),
    "console-sealed-log": sealed_log,
    "console-access": console("/console/access"),
    "console-access-invite": console("/console/access/invite"),
    "console-access-colleague": colleague,
    "console-invitation": invitation,
    "console-account": console("/console/account"),
    "console-audit-log": console("/console/audit-log"),
    "console-first-steps": console("/console/registrations/first-steps"),
    "console-groups": console("/console/groups"),
    "console-set-up": console("/console/set-up"),
    "console-consultations": console("/console/set-up/consultations?group_by=working_group&by=host_kind"),
    "console-group-edit": console("/console/set-up/working-groups/housing"),
    "console-slots-new": console("/console/set-up/slots/new"),
    "console-rooms": console("/console/set-up/rooms"),
    "console-room-edit": console("/console/set-up/rooms/lake-hall"),
    "console-hotels": console("/console/set-up/hotels"),
    "console-side-event-forms": console("/console/registrations/side-event-forms"),
    "console-speakers": console("/console/speakers?show=all"),
    "console-translations": console("/console/translations?language=ru"),
    "console-geneva": geneva,
}
