"""Every action of the own page on a phone, by keyboard only and without a script."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.keyboard import MAX_TABS, tab_to
from tests.browser.visitor import Visit
from tests.support.waiting import poll_until

PHONE = {"width": 360, "height": 740}
EVENT = "review-press-conference"
"""Event and form of no one else's browser test: it is moved to the present, and back."""
MEETING = "https://meet.example.org/press"


@pytest.fixture
def phone(new_visitor: NewVisitor) -> Visit:
    """Someone with a small screen, whose browser runs no script."""
    return new_visitor(java_script_enabled=False, viewport=PHONE)


def press(page: Page, role: Any, name: str, key: str = "Enter") -> None:
    """Press Tab until the control with this role and name has the focus, then ``key``; Enter leads to another page.

    Raises:
        AssertionError: it cannot be reached.
    """
    control = page.get_by_role(role, name=name, exact=True)
    for _ in range(MAX_TABS):
        if control.evaluate("control => control === document.activeElement"):
            break
        page.keyboard.press("Tab")
    else:
        raise AssertionError(f"{role} {name!r} cannot be reached with the Tab key")
    if key != "Enter":
        page.keyboard.press(key)
        return
    with page.expect_navigation():
        page.keyboard.press(key)


def linked_soon(demo: Demo, address: str, beginning: str, but: str = "") -> str:
    """A link that begins so and is not ``but``, from the newest mail to ``address`` that has one."""

    def read_inbox() -> str | None:
        found = (demo.linked(mail, beginning) for mail in demo.mails(address))
        return next((link for link in found if link and link != but), None)

    link = poll_until(read_inbox, 30.0, what=f"mail with a link to {beginning}")
    assert link is not None
    return link


def own_page(demo: Demo, address: str, form: str = "") -> str:
    """The own page of a new registration with ``address``, in English."""
    if form:
        content = {"name": "A participant", "email": address, "language": "en", "consent": True}
        demo.places.register(form, content)
        demo.confirm(address)
    else:
        demo.register(address)
    return f"{demo.link(address).partition('?')[0]}?lang=en"


def test_address_is_changed_and_the_former_one_takes_it_back(demo: Demo, phone: Visit) -> None:
    page, address, other = phone.page, new_address(), new_address()
    page.goto(own_page(demo, address))
    press(page, "link", "Use another address")
    tab_to(page, page.main_frame, "email")
    page.keyboard.type(other)
    page.keyboard.press("Enter")
    expect(page.locator("#address")).to_contain_text(other)
    assert demo.registrations(other) == []

    page.goto(f"{demo.confirmation_link(other)}?lang=en")
    press(page, "radio", "Yes, use this address", "Space")
    press(page, "button", "Send my choices")
    expect(page.locator(".results")).to_contain_text("The registration now uses this address")
    assert [len(demo.registrations(one)) for one in (address, other)] == [0, 1]

    page.goto(f"{linked_soon(demo, address, '/r/undo/')}?lang=en")
    press(page, "checkbox", "I want my address back on this registration", "Space")
    press(page, "button", "Undo the change")
    expect(page.get_by_role("status")).to_contain_text("The change has been undone")
    assert [len(demo.registrations(one)) for one in (address, other)] == [1, 0]


def test_details_are_given(demo: Demo, phone: Visit) -> None:
    page = phone.page
    page.goto(own_page(demo, new_address(), "geneva-delegation"))
    press(page, "link", "Give the details")
    tab_to(page, page.main_frame, "field-emergency_contact")
    page.keyboard.type("A colleague, +41 22 000 00 00")
    press(page, "button", "Save")
    expect(page.locator("#details")).to_contain_text("You gave these details on")


def test_links_are_ended_and_new_ones_mailed(demo: Demo, phone: Visit) -> None:
    page, address = phone.page, new_address()
    page.goto(own_page(demo, address))
    before = demo.link(address)
    press(page, "button", "Deactivate all links and send me new ones")
    expect(page.get_by_role("heading", name="New links are on their way to you")).to_be_visible()
    page.goto(linked_soon(demo, address, "/r/", but=before))
    expect(page.locator(".done")).to_contain_text("You are registered.")


def test_registration_is_cancelled(demo: Demo, phone: Visit) -> None:
    page, address = phone.page, new_address()
    page.goto(own_page(demo, address))
    press(page, "button", "Cancel my registration")
    press(page, "button", "Yes, cancel it")
    expect(page.locator(".note")).to_contain_text("Your registration is cancelled.")
    assert [one["status"] for one in demo.registrations(address)] == ["cancelled"]


def test_person_is_erased(demo: Demo, phone: Visit) -> None:
    page, address = phone.page, new_address()
    page.goto(own_page(demo, address))
    press(page, "button", "Erase my data")
    press(page, "button", "Yes, erase my data")
    expect(page.get_by_role("heading", name="Your data has been erased")).to_be_visible()
    assert demo.registrations(address) == []


def changed_event(demo: Demo, path: str = "", **changes: Any) -> dict[str, Any]:
    """Change the event, or take the step ``path``; returns the event as it was before."""
    found: dict[str, Any] = demo.places.ask("GET", f"/v1/events/{EVENT}")
    headers = {"If-Match": f'"{found["revision"]}"'}
    method = "POST" if path else "PATCH"
    demo.places.ask(method, f"/v1/events/{EVENT}{path}", json=changes, headers=headers)
    return found


@pytest.fixture
def guest(demo: Demo) -> Iterator[str]:
    """The own page of someone whose event is online and begins in five minutes."""
    page = own_page(demo, new_address(), EVENT)
    before = changed_event(demo, mode="online", join_url=MEETING)
    now = datetime.now(UTC)
    moved = {"starts_at": now + timedelta(minutes=5), "ends_at": now + timedelta(hours=1)}
    changed_event(demo, "/reschedule", **{name: at.isoformat() for name, at in moved.items()})
    yield page
    changed_event(demo, "/reschedule", starts_at=before["starts_at"], ends_at=before["ends_at"])
    changed_event(demo, mode=before["mode"], join_url=None)


def test_meeting_is_joined(guest: str, phone: Visit) -> None:
    """The address of the meeting is on no page before the button is pressed."""
    page = phone.page
    page.route(f"{MEETING}**", lambda route: route.fulfill(body="the meeting", content_type="text/plain"))

    def joinable() -> bool:
        page.goto(guest)
        assert MEETING not in page.content()
        return page.get_by_role("button", name="Join online").count() == 1

    poll_until(joinable, 30.0, every_s=0.5, what="the own page offers to join")
    press(page, "button", "Join online")
    page.wait_for_url(MEETING)
    assert page.locator("body").inner_text() == "the meeting"
