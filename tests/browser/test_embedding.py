"""The form in a partner's page: another origin, a strict policy, a person with a keyboard, and pages that cheat."""

from playwright.sync_api import Frame, expect

from deploy.local.installation import PARTNER, WEBINAR
from tests.browser.foreign import foreign_site
from tests.browser.keyboard import fill_in, focused, tab_to_button
from tests.browser.running import Demo, new_address
from tests.browser.visiting import Visit
from tests.support.waiting import poll_until

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


def test_host_page_hears_events_without_personal_data(demo: Demo, visitor: Visit) -> None:
    address = new_address()
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    fill_in(visitor.page, frame, address)
    frame.click("button[type=submit]")

    assert visitor.wait_until_heard("troika:registered") == {"form": WEBINAR, "status": "confirmed"}
    assert visitor.heard("troika:ready") == [{"form": WEBINAR}]
    messages = visitor.page.evaluate("window.messages")
    assert {origin for origin, _ in messages} == {demo.ports.public_url}
    assert {(data["type"], *sorted(data.keys() - {"type"})) for _, data in messages} == {
        ("troika:ready",),
        ("troika:height", "height"),
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

    assert visitor.heard("troika:registered") == []
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
        poll_until(lambda: visitor.faults, what="the browser says that it does not show the frame")

        assert "frame-ancestors" in visitor.faults[0]
        poll_until(lambda: _refused(visitor), what="the frame shows the browser's refusal")


def test_element_in_a_page_of_another_origin_leaves_the_link(demo: Demo, visitor: Visit) -> None:
    body = (
        f'<script type="module" src="{demo.ports.public_url}/embed/troika.js"></script>'
        f'<troika-form form="{WEBINAR}" partner="{PARTNER}"><a href="{demo.form_url}">Register</a></troika-form>'
    )
    with foreign_site(body, "localhost") as address:
        visitor.page.clock.install()
        visitor.page.goto(address)
        poll_until(lambda: visitor.faults, what="the browser says that it does not show the frame")
        visitor.page.clock.fast_forward(10_000)

        assert visitor.wait_until_heard("troika:error") == {"code": "unreachable"}
        expect(visitor.page.get_by_role("link", name="Register")).to_be_visible()
        expect(visitor.page.locator("troika-form iframe")).not_to_be_visible()


def test_side_event_is_proposed_on_a_partners_page(demo: Demo, visitor: Visit) -> None:
    visitor.page.goto(f"{demo.ports.partner_url}/propose")
    frame, title = visitor.frame(), f"Clean air {new_address()}"
    frame.fill("#field-name", "A proposer")
    frame.fill("#field-email", new_address())
    frame.fill("#field-title", title)
    frame.fill("#field-summary", "What we breathe.")
    frame.fill("#field-attendance", "25")
    frame.check("#field-consent")
    frame.click("button[type=submit]")

    assert visitor.wait_until_heard("troika:proposed") == {"form": "side-event-proposal"}
    expect(visitor.page.frame_locator("iframe").get_by_role("heading", level=1)).to_have_text(
        "Your proposal has arrived"
    )
    assert title in {one["title"] for one in demo.places.ask("GET", "/v1/proposals")["items"]}
    assert (visitor.context.cookies(), visitor.faults) == ([], [])


def _refused(visitor: Visit) -> bool:
    """Whether the page's one frame shows what Chromium shows in place of a page. Asking the page lets news of it in."""
    visitor.page.evaluate("document.title")
    return [frame.url.split(":")[0] for frame in visitor.page.frames[1:]] == ["chrome-error"]
