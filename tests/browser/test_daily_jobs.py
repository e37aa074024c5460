"""Coordinators' daily jobs, each in at most four clicks from its starting page; three of them by keyboard."""

import csv
from pathlib import Path

from playwright.sync_api import Page, expect

from deploy.local.installation import WEBINAR
from tests.browser.jobs import DAILY, OTHERS, TABLE, announce_lesson, begin, enter, find, finish, open_lesson
from tests.browser.running import Demo, new_address
from tests.support.waiting import poll_until


def test_person_is_found_by_keys(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, WEBINAR, address)
    hand = begin(demo, desk, keys=True)
    find(hand, address)

    expect(desk.locator("main")).to_contain_text(address)
    finish("Find a person", hand)


def test_registrations_of_an_event_are_opened_and_exported(demo: Demo, desk: Page, tmp_path: Path) -> None:
    lesson, address = open_lesson(demo, capacity=5), new_address()
    enter(demo, lesson.id, address)
    hand = begin(demo, desk)
    row = desk.get_by_role("listitem").filter(has=desk.get_by_role("link", name=lesson.title, exact=True))
    counted = row.get_by_role("link", name="1 confirmed", exact=True)
    poll_until(lambda: desk.reload() and counted.count(), 15.0, what="one is counted")
    hand.found(counted, "1 confirmed")
    expect(desk.get_by_role("row").filter(has_text=address)).to_have_count(1)
    finish("Open the registrations of an event", hand)

    hand.download("Download CSV").save_as(tmp_path / "registrations.csv")
    with (tmp_path / "registrations.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["email"] for row in csv.DictReader(file)] == [address]
    finish("Export them", hand)


def test_those_missing_are_written_to(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, "geneva-delegation", address, name="A traveller")
    hand = begin(demo, desk)
    gap = desk.get_by_role("link", name="Write to those not registered")
    poll_until(lambda: desk.reload() and gap.count(), 15.0, what="one is missing")
    hand.link("Write to those not registered")
    hand.write("Text", f"Please register for the webinar, too. ({address.partition('@')[0]})")
    hand.button("Save the draft and see who gets it")
    hand.found(desk.get_by_role("button", name="Send to"), "Send to … people")

    expect(desk.get_by_role("heading", name="Outcome")).to_be_visible()
    poll_until(lambda: [mail for mail in demo.mails(address) if "Webinar Wednesday" in mail["subject"]], 30.0)
    finish("Write to those not registered", hand)


def test_capacity_is_changed_by_keys(demo: Demo, desk: Page) -> None:
    lesson = open_lesson(demo, capacity=5)
    hand = begin(demo, desk, keys=True)
    hand.link(lesson.title, called="the event")
    hand.link("Change the number of seats")
    hand.write("Number of seats", "7")
    hand.button("Preview")
    hand.button("Change the form")

    expect(desk.get_by_role("status")).to_contain_text("Done.")
    assert desk.get_by_label("Number of seats").input_value() == "7"
    finish("Change the capacity", hand)


def test_registration_is_cancelled_by_keys(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, WEBINAR, address)
    hand = begin(demo, desk, keys=True)
    find(hand, address)
    hand.fold("Cancel for this person")
    hand.button("Cancel this registration")

    expect(desk.locator(".titled .tag").first).to_have_text("Cancelled")
    finish("Cancel for a person", hand)


def test_chosen_person_is_offered_a_seat_and_the_offer_confirmed(demo: Demo, desk: Page) -> None:
    lesson, address = open_lesson(demo, capacity=1), new_address()
    seated = enter(demo, lesson.id, new_address())
    enter(demo, lesson.id, new_address(), name="The next in line")
    enter(demo, lesson.id, address)
    by_hand = {"promotion_mode": "by-hand"}
    demo.places.ask("PATCH", f"/v1/forms/{lesson.id}", json=by_hand, headers={"If-Match": "*"})
    demo.places.ask("PATCH", f"/v1/registrations/{seated}", json={"status": "cancelled"}, headers={"If-Match": '"1"'})
    hand = begin(demo, desk)
    find(hand, address)
    hand.fold("Offer them a seat")
    hand.choose("Why?", "They speak at the event")
    hand.button("Offer a seat")
    expect(desk.locator(".titled .tag").first).to_have_text("Seat offered")
    finish("Offer a seat to a chosen person", hand)

    hand = begin(demo, desk)
    find(hand, address)
    hand.fold("Accept the offer for them")
    hand.button("Accept on their behalf")
    expect(desk.locator(".titled .tag").first).to_have_text("Confirmed")
    finish("Confirm an offer", hand)


def test_event_is_copied_and_its_form(demo: Demo, desk: Page) -> None:
    lesson = open_lesson(demo, capacity=5)
    number = int(lesson.id.rpartition("-")[2]) + 1
    hand = begin(demo, desk)
    hand.link(lesson.title, called="the event")
    hand.link("Copy")
    hand.button("Create the draft")
    expect(desk.get_by_role("heading", level=1)).to_have_text(f"Lesson #{number}")
    finish("Copy an event", hand)

    demo.places.ask("POST", f"/v1/events/lesson-{number}/announce", json={}, headers={"If-Match": "*"})
    hand = begin(demo, desk)
    hand.link(f"Lesson #{number}", called="the event")
    hand.link("New form for this event")
    poll_until(lambda: desk.reload() and desk.get_by_label("Short name").input_value(), 15.0, what="the event")
    hand.button("Create the draft")
    expect(desk.get_by_label("Français").first).to_have_value(f"Inscription : Lesson #{number}")
    expect(desk.get_by_label("Example Partner")).to_be_checked()
    hand.button("Publish")
    hand.button("Yes, publish it")
    finish("Copy the form of the event before it", hand)


def test_recording_is_published(demo: Demo, desk: Page) -> None:
    lesson = announce_lesson(demo, days=-2)
    hand = begin(demo, desk)
    hand.link(f"Add a recording of {lesson.title}", called="Add a recording")
    hand.write("Address", "https://videos.example.org/lesson")
    hand.button("Save")

    desk.goto(f"{demo.ports.public_url}/programme/{lesson.id}?lang=en")
    expect(desk.get_by_role("link", name=f"Recording of {lesson.title}")).to_be_visible()
    finish("Publish a recording", hand)


def test_who_has_not_given_travel_details_is_seen(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, "geneva-delegation", address, name="A traveller")
    hand = begin(demo, desk)
    hand.link("Travel details not given yet")

    expect(desk.get_by_role("row").filter(has_text=address)).to_have_count(1)
    finish("See who has not given travel details", hand)


def test_table_names_each_job_once() -> None:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = [line.split(" | ")[0].removeprefix("| ") for line in lines]
    assert named == ["job", *DAILY, "job", *OTHERS]
