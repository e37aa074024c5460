"""No response reveals whether an address is registered, blocked, or over its limit."""

import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.integration.registration.enumeration import ADDRESS, WAYS, Place, seen
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.proofs_of_work import worked
from tests.support.registration_service import RegistrationService
from tests.support.statements import statements

ORIGIN = {"Origin": "http://localhost:8001"}
STATES = {
    "open": (),
    "confirmed by mail": ("UPDATE form SET verification = 'email'",),
    "full, with a waiting list": ("UPDATE seat SET capacity = 1, confirmed = 1, word = 'waiting-list'",),
}
STORED = """
    SELECT kind, form, form_revision, token_hash, length(fingerprint), length(network), challenge, length(code),
        length(body), length(decider_key), state, outcome::text, attempts FROM submission ORDER BY id DESC LIMIT 1
"""


@pytest.fixture
def place(service: RegistrationService) -> Place:
    return Place(service)


def start_over(place: Place, changes: tuple[str, ...]) -> None:
    """No one is known any more; the form is in the state that ``changes`` make."""
    rows(
        place.service.url,
        "TRUNCATE registration, registration_change, proposal_state, blocked_address, submission, candidate, outbox, "
        "mailbox, unverified_submission, waiting_address, waiting_network, waiting_link, confirmation_link, "
        "managing_link, limited_link, address_change, former_address, mail_log, registration_note",
    )
    rows(place.service.url, "UPDATE form SET verification = 'none'")
    rows(place.service.url, "UPDATE seat SET capacity = 100, confirmed = 0, waiting = 0, word = 'open'")
    for change in changes:
        rows(place.service.url, change)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("as_page", [False, True], ids=["as JSON", "as a page"])
def test_answers_rows_and_statements_are_equal(place: Place, state: str, as_page: bool) -> None:
    """To an address that is new, registered, pending, blocked, or over its limit: all but receipts, codes and times."""
    given: dict[str, Any] = {}
    place.send("first-of-all@example.org")
    for way, prepare in WAYS.items():
        start_over(place, STATES[state])
        prepare(place)
        headers = {**ORIGIN, "X-Forwarded-For": "198.51.100.7"}
        with statements(place.service.engine) as run:
            answer = place.send(ADDRESS, as_page=as_page, headers=headers)
        given[way] = {"answer": seen(answer), "row": rows(place.service.url, STORED), "statements": run}
    assert given["new"]["answer"][0] == "202 ACCEPTED"
    assert sum("INSERT INTO submission" in statement for statement in given["new"]["statements"]) == 1
    for part, expected in given["new"].items():
        assert {way: given[way][part] for way in WAYS} == dict.fromkeys(WAYS, expected)


@pytest.mark.parametrize("way", WAYS)
def test_receipts_show_the_same(place: Place, way: str) -> None:
    """Once it is decided too: where addresses are confirmed by mail, "check your mail" is all that a sender sees."""
    WAYS[way](place)
    receipt = place.send(ADDRESS, name="Another").get_json()["receipt"]
    place.service.decide()
    shown = place.service.client.get(f"/v1/receipts/{receipt}").get_json()
    receipts = {name: value for name, value in shown.items() if name not in ("code", "received_at")}
    assert receipts == {"form": "upr-webinar-10", "status": "check-your-mail", "mails_held": False, "calendar": None}
    assert sorted(shown) == ["calendar", "code", "form", "mails_held", "received_at", "status"]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ("UPDATE form SET verification = 'none'", "confirmed"),
        ("UPDATE seat SET capacity = 1, confirmed = 1", "waitlisted"),
    ],
)
def test_forms_without_verification_show_what_a_newcomer_would_see(place: Place, change: str, outcome: str) -> None:
    """With a proof of work someone is registered at once: known, pending and blocked get the same answer."""
    receipts = {}
    for way, prepare in WAYS.items():
        start_over(place, ())
        prepare(place)
        rows(place.service.url, change)
        if outcome == "waitlisted":
            rows(place.service.url, "UPDATE seat SET waiting = 0, last_position = 0")
        proof = worked(place.service.client.get("/v1/challenge?form=upr-webinar-10").get_json())
        answer = place.send(ADDRESS, name="Another", altcha=proof)
        place.service.decide()
        receipts[way] = _receipt(place, answer.get_json()["receipt"])
    assert receipts == dict.fromkeys(WAYS, receipts["new"])
    status, links, file = receipts["new"]
    assert (status, links is not None, "BEGIN:VEVENT" in file) == (outcome, outcome == "confirmed", bool(links))


def _receipt(place: Place, receipt: str) -> tuple[str, Any, str]:
    """Status, links and file of a receipt, without the receipt and the time of asking."""
    shown = place.service.client.get(f"/v1/receipts/{receipt}").get_data(as_text=True).replace(receipt, "-")
    file = place.service.client.get(f"/receipts/{receipt}/calendar.ics").get_data(as_text=True).replace(receipt, "-")
    content = json.loads(shown)
    return content["status"], content["calendar"], re.sub(r"DTSTAMP:\S+", "", file)


def test_nothing_goes_out_for_a_blocked_address(place: Place) -> None:
    """Neither a candidate nor a mail; and its idempotency key is kept as everyone's."""
    place.blocked()
    first = place.send(ADDRESS, headers={"Idempotency-Key": "blocked-address"})
    again = place.send(ADDRESS.upper(), headers={"Idempotency-Key": "blocked-address-2"})
    replayed = place.send(ADDRESS, headers={"Idempotency-Key": "blocked-address"})
    assert (first.status_code, again.status_code, replayed.data) == (202, 202, first.data)
    place.service.decide()
    assert rows(place.service.url, "SELECT count(*) FROM candidate") == [(0,)]
    assert (place.service.seats(), place.service.messages()) == ((0, 0), [])


def test_address_that_is_registered_and_then_blocked_gets_no_more_mail(place: Place) -> None:
    """What it is registered for stays; what anyone types from then on goes nowhere."""
    place.duplicate()
    place.blocked()
    assert place.send(ADDRESS, name="Another").status_code == 202
    place.service.decide()
    assert rows(place.service.url, "SELECT status FROM registration") == [("confirmed",)]
    assert rows(place.service.url, "SELECT count(*) FROM candidate") == [(0,)]
    assert place.service.mailed() == [ADDRESS]


def test_blocked_address_is_kept_as_a_hash_and_let_in_again(
    place: Place, client: FlaskClient, coordinator: dict[str, str]
) -> None:
    place.blocked()
    place.block(ADDRESS)
    listed = client.get("/v1/blocked-addresses", headers=coordinator).get_json()
    assert [(entry["reason"], entry["blocked_by"]) for entry in listed["items"]] == [
        ("asked us never to be registered", "a coordinator")
    ]
    assert listed["next"] == ""
    assert ADDRESS not in str(rows(place.service.url, "SELECT b::text FROM blocked_address b"))
    path = f"/v1/blocked-addresses/{listed['items'][0]['id']}"
    assert [client.delete(path, headers=coordinator).status_code for _ in range(2)] == [204, 404]
    place.send(ADDRESS)
    place.service.decide()
    assert place.service.mailed() == [ADDRESS]


def test_blocking_is_for_coordinators_of_all_forms(
    client: FlaskClient, installation: TestInstallation, coordinator: dict[str, str]
) -> None:
    wanted = {"email": ADDRESS, "reason": "asked us never to be registered"}
    assert client.post("/v1/blocked-addresses", json=wanted).status_code == 401
    file = installation.secrets.folder / "access.json"
    file.write_text(json.dumps([{**holder, "forms": ["upr-webinar-10"]} for holder in json.loads(file.read_text())]))
    assert client.post("/v1/blocked-addresses", json=wanted, headers=coordinator).status_code == 403
    assert client.get("/v1/blocked-addresses", headers=coordinator).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"email": "nowhere"},
        {"reason": "short"},
        {"reason": "with \u0000 in the middle"},
        {"reason": "half a character \ud800"},
        {"reason": "with a line end\n"},
    ],
)
def test_block_that_makes_no_sense_is_refused(
    client: FlaskClient, coordinator: dict[str, str], change: dict[str, str]
) -> None:
    wanted = {"email": ADDRESS, "reason": "asked us never to be registered", **change}
    headers = {**coordinator, "Content-Type": "application/json"}
    answer = client.post("/v1/blocked-addresses", data=json.dumps(wanted), headers=headers)
    assert (answer.status_code, [fault["pointer"] for fault in answer.get_json()["errors"]]) == (
        422,
        [f"/{next(iter(change))}"],
    )
