"""Moving a review lists what was planned around its date; the timetable's page lists what did not move."""

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from services.events.loading.rooms import read_rooms
from services.events.loading.service import load_rooms
from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.conftest import SAMPLE
from tests.integration.events.side_events import AsRole, Desk
from tests.integration.events.test_limited_keys import Limited
from tests.integration.events.test_limited_keys import limited as limited
from tests.integration.events.test_programme import REVIEW
from tests.support.clock import FrozenClock

PRESS, COUNCIL, WEBINAR = "review-press-conference", "council-session-43", "upr-webinar-10"
NOVEMBER = {"starts_at": "2020-11-09T08:00:00Z", "ends_at": "2020-11-09T11:30:00Z", "status": "confirmed"}
ROOM_DAYS = ["2020-05-06", "2020-05-07", "2020-05-08", "2020-05-11"]
HOTELS = ["guest-house-by-the-lake", "hotel-near-the-palais"]
NOTHING: dict[str, list[str]] = {"events": [], "hotels": [], "room_days": []}


@pytest.fixture
def coordinator(loaded: UnitOfWork, as_role: AsRole) -> dict[str, str]:
    """Headers of a coordinator in the scenario with its rooms."""
    load_rooms(loaded, read_rooms(SAMPLE))
    return as_role("coordinator") | {"If-Match": "*"}


def depends(client: FlaskClient, headers: dict[str, str], event: str, step: str, **wish: str) -> dict[str, list[str]]:
    """What a step would leave behind, by kind."""
    answer = client.post(f"/v1/events/{event}/{step}?dry_run=true", json=wish, headers=headers)
    assert answer.status_code == 200, answer.text
    found = answer.get_json()["dependents"]
    return {
        "events": [one["id"] for one in found["events"]],
        "hotels": sorted(one["id"] for one in found["hotels"]),
        "room_days": [one["on"] for one in found["room_days"]],
    }


def test_moving_the_review_names_what_was_planned_around_it(client: FlaskClient, coordinator: dict[str, str]) -> None:
    everything = {"events": [PRESS], "hotels": HOTELS, "room_days": ROOM_DAYS}
    assert depends(client, coordinator, REVIEW, "reschedule", **NOVEMBER) == everything
    assert depends(client, coordinator, REVIEW, "postpone") == everything
    assert depends(client, coordinator, REVIEW, "cancel") == everything


def test_what_moves_no_date_names_nothing(client: FlaskClient, coordinator: dict[str, str]) -> None:
    assert depends(client, coordinator, REVIEW, "confirm") == NOTHING
    assert depends(client, coordinator, PRESS, "postpone") == NOTHING, "nothing is planned around a press conference"
    assert depends(client, coordinator, WEBINAR, "postpone") == NOTHING
    answer = client.patch(f"/v1/events/{REVIEW}?dry_run=true", json={"summary": "Another."}, headers=coordinator)
    assert answer.get_json()["dependents"] == NOTHING


def test_postponed_review_still_lists_what_is_planned_at_its_old_date(
    client: FlaskClient, coordinator: dict[str, str]
) -> None:
    assert client.post(f"/v1/events/{REVIEW}/postpone", json={}, headers=coordinator).status_code == 200
    assert depends(client, coordinator, REVIEW, "reschedule", **NOVEMBER)["events"] == [PRESS]


def test_each_date_has_its_own(client: FlaskClient, coordinator: dict[str, str]) -> None:
    """The Council session is in the same city two months earlier: it has the hotel without a date alone."""
    april = {"starts_at": "2020-04-24T08:00:00Z", "ends_at": "2020-04-25T11:30:00Z"}
    assert depends(client, coordinator, COUNCIL, "reschedule", **april) == NOTHING | {
        "hotels": ["guest-house-by-the-lake"]
    }


def test_limited_key_sees_public_events_alone(
    client: FlaskClient, coordinator: dict[str, str], limited: Limited
) -> None:
    assert depends(client, limited(REVIEW), REVIEW, "reschedule", **NOVEMBER) == NOTHING | {"events": [PRESS]}


def test_console_names_them_before_the_date_is_changed(client: FlaskClient, coordinator: dict[str, str]) -> None:
    page = client.get(f"/console/events/{REVIEW}/change/postpone", headers=coordinator).text
    shown = _section(page, "depends")
    for part in (f'href="/console/events/{PRESS}"', "Hotel near the Palais", "Fri 10 Apr 2020", "Wed 6 May 2020"):
        assert part in shown
    assert 'id="depends"' not in client.get(f"/console/events/{REVIEW}/change/confirm", headers=coordinator).text


def test_timetable_names_what_was_left_behind(desk: Desk, clock: FrozenClock) -> None:
    headers = desk.headers | {"If-Match": "*"}

    def left() -> str:
        return _section(desk.client.get("/console/timetable", headers=headers).text, "left-behind")

    assert left() == ""
    desk.client.post(f"/v1/events/{REVIEW}/reschedule", json=NOVEMBER, headers=headers)
    page = left()
    for part in ("Mon 9 Nov 2020", f"/console/events/{PRESS}", "Hotel near the Palais", "Mon 11 May 2020"):
        assert part in page
    assert "Guest house by the lake" not in page, "it can be booked until whenever"
    moved = {"starts_at": "2020-11-09T12:00:00Z", "ends_at": "2020-11-09T13:00:00Z"}
    desk.client.post(f"/v1/events/{PRESS}/reschedule", json=moved, headers=headers)
    assert f"/console/events/{PRESS}" not in left()
    clock.set(datetime(2020, 5, 8, 12, tzinfo=UTC))
    assert "Mon 11 May 2020" in left()
    assert "Thu 7 May 2020" not in left(), "what is past needs no care"
    desk.client.post(f"/v1/events/{REVIEW}/postpone", json={}, headers=headers)
    assert "has no date." in left()


def _section(page: str, name: str) -> str:
    """The part of a page whose heading has the id ``name``, with plain spaces; empty if there is none."""
    found = re.search(rf'aria-labelledby="{name}".*?</(?:section|form)>', page, re.DOTALL)
    return "" if found is None else found[0].replace("\N{NO-BREAK SPACE}", " ")
