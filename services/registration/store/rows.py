"""The columns of a registration and the value they make, in one place for every statement that reads one."""

from datetime import datetime
from typing import Any

from services.registration.domain.registration import Registration

REGISTRATION_COLUMNS = """
    r.id::text, r.form, f.kind, r.event_id, r.status, r.position, r.revision, encode(r.person_ref, 'hex'),
    r.working_group, r.representative, r.organisation_id::text, r.country, r.language, r.partner, r.box, r.accepted_at,
    r.verified_at IS NOT NULL, f.attend, r.hold_until, r.expires_at
"""
"""For ``registration r JOIN form f ON f.slug = r.form``."""

WIDTH = 20

REGISTRATION_COLUMNS_AS_JSON = REGISTRATION_COLUMNS.replace("r.box", "encode(r.box, 'hex')")
"""The same for ``json_build_array``."""


def to_registration(row: Any) -> Registration:
    """The value of a row that begins with ``REGISTRATION_COLUMNS``."""
    values = list(row[:WIDTH])
    values[14] = bytes(values[14])
    return Registration(*values)


def from_json(row: Any) -> Registration:
    """The value of a JSON array that begins with ``REGISTRATION_COLUMNS_AS_JSON``."""
    values = list(row[:WIDTH])
    values[14] = bytes.fromhex(values[14])
    values[15], values[18], values[19] = moment(values[15]), moment(values[18]), moment(values[19])
    return Registration(*values)


def moment(text: str | None) -> datetime | None:
    """A moment as PostgreSQL writes it into JSON."""
    return datetime.fromisoformat(text) if text is not None else None
