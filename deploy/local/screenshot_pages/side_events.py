"""Side events: from the proposal to the published timetable."""

from functools import partial
from typing import Any

import requests
from playwright.sync_api import Page

from deploy.local.installation import PARTNER
from deploy.local.places import Places, soon
from deploy.local.screenshot_pages.console import console
from deploy.local.screenshot_pages.opening import WITHIN_MS, OpenPage, opened

FORM = "side-event-proposal"
TITLES = (
    "Housing as a right: what was promised and what was done",
    "Health care at the border",
    "Policing and equal protection",
    "Water that one can drink",
    "Voting without barriers",
    "السكن حقّ للجميع",
)
GROUPS = ("housing", "health", "racial-discrimination", None)
TOO_LARGE = "A plenary of everybody"
LATE, RETURNED, NEW = "An idea that came late", "A returned idea", "A new idea"
PROPOSERS = {
    title: f"proposer-{number}@example.org" for number, title in enumerate((*TITLES, TOO_LARGE, LATE, RETURNED, NEW))
}
"""Addresses by what their owners propose."""


def _propose(places: Places, title: str, **given: Any) -> str:
    """Send the form with these answers and confirm it by mail; returns the proposal's id once it is listed."""
    address = PROPOSERS[title]
    answers = {
        "name": "A proposer",
        "email": address,
        "title": title,
        "summary": "What was promised and what was done.",
    }
    answers |= {name: value for name, value in given.items() if value}
    places.register(FORM, {"attendance": 30, "consent": True, "partner": PARTNER, **answers})
    places.confirm(soon(partial(_linked, places, address, "/c/"), f"confirmation link of {title!r}"))
    return soon(partial(_found, places, title), f"proposal {title!r}")


def _linked(places: Places, address: str, beginning: str) -> str | None:
    """The newest link of a kind in the mails to ``address``."""
    for mail in places.mails(address):
        try:
            return places.linked(mail["id"], beginning)
        except ValueError:  # another mail, without such a link
            continue
    return None


def _found(places: Places, title: str) -> str | None:
    items = places.ask("GET", "/v1/proposals")["items"]
    return next((str(proposal["id"]) for proposal in items if proposal["title"] == title), None)


def _decide(places: Places, proposal: str, verb: str, note: str = "") -> None:
    seen = places.ask("GET", f"/v1/proposals/{proposal}")["revision"]
    headers = {"If-Match": f'"{seen}"'}
    places.ask("POST", f"/v1/proposals/{proposal}/{verb}", json={"note": note}, headers=headers)


def propose_some(places: Places) -> None:
    """Publish a timetable; then add one late proposal, one returned and one new. Does nothing the second time."""
    if _found(places, NEW):
        return
    for number, title in enumerate(TITLES):
        more = {"working_group": GROUPS[number % len(GROUPS)], "speakers": f"Speaker {number}\nA moderator"}
        more |= {"named_speakers": f"Speaker {number}"} if number % 2 == 0 else {}
        more |= {"language": "ar"} if title == TITLES[-1] else {}
        _decide(places, _propose(places, title, attendance=15 + 10 * number, **more), "accept")
    _decide(places, _propose(places, TOO_LARGE, attendance=400), "accept")
    _solve(places)
    places.ask("POST", "/v1/schedule/publish")
    late = _propose(places, LATE, attendance=100)
    _decide(places, late, "accept")
    _put_where_it_cannot_be(places, late)
    _decide(places, _propose(places, RETURNED, working_group="housing"), "return", "Please say who speaks.")
    _propose(places, NEW, working_group="health", organisation="Example Organisation")


def _solve(places: Places) -> None:
    job = places.ask("POST", "/v1/schedule/solve")["id"]

    def ended() -> bool | None:
        return places.ask("GET", f"/v1/schedule/jobs/{job}")["status"] in ("done", "failed") or None

    soon(ended, "timetable")


def _put_where_it_cannot_be(places: Places, proposal: str) -> None:
    """Place it in the smallest room, which is already taken: two conflicts to show."""
    answer = requests.get(
        f"{places.ports.public_url}/v1/schedule", headers={"Authorization": f"Bearer {places.key}"}, timeout=10
    )
    taken = answer.json()["placements"][0]
    body = {"room": taken["room"], "slot": taken["slot"], "pinned": True}
    headers = {"If-Match": answer.headers["ETag"]}
    places.ask("PUT", f"/v1/schedule/placements/{proposal}", json=body, headers=headers)


def own_proposal(title: str, more: str = "?lang=en") -> OpenPage:
    """The own page of the proposer of ``title``, or a page below it: ``more`` follows the address."""

    def open_page(page: Page, places: Places) -> None:
        propose_some(places)
        link = soon(partial(_linked, places, PROPOSERS[title], "/r/"), f"mail about {title!r}")
        page.goto(link + more)

    return open_page


def _with_proposals(then: OpenPage) -> OpenPage:
    def open_page(page: Page, places: Places) -> None:
        propose_some(places)
        then(page, places)

    return open_page


def placement(page: Page, places: Places) -> None:
    """Where else the late one could be."""
    propose_some(places)
    console(f"/console/timetable/{_found(places, LATE)}")(page, places)


def deciding_together(page: Page, places: Places) -> None:
    """What accepting several proposals does."""
    propose_some(places)
    console("/console/side-events?marked=all")(page, places)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Accept").wait_for(timeout=WITHIN_MS)


def partner_page(page: Page, places: Places) -> None:
    """The form for proposals in a partner's page."""
    page.goto(f"{places.ports.partner_url}/propose")
    page.locator("troika-form iframe.ready").wait_for()
    page.frame_locator("troika-form iframe").locator("#field-title").wait_for()


SCREENSHOT_PAGES: dict[str, OpenPage] = {
    "partner-propose": partner_page,
    "propose": opened(f"/embed/{FORM}?lang=en"),
    "propose-ar": opened(f"/embed/{FORM}?lang=ar"),
    "own-proposal": own_proposal(TITLES[0]),
    "own-proposal-ar": own_proposal(TITLES[-1], "?lang=ar"),
    "console-side-events": _with_proposals(console("/console/side-events")),
    "console-side-events-marked": deciding_together,
    "console-timetable": _with_proposals(console("/console/timetable")),
    "console-placement": placement,
    "timetable": _with_proposals(opened("/programme/timetable?lang=en")),
    "timetable-ar": _with_proposals(opened("/programme/timetable?lang=ar")),
}
