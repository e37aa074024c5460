"""The public state of a form and of a partner as messages, and how every message of this service is made."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.registration.forms.model import FormFacts
from services.registration.forms.service import Partner
from shared.messaging.contracts.registry import source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id
from shared.runtime.logs import correlation_id, traceparent

FORM_CHANGED = "form.changed.v1"
PARTNER_CHANGED = "partner.changed.v1"


def form_message(form: FormFacts, at: datetime) -> Message:
    """Return the public state of ``form``, as it is from ``at`` (aware) on."""
    data = asdict(form) | {"opens_at": _plain(form.opens_at), "closes_at": _plain(form.closes_at)}
    return make_message(FORM_CHANGED, form.id, at, data, (correlation_id(), traceparent()))


def partner_message(partner: Partner, at: datetime) -> Message:
    """Return what the console shows of ``partner``, as it is from ``at`` (aware) on; never its origins."""
    data = {
        "slug": partner.slug,
        "revision": partner.revision,
        "name": partner.name,
        "waiting_origins": len(partner.requested_origins),
        "occurred_at": rfc3339(at),
    }
    return make_message(PARTNER_CHANGED, partner.slug, at, data, (correlation_id(), traceparent()))


def _plain(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


def make_message(key: str, subject: str, at: datetime, data: dict[str, Any], cause: Sequence[str]) -> Message:
    """Return a message of this service.

    Args:
        key: the type without its prefix.
        subject: the id of what it is about.
        at: when it became true.
        data: the public state of the subject.
        cause: the correlation id and trace context.
    """
    return Message(
        id=new_id(),
        type=TYPE_PREFIX + key,
        source=source_of("registration"),
        subject=subject,
        time=at,
        data=data,
        correlation_id=cause[0],
        traceparent=cause[1],
    )
