"""Forms without a script while the database has not answered for some seconds: it may have been restored."""

from collections.abc import Iterator

import pytest

from tests.integration.registration.test_own_answers import CHANGED, KEPT
from tests.support.clients import WEBINAR, answers, rows
from tests.support.registration_service import RegistrationService

STORED = "SELECT (SELECT count(*) FROM submission)::integer"
IN_BROWSER = {"Accept": "text/html", "Origin": "http://localhost"}


@pytest.fixture
def not_recent() -> Iterator[None]:
    """No answer of the database about the quarantine is recent enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.db.quarantine.TOO_OLD_S", -1.0)
        yield


@pytest.mark.usefixtures("not_recent")
def test_form_is_shown_again_with_what_was_typed_and_nothing_is_stored(service: RegistrationService) -> None:
    typed = answers(1, organisation="Example <b>Organisation</b>")
    page = service.client.post(f"/v1/forms/{WEBINAR}/submissions", data=typed, headers=IN_BROWSER)
    assert (page.status_code, "Retry-After" in page.headers) == (503, True)
    assert ("Example &lt;b&gt;Organisation&lt;/b&gt;" in page.text, typed["email"] in page.text) == (True, True)
    assert rows(service.url, STORED) == [(0,)]


def test_changed_answers_are_shown_again_and_not_stored(
    service: RegistrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.enrol(answers(1))
    path, before = f"/r/{service.own_token(1)}/answers", rows(service.url, STORED)
    monkeypatch.setattr("shared.db.quarantine.TOO_OLD_S", -1.0)
    typed = {**CHANGED, **KEPT, "organisation": "Example <b>Organisation</b>", "revision": "1", "lang": "en"}
    page = service.client.post(path, data=typed, headers=IN_BROWSER)
    assert (page.status_code, "Retry-After" in page.headers) == (503, True)
    assert "Nothing was saved: the service is very busy" in page.text
    assert ("Example &lt;b&gt;Organisation&lt;/b&gt;" in page.text, KEPT["questions"] in page.text) == (True, True)
    assert rows(service.url, STORED) == before


def test_answers_behind_a_confirmation_link_are_shown_again_and_not_stored(
    service: RegistrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = answers(1, organisation="Example <b>Organisation</b>")
    service.submit(answers(1))
    service.decide()
    path, before = f"/c/{service.confirmation_token(mine['email'])}/forms/{WEBINAR}", rows(service.url, STORED)
    monkeypatch.setattr("shared.db.quarantine.TOO_OLD_S", -1.0)
    page = service.client.post(path, data={**mine, "consent": "on", "lang": "en"}, headers=IN_BROWSER)
    assert (page.status_code, "Retry-After" in page.headers) == (503, True)
    assert "Your registration has not been submitted" in page.text
    assert "Example &lt;b&gt;Organisation&lt;/b&gt;" in page.text
    assert rows(service.url, STORED) == before


@pytest.mark.usefixtures("not_recent")
def test_address_of_my_registrations_is_kept_and_not_stored(service: RegistrationService) -> None:
    page = service.client.post("/my", data={"email": "participant@example.org"}, headers=IN_BROWSER)
    assert (page.status_code, "participant@example.org" in page.text) == (503, True)
    assert rows(service.url, STORED) == [(0,)]
