"""*My registrations* and *my data* as people use them, and a coordinator's export of one person's data."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.visitor import Visit
from tests.support.waiting import poll_until

SIGN_IN_FOR = "/console/registrations/person-export"
REASON = "request of 12 March, case 17"


def newest_link(demo: Demo, address: str, beginning: str, mails_before: int) -> str:
    """The link in the mail that came after ``mails_before`` others."""
    mails = poll_until(
        lambda: found if len(found := demo.mails(address)) > mails_before else None, 30.0, what="one more mail"
    )
    assert mails is not None
    link = demo.linked(mails[0], beginning)
    assert link is not None
    return link


def test_someone_without_script_and_mouse_finds_their_registration_and_their_data(
    demo: Demo, new_visitor: NewVisitor
) -> None:
    """From the page that anyone opens, by two mails, to everything that is kept of them."""
    address = new_address()
    demo.register(address)
    visit = new_visitor(java_script_enabled=False, viewport={"width": 320, "height": 800})
    page = visit.page
    # mails to a mailbox are spaced until its owner has acted
    page.goto(f"{demo.link(address)}/answers?lang=en")
    page.fill("#field-organisation", "Example Organisation")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your changes are saved.")
    before = poll_until(lambda: len(mails) if len(mails := demo.mails(address)) > 1 else 0, 30.0, what="both mails")
    page.goto(f"{demo.ports.public_url}/my?lang=en")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator("#email:focus").count():
            break
    page.keyboard.type(address)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()
    page.goto(newest_link(demo, address, "/c/", before))
    expect(page.locator("main")).to_contain_text("A participant – Registered")
    page.get_by_role("button", name="E-mail me my personal link").press("Enter")
    expect(page.locator(".done")).to_contain_text("We are sending the personal link")
    page.goto(newest_link(demo, address, "/r/", before + 1))
    page.get_by_role("link", name="Show my data").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data")
    for shown in (address, "Example Organisation", "What you agreed to", "Confirmation – sent"):
        expect(page.locator("main")).to_contain_text(shown)
    assert visit.origins == {demo.ports.public_url}
    assert visit.context.cookies() == []


def test_address_that_is_none_is_explained_and_kept(demo: Demo, visitor: Visit) -> None:
    page = visitor.page
    page.goto(f"{demo.ports.public_url}/my?lang=en")
    page.evaluate("document.querySelector('main form').noValidate = true")
    page.fill("#email", "somebody")
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter an e-mail address")
    expect(page.locator("#email")).to_have_value("somebody")
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.locator("#email")).to_be_focused()


def test_framed_form_opens_a_new_window(demo: Demo, visitor: Visit) -> None:
    """No page around may frame the page that it leads to."""
    visitor.page.goto(demo.ports.partner_url)
    link = visitor.frame().get_by_role("link", name="Find your registrations")
    with visitor.context.expect_page() as opened:
        link.click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Find your registrations")


def test_coordinator_saves_one_file_about_one_person(demo: Demo, visitor: Visit, tmp_path: Path) -> None:
    """Without their address in any path, and with an entry in the audit log of each service."""
    address = new_address()
    demo.register(address, organisation="Example Organisation")
    poll_until(lambda: demo.mails(address), 30.0, what="their confirmation")
    page = visitor.page
    page.goto(f"{demo.ports.public_url}{SIGN_IN_FOR}")
    page.fill("#key", demo.places.key)
    page.get_by_role("button", name="Sign in").click()
    page.fill("#email", address)
    page.fill("#reason", REASON)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the file").click()
    saved = tmp_path / "person.json"
    download.value.save_as(saved)
    file: dict[str, Any] = json.loads(saved.read_text())
    tables = {name: part["tables"] for name, part in file["services"].items()}
    [registration] = tables["registration"]["registration"]
    assert (file["address"], registration["email"]) == (address, address)
    assert [one["registration_id"] for one in tables["events"]["roster"]] == [registration["id"]]
    assert "confirmation" in {one["kind"] for one in tables["notifications"]["mail"]}
    expect(page.get_by_role("status")).to_contain_text("The file is saved. Registrations in it: 1")
    assert [one.url for one in visitor.requests if address in one.url] == []
    for service in tables:
        lines = demo.places.ask("GET", f"/v1/service-audit/{service}", params={"action": "person-exported"})["items"]
        assert [(one["subject"], one["detail"]["reason"]) for one in lines[:1]] == [(file["export_id"], REASON)]
