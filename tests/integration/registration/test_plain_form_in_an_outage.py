"""Forms without a script while the database has not answered for some seconds: it may have been restored."""

from collections.abc import Iterator

import pytest

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


@pytest.mark.usefixtures("not_recent")
def test_address_of_my_registrations_is_kept_and_not_stored(service: RegistrationService) -> None:
    page = service.client.post("/my", data={"email": "participant@example.org"}, headers=IN_BROWSER)
    assert (page.status_code, "participant@example.org" in page.text) == (503, True)
    assert rows(service.url, STORED) == [(0,)]
