"""A mail is cancelled while a sender claims it: the attempt ends with the mail."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from deploy.operations.audit.checks import Alone
from deploy.operations.audit.mails import A7
from services.notifications.mails.kinds import KINDS, REMINDER_KINDS
from services.notifications.mails.model import NewMail
from services.notifications.mails.store import (
    add_mail,
    cancel_all,
    cancel_news,
    cancel_outdated,
    cancel_reminders,
    release_bulletins,
)
from services.notifications.sending.service import LEASE
from services.notifications.sending.store import claim_mails
from shared.runtime.ids import new_id
from tests.integration.notifications.notification_service import EVENT, PERSON, NotificationService
from tests.integration.notifications.review import settle
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

REASON = "a reason"

Withdraw = Callable[[Connection, NotificationService, str], object]
"""Called with the subject of the mail."""

WAYS: dict[str, tuple[str, str, Withdraw]] = {
    "an old state": (
        "consume",
        "waiting-list",
        lambda connection, notifications, subject: cancel_outdated(
            connection, subject, 2, ["waiting-list"], [], REASON, notifications.clock()
        ),
    ),
    "older news": (
        "schedule",
        "event-rescheduled",
        lambda connection, notifications, _subject: cancel_news(
            connection, EVENT, 2, ["event-rescheduled"], REASON, notifications.clock()
        ),
    ),
    "another date": (
        "consume",
        "reminder-1-day",
        lambda connection, notifications, _subject: cancel_reminders(
            connection, EVENT, REMINDER_KINDS, 2, REASON, notifications.clock()
        ),
    ),
    "no bulletins": (
        "web",
        "bulletin",
        lambda connection, notifications, _subject: release_bulletins(connection, PERSON, notifications.clock()),
    ),
    "erased": (
        "consume",
        "confirmation",
        lambda connection, notifications, subject: cancel_all(connection, subject, REASON, notifications.clock()),
    ),
}
"""Who takes back which kind of mail, and how."""


@pytest.mark.parametrize("way", WAYS)
def test_mail_withdrawn_while_claimed_has_no_claim(notifications: NotificationService, way: str) -> None:
    process, kind, withdraw = WAYS[way]
    subject, now = _with_mail(notifications, kind), notifications.clock()
    with ThreadPoolExecutor(1) as other:
        with notifications.work_of("send").transaction() as connection:
            (claimed,) = claim_mails(connection, KINDS[kind].lane, 10, now, now + LEASE)
            taken = other.submit(_commit, notifications, process, withdraw, subject)
            poll_until(lambda: notifications.rows(WAITING) == [{"count": 1}], what="the withdrawal waits for the claim")
        taken.result(20)
    state, outcome = ("queued", "released") if kind == "bulletin" else ("cancelled", "cancelled")
    assert [(mail["state"], mail["phase"]) for mail in notifications.mails() if mail["id"] == claimed.mail.id] == [
        (state, None)
    ]
    ended = notifications.rows(f"SELECT outcome, ended_at FROM mail_attempt WHERE mail_id = '{claimed.mail.id}'")
    assert ended == [{"outcome": outcome, "ended_at": now}]
    (adds_up,) = [check for check in A7.checks if check.what.startswith("a mail's state")]
    assert isinstance(adds_up, Alone)
    assert notifications.rows(adds_up.sql) == []


def _with_mail(notifications: NotificationService, kind: str) -> str:
    """A registration that has nothing due but a mail of this kind; its id."""
    subject, mail_id = new_id(), new_id()
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", subject, revision=2))
    settle(notifications)
    mail = NewMail(
        id=mail_id,
        kind=kind,
        subject=subject,
        revision=1,
        event=EVENT,
        state="queued",
        reason=None,
        message_id=f"<{mail_id}@example.org>",
        cause_at=notifications.clock(),
        created_at=notifications.clock(),
        correlation_id="a-correlation",
    )
    with notifications.work.transaction() as connection:
        assert add_mail(connection, mail)
    return subject


def _commit(notifications: NotificationService, process: str, withdraw: Withdraw, subject: str) -> None:
    with notifications.work_of(process).transaction() as connection:
        withdraw(connection, notifications, subject)
