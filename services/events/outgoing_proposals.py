"""What happened to a proposal, as a message. The only translation; every free text is in the sealed part alone."""

import base64
from datetime import datetime
from typing import Any

from services.events.domain.proposal import Proposal
from services.events.domain.schedule_diff import Entry
from shared.contracts.envelope import TYPE_PREFIX, Message
from shared.contracts.registry import source_of
from shared.core.clock import rfc3339
from shared.core.context import correlation_id, traceparent
from shared.core.ids import new_id

PROPOSAL_KEYS = {
    "unverified": "proposal.verification-requested.v1",
    "submitted": "proposal.submitted.v1",
    "accepted": "proposal.accepted.v1",
    "returned": "proposal.returned.v1",
    "declined": "proposal.declined.v1",
    "scheduled": "proposal.scheduled.v1",
}
"""The message type by the status that a proposal now has; nobody is told of a withdrawal, they did it themselves."""

ERASED = "proposal.erased.v1"

NOWHERE: dict[str, Any] = dict.fromkeys(
    ("event", "room", "starts_at", "ends_at", "time_zone", "schedule_version"), None
) | {"moved": False}


def proposal_message(proposal: Proposal, box: bytes, at: datetime) -> Message:
    """That ``proposal`` has the status it has, since ``at`` (aware). ``box`` is sealed to notifications."""
    return _message(proposal, box, at, NOWHERE)


def scheduled_message(
    proposal: Proposal, box: bytes, at: datetime, entry: Entry, *, version: int, moved: bool
) -> Message:
    """That ``proposal`` has the place ``entry`` in the published timetable, or has it now instead of another."""
    place = {
        "event": entry.event_id,
        "room": entry.room_title,
        "starts_at": rfc3339(entry.span.starts_at),
        "ends_at": rfc3339(entry.span.ends_at),
        "time_zone": entry.time_zone,
        "schedule_version": version,
        "moved": moved,
    }
    return _message(proposal, box, at, place)


def erased_message(proposal: Proposal, at: datetime) -> Message:
    """That whoever made ``proposal`` was erased; nothing in it says who it was, or what they proposed."""
    data = {
        "proposal_id": proposal.id,
        "revision": proposal.revision,
        "status": str(proposal.status),
        "event": proposal.event_id,
        "occurred_at": rfc3339(at),
    }
    return _said(ERASED, proposal, at, data)


def _message(proposal: Proposal, box: bytes, at: datetime, place: dict[str, Any]) -> Message:
    data = {
        "proposal_id": proposal.id,
        "revision": proposal.revision,
        "status": str(proposal.status),
        "working_group": proposal.working_group,
        "language": proposal.language,
        "person_ref": proposal.person_ref,
        "occurred_at": rfc3339(at),
        "sealed": base64.b64encode(box).decode(),
    }
    return _said(PROPOSAL_KEYS[proposal.status], proposal, at, data | place)


def _said(key: str, proposal: Proposal, at: datetime, data: dict[str, Any]) -> Message:
    return Message(
        id=new_id(),
        type=TYPE_PREFIX + key,
        source=source_of("events"),
        subject=proposal.id,
        time=at,
        data=data,
        correlation_id=correlation_id(),
        traceparent=traceparent(),
    )
