"""The same key, the same answer: whoever repeats a request gets what the first one got, and nothing happens twice."""

from flask.testing import FlaskClient

from tests.support.clients import REGISTRATIONS, answers, rows
from tests.support.installation import TestInstallation


def test_key_with_other_content_refused(client: FlaskClient) -> None:
    """422 and nothing stored: a key belongs to one request."""
    headers = {"Idempotency-Key": "one-key-only"}
    assert client.post(REGISTRATIONS, json=answers(1), headers=headers).status_code == 201
    other = client.post(REGISTRATIONS, json=answers(2), headers=headers)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency-mismatch")


def test_key_replayed_after_the_form_closed(client: FlaskClient, installation: TestInstallation) -> None:
    """Who was answered 201 is answered 201 again, though nobody else could register any more."""
    headers = {"Idempotency-Key": "before-it-closed"}
    first = client.post(REGISTRATIONS, json=answers(1), headers=headers)
    rows(installation.urls["registration"], "UPDATE form SET open = false")
    again = client.post(REGISTRATIONS, json=answers(1), headers=headers)
    assert (again.status_code, again.get_data()) == (201, first.get_data())
    assert client.post(REGISTRATIONS, json=answers(2)).get_json()["code"] == "form-closed"


def test_key_of_wrong_shape_refused(client: FlaskClient) -> None:
    """A key that anybody might guess or that cannot be stored is no key."""
    for key in ("short", "with space inside", "x" * 201):
        assert client.post(REGISTRATIONS, json=answers(1), headers={"Idempotency-Key": key}).status_code == 400
