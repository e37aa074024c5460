"""Coordinators' actions on proposals and the timetable."""

from datetime import datetime, timedelta
from typing import Any

import yaml

from tests.scenario.scenario_system import ScenarioSystem
from tests.support.waiting import poll_until

NOVEMBER = ["2020-11-04", "2020-11-05", "2020-11-06", "2020-11-09"]


PROPOSAL = "side-event-proposal"
"""The form by which side events are proposed."""

KEPT = ("series.yaml", "working-groups.yaml", "consultations.yaml")
"""What a folder has to hold beside events and rooms."""

NEWS_WAITS = timedelta(minutes=6)
"""News of an event waits for five minutes for more of it."""


def decide(system: ScenarioSystem, verb: str, count: int, *, status: str = "submitted", note: str = "") -> list[str]:
    """Accept (or return, decline) all proposals that are ``status``, once there are ``count``; returns their ids."""

    def found() -> list[dict[str, Any]]:
        return list(system.call("GET", f"/v1/proposals?status={status}", "events")["items"])

    poll_until(lambda: len(found()) == count, 30, what=f"coordinators have {count} proposals that are {status}")
    items = found()
    for item in items:
        tag = {"If-Match": f'"{item["revision"]}"'}
        system.call("POST", f"/v1/proposals/{item['id']}/{verb}", "events", json={"note": note}, headers=tag)
    return [item["id"] for item in items]


def solve_and_publish(system: ScenarioSystem) -> int:
    """Ask for a timetable, wait for it, publish it; returns how many proposals have a place in it."""
    job = system.call("POST", "/v1/schedule/solve", "events", status=202)["id"]
    done: dict[str, Any] = {}

    def is_done() -> bool:
        done.update(system.call("GET", f"/v1/schedule/jobs/{job}", "events"))
        return bool(done["status"] == "done")

    poll_until(is_done, 90, every_s=0.5, what="the timetable is made")
    assert system.call("GET", "/v1/schedule/conflicts", "events")["items"] == []
    system.call("POST", "/v1/schedule/publish", "events", status=201)
    return len(system.call("GET", "/v1/schedule.json", "events")["entries"])


def side_events(system: ScenarioSystem) -> dict[str, datetime]:
    """When each side event begins that a proposal has become, by the title of its proposal."""
    items = system.call("GET", "/v1/proposals?status=scheduled", "events")["items"]
    return {item["title"]: _start(system, item["event"]) for item in items}


def _start(system: ScenarioSystem, event: str) -> datetime:
    found = system.call("GET", f"/v1/events/{event}", "events")["starts_at"]
    return datetime.fromisoformat(found)


def announce_side_events(system: ScenarioSystem, instant: datetime) -> None:
    """Wait until notifications has consumed every side event, then pass the time that news waits."""
    revisions = "SELECT id, revision FROM event WHERE kind = 'side_event' AND status <> 'draft' ORDER BY id"
    newest = system.sql("events", revisions)
    ids = [event for event, _ in newest]

    def known() -> list[tuple[object, ...]]:
        copies = "SELECT id, revision FROM event_copy WHERE id = ANY(%s) ORDER BY id"
        return system.sql("notifications", copies, ids)

    poll_until(lambda: known() == newest, 30, what="notifications has consumed all of them")
    system.at(instant + NEWS_WAITS)


def november_rooms(system: ScenarioSystem) -> None:
    """The week in May is void: everything comes off the board, and there are slots in November instead."""
    board = system.call("GET", "/v1/schedule", "events")
    for placement in board["placements"]:
        place = f"/v1/schedule/placements/{placement['proposal']}"
        system.call("DELETE", place, "events", headers={"If-Match": "*"})
    folder = system.mail_folder.parent / "november"
    folder.mkdir()
    for name in KEPT:
        (folder / name).write_text((system.sample / name).read_text())
    (folder / "events.yaml").write_text("[]\n")  # those of the sample would take back what coordinators have changed
    rooms = yaml.safe_load((system.sample / "rooms.yaml").read_text())
    (folder / "rooms.yaml").write_text(yaml.safe_dump({**rooms, "days": NOVEMBER}))
    system.load("events", folder)
