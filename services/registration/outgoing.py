"""What happened to a registration, as a message. The only translation; it decides what leaves the service."""

import base64
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.registration.domain.form_facts import FormFacts
from services.registration.domain.registration import Registration
from shared.contracts.envelope import TYPE_PREFIX, Message
from shared.contracts.registry import source_of
from shared.core.clock import rfc3339
from shared.core.context import correlation_id, traceparent
from shared.core.ids import new_id

VERIFICATION_REQUESTED = "registration.verification-requested.v1"
EXPIRED = "registration.expired.v1"
CONFIRMED = "registration.confirmed.v1"
WAITLISTED = "registration.waitlisted.v1"
PROMOTED = "registration.promoted.v1"
CANCELLED = "registration.cancelled.v1"
ATTEMPT_REPEATED = "registration.attempt-repeated.v1"
ERASED = "person.erased.v1"
FORM_CHANGED = "form.changed.v1"

ARRIVALS = {"unverified": VERIFICATION_REQUESTED, "confirmed": CONFIRMED, "waitlisted": WAITLISTED}
"""The message about a registration that is new, or new to everybody but its owner, by its status."""


def registration_message(
    key: str, registration: Registration, at: datetime, cause: tuple[str, str] | None = None, **extra: Any
) -> Message:
    """The message ``key`` about ``registration`` as it is now.

    Args:
        key: type without prefix.
        at: when it became true.
        cause: correlation id and trace context of the request, where it is not the current one.
        extra: fields that only this type has.
    """
    data = _data(registration, at) | extra
    return _message(key, registration.id, at, data, cause or (correlation_id(), traceparent()))


def erased_message(registration: Registration, at: datetime) -> Message:
    """That the person on ``registration`` was erased, as it counts from now on; nothing in it says who it was."""
    names = ("revision", "form", "form_kind", "status")
    data = {
        "registration_id": registration.id,
        "event": registration.event_id,
        "occurred_at": rfc3339(at),
        **{name: getattr(registration, name) for name in names},
    }
    return _message(ERASED, registration.id, at, data, (correlation_id(), traceparent()))


def form_message(form: FormFacts, at: datetime) -> Message:
    """The public state of ``form``, as it is from ``at`` (aware) on."""
    data = asdict(form) | {"opens_at": _plain(form.opens_at), "closes_at": _plain(form.closes_at)}
    return _message(FORM_CHANGED, form.id, at, data, (correlation_id(), traceparent()))


def _plain(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


def _message(key: str, subject: str, at: datetime, data: dict[str, Any], cause: tuple[str, str]) -> Message:
    correlation, trace = cause
    return Message(
        id=new_id(),
        type=TYPE_PREFIX + key,
        source=source_of("registration"),
        subject=subject,
        time=at,
        data=data,
        correlation_id=correlation,
        traceparent=trace,
    )


def _data(registration: Registration, at: datetime) -> dict[str, Any]:
    return {
        "registration_id": registration.id,
        "revision": registration.revision,
        "form": registration.form,
        "form_kind": registration.form_kind,
        "event": registration.event_id,
        "status": registration.status,
        "position": registration.position if registration.status == "waitlisted" else None,
        "working_group": registration.working_group,
        "representative": registration.representative,
        "organisation_id": registration.organisation_id,
        "country": registration.country,
        "mode": None,
        "language": registration.language,
        "partner": registration.partner,
        "person_ref": registration.person_ref,
        "occurred_at": rfc3339(at),
        "verified": registration.verified,
        "attend": registration.attend,
        "sealed": base64.b64encode(registration.box).decode(),
    }
