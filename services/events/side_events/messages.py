"""Decisions about proposals as messages."""

from collections.abc import Mapping
from datetime import datetime

from services.events.network.messages import message_of
from services.events.side_events.model import Proposal
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import rfc3339

DECISION_KEYS = {
    "accepted": "proposal.accepted.v1",
    "returned": "proposal.returned.v1",
    "declined": "proposal.declined.v1",
    "scheduled": "proposal.scheduled.v1",
}
"""The message type by the status that a proposal now has."""


def decision_message(proposal: Proposal, notes: Mapping[str, str], at: datetime) -> Message:
    """That ``proposal`` has the status it has, since ``at`` (aware).

    Args:
        proposal: accepted, returned, declined or scheduled.
        notes: its note in sealed boxes, ``note`` for registration and ``sealed`` for notifications.
        at: aware.
    """
    data = {
        "proposal_id": proposal.id,
        "revision": proposal.revision,
        "answers_revision": proposal.answers_revision,
        "status": str(proposal.status),
        "event": proposal.event_id,
        "occurred_at": rfc3339(at),
        **notes,
    }
    return message_of(DECISION_KEYS[proposal.status], proposal.id, at, data)
