"""Whoever registers while an event changes is told once: their own confirmation says what is so."""

from typing import Any

import pytest

from services.notifications.sending.composer import NEWS_KNOWN
from services.notifications.sending.outcomes import retried, sent
from services.notifications.sending.service import begin_handover, claim_due, finish_mails
from tests.integration.notifications.office import Office
from tests.integration.notifications.review import (
    NO_DATE,
    NOVEMBER,
    parts,
    register,
    registered,
    send_all,
    settle,
    tell,
    wait_and_tell,
)
from tests.support.smtp_relay import Relay


def told(office: Office) -> list[str]:
    """Kinds of the mails that go, with those that went before."""
    with Relay({}) as relay:
        send_all(office, relay)
    return [
        mail["kind"]
        for mail in sorted(office.mails(), key=lambda mail: mail["sent_at"] or office.clock())
        if mail["state"] == "sent"
    ]


@pytest.mark.parametrize("seconds", [1, 59])
def test_who_registers_after_the_change_gets_the_confirmation_alone(office: Office, seconds: int) -> None:
    """Change first, then the confirmation: it is written from the new state, so the news have nothing to add."""
    tell(office, 1, status="confirmed")
    office.pass_time(seconds=30)
    tell(office, 2, status="confirmed", **NOVEMBER)
    office.pass_time(seconds=seconds)
    register(office, 1)
    with Relay({}) as relay:
        send_all(office, relay)
        wait_and_tell(office)
        send_all(office, relay)
        assert "20201109T143000" in str([parts(mail) for mail in relay.mails])
    assert told(office) == ["confirmation"]
    assert list(office.states()) == ["confirmation"], "news were made to be cancelled"


def test_confirmation_that_has_not_gone_when_the_event_changes_suffices(office: Office) -> None:
    """Confirmation first, but the relay is slow: it is written again, from the new state."""
    tell(office, 1, status="confirmed")
    register(office, 1)
    (claim,) = claim_due(office.work, office.clock, 10)
    finish_mails(office.work, [retried(claim.mail, "the relay answered 450 to RCPT", office.checked_clock)])
    tell(office, 2, status="confirmed", **NOVEMBER)
    wait_and_tell(office)
    office.pass_time(hours=1)
    assert told(office) == ["confirmation"]


def test_confirmation_that_went_before_the_change_is_followed_by_the_news(office: Office) -> None:
    tell(office, 1, status="confirmed")
    registered(office, 1)
    office.pass_time(seconds=1)
    tell(office, 2, status="confirmed", **NOVEMBER)
    wait_and_tell(office)
    assert told(office) == ["confirmation", "event-rescheduled"]


def test_confirmation_in_a_senders_hands_is_waited_for_when_the_news_go(office: Office) -> None:
    """Written before the change and not handed over: given back, it is written anew, and the news are cancelled."""
    tell(office, 1, status="confirmed")
    register(office, 1)
    (claim,) = claim_due(office.work, office.clock, 10)
    tell(office, 2, status="confirmed", **NOVEMBER)
    wait_and_tell(office)
    assert office.states() == {"confirmation": "claimed", "event-rescheduled": "queued"}
    finish_mails(office.work, [retried(claim.mail, "the relay was not reached", office.checked_clock)])
    office.pass_time(hours=1)
    assert told(office) == ["confirmation"]
    reasons = {mail["kind"]: mail["reason"] for mail in office.mails()}
    assert reasons["event-rescheduled"] == NEWS_KNOWN


def test_confirmation_of_the_old_state_that_went_after_all_is_corrected(office: Office) -> None:
    tell(office, 1, status="confirmed")
    register(office, 1)
    (claim,) = claim_due(office.work, office.clock, 10)
    tell(office, 2, status="confirmed", **NOVEMBER)
    wait_and_tell(office)
    assert begin_handover(office.work, office.clock, claim.mail)
    finish_mails(office.work, [sent(claim.mail, office.clock())])
    assert told(office) == ["confirmation", "event-rescheduled"]


def test_who_knew_the_old_state_by_another_form_is_told(office: Office) -> None:
    """The second confirmation alone would not say that the date they knew is void."""
    tell(office, 1, status="confirmed")
    registered(office, 1)
    tell(office, 2, status="confirmed", **NOVEMBER)
    registered(office, 1, "attendance")
    wait_and_tell(office)
    assert told(office) == ["confirmation", "confirmation", "event-rescheduled"]


def test_change_that_nobody_sees_does_not_make_the_confirmation_old(office: Office) -> None:
    tell(office, 1, status="confirmed")
    tell(office, 2, status="confirmed", **NOVEMBER)
    registered(office, 1)
    tell(office, 3, status="confirmed", summary="Another text", **NOVEMBER)
    wait_and_tell(office)
    assert told(office) == ["confirmation"]


@pytest.mark.parametrize(
    ("changes", "kind"), [({"status": "cancelled"}, "event-cancelled"), (NO_DATE, "event-postponed")]
)
def test_event_that_does_not_take_place_is_told_beside_the_confirmation(
    office: Office, changes: dict[str, Any], kind: str
) -> None:
    """A mail headed "you are registered" is no way to hear it."""
    tell(office, 1, status="confirmed")
    register(office, 1)
    tell(office, 2, **{"status": "confirmed", **changes})
    settle(office)
    wait_and_tell(office)
    assert told(office) == ["confirmation", kind]


def test_who_asked_for_remote_attendance_is_told_though_their_confirmation_is_new(office: Office) -> None:
    tell(office, 1, status="confirmed")
    register(office, 1, "interest")
    tell(office, 2, status="confirmed", mode="hybrid")
    settle(office)
    wait_and_tell(office)
    assert told(office) == ["confirmation", "remote-possible"]


def test_interest_that_came_after_the_change_is_not_told_of_it(office: Office) -> None:
    """Whoever asks when it is possible already sees so on the form and in their confirmation."""
    tell(office, 1, status="confirmed")
    tell(office, 2, status="confirmed", mode="hybrid")
    office.pass_time(seconds=1)
    registered(office, 1, "interest")
    wait_and_tell(office)
    assert told(office) == ["confirmation"]
