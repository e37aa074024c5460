"""A mail is taken back at the very moment at which a sender claims it: the attempt ends with the mail."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from deploy.operations.audit.checks import Alone
from deploy.operations.audit.mails import A7
from services.notifications.mails.kinds import KINDS
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
from tests.integration.notifications.office import EVENT, PERSON, Office
from tests.integration.notifications.review import settle
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

REASON = "a reason"

Withdraw = Callable[[Connection, Office, str], object]
"""Told the subject of the mail."""

WAYS: dict[str, tuple[str, str, Withdraw]] = {
    "an old state": (
        "consume",
        "waiting-list",
        lambda connection, office, subject: cancel_outdated(
            connection, subject, 2, ["waiting-list"], [], REASON, office.clock()
        ),
    ),
    "older news": (
        "schedule",
        "event-rescheduled",
        lambda connection, office, _subject: cancel_news(
            connection, EVENT, 2, ["event-rescheduled"], REASON, office.clock()
        ),
    ),
    "another date": (
        "consume",
        "reminder-1-day",
        lambda connection, office, _subject: cancel_reminders(connection, EVENT, 2, REASON, office.clock()),
    ),
    "no bulletins": (
        "web",
        "bulletin",
        lambda connection, office, _subject: release_bulletins(connection, PERSON, office.clock()),
    ),
    "erased": (
        "consume",
        "confirmation",
        lambda connection, office, subject: cancel_all(connection, subject, REASON, office.clock()),
    ),
}
"""Who takes back which kind of mail, and how."""


@pytest.mark.parametrize("way", WAYS)
def test_mail_that_is_taken_back_while_it_is_claimed_is_in_nobodys_hands(office: Office, way: str) -> None:
    process, kind, withdraw = WAYS[way]
    subject, now = _with_mail(office, kind), office.clock()
    with ThreadPoolExecutor(1) as other:
        with office.work_of("send").transaction() as connection:
            (claimed,) = claim_mails(connection, KINDS[kind].lane, 10, now, now + LEASE)
            taken = other.submit(_commit, office, process, withdraw, subject)
            poll_until(lambda: office.rows(WAITING) == [{"count": 1}], what="whoever takes it back waits for the claim")
        taken.result(20)
    state, outcome = ("queued", "released") if kind == "bulletin" else ("cancelled", "cancelled")
    assert [(mail["state"], mail["phase"]) for mail in office.mails() if mail["id"] == claimed.mail.id] == [
        (state, None)
    ]
    ended = office.rows(f"SELECT outcome, ended_at FROM mail_attempt WHERE mail_id = '{claimed.mail.id}'")
    assert ended == [{"outcome": outcome, "ended_at": now}]
    (adds_up,) = [check for check in A7.checks if check.what.startswith("a mail's state")]
    assert isinstance(adds_up, Alone)
    assert office.rows(adds_up.sql) == []


def _with_mail(office: Office, kind: str) -> str:
    """A registration that has nothing due but a mail of this kind; its id."""
    subject, mail_id = new_id(), new_id()
    office.hear_event()
    office.hear(office.told("confirmed", subject, revision=2))
    settle(office)
    mail = NewMail(
        id=mail_id,
        kind=kind,
        subject=subject,
        revision=1,
        event=EVENT,
        lane=KINDS[kind].lane,
        state="queued",
        reason=None,
        message_id=f"<{mail_id}@example.org>",
        cause_at=office.clock(),
        created_at=office.clock(),
        correlation_id="a-correlation",
    )
    with office.work.transaction() as connection:
        assert add_mail(connection, mail)
    return subject


def _commit(office: Office, process: str, withdraw: Withdraw, subject: str) -> None:
    with office.work_of(process).transaction() as connection:
        withdraw(connection, office, subject)
