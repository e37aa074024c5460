"""The page behind the link in the mail: view, and cancel after a confirmation."""

from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.visitor import Visit


def test_link_shows_the_answers_of_the_person(demo: Demo, visitor: Visit) -> None:
    address = new_address()
    demo.register(address, organisation="Example Organisation", working_group="housing", representative=True)
    answer = visitor.page.goto(demo.link(address))

    assert answer is not None
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    expect(visitor.page.locator(".done")).to_contain_text("You are registered.")
    expect(visitor.page.locator("dl")).to_contain_text(address)
    expect(visitor.page.locator("dl")).to_contain_text("Example Organisation")
    expect(visitor.page.locator("dl")).to_contain_text("Housing")
    assert visitor.context.cookies() == []
    assert visitor.origins == {demo.ports.public_url}
    assert visitor.faults == []


def test_cancelling_asks_first_and_takes_the_event_out_of_the_calendar(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    demo.register(address)
    page.goto(demo.link(address))

    page.get_by_role("button", name="Cancel my registration").click()
    expect(page.get_by_role("heading", name="Do you really want to cancel your registration?")).to_be_visible()
    page.get_by_role("link", name="No, keep it").click()
    expect(page.locator(".done")).to_contain_text("You are registered.")
    assert [item["status"] for item in demo.registrations(address)] == ["confirmed"]

    page.get_by_role("button", name="Cancel my registration").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.locator(".note")).to_contain_text("Your registration is cancelled.")
    assert [item["status"] for item in demo.registrations(address)] == ["cancelled"]

    invitation, cancellation = demo.mail(address)["calendar"], demo.mail(address, "CANCEL")["calendar"]
    assert cancellation["uid"] == invitation["uid"]
    assert cancellation["sequence"] > invitation["sequence"]
    assert cancellation["status"] == "CANCELLED"


def test_who_has_cancelled_can_register_again(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    demo.register(address)
    page.goto(demo.link(address))
    page.get_by_role("button", name="Cancel my registration").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    page.get_by_role("link", name="Register again").click()
    page.fill("#field-name", "A participant")
    page.fill("#field-email", address)
    page.check("#field-consent")
    page.click("button[type=submit]")

    expect(page.locator("#done h2")).to_have_text("You are registered")
    assert sorted(item["status"] for item in demo.registrations(address)) == ["cancelled", "confirmed"]


def test_cancelling_works_without_script(demo: Demo, new_visitor: NewVisitor) -> None:
    page, address = new_visitor(java_script_enabled=False).page, new_address()
    demo.register(address)
    page.goto(demo.link(address))
    page.get_by_role("button", name="Cancel my registration").click()
    page.get_by_role("button", name="Yes, cancel it").click()

    expect(page.locator(".note")).to_contain_text("Your registration is cancelled.")


def test_invalid_link_shows_an_error_page(demo: Demo, visitor: Visit) -> None:
    answer = visitor.page.goto(f"{demo.ports.public_url}/r/mistyped")

    assert answer is not None
    assert answer.status == 404
    expect(visitor.page.get_by_role("heading")).to_have_text("This link does not work")
