"""Giving up while others register: real transactions that meet, on one form and on two."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from flask.testing import FlaskClient

from tests.integration.registration.test_places import register, said
from tests.integration.registration.test_verification import HOLD, click, keep_house
from tests.integration.registration.test_verification import client as client
from tests.integration.registration.test_verification import hand as hand
from tests.support.clients import REGISTRATIONS, WEBINAR, answers, rows
from tests.support.clock import FrozenClock
from tests.support.installation import TestInstallation
from tests.support.locks import holding, wait_for_locks

FIRST = "a-form"
"""Comes before the webinar's in the order of slugs."""
COPY = """
    INSERT INTO form SELECT (jsonb_populate_record(f, jsonb_build_object('slug', %s::text))).* FROM form f;
"""
OVERDUE = HOLD + timedelta(days=7)
LATER = "UPDATE event_copy SET starts_at = starts_at + interval '60 days'"
"""So that the form is still open when a registration on it is overdue."""


def test_registering_again_while_one_is_given_up_is_a_new_registration(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """The expiry is decided and not committed when the same person comes: their 201 must not be about what is gone.

    Its hold has been released before, so that nothing but the lock keeps the two apart.
    """
    url = installation.urls["registration"]
    rows(url, LATER)
    register(client, 1)
    hand.advance(HOLD)
    keep_house(installation, hand())
    hand.advance(OVERDUE - HOLD)
    with ThreadPoolExecutor(2) as pool:
        with holding(url, "LOCK TABLE outbox IN SHARE MODE"):
            house = pool.submit(keep_house, installation, hand())
            wait_for_locks(url, 1)
            again = pool.submit(client.post, REGISTRATIONS, json=answers(1))
            wait_for_locks(url, 2)
        house.result(20)
        assert again.result(20).status_code == 201
    found = rows(url, "SELECT status, attempts FROM registration ORDER BY id")
    assert found == [("expired", 0), ("unverified", 0)]
    assert said(installation)[1:] == [("expired", "expired"), ("verification-requested", "unverified")]


def test_registering_again_when_nobody_has_cleared_up_is_a_new_registration(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """To the moment: before it the old one is meant, at it a new one; clearing up later finds nothing more to do."""
    url = installation.urls["registration"]
    rows(url, LATER)
    register(client, 1)
    hand.advance(OVERDUE - timedelta(microseconds=1))
    register(client, 1)
    assert said(installation)[1:] == [("attempt-repeated", "unverified")]
    hand.advance(timedelta(microseconds=1))
    register(client, 1)
    keep_house(installation, hand())
    assert rows(url, "SELECT status, attempts FROM registration ORDER BY id") == [("expired", 1), ("unverified", 0)]
    assert said(installation)[2:] == [("expired", "expired"), ("verification-requested", "unverified")]
    trail = "SELECT revision, status, reason FROM registration_change ORDER BY changed_at, revision DESC"
    assert rows(url, trail)[1:] == [
        (2, "expired", "the address was not confirmed in time"),
        (1, "unverified", "registered"),
    ]
    rows(url, "DELETE FROM outbox WHERE id < (SELECT max(id) FROM outbox)")  # the newest mail's link
    click(client, installation, 1)


def test_giving_up_on_one_form_locks_no_other(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """While it waits for the seats of one form, those of the form before are free again, and what it did is stored."""
    url = installation.urls["registration"]
    rows(url, COPY, FIRST)
    rows(url, "INSERT INTO seat (form, capacity) VALUES (%s, 1)", FIRST)
    for path in (REGISTRATIONS, REGISTRATIONS.replace(WEBINAR, FIRST)):
        assert client.post(path, json=answers(1)).status_code == 201
    with ThreadPoolExecutor(1) as pool:
        with holding(url, f"SELECT 1 FROM seat WHERE form = '{WEBINAR}' FOR UPDATE"):
            house = pool.submit(keep_house, installation, hand() + OVERDUE)
            wait_for_locks(url, 1)
            assert rows(url, "SELECT form FROM seat WHERE form = %s FOR UPDATE NOWAIT", FIRST) == [(FIRST,)]
            assert rows(url, "SELECT form, status FROM registration ORDER BY form") == [
                (FIRST, "expired"),
                (WEBINAR, "unverified"),
            ]
        house.result(20)
    assert rows(url, "SELECT DISTINCT status FROM registration") == [("expired",)]
