"""Side events: from the proposal to the published timetable."""

from typing import Any

import requests
from playwright.sync_api import Page

from deploy.local.scenes.console import console
from deploy.local.scenes.places import Places, Scene, opened, soon

PROPOSER = "proposer@example.org"
NEWCOMER = "newcomer@example.org"
"""Whoever proposes the newest: only so many receipts a day go to one address."""
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
LATE = "An idea that came late"
RECEIVED = "We have received your proposal"


def _propose(places: Places, title: str, **answers: Any) -> str:
    told = {"name": "A proposer", "email": PROPOSER, "title": title, "summary": "What was promised and what was done."}
    body = {"attendance": 30, "consent": True, **told, **{name: value for name, value in answers.items() if value}}
    answer = requests.post(f"{places.ports.public_url}/v1/proposals", json=body, timeout=10)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _decide(places: Places, proposal: str, verb: str, note: str = "") -> None:
    seen = places.ask("GET", f"/v1/proposals/{proposal}")["revision"]
    headers = {"If-Match": f'"{seen}"'}
    places.ask("POST", f"/v1/proposals/{proposal}/{verb}", json={"note": note}, headers=headers)


def propose_some(places: Places) -> None:
    """A published timetable, and after it one proposal that came late, one returned, one new; made once."""
    if any(one["title"] == LATE for one in places.ask("GET", "/v1/proposals")["items"]):
        return
    for number, title in enumerate(TITLES):
        more = {"working_group": GROUPS[number % len(GROUPS)], "speakers": f"Speaker {number}"}
        _decide(places, _propose(places, title, attendance=15 + 10 * number, **more), "accept")
    _decide(places, _propose(places, TOO_LARGE, attendance=400), "accept")
    _solve(places)
    places.ask("POST", "/v1/schedule/publish")
    late = _propose(places, LATE, attendance=100)
    _decide(places, late, "accept")
    _put_where_it_cannot_be(places, late)
    _decide(places, _propose(places, "A returned idea", working_group="housing"), "return", "Please say who speaks.")
    _propose(places, "A new idea", email=NEWCOMER, working_group="health", organisation="Example Organisation")


def _solve(places: Places) -> None:
    job = places.ask("POST", "/v1/schedule/solve")["id"]

    def ended() -> bool | None:
        return places.ask("GET", f"/v1/schedule/jobs/{job}")["status"] in ("done", "failed") or None

    soon(ended, "timetable")


def _put_where_it_cannot_be(places: Places, proposal: str) -> None:
    """In the smallest room, where somebody is already: two conflicts to be seen."""
    answer = requests.get(
        f"{places.ports.public_url}/v1/schedule", headers={"Authorization": f"Bearer {places.key}"}, timeout=10
    )
    taken = answer.json()["placements"][0]
    body = {"room": taken["room"], "slot": taken["slot"], "pinned": True}
    headers = {"If-Match": answer.headers["ETag"]}
    places.ask("PUT", f"/v1/schedule/placements/{proposal}", json=body, headers=headers)


def own_proposal(subject: str, more: str = "lang=en") -> Scene:
    """The proposer's page, from the link in the newest mail with these words in its subject.

    The mail about a new proposal does not repeat its title: whoever wrote it may not be who reads it.
    """

    def scene(page: Page, places: Places) -> None:
        propose_some(places)

        def newest() -> str | None:
            mails = [*places.mails(NEWCOMER), *places.mails(PROPOSER)]
            return next((one["id"] for one in mails if subject in one["subject"]), None)

        page.goto(f"{places.linked(soon(newest, f'mail about {subject}'), '/p/')}?{more}")

    return scene


def _with_proposals(then: Scene) -> Scene:
    def scene(page: Page, places: Places) -> None:
        propose_some(places)
        then(page, places)

    return scene


def placement(page: Page, places: Places) -> None:
    """Where else the late one could be."""
    propose_some(places)
    found = next(one for one in places.ask("GET", "/v1/proposals")["items"] if one["title"] == LATE)
    console(f"/console/timetable/{found['id']}")(page, places)


def partner_page(page: Page, places: Places) -> None:
    """The form for proposals in somebody else's page."""
    page.goto(f"{places.ports.partner_url}/propose")
    page.locator("troika-form iframe.ready").wait_for()
    page.frame_locator("troika-form iframe").locator("#field-title").wait_for()


SCENES: dict[str, Scene] = {
    "partner-propose": partner_page,
    "propose": opened("/propose?lang=en"),
    "propose-ar": opened("/propose?lang=ar"),
    "own-proposal": own_proposal(TITLES[0]),
    "own-proposal-ar": own_proposal(TITLES[-1], "lang=ar"),
    "console-side-events": _with_proposals(console("/console/side-events")),
    "console-timetable": _with_proposals(console("/console/timetable")),
    "console-placement": placement,
    "timetable": _with_proposals(opened("/programme/timetable?lang=en")),
    "timetable-ar": _with_proposals(opened("/programme/timetable?lang=ar")),
}
