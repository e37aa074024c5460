"""Sealed answers: never in clear in the database, read by few, and each reading is in the log."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import make_url

from services.registration.__main__ import command_line
from services.registration.people.console import PATH
from services.registration.sealing.model import decode_envelopes
from services.registration.web import build_app
from shared.db.engine import open_engine
from tests.integration.registration.test_form_key_life import ALONE, settings_of
from tests.integration.registration.test_kinds import enrol, send
from tests.support.clients import rows, submissions_path
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService, open_a_minute_ago

CANARY = "canary7f3a"
SEALED = {
    "arrives_on": "2031-07-09",
    "leaves_on": "2031-07-13",
    "nationality": "CH",
    "visa_letter": True,
    "passport_number": f"P{CANARY}",
    "passport_expires_on": "2039-11-21",
    "emergency_contact": f"Somebody {CANARY}",
    "hotel": "block",
    "hotel_nights": 4,
    "diet": f"vegetarian {CANARY}",
    "access_needs": f"step-free {CANARY}",
}
ASKED_FIRST = {name: SEALED[name] for name in ("diet", "access_needs")}
"""Of those, what the form asks; the rest is asked on the own page."""
CLEAR = {"side_events": "Housing in cities"}
REASON = "She asked for her visa letter"

Headers = dict[str, Any]


@pytest.fixture(scope="module")
def with_traveller(with_all_forms: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """With someone who has answered everything: to be copied."""
    made = with_all_forms.copy(tmp_path_factory.mktemp("traveller"))
    with open_a_minute_ago(made) as service:
        enrol(service, "geneva-delegation", **SEALED, **CLEAR)
    return made


@pytest.fixture
def installation(with_traveller: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test."""
    return with_traveller.copy(tmp_path)


@pytest.fixture
def traveller(installation: TestInstallation) -> str:
    """Id of someone who has answered everything."""
    [(identity,)] = rows(installation.urls["registration"], "SELECT id::text FROM registration")
    return str(identity)


@pytest.fixture
def fresh_client(client: FlaskClient, installation: TestInstallation) -> Iterator[FlaskClient]:
    """Another process of the service, as it were: it has opened no key yet."""
    engine = open_engine(installation.url("registration", "web"))
    yield build_app(settings_of(installation, "web"), engine).test_client()
    engine.dispose()


def with_roles(installation: TestInstallation, *roles: str, **others: Any) -> None:
    """Give the coordinator's key these roles in place of its former ones."""
    file = installation.secrets.folder / "access.json"
    file.write_text(json.dumps([{**json.loads(file.read_text())[0], "roles": roles, **others}]))


def destroy_key(installation: TestInstallation) -> None:
    """As an operator does: the form is closed for it."""
    url = installation.urls["registration"]
    rows(url, "UPDATE form SET open = false WHERE slug = 'geneva-delegation'")
    environment = installation.environment("registration", "operator")
    done = CliRunner().invoke(command_line(), ["keys", "destroy", "geneva-delegation", "--yes", ALONE], env=environment)
    assert done.exit_code == 0, done.output
    rows(url, "UPDATE form SET open = true WHERE slug = 'geneva-delegation'")


def everything_in(url: str) -> str:
    """All rows of all tables, as text, and binary columns as text too."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        texts = [connection.execute(f'SELECT t::text FROM "{table}" t').fetchall() for (table,) in tables]
        bodies = connection.execute("SELECT encode(body, 'escape') FROM outbox").fetchall()
    return "\n".join(str(row) for table in [*texts, bodies] for row in table)


def test_database_holds_no_sealed_answer(client: FlaskClient, traveller: str, installation: TestInstallation) -> None:
    """Neither in clear nor in the hexadecimal that binary columns are dumped in; the clear answer is found."""
    whole = everything_in(installation.urls["registration"])
    assert CLEAR["side_events"] in whole
    for trace in (CANARY, CANARY.encode().hex(), "2031-07-09", b"2031-07-09".hex(), "2039-11-21"):
        assert trace not in whole


def test_stored_names_and_lengths_do_not_show_which_questions_were_answered(
    service: RegistrationService, traveller: str
) -> None:
    """Someone who has answered everything, and someone who eats no meat and stays at a hotel."""
    enrol(service, "geneva-delegation", email="second@example.org", diet="vegetarian", hotel="own")
    stored = rows(service.url, "SELECT sealed FROM registration ORDER BY id")
    envelopes = [envelope for (sealed,) in stored for envelope in decode_envelopes(bytes(sealed))]
    shown = [{name: len(text) for name, text in envelope.fields.items()} for envelope in envelopes]
    steps = [SEALED.keys() - ASKED_FIRST.keys(), ASKED_FIRST]
    assert shown == [dict.fromkeys(step, 12 + 64 + 16) for step in steps] * 2


def test_no_listing_shows_sealed_answers(client: FlaskClient, traveller: str, coordinator: Headers) -> None:
    for path, accept in (
        ("/v1/registrations", "application/json"),
        ("/v1/registrations?form=geneva-delegation", "text/csv"),
        (f"/v1/registrations/{traveller}", "application/json"),
        (PATH, "text/html"),
        (f"{PATH}.csv?form=geneva-delegation", "text/html"),
        (f"{PATH}/{traveller}", "text/html"),
    ):
        answer = client.get(path, headers={**coordinator, "Accept": accept})
        assert answer.status_code == 200, path
        assert traveller in answer.text or "participant@example.org" in answer.text
        assert CANARY not in answer.text
        assert "2031-07-09" not in answer.text


def test_reading_is_written_down_with_its_reason(
    client: FlaskClient, traveller: str, coordinator: Headers, installation: TestInstallation
) -> None:
    answer = client.post(f"/v1/registrations/{traveller}/sealed", json={"reason": REASON}, headers=coordinator)
    assert (answer.status_code, answer.get_json()["answers"]) == (200, SEALED)
    assert answer.headers["Cache-Control"] == "no-store"
    [reading] = client.get("/v1/sealed-readings", headers=coordinator).get_json()["items"]
    assert [reading[name] for name in ("registration_id", "form", "reader", "reason")] == [
        traveller,
        "geneva-delegation",
        "a coordinator",
        REASON,
    ]


@pytest.mark.parametrize(
    ("roles", "status"), [(("operator",), 200), (("sealed-reader",), 200), (("coordinator",), 403)]
)
def test_log_is_read_by_those_who_watch_over_it(
    client: FlaskClient, coordinator: Headers, installation: TestInstallation, roles: tuple[str, ...], status: int
) -> None:
    with_roles(installation, *roles)
    assert client.get("/v1/sealed-readings", headers=coordinator).status_code == status


def test_log_pages_neither_skip_nor_repeat(client: FlaskClient, traveller: str, coordinator: Headers) -> None:
    for number in range(5):
        reason = {"reason": f"Reading number {number}"}
        client.post(f"/v1/registrations/{traveller}/sealed", json=reason, headers=coordinator)
    seen, cursor = [], ""
    while True:
        page = client.get(f"/v1/sealed-readings?limit=2&cursor={cursor}", headers=coordinator).get_json()
        seen += [reading["reason"][-1] for reading in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    assert client.get("/v1/sealed-readings?cursor=WyJ4Il0", headers=coordinator).status_code == 400


@pytest.mark.parametrize("reason", ["", "because", "         .", None])
def test_reading_without_a_reason_is_refused(
    client: FlaskClient, traveller: str, coordinator: Headers, installation: TestInstallation, reason: str | None
) -> None:
    answer = client.post(f"/v1/registrations/{traveller}/sealed", json={"reason": reason}, headers=coordinator)
    assert answer.status_code == 422
    assert CANARY not in answer.text
    assert rows(installation.urls["registration"], "SELECT count(*) FROM sealed_reading") == [(0,)]


@pytest.mark.parametrize("roles", [("coordinator", "viewer", "operator"), ("partner",)])
def test_reading_needs_its_own_role(
    client: FlaskClient, traveller: str, coordinator: Headers, installation: TestInstallation, roles: tuple[str, ...]
) -> None:
    with_roles(installation, *roles, **({"partner": "a-partner"} if "partner" in roles else {}))
    for path, body in (
        (f"/v1/registrations/{traveller}/sealed", {"json": {"reason": REASON}}),
        (f"{PATH}/{traveller}/sealed", {"data": {"reason": REASON}}),
    ):
        answer = client.post(path, headers=coordinator, **body)
        assert answer.status_code == 403
        assert CANARY not in answer.text
    assert rows(installation.urls["registration"], "SELECT count(*) FROM sealed_reading") == [(0,)]


def test_key_for_another_form_reads_nothing(
    client: FlaskClient, traveller: str, coordinator: Headers, installation: TestInstallation
) -> None:
    with_roles(installation, "coordinator", "sealed-reader", forms=["another-form"])
    assert client.get(f"/v1/registrations/{traveller}", headers=coordinator).status_code == 403
    assert client.get(f"{PATH}/{traveller}", headers=coordinator).status_code == 403
    answer = client.post(f"/v1/registrations/{traveller}/sealed", json={"reason": REASON}, headers=coordinator)
    assert answer.status_code == 404
    assert rows(installation.urls["registration"], "SELECT count(*) FROM sealed_reading") == [(0,)]


@pytest.mark.parametrize(
    "attack", ["UPDATE sealed_reading SET reason = 'nothing to see'", "DELETE FROM sealed_reading"]
)
def test_log_is_only_ever_added_to(
    client: FlaskClient, traveller: str, coordinator: Headers, installation: TestInstallation, attack: str
) -> None:
    client.post(f"/v1/registrations/{traveller}/sealed", json={"reason": REASON}, headers=coordinator)
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
        rows(installation.urls["registration"], attack)


@pytest.mark.parametrize("process", ["client", "fresh_client"])
def test_destroyed_key_opens_nothing(
    client: FlaskClient,
    traveller: str,
    coordinator: Headers,
    installation: TestInstallation,
    request: pytest.FixtureRequest,
    process: str,
) -> None:
    """Neither in a process that has used it nor in one that starts afterwards; each attempt is in the log."""
    asked = {"json": {"reason": REASON}, "headers": coordinator}
    assert client.post(f"/v1/registrations/{traveller}/sealed", **asked).status_code == 200
    destroy_key(installation)
    answer = request.getfixturevalue(process).post(f"/v1/registrations/{traveller}/sealed", **asked)
    assert (answer.status_code, answer.get_json()["code"]) == (410, "sealed-gone")
    assert rows(installation.urls["registration"], "SELECT count(*) FROM sealed_reading") == [(2,)]


@pytest.mark.parametrize("process", ["client", "fresh_client"])
def test_nothing_is_sealed_without_a_key(
    service: RegistrationService,
    installation: TestInstallation,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    process: str,
) -> None:
    """Refused so that it may be tried again, by program and by page; what needs no key is taken as before.

    One of the two processes has used the key.
    """
    enrol(service, "geneva-delegation", email="first@example.org", **ASKED_FIRST)
    destroy_key(installation)
    asked = request.getfixturevalue(process)
    refused = send(asked, "geneva-delegation", email="second@example.org", **ASKED_FIRST)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) >= 60
    plain = {"name": "Second", "email": "second@example.org", "consent": "on", "diet": CANARY}
    page = asked.post(submissions_path("geneva-delegation"), data=plain, headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (503, "text/html")
    assert caplog.messages.count("a form has no key for sealed answers") == 2
    assert CANARY not in caplog.text
    undecided = "SELECT count(*) FROM submission WHERE state = 'received'"
    assert rows(installation.urls["registration"], undecided) == [(0,)]
    assert send(asked, "geneva-delegation", email="third@example.org").status_code == 202


def test_closed_form_without_a_key_is_closed(
    client: FlaskClient, traveller: str, installation: TestInstallation
) -> None:
    """Keys are destroyed when all is over; a late message changes nothing and pages no one."""
    destroy_key(installation)
    rows(installation.urls["registration"], "UPDATE form SET open = false")
    answer = send(client, "geneva-delegation", email="second@example.org", **ASKED_FIRST)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "form-closed")


def test_console_shows_them_after_a_reason(client: FlaskClient, traveller: str, coordinator: Headers) -> None:
    """In words a person reads: labels, yes, names of choices."""
    page = client.post(f"{PATH}/{traveller}/sealed", data={"reason": REASON}, headers=coordinator)
    assert page.status_code == 200
    for shown in (f"P{CANARY}", "2031-07-09", "Switzerland", "A room reserved for the group", REASON):
        assert shown in page.text
    refused = client.post(f"{PATH}/{traveller}/sealed", data={"reason": "short"}, headers=coordinator)
    assert (refused.status_code, CANARY in refused.text) == (422, False)


def test_console_shows_a_coordinator_that_sealed_answers_exist(
    client: FlaskClient, traveller: str, coordinator: Headers, installation: TestInstallation
) -> None:
    with_roles(installation, "coordinator")
    page = client.get(f"{PATH}/{traveller}", headers=coordinator).text
    assert ("but your key does not open them" in page, f"{traveller}/sealed" in page) == (True, False)
    assert "Registered" in page


def test_concurrent_readings_are_in_one_chain(
    client: FlaskClient, traveller: str, coordinator: Headers, installation: TestInstallation
) -> None:
    """Numbered without a gap, each with the hash of itself and of the one before: also those of two processes."""
    url = installation.urls["registration"]
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as slow:
        statement = (
            "INSERT INTO sealed_reading (registration_id, form, reader, reason, read_at) VALUES (%s, %s, %s, %s, now())"
        )
        slow.execute(statement, (traveller, "geneva-delegation", "a slow reader", REASON))
        with ThreadPoolExecutor(4) as readers:
            waiting = [
                readers.submit(rows, url, statement + " RETURNING id", traveller, "a", f"reader {n}", REASON)
                for n in range(4)
            ]
            slow.commit()
            numbers = sorted(each.result()[0][0] for each in waiting)
    assert numbers == [2, 3, 4, 5]
    chain = rows(url, "SELECT content_hash, chain_hash FROM sealed_reading ORDER BY id")
    before = b""
    for content, linked in chain:
        before = hashlib.sha256(before + bytes(content)).digest()
        assert bytes(linked) == before
    assert len({bytes(content) for content, _ in chain}) == 5
