"""The page behind a managing link: the outcome of the last command, and mail that is switched off."""

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from services.registration.intake.form_view import view_form
from services.registration.own.commands import send_own
from tests.support.clients import WEBINAR, answers, rows
from tests.support.registration_service import RegistrationService

PROCESSING, TOO_LATE, CHANGED = "Being processed", "can no longer be cancelled", "was changed in the meantime"


def followed(service: RegistrationService, answer: TestResponse) -> str:
    """The page to which a command leads."""
    assert answer.status_code == 303
    return service.client.get(answer.headers["Location"]).text


@pytest.fixture
def token(service: RegistrationService) -> str:
    """The managing link of someone who is first on the waiting list."""
    service.capacity(1)
    service.register(1, 2)
    return service.own_token(2)


def test_page_shows_that_a_command_is_processed_until_it_is_decided(
    service: RegistrationService, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It loads itself again, a few times."""
    monkeypatch.setattr("services.registration.own.commands.PAUSES_S", (1.0,))
    page = followed(service, service.client.post(f"/r/{token}", data={"action": "cancel", "lang": "en"}))
    assert (PROCESSING in page, "again=1" in page) == (True, True)
    last = service.client.get(f"/r/{token}?lang=en&again=6").text
    assert (PROCESSING in last, "again=" in last) == (True, False)
    service.decide()
    after = service.client.get(f"/r/{token}?lang=en&again=1").text
    assert (PROCESSING in after, service.states()[2][0]) == (False, "cancelled")


def test_cancelling_what_has_changed_since_the_page_was_shown_is_explained(
    service: RegistrationService, token: str
) -> None:
    """They were promoted in the meantime: they would now give up a seat. Later visits show nothing of it."""
    assert 'name="revision" value="1"' in service.client.get(f"/r/{token}?ask=cancel").text
    service.cancel(1)
    page = followed(service, service.own(token, "cancel", revision="1", lang="en"))
    assert (CHANGED in page, service.states()[2]) == (True, ("confirmed", 1))
    assert CHANGED not in service.client.get(f"/r/{token}?lang=en").text
    service.own(token, "cancel", revision="2")
    assert service.states()[2] == ("cancelled", 1)


def test_cancelling_after_the_start_is_explained(service: RegistrationService, token: str) -> None:
    rows(service.url, "UPDATE event_copy SET starts_at = %s", service.clock() - timedelta(minutes=1))
    page = followed(service, service.own(token, "cancel", revision="1", lang="en"))
    assert (TOO_LATE in page, service.states()[2][0]) == (True, "waitlisted")


@pytest.mark.parametrize("revision", ["", "x", "-1", "1" * 40, "\u0661"])
def test_revision_that_is_none_is_as_good_as_none(service: RegistrationService, token: str, revision: str) -> None:
    assert service.own(token, "cancel", revision=revision).status_code == 303
    assert service.states()[2][0] == "cancelled"


def test_mail_that_was_switched_off_is_switched_on_again(service: RegistrationService, token: str) -> None:
    """Behind the confirmation link it was switched off; the managing link lasts longer."""
    assert 'value="unmute"' not in service.client.get(f"/r/{token}").text
    confirming = service.confirmation_token("participant-2@example.org")
    assert service.press(confirming, action="mute").status_code == 303
    assert 'value="unmute"' in service.client.get(f"/r/{token}").text
    page = followed(service, service.own(token, "unmute", lang="en"))
    assert 'value="unmute"' not in page
    assert rows(service.url, "SELECT count(*) FROM mailbox WHERE muted_at IS NOT NULL") == [(0,)]


def test_erasing_by_a_link_that_has_ended_is_not_called_done(service: RegistrationService) -> None:
    """Two windows: one cancels, which ends the link; the other one erases before that is decided."""
    service.register(1)
    token = service.own_token(1)
    view = view_form(service.work_of_web, WEBINAR, service.clock())
    send_own(service.intake, view, token, "cancel", {"revision": None})
    send_own(service.intake, view, token, "erase")
    service.decide()
    page = service.client.get(f"/r/{token}?lang=en&sent=1")
    assert "Your data has been erased" not in page.text
    assert "cancelled" in page.text
    assert rows(service.url, "SELECT count(*) FROM registration WHERE erased_at IS NULL") == [(1,)]


def test_erasing_is_processed_first_and_done_then(service: RegistrationService) -> None:
    service.register(1)
    token = service.own_token(1)
    send_own(service.intake, view_form(service.work_of_web, WEBINAR, service.clock()), token, "erase")
    assert "Your data has been erased" not in service.client.get(f"/r/{token}?lang=en").text
    service.decide()
    leading = service.client.get(f"/r/{token}?lang=en")
    assert (leading.status_code, leading.headers["Location"]) == (303, "/r/erased?lang=en")


def test_link_asked_for_on_the_list_is_mailed_once_in_five_minutes(service: RegistrationService) -> None:
    """However often someone presses who has got the list by a forwarded mail: the mailed link keeps working."""
    identity = service.enrol(answers(1))
    address = str(answers(1)["email"])
    service.client.post("/my", data={"email": address, "lang": "en"})
    service.decide()
    listed = service.confirmation_token(address)

    def press(times: int) -> None:
        for _ in range(times):
            service.press(listed, action="send-link", registration=identity, lang="en")

    press(6)
    assert [one[0] for one in service.facts()].count("link-requested") == 1
    assert service.client.get(f"/r/{service.own_token(1)}").status_code == 200
    service.clock.advance(timedelta(minutes=5))
    press(2)
    assert [one[0] for one in service.facts()].count("link-requested") == 2
    assert service.client.get(f"/r/{service.own_token(1)}").status_code == 200
