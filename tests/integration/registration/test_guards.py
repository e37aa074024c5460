"""Guards that were missing once: each gap was found by reading the code as an attacker."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from shared.http.request_data import fingerprint
from shared.runtime.errors import Unavailable
from tests.support.clients import SUBMISSIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

ONE_DAY = timedelta(days=1, seconds=1)


def hold(url: str) -> Any:
    """A connection that holds the lock on the seats."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(address)
    connection.execute("SELECT 1 FROM seat FOR UPDATE")
    return connection


def test_stuck_seats_stop_no_submission(service: RegistrationService) -> None:
    """It is stored; the decider gives up within seconds, counts nothing against the submission, and decides later."""
    with hold(service.url):
        assert service.submit(answers(1)).status_code == 202
        with pytest.raises(Unavailable):
            service.decide()
    service.decide()
    assert rows(service.url, "SELECT state FROM submission") == [("decided",)]
    assert service.mailed() == ["participant-1@example.org"]


def test_fingerprint_does_not_give_answers_away(service: RegistrationService) -> None:
    """An attacker with a dump who guesses the answers cannot check the guess without the key."""
    content = answers(1, access_needs="wheelchair")
    service.submit(content)
    stored = bytes(rows(service.url, "SELECT fingerprint FROM submission")[0][0])
    assert stored != fingerprint(WEBINAR, content)


def test_client_network_is_stored_as_a_hash_for_a_day(service: RegistrationService) -> None:
    """Never the address; another hash on another day; gone once it is decided, from the candidate a day later."""
    network = {"X-Forwarded-For": "203.0.113.99"}
    service.submit(answers(1), headers=network)
    whole = str(rows(service.url, "SELECT s::text, s.network FROM submission s"))
    assert "203.0.113" not in whole
    [(first,)] = rows(service.url, "SELECT network FROM submission")
    service.decide()
    assert rows(service.url, "SELECT network FROM submission") == [(None,)]
    for table in ("candidate", "waiting_network"):
        assert rows(service.url, f"SELECT network FROM {table}") == [(first,)]
    [(received_at,)] = rows(service.url, "SELECT received_at FROM candidate")
    service.clock.set(received_at + ONE_DAY)
    service.submit(answers(2), headers=network)
    assert rows(service.url, "SELECT network = %s FROM submission ORDER BY id DESC LIMIT 1", first) == [(False,)]
    service.tend()
    assert rows(service.url, "SELECT network FROM candidate") == [(None,)]
    assert rows(service.url, "SELECT network FROM waiting_network") == []


@pytest.mark.parametrize(("field", "status"), [("name", 422), ("organisation", 422), ("idempotency_key", 400)])
@pytest.mark.parametrize("text", ["half \ud800", "nothing \u0000"])
def test_text_that_is_none_refused(client: FlaskClient, field: str, text: str, status: int) -> None:
    """Halves of characters and NUL are faults of the request, not ours."""
    body = json.dumps(answers(1) | {field: text})
    assert client.post(SUBMISSIONS, data=body, content_type="application/json").status_code == status


@pytest.mark.parametrize("slug", ["%00", "%ED%A0%80", "Upper", "a" * 3000])
def test_slug_that_is_none_is_unknown(client: FlaskClient, slug: str) -> None:
    """On every route that takes one."""
    assert client.get(f"/v1/forms/{slug}").status_code == 404
    assert client.get(f"/embed/{slug}").status_code == 404
    assert client.post(f"/v1/forms/{slug}/submissions", json=answers(1)).status_code == 404


def test_metrics_not_shown_through_a_gateway(client: FlaskClient, coordinator: dict[str, str]) -> None:
    """Counters would reveal who is registered: from elsewhere an operator's key is needed."""
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
