"""The message that an approval of a sealed list was asked for, given or refused."""

from datetime import datetime

from sqlalchemy import Connection

from services.registration.forms.messages import make_message
from services.registration.sealing.service import Approval
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import rfc3339
from shared.runtime.logs import correlation_id, traceparent

APPROVAL_CHANGED = "approval.changed.v1"


def publish_approval(connection: Connection, about: Approval, now: datetime) -> None:
    """Publish whether a request waits, in the transaction that stores it.

    Args:
        connection: the connection of the caller's transaction.
        about: the request as it is afterwards.
        now: the time.
    """
    outbox.add(connection, [approval_message(about, now)])


def approval_message(about: Approval, now: datetime) -> Message:
    """That a request waits, or was decided."""
    data = {
        "approval_id": about.id,
        "form": about.form,
        "asked_by": about.asked_by,
        "waiting": about.decision is None,
        "expires_at": rfc3339(about.expires_at),
        "occurred_at": rfc3339(now),
    }
    return make_message(APPROVAL_CHANGED, about.id, now, data, (correlation_id(), traceparent()))
