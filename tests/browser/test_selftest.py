"""The page that shows a partner's web editor what works in their page, and the script that never changes."""

import re

import pytest
import requests
from playwright.sync_api import Frame, expect

from deploy.local.installation import PARTNER, WEBINAR
from tests.browser.demo_process import Demo
from tests.browser.foreign_site import foreign_site
from tests.browser.host_pages import host_page, snippet
from tests.browser.test_delegation_in_arabic import view
from tests.browser.visitor import Visit
from tests.support.waiting import poll_until

CHECKS = 6


def found(frame: Frame) -> dict[str, bool]:
    """The state of each check in the list, once all are there: whether it works."""
    shown = "all => Object.fromEntries(all.map((one) => [one.dataset.check, one.classList.contains('done')]))"
    checks = frame.locator("[data-check]:not([hidden])")
    poll_until(
        lambda: checks.count() >= CHECKS - (not frame.evaluate("location.search.includes('parent')")), what="all"
    )
    return dict(checks.evaluate_all(shown))


def test_partners_page_works(demo: Demo, visitor: Visit) -> None:
    host_page(demo, visitor, snippet(demo, "selftest"))
    frame = visitor.frame()
    assert found(frame) == {
        **dict.fromkeys(("frame", "script", "origin", "height", "sandbox"), True),
        "encrypted": False,  # the demo has no certificate
    }
    expect(frame.locator("#origin")).to_have_text(demo.ports.partner_url)
    assert (visitor.faults, visitor.context.cookies()) == ([], [])
    assert visitor.origins == {demo.ports.partner_url, demo.ports.public_url}


def test_unregistered_page_is_shown_its_origin(demo: Demo, visitor: Visit) -> None:
    with foreign_site(snippet(demo, "selftest"), "localhost") as address:
        visitor.page.goto(address)
        frame = visitor.frame()
        assert found(frame) == {
            **dict.fromkeys(("frame", "script", "height", "sandbox"), True),
            **dict.fromkeys(("origin", "encrypted"), False),
        }
        expect(frame.locator("#origin")).to_have_text(address.rstrip("/"))
        expect(frame.locator("[data-check=origin] strong:visible")).to_have_text("Please note:")


def test_page_around_the_partners_page_is_named(demo: Demo, visitor: Visit) -> None:
    """Every page around counts, for the browser too."""
    around = f'<iframe src="{demo.ports.public_url}/embed/selftest?partner={PARTNER}"></iframe>'
    with foreign_site(around, "localhost") as address:
        visitor.page.goto(address)
        visitor.page.frames[1].wait_for_load_state()
        assert found(visitor.page.frames[1]) == {
            "frame": True,
            "script": False,
            "origin": False,
            "encrypted": False,
            "sandbox": True,
        }


def test_sandbox_is_found(demo: Demo, visitor: Visit) -> None:
    page = f"{demo.ports.public_url}/embed/selftest?partner={PARTNER}"
    host_page(demo, visitor, f'<iframe sandbox="allow-scripts" src="{page}"></iframe>')
    visitor.page.frames[1].wait_for_load_state()
    expect(visitor.page.frame_locator("iframe").locator("[data-check=sandbox]")).to_contain_text("is sandboxed")


@pytest.mark.parametrize("blocked", ["script-src", "frame-src"])
def test_blocked_page_leaves_the_link_that_names_what_is_needed(demo: Demo, visitor: Visit, blocked: str) -> None:
    """And the address that someone comes from, where the browser sends it."""
    allowed = {"script-src", "frame-src"} - {blocked}
    policy = "default-src 'none'; " + "; ".join(f"{one} {{troika}}" for one in allowed)
    host_page(demo, visitor, snippet(demo, "selftest"), policy=policy)
    visitor.page.get_by_role("link", name="The form").click()
    page = visitor.page.locator("main")
    home = demo.ports.public_url
    expect(page).to_contain_text(f"script-src {home}; frame-src {home}")
    expect(page).to_contain_text(f"You come from: {demo.ports.partner_url}")
    expect(page).to_contain_text("This address is registered, so forms are shown:")


def test_lines_of_the_page_are_what_works(demo: Demo, visitor: Visit) -> None:
    """Copied unchanged into a page, with the script of one version as well."""
    visitor.page.goto(f"{demo.ports.public_url}/embed/selftest?partner={PARTNER}")
    lines, _, pinned = visitor.page.locator("pre").all_text_contents()
    for body in (lines, lines.replace(lines.split("\n")[0], pinned)):
        host_page(demo, visitor, body)
        assert found(visitor.frame())["height"]
    assert "integrity=" in pinned


@pytest.mark.parametrize("language", ["en", "ar"])
def test_page_is_for_everyone(demo: Demo, visitor: Visit, language: str) -> None:
    """On its own and in a frame, at 320 px: nothing that axe finds, nothing to scroll sideways for."""
    visitor.page.set_viewport_size({"width": 320, "height": 800})
    visitor.page.goto(f"{demo.ports.public_url}/embed/selftest?partner={PARTNER}&lang={language}")
    view(visitor.page.main_frame)
    host_page(demo, visitor, snippet(demo, "selftest", lang=language))
    frame = visitor.frame()
    found(frame)
    view(frame)


def test_script_of_one_version_is_kept_for_ever_and_no_other_is_served(demo: Demo) -> None:
    home = demo.ports.public_url
    page = requests.get(f"{home}/embed/selftest?partner={PARTNER}", timeout=10).text
    address = re.search(r"/embed/troika-[0-9a-f]{12}\.js", page)
    assert address is not None
    answer = requests.get(home + address[0], timeout=10)
    assert answer.content == requests.get(f"{home}/embed/troika.js", timeout=10).content
    assert ("max-age=31536000" in answer.headers["Cache-Control"], answer.headers["Access-Control-Allow-Origin"]) == (
        True,
        "*",
    )
    assert requests.get(f"{home}/embed/troika-0123456789ab.js", timeout=10).status_code == 404


def test_changed_script_is_not_run_by_a_page_that_wants_another(demo: Demo, visitor: Visit) -> None:
    """An attacker who controls our server, or the network, changes it: the link stays, and leads to the form."""
    page = requests.get(f"{demo.ports.public_url}/embed/selftest?partner={PARTNER}", timeout=10).text
    tag = re.search(r"&lt;script type=&#34;module&#34; src=&#34;([^&]*-[^&]*)&#34;\s+integrity=&#34;([^&]*)", page)
    assert tag is not None
    script = f'<script type="module" src="{tag[1]}" integrity="{tag[2]}" crossorigin="anonymous"></script>'
    body = "document.title = 'changed'"
    headers = {"Access-Control-Allow-Origin": "*"}
    visitor.context.route(
        tag[1], lambda route: route.fulfill(body=body, headers=headers, content_type="text/javascript")
    )
    host_page(demo, visitor, snippet(demo, WEBINAR, script))
    poll_until(lambda: visitor.faults, what="the browser reports that it does not run the script")
    assert "integrity" in visitor.faults[0]
    expect(visitor.page.get_by_role("link", name="The form")).to_be_visible()
    assert visitor.page.title() == "Partner"


def test_unknown_partner_is_reported(demo: Demo) -> None:
    for partner, status in (("nobody", 404), ("../etc", 404), ("A b", 404), ("", 200)):
        answer = requests.get(f"{demo.ports.public_url}/embed/selftest", params={"partner": partner}, timeout=10)
        assert (answer.status_code, "There is no partner with this name." in answer.text) == (status, True)
