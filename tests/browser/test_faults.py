"""What people see when their answers are incomplete, or when the network fails."""

import pytest
from playwright.sync_api import Route, expect

from deploy.local.installation import WEBINAR
from deploy.local.screenshot_pages.side_events import FORM as PROPOSAL
from tests.browser.conftest import NewVisitor
from tests.browser.demo_process import Demo, new_address
from tests.browser.host_pages import host_page, snippet
from tests.browser.keyboard import fill_in, focused, tab_to, tab_to_button
from tests.browser.visitor import Visit
from tests.support.waiting import poll_until

INTAKE = "**/v1/forms/*/submissions"


def test_wrong_answers_are_summed_up_and_can_be_mended(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    tab_to(page, frame, "field-email")
    page.keyboard.type("participant at example.org")
    tab_to_button(page, frame)
    page.keyboard.press("Enter")

    expect(frame.locator("#summary li")).to_have_text(
        [
            "Your name: Please answer this question.",
            "E-mail address: This is not a complete e-mail address. Example: name@example.org.",
            "We need your agreement before we can accept your registration.",
        ]
    )
    assert focused(frame) == "summary"
    assert visitor.wait_for_event("troika:error") == {"code": "invalid"}
    links = [link.get_attribute("href") for link in frame.locator("#summary a").all()]
    assert links == ["#field-name", "#field-email", "#field-consent"]
    for link in links:
        control = frame.locator(str(link))
        expect(control).to_have_attribute("aria-invalid", "true")
        described = str(control.get_attribute("aria-describedby")).split()
        error = next(frame.locator(f"#{part}") for part in described if part.endswith("-error"))
        expect(error).to_be_visible()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(frame) == "field-name"
    page.keyboard.type("A participant")
    frame.locator("#field-email").fill(address)
    frame.locator("#field-consent").check()
    frame.locator("button[type=submit]").click()

    expect(frame.locator("#done h2")).to_have_text("You are registered")
    assert len(demo.registrations(address)) == 1


def test_errors_go_away_when_the_form_is_sent_again(demo: Demo, visitor: Visit) -> None:
    page = visitor.page
    page.goto(demo.form_url)
    page.click("button[type=submit]")
    expect(page.locator("[aria-invalid=true]")).to_have_count(3)
    page.fill("#field-name", "A participant")
    page.click("button[type=submit]")

    expect(page.locator("[aria-invalid=true]")).to_have_count(2)
    expect(page.locator("#name-error")).to_be_hidden()


def test_lost_answer_is_asked_for_again_with_the_same_key(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    keys: list[str | None] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.header_value("Idempotency-Key"))
        if len(keys) > 1:
            route.continue_()
            return
        assert route.fetch().status == 202  # the service has taken it; only the answer is lost
        route.abort()

    page.route(INTAKE, lose_the_first)
    page.goto(demo.form_url)
    page.fill("#field-name", "A participant")
    page.fill("#field-email", address)
    page.check("#field-consent")
    page.click("button[type=submit]")

    expect(page.locator("#progress")).to_contain_text("Trying again in")
    expect(page.locator("#done h2")).to_have_text("You are registered")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert len(demo.registrations(address)) == 1
    demo.mail(address)
    assert len(demo.mails(address)) == 1


def test_service_that_does_not_answer_keeps_what_was_typed(demo: Demo, visitor: Visit) -> None:
    page, address = visitor.page, new_address()
    keys: list[str | None] = []

    def refuse(route: Route) -> None:
        keys.append(route.request.header_value("Idempotency-Key"))
        route.fulfill(status=503, headers={"Retry-After": "1"}, json={"code": "busy"})

    page.route(INTAKE, refuse)
    page.clock.install()
    page.goto(demo.form_url)
    page.fill("#field-name", "A participant")
    page.fill("#field-email", address)
    page.check("#field-consent")
    page.click("button[type=submit]")
    for attempt in (2, 3, 4, 5):
        expect(page.locator("#progress")).to_contain_text(f"attempt {attempt} of 5")
        page.clock.fast_forward(31_000)

    expect(page.locator("#summary")).to_contain_text("We could not get an answer from the service.")
    assert focused(page.main_frame) == "summary"
    assert page.input_value("#field-email") == address

    page.unroute(INTAKE)
    with page.expect_request(INTAKE) as sent:
        page.click("button[type=submit]")
    expect(page.locator("#done h2")).to_have_text("You are registered")
    assert {*keys, sent.value.header_value("Idempotency-Key")} == {keys[0]}


STICKY_PX = 96
STICKY_HEADER = f"""<div id="sticky">Partner</div><script>
  Object.assign(document.getElementById("sticky").style,
    {{ position: "sticky", insetBlockStart: 0, blockSize: "{STICKY_PX}px", background: "#ccc", zIndex: 9 }});
</script><p>What it is about.</p>"""
HALF_A_WINDOW_PX = 400
TOP_IN_WINDOW = "element => element.getBoundingClientRect().top"


def test_title_announces_the_error(demo: Demo, visitor: Visit) -> None:
    """A screen reader reads it first; it disappears with the faults."""
    page = visitor.page
    page.goto(demo.form_url)
    usual = page.title()
    page.click("form button[type=submit]")
    expect(page).to_have_title(f"Error: {usual}")
    page.fill("#field-name", "A participant")
    page.fill("#field-email", new_address())
    page.check("#field-consent")
    page.click("form button[type=submit]")
    expect(page).to_have_title(f"You are registered – {usual}")


REQUIRED = {
    WEBINAR: {"name": "A participant", "email": "a@b"},
    PROPOSAL: {"name": "A proposer", "email": "a@b", "title": "Air", "summary": "Clean.", "attendance": "25"},
}
"""What a browser lets someone send, by form: an address that only we refuse."""


@pytest.mark.parametrize("scripted", [True, False])
@pytest.mark.parametrize("form", [WEBINAR, PROPOSAL])
def test_faults_are_summed_up_by_every_form(demo: Demo, new_visitor: NewVisitor, form: str, scripted: bool) -> None:
    """In the page's language, with links to the questions; no bubble of the browser hides all faults but the first."""
    page = new_visitor(java_script_enabled=scripted).page
    page.goto(f"{demo.ports.public_url}/embed/{form}?lang=en")
    usual = page.title()
    if not scripted:  # the browser's own check comes first where our script does not run
        for name, answer in REQUIRED[form].items():
            page.fill(f"#field-{name}", answer)
        page.check("#field-consent")
    page.locator("form button[type=submit]").last.click()
    expect(page.locator("#summary h2")).to_have_text("Please check these answers")
    expect(page).to_have_title(f"Error: {usual}")
    first = page.locator("#summary a").first
    target = str(first.get_attribute("href"))
    first.click()
    expect(page.locator(target)).to_be_in_viewport()
    label = page.locator(f"label[for={target[1:]}]")
    expect(label).to_be_in_viewport()


@pytest.mark.parametrize("taken", [False, True])
def test_answer_is_visible_below_a_sticky_header(demo: Demo, visitor: Visit, taken: bool) -> None:
    """The page around is scrolled to the faults, or to the frame that has become shorter."""
    below = "<p>More of the page.</p>" * 60
    host_page(demo, visitor, STICKY_HEADER + snippet(demo, WEBINAR) + below, policy="")
    frame = visitor.frame()
    if taken:
        fill_in(visitor.page, frame, new_address())
    button = frame.locator("form button[type=submit]")
    button.scroll_into_view_if_needed()
    button.click()
    answer = frame.locator("#done" if taken else "#summary")
    expect(answer).to_be_visible()
    element = visitor.page.locator("troika-form")

    def top() -> float:
        return float(element.evaluate(TOP_IN_WINDOW) + answer.evaluate(TOP_IN_WINDOW))

    poll_until(lambda: STICKY_PX <= top() < HALF_A_WINDOW_PX, what="the answer is below the header")
    if taken:
        assert element.evaluate(TOP_IN_WINDOW) >= STICKY_PX
