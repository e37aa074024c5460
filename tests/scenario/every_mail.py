"""Causes every kind of mail, by actions of people and coordinators, with hostile text in every place for text.

What a form refuses it refuses with 422; its sender then has no part in the story.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.scenario.acts import COUNCIL, PRESS, send_bulletin
from tests.scenario.delivered_mails import Letter
from tests.scenario.hostile_text import TEXTS, marked, packed, words_of_event
from tests.scenario.scenario_system import ScenarioSystem
from tests.scenario.timetable import (
    NEWS_WAITS,
    PROPOSAL,
    announce_side_events,
    decide,
    november_rooms,
    solve_and_publish,
)
from tests.support.clients import submissions_path

MONDAY = datetime(2020, 3, 2, 9, 0, tzinfo=UTC)
RECORDING = "https://videos.example.org/hostile"
LATE, LEAVING = 98, 99
"""Numbers of people who propose when the others have their places: one is declined, one withdraws."""

STAYING = 3
"""So many guests are notified of all changes of their event."""

UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Control characters: in a bulletin they are refused."""

ANY = {"If-Match": "*"}
SIDE_EVENT_STEPS = (("cancel", "event_cancelled"), ("revive", "event_revived"), ("postpone", "event_postponed"))
"""Coordinators' manual changes of a side event, of which its proposer is notified."""


@dataclass(slots=True)
class AllPeople:
    """Attributes:
    taken: numbers of the texts that forms took as a name.
    staying: how many of those who bear them keep their seats.
    ideas: numbers of those they took as the title of a proposal.
    bulletins: numbers of those that coordinators could send.
    """

    taken: list[int] = field(default_factory=list)
    staying: int = 0
    ideas: list[int] = field(default_factory=list)
    bulletins: list[int] = field(default_factory=list)


def cause_every_mail(system: ScenarioSystem) -> AllPeople:
    """Play it all, from ``MONDAY`` on."""
    cast = AllPeople()
    system.start(MONDAY)
    _register(system, cast)
    _wait_and_come_again(system, cast)
    _give_up(system, cast)
    _join_other_forms(system)
    _propose(system, cast)
    _send_bulletins(system, cast)
    _change_the_event(system, cast)
    _invite(system)
    _end(system, cast)
    return cast


def _invite(system: ScenarioSystem) -> None:
    """A colleague takes a key, and gets a new link when it is lost."""
    new = {"name": "A colleague", "email": "newcomer@example.org", "roles": ["viewer"]}
    invited = system.call("POST", "/v1/access", "registration", status=201, json=new)
    (letter,) = system.expect("a colleague is invited", invitation=1)
    link = re.search(r"/console/invitation/[A-Za-z0-9_-]{43}", letter.text)
    assert link is not None
    own = {"Sec-Fetch-Site": "same-origin"}
    assert requests.post(f"{system.urls['registration']}{link[0]}/key", headers=own, timeout=10).status_code == 200
    again = {"email": "newcomer@example.org"}
    system.call("POST", f"/v1/access/{invited['id']}/invitation", "registration", status=202, json=again)
    system.expect("the key is lost", invitation=1)


def _register(system: ScenarioSystem, cast: AllPeople) -> None:
    """A name each, on one form, which has as many seats."""
    for number in range(len(TEXTS)):
        if _fill_in(system, f"guest-{number}", number):
            cast.taken.append(number)
    people = len(cast.taken)
    _seats(system, people)
    for letter in system.expect("people with a name each register", verification=people):
        system.confirm(letter)
    system.expect("they confirm their addresses", confirmation=people)


def _wait_and_come_again(system: ScenarioSystem, cast: AllPeople) -> None:
    """Some more wait; a day later everyone comes again, some for their link; then seats come and go."""
    late, people = cast.taken[::3], len(cast.taken)
    for number in late:
        assert _fill_in(system, f"late-{number}", number)
    system.expect("some more register", verification=len(late))
    system.at(MONDAY + timedelta(hours=26))
    for who, numbers in (("guest", cast.taken), ("late", late)):
        for number in numbers:
            assert _fill_in(system, f"{who}-{number}", number)
    again = system.expect("they all do it again", verification=people + len(late))
    for letter in again:
        if letter.to.startswith("late-"):
            system.confirm(letter)
        else:
            system.send_link(letter)
    system.expect("there is no seat left, and who has one gets the link to it", waiting_list=len(late), link=people)
    _offer_one(system, people + len(late))
    _seats(system, people + len(late), promotion_mode="in-order")
    promoted = system.expect("there are more seats", promotion=len(late))
    for letter in promoted:
        system.follow(letter, "cancel")
    system.expect("they are given back", cancelled_by_you=len(late))


def _give_up(system: ScenarioSystem, cast: AllPeople) -> None:
    """Most leave: what is sent to all who have a seat is sent often enough to a few."""
    leaving = [letter for letter in system.letters() if letter.kind == "link"][STAYING:]
    for letter in leaving:
        system.follow(letter, "cancel")
    system.expect("most leave", cancelled_by_you=len(leaving))
    cast.staying = STAYING


def _join_other_forms(system: ScenarioSystem) -> None:
    groups = [group["id"] for group in system.call("GET", "/v1/working-groups", "events")["items"]]
    for group in groups:
        system.submit_form("join-working-group", _person(f"of-{group}", "A member") | {"working_group": group})
    system.submit_form("geneva-delegation", _person("traveller", "A traveller"))
    system.submit_form("council-session-interest", {"email": "far-away@example.org"})
    for letter in system.expect("others fill in other forms", verification=len(groups) + 2):
        system.confirm(letter)
    system.expect("they confirm their addresses", confirmation=len(groups) + 2)
    system.at(MONDAY + timedelta(hours=28))
    for letter in system.expect("the traveller is asked for further details", details=1):
        system.give_details(letter, {"arrives_on": "2020-05-09", "leaves_on": "2020-05-13"})
    system.expect("and gives them", changed=1)
    corrected = {"organisation": "Another organisation"}
    system.submit_form("geneva-delegation", _person("traveller", "A traveller") | corrected)
    for letter in system.expect("one of them corrects an answer", verification=1):
        system.choose(letter, "replace")
    for letter in system.expect("and is notified of the change", changed=1):
        system.ask_address(letter, "traveller-moved@example.org")
    for letter in system.expect("they want another address, which is asked", verification=1):
        system.choose(letter, "use-address")
    for letter in system.expect("it gets the link, and the former one the news", changed=1, address_changed=1):
        if letter.kind == "address-changed":
            system.undo_address(letter)
    system.expect("which takes the change back: the other one is notified", changed=1, address_restored=1)
    system.ask_list("traveller@example.org")
    system.expect("and asks for all that is registered with it", verification=1)


def _propose(system: ScenarioSystem, cast: AllPeople) -> None:
    """Each proposal is returned, then accepted; all find a place, and move; one side event is cancelled and
    revived.

    Of two that come late one is declined, and one changed and withdrawn.
    """
    for number in range(len(TEXTS)):
        if _propose_one(system, number, number):
            cast.ideas.append(number)
    _confirm_proposals(system, len(cast.ideas))
    notes = packed("Note", 1900)
    ideas = len(cast.ideas)
    decide(system, "return", ideas, note=notes[0])
    system.expect("they are asked to work on them", proposal_returned=ideas)
    decide(system, "accept", ideas, status="returned", note=notes[-1])
    system.expect("they are accepted", proposal_accepted=ideas)
    assert solve_and_publish(system) == ideas
    system.expect("the timetable is published", proposal_scheduled=ideas)
    november_rooms(system)
    assert solve_and_publish(system) == ideas
    instant = MONDAY + timedelta(hours=29)
    announce_side_events(system, instant)
    system.expect("all of them move", event_rescheduled=ideas)
    side_event = system.call("GET", "/v1/proposals?status=scheduled", "events")["items"][0]["event"]
    for hours, (step, kind) in enumerate(SIDE_EVENT_STEPS, start=1):
        system.at(instant + timedelta(hours=hours))
        system.call("POST", f"/v1/events/{side_event}/{step}", "events", json={}, headers=ANY)
        system.pass_time(side_event, instant + timedelta(hours=hours) + NEWS_WAITS)
        system.expect(f"a side event: {step}", **{kind: 1})
    _propose_one(system, cast.ideas[0], LATE)
    _confirm_proposals(system, 1)
    decide(system, "decline", 1, note=notes[0])
    system.expect("it is declined", proposal_declined=1)
    _withdraw_one(system, cast.ideas[0])


def _withdraw_one(system: ScenarioSystem, number: int) -> None:
    """Someone proposes, changes that, asks for their link by proposing the same again, and withdraws."""
    _propose_one(system, number, LEAVING)
    for letter in _confirm_proposals(system, 1):
        system.change_answers(letter, _idea(number) | {"attendance": 20})
    system.expect("a proposal is changed", changed=1)
    _propose_one(system, number, LEAVING, attendance=20)
    for letter in system.expect("it comes again", verification=1):
        system.send_link(letter)
    for letter in system.expect("its sender gets the link", link=1):
        system.follow(letter, "cancel")
    system.expect("and withdraws it", cancelled_by_you=1)


def _propose_one(system: ScenarioSystem, number: int, who: int, **more: Any) -> bool:
    content = _idea(number) | {"email": f"proposer-{who}@example.org", "consent": True, **more}
    return system.submit("registration", submissions_path(PROPOSAL), content)


def _idea(number: int) -> dict[str, Any]:
    slots = {"name": "Name", "title": "Idea", "summary": "Summary", "speakers": "Speaker"}
    return {field: marked(slot, number) for field, slot in slots.items()} | {"attendance": 15}


def _confirm_proposals(system: ScenarioSystem, count: int) -> list[Letter]:
    for letter in system.expect("people propose side events", verification=count):
        system.confirm(letter)
    return system.expect("they confirm their addresses", proposal_received=count)


def _send_bulletins(system: ScenarioSystem, cast: AllPeople) -> None:
    for number in range(len(TEXTS)):
        texts = {"subject": marked("Subject", number), "text": marked("Line", number)}
        if UNWRITABLE.search(texts["subject"]):
            content = {"segment": {}, "texts": {"en": texts}}
            system.call("POST", "/v1/bulletins", "notifications", status=422, json=content)
        else:
            send_bulletin(system, {"form": "geneva-delegation"}, 1, texts)
            cast.bulletins.append(number)
    system.expect("coordinators write bulletins", bulletin=len(cast.bulletins))
    content = {"texts": {"en": {"subject": "A test", "text": "Is it right?"}}}
    drafted = system.call("POST", "/v1/bulletins", "notifications", status=201, json=content)
    copy = {"address": "of-the-writer@example.org"}
    system.call("POST", f"/v1/bulletins/{drafted['id']}/test", "notifications", status=202, json=copy)
    system.expect("a coordinator tries one", bulletin_test=1)


def _change_the_event(system: ScenarioSystem, cast: AllPeople) -> None:
    """All that can happen to an event, each time with other words in it."""
    steps: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("", {}, "event_changed"),
        ("confirm", {}, "event_confirmed"),
        ("reschedule", _at(20), "event_rescheduled"),
        ("postpone", {}, "event_postponed"),
        ("reschedule", _at(21), "event_rescheduled"),
        ("cancel", {}, "event_cancelled"),
        ("revive", {}, "event_revived"),
    )
    for number, (step, body, kind) in enumerate(steps, start=1):
        instant = MONDAY + timedelta(days=2, hours=number)
        system.at(instant)
        _rename(system, PRESS, number)
        if step:
            system.call("POST", f"/v1/events/{PRESS}/{step}", "events", json=body, headers=ANY)
        system.pass_time(PRESS, instant + NEWS_WAITS)
        system.expect(f"the event: {step or 'other words'}", **{kind: cast.staying})


def _end(system: ScenarioSystem, cast: AllPeople) -> None:
    """What can be attended from afar, what is near, what is over; and someone who has not confirmed yet."""
    instant = MONDAY + timedelta(days=3)
    system.at(instant)
    _rename(system, COUNCIL, 0)
    system.pass_time(COUNCIL, instant + NEWS_WAITS)
    system.expect("a session can be attended from afar", remote_possible=1)
    for days, kind in ((7, "reminder_7_days"), (1, "reminder_1_day"), (1 / 24, "reminder_1_hour")):
        system.at(_instant(21) - timedelta(days=days) + timedelta(minutes=1))
        system.expect(f"{days} days before", **{kind: cast.staying})
    system.at(_instant(22))
    recording = {"id": "hostile-recording", "kind": "recording", "title": "Recording", "language": "en"}
    where = {"url": RECORDING, "event": PRESS, "published": True}
    system.call("POST", "/v1/resources", "events", status=201, json=recording | where)
    system.expect("the recording is published", recording_available=cast.staying)
    system.submit_form("join-working-group", _person("newcomer", "A newcomer") | {"working_group": "education"})
    system.expect("someone comes late", verification=1)


def _fill_in(system: ScenarioSystem, who: str, number: int) -> bool:
    content = _person(who, marked("Name", number)) | {"consent": True, "organisation": "Organisation"}
    return system.submit("registration", submissions_path(PRESS), content)


def _person(who: str, name: str) -> dict[str, Any]:
    return {"name": name, "email": f"{who}@example.org"}


def _offer_one(system: ScenarioSystem, seats: int) -> None:
    """There are more seats, which coordinators give manually: the first in line declines one, and is given it then."""
    _seats(system, seats, promotion_mode="by-hand")
    waiting = system.call("GET", f"/v1/forms/{PRESS}/seats", "registration")["waiting"]
    first = f"/v1/registrations/{waiting[0]['registration']['id']}"
    system.call("PUT", f"{first}/offer", "registration", json={}, headers=ANY)
    for letter in system.expect("a seat is offered", seat_offered=1):
        system.follow(letter, "decline-seat")
    system.expect("and declined", offer_ended=1)
    system.call("PATCH", first, "registration", json={"status": "confirmed"}, headers=ANY)


def _seats(system: ScenarioSystem, number: int, **more: str) -> None:
    system.call("PATCH", f"/v1/forms/{PRESS}", "registration", json={"capacity": number, **more}, headers=ANY)


def _rename(system: ScenarioSystem, event: str, number: int) -> None:
    """Give an event the next words in every field that is shown."""
    system.call("PATCH", f"/v1/events/{event}", "events", json=words_of_event(number), headers=ANY)


def _instant(day: int) -> datetime:
    return datetime(2020, 5, day, 11, 0, tzinfo=UTC)


def _at(day: int) -> dict[str, Any]:
    return {"starts_at": _instant(day).isoformat(), "ends_at": (_instant(day) + timedelta(hours=1)).isoformat()}
