"""Addresses confirmed by mail: holds, early and late clicks, expiry, and what is told to whom."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.settings import read_settings
from services.registration.tending import Tending
from services.registration.web import build_app
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.integration.registration.test_places import capacity, register, said, states, token_of
from tests.support.clients import REGISTRATIONS, WEBINAR, answers, rows
from tests.support.clock import FrozenClock, agreeing
from tests.support.installation import TestInstallation
from tests.support.mailed import mailed_to

HOLD = timedelta(hours=24)


@pytest.fixture
def hand() -> FrozenClock:
    """The time of the application."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def client(installation: TestInstallation, hand: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The application, with a form whose addresses are confirmed by mail."""
    for name, value in installation.environment("registration").items():
        monkeypatch.setenv(name, value)
    rows(installation.urls["registration"], "UPDATE form SET verification = 'email'")
    engine = open_engine(installation.url("registration", "web"))
    yield build_app(read_settings(), engine, clock=hand).test_client()
    engine.dispose()


def link_of(installation: TestInstallation, number: int) -> str:
    """Path of the page on which this participant confirms their address."""
    return f"/v/{mailed_to(installation, number)['verify']}"


def click(client: FlaskClient, installation: TestInstallation, number: int, status: int = 200) -> None:
    """Press the button on the page behind the link."""
    assert client.post(link_of(installation, number), data={"action": "verify"}).status_code == status


def keep_house_for_days(installation: TestInstallation, now: datetime) -> None:
    """The same where ``tend`` ran the day before too, and has announced what goes."""
    keep_house(installation, now - timedelta(hours=25))
    keep_house(installation, now)


def keep_house(installation: TestInstallation, now: datetime) -> None:
    """One turn of ``tend``, by its own login, whose host and database agree that it is ``now``."""
    engine = open_engine(installation.url("registration", "tend"))
    work = UnitOfWork(engine, "registration")
    Tending(work, agreeing(lambda: now, work)).turn()
    engine.dispose()


def test_registration_waits_for_its_owner(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """A seat is held, nothing is confirmed, and only notifications hears of it."""
    answer = client.post(REGISTRATIONS, json=answers(1))
    assert (answer.status_code, answer.get_json()["status"]) == (201, "unverified")
    url = installation.urls["registration"]
    assert rows(url, "SELECT status, hold_until, verified_at, confirmed_at, capacity_then FROM registration") == [
        ("unverified", hand() + HOLD, None, None, None)
    ]
    assert rows(url, "SELECT confirmed, waiting FROM seat") == [(0, 0)]
    assert said(installation) == [("verification-requested", "unverified")]


def test_button_confirms_once(client: FlaskClient, installation: TestInstallation) -> None:
    """The second click changes nothing and says nothing."""
    register(client, 1)
    for _ in range(2):
        click(client, installation, 1)
    assert states(installation) == {1: ("confirmed", None)}
    body = json.loads(bytes(rows(installation.urls["registration"], "SELECT body FROM outbox ORDER BY id")[-1][0]))
    assert said(installation) == [("verification-requested", "unverified"), ("confirmed", "confirmed")]
    assert (body["data"]["revision"], body["data"]["verified"]) == (2, True)
    assert rows(installation.urls["registration"], "SELECT confirmed FROM seat") == [(1,)]
    trail = "SELECT revision, status, reason FROM registration_change ORDER BY revision"
    assert rows(installation.urls["registration"], trail) == [
        (1, "unverified", "registered"),
        (2, "confirmed", "the address was confirmed in time"),
    ]


def test_page_shows_nothing_personal_before_the_button(client: FlaskClient, installation: TestInstallation) -> None:
    """Whoever typed somebody else's address must not speak to them through our page. Reading changes nothing."""
    client.post(REGISTRATIONS, json=answers(1, name="Canary Name", questions="Canary question"))
    before = client.get(link_of(installation, 1))
    assert before.status_code == 200
    assert not {"Canary", "participant-1"} & set(before.text.replace("@", " ").split())
    assert "Canary" not in before.text
    assert states(installation) == {1: ("unverified", None)}
    click(client, installation, 1)
    assert "Canary Name" in client.get(f"/r/{token_of(installation, 1)}").text


def test_holds_count_as_taken(client: FlaskClient, installation: TestInstallation) -> None:
    """The third person gets no seat while two are held, and is told the same."""
    capacity(installation, 2)
    given = [client.post(REGISTRATIONS, json=answers(number)).get_json() for number in (1, 2, 3)]
    assert {(answer["status"], answer["message"]) for answer in given} == {("unverified", given[0]["message"])}
    held = "SELECT hold_until IS NOT NULL FROM registration ORDER BY id"
    assert rows(installation.urls["registration"], held) == [(True,), (True,), (False,)]
    click(client, installation, 3)
    assert states(installation)[3] == ("waitlisted", 1)
    assert said(installation)[-1] == ("waitlisted", "waitlisted")


def test_hold_that_has_run_out_frees_its_seat(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """By the clock, not by a cleaner: the newcomer gets it, and the late click takes what is left."""
    capacity(installation, 1)
    register(client, 1)
    hand.advance(HOLD)
    register(client, 2)
    click(client, installation, 2)
    click(client, installation, 1)
    assert states(installation) == {1: ("waitlisted", 1), 2: ("confirmed", None)}


def test_late_click_takes_a_free_seat(client: FlaskClient, installation: TestInstallation, hand: FrozenClock) -> None:
    """Long after the hold, as long as one is free."""
    capacity(installation, 1)
    register(client, 1)
    hand.advance(HOLD * 3)
    keep_house(installation, hand())
    click(client, installation, 1)
    assert states(installation) == {1: ("confirmed", None)}


def test_those_who_wait_get_what_was_not_confirmed(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """Without anybody registering: keeping house is enough, and the capacity then in force is written down."""
    capacity(installation, 1)
    register(client, 1, 2)
    click(client, installation, 2)
    keep_house(installation, hand() + HOLD - timedelta(seconds=1))
    assert states(installation) == {1: ("unverified", None), 2: ("waitlisted", 1)}
    keep_house(installation, hand() + HOLD)
    assert states(installation) == {1: ("unverified", None), 2: ("confirmed", 1)}
    trail = "SELECT reason, capacity_then FROM registration_change WHERE revision = 3"
    assert rows(installation.urls["registration"], trail) == [("a seat was not confirmed in time", 1)]


def test_never_confirmed_expires_and_may_come_again(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """Seven days after the hold, said once; the link then opens nothing, and the address is free for a new try."""
    register(client, 1)
    keep_house(installation, hand() + HOLD + timedelta(days=7) - timedelta(seconds=1))
    assert states(installation)[1] == ("unverified", None)
    for _ in range(2):
        keep_house(installation, hand() + HOLD + timedelta(days=7))
    assert said(installation)[1:] == [("expired", "expired")]
    click(client, installation, 1, 404)
    assert states(installation)[1] == ("expired", None)
    register(client, 1)
    assert said(installation)[2:] == [("verification-requested", "unverified")]


def test_click_after_the_last_moment_is_too_late_when_nobody_has_cleared_up(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """To the moment, whenever house is kept: the page says what it would say after it."""
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = starts_at + interval '60 days'")
    register(client, 1, 2)
    hand.advance(HOLD + timedelta(days=7) - timedelta(microseconds=1))
    click(client, installation, 1)
    hand.advance(timedelta(microseconds=1))
    click(client, installation, 2, 404)
    assert states(installation) == {1: ("confirmed", None), 2: ("unverified", None)}
    keep_house(installation, hand())
    assert states(installation) == {1: ("confirmed", None), 2: ("expired", None)}
    assert said(installation)[2:] == [("confirmed", "confirmed"), ("expired", "expired")]
    assert rows(installation.urls["registration"], "SELECT confirmed FROM seat") == [(1,)]


def test_another_attempt_is_answered_as_the_first(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """Same words; the owner is asked once a day at most, by the first request too, and it lengthens no hold."""
    first = client.post(REGISTRATIONS, json=answers(1)).get_json()
    for day in range(3):
        for _ in range(2):
            again = client.post(REGISTRATIONS, json=answers(1, name="Another")).get_json()
            assert {**again, "id": ""} == {**first, "id": ""}
        assert said(installation)[1:] == [("attempt-repeated", "unverified")] * day
        hand.advance(HOLD)
    held = rows(installation.urls["registration"], "SELECT hold_until <= %s FROM registration", hand())
    assert held == [(True,)]


def test_answer_to_a_known_address_is_that_to_a_new_one(client: FlaskClient, installation: TestInstallation) -> None:
    """Also once it is confirmed."""
    register(client, 1)
    click(client, installation, 1)
    known, new = (client.post(REGISTRATIONS, json=answers(number)).get_json() for number in (1, 2))
    assert {**known, "id": ""} == {**new, "id": ""}


def test_lowered_capacity_gives_a_held_seat_to_nobody(
    client: FlaskClient, installation: TestInstallation, coordinator: dict[str, Any]
) -> None:
    """Nobody is confirmed until the count is below the capacity again."""
    capacity(installation, 2)
    register(client, 1, 2)
    click(client, installation, 1)
    headers = {**coordinator, "If-Match": '"1"'}
    assert client.patch(f"/v1/forms/{WEBINAR}", json={"capacity": 1}, headers=headers).status_code == 200
    click(client, installation, 2)
    assert states(installation) == {1: ("confirmed", None), 2: ("waitlisted", 1)}


def test_raised_capacity_promotes_beside_the_holds(
    client: FlaskClient, installation: TestInstallation, coordinator: dict[str, Any]
) -> None:
    """One seat more is one promotion: the held one stays held."""
    capacity(installation, 1)
    register(client, 1, 2, 3)
    click(client, installation, 2)
    click(client, installation, 3)
    headers = {**coordinator, "If-Match": '"1"'}
    client.patch(f"/v1/forms/{WEBINAR}", json={"capacity": 2}, headers=headers)
    assert states(installation) == {1: ("unverified", None), 2: ("confirmed", 1), 3: ("waitlisted", 2)}


@pytest.mark.parametrize(("seats", "free", "promoted"), [(1, 0, 0), (2, 0, 1), (3, 1, 1), (0, 0, 0)])
def test_new_limit_counts_the_holds(
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: dict[str, Any],
    seats: int,
    free: int,
    promoted: int,
) -> None:
    """Somebody waits, and a seat is held: with no limit nobody counts it, under a new one it is taken as ever."""
    capacity(installation, 1)
    register(client, 1, 2)
    click(client, installation, 2)
    assert states(installation) == {1: ("unverified", None), 2: ("waitlisted", 1)}
    rows(installation.urls["registration"], "UPDATE seat SET capacity = NULL")

    headers = {**coordinator, "If-Match": '"1"'}
    form, page = f"/v1/forms/{WEBINAR}", f"/console/registrations/forms/{WEBINAR}"
    tried = client.patch(f"{form}?dry_run=true", json={"capacity": seats}, headers=headers).get_json()
    assert tried["effect"]["promoted"] == promoted
    sent = {"capacity": str(seats), "opens": "", "closes": "", "switch": "on", "seen": "1"}
    shown = client.post(page, data=sent, headers=coordinator).text
    beyond = "1 more is taken or held than there are then" if seats == 0 else ""
    assert (beyond or f"{free} {'seat is' if free == 1 else 'seats are'} free then.") in shown
    assert client.patch(form, json={"capacity": seats}, headers=headers).status_code == 200
    assert states(installation)[2][0] == ("confirmed" if promoted else "waitlisted")
    click(client, installation, 1)
    taken = rows(installation.urls["registration"], "SELECT confirmed FROM seat")[0][0]
    assert taken == min(seats, 1 + promoted)


def test_click_after_the_start_is_too_late(
    client: FlaskClient, installation: TestInstallation, hand: FrozenClock
) -> None:
    """The page says so in place of the button."""
    register(client, 1)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = %s", hand())
    click(client, installation, 1, 409)
    page = client.get(link_of(installation, 1)).text
    assert states(installation) == {1: ("unverified", None)}
    assert ("not confirmed in time" in page, 'value="verify"' in page) == (True, False)


def test_trap_is_answered_alike(client: FlaskClient) -> None:
    """A program learns nothing from its answer."""
    genuine = client.post(REGISTRATIONS, json=answers(1)).get_json()
    trapped = client.post(REGISTRATIONS, json=answers(2, website="https://example.org")).get_json()
    assert {**trapped, "id": ""} == {**genuine, "id": ""}
