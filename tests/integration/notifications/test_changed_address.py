"""A registration's address changes: unsent mail goes to the new one, and one notice to the old one."""

import itertools
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.notifications.sending.outcomes import failed, sent
from services.notifications.sending.service import begin_handover, claim_due, finish_mails
from shared.messaging.contracts.schemas import Message
from shared.runtime.ids import new_id
from tests.integration.notifications.bulletins import draft, send
from tests.integration.notifications.notification_service import ADDRESS, EVENT, PERSON, NotificationService
from tests.integration.notifications.review import send_all
from tests.integration.notifications.test_reminders import DAY, START, plan_at
from tests.support.smtp_relay import Relay

NEW_ADDRESS, NEW_PERSON = "new@example.net", "cd" * 32


def moved(notifications: NotificationService, registration: str, revision: int = 2, **changes: Any) -> Message:
    """The registration has its new address from this revision on."""
    changed = {"person_ref": NEW_PERSON, "verified": True, "sealed": {"address": NEW_ADDRESS, "token": "new-token"}}
    return notifications.registration_message("changed", registration, revision, **changed | changes)


def registered(notifications: NotificationService, **changes: Any) -> str:
    """Someone with a seat and the old address."""
    registration = new_id()
    notifications.consume(notifications.registration_message("confirmed", registration, verified=True, **changes))
    return registration


def delivered(notifications: NotificationService) -> list[EmailMessage]:
    """The mails that go now."""
    with Relay({}) as relay:
        send_all(notifications, relay)
    found = [message_from_bytes(mail, policy=modern) for mail in relay.mails]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


def recipients(notifications: NotificationService, kind: str) -> list[tuple[str, str]]:
    rows = notifications.rows(f"SELECT recipient, state FROM mail WHERE kind = '{kind}' ORDER BY number")
    return [(row["recipient"], row["state"]) for row in rows]


@pytest.fixture(autouse=True)
def known(notifications: NotificationService) -> None:
    """The webinar."""
    notifications.consume_event()


def test_former_address_gets_one_mail_with_a_way_back_and_nothing_is_kept_of_it(
    notifications: NotificationService,
) -> None:
    notifications.consume(
        notifications.address_changed_message(new_id()),
        notifications.address_changed_message(new_id(), "another@example.org", event=None),
    )
    mails = {str(mail["To"]): mail for mail in delivered(notifications)}
    assert sorted(mails) == ["another@example.org", ADDRESS]
    mail = mails[ADDRESS]
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert (mail["To"], mail["Subject"]) == (
        ADDRESS,
        "Your registration now uses another e-mail address: UPR Webinar Wednesday #10",
    )
    assert text.count("https://register.example.org/r/undo/u-token") == 1
    assert ("You can undo the change until" in text, NEW_ADDRESS in text) == (True, False)
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert notifications.rows("SELECT * FROM recipient WHERE about = 'former-address'") == []
    assert {mail["recipient"] for mail in notifications.mails()} == {None}


@pytest.mark.parametrize("ending", ["sent", "failed"])
def test_nothing_is_kept_of_a_former_address_whose_mail_has_ended(
    notifications: NotificationService, ending: str
) -> None:
    notifications.consume(notifications.address_changed_message(new_id()))
    [claim] = claim_due(notifications.work, notifications.clock, 10)
    begin_handover(notifications.work, notifications.clock, claim.mail)
    now = notifications.clock()
    finish_mails(
        notifications.work, [sent(claim.mail, now) if ending == "sent" else failed(claim.mail, "refused", now)]
    )
    assert notifications.rows("SELECT * FROM recipient") == []


def test_redelivered_change_of_address_makes_one_mail(notifications: NotificationService) -> None:
    former = new_id()
    for _ in range(2):
        notifications.consume(notifications.address_changed_message(former))
        delivered(notifications)
    assert len(notifications.mails()) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_erasure_cancels_the_mail_to_the_former_address_in_any_order(
    notifications: NotificationService, order: tuple[int, ...]
) -> None:
    registration, former = new_id(), new_id()
    changed = [
        notifications.registration_message("confirmed", registration),
        notifications.address_changed_message(former),
        notifications.erased_message(registration, 3, former),
    ]
    for place in order:
        notifications.consume(changed[place])
    assert delivered(notifications) == []
    kept = notifications.rows("SELECT person_ref, closed FROM recipient")
    assert [tuple(row.values()) for row in kept] == [(None, None)] * 2


@pytest.mark.parametrize("late", [False, True])
def test_mail_whose_link_has_ended_is_cancelled_and_the_new_one_goes_to_the_new_address(
    notifications: NotificationService, late: bool
) -> None:
    """Whether it was consumed before the change or after it."""
    registration = new_id()
    changed = [notifications.registration_message("confirmed", registration), moved(notifications, registration)]
    for message in reversed(changed) if late else changed:
        notifications.consume(message)
    assert [mail["To"] for mail in delivered(notifications)] == [NEW_ADDRESS]
    assert notifications.states() == {"confirmation": "cancelled", "changed": "sent"}


def test_claimed_mail_does_not_go_to_the_old_address(notifications: NotificationService) -> None:
    """It was composed with the old one; the sender has not committed to hand it over."""
    registration = registered(notifications)
    [claim] = claim_due(notifications.work, notifications.clock, 10)
    notifications.consume(moved(notifications, registration))
    assert not begin_handover(notifications.work, notifications.clock, claim.mail)
    assert [mail["To"] for mail in delivered(notifications)] == [NEW_ADDRESS]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_newest_address_counts_in_any_order(notifications: NotificationService, order: tuple[int, ...]) -> None:
    """Confirmed, moved, moved back: all mails go to the first address, and each once."""
    registration = new_id()
    changed = [
        notifications.registration_message("confirmed", registration),
        moved(notifications, registration, 2),
        notifications.registration_message("changed", registration, 3, sealed={"token": "third-token"}),
    ]
    for place in order:
        notifications.consume(changed[place])
    mails = delivered(notifications)
    assert {mail["To"] for mail in mails} == {ADDRESS}
    assert {mail["recipient"] for mail in notifications.mails() if mail["state"] == "sent"} == {PERSON}
    [entry] = notifications.rows("SELECT person_ref, revision FROM recipient")
    assert tuple(entry.values()) == (PERSON, 3)


def test_reminder_is_sent_once_and_to_the_new_address(notifications: NotificationService) -> None:
    notifications.clock.set(START - DAY * 3)
    registration = registered(notifications)
    delivered(notifications)
    plan_at(notifications, START - DAY)
    notifications.consume(moved(notifications, registration))
    plan_at(notifications, START - DAY)
    mails = [
        mail
        for mail in delivered(notifications)
        if "reminder" in str(mail["Subject"]).lower() or "tomorrow" in str(mail["Subject"]).lower()
    ]
    assert [mail["To"] for mail in mails] == [NEW_ADDRESS]
    assert recipients(notifications, "reminder-1-day") == [(NEW_PERSON, "sent")]


def test_bulletin_follows_and_no_one_gets_it_twice(notifications: NotificationService, client: FlaskClient) -> None:
    """The new address has another registration, by which it has the bulletin already."""
    registration = registered(notifications)
    registered(notifications, person_ref=NEW_PERSON, sealed={"address": NEW_ADDRESS})
    delivered(notifications)
    assert send(client, draft(client)) == 200
    notifications.schedule()
    notifications.consume(moved(notifications, registration))
    bulletins = [mail["To"] for mail in delivered(notifications) if "Who speaks" in str(mail["Subject"])]
    assert bulletins == [NEW_ADDRESS]


def test_bulletin_stays_with_the_old_address_that_has_another_registration(
    notifications: NotificationService, client: FlaskClient
) -> None:
    registration = registered(notifications)
    registered(notifications, form="another-form")
    delivered(notifications)
    assert send(client, draft(client)) == 200
    notifications.schedule()
    [mail] = notifications.rows("SELECT subject::text AS subject FROM mail WHERE kind = 'bulletin'")
    notifications.consume(moved(notifications, mail["subject"]))
    assert registration
    bulletins = [mail["To"] for mail in delivered(notifications) if "Who speaks" in str(mail["Subject"])]
    assert bulletins == [ADDRESS]


def test_who_wants_no_bulletins_gets_none_at_the_new_address(
    notifications: NotificationService, client: FlaskClient
) -> None:
    registration = registered(notifications)
    notifications.leave(PERSON)
    notifications.consume(moved(notifications, registration))
    delivered(notifications)
    shown = notifications.rows("SELECT person_ref, said_by FROM suppression ORDER BY 1")
    assert [tuple(row.values()) for row in shown] == [(PERSON, "recipient"), (NEW_PERSON, "recipient")]


def test_number_of_a_calendar_entry_only_rises_when_a_registration_leaves_its_address(
    notifications: NotificationService,
) -> None:
    """Two registrations are one entry; the remaining one must not be announced with a smaller number."""
    registration, other = registered(notifications), registered(notifications, form="another-form")
    notifications.consume(notifications.registration_message("changed", other, 2))
    before = _changes(notifications, PERSON)
    notifications.consume(moved(notifications, registration))
    assert _changes(notifications, PERSON) >= before
    notifications.consume(notifications.registration_message("changed", registration, 3))
    assert _changes(notifications, PERSON) > before


def _changes(notifications: NotificationService, person: str) -> int:
    asked = (
        f"SELECT sum(revision + carried)::int AS n FROM recipient WHERE person_ref = '{person}' AND event = '{EVENT}'"
    )
    return int(notifications.rows(asked)[0]["n"])
