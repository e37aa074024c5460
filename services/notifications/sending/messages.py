"""The message about the outcome of a mail. It contains no personal data."""

from datetime import datetime

from services.notifications.mails.kinds import KINDS
from services.notifications.mails.model import ClaimedMail
from shared.messaging.contracts.registry import source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id

SENT = "mail.sent.v1"
BOUNCED = "mail.bounced.v1"
SUPPRESSED = "mail.suppressed.v1"

KEY_OF_OUTCOME = {"sent": SENT, "failed": BOUNCED, "suppressed": SUPPRESSED}
"""Routing key by the outcome of a mail; nothing is published about other outcomes."""


def mail_message(key: str, mail: ClaimedMail, at: datetime) -> Message:
    """Return the message ``key`` about the outcome of ``mail`` at ``at``."""
    return Message(
        id=new_id(),
        type=TYPE_PREFIX + key,
        source=source_of("notifications"),
        subject=mail.id,
        time=at,
        data={
            "mail_id": mail.id,
            "revision": mail.revision,
            "kind": mail.kind,
            "about": KINDS[mail.kind].about,
            "subject": mail.subject,
            "event": mail.event,
            "caused_at": rfc3339(mail.cause_at),
            "occurred_at": rfc3339(at),
        },
        correlation_id=mail.correlation_id,
        traceparent=mail.traceparent,
    )
