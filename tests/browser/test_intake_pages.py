"""After submitting: what the form shows and sends to the embedding page, the receipt, and the mailed link's page."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page, Route, expect

from services.registration.intake.model import Result
from tests.browser.conftest import NewVisitor
from tests.browser.foreign_site import foreign_site
from tests.browser.intake_site import CODE, Intake, every_page, intake_site
from tests.browser.test_every_page import NARROW_PX, TOO_WIDE, WIDE_PX
from tests.browser.visitor import Visit, visit
from tests.support.accessibility import violations
from tests.support.intake_pages import ADDRESS, CANDIDATES, FORM_PATH, PATH, RECEIPT, REGISTRATION
from tests.support.waiting import poll_until

SUBMISSIONS = "**/submissions"
CHALLENGE = "**/v1/challenge?*"
NAMES = list(every_page())
WIDTHS_AND_SCHEMES: list[tuple[int, Any]] = [(WIDE_PX, "light"), (NARROW_PX, "dark")]


@pytest.fixture
def intake() -> Iterator[Intake]:
    """The site."""
    with intake_site() as site:
        yield site


@pytest.fixture(scope="module")
def viewed(browser: Browser) -> Iterator[tuple[Intake, Page]]:
    """One window and one site for all pages that are only viewed."""
    with intake_site() as site, visit(browser) as visitor:
        visitor.page.emulate_media(reduced_motion="reduce")
        yield site, visitor.page


def fill_and_send(place: Page | Frame) -> None:
    """What is required, and the button."""
    place.fill("#field-name", "A participant")
    place.fill("#field-email", ADDRESS)
    place.check("#field-consent")
    place.locator("form button[type=submit]").click()


def receipts_asked(intake: Intake) -> int:
    """How often the outcome was asked for."""
    return intake.asked.count(f"/v1/receipts/{RECEIPT}")


def test_form_shows_what_was_received_and_what_follows(intake: Intake, visitor: Visit) -> None:
    page = visitor.page
    page.goto(intake.form("by-mail"))
    fill_and_send(page)
    done = page.locator("#done")
    expect(done.get_by_role("heading")).to_have_text("We have received your answers")
    expect(done.locator(".code")).to_have_text(CODE)
    expect(done).to_contain_text(f"Our e-mail goes to: {ADDRESS}")
    expect(done).to_contain_text("Open it and confirm: no one is registered before that.")
    assert page.evaluate("document.activeElement.id") == "done"
    assert page.title() == "We have received your answers – UPR Webinar Wednesday #10"
    link = done.get_by_role("link")
    expect(link).to_have_attribute("href", f"/receipts/{RECEIPT}?lang=en")
    with visitor.context.expect_page() as opened:
        link.click()
    expect(opened.value.get_by_role("heading", level=2)).to_be_visible()
    assert visitor.faults == []


@pytest.mark.parametrize("held", [False, True])
def test_form_with_verification_shows_no_outcome_but_that_mails_take_longer(
    intake: Intake, visitor: Visit, held: bool
) -> None:
    intake.outcomes, intake.mails_held = ["confirmed"], held
    page = visitor.page
    page.goto(intake.form("by-mail"))
    page.clock.install()
    fill_and_send(page)
    expect(page.locator("#done")).to_be_visible()
    page.clock.run_for(60_000)
    expect(page.locator("#done h2")).to_have_text("We have received your answers")
    poll_until(lambda: receipts_asked(intake) == 1, what="the form asks once whether mails take longer")
    expect(page.get_by_text("ours take longer than usual")).to_be_visible(visible=held)


@pytest.mark.parametrize(
    ("outcome", "heading", "mail", "events"),
    [
        ("confirmed", "You are registered", True, [["troika:registered", {"form": "at-once", "status": "confirmed"}]]),
        ("waitlisted", "You are on the waiting list", True,
         [["troika:registered", {"form": "at-once", "status": "waitlisted"}]]),
        ("full", "All seats are taken", False, [["troika:error", {"code": "form-full"}]]),
        ("closed", "Registration was closed", False, [["troika:error", {"code": "form-closed"}]]),
        ("check-your-mail", "Check your e-mail", True, []),
    ],
)  # fmt: skip
def test_form_without_verification_shows_the_outcome(
    intake: Intake, visitor: Visit, outcome: Any, heading: str, mail: bool, events: list[Any]
) -> None:
    """The page around receives that it was sent, and the outcome if there is one; nothing about the person."""
    intake.outcomes = ["received", "received", outcome]
    with foreign_site(intake.element("at-once"), "127.0.0.1") as partner:
        visitor.page.goto(partner)
        frame = visitor.frame()
        fill_and_send(frame)
        expect(frame.locator("#done h2")).to_have_text(heading)
        expect(frame.locator("#done-mail")).to_be_visible(visible=mail)
        expect(frame.locator("#done")).to_have_class("done" if mail else "note")
        expect(frame.get_by_text("opens the same list")).to_be_visible(visible=outcome == "check-your-mail")
        expect(frame.locator("#done .code")).to_have_text(CODE)
        assert receipts_asked(intake) == 3
        first = [["troika:ready", {"form": "at-once"}], ["troika:started", {"form": "at-once"}]]
        expected = [*first, ["troika:submitted", {"form": "at-once"}], *events]
        poll_until(lambda: visitor.page.evaluate("window.hostEvents") == expected, what="the page receives the events")
        messages = str(visitor.page.evaluate("window.messages"))
        assert [word for word in (ADDRESS, "A participant", RECEIPT, CODE) if word in messages] == []
        assert visitor.context.cookies() == []


def test_outcome_that_does_not_come_is_left_to_the_receipt(intake: Intake, visitor: Visit) -> None:
    page = visitor.page
    page.clock.install()
    page.goto(intake.form("at-once"))
    fill_and_send(page)
    page.clock.run_for(2_500)
    expect(page.locator("#done-message")).to_have_text("The outcome is usually known within seconds.")
    late = page.get_by_text("This is taking longer than usual. The receipt will show the outcome.")

    def shown_after_two_seconds_more() -> bool:
        page.clock.run_for(2_000)
        return late.is_visible()

    poll_until(shown_after_two_seconds_more, what="the page stops waiting for the outcome")
    asked = receipts_asked(intake)
    assert 3 <= asked <= 10
    page.clock.run_for(60_000)
    assert receipts_asked(intake) == asked


def test_proof_is_made_while_someone_types_and_sent_along(intake: Intake, visitor: Visit) -> None:
    page = visitor.page
    page.goto(intake.form("by-mail"))
    assert intake.asked.count("/v1/challenge") == 0
    page.fill("#field-name", "A participant")
    visitor.wait_until_worked()
    fill_and_send(page)
    expect(page.locator("#done")).to_be_visible()
    [(headers, content)] = intake.submissions
    assert (bool(content["altcha"]), len(headers["Idempotency-Key"])) == (True, 32)
    assert intake.asked.count("/v1/challenge") == 1


@pytest.mark.parametrize("slug", ["by-mail", "at-once"])
@pytest.mark.parametrize("away", [CHALLENGE, "**/solver.js?*", "never answered"])
def test_missing_proof_blocks_no_one(intake: Intake, visitor: Visit, slug: str, away: str) -> None:
    held: list[Route] = []
    answer = (lambda route: held.append(route)) if away == "never answered" else (lambda route: route.abort())
    visitor.context.route(CHALLENGE if away == "never answered" else away, answer)
    visitor.page.goto(intake.form(slug))
    fill_and_send(visitor.page)
    expect(visitor.page.locator("#done")).to_be_visible()
    [(_, content)] = intake.submissions
    assert "altcha" not in content


def test_form_can_be_sent_after_a_change_of_language_that_was_stopped(intake: Intake, visitor: Visit) -> None:
    """The answer 204 leaves the page as it is, like the button that stops the loading."""
    visitor.context.route("**/embed/at-once?*", lambda route: route.fulfill(status=204), times=1)
    page = visitor.page
    page.goto(f"{intake.address}/embed/at-once")  # no query: the route above is for the change alone
    with page.expect_response(lambda answer: answer.status == 204) as stopped:
        page.get_by_role("button", name="Français").click()
    assert (stopped.value.request.method, "lang=fr" in stopped.value.url) == ("POST", True)
    assert page.locator("#form").get_attribute("action") == "/v1/forms/at-once/submissions"
    fill_and_send(page)
    expect(page.locator("#done .code")).to_have_text(CODE)


NUMBERS = {
    "\u0662\u0660": "\u0662\u0660",
    " 7 ": 7,
    "1,5": 1.5,
    "0.125": 0.125,
    "1,000": "1,000",
    "1 000": "1 000",
    "1e3": "1e3",
    "0x10": "0x10",
    " ": "",
}
"""What is typed for a number, and what is sent: other digits, and what may be no number, are left to the service."""


def test_number_is_sent_as_it_was_typed(intake: Intake, visitor: Visit) -> None:
    def with_numbers(route: Route) -> None:
        page, names = route.fetch(), [f"n{place}" for place in range(len(NUMBERS))]
        questions = "".join(f'<div data-field="{one}" data-type="number"><input name="{one}"></div>' for one in names)
        route.fulfill(response=page, body=page.text().replace("</form>", f"{questions}</form>"))

    visitor.context.route(intake.form("at-once"), with_numbers)
    page = visitor.page
    page.goto(intake.form("at-once"))
    for place, typed in enumerate(NUMBERS):
        page.fill(f"[name=n{place}]", typed)
    fill_and_send(page)
    expect(page.locator("#done .code")).to_have_text(CODE)
    [(_, content)] = intake.submissions
    assert [content[f"n{place}"] for place in range(len(NUMBERS))] == list(NUMBERS.values())


REPORTED = """
const own = Intl.DateTimeFormat.prototype.resolvedOptions;
Intl.DateTimeFormat.prototype.resolvedOptions = function () { return { ...own.call(this), timeZone: "%s" }; };
"""


@pytest.mark.parametrize(
    ("reported", "chosen"),
    [("Europe/Rome", "Europe/Rome"), ("Asia/Calcutta", "Asia/Kolkata"), ("Etc/Unknown", "")],
)
def test_zone_that_the_browser_reports_is_chosen_if_it_is_offered(
    intake: Intake, visitor: Visit, reported: str, chosen: str
) -> None:
    """The service refuses a zone that only the browser knows, and the person has not chosen it."""
    visitor.context.add_init_script(REPORTED % reported)
    page = visitor.page
    page.goto(intake.form("at-once"))
    assert page.input_value("#field-time_zone") == chosen
    fill_and_send(page)
    expect(page.locator("#done .code")).to_have_text(CODE)
    [(_, content)] = intake.submissions
    assert content.get("time_zone", "") == chosen


def test_plain_form_is_answered_with_a_page(intake: Intake, new_visitor: NewVisitor) -> None:
    page = new_visitor(java_script_enabled=False).page
    page.goto(intake.form("at-once"))
    fill_and_send(page)
    expect(page.get_by_role("status")).to_contain_text("We have received your answers")
    expect(page.locator(".code")).to_have_text(CODE)
    expect(page.get_by_role("status")).to_contain_text(f"Our e-mail goes to: {ADDRESS}")
    expect(page.get_by_role("link")).to_have_attribute("href", f"/receipts/{RECEIPT}?lang=en")


@pytest.mark.parametrize("scripted", [True, False])
def test_receipt_loads_itself_again_until_there_is_an_outcome(
    intake: Intake, new_visitor: NewVisitor, scripted: bool
) -> None:
    intake.outcomes = ["received", "received", "waitlisted"]
    visitor = new_visitor(java_script_enabled=scripted)
    visitor.page.goto(f"{intake.address}/receipts/{RECEIPT}?lang=en")
    expect(visitor.page.get_by_role("heading", level=2)).to_have_text("You are on the waiting list")
    assert intake.asked.count(f"/receipts/{RECEIPT}") == 3
    assert visitor.faults == []
    if scripted:
        assert visitor.page.evaluate("document.activeElement.className") == "done"
        assert visitor.page.title() == "You are on the waiting list – UPR Webinar Wednesday #10"


@pytest.mark.parametrize("scripted", [True, False])
def test_owner_chooses_and_sees_what_became_of_it(intake: Intake, new_visitor: NewVisitor, scripted: bool) -> None:
    intake.decided = [None, Result.CONFIRMED]
    page = new_visitor(java_script_enabled=scripted).page
    page.goto(f"{intake.address}{PATH}?lang=en")
    page.get_by_role("radio", name="Confirm this registration").check()
    page.get_by_role("button", name="Send my choices").click()
    expect(page.locator(".results")).to_contain_text("You are registered")
    expect(page.get_by_role("radio")).to_have_count(4)
    [(choice,)] = intake.choices
    assert (choice.candidate, choice.act, choice.registration) == (CANDIDATES[0], "confirm", None)


def test_post_without_a_choice_is_refused_and_leads_to_the_first(intake: Intake, new_visitor: NewVisitor) -> None:
    page = new_visitor(java_script_enabled=False).page
    page.goto(f"{intake.address}{PATH}?lang=en")
    page.get_by_role("button", name="Send my choices").click()
    expect(page.get_by_role("alert")).to_contain_text("You have not chosen anything")
    expect(page).to_have_title("Error: Waiting for your confirmation")
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.locator("#candidate-1-1")).to_be_in_viewport()
    assert intake.choices == []


def test_owner_uses_the_keyboard_only(intake: Intake, visitor: Visit) -> None:
    """Chooses the replacement, and sends it."""
    page = visitor.page
    page.goto(f"{intake.address}{PATH}?lang=en")
    _tab_to(page, "document.activeElement.id === 'candidate-2-1'")
    page.keyboard.press("ArrowDown")
    _tab_to(page, "document.activeElement.value === 'choose'")
    page.keyboard.press("Enter")
    poll_until(lambda: intake.choices, what="the choice arrives")
    [(choice,)] = intake.choices
    assert (choice.candidate, choice.act, choice.registration) == (CANDIDATES[1], "replace", REGISTRATION)


@pytest.mark.parametrize("scripted", [True, False])
def test_owner_enters_their_answers_behind_the_link(intake: Intake, new_visitor: NewVisitor, scripted: bool) -> None:
    page = new_visitor(java_script_enabled=scripted).page
    page.goto(f"{intake.address}{PATH}?lang=en")
    page.get_by_role("link", name="Enter my answers now").click()
    expect(page.locator("#field-email")).to_have_value(ADDRESS)
    assert page.locator("#field-email").get_attribute("readonly") is not None
    page.fill("#field-name", "A participant")
    page.check("#field-consent")
    with page.expect_request(f"**{FORM_PATH}") as sent:
        page.locator("form button[type=submit]").last.click()
    expect(page.get_by_role("status")).to_be_visible()
    assert (sent.value.method, sent.value.is_navigation_request()) == ("POST", True)
    [(_, content)] = intake.submissions
    assert (content["name"], content["lang"], "altcha" in content) == ("A participant", "en", False)
    assert "/v1/challenge" not in intake.asked


@pytest.mark.parametrize(("language", "shift"), [("en", 0), ("ar", 1)])
@pytest.mark.parametrize("name", NAMES)
def test_page_is_accessible_and_fits_a_phone(viewed: tuple[Intake, Page], name: str, language: str, shift: int) -> None:
    """Wide and light in one language, narrow and dark in the other, alternately: no colour or width depends on a
    language.

    Each check by axe takes a quarter of a second of CPU.
    """
    intake, page = viewed
    width, scheme = WIDTHS_AND_SCHEMES[(NAMES.index(name) + shift) % 2]
    page.set_viewport_size({"width": WIDE_PX, "height": 800})
    page.goto(f"{intake.address}/pages/{name}?lang={language}")
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    assert violations(page) == []
    page.set_viewport_size({"width": NARROW_PX, "height": 800})
    poll_until(lambda: page.evaluate("document.documentElement.clientWidth") == NARROW_PX, what="the page is narrow")
    assert page.evaluate(TOO_WIDE) == []


def _tab_to(page: Page, condition: str) -> None:
    for _ in range(60):
        if page.evaluate(condition):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"cannot be reached with the Tab key: {condition}")
