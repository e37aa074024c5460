"""The board and the published timetable, on a real database and over HTTP."""

from typing import Any

from sqlalchemy import text

from tests.integration.events.side_events import Desk

MORNING, NOON = "2020-05-06-0900", "2020-05-06-1300"
DURING_REVIEW = "2020-05-11-0900"


def test_timetable_is_made_published_and_announced_once(desk: Desk) -> None:
    names = [desk.accepted(f"Proposal {n}", working_group="housing", speakers=f"Person {n}") for n in range(3)]
    large = desk.accepted("Far too large", attendance=500)
    job = desk.solve()
    assert (job["status"], job["report"]["placed"]) == ("done", 3)
    assert job["report"]["unplaced"] == {large: [{"code": "no_room_large_enough", "slots": 20}]}
    board = desk.board().get_json()
    assert sorted(one["proposal"] for one in board["placements"]) == sorted(names)
    assert (board["conflicts"], board["waiting"], board["published"]) == ([], [large], None)

    before = len(desk.messages())
    published = desk.publish()
    assert published.status_code == 201
    assert published.get_json()["version"]["number"] == 1
    messages = desk.messages(before)
    assert [key for key, _ in messages] == ["event.published.v1", "proposal.scheduled.v1"] * 3
    by_event = {content["id"]: content for key, content in messages if key == "event.published.v1"}
    scheduled = [content for key, content in messages if key == "proposal.scheduled.v1"]
    assert sorted(content["proposal_id"] for content in scheduled) == sorted(names)
    for content in scheduled:
        event = by_event[content["event"]]
        assert (content["status"], event["kind"], event["status"]) == ("scheduled", "side_event", "confirmed")

    again = desk.publish()
    assert (again.status_code, again.get_json()["code"]) == (409, "schedule-unchanged")
    assert len(desk.messages()) == before + 6


def test_only_moved_and_new_side_events_are_announced_again(desk: Desk) -> None:
    stays, moves, goes = (desk.accepted(f"Proposal {n}") for n in range(3))
    for proposal, room in ((stays, "lake-hall"), (moves, "garden-room"), (goes, "upper-library")):
        desk.put(proposal, room, NOON)
    desk.publish()
    before = len(desk.messages())
    desk.put(moves, "lake-hall", MORNING)
    seen = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
    assert desk.client.delete(f"/v1/schedule/placements/{goes}", headers=seen).status_code == 200
    changes = desk.board().get_json()["changes"]
    assert (changes["moved"], changes["removed"], changes["unchanged"]) == ([moves], [goes], [stays])
    assert desk.publish().get_json()["version"]["number"] == 2
    announced = [(key, content.get("proposal_id")) for key, content in desk.messages(before)]
    assert announced == [
        ("event.changed.v1", None),
        ("proposal.scheduled.v1", moves),
        ("event.changed.v1", None),
        ("proposal.accepted.v1", goes),
    ]
    postponed = desk.messages(before)[-2][1]
    assert (postponed["status"], postponed["starts_at"]) == ("postponed", None)
    shown = desk.client.get(f"/v1/proposals/{goes}", headers=desk.headers).get_json()
    assert shown["status"] == "accepted"
    diff = desk.client.get("/v1/schedule/versions/1/diff/2").get_json()
    assert (diff["moved"], diff["removed"], diff["added"]) == ([moves], [goes], [])
    first = desk.client.get("/v1/schedule/versions/1").get_json()
    assert len(first["entries"]) == 3
    assert desk.client.get("/v1/schedule/versions/9").status_code == 404


def test_conflicts_are_shown_and_keep_the_timetable_from_being_published(desk: Desk) -> None:
    one = desk.accepted("One", speakers="A speaker", attendance=30)
    other = desk.accepted("Other", speakers="  a   SPEAKER ", attendance=30)
    desk.put(one, "small-salon", MORNING)
    desk.put(other, "small-salon", MORNING)
    found = desk.client.get("/v1/schedule/conflicts", headers=desk.headers).get_json()["items"]
    assert sorted(item["kind"] for item in found) == ["room", "room_too_small", "room_too_small", "speaker"]
    refused = desk.publish()
    assert (refused.status_code, refused.get_json()["code"]) == (409, "schedule-conflicts")
    desk.put(other, "lake-hall", DURING_REVIEW)
    desk.put(one, "lake-hall", MORNING)
    found = desk.client.get("/v1/schedule/conflicts", headers=desk.headers).get_json()["items"]
    assert found == [{"kind": "fixed_event", "proposals": [other], "subject": "upr-review"}]


def test_board_is_changed_only_by_who_has_seen_it(desk: Desk) -> None:
    proposal = desk.accepted("One")
    body = {"room": "lake-hall", "slot": MORNING, "pinned": True}
    path = f"/v1/schedule/placements/{proposal}"
    old = desk.board().headers["ETag"]
    assert desk.client.put(path, json=body, headers=desk.headers).status_code == 428
    assert desk.put(proposal, "garden-room", NOON).status_code == 200
    late = desk.client.put(path, json=body, headers={**desk.headers, "If-Match": old})
    assert late.status_code == 412
    assert desk.put(proposal, "no-such-room", NOON).status_code == 404
    assert desk.put(desk.propose("Not accepted"), "lake-hall", NOON).status_code == 409


def test_withdrawn_proposal_leaves_the_board_and_its_event_is_cancelled(desk: Desk) -> None:
    proposal, other = desk.accepted("One"), desk.accepted("Two")
    desk.put(proposal, "lake-hall", NOON)
    desk.put(other, "garden-room", NOON)
    desk.publish()
    before = len(desk.messages())
    desk.withdraw(proposal)
    assert (desk.show(proposal)["status"], desk.messages(before)) == ("withdrawn", [])
    assert [one["proposal"] for one in desk.board().get_json()["placements"]] == [other]
    desk.publish()
    assert [(key, content["status"]) for key, content in desk.messages(before)] == [("event.changed.v1", "cancelled")]


def test_pinned_place_survives_a_new_timetable(desk: Desk) -> None:
    proposals = [desk.accepted(f"Proposal {n}", working_group="housing") for n in range(4)]
    desk.put(proposals[2], "small-salon", NOON)
    desk.solve()
    places = {one["proposal"]: one for one in desk.board().get_json()["placements"]}
    assert (places[proposals[2]]["room"], places[proposals[2]]["slot"]) == ("small-salon", NOON)
    assert len(places) == 4


def test_public_sees_the_published_timetable_alone(desk: Desk) -> None:
    assert "No timetable has been published yet" in desk.client.get("/programme/timetable").text
    assert desk.client.get("/v1/schedule.json").status_code == 404
    proposal = desk.accepted("Housing <as> a right", working_group="housing")
    desk.put(proposal, "garden-room", NOON)
    assert "Housing" not in desk.client.get("/programme/timetable").text
    desk.publish()
    page = desk.client.get("/programme/timetable?lang=es")
    assert "Housing &lt;as&gt; a right" in page.text
    assert "13:00–14:00" in page.text
    assert "11:00–12:00\N{NO-BREAK SPACE}UTC" in page.text
    assert "miércoles 6 de mayo de 2020" in page.text
    entries: list[Any] = desk.client.get("/v1/schedule.json").get_json()["entries"]
    assert [(entry["proposal"], entry["room"]) for entry in entries] == [(proposal, "garden-room")]
    calendar = desk.client.get("/calendar/room/garden-room.ics")
    assert (calendar.mimetype, calendar.text.count("BEGIN:VEVENT")) == ("text/calendar", 1)
    assert "DTSTART;TZID=Europe/Zurich:20200506T130000" in calendar.text
    entry = calendar.text[calendar.text.index("BEGIN:VEVENT") :]
    assert entry in desk.client.get("/calendar/kind/side_event.ics").text, "the same entry, UID and all"
    assert "RDATE" not in calendar.text
    assert calendar.text.count("RRULE") == 2
    assert 'href="webcal://127.0.0.1:8000/calendar/room/garden-room.ics?lang=es"' in page.text
    assert desk.client.get("/calendar/room/lake-hall.ics").text.count("BEGIN:VEVENT") == 0
    assert desk.client.get("/calendar/room/nowhere.ics").status_code == 404


def test_public_timetable_shows_what_has_changed_since_it_was_published(desk: Desk) -> None:
    """People find their way by it: a side event that was cancelled, postponed or moved is shown as it is now."""
    rooms = {"Cancelled": "garden-room", "Postponed": "lake-hall", "Moved": "small-salon", "Later": "upper-library"}
    proposals = {name: desk.accepted(f"{name} since", attendance=10) for name in rooms}
    for name, room in rooms.items():
        desk.put(proposals[name], room, NOON)
    assert desk.publish().status_code == 201

    def line_of(name: str) -> str:
        page = " ".join(desk.client.get("/programme/timetable?lang=en").text.split())  # thin spaces too
        return next(line for line in page.split("<li class=")[1:] if f"{name} since" in line)

    def change(name: str, step: str = "", **body: str) -> None:
        place = f"/v1/events/{desk.show(proposals[name])['event']}"
        seen = {**desk.headers, "If-Match": desk.client.get(place, headers=desk.headers).headers["ETag"]}
        changed = desk.client.open(f"{place}{step}", method="POST" if step else "PATCH", json=body, headers=seen)
        assert changed.status_code == 200, changed.text

    assert all('"tag' not in line_of(name) and "1:00 – 2:00" in line_of(name) for name in rooms)
    change("Cancelled", "/cancel")
    change("Postponed", "/postpone")
    change("Moved", place="Room XXII")
    change("Later", "/reschedule", starts_at="2020-05-07T16:00:00+02:00", ends_at="2020-05-07T17:00:00+02:00")
    desk.clock.advance(seconds=1)  # the age at which a page is rendered again
    for name, status in (("Cancelled", "cancelled"), ("Postponed", "postponed")):
        assert '"card event off"' in line_of(name)
        assert f">{status.title()}</span>" in line_of(name)
    assert ("Room XXII" in line_of("Moved"), "Small Salon" in line_of("Moved")) == (True, False)
    assert ("4:00 – 5:00" in line_of("Later"), "Upper Library" in line_of("Later")) == (True, True)
    page = desk.client.get("/programme/timetable?lang=en").text
    order = [page.index(words) for words in ("Wednesday 6 May", "Moved since", "Thursday 7 May", "Later since")]
    assert order == sorted(order)


def test_side_event_that_became_internal_leaves_the_public_timetable(desk: Desk) -> None:
    """A folder of the programme may say so at any time."""
    for name, room in (("Shown", "garden-room"), ("Hidden", "lake-hall")):
        desk.put(desk.accepted(f"{name} title", attendance=10), room, NOON)
    desk.publish()
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE event SET internal = true WHERE title::text LIKE '%Hidden title%'"))
    page = desk.client.get("/programme/timetable")
    assert (page.status_code, "Shown title" in page.text, "Hidden title" in page.text) == (200, True, False)


def test_console_explains_why_a_proposal_has_no_place_and_what_clashes(desk: Desk) -> None:
    desk.accepted("Far too large", attendance=500)
    clash = [desk.accepted(f"Clash {n}", attendance=30) for n in range(2)]
    desk.solve()
    page = desk.client.get("/console/timetable", headers=desk.headers).text
    assert "found a place for 2 of 3 accepted proposals. No timetable has a place for more than 2." in page
    assert "It expects 500 people, and the largest room holds 120." in page
    assert "Conflict:" not in page
    desk.accepted("Came later")
    for proposal in clash:
        desk.put(proposal, "small-salon", MORNING)
    page = desk.client.get("/console/timetable", headers=desk.headers).text
    assert "It was accepted or removed after the last search" in page
    for words in ("Conflict: <bdi>same room as “Clash 1”", "Conflict: <bdi>the room is too small"):
        assert words in page, words


def test_note_of_an_empty_day(desk: Desk) -> None:
    """In a narrow window its table is not shown."""
    note = "No side event is placed on this day."
    page = desk.client.get("/console/timetable", headers=desk.headers).text
    days = page.count('<h2 id="day-')
    assert (days > 1, page.count(note)) == (True, days)
    desk.put(desk.accepted("The only one"), "small-salon", MORNING)
    assert desk.client.get("/console/timetable", headers=desk.headers).text.count(note) == days - 1


def test_console_names_a_wish_that_is_impossible(desk: Desk) -> None:
    for hour in ("0900", "1030", "1300", "1430", "1600"):
        desk.put(desk.accepted(f"At {hour}", speakers="A proposer", attendance=20), "lake-hall", f"2020-05-06-{hour}")
    desk.accepted("Wishes", speakers="A proposer", preferred_days=["2020-05-07"])
    assert "Preferred days" not in desk.client.get("/console/timetable", headers=desk.headers).text
    desk.accepted("Wishes in vain", speakers="A proposer", preferred_days=["2020-05-06"])
    page = desk.client.get("/console/timetable", headers=desk.headers).text
    assert "Preferred days that are not possible (1)" in page
    assert "but its working group or one of its speakers has another side event." in page
