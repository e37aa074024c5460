"""What happened to a mail, as a message. The only translation; nothing personal leaves the service."""

from datetime import datetime

from services.notifications.domain.mail import ClaimedMail
from shared.contracts.envelope import TYPE_PREFIX, Message
from shared.contracts.registry import source_of
from shared.core.clock import rfc3339
from shared.core.ids import new_id

SENT = "mail.sent.v1"


def mail_sent(mail: ClaimedMail, at: datetime) -> Message:
    """The relay took ``mail`` at ``at``. ``revision`` is that of the registration which the mail was about."""
    return Message(
        id=new_id(),
        type=TYPE_PREFIX + SENT,
        source=source_of("notifications"),
        subject=mail.id,
        time=at,
        data={
            "mail_id": mail.id,
            "revision": mail.revision,
            "kind": mail.kind,
            "registration_id": mail.subject,
            "event": mail.event,
            "sent_at": rfc3339(at),
        },
        correlation_id=mail.correlation_id,
    )
