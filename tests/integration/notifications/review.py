"""The review, people registered for it, and what their mails do to a calendar."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any

from services.notifications.sending.outcomes import sent
from services.notifications.sending.service import begin_handover, claim_due, finish_mails
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.notification_service import NotificationService, event_message
from tests.support.smtp_relay import Relay

REVIEW = "upr-review"
MAY = {"starts_at": "2020-05-11T12:30:00Z", "ends_at": "2020-05-11T16:00:00Z"}
NOVEMBER = {"starts_at": "2020-11-09T13:30:00Z", "ends_at": "2020-11-09T17:00:00Z"}
NO_DATE: dict[str, Any] = {"starts_at": None, "ends_at": None}
BASE: dict[str, Any] = {"id": REVIEW, "kind": "review", "time_zone": "Europe/Zurich", "mode": "in_person", **MAY}


def consume_review(notifications: NotificationService, revision: int, **changes: Any) -> None:
    """A revision of the review."""
    notifications.consume(event_message(**{**BASE, "revision": revision, **changes}), queue="notifications.copies")


def register(
    notifications: NotificationService,
    person: int,
    form_kind: str = "delegation",
    key: str = "confirmed",
    **changes: Any,
) -> str:
    """Someone on a form for the review; returns the registration's id."""
    registration_id = new_id()
    content: dict[str, Any] = {
        "form": f"a-{form_kind}",
        "form_kind": form_kind,
        "event": REVIEW,
        "person_ref": f"{person:064x}",
    }
    notifications.consume(notifications.registration_message(key, registration_id, **{**content, **changes}))
    return registration_id


def registered(notifications: NotificationService, person: int, form_kind: str = "delegation", **changes: Any) -> str:
    """The same, and their mail about it has gone: they know the event as it is."""
    registration_id = register(notifications, person, form_kind, **changes)
    settle(notifications)
    return registration_id


def news(notifications: NotificationService) -> list[tuple[str, str]]:
    """Kind and subject of all mails that are not about the registration itself."""
    rows = notifications.rows(
        "SELECT kind, subject::text FROM mail WHERE kind LIKE 'event-%' OR kind = 'remote-possible'"
    )
    return sorted((row["kind"], row["subject"]) for row in rows)


def wait_and_announce(notifications: NotificationService) -> None:
    """Until the changes are due, and the scheduler's work."""
    notifications.pass_time(minutes=6)
    notifications.schedule()


def settle(notifications: NotificationService) -> None:
    """Every mail that is due is handed over, with no relay in between."""
    while claims := claim_due(notifications.work, notifications.clock, 50):
        for claim in claims:
            assert begin_handover(notifications.work, notifications.clock, claim.mail)
            finish_mails(notifications.work, [sent(claim.mail, notifications.clock())])


def send_all(notifications: NotificationService, relay: Relay) -> None:
    """Every mail that is due goes to the relay."""
    sender = notifications.sender(relay.port)
    while sender.run_once(Stop()):
        pass


def mails_sent(notifications: NotificationService) -> list[EmailMessage]:
    """The mails that go now, as mail programs read them."""
    with Relay({}) as relay:
        send_all(notifications, relay)
        return [message_from_bytes(mail, _class=EmailMessage, policy=modern) for mail in relay.mails]


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())


def texts_sent(notifications: NotificationService) -> list[tuple[str, str]]:
    """Subject and plain text of the mails that go now."""
    return [(mail["Subject"], text_of(mail)) for mail in mails_sent(notifications)]


def parts(mail: bytes) -> list[str]:
    """The calendar parts of a mail."""
    found = [part for part in message_from_bytes(mail).walk() if part.get_content_type() == "text/calendar"]
    return [bytes(part.get_payload(decode=True)).decode() for part in found]
