"""Guards that were missing once: each of these was found by reading the code as somebody who wants to break it."""

import json
import threading
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from tests.support.clients import REGISTRATIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.locks import WAITING
from tests.support.waiting import poll_until


def hold(url: str) -> Any:
    """A connection that holds the lock on the seats."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(address)
    connection.execute("SELECT 1 FROM seat FOR UPDATE")
    return connection


def waits(url: str) -> bool:
    """Whether somebody waits for a lock."""
    return rows(url, WAITING) != [(0,)]


def test_stuck_seats_are_an_outage(client: FlaskClient, installation: TestInstallation) -> None:
    """503 with ``Retry-After`` within seconds, not an internal error, and nothing stored."""
    with hold(installation.urls["registration"]):
        answer = client.post(REGISTRATIONS, json=answers(1))
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert rows(installation.urls["registration"], "SELECT count(*) FROM registration") == [(0,)]


def test_closing_wins_over_who_waits_for_the_lock(client: FlaskClient, installation: TestInstallation) -> None:
    """Whoever waited while the form was closed finds it closed."""
    url, given = installation.urls["registration"], []
    holder = hold(url)
    person = threading.Thread(target=lambda: given.append(client.post(REGISTRATIONS, json=answers(1)).status_code))
    person.start()
    poll_until(lambda: waits(url), 5, what="the registration waits for the seats")
    holder.execute("UPDATE form SET open = false")
    holder.commit()
    holder.close()
    person.join()
    assert given == [409]


def test_fingerprint_does_not_give_sealed_answers_away(client: FlaskClient, installation: TestInstallation) -> None:
    """Whoever has a dump and guesses the sealed answer cannot check the guess without the key."""
    from shared.web.idempotency import fingerprint  # the unkeyed one

    content = answers(1, access_needs="wheelchair")
    client.post(REGISTRATIONS, json=content, headers={"Idempotency-Key": "fingerprint-test"})
    stored = bytes(rows(installation.urls["registration"], "SELECT fingerprint FROM idempotency")[0][0])
    assert stored != fingerprint(WEBINAR, content)


@pytest.mark.parametrize(("field", "status"), [("name", 422), ("organisation", 422), ("idempotency_key", 400)])
@pytest.mark.parametrize("text", ["half \ud800", "nothing \u0000"])
def test_text_that_is_none_refused(client: FlaskClient, field: str, text: str, status: int) -> None:
    """Halves of characters and NUL are faults of the request, not ours."""
    body = json.dumps(answers(1) | {field: text})
    assert client.post(REGISTRATIONS, data=body, content_type="application/json").status_code == status


@pytest.mark.parametrize("slug", ["%00", "%ED%A0%80", "Upper", "a" * 3000])
def test_slug_that_is_none_is_unknown(client: FlaskClient, slug: str) -> None:
    """On every route that takes one."""
    assert client.get(f"/v1/forms/{slug}").status_code == 404
    assert client.get(f"/embed/{slug}").status_code == 404
    assert client.post(f"/v1/forms/{slug}/registrations", json=answers(1)).status_code == 404


def test_metrics_not_shown_through_a_gateway(client: FlaskClient, coordinator: dict[str, str]) -> None:
    """Counters would tell who is registered: from elsewhere an operator's key is needed."""
    path, forwarded = "/-/registration/metrics", {"X-Forwarded-For": "192.0.2.1"}
    assert client.get(path).status_code == 200
    assert client.get(path, headers=forwarded).status_code == 404
    assert client.get(path, headers={**forwarded, **coordinator}).status_code == 200
    assert client.get(path, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 404


def test_limited_key_touches_its_forms_only(
    client: FlaskClient, installation: TestInstallation, coordinator: dict[str, str]
) -> None:
    """A key for another form can neither see nor change this one."""
    file = installation.secrets.folder / "access.json"
    file.write_text(json.dumps([{**holder, "forms": ["another-form"]} for holder in json.loads(file.read_text())]))
    assert client.get("/v1/forms", headers=coordinator).get_json() == {"items": []}
    changed = client.patch(f"/v1/forms/{WEBINAR}", json={"open": False}, headers={**coordinator, "If-Match": '"1"'})
    assert changed.status_code == 403


@pytest.mark.parametrize(
    ("order", "told"),
    [(("none", "email"), ["confirmed", "unverified"]), (("email", "none"), ["unverified", "confirmed"])],
)
def test_verification_that_changes_between_two_requests_is_no_fault(
    client: FlaskClient,
    installation: TestInstallation,
    monkeypatch: pytest.MonkeyPatch,
    order: tuple[str, str],
    told: list[str],
) -> None:
    """The form's questions may be a memory; how addresses are verified never is."""
    monkeypatch.setattr("services.registration.api.tools.VIEW_KEPT_S", 3600.0)
    given = []
    for number, verification in enumerate(order):
        rows(installation.urls["registration"], "UPDATE form SET verification = %s", verification)
        given.append(client.post(REGISTRATIONS, json=answers(number)).get_json().get("status"))
    assert given == told
