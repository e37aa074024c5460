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
from services.notifications.recipients.service import unsubscribe
from services.notifications.sending.outcomes import failed, sent
from services.notifications.sending.service import LEASE, UNKNOWN_AFTER, begin_handover, claim_due, finish_mails
from shared.messaging.contracts import registry
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.bulletins import draft, person, send
from tests.integration.notifications.office import ADDRESS, EVENT, PERSON, Office
from tests.integration.notifications.review import send_all
from tests.support.smtp_relay import CUT, Relay

BULLETINS = 5_000
_CROWD = """
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


def waiting(office: Office, count: int, kind: str, lane: str) -> None:
    """So many mails that have been due since yesterday."""
    with office.engine.begin() as connection:
        connection.exec_driver_sql(_CROWD.format(count=count, kind=kind, lane=lane))


def links_kept(office: Office) -> list[str]:
    """Confirmation links whose address and token are still stored."""
    rows = office.rows("SELECT subject::text AS id FROM recipient WHERE about = 'confirmation' ORDER BY 1")
    return [row["id"] for row in rows]


def turns(office: Office, script: dict[str, str | list[str]], times: int = 1) -> list[bytes]:
    """What a relay that follows ``script`` gets in so many turns of a sender."""
    with Relay(script) as relay:
        sender = office.sender(relay.port)
        for _ in range(times):
            sender.run_once(Stop())
        return list(relay.mails)


def test_mail_holds_a_link_and_nothing_that_was_submitted(office: Office) -> None:
    """The same person is registered: what is known of them stands in the mail about that, and in no other."""
    office.hear_event()
    registration = office.told("confirmed", new_id(), verified=True, sealed={"name": "Canary Name"})
    office.hear(registration, office.wanted(new_id()))
    about_it, asking = [_parsed(mail) for mail in turns(office, {})]
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


def test_row_of_the_mail_connects_nothing(office: Office) -> None:
    """Neither the person's registrations nor another link of the same address."""
    first, second = new_id(), new_id()
    office.hear(office.told("confirmed", new_id()), office.wanted(first), office.wanted(second))
    recipients = [mail["recipient"] for mail in office.mails()]
    assert len(set(recipients)) == 3
    assert PERSON in recipients
    asked = office.rows("SELECT kind, lane, state, revision, event FROM mail WHERE kind = 'verification'")
    row = {"kind": "verification", "lane": "verification", "state": "queued", "revision": 1, "event": None}
    assert asked == [row, row]


def test_nothing_is_kept_of_a_link_whose_mail_was_sent(office: Office) -> None:
    link, other = new_id(), new_id()
    office.hear(office.wanted(link))
    assert links_kept(office) == [link]
    assert len(turns(office, {})) == 1
    assert links_kept(office) == []
    mail = office.mail()
    assert (mail["state"], mail["recipient"], str(mail["subject"])) == ("sent", None, link)
    (message,) = office.published("mail.sent.v1")
    assert registry.read(message) == {
        "mail_id": mail["id"],
        "revision": 1,
        "kind": "verification",
        "about": "confirmation",
        "subject": link,
        "event": None,
        "caused_at": office.clock(),
        "occurred_at": office.clock(),
    }
    office.hear(office.wanted(other))
    assert links_kept(office) == [other]


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "DOT"])
def test_nothing_is_kept_of_a_link_whose_address_is_refused_which_is_told_once(office: Office, verb: str) -> None:
    link = new_id()
    office.hear(office.wanted(link))
    (claim,) = claim_due(office.work_of("send"), office.clock, 1)
    verdict = failed(claim.mail, "the relay answered 550 to RCPT", office.clock(), tried=True)
    office.pass_time(seconds=LEASE.total_seconds())
    office.sender(1).cleanup()
    turns(office, {verb: "550 no"}, times=2)
    assert links_kept(office) == []
    assert (office.mail()["state"], office.mail()["recipient"]) == ("failed", None)
    assert finish_mails(office.work_of("send"), [verdict]) == []
    bounced = office.published("mail.bounced.v1")
    assert [(message.data["about"], message.data["subject"]) for message in bounced] == [("confirmation", link)]
    assert office.told_sent() == []


def test_link_is_kept_while_its_mail_may_still_go(office: Office) -> None:
    link = new_id()
    office.hear(office.wanted(link))
    turns(office, {"RCPT": "450 later"})
    assert (office.mail()["state"], links_kept(office)) == ("deferred", [link])
    office.pass_time(minutes=1)
    assert len(turns(office, {})) == 1
    assert links_kept(office) == []


def test_link_whose_handover_is_unknown_is_kept_until_that_is_decided(office: Office) -> None:
    """Sent again after a while; left for good the second time, and then nothing is kept."""
    link = new_id()
    office.hear(office.wanted(link))
    for _ in range(2):
        turns(office, {"DOT": CUT})
        assert (office.mail()["state"], links_kept(office)) == ("unknown", [link])
        office.pass_time(seconds=UNKNOWN_AFTER.total_seconds())
        office.sender(1).cleanup()
    mail = office.mail()
    assert (mail["state"], mail["due_at"], mail["recipient"], links_kept(office)) == ("unknown", None, None, [])
    assert [office.published(key) for key in ("mail.sent.v1", "mail.bounced.v1")] == [[], []]


def test_sender_that_comes_back_after_that_still_says_that_it_was_sent(office: Office) -> None:
    link = new_id()
    office.hear(office.wanted(link))
    turns(office, {"DOT": CUT})
    office.pass_time(seconds=UNKNOWN_AFTER.total_seconds())
    office.sender(1).cleanup()
    (claim,) = claim_due(office.work_of("send"), office.clock, 1)
    assert begin_handover(office.work_of("send"), office.clock, claim.mail)
    for wait in (LEASE, UNKNOWN_AFTER):
        office.pass_time(seconds=wait.total_seconds())
        office.sender(1).cleanup()
    assert (office.mail()["state"], links_kept(office)) == ("unknown", [])
    assert len(finish_mails(office.work_of("send"), [sent(claim.mail, office.clock())])) == 1
    assert office.mail()["state"] == "sent"
    assert [message.data["subject"] for message in office.published("mail.sent.v1")] == [link]


@pytest.mark.parametrize("again", ["before it goes", "after it went"])
def test_link_that_is_told_again_makes_one_mail(office: Office, again: str) -> None:
    told = office.wanted(new_id())
    assert office.hear(told, told, replace(told, id=new_id())) == ["done", "duplicate", "done"]
    mails = turns(office, {}) if again == "after it went" else []
    assert office.hear(told, replace(told, id=new_id())) == ["duplicate", "done"]
    mails += turns(office, {}, times=2)
    assert (len(mails), len(office.mails()), links_kept(office)) == (1, 1, [])


def test_every_order_of_links_and_registrations_ends_the_same(office: Office) -> None:
    ends = set()
    for order in itertools.permutations(range(4)):
        link, other, registration = new_id(), new_id(), new_id()
        messages = [
            office.wanted(link),
            office.wanted(other),
            office.told("confirmed", registration),
            office.told("changed", registration, 2),
        ]
        batches = [[messages[number] for number in order]]
        if randomness.Random(str(order)).random() < 0.5:
            batches = [[message] for message in batches[0]]
        for batch in batches:
            assert office.hear(*batch) == ["done"] * len(batch)
        made = office.rows(f"SELECT kind, state FROM mail WHERE subject IN ('{link}', '{other}', '{registration}')")
        ends.add(str(sorted(tuple(mail.values()) for mail in made)))
    assert ends == {
        str([("changed", "queued"), ("confirmation", "queued"), ("verification", "queued"), ("verification", "queued")])
    }


def test_confirmation_passes_thousands_of_waiting_bulletins(office: Office) -> None:
    waiting(office, BULLETINS, "bulletin", "bulletin")
    office.hear(office.wanted(new_id()))
    claims = claim_due(office.work_of("send"), office.clock, 10)
    assert [claim.mail.kind for claim in claims] == ["verification", *["bulletin"] * 9]


def test_flood_of_confirmations_does_not_delay_what_people_wait_for(office: Office) -> None:
    """Each batch holds what is due of the transactional lane first; a rush of that leaves one place to the others."""
    for _ in range(30):
        office.hear(office.wanted(new_id()))
    office.hear_event()
    office.pass_time(seconds=1)
    office.queue_mails(3)
    first = claim_due(office.work_of("send"), office.clock, 10)
    assert [claim.mail.kind for claim in first] == [*["confirmation"] * 3, *["verification"] * 7]
    office.queue_mails(20)
    second = claim_due(office.work_of("send"), office.clock, 10)
    assert Counter(claim.mail.kind for claim in second) == {"confirmation": 9, "verification": 1}


def test_suppressed_bulletin_is_told_once(office: Office, client: FlaskClient) -> None:
    office.hear_event()
    person(office, 1, verified=True)
    turns(office, {})
    assert send(client, draft(client)) == 200
    office.schedule()
    unsubscribe(office.work_of("web"), office.clock, f"{1:064x}")
    unsubscribe(office.work_of("web"), office.clock, f"{1:064x}")
    with Relay({}) as relay:
        send_all(office, relay)
        send_all(office, relay)
        assert relay.mails == []
    (mail,) = [mail for mail in office.mails() if mail["kind"] == "bulletin"]
    assert (mail["state"], mail["reason"]) == ("suppressed", NO_BULLETINS)
    told = [(message.data["kind"], message.data["subject"]) for message in office.published("mail.suppressed.v1")]
    assert told == [("bulletin", str(mail["subject"]))]
