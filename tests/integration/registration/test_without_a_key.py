"""Forms sent without an idempotency key, by a browser without a script: pressed twice, registered and mailed once."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.clients import REGISTRATIONS, answers, rows, together
from tests.support.installation import TestInstallation

PAGE = {"Accept": "text/html"}


def press(client: FlaskClient, number: int = 1, **others: Any) -> Any:
    """The form, filled in, is sent as it stands on the page, which holds no key."""
    return client.post(REGISTRATIONS, data={**answers(number), "lang": "en", "consent": "yes", **others}, headers=PAGE)


def stored(installation: TestInstallation) -> tuple[int, list[str]]:
    """How many are registered, and what is said of them."""
    url = installation.urls["registration"]
    said = [row[0].split(".")[3] for row in rows(url, "SELECT type FROM outbox ORDER BY id")]
    return rows(url, "SELECT count(*)::int FROM registration WHERE status <> 'cancelled'")[0][0], said


def test_page_holds_no_key(client: FlaskClient) -> None:
    pages = [client.get(f"/embed/upr-webinar-10?lang=en&n={number}").text for number in range(2)]
    assert pages[0] == pages[1]
    assert "idempotency_key" not in pages[0]


@pytest.mark.parametrize("verification", ["none", "email"])
def test_pressed_twice_registers_and_mails_once(
    client: FlaskClient, installation: TestInstallation, verification: str
) -> None:
    rows(installation.urls["registration"], "UPDATE form SET verification = %s", verification)
    given = [*together(2, lambda _: press(client)), press(client)]
    assert [answer.status_code for answer in given] == [201] * 3
    assert len({answer.data for answer in given}) == 1
    assert stored(installation) == (1, ["confirmed" if verification == "none" else "verification-requested"])


def test_other_answers_are_another_attempt_which_its_owner_hears_of(
    client: FlaskClient, installation: TestInstallation
) -> None:
    """Whoever knows an address cannot keep its owner from hearing of it, nor change what they have sent."""
    for question in ("one", "two", "two"):
        assert press(client, questions=question).status_code == 201
    assert stored(installation) == (1, ["confirmed", "attempt-repeated"])


def test_same_answers_after_cancelling_register_again(
    client: FlaskClient, installation: TestInstallation, coordinator: dict[str, Any]
) -> None:
    press(client)
    url = installation.urls["registration"]
    [(identity,)] = rows(url, "SELECT id::text FROM registration")
    headers = {**coordinator, "If-Match": '"1"'}
    done = client.patch(f"/v1/registrations/{identity}", json={"status": "cancelled"}, headers=headers)
    assert done.status_code == 200, done.text
    assert [press(client).status_code for _ in range(2)] == [201, 201]
    assert stored(installation) == (1, ["confirmed", "cancelled", "confirmed"])


def test_blocked_address_is_answered_alike_however_often(
    client: FlaskClient, installation: TestInstallation, coordinator: dict[str, Any]
) -> None:
    """Whether a repetition joins must not tell that an address is blocked."""
    content = {"email": answers(1)["email"], "reason": "They asked us to."}
    blocked = client.post("/v1/blocked-addresses", json=content, headers=coordinator)
    assert blocked.status_code == 204, blocked.text
    first, second = press(client), press(client)
    assert (first.status_code, first.data) == (second.status_code, second.data)
    url = installation.urls["registration"]
    assert rows(url, "SELECT count(*)::int FROM idempotency") == [(1,)]
    assert rows(url, "SELECT count(*)::int FROM shadow_registration") == [(1,)]


def test_program_without_a_key_is_another_attempt(client: FlaskClient, installation: TestInstallation) -> None:
    for _ in range(2):
        assert client.post(REGISTRATIONS, json=answers(1)).status_code == 201
    assert stored(installation) == (1, ["confirmed", "attempt-repeated"])
