"""A key that is limited to some forms sees only their people, forms and partners in every list."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.people.console import PATH
from services.registration.people.listing_store import NAME, NAME_BACKWARDS
from shared.http.lists import to_cursor
from shared.runtime.ids import new_id
from tests.integration.registration.test_kinds import enrol
from tests.integration.registration.test_sealed import REASON, with_roles
from tests.support.clients import WEBINAR, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService, open_a_minute_ago

Headers = dict[str, Any]
OWN, OTHER = "join-working-group", "geneva-delegation"
TRACES = ("other@example.org", OTHER, "Travelling to Geneva", "example-partner-fr", "Partenaire")
"""Of the other form: none may show on any list."""

LISTS = (
    "/v1/forms",
    "/v1/partners",
    "/v1/registrations",
    f"/v1/registrations?form={OWN}",
    "/v1/registrations?q=other",
    "/v1/registrations?partner=example-partner-fr",
    "/v1/registrations?country=MX",
    "/v1/registrations?event=upr-review",
    "/v1/registrations?status=confirmed",
    "/v1/registrations?since=2020-01-01",
    "/v1/sealed-readings",
    PATH,
    f"{PATH}?q=other",
    f"{PATH}?event=upr-review",
    f"{PATH}.csv",
    f"{PATH}.csv?country=MX",
    f"{PATH}/forms",
)


@pytest.fixture(scope="module")
def with_both(with_all_forms: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """One person on each form; the other form is shown by a partner that the own one is not, and was read sealed."""
    made = with_all_forms.copy(tmp_path_factory.mktemp("both"))
    rows(made.urls["registration"], f"UPDATE form SET partners = '{{example-partner-fr}}' WHERE slug = '{OTHER}'")
    with open_a_minute_ago(made) as service:
        enrol(service, OWN, email="own@example.org", working_group="housing")
        person = {"name": "Other Person", "email": "other@example.org", "country": "MX", "diet": "vegetarian"}
        other = enrol(service, OTHER, **person, partner="example-partner-fr")
        key = {"Authorization": f"Bearer {made.secrets.coordinator_key}"}
        answer = service.client.post(f"/v1/registrations/{other}/sealed", json={"reason": REASON}, headers=key)
        assert answer.status_code == 200
    return made


@pytest.fixture
def installation(with_both: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test."""
    return with_both.copy(tmp_path)


def other_id(installation: TestInstallation) -> str:
    """Id of the person on the other form."""
    return str(rows(installation.urls["registration"], f"SELECT id FROM registration WHERE form = '{OTHER}'")[0][0])


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_list_shows_only_what_is_theirs(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers, accept: str
) -> None:
    """First the whole key: what could leak is on those lists that ask for it."""
    headers = {**coordinator, "Accept": accept}
    for path in LISTS:
        whole = client.get(path, headers=headers)
        assert whole.status_code == 200, path
        assert path.endswith(f"form={OWN}") or any(trace in whole.text for trace in TRACES), path
    with_roles(installation, "coordinator", "sealed-reader", "viewer", forms=[OWN])
    for path in LISTS:
        limited = client.get(path, headers=headers)
        assert limited.status_code == 200, path
        asked = [trace for trace in TRACES if trace in path]
        assert [trace for trace in TRACES if trace in limited.text and trace not in asked] == [], path


MISSING = {OTHER: 403, "upr-review": 403, WEBINAR: 403, OWN: 200, "no-such-event": 422}
"""Whom a key that is limited to one form may ask after, with the status of the answer."""


@pytest.mark.parametrize("path", ["/v1/registrations", PATH, f"{PATH}.csv"])
def test_people_missing_on_other_forms_are_not_shown(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers, path: str
) -> None:
    """People who are not registered for an event reveal who is."""

    def statuses() -> dict[str, int]:
        found = {}
        for slug in MISSING:
            with client.get(f"{path}?not_registered_for={slug}", headers=coordinator) as answer:
                found[slug] = answer.status_code
        return found

    assert set(statuses().values()) == {200, 422}
    with_roles(installation, "coordinator", forms=[OWN])
    assert statuses() == MISSING


def test_name_of_a_person_elsewhere_orders_nothing(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Otherwise a cursor with their names would reveal their position among one's own people."""

    def after(registration_id: str) -> list[tuple[int, int | str]]:
        cursor = to_cursor([registration_id])
        path = f"/v1/registrations?cursor={cursor}&sort="
        answers = [client.get(path + sort, headers=coordinator) for sort in (NAME, NAME_BACKWARDS)]
        found = [(one.status_code, one.get_json()) for one in answers]
        return [(status, len(one["items"]) if "items" in one else one["code"]) for status, one in found]

    assert sorted(after(other_id(installation))) == [(200, 0), (200, 1)]
    with_roles(installation, "coordinator", forms=[OWN])
    assert after(other_id(installation)) == after(new_id()) == [(400, "unknown-cursor")] * 2


def test_ready_made_question_leads_to_no_other_form(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    assert f"not_registered_for={WEBINAR}" in client.get(PATH, headers=coordinator).text
    with_roles(installation, "coordinator", forms=[OTHER])
    assert f"not_registered_for={WEBINAR}" not in client.get(PATH, headers=coordinator).text
    with_roles(installation, "coordinator", forms=[OTHER, WEBINAR])
    assert f"not_registered_for={WEBINAR}" in client.get(PATH, headers=coordinator).text


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_file_of_another_form_names_no_question_of_it(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers, accept: str
) -> None:
    path, headers = f"{PATH}.csv?form={OTHER}", {**coordinator, "Accept": accept}
    assert "side_events" in client.get(path, headers=headers).text
    with_roles(installation, "coordinator", forms=[OWN])
    refused = client.get(path, headers=headers)
    assert (refused.status_code, "side_events" in refused.text) == (422, False)


CLOSED = (
    ("GET", "/v1/registrations/{id}", 403),
    ("PATCH", "/v1/registrations/{id}", 403),
    ("DELETE", "/v1/registrations/{id}", 403),
    ("POST", "/v1/registrations/{id}/sealed", 404),
    ("PATCH", f"/v1/forms/{OTHER}", 403),
    ("PATCH", f"/v1/forms/{OTHER}?dry_run=true", 403),
    ("GET", f"/v1/forms/{OTHER}/history", 403),
    ("GET", PATH + "/{id}", 403),
    ("POST", PATH + "/{id}", 403),
    ("POST", PATH + "/{id}/sealed", 403),
    ("GET", f"{PATH}/forms/{OTHER}", 403),
    ("POST", f"{PATH}/forms/{OTHER}", 403),
)


def test_what_is_another_forms_is_closed(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    with_roles(installation, "coordinator", "sealed-reader", "viewer", forms=[OWN])
    for method, path, status in CLOSED:
        content: dict[str, Any] = {"json": {"status": "cancelled"}} if "registrations/{id}" in path else {"json": {}}
        if path.endswith("/sealed"):
            content = {"json": {"reason": REASON}}
        if path.startswith(PATH):
            content = {"data": {"reason": REASON, "seen": "1", "status": "cancelled"}}
        answer = client.open(
            path.format(id=other_id(installation)),
            method=method,
            headers={**coordinator, "If-Match": '"1"'},
            **(content if method in ("POST", "PATCH") else {}),
        )
        assert answer.status_code == status, (method, path, answer.text)
        assert [trace for trace in TRACES if trace in answer.text] == [], (method, path)
    url = installation.urls["registration"]
    assert rows(url, "SELECT count(*) FROM registration WHERE status = 'cancelled'") == [(0,)]
    assert rows(url, "SELECT count(*) FROM sealed_reading") == [(1,)]


def test_log_pages_are_filled_with_what_is_theirs(
    service: RegistrationService, client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Readings of other forms between theirs leave no gaps in the pages."""
    enrol(service, WEBINAR, email="seen@example.org", access_needs="step-free")
    person = rows(installation.urls["registration"], f"SELECT id FROM registration WHERE form = '{WEBINAR}'")[0][0]
    for identity in (person, other_id(installation), person, other_id(installation), person):
        client.post(f"/v1/registrations/{identity}/sealed", json={"reason": REASON}, headers=coordinator)
    with_roles(installation, "sealed-reader", forms=[WEBINAR])
    page = client.get("/v1/sealed-readings?limit=2", headers=coordinator).get_json()
    rest = client.get(f"/v1/sealed-readings?limit=2&cursor={page['next']}", headers=coordinator).get_json()
    assert [len(page["items"]), len(rest["items"]), rest["next"]] == [2, 1, ""]


BEYOND: tuple[dict[str, Any], ...] = (
    {"event": "upr-review"},
    {"attend": WEBINAR},
    {"partners": ["example-partner", "example-partner-fr"]},
)
"""What takes the own form to others: an event, an event to attend, and a partner."""


def test_form_is_taken_to_no_event_and_no_partner_of_others(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """By the API and the page: neither saved in a draft nor published from one that a colleague has changed."""
    draft, page = f"/v1/form-drafts/{OWN}", f"{PATH}/form-drafts/{OWN}"
    latest = {**coordinator, "If-Match": "*"}
    content = client.post(draft, headers=coordinator).get_json()["content"]
    with_roles(installation, "coordinator", forms=[OWN])
    for beyond in BEYOND:
        refused = client.put(draft, json={"content": {**content, **beyond}}, headers=latest)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "not-allowed"), beyond
        typed = {"seen": "1", "go": "settings", "title.en": "Join", "partners": "example-partner", **beyond}
        saved = client.post(page, data=typed, headers=coordinator)
        assert (saved.status_code, "Nothing was saved: your key does not cover" in saved.text) == (403, True), beyond
    shown = client.get(page, headers=coordinator).text
    assert f'<option value="{WEBINAR}"' not in shown
    assert client.put(draft, json={"content": content | {"event": OWN}}, headers=latest).status_code == 200
    for beyond in BEYOND:
        with_roles(installation, "coordinator", forms=None)
        assert client.put(draft, json={"content": content | beyond}, headers=latest).status_code == 200
        with_roles(installation, "coordinator", forms=[OWN])
        kept = client.put(draft, json={"content": {**content, **beyond, "contact": "Us"}}, headers=latest)
        assert kept.status_code == 200, kept.text
        refused = client.post(f"{draft}/publish", headers=latest)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "not-allowed"), beyond
        for go in ("", "do"):
            pressed = client.post(
                f"{page}/publish", data={"seen": kept.get_json()["revision"], "go": go}, headers=coordinator
            )
            assert (pressed.status_code, "Nothing was published: your key" in pressed.text) == (403, True), beyond
    client.delete(draft, headers=latest)
    for beyond in BEYOND:
        begun = client.post(draft, json={"content": {**content, **beyond}}, headers=coordinator)
        assert (begun.status_code, begun.get_json()["code"]) == (403, "not-allowed"), beyond
    refused = client.patch(f"/v1/forms/{OWN}", json={"partners": ["example-partner-fr"]}, headers=latest)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "not-allowed")
    url = installation.urls["registration"]
    assert rows(url, "SELECT event_id, attend, partners FROM form WHERE slug = %s", OWN) == [
        (None, None, ["example-partner"])
    ]


def test_form_is_taken_to_an_event_of_another_own_form(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    draft, latest = f"/v1/form-drafts/{OWN}", {**coordinator, "If-Match": "*"}
    with_roles(installation, "coordinator", forms=[OWN, OTHER])
    content = client.post(draft, headers=coordinator).get_json()["content"]
    own = {"attend": "upr-review", "partners": ["example-partner-fr"]}
    assert client.put(draft, json={"content": {**content, **own}}, headers=latest).status_code == 200
    assert client.post(f"{draft}/publish", headers=latest).status_code == 200
    url = installation.urls["registration"]
    assert rows(url, "SELECT attend, partners FROM form WHERE slug = %s", OWN) == [
        ("upr-review", ["example-partner-fr"])
    ]
