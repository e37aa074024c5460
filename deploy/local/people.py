"""The people of ``make demo PEOPLE=1``: what the guides for programs count, correct and write to.

Everything goes over the interfaces that pages and programs use, so each rule about people applies here as well.
"""

import re
from datetime import date, datetime, timedelta
from typing import Any

import requests

from deploy.local.checking import StepFailed
from deploy.local.installation import PARTNER, WEBINAR, Installation
from deploy.local.places import Places, soon
from deploy.public_client import link_in

REFUSED_BY_RELAY = "participant-2@example.org"
"""The inbox takes no mail for this address, so that the guides can show a mail that failed."""

TRAVEL, WORKING_GROUP, PROPOSAL = "geneva-delegation", "join-working-group", "side-event-proposal"
SIDE_EVENTS = {
    "side-event-housing": ("Housing as a right", timedelta()),
    "side-event-policing": ("Who polices the police?", timedelta(minutes=30)),
}
"""Title, and how long after the first one it begins: they overlap."""

SEATS = 3
"""In the webinar, where one person more waits."""


def load_people_once(installation: Installation) -> None:
    """Load them when the installation is new; a restart adds nothing.

    Raises:
        StepFailed: it did not succeed; part of them may be there.
    """
    loaded = installation.folder / "people-loaded"
    if loaded.exists():
        return
    try:
        load_people(Places(installation.ports, installation.secrets.coordinator_key))
    except (requests.RequestException, TimeoutError) as error:
        raise StepFailed(f"people could not be loaded: {error}. Start again after: make demo-reset PEOPLE=1") from error
    loaded.touch()


def load_people(places: Places) -> None:
    """Load them into an installation that has the sample's programme, and nothing else; returns once all is counted.

    Raises:
        requests.HTTPError: the installation refuses something, for example because it is there already.
        TimeoutError: a service does not hear of what another one has stored.
    """
    _side_events(places)
    _travellers(places)
    _webinar(places)
    _groups(places)
    soon(lambda: _is_counted(places) or None, "count of all people")
    _offer(places)
    _bulletin(places)


def _side_events(places: Places) -> None:
    """Two on the same morning, three days before the review, each with a form."""
    review = datetime.fromisoformat(places.ask("GET", "/v1/events/upr-review")["starts_at"])
    for slug, (title, later) in SIDE_EVENTS.items():
        starts_at = review - timedelta(days=3) + later
        event = {
            "id": slug,
            "kind": "side_event",
            "title": {"en": title},
            "time_zone": "Europe/Zurich",
            "mode": "in_person",
            "city": "Geneva",
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
        }
        revision = places.ask("POST", "/v1/events", json=event)["revision"]
        for step in ("announce", "confirm"):
            done = places.ask("POST", f"/v1/events/{slug}/{step}", json={}, headers=_seen(revision))
            revision = done["event"]["revision"]
    soon(lambda: len(places.ask("GET", "/v1/side-event-forms")["items"]) == len(SIDE_EVENTS) or None, "side events")
    places.ask("POST", "/v1/side-event-forms", json={"events": None})
    held = {"host_kind": "permanent_mission", "city": "Geneva", "working_group": "housing", "presentations": 3}
    places.ask("POST", "/v1/consultations", json=held)


def _travellers(places: Places) -> None:
    """Two with a hotel room and one without details; the first one is also in both side events.

    Before other forms, because their mails would come between those that lead to the pages needed here. People answer
    themselves: coordinators cannot write sealed answers.
    """
    review = date.fromisoformat(places.ask("GET", "/v1/events/upr-review")["starts_at"][:10])
    arrival, later_arrival, departure = ((review + timedelta(days=days)).isoformat() for days in (-3, -1, 1))
    block = {"hotel": "block", "leaves_on": departure}
    _travel(places, 1)
    _give_details(places, 1, **block, hotel_nights=4, arrives_on=arrival)
    _travel(places, 5, access_needs="Live captions")
    _give_details(places, 5, **block, hotel_nights=2, arrives_on=later_arrival)
    _travel(places, 6)
    soon(lambda: _registered(places, TRAVEL) == 3 or None, "decision about the last traveller")
    for form in SIDE_EVENTS:
        _enter(places, form, **_participant(1))


def _webinar(places: Places) -> None:
    """Three with a seat, and one who waits; two of them come through a partner's page."""
    _change_form(places, capacity=SEATS)
    with_partner: dict[str, Any] = {"partner": PARTNER}
    housing = {"working_group": "housing", "representative": True}
    everyone = (
        {"organisation": "Organisation 0", **with_partner, **housing},
        {"organisation": "Organisation 0", "country": "US", **with_partner},
        {"organisation": "Organisation 2", "country": "FR", "language": "fr"},
        {"organisation": "Organisation 3"},
    )
    common = {"country": "CH", "time_zone": "Europe/Zurich", "language": "en", "questions": "What is the next step?"}
    for number, special in enumerate(everyone):
        answers = common | special
        if _participant(number)["email"] == REFUSED_BY_RELAY:
            _enter(places, WEBINAR, **_participant(number), **answers)  # no link to confirm can reach them
        else:
            _register(places, WEBINAR, number, answers)
    soon(lambda: _registered(places, WEBINAR) == SEATS + 1 or None, "decision about the webinar")


def _groups(places: Places) -> None:
    """Two members of a working group, and two proposals of side events."""
    for number in (0, 4):
        _enter(places, WORKING_GROUP, **_participant(number), working_group="housing")
    speakers = ("A first speaker\nA second speaker", "A second speaker")
    for (title, _), names in zip(SIDE_EVENTS.values(), speakers, strict=True):
        proposer = {"name": "A proposer", "email": f"{title[:3].lower()}@example.org", "working_group": "housing"}
        summary = "What was promised and what was done."
        _enter(places, PROPOSAL, **proposer, title=title, summary=summary, speakers=names, attendance=30, consent=True)


def _offer(places: Places) -> None:
    """A seat for the one who waits, until half a day from now."""
    _change_form(places, capacity=SEATS + 1, promotion_mode="by-hand")
    [waiting] = places.ask("GET", "/v1/registrations", params={"form": WEBINAR, "status": "waitlisted"})["items"]
    seen = _seen(waiting["revision"])
    places.ask("PUT", f"/v1/registrations/{waiting['id']}/offer", json={"hours": 12}, headers=seen)
    _change_form(places, promotion_mode="in-order")


def _bulletin(places: Places) -> None:
    """Sent to everyone with a seat in the webinar; the mail to one of them fails."""
    segment = {"event": [WEBINAR], "status": ["confirmed"]}
    texts = {"en": {"subject": "The review is near", "text": "Please read the brief."}}
    made = places.ask("POST", "/v1/bulletins", json={"segment": segment, "texts": texts})
    path = f"/v1/bulletins/{made['id']}"

    def preview() -> Any:
        shown = places.ask("POST", f"{path}/preview")
        return shown if shown["audience"] == SEATS else None

    shown = soon(preview, "audience of the bulletin")
    order = {"expected": shown["audience"], "mark": shown["mark"], "confirmed": shown["warnings"]}
    places.ask("POST", f"{path}/send", json=order)
    failed = {"outcome": "failed"}
    soon(lambda: places.ask("GET", f"{path}/mails", params=failed)["items"] or None, "mail that failed")


def _is_counted(places: Places) -> bool:
    """Whether events has handled what registration has published."""
    roster = places.ask("GET", f"/v1/events/{WEBINAR}/roster")["items"]
    proposals = places.ask("GET", "/v1/proposals")["items"]
    return len(roster) == SEATS + 1 and len(proposals) == len(SIDE_EVENTS)


def _registered(places: Places, form: str) -> int:
    found = places.ask("GET", "/v1/registrations", params={"form": form, "total": "true", "limit": 1})
    return int(found["total"])


def _participant(number: int) -> dict[str, Any]:
    return {"name": f"Participant {number}", "email": f"participant-{number}@example.org", "consent": True}


def _enter(places: Places, form: str, **answers: Any) -> None:
    places.ask("POST", f"/v1/forms/{form}/registrations", json={"reason": "on-paper", "answers": answers})


def _give_details(places: Places, number: int, **details: Any) -> None:
    """Answer what is asked after the confirmation, on the own page."""
    link = _mailed_link(places, number, "r") + "/details"
    [revision] = re.findall(r'name="revision" value="(\d+)"', requests.get(link, timeout=10).text)
    given = requests.post(link, data={"revision": revision, "lang": "en", **details}, timeout=10)
    given.raise_for_status()


def _travel(places: Places, number: int, **answers: Any) -> None:
    """Register for the delegation."""
    _register(places, TRAVEL, number, answers)


def _register(places: Places, form: str, number: int, answers: dict[str, Any]) -> None:
    """Send a form, and confirm the address by the link that is mailed."""
    places.register(form, {**_participant(number), **answers})
    places.confirm(_mailed_link(places, number, "c"))


def _mailed_link(places: Places, number: int, kind: str) -> str:
    """The first link of a kind in the mails to a person, newest first, once there is one."""
    public_url, inbox_url = places.ports.public_url, places.ports.inbox_url

    def find() -> str | None:
        mails = (
            requests.get(f"{inbox_url}/mails/{mail['id']}.eml", timeout=10).content
            for mail in places.mails(_participant(number)["email"])
        )
        return next(filter(None, (link_in(mail, public_url, kind) for mail in mails)), None)

    return soon(find, f"mail with a link to participant {number}")


def _change_form(places: Places, **wanted: Any) -> None:
    [form] = [form for form in places.ask("GET", "/v1/forms")["items"] if form["slug"] == WEBINAR]
    places.ask("PATCH", f"/v1/forms/{WEBINAR}", json=wanted, headers=_seen(form["revision"]))


def _seen(revision: int) -> dict[str, str]:
    return {"If-Match": f'"{revision}"'}
