"""From no answer can be learnt whether an address is registered, blocked, or has been used too often."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from flask import request
from flask.testing import FlaskClient
from services.registration.domain.intake import MOST_A_DAY
from services.registration.store.shadows import SHADOWS
from shared.web.in_steps import BEGAN, STEP_S

from services.registration.settings import read_settings
from services.registration.web import build_app
from shared.core.clock import system_clock
from shared.store.engine import open_engine
from tests.integration.registration.enumeration import ADDRESS, WAYS, Place, seen, went_out
from tests.integration.registration.test_verification import keep_house
from tests.support.clients import REGISTRATIONS, answers, rows, together
from tests.support.held import held_s
from tests.support.installation import TestInstallation

ORIGIN = {"Origin": "http://localhost:8001"}
PAUSE_S = 0.1
COLUMNS = """
    SELECT attname, atttypid::regtype::text, attnotnull FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
CHECKS = "SELECT contype::text, count(*) FROM pg_constraint WHERE conrelid = %s::regclass GROUP BY 1 ORDER BY 1"
STATES = {
    "open": (),
    "confirmed by mail": ("UPDATE form SET verification = 'email'",),
    "full, with a waiting list": ("UPDATE seat SET capacity = 0",),
    "full, by mail": ("UPDATE seat SET capacity = 0", "UPDATE form SET verification = 'email'"),
}


@pytest.fixture
def place(client: FlaskClient, installation: TestInstallation) -> Place:
    return Place(client, installation)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("as_page", [False, True], ids=["as JSON", "as a page"])
def test_answers_are_equal_byte_for_byte(place: Place, state: str, as_page: bool) -> None:
    """To a new address, one that is known, blocked, or over its limit: all but ids and moments."""
    given: dict[str, Any] = {}
    for way, prepare in WAYS.items():
        rows(place.url, "TRUNCATE registration, registration_change, blocked_address, idempotency, outbox")
        rows(place.url, "DELETE FROM seat WHERE form LIKE 'copy-%%'")
        rows(place.url, "DELETE FROM form WHERE slug LIKE 'copy-%%'")
        rows(place.url, "UPDATE seat SET capacity = 100, confirmed = 0, waiting = 0, last_position = 0")
        rows(place.url, "UPDATE form SET verification = 'none'")
        for change in STATES[state]:
            rows(place.url, change)
        prepare(place)
        given[way] = seen(place.send(ADDRESS, as_page=as_page, headers=ORIGIN))
    assert given["new"][0] == "201 CREATED"
    assert {way: given[way] for way in WAYS if given[way] != given["new"]} == {}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("as_page", [False, True], ids=["as JSON", "as a page"])
def test_every_answer_leaves_at_the_end_of_a_step(place: Place, way: str, as_page: bool) -> None:
    """However little was done for it; what `make bench` measures on a quiet machine (P11) rests on this."""
    WAYS[way](place)
    with place.client:
        place.send(ADDRESS, as_page=as_page)
        assert held_s() >= STEP_S


def test_answer_to_a_trapped_program_leaves_like_any_other(client: FlaskClient) -> None:
    with client:
        assert client.post(REGISTRATIONS, json=answers(1, website="https://example.org")).status_code == 201
        assert held_s() >= STEP_S


def test_what_asks_about_nobody_is_not_held(client: FlaskClient) -> None:
    for method, path in (("POST", REGISTRATIONS), ("GET", "/embed/upr-webinar-10")):
        with client:
            client.open(path, method=method, json={})
            assert BEGAN not in request.environ


def test_nothing_goes_out_for_a_blocked_address(place: Place) -> None:
    """Neither a registration nor a mail, on no form; and its idempotency key is kept as everybody's."""
    place.blocked()
    first = place.send(ADDRESS, headers={"Idempotency-Key": "blocked-address"})
    again = place.send(ADDRESS.upper(), headers={"Idempotency-Key": "blocked-address-2"})
    replayed = place.send(ADDRESS, headers={"Idempotency-Key": "blocked-address"})
    assert (first.status_code, again.status_code, replayed.get_json()) == (201, 201, first.get_json())
    assert rows(place.url, "SELECT count(*) FROM registration") == [(0,)]
    assert rows(place.url, "SELECT confirmed, waiting FROM seat") == [(0, 0)]
    assert went_out(place.url) == []


def test_address_that_is_registered_and_then_blocked_hears_of_no_attempt(place: Place) -> None:
    """What it is registered for stays; what anybody types from then on goes nowhere."""
    place.duplicate_of_yesterday()
    place.blocked()
    assert place.send(ADDRESS).status_code == 201
    assert rows(place.url, "SELECT status, attempts FROM registration") == [("confirmed", 0)]
    assert went_out(place.url) == ["registration.confirmed.v1"]


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
    assert ADDRESS not in str(rows(place.url, "SELECT b::text FROM blocked_address b"))
    path = f"/v1/blocked-addresses/{listed['items'][0]['id']}"
    assert [client.delete(path, headers=coordinator).status_code for _ in range(2)] == [204, 404]
    place.send(ADDRESS)
    assert went_out(place.url) == ["registration.confirmed.v1"]


def test_blocking_is_for_coordinators_of_all_forms(
    client: FlaskClient, installation: TestInstallation, coordinator: dict[str, str]
) -> None:
    wanted = {"email": ADDRESS, "reason": "asked us never to be registered"}
    assert client.post("/v1/blocked-addresses", json=wanted).status_code == 401
    file = installation.secrets.folder / "access.json"
    file.write_text(json.dumps([{**holder, "forms": ["upr-webinar-10"]} for holder in json.loads(file.read_text())]))
    assert client.post("/v1/blocked-addresses", json=wanted, headers=coordinator).status_code == 403
    assert client.get("/v1/blocked-addresses", headers=coordinator).status_code == 403


@pytest.mark.parametrize("change", [{"email": "nowhere"}, {"reason": "short"}, {"reason": "with \u0000 in the middle"}])
def test_block_that_makes_no_sense_is_refused(
    client: FlaskClient, coordinator: dict[str, str], change: dict[str, str]
) -> None:
    wanted = {"email": ADDRESS, "reason": "asked us never to be registered", **change}
    answer = client.post("/v1/blocked-addresses", json=wanted, headers=coordinator)
    assert (answer.status_code, [fault["pointer"] for fault in answer.get_json()["errors"]]) == (
        422,
        [f"/{next(iter(change))}"],
    )


def test_hundred_posts_with_one_victim_make_one_mail(place: Place) -> None:
    """On a form that confirms addresses: the one request to do so, and nothing of what was typed is in clear in it."""
    rows(place.url, "UPDATE form SET verification = 'email'")
    for number in range(100):
        filled = answers(number, email=ADDRESS, name=f"Canary-{number}", questions="Canary-question")
        assert place.client.post("/v1/forms/upr-webinar-10/registrations", json=filled).status_code == 201
    assert went_out(place.url) == ["registration.verification-requested.v1"]
    body = bytes(rows(place.url, "SELECT body FROM outbox")[0][0])
    assert b"anary" not in body
    assert rows(place.url, "SELECT count(*) FROM registration") == [(1,)]


def test_address_has_as_many_registrations_a_day_as_it_may_and_no_more(place: Place) -> None:
    """Sent on all forms at the same moment; tomorrow it may have more. Others are not in its way."""
    place.over_limit()
    rows(place.url, "TRUNCATE registration, registration_change, outbox")
    forms = [f"copy-{number}" for number in range(1, MOST_A_DAY + 1)] + ["upr-webinar-10"]
    given = together(len(forms), lambda number: place.send(ADDRESS, form=forms[number]).status_code)
    assert set(given) == {201}
    assert rows(place.url, "SELECT count(*) FROM registration") == [(MOST_A_DAY,)]
    assert place.send("somebody-else@example.org").status_code == 201
    rows(place.url, "UPDATE registration SET accepted_at = accepted_at - interval '25 hours'")
    for form in forms:
        place.send(ADDRESS, form=form)
    assert rows(place.url, "SELECT count(*) FROM registration") == [(MOST_A_DAY + 2,)]


def test_two_processes_at_once_do_not_share_the_last_of_a_day(place: Place, installation: TestInstallation) -> None:
    """Each looks, waits, and then stores: without a lock on the address both would find room for one more."""
    place.over_limit()
    rows(place.url, "DELETE FROM registration WHERE form = 'copy-1'")
    with two_processes(installation) as (one, other):
        both = [Place(one, installation), Place(other, installation)]
        forms = ["copy-1", "upr-webinar-10"]
        given = together(2, lambda number: both[number].send(ADDRESS, form=forms[number]).status_code)
    assert given == [201, 201]
    assert rows(place.url, "SELECT count(*) FROM registration") == [(MOST_A_DAY,)]


def test_shadows_have_the_shape_of_what_they_stand_for(installation: TestInstallation) -> None:
    """Column by column, index by index: a difference would be one in time."""
    url = installation.urls["registration"]
    for shadow, genuine in SHADOWS.items():
        shapes = [
            (
                rows(
                    url,
                    COLUMNS,
                    table,
                ),
                sorted(
                    re.sub(r"INDEX \S+ ON \S+", "INDEX", index)
                    for (index,) in rows(url, "SELECT indexdef FROM pg_indexes WHERE tablename = %s", table)
                ),
                rows(url, CHECKS, table),
                rows(url, "SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass", table),
            )
            for table in (shadow, genuine)
        ]
        assert shapes[0] == shapes[1], shadow


@pytest.mark.parametrize("way", ["duplicate", "blocked", "over limit"])
def test_as_much_is_written_for_who_gets_no_registration(place: Place, way: str) -> None:
    """One row of each kind, as for a new one; and nothing of what was typed is in them."""
    WAYS[way](place)
    for table in SHADOWS:
        rows(place.url, f"TRUNCATE {table}")
    filled = answers(1, email=ADDRESS, name="Canary Name", questions="Canary question", access_needs="Canary needs")
    for _ in range(2):
        place.client.post("/v1/forms/upr-webinar-10/registrations", json={**filled, "organisation": "Canary Limited"})
    written = [rows(place.url, f"SELECT count(*) FROM {table}")[0][0] for table in SHADOWS]
    # of a duplicate, the first attempt is told to the owner of the address: that message stands in the place of one
    assert written == [2, 2, 1 if way == "duplicate" else 2]
    for table in SHADOWS:
        held = str(rows(place.url, f"SELECT t::text FROM {table} t")).lower()
        assert "canary" not in held
        assert "somebody" not in held
        assert b"canary".hex() not in held
    person = rows(
        place.url,
        "SELECT encode(person_ref, 'hex') FROM registration UNION "
        "SELECT encode(person_ref, 'hex') FROM blocked_address",
    )[0][0]
    body = bytes(rows(place.url, "SELECT body FROM shadow_outbox")[0][0]).decode()
    assert person not in body
    assert json.loads(body)["data"]["form"] == "upr-webinar-10"


@pytest.mark.parametrize("word", ["a ", "word ", "\N{SEEDLING}", "\u0645\u0631\u062d\u0628\u0627 "])
def test_shadow_is_as_long_as_what_it_stands_for(place: Place, word: str) -> None:
    """In bytes, whatever the script."""
    filled = {"name": (word * 10).strip(), "questions": (word * 600).strip()}
    place.blocked()
    for email in (ADDRESS, "somebody-else@example.org"):
        assert place.client.post(REGISTRATIONS, json=answers(1, email=email, **filled)).status_code == 201
    sizes = "SELECT octet_length(name), octet_length(answers ->> 'questions') FROM"
    assert rows(place.url, f"{sizes} shadow_registration") == rows(place.url, f"{sizes} registration")


def test_shadows_do_not_stay(place: Place, installation: TestInstallation) -> None:
    place.duplicate()
    for _ in range(3):
        place.send(ADDRESS)
    keep_house(installation, system_clock())
    assert [rows(place.url, f"SELECT count(*) FROM {table}") for table in SHADOWS] == [[(0,)]] * 3
    assert rows(place.url, "SELECT count(*) FROM registration") == [(1,)]


@contextmanager
def two_processes(installation: TestInstallation) -> Iterator[tuple[FlaskClient, FlaskClient]]:
    """Applications with a write group each, and a clock that takes its time between looking and storing."""

    def slow_clock() -> datetime:
        time.sleep(PAUSE_S)
        return system_clock()

    engines = [open_engine(installation.urls["registration"]) for _ in range(2)]
    one, other = (build_app(read_settings(), engine, clock=slow_clock).test_client() for engine in engines)
    yield one, other
    for engine in engines:
        engine.dispose()
