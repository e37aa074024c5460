"""A proposal form that asks a real browser for a piece of work, and who cannot do it."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Frame, Page, Route, expect
from werkzeug.serving import make_server

from services.events.domain.partner import Partner
from services.events.usecases.load_partners import load_partners
from shared.store.unit_of_work import UnitOfWork
from tests.browser.foreign import foreign_site
from tests.integration.events.proposal_proofs import CHALLENGE, listed
from tests.integration.events.proposal_proofs import clock as clock
from tests.integration.events.proposal_proofs import environment as environment
from tests.integration.events.side_events import Desk, an_answer
from tests.support.ports import free_port
from tests.support.working import worked

SOLVED_WITHIN_MS = 90_000.0
"""On a machine with much else to do."""
ARRIVED, CONFIRM = "Your proposal has arrived", "One more step: confirm your address"
LOOKS = [("en", 1280, "light"), ("en", 320, "dark"), ("ar", 1280, "light"), ("ar", 320, "light")]


@pytest.fixture
def address(app: Flask, desk: Desk) -> Iterator[str]:
    """Where the service is served."""
    server = make_server("127.0.0.1", free_port(), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def fill(place: Page | Frame, title: str) -> None:
    """What is required."""
    answers = {"name": "A proposer", "email": "a@example.org", "title": title, "summary": "S", "attendance": "20"}
    for name, answer in answers.items():
        place.fill(f"#field-{name}", answer)
    place.check("#field-consent")


def send(place: Page | Frame, says: str) -> None:
    """Send the form and see what it says."""
    place.locator("button[type=submit]").last.click()
    expect(place.get_by_role("heading", level=1)).to_have_text(says, timeout=SOLVED_WITHIN_MS)


def test_work_is_done_in_a_partners_page_and_said_to_whoever_waits(
    browser: Browser, address: str, desk: Desk, loaded: UnitOfWork
) -> None:
    """Under our strict policy, with no third party and no cookie; the proposal is read at once."""
    with foreign_site(f'<iframe src="{address}/propose?partner=a-partner&lang=en"></iframe>', "localhost") as partner:
        load_partners(loaded, [Partner("a-partner", "A partner", (partner.rstrip("/"),), "en", {})])
        page = browser.new_context(locale="en-GB").new_page()
        held: list[Route] = []
        complaints: list[str] = []
        page.route(f"**{CHALLENGE}", lambda route: held.append(route))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(partner)
        frame = page.frames[1]
        fill(frame, "Clean air")
        frame.locator("button[type=submit]").last.click()
        expect(frame.get_by_role("status")).to_have_text(
            "Your device is solving a short task that keeps robots out: 0% done."
        )
        _shot(page, "proof-working")
        assert listed(desk) == []
        held[0].continue_()
        expect(frame.get_by_role("heading", level=1)).to_have_text(ARRIVED, timeout=SOLVED_WITHIN_MS)
        assert [text for text in complaints if "favicon" not in text and "404" not in text] == []
        assert (len(held), page.context.storage_state()) == (1, {"cookies": [], "origins": []})
        page.context.close()
    assert listed(desk) == ["Clean air"]


@pytest.mark.parametrize("away", ["**/solver.js", f"**{CHALLENGE}", "**/proving.js"])
def test_browser_that_cannot_work_has_the_address_confirmed(
    browser: Browser, address: str, desk: Desk, away: str
) -> None:
    page = browser.new_context(locale="en-GB").new_page()
    page.route(away, lambda route: route.abort())
    page.goto(f"{address}/propose")
    fill(page, "Clean air")
    send(page, CONFIRM)
    assert listed(desk) == []
    page.context.close()


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_browser_without_scripts_confirms_the_address_by_a_button(
    browser: Browser, address: str, desk: Desk, language: str, width: int, scheme: Any
) -> None:
    """All pages on the way are accessible and fit; the question is asked with nothing of what was written."""
    context: dict[str, Any] = {"viewport": {"width": width, "height": 720}, "color_scheme": scheme}
    page = browser.new_context(java_script_enabled=False, **context).new_page()
    eyes = browser.new_context(**context).new_page()
    page.goto(f"{address}/propose?lang={language}")
    expect(page.locator("noscript .note")).to_be_visible()
    _shot(page, f"proof-form-{language}-{width}")
    fill(page, "Clean air")
    page.locator("button[type=submit]").last.click()
    expect(page.get_by_role("status")).to_be_visible()
    _shot(page, f"proof-sent-{language}-{width}")
    (proposal,) = (said["proposal_id"] for _, said in desk.said_of_proposals())
    link = f"{address}{desk.link(proposal)}?lang={language}"
    eyes.goto(link)
    assert Axe().run(eyes).response["violations"] == []
    assert not eyes.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert "Clean air" not in eyes.content()
    _shot(eyes, f"proof-question-{language}-{width}")
    assert listed(desk) == []
    page.goto(link)
    page.locator("button[type=submit]").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Clean air")
    assert listed(desk) == ["Clean air"]
    page.context.close()
    eyes.context.close()


def test_proof_that_is_refused_is_told_and_the_next_one_is_taken(browser: Browser, address: str, desk: Desk) -> None:
    """Somebody has used the challenge; what was typed is still there."""
    stale = desk.client.get(CHALLENGE).get_json()
    desk.client.post("/v1/proposals", json=an_answer("First", altcha=worked(stale)))
    given = [stale]

    def answer(route: Route) -> None:
        route.fulfill(json=given.pop()) if given else route.continue_()

    page = browser.new_context(locale="en-GB").new_page()
    page.route(f"**{CHALLENGE}", answer)
    page.goto(f"{address}/propose")
    fill(page, "Clean air")
    page.locator("button[type=submit]").last.click()
    expect(page.get_by_role("alert")).to_contain_text("The check against robots has expired.", timeout=SOLVED_WITHIN_MS)
    assert page.input_value("#field-title") == "Clean air"
    _shot(page, "proof-refused")
    send(page, ARRIVED)
    assert listed(desk) == ["First", "Clean air"]
    page.context.close()


def _shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SIDE_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
