"""A registration ends while an announcement waits: its person gets it by another one, once, or not at all."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.notifications.consumers import MAIL
from services.notifications.mails.model import ClaimedMail, HandoverOutcome
from services.notifications.sending.outcomes import retried, sent
from services.notifications.sending.service import begin_handover, claim_due, finish_mails
from shared.messaging.contracts import registry
from shared.messaging.contracts.schemas import Message
from tests.integration.notifications.bulletins import draft, send
from tests.integration.notifications.notification_service import NotificationService
from tests.integration.notifications.review import (
    NOVEMBER,
    REVIEW,
    consume_review,
    registered,
    send_all,
    wait_and_announce,
)
from tests.support.locks import WAITING
from tests.support.smtp_relay import Relay

KINDS = ("attendance", "delegation")
"""Of the forms, best first."""


def cancellation(notifications: NotificationService, registration_id: str, form_kind: str) -> Message:
    """The person of number 1 is no longer on this form."""
    form = {"form": f"a-{form_kind}", "form_kind": form_kind, "event": REVIEW, "person_ref": f"{1:064x}"}
    return notifications.registration_message("cancelled", registration_id, 2, **form)


def on_forms(notifications: NotificationService, *form_kinds: str, **changes: Any) -> dict[str, str]:
    """One person on several forms for the review, who has their confirmations; ids by kind of form."""
    consume_review(notifications, 1)
    registered_by_kind = {
        kind: registered(notifications, 1, kind, sealed={"view": f"link-of-{kind}"}, **changes) for kind in form_kinds
    }
    notifications.pass_time(seconds=1)
    return registered_by_kind


def move_review(notifications: NotificationService, **changes: Any) -> None:
    """The review has another date, and the news of it wait for a sender."""
    consume_review(notifications, 2, **{**NOVEMBER, **changes})
    wait_and_announce(notifications)


def announced(notifications: NotificationService) -> list[tuple[str, str, str]]:
    """Kind, subject and state of what was announced, in order of making."""
    mails = [mail for mail in notifications.mails() if mail["kind"] not in ("confirmation", "cancelled-by-you")]
    return [(mail["kind"], str(mail["subject"]), mail["state"]) for mail in mails]


def links(notifications: NotificationService) -> list[str]:
    """By which form's link the mails go that are sent now, but for those about a cancellation."""
    with Relay({}) as relay:
        send_all(notifications, relay)
    found = [mail.decode() for mail in relay.mails if b"Registration cancelled" not in mail]
    return [kind for mail in found for kind in (*KINDS, "interest") if f"link-of-{kind}" in mail]


@pytest.mark.parametrize("order", [KINDS, KINDS[::-1]])
def test_news_go_by_what_is_left_and_are_cancelled_with_the_last(
    notifications: NotificationService, order: tuple[str, str]
) -> None:
    who = on_forms(notifications, *KINDS)
    move_review(notifications)
    assert announced(notifications) == [("event-rescheduled", who["attendance"], "queued")]
    ended, left = order
    notifications.consume(cancellation(notifications, who[ended], ended))
    assert announced(notifications) == [("event-rescheduled", who[left], "queued")]
    notifications.consume(cancellation(notifications, who[left], left))
    assert announced(notifications) == [("event-rescheduled", who[left], "cancelled")]


@pytest.mark.parametrize("order", [KINDS, KINDS[::-1]])
def test_mail_goes_once_with_the_link_that_works(notifications: NotificationService, order: tuple[str, str]) -> None:
    who = on_forms(notifications, *KINDS)
    move_review(notifications)
    notifications.consume(cancellation(notifications, who[order[0]], order[0]))
    notifications.schedule()
    assert links(notifications) == [order[1]]
    notifications.consume(cancellation(notifications, who[order[1]], order[1]))
    assert announced(notifications) == [("event-rescheduled", who[order[1]], "sent")]


def test_best_of_those_that_are_left_is_taken(notifications: NotificationService) -> None:
    who = on_forms(notifications, "delegation", "webinar", "attendance")
    move_review(notifications)
    assert announced(notifications) == [("event-rescheduled", who["webinar"], "queued")]
    notifications.consume(cancellation(notifications, who["webinar"], "webinar"))
    assert announced(notifications) == [("event-rescheduled", who["attendance"], "queued")]


@pytest.mark.parametrize(
    ("mode", "kind", "form_kind", "state"),
    [
        ("hybrid", "remote-possible", "interest", "queued"),
        ("in_person", "event-rescheduled", "delegation", "cancelled"),
    ],
)
def test_interest_in_remote_attendance_is_notified_of_that_alone(
    notifications: NotificationService, mode: str, kind: str, form_kind: str, state: str
) -> None:
    who = on_forms(notifications, "delegation", "interest")
    move_review(notifications, mode=mode)
    assert announced(notifications) == [("event-rescheduled", who["delegation"], "queued")]
    notifications.consume(cancellation(notifications, who["delegation"], "delegation"))
    assert announced(notifications) == [(kind, who[form_kind], state)]


@pytest.mark.parametrize(
    ("segment", "moved"), [({}, True), ({"event": REVIEW}, True), ({"form": "a-attendance"}, False)]
)
def test_bulletin_goes_by_another_registration_of_its_segment(
    notifications: NotificationService, client: FlaskClient, segment: dict[str, str], moved: bool
) -> None:
    who = on_forms(notifications, *KINDS)
    assert send(client, draft(client, segment)) == 200
    notifications.schedule()
    assert announced(notifications) == [("bulletin", who["attendance"], "queued")]
    notifications.consume(cancellation(notifications, who["attendance"], "attendance"))
    left = ("delegation", "queued") if moved else ("attendance", "cancelled")
    assert announced(notifications) == [("bulletin", who[left[0]], left[1])]


@pytest.mark.parametrize(("key", "moved"), [("confirmed", True), ("waitlisted", False)])
def test_recording_goes_by_another_seat_alone(notifications: NotificationService, key: str, moved: bool) -> None:
    who = on_forms(notifications, "attendance") | on_forms(notifications, "delegation", key=key)
    notifications.consume_resource(event=REVIEW)
    notifications.schedule()
    assert announced(notifications)[-1] == ("recording-available", who["attendance"], "queued")
    notifications.consume(cancellation(notifications, who["attendance"], "attendance"))
    left = ("delegation", "queued") if moved else ("attendance", "cancelled")
    assert announced(notifications)[-1] == ("recording-available", who[left[0]], left[1])


def test_registration_that_has_the_same_mail_is_not_given_another(notifications: NotificationService) -> None:
    who = on_forms(notifications, *KINDS)
    move_review(notifications)
    with notifications.work.transaction() as connection:
        connection.exec_driver_sql(f"""
            INSERT INTO mail (id, kind, subject, revision, recipient, event, lane, state, reason, message_id, cause_at,
                created_at, correlation_id)
            SELECT gen_random_uuid(), kind, '{who["delegation"]}', revision, recipient, event, lane, 'cancelled', 'x',
                '<another@example.org>', cause_at, created_at, '' FROM mail WHERE kind = 'event-rescheduled'
        """)
    assert notifications.consume(cancellation(notifications, who["attendance"], "attendance")) == ["done"]
    assert {state for _kind, _subject, state in announced(notifications)} == {"cancelled"}


def test_claimed_news_are_withdrawn(notifications: NotificationService) -> None:
    """They were written with the link that ended."""
    who = on_forms(notifications, *KINDS)
    move_review(notifications)
    (claim,) = claim_due(notifications.work, notifications.clock, 10)
    notifications.consume(cancellation(notifications, who["attendance"], "attendance"))
    assert announced(notifications) == [("event-rescheduled", who["delegation"], "queued")]
    assert not begin_handover(notifications.work, notifications.clock, claim.mail)
    assert finish_mails(notifications.work, [sent(claim.mail, notifications.clock())]) == []
    assert links(notifications) == ["delegation"]
    outcomes = notifications.rows(f"SELECT outcome FROM mail_attempt WHERE mail_id = '{claim.mail.id}' ORDER BY number")
    assert [row["outcome"] for row in outcomes] == ["released", "sent"]


def _taken(mail: ClaimedMail, notifications: NotificationService) -> HandoverOutcome:
    return sent(mail, notifications.clock())


def _refused(mail: ClaimedMail, notifications: NotificationService) -> HandoverOutcome:
    return retried(mail, "the relay answered 451 to DATA", notifications.checked_clock)


@pytest.mark.parametrize(("outcome", "again"), [(_taken, []), (_refused, ["delegation"])])
def test_news_that_are_being_handed_over_go_again_only_if_they_come_back(
    notifications: NotificationService,
    outcome: Callable[[ClaimedMail, NotificationService], HandoverOutcome],
    again: list[str],
) -> None:
    who = on_forms(notifications, *KINDS)
    move_review(notifications)
    (claim,) = claim_due(notifications.work, notifications.clock, 10)
    assert begin_handover(notifications.work, notifications.clock, claim.mail)
    notifications.consume(cancellation(notifications, who["attendance"], "attendance"))
    assert announced(notifications) == [("event-rescheduled", who["attendance"], "claimed")]
    finish_mails(notifications.work, [outcome(claim.mail, notifications)])
    notifications.pass_time(hours=1)
    assert links(notifications) == again
    assert [(kind, state) for kind, _subject, state in announced(notifications)] == [("event-rescheduled", "sent")]


def test_news_that_came_back_are_cancelled_without_another_registration(notifications: NotificationService) -> None:
    who = on_forms(notifications, "attendance")
    move_review(notifications)
    (claim,) = claim_due(notifications.work, notifications.clock, 10)
    assert begin_handover(notifications.work, notifications.clock, claim.mail)
    notifications.consume(cancellation(notifications, who["attendance"], "attendance"))
    finish_mails(notifications.work, [_refused(claim.mail, notifications)])
    notifications.pass_time(hours=1)
    assert links(notifications) == []
    assert announced(notifications) == [("event-rescheduled", who["attendance"], "cancelled")]


def test_registration_that_ends_concurrently_is_not_chosen(notifications: NotificationService) -> None:
    """The cancellation of the next best is stored already, but not committed."""
    who = on_forms(notifications, "webinar", "attendance", "delegation")
    move_review(notifications)
    first, second = (cancellation(notifications, who[kind], kind) for kind in ("webinar", "attendance"))
    at_once = Thread(target=notifications.consume, args=(first,))
    with notifications.work.transaction() as connection:
        notifications.effects[MAIL](connection, replace(second, data=registry.read(second)))
        at_once.start()
        deadline = time.monotonic() + 20
        while at_once.is_alive() and not _transaction_waits(notifications):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    at_once.join(20)
    assert announced(notifications) == [("event-rescheduled", who["delegation"], "queued")]


def _transaction_waits(notifications: NotificationService) -> bool:
    return notifications.rows(WAITING) != [{"count": 0}]
