"""Access and invitations as messages: the only translation, which decides what leaves the service."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.registration.forms.messages import make_message
from shared.contracts.envelope import Message
from shared.core.clock import rfc3339
from shared.core.context import correlation_id, traceparent
from shared.core.sealing import seal_to

ACCESS_CHANGED = "access.changed.v1"
INVITATION_CREATED = "invitation.created.v1"
SESSION_ENDED = "session.ended.v1"


@dataclass(frozen=True, slots=True)
class InvitationMail:
    """Attributes:
    purpose: ``invited``, or ``recovery`` for a holder who has signed in before.
    email: where it goes; kept by notifications until the mail has ended, and nowhere else.
    language: of the mail.
    by: name of who invites.
    """

    purpose: str
    email: str
    language: str
    by: str


def access_message(state: Mapping[str, Any]) -> Message:
    """What a holder may do, for the copies of the other services."""
    at: datetime = state["occurred_at"]
    until = state["until"]
    data = {**state, "occurred_at": rfc3339(at), "until": None if until is None else rfc3339(until)}
    return make_message(ACCESS_CHANGED, state["holder_id"], at, data, (correlation_id(), traceparent()))


def invitation_message(
    identity: str, mail: InvitationMail, link: str, now: datetime, expires_at: datetime, notifications_key: bytes
) -> Message:
    """The invitation with this id, whose ``link`` and address only notifications can read."""
    sealed = seal_to(notifications_key, {"address": mail.email, "title": mail.by, "token": link})
    data = {
        "invitation_id": identity,
        "purpose": mail.purpose,
        "language": mail.language,
        "expires_at": rfc3339(expires_at),
        "occurred_at": rfc3339(now),
        "sealed": base64.b64encode(sealed).decode(),
    }
    return make_message(INVITATION_CREATED, identity, now, data, (correlation_id(), traceparent()))


def session_message(session: bytes, now: datetime) -> Message:
    """That the session with this hash has ended."""
    data = {"session": session.hex(), "occurred_at": rfc3339(now)}
    return make_message(SESSION_ENDED, session.hex(), now, data, (correlation_id(), traceparent()))
