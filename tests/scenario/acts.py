"""The acts of the story. Each does what people would do, then waits for exactly the mails that they would get."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.scenario.scenario_system import ScenarioSystem
from tests.scenario.timetable import (
    PROPOSAL,
    announce_side_events,
    decide,
    november_rooms,
    side_events,
    solve_and_publish,
)
from tests.support.waiting import poll_until

WEBINAR, REVIEW, PRESS, COUNCIL = "upr-webinar-10", "upr-review", "review-press-conference", "council-session-43"
LATE_IDEA = "A late idea"
MISSING = {"subject": "Your group is missing", "text": "Please register for UPR Webinar Wednesday #10."}


@dataclass(slots=True)
class Cast:
    """Addresses by what their owners registered for; ``groups`` are ids of all working groups."""

    groups: list[str]
    webinar: set[str] = field(default_factory=set)
    travellers: set[str] = field(default_factory=set)
    members: dict[str, list[str]] = field(default_factory=dict)
    interested: set[str] = field(default_factory=set)
    press: set[str] = field(default_factory=set)


def people_register(system: ScenarioSystem) -> Cast:
    """Eight of twelve groups send someone to the webinar; five people travel, two of them are in the webinar."""
    cast = Cast([group["id"] for group in system.call("GET", "/v1/working-groups", "events")["items"]])
    for group in cast.groups[:8]:
        _join_webinar(system, cast, f"{group}@example.org", group)
    for number in range(3):
        _join_webinar(system, cast, f"guest-{number}@example.org", None)
    for letter in system.expect("27 Feb: people register on a partner's page", verification=11):
        system.confirm(letter)
    system.expect("27 Feb: they confirm by the link in their mail", confirmation=11)
    travellers = [
        *(f"{group}@example.org" for group in cast.groups[:2]),
        *(f"traveller-{n}@example.org" for n in "abc"),
    ]
    for address in travellers:
        system.submit_form("geneva-delegation", _person(address))
    cast.travellers = set(travellers)
    for group in cast.groups[8:]:
        cast.members[group] = [f"{group}-{number}@example.org" for number in (1, 2)]
        for address in cast.members[group]:
            system.submit_form("join-working-group", _person(address) | {"working_group": group})
    for number in range(3):
        system.submit_form("council-session-interest", {"email": f"far-away-{number}@example.org"})
        cast.interested.add(f"far-away-{number}@example.org")
    for number in range(2):
        system.submit_form("review-press-conference", _person(f"journalist-{number}@example.org"))
        cast.press.add(f"journalist-{number}@example.org")
    for letter in system.expect("27 Feb: addresses are to be confirmed", verification=18):
        system.confirm(letter)
    for letter in system.expect("27 Feb: addresses are confirmed", confirmation=18):
        if letter.to in cast.travellers:
            system.give_details(letter, {"arrives_on": "2020-05-09", "leaves_on": "2020-05-13"})
    system.expect("27 Feb: travellers say when they travel, on their own page", changed=len(travellers))
    return cast


def announce_gap(system: ScenarioSystem, cast: Cast) -> None:
    """Four groups have no one in the webinar: their members are written to, and the travellers who are not in it."""
    missing = system.call("GET", f"/v1/events/{WEBINAR}/coverage", "events")["missing"]
    assert [group["id"] for group in missing] == cast.groups[8:]
    for group in cast.groups[8:]:
        send_bulletin(system, {"working_group": group, "not_registered_for": WEBINAR}, 2, MISSING)
    send_bulletin(system, {"form": "geneva-delegation", "not_registered_for": WEBINAR}, 3, MISSING)
    recipients = {letter.to for letter in system.expect("28 Feb: a bulletin to who is missing", bulletin=11)}
    assert recipients == {a for addresses in cast.members.values() for a in addresses} | (
        cast.travellers - cast.webinar
    )
    for group in cast.groups[8:]:
        _join_webinar(system, cast, cast.members[group][0], group)
    for address in sorted(cast.travellers - cast.webinar):
        _join_webinar(system, cast, address, None)
    for letter in system.expect("28 Feb: who was missing registers", verification=7):
        system.confirm(letter)
    system.expect("28 Feb: and confirms", confirmation=7)
    coverage = f"/v1/events/{WEBINAR}/coverage"
    poll_until(lambda: system.call("GET", coverage, "events")["missing"] == [], what="every group is represented")


def remind(system: ScenarioSystem, starts_at: datetime, people: int) -> None:
    """A day and an hour before."""
    system.at(starts_at - timedelta(days=1) + timedelta(minutes=1))
    system.expect("3 Mar: a day before the webinar", reminder_1_day=people)
    system.at(starts_at - timedelta(hours=1) + timedelta(minutes=1))
    system.expect("4 Mar: an hour before the webinar", reminder_1_hour=people)


def publish_recording(system: ScenarioSystem, instant: datetime, people: int) -> None:
    """Everyone who was registered is sent the address of the recording."""
    system.at(instant)
    recording = {"id": "upr-webinar-10-recording", "kind": "recording", "title": "Recording", "language": "en"}
    where = {"url": "https://videos.example.org/upr-webinar-10", "event": WEBINAR, "published": True}
    system.call("POST", "/v1/resources", "events", status=201, json=recording | where)
    system.expect("6 Mar: the recording is published", recording_available=people)


def open_remote_attendance(system: ScenarioSystem, instant: datetime, people: int) -> None:
    """People who asked for it are notified, and no one else is."""
    system.at(instant)
    system.call("PATCH", f"/v1/events/{COUNCIL}", "events", json={"mode": "hybrid"}, headers={"If-Match": "*"})
    system.pass_time(COUNCIL, instant + timedelta(minutes=6))
    system.expect("9 Mar: the council session can be attended from afar", remote_possible=people)


def propose_side_events(system: ScenarioSystem, groups: list[str]) -> list[str]:
    """Groups propose on a partner's page, and confirm; the centre accepts. Returns the proposals' ids."""
    for group in groups:
        idea = {"title": f"Side event on {group}", "summary": "A short presentation.", "attendance": 25}
        system.submit_form(PROPOSAL, _person(f"{group}@example.org") | idea | {"working_group": group})
    for letter in system.expect("9 Mar: groups propose side events", verification=len(groups)):
        system.confirm(letter)
    system.expect("9 Mar: they confirm by the link in their mail", proposal_received=len(groups))
    ids = decide(system, "accept", len(groups))
    system.expect("9 Mar: the centre accepts them", proposal_accepted=len(groups))
    return ids


def schedule_side_events(system: ScenarioSystem, proposals: list[str]) -> None:
    """All find a room in the week of the review, and each gets its place and time."""
    assert solve_and_publish(system) == len(proposals)
    system.expect("9 Mar: the timetable is published", proposal_scheduled=len(proposals))


def move_the_review(system: ScenarioSystem, instant: datetime, review: datetime, press: datetime, cast: Cast) -> None:
    """From May to November: the audience is shown first, then everyone concerned is notified once."""
    system.at(instant)
    for event, starts_at, hours, people in ((REVIEW, review, 3.5, cast.travellers), (PRESS, press, 1, cast.press)):
        step = f"/v1/events/{event}/reschedule"
        body = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=hours)).isoformat()}
        shown = system.call("POST", f"{step}?dry_run=true", "events", json=body)
        assert shown["audience"]["people"] == len(people)
        system.call("POST", step, "events", json=body, headers={"If-Match": "*"})
    system.pass_time(PRESS, instant + timedelta(minutes=6))
    recipients = system.expect(
        "20 Mar: the review moves to November", event_rescheduled=len(cast.travellers | cast.press)
    )
    assert {letter.to for letter in recipients} == cast.travellers | cast.press


def reschedule_side_events(system: ScenarioSystem, instant: datetime, groups: list[str]) -> dict[str, datetime]:
    """One more proposal moves no one; the new week moves everyone, who are notified once. Returns when who presents."""
    system.at(instant)
    idea = {"title": LATE_IDEA, "summary": "Short.", "attendance": 10}
    system.submit_form(PROPOSAL, _person("late@example.org") | idea)
    for letter in system.expect("20 Mar: one more proposal", verification=1):
        system.confirm(letter)
    system.expect("20 Mar: its group confirms", proposal_received=1)
    decide(system, "accept", 1)
    system.expect("20 Mar: it is accepted", proposal_accepted=1)
    people = len(groups) + 1
    assert solve_and_publish(system) == people
    system.expect("20 Mar: it finds a place, all others keep theirs", proposal_scheduled=1)
    november_rooms(system)
    assert solve_and_publish(system) == people
    announce_side_events(system, instant)
    recipients = system.expect("20 Mar: the side events move to November", event_rescheduled=people)
    addresses = {f"Side event on {group}": f"{group}@example.org" for group in groups} | {LATE_IDEA: "late@example.org"}
    assert {letter.to for letter in recipients} == {*addresses.values()}
    return {addresses[title]: starts_at for title, starts_at in side_events(system).items()}


def _join_webinar(system: ScenarioSystem, cast: Cast, address: str, group: str | None) -> None:
    representing = {"working_group": group, "representative": True} if group else {}
    system.submit_form(WEBINAR, _person(address) | representing)
    cast.webinar.add(address)


def _person(address: str) -> dict[str, Any]:
    return {"name": address.partition("@")[0], "email": address}


def send_bulletin(system: ScenarioSystem, segment: dict[str, str], expected: int, texts: dict[str, str]) -> None:
    """Draft, read the audience, send; ``texts``: the subject and the text, in English."""
    content = {"segment": {part: [value] for part, value in segment.items()}, "texts": {"en": texts}}
    drafted = system.call("POST", "/v1/bulletins", "notifications", status=201, json=content)
    place = f"/v1/bulletins/{drafted['id']}"
    shown = system.call("POST", f"{place}/preview", "notifications")
    assert shown["audience"] == expected
    system.call("POST", f"{place}/send", "notifications", json={"expected": expected, "mark": shown["mark"]})
