"""Erasure by the person's link and by a coordinator: a tombstone remains, and the seat goes to the next person."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from services.registration.intake.form_view import view_form
from services.registration.own.commands import send_own
from tests.support.clients import WEBINAR, answers, rows
from tests.support.registration_service import RegistrationService

CANARY = "zqcanary"
ADDRESS = "participant-1@example.org"
PERSONAL = (
    "person_ref", "person_key", "mailbox_ref", "domain_ref", "name", "email", "organisation_id", "working_group",
    "country", "time_zone", "language", "sealed",
)  # fmt: skip


def _id(service: RegistrationService, number: int) -> str:
    asked = "SELECT id::text FROM registration WHERE email = %s"
    ((identity,),) = rows(service.url, asked, f"participant-{number}@example.org")
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


def test_link_asks_first_and_then_leaves_a_tombstone(service: RegistrationService) -> None:
    client, submitted = (
        service.client,
        answers(1) | {"name": f"{CANARY}-name", "organisation": f"{CANARY}-organisation"},
    )
    identity = service.enrol(submitted, headers={"Idempotency-Key": "a-key-of-ours-1"})
    token = service.own_token(1)
    before = everything_in(service.url)
    assert CANARY in before
    page = client.get(f"/r/{token}?ask=erase")
    assert 'name="action" value="erase"' in page.text
    assert everything_in(service.url) == before
    answer = client.get(service.own(token, "erase", lang="fr").headers["Location"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/r/erased?lang=fr")
    assert "Vos données sont effacées" in client.get(answer.headers["Location"]).text
    left = rows(service.url, f"SELECT {', '.join(PERSONAL)}, answers, consent, status, revision FROM registration")
    assert left == [(*(None,) * len(PERSONAL), {}, {}, "cancelled", 2)]
    everything = everything_in(service.url)
    assert [word for word in (CANARY, "participant-1", token) if word in everything] == []
    assert rows(service.url, "SELECT type, octet_length(body) = 0 FROM outbox ORDER BY id") == [
        ("org.troika.confirmation.wanted.v1", True),
        ("org.troika.registration.confirmed.v1", True),
        ("org.troika.person.erased.v1", False),
    ]
    [message] = service.messages("person.erased")
    assert {name: message["data"][name] for name in ("registration_id", "status", "revision")} == {
        "registration_id": identity,
        "status": "cancelled",
        "revision": 2,
    }
    assert client.get(f"/r/{token}").headers["Location"].startswith("/r/erased"), "its own holder sees it"
    assert service.own(token, "erase").status_code == 303, "also after a second press"


@pytest.mark.parametrize("ended_by", ["renew-links", "move"])
def test_mail_of_a_confirmation_link_that_ended_before_is_erased_too(
    service: RegistrationService, ended_by: str
) -> None:
    """Only the row of the link connects the message with an address, and it is deleted when the link ends."""
    service.register(1)
    address = ADDRESS
    if ended_by == "move":
        address = "moved@example.org"
        service.move(1, address)
    else:
        service.own(service.own_token(1), ended_by)
        service.decide()
    service.own(service.managing_token(address), "erase")
    service.decide()
    assert rows(service.url, "SELECT count(*) FROM registration WHERE erased_at IS NOT NULL") == [(1,)]
    found = rows(service.url, "SELECT type, octet_length(body), blanked_at IS NULL FROM outbox")
    assert {row[1:] for row in found if row[0] == "org.troika.confirmation.wanted.v1"} == {(0, False)}


def test_place_goes_to_the_next_in_line(service: RegistrationService) -> None:
    service.capacity(1)
    service.register(1, 2, 3)
    service.own(service.own_token(1), "erase")
    assert rows(service.url, "SELECT count(*) FROM registration WHERE erased_at IS NOT NULL") == [(1,)]
    assert service.states() == {2: ("confirmed", 1), 3: ("waitlisted", 2)}
    assert service.seats() == (1, 1)


def test_what_waits_for_the_owner_goes_too(service: RegistrationService) -> None:
    """Candidates, the mails that are due, and the links; also of what came before and is not decided yet."""
    service.register(1)
    token = service.own_token(1)
    service.submit(answers(1, name=f"{CANARY}-candidate"))
    service.decide()
    confirming = service.confirmation_token(ADDRESS)
    assert service.client.get(f"/c/{confirming}").status_code == 200
    service.submit(answers(1, name=f"{CANARY}-before"))
    service.submit(answers(2))
    assert service.own(token, "erase").status_code == 303
    service.submit(answers(1, name="Participant after"))
    service.decide()
    assert service.client.get(f"/c/{confirming}").status_code == 404
    assert rows(service.url, "SELECT content ->> 'name' FROM candidate ORDER BY submission") == [
        ("Participant 2",),
        ("Participant after",),
    ]
    assert rows(
        service.url,
        "SELECT count(*) FROM submission s WHERE became NOT IN (SELECT id FROM candidate) "
        "AND NOT EXISTS (SELECT FROM registration r WHERE r.submission = s.id)",
    ) == [(0,)]
    assert CANARY not in everything_in(service.url)


def test_what_came_after_the_erasure_is_kept_however_late_that_is_decided(service: RegistrationService) -> None:
    """The decider was down: the command and a new submission of the same person wait in the same queue."""
    service.register(1)
    service.submit(answers(1, name="Before"))
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    send_own(service.intake, view, service.own_token(1), "erase")
    service.submit(answers(1, name="After"))
    service.decide()
    assert rows(service.url, "SELECT content ->> 'name' FROM candidate") == [("After",)]


def test_receipt_of_a_dropped_submission_is_like_any_other(service: RegistrationService) -> None:
    """The submitter sees nothing of the erasure."""
    service.register(1)
    receipt = service.submit(answers(1, name="Somebody")).get_json()["receipt"]
    service.own(service.own_token(1), "erase")
    service.decide()
    assert service.outcome(receipt) == "check-your-mail"
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]


def test_attendee_stays_counted(service: RegistrationService) -> None:
    service.register(1)
    over = datetime.now(UTC) - timedelta(minutes=1)
    rows(service.url, "UPDATE event_copy SET status = 'confirmed', starts_at = %s", over)
    assert service.own(service.own_token(1), "erase").status_code == 303
    assert rows(service.url, "SELECT status, email FROM registration") == [("confirmed", None)]
    assert service.seats() == (1, 0)


def test_address_may_register_again(service: RegistrationService) -> None:
    service.register(1)
    service.own(service.own_token(1), "erase")
    service.register(1)
    assert rows(service.url, "SELECT status FROM registration ORDER BY id") == [("cancelled",), ("confirmed",)]


def test_same_key_again_does_not_bring_anyone_back(service: RegistrationService) -> None:
    key = {"Idempotency-Key": "a-key-of-ours-2"}
    service.enrol(answers(1), headers=key)
    service.own(service.own_token(1), "erase")
    assert service.submit(answers(1), headers=key).status_code == 202
    service.decide()
    assert rows(service.url, "SELECT count(*) FROM registration") == [(1,)]
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]


def test_organisation_that_no_one_is_of_goes_too(service: RegistrationService) -> None:
    named = {1: "Alone", 2: "Shared", 3: "Shared"}
    service.enrol_all([answers(number, organisation=name) for number, name in named.items()])
    for token in [service.own_token(number) for number in (1, 2)]:
        assert service.own(token, "erase").status_code == 303
    assert rows(service.url, "SELECT name FROM organisation") == [("Shared",)]


def test_coordinator_erases_with_a_reason(
    service: RegistrationService, client: FlaskClient, coordinator: dict[str, Any]
) -> None:
    service.register(1)
    identity = _id(service, 1)
    assert _erase(client, identity, coordinator, reason="they told me their name").status_code == 422
    assert _erase(client, identity, {}).status_code == 401
    answer = _erase(client, identity, coordinator, reason="not-theirs")
    assert (answer.status_code, answer.json["status"], answer.json["id"]) == (200, "cancelled", identity)
    last = answer.json["history"][-1]
    assert (last["reason"], bool(last["changed_by"])) == ("erased: the address was registered by another person", True)
    again = _erase(client, identity, coordinator)
    assert (again.status_code, again.json) == (200, answer.json)
    assert client.get(f"/v1/registrations/{identity}", headers=coordinator).status_code == 404
    assert client.get(f"/v1/registrations/{identity}/erasure", headers=coordinator).json == answer.json
    assert client.get("/v1/registrations", headers=coordinator).get_json()["items"] == []


def test_my_data_is_everything_and_changes_nothing(service: RegistrationService) -> None:
    identity = service.enrol(answers(1) | {"access_needs": f"{CANARY}-sealed"})
    token, before = service.own_token(1), everything_in(service.url)
    answer = service.client.get(f"/r/{token}/my-data.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    held = json.loads(answer.text)
    assert held["registration"]["id"] == identity
    assert held["answers"]["email"] == ADDRESS
    assert held["sealed_answers"]["kept"] is True
    assert "access_needs" in held["sealed_answers"]["asked_for"]
    assert [sorted(consent) for consent in held["consent"].values()] == [["given_at", "language", "version", "wording"]]
    assert [line["status"] for line in held["history"]] == ["confirmed"]
    assert CANARY not in answer.text
    assert everything_in(service.url) == before
    assert service.client.get("/r/of-nobody/my-data.json").status_code == 404


def test_confirmation_link_opens_no_data_of_a_registration(service: RegistrationService) -> None:
    service.submit(answers(1))
    service.decide()
    token = service.confirmation_token(ADDRESS)
    assert service.client.get(f"/r/{token}/my-data.json").status_code == 404
    service.confirm(ADDRESS)
    assert service.client.get(f"/r/{token}/my-data.json").status_code == 404
