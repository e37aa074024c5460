"""*My data*: a person reads and downloads what is stored about them, completely."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.registration.consumers import handle_mail
from services.registration.forms.service import upsert_resource
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.registry import read
from shared.runtime.clock import rfc3339
from shared.runtime.errors import Poison
from tests.contract.samples import sample_message
from tests.support.clients import answers, rows
from tests.support.registration_service import RegistrationService

NEEDS, OTHER_NEEDS = "zqcanary-needs", "zqcanary-others"


def handle(service: RegistrationService, key: str, registration: str, **data: Any) -> None:
    """Let the service consume what became of a mail about a registration."""
    message = sample_message(key, about="registration", subject=registration, **data)
    with service.work("consume").transaction() as connection:
        handle_mail(connection, message.__class__(**{**_fields(message), "data": read(message)}))


def _fields(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__slots__}


def publish(service: RegistrationService, **data: Any) -> None:
    """Let the service consume that something was published about an event."""
    with service.work("consume").transaction() as connection:
        upsert_resource(connection, read(sample_message("resource.published.v1", **data)))


def held(service: RegistrationService, token: str) -> dict[str, Any]:
    """The file."""
    found: dict[str, Any] = service.client.get(f"/r/{token}/my-data.json").get_json()
    return found


def test_each_sealed_answer_shows_when_it_was_given(service: RegistrationService) -> None:
    """The newest submission of each question counts; the values are nowhere."""
    service.enrol(answers(1, access_needs=NEEDS))
    [(received,)] = rows(service.url, "SELECT received_at FROM registration")
    given = held(service, service.own_token(1))["sealed_answers"]
    assert (list(given["given_at"]), given["asked_for"]) == (["access_needs"], ["access_needs"])
    assert datetime.fromisoformat(given["given_at"]["access_needs"]) == received
    service.clock.advance(timedelta(days=2))
    service.submit(answers(1, access_needs=OTHER_NEEDS))
    service.decide()
    assert service.confirm("participant-1@example.org") == ["changed"]
    after = service.client.get(f"/r/{service.own_token(1)}/my-data.json")
    changed_at = datetime.fromisoformat(after.get_json()["sealed_answers"]["given_at"]["access_needs"])
    assert changed_at == service.clock()
    assert [word for word in (NEEDS, OTHER_NEEDS) if word in after.text] == []


def test_consent_shows_what_was_agreed_to_and_when(service: RegistrationService) -> None:
    service.register(1)
    [consent] = held(service, service.own_token(1))["consent"].values()
    assert consent["wording"].startswith("I agree")
    assert (consent["language"], datetime.fromisoformat(consent["given_at"])) == ("en", service.clock())


@pytest.mark.parametrize(("refused", "status"), [(True, 404), (False, 200)], ids=["refused", "given up"])
def test_bounce_ends_the_link_that_was_in_the_mail(service: RegistrationService, refused: bool, status: int) -> None:
    """Unless the mail was given up for another reason than its recipient: it may be sent again, with its link."""
    identity = service.enrol(answers(1))
    token = service.own_token(1)
    [(minted_at,)] = rows(service.url, "SELECT minted_at FROM managing_link")
    handle(service, "mail.bounced.v1", identity, kind="confirmation", caused_at=rfc3339(minted_at), refused=refused)
    assert service.client.get(f"/r/{token}").status_code == status
    assert rows(service.url, "SELECT outcome FROM mail_log") == [("bounced",)]


def test_mails_are_listed_once_each_and_go_with_the_person(service: RegistrationService) -> None:
    identity = service.enrol(answers(1))
    other = service.enrol(answers(2))
    for _ in range(2):
        handle(service, "mail.sent.v1", identity, kind="reminder-1-day")
    handle(service, "mail.bounced.v1", identity, kind="reminder-1-day")
    handle(service, "mail.sent.v1", other, mail_id="0170a4c8-3c20-7abc-8def-0123456789ff", kind="confirmation")
    token = service.own_token(1)
    assert {(one["kind"], one["outcome"]) for one in held(service, token)["mails"]} == {
        ("reminder-1-day", "sent"),
        ("reminder-1-day", "bounced"),
    }
    assert len(held(service, token)["mails"]) == 2, "a bounce of another mail ends no link"
    service.own(token, "erase")
    handle(service, "mail.sent.v1", identity, mail_id="0170a4c8-3c20-7abc-8def-0123456789fe", kind="confirmation")
    assert rows(service.url, "SELECT DISTINCT registration_id::text FROM mail_log") == [(other,)]


def test_page_shows_the_content_of_the_file(service: RegistrationService) -> None:
    """Except for the messages to other services, which are for programs."""
    service.capacity(1)
    service.register(1)
    identity = service.enrol(answers(2, access_needs=NEEDS))
    handle(service, "mail.sent.v1", identity, kind="waiting-list")
    rows(service.url, "INSERT INTO sealed_reading (registration_id, form, reader, reason, read_at) VALUES (%s, "
         "'upr-webinar-10', 'zqreader', 'zqreason for reading', '2020-03-01T09:00:00Z')", identity)  # fmt: skip
    rows(service.url, "INSERT INTO registration_note (id, registration_id, written_at, written_by, words) VALUES "
         "(gen_random_uuid(), %s, '2020-03-02T09:00:00Z', 'zqauthor', 'Asked for the front')", identity)  # fmt: skip
    rows(service.url, "UPDATE registration SET tags = '{press}' WHERE id = %s", identity)
    service.cancel(1)
    token = service.own_token(2)
    answer = service.client.get(f"/r/{token}/my-data?lang=en")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    for shown in (
        "participant-2@example.org",
        "What is the next step?",
        "I agree",
        "Put on the waiting list",
        "Moved from the waiting list to a seat",
        "Waiting list – sent",
        identity,
        "Asked for the front",
        "<bdi>press</bdi>",
        'datetime="2020-03-01T09:00:00+00:00"',
    ):
        assert shown in answer.text
    assert [word for word in ("zqreader", "zqreason", "zqauthor", token[:20] + "?") if word in answer.text] == []
    file = service.client.get(f"/r/{token}/my-data.json")
    own = held(service, token)
    assert own["tags_of_organisers"] == ["press"]
    assert [one["words"] for one in own["notes_of_organisers"]] == ["Asked for the front"]
    assert [word for word in ("zqreader", "zqauthor") if word in file.text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_there_in_each_language(service: RegistrationService, language: str) -> None:
    service.register(1)
    page = service.client.get(f"/r/{service.own_token(1)}/my-data?lang={language}")
    assert (page.status_code, f'lang="{language}"' in page.text) == (200, True)


def test_link_that_opens_nothing_shows_no_data(service: RegistrationService) -> None:
    assert service.client.get("/r/of-nobody/my-data").status_code == 404


def test_own_page_shows_what_was_published_about_its_event(service: RegistrationService) -> None:
    service.register(1)
    own = f"/r/{service.own_token(1)}?lang=en"
    assert "Recordings, slides" not in service.client.get(own).text
    publish(service, id="a", event="upr-webinar-10", kind="slides", url="https://example.org/slides")
    publish(service, id="b", event="upr-webinar-10", kind="recording", url="https://example.org/recording")
    publish(service, id="c", event="another", kind="recording", url="https://example.org/another")
    page = service.client.get(own).text
    assert "https://example.org/another" not in page
    assert page.index("https://example.org/recording") < page.index("https://example.org/slides")
    publish(service, id="b", event="upr-webinar-10", revision=2, url="https://example.org/corrected")
    page = service.client.get(own).text
    assert ("https://example.org/corrected" in page, "https://example.org/recording" in page) == (True, False)
    publish(service, id="b", event="upr-webinar-10", revision=4, published=False, url="https://example.org/corrected")
    publish(service, id="b", event="upr-webinar-10", revision=3, url="https://example.org/corrected")
    assert "https://example.org/corrected" not in service.client.get(own).text
    publish(service, id="b", event="upr-webinar-10", revision=5, url="https://example.org/recording")
    assert "https://example.org/recording" in service.client.get(own).text
    publish(service, id="b", event="another", revision=9, url="https://example.org/recording")
    publish(service, id="b", event="upr-webinar-10", revision=8, url="https://example.org/recording")
    assert "https://example.org/recording" not in service.client.get(own).text


@pytest.mark.parametrize("url", ["http://example.org/a", "javascript:alert(1)", "//example.org"])
def test_resource_without_https_is_refused(service: RegistrationService, url: str) -> None:
    with pytest.raises(Poison):
        publish(service, id="a", event="upr-webinar-10", url=url)
    assert rows(service.url, "SELECT count(*) FROM resource_copy") == [(0,)]
