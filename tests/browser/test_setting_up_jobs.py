"""What coordinators set up: events, forms, partners, side events, consultations, rooms, colleagues; and the history."""

import secrets

import pytest
import requests
from playwright.sync_api import Dialog, Page, expect

from deploy.local.places import Places
from deploy.local.screenshot_pages.console import mailed_invitation
from tests.browser.conftest import NewVisitor
from tests.browser.console_driver import ConsoleDriver
from tests.browser.demo_process import Demo, new_address
from tests.browser.jobs import announce_lesson, begin, enter, finish, give_details, open_lesson
from tests.browser.visitor import Visit
from tests.support.waiting import poll_until


def test_event_is_created_from_nothing(demo: Demo, desk: Page) -> None:
    driver, title = begin(demo, desk), f"A new event {secrets.token_hex(3)}"
    driver.link("New event")
    driver.write("English", title)
    expect(desk.get_by_label("Time zone")).not_to_have_value("")
    driver.write("Start (optional)", "2099-03-04T14:00")
    driver.write("End (optional)", "2099-03-04T15:00")
    driver.button("Create the draft")

    expect(desk.get_by_role("heading", level=1)).to_have_text(title)
    expect(desk.locator("main")).to_contain_text("Wed 4 Mar 2099, 14:00 to 15:00")
    finish("Create an event from nothing", driver)


def test_form_with_a_condition_is_made_in_two_languages(demo: Demo, desk: Page) -> None:
    lesson = announce_lesson(demo, kind="training")
    driver = begin(demo, desk)
    driver.link(lesson.title, called="the event")
    driver.link("New form for this event")
    poll_until(lambda: desk.reload() and desk.get_by_label("Short name").input_value(), 15.0, what="the event")
    driver.button("Create the draft")
    driver.write("Français missing", f"Inscription : {lesson.title}")
    driver.button("Save")
    driver.choose("New question", "Yes or no")
    driver.button("Add")
    driver.write("English", "Do you need a parking place?")
    driver.write("Français", "Avez-vous besoin d’une place de parking ?")
    driver.button("Save the question")
    driver.choose("New question", "Short text")
    driver.button("Add")
    driver.write("English", "Number of the plate")
    driver.write("Français", "Numéro de la plaque")
    driver.choose("Ask it only if", "Do you need a parking place?")
    driver.write("was answered with", "yes")
    driver.button("Save the question")
    driver.button("Publish")
    driver.button("Yes, publish it")
    expect(desk.get_by_role("status")).to_contain_text("Published.")
    finish("Make a form with a condition, in two languages", driver)

    desk.goto(f"{demo.ports.public_url}/embed/{lesson.id}?lang=fr")
    expect(desk.get_by_role("heading", level=1)).to_have_text(f"Inscription : {lesson.title}")
    expect(desk.get_by_text("Numéro de la plaque")).to_be_hidden()
    desk.locator("#field-do_you_need_a_parking_place").check()
    expect(desk.get_by_text("Numéro de la plaque")).to_be_visible()


def test_question_is_dragged_to_another_place(demo: Demo, desk: Page) -> None:
    slug, names = f"dragged-{secrets.token_hex(3)}", ("first", "second", "third")
    fields = [{"name": name, "kind": "text", "label": {"en": name}} for name in names]
    content = {"kind": "webinar", "title": {"en": "Dragged"}, "fields": fields}
    demo.places.ask("POST", f"/v1/form-drafts/{slug}", json={"content": content})
    desk.goto(f"{demo.ports.public_url}/console/registrations/form-drafts/{slug}")
    rows = desk.locator("[data-question]")
    for dragged, onto, below, order in (
        (2, 0, False, ("third", "first", "second")),
        (0, 1, True, ("first", "third", "second")),
    ):
        height = rows.nth(onto).bounding_box()["height"]  # type: ignore[index]  # it is shown
        at = {"x": 60, "y": height - 4 if below else 4}
        rows.nth(dragged).locator(".handle").drag_to(rows.nth(onto), target_position=at)  # type: ignore[arg-type]
        expect(rows.locator("th a")).to_have_text(order)


def test_browser_asks_before_unsaved_settings_of_a_draft_are_lost(demo: Demo, desk: Page) -> None:
    slug = f"unsaved-{secrets.token_hex(3)}"
    fields = [{"name": name, "kind": "text", "label": {"en": name}} for name in ("first", "second")]
    content = {"kind": "webinar", "title": {"en": "Unsaved"}, "fields": fields}
    demo.places.ask("POST", f"/v1/form-drafts/{slug}", json={"content": content})
    desk.goto(f"{demo.ports.public_url}/console/registrations/form-drafts/{slug}")
    first, contact = desk.locator("[data-question] th a").first, desk.get_by_label("Contact for questions")
    contact.press_sequentially("data@example.org")
    with desk.expect_event("dialog") as asked:
        desk.once("dialog", Dialog.dismiss)
        desk.get_by_role("button", name="Move down: first").click(no_wait_after=True)
    assert asked.value.type == "beforeunload"
    expect(first).to_have_text("first")
    expect(contact).to_have_value("data@example.org")

    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.get_by_role("status")).to_have_text("Saved in the draft.")
    desk.get_by_role("button", name="Move down: first").click()
    expect(first).to_have_text("second")
    expect(contact).to_have_value("data@example.org")


def partner_key(page: Page, places: Places) -> str:
    """The key of a partner's web editor, who was invited by mail."""
    address = new_address()
    name = f"A web editor {secrets.token_hex(4)}"
    grant = {"name": name, "email": address, "roles": ["partner"], "partner": "example-partner"}
    places.ask("POST", "/v1/access", json=grant)
    mails = poll_until(lambda: places.mails(address), 20.0, what="an invitation")
    shown = requests.get(f"{places.ports.inbox_url}/mails/{mails[0]['id'] if mails else ''}", timeout=5).text
    token = shown.split("/console/invitation/")[1].partition('"')[0]
    page.goto(f"{places.ports.public_url}/console/invitation/{token}")
    page.get_by_role("button", name="Get a key").click()
    return page.get_by_label("Key", exact=True).input_value()


def test_partner_gets_lines_and_an_origin(demo: Demo, desk: Page, new_visitor: NewVisitor) -> None:
    lesson, origin = open_lesson(demo, capacity=5), f"https://{secrets.token_hex(4)}.example.org"
    driver = begin(demo, desk)
    driver.link(lesson.title, called="the event")
    driver.link(f"Register for {lesson.title}", called="its form")
    driver.link("Example Partner: embed code")
    expect(desk.get_by_label("HTML code")).to_contain_text(f'form="{lesson.id}" partner="example-partner"')
    finish("Give a partner the embed code", driver)

    theirs = new_visitor().page
    key = partner_key(theirs, demo.places)
    theirs.goto(f"{demo.ports.public_url}/console/registrations/partners/example-partner")
    theirs.fill("#key", key)
    theirs.get_by_role("button", name="Sign in").click()
    asking = ConsoleDriver(theirs)
    asking.write("Another address of your site", origin)
    asking.button("Request this address")
    finish("Ask for an origin (the partner)", asking)

    driver = begin(demo, desk)
    driver.section("Set-up", "Partners")
    driver.link("Example Partner")
    driver.button("Allow", within=desk.locator("form").filter(has_text=origin))
    expect(desk.locator(".origins li").filter(has_text=origin)).to_be_visible()
    finish("Allow the origin", driver)


def test_forms_for_all_side_events_are_made(demo: Demo, desk: Page) -> None:
    events = [announce_lesson(demo, kind="side_event") for _ in range(2)]
    driver = begin(demo, desk)
    driver.section("Set-up", "Forms for side events")
    shown = desk.get_by_role("checkbox", name=events[1].title)
    poll_until(lambda: desk.reload() and shown.count(), 15.0, what="the side events")
    driver.button("Preview")
    driver.found(desk.locator("button[value=do]"), "Create them")
    expect(desk.get_by_role("status")).to_contain_text("created: people can register")
    assert [demo.places.ask("GET", f"/v1/forms/{event.id}")["open"] for event in events] == [True, True]
    finish("Make the forms for all side events", driver)


def test_consultation_is_recorded(demo: Demo, desk: Page) -> None:
    driver, host = begin(demo, desk), f"Embassy {secrets.token_hex(3)}"
    driver.link("Record a consultation")
    driver.write("Embassy or mission (optional)", host)
    driver.write("City", "Washington")
    driver.choose("Working group (optional)", "Housing")
    driver.button("Save")
    expect(desk.locator("main")).to_contain_text(host)
    finish("Record a consultation", driver)


def test_rooming_list_is_opened_beside_the_rooms(demo: Demo, desk: Page) -> None:
    address, days = new_address(), {"arrives_on": "2027-02-05", "leaves_on": "2027-02-08"}
    traveller = enter(demo, "geneva-delegation", address, name="A traveller")
    give_details(demo, address, traveller, hotel="block", hotel_nights=3, **days)
    driver = begin(demo, desk)
    driver.link("Hotels")
    expect(desk.get_by_role("heading", name="Reserved rooms per night")).to_be_visible()
    driver.link("Open the rooming list")
    driver.write("Why do you need them?", "The hotel asks for the numbers")
    driver.button("Open the list")
    expect(desk.get_by_role("heading", name="This list")).to_be_visible()
    expect(desk.get_by_role("link", name="Rooms reserved in each hotel")).to_be_visible()
    finish("Open the rooming list beside the rooms", driver)


@pytest.fixture
def colleague() -> str:
    """A name that no one else has."""
    return f"Colleague {secrets.token_hex(3)}"


def make_draft(demo: Demo, visitor: Page, invitation: str) -> str:
    """An invited colleague takes a key, and makes an event with it; returns its id."""
    visitor.goto(invitation)
    visitor.get_by_role("button", name="Get a key").click()
    headers = {"Authorization": f"Bearer {visitor.get_by_role('textbox', name='Key').input_value()}"}
    draft = {"id": f"draft-{secrets.token_hex(3)}", "title": {"en": "A draft"}, "kind": "training", "mode": "online"}

    def is_made() -> bool:
        """Events consumes the key shortly afterwards."""
        address = f"{demo.ports.public_url}/v1/events"
        answer = requests.post(address, json={**draft, "time_zone": "Europe/Zurich"}, headers=headers, timeout=10)
        return answer.status_code == 201

    poll_until(is_made, 20.0, what="an event made by the colleague")
    return str(draft["id"])


def test_colleague_is_invited_and_what_they_did_is_seen(demo: Demo, desk: Page, visitor: Visit, colleague: str) -> None:
    driver, address = begin(demo, desk), new_address()
    driver.section("Set-up", "Access")
    driver.link("Invite a colleague")
    driver.write("Their name", colleague)
    driver.write("Their e-mail address", address)
    driver.found_here(desk.locator("input[name=roles][value=coordinator]"), "Coordinator")
    driver.button("Preview")
    driver.button("Send the invitation")
    invitation = mailed_invitation(demo.places, address)
    finish("Invite a colleague", driver)

    made = make_draft(demo, visitor.page, invitation)
    driver = begin(demo, desk)
    driver.section("Set-up", "Audit log")
    driver.write("Who", colleague)
    driver.button("Search")
    row = desk.get_by_role("row").filter(has_text=made)
    poll_until(lambda: desk.reload() and row.count(), 20.0, what="the event in the audit log")
    expect(row.get_by_role("link", name=colleague)).to_be_visible()
    finish("See what a colleague did", driver)
