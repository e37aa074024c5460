"""The three web processes of registration with their logins, keys and routes, from a form to the list."""

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.intake.decider import Decider
from services.registration.intake.queue import publish_key
from services.registration.intake.reading import DeciderKeys
from services.registration.people.messages import RegistrationMessages
from services.registration.people.references import References
from services.registration.settings import RegistrationSettings, read_settings
from services.registration.web import build_app
from shared.db.engine import open_engine
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import system_clock
from shared.security.sealing import open_sealed, read_keys
from tests.support.clients import rows
from tests.support.installation import TestInstallation

KINDS = ("forms", "own", "desk")
ANSWERS: dict[str, Any] = {"name": "A. B.", "email": "a@example.org", "country": "CH", "consent": True}
FORM = "/v1/forms/upr-webinar-10"


@pytest.fixture
def settings(installation: TestInstallation, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, RegistrationSettings]:
    """What each kind of process reads of an environment that holds only what it is given."""
    found = {}
    for kind in (*KINDS, "decide"):
        with monkeypatch.context() as patch:
            for name, value in installation.environment("registration", kind).items():
                patch.setenv(name, value)
            found[kind] = read_settings(kind)
    return found


@pytest.fixture
def clients(
    installation: TestInstallation, settings: Mapping[str, RegistrationSettings]
) -> Iterator[Mapping[str, FlaskClient]]:
    """The applications, each on the connections of its login."""
    engines = {kind: open_engine(installation.url("registration", kind)) for kind in KINDS}
    yield {kind: build_app(settings[kind], engines[kind]).test_client() for kind in KINDS}
    for engine in engines.values():
        engine.dispose()


@pytest.fixture
def decider(installation: TestInstallation, settings: Mapping[str, RegistrationSettings]) -> Iterator[Decider]:
    """The decider, its key published."""
    engine = open_engine(installation.url("registration", "decide"))
    work = UnitOfWork(engine, "registration")
    held = settings["decide"]
    publish_key(work, held.decider_keys, datetime.now(UTC))
    clock = CheckedClock(system_clock, work, "registration")
    keys = DeciderKeys(held.decider_keys, References(held.person_keys[0]))
    yield Decider(work, clock, keys, RegistrationMessages(held.notifications_key, held.events_key))
    engine.dispose()


def decide(decider: Decider) -> None:
    while decider.run_once():
        pass


def sealed_part(installation: TestInstallation, kind: str) -> dict[str, Any]:
    """What notifications reads of the only message of this type."""
    found = rows(
        installation.urls["registration"],
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'sealed' FROM outbox WHERE strpos(type, %s) > 0",
        kind,
    )
    ((sealed,),) = found
    private = read_keys(installation.secrets.folder / "notifications.key")
    return dict(open_sealed(list(private), base64.b64decode(sealed)))


def confirmation_token(installation: TestInstallation) -> str:
    return str(sealed_part(installation, "confirmation.wanted")["token"])


def test_each_process_does_its_part_with_its_own_login(
    clients: Mapping[str, FlaskClient],
    decider: Decider,
    installation: TestInstallation,
    coordinator: dict[str, Any],
) -> None:
    accepted = clients["forms"].post(f"{FORM}/submissions", json=ANSWERS)
    assert accepted.status_code == 202, accepted.text
    decide(decider)
    receipt = clients["forms"].get(accepted.headers["Location"]).json
    assert receipt is not None
    assert receipt["status"] == "check-your-mail"

    link = f"/c/{confirmation_token(installation)}"
    shown = clients["own"].get(link).text
    choices = dict.fromkeys(re.findall(r'name="(choice-[^"]+)" value="confirm"', shown), "confirm")
    assert len(choices) == 1
    assert clients["own"].post(link, data={**choices, "action": "choose"}).status_code in (200, 303)
    decide(decider)

    links = sealed_part(installation, "registration.confirmed")
    paths = [f"/r/{links['token']}", f"/v/{links['view']}", f"/j/{links['join']}"]
    assert [clients["own"].get(path).status_code for path in paths] == [200, 200, 200]

    listed = clients["desk"].get("/v1/registrations", headers=coordinator).json
    assert listed is not None
    assert [(one["name"], one["status"]) for one in listed["items"]] == [("A. B.", "confirmed")]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (FORM, "forms"),
        ("/embed/upr-webinar-10", "forms"),
        ("/v1/challenge?form=upr-webinar-10", "forms"),
        ("/c/none", "own"),
        ("/r/none", "own"),
        ("/v/none", "own"),
        ("/j/none", "own"),
        ("/v1/registrations", "desk"),
        ("/v1/forms", "desk"),
        ("/console/registrations", "desk"),
        ("/v1/partners", "desk"),
    ],
)
def test_route_is_in_one_process_alone(clients: Mapping[str, FlaskClient], path: str, kind: str) -> None:
    assert {each for each in KINDS if matches(clients[each], path)} == {kind}


def matches(client: FlaskClient, path: str) -> bool:
    """Whether the application has a view for GET of this path."""
    adapter = client.application.url_map.bind("localhost")
    return bool(adapter.test(path.partition("?")[0], "GET"))


@pytest.mark.parametrize("kind", ["forms", "own"])
def test_public_process_holds_no_key_that_opens_anything(
    settings: Mapping[str, RegistrationSettings], kind: str
) -> None:
    held = settings[kind]
    assert [held.decider_keys, held.person_keys, held.master_keys, held.common.signing_keys] == [(), (), (), ()]
    assert [held.notifications_key, held.common.access_file.name, held.form_keys_folder.name] == [b"", "", ""]


@pytest.mark.parametrize("kind", ["forms", "own"])
def test_public_process_knows_no_coordinator(
    clients: Mapping[str, FlaskClient], kind: str, coordinator: dict[str, Any]
) -> None:
    if kind == "own":
        path = "/v1/registrations/0b5d1e0e-0000-4000-8000-000000000000"
        assert [clients[kind].get(path, headers=headers).status_code for headers in ({}, coordinator)] == [401, 401]


def test_desk_takes_no_link(clients: Mapping[str, FlaskClient]) -> None:
    path = "/v1/registrations/0b5d1e0e-0000-4000-8000-000000000000"
    assert clients["desk"].get(path, headers={"Authorization": "Bearer some-token"}).status_code == 401


def test_forms_is_ready_once_a_decider_has_published_a_key(
    clients: Mapping[str, FlaskClient], installation: TestInstallation, request: pytest.FixtureRequest
) -> None:
    ready = "/-/registration/readyz"
    rows(installation.urls["registration"], "DELETE FROM decider_key")
    before = clients["forms"].get(ready)
    assert (before.status_code, "no decider" in before.text) == (503, True)
    request.getfixturevalue("decider")
    assert clients["forms"].get(ready).status_code == 200
    assert [clients[kind].get(ready).status_code for kind in ("own", "desk")] == [200, 200]
