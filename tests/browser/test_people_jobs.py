"""What coordinators do with people: correct, enter, merge and import them, write to them, decide on proposals."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import FilePayload, Page, expect

from deploy.local.installation import WEBINAR
from tests.browser.jobs import begin, enter, find, finish, open_lesson
from tests.browser.running import Demo, new_address
from tests.support.waiting import poll_until

PROPOSALS = 26


def test_person_is_corrected(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, WEBINAR, address, name="A mistyped name")
    hand = begin(demo, desk)
    find(hand, address)
    hand.link("Correct")
    hand.write("Your name (required)", "A corrected name")
    hand.tick("It was mistyped")
    hand.button("Preview")
    expect(desk.get_by_role("row", name="Your name")).to_contain_text("A mistyped name")
    hand.button("Save the correction")
    expect(desk.get_by_role("heading", level=1)).to_have_text("A corrected name")
    finish("Correct a person", hand)


def test_person_is_entered_by_hand(demo: Demo, desk: Page) -> None:
    lesson, address = open_lesson(demo, capacity=5), new_address()
    hand = begin(demo, desk)
    hand.link(lesson.title, called="the event")
    hand.link("Enter a person")
    hand.write("Your name (required)", "Entered by hand")
    hand.write("E-mail address (required)", address)
    hand.found_here(desk.locator("[data-consent] input[type=checkbox]"), "the consent")
    hand.tick("They filled in a paper form")
    hand.button("Preview")
    hand.button("Enter this person")
    expect(desk.get_by_role("status")).to_contain_text("The person is registered.")
    poll_until(lambda: demo.mails(address), 20.0, what="the mail to the person")
    finish("Enter a person", hand)


def test_two_registrations_are_merged(demo: Demo, desk: Page) -> None:
    lesson, name = open_lesson(demo, capacity=5), f"Twice {secrets.token_hex(4)}"
    first, second = new_address(), new_address()
    enter(demo, lesson.id, first, name=name)
    enter(demo, lesson.id, second, name=name)
    hand = begin(demo, desk)
    find(hand, second)
    hand.link("Merge")
    hand.found(desk.locator("tbody th a"), "the other")
    hand.button("Merge them")
    expect(desk.get_by_role("heading", level=1)).to_have_text(name)
    finish("Merge two registrations", hand)
    live = demo.places.ask("GET", "/v1/registrations", params={"form": lesson.id, "status": "confirmed"})["items"]
    assert [one["name"] for one in live] == [name]


def test_people_are_imported(demo: Demo, desk: Page) -> None:
    lesson, addresses = open_lesson(demo, capacity=5), [new_address() for _ in range(3)]
    rows = "\n".join(f"Imported {number},{address}" for number, address in enumerate(addresses))
    content = f"Full name,Email Address\n{rows}\n".encode()
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=content)
    hand = begin(demo, desk)
    hand.link(lesson.title, called="the event")
    hand.link("Import people")
    hand.pressed.append("File")
    desk.get_by_label("File").set_input_files(file)
    hand.button("Read the file")
    hand.button("Check every row")
    hand.write("How did these people agree?", "They signed the list of the meeting")
    hand.button("Import 3 people")
    poll_until(lambda: desk.reload() and desk.get_by_text("Done", exact=True).count(), 30.0, what="the import")
    finish("Import people from a file", hand)
    found = demo.places.ask("GET", "/v1/registrations", params={"form": lesson.id})["items"]
    assert {one["email"] for one in found} == set(addresses)


def test_segment_is_written_to_now_and_later(demo: Demo, desk: Page) -> None:
    lesson, address = open_lesson(demo, capacity=5), new_address()
    enter(demo, lesson.id, address)
    audience = desk.get_by_role("button", name="Send to 1 person")
    for job in ("Write to a segment", "Write to it later"):
        hand = begin(demo, desk)
        hand.link(lesson.title, called="the event")
        hand.link("Write to the people registered")
        hand.write("Text", f"{job}: please bring your questions.")
        hand.button("Save the draft and see who gets it")
        poll_until(lambda: desk.reload() and audience.count(), 20.0, what="the person is counted")
        if job == "Write to a segment":
            hand.found(audience, "Send to … people")
            expect(desk.get_by_role("heading", name="Outcome")).to_be_visible()
            poll_until(lambda: [one for one in demo.mails(address) if one["subject"] == lesson.title], 30.0)
        else:
            hand.fold("Send it later")
            hand.write("Day and time", f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT09:00}")
            hand.button("Schedule it")
            expect(desk.get_by_role("button", name="Cancel sending and make it a draft again")).to_be_visible()
        finish(job, hand)


def test_proposals_are_decided_together(demo: Demo, desk: Page) -> None:
    mark = secrets.token_hex(3)
    addresses = [new_address() for _ in range(PROPOSALS)]
    for number, address in enumerate(addresses):
        told: dict[str, Any] = {
            "title": f"Proposal {mark} {number}",
            "summary": "What was promised.",
            "attendance": 20 + number,
        }
        enter(demo, "side-event-proposal", address, **told)
    hand = begin(demo, desk)
    hand.section("Programme")
    hand.link("New")
    mine = desk.get_by_role("checkbox", name=f"Mark Proposal {mark}")
    poll_until(lambda: desk.reload() and mine.count() == PROPOSALS, 20.0, what="all proposals")
    hand.found(desk.get_by_role("link", name="Mark all"), "Mark all")
    for other in desk.get_by_role("checkbox").all():
        if mark not in (other.get_attribute("aria-label") or ""):
            other.uncheck()  # of other tests
    hand.choose("Decision", "Decline")
    hand.button("Preview")
    assert [one["status"] for one in _proposals(demo, mark)] == ["submitted"] * PROPOSALS
    hand.button(f"Decline: {PROPOSALS} proposals")
    expect(desk.get_by_role("status")).to_contain_text(f"Done for {PROPOSALS} of {PROPOSALS}.")
    assert [one["status"] for one in _proposals(demo, mark)] == ["declined"] * PROPOSALS
    finish("Decide 26 proposals", hand)
    poll_until(lambda: [one for one in demo.mails(addresses[-1]) if mark in one["subject"]], 30.0)


def _proposals(demo: Demo, mark: str) -> list[dict[str, str]]:
    items = demo.places.ask("GET", "/v1/proposals", params={"limit": 200})["items"]
    return [one for one in items if mark in one["title"]]
