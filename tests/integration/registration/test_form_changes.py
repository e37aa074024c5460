"""Coordinators change forms: the effect first, no overwritten change, and a history with names."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from services.registration.forms.changes import FormChange, change_form
from services.registration.forms.model import FormSettings
from services.registration.people.waiting_list import promoting
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.schemas import decode
from shared.runtime.clock import system_clock
from shared.runtime.errors import DomainError
from tests.integration.registration.test_promotion import change
from tests.support.clients import SUBMISSIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

Headers = dict[str, Any]


@pytest.fixture
def full(service: RegistrationService, client: FlaskClient) -> FlaskClient:
    """One seat, taken, and three people who wait."""
    service.capacity(1)
    service.register(1, 2, 3, 4)
    return client


def try_it(client: FlaskClient, headers: Headers, **wanted: Any) -> Any:
    """What a change would do."""
    answer = client.patch(f"/v1/forms/{WEBINAR}?dry_run=true", json=wanted, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def history(client: FlaskClient, headers: Headers) -> list[tuple[Any, ...]]:
    """(who, before, after, promoted) of each change, newest first."""
    items = client.get(f"/v1/forms/{WEBINAR}/history", headers=headers).get_json()["items"]
    return [(item["changed_by"], item["before"], item["after"], item["promoted"]) for item in items]


def test_trying_changes_nothing(service: RegistrationService, full: FlaskClient, coordinator: Headers) -> None:
    before = service.states()
    tried = try_it(full, coordinator, capacity=3)
    assert tried["effect"] == {
        "promoted": 2,
        "still_waiting": 1,
        "withheld": "no-free-seat",
        "closed_reason": "",
    }
    assert (tried["capacity"], tried["revision"]) == (1, 1)
    assert (service.states(), history(full, coordinator)) == (before, [])


@pytest.mark.parametrize("seats", [0, 1, 2, 3, 9, None])
def test_what_was_shown_is_what_happens(
    service: RegistrationService, full: FlaskClient, coordinator: Headers, seats: int | None
) -> None:
    effect = try_it(full, coordinator, capacity=seats)["effect"]
    changed = change(full, coordinator, 1, capacity=seats).get_json()
    promoted = sum(status == "confirmed" for status, _ in service.states().values()) - 1
    assert (effect["promoted"], effect["still_waiting"]) == (promoted, changed["waiting"])


def test_change_is_written_down_with_who_made_it(full: FlaskClient, coordinator: Headers) -> None:
    change(full, coordinator, 1, capacity=2)
    change(full, coordinator, 2, open=False)
    assert history(full, coordinator) == [
        ("a coordinator", {"open": True}, {"open": False}, 0),
        ("a coordinator", {"capacity": 1}, {"capacity": 2}, 1),
    ]


def test_from_when_people_can_join_is_set_by_the_interface(client: FlaskClient, coordinator: Headers) -> None:
    answer = change(client, coordinator, 1, join_minutes_before=30)
    assert (answer.get_json()["join_minutes_before"], answer.get_json()["revision"]) == (30, 2)
    assert history(client, coordinator) == [
        ("a coordinator", {"join_minutes_before": 15}, {"join_minutes_before": 30}, 0)
    ]
    for wrong in (-1, 1441, "30", None):
        assert change(client, coordinator, 2, join_minutes_before=wrong).status_code == 422


def test_change_to_what_it_is_changes_nothing(full: FlaskClient, coordinator: Headers) -> None:
    answer = change(full, coordinator, 1, capacity=1, open=True)
    assert (answer.get_json()["revision"], history(full, coordinator)) == (1, [])


@pytest.mark.parametrize("attack", ["UPDATE form_change SET changed_by = 'nobody'", "DELETE FROM form_change"])
def test_history_is_only_ever_added_to(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers, attack: str
) -> None:
    change(full, coordinator, 1, capacity=2)
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
        rows(installation.urls["registration"], attack)


def test_hours_open_and_close_a_form(client: FlaskClient, coordinator: Headers) -> None:
    """For the intake, the page and the API; under the lock they are read again."""
    now = datetime.now(UTC)
    soon, before = (now + timedelta(hours=1)).isoformat(), (now - timedelta(hours=1)).isoformat()
    for revision, hours, reason in (
        (1, {"opens_at": soon}, "not-open"),
        (2, {"opens_at": before, "closes_at": before.replace("+00:00", "+01:00")}, None),
        (2, {"opens_at": None, "closes_at": before}, "closed"),
        (3, {"opens_at": before, "closes_at": soon}, ""),
    ):
        answer = change(client, coordinator, revision, **hours)
        if reason is None:
            assert (answer.status_code, answer.get_json()["code"]) == (422, "closing-before-opening")
            continue
        assert answer.get_json()["closed_reason"] == reason
        given = client.post(SUBMISSIONS, json=answers(revision))
        assert (given.status_code, given.get_json().get("detail", "")) == (409 if reason else 202, reason)
        assert client.get(f"/v1/forms/{WEBINAR}").get_json()["open"] == (reason == "")
        assert ('id="form"' in client.get(f"/embed/{WEBINAR}?lang=en").text) == (reason == "")


@pytest.mark.parametrize(
    "wanted",
    [{"opens_at": "2020-03-04T12:00"}, {"opens_at": 1}, {"seats": 1}, {"open": "no"}, {"open": 0}, {"open": None}],
)
def test_change_that_cannot_be_read_is_refused(client: FlaskClient, coordinator: Headers, wanted: Any) -> None:
    assert change(client, coordinator, 1, **wanted).status_code == 422


@pytest.mark.parametrize("slug", ["no-such-form", "%00", "Upper"])
def test_unknown_form_cannot_be_changed(client: FlaskClient, coordinator: Headers, slug: str) -> None:
    headers = {**coordinator, "If-Match": '"1"'}
    assert client.patch(f"/v1/forms/{slug}", json={"open": False}, headers=headers).status_code == 404
    assert client.get(f"/v1/forms/{slug}/history", headers=coordinator).status_code == 404
    assert client.get(f"/console/registrations/forms/{slug}", headers=coordinator).status_code == 404


def test_event_that_takes_place_again_gives_what_was_withheld(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """A seat freed while the event was postponed is given without waiting for the next one."""

    url, now = installation.urls["registration"], datetime.now(UTC)
    rows(url, "UPDATE event_copy SET status = 'postponed', starts_at = NULL")
    service.cancel(1)
    for _ in range(2):
        service.tend(now)
    assert service.states()[2] == ("waitlisted", 1)
    rows(url, "UPDATE event_copy SET status = 'confirmed', starts_at = %s", now + timedelta(days=5))
    service.tend(now)
    assert [service.states()[number][0] for number in (2, 3)] == ["confirmed", "waitlisted"]
    decisions = "SELECT cause, promoted, withheld FROM promotion ORDER BY id"
    assert rows(url, decisions) == [
        ("a seat was given back", 0, "not-taking-place"),
        ("a free seat could be given again", 1, "no-free-seat"),
    ]


def test_concurrent_changes_are_one(
    service: RegistrationService, full: FlaskClient, installation: TestInstallation
) -> None:
    """The revision is compared under the lock: of ten who have seen the same form one changes it."""
    engine = open_engine(installation.urls["registration"], pool_size=10)
    work = UnitOfWork(engine, "registration")

    def one(number: int) -> str:
        wanted = FormSettings(capacity=2 + number, open=True)
        try:
            asked = FormChange(WEBINAR, 1, f"coordinator {number}", wanted)
            return str(change_form(work, system_clock, promoting(service.outgoing), asked).revision)
        except DomainError as refusal:
            return refusal.code

    with ThreadPoolExecutor(10) as pool:
        given = sorted(pool.map(one, range(10)))
    engine.dispose()
    assert given == ["2", *["edit-conflict"] * 9]
    assert rows(installation.urls["registration"], "SELECT count(*) FROM form_change") == [(1,)]


@pytest.mark.parametrize("query", ["", "?lang=ar"])
@pytest.mark.parametrize("weak", ["", "W/"], ids=["strong", "weakened by a gateway that compresses"])
def test_etag_of_the_public_form_works_for_a_change(
    client: FlaskClient, coordinator: Headers, query: str, weak: str
) -> None:
    path = f"/v1/forms/{WEBINAR}"
    seen = client.get(f"{path}{query}").headers["ETag"]
    assert client.get(f"{path}{query}", headers={"If-None-Match": seen}).status_code == 304
    with_tag = {**coordinator, "If-Match": f"{weak}{seen}"}
    changed = client.patch(path, json={"open": False}, headers=with_tag)
    assert (changed.status_code, changed.get_json()["revision"]) == (200, 2)
    assert client.patch(path, json={"open": True}, headers=with_tag).status_code == 412
    assert client.get(f"{path}{query}").headers["ETag"] != seen


@pytest.mark.parametrize("tag", ["2", "11", "10-abc", "abc", "-1", ""])
def test_etag_of_another_revision_is_refused(client: FlaskClient, coordinator: Headers, tag: str) -> None:
    headers = {**coordinator, "If-Match": f'"{tag}"'}
    assert client.patch(f"/v1/forms/{WEBINAR}", json={"open": False}, headers=headers).status_code == 412


def published(installation: TestInstallation) -> list[dict[str, Any]]:
    """The messages to the other services about forms, in order."""
    found = rows(
        installation.urls["registration"],
        "SELECT body FROM outbox WHERE type = 'org.troika.form.changed.v1' ORDER BY id",
    )
    return [dict(decode(bytes(body)).data) for (body,) in found]


def test_change_of_a_form_is_published(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    change(client, coordinator, 1, open=False, closes_at="2030-05-09T12:00:00+02:00")
    change(client, coordinator, 2, open=True)
    try_it(client, coordinator, open=False)
    change(client, coordinator, 3, open=True)  # changes nothing
    common = {"id": WEBINAR, "kind": "webinar", "event": WEBINAR, "opens_at": None, "closes_hours_before": 0}
    common |= {"alarm_minutes": None, "open_until": None}
    published_states = published(installation)
    assert [state.pop("title")["fr"] for state in published_states] == ["Inscription : UPR Webinar Wednesday #10"] * 2
    assert published_states == [
        common | {"revision": 2, "open": False, "closes_at": "2030-05-09T10:00:00Z"},
        common | {"revision": 3, "open": True, "closes_at": "2030-05-09T10:00:00Z"},
    ]


def test_alarm_is_set_and_taken_back(client: FlaskClient, installation: TestInstallation, coordinator: Headers) -> None:
    change(client, coordinator, 1, alarm_minutes=30)
    change(client, coordinator, 2, open=False)
    change(client, coordinator, 3, alarm_minutes=None)
    assert [state["alarm_minutes"] for state in published(installation)] == [30, 30, None]


@pytest.mark.parametrize("minutes", [-1, 40_321, 1.5, "30", True])
def test_alarm_that_no_calendar_takes_is_refused(client: FlaskClient, coordinator: Headers, minutes: object) -> None:
    headers = {**coordinator, "If-Match": '"1"'}
    answer = client.patch(f"/v1/forms/{WEBINAR}", json={"alarm_minutes": minutes}, headers=headers)
    assert answer.status_code == 422
