"""What coordinators do with proposals and the timetable."""

from typing import Any

import yaml

from tests.scenario.world import World
from tests.support.waiting import poll_until

NOVEMBER = ["2020-11-04", "2020-11-05", "2020-11-06", "2020-11-09"]


def decide(world: World, verb: str, *, status: str = "submitted", note: str = "") -> list[str]:
    """Accept (or return, decline) all proposals that are ``status``; returns their ids."""
    items = world.call("GET", f"/v1/proposals?status={status}", "events")["items"]
    for item in items:
        tag = {"If-Match": f'"{item["revision"]}"'}
        world.call("POST", f"/v1/proposals/{item['id']}/{verb}", "events", json={"note": note}, headers=tag)
    return [item["id"] for item in items]


def solve_and_publish(world: World) -> int:
    """Ask for a timetable, wait for it, publish it; returns how many proposals have a place in it."""
    job = world.call("POST", "/v1/schedule/solve", "events", status=202)["id"]
    done: dict[str, Any] = {}

    def is_done() -> bool:
        done.update(world.call("GET", f"/v1/schedule/jobs/{job}", "events"))
        return bool(done["status"] == "done")

    poll_until(is_done, 90, every_s=0.5, what="the timetable is made")
    assert world.call("GET", "/v1/schedule/conflicts", "events")["items"] == []
    world.call("POST", "/v1/schedule/publish", "events", status=201)
    return len(world.call("GET", "/v1/schedule.json", "events")["entries"])


def november_rooms(world: World) -> None:
    """The week in May is void: everything comes off the board, and there are slots in November instead."""
    board = world.call("GET", "/v1/schedule", "events")
    for placement in board["placements"]:
        place = f"/v1/schedule/placements/{placement['proposal']}"
        world.call("DELETE", place, "events", headers={"If-Match": "*"})
    folder = world.mail_folder.parent / "november"
    folder.mkdir()
    for file in world.sample.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text())
    rooms = yaml.safe_load((world.sample / "rooms.yaml").read_text())
    (folder / "rooms.yaml").write_text(yaml.safe_dump({**rooms, "days": NOVEMBER}))
    world.load("events", folder)
