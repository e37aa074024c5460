"""Coordinators' daily jobs, each in at most four clicks from its starting page; three of them by keyboard."""

import csv
from pathlib import Path

from playwright.sync_api import Page, expect

from deploy.local.installation import WEBINAR
from tests.browser.demo_process import Demo, new_address
from tests.browser.jobs import DAILY, OTHERS, TABLE, announce_lesson, begin, enter, find, finish, open_lesson
from tests.support.waiting import poll_until


def test_person_is_found_by_keys(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, WEBINAR, address)
    driver = begin(demo, desk, keys=True)
    find(driver, address)

    expect(desk.locator("main")).to_contain_text(address)
    finish("Find a person", driver)


def test_registrations_of_an_event_are_opened_and_exported(demo: Demo, desk: Page, tmp_path: Path) -> None:
    lesson, address = open_lesson(demo, capacity=5), new_address()
    enter(demo, lesson.id, address)
    driver = begin(demo, desk)
    row = desk.get_by_role("listitem").filter(has=desk.get_by_role("link", name=lesson.title, exact=True))
    counted = row.get_by_role("link", name="1 confirmed", exact=True)
    poll_until(lambda: desk.reload() and counted.count(), 15.0, what="one is counted")
    driver.found(counted, "1 confirmed")
    expect(desk.get_by_role("row").filter(has_text=address)).to_have_count(1)
    finish("Open the registrations of an event", driver)

    driver.download("Download CSV").save_as(tmp_path / "registrations.csv")
    with (tmp_path / "registrations.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["email"] for row in csv.DictReader(file)] == [address]
    finish("Export them", driver)


def test_those_missing_are_written_to(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, "geneva-delegation", address, name="A traveller")
    driver = begin(demo, desk)
    gap = desk.get_by_role("link", name="Write to those not registered")
    poll_until(lambda: desk.reload() and gap.count(), 15.0, what="one is missing")
    driver.link("Write to those not registered")
    driver.write("Text", f"Please register for the webinar, too. ({address.partition('@')[0]})")
    driver.button("Save the draft and see who gets it")
    driver.found(desk.get_by_role("button", name="Send to"), "Send to … people")

    expect(desk.get_by_role("heading", name="Outcome")).to_be_visible()
    poll_until(lambda: [mail for mail in demo.mails(address) if "Webinar Wednesday" in mail["subject"]], 30.0)
    finish("Write to those not registered", driver)


def test_capacity_is_changed_by_keys(demo: Demo, desk: Page) -> None:
    lesson = open_lesson(demo, capacity=5)
    driver = begin(demo, desk, keys=True)
    driver.link(lesson.title, called="the event")
    driver.link("Change the number of seats")
    driver.write("Number of seats", "7")
    driver.button("Preview")
    driver.button("Change the form")

    expect(desk.get_by_role("status")).to_contain_text("Done.")
    assert desk.get_by_label("Number of seats").input_value() == "7"
    finish("Change the capacity", driver)


def test_registration_is_cancelled_by_keys(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, WEBINAR, address)
    driver = begin(demo, desk, keys=True)
    find(driver, address)
    driver.fold("Cancel for this person")
    driver.button("Cancel this registration")

    expect(desk.locator(".titled .tag").first).to_have_text("Cancelled")
    finish("Cancel for a person", driver)


def test_chosen_person_is_offered_a_seat_and_the_offer_confirmed(demo: Demo, desk: Page) -> None:
    lesson, address = open_lesson(demo, capacity=1), new_address()
    seated = enter(demo, lesson.id, new_address())
    enter(demo, lesson.id, new_address(), name="The next in line")
    enter(demo, lesson.id, address)
    manual = {"promotion_mode": "by-hand"}
    demo.places.ask("PATCH", f"/v1/forms/{lesson.id}", json=manual, headers={"If-Match": "*"})
    demo.places.ask("PATCH", f"/v1/registrations/{seated}", json={"status": "cancelled"}, headers={"If-Match": '"1"'})
    driver = begin(demo, desk)
    find(driver, address)
    driver.fold("Offer them a seat")
    driver.choose("Why?", "They speak at the event")
    driver.button("Offer a seat")
    expect(desk.locator(".titled .tag").first).to_have_text("Seat offered")
    finish("Offer a seat to a chosen person", driver)

    driver = begin(demo, desk)
    find(driver, address)
    driver.fold("Accept the offer for them")
    driver.button("Accept on their behalf")
    expect(desk.locator(".titled .tag").first).to_have_text("Confirmed")
    finish("Confirm an offer", driver)


def test_event_is_copied_and_its_form(demo: Demo, desk: Page) -> None:
    lesson = open_lesson(demo, capacity=5)
    number = int(lesson.id.rpartition("-")[2]) + 1
    driver = begin(demo, desk)
    driver.link(lesson.title, called="the event")
    driver.link("Copy")
    driver.button("Create the draft")
    expect(desk.get_by_role("heading", level=1)).to_have_text(f"Lesson #{number}")
    finish("Copy an event", driver)

    demo.places.ask("POST", f"/v1/events/lesson-{number}/announce", json={}, headers={"If-Match": "*"})
    driver = begin(demo, desk)
    driver.link(f"Lesson #{number}", called="the event")
    driver.link("New form for this event")
    poll_until(lambda: desk.reload() and desk.get_by_label("Short name").input_value(), 15.0, what="the event")
    driver.button("Create the draft")
    expect(desk.get_by_label("Français").first).to_have_value(f"Inscription : Lesson #{number}")
    expect(desk.get_by_label("Example Partner")).to_be_checked()
    driver.button("Publish")
    driver.button("Yes, publish it")
    finish("Copy the form of the event before it", driver)


def test_recording_is_published(demo: Demo, desk: Page) -> None:
    lesson = announce_lesson(demo, days=-2)
    driver = begin(demo, desk)
    driver.link(f"Add a recording of {lesson.title}", called="Add a recording")
    driver.write("Address", "https://videos.example.org/lesson")
    driver.button("Save")

    desk.goto(f"{demo.ports.public_url}/programme/{lesson.id}?lang=en")
    expect(desk.get_by_role("link", name=f"Recording of {lesson.title}")).to_be_visible()
    finish("Publish a recording", driver)


def test_who_has_not_given_travel_details_is_seen(demo: Demo, desk: Page) -> None:
    address = new_address()
    enter(demo, "geneva-delegation", address, name="A traveller")
    driver = begin(demo, desk)
    driver.link("Travel details not given yet")

    expect(desk.get_by_role("row").filter(has_text=address)).to_have_count(1)
    finish("See who has not given travel details", driver)


def test_table_names_each_job_once() -> None:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = [line.split(" | ")[0].removeprefix("| ") for line in lines]
    assert named == ["job", *DAILY, "job", *OTHERS]
