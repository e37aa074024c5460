"""Coordinators' jobs: the clicks that each may cost, their table in the documentation, and the data they work on."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Page

from deploy.local.installation import PARTNER
from tests.browser.console_driver import ConsoleDriver
from tests.browser.demo_process import Demo
from tests.support.waiting import poll_until

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "jobs.md"
MOST = 4
DAILY = (
    "Find a person",
    "Open the registrations of an event",
    "Export them",
    "Write to those not registered",
    "Change the capacity",
    "Cancel for a person",
    "Confirm an offer",
    "Copy an event",
    "Publish a recording",
    "See who has not given travel details",
)
"""At most ``MOST`` presses each, from the page on which coordinators start."""

OTHERS = (
    "Create an event from nothing",
    "Copy the form of the event before it",
    "Make a form with a condition, in two languages",
    "Watch the registrations of an event",
    "Give a partner the embed code",
    "Ask for an origin (the partner)",
    "Allow the origin",
    "Correct a person",
    "Enter a person",
    "Merge two registrations",
    "Import people from a file",
    "Offer a seat to a chosen person",
    "Write to a segment",
    "Write to it later",
    "Decide 26 proposals",
    "Make the forms for all side events",
    "Record a consultation",
    "Open the rooming list beside the rooms",
    "Invite a colleague",
    "See what a colleague did",
)


def begin(demo: Demo, desk: Page, *, keys: bool = False) -> ConsoleDriver:
    """A coordinator on the page where she starts."""
    desk.goto(f"{demo.ports.public_url}/console/overview")
    return ConsoleDriver(desk, keys)


def find(driver: ConsoleDriver, address: str) -> None:
    """The page of the only person with ``address``."""
    driver.write("Find a person", address)
    driver.enter()
    driver.found(driver.page.locator("tbody th a"), "the person")


def finish(job: str, driver: ConsoleDriver) -> None:
    """The job is done within its limit of clicks, and the documentation has its number of clicks.

    Raises:
        AssertionError: it cost more, or the table has another number.
    """
    row = f"| {job} | {len(driver.pressed)} | {' → '.join(driver.pressed)} |"
    assert job not in DAILY or len(driver.pressed) <= MOST, row
    assert row in TABLE.read_text(encoding="utf-8").splitlines(), f"docs/reference/jobs.md: {row}"


@dataclass(frozen=True, slots=True)
class Lesson:
    """An event of one test, with its form, which has the same id."""

    id: str
    title: str


def announce_lesson(demo: Demo, *, days: int = 20, kind: str = "webinar") -> Lesson:
    """An event ``days`` from now, confirmed; a webinar is one of a series."""
    number, name = secrets.randbelow(9000) + 1000, secrets.token_hex(4)
    lesson = Lesson(f"lesson-{number}", f"Lesson #{number}")
    if kind != "webinar":
        lesson = Lesson(f"meeting-{name}", f"Meeting {name}")
    starts_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=days)
    content = {
        "id": lesson.id,
        "title": {"en": lesson.title},
        "kind": kind,
        "time_zone": "America/New_York",
        "mode": "online",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
        **({"series": "upr-webinar-wednesday", "series_number": number} if kind == "webinar" else {}),
    }
    demo.places.ask("POST", "/v1/events", json=content)
    for step in ("announce", "confirm"):
        demo.places.ask("POST", f"/v1/events/{lesson.id}/{step}", json={}, headers={"If-Match": "*"})
    return lesson


def open_lesson(demo: Demo, *, capacity: int) -> Lesson:
    """The same, with a form that is open."""
    lesson = announce_lesson(demo)
    content = {
        "title": {"en": f"Register for {lesson.title}", "fr": f"Inscription : {lesson.title}"},
        "kind": "webinar",
        "event": lesson.id,
        "fields": "standard/webinar",
        "capacity": capacity,
        "partners": [PARTNER],
    }
    path = f"/v1/form-drafts/{lesson.id}"

    def publish() -> bool:
        """Registration consumes the event shortly afterwards."""
        try:
            demo.places.ask("POST", f"{path}/publish", json={}, headers={"If-Match": "*"})
        except requests.HTTPError:
            return False
        return True

    def is_shown() -> bool:
        """Events consumes the form shortly afterwards."""
        page = requests.get(
            f"{demo.ports.public_url}/console/events/{lesson.id}",
            headers={"Authorization": f"Bearer {demo.places.key}"},
            timeout=20,
        )
        return f"Register for {lesson.title}" in page.text

    demo.places.ask("POST", path, json={"content": content})
    poll_until(publish, 20.0, what="a form")
    poll_until(is_shown, 20.0, what="the form on the event's page")
    return lesson


def enter(demo: Demo, form: str, email: str, name: str = "A participant", **answers: Any) -> str:
    """Someone on a form, entered by a coordinator's program; returns the id of the registration."""
    given = {"name": name, "email": email, "consent": True, **answers}
    made = demo.places.ask("POST", f"/v1/forms/{form}/registrations", json={"reason": "on-paper", "answers": given})
    return str(made["registration"]["id"])


def give_details(demo: Demo, address: str, registration: str, **answers: Any) -> None:
    """What is asked after the confirmation, given by the link in the mail to ``address``."""
    mails = poll_until(lambda: demo.mails(address), 20.0, what="the mail with the link")
    link = next(filter(None, (demo.linked(mail, "/r/") for mail in mails or ())))
    headers = {"Authorization": f"Bearer {link.rpartition('/')[2].partition('?')[0]}", "If-Match": "*"}
    path = f"{demo.ports.public_url}/v1/registrations/{registration}"
    requests.patch(path, json={"answers": answers}, headers=headers, timeout=10).raise_for_status()
