"""Rows: the columns of a registration that every statement reads, and many rows as one parameter of a statement."""

from collections.abc import Sequence
from typing import Any

import orjson

from services.registration.domain.registration import Registration

PLACE = """CASE WHEN r.status = 'waitlisted' THEN (SELECT count(*) FROM registration w WHERE w.form = r.form
        AND w.status = 'waitlisted' AND (w.received_at, w.submission) <= (r.received_at, r.submission)) END"""
"""On the waiting list, in order of receipt, as people are promoted; of ``registration r``."""

REGISTRATION_COLUMNS = f"""
    r.id::text, r.form, f.kind, r.event_id, r.status, {PLACE}, r.revision, encode(r.person_ref, 'hex'),
    r.working_group, r.representative, r.organisation_id::text, r.country, r.language, r.partner, r.accepted_at,
    r.verified_at IS NOT NULL, f.attend
"""
"""For ``registration r JOIN form f ON f.slug = r.form``."""

WIDTH = 17


def to_registration(row: Any) -> Registration:
    """The value of a row that begins with ``REGISTRATION_COLUMNS``."""
    return Registration(*row[:WIDTH])


def columns_of(*values: Any) -> dict[str, Any]:
    """Return the attributes of slotted dataclasses in one mapping; a later one of the same name counts."""
    return {name: getattr(value, name) for value in values for name in value.__slots__}


def as_parameter(rows: Sequence[object]) -> str:
    """Return ``rows`` for ``jsonb_to_recordset``, bytes as hexadecimal digits: cheaper than many arrays."""
    return orjson.dumps(rows, default=bytes.hex).decode()
