"""The pages about side events in a browser: accessible, on a phone, dark, right to left, without script."""

import threading
from collections.abc import Iterator, Mapping

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.integration.events.side_events import Desk
from tests.support.accessibility import violations
from tests.support.ports import free_port
from tests.support.signed_in import enter_page

WIDTHS_AND_SCHEMES = [("light", 1280), ("dark", 320)]
GROUPS = ("housing", "health", "racial-discrimination", None)
TITLES = (
    "Housing as a right: what was promised and what was done",
    "Health care at the border",
    "Policing and equal protection",
    "Water that one can drink",
    "السكن حقّ للجميع",
    "Voting without barriers",
)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A scenario with proposals of all sorts, a published timetable, and a draft with conflicts and people waiting."""
    for number, title in enumerate(TITLES):
        desk.accepted(title, working_group=GROUPS[number % 4], attendance=15 + 10 * number, speakers=f"Person {number}")
    desk.accepted("A plenary of everybody", attendance=400)
    desk.solve()
    desk.publish()
    late = desk.accepted("An idea that came late", attendance=100, preferred_days=["2020-05-07"])
    desk.put(late, "upper-library", "2020-05-11-0900")
    desk.decide(desk.propose("Returned idea", working_group="housing"), "return", "Please say who speaks.")
    new = {"working_group": "health", "organisation": "An organisation", "unavailable_days": ["2020-05-08"]}
    desk.propose("New idea", **new)
    return desk


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


@pytest.mark.parametrize(("scheme", "width"), WIDTHS_AND_SCHEMES)
def test_answers_that_report_earlier_changes_are_accessible_and_fit(
    browser: Browser, app: Flask, address: str, desk: Desk, keys: Mapping[str, str], scheme: str, width: int
) -> None:
    """A decision on what has changed concurrently, with what was typed."""
    page = browser.new_context(
        viewport={"width": width, "height": 720},
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the two literals
    ).new_page()
    enter_page(page, app, address, keys["coordinator"])
    page.goto(f"{address}/console/side-events?status=submitted")
    desk.change(_with_title(desk, "New idea"), 2, "New idea", attendance=80, summary="S")
    page.locator("summary").first.click()
    page.get_by_label("Note to the group").fill("Welcome.\nSee you in Geneva.")
    page.get_by_role("button", name="Accept: New idea").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was decided")
    expect(page.get_by_label("Note to the group")).to_have_value("Welcome.\nSee you in Geneva.")
    assert _faults(page) == []
    page.get_by_role("button", name="Accept: New idea").click()
    expect(page.get_by_role("status")).to_contain_text("“New idea”: Accepted.")
    expect(page.locator("article", has_text="New idea")).to_have_count(0)  # the list keeps to what is new
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), WIDTHS_AND_SCHEMES)
def test_suggestion_is_accessible_and_is_adopted_from_the_timetable(
    browser: Browser, app: Flask, address: str, desk: Desk, keys: Mapping[str, str], scheme: str, width: int
) -> None:
    desk.change(_with_title(desk, TITLES[0]), 2, "Housing for everybody", speakers="Person 0\nPerson 9")
    page = browser.new_context(
        viewport={"width": width, "height": 720},
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the two literals
    ).new_page()
    enter_page(page, app, address, keys["coordinator"])
    page.goto(f"{address}/console/timetable")
    suggestion = page.locator("section", has=page.get_by_role("heading", name="Suggested changes (1)"))
    expect(suggestion).to_contain_text("Housing for everybody")
    expect(suggestion).to_contain_text("Person 0, Person 9")
    assert _faults(page) == []
    page.goto(f"{address}/console/side-events?status=scheduled")
    expect(page.locator("article", has_text=TITLES[0])).to_contain_text("The proposer suggests a change")
    assert _faults(page) == []
    page.goto(f"{address}/console/timetable")
    page.get_by_role("button", name=f"Adopt the change: {TITLES[0]}").click()
    expect(page.get_by_role("heading", name="Suggested changes")).to_have_count(0)
    expect(page.locator("table").first).to_contain_text("Housing for everybody")
    page.context.close()


def test_coordinator_decides_moves_and_publishes_without_script(
    browser: Browser, app: Flask, address: str, keys: Mapping[str, str]
) -> None:
    page = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900}).new_page()
    enter_page(page, app, address, keys["coordinator"])
    page.goto(f"{address}/console/side-events?status=submitted")
    page.locator("summary").first.click()
    page.get_by_label("Note to the group").fill("Welcome.")
    page.get_by_role("button", name="Accept: New idea").click()
    expect(page.get_by_role("status")).to_contain_text("“New idea”: Accepted.")
    page.get_by_role("navigation", name="Which proposals").get_by_role("link", name="Accepted").click()
    expect(page.locator("article", has_text="New idea")).to_contain_text("Welcome.")

    page.get_by_role("navigation", name="Programme").get_by_role("link", name="Timetable").click()
    expect(page.get_by_role("heading", name="Publish")).to_have_count(0)
    page.locator(".clashes a").first.click()
    page.get_by_label("Time", exact=True).select_option("2020-05-07-1300")
    page.get_by_label("Room", exact=True).select_option("lake-hall")
    page.get_by_role("button", name="Place it here").click()
    expect(page.locator(".clashes")).to_have_count(0)
    section = page.locator("section", has=page.get_by_role("heading", name="Publish version 2"))
    expect(section).to_contain_text("1 group will be notified by mail")
    expect(section).to_contain_text("An idea that came late")
    page.get_by_role("button", name="Publish version 2").click()
    expect(page.locator("main")).to_contain_text("Version 2 was published")
    page.get_by_role("button", name="Schedule").click()
    expect(page.get_by_role("status")).to_contain_text("A new timetable has been requested")
    page.context.close()


def test_viewer_sees_the_timetable_and_no_button(
    browser: Browser, app: Flask, address: str, keys: Mapping[str, str]
) -> None:
    page = browser.new_context().new_page()
    enter_page(page, app, address, keys["viewer"])
    page.goto(f"{address}/console/timetable")
    expect(page.locator("main button")).to_have_count(0)
    page.goto(f"{address}/console/side-events")
    expect(page.locator("main button")).to_have_count(0)
    page.context.close()


def _with_title(desk: Desk, title: str) -> str:
    listed = desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"]
    return next(str(item["id"]) for item in listed if item["title"] == title)


def _faults(page: Page) -> list[str]:
    """What axe-core finds, and whether anything overflows to the side."""
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [
        *(f"{rule}: {elements}" for rule, elements in violations(page)),
        *(["wider than the window"] if wide else []),
    ]
