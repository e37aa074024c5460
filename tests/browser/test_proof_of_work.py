"""Browsers compute a proof of work while people type: with it a form without verification registers at once."""

import re

import pytest
from playwright.sync_api import expect

from deploy.local.installation import PARTNER, WEBINAR
from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.old_browsers import make_old
from tests.browser.visitor import Visit
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

FORM = f"/v1/forms/{WEBINAR}"


@pytest.mark.parametrize("old", [False, True], ids=["of today", "at the floor"])
def test_work_is_done_in_a_partners_page_and_the_seat_is_there_at_once(demo: Demo, visitor: Visit, old: bool) -> None:
    """Under the partner's strict policy and ours, with no third party and no cookie."""
    if old:
        make_old(visitor.context)
    visitor.page.goto(demo.ports.partner_url)
    frame, address = visitor.frame(), new_address()
    frame.fill("#field-name", "A participant")
    visitor.wait_until_worked()
    frame.fill("#field-email", address)
    frame.check("#field-consent")
    frame.click("button[type=submit]")
    expect(frame.locator("#done h2")).to_have_text("You are registered")
    assert [one["status"] for one in demo.registrations(address)] == ["confirmed"]
    assert visitor.origins == {demo.ports.partner_url, demo.ports.public_url}
    assert (visitor.faults, visitor.context.cookies()) == ([], [])


def test_browser_that_cannot_work_confirms_by_mail(demo: Demo, visitor: Visit) -> None:
    visitor.context.route("**/v1/challenge?*", lambda route: route.abort())
    visitor.page.goto(demo.form_url)
    address = new_address()
    visitor.page.fill("#field-name", "A participant")
    visitor.page.fill("#field-email", address)
    visitor.page.check("#field-consent")
    visitor.page.click("button[type=submit]")
    expect(visitor.page.locator("#done h2")).to_have_text("Check your e-mail")
    assert demo.registrations(address) == []
    demo.confirm(address)
    assert [one["status"] for one in demo.registrations(address)] == ["confirmed"]


def test_lines_of_the_guide_solve_it_in_a_partners_own_form(demo: Demo, new_visitor: NewVisitor) -> None:
    """Run unchanged, on the partner's origin (whose sample page has a policy for frames alone)."""
    guide = (PROJECT / "docs" / "how-to" / "embed-a-form.md").read_text()
    found = re.search(r"```js\n(async function proofOf.*?)```", guide, re.DOTALL)
    assert found is not None
    lines = found[1].replace("https://register.example.org", demo.ports.public_url)
    page, address = new_visitor(bypass_csp=True).page, new_address()
    page.goto(demo.ports.partner_url)
    content = {"name": "A participant", "email": address, "consent": True, "partner": PARTNER}
    answer = page.evaluate(
        f"""async ([home, form, content]) => {{
          {lines}
          const {{ proof_of_work }} = await (await fetch(home + form)).json();
          const body = JSON.stringify({{ ...content, altcha: await proofOf(proof_of_work.challenge) }});
          const headers = {{ "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() }};
          return (await fetch(`${{home}}${{form}}/submissions`, {{ method: "POST", headers, body }})).json();
        }}""",
        [demo.ports.public_url, FORM, content],
    )
    assert (answer["status"], len(answer["code"])) == ("received", 4)
    poll_until(lambda: demo.registrations(address), 15.0, what="the submission is decided")
    assert [one["status"] for one in demo.registrations(address)] == ["confirmed"]
