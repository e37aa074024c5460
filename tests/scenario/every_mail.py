"""Causes every kind of mail, by what people and coordinators do, with hostile text wherever somebody's words can stand.

What a form refuses it refuses with 422; its sender then has no part in the story.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.scenario.acts import COUNCIL, PRESS, send_bulletin
from tests.scenario.hostile import TEXTS, marked, packed, words_of_event
from tests.scenario.letters import Letter
from tests.scenario.timetable import (
    NEWS_WAITS,
    PROPOSAL,
    decide,
    let_side_events_be_told,
    november_rooms,
    solve_and_publish,
)
from tests.scenario.world import World
from tests.support.clients import submissions_path

MONDAY = datetime(2020, 3, 2, 9, 0, tzinfo=UTC)
RECORDING = "https://videos.example.org/hostile"
LATE, LEAVING = 98, 99
"""Numbers of people who propose when the others have their places: one is declined, one withdraws."""

STAYING = 3
"""So many guests hear of all that happens to their event."""

UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Control characters: in a bulletin they are refused."""

ANY = {"If-Match": "*"}
SIDE_EVENT_STEPS = (("cancel", "event_cancelled"), ("revive", "event_revived"), ("postpone", "event_postponed"))
"""What coordinators do to a side event by hand, and what its proposer is told."""


@dataclass(slots=True)
class Everybody:
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


def cause_every_mail(world: World) -> Everybody:
    """Play it all, from ``MONDAY`` on."""
    cast = Everybody()
    world.start(MONDAY)
    _register(world, cast)
    _wait_and_come_again(world, cast)
    _give_up(world, cast)
    _join_other_forms(world)
    _propose(world, cast)
    _send_bulletins(world, cast)
    _change_the_event(world, cast)
    _invite(world)
    _end(world, cast)
    return cast


def _invite(world: World) -> None:
    """A colleague takes a key, and gets a new link when it is lost."""
    new = {"name": "A colleague", "email": "newcomer@example.org", "roles": ["viewer"]}
    invited = world.call("POST", "/v1/access", "registration", status=201, json=new)
    (letter,) = world.expect("a colleague is invited", invitation=1)
    link = re.search(r"/console/invitation/[A-Za-z0-9_-]{43}", letter.text)
    assert link is not None
    own = {"Sec-Fetch-Site": "same-origin"}
    assert requests.post(f"{world.urls['registration']}{link[0]}/key", headers=own, timeout=10).status_code == 200
    again = {"email": "newcomer@example.org"}
    world.call("POST", f"/v1/access/{invited['id']}/invitation", "registration", status=202, json=again)
    world.expect("the key is lost", invitation=1)


def _register(world: World, cast: Everybody) -> None:
    """A name each, on one form, which has as many seats."""
    for number in range(len(TEXTS)):
        if _fill_in(world, f"guest-{number}", number):
            cast.taken.append(number)
    people = len(cast.taken)
    _seats(world, people)
    for letter in world.expect("people with a name each register", verification=people):
        world.confirm(letter)
    world.expect("they confirm their addresses", confirmation=people)


def _wait_and_come_again(world: World, cast: Everybody) -> None:
    """Some more wait; a day later everybody comes again, some for their link; then seats come and go."""
    late, people = cast.taken[::3], len(cast.taken)
    for number in late:
        assert _fill_in(world, f"late-{number}", number)
    world.expect("some more register", verification=len(late))
    world.at(MONDAY + timedelta(hours=26))
    for who, numbers in (("guest", cast.taken), ("late", late)):
        for number in numbers:
            assert _fill_in(world, f"{who}-{number}", number)
    again = world.expect("they all do it again", verification=people + len(late))
    for letter in again:
        if letter.to.startswith("late-"):
            world.confirm(letter)
        else:
            world.send_link(letter)
    world.expect("there is no seat left, and who has one gets the link to it", waiting_list=len(late), link=people)
    _offer_one(world, people + len(late))
    _seats(world, people + len(late), promotion_mode="in-order")
    promoted = world.expect("there are more seats", promotion=len(late))
    for letter in promoted:
        world.follow(letter, "cancel")
    world.expect("they are given back", cancelled_by_you=len(late))


def _give_up(world: World, cast: Everybody) -> None:
    """Most leave: what is told to all who have a seat is told often enough to a few."""
    leaving = [letter for letter in world.letters() if letter.kind == "link"][STAYING:]
    for letter in leaving:
        world.follow(letter, "cancel")
    world.expect("most leave", cancelled_by_you=len(leaving))
    cast.staying = STAYING


def _join_other_forms(world: World) -> None:
    groups = [group["id"] for group in world.call("GET", "/v1/working-groups", "events")["items"]]
    for group in groups:
        world.submit_form("join-working-group", _person(f"of-{group}", "A member") | {"working_group": group})
    world.submit_form("geneva-delegation", _person("traveller", "A traveller"))
    world.submit_form("council-session-interest", {"email": "far-away@example.org"})
    for letter in world.expect("others fill in other forms", verification=len(groups) + 2):
        world.confirm(letter)
    world.expect("they confirm their addresses", confirmation=len(groups) + 2)
    world.at(MONDAY + timedelta(hours=28))
    for letter in world.expect("the traveller is asked for further details", details=1):
        world.give_details(letter, {"arrives_on": "2020-05-09", "leaves_on": "2020-05-13"})
    world.expect("and gives them", changed=1)
    corrected = {"organisation": "Another organisation"}
    world.submit_form("geneva-delegation", _person("traveller", "A traveller") | corrected)
    for letter in world.expect("one of them corrects an answer", verification=1):
        world.choose(letter, "replace")
    for letter in world.expect("and is told of the change", changed=1):
        world.ask_address(letter, "traveller-moved@example.org")
    for letter in world.expect("they want another address, which is asked", verification=1):
        world.choose(letter, "use-address")
    for letter in world.expect("it gets the link, and the former one the news", changed=1, address_changed=1):
        if letter.kind == "address-changed":
            world.undo_address(letter)
    world.expect("which takes the change back: the other one is told", changed=1, address_restored=1)
    world.ask_list("traveller@example.org")
    world.expect("and asks for all that is registered with it", verification=1)


def _propose(world: World, cast: Everybody) -> None:
    """Everybody's proposal is returned, then accepted; all find a place, and move; one side event is cancelled and
    revived.

    Of two that come late one is declined, and one changed and withdrawn.
    """
    for number in range(len(TEXTS)):
        if _propose_one(world, number, number):
            cast.ideas.append(number)
    _confirm_proposals(world, len(cast.ideas))
    notes = packed("Note", 1900)
    ideas = len(cast.ideas)
    decide(world, "return", ideas, note=notes[0])
    world.expect("they are asked to work on them", proposal_returned=ideas)
    decide(world, "accept", ideas, status="returned", note=notes[-1])
    world.expect("they are accepted", proposal_accepted=ideas)
    assert solve_and_publish(world) == ideas
    world.expect("the timetable is published", proposal_scheduled=ideas)
    november_rooms(world)
    assert solve_and_publish(world) == ideas
    moment = MONDAY + timedelta(hours=29)
    let_side_events_be_told(world, moment)
    world.expect("all of them move", event_rescheduled=ideas)
    side_event = world.call("GET", "/v1/proposals?status=scheduled", "events")["items"][0]["event"]
    for hours, (step, kind) in enumerate(SIDE_EVENT_STEPS, start=1):
        world.at(moment + timedelta(hours=hours))
        world.call("POST", f"/v1/events/{side_event}/{step}", "events", json={}, headers=ANY)
        world.pass_time(side_event, moment + timedelta(hours=hours) + NEWS_WAITS)
        world.expect(f"a side event: {step}", **{kind: 1})
    _propose_one(world, cast.ideas[0], LATE)
    _confirm_proposals(world, 1)
    decide(world, "decline", 1, note=notes[0])
    world.expect("it is declined", proposal_declined=1)
    _withdraw_one(world, cast.ideas[0])


def _withdraw_one(world: World, number: int) -> None:
    """Somebody proposes, changes that, asks for their link by proposing the same once more, and withdraws."""
    _propose_one(world, number, LEAVING)
    for letter in _confirm_proposals(world, 1):
        world.change_answers(letter, _idea(number) | {"attendance": 20})
    world.expect("a proposal is changed", changed=1)
    _propose_one(world, number, LEAVING, attendance=20)
    for letter in world.expect("it comes again", verification=1):
        world.send_link(letter)
    for letter in world.expect("its sender gets the link", link=1):
        world.follow(letter, "cancel")
    world.expect("and withdraws it", cancelled_by_you=1)


def _propose_one(world: World, number: int, who: int, **more: Any) -> bool:
    content = _idea(number) | {"email": f"proposer-{who}@example.org", "consent": True, **more}
    return world.submit("registration", submissions_path(PROPOSAL), content)


def _idea(number: int) -> dict[str, Any]:
    slots = {"name": "Name", "title": "Idea", "summary": "Summary", "speakers": "Speaker"}
    return {field: marked(slot, number) for field, slot in slots.items()} | {"attendance": 15}


def _confirm_proposals(world: World, count: int) -> list[Letter]:
    for letter in world.expect("people propose side events", verification=count):
        world.confirm(letter)
    return world.expect("they confirm their addresses", proposal_received=count)


def _send_bulletins(world: World, cast: Everybody) -> None:
    for number in range(len(TEXTS)):
        texts = {"subject": marked("Subject", number), "text": marked("Line", number)}
        if UNWRITABLE.search(texts["subject"]):
            content = {"segment": {}, "texts": {"en": texts}}
            world.call("POST", "/v1/bulletins", "notifications", status=422, json=content)
        else:
            send_bulletin(world, {"form": "geneva-delegation"}, 1, texts)
            cast.bulletins.append(number)
    world.expect("coordinators write bulletins", bulletin=len(cast.bulletins))
    content = {"texts": {"en": {"subject": "A test", "text": "Is it right?"}}}
    drafted = world.call("POST", "/v1/bulletins", "notifications", status=201, json=content)
    copy = {"address": "of-the-writer@example.org"}
    world.call("POST", f"/v1/bulletins/{drafted['id']}/test", "notifications", status=202, json=copy)
    world.expect("a coordinator tries one", bulletin_test=1)


def _change_the_event(world: World, cast: Everybody) -> None:
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
        moment = MONDAY + timedelta(days=2, hours=number)
        world.at(moment)
        _rename(world, PRESS, number)
        if step:
            world.call("POST", f"/v1/events/{PRESS}/{step}", "events", json=body, headers=ANY)
        world.pass_time(PRESS, moment + NEWS_WAITS)
        world.expect(f"the event: {step or 'other words'}", **{kind: cast.staying})


def _end(world: World, cast: Everybody) -> None:
    """What can be attended from afar, what is near, what is over; and somebody who has not confirmed yet."""
    moment = MONDAY + timedelta(days=3)
    world.at(moment)
    _rename(world, COUNCIL, 0)
    world.pass_time(COUNCIL, moment + NEWS_WAITS)
    world.expect("a session can be attended from afar", remote_possible=1)
    for days, kind in ((7, "reminder_7_days"), (1, "reminder_1_day"), (1 / 24, "reminder_1_hour")):
        world.at(_instant(21) - timedelta(days=days) + timedelta(minutes=1))
        world.expect(f"{days} days before", **{kind: cast.staying})
    world.at(_instant(22))
    recording = {"id": "hostile-recording", "kind": "recording", "title": "Recording", "language": "en"}
    where = {"url": RECORDING, "event": PRESS, "published": True}
    world.call("POST", "/v1/resources", "events", status=201, json=recording | where)
    world.expect("the recording is published", recording_available=cast.staying)
    world.submit_form("join-working-group", _person("newcomer", "A newcomer") | {"working_group": "education"})
    world.expect("somebody comes late", verification=1)


def _fill_in(world: World, who: str, number: int) -> bool:
    content = _person(who, marked("Name", number)) | {"consent": True, "organisation": "Organisation"}
    return world.submit("registration", submissions_path(PRESS), content)


def _person(who: str, name: str) -> dict[str, Any]:
    return {"name": name, "email": f"{who}@example.org"}


def _offer_one(world: World, seats: int) -> None:
    """There are more seats, which coordinators give by hand: the first in line declines one, and is given it then."""
    _seats(world, seats, promotion_mode="by-hand")
    waiting = world.call("GET", f"/v1/forms/{PRESS}/seats", "registration")["waiting"]
    first = f"/v1/registrations/{waiting[0]['registration']['id']}"
    world.call("PUT", f"{first}/offer", "registration", json={}, headers=ANY)
    for letter in world.expect("a seat is offered", seat_offered=1):
        world.follow(letter, "decline-seat")
    world.expect("and declined", offer_ended=1)
    world.call("PATCH", first, "registration", json={"status": "confirmed"}, headers=ANY)


def _seats(world: World, number: int, **more: str) -> None:
    world.call("PATCH", f"/v1/forms/{PRESS}", "registration", json={"capacity": number, **more}, headers=ANY)


def _rename(world: World, event: str, number: int) -> None:
    """Give an event the next words in every field that is shown."""
    world.call("PATCH", f"/v1/events/{event}", "events", json=words_of_event(number), headers=ANY)


def _instant(day: int) -> datetime:
    return datetime(2020, 5, day, 11, 0, tzinfo=UTC)


def _at(day: int) -> dict[str, Any]:
    return {"starts_at": _instant(day).isoformat(), "ends_at": (_instant(day) + timedelta(hours=1)).isoformat()}
