"""The proposal form in a page of another origin, in a real browser: where it may stand, and where it may not."""

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Frame, Page, expect
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from services.events.domain.partner import Partner
from services.events.usecases.load_partners import load_partners
from services.registration.embed.assets import STATIC_FOLDER
from shared.store.unit_of_work import UnitOfWork
from tests.browser.foreign import foreign_site
from tests.integration.events.side_events import Desk
from tests.support.ports import free_port
from tests.support.waiting import poll_until

HEAR = """window.heard = []; for (const name of ["ready", "proposed", "error", "registered"])
addEventListener(`troika:${name}`, (event) => window.heard.push([name, event.detail]))"""
CONTENT_HEIGHT = "Math.ceil(document.querySelector('main').getBoundingClientRect().bottom + window.scrollY)"
FORM = "side-event-proposal"


@pytest.fixture
def address(app: Flask, desk: Desk) -> Iterator[str]:
    """Where the service is served, with the element's script beside it as behind a gateway."""
    inner = app.wsgi_app

    def gateway(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/embed/troika.js":
            return inner(environ, start_response)
        script = Response((STATIC_FOLDER / "troika.js").read_bytes(), mimetype="text/javascript")
        script.headers["Access-Control-Allow-Origin"] = "*"
        return script(environ, start_response)

    server = make_server("127.0.0.1", free_port(), gateway, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def snippet(address: str, **attributes: str) -> str:
    """What a web editor pastes."""
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f"<script>{HEAR}</script>"
        f'<script type="module" src="{address}/embed/troika.js"></script>'
        f'<troika-form form="{FORM}" partner="a-partner"{given}>'
        f'<a href="{address}/propose?partner=a-partner">Propose a side event</a></troika-form>'
    )


def framed(page: Page) -> Frame:
    """The form's frame, once it has said that it works."""
    page.wait_for_function("window.heard.some(([name]) => name === 'ready')")
    return page.frames[1]


def frame_height(page: Page) -> int:
    """What the page around gives the frame."""
    return int(page.locator("troika-form iframe").evaluate("frame => frame.clientHeight"))


def test_partners_page_shows_the_form_and_sends_a_proposal(
    browser: Browser, address: str, desk: Desk, loaded: UnitOfWork
) -> None:
    with foreign_site(snippet(address), "localhost") as partner_page:
        load_partners(loaded, [Partner("a-partner", "A partner", (partner_page.rstrip("/"),), "en", {})])
        page = browser.new_context(locale="en-GB", viewport={"width": 1000, "height": 700}).new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(partner_page)
        frame = framed(page)
        poll_until(lambda: frame_height(page) == frame.evaluate(CONTENT_HEIGHT), what="the frame fits its content")
        at_first = frame_height(page)
        _shot(page, "framed-en")

        for name, answer in (("name", "A proposer"), ("email", "proposer@example.org"), ("title", "Clean air")):
            frame.fill(f"#field-{name}", answer)
        frame.fill("#field-summary", "What we breathe.")
        frame.fill("#field-attendance", "many")
        frame.check("#field-consent")
        frame.get_by_role("button", name="Send the proposal").click()
        page.wait_for_function("window.heard.some(([name]) => name === 'error')")
        frame = page.frames[1]
        expect(frame.get_by_role("alert")).to_contain_text("Please check these answers")
        expect(frame.get_by_role("alert")).to_be_focused()
        poll_until(lambda: frame_height(page) > at_first, what="the frame grows with the faults")
        _shot(page, "framed-faults")

        frame.fill("#field-attendance", "25")
        frame.get_by_role("button", name="Send the proposal").click()
        page.wait_for_function("window.heard.some(([name]) => name === 'proposed')")
        frame = page.frames[1]
        expect(frame.get_by_role("heading", level=1)).to_have_text("Your proposal has arrived")
        poll_until(lambda: frame_height(page) < at_first, what="the frame shrinks to the receipt")
        _shot(page, "framed-done")

        heard = page.evaluate("window.heard")
        assert heard == [["ready", {"form": FORM}], ["error", {"code": "refused"}], ["proposed", {"form": FORM}]]
        assert page.context.storage_state() == {"cookies": [], "origins": []}
        assert [text for text in complaints if "422" not in text and "favicon" not in text and "404" not in text] == []
        page.context.close()
    (stored,) = desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"]
    assert (stored["title"], stored["attendance"], stored["partner"]) == ("Clean air", 25, "a-partner")


@pytest.mark.parametrize("width", [320, 1000])
def test_framed_form_fits_in_arabic_and_with_a_theme(
    browser: Browser, address: str, loaded: UnitOfWork, width: int
) -> None:
    attributes = {"lang": "ar", "theme": "dark", "accent": "#ffd166", "radius": "0"}
    with foreign_site(snippet(address, **attributes), "localhost") as partner_page:
        load_partners(loaded, [Partner("a-partner", "A partner", (partner_page.rstrip("/"),), "en", {})])
        page = browser.new_context(viewport={"width": width, "height": 700}).new_page()
        page.goto(partner_page)
        frame = framed(page)
        assert frame.evaluate("document.documentElement.dir") == "rtl"
        colour = frame.locator("button[type=submit]").evaluate("button => getComputedStyle(button).backgroundColor")
        assert colour == "rgb(255, 209, 102)"
        assert not frame.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        _shot(page, f"framed-ar-{width}")
        page.context.close()


def test_page_of_another_origin_keeps_the_link(browser: Browser, address: str, loaded: UnitOfWork) -> None:
    with (
        foreign_site(snippet(address), "localhost") as partner_page,
        foreign_site(snippet(address), "localhost") as other_page,
    ):
        load_partners(loaded, [Partner("a-partner", "A partner", (partner_page.rstrip("/"),), "en", {})])
        page = browser.new_context(locale="en-GB").new_page()
        page.goto(partner_page)
        framed(page)  # what the other page does works for the partner
        page.goto(other_page)
        page.wait_for_function("window.heard.some(([name]) => name === 'error')")
        assert page.evaluate("window.heard") == [["error", {"code": "origin-not-allowed"}]]
        expect(page.get_by_role("link", name="Propose a side event")).to_be_visible()
        expect(page.locator("troika-form iframe")).not_to_be_visible()
        assert page.frames[1].locator("form").count() == 0
        page.context.close()


def _shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SIDE_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
