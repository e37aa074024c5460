"""The columns of a registration and the value they make, in one place for every statement that reads one."""

from typing import Any

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
