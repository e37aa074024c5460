"""How far the set-up of an installation has got, from what this service knows; drafts of events are not published."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

FAR_AHEAD = timedelta(days=5 * 365)
"""Events beyond are no review's: programs that try the system register for one that is decades ahead."""

_PROGRESS = text("""
    WITH people_event AS (
        SELECT id, title ->> 'en' AS title FROM public_event WHERE starts_at IS NULL OR starts_at < :far_ahead
    ), people_form AS (
        SELECT f.slug, f.event_id, f.partners FROM form f
        WHERE f.event_id IS NULL OR f.event_id IN (SELECT id FROM people_event)
    )
    SELECT
        EXISTS (SELECT FROM working_group_copy) AS groups,
        (SELECT id FROM people_event ORDER BY id IN (SELECT event_id FROM people_form), id LIMIT 1) AS event,
        (SELECT slug FROM partner ORDER BY slug LIMIT 1) AS partner,
        (SELECT slug FROM form_draft WHERE based_on IS NULL ORDER BY changed_at DESC LIMIT 1) AS draft,
        (SELECT slug FROM people_form ORDER BY partners = '{}', slug LIMIT 1) AS form,
        EXISTS (SELECT FROM people_form WHERE partners <> '{}') AS is_shown,
        EXISTS (SELECT FROM access_holder WHERE NOT revoked) AS colleagues,
        EXISTS (SELECT FROM registration WHERE form IN (SELECT slug FROM people_form)) AS registrations
""")


@dataclass(frozen=True, slots=True)
class Progress:
    """What there is.

    Attributes:
        groups: a working group.
        event: id of an announced event, one without a form first; None if no event is announced.
        partner: slug of a partner.
        draft: slug of a new form that is not published.
        form: slug of a published form, one that a partner may show first.
        is_shown: a partner may show a form.
        colleagues: somebody was invited.
        registrations: somebody has registered.
    """

    groups: bool
    event: str | None
    partner: str | None
    draft: str | None
    form: str | None
    is_shown: bool
    colleagues: bool
    registrations: bool


def has_form(connection: Connection, now: datetime) -> bool:
    """Whether a form for people is published. Arguments as of :func:`read_progress`."""
    return read_progress(connection, now).form is not None


def read_progress(connection: Connection, now: datetime) -> Progress:
    """Read how far the set-up has got.

    Args:
        connection: to the database of registration.
        now: aware.
    """
    row: Any = connection.execute(_PROGRESS, {"far_ahead": now + FAR_AHEAD}).one()
    return Progress(**row._mapping)
