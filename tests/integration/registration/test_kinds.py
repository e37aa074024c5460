"""Forms of each kind on a real database: what is stored, what is published, when they are open."""

from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from services.registration.embed.strings import page_texts
from services.registration.forms.service import upsert_event
from services.registration.forms.standard_forms import standard_form
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.http.page_cache import PAGE_CACHE
from shared.messaging.contracts.registry import read
from tests.contract.samples import sample_message
from tests.support.clients import rows, submissions_path
from tests.support.installation import TestInstallation
from tests.support.proofs_of_work import worked
from tests.support.registration_service import RegistrationService


@pytest.fixture
def installation(with_all_forms: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test: with all forms of the sample."""
    return with_all_forms.copy(tmp_path)


def filled(**answers: Any) -> dict[str, Any]:
    """Answers to a form; those that are None are left out."""
    content = {"name": "A Participant", "email": "participant@example.org", "consent": True, **answers}
    return {name: answer for name, answer in content.items() if answer is not None}


def send(client: FlaskClient, form: str, **answers: Any) -> Any:
    """Submit ``form``."""
    return client.post(submissions_path(form), json=filled(**answers))


DETAILS = frozenset(field.name for field in standard_form("delegation", "x", "X").second_step.fields)
"""Questions of the delegation that are asked after the confirmation."""


def enrol(service: RegistrationService, form: str, **answers: Any) -> str:
    """Submit ``form``, confirm it, and give the details among ``answers``; returns the id of the registration."""
    details = {name: answers.pop(name) for name in DETAILS.intersection(answers)}
    content = filled(**answers)
    identity = service.enrol(content, form)
    if details:
        given = service.change(service.managing_token(content["email"]), "details", **details)
        assert given.status_code == 303, given.text
    return identity


@pytest.mark.parametrize(
    ("form", "answers"), [("geneva-delegation", {}), ("join-working-group", {"working_group": "housing"})]
)
def test_schema_of_a_form_is_that_of_its_submissions(client: FlaskClient, form: str, answers: dict[str, Any]) -> None:
    """Of what is asked before the confirmation, in the language of the reader, with the groups that there are."""
    path = f"/v1/forms/{form}/schema?lang=fr"
    read = client.get(path, headers={"Origin": "http://localhost:8001"})
    schema = jsonschema_rs.validator_for(read.get_json(force=True))
    assert (read.status_code, read.mimetype) == (200, "application/schema+json")
    assert read.headers["Access-Control-Allow-Origin"] == "http://localhost:8001"
    assert read.get_json(force=True)["properties"]["email"]["title"] == "Adresse électronique"
    assert client.get(path, headers={"If-None-Match": read.headers["ETag"]}).status_code == 304
    for wrong in ({"working_group": "no-such-group"}, {"nationality": "CH"}, {"consent": False}):
        content = filled(**answers) | wrong
        assert (schema.is_valid(content), client.post(submissions_path(form), json=content).status_code) == (False, 422)
    assert (schema.is_valid(filled(**answers)), send(client, form, **answers).status_code) == (True, 202)
    assert client.get("/v1/forms/no-such-form/schema").status_code == 404


def test_traveller_reads_about_the_webinar(service: RegistrationService) -> None:
    enrol(service, "geneva-delegation", arrives_on="2020-05-09", leaves_on="2020-05-13", diet="vegetarian")
    [message] = service.messages("registration.confirmed")
    published_fields = [message["data"][name] for name in ("form_kind", "event", "attend")]
    assert published_fields == ["delegation", "upr-review", "upr-webinar-10"]
    assert rows(service.url, "SELECT answers, sealed IS NOT NULL FROM registration") == [({}, True)]


def test_days_in_the_wrong_order_are_a_fault(service: RegistrationService) -> None:
    enrol(service, "geneva-delegation")
    days: dict[str, Any] = {"arrives_on": "2020-05-09", "leaves_on": "2020-05-08"}
    answer = service.change(service.managing_token("participant@example.org"), "details", **days)
    assert answer.status_code == 422
    assert 'href="#field-leaves_on"' in answer.text


def test_interest_is_open_while_the_session_is_on(service: RegistrationService) -> None:
    """Without a name, in the store and in the message."""
    enrol(service, "council-session-interest", name=None)
    assert rows(service.url, "SELECT name, status FROM registration") == [(None, "confirmed")]
    assert [box["name"] for box in service.boxes("registration.")] == [None]


def test_guest_list_closes_early_and_shows_when(client: FlaskClient, installation: TestInstallation) -> None:
    page = client.get("/embed/review-press-conference?lang=en").text
    assert "The guest list closes on" in page
    soon = datetime.now(UTC) + timedelta(hours=47)
    rows(
        installation.urls["registration"], "UPDATE event_copy SET starts_at = %s WHERE kind = 'press_conference'", soon
    )
    refused = send(client, "review-press-conference")
    assert (refused.status_code, refused.get_json()["detail"]) == (409, "guest-list-closed")
    client.application.extensions[PAGE_CACHE].clear()
    assert "The guest list is closed" in client.get("/embed/review-press-conference?lang=en").text


def test_member_joins_a_group(client: FlaskClient, service: RegistrationService) -> None:
    """The form has no event, and offers the groups there are."""
    page = client.get("/embed/join-working-group?lang=en").text
    assert "Housing" in page
    assert 'class="when"' not in page
    assert send(client, "join-working-group", working_group="nowhere").status_code == 422
    enrol(service, "join-working-group", working_group="housing", contribution=["brief"])
    assert rows(service.url, "SELECT working_group, event_id, answers FROM registration") == [
        ("housing", None, {"contribution": ["brief"]})
    ]


@pytest.mark.parametrize(
    "form", ["geneva-delegation", "join-working-group", "review-press-conference", "council-session-interest"]
)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_page_of_each_form_is_shown(
    client: FlaskClient, installation: TestInstallation, form: str, language: str
) -> None:
    page = client.get(f"/embed/{form}?lang={language}")
    assert page.status_code == 200
    assert 'id="form"' in page.text


JOIN = "https://meet.example.org/a?b=c&d"


def test_join_address_comes_with_the_message_about_the_event(installation: TestInstallation) -> None:
    engine = open_engine(installation.url("registration", "consume"))
    with UnitOfWork(engine, "registration").transaction() as connection:
        upsert_event(connection, read(sample_message("event.changed.v1", id="another", revision=7, join_url=JOIN)))
    engine.dispose()
    kept = rows(installation.urls["registration"], "SELECT join_url FROM event_copy WHERE id = 'another'")
    assert kept == [(JOIN,)]


def test_who_has_left_a_group_can_join_it_again(service: RegistrationService) -> None:
    joining = {"email": "participant-1@example.org", "working_group": "housing"}
    enrol(service, "join-working-group", **joining)
    assert service.cancel(1).status_code == 303
    enrol(service, "join-working-group", **joining)
    states = rows(service.url, "SELECT status FROM registration ORDER BY id")
    assert states == [("cancelled",), ("confirmed",)]


def test_no_invitation_is_announced_while_the_event_has_no_date(service: RegistrationService) -> None:
    """The receipt of someone who is registered at once states what follows, as far as it can."""
    rows(service.url, "UPDATE form SET verification = 'none'")
    rows(service.url, "UPDATE event_copy SET starts_at = NULL, ends_at = NULL WHERE id = 'upr-webinar-10'")
    proof = worked(service.client.get("/v1/challenge?form=upr-webinar-10").get_json())
    receipt = service.submit(filled(altcha=proof)).get_json()["receipt"]
    service.decide()
    page = service.client.get(f"/receipts/{receipt}?lang=en").text
    promised, undated = (
        escape(page_texts().text(f"outcome.confirmed.message{which}", "en")) for which in ("", ".undated")
    )
    assert (undated in page, promised in page) == (True, False)


def test_what_the_form_of_the_delegation_leaves_for_later_is_asked_on_the_own_page(
    service: RegistrationService,
) -> None:
    enrol(service, "geneva-delegation")
    form = service.client.get("/embed/geneva-delegation?lang=en").text
    own = service.client.get(f"/r/{service.managing_token('participant@example.org')}/details?lang=en").text
    later = "We will ask for your travel dates, passport, hotel and an emergency contact later, on your personal page"
    assert later in form
    asked = [{name for name in DETAILS if f'name="{name}"' in page} for page in (form, own)]
    assert asked == [set(), set(DETAILS)]
