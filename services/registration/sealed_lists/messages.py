"""Requests for a second person's approval as messages: the only translation, which decides what leaves the service.

The start pages of the console are made by the events service, which shows how many requests wait. It gets neither the
reason nor whom a list is about: those stand on the page of the request alone.
"""

from datetime import datetime

from sqlalchemy import Connection

from services.registration.forms.messages import make_message
from services.registration.sealing.approvals import Approval
from shared.contracts.envelope import Message
from shared.core.clock import rfc3339
from shared.core.context import correlation_id, traceparent
from shared.store import outbox

APPROVAL_CHANGED = "approval.changed.v1"


def publish_approval(connection: Connection, about: Approval, now: datetime) -> None:
    """Publish whether a request waits, in the transaction that stores it.

    Args:
        connection: inside the caller's transaction.
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
