"""What coordinators do with people: correct, enter, merge and import them, write to them, decide on proposals."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import FilePayload, Page, expect

from deploy.local.installation import WEBINAR
from tests.browser.demo_process import Demo, new_address
from tests.browser.jobs import begin, enter, find, finish, open_lesson
from tests.support.waiting import poll_until

PROPOSALS = 26


def test_person_is_corrected(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, WEBINAR, address, name="A mistyped name")
    driver = begin(demo, desk)
    find(driver, address)
    driver.link("Correct")
    driver.write("Your name (required)", "A corrected name")
    driver.tick("It was mistyped")
    driver.button("Preview")
    expect(desk.get_by_role("row", name="Your name")).to_contain_text("A mistyped name")
    driver.button("Save the correction")
    expect(desk.get_by_role("heading", level=1)).to_have_text("A corrected name")
    finish("Correct a person", driver)


def test_person_is_entered_manually(demo: Demo, desk: Page) -> None:
    lesson, address = open_lesson(demo, capacity=5), new_address()
    driver = begin(demo, desk)
    driver.link(lesson.title, called="the event")
    driver.link("Enter a person")
    driver.write("Your name (required)", "Entered by hand")
    driver.write("E-mail address (required)", address)
    driver.found_here(desk.locator("[data-consent] input[type=checkbox]"), "the consent")
    driver.tick("They filled in a paper form")
    driver.button("Preview")
    driver.button("Enter this person")
    expect(desk.get_by_role("status")).to_contain_text("The person is registered.")
    poll_until(lambda: demo.mails(address), 20.0, what="the mail to the person")
    finish("Enter a person", driver)


def test_two_registrations_are_merged(demo: Demo, desk: Page) -> None:
    lesson, name = open_lesson(demo, capacity=5), f"Twice {secrets.token_hex(4)}"
    first, second = new_address(), new_address()
    enter(demo, lesson.id, first, name=name)
    enter(demo, lesson.id, second, name=name)
    driver = begin(demo, desk)
    find(driver, second)
    driver.link("Merge")
    driver.found(desk.locator("tbody th a"), "the other")
    driver.button("Merge them")
    expect(desk.get_by_role("heading", level=1)).to_have_text(name)
    finish("Merge two registrations", driver)
    live = demo.places.ask("GET", "/v1/registrations", params={"form": lesson.id, "status": "confirmed"})["items"]
    assert [one["name"] for one in live] == [name]


def test_people_are_imported(demo: Demo, desk: Page) -> None:
    lesson, addresses = open_lesson(demo, capacity=5), [new_address() for _ in range(3)]
    rows = "\n".join(f"Imported {number},{address}" for number, address in enumerate(addresses))
    content = f"Full name,Email Address\n{rows}\n".encode()
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=content)
    driver = begin(demo, desk)
    driver.link(lesson.title, called="the event")
    driver.link("Import people")
    driver.pressed.append("File")
    desk.get_by_label("File").set_input_files(file)
    driver.button("Read the file")
    driver.button("Check every row")
    driver.write("How did these people agree?", "They signed the list of the meeting")
    driver.button("Import 3 people")
    poll_until(lambda: desk.reload() and desk.get_by_text("Done", exact=True).count(), 30.0, what="the import")
    finish("Import people from a file", driver)
    found = demo.places.ask("GET", "/v1/registrations", params={"form": lesson.id})["items"]
    assert {one["email"] for one in found} == set(addresses)


def test_segment_is_written_to_now_and_later(demo: Demo, desk: Page) -> None:
    lesson, address = open_lesson(demo, capacity=5), new_address()
    enter(demo, lesson.id, address)
    audience = desk.get_by_role("button", name="Send to 1 person")
    for job in ("Write to a segment", "Write to it later"):
        driver = begin(demo, desk)
        driver.link(lesson.title, called="the event")
        driver.link("Write to the people registered")
        driver.write("Text", f"{job}: please bring your questions.")
        driver.button("Save the draft and see who gets it")
        poll_until(lambda: desk.reload() and audience.count(), 20.0, what="the person is counted")
        if job == "Write to a segment":
            driver.found(audience, "Send to … people")
            expect(desk.get_by_role("heading", name="Outcome")).to_be_visible()
            poll_until(lambda: [one for one in demo.mails(address) if one["subject"] == lesson.title], 30.0)
        else:
            driver.fold("Send it later")
            driver.write("Day and time", f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT09:00}")
            driver.button("Schedule it")
            expect(desk.get_by_role("button", name="Cancel sending and make it a draft again")).to_be_visible()
        finish(job, driver)


def test_proposals_are_decided_together(demo: Demo, desk: Page) -> None:
    mark = secrets.token_hex(3)
    addresses = [new_address() for _ in range(PROPOSALS)]
    for number, address in enumerate(addresses):
        given: dict[str, Any] = {
            "title": f"Proposal {mark} {number}",
            "summary": "What was promised.",
            "attendance": 20 + number,
        }
        enter(demo, "side-event-proposal", address, **given)
    driver = begin(demo, desk)
    driver.section("Programme")
    driver.link("New")
    mine = desk.get_by_role("checkbox", name=f"Mark Proposal {mark}")
    poll_until(lambda: desk.reload() and mine.count() == PROPOSALS, 20.0, what="all proposals")
    driver.found(desk.get_by_role("link", name="Mark all"), "Mark all")
    for other in desk.get_by_role("checkbox").all():
        if mark not in (other.get_attribute("aria-label") or ""):
            other.uncheck()  # of other tests
    driver.choose("Decision", "Decline")
    driver.button("Preview")
    assert [one["status"] for one in _proposals(demo, mark)] == ["submitted"] * PROPOSALS
    driver.button(f"Decline: {PROPOSALS} proposals")
    expect(desk.get_by_role("status")).to_contain_text(f"Done for {PROPOSALS} of {PROPOSALS}.")
    assert [one["status"] for one in _proposals(demo, mark)] == ["declined"] * PROPOSALS
    finish("Decide 26 proposals", driver)
    poll_until(lambda: [one for one in demo.mails(addresses[-1]) if mark in one["subject"]], 30.0)


def _proposals(demo: Demo, mark: str) -> list[dict[str, str]]:
    items = demo.places.ask("GET", "/v1/proposals", params={"limit": 200})["items"]
    return [one for one in items if mark in one["title"]]
