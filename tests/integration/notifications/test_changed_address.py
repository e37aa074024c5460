"""A registration has another address: what has not gone goes there, and to the old one but one mail that says so."""

import itertools
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.notifications.recipients.service import unsubscribe
from services.notifications.sending.outcomes import failed, sent
from services.notifications.sending.service import begin_handover, claim_due, finish_mails
from shared.messaging.contracts.schemas import Message
from shared.runtime.ids import new_id
from tests.integration.notifications.bulletins import draft, send
from tests.integration.notifications.office import ADDRESS, EVENT, PERSON, Office
from tests.integration.notifications.review import send_all
from tests.integration.notifications.test_reminders import DAY, START, plan_at
from tests.support.smtp_relay import Relay

NEW_ADDRESS, NEW_PERSON = "new@example.net", "cd" * 32


def moved(office: Office, registration: str, revision: int = 2, **changes: Any) -> Message:
    """The registration has its new address from this revision on."""
    told = {"person_ref": NEW_PERSON, "verified": True, "sealed": {"address": NEW_ADDRESS, "token": "new-token"}}
    return office.told("changed", registration, revision, **told | changes)


def registered(office: Office, **changes: Any) -> str:
    """Somebody with a seat and the old address."""
    registration = new_id()
    office.hear(office.told("confirmed", registration, verified=True, **changes))
    return registration


def delivered(office: Office) -> list[EmailMessage]:
    """The mails that go now."""
    with Relay({}) as relay:
        send_all(office, relay)
    found = [message_from_bytes(mail, policy=modern) for mail in relay.mails]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


def recipients(office: Office, kind: str) -> list[tuple[str, str]]:
    rows = office.rows(f"SELECT recipient, state FROM mail WHERE kind = '{kind}' ORDER BY number")
    return [(row["recipient"], row["state"]) for row in rows]


@pytest.fixture(autouse=True)
def known(office: Office) -> None:
    """The webinar."""
    office.hear_event()


def test_former_address_gets_one_mail_with_a_way_back_and_nothing_is_kept_of_it(office: Office) -> None:
    office.hear(office.told_former(new_id()), office.told_former(new_id(), "another@example.org", event=None))
    mails = {str(mail["To"]): mail for mail in delivered(office)}
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
    assert office.rows("SELECT * FROM recipient WHERE about = 'former-address'") == []
    assert {mail["recipient"] for mail in office.mails()} == {None}


@pytest.mark.parametrize("ending", ["sent", "failed"])
def test_nothing_is_kept_of_a_former_address_whose_mail_has_ended(office: Office, ending: str) -> None:
    office.hear(office.told_former(new_id()))
    [claim] = claim_due(office.work, office.clock, 10)
    begin_handover(office.work, office.clock, claim.mail)
    now = office.clock()
    finish_mails(office.work, [sent(claim.mail, now) if ending == "sent" else failed(claim.mail, "refused", now)])
    assert office.rows("SELECT * FROM recipient") == []


def test_former_address_that_is_told_again_makes_one_mail(office: Office) -> None:
    former = new_id()
    for _ in range(2):
        office.hear(office.told_former(former))
        delivered(office)
    assert len(office.mails()) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_erasure_keeps_the_mail_to_the_former_address_back_in_whatever_order(
    office: Office, order: tuple[int, ...]
) -> None:
    registration, former = new_id(), new_id()
    told = [
        office.told("confirmed", registration),
        office.told_former(former),
        office.told_erased(registration, 3, former),
    ]
    for place in order:
        office.hear(told[place])
    assert delivered(office) == []
    kept = office.rows("SELECT person_ref, closed FROM recipient")
    assert [tuple(row.values()) for row in kept] == [(None, None)] * 2


@pytest.mark.parametrize("late", [False, True])
def test_mail_whose_link_has_ended_is_cancelled_and_the_new_one_goes_to_the_new_address(
    office: Office, late: bool
) -> None:
    """Whether it was heard of before the change or after it."""
    registration = new_id()
    told = [office.told("confirmed", registration), moved(office, registration)]
    for message in reversed(told) if late else told:
        office.hear(message)
    assert [mail["To"] for mail in delivered(office)] == [NEW_ADDRESS]
    assert office.states() == {"confirmation": "cancelled", "changed": "sent"}


def test_mail_in_a_senders_hands_does_not_go_to_the_old_address(office: Office) -> None:
    """It was composed with the old one; the sender has not committed to hand it over."""
    registration = registered(office)
    [claim] = claim_due(office.work, office.clock, 10)
    office.hear(moved(office, registration))
    assert not begin_handover(office.work, office.clock, claim.mail)
    assert [mail["To"] for mail in delivered(office)] == [NEW_ADDRESS]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_in_whatever_order_the_newest_address_counts(office: Office, order: tuple[int, ...]) -> None:
    """Confirmed, moved, moved back: all mails go to the first address, and each once."""
    registration = new_id()
    told = [
        office.told("confirmed", registration),
        moved(office, registration, 2),
        office.told("changed", registration, 3, sealed={"token": "third-token"}),
    ]
    for place in order:
        office.hear(told[place])
    mails = delivered(office)
    assert {mail["To"] for mail in mails} == {ADDRESS}
    assert {mail["recipient"] for mail in office.mails() if mail["state"] == "sent"} == {PERSON}
    [entry] = office.rows("SELECT person_ref, revision FROM recipient")
    assert tuple(entry.values()) == (PERSON, 3)


def test_reminder_is_sent_once_and_to_the_new_address(office: Office) -> None:
    office.clock.set(START - DAY * 3)
    registration = registered(office)
    delivered(office)
    plan_at(office, START - DAY)
    office.hear(moved(office, registration))
    plan_at(office, START - DAY)
    mails = [
        mail
        for mail in delivered(office)
        if "reminder" in str(mail["Subject"]).lower() or "tomorrow" in str(mail["Subject"]).lower()
    ]
    assert [mail["To"] for mail in mails] == [NEW_ADDRESS]
    assert recipients(office, "reminder-1-day") == [(NEW_PERSON, "sent")]


def test_bulletin_follows_and_nobody_gets_it_twice(office: Office, client: FlaskClient) -> None:
    """The new address has another registration, by which it has the bulletin already."""
    registration = registered(office)
    registered(office, person_ref=NEW_PERSON, sealed={"address": NEW_ADDRESS})
    delivered(office)
    assert send(client, draft(client)) == 200
    office.schedule()
    office.hear(moved(office, registration))
    bulletins = [mail["To"] for mail in delivered(office) if "Who speaks" in str(mail["Subject"])]
    assert bulletins == [NEW_ADDRESS]


def test_bulletin_stays_with_the_old_address_that_has_another_registration(office: Office, client: FlaskClient) -> None:
    registration = registered(office)
    registered(office, form="another-form")
    delivered(office)
    assert send(client, draft(client)) == 200
    office.schedule()
    [mail] = office.rows("SELECT subject::text AS subject FROM mail WHERE kind = 'bulletin'")
    office.hear(moved(office, mail["subject"]))
    assert registration
    bulletins = [mail["To"] for mail in delivered(office) if "Who speaks" in str(mail["Subject"])]
    assert bulletins == [ADDRESS]


def test_who_wants_no_bulletins_gets_none_at_the_new_address(office: Office, client: FlaskClient) -> None:
    registration = registered(office)
    unsubscribe(office.work, office.clock, PERSON)
    office.hear(moved(office, registration))
    delivered(office)
    shown = office.rows("SELECT person_ref, said_by FROM suppression ORDER BY 1")
    assert [tuple(row.values()) for row in shown] == [(PERSON, "recipient"), (NEW_PERSON, "recipient")]


def test_number_of_a_calendar_entry_only_rises_when_a_registration_leaves_its_address(office: Office) -> None:
    """Two registrations are one entry; what stays must not be told with a smaller number."""
    registration, other = registered(office), registered(office, form="another-form")
    office.hear(office.told("changed", other, 2))
    before = _changes(office, PERSON)
    office.hear(moved(office, registration))
    assert _changes(office, PERSON) >= before
    office.hear(office.told("changed", registration, 3))
    assert _changes(office, PERSON) > before


def _changes(office: Office, person: str) -> int:
    asked = (
        f"SELECT sum(revision + carried)::int AS n FROM recipient WHERE person_ref = '{person}' AND event = '{EVENT}'"
    )
    return int(office.rows(asked)[0]["n"])
