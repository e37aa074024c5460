"""A person's own program: with the link's token in place of a key it opens their registration only."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.runtime.ids import new_token
from tests.integration.registration.conftest import GROUP
from tests.integration.registration.test_decisions import identity
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

FOREIGN = {"Origin": "https://evil.example.org", "Sec-Fetch-Site": "cross-site"}


def ask(client: FlaskClient, method: str, path: str, token: str, revision: int | None = None, **content: Any) -> Any:
    """One request with the token of a link."""
    seen = {} if revision is None else {"If-Match": f'"{revision}"'}
    return client.open(path, method=method, headers={"Authorization": f"Bearer {token}", **seen, **FOREIGN}, **content)


@pytest.fixture
def path(service: RegistrationService, installation: TestInstallation) -> str:
    """Of the registration of who has the one seat; someone waits for it."""
    service.capacity(1)
    service.register(1, 2)
    return f"/v1/registrations/{identity(installation, 1)}"


@pytest.fixture
def token(service: RegistrationService, path: str) -> str:
    """Of that person's own link."""
    return service.own_token(1)


def test_own_link_shows_the_answers_of_the_person_and_no_more(
    client: FlaskClient, path: str, token: str, coordinator: dict[str, Any]
) -> None:
    """Not who has decided what, nor how many wait: that is for coordinators."""
    sent = {"ids": [path.rpartition("/")[2]], "add": ["speaks-french"]}
    assert client.post("/v1/registrations/tags", json=sent, headers=coordinator).status_code == 200
    answer = ask(client, "GET", path, token)
    whole = client.get(path, headers=coordinator).get_json()
    coordinators = [whole.pop(name) for name in ("history", "while_waiting", "tags", "others", "mails")]
    assert (len(coordinators[0]), *coordinators[1:4]) == (1, [], ["speaks-french"], [])
    assert (answer.status_code, answer.get_json()) == (200, whole)
    assert (answer.headers["ETag"], answer.headers["Cache-Control"]) == ('"1"', "no-store")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_own_link_cancels_once_and_the_next_in_line_gets_the_seat(
    service: RegistrationService,
    client: FlaskClient,
    installation: TestInstallation,
    path: str,
    token: str,
    method: str,
) -> None:
    """With what was seen. Cancelling ends the link; the mail about it has another one."""
    content = {"json": {"status": "cancelled"}} if method == "PATCH" else {}
    assert [ask(client, method, path, token, seen, **content).status_code for seen in (None, 7)] == [428, 412]
    with service.deciding():
        done = ask(client, method, path, token, 1, **content)
    assert (done.status_code, done.get_json()["status"], done.headers["ETag"]) == (200, "cancelled", '"2"')
    assert service.states() == {1: ("cancelled", None), 2: ("confirmed", 1)}
    assert ask(client, method, path, token, 2, **content).status_code == 401
    with service.deciding():
        again = ask(client, method, path, service.own_token(1), 2, **content)
    assert (again.status_code, again.get_json()["code"]) == (409, "no-place")
    assert service.facts()[2:] == [("cancelled", "cancelled"), ("promoted", "confirmed")]
    history = "SELECT reason, changed_by FROM registration_change WHERE status = 'cancelled'"
    assert rows(installation.urls["registration"], history) == [("cancelled by link", None)]


def test_own_link_gives_no_seat(
    service: RegistrationService, client: FlaskClient, installation: TestInstallation, path: str
) -> None:
    """Only coordinators take someone out of order."""
    rows(installation.urls["registration"], "UPDATE seat SET capacity = 2")
    waits, token = f"/v1/registrations/{identity(installation, 2)}", service.own_token(2)
    answer = ask(client, "PATCH", waits, token, 1, json={"status": "confirmed"})
    assert (answer.status_code, service.states()[2]) == (403, ("waitlisted", 1))


def test_after_the_start_a_program_gets_the_reason(
    service: RegistrationService, client: FlaskClient, path: str, token: str
) -> None:
    """Where the page shows no button."""
    rows(service.url, "UPDATE event_copy SET starts_at = now() - interval '1 minute'")
    with service.deciding():
        answer = ask(client, "DELETE", path, token, 1)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "event-over")


def test_every_other_token_is_refused_alike(
    service: RegistrationService,
    client: FlaskClient,
    installation: TestInstallation,
    path: str,
    token: str,
    coordinator: dict[str, Any],
) -> None:
    """Of someone else, of no one, of a confirming link, over, none at all, or for a registration there is not."""
    url = installation.urls["registration"]
    confirming = service.confirmation_token("participant-1@example.org")
    tokens = [service.own_token(2), new_token(), confirming, token[:-1], token + "A", "x" * 5000, ""]
    asked = [(path, one) for one in tokens] + [(path[:-12] + "0" * 12, token)]
    refusals = set()
    for where, one in asked:
        for method in ("GET", "DELETE", "PATCH"):
            answer = ask(client, method, where, one, 1, json={"status": "nonsense"})
            refusals.add((answer.status_code, *sorted((answer.get_json() | {"correlation_id": ""}).items())))
    assert [status for status, *_ in refusals] == [401]
    assert service.states() == {1: ("confirmed", None), 2: ("waitlisted", 1)}
    over = service.clock() - timedelta(days=90)
    rows(url, "UPDATE event_copy SET starts_at = %s, ends_at = NULL", over)
    assert ask(client, "GET", path, token).status_code == 401
    assert client.get(path, headers=coordinator).status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["/v1/registrations", "/v1/forms", "/v1/sealed-readings", "/console/registrations"]
)
def test_own_link_is_no_key(client: FlaskClient, path: str, token: str, elsewhere: str) -> None:
    """Of no other route."""
    answer = ask(client, "GET", elsewhere, token)
    assert answer.status_code in (401, 303)
    assert ask(client, "POST", f"{path}/sealed", token, json={"reason": "because it is mine"}).status_code == 401


def test_own_link_changes_the_answers_that_are_sent_and_no_others(
    service: RegistrationService, client: FlaskClient, path: str, token: str
) -> None:
    wanted = {"answers": {"organisation": "Another organisation", "country": None}}
    assert [ask(client, "PATCH", path, token, seen, json=wanted).status_code for seen in (None, 7)] == [428, 412]
    with service.deciding():
        done = ask(client, "PATCH", path, token, 1, json=wanted)
    content = done.get_json()
    assert (done.status_code, done.headers["ETag"], content["revision"]) == (200, '"2"', 2)
    assert (content["organisation"], content["country"], content["name"]) == (
        "Another organisation",
        None,
        "Participant 1",
    )
    assert content["answers"] == {"questions": "What is the next step?"}
    with service.deciding():
        same = ask(client, "PATCH", path, token, 2, json=wanted)
    assert (same.status_code, same.headers["ETag"]) == (200, '"2"')


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ({"email": "other@example.org"}, [("/answers/email", "unknown-field")]),
        ({"consent": False}, [("/answers/consent", "unknown-field")]),
        ({"name": "", "country": "XX"}, [("/answers/country", "not-a-choice"), ("/answers/name", "required")]),
    ],
)
def test_faults_of_a_change_by_a_program_are_named(
    service: RegistrationService,
    client: FlaskClient,
    path: str,
    token: str,
    answers: dict[str, Any],
    faults: list[tuple[str, str]],
) -> None:
    answer = ask(client, "PATCH", path, token, 1, json={"answers": answers})
    assert answer.status_code == 422
    assert sorted((one["pointer"], one["code"]) for one in answer.get_json()["errors"]) == faults


@pytest.mark.parametrize("wanted", [{}, {"status": "cancelled", "answers": {}}, {"answers": "x"}, {"name": "x"}])
def test_change_by_a_program_is_one_thing(client: FlaskClient, path: str, token: str, wanted: dict[str, Any]) -> None:
    assert ask(client, "PATCH", path, token, 1, json=wanted).status_code == 422


def test_coordinator_does_not_change_answers_here(client: FlaskClient, path: str, coordinator: dict[str, Any]) -> None:
    wanted = {"answers": {"country": "FR"}}
    assert client.patch(path, json=wanted, headers=coordinator | {"If-Match": '"1"'}).status_code == 403


def test_answer_that_a_change_no_longer_asks_for_is_left_out(
    service: RegistrationService, client: FlaskClient, token: str, path: str
) -> None:
    """Whether someone represents their working group is asked of those who named one."""
    rows(service.url, GROUP)
    revision = 1
    for answers in ({"working_group": "housing", "representative": True}, {"working_group": None}):
        with service.deciding():
            done = ask(client, "PATCH", path, token, revision, json={"answers": answers})
        assert done.status_code == 200, done.text
        revision += 1
    assert (done.get_json()["working_group"], done.get_json()["representative"]) == (None, False)
