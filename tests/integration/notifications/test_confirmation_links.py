"""What the owner of an address gets when something waits for them: one mail with a link, of which nothing is kept."""

import itertools
import random as randomness
from collections import Counter
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern

import pytest
from flask.testing import FlaskClient

from services.notifications.recipients.model import NO_BULLETINS
from services.notifications.sending.outcomes import failed, sent
from services.notifications.sending.service import LEASE, UNKNOWN_AFTER, begin_handover, claim_due, finish_mails
from shared.messaging.contracts import registry
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.bulletins import draft, person, send
from tests.integration.notifications.notification_service import ADDRESS, EVENT, PERSON, NotificationService
from tests.integration.notifications.review import send_all
from tests.support.smtp_relay import CUT, Relay

BULLETINS = 5_000
_MANY_LINKS = """
    WITH people AS (
        INSERT INTO recipient (subject, about, person_ref, language, form, form_kind, status, revision, occurred_at,
            closed, noted_at, heard_at)
        SELECT gen_random_uuid(), 'registration', lpad(to_hex(n), 64, '0'), 'en', 'a-form', 'webinar', 'confirmed', 1,
            now(), decode(repeat('00', 40), 'hex'), now(), now()
        FROM generate_series(1, {count}) AS n RETURNING subject, person_ref)
    INSERT INTO mail (id, kind, subject, revision, recipient, lane, state, due_at, message_id, cause_at, created_at,
        correlation_id)
    SELECT gen_random_uuid(), '{kind}', subject, 1, person_ref, '{lane}', 'queued', '2020-03-01T00:00Z',
        '<' || subject || '@example.org>', '2020-03-01T00:00Z', '2020-03-01T00:00Z', ''
    FROM people RETURNING 1
"""


def waiting(notifications: NotificationService, count: int, kind: str, lane: str) -> None:
    """So many mails that have been due since yesterday."""
    with notifications.engine.begin() as connection:
        connection.exec_driver_sql(_MANY_LINKS.format(count=count, kind=kind, lane=lane))


def links_kept(notifications: NotificationService) -> list[str]:
    """Confirmation links whose address and token are still stored."""
    rows = notifications.rows("SELECT subject::text AS id FROM recipient WHERE about = 'confirmation' ORDER BY 1")
    return [row["id"] for row in rows]


def run_sender(notifications: NotificationService, script: dict[str, str | list[str]], times: int = 1) -> list[bytes]:
    """What a relay that follows ``script`` gets in so many runs of a sender."""
    with Relay(script) as relay:
        sender = notifications.sender(relay.port)
        for _ in range(times):
            sender.run_once(Stop())
        return list(relay.mails)


def test_mail_holds_a_link_and_nothing_that_was_submitted(notifications: NotificationService) -> None:
    """The same person is registered: what is known of them is in the mail about that, and in no other."""
    notifications.consume_event()
    registration = notifications.registration_message(
        "confirmed", new_id(), verified=True, sealed={"name": "Canary Name"}
    )
    notifications.consume(registration, notifications.wanted(new_id()))
    about_it, asking = [_parsed(mail) for mail in run_sender(notifications, {})]
    assert asking["To"] == ADDRESS
    assert asking["Subject"] == "Please confirm what was entered with your address"
    assert [part.get_content_type() for part in asking.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert [word for word in ("Canary", "Webinar", EVENT) if word in _text(about_it)] == ["Canary", "Webinar"]
    assert [word for word in ("Canary", "Webinar", EVENT, "a-token", "/r/") if word in _text(asking)] == []
    assert "c-token" not in _text(about_it)
    assert _text(asking).count("https://register.example.org/c/c-token") == 2
    assert _text(asking).count("https://") == 2


def _parsed(mail: bytes) -> EmailMessage:
    message = message_from_bytes(mail, policy=modern)
    assert isinstance(message, EmailMessage)
    return message


def _text(mail: EmailMessage) -> str:
    bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
    return "\n".join([str(mail.items()), *(body.get_content() for body in bodies if body is not None)])


def test_row_of_the_mail_connects_nothing(notifications: NotificationService) -> None:
    """Neither the person's registrations nor another link of the same address."""
    first, second = new_id(), new_id()
    notifications.consume(
        notifications.registration_message("confirmed", new_id()),
        notifications.wanted(first),
        notifications.wanted(second),
    )
    recipients = [mail["recipient"] for mail in notifications.mails()]
    assert len(set(recipients)) == 3
    assert PERSON in recipients
    asked = notifications.rows("SELECT kind, lane, state, revision, event FROM mail WHERE kind = 'verification'")
    row = {"kind": "verification", "lane": "verification", "state": "queued", "revision": 1, "event": None}
    assert asked == [row, row]


def test_nothing_is_kept_of_a_link_whose_mail_was_sent(notifications: NotificationService) -> None:
    link, other = new_id(), new_id()
    notifications.consume(notifications.wanted(link))
    assert links_kept(notifications) == [link]
    assert len(run_sender(notifications, {})) == 1
    assert links_kept(notifications) == []
    mail = notifications.mail()
    assert (mail["state"], mail["recipient"], str(mail["subject"])) == ("sent", None, link)
    (message,) = notifications.published("mail.sent.v1")
    assert registry.read(message) == {
        "mail_id": mail["id"],
        "revision": 1,
        "kind": "verification",
        "about": "confirmation",
        "subject": link,
        "event": None,
        "caused_at": notifications.clock(),
        "occurred_at": notifications.clock(),
    }
    notifications.consume(notifications.wanted(other))
    assert links_kept(notifications) == [other]


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "DOT"])
def test_link_whose_address_is_refused_is_deleted_and_reported_once(
    notifications: NotificationService, verb: str
) -> None:
    link = new_id()
    notifications.consume(notifications.wanted(link))
    (claim,) = claim_due(notifications.work_of("send"), notifications.clock, 1)
    outcome = failed(claim.mail, "the relay answered 550 to RCPT", notifications.clock(), tried=True)
    notifications.pass_time(seconds=LEASE.total_seconds())
    notifications.sender(1).cleanup()
    run_sender(notifications, {verb: "550 no"}, times=2)
    assert links_kept(notifications) == []
    assert (notifications.mail()["state"], notifications.mail()["recipient"]) == ("failed", None)
    assert finish_mails(notifications.work_of("send"), [outcome]) == []
    bounced = notifications.published("mail.bounced.v1")
    assert [(message.data["about"], message.data["subject"]) for message in bounced] == [("confirmation", link)]
    assert notifications.reported_sent() == []


def test_link_is_kept_while_its_mail_may_still_go(notifications: NotificationService) -> None:
    link = new_id()
    notifications.consume(notifications.wanted(link))
    run_sender(notifications, {"RCPT": "450 later"})
    assert (notifications.mail()["state"], links_kept(notifications)) == ("deferred", [link])
    notifications.pass_time(minutes=1)
    assert len(run_sender(notifications, {})) == 1
    assert links_kept(notifications) == []


def test_link_whose_handover_is_unknown_is_kept_until_that_is_decided(notifications: NotificationService) -> None:
    """Sent again after a while; left for good the second time, and then nothing is kept."""
    link = new_id()
    notifications.consume(notifications.wanted(link))
    for _ in range(2):
        run_sender(notifications, {"DOT": CUT})
        assert (notifications.mail()["state"], links_kept(notifications)) == ("unknown", [link])
        notifications.pass_time(seconds=UNKNOWN_AFTER.total_seconds())
        notifications.sender(1).cleanup()
    mail = notifications.mail()
    assert (mail["state"], mail["due_at"], mail["recipient"], links_kept(notifications)) == ("unknown", None, None, [])
    assert [notifications.published(key) for key in ("mail.sent.v1", "mail.bounced.v1")] == [[], []]


def test_sender_that_comes_back_after_that_still_reports_the_mail_as_sent(notifications: NotificationService) -> None:
    link = new_id()
    notifications.consume(notifications.wanted(link))
    run_sender(notifications, {"DOT": CUT})
    notifications.pass_time(seconds=UNKNOWN_AFTER.total_seconds())
    notifications.sender(1).cleanup()
    (claim,) = claim_due(notifications.work_of("send"), notifications.clock, 1)
    assert begin_handover(notifications.work_of("send"), notifications.clock, claim.mail)
    for wait in (LEASE, UNKNOWN_AFTER):
        notifications.pass_time(seconds=wait.total_seconds())
        notifications.sender(1).cleanup()
    assert (notifications.mail()["state"], links_kept(notifications)) == ("unknown", [])
    assert len(finish_mails(notifications.work_of("send"), [sent(claim.mail, notifications.clock())])) == 1
    assert notifications.mail()["state"] == "sent"
    assert [message.data["subject"] for message in notifications.published("mail.sent.v1")] == [link]


@pytest.mark.parametrize("again", ["before it goes", "after it went"])
def test_redelivered_link_makes_one_mail(notifications: NotificationService, again: str) -> None:
    wanted_message = notifications.wanted(new_id())
    assert notifications.consume(wanted_message, wanted_message, replace(wanted_message, id=new_id())) == [
        "done",
        "duplicate",
        "done",
    ]
    mails = run_sender(notifications, {}) if again == "after it went" else []
    assert notifications.consume(wanted_message, replace(wanted_message, id=new_id())) == ["duplicate", "done"]
    mails += run_sender(notifications, {}, times=2)
    assert (len(mails), len(notifications.mails()), links_kept(notifications)) == (1, 1, [])


def test_every_order_of_links_and_registrations_ends_the_same(notifications: NotificationService) -> None:
    ends = set()
    for order in itertools.permutations(range(4)):
        link, other, registration = new_id(), new_id(), new_id()
        messages = [
            notifications.wanted(link),
            notifications.wanted(other),
            notifications.registration_message("confirmed", registration),
            notifications.registration_message("changed", registration, 2),
        ]
        batches = [[messages[number] for number in order]]
        if randomness.Random(str(order)).random() < 0.5:
            batches = [[message] for message in batches[0]]
        for batch in batches:
            assert notifications.consume(*batch) == ["done"] * len(batch)
        made = notifications.rows(
            f"SELECT kind, state FROM mail WHERE subject IN ('{link}', '{other}', '{registration}')"
        )
        ends.add(str(sorted(tuple(mail.values()) for mail in made)))
    assert ends == {
        str([("changed", "queued"), ("confirmation", "queued"), ("verification", "queued"), ("verification", "queued")])
    }


def test_confirmation_passes_thousands_of_waiting_bulletins(notifications: NotificationService) -> None:
    waiting(notifications, BULLETINS, "bulletin", "bulletin")
    notifications.consume(notifications.wanted(new_id()))
    claims = claim_due(notifications.work_of("send"), notifications.clock, 10)
    assert [claim.mail.kind for claim in claims] == ["verification", *["bulletin"] * 9]


def test_flood_of_confirmations_does_not_delay_what_people_wait_for(notifications: NotificationService) -> None:
    """Each batch holds what is due of the transactional lane first; a rush of that leaves one place to the others."""
    for _ in range(30):
        notifications.consume(notifications.wanted(new_id()))
    notifications.consume_event()
    notifications.pass_time(seconds=1)
    notifications.queue_mails(3)
    first = claim_due(notifications.work_of("send"), notifications.clock, 10)
    assert [claim.mail.kind for claim in first] == [*["confirmation"] * 3, *["verification"] * 7]
    notifications.queue_mails(20)
    second = claim_due(notifications.work_of("send"), notifications.clock, 10)
    assert Counter(claim.mail.kind for claim in second) == {"confirmation": 9, "verification": 1}


def test_suppressed_bulletin_is_reported_once(notifications: NotificationService, client: FlaskClient) -> None:
    notifications.consume_event()
    person(notifications, 1, verified=True)
    run_sender(notifications, {})
    assert send(client, draft(client)) == 200
    notifications.schedule()
    notifications.leave(f"{1:064x}")
    notifications.leave(f"{1:064x}")
    with Relay({}) as relay:
        send_all(notifications, relay)
        send_all(notifications, relay)
        assert relay.mails == []
    (mail,) = [mail for mail in notifications.mails() if mail["kind"] == "bulletin"]
    assert (mail["state"], mail["reason"]) == ("suppressed", NO_BULLETINS)
    wanted_message = [
        (message.data["kind"], message.data["subject"]) for message in notifications.published("mail.suppressed.v1")
    ]
    assert wanted_message == [("bulletin", str(mail["subject"]))]
