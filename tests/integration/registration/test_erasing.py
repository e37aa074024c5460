"""Erasing: by the person's link and by a coordinator; what is left is a tombstone, and the place goes to the next."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from flask.testing import FlaskClient

from tests.integration.registration.test_places import capacity, register, states, token_of
from tests.support.clients import REGISTRATIONS, answers, rows
from tests.support.installation import TestInstallation
from tests.support.mailed import mailed_to

CANARY = "zqcanary"
PERSONAL = (
    "person_ref", "name", "email", "organisation_id", "working_group", "country", "time_zone", "language", "sealed",
    "box", "token_hash",
)  # fmt: skip


def _url(installation: TestInstallation) -> str:
    return installation.urls["registration"]


def _id(installation: TestInstallation, number: int) -> str:
    asked = "SELECT id::text FROM registration WHERE email = %s"
    ((identity,),) = rows(_url(installation), asked, f"participant-{number}@example.org")
    return str(identity)


def _erase(client: FlaskClient, identity: str, headers: dict[str, Any], **wanted: Any) -> Any:
    path = f"/v1/registrations/{identity}/erasure"
    return client.post(path, json={"reason": "asked", **wanted}, headers=headers)


def everything_in(url: str) -> str:
    """All rows of all tables of a database as text, bytes decoded where they are text."""
    found = []
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                found += [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row]
    return "\n".join(found)


def test_link_asks_first_and_then_leaves_a_tombstone(client: FlaskClient, installation: TestInstallation) -> None:
    told = answers(1) | {"name": f"{CANARY}-name", "organisation": f"{CANARY}-organisation", "country": "CH"}
    assert client.post(REGISTRATIONS, json=told, headers={"Idempotency-Key": "a-key-of-ours-1"}).status_code == 201
    identity, token = _id(installation, 1), token_of(installation, 1)
    assert CANARY in everything_in(_url(installation))
    before = everything_in(_url(installation))
    page = client.get(f"/r/{token}?ask=erase")
    assert 'name="action" value="erase"' in page.text
    assert everything_in(_url(installation)) == before
    answer = client.post(f"/r/{token}", data={"action": "erase", "lang": "fr"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/r/erased?lang=fr")
    assert "Vos données sont effacées" in client.get(answer.headers["Location"]).text
    left = rows(_url(installation), f"SELECT {', '.join(PERSONAL)}, answers, status, revision FROM registration")
    assert left == [(*(None,) * len(PERSONAL), {}, "cancelled", 2)]
    everything = everything_in(_url(installation))
    assert [word for word in (CANARY, "participant-1", token) if word in everything] == []
    assert rows(_url(installation), "SELECT type, octet_length(body) = 0 FROM outbox ORDER BY id") == [
        ("org.troika.registration.confirmed.v1", True),
        ("org.troika.person.erased.v1", False),
    ]
    (body,) = rows(_url(installation), "SELECT body FROM outbox ORDER BY id")[-1]
    data = json.loads(bytes(body))["data"]
    assert {name: data[name] for name in ("registration_id", "status", "revision")} == {
        "registration_id": identity,
        "status": "cancelled",
        "revision": 2,
    }
    assert client.get(f"/r/{token}").status_code == 404
    assert client.post(f"/r/{token}", data={"action": "erase"}).status_code == 404


def test_place_goes_to_the_next_in_line(client: FlaskClient, installation: TestInstallation) -> None:
    capacity(installation, 1)
    register(client, 1, 2, 3)
    client.post(f"/r/{token_of(installation, 1)}", data={"action": "erase"})
    erased = rows(_url(installation), "SELECT count(*) FROM registration WHERE erased_at IS NOT NULL")
    assert erased == [(1,)]
    rows(_url(installation), "DELETE FROM registration WHERE erased_at IS NOT NULL")
    assert states(installation) == {2: ("confirmed", 1), 3: ("waitlisted", 2)}
    assert rows(_url(installation), "SELECT confirmed, waiting FROM seat") == [(1, 1)]


def test_held_seat_is_let_go(client: FlaskClient, installation: TestInstallation) -> None:
    rows(_url(installation), "UPDATE form SET verification = 'email'")
    capacity(installation, 1)
    register(client, 1)
    path = f"/v/{mailed_to(installation, 1)['verify']}"
    assert client.get(f"/r/{token_of(installation, 1)}?ask=erase").status_code == 404
    assert 'name="action" value="erase"' in client.get(f"{path}?ask=erase").text
    assert client.post(path, data={"action": "erase"}).status_code == 303
    assert client.post(path, data={"action": "erase"}).status_code == 404
    assert rows(_url(installation), "SELECT status, hold_until, expires_at FROM registration") == [
        ("expired", None, None)
    ]
    register(client, 2)
    held = "SELECT count(*) FROM registration WHERE hold_until IS NOT NULL"
    assert rows(_url(installation), held) == [(1,)]


def test_whoever_came_stays_counted(client: FlaskClient, installation: TestInstallation) -> None:
    register(client, 1)
    over = datetime.now(UTC) - timedelta(minutes=1)
    rows(_url(installation), "UPDATE event_copy SET status = 'confirmed', starts_at = %s", over)
    assert client.post(f"/r/{token_of(installation, 1)}", data={"action": "erase"}).status_code == 303
    assert rows(_url(installation), "SELECT status, email FROM registration") == [("confirmed", None)]
    assert rows(_url(installation), "SELECT confirmed FROM seat") == [(1,)]


def test_address_may_register_again(client: FlaskClient, installation: TestInstallation) -> None:
    register(client, 1)
    client.post(f"/r/{token_of(installation, 1)}", data={"action": "erase"})
    register(client, 1)
    assert rows(_url(installation), "SELECT status FROM registration ORDER BY id") == [("cancelled",), ("confirmed",)]


def test_same_key_again_does_not_bring_anybody_back(client: FlaskClient, installation: TestInstallation) -> None:
    sent = {"json": answers(1), "headers": {"Idempotency-Key": "a-key-of-ours-2"}}
    first = client.post(REGISTRATIONS, **sent)
    client.post(f"/r/{token_of(installation, 1)}", data={"action": "erase"})
    again = client.post(REGISTRATIONS, **sent)
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert rows(_url(installation), "SELECT count(*) FROM registration") == [(1,)]


def test_organisation_that_nobody_is_of_goes_too(client: FlaskClient, installation: TestInstallation) -> None:
    for number, name in ((1, "Alone"), (2, "Shared"), (3, "Shared")):
        assert client.post(REGISTRATIONS, json=answers(number) | {"organisation": name}).status_code == 201
    for token in [token_of(installation, number) for number in (1, 2)]:
        assert client.post(f"/r/{token}", data={"action": "erase"}).status_code == 303
    assert rows(_url(installation), "SELECT name FROM organisation") == [("Shared",)]


def test_coordinator_erases_with_a_reason(
    client: FlaskClient, installation: TestInstallation, coordinator: dict[str, Any]
) -> None:
    register(client, 1)
    identity = _id(installation, 1)
    assert _erase(client, identity, coordinator, reason="they told me their name").status_code == 422
    assert _erase(client, identity, {}).status_code == 401
    answer = _erase(client, identity, coordinator, reason="not-theirs")
    assert (answer.status_code, answer.json["status"], answer.json["id"]) == (200, "cancelled", identity)
    last = answer.json["history"][-1]
    assert (last["reason"], bool(last["changed_by"])) == ("erased: the address was registered by somebody else", True)
    again = _erase(client, identity, coordinator)
    assert (again.status_code, again.json) == (200, answer.json)
    assert client.get(f"/v1/registrations/{identity}", headers=coordinator).status_code == 404
    assert client.get(f"/v1/registrations/{identity}/erasure", headers=coordinator).json == answer.json
    assert client.get("/v1/registrations", headers=coordinator).get_json()["items"] == []


def test_my_data_is_everything_and_changes_nothing(client: FlaskClient, installation: TestInstallation) -> None:
    told = answers(1) | {"access_needs": f"{CANARY}-sealed"}
    assert client.post(REGISTRATIONS, json=told).status_code == 201
    token, before = token_of(installation, 1), everything_in(_url(installation))
    answer = client.get(f"/r/{token}/my-data.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    held = json.loads(answer.text)
    assert held["registration"]["id"] == _id(installation, 1)
    assert held["answers"]["email"] == "participant-1@example.org"
    assert held["sealed_answers"]["kept"] is True
    assert "access_needs" in held["sealed_answers"]["asked_for"]
    assert CANARY not in answer.text
    assert everything_in(_url(installation)) == before
    assert client.get("/r/of-nobody/my-data.json").status_code == 404


def test_my_data_of_an_address_that_is_not_confirmed_opens_nothing(
    client: FlaskClient, installation: TestInstallation
) -> None:
    rows(_url(installation), "UPDATE form SET verification = 'email'")
    register(client, 1)
    mailed = mailed_to(installation, 1)
    for path in (f"/r/{mailed['token']}", f"/r/{mailed['verify']}"):
        assert client.get(f"{path}/my-data.json").status_code == 404
    assert client.post(f"/v/{mailed['verify']}", data={"action": "verify"}).status_code == 200
    assert "participant-1@example.org" in client.get(f"/r/{mailed['token']}/my-data.json").text
