"""The form in a partner's page: another origin, a strict policy, keyboard users, and hostile pages."""

import pytest
from playwright.sync_api import Frame, expect

from deploy.local.installation import PARTNER, WEBINAR
from deploy.local.screenshot_pages.side_events import FORM as PROPOSAL
from tests.browser.demo_process import Demo, new_address
from tests.browser.foreign_site import foreign_site
from tests.browser.host_pages import host_page, snippet
from tests.browser.keyboard import fill_in, focused, tab_to_button
from tests.browser.visitor import Visit
from tests.support.waiting import poll_until

EVENTS_SETTLE_MS = 2_500
"""Longer than the element waits for a frame that has loaded."""
CONTENT_HEIGHT = "Math.ceil(document.querySelector('main').getBoundingClientRect().bottom + window.scrollY)"


def frame_height(visitor: Visit) -> int:
    """Height in pixels that the partner's page gives the frame."""
    return int(visitor.page.locator("troika-form iframe").evaluate("frame => frame.clientHeight"))


def wait_until_fits(visitor: Visit, frame: Frame) -> int:
    """Wait until the frame is as high as its content, and return that."""
    poll_until(lambda: frame_height(visitor) == frame.evaluate(CONTENT_HEIGHT), what="the frame fits its content")
    return frame_height(visitor)


def test_form_with_the_keyboard_only_registers(demo: Demo, visitor: Visit) -> None:
    address = new_address()
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()

    fill_in(visitor.page, frame, address)
    tab_to_button(visitor.page, frame)
    visitor.page.keyboard.press("Enter")

    expect(frame.locator("#done h2")).to_have_text("You are registered")
    assert focused(frame) == "done"
    (registration,) = demo.registrations(address)
    assert (registration["working_group"], registration["representative"], registration["partner"]) == (
        "housing",
        True,
        PARTNER,
    )
    assert demo.mail(address)["calendar"]["method"] == "REQUEST"


def test_frame_is_as_high_as_its_content(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    at_first = wait_until_fits(visitor, frame)

    frame.select_option("#field-working_group", "housing")
    with_one_question_more = wait_until_fits(visitor, frame)
    frame.fill("#field-name", "A participant")
    frame.fill("#field-email", new_address())
    frame.check("#field-consent")
    frame.click("button[type=submit]")
    frame.wait_for_selector("#done")
    in_the_end = wait_until_fits(visitor, frame)

    assert with_one_question_more > at_first > in_the_end
    assert visitor.page.locator("troika-form").bounding_box()["y"] >= 0  # type: ignore[index]  # it has a box
    expect(visitor.page.locator("troika-form iframe")).to_have_attribute("title", "Register for the webinar")


def test_host_page_receives_events_without_personal_data(demo: Demo, visitor: Visit) -> None:
    address = new_address()
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    fill_in(visitor.page, frame, address)
    frame.click("button[type=submit]")

    assert visitor.wait_for_event("troika:registered") == {"form": WEBINAR, "status": "confirmed"}
    assert visitor.events_named("troika:ready") == [{"form": WEBINAR}]
    messages = visitor.page.evaluate("window.messages")
    assert {origin for origin, _ in messages} == {demo.ports.public_url}
    assert {(data["type"], *sorted(data.keys() - {"type"})) for _, data in messages} == {
        ("troika:ready",),
        ("troika:height", "height"),
        ("troika:started",),
        ("troika:submitted",),
        ("troika:registered", "status"),
    }
    assert not any(word in str(messages) for word in (address, "A participant", "housing"))


def test_no_cookie_no_third_party_and_no_broken_policy(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    fill_in(visitor.page, frame, new_address())
    frame.click("button[type=submit]")
    frame.wait_for_selector("#done")

    assert visitor.context.storage_state() == {"cookies": [], "origins": []}
    assert visitor.origins == {demo.ports.partner_url, demo.ports.public_url}
    assert visitor.faults == []


def test_forged_message_of_the_host_page_is_ignored(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    height = wait_until_fits(visitor, frame)

    for forged in (
        {"type": "troika:registered", "status": "confirmed"},
        {"type": "troika:height", "height": 7777},
        {"type": "the last"},
    ):
        visitor.page.evaluate("message => window.postMessage(message, '*')", forged)
    visitor.page.wait_for_function("window.messages.some((one) => one[1].type === 'the last')")

    assert visitor.events_named("troika:registered") == []
    assert frame_height(visitor) == height


def test_plain_frame_registers_without_our_script(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(f"{demo.ports.partner_url}/plain-frame")
    frame = visitor.page.frame_locator("iframe.plain")
    frame.locator("#field-name").fill("A participant")
    frame.locator("#field-email").fill(new_address())
    frame.locator("#field-consent").check()
    frame.locator("button[type=submit]").click()

    expect(frame.locator("#done h2")).to_have_text("You are registered")
    assert visitor.page.evaluate("window.messages") == []
    assert visitor.faults == []


def test_page_of_another_origin_cannot_show_the_form(demo: Demo, visitor: Visit) -> None:
    with foreign_site(f'<iframe src="{demo.form_url}"></iframe>', "localhost") as address:
        visitor.page.goto(f"{demo.ports.partner_url}/plain-frame")
        assert "/embed/" in visitor.page.frames[1].url  # what the foreign page does works for the partner
        visitor.page.goto(address)
        poll_until(lambda: visitor.faults, what="the browser reports that it does not show the frame")

        assert "frame-ancestors" in visitor.faults[0]
        poll_until(lambda: _refused(visitor), what="the frame shows the browser's refusal")


def test_element_in_a_page_of_another_origin_leaves_the_link_and_gives_the_reason(demo: Demo, visitor: Visit) -> None:
    body = snippet(demo, WEBINAR)
    with foreign_site(body, "localhost") as address:
        visitor.page.goto(address)
        assert visitor.wait_for_event("troika:error") == {"code": "origin-not-allowed"}
        _only_the_link(visitor)


@pytest.mark.parametrize(
    ("form", "partner", "cause"),
    [
        ("no-such-form", PARTNER, "form-unknown"),
        ("Not A Slug", PARTNER, "form-unknown"),
        (WEBINAR, "nobody", "partner-unknown"),
        (PROPOSAL, "nobody", "partner-unknown"),
    ],
)
def test_element_reports_wrong_attributes(demo: Demo, visitor: Visit, form: str, partner: str, cause: str) -> None:
    lines = snippet(demo, form).replace(f'partner="{PARTNER}"', f'partner="{partner}"')
    host_page(demo, visitor, lines)
    assert visitor.wait_for_event("troika:error") == {"code": cause}
    _only_the_link(visitor)
    visitor.page.wait_for_timeout(EVENTS_SETTLE_MS)
    assert visitor.events_named("troika:error") == [{"code": cause}], "it is sent once"


def test_element_reports_that_the_service_does_not_answer(demo: Demo, visitor: Visit) -> None:
    """Long before the time is over that a slow network has."""
    visitor.context.route("**/embed/upr-webinar-10?*", lambda route: route.abort())
    host_page(demo, visitor, snippet(demo, WEBINAR))
    assert visitor.wait_for_event("troika:error") == {"code": "unreachable"}
    _only_the_link(visitor)


def test_element_reports_that_the_pages_policy_blocks_the_frame(demo: Demo, visitor: Visit) -> None:
    host_page(demo, visitor, snippet(demo, WEBINAR), policy="script-src {troika}; frame-src 'self'")
    assert visitor.wait_for_event("troika:error") == {"code": "blocked-by-policy"}
    _only_the_link(visitor)


def test_closed_form_is_reported_in_the_frame(demo: Demo, visitor: Visit) -> None:
    form = "council-session-interest"
    _set_open(demo, form, "2020-01-01T00:00:00Z")
    try:
        host_page(demo, visitor, snippet(demo, form))
        frame = visitor.frame()
        expect(frame.get_by_role("heading", level=2)).to_have_text("Registration is closed")
        wait_until_fits(visitor, frame)
    finally:
        _set_open(demo, form, None)


def test_side_event_is_proposed_on_a_partners_page(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(f"{demo.ports.partner_url}/propose")
    frame, address = visitor.frame(), new_address()
    title = f"Clean air {address}"
    frame.fill("#field-name", "A proposer")
    frame.fill("#field-email", address)
    frame.fill("#field-title", title)
    frame.fill("#field-summary", "What we breathe.")
    frame.fill("#field-attendance", "25")
    agreeing = frame.get_by_role("group", name="Speakers who agree to be named publicly")
    expect(agreeing).to_be_hidden()
    frame.fill("#field-speakers", "Ana Example\nBo Example\nCleo Example")
    agreeing.get_by_label("Ana Example").check()
    agreeing.get_by_label("Cleo Example").check()
    frame.fill("#field-speakers", "Ana Example\nBo Example")
    frame.check("#field-consent")
    frame.click("button[type=submit]")

    assert visitor.wait_for_event("troika:submitted") == {"form": PROPOSAL}
    expect(frame.locator(".done:visible")).to_contain_text(address)
    assert title not in titles_of_proposals(demo), "no one has confirmed the address"
    demo.confirm(address)
    poll_until(lambda: title in titles_of_proposals(demo), 15.0, what="coordinators have the proposal")
    (proposed,) = demo.places.ask("GET", f"/v1/proposals?q={address}")["items"]
    assert (proposed["speakers"], proposed["named_speakers"]) == (["Ana Example", "Bo Example"], ["Ana Example"])
    assert (visitor.context.cookies(), visitor.faults) == ([], [])


def titles_of_proposals(demo: Demo) -> set[str]:
    """Of all that coordinators see."""
    return {one["title"] for one in demo.places.ask("GET", "/v1/proposals")["items"]}


def _only_the_link(visitor: Visit) -> None:
    """The link shows, with no empty space below it."""
    expect(visitor.page.get_by_role("link", name="The form")).to_be_visible()
    expect(visitor.page.locator("troika-form iframe")).not_to_be_visible()
    assert visitor.page.locator("troika-form").evaluate("element => element.offsetHeight") < 100
    assert visitor.page.evaluate("document.documentElement.scrollHeight <= window.innerHeight"), "nothing to scroll to"


def _set_open(demo: Demo, slug: str, closes_at: str | None) -> None:
    forms = demo.places.ask("GET", "/v1/forms")["items"]
    revision = next(form["revision"] for form in forms if form["slug"] == slug)
    headers = {"If-Match": f'"{revision}"'}
    demo.places.ask("PATCH", f"/v1/forms/{slug}", json={"closes_at": closes_at}, headers=headers)


def _refused(visitor: Visit) -> bool:
    """Whether the page's one frame shows what Chromium shows in place of a page. Asking the page lets news of it in."""
    visitor.page.evaluate("document.title")
    return [frame.url.split(":")[0] for frame in visitor.page.frames[1:]] == ["chrome-error"]
