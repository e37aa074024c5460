"""Instants and days that have no date in some time zone are refused wherever they are given."""

from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.people.console import PATH
from services.registration.sealed_lists.purposes import nights_of
from shared.http.lists import to_cursor
from tests.integration.registration.test_importing import Desk, csv_of, person
from tests.support.clients import WEBINAR, rows
from tests.support.registration_service import RegistrationService
from tests.unit.shared.public_forms.samples import form_with

Headers = dict[str, Any]
FAR = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]


@pytest.mark.parametrize("instant", FAR)
@pytest.mark.parametrize("name", ["opens_at", "closes_at", "changes_until"])
def test_times_of_a_form_are_in_known_years(
    service: RegistrationService, client: FlaskClient, coordinator: Headers, name: str, instant: str
) -> None:
    headers = {**coordinator, "If-Match": '"1"'}
    refused = client.patch(f"/v1/forms/{WEBINAR}", json={name: instant}, headers=headers)
    assert (refused.status_code, [fault["pointer"] for fault in refused.get_json()["errors"]]) == (422, [f"/{name}"])
    assert rows(service.url, f"SELECT {name}, revision FROM form WHERE slug = %s", WEBINAR) == [(None, 1)]


@pytest.mark.parametrize("instant", FAR)
def test_reservation_ends_in_a_known_year(client: FlaskClient, coordinator: Headers, instant: str) -> None:
    reservation = {"reserved_for": "representative", "seats": 1, "until": instant}
    headers = {**coordinator, "If-Match": '"1"'}
    refused = client.patch(f"/v1/forms/{WEBINAR}", json={"capacity": 5, "reservations": [reservation]}, headers=headers)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("instant", FAR)
def test_list_takes_no_bound_and_log_no_cursor_outside_the_calendar(
    client: FlaskClient, coordinator: Headers, instant: str
) -> None:
    for name in ("since", "until", "offer_since", "offer_until"):
        answer = client.get("/v1/registrations", query_string={name: instant}, headers=coordinator)
        assert (name, answer.status_code) == (name, 422)
    bounded = client.get("/v1/audit-log", query_string={"since": instant, "until": instant}, headers=coordinator)
    assert bounded.status_code == 200
    query = {"cursor": to_cursor([instant, "1"])}
    for path in ("/v1/service-audit/registration", "/v1/audit-log"):
        assert client.get(path, query_string=query, headers=coordinator).status_code == 400


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("name", ["since", "until"])
def test_audit_log_takes_no_day_outside_the_known_years(
    client: FlaskClient, coordinator: Headers, name: str, day: str
) -> None:
    page = client.get("/console/audit-log", query_string={name: day}, headers=coordinator)
    assert (page.status_code, "Enter a day" in page.text) == (422, True)
    assert client.get(PATH, query_string={name: day}, headers=coordinator).status_code == 200


@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("0001-01-01 00:00:00 +14:00", "too-early"),
        ("1944-12-31 23:59:59", "too-early"),
        ("9999-12-31 23:59:59 -12:00", "future"),
    ],
)
def test_import_refuses_the_row_of_a_far_time(
    service: RegistrationService, coordinator: Headers, time: str, code: str
) -> None:
    desk = Desk(service, coordinator)
    checked = desk.check(csv_of(person(1), (time, *person(2)[1:])))
    assert desk.lines(checked) == [(2, "confirmed"), (3, code)]


def test_nights_end_with_the_calendar() -> None:
    """The question may have no limits."""
    fields = {field.name: field for field in form_with({"name": "hotel_nights", "kind": "number"}).fields}
    answers = {"hotel": "block", "arrives_on": "9999-12-30", "hotel_nights": 5}
    assert nights_of(fields, answers) == [date(9999, 12, 30), date.max]
