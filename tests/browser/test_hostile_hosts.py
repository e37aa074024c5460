"""Hostile pages around the form: they cannot read it, send it anything, or use its name."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from deploy.local.installation import PARTNER, WEBINAR
from tests.browser.demo_process import Demo, new_address
from tests.browser.foreign_site import foreign_site
from tests.browser.host_pages import host_page, snippet
from tests.browser.keyboard import fill_in
from tests.browser.visitor import Visit, visit
from tests.support.browser import FLAGS, WHOLE_CHROMIUM
from tests.support.waiting import poll_until

READ = {
    "document": "frame => frame.contentDocument === null",
    "window": "frame => { try { return !frame.contentWindow.document } catch (error) { return error.name } }",
    "address": "frame => { try { return frame.contentWindow.location.href } catch (error) { return error.name } }",
    "storage": "frame => { try { return frame.contentWindow.localStorage } catch (error) { return error.name } }",
    "function": "frame => { try { return frame.contentWindow.fetch('/') } catch (error) { return error.name } }",
}
FORGED = (
    {"type": "troika:ready"},
    {"type": "troika:registered", "status": "confirmed"},
    {"type": "troika:height", "height": 1},
    {"type": "submit", "answers": {"email": "somebody-else@example.org"}},
    "submit",
)


def test_host_page_reads_nothing_of_the_frame(demo: Demo, visitor: Visit) -> None:
    """While it contains someone's answers; data is entered in a frame that the page can read."""
    host_page(demo, visitor, snippet(demo, WEBINAR))
    frame = visitor.frame()
    fill_in(visitor.page, frame, new_address())
    element = visitor.page.locator("troika-form iframe")
    assert {name: element.evaluate(how) for name, how in READ.items()} == {
        "document": True,
        "window": "SecurityError",
        "address": "SecurityError",
        "storage": "SecurityError",
        "function": "SecurityError",
    }
    visitor.page.evaluate("document.body.append(document.createElement('iframe'))")
    own = visitor.page.locator("body > iframe")
    assert (own.evaluate(READ["document"]), own.evaluate(READ["address"])) == (False, "about:blank")


def test_messages_that_are_forged_into_the_frame_change_nothing(demo: Demo, visitor: Visit) -> None:
    host_page(demo, visitor, snippet(demo, WEBINAR))
    frame, address = visitor.frame(), new_address()
    fill_in(visitor.page, frame, address)
    before, asked = frame.content(), len(visitor.requests)
    for message in FORGED:
        visitor.page.locator("troika-form iframe").evaluate(
            "(frame, message) => frame.contentWindow.postMessage(message, '*')", message
        )
    poll_until(lambda: frame.evaluate("window.messages.length") == len(FORGED), what="all have arrived")
    assert (frame.content(), len(visitor.requests)) == (before, asked)
    assert demo.registrations(address) == []


def test_page_that_replaces_the_frame_cannot_send_its_messages(demo: Demo, visitor: Visit) -> None:
    """The window is the same, the origin is not: its message about a registration is not passed on."""
    claims = """<script>for (const type of ["troika:registered", "troika:height", "the last"])
        parent.postMessage({ type, status: "confirmed", height: 5555 }, "*")</script>"""
    with foreign_site(claims, "localhost") as elsewhere:
        host_page(demo, visitor, snippet(demo, WEBINAR), policy="")
        visitor.frame()
        element = visitor.page.locator("troika-form iframe")
        height = element.evaluate("frame => frame.clientHeight")
        element.evaluate("(frame, address) => { frame.contentWindow.location = address }", elsewhere)
        visitor.page.wait_for_function("window.messages.some((one) => one[1].type === 'the last')")
        assert visitor.events_named("troika:registered") == []
        assert element.evaluate("frame => frame.clientHeight") == height


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "www.localhost"])
def test_no_other_origin_shows_the_form(demo: Demo, visitor: Visit, host: str) -> None:
    """Another port of the partner's host, another port of our host, and a name below the partner's."""
    with foreign_site(f'<iframe src="{demo.form_url}"></iframe>', host) as address:
        visitor.page.goto(address)
        assert refusal(visitor) == f"frame-ancestors {demo.ports.partner_url}"


def test_page_around_the_partners_page_shows_no_form(demo: Demo, visitor: Visit) -> None:
    """A page that frames a partner's page, to have something pressed in it, gets the page without the form."""
    with foreign_site(f'<iframe src="{demo.ports.partner_url}" width=900 height=900></iframe>', "localhost") as address:
        visitor.page.goto(address)
        assert refusal(visitor) == f"frame-ancestors {demo.ports.partner_url}"
        expect(
            visitor.page.frame_locator("iframe").get_by_role("link", name="Register for the webinar")
        ).to_be_visible()


def refusal(visitor: Visit) -> str:
    """The entry of our policy by which Chromium reports that it does not show the frame."""
    poll_until(lambda: visitor.faults, what="the browser reports that it does not show the frame")
    return visitor.faults[0].split('"')[1]


@pytest.fixture
def without_cookies(browser: Browser) -> Iterator[Visit]:
    """Someone whose browser keeps no cookie of third parties."""
    flags = [*FLAGS, "--test-third-party-cookie-phaseout"]
    strict = browser.browser_type.launch(executable_path=str(WHOLE_CHROMIUM), headless=True, args=flags)
    with visit(strict) as made:
        yield made
    strict.close()


def test_someone_without_third_party_cookies_registers(demo: Demo, without_cookies: Visit) -> None:
    """This browser refuses the cookie of a frame, which is shown first; ours needs none."""
    visitor, address = without_cookies, new_address()
    cookie = "<script>document.cookie = 'a=b; SameSite=None; Secure'; parent.postMessage(document.cookie, '*')</script>"
    with foreign_site(cookie, "127.0.0.1") as third_party:
        host_page(demo, visitor, f'<iframe src="{third_party}"></iframe>', policy="")
        visitor.page.wait_for_function("window.messages.length")
        assert visitor.page.evaluate("window.messages[0][1]") == ""
    visitor.faults.clear()
    visitor.page.goto(demo.ports.partner_url)
    frame = visitor.frame()
    fill_in(visitor.page, frame, address)
    frame.click("button[type=submit]")
    expect(frame.locator("#done h2")).to_have_text("You are registered")
    assert [one["partner"] for one in demo.registrations(address)] == [PARTNER]
    assert (visitor.context.cookies(), visitor.faults) == ([], [])
