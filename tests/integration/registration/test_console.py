"""The console's list of people: who may read it, its content, filters and pages."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.registration.people import list_pages as pages
from services.registration.people.console import PATH
from tests.support.clients import WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService, open_a_minute_ago

Headers = dict[str, Any]


@pytest.fixture(scope="module")
def with_people(with_webinar: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """With three participants: to be copied."""
    made = with_webinar.copy(tmp_path_factory.mktemp("people"))
    with open_a_minute_ago(made) as service:
        for number in (1, 2, 3):
            service.register(number)
    return made


@pytest.fixture
def installation(with_people: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test, with three participants in them."""
    return with_people.copy(tmp_path)


def addresses(html: str) -> list[str]:
    """Of everyone on a page, in order."""
    return re.findall(r"participant-\d+@example\.org", html)


def test_page_without_key_leads_to_the_sign_in(client: FlaskClient) -> None:
    answer = client.get(f"{PATH}?status=confirmed")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/console/sign-in?next=/console/registrations?status%3Dconfirmed"
    assert "participant" not in answer.text


def test_page_for_a_viewer_is_refused(client: FlaskClient, installation: TestInstallation) -> None:
    file, key = installation.secrets.folder / "access.json", installation.secrets.coordinator_key
    holders = json.loads(file.read_text())
    file.write_text(json.dumps([{**holders[0], "roles": ["viewer"]}]))
    answer = client.get(PATH, headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == 403
    assert addresses(answer.text) == []


def test_page_shows_everyone_newest_first(client: FlaskClient, coordinator: Headers) -> None:
    answer = client.get(PATH, headers=coordinator)

    assert answer.status_code == 200
    assert addresses(answer.text) == [f"participant-{number}@example.org" for number in (3, 2, 1)]
    assert "3 registrations" in answer.text
    assert (answer.text.count('name="marked"'), answer.text.count(" checked>")) == (3, 0)
    assert "Mark all 3" in answer.text
    assert client.get(f"{PATH}?marked=all", headers=coordinator).text.count(" checked>") == 3
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (f"event={WEBINAR}", 3),
        (f"form={WEBINAR}", 3),
        ("status=confirmed", 2),
        ("status=cancelled", 1),
        (f"event={WEBINAR}&status=waitlisted", 0),
        ("event=another-event", 0),
        ("q=nobody", 0),
    ],
)
def test_filter_keeps_what_fits(
    client: FlaskClient, coordinator: Headers, installation: TestInstallation, query: str, shown: int
) -> None:
    rows(
        installation.urls["registration"],
        "UPDATE registration SET status = 'cancelled', cancelled_at = accepted_at WHERE email = %s",
        "participant-2@example.org",
    )
    answer = client.get(f"{PATH}?{query}", headers=coordinator)

    assert len(addresses(answer.text)) == shown
    assert ("To see the answers to a form" in answer.text) is query.startswith(f"event={WEBINAR}")
    assert ("No registrations match." in answer.text) is (shown == 0)
    assert ("People who have not yet used the link" in answer.text) is query.startswith("q=")


@pytest.mark.parametrize("query", ["status=%00", "form=../etc", "cursor=nonsense", "cursor=WyJub25zZW5zZSJd"])
def test_invalid_query_is_an_error_page(client: FlaskClient, coordinator: Headers, query: str) -> None:
    answer = client.get(f"{PATH}?{query}", headers=coordinator)

    assert answer.status_code == 400
    assert "This address does not work" in answer.text


def test_pages_follow_each_other(
    service: RegistrationService, client: FlaskClient, coordinator: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 3)
    all_addresses = [f"participant-{number}@example.org" for number in (4, 3, 2, 1)]
    service.register(4)
    first = client.get(f"{PATH}?form={WEBINAR}", headers=coordinator).text
    following = re.search(r'href="([^"]*cursor=[^"]*)">Next page', first)
    assert following is not None
    second = client.get(following[1].replace("&amp;", "&"), headers=coordinator).text

    assert [addresses(first), addresses(second)] == [all_addresses[:3], all_addresses[3:]]
    assert ("Next page" in second, "From the beginning" in second) == (False, True)


def test_key_for_some_forms_shows_only_those(
    client: FlaskClient, coordinator: Headers, installation: TestInstallation
) -> None:
    file = installation.secrets.folder / "access.json"
    holders = json.loads(file.read_text())
    file.write_text(json.dumps([{**holders[0], "forms": ["another-form"]}]))
    answer = client.get(PATH, headers=coordinator)

    assert (answer.status_code, addresses(answer.text)) == (200, [])
    assert WEBINAR not in answer.text


def test_what_people_wrote_is_text_and_never_markup(
    service: RegistrationService, client: FlaskClient, coordinator: Headers
) -> None:
    content = answers(4, name="<b>A participant</b>", organisation='"><script>alert(1)</script>')
    service.enrol(content)
    page = client.get(PATH, headers=coordinator).text

    assert "&lt;b&gt;A participant&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "<script" not in page
