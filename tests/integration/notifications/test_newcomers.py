"""People who register while an event changes get one mail: their confirmation has the current state."""

from typing import Any

import pytest

from services.notifications.sending.composer import NEWS_KNOWN
from services.notifications.sending.outcomes import retried, sent
from services.notifications.sending.service import begin_handover, claim_due, finish_mails
from tests.integration.notifications.notification_service import NotificationService
from tests.integration.notifications.review import (
    NO_DATE,
    NOVEMBER,
    consume_review,
    parts,
    register,
    registered,
    send_all,
    settle,
    wait_and_announce,
)
from tests.support.smtp_relay import Relay


def kinds_sent(notifications: NotificationService) -> list[str]:
    """Kinds of the mails that go, with those that went before."""
    with Relay({}) as relay:
        send_all(notifications, relay)
    return [
        mail["kind"]
        for mail in sorted(notifications.mails(), key=lambda mail: mail["sent_at"] or notifications.clock())
        if mail["state"] == "sent"
    ]


@pytest.mark.parametrize("seconds", [1, 59])
def test_who_registers_after_the_change_gets_the_confirmation_alone(
    notifications: NotificationService, seconds: int
) -> None:
    """Change first, then the confirmation: it is written from the new state, so the news have nothing to add."""
    consume_review(notifications, 1, status="confirmed")
    notifications.pass_time(seconds=30)
    consume_review(notifications, 2, status="confirmed", **NOVEMBER)
    notifications.pass_time(seconds=seconds)
    register(notifications, 1)
    with Relay({}) as relay:
        send_all(notifications, relay)
        wait_and_announce(notifications)
        send_all(notifications, relay)
        assert "20201109T143000" in str([parts(mail) for mail in relay.mails])
    assert kinds_sent(notifications) == ["confirmation"]
    assert list(notifications.states()) == ["confirmation"], "news were made to be cancelled"


def test_confirmation_that_has_not_gone_when_the_event_changes_suffices(notifications: NotificationService) -> None:
    """Confirmation first, but the relay is slow: it is written again, from the new state."""
    consume_review(notifications, 1, status="confirmed")
    register(notifications, 1)
    (claim,) = claim_due(notifications.work, notifications.clock, 10)
    finish_mails(
        notifications.work, [retried(claim.mail, "the relay answered 450 to RCPT", notifications.checked_clock)]
    )
    consume_review(notifications, 2, status="confirmed", **NOVEMBER)
    wait_and_announce(notifications)
    notifications.pass_time(hours=1)
    assert kinds_sent(notifications) == ["confirmation"]


def test_confirmation_that_went_before_the_change_is_followed_by_the_news(notifications: NotificationService) -> None:
    consume_review(notifications, 1, status="confirmed")
    registered(notifications, 1)
    notifications.pass_time(seconds=1)
    consume_review(notifications, 2, status="confirmed", **NOVEMBER)
    wait_and_announce(notifications)
    assert kinds_sent(notifications) == ["confirmation", "event-rescheduled"]


def test_news_wait_for_a_claimed_confirmation(notifications: NotificationService) -> None:
    """Written before the change and not handed over: given back, it is written again, and the news are cancelled."""
    consume_review(notifications, 1, status="confirmed")
    register(notifications, 1)
    (claim,) = claim_due(notifications.work, notifications.clock, 10)
    consume_review(notifications, 2, status="confirmed", **NOVEMBER)
    wait_and_announce(notifications)
    assert notifications.states() == {"confirmation": "claimed", "event-rescheduled": "queued"}
    finish_mails(notifications.work, [retried(claim.mail, "the relay was not reached", notifications.checked_clock)])
    notifications.pass_time(hours=1)
    assert kinds_sent(notifications) == ["confirmation"]
    reasons = {mail["kind"]: mail["reason"] for mail in notifications.mails()}
    assert reasons["event-rescheduled"] == NEWS_KNOWN


def test_confirmation_of_the_old_state_that_went_after_all_is_corrected(notifications: NotificationService) -> None:
    consume_review(notifications, 1, status="confirmed")
    register(notifications, 1)
    (claim,) = claim_due(notifications.work, notifications.clock, 10)
    consume_review(notifications, 2, status="confirmed", **NOVEMBER)
    wait_and_announce(notifications)
    assert begin_handover(notifications.work, notifications.clock, claim.mail)
    finish_mails(notifications.work, [sent(claim.mail, notifications.clock())])
    assert kinds_sent(notifications) == ["confirmation", "event-rescheduled"]


def test_person_who_knew_the_old_state_by_another_form_is_notified(notifications: NotificationService) -> None:
    """The second confirmation alone would not state that the date they knew is void."""
    consume_review(notifications, 1, status="confirmed")
    registered(notifications, 1)
    consume_review(notifications, 2, status="confirmed", **NOVEMBER)
    registered(notifications, 1, "attendance")
    wait_and_announce(notifications)
    assert kinds_sent(notifications) == ["confirmation", "confirmation", "event-rescheduled"]


def test_change_that_no_one_sees_does_not_make_the_confirmation_old(notifications: NotificationService) -> None:
    consume_review(notifications, 1, status="confirmed")
    consume_review(notifications, 2, status="confirmed", **NOVEMBER)
    registered(notifications, 1)
    consume_review(notifications, 3, status="confirmed", summary="Another text", **NOVEMBER)
    wait_and_announce(notifications)
    assert kinds_sent(notifications) == ["confirmation"]


@pytest.mark.parametrize(
    ("changes", "kind"), [({"status": "cancelled"}, "event-cancelled"), (NO_DATE, "event-postponed")]
)
def test_cancellation_of_the_event_is_sent_beside_the_confirmation(
    notifications: NotificationService, changes: dict[str, Any], kind: str
) -> None:
    """A mail headed "you are registered" would be misleading."""
    consume_review(notifications, 1, status="confirmed")
    register(notifications, 1)
    consume_review(notifications, 2, **{"status": "confirmed", **changes})
    settle(notifications)
    wait_and_announce(notifications)
    assert kinds_sent(notifications) == ["confirmation", kind]


def test_interested_person_is_notified_though_their_confirmation_is_new(
    notifications: NotificationService,
) -> None:
    consume_review(notifications, 1, status="confirmed")
    register(notifications, 1, "interest")
    consume_review(notifications, 2, status="confirmed", mode="hybrid")
    settle(notifications)
    wait_and_announce(notifications)
    assert kinds_sent(notifications) == ["confirmation", "remote-possible"]


def test_interest_registered_after_the_change_is_not_notified_of_it(notifications: NotificationService) -> None:
    """Later people who want to know see it already on the form and in their confirmation."""
    consume_review(notifications, 1, status="confirmed")
    consume_review(notifications, 2, status="confirmed", mode="hybrid")
    notifications.pass_time(seconds=1)
    registered(notifications, 1, "interest")
    wait_and_announce(notifications)
    assert kinds_sent(notifications) == ["confirmation"]
