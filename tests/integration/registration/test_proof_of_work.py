"""Forms that ask for a proof of work: who has worked gets a seat, and the way of those who can solve nothing."""

from datetime import timedelta

from flask.testing import FlaskClient

from tests.integration.registration.proofs import client as client
from tests.integration.registration.proofs import hand as hand
from tests.integration.registration.proofs import proof, used
from tests.integration.registration.test_places import said, states
from tests.integration.registration.test_verification import click
from tests.support.clients import REGISTRATIONS, answers, rows
from tests.support.clock import FrozenClock
from tests.support.installation import TestInstallation


def test_form_that_asks_for_none_takes_what_it_took(client: FlaskClient, installation: TestInstallation) -> None:
    rows(installation.urls["registration"], "UPDATE form SET proof_of_work = 'off'")
    answer = client.post(REGISTRATIONS, json=answers(1, altcha="whatever"))
    assert (answer.status_code, answer.get_json()["status"]) == (201, "confirmed")
    assert used(installation) == 0


def test_whoever_has_worked_gets_a_seat(client: FlaskClient, installation: TestInstallation) -> None:
    answer = client.post(REGISTRATIONS, json=answers(1, altcha=proof(client)))
    assert (answer.status_code, answer.get_json()["status"]) == (201, "confirmed")
    assert states(installation) == {1: ("confirmed", None)}
    assert used(installation) == 1


def test_whoever_has_not_worked_confirms_the_address_and_holds_no_seat(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """Also where addresses need no confirmation: a program could else take every seat, or keep it for a day."""
    for number in (1, 2, 3):
        answer = client.post(REGISTRATIONS, json=answers(number))
        assert (answer.status_code, answer.get_json()["status"]) == (201, "unverified")
    url = installation.urls["registration"]
    assert rows(url, "SELECT DISTINCT status, hold_until, expires_at FROM registration") == [
        ("unverified", None, hand() + timedelta(days=8))
    ]
    assert rows(url, "SELECT confirmed, waiting FROM seat") == [(0, 0)]
    assert said(installation) == [("verification-requested", "unverified")] * 3

    for number in (4, 5):
        assert (
            client.post(REGISTRATIONS, json=answers(number, altcha=proof(client))).get_json()["status"] == "confirmed"
        )
    click(client, installation, 2)
    assert states(installation) == {
        1: ("unverified", None),
        2: ("waitlisted", 1),
        3: ("unverified", None),
        4: ("confirmed", None),
        5: ("confirmed", None),
    }


def test_where_addresses_are_confirmed_only_work_holds_a_seat(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    url = installation.urls["registration"]
    rows(url, "UPDATE form SET verification = 'email'")
    client.post(REGISTRATIONS, json=answers(1))
    client.post(REGISTRATIONS, json=answers(2, altcha=proof(client)))
    assert rows(url, "SELECT email, hold_until FROM registration ORDER BY email") == [
        ("participant-1@example.org", None),
        ("participant-2@example.org", hand() + timedelta(days=1)),
    ]


def test_answer_without_work_tells_nothing_of_the_address(client: FlaskClient) -> None:
    """New, known and trapped: the same status and sentence, as with work."""
    client.post(REGISTRATIONS, json=answers(1, altcha=proof(client)))
    new, known, trapped = (
        client.post(REGISTRATIONS, json=content).get_json()
        for content in (answers(2), answers(1), answers(3, website="https://example.org"))
    )
    assert new | {"id": ""} == known | {"id": ""} == trapped | {"id": ""}
    again, fresh = (client.post(REGISTRATIONS, json=answers(n, altcha=proof(client))).get_json() for n in (1, 4))
    assert again | {"id": ""} == fresh | {"id": ""}
