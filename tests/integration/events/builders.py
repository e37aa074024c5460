"""Messages and values for the tests of the events service."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.events.attendance.store import Registered
from services.events.consumers import effects
from services.events.side_events.reading import ProposalKeys
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.messaging.inbox import apply_batch
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id

WEBINAR = "upr-webinar-10"
NOON = datetime(2020, 3, 2, 12, 0, tzinfo=UTC)


MADE_AT_MS = int(NOON.timestamp() * 1000)
"""When all registrations of the tests were made, according to their ids; their status may be set later."""


def registration_id(number: int) -> str:
    """The same UUID of version 7 for the same number; they sort as the numbers do."""
    return str(UUID(int=(MADE_AT_MS << 80) | (0x7 << 76) | (0x2 << 62) | number))


def registered(number: int, **changes: Any) -> Registered:
    """A confirmed registration for the webinar."""
    values: dict[str, Any] = {
        "registration_id": registration_id(number),
        "form": WEBINAR,
        "form_kind": "webinar",
        "event_id": WEBINAR,
        "status": "confirmed",
        "revision": 1,
        "person_ref": hashlib.sha256(str(number).encode()).hexdigest(),
        "working_group": None,
        "representative": False,
        "organisation_id": None,
        "country": None,
        "mode": "online",
        "language": "en",
        "partner": "example-partner",
        "position": None,
        "occurred_at": NOON + timedelta(minutes=number),
    }
    return Registered(**values | changes)


def registration_message(known: Registered, message_id: str | None = None) -> Message:
    """Registration's message about ``known``."""
    names = [name for name in Registered.__slots__ if name not in ("event_id", "occurred_at")]
    data = {name: getattr(known, name) for name in names}
    return Message(
        id=message_id or new_id(),
        type=f"{TYPE_PREFIX}registration.{known.status}.v1",
        source=source_of("registration"),
        subject=known.registration_id,
        time=known.occurred_at,
        data=data | {"event": known.event_id, "occurred_at": rfc3339(known.occurred_at), "sealed": "c2VhbGVk"},
    )


def mail_message(number: int, to: int, sent_at: datetime, kind: str = "bulletin", **changes: Any) -> Message:
    """That mail ``number`` to registration ``to`` was handed over."""
    return Message(
        id=new_id(),
        type=f"{TYPE_PREFIX}mail.sent.v1",
        source=source_of("notifications"),
        subject=registration_id(number),
        time=sent_at,
        data={
            "mail_id": registration_id(number),
            "revision": 1,
            "kind": kind,
            "about": "registration",
            "subject": registration_id(to),
            "event": WEBINAR,
            "caused_at": rfc3339(sent_at),
            "occurred_at": rfc3339(sent_at),
            **changes,
        },
    )


def form_message(form: str, kind: str, event: str | None = None, **changes: Any) -> Message:
    """That a form is as given; open from now on, without bounds, in its first state."""
    data = {
        "id": form,
        "revision": 1,
        "kind": kind,
        "event": event,
        "title": {"en": f"Title of {form}", "fr": f"Titre de {form}"},
        "open": True,
        "opens_at": None,
        "closes_at": None,
        "closes_hours_before": 0,
        "alarm_minutes": None,
    }
    return Message(
        id=new_id(),
        type=f"{TYPE_PREFIX}form.changed.v1",
        source=source_of("registration"),
        subject=form,
        time=NOON,
        data=data | changes,
    )


def consume(work: UnitOfWork, messages: Sequence[Message], most: int = 1) -> list[object]:
    """Consume the messages, each from its queue, at most ``most`` of a queue at once; returns the outcomes."""
    by_queue = effects(ProposalKeys())
    outcomes: list[object] = []
    for queue, of_queue in groupby(messages, queue_of):
        waiting = list(of_queue)
        for first in range(0, len(waiting), most):
            outcomes.extend(apply_batch(work, queue, waiting[first : first + most], by_queue[queue]))
    return outcomes


def queue_of(message: Message) -> str:
    """The queue from which the service consumes a message."""
    copies = dict.fromkeys(("form.changed.v1", "approval.changed.v1", "partner.changed.v1"), "events.copies")
    queues = {"mail.sent.v1": "events.contact", **copies}
    return queues.get(message.routing_key, "events.rollup")


def rows(work: UnitOfWork, query: str) -> list[tuple[Any, ...]]:
    """What is stored, as plain tuples."""
    with work.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(query))]
